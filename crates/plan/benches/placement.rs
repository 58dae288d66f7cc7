//! Time of placement alone, per brick, on pools of growing size: `cargo bench -p mortar-plan`.
//!
//! The pool is filled on the way, since an empty one (all devices equal) is a special case. Each line is one shape of
//! pool: nodes, zones, devices; time per brick of replica-3 volumes, from the plan to the updated index.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a program that prints its result"
)]

use std::time::{Duration, Instant};

use mortar_model::work::Facts;
use mortar_model::{
    ByteSize, Cluster, ClusterId, Device, DeviceId, DeviceKind, DevicePath, Durability, HostName, Inventory,
    Node, NodeId, State, Tags,
};
use mortar_plan::{CreateVolume, Landscape, Limits, Seed, create_volume};

const CLUSTER: ClusterId = ClusterId::from_u128(1);
const DEVICES_PER_NODE: u128 = 10;

fn landscape(nodes: u32, zones: u32, mixed: bool) -> Landscape {
    let mut inventory = Inventory::new();
    inventory.put_cluster(Cluster {
        id: CLUSTER,
        file: true,
        block: false,
    });
    for number in 0..nodes {
        let id = NodeId::from_u128(u128::from(number) + 1);
        let host = HostName::new(format!("node-{number}")).unwrap();
        let node = Node {
            id,
            cluster: CLUSTER,
            zone: number % zones,
            manage: host.clone(),
            storage: host,
            tags: Tags::new(),
            state: State::Online,
        };
        inventory.put_node(node).unwrap();
        for disk in 0..DEVICES_PER_NODE {
            let gib = if mixed { 100 << (disk % 5) } else { 500 };
            let kind = DeviceKind::Lvm {
                extent: ByteSize::from_mib(4),
                uuid: String::new(),
                paths: Vec::new(),
                shared: None,
            };
            let device = Device {
                id: DeviceId::from_u128(id.as_u128() * 1000 + disk),
                node: id,
                path: DevicePath::new(format!("/dev/sd{disk}")).unwrap(),
                kind,
                tags: Tags::new(),
                state: State::Online,
                total: ByteSize::from_gib(gib),
            };
            inventory.put_device(device).unwrap();
        }
    }
    Landscape::new(inventory)
}

fn measure(nodes: u32, zones: u32, mixed: bool, volumes: u32) {
    let mut landscape = landscape(nodes, zones, mixed);
    let limits = Limits::default();
    let mut times: Vec<Duration> = Vec::new();
    for number in 0..volumes {
        let gib = u64::from(number % 37) + 1;
        let request = CreateVolume::new(ByteSize::from_gib(gib), Durability::Replicate(3));
        let began = Instant::now();
        let made = create_volume(&landscape, &limits, &request, &mut Seed::new(u128::from(number)));
        let plan = made.unwrap().plan().unwrap();
        let bricks = u32::try_from(plan.new_bricks().count()).unwrap();
        for change in &plan.changes {
            landscape.apply(change, &Facts::None).unwrap();
        }
        times.push(began.elapsed() / bricks);
    }
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100].as_secs_f64() * 1e6;
    let devices = u128::from(nodes) * DEVICES_PER_NODE;
    let kind = if mixed { "mixed" } else { "equal" };
    println!(
        "{nodes:>6} nodes {zones:>6} zones {devices:>7} {kind} devices {volumes:>6} volumes: {:>6.1} µs a brick at the median, {:>6.1} at p99",
        at(50),
        at(99)
    );
}

fn main() {
    for (nodes, zones) in [
        (3, 3),
        (100, 10),
        (1_000, 3),
        (1_000, 1_000),
        (10_000, 3),
        (10_000, 100),
        (10_000, 10_000),
    ] {
        let volumes = (nodes * 20).min(10_000);
        measure(nodes, zones, false, volumes);
        measure(nodes, zones, true, volumes);
    }
}
