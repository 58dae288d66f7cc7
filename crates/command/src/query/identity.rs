//! Who is glusterd on this node, and whom does it know?

use mortar_argv::{Batch, Command, Report};
use mortar_model::PeerId;

use super::pool;
use crate::answer::{self, Unreadable};
use crate::{Settings, program};

pub(crate) const WHAT: &str = "who glusterd is";

/// What a member tells of its pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The members, the asked one among them.
    pub members: Vec<pool::Member>,
    /// The version in which they speak to each other.
    pub operating_version: u32,
}

/// What to run.
pub fn ask(settings: &Settings) -> Batch {
    Batch::new().ask(own(settings)).ask(pool::command(settings))
}

/// What it tells.
///
/// # Errors
/// The node or its glusterd did not answer, or not in a way that is understood.
pub fn read(report: &Report) -> Result<Told, Unreadable> {
    let text = answer::text_of(report, 0, WHAT)?.unwrap_or_default();
    let version = value(text, "operating-version=").and_then(|version| version.parse().ok());
    Ok(Told {
        members: pool::read_last(report)?,
        operating_version: version
            .ok_or_else(|| Unreadable::new(WHAT, "its file has no operating version"))?,
    })
}

/// The file in which glusterd keeps its id.
pub(crate) fn file(settings: &Settings) -> String {
    format!("{}/glusterd.info", settings.gluster_state)
}

/// Prints it.
pub(crate) fn own(settings: &Settings) -> Command {
    program::read(settings, file(settings))
}

/// The id that it tells.
pub(crate) fn id(text: &str) -> Option<PeerId> {
    PeerId::new(value(text, "UUID=")?).ok()
}

fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    text.lines()
        .find_map(|line| line.strip_prefix(key))
        .map(str::trim)
}
