//! What the tools answered, as values.
//!
//! Every reader takes any text without panic; what it does not understand is [`Unreadable`], never a guess.

mod block;
mod gluster;
mod gluster_block;
mod lvm;
mod xfs;

use mortar_argv::{Outcome, Output, Report};
use mortar_model::ByteSize;

pub(crate) use block::{
    BlockDevice, block_device, loop_devices, mount, mount_points, mounts, signature, signatures,
};
pub(crate) use gluster::{Answer, Element, answer as gluster_answer};
pub(crate) use gluster_block::{BlockAnswer, printed, read as block_answer, read_names as block_names};
pub(crate) use lvm::{
    ALL_LV_COLUMNS, LV_COLUMNS, ListedVolume, LogicalVolume, PV_COLUMNS, PhysicalVolume, ROOM_COLUMNS,
    left_out, listed_volumes, logical_volumes, no_group, physical_volume, physical_volumes, rooms,
};
pub(crate) use xfs::xfs_size;

use crate::complaint;

/// An answer that is missing or was not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot tell {what}: {why}")]
pub struct Unreadable {
    /// What was asked.
    what: &'static str,
    /// What came instead of an answer.
    why: String,
}

impl Unreadable {
    pub(crate) fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self {
            what,
            why: complaint::clean(&why.into()),
        }
    }
}

/// The output of item `index`, whatever its exit status.
pub(crate) fn ran<'a>(
    report: &'a Report,
    index: usize,
    what: &'static str,
) -> Result<&'a Output, Unreadable> {
    match report.outcomes.get(index) {
        Some(Outcome::Ran(output)) if output.status == 127 => {
            Err(Unreadable::new(what, complaint::reason(output)))
        }
        Some(Outcome::Ran(output)) => Ok(output),
        _ => Err(Unreadable::new(
            what,
            report.broken.as_deref().unwrap_or("the node was not asked"),
        )),
    }
}

/// What `cat`, `stat` or `find` printed of a path; `None` when the path does not exist.
pub(crate) fn text_of<'a>(
    report: &'a Report,
    index: usize,
    what: &'static str,
) -> Result<Option<&'a str>, Unreadable> {
    let output = ran(report, index, what)?;
    if output.success() {
        return Ok(Some(&output.stdout));
    }
    let missing = ["No such file or directory", "Not a directory"];
    if missing.iter().any(|words| output.stderr.contains(words)) {
        return Ok(None);
    }
    Err(Unreadable::new(what, complaint::reason(output)))
}

/// `df --output=size,avail,…`: size and free space of a file system.
pub(crate) fn free_space(report: &Report, index: usize) -> Result<(ByteSize, ByteSize), Unreadable> {
    const WHAT: &str = "the free space";
    let output = ran(report, index, WHAT)?;
    let mut numbers = output
        .stdout
        .lines()
        .nth(1)
        .unwrap_or_default()
        .split_whitespace()
        .map(str::parse::<u64>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(size)), Some(Ok(free))) if output.success() => {
            Ok((ByteSize::from_bytes(size), ByteSize::from_bytes(free)))
        }
        _ => Err(Unreadable::new(WHAT, complaint::reason(output))),
    }
}

/// `du --summarize`: the space that a folder takes; none when it does not exist.
pub(crate) fn disk_usage(report: &Report, index: usize) -> Result<ByteSize, Unreadable> {
    const WHAT: &str = "the space that images take";
    let Some(text) = text_of(report, index, WHAT)? else {
        return Ok(ByteSize::ZERO);
    };
    let bytes = text
        .split_whitespace()
        .next()
        .and_then(|number| number.parse().ok());
    bytes
        .map(ByteSize::from_bytes)
        .ok_or_else(|| Unreadable::new(WHAT, text))
}
