//! Things to ask about, one of each kind.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod fixture;
pub(crate) mod room;
pub(crate) mod trials;

use mortar_argv::{Outcome, Output, Report};
use mortar_model::work::{
    AddedBricksSpec, BlockPart, BlockSpec, BrickAddress, BrickSpec, ChangedOptionsSpec, CopiesSpec, CopyPart,
    CopySpec, DeviceSizeSpec, DeviceSpec, GrowthPart, GrowthSpec, IdentitySpec, KnownPeer, MemberSpec,
    NodeFileSpec, OptionsSpec, PeerSpec, RebalanceSpec, RecordSpec, RemainsSpec, StartedSpec, Starter, Thing,
    VolumeSpec,
};
use mortar_model::{
    BlockVolumeId, BrickId, BrickNames, BrickSpace, ByteSize, DeviceId, DevicePath, HostName, LvmName,
    NodeId, OptionName, Overcommit, PeerId, SnapshotId, VolumeId, VolumeName, VolumeOption, layout,
};

/// The device of all things here.
pub(crate) const DEVICE: DeviceId = DeviceId::from_u128(0xd0d0_d0d0_d0d0_d0d0_d0d0_d0d0_d0d0_d0d0);
/// Their brick.
pub(crate) const BRICK: BrickId = BrickId::from_u128(0xb1b1_b1b1_b1b1_b1b1_b1b1_b1b1_b1b1_b1b1);
/// Their volume.
pub(crate) const VOLUME: VolumeId = VolumeId::from_u128(0x0e0e_0e0e_0e0e_0e0e_0e0e_0e0e_0e0e_0e0e);

/// A disk's path.
pub(crate) fn disk() -> DevicePath {
    DevicePath::new("/dev/sdb").unwrap()
}

/// A directory device's path.
pub(crate) fn directory() -> DevicePath {
    DevicePath::new("/disks/1").unwrap()
}

/// The volume's name.
pub(crate) fn volume_name() -> VolumeName {
    VolumeName::new("vol_test").unwrap()
}

/// A device.
pub(crate) fn device(path: DevicePath, destroy: bool) -> Thing {
    Thing::Device(DeviceSpec {
        device: DEVICE,
        path,
        destroy,
        shared: None,
    })
}

/// A brick.
pub(crate) fn brick(device_path: DevicePath, space: BrickSpace, gid: u32) -> Thing {
    Thing::Brick(BrickSpec {
        brick: BRICK,
        volume: VOLUME,
        device: DEVICE,
        device_path,
        space,
        size: ByteSize::from_gib(1),
        arbiter: false,
        gid,
        identity: format!("{{\n  \"brick\": \"{BRICK}\"\n}}\n"),
        from: None,
        names: None,
        pool: None,
    })
}

/// A thin brick's space.
pub(crate) fn thin() -> BrickSpace {
    BrickSpace::ThinPool {
        pool: ByteSize::from_gib(1),
        metadata: ByteSize::from_mib(8),
    }
}

/// The nodes of the recorded pool that hold bricks.
pub(crate) const NODES: [&str; 3] = ["node1", "node2", "node3"];

/// The set of bricks that was recorded with this byte.
pub(crate) fn recorded_set(byte: u128) -> Vec<BrickAddress> {
    let brick = BrickId::from_u128(byte * 0x0101_0101_0101_0101_0101_0101_0101_0101);
    let path = layout::brick_path(DEVICE, brick);
    let address = |host: &&str| BrickAddress {
        brick,
        host: HostName::new(*host).unwrap(),
        path: path.clone(),
    };
    NODES.iter().map(address).collect()
}

/// Bricks as GlusterFS prints them.
pub(crate) fn names(bricks: &[BrickAddress]) -> Vec<String> {
    bricks
        .iter()
        .map(|brick| format!("{}:{}", brick.host, brick.path))
        .collect()
}

