//! Placement under random pools, requests and histories.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use mortar_model::work::Facts;
use mortar_model::{
    Brick, BrickSpace, ByteSize, Cluster, ClusterId, Device, DeviceId, DeviceKind, DevicePath, Durability,
    HostName, Inventory, Node, NodeId, OperationId, State, Tags, VolumeOption, ZoneChecking, check,
};
use mortar_plan::{
    AddDevice, AddNode, BrickSize, Change, CreateVolume, Expansion, Landscape, Limits, NoSpace, Plan,
    Refusal, Rule, Seed, TagRule, add_device, add_node, arbiter_size, brick_space, expand_volume,
    remove_device, remove_node,
};
use proptest::prelude::*;

/// The plan of a volume that has no name of its own, and so is always a new one.
fn create_volume(
    landscape: &Landscape,
    limits: &Limits,
    request: &CreateVolume,
    seed: &mut Seed,
) -> Result<Plan, Refusal> {
    mortar_plan::create_volume(landscape, limits, request, seed).map(|creation| creation.plan().unwrap())
}

const CLUSTER: ClusterId = ClusterId::from_u128(1);

#[derive(Clone, Debug)]
struct DeviceSketch {
    gib: u64,
    lvm: bool,
    online: bool,
    ssd: bool,
    arbiter: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct NodeSketch {
    zone: u32,
    online: bool,
    healthy: bool,
    arbiter: Option<&'static str>,
    devices: Vec<DeviceSketch>,
}

/// What the tag that steers arbiters says, mostly nothing.
fn arbiter_tag() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![
        6 => Just(None),
        1 => Just(Some("supported")),
        2 => Just(Some("required")),
        2 => Just(Some("disabled")),
    ]
}

fn tags(pairs: &[(&str, Option<&str>)]) -> Tags {
    let said = pairs
        .iter()
        .filter_map(|(key, value)| Some(((*key).into(), (*value)?.into())));
    said.collect()
}

fn devices(most: usize) -> impl Strategy<Value = Vec<DeviceSketch>> {
    let device = (
        1..60_u64,
        any::<bool>(),
        prop::bool::weighted(0.9),
        any::<bool>(),
        arbiter_tag(),
    )
        .prop_map(|(gib, lvm, online, ssd, arbiter)| DeviceSketch {
            gib,
            lvm,
            online,
            ssd,
            arbiter,
        });
    proptest::collection::vec(device, 0..=most)
}

fn node(most_devices: usize) -> impl Strategy<Value = NodeSketch> {
    (
        0..4_u32,
        prop::bool::weighted(0.9),
        prop::bool::weighted(0.9),
        arbiter_tag(),
        devices(most_devices),
    )
        .prop_map(|(zone, online, healthy, arbiter, devices)| NodeSketch {
            zone,
            online,
            healthy,
            arbiter,
            devices,
        })
}

fn pool() -> impl Strategy<Value = Vec<NodeSketch>> {
    proptest::collection::vec(node(3), 0..8)
}

fn landscape(pool: &[NodeSketch]) -> Landscape {
    let mut inventory = Inventory::new();
    inventory.put_cluster(Cluster {
        id: CLUSTER,
        file: true,
        block: false,
    });
    let state = |online| if online { State::Online } else { State::Offline };
    for (number, sketch) in (1..).zip(pool) {
        let id = NodeId::from_u128(number);
        let host = HostName::new(format!("n{number}")).unwrap();
        let (manage, storage) = (host.clone(), host);
        let node = Node {
            id,
            cluster: CLUSTER,
            zone: sketch.zone,
            manage,
            storage,
            tags: tags(&[("arbiter", sketch.arbiter)]),
            state: state(sketch.online),
        };
        inventory.put_node(node).unwrap();
        for (disk, device) in (1..).zip(&sketch.devices) {
            let kind = if device.lvm {
                DeviceKind::Lvm {
                    extent: ByteSize::from_mib(4),
                    uuid: String::new(),
                    paths: Vec::new(),
                    shared: None,
                }
            } else {
                DeviceKind::Directory
            };
            let tags = tags(&[
                ("media", device.ssd.then_some("ssd")),
                ("arbiter", device.arbiter),
            ]);
            inventory
                .put_device(Device {
                    id: DeviceId::from_u128(number * 100 + disk),
                    node: id,
                    path: DevicePath::new(format!("/disks/{disk}")).unwrap(),
                    kind,
                    tags,
                    state: state(device.online),
                    total: ByteSize::from_gib(device.gib),
                })
                .unwrap();
        }
    }
    let mut landscape = Landscape::new(inventory);
    for (number, sketch) in (1..).zip(pool) {
        landscape.set_healthy(NodeId::from_u128(number), sketch.healthy);
    }
    landscape
}

