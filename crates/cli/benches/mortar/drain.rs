//! A device with several bricks is emptied by Mortar, beside as many bricks that are moved one after the other by hand.
//!
//! `-- drain --bricks=10 --files=100`: how many of each.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use mortar_lab::{DeviceKind, Lab};
use serde_json::json;

use crate::client::{Client, block_on};
use crate::floor::Floor;
use crate::ground::Ground;
use crate::numbers::Times;
use crate::server::Server;

/// How much there is to move.
struct Sizes {
    bricks: usize,
    /// Files of 64 KiB in each volume whose brick moves.
    files: usize,
}

impl Sizes {
    fn told() -> Self {
        let told = |name: &str, usual| {
            let value = std::env::args().find_map(|argument| argument.strip_prefix(name).map(str::to_owned));
            value.map_or(usual, |value| value.parse().unwrap())
        };
        Self {
            bricks: told("--bricks=", 10),
            files: told("--files=", 100),
        }
    }
}

/// Mortar has each node's first disk, and the third once the first is emptied; the floor has the second. 60 bricks write 70 MiB each as they are
/// made: a guest needs 12 GiB of memory for that.
pub(crate) fn run() {
    let Sizes { bricks, files } = Sizes::told();
    println!("\n== drain: a device with {bricks} bricks on LVM, {files} files of 64 KiB in each ==");
    let ground = Ground::up(|spec| {
        spec.devices = DeviceKind::Lvm;
        spec.disks = 3;
        spec.disk_size = 40 << 30;
    });
    let server = Server::start_for(ground.folder(), ground.lab(), &[]);
    let client = Client::new(&server.address);
    block_on(ground.pool(&client));
    let floor = Floor::thin(ground.lab(), 2);
    let mut volumes: Vec<_> = (0..bricks).map(|_| floor.make()).collect();
    for volume in &volumes {
        fill(ground.lab(), floor.name(volume), ground.folder(), files);
    }
    let (heals, moves): (Vec<Duration>, Vec<Duration>) =
        volumes.iter_mut().map(|volume| floor.replace(volume)).unzip();
    // So that of both as many bricks run while they move.
    floor.delete_all(volumes, 4);
    for _ in 0..bricks {
        let made = block_on(client.volume());
        let volume = block_on(client.get(&made));
        fill(
            ground.lab(),
            volume["name"].as_str().unwrap(),
            ground.folder(),
            files,
        );
    }
    let took = drained(ground.lab(), &client, bricks);
    let (healed, moved): (Duration, Duration) = (heals.iter().sum(), moves.iter().sum());
    println!(
        "drain of a device with {bricks} bricks: {:.1} s; by hand: heals {:.1} s, with bricks made and removed {:.1} s\n  \
         a heal by hand {}\n  ratio to the sum of heals {:.2}, to all by hand {:.2}",
        took.as_secs_f64(),
        healed.as_secs_f64(),
        moved.as_secs_f64(),
        Times::new(heals),
        took.as_secs_f64() / healed.as_secs_f64(),
        took.as_secs_f64() / moved.as_secs_f64(),
    );
    drop(server);
}

/// Gives the first node another disk, and has its first one emptied.
fn drained(lab: &Lab, client: &Client, many: usize) -> Duration {
    let topology = block_on(client.get("/v1/topology"));
    let node = &topology["clusters"][0]["nodes"][0];
    let host = node["manage"].as_str().unwrap();
    let device = node["devices"][0]["id"].as_str().unwrap();
    let nodes = lab.nodes();
    let named = nodes
        .iter()
        .find(|node| node.address.to_string() == host)
        .unwrap();
    let disk = lab.disk(&named.name, 3).unwrap();
    block_on(client.post("/devices", json!({"node": node["id"], "name": disk})));
    let bricks = |client: &Client| {
        let info = block_on(client.get(&format!("/devices/{device}")));
        info["bricks"].as_array().unwrap().len()
    };
    assert_eq!(bricks(client), many);
    let began = Instant::now();
    block_on(client.post(&format!("/v1/devices/{device}/drain"), json!({})));
    let took = began.elapsed();
    assert_eq!(bricks(client), 0, "it is empty");
    took
}

/// Writes files into a volume through a client.
fn fill(lab: &Lab, volume: &str, folder: &Path, files: usize) {
    let place = folder.join("mount");
    fs::create_dir_all(&place).unwrap();
    lab.mount(volume, &place).unwrap();
    let data = vec![7_u8; 64 << 10];
    for number in 0..files {
        fs::write(place.join(format!("file{number}")), &data).unwrap();
    }
    lab.unmount(&place).unwrap();
}
