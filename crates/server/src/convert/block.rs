//! Block volumes as `/v1/block-volumes` shows them, and requests for them.

use mortar_api as api;
use mortar_engine::plan::{CreateBlock, Landscape, Subject};
use mortar_heketi::{Problems, WireError};
use mortar_model::{BlockVolume, ByteSize, VolumeName};

use super::volume::places;
use crate::http::failure::Failure;

/// A block volume, as recorded, without what initiators prove themselves with.
pub(crate) fn block(landscape: &Landscape, block: &BlockVolume) -> api::BlockVolume {
    let hosting = landscape.inventory().volume(block.hosting);
    let holder = landscape.holder(Subject::Block(block.id));
    api::BlockVolume {
        id: block.id.to_string(),
        name: block.name.to_string(),
        cluster: hosting
            .map(|hosting| hosting.cluster.to_string())
            .unwrap_or_default(),
        hosting: block.hosting.to_string(),
        hosting_name: hosting
            .map(|hosting| hosting.name.to_string())
            .unwrap_or_default(),
        size: block.size.bytes(),
        usable: block.usable.bytes(),
        ha: block.ha,
        hosts: block.hosts.iter().map(ToString::to_string).collect(),
        auth: block.auth,
        iqn: block.target.iqn.clone(),
        lun: block.target.lun,
        username: None,
        password: None,
        operation: holder.map(|id| id.to_string()),
    }
}

/// The same for who asks for this one: all that an initiator needs.
pub(crate) fn with_secret(landscape: &Landscape, found: &BlockVolume) -> api::BlockVolume {
    let (username, password) = (&found.target.username, &found.target.password);
    api::BlockVolume {
        username: Some(username.clone()).filter(|name| !name.is_empty()),
        password: (!password.is_empty()).then(|| password.reveal().to_owned()),
        ..block(landscape, found)
    }
}

/// A block volume to make.
///
/// # Errors
/// A field is not of its form, or a cluster is not known.
pub(crate) fn request(
    wanted: api::BlockVolumeRequest,
    landscape: &Landscape,
) -> Result<CreateBlock, Failure> {
    let mut problems = Problems::default();
    let name = wanted.name.map(VolumeName::new).transpose();
    let name = name.map_err(|error| problems.add("name", error.to_string()));
    if wanted.ha == Some(0) {
        problems.add("ha", "must be 1 or more, or left out for all hosts that can");
    }
    let size = size(wanted.size, &mut problems);
    let (Ok(name), true) = (name, problems.is_empty()) else {
        return Err(WireError::from(problems).into());
    };
    Ok(CreateBlock {
        name,
        size,
        clusters: places(&wanted.clusters, &[], landscape.inventory())?,
        ha: wanted.ha.unwrap_or(0),
        auth: wanted.auth,
    })
}

/// What a block volume is to have.
///
/// # Errors
/// It is not a number of whole GiB.
pub(crate) fn new_size(wanted: api::BlockVolumeExpandRequest) -> Result<ByteSize, WireError> {
    let mut problems = Problems::default();
    let size = size(wanted.size, &mut problems);
    if problems.is_empty() {
        Ok(size)
    } else {
        Err(problems.into())
    }
}

fn size(bytes: u64, problems: &mut Problems) -> ByteSize {
    let size = ByteSize::from_bytes(bytes);
    if size.gib() == 0 || ByteSize::from_gib(size.gib()) != size {
        problems.add("size", "must be a number of whole GiB, at least one");
    }
    size
}
