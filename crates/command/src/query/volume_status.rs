//! Which bricks of a volume run?

use mortar_argv::{Batch, Report};
use mortar_model::VolumeName;

use crate::answer::{Answer, Element, Unreadable, gluster_answer};
use crate::{Settings, program};

const WHAT: &str = "which bricks run";

/// A brick's process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrickStatus {
    /// The brick as `host:path`.
    pub brick: String,
    /// Whether it runs.
    pub online: bool,
    /// Where clients reach it.
    pub port: Option<u16>,
    /// Its process on its node.
    pub pid: Option<u32>,
}

/// What to run.
pub fn ask(settings: &Settings, name: &VolumeName) -> Batch {
    Batch::new().ask(program::volume(settings, "status", name).arg("--xml"))
}

/// Its bricks, those of nodes that are down left out by glusterd; none when the volume is not started.
///
/// # Errors
/// The node or its glusterd did not answer, or there is no such volume.
pub fn read(report: &Report) -> Result<Vec<BrickStatus>, Unreadable> {
    match gluster_answer(report, 0, WHAT)? {
        Answer::Yes(tree) => {
            let nodes = tree
                .at(&["volStatus", "volumes", "volume"])
                .into_iter()
                .flat_map(|volume| volume.all("node"));
            // Self-heal daemons are listed among the bricks; their path is a host's name.
            Ok(nodes
                .filter(|node| node.text("path").starts_with('/'))
                .map(status)
                .collect())
        }
        Answer::No(why) if why.contains("is not started") => Ok(Vec::new()),
        Answer::No(why) => Err(Unreadable::new(WHAT, why)),
    }
}

fn status(node: &Element) -> BrickStatus {
    BrickStatus {
        brick: format!("{}:{}", node.text("hostname"), node.text("path")),
        online: node.text("status") == "1",
        port: node.number("port"),
        pid: node.number("pid"),
    }
}
