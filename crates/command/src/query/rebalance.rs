//! How far is a volume's rebalance?

use mortar_argv::{Batch, Report};
use mortar_model::{ByteSize, VolumeName};

use crate::answer::{Answer, Element, Unreadable, gluster_answer};
use crate::{Settings, program};

const WHAT: &str = "how far the rebalance is";

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// None was begun, or the volume has one set only.
    Never,
    /// It runs on at least one node.
    Running,
    /// The last one came to its end.
    Completed,
    /// Somebody ended the last one.
    Stopped,
    /// The last one failed on at least one node.
    Failed,
}

/// A volume's last rebalance, all nodes together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rebalance {
    /// How far it is.
    pub progress: Progress,
    /// Files that have moved.
    pub files: u64,
    /// What they hold.
    pub size: ByteSize,
    /// Files that were looked at.
    pub scanned: u64,
    /// Files that could not move.
    pub failures: u64,
    /// Files that stay where they are, since their new place has less room or somebody has them open.
    pub skipped: u64,
}

impl Rebalance {
    const NEVER: Self = Self {
        progress: Progress::Never,
        files: 0,
        size: ByteSize::ZERO,
        scanned: 0,
        failures: 0,
        skipped: 0,
    };
}

/// What to run.
pub fn ask(settings: &Settings, name: &VolumeName) -> Batch {
    Batch::new().ask(program::volume(settings, "rebalance", name).args(["status", "--xml"]))
}

/// Reads the answer.
///
/// # Errors
/// The node or its glusterd did not answer, or there is no such volume.
pub fn read(report: &Report) -> Result<Rebalance, Unreadable> {
    read_item(report, 0)
}

/// The same of item `index` of a batch.
pub(crate) fn read_item(report: &Report, index: usize) -> Result<Rebalance, Unreadable> {
    match gluster_answer(report, index, WHAT)? {
        Answer::Yes(tree) => {
            let sum = tree.at(&["volRebalance", "aggregate"]);
            sum.ok_or_else(|| Unreadable::new(WHAT, "glusterd's answer has no status"))
                .and_then(rebalance)
        }
        Answer::No(why) if why.contains("not started") || why.contains("not a distribute volume") => {
            Ok(Rebalance::NEVER)
        }
        Answer::No(why) => Err(Unreadable::new(WHAT, why)),
    }
}

fn rebalance(sum: &Element) -> Result<Rebalance, Unreadable> {
    let count = |name: &str| sum.number(name).unwrap_or(0);
    Ok(Rebalance {
        progress: progress(sum.text("statusStr"))?,
        files: count("files"),
        size: ByteSize::from_bytes(count("size")),
        scanned: count("lookups"),
        failures: count("failures"),
        skipped: count("skipped"),
    })
}

/// glusterd's words; those of a rebalance that leaves files where they are begin with `fix-layout`.
fn progress(words: &str) -> Result<Progress, Unreadable> {
    match words.trim_start_matches("fix-layout ") {
        "in progress" => Ok(Progress::Running),
        "not started" => Ok(Progress::Never),
        "completed" => Ok(Progress::Completed),
        "stopped" => Ok(Progress::Stopped),
        "failed" => Ok(Progress::Failed),
        other => Err(Unreadable::new(
            WHAT,
            format!("glusterd's answer has the status '{other}'"),
        )),
    }
}
