//! A volume that becomes larger where it is: every set by the same, rounded as at create, never more than there is.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use mortar_model::work::{Facts, GrowthPart, Thing};
use mortar_model::{
    Brick, BrickSpace, ByteSize, Cluster, ClusterId, Device, DeviceId, DeviceKind, DevicePath, Durability,
    HostName, Inventory, Node, NodeId, OperationId, Snapshots, State, Tags, VolumeId,
};
use mortar_plan::{
    Change, CreateVolume, Creation, Expansion, Landscape, Limits, Plan, Refusal, Rule, Seed, create_volume,
    expand_volume, of_size, resize_device,
};
use proptest::prelude::*;

const CLUSTER: ClusterId = ClusterId::from_u128(1);
const NODES: u128 = 6;

/// Six nodes with a device of this size each; every second one a directory where `mixed`.
fn landscape(total: ByteSize, mixed: bool) -> Landscape {
    let mut inventory = Inventory::new();
    inventory.put_cluster(Cluster {
        id: CLUSTER,
        file: true,
        block: false,
    });
    for number in 1..=NODES {
        let host = HostName::new(format!("n{number}")).unwrap();
        inventory
            .put_node(Node {
                id: NodeId::from_u128(number),
                cluster: CLUSTER,
                zone: u32::try_from(number).unwrap(),
                manage: host.clone(),
                storage: host,
                tags: Tags::new(),
                state: State::Online,
            })
            .unwrap();
        let directory = mixed && number % 2 == 0;
        let kind = if directory {
            DeviceKind::Directory
        } else {
            DeviceKind::Lvm {
                extent: ByteSize::from_mib(4),
                uuid: String::new(),
                paths: Vec::new(),
                shared: None,
            }
        };
        inventory
            .put_device(Device {
                id: DeviceId::from_u128(number),
                node: NodeId::from_u128(number),
                path: DevicePath::new(if directory { "/disks/one" } else { "/dev/sdb" }).unwrap(),
                kind,
                tags: Tags::new(),
                state: State::Online,
                total,
            })
            .unwrap();
    }
    Landscape::new(inventory)
}

fn limits() -> Limits {
    Limits {
        bricks_per_volume: 1000,
        ..Limits::default()
    }
}

fn apply(landscape: &mut Landscape, plan: &Plan) {
    for change in &plan.changes {
        landscape.apply(change, &Facts::None).unwrap();
    }
}

fn make(landscape: &mut Landscape, request: &CreateVolume, seed: u64) -> Option<VolumeId> {
    let creation = create_volume(landscape, &limits(), request, &mut Seed::new(seed.into()));
    let Ok(Creation::New(plan)) = creation else {
        return None;
    };
    apply(landscape, &plan);
    plan.new_volume().map(|volume| volume.id)
}

fn grow(landscape: &Landscape, id: VolumeId, by: ByteSize, way: Expansion) -> Result<Plan, Refusal> {
    // Bricks that are added get ids of their own.
    let mut seed = Seed::new(1000 + landscape.inventory().bricks().count() as u128);
    expand_volume(landscape, &limits(), id, by, way, &mut seed)
}

fn bricks(landscape: &Landscape, id: VolumeId) -> Vec<Brick> {
    landscape.inventory().bricks_of(id).cloned().collect()
}

fn holds(landscape: &Landscape, id: VolumeId, durability: Durability) -> ByteSize {
    let bricks = bricks(landscape, id);
    let sets = bricks.last().map_or(0, |brick| brick.set + 1);
    (0..sets)
        .map(|set| {
            let of_set = bricks.iter().filter(|brick| brick.set == set);
            durability.usable(of_set.map(|brick| (brick.position, brick.size)))
        })
        .sum()
}

fn request(gib: u64, durability: Durability) -> CreateVolume {
    CreateVolume::new(ByteSize::from_gib(gib), durability)
}

