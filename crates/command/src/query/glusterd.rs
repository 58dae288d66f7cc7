//! Does glusterd answer on the node?

use mortar_argv::{Batch, Report};

use super::pool;
use crate::answer::Unreadable;
use crate::{Settings, complaint};

/// What to run.
pub fn ask(settings: &Settings) -> Batch {
    pool::ask(settings)
}

/// Whether it answers. A node without GlusterFS answers no as well.
///
/// # Errors
/// The node itself did not answer.
pub fn read(report: &Report) -> Result<bool, Unreadable> {
    match report.output(0) {
        None => Err(Unreadable::new(
            "whether glusterd runs",
            report.broken.as_deref().unwrap_or("the node was not asked"),
        )),
        Some(output) if output.success() => Ok(true),
        Some(output) if complaint::words(output).contains("timed out") => Err(Unreadable::new(
            "whether glusterd runs",
            complaint::reason(output),
        )),
        Some(_) => Ok(false),
    }
}