/// One brick address per host, at the brick's real path.
pub(crate) fn addresses(hosts: &[&str]) -> Vec<BrickAddress> {
    hosts
        .iter()
        .map(|host| BrickAddress {
            brick: BRICK,
            host: HostName::new(*host).unwrap(),
            path: layout::brick_path(DEVICE, BRICK),
        })
        .collect()
}

fn options(list: &[(&str, &str)]) -> Vec<VolumeOption> {
    list.iter()
        .map(|(key, value)| VolumeOption::new(*key, *value).unwrap())
        .collect()
}

/// A volume of one set.
pub(crate) fn volume(replica: u32, bricks: Vec<BrickAddress>) -> VolumeSpec {
    let id = VOLUME.to_string();
    VolumeSpec {
        volume: VOLUME,
        name: volume_name(),
        replica,
        arbiter: false,
        disperse: None,
        bricks,
        options: options(&[("user.mortar.id", &id), ("performance.readdir-ahead", "off")]),
    }
}

/// More bricks for it.
pub(crate) fn added(bricks: Vec<BrickAddress>) -> AddedBricksSpec {
    AddedBricksSpec {
        volume: VOLUME,
        name: volume_name(),
        replica: 3,
        bricks,
        options: options(&[("user.mortar.size", "2147483648")]),
        options_back: options(&[("user.mortar.size", "1073741824")]),
    }
}

/// A part of a block volume.
pub(crate) fn block(part: BlockPart) -> BlockSpec {
    BlockSpec {
        part,
        block: BlockVolumeId::from_u128(7),
        name: VolumeName::new("disk").unwrap(),
        volume: VOLUME,
        hosting: volume_name(),
        size: ByteSize::from_gib(2),
        ha: 2,
        hosts: ["node1", "node3"].map(|host| HostName::new(host).unwrap()).into(),
        auth: true,
        full: true,
        with_hosting: false,
    }
}

