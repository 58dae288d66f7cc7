//! How far is a volume's rebalance?

use mortar_argv::{Batch, Report};
use mortar_model::VolumeName;

use crate::answer::{Answer, Unreadable, gluster_answer};
use crate::{Settings, program};

const WHAT: &str = "how far the rebalance is";

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// None was begun, or the volume has one set only.
    Never,
    /// It runs on at least one node.
    Running,
    /// The last one has ended, well or not.
    Ended,
}

/// What to run.
pub fn ask(settings: &Settings, name: &VolumeName) -> Batch {
    Batch::new().ask(program::volume(settings, "rebalance", name).args(["status", "--xml"]))
}

/// Reads the answer.
///
/// # Errors
/// The node or its glusterd did not answer, or there is no such volume.
pub fn read(report: &Report) -> Result<Progress, Unreadable> {
    match gluster_answer(report, 0, WHAT)? {
        Answer::Yes(tree) => {
            let words = tree
                .at(&["volRebalance", "aggregate"])
                .map(|sum| sum.text("statusStr"))
                .unwrap_or_default();
            match words {
                "in progress" => Ok(Progress::Running),
                "not started" => Ok(Progress::Never),
                "" => Err(Unreadable::new(WHAT, "glusterd's answer has no status")),
                _ => Ok(Progress::Ended),
            }
        }
        Answer::No(why) if why.contains("not started") || why.contains("not a distribute volume") => {
            Ok(Progress::Never)
        }
        Answer::No(why) => Err(Unreadable::new(WHAT, why)),
    }
}
