//! A block volume as the records would have it, from what `gluster-block` tells of it.

use mortar_command::query::block_volumes::{BlockSeen, about, exactly};
use mortar_model::{BlockVolume, BlockVolumeId, HostName, Volume, VolumeName};

/// What could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Read {
    /// The block volume.
    pub(crate) block: BlockVolume,
    /// Whether its size is told to the GiB: from 1 TiB on it is not.
    pub(crate) exact: bool,
    /// Whether its name tells the id under which Mortar made it.
    pub(crate) named: bool,
}

/// Reads one that the volume holds.
///
/// # Errors
/// It is not whole, or nothing that Mortar makes; says why.
pub(crate) fn read(hosting: &Volume, seen: &BlockSeen) -> Result<Read, String> {
    let told = seen.told.as_ref().map_err(Clone::clone)?;
    let name = VolumeName::new(seen.name.as_str()).map_err(|error| error.to_string())?;
    let Some(size) = exactly(&told.size).or_else(|| about(&told.size)) else {
        return Err(format!("its size of {} is not one of whole GiB", told.size));
    };
    if !told.smaller.is_empty() {
        return Err(format!(
            "it has {}, and less on {}",
            told.size,
            told.smaller.join(", ")
        ));
    }
    if !told.broken.is_empty() || told.ha == 0 || told.hosts.len() < told.ha as usize {
        return Err(format!(
            "{} of {} hosts serve it: its create or delete was under way, or a host failed",
            told.hosts.len(),
            told.ha
        ));
    }
    let hosts = told.hosts.iter().map(|host| HostName::new(host.as_str()));
    let hosts: Vec<HostName> = hosts
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let named = seen.name.strip_prefix("blockvol_").and_then(|id| id.parse().ok());
    let id = named.or_else(|| own_id(&told.target.iqn));
    let block = BlockVolume {
        id: id.ok_or_else(|| format!("{} has no id of gluster-block's in it", told.target.iqn))?,
        hosting: hosting.id,
        name,
        size,
        usable: size,
        ha: told.ha,
        hosts,
        auth: !told.target.password.is_empty(),
        target: told.target.clone(),
    };
    Ok(Read {
        block,
        exact: exactly(&told.size).is_some(),
        named: named.is_some(),
    })
}

/// gluster-block's own id: whoever reads it twice reads the same.
fn own_id(iqn: &str) -> Option<BlockVolumeId> {
    iqn.rsplit_once(':')?.1.replace('-', "").parse().ok()
}