#[test]
fn a_brick_that_grew_is_as_one_that_was_made_so() {
    let total = ByteSize::from_gib(100);
    for durability in [
        Durability::None,
        Durability::Replicate(3),
        Durability::Arbiter,
        Durability::disperse(4, 2),
    ] {
        for factor in [1.0, 1.37] {
            let mut small = landscape(total, false);
            let mut large = small.clone();
            let mut wanted = request(4, durability);
            wanted.snapshots = Snapshots { enable: true, factor };
            let id = make(&mut small, &wanted, 1).unwrap();
            wanted.size = ByteSize::from_gib(11);
            let other = make(&mut large, &wanted, 1).unwrap();
            // In many small steps as in one.
            for by in [1, 1, 2, 3] {
                let plan = grow(&small, id, ByteSize::from_gib(by), Expansion::InPlace).unwrap();
                apply(&mut small, &plan);
            }
            let sizes = |landscape, id| {
                let bricks = bricks(landscape, id).into_iter();
                bricks.map(|brick| (brick.size, brick.space)).collect::<Vec<_>>()
            };
            assert_eq!(sizes(&small, id), sizes(&large, other), "{durability}, {factor}");
            assert_eq!(small.inventory().volume(id).unwrap().size, ByteSize::from_gib(11));
        }
    }
}

#[test]
fn it_is_looked_at_first_and_only_goes_forward_then() {
    let mut landscape = landscape(ByteSize::from_gib(100), true);
    let id = make(&mut landscape, &request(3, Durability::Replicate(3)), 1).unwrap();
    let plan = grow(&landscape, id, ByteSize::from_gib(2), Expansion::Best).unwrap();
    let part = |stage: usize| match &plan.stages[stage].steps[0].thing {
        Thing::Growth(spec) => Some(spec.part),
        Thing::VolumeOptions(_) => None,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        (0..plan.stages.len()).map(part).collect::<Vec<_>>(),
        [
            Some(GrowthPart::Room),
            Some(GrowthPart::Space),
            Some(GrowthPart::FileSystem),
            None
        ]
    );
    assert_eq!(plan.forward_from, Some(1));
    assert!(plan.stages[..3].iter().all(|stage| stage.steps.len() == 3));
}

#[test]
fn more_bricks_only_where_the_devices_cannot_hold_it() {
    let mut landscape = landscape(ByteSize::from_gib(10), false);
    let id = make(&mut landscape, &request(6, Durability::Replicate(3)), 1).unwrap();
    let by = ByteSize::from_gib(5);
    let refused = grow(&landscape, id, by, Expansion::InPlace).unwrap_err();
    let Refusal::NoRoom(room) = &refused else {
        panic!("{refused:?}")
    };
    assert_eq!(room.devices.len(), 3);
    assert!(
        room.devices
            .iter()
            .all(|device| matches!(device.rule, Rule::Full { .. })),
        "{refused}"
    );
    let plan = grow(&landscape, id, by, Expansion::Best).unwrap();
    assert_eq!((plan.new_bricks().count(), plan.grown_bricks().count()), (3, 0));
    let plan = grow(&landscape, id, ByteSize::from_gib(2), Expansion::Best).unwrap();
    assert_eq!((plan.new_bricks().count(), plan.grown_bricks().count()), (0, 3));
    let refused = grow(&landscape, id, ByteSize::from_gib(50), Expansion::Best).unwrap_err();
    assert!(matches!(&refused, Refusal::NeitherWay(..)), "{refused:?}");
    let text = refused.to_string();
    assert!(
        text.contains("no place for a brick") && text.contains("cannot become larger where they are"),
        "{text}"
    );
}

/// A node that is away for a while is no reason for bricks that stay for good.
#[test]
fn a_node_that_is_away_is_waited_for() {
    let mut landscape = landscape(ByteSize::from_gib(100), false);
    let id = make(&mut landscape, &request(6, Durability::Replicate(3)), 1).unwrap();
    let device = bricks(&landscape, id)[0].device;
    let node = landscape.inventory().device(device).unwrap().node;
    landscape.set_healthy(node, false);
    let refused = grow(&landscape, id, ByteSize::from_gib(1), Expansion::Best).unwrap_err();
    assert!(
        matches!(&refused, Refusal::NoRoom(room) if room.only_away()),
        "{refused:?}"
    );
    assert!(grow(&landscape, id, ByteSize::from_gib(1), Expansion::AddBricks).is_ok());
}

#[test]
fn bricks_do_not_pass_their_limit() {
    let mut landscape = landscape(ByteSize::from_gib(100), false);
    let id = make(&mut landscape, &request(3, Durability::None), 1).unwrap();
    let limits = Limits {
        brick_max: ByteSize::from_gib(4),
        ..limits()
    };
    let by = ByteSize::from_gib(2);
    let grow = |way| expand_volume(&landscape, &limits, id, by, way, &mut Seed::new(7));
    assert!(matches!(grow(Expansion::InPlace), Err(Refusal::NoRoom(room))
        if matches!(room.devices[0].rule, Rule::TooLarge { .. })));
    assert_eq!(grow(Expansion::Best).unwrap().new_bricks().count(), 1);
}

