//! A new volume: how many sets, where, and the stages that make it.

use mortar_model::work::{BrickAddress, BrickSpec, Goal, Thing, VolumeSpec};
use mortar_model::{
    Brick, BrickId, ByteSize, ClusterId, DeviceId, Durability, Inventory, NodeId, Snapshots, Volume,
    VolumeId, VolumeName, VolumeOption,
};

use crate::identity;
use crate::landscape::Landscape;
use crate::limits::Limits;
use crate::placement::{Needs, Search, Sets, name_refusals, verdicts};
use crate::plan::{Change, Place, Plan, Stage, Step};
use crate::refusal::{DeviceRefusal, NoSpace, Refusal};
use crate::repeat::{self, Creation, Known};
use crate::request::{CreateVolume, STEERING_OPTIONS};
use crate::seed::Seed;
use crate::shape::Shape;
use crate::space::{BrickSize, brick_space, whole};
use crate::steering::Steering;

/// Plans a volume on the first cluster that can take it, in order of their ids (Heketi promises no order); or finds
/// it, when it was asked for by name before.
///
/// # Errors
/// Says why it cannot be; with several clusters, why for each.
pub fn create_volume(
    landscape: &Landscape,
    limits: &Limits,
    request: &CreateVolume,
    seed: &mut Seed,
) -> Result<Creation, Refusal> {
    // Before the limits: they may have been other ones when it was made.
    if let Some(known) = known_volume(landscape, request)? {
        return Ok(Creation::Known(known));
    }
    check_request(limits, request)?;
    let clusters = candidates(landscape.inventory(), &request.clusters)?;
    let steering = Steering::of(limits, request)?;
    let id = VolumeId::from_u128(seed.next_u128());
    let mut refusals = Vec::new();
    for cluster in clusters {
        match create_on(landscape, limits, request, &steering, id, cluster, seed) {
            Ok(plan) => return Ok(Creation::New(plan)),
            Err(refusal) => refusals.push((cluster, refusal)),
        }
    }
    match refusals.pop() {
        Some((_, refusal)) if refusals.is_empty() => Err(refusal),
        Some(last) => {
            refusals.push(last);
            Err(Refusal::Everywhere(refusals))
        }
        None => Err(Refusal::NoClusters),
    }
}

/// The volume that the request asks for, if it was asked for by name before. Places nothing, so it is cheap.
///
/// # Errors
/// The name stands for something else, or a cluster that the request names is not known.
pub fn known_volume(landscape: &Landscape, request: &CreateVolume) -> Result<Option<Known>, Refusal> {
    let clusters = candidates(landscape.inventory(), &request.clusters)?;
    let zones = Steering::asked_zones(request)?;
    repeat::known(landscape, request, zones, &clusters)
}

/// For a volume that was planned: what was said of every device of its cluster.
pub fn device_verdicts(
    landscape: &Landscape,
    limits: &Limits,
    request: &CreateVolume,
    plan: &Plan,
) -> (Vec<DeviceRefusal>, usize) {
    let (Some(volume), Ok(steering)) = (plan.new_volume(), Steering::of(limits, request)) else {
        return (Vec::new(), 0);
    };
    let needs = steering.needs(volume.cluster, volume.durability);
    let bricks: Vec<&Brick> = plan.new_bricks().collect();
    let size = bricks.first().map_or(ByteSize::ZERO, |brick| brick.size);
    let chosen: Sets = vec![bricks.iter().map(|brick| brick.device).collect()];
    let brick = BrickSize {
        size,
        snapshot_factor: factor(volume.snapshots),
    };
    name_refusals(
        landscape.inventory(),
        &verdicts(landscape, &needs, brick, &chosen),
    )
}

fn check_request(limits: &Limits, request: &CreateVolume) -> Result<(), Refusal> {
    request.durability.check()?;
    if let Some(option) = request.options.iter().find(|option| own_option(option.key())) {
        return Err(Refusal::BadOption(identity::own_text(option.key())));
    }
    let smallest = smallest(limits, request.durability);
    if request.size < smallest {
        return Err(Refusal::TooSmall {
            size: request.size,
            smallest,
        });
    }
    Ok(())
}

/// Whether an option tells what a volume is, and so is nobody's to set.
pub(crate) fn own_option(name: &str) -> bool {
    name.starts_with(identity::PREFIX) && !STEERING_OPTIONS.contains(&name)
}

/// The smallest volume, and the smallest expansion: one set of the smallest bricks.
pub(crate) fn smallest(limits: &Limits, durability: Durability) -> ByteSize {
    limits.brick_min.times(u64::from(durability.data_bricks()))
}

/// The clusters that are named, or all where none is.
pub(crate) fn candidates(inventory: &Inventory, named: &[ClusterId]) -> Result<Vec<ClusterId>, Refusal> {
    for id in named {
        inventory.cluster(*id).ok_or(Refusal::UnknownCluster(*id))?;
    }
    if !named.is_empty() {
        return Ok(named.to_vec());
    }
    let all: Vec<ClusterId> = inventory.clusters().map(|cluster| cluster.id).collect();
    if all.is_empty() {
        Err(Refusal::NoClusters)
    } else {
        Ok(all)
    }
}

