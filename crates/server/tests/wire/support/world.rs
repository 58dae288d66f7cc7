//! A small world as it would be recorded: two clusters, one of them with nodes, devices and a volume.

use std::sync::Arc;

use mortar_engine::plan::Subject;
use mortar_engine::{Ended, Outcome, StepsEnded};
use mortar_model::{
    Brick, BrickId, BrickSpace, ByteSize, Cluster, ClusterId, Device, DeviceId, DeviceKind, DevicePath,
    Durability, HostName, Node, NodeId, OperationId, OperationKind, Snapshots, State, Tags, Volume, VolumeId,
    VolumeName, VolumeOption, ZoneChecking,
};
use mortar_store::{Durability as Firmness, Kind, MemoryStore, Store, Write};
use serde::Serialize;

/// `ccc…`: with nodes A, B and O, and volume V.
pub(crate) const C: &str = "cccccccccccccccccccccccccccccccc";
/// `ddd…`: empty.
pub(crate) const EMPTY_CLUSTER: &str = "dddddddddddddddddddddddddddddddd";
/// `aaa…`: online, with devices 1 and 2.
pub(crate) const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// `bbb…`: online, with device 3.
pub(crate) const B: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";
/// `0aa…`: failed, without devices.
pub(crate) const FAILED_NODE: &str = "0aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// `111…`: on A, an LVM device with a brick of V.
pub(crate) const D1: &str = "11111111111111111111111111111111";
/// `222…`: on A, failed and empty.
pub(crate) const FAILED_DEVICE: &str = "22222222222222222222222222222222";
/// `333…`: on B, a directory with a brick of V.
pub(crate) const D3: &str = "33333333333333333333333333333333";
/// `444…`: on B, offline and empty.
pub(crate) const OFFLINE_DEVICE: &str = "44444444444444444444444444444444";
/// `eee…`: replica 2, 10 GiB, `foo`.
pub(crate) const V: &str = "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
/// `0ee…`: Heketi's own database volume, on device 5.
pub(crate) const DATABASE: &str = "0eeeeeeeeeeeeeeeeeeeeeeeeeeeeeee";
/// Nobody's id.
pub(crate) const UNKNOWN: &str = "99999999999999999999999999999999";
/// Ended: made V.
pub(crate) const MADE: &str = "50000000000000000000000000000001";
/// Ended: failed.
pub(crate) const FAILED: &str = "50000000000000000000000000000002";
/// Ended: deleted a volume.
pub(crate) const DELETED: &str = "50000000000000000000000000000003";
/// Ended: added device 1.
pub(crate) const ADDED_DEVICE: &str = "50000000000000000000000000000004";
/// Ended: added node A.
pub(crate) const ADDED_NODE: &str = "50000000000000000000000000000005";
/// Ended two hours ago.
pub(crate) const OLD: &str = "50000000000000000000000000000006";

struct Records(Vec<Write>);

impl Records {
    fn put<T: Serialize>(&mut self, kind: Kind, id: &impl ToString, value: &T) {
        self.0.push(Write::put(kind, id, value).unwrap());
    }
}

/// A store that holds this world.
pub(crate) fn recorded() -> Arc<MemoryStore> {
    let store = MemoryStore::new();
    let mut records = Records(Vec::new());
    things(&mut records);
    ended(&mut records);
    store.apply(&records.0, Firmness::Synced).unwrap();
    Arc::new(store)
}

fn id<T: std::str::FromStr<Err = mortar_model::ParseIdError>>(text: &str) -> T {
    text.parse().unwrap()
}

