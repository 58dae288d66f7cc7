//! What is a volume made of, and how is it set?

use mortar_argv::{Batch, Report};
use mortar_model::{Durability, VolumeName};

use crate::answer::{Answer, Element, Unreadable, gluster_answer};
use crate::{Settings, program};

const WHAT: &str = "what the volume is made of";

/// A volume as glusterd defines it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeInfo {
    /// Its name.
    pub name: String,
    /// glusterd's id of it (not Mortar's).
    pub uuid: String,
    /// `Created`, `Started` or `Stopped`.
    pub status: String,
    /// `Replicate`, `Distributed-Replicate`, `Distribute`, …
    pub kind: String,
    /// Copies of each file, an arbiter among them.
    pub replica: u32,
    /// Arbiters in each set.
    pub arbiter: u32,
    /// Bricks of each set of a dispersed volume; 0 when it is none.
    pub disperse: u32,
    /// Those of them that may be lost.
    pub redundancy: u32,
    /// Snapshots that were taken of it.
    pub snapshots: u32,
    /// Its bricks as `host:path`, set by set.
    pub bricks: Vec<String>,
    /// Options that were set, in glusterd's order.
    pub options: Vec<(String, String)>,
}

impl VolumeInfo {
    /// The value of an option that was set.
    pub fn option(&self, key: &str) -> Option<&str> {
        self.options
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// How it survives the loss of bricks, by its counts.
    pub fn durability(&self) -> Durability {
        match (self.disperse, self.arbiter, self.replica) {
            (0, 0, 0 | 1) => Durability::None,
            (0, 0, replica) => Durability::Replicate(replica),
            (0, _, _) => Durability::Arbiter,
            (bricks, ..) => {
                let data = bricks.saturating_sub(self.redundancy);
                Durability::disperse(data, self.redundancy)
            }
        }
    }

    /// Whether it is started: its bricks should run.
    pub fn started(&self) -> bool {
        self.status == "Started"
    }
}

/// What to run.
pub fn ask(settings: &Settings, name: &VolumeName) -> Batch {
    Batch::new().ask(program::volume(settings, "info", name).arg("--xml"))
}

/// The volume; `None` when the pool has none of that name.
///
/// # Errors
/// The node or its glusterd did not answer.
pub fn read(report: &Report) -> Result<Option<VolumeInfo>, Unreadable> {
    read_item(report, 0)
}

/// The same of a batch that ends with this question.
pub(crate) fn read_last(report: &Report) -> Result<Option<VolumeInfo>, Unreadable> {
    read_item(report, report.outcomes.len().saturating_sub(1))
}

fn read_item(report: &Report, index: usize) -> Result<Option<VolumeInfo>, Unreadable> {
    match gluster_answer(report, index, WHAT)? {
        Answer::Yes(tree) => Ok(tree.at(&["volInfo", "volumes", "volume"]).map(info)),
        Answer::No(why) if why.contains("does not exist") => Ok(None),
        Answer::No(why) => Err(Unreadable::new(WHAT, why)),
    }
}

/// The volume of an element `volume`.
pub(crate) fn info(volume: &Element) -> VolumeInfo {
    let bricks = volume
        .child("bricks")
        .into_iter()
        .flat_map(|bricks| bricks.all("brick"));
    let options = volume
        .child("options")
        .into_iter()
        .flat_map(|options| options.all("option"));
    VolumeInfo {
        name: volume.text("name").to_owned(),
        uuid: volume.text("id").to_owned(),
        status: volume.text("statusStr").to_owned(),
        kind: volume.text("typeStr").to_owned(),
        replica: volume.number("replicaCount").unwrap_or(1),
        arbiter: volume.number("arbiterCount").unwrap_or(0),
        disperse: volume.number("disperseCount").unwrap_or(0),
        redundancy: volume.number("redundancyCount").unwrap_or(0),
        snapshots: volume.number("snapshotCount").unwrap_or(0),
        bricks: bricks.map(|brick| brick.text("name").to_owned()).collect(),
        options: options
            .map(|option| (option.text("name").to_owned(), option.text("value").to_owned()))
            .collect(),
    }
}
