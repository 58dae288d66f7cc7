//! Mortar beside the floor, on a real pool of three nodes, replica 3, in turns.

use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::Value;

use crate::client::{Client, block_on};
use crate::floor::Floor;
use crate::ground::Ground;
use crate::numbers::{Times, compare};
use crate::server::Server;

const SINGLES: usize = 9;
const ROUNDS: usize = 2;
const BURST: usize = 24;

pub(crate) fn run() {
    println!("\n== lab: a real pool of 3 nodes, volumes of 1 GiB, replica 3 ==");
    let ground = Ground::up(|spec| spec.disk_size = 200 << 30);
    let server = Server::start_for(ground.folder(), ground.lab(), &[]);
    let client = Client::new(&server.address);
    block_on(async {
        ground.pool(&client).await;
        // A pool's first volume starts its self-heal daemons and its last one ends them: two seconds that are
        // nobody's share. One volume stays all the time.
        client.volume().await;
    });
    let floor = Floor::new(ground.lab());
    singles(&floor, &client);
    let width = best_width(&floor);
    bursts(&floor, &client, &server, width);
    drop(server);
}

pub(crate) fn singles(floor: &Floor<'_>, client: &Client) {
    let (mut of_floor, mut of_mortar) = (Vec::new(), Vec::new());
    for _ in 0..SINGLES {
        let began = Instant::now();
        let volume = floor.make();
        of_floor.push(began.elapsed());
        let began = Instant::now();
        let made = block_on(client.volume());
        of_mortar.push(began.elapsed());
        block_on(check_mountable(client, &made));
        floor.delete(&volume);
        block_on(client.delete(&made));
    }
    compare(
        "one volume, asked to mountable",
        &Times::new(of_floor),
        &Times::new(of_mortar),
    );
}

async fn check_mountable(client: &Client, volume: &str) {
    let info: Value = client.get(volume).await;
    assert!(info["mount"]["glusterfs"]["device"].is_string(), "{info}");
}

/// Volumes at a time with which the floor is fastest.
fn best_width(floor: &Floor<'_>) -> usize {
    let mut best = (Duration::MAX, 1);
    for width in [2, 4, 8] {
        let (volumes, took) = floor.burst(BURST / 2, width);
        println!(
            "floor, {} volumes {width} at a time: {:.2} s",
            BURST / 2,
            took.as_secs_f64()
        );
        floor.delete_all(volumes, 4);
        best = best.min((took, width));
    }
    best.1
}

fn bursts(floor: &Floor<'_>, client: &Client, server: &Server, width: usize) {
    let (mut of_floor, mut of_mortar) = (Vec::new(), Vec::new());
    let (mut floor_delete, mut mortar_delete) = (Vec::new(), Vec::new());
    let mut busy = Vec::new();
    for _ in 0..ROUNDS {
        let (volumes, took) = floor.burst(BURST, width);
        of_floor.push(took);
        floor_delete.push(floor.delete_all(volumes, width));

        let before = server.processor_time();
        let began = Instant::now();
        let made = block_on(async { join_all((0..BURST).map(|_| client.volume())).await });
        of_mortar.push(began.elapsed());
        busy.push((server.processor_time() - before) / u32::try_from(BURST).unwrap());
        let began = Instant::now();
        block_on(async { join_all(made.iter().map(|volume| client.delete(volume))).await });
        mortar_delete.push(began.elapsed());
    }
    compare(
        &format!("burst of {BURST} volumes, floor {width} at a time"),
        &Times::new(of_floor),
        &Times::new(of_mortar),
    );
    compare(
        &format!("delete of {BURST}, floor {width} at a time"),
        &Times::new(floor_delete),
        &Times::new(mortar_delete),
    );
    println!(
        "server's own processor time per volume made: {}",
        Times::new(busy)
    );
}
