//! How long a check takes: on simulated nodes and on a real pool, with an answer of real size from each node.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use serde_json::Value;

use crate::client::{Client, block_on};
use crate::ground::Ground;
use crate::numbers::Times;
use crate::server::Server;

/// Volumes of replica 3 on three nodes, simulated and real.
const VOLUMES: usize = 100;
const CHECKS: usize = 9;

pub(crate) fn run() {
    simulated();
    real();
}

fn simulated() {
    println!("\n== check: 3 simulated nodes, {VOLUMES} volumes of replica 3 on disks and on directories ==");
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--executor", "sim"]);
    let client = Client::new(&server.address);
    block_on(async {
        let cluster = client.cluster().await;
        let devices = ["/dev/sdb".to_owned(), "/disks/disk1".to_owned()];
        for zone in 1..=3 {
            client.node(&cluster, &format!("n{zone}"), zone, &devices).await;
        }
        fill(&client, VOLUMES).await;
        measure(&client, &server).await;
    });
}

fn real() {
    println!("\n== check: a real pool of 3 nodes, {VOLUMES} volumes of 1 GiB, replica 3, on directories ==");
    let ground = Ground::up(|spec| spec.disk_size = 200 << 30);
    let server = Server::start_for(ground.folder(), ground.lab(), &[]);
    let client = Client::new(&server.address);
    block_on(async {
        ground.pool(&client).await;
        fill(&client, VOLUMES).await;
        measure(&client, &server).await;
    });
    drop(server);
}

async fn fill(client: &Client, volumes: usize) {
    let began = Instant::now();
    stream::iter(0..volumes)
        .for_each_concurrent(4, |_| async {
            client.volume().await;
        })
        .await;
    println!("volumes made in {:.1} s", began.elapsed().as_secs_f64());
}

async fn measure(client: &Client, server: &Server) {
    // The nodes' own files follow the records within seconds; until then they differ.
    let mut clean = false;
    let patience = Instant::now() + Duration::from_secs(30);
    while !clean && Instant::now() < patience {
        tokio::time::sleep(Duration::from_millis(200)).await;
        clean = check(client).await["clean"] == true;
    }
    let before = server.processor_time();
    let mut times = Vec::new();
    let mut last = Value::Null;
    for _ in 0..CHECKS {
        let began = Instant::now();
        last = check(client).await;
        times.push(began.elapsed());
    }
    let busy = (server.processor_time() - before) / u32::try_from(CHECKS).unwrap();
    println!(
        "check of {} nodes, {} volumes, {} bricks, clean: {}: {}; server's own processor time {:.0} ms",
        last["nodes"],
        last["volumes"],
        last["bricks"],
        last["clean"],
        Times::new(times),
        busy.as_secs_f64() * 1e3
    );
}

async fn check(client: &Client) -> Value {
    client.ask("/v1/check").await["check"].take()
}