fn create_on(
    landscape: &Landscape,
    limits: &Limits,
    request: &CreateVolume,
    steering: &Steering,
    id: VolumeId,
    cluster: ClusterId,
    seed: &mut Seed,
) -> Result<Plan, Refusal> {
    check_cluster(landscape, limits, request, cluster)?;
    let name = match &request.name {
        Some(name) => name.clone(),
        None => VolumeName::new(format!("vol_{id}")).expect("vol_ and hex digits are a volume name"),
    };
    let needs = steering.needs(cluster, request.durability);
    let demand = Demand {
        size: request.size,
        factor: factor(request.snapshots),
        bricks_already: 0,
    };
    let (sets, brick) = place(landscape, limits, &needs, &demand, seed)?;
    let volume = Volume {
        id,
        cluster,
        name,
        size: request.size,
        durability: request.durability,
        gid: request.gid,
        options: request.options.clone(),
        snapshots: request.snapshots,
        block: request.block,
        zone_checking: steering.zones,
        origin: None,
        sets_guessed: false,
        by_user: request.by_user,
        block_restriction: mortar_model::BlockRestriction::None,
    };
    Ok(plan_for(
        landscape.inventory(),
        volume,
        &make_bricks(landscape.inventory(), id, &sets, &needs.shape, brick, 0, seed),
    ))
}

fn check_cluster(
    landscape: &Landscape,
    limits: &Limits,
    request: &CreateVolume,
    id: ClusterId,
) -> Result<(), Refusal> {
    let inventory = landscape.inventory();
    let cluster = inventory.cluster(id).ok_or(Refusal::UnknownCluster(id))?;
    match (request.block, cluster.file, cluster.block) {
        (true, _, false) => return Err(Refusal::WrongType("block")),
        (false, false, _) => return Err(Refusal::WrongType("file")),
        _ => {}
    }
    let has = inventory.volume_count(id);
    if let Some(limit) = limits.volumes_per_cluster.filter(|limit| has >= *limit) {
        return Err(Refusal::TooManyVolumes { has, limit });
    }
    if landscape.index().has_devices(id) {
        Ok(())
    } else {
        Err(Refusal::NoNodes)
    }
}

/// How much is wanted, and how many bricks there are already.
pub(crate) struct Demand {
    pub(crate) size: ByteSize,
    pub(crate) factor: f64,
    pub(crate) bricks_already: u32,
}

pub(crate) fn factor(snapshots: Snapshots) -> f64 {
    if snapshots.enable {
        snapshots.factor.max(1.0)
    } else {
        1.0
    }
}

/// Why sets are not halved any further.
const MORE_SETS: &str = "more sets would pass the limit of bricks per volume";

/// Finds places for one set, else for two of half the size, and so on (Heketi's halving), within the limits.
pub(crate) fn place(
    landscape: &Landscape,
    limits: &Limits,
    needs: &Needs<'_>,
    demand: &Demand,
    seed: &mut Seed,
) -> Result<(Sets, BrickSize), Refusal> {
    let mut tried = Vec::new();
    let mut smallest = demand.size;
    let mut refusals = Vec::new();
    let mut too_large = None;
    let mut sets = 1_u32;
    let bricks_per_set = needs.shape.bricks_per_set();
    let stopped_by = loop {
        let bricks = sets
            .saturating_mul(bricks_per_set)
            .saturating_add(demand.bricks_already);
        if bricks > limits.bricks_per_volume {
            if sets == 1 {
                let (has, limit) = (demand.bricks_already, limits.bricks_per_volume);
                return Err(Refusal::TooManyBricks {
                    has,
                    limit,
                    set: bricks_per_set,
                });
            }
            break MORE_SETS;
        }
        let size = demand
            .size
            .divide_up(u64::from(sets) * u64::from(needs.shape.data_bricks()))
            .round_up(ByteSize::from_kib(4));
        if size < limits.brick_min {
            break "smaller bricks would pass the limit of brick size";
        }
        if size > limits.brick_max {
            too_large = Some((sets * bricks_per_set, size));
        } else {
            tried.push(sets);
            smallest = size;
            let brick = BrickSize {
                size,
                snapshot_factor: demand.factor,
            };
            match Search::new(landscape, needs, brick).place(sets, seed) {
                Ok(placed) => return Ok((placed, brick)),
                Err(rules) => refusals = rules,
            }
        }
        sets = sets.saturating_mul(2);
    };
    if let Some((bricks, size)) = too_large.filter(|_| tried.is_empty()) {
        return Err(Refusal::NoBrickSize {
            bricks,
            size,
            brick_max: limits.brick_max,
            brick_min: (stopped_by != MORE_SETS).then_some(limits.brick_min),
        });
    }
    let (devices, more) = name_refusals(landscape.inventory(), &refusals);
    Err(Refusal::NoSpace(Box::new(NoSpace {
        sets_tried: tried,
        brick: smallest,
        bricks_per_set,
        stopped_by,
        devices,
        more,
    })))
}