/// One thing of each kind, with the name of its page.
pub(crate) fn things() -> Vec<(&'static str, Thing)> {
    let peer = PeerSpec {
        node: NodeId::from_u128(1),
        host: HostName::new("node2").unwrap(),
        force: false,
    };
    let command = ["glusterd", "-p", "/run/glusterd.pid"]
        .map(str::to_owned)
        .to_vec();
    vec![
        ("peer", Thing::Peer(peer)),
        ("device-disk", device(disk(), false)),
        ("device-disk-destroy", device(disk(), true)),
        ("device-disk-shared", shared(device(disk(), false))),
        ("device-directory", device(directory(), false)),
        ("device-directory-destroy", device(directory(), true)),
        ("brick-thin", brick(disk(), thin(), 0)),
        ("brick-shared", brick(disk(), BrickSpace::Shared, 0)),
        (
            "brick-shared-of-a-copy",
            of_a_copy(brick(disk(), BrickSpace::Shared, 0)),
        ),
        (
            "brick-image-of-a-copy",
            of_a_copy(brick(directory(), BrickSpace::Image, 0)),
        ),
        (
            "brick-thin-of-a-copy",
            cloned(of_a_copy(brick(disk(), thin(), 0))),
        ),
        ("brick-image", brick(directory(), BrickSpace::Image, 0)),
        ("brick-image-gid", brick(directory(), BrickSpace::Image, 2001)),
        (
            "volume-replica",
            Thing::Volume(volume(3, addresses(&["node1", "node2", "node3"]))),
        ),
        ("volume-plain", Thing::Volume(volume(1, addresses(&["node1"])))),
        (
            "added-bricks",
            Thing::AddedBricks(added(addresses(&["node1", "node2", "node3"]))),
        ),
        (
            "rebalance",
            Thing::Rebalance(RebalanceSpec {
                volume: VOLUME,
                name: volume_name(),
            }),
        ),
        ("node-file", node_file()),
        ("copy-thin-room", copy(CopyPart::Room, brick(disk(), thin(), 0))),
        (
            "copy-thin-frozen",
            copy(CopyPart::Frozen, brick(disk(), thin(), 0)),
        ),
        (
            "copy-thin-volume",
            copy(CopyPart::Image, brick(disk(), thin(), 0)),
        ),
        ("copy-thin", copy(CopyPart::Whole, brick(disk(), thin(), 0))),
        ("copy-thin-back", copy(CopyPart::Back, brick(disk(), thin(), 0))),
        (
            "copy-thin-back-cloned",
            copy(CopyPart::Back, cloned(brick(disk(), thin(), 0))),
        ),
        (
            "copy-shared-back",
            copy(CopyPart::Back, brick(disk(), BrickSpace::Shared, 0)),
        ),
        (
            "copy-image",
            copy(CopyPart::Whole, brick(directory(), BrickSpace::Image, 0)),
        ),
        ("mount-thin", mount(brick(disk(), thin(), 0))),
        (
            "mount-image-gid",
            mount(brick(directory(), BrickSpace::Image, 2001)),
        ),
        ("started", started(false)),
        ("started-stopped", started(true)),
        ("volume-options", volume_options()),
        ("copies", Thing::Copies(copies(false))),
        ("copies-arbiter", Thing::Copies(copies(true))),
        ("changed-options", Thing::ChangedOptions(changed_options())),
        ("block-name", Thing::Block(block(BlockPart::Name))),
        ("block-volume", Thing::Block(block(BlockPart::Whole))),
        ("mount-taken", mount_taken()),
        (
            "block-host",
            Thing::Block(block(BlockPart::Host {
                old: HostName::new("node2").unwrap(),
                new: HostName::new("node3").unwrap(),
                dead: true,
            })),
        ),
        (
            "block-size",
            Thing::Block(block(BlockPart::Size {
                before: ByteSize::from_gib(1),
            })),
        ),
        ("remains-thin", remains(disk(), false)),
        ("remains-image", remains(directory(), true)),
        (
            "growth-room",
            growth(GrowthPart::Room, brick(disk(), larger(), 0)),
        ),
        (
            "growth-pool",
            growth(GrowthPart::Pool, brick(disk(), larger(), 0)),
        ),
        (
            "growth-thin",
            growth(GrowthPart::Space, brick(disk(), larger(), 0)),
        ),
        (
            "growth-shared",
            growth(GrowthPart::Space, brick(disk(), BrickSpace::Shared, 0)),
        ),
        (
            "growth-image",
            growth(GrowthPart::Space, brick(directory(), BrickSpace::Image, 0)),
        ),
        (
            "growth-file-system-thin",
            growth(GrowthPart::FileSystem, brick(disk(), larger(), 0)),
        ),
        (
            "growth-file-system-image",
            growth(GrowthPart::FileSystem, brick(directory(), BrickSpace::Image, 0)),
        ),
        ("device-size-disk", device_size(disk())),
        ("device-size-shared", shared(device_size(disk()))),
        ("device-size-overcommit", overcommitted(device_size(disk()))),
        ("device-size-directory", device_size(directory())),
        ("member", Thing::Member(member(Starter::Command(command.clone())))),
        ("member-systemd", Thing::Member(member(Starter::Systemd))),
        ("identity", Thing::Identity(identity(Starter::Command(command)))),
        ("identity-systemd", Thing::Identity(identity(Starter::Systemd))),
    ]
}

/// The size of a device whose pool is to promise half as much again, and promised what it has before.
fn overcommitted(thing: Thing) -> Thing {
    match shared(thing) {
        Thing::DeviceSize(mut spec) => {
            spec.shared_before = Some(Overcommit::NONE);
            Thing::DeviceSize(spec)
        }
        _ => unreachable!(),
    }
}

/// A device, or its size, with one pool for all bricks that promises half as much again.
pub(crate) fn shared(thing: Thing) -> Thing {
    let overcommit = Some(Overcommit::from_hundredths(150).unwrap());
    match thing {
        Thing::Device(mut spec) => {
            spec.shared = overcommit;
            Thing::Device(spec)
        }
        Thing::DeviceSize(mut spec) => {
            spec.shared = overcommit;
            Thing::DeviceSize(spec)
        }
        _ => unreachable!(),
    }
}

