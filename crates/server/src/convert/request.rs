//! Checked requests of the old language as requests to the engine.

use mortar_engine::plan::{AddDevice, AddNode, CreateVolume, Landscape};
use mortar_heketi::WireError;
use mortar_heketi::device::DeviceAdd;
use mortar_heketi::node::NodeAdd;
use mortar_heketi::volume::VolumeCreate;
use mortar_model::ClusterId;

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
    let known = |text: &String| -> Result<ClusterId, WireError> {
        let id = text
            .parse::<ClusterId>()
            .ok()
            .filter(|id| landscape.inventory().cluster(*id).is_some());
        id.ok_or_else(|| {
            WireError::ClusterNotFound(text.chars().filter(|c| !c.is_control()).take(64).collect())
        })
    };
    Ok(CreateVolume {
        name: request.name,
        size: request.size,
        durability: request.durability,
        clusters: request.clusters.iter().map(known).collect::<Result<_, _>>()?,
        gid: request.gid,
        options: request.options,
        snapshots: request.snapshots,
        block: request.block,
        zone_checking: None,
        by_user: false,
    })
}
