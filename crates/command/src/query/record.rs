//! What does glusterd on this node have on disk of these volumes?

use std::collections::BTreeMap;

use mortar_argv::{Batch, Report};
use mortar_model::{VolumeName, layout};

use super::records;
use crate::answer::{self, Unreadable};
use crate::{Settings, program};

const WHAT: &str = "what glusterd's record of a volume says";

/// A volume as one member has it on disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Grows with each change.
    pub version: u64,
    /// Mortar's id of it; empty for one that is not Mortar's, or not yet told to be.
    pub id: String,
    /// Its bricks as `host:path`, each `/` of the path as `-`.
    pub bricks: Vec<String>,
}

/// What to run.
pub fn ask(settings: &Settings, names: &[VolumeName]) -> Batch {
    let file = |name: &VolumeName| format!("{}/{name}/info", records::folder(settings));
    names.iter().fold(Batch::new(), |batch, name| {
        // Nothing else is asked for: what a record says of those who may mount the volume stays there.
        let keys = [
            "-F",
            "-e",
            "version=",
            "-e",
            "brick-",
            "-e",
            layout::VOLUME_ID_OPTION,
        ];
        batch.ask(program::program(settings, "grep").args(keys).arg(file(name)))
    })
}

/// The record of each of these volumes that this member has.
///
/// # Errors
/// The node did not answer, or a record cannot be read.
pub fn read(report: &Report, names: &[VolumeName]) -> Result<BTreeMap<VolumeName, Record>, Unreadable> {
    let mut all = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let output = answer::ran(report, index, WHAT)?;
        // `grep` finds nothing in a record that is empty.
        let text = if output.status == 1 {
            Some("")
        } else {
            answer::text_of(report, index, WHAT)?
        };
        if let Some(text) = text {
            all.insert(name.clone(), record(text));
        }
    }
    Ok(all)
}

fn record(text: &str) -> Record {
    let mut record = Record::default();
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        match key {
            "version" => record.version = value.parse().unwrap_or_default(),
            layout::VOLUME_ID_OPTION => value.clone_into(&mut record.id),
            _ if is_brick(key) => record.bricks.push(value.to_owned()),
            _ => {}
        }
    }
    record
}

fn is_brick(key: &str) -> bool {
    let number = key.strip_prefix("brick-").unwrap_or_default();
    !number.is_empty() && number.bytes().all(|digit| digit.is_ascii_digit())
}