fn shape() -> impl Strategy<Value = Durability> {
    prop_oneof![
        Just(Durability::None),
        (1..6_u32).prop_map(Durability::Replicate),
        Just(Durability::Arbiter),
        Just(Durability::disperse(2, 1)),
        Just(Durability::disperse(3, 1)),
        Just(Durability::disperse(4, 2)),
    ]
}

fn request() -> impl Strategy<Value = CreateVolume> {
    let rules = prop_oneof![
        3 => Just(None),
        1 => Just(Some("media=ssd")),
        1 => Just(Some("media!=ssd")),
        1 => Just(Some("media=ssd,arbiter!=required")),
        1 => Just(Some("media!=ssd,arbiter=required,media!=tape")),
    ];
    let average = prop_oneof![3 => Just(None), 1 => (1..2000_u32).prop_map(Some)];
    (1..80_u64, shape(), any::<bool>(), rules, 1..3_u32, average).prop_map(
        |(gib, durability, strict, rules, factor, average)| {
            let gib = gib.max(u64::from(durability.data_bricks()));
            let mut request = CreateVolume::new(ByteSize::from_gib(gib), durability);
            request.zone_checking = strict.then_some(ZoneChecking::Strict);
            request.snapshots = mortar_model::Snapshots {
                enable: factor > 1,
                factor: f64::from(factor),
            };
            let rules = rules.map(|rules| VolumeOption::new("user.mortar.device-tag-match", rules).unwrap());
            let average = average
                .map(|kib| VolumeOption::new("user.heketi.average-file-size", kib.to_string()).unwrap());
            request.options = rules.into_iter().chain(average).collect();
            request
        },
    )
}

fn commit(landscape: &mut Landscape, plan: &Plan) {
    for change in &plan.changes {
        landscape.apply(change, &Facts::None).unwrap();
    }
}

fn tags_kept(request: &CreateVolume, device: &Device, node: &Node) -> bool {
    let matches = request
        .options
        .iter()
        .filter(|option| option.key().ends_with("tag-match"));
    let mut rules = matches
        .flat_map(|option| option.value().split(','))
        .map(|rule| TagRule::parse(rule).unwrap());
    rules.all(|rule| rule.keeps(&device.tags, &node.tags))
}

/// What the tags of a device or its node say of arbiters.
fn arbiters<'a>(device: &'a Device, node: &'a Node) -> Option<&'a str> {
    let tag = device.tags.get("arbiter").or_else(|| node.tags.get("arbiter"));
    tag.map(String::as_str)
}

/// Heketi's rule: 1 KiB for each file that a data brick has room for, within what can be made.
fn assert_arbiter(request: &CreateVolume, arbiter: &Brick, data: &Brick) -> Result<(), TestCaseError> {
    let mut options = request.options.iter();
    let said = options.find(|option| option.key() == "user.heketi.average-file-size");
    let average = said.map_or(64, |option| option.value().parse().unwrap());
    let files = ByteSize::from_kib(data.size.kib() / average);
    let whole = ByteSize::from_mib(4);
    prop_assert!(arbiter.size >= files.max(ByteSize::from_mib(300)).min(data.size).minus(whole));
    prop_assert!(arbiter.size <= files.max(ByteSize::from_mib(300)) + whole + whole);
    prop_assert!(arbiter.size <= data.size + whole);
    Ok(())
}

