//! How evenly devices fill, and how much of them is used when a volume finds no place for the first time:
//! `cargo bench -p mortar-plan --bench evenness`. Beside it, on the same devices with the same requests, the rule of
//! Heketi's ring, which knows no fill. Nothing here depends on the machine: the figures are the same everywhere.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that prints its result"
)]

use std::collections::BTreeMap;

use mortar_model::work::Facts;
use mortar_model::{
    ByteSize, Cluster, ClusterId, Device, DeviceId, DeviceKind, DevicePath, Durability, HostName, Inventory,
    Node, NodeId, State, Tags,
};
use mortar_plan::{BrickSize, CreateVolume, Landscape, Limits, Seed, brick_space, create_volume};

const CLUSTER: ClusterId = ClusterId::from_u128(1);
const NODES: u128 = 20;
const DEVICES: u128 = 3;
const ZONES: u32 = 4;
/// Three sizes of devices.
const SIZES: [u64; 3] = [1024, 2048, 4096];
const REPLICAS: u64 = 3;
const SERIES: u128 = 9;

/// How the sizes lie on the nodes.
#[derive(Clone, Copy)]
enum Layout {
    /// Each node has one device of each size.
    Mixed,
    /// The devices of a node are all of one size.
    Sorted,
}

fn kind() -> DeviceKind {
    DeviceKind::Lvm {
        extent: ByteSize::from_mib(4),
        uuid: String::new(),
        paths: Vec::new(),
        shared: None,
    }
}

/// Devices by their node, its zone and their size.
fn devices(layout: Layout) -> Vec<(DeviceId, NodeId, u32, ByteSize)> {
    let all = (0..NODES).flat_map(|node| (0..DEVICES).map(move |disk| (node, disk)));
    all.map(|(node, disk)| {
        let size = match layout {
            Layout::Mixed => disk,
            Layout::Sorted => node % 3,
        };
        (
            DeviceId::from_u128(1000 + node * DEVICES + disk),
            NodeId::from_u128(1 + node),
            u32::try_from(node).unwrap() % ZONES,
            ByteSize::from_gib(SIZES[usize::try_from(size).unwrap()]),
        )
    })
    .collect()
}

fn inventory(layout: Layout) -> Inventory {
    let mut inventory = Inventory::new();
    inventory.put_cluster(Cluster {
        id: CLUSTER,
        file: true,
        block: false,
    });
    for (device, node, zone, total) in devices(layout) {
        if inventory.node(node).is_none() {
            let host = HostName::new(format!("node-{zone}-{}", device.as_u128())).unwrap();
            let node = Node {
                id: node,
                cluster: CLUSTER,
                zone,
                manage: host.clone(),
                storage: host,
                tags: Tags::new(),
                state: State::Online,
            };
            inventory.put_node(node).unwrap();
        }
        let device = Device {
            id: device,
            node,
            path: DevicePath::new(format!("/dev/sd{}", device.as_u128())).unwrap(),
            kind: kind(),
            tags: Tags::new(),
            state: State::Online,
            total,
        };
        inventory.put_device(device).unwrap();
    }
    inventory
}

/// Sizes that are asked for, 1 to 100 GiB.
fn requests(series: u128) -> impl Iterator<Item = u64> {
    let mut chance = Seed::new(series);
    std::iter::repeat_with(move || chance.next_u64() % 100 + 1)
}

/// Used bytes of each device with its size, and how many volumes there are.
type Filled = (Vec<(u64, u64)>, usize);

fn mortar(layout: Layout, series: u128) -> Filled {
    let mut landscape = Landscape::new(inventory(layout));
    let limits = Limits::default();
    let mut made = 0;
    for (number, gib) in requests(series).enumerate() {
        let request = CreateVolume::new(ByteSize::from_gib(gib), Durability::Replicate(3));
        let mut seed = Seed::new((series << 64) + number as u128);
        let Ok(creation) = create_volume(&landscape, &limits, &request, &mut seed) else {
            break;
        };
        for change in &creation.plan().unwrap().changes {
            landscape.apply(change, &Facts::None).unwrap();
        }
        made = number + 1;
    }
    let inventory = landscape.inventory();
    let used = devices(layout).into_iter().map(|(id, _, _, total)| {
        let bricks = inventory.bricks_on(id);
        let used: u64 = bricks.map(|brick| brick.footprint().bytes()).sum();
        (used, total.bytes())
    });
    (used.collect(), made)
}

/// Heketi's ring: zones, their nodes and their devices in turn. A brick begins at a place of chance, and takes the first
/// device with room on a node that its set does not have. A volume that finds no place is cut in twice as many sets.
struct Ring {
    order: Vec<(DeviceId, NodeId)>,
    free: BTreeMap<DeviceId, ByteSize>,
}

