//! Mortar beside the floor on real LVM: thin volumes on a pool of three nodes, replica 3, in turns.

use std::time::Instant;

use mortar_lab::DeviceKind;
use serde_json::json;

use crate::client::{Client, block_on};
use crate::floor::Floor;
use crate::ground::Ground;
use crate::lab::singles;
use crate::numbers::{Times, compare};
use crate::server::Server;

const GROWTHS: usize = 5;

/// Mortar has each node's first disk, the floor the second.
pub(crate) fn run() {
    println!("\n== thin: a real pool of 3 nodes on LVM, volumes of 1 GiB, replica 3 ==");
    let ground = Ground::up(|spec| {
        spec.devices = DeviceKind::Lvm;
        spec.disks = 2;
        spec.disk_size = 40 << 30;
    });
    let server = Server::start_for(ground.folder(), ground.lab(), &[]);
    let client = Client::new(&server.address);
    block_on(async {
        ground.pool(&client).await;
        // As in `lab`: the pool's first volume pays for its self-heal daemons.
        client.volume().await;
    });
    let floor = Floor::thin(ground.lab(), 2);
    singles(&floor, &client);
    growths(&floor, &client);
    drop(server);
}

fn growths(floor: &Floor<'_>, client: &Client) {
    let (mut of_floor, mut of_mortar) = (Vec::new(), Vec::new());
    for _ in 0..GROWTHS {
        let volume = floor.make();
        let began = Instant::now();
        floor.grow(&volume);
        of_floor.push(began.elapsed());
        floor.delete(&volume);
        let made = block_on(client.volume());
        let more = json!({"by": 1_u64 << 30, "way": "in-place"});
        let began = Instant::now();
        block_on(client.post(&format!("/v1{made}/expand"), more));
        of_mortar.push(began.elapsed());
        block_on(client.delete(&made));
    }
    compare(
        "a volume of 1 GiB becomes 2 in place",
        &Times::new(of_floor),
        &Times::new(of_mortar),
    );
}