/// Nothing that a rule forbids, seen from the landscape as it was before the plan.
fn assert_sound(
    landscape: &Landscape,
    request: &CreateVolume,
    bricks: &[Brick],
) -> Result<(), TestCaseError> {
    let inventory = landscape.inventory();
    let mut taken: BTreeMap<DeviceId, ByteSize> = BTreeMap::new();
    for brick in bricks {
        let device = inventory.device(brick.device).unwrap();
        let node = inventory.node(device.node).unwrap();
        prop_assert!(
            device.state == State::Online && node.state == State::Online && landscape.is_healthy(node.id)
        );
        prop_assert!(tags_kept(request, device, node));
        let forbidden = if request.durability.is_arbiter(brick.position) {
            "disabled"
        } else {
            "required"
        };
        prop_assert_ne!(arbiters(device, node), Some(forbidden));
        let sum = taken.entry(device.id).or_default();
        *sum += brick.footprint();
        prop_assert!(
            landscape.used(device.id) + *sum < device.total,
            "strictly more free than is taken"
        );
    }
    let sets: BTreeSet<u32> = bricks.iter().map(|brick| brick.set).collect();
    let mut usable = ByteSize::ZERO;
    for set in sets {
        let of_set: Vec<&Brick> = bricks.iter().filter(|brick| brick.set == set).collect();
        prop_assert_eq!(of_set.len(), request.durability.bricks_per_set() as usize);
        let nodes: BTreeSet<NodeId> = of_set
            .iter()
            .map(|brick| inventory.node_of_brick(brick).unwrap().id)
            .collect();
        prop_assert_eq!(nodes.len(), of_set.len(), "two bricks of a set on one node");
        let zones: BTreeSet<u32> = of_set
            .iter()
            .map(|brick| inventory.node_of_brick(brick).unwrap().zone)
            .collect();
        if request.zone_checking == Some(ZoneChecking::Strict) {
            prop_assert_eq!(
                zones.len(),
                of_set.len(),
                "two bricks of a set in one strict zone"
            );
        }
        if request.durability == Durability::Arbiter {
            assert_arbiter(request, of_set[2], of_set[0])?;
        } else {
            let (least, most) = (
                of_set.iter().map(|brick| brick.size).min().unwrap(),
                of_set.iter().map(|brick| brick.size).max().unwrap(),
            );
            prop_assert!(
                most.minus(least) < ByteSize::from_mib(4),
                "alike but for whole extents"
            );
        }
        usable += request
            .durability
            .usable(of_set.iter().map(|brick| (brick.position, brick.size)));
    }
    prop_assert!(usable >= request.size);
    Ok(())
}