/// The bricks of these sets, numbered from `first_set`.
pub(crate) fn make_bricks(
    inventory: &Inventory,
    volume: VolumeId,
    sets: &Sets,
    shape: &Shape,
    size: BrickSize,
    first_set: u32,
    seed: &mut Seed,
) -> Vec<Brick> {
    let mut bricks = Vec::new();
    for (set, devices) in (first_set..).zip(sets) {
        for (position, device) in (0..).zip(devices) {
            let Some(kind) = inventory.device(*device).map(|device| &device.kind) else {
                continue;
            };
            let id = BrickId::from_u128(seed.next_u128());
            let size = shape.brick(position, size);
            bricks.push(Brick {
                id,
                volume,
                device: *device,
                size: whole(size.size, kind),
                space: brick_space(size, kind),
                set,
                position,
                names: None,
                pool: None,
            });
        }
    }
    bricks
}

pub(crate) fn plan_for(inventory: &Inventory, volume: Volume, bricks: &[Brick]) -> Plan {
    let mut options: Vec<VolumeOption> = volume.options.clone();
    options.extend(identity::volume_options(&volume, volume.size));
    let spec = VolumeSpec {
        volume: volume.id,
        name: volume.name.clone(),
        replica: volume.durability.replica(),
        arbiter: volume.durability == Durability::Arbiter,
        disperse: volume.durability.pieces(),
        bricks: addresses(inventory, bricks),
        options,
    };
    let stages = vec![
        Stage {
            title: "make bricks".into(),
            steps: brick_steps(inventory, &volume, bricks, Goal::Present),
        },
        Stage {
            title: "make and start the volume".into(),
            steps: vec![pool_step(
                inventory,
                volume.cluster,
                bricks,
                Thing::Volume(spec),
                Goal::Present,
            )],
        },
    ];
    Plan {
        stages,
        forward_from: None,
        changes: vec![Change::AddVolume(volume, bricks.to_vec())],
    }
}

/// One step per brick, on the brick's node. A folder that was adopted stays as it is, whatever becomes of its volume.
pub(crate) fn brick_steps(inventory: &Inventory, volume: &Volume, bricks: &[Brick], goal: Goal) -> Vec<Step> {
    let step = |brick: &Brick| {
        let device = inventory.device(brick.device)?;
        let node = inventory.node(device.node)?;
        let spec = BrickSpec {
            brick: brick.id,
            volume: brick.volume,
            device: brick.device,
            device_path: device.path.clone(),
            space: brick.space,
            size: brick.size,
            arbiter: volume.durability.is_arbiter(brick.position),
            gid: volume.gid,
            identity: identity::brick_file(brick, volume, node),
            from: None,
            names: brick.names.clone(),
            pool: brick.pool.clone(),
        };
        Some(Step {
            place: Place::Node(node.id),
            thing: Thing::Brick(spec),
            goal,
            needed: true,
        })
    };
    bricks
        .iter()
        .filter(|brick| !brick.is_adopted())
        .filter_map(step)
        .collect()
}

/// Where GlusterFS finds these bricks.
pub(crate) fn addresses(inventory: &Inventory, bricks: &[Brick]) -> Vec<BrickAddress> {
    let address = |brick: &Brick| Some(BrickAddress::of(brick, inventory.node_of_brick(brick)?));
    bricks.iter().filter_map(address).collect()
}

/// A step that any member of the pool can do: nodes of these bricks first (they must be up anyway), then a few others.
pub(crate) fn pool_step(
    inventory: &Inventory,
    cluster: ClusterId,
    bricks: &[Brick],
    thing: Thing,
    goal: Goal,
) -> Step {
    let nodes = pool_nodes(inventory, cluster, bricks.iter().map(|brick| brick.device));
    Step {
        place: Place::Pool(cluster, nodes),
        thing,
        goal,
        needed: true,
    }
}

/// Most members of a pool that a step names: when all of these are gone, the pool has lost its quorum anyway.
const POOL_CANDIDATES: usize = 8;

pub(crate) fn pool_nodes(
    inventory: &Inventory,
    cluster: ClusterId,
    devices: impl Iterator<Item = DeviceId>,
) -> Vec<NodeId> {
    let mut nodes: Vec<NodeId> = Vec::new();
    let of_bricks = devices.filter_map(|device| inventory.device(device).map(|device| device.node));
    for node in of_bricks.chain(inventory.nodes_of(cluster).map(|node| node.id)) {
        if nodes.len() == POOL_CANDIDATES {
            break;
        }
        if !nodes.contains(&node) {
            nodes.push(node);
        }
    }
    nodes
}
