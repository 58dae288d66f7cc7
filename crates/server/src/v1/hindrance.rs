//! What stands in the way of the end of a volume, each with the command that removes it.

use mortar_api::ErrorKind;
use mortar_model::{Snapshot, VolumeId};

use crate::http::failure::Failure;
use crate::state::App;

/// Most that are named; the rest is counted.
const NAMED: usize = 20;

/// The same failure with the snapshots that keep the volume, where it has any.
pub(super) fn of_removal(app: &App, id: VolumeId, mut failure: Failure) -> Failure {
    if failure.kind != ErrorKind::Conflict {
        return failure;
    }
    let mut lines: Vec<String> = app.engine.view(|landscape| {
        let snapshots = landscape.inventory().snapshots_of(id);
        snapshots.map(line).collect()
    });
    let more = lines.len().saturating_sub(NAMED);
    lines.truncate(NAMED);
    failure.details.append(&mut lines);
    if more > 0 {
        failure
            .details
            .push(format!("and {more} more: mortar snapshot list"));
    }
    failure
}

fn line(snapshot: &Snapshot) -> String {
    let name = &snapshot.name;
    match &snapshot.group {
        Some(group) => format!(
            "snapshot {name}, of the group {0}: mortar snapshot group delete {0}",
            group.name
        ),
        None => format!("snapshot {name}: mortar snapshot delete {name}"),
    }
}