/// Every rule that a refusal names is true of its device.
fn assert_true(
    landscape: &Landscape,
    request: &CreateVolume,
    refusal: &NoSpace,
) -> Result<(), TestCaseError> {
    let inventory = landscape.inventory();
    for refused in &refusal.devices {
        let device = inventory.device(refused.device).unwrap();
        let node = inventory.node(device.node).unwrap();
        match &refused.rule {
            Rule::NodeOffline => prop_assert!(node.state != State::Online),
            Rule::NodeUnhealthy => prop_assert!(!landscape.is_healthy(node.id)),
            Rule::DeviceOffline => prop_assert!(device.state != State::Online),
            Rule::Tags(_) => prop_assert!(!tags_kept(request, device, node)),
            Rule::NoArbiters => {
                prop_assert_eq!(request.durability, Durability::Arbiter);
                prop_assert_eq!(arbiters(device, node), Some("disabled"));
            }
            Rule::OnlyArbiters => prop_assert_eq!(arbiters(device, node), Some("required")),
            Rule::Full { needed, free } => {
                prop_assert!(free <= needed);
                prop_assert!(*free <= device.total.minus(landscape.used(device.id)));
            }
            Rule::TooFull(full) => prop_assert_eq!(landscape.too_full(device.id), Some(*full)),
            Rule::NodeInSet | Rule::ZoneInSet => prop_assert!(refusal.bricks_per_set > 1),
            Rule::Outranked
            | Rule::Chosen
            | Rule::DeviceLeaving
            | Rule::Left
            | Rule::Adopted
            | Rule::TooLarge { .. } => {
                prop_assert!(false, "not a refusal: {:?}", refused);
            }
        }
        if refused.rule == Rule::ZoneInSet {
            prop_assert_eq!(request.zone_checking, Some(ZoneChecking::Strict));
        }
    }
    let all = inventory.devices().count();
    prop_assert_eq!(
        refusal.devices.len() + refusal.more,
        all,
        "every device has its reason"
    );
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_of_creates_and_expands_breaks_no_rule(
        pool in pool(), requests in proptest::collection::vec((request(), any::<u128>(), any::<bool>()), 1..12),
    ) {
        let mut landscape = landscape(&pool);
        let limits = Limits::default();
        for (request, seed, hold) in requests {
            let plan = create_volume(&landscape, &limits, &request, &mut Seed::new(seed));
            let again = create_volume(&landscape, &limits, &request, &mut Seed::new(seed));
            prop_assert_eq!(&plan, &again, "same landscape, request and seed: same plan");
            match plan {
                Ok(plan) => {
                    let bricks: Vec<Brick> = plan.new_bricks().cloned().collect();
                    assert_sound(&landscape, &request, &bricks)?;
                    if hold {
                        // A running operation: its space is spoken for.
                        landscape.hold(OperationId::from_u128(seed), &plan);
                    } else {
                        commit(&mut landscape, &plan);
                        let volume = plan.new_volume().unwrap().id;
                        let by = ByteSize::from_gib(4);
                        if let Ok(grown) = expand_volume(&landscape, &limits, volume, by, Expansion::AddBricks, &mut Seed::new(seed ^ 1)) {
                            let bricks: Vec<Brick> = grown.new_bricks().cloned().collect();
                            let more = CreateVolume { size: by, ..request.clone() };
                            assert_sound(&landscape, &more, &bricks)?;
                            commit(&mut landscape, &grown);
                        }
                    }
                }
                Err(Refusal::NoSpace(refusal)) => assert_true(&landscape, &request, &refusal)?,
                Err(Refusal::NoNodes) => {
                    let usable = landscape.inventory().devices().any(|device| {
                        let node = landscape.inventory().node(device.node).unwrap();
                        device.state == State::Online && node.state == State::Online && landscape.is_healthy(node.id)
                    });
                    prop_assert!(!usable);
                }
                Err(other) => prop_assert!(false, "{other}"),
            }
        }
        prop_assert_eq!(check::check(landscape.inventory()), Vec::new());
    }

    /// What is held and given back leaves no trace: the same plan as before.
    #[test]
    fn releasing_gives_everything_back(pool in pool(), first in request(), second in request(), seed: u128) {
        let mut landscape = landscape(&pool);
        let limits = Limits::default();
        let before = create_volume(&landscape, &limits, &second, &mut Seed::new(seed));
        if let Ok(plan) = create_volume(&landscape, &limits, &first, &mut Seed::new(seed ^ 7)) {
            landscape.hold(OperationId::from_u128(9), &plan);
            landscape.release(OperationId::from_u128(9));
        }
        prop_assert_eq!(create_volume(&landscape, &limits, &second, &mut Seed::new(seed)), before);
    }
}