#[test]
fn what_is_promised_must_fit_a_size_that_is_taken_up() {
    let mut landscape = landscape(ByteSize::from_gib(100), false);
    let id = make(&mut landscape, &request(6, Durability::None), 1).unwrap();
    let device = bricks(&landscape, id)[0].device;
    let plan = grow(&landscape, id, ByteSize::from_gib(20), Expansion::InPlace).unwrap();
    landscape.hold(OperationId::from_u128(9), &plan);
    let used = landscape.used(device);
    assert!(used > ByteSize::from_gib(26), "what is to come counts: {used}");
    assert!(of_size(&landscape, device, ByteSize::from_gib(26)).is_err());
    assert_eq!(of_size(&landscape, device, used).unwrap().total, used);
    let plan = resize_device(&landscape, device).unwrap();
    let Thing::DeviceSize(spec) = &plan.stages[0].steps[0].thing else {
        panic!()
    };
    assert_eq!(spec.least, used);
}

proptest! {
    /// However a volume came to its size, it holds it; nothing becomes smaller; and from the plan on no device is
    /// promised more than it has.
    #[test]
    fn a_volume_holds_what_it_says(
        seed in any::<u64>(),
        mixed in any::<bool>(),
        total in 8..200_u64,
        shape in 0..4_usize,
        factor in prop_oneof![Just(1.0), 1.0..3.0_f64],
        steps in prop::collection::vec((0..3_usize, 1..40_u64), 1..8),
    ) {
        let durability = [
            Durability::None, Durability::Replicate(3), Durability::Arbiter, Durability::disperse(4, 2),
        ][shape];
        let mut landscape = landscape(ByteSize::from_gib(total), mixed);
        let mut wanted = request(4, durability);
        wanted.snapshots = Snapshots { enable: factor > 1.0, factor };
        let Some(id) = make(&mut landscape, &wanted, seed) else {
            return Ok(());
        };
        let mut size = wanted.size;
        for (number, (way, quarters)) in (1..).zip(steps) {
            let way = [Expansion::Best, Expansion::InPlace, Expansion::AddBricks][way];
            let by = ByteSize::from_mib(256 * quarters);
            let Ok(plan) = grow(&landscape, id, by, way) else {
                continue;
            };
            let before = bricks(&landscape, id);
            let operation = OperationId::from_u128(number);
            let used: Vec<ByteSize> = (1..=NODES).map(|id| landscape.used(DeviceId::from_u128(id))).collect();
            landscape.hold(operation, &plan);
            for device in landscape.inventory().devices() {
                prop_assert!(landscape.used(device.id) <= device.total);
            }
            let held: Vec<ByteSize> = (1..=NODES).map(|id| landscape.used(DeviceId::from_u128(id))).collect();
            landscape.release(operation);
            let after: Vec<ByteSize> = (1..=NODES).map(|id| landscape.used(DeviceId::from_u128(id))).collect();
            prop_assert_eq!(&used, &after, "given back exactly");
            apply(&mut landscape, &plan);
            size += by;
            prop_assert_eq!(landscape.inventory().volume(id).unwrap().size, size);
            prop_assert!(holds(&landscape, id, durability) >= size);
            for (held, id) in held.iter().zip(1..=NODES) {
                prop_assert!(*held >= landscape.used(DeviceId::from_u128(id)), "counted from the plan on");
            }
            let now = bricks(&landscape, id);
            for brick in before {
                let grown = now.iter().find(|other| other.id == brick.id).unwrap();
                prop_assert!(grown.size >= brick.size && grown.footprint() >= brick.footprint());
                let extent = landscape.inventory().device(brick.device).unwrap().kind.extent();
                prop_assert_eq!(grown.size.round_up(extent), grown.size);
                if let BrickSpace::ThinPool { pool, metadata } = grown.space {
                    prop_assert!(pool >= grown.size && pool.round_up(extent) == pool);
                    prop_assert_eq!(metadata.round_up(extent), metadata);
                }
            }
            let only_grown = plan.changes.iter().all(|change| matches!(change, Change::GrowBricks { .. }));
            if way == Expansion::InPlace {
                prop_assert!(only_grown);
            }
        }
    }
}
