//! How much of a volume's copies differ and have to be healed?

use mortar_argv::{Batch, Report};
use mortar_model::VolumeName;

use crate::answer::{Answer, Element, Unreadable, gluster_answer};
use crate::{Settings, program};

const WHAT: &str = "what has to be healed";

/// What a brick holds for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrickHeal {
    /// The brick as `host:path`.
    pub brick: String,
    /// Whether it could be asked.
    pub connected: bool,
    /// Files and folders that differ elsewhere; `None` when it could not be asked.
    pub entries: Option<u64>,
    /// Those of them on whose content the copies cannot agree.
    pub split_brain: Option<u64>,
}

/// What to run. The summary is asked for: the full answer names every file.
pub fn ask(settings: &Settings, name: &VolumeName) -> Batch {
    Batch::new().ask(program::volume(settings, "heal", name).args(["info", "summary", "--xml"]))
}

/// Its bricks.
///
/// # Errors
/// The node or its glusterd did not answer, or the volume is not started, keeps no copies, or does not exist.
pub fn read(report: &Report) -> Result<Vec<BrickHeal>, Unreadable> {
    read_item(report, 0)
}

/// The same of a batch that ends with this question.
pub(crate) fn read_last(report: &Report) -> Result<Vec<BrickHeal>, Unreadable> {
    read_item(report, report.outcomes.len().saturating_sub(1))
}

fn read_item(report: &Report, index: usize) -> Result<Vec<BrickHeal>, Unreadable> {
    match gluster_answer(report, index, WHAT)? {
        Answer::Yes(tree) => {
            let bricks = tree
                .at(&["healInfo", "bricks"])
                .into_iter()
                .flat_map(|bricks| bricks.all("brick"));
            Ok(bricks.map(heal).collect())
        }
        Answer::No(why) => Err(Unreadable::new(WHAT, why)),
    }
}

fn heal(brick: &Element) -> BrickHeal {
    BrickHeal {
        brick: brick.text("name").to_owned(),
        connected: brick.text("status") == "Connected",
        entries: brick
            .number("totalNumberOfEntries")
            .or_else(|| brick.number("numberOfEntries")),
        split_brain: brick.number("numberOfEntriesInSplitBrain"),
    }
}