/// Whether one set of bricks as large as the request could be placed, by trying all ways.
fn some_way(landscape: &Landscape, request: &CreateVolume, set: &mut Vec<DeviceId>) -> bool {
    let inventory = landscape.inventory();
    let place = u32::try_from(set.len()).unwrap();
    if place == request.durability.bricks_per_set() {
        return true;
    }
    let data = request
        .size
        .divide_up(u64::from(request.durability.data_bricks()));
    let data = data.round_up(ByteSize::from_kib(4));
    let arbiter = request.durability.is_arbiter(place);
    let size = if arbiter {
        arbiter_size(data, &request.options)
    } else {
        data
    };
    let brick = BrickSize {
        size,
        snapshot_factor: request.snapshots.factor,
    };
    let of = |id: DeviceId| {
        let device = inventory.device(id).unwrap();
        (device, inventory.node(device.node).unwrap())
    };
    inventory.devices().any(|device| {
        let node = inventory.node(device.node).unwrap();
        let needed = match brick_space(brick, &device.kind) {
            BrickSpace::ThinPool { pool, metadata } => pool + metadata,
            BrickSpace::Shared | BrickSpace::Image | BrickSpace::Folder => {
                size.round_up(device.kind.extent())
            }
        };
        let clash = set.iter().any(|other| {
            let (_, other) = of(*other);
            other.id == node.id
                || (request.zone_checking == Some(ZoneChecking::Strict) && other.zone == node.zone)
        });
        let forbidden = if arbiter { "disabled" } else { "required" };
        let fits = device.state == State::Online
            && node.state == State::Online
            && landscape.is_healthy(node.id)
            && tags_kept(request, device, node)
            && arbiters(device, node) != Some(forbidden)
            && device.total > needed
            && !clash;
        if !fits {
            return false;
        }
        set.push(device.id);
        let found = some_way(landscape, request, set);
        set.pop();
        found
    })
}

/// A node that a brick of a few GiB may or may not find room on.
fn small_node() -> impl Strategy<Value = NodeSketch> {
    let gib = proptest::collection::vec(prop_oneof![Just(1_u64), Just(2), 3..10_u64], 1..3);
    let arbiter = prop_oneof![2 => Just(None), 1 => Just(Some("required")), 3 => Just(Some("disabled"))];
    (node(2), gib, arbiter).prop_map(|(mut node, gib, arbiter)| {
        node.arbiter = arbiter;
        for (device, gib) in node.devices.iter_mut().zip(gib) {
            device.gib = gib;
        }
        node
    })
}

