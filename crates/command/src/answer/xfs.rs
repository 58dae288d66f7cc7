//! What `xfs_growfs` prints: the file system's geometry, as `mkfs.xfs` does.

use mortar_argv::Report;
use mortar_model::ByteSize;

use super::{Unreadable, ran};
use crate::complaint;

/// Size of the file system, its log included: as large as its device, but for what is left at the end.
pub(crate) fn xfs_size(report: &Report, index: usize) -> Result<ByteSize, Unreadable> {
    const WHAT: &str = "how large the file system is";
    let output = ran(report, index, WHAT)?;
    if !output.success() {
        return Err(Unreadable::new(WHAT, complaint::reason(output)));
    }
    let data = output.stdout.lines().find(|line| line.starts_with("data "));
    let field = |name: &str| {
        data?
            .split([' ', ','])
            .find_map(|part| part.strip_prefix(name))?
            .parse::<u64>()
            .ok()
    };
    match (field("bsize="), field("blocks=")) {
        (Some(block), Some(blocks)) => Ok(ByteSize::from_bytes(block).times(blocks)),
        _ => Err(Unreadable::new(WHAT, output.stdout.as_str())),
    }
}
