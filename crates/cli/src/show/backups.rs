//! Backups of the server's store: a list.

use mortar_api::{Backup, BackupList, BackupReason, BackupState};

use super::{Paint, size, table};

/// A list of backups, and by which rule there are those.
pub(crate) fn backups(list: &BackupList, paint: Paint) -> String {
    let row = |one: &Backup| {
        vec![
            one.taken.clone(),
            reason(one.reason).to_owned(),
            size(one.size),
            one.schema
                .map_or_else(|| "?".to_owned(), |schema| schema.to_string()),
            state(one.state, paint),
            one.name.clone(),
        ]
    };
    let mut text = if list.backups.is_empty() {
        "There are none.\n".to_owned()
    } else {
        let head = ["TAKEN", "REASON", ">SIZE", ">SCHEMA", "STATE", "NAME"];
        table(&head, list.backups.iter().map(row).collect())
    };
    for one in &list.backups {
        if let Some(problem) = &one.problem {
            text.push_str(&format!("{} {}: {problem}\n", paint.bad("!"), one.name));
        }
    }
    text.push_str(&rule(list));
    text
}

fn rule(list: &BackupList) -> String {
    match (list.interval_seconds, list.keep) {
        (_, 0) => "The server's store is in memory, where there is nothing to back up.\n".to_owned(),
        (0, keep) => format!("Backups are taken when asked only; {keep} of them are kept.\n"),
        (seconds, keep) => format!("One is taken every {}; {keep} are kept.\n", time(seconds)),
    }
}

/// Hours where it is whole hours, seconds otherwise.
fn time(seconds: u64) -> String {
    if seconds.is_multiple_of(3600) {
        format!("{} h", seconds / 3600)
    } else {
        format!("{seconds} s")
    }
}

fn reason(reason: BackupReason) -> &'static str {
    match reason {
        BackupReason::Scheduled => "scheduled",
        BackupReason::Requested => "requested",
        BackupReason::Schema => "schema",
        BackupReason::Unknown => "unknown",
    }
}

fn state(state: BackupState, paint: Paint) -> String {
    match state {
        BackupState::Verified => "verified".to_owned(),
        BackupState::Unverified => "unverified".to_owned(),
        BackupState::Damaged => paint.bad("damaged"),
        BackupState::Unknown => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use mortar_api::{Backup, BackupList, BackupReason, BackupState};

    use super::{Paint, backups};

    #[test]
    fn a_list_shows_what_is_wrong_with_what() {
        let one = |reason, state, schema| Backup {
            name: "mortar-x.json".into(),
            reason,
            taken: "2026-01-02T03:04:05Z".into(),
            size: 3 << 20,
            schema,
            state,
            problem: (state == BackupState::Damaged).then(|| "it is cut off".into()),
        };
        let mut list = BackupList {
            backups: vec![
                one(BackupReason::Scheduled, BackupState::Verified, Some(1)),
                one(BackupReason::Schema, BackupState::Damaged, None),
            ],
            interval_seconds: 86_400,
            keep: 14,
        };
        assert_eq!(
            backups(&list, Paint::PLAIN),
            "\
TAKEN                 REASON      SIZE  SCHEMA  STATE     NAME
2026-01-02T03:04:05Z  scheduled  3 MiB       1  verified  mortar-x.json
2026-01-02T03:04:05Z  schema     3 MiB       ?  damaged   mortar-x.json
! mortar-x.json: it is cut off
One is taken every 24 h; 14 are kept.
"
        );
        list.backups.clear();
        list.interval_seconds = 90;
        assert_eq!(
            backups(&list, Paint::PLAIN),
            "There are none.\nOne is taken every 90 s; 14 are kept.\n"
        );
        assert!(backups(&BackupList::default(), Paint::PLAIN).contains("in memory"));
    }
}