impl Ring {
    fn new(layout: Layout, chance: &mut Seed) -> Self {
        let mut zones: BTreeMap<u32, BTreeMap<u64, Vec<(DeviceId, NodeId)>>> = BTreeMap::new();
        let mut nodes: BTreeMap<NodeId, u64> = BTreeMap::new();
        for (device, node, zone, _) in devices(layout) {
            let place = *nodes.entry(node).or_insert_with(|| chance.next_u64());
            let devices = zones.entry(zone).or_default().entry(place).or_default();
            devices.push((device, node));
        }
        let turns = zones
            .into_values()
            .map(|nodes| in_turn(&nodes.into_values().collect::<Vec<_>>()));
        let free = devices(layout)
            .into_iter()
            .map(|(device, _, _, total)| (device, total));
        Self {
            order: in_turn(&turns.collect::<Vec<_>>()),
            free: free.collect(),
        }
    }

    fn create(&mut self, gib: u64, chance: &mut Seed) -> bool {
        let mut sets = 1;
        while sets * REPLICAS <= 32 && gib * 1024 / sets >= 1024 {
            let before = self.free.clone();
            let size = ByteSize::from_kib((gib << 20).div_ceil(sets));
            if (0..sets).all(|_| self.place_set(size, chance)) {
                return true;
            }
            self.free = before;
            sets *= 2;
        }
        false
    }

    fn place_set(&mut self, size: ByteSize, chance: &mut Seed) -> bool {
        let brick = BrickSize {
            size,
            snapshot_factor: 1.0,
        };
        let mortar_model::BrickSpace::ThinPool { pool, metadata } = brick_space(brick, &kind()) else {
            return false;
        };
        let mut nodes = Vec::new();
        for _ in 0..REPLICAS {
            let length = self.order.len();
            // The first seven hexadecimal digits of the brick's id.
            let start = usize::try_from(chance.next_u64() >> 36).unwrap() % length;
            let walk = (0..length).map(|step| self.order[(start + step) % length]);
            let fits = |(device, node): &(DeviceId, NodeId)| {
                self.free[device] > pool + metadata && !nodes.contains(node)
            };
            let Some((device, node)) = walk.into_iter().find(fits) else {
                return false;
            };
            nodes.push(node);
            let free = self.free.get_mut(&device).unwrap();
            *free = free.minus(pool + metadata);
        }
        true
    }
}

/// One of each list in turn, until all are told.
fn in_turn<T: Copy>(lists: &[Vec<T>]) -> Vec<T> {
    let longest = lists.iter().map(Vec::len).max().unwrap_or_default();
    let turns = (0..longest).flat_map(|turn| lists.iter().filter_map(move |list| list.get(turn).copied()));
    turns.collect()
}

fn ring(layout: Layout, series: u128) -> Filled {
    let mut chance = Seed::new((series << 64) + 1);
    let mut made = 0;
    let mut ring = Ring::new(layout, &mut chance);
    for gib in requests(series) {
        // Built anew for each request: the order of zones and nodes is another each time.
        ring.order = Ring::new(layout, &mut chance).order;
        if !ring.create(gib, &mut chance) {
            break;
        }
        made += 1;
    }
    let used = devices(layout).into_iter().map(|(id, _, _, total)| {
        let used = total.minus(ring.free[&id]);
        (used.bytes(), total.bytes())
    });
    (used.collect(), made)
}

#[allow(clippy::cast_precision_loss, reason = "shares, printed with one digit")]
fn share((used, total): (u64, u64)) -> f64 {
    used as f64 * 100.0 / total as f64
}

fn show(name: &str, layout: Layout, fill: fn(Layout, u128) -> Filled) {
    let mut used = Vec::new();
    let mut apart = Vec::new();
    let mut made = Vec::new();
    for series in 1..=SERIES {
        let (devices, volumes) = fill(layout, series);
        let sum = |one: fn(&(u64, u64)) -> u64| devices.iter().map(one).sum::<u64>();
        used.push(share((sum(|device| device.0), sum(|device| device.1))));
        let fills = || devices.iter().copied().map(share);
        let (least, most) = (fills().fold(100.0, f64::min), fills().fold(0.0, f64::max));
        apart.push(most - least);
        made.push(volumes);
    }
    used.sort_by(f64::total_cmp);
    apart.sort_by(f64::total_cmp);
    made.sort_unstable();
    let last = used.len() - 1;
    println!(
        "{name}: used {:.1} % ({:.1} to {:.1}), devices {:.1} points apart ({:.1} to {:.1}), {} volumes",
        used[last / 2],
        used[0],
        used[last],
        apart[last / 2],
        apart[0],
        apart[last],
        made[last / 2]
    );
}

fn main() {
    println!(
        "60 devices of 1, 2 and 4 TiB on 20 nodes in 4 zones, replica 3, volumes of 1 to 100 GiB to the first refusal,"
    );
    println!("{SERIES} series; medians (least to most)");
    for (layout, how) in [
        (Layout::Mixed, "each node has one of each size"),
        (Layout::Sorted, "a node's devices are of one size"),
    ] {
        println!("{how}:");
        show("  mortar", layout, mortar);
        show("  heketi's ring", layout, ring);
    }
}
