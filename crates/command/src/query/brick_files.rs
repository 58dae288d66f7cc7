//! Has anybody written to a brick?

use mortar_argv::{Batch, Report};

use crate::answer::{self, Unreadable};
use crate::{Settings, program};

/// What to run: one file of the brick's users is looked for. GlusterFS makes the volume's folders on a brick as soon as
/// somebody looks into them, and keeps its own files below `.glusterfs`.
pub fn ask(settings: &Settings, brick_path: &str) -> Batch {
    let own = ["-name", ".glusterfs", "-prune", "-o"];
    Batch::new().ask(
        program::program(settings, "find")
            .args([brick_path, "-mindepth", "1"])
            .args(own)
            .args(["-not", "-type", "d", "-print", "-quit"]),
    )
}

/// A file that is there, if there is one. A brick that is not there has none.
///
/// # Errors
/// The node did not answer, or cannot look.
pub fn read(report: &Report) -> Result<Option<String>, Unreadable> {
    let text = answer::text_of(report, 0, "what is on the brick")?.unwrap_or_default();
    let first = text.lines().next();
    Ok(first.map(str::to_owned))
}