/// A brick that is made of another one's copy.
pub(crate) fn of_a_copy(brick: Thing) -> Thing {
    let Thing::Brick(mut spec) = brick else {
        unreachable!()
    };
    spec.from = Some(BrickId::from_u128(0xc1c1_c1c1_c1c1_c1c1_c1c1_c1c1_c1c1_c1c1));
    Thing::Brick(spec)
}

/// A brick in the thin pool of the one that it was cloned from.
pub(crate) fn cloned(brick: Thing) -> Thing {
    let Thing::Brick(mut spec) = brick else {
        unreachable!()
    };
    let origin = BrickId::from_u128(0x0a0a_0a0a_0a0a_0a0a_0a0a_0a0a_0a0a_0a0a);
    spec.pool = Some(Box::new(LvmName::new(layout::thin_pool(origin)).unwrap()));
    Thing::Brick(spec)
}

/// A brick that was made before, mounted again.
pub(crate) fn mount(brick: Thing) -> Thing {
    let Thing::Brick(spec) = brick else { unreachable!() };
    Thing::Mount(spec)
}

/// The same of one that Heketi made.
pub(crate) fn mount_taken() -> Thing {
    let Thing::Brick(spec) = brick(disk(), thin(), 0) else {
        unreachable!()
    };
    let mount_point = format!("/var/lib/heketi/mounts/vg_{DEVICE}/brick_{BRICK}");
    let names = BrickNames {
        folder: DevicePath::new(format!("{mount_point}/brick")).unwrap(),
        mount_point: DevicePath::new(mount_point).unwrap(),
        volume: Some(LvmName::new(layout::logical_volume(BRICK)).unwrap()),
        pool: Some(LvmName::new(layout::thin_pool(BRICK)).unwrap()),
        shared: false,
    };
    Thing::Mount(BrickSpec {
        names: Some(Box::new(names)),
        ..spec
    })
}

/// A thin brick's space when it has grown by 2 GiB.
/// A part of the way to a copy of a brick in a volume whose bricks name what others have missed.
pub(crate) fn copy(part: CopyPart, brick: Thing) -> Thing {
    let Thing::Brick(brick) = brick else {
        unreachable!()
    };
    Thing::Copy(CopySpec {
        part,
        snapshot: SnapshotId::from_u128(7),
        copy: BrickId::from_u128(0xc1c1_c1c1_c1c1_c1c1_c1c1_c1c1_c1c1_c1c1),
        brick,
        names_missed: true,
        name: Some(volume_name()),
        text: "{}\n".into(),
        promised: ByteSize::ZERO,
    })
}

pub(crate) fn larger() -> BrickSpace {
    BrickSpace::ThinPool {
        pool: ByteSize::from_gib(3),
        metadata: ByteSize::from_mib(16),
    }
}

/// A part of a brick of 1 GiB that is to have 3.
pub(crate) fn growth(part: GrowthPart, brick: Thing) -> Thing {
    let Thing::Brick(mut brick) = brick else {
        unreachable!()
    };
    let space_before = match brick.space {
        space @ (BrickSpace::Image | BrickSpace::Shared | BrickSpace::Folder) => space,
        BrickSpace::ThinPool { .. } => thin(),
    };
    brick.size = ByteSize::from_gib(3);
    Thing::Growth(GrowthSpec {
        part,
        brick,
        space_before,
    })
}

/// A device's size.
pub(crate) fn device_size(path: DevicePath) -> Thing {
    Thing::DeviceSize(DeviceSizeSpec {
        device: DEVICE,
        path,
        least: ByteSize::from_gib(2),
        shared: None,
        shared_before: None,
    })
}

/// The volume, served.
pub(crate) fn started(stopped: bool) -> Thing {
    Thing::Started(StartedSpec {
        volume: VOLUME,
        name: volume_name(),
        bricks: addresses(&["node2"]),
        stopped,
    })
}