fn small_request() -> impl Strategy<Value = CreateVolume> {
    let shapes = prop_oneof![
        4 => Just(Durability::Arbiter),
        1 => (1..5_u32).prop_map(Durability::Replicate),
        1 => Just(Durability::disperse(2, 1)),
    ];
    (request(), shapes, 2..6_u64).prop_map(|(request, durability, gib)| CreateVolume {
        durability,
        size: ByteSize::from_gib(gib),
        ..request
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A set is refused only where there is no way at all to place it: not because an arbiter was put where data had to go.
    #[test]
    fn a_set_finds_its_places_where_there_are_any(
        pool in proptest::collection::vec(small_node(), 2..6), request in small_request(), seed: u128,
    ) {
        let landscape = landscape(&pool);
        let limits = Limits {
            bricks_per_volume: request.durability.bricks_per_set(),
            ..Limits::default()
        };
        let planned = create_volume(&landscape, &limits, &request, &mut Seed::new(seed));
        let possible = some_way(&landscape, &request, &mut Vec::new());
        prop_assert_eq!(planned.is_ok(), possible, "{:?}", planned.err().map(|why| why.to_string()));
    }
}

fn even_pool(nodes: usize, zones: u32, gib: &[u64]) -> Landscape {
    let sketch = |number: usize| NodeSketch {
        zone: u32::try_from(number).unwrap() % zones,
        online: true,
        healthy: true,
        arbiter: None,
        devices: gib
            .iter()
            .map(|gib| DeviceSketch {
                gib: *gib,
                lvm: true,
                online: true,
                ssd: false,
                arbiter: None,
            })
            .collect(),
    };
    landscape(&(0..nodes).map(sketch).collect::<Vec<_>>())
}

/// Sets spread over zones where they can, and fill stays even by capacity, not by count.
#[test]
fn zones_are_distinct_and_fill_is_even() {
    let mut landscape = even_pool(9, 3, &[100, 400]);
    for number in 0..120_u128 {
        let request = CreateVolume::new(ByteSize::from_gib(5), Durability::Replicate(3));
        let plan = create_volume(&landscape, &Limits::default(), &request, &mut Seed::new(number)).unwrap();
        let zones: BTreeSet<u32> = plan
            .new_bricks()
            .map(|brick| landscape.inventory().node_of_brick(brick).unwrap().zone)
            .collect();
        assert_eq!(zones.len(), 3, "zones are used where there are enough");
        commit(&mut landscape, &plan);
    }
    let fill = |device: &Device| landscape.used(device.id).bytes() * 100 / device.total.bytes();
    let fills: Vec<u64> = landscape.inventory().devices().map(fill).collect();
    let (least, most) = (fills.iter().min().unwrap(), fills.iter().max().unwrap());
    assert!(
        most - least <= 8,
        "one brick is 5 % of the small device: {fills:?}"
    );
}

#[test]
fn a_volume_too_large_for_one_set_is_halved_until_it_fits() {
    let landscape = even_pool(3, 3, &[100, 100]);
    let request = CreateVolume::new(ByteSize::from_gib(150), Durability::Replicate(3));
    let plan = create_volume(&landscape, &Limits::default(), &request, &mut Seed::new(1)).unwrap();
    assert_eq!(plan.new_bricks().count(), 6);
    assert!(
        plan.new_bricks()
            .all(|brick| brick.size == ByteSize::from_gib(75))
    );
}

#[test]
fn refusals_say_what_would_be_needed() {
    let landscape = even_pool(2, 2, &[10]);
    let limits = Limits::default();
    let ask = |gib, replica| {
        let request = CreateVolume::new(ByteSize::from_gib(gib), Durability::Replicate(replica));
        create_volume(&landscape, &limits, &request, &mut Seed::new(1))
            .unwrap_err()
            .to_string()
    };
    let text = ask(1, 3);
    assert!(
        text.contains("3 to a set") && text.contains("its node already has a brick of the same set"),
        "{text}"
    );
    let text = ask(1000, 2);
    assert!(text.contains("10 GiB free") && text.contains("needed"), "{text}");
    // The largest that may be: bricks of more than the limit are not looked for, so no device refused them.
    let text = ask(1 << 20, 3);
    assert_eq!(
        text,
        "even 24 bricks would have 128 TiB each, and the largest that is made has 4 TiB (brick-max); more would pass the limit of \
         bricks per volume: raise brick-max or bricks-per-volume, or ask for less"
    );
    assert_eq!(ask(1, 17), "17 replicas cannot be made: 1 to 16 can");
    assert_eq!(ask(1, 0), "0 replicas cannot be made: 1 to 16 can");
}

/// Where no brick is of a size that is made, no device is blamed.
#[test]
fn limits_that_leave_no_brick_size_are_named() {
    let landscape = even_pool(3, 3, &[100]);
    let ask = |limits: &Limits, gib, replica| {
        let request = CreateVolume::new(ByteSize::from_gib(gib), Durability::Replicate(replica));
        create_volume(&landscape, limits, &request, &mut Seed::new(1)).unwrap_err()
    };
    let narrow = Limits {
        brick_min: ByteSize::from_gib(3),
        brick_max: ByteSize::from_gib(4),
        ..Limits::default()
    };
    assert!(matches!(
        ask(&narrow, 5, 3),
        Refusal::NoBrickSize { bricks: 3, brick_min: Some(least), .. } if least == narrow.brick_min
    ));
    let few = Limits {
        bricks_per_volume: 2,
        ..Limits::default()
    };
    let too_many = Refusal::TooManyBricks {
        has: 0,
        limit: 2,
        set: 3,
    };
    assert_eq!(ask(&few, 5, 3), too_many);
}

/// A brick on a device whose volume group is just being removed would be lost, or keep it from being removed.
#[test]
fn a_device_that_is_being_removed_takes_no_brick_until_the_removal_is_undone() {
    let mut landscape = even_pool(1, 1, &[10]);
    let device = landscape.inventory().devices().next().unwrap().id;
    let (removal, request) = (
        OperationId::from_u128(1),
        CreateVolume::new(ByteSize::from_gib(1), Durability::None),
    );
    let ask =
        |landscape: &Landscape| create_volume(landscape, &Limits::default(), &request, &mut Seed::new(1));
    let plan = remove_device(&landscape, device, false).unwrap();
    landscape.hold(removal, &plan);
    assert_eq!(ask(&landscape), Err(Refusal::NoNodes));
    landscape.release(removal);
    assert!(ask(&landscape).is_ok());

    let mut landscape = even_pool(2, 1, &[10]);
    let plan = remove_device(&landscape, device, false).unwrap();
    landscape.hold(removal, &plan);
    assert!(
        ask(&landscape)
            .unwrap()
            .new_bricks()
            .all(|brick| brick.device != device)
    );
    let request = CreateVolume::new(ByteSize::from_gib(1), Durability::Replicate(2));
    let Err(Refusal::NoSpace(why)) =
        create_volume(&landscape, &Limits::default(), &request, &mut Seed::new(1))
    else {
        panic!("two bricks need two devices");
    };
    assert!(
        why.devices
            .iter()
            .any(|refused| refused.device == device && refused.rule == Rule::DeviceLeaving)
    );
}

/// Each of two first nodes would be a pool of its own; a node of a cluster that is gone could not be recorded.
#[test]
fn a_node_joins_only_a_cluster_that_stays_and_one_at_a_time_an_empty_one() {
    let mut landscape = landscape(&[]);
    let request = |name: &str| {
        let host = HostName::new(name).unwrap();
        AddNode {
            cluster: CLUSTER,
            zone: 1,
            manage: host.clone(),
            storage: host,
            tags: Tags::new(),
        }
    };
    let other = OperationId::from_u128(1);
    let busy = |kind| Err(Refusal::Busy(kind, CLUSTER.to_string(), other));
    let ask = |landscape: &Landscape, name| add_node(landscape, &request(name), &mut Seed::new(2));
    let first = add_node(&landscape, &request("a"), &mut Seed::new(1)).unwrap();
    landscape.hold(other, &first);
    assert_eq!(ask(&landscape, "b"), busy("cluster"));
    landscape.release(other);
    for change in &first.changes {
        landscape.apply(change, &Facts::None).unwrap();
    }
    let second = ask(&landscape, "b").unwrap();
    assert_eq!(second.stages.len(), 1);
    let only = landscape.inventory().nodes().next().unwrap().id;
    landscape.hold(other, &second);
    assert_eq!(
        remove_node(&landscape, only),
        Err(Refusal::Busy("node", only.to_string(), other))
    );
    landscape.release(other);
    let removal = remove_node(&landscape, only).unwrap();
    landscape.hold(other, &removal);
    assert_eq!(ask(&landscape, "b"), busy("cluster"));
    landscape.release(other);
    landscape.hold(other, &Plan::record(vec![Change::RemoveCluster(CLUSTER)]));
    assert_eq!(ask(&landscape, "b"), busy("cluster"));
}

/// The same directory twice would be space that is counted twice.
#[test]
fn a_device_is_added_once_however_its_path_is_spelled() {
    let mut landscape = even_pool(1, 1, &[10]);
    let node = landscape.inventory().nodes().next().unwrap().id;
    let ask = |landscape: &Landscape, path: &str| {
        let request = AddDevice {
            node,
            path: DevicePath::new(path).unwrap(),
            tags: Tags::new(),
            destroy: false,
            shared: None,
        };
        add_device(landscape, &request, None, &mut Seed::new(1))
    };
    assert!(matches!(
        ask(&landscape, "/disks//1/"),
        Err(Refusal::PathTaken(..))
    ));
    let plan = ask(&landscape, "/disks/2").unwrap();
    landscape.hold(OperationId::from_u128(1), &plan);
    assert!(matches!(ask(&landscape, "/disks/./2"), Err(Refusal::Busy(..))));
}

/// What a user reads when a shape cannot be made, and where the bricks of each go when it can.
#[test]
fn shapes_have_their_bricks() {
    let landscape = even_pool(6, 3, &[100]);
    let ask = |durability, options: &[(&str, &str)]| {
        let mut request = CreateVolume::new(ByteSize::from_gib(8), durability);
        let option = |(key, value): &(&str, &str)| VolumeOption::new(*key, *value).unwrap();
        request.options = options.iter().map(option).collect();
        create_volume(&landscape, &Limits::default(), &request, &mut Seed::new(1))
    };
    let sizes = |plan: Result<Plan, Refusal>| -> Vec<u64> {
        plan.unwrap()
            .new_bricks()
            .map(|brick| brick.size.bytes() >> 20)
            .collect()
    };
    let gib = 1024;
    assert_eq!(sizes(ask(Durability::Arbiter, &[])), [8 * gib, 8 * gib, 300]);
    let small = [("user.mortar.average-file-size", "8")];
    assert_eq!(sizes(ask(Durability::Arbiter, &small)), [8 * gib, 8 * gib, gib]);
    assert_eq!(sizes(ask(Durability::disperse(4, 2), &[])), [2 * gib; 6]);
    assert_eq!(sizes(ask(Durability::Replicate(6), &[])), [8 * gib; 6]);
    let text = |plan: Result<Plan, Refusal>| plan.unwrap_err().to_string();
    assert!(text(ask(Durability::Replicate(7), &[])).contains("7 to a set, each on its own node"));
    assert_eq!(
        text(ask(Durability::disperse(2, 2), &[])),
        "dispersed as 2+2 cannot be made: data is 2 to 16, and redundancy at least 1 and less than data"
    );
    assert_eq!(
        text(ask(Durability::disperse(16, 1), &[])),
        "a volume of 8 GiB is smaller than the smallest possible one, 16 GiB"
    );
    assert_eq!(
        text(ask(
            Durability::Arbiter,
            &[("user.heketi.average-file-size", "0")]
        )),
        "user.heketi.average-file-size is a whole number of KiB from 1 on, not 0"
    );
}

/// A node that is kept for arbiters is used for them first, and for nothing else.
#[test]
fn arbiters_go_where_nothing_else_may() {
    let mut sketch: Vec<NodeSketch> = Vec::new();
    for arbiter in [None, None, None, Some("required")] {
        let device = DeviceSketch {
            gib: 100,
            lvm: true,
            online: true,
            ssd: false,
            arbiter: None,
        };
        sketch.push(NodeSketch {
            zone: 1,
            online: true,
            healthy: true,
            arbiter,
            devices: vec![device],
        });
    }
    let mut landscape = landscape(&sketch);
    let kept = NodeId::from_u128(4);
    for number in 0..20 {
        let request = CreateVolume::new(ByteSize::from_gib(2), Durability::Arbiter);
        let plan = create_volume(&landscape, &Limits::default(), &request, &mut Seed::new(number)).unwrap();
        for brick in plan.new_bricks() {
            let node = landscape.inventory().node_of_brick(brick).unwrap().id;
            assert_eq!(node == kept, brick.position == 2);
        }
        commit(&mut landscape, &plan);
    }
    let request = CreateVolume::new(ByteSize::from_gib(2), Durability::Replicate(4));
    let why = create_volume(&landscape, &Limits::default(), &request, &mut Seed::new(1)).unwrap_err();
    assert!(
        why.to_string()
            .contains("its tag arbiter is required, and this brick is none"),
        "{why}"
    );
}

#[test]
fn nobody_else_says_whose_a_volume_is() {
    let landscape = even_pool(1, 1, &[10]);
    let mut request = CreateVolume::new(ByteSize::from_gib(1), Durability::None);
    request.options = vec![VolumeOption::new("user.mortar.id", "0f").unwrap()];
    let refused = create_volume(&landscape, &Limits::default(), &request, &mut Seed::new(1));
    assert!(
        matches!(&refused, Err(Refusal::BadOption(text)) if text.starts_with("user.mortar.id ")),
        "{refused:?}"
    );
}