fn things(records: &mut Records) {
    for (cluster, file, block) in [(C, true, true), (EMPTY_CLUSTER, false, false)] {
        let cluster = Cluster {
            id: id::<ClusterId>(cluster),
            file,
            block,
        };
        records.put(Kind::Cluster, &cluster.id, &cluster);
    }
    node(
        records,
        A,
        1,
        "node-a",
        "10.0.0.1",
        State::Online,
        &[("rack", "7")],
    );
    node(records, B, 2, "node-b", "10.0.0.2", State::Online, &[]);
    node(records, FAILED_NODE, 2, "node-f", "10.0.0.3", State::Failed, &[]);
    let lvm = DeviceKind::Lvm {
        extent: ByteSize::from_mib(4),
        uuid: "uuid-1".into(),
        paths: vec!["/dev/sdb".into(), "/dev/disk/by-id/one".into()],
        shared: None,
    };
    device(records, D1, A, "/dev/sdb", lvm, State::Online);
    device(
        records,
        FAILED_DEVICE,
        A,
        "/dev/sdc",
        DeviceKind::Directory,
        State::Failed,
    );
    device(records, D3, B, "/disks/one", DeviceKind::Directory, State::Online);
    device(
        records,
        OFFLINE_DEVICE,
        B,
        "/disks/two",
        DeviceKind::Directory,
        State::Offline,
    );
    let (options, snapshots) = (
        vec![VolumeOption::parse("nfs.disable on").unwrap()],
        Snapshots {
            enable: true,
            factor: 1.5,
        },
    );
    let volume = Volume {
        id: id::<VolumeId>(V),
        cluster: id(C),
        name: VolumeName::new("foo").unwrap(),
        size: ByteSize::from_gib(10),
        durability: Durability::Replicate(2),
        gid: 2000,
        options,
        snapshots,
        block: false,
        zone_checking: ZoneChecking::None,
        origin: None,
        sets_guessed: false,
        by_user: false,
        block_restriction: mortar_model::BlockRestriction::None,
    };
    records.put(Kind::Volume, &volume.id, &volume);
    let pool = BrickSpace::ThinPool {
        pool: ByteSize::from_gib(15),
        metadata: ByteSize::from_mib(80),
    };
    brick(records, 0xb1, &volume, D1, pool, 0);
    brick(records, 0xb2, &volume, D3, BrickSpace::Image, 1);
    let database = Volume {
        id: id(DATABASE),
        name: VolumeName::new("heketidbstorage").unwrap(),
        size: ByteSize::from_gib(2),
        durability: Durability::None,
        gid: 0,
        options: Vec::new(),
        snapshots: Snapshots {
            enable: false,
            factor: 1.0,
        },
        ..volume
    };
    records.put(Kind::Volume, &database.id, &database);
    brick(records, 0xb3, &database, D3, BrickSpace::Image, 0);
}

fn node(
    records: &mut Records,
    node: &str,
    zone: u32,
    manage: &str,
    storage: &str,
    state: State,
    tags: &[(&str, &str)],
) {
    let node = Node {
        id: id::<NodeId>(node),
        cluster: id(C),
        zone,
        manage: HostName::new(manage).unwrap(),
        storage: HostName::new(storage).unwrap(),
        tags: tags
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        state,
    };
    records.put(Kind::Node, &node.id, &node);
}

fn device(records: &mut Records, device: &str, node: &str, path: &str, kind: DeviceKind, state: State) {
    let device = Device {
        id: id::<DeviceId>(device),
        node: id(node),
        path: DevicePath::new(path).unwrap(),
        kind,
        tags: Tags::new(),
        state,
        total: ByteSize::from_gib(100),
    };
    records.put(Kind::Device, &device.id, &device);
}

fn brick(
    records: &mut Records,
    number: u128,
    volume: &Volume,
    device: &str,
    space: BrickSpace,
    position: u32,
) {
    let brick = Brick {
        id: BrickId::from_u128(number),
        volume: volume.id,
        device: id(device),
        size: volume.size,
        space,
        set: 0,
        position,
        names: None,
        pool: None,
    };
    records.put(Kind::Brick, &brick.id, &brick);
}

fn ended(records: &mut Records) {
    use OperationKind::{AddDevice, AddNode, CreateVolume, DeleteVolume};
    let done = |removed| Outcome::Done { removed };
    let failed = Outcome::Failed {
        reason: "lvcreate: no free extents".into(),
    };
    let now = u64::try_from(super::now()).unwrap() * 1000;
    for (operation, kind, subject, outcome, age) in [
        (MADE, CreateVolume, Subject::Volume(id(V)), done(false), 60),
        (FAILED, CreateVolume, Subject::Volume(id(UNKNOWN)), failed, 50),
        (
            DELETED,
            DeleteVolume,
            Subject::Volume(id(UNKNOWN)),
            done(true),
            40,
        ),
        (ADDED_DEVICE, AddDevice, Subject::Device(id(D1)), done(false), 30),
        (ADDED_NODE, AddNode, Subject::Node(id(A)), done(false), 20),
        (OLD, AddNode, Subject::Node(id(A)), done(false), 7200),
    ] {
        let ended = Ended {
            id: id::<OperationId>(operation),
            kind,
            subject: Some(subject),
            created: now - age * 1000 - 500,
            ended: now - age * 1000,
            outcome,
            warnings: Vec::new(),
            cleanup: None,
            steps: StepsEnded::default(),
        };
        records.put(Kind::Ended, &ended.id, &ended);
    }
}
