//! Mortar beside the floor on real LVM: thin volumes on a pool of three nodes, replica 3, in turns.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use mortar_lab::{DeviceKind, Lab};
use serde_json::json;

use crate::client::{Client, block_on};
use crate::floor::Floor;
use crate::ground::Ground;
use crate::lab::singles;
use crate::numbers::{Times, compare};
use crate::server::Server;

const GROWTHS: usize = 5;
const BRICKS: usize = 10;
/// Files of 64 KiB in each volume whose brick moves.
const FILES: usize = 200;

/// Mortar has each node's first disk, and its third once the first is emptied; the floor has the second.
pub(crate) fn run() {
    println!("\n== thin: a real pool of 3 nodes on LVM, volumes of 1 GiB, replica 3 ==");
    let ground = Ground::up(|spec| {
        spec.devices = DeviceKind::Lvm;
        spec.disks = 3;
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
    drain(ground.lab(), &floor, &client, ground.folder());
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

/// The floor moves one brick after the other by hand; Mortar empties a device with as many.
fn drain(lab: &Lab, floor: &Floor<'_>, client: &Client, folder: &Path) {
    let (mut heals, mut moves) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..BRICKS {
        let volume = floor.make();
        fill(lab, floor.name(&volume), folder);
        let (healed, moved) = floor.replace(&volume);
        heals += healed;
        moves += moved;
    }
    // One volume is there already.
    for _ in 1..BRICKS {
        block_on(client.volume());
    }
    let volumes = block_on(client.get("/volumes"));
    for id in volumes["volumes"].as_array().unwrap() {
        let volume = block_on(client.get(&format!("/volumes/{}", id.as_str().unwrap())));
        fill(lab, volume["name"].as_str().unwrap(), folder);
    }
    let topology = block_on(client.get("/v1/topology"));
    let node = &topology["clusters"][0]["nodes"][0];
    let (id, device) = (
        node["id"].as_str().unwrap(),
        node["devices"][0]["id"].as_str().unwrap(),
    );
    let host = node["manage"].as_str().unwrap();
    let nodes = lab.nodes();
    let name = nodes
        .iter()
        .find(|node| node.address.to_string() == host)
        .unwrap();
    let disk = lab.disk(&name.name, 3).unwrap();
    block_on(client.post("/devices", json!({"node": id, "name": disk})));
    let began = Instant::now();
    block_on(client.post(&format!("/v1/devices/{device}/drain"), json!({})));
    let took = began.elapsed();
    println!(
        "drain of a device with {BRICKS} bricks, {FILES} files each: {:.1} s; by hand: heals {:.1} s, with bricks made and removed {:.1} s; \
         ratio to the sum of heals {:.2}, to all by hand {:.2}",
        took.as_secs_f64(),
        heals.as_secs_f64(),
        moves.as_secs_f64(),
        took.as_secs_f64() / heals.as_secs_f64(),
        took.as_secs_f64() / moves.as_secs_f64(),
    );
}

/// Writes files into a volume through a client.
fn fill(lab: &Lab, volume: &str, folder: &Path) {
    let place = folder.join("mount");
    fs::create_dir_all(&place).unwrap();
    lab.mount(volume, &place).unwrap();
    let data = vec![7_u8; 64 << 10];
    for number in 0..FILES {
        fs::write(place.join(format!("file{number}")), &data).unwrap();
    }
    lab.unmount(&place).unwrap();
}