/// Options of the volume.
pub(crate) fn volume_options() -> Thing {
    Thing::VolumeOptions(OptionsSpec {
        volume: VOLUME,
        name: volume_name(),
        bricks: addresses(&["node1", "node2", "node3"]),
        options: options(&[
            ("user.mortar.size", "1073741824"),
            ("performance.readdir-ahead", "off"),
        ]),
    })
}

/// A third brick beside two.
pub(crate) fn copies(arbiter: bool) -> CopiesSpec {
    CopiesSpec {
        volume: VOLUME,
        name: volume_name(),
        few: 2,
        many: 3,
        arbiter,
        bricks: addresses(&["node3"]),
        others: addresses(&["node1", "node2"]),
    }
}

/// Options of the volume, changed.
pub(crate) fn changed_options() -> ChangedOptionsSpec {
    ChangedOptionsSpec {
        volume: VOLUME,
        name: volume_name(),
        bricks: addresses(&["node1", "node2", "node3"]),
        set: options(&[
            ("performance.io-cache", "off"),
            ("user.mortar.asked.0", "performance.io-cache"),
        ]),
        reset: vec![OptionName::new("performance.readdir-ahead").unwrap()],
        back: options(&[
            ("user.mortar.asked.0", "performance.readdir-ahead"),
            ("performance.readdir-ahead", "off"),
        ]),
    }
}

/// What is left of the brick.
pub(crate) fn remains(device_path: DevicePath, image: bool) -> Thing {
    Thing::Remains(RemainsSpec {
        brick: BRICK,
        device: DEVICE,
        device_path,
        image,
    })
}

/// A member that was recorded: its record of the volume is not that of the others, and it has none of another.
pub(crate) fn member(starter: Starter) -> MemberSpec {
    let record = |name: &str, said: Option<&str>, right: &str| RecordSpec {
        name: VolumeName::new(name).unwrap(),
        said: said.map(str::to_owned),
        right: Some(right.to_owned()),
        aside: said.is_some(),
    };
    MemberSpec {
        node: NodeId::from_u128(3),
        host: HostName::new("node3").unwrap(),
        why: "differs from most members in vol_test, vol_other".into(),
        hangs: false,
        anew: false,
        records: vec![
            record("vol_test", Some("4222659794"), "1134821546"),
            record("vol_more", None, "598227669"),
        ],
        folder: "0c".repeat(16),
        starter,
    }
}

/// A machine in the place of a node of a pool of three.
pub(crate) fn identity(starter: Starter) -> IdentitySpec {
    let id = |digit: char| {
        let group = |length: usize| digit.to_string().repeat(length);
        let groups = [8, 4, 4, 4, 12].map(group);
        PeerId::new(groups.join("-")).unwrap()
    };
    let host = |name: &str| HostName::new(name).unwrap();
    IdentitySpec {
        node: NodeId::from_u128(3),
        host: host("node3"),
        id: id('3'),
        operating_version: 100_000,
        peers: vec![
            KnownPeer {
                id: id('1'),
                hosts: vec![host("node1")],
            },
            KnownPeer {
                id: id('2'),
                hosts: vec![host("node2"), host("10.0.0.2")],
            },
        ],
        starter,
    }
}

/// A node's file.
pub(crate) fn node_file() -> Thing {
    Thing::NodeFile(NodeFileSpec {
        node: NodeId::from_u128(1),
        text: "{\n  \"mortar\": 1\n}\n".into(),
    })
}

/// A command's output.
pub(crate) fn output(status: i32, stdout: &str, stderr: &str) -> Outcome {
    Outcome::Ran(Output {
        status,
        stdout: stdout.into(),
        stderr: stderr.into(),
    })
}

/// A report in which everything is known.
pub(crate) fn report(outcomes: Vec<Outcome>) -> Report {
    Report {
        outcomes,
        broken: None,
    }
}
