//! The server on simulated nodes: 1,000 nodes with 10 devices each, 10,000 volumes one after the other over REST.

use std::time::{Duration, Instant};

use crate::client::{Client, block_on};
use crate::numbers::Times;
use crate::server::Server;

const NODES: u32 = 1_000;
const DEVICES: usize = 10;
const VOLUMES: usize = 10_000;

pub(crate) fn run() {
    println!("\n== scale: {NODES} simulated nodes x {DEVICES} devices, {VOLUMES} volumes of replica 3 ==");
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("nodes.json");
    let devices = DEVICES.to_string();
    let arguments = [
        "--executor",
        "sim",
        "--sim-disks",
        &devices,
        "--sim-state",
        state.to_str().unwrap(),
    ];
    let server = Server::start(folder.path(), &arguments);
    let client = Client::new(&server.address);
    let pool = block_on(make_pool(&client));
    let client = Client::new(&server.address);
    println!(
        "pool made in {:.1} s; server then at {:.0} MB",
        pool.as_secs_f64(),
        server.memory()
    );
    let before = server.processor_time();
    let times = block_on(make_volumes(&client));
    for (name, part) in [
        ("first 1,000", &times[..1000]),
        ("last 1,000", &times[VOLUMES - 1000..]),
        ("all", &times[..]),
    ] {
        let times = Times::new(part.to_vec());
        let ms = |percent| times.at(percent).as_secs_f64() * 1e3;
        println!(
            "{name:>12}: p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms each, asked to done",
            ms(50),
            ms(99),
            ms(100)
        );
    }
    let busy = server.processor_time() - before;
    println!(
        "server: {:.0} MB resident with its simulated nodes, {:.2} ms of processor time a volume",
        server.memory(),
        busy.as_secs_f64() * 1e3 / VOLUMES as f64
    );
    server.stop();

    let starts: Vec<Duration> = (0..5)
        .map(|_| {
            // Nodes of their own: what is measured is the server, not the reading back of simulated nodes.
            let server = Server::start(folder.path(), &["--executor", "sim"]);
            let volumes = block_on(async { Client::new(&server.address).get("/volumes").await });
            assert_eq!(volumes["volumes"].as_array().unwrap().len(), VOLUMES);
            let start = server.start;
            println!(
                "start with {VOLUMES} volumes: {:.0} ms, {:.0} MB resident",
                start.as_secs_f64() * 1e3,
                server.memory()
            );
            server.stop();
            start
        })
        .collect();
    println!("start with {VOLUMES} volumes: {}", Times::new(starts));
}

async fn make_pool(client: &Client) -> Duration {
    let began = Instant::now();
    let cluster = client.cluster().await;
    let devices: Vec<String> = (0..DEVICES)
        .map(|disk| format!("/dev/sd{}", char::from(b'b' + u8::try_from(disk).unwrap())))
        .collect();
    for node in 0..NODES {
        client
            .node(&cluster, &format!("node{node}"), node % 20 + 1, &devices)
            .await;
    }
    began.elapsed()
}

async fn make_volumes(client: &Client) -> Vec<Duration> {
    let mut times = Vec::with_capacity(VOLUMES);
    for _ in 0..VOLUMES {
        let began = Instant::now();
        client.volume().await;
        times.push(began.elapsed());
    }
    times
}
