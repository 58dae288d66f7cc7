//! Which machine answers under a name?

use mortar_argv::{Batch, Report};
use mortar_model::layout;

use super::pool;
use crate::answer::{self, Unreadable};
use crate::{Settings, program};

/// What a machine tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// The text of its node file, where it has one.
    pub node_file: Option<String>,
    /// glusterd's id of it, where glusterd answers.
    pub glusterd: Option<String>,
}

/// What to run.
pub fn ask(settings: &Settings) -> Batch {
    Batch::new()
        .ask(program::read(settings, layout::NODE_FILE))
        .ask(pool::command(settings))
}

/// What it tells.
///
/// # Errors
/// It did not answer, or its file cannot be read.
pub fn read(report: &Report) -> Result<Machine, Unreadable> {
    let node_file = answer::text_of(report, 0, "the node's file")?.map(str::to_owned);
    // Whether glusterd answers is told by its absence: the file alone can be enough.
    let members = pool::read_last(report).unwrap_or_default();
    let glusterd = pool::own_id(&members).map(str::to_owned);
    Ok(Machine { node_file, glusterd })
}
