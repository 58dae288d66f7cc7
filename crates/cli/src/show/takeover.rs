//! What did not go over just as it was when Heketi's database was taken over.

use std::fmt::Write as _;

use mortar_api::{Takeover, TakeoverNote, TakeoverWeight};

/// All of it.
pub(crate) fn takeover(takeover: Option<&Takeover>) -> String {
    let Some(takeover) = takeover else {
        return "No database of Heketi's was taken over, or all of it went over just as it was.\n".to_owned();
    };
    let mut text = String::new();
    for (weight, title) in [
        (TakeoverWeight::LeftOut, "Left out"),
        (TakeoverWeight::Fault, "Taken over with faults"),
        (TakeoverWeight::Remark, "To know"),
    ] {
        let notes: Vec<&TakeoverNote> = of(takeover, weight).collect();
        if !notes.is_empty() {
            let _ = writeln!(text, "{title}:");
            notes.into_iter().for_each(|note| line(&mut text, note));
        }
    }
    if !takeover.inconsistencies.is_empty() {
        text.push_str("What Heketi's own check said of its database:\n");
        for fault in &takeover.inconsistencies {
            let _ = writeln!(text, "  {fault}");
        }
    }
    text
}

/// That there is something to look at, in a line; empty where all that matters went over.
pub(crate) fn reminder(takeover: Option<&Takeover>) -> String {
    let count = |weight| takeover.map_or(0, |takeover| of(takeover, weight).count());
    match (count(TakeoverWeight::LeftOut), count(TakeoverWeight::Fault)) {
        (0, 0) => String::new(),
        (left_out, faults) => format!(
            "\nWhen Heketi's database was taken over, {left_out} things were left out and {faults} did not add up: 'mortar check --takeover'\n"
        ),
    }
}

fn of(takeover: &Takeover, weight: TakeoverWeight) -> impl Iterator<Item = &TakeoverNote> {
    takeover.notes.iter().filter(move |note| note.weight == weight)
}

fn line(text: &mut String, note: &TakeoverNote) {
    let subject = &note.subject;
    let _ = write!(text, "  {} {}", subject.kind, subject.id);
    if !subject.name.is_empty() {
        let _ = write!(text, " ({})", subject.name);
    }
    let _ = writeln!(text, ": {}", note.why);
}

#[cfg(test)]
mod tests {
    use mortar_api::{Subject, Takeover, TakeoverNote, TakeoverWeight};

    use super::{reminder, takeover};

    fn sample(weight: TakeoverWeight) -> Takeover {
        Takeover {
            notes: vec![TakeoverNote {
                weight,
                subject: Subject {
                    kind: "volume".into(),
                    id: "ab".into(),
                    name: "films".into(),
                },
                why: "its size is 0 GiB".into(),
            }],
            inconsistencies: vec!["Volume ab unknown cluster cd".into()],
        }
    }

    #[test]
    fn all_of_it_is_shown() {
        assert_eq!(
            takeover(Some(&sample(TakeoverWeight::LeftOut))),
            "\
Left out:
  volume ab (films): its size is 0 GiB
What Heketi's own check said of its database:
  Volume ab unknown cluster cd
"
        );
        assert!(takeover(None).starts_with("No database of Heketi's was taken over"));
    }

    #[test]
    fn a_check_reminds_of_what_matters() {
        let told = reminder(Some(&sample(TakeoverWeight::Fault)));
        assert!(
            told.contains("0 things were left out and 1 did not add up"),
            "{told}"
        );
        assert_eq!(reminder(Some(&sample(TakeoverWeight::Remark))), "");
        assert_eq!(reminder(None), "");
    }
}
