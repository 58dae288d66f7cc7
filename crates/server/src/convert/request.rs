//! Checked requests of the old language as requests to the engine.

use mortar_engine::plan::{AddDevice, AddNode, CreateBlock, CreateVolume, Landscape};
use mortar_heketi::WireError;
use mortar_heketi::block::BlockVolumeCreateRequest;
use mortar_heketi::device::DeviceAdd;
use mortar_heketi::node::NodeAdd;
use mortar_heketi::volume::VolumeCreate;
use mortar_model::{ByteSize, ClusterId};

/// A node to add.
pub(crate) fn node(request: NodeAdd) -> AddNode {
    let NodeAdd {
        cluster,
        zone,
        manage,
        storage,
        tags,
    } = request;
    AddNode {
        cluster,
        zone,
        manage,
        storage,
        tags,
    }
}

/// A device to add.
pub(crate) fn device(request: DeviceAdd) -> AddDevice {
    let DeviceAdd {
        node,
        path,
        tags,
        destroy,
    } = request;
    AddDevice {
        node,
        path,
        tags,
        destroy,
        shared: None,
    }
}

/// A volume to make.
///
/// # Errors
/// One of the clusters that it names does not exist, or there is none at all.
pub(crate) fn volume(request: VolumeCreate, landscape: &Landscape) -> Result<CreateVolume, WireError> {
    if landscape.inventory().clusters().next().is_none() {
        return Err(WireError::NoClusters);
    }
    Ok(CreateVolume {
        name: request.name,
        size: request.size,
        durability: request.durability,
        clusters: clusters(&request.clusters, landscape)?,
        gid: request.gid,
        options: request.options,
        snapshots: request.snapshots,
        block: request.block,
        zone_checking: None,
        by_user: false,
    })
}

/// A block volume to make, checked in form.
///
/// # Errors
/// One of the clusters that it names does not exist, or there is none at all; or its name is none.
pub(crate) fn block(
    request: &BlockVolumeCreateRequest,
    landscape: &Landscape,
) -> Result<CreateBlock, WireError> {
    if landscape.inventory().clusters().next().is_none() {
        return Err(WireError::NoClusters);
    }
    Ok(CreateBlock {
        name: request.named()?,
        size: ByteSize::from_gib(u64::try_from(request.size).unwrap_or(0)),
        clusters: clusters(&request.clusters, landscape)?,
        ha: u32::try_from(request.hacount).unwrap_or(u32::MAX),
        auth: request.auth,
    })
}

fn clusters(named: &[String], landscape: &Landscape) -> Result<Vec<ClusterId>, WireError> {
    let known = |text: &String| {
        let id = text
            .parse::<ClusterId>()
            .ok()
            .filter(|id| landscape.inventory().cluster(*id).is_some());
        id.ok_or_else(|| {
            WireError::ClusterNotFound(text.chars().filter(|c| !c.is_control()).take(64).collect())
        })
    };
    named.iter().map(known).collect()
}
