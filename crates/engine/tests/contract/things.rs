//! Things to make, with ids that say whose they are: `family` sets the tests of this binary apart.

use mortar_model::work::{
    AddedBricksSpec, BrickAddress, BrickSpec, DeviceSpec, NodeFileSpec, PeerSpec, RebalanceSpec, Thing,
    VolumeSpec,
};
use mortar_model::{
    BrickId, BrickSpace, ByteSize, DeviceId, DevicePath, HostName, NodeId, VolumeId, VolumeName,
    VolumeOption, layout,
};

use crate::twin::Twin;

/// Ids of two runs differ: LVM sees the disks of all labs on the machine.
fn id(family: u8, kind: u8, number: u8) -> u128 {
    let run = u128::from(std::process::id());
    (u128::from(family) << 120) | (u128::from(kind) << 112) | (u128::from(number) << 104) | run
}

/// A device's id.
pub(crate) fn device_id(family: u8, number: u8) -> DeviceId {
    DeviceId::from_u128(id(family, 0xd, number))
}

/// A volume's id.
pub(crate) fn volume_id(family: u8, number: u8) -> VolumeId {
    VolumeId::from_u128(id(family, 0xe, number))
}

/// A brick's id.
pub(crate) fn brick_id(family: u8, number: u8) -> BrickId {
    BrickId::from_u128(id(family, 0xb, number))
}

/// A device at a path.
pub(crate) fn device(id: DeviceId, path: &str, destroy: bool) -> Thing {
    Thing::Device(DeviceSpec {
        device: id,
        path: DevicePath::new(path).unwrap(),
        destroy,
        shared: None,
    })
}

/// A peer.
pub(crate) fn peer(twin: &Twin, node: usize) -> Thing {
    Thing::Peer(PeerSpec {
        node: NodeId::from_u128(node as u128),
        host: HostName::new(twin.host(node)).unwrap(),
        force: false,
    })
}

/// A node's file.
pub(crate) fn node_file(text: &str) -> Thing {
    Thing::NodeFile(NodeFileSpec {
        node: NodeId::from_u128(1),
        text: text.into(),
    })
}

/// A brick in an image of half a GiB on `/disks/disk1`.
pub(crate) fn brick_spec(family: u8, number: u8) -> BrickSpec {
    let brick = brick_id(family, number);
    BrickSpec {
        brick,
        volume: volume_id(family, 1),
        device: device_id(family, 1),
        device_path: DevicePath::new("/disks/disk1").unwrap(),
        space: BrickSpace::Image,
        size: ByteSize::from_mib(512),
        arbiter: false,
        gid: 0,
        identity: format!("{{\n  \"mortar\": 1,\n  \"brick\": \"{brick}\"\n}}\n"),
        from: None,
        names: None,
        pool: None,
    }
}

/// A brick as a thing.
pub(crate) fn brick(family: u8, number: u8) -> Thing {
    Thing::Brick(brick_spec(family, number))
}

/// Where a brick is for GlusterFS.
pub(crate) fn address(twin: &Twin, family: u8, number: u8, node: usize) -> BrickAddress {
    BrickAddress {
        brick: brick_id(family, number),
        host: HostName::new(twin.host(node)).unwrap(),
        path: layout::brick_path(device_id(family, 1), brick_id(family, number)),
    }
}

/// A volume's name.
pub(crate) fn volume_name(family: u8) -> VolumeName {
    VolumeName::new(format!("con_{family:x}")).unwrap()
}

/// Options of a volume.
pub(crate) fn options(list: &[(&str, &str)]) -> Vec<VolumeOption> {
    list.iter()
        .map(|(key, value)| VolumeOption::new(*key, *value).unwrap())
        .collect()
}

/// A volume of the family, over these bricks.
pub(crate) fn volume_spec(family: u8, replica: u32, bricks: Vec<BrickAddress>) -> VolumeSpec {
    let id = volume_id(family, 1).to_string();
    VolumeSpec {
        volume: volume_id(family, 1),
        name: volume_name(family),
        replica,
        arbiter: false,
        disperse: None,
        bricks,
        options: options(&[("user.mortar.id", &id), ("performance.readdir-ahead", "off")]),
    }
}

/// More bricks for the family's volume.
pub(crate) fn added(family: u8, replica: u32, bricks: Vec<BrickAddress>) -> Thing {
    Thing::AddedBricks(AddedBricksSpec {
        volume: volume_id(family, 1),
        name: volume_name(family),
        replica,
        bricks,
        options: options(&[("user.mortar.size", "2147483648")]),
        options_back: options(&[("performance.readdir-ahead", "off")]),
    })
}

/// The rebalance of the family's volume.
pub(crate) fn rebalance(family: u8) -> Thing {
    Thing::Rebalance(RebalanceSpec {
        volume: volume_id(family, 1),
        name: volume_name(family),
    })
}

/// Names for the ids of a family on its page.
pub(crate) fn name_family(twin: &mut Twin, family: u8) {
    for number in 1..=9 {
        let brick = brick_id(family, number);
        twin.name(&brick, &format!("<brick{number}>"));
        twin.name(
            &layout::file_system_uuid(brick),
            &format!("<uuid of brick{number}>"),
        );
        twin.name(&device_id(family, number), &format!("<device{number}>"));
        twin.name(
            &layout::physical_volume_uuid(device_id(family, number)),
            &format!("<pv uuid of device{number}>"),
        );
        twin.name(&volume_id(family, number), &format!("<volume{number}>"));
    }
}
