//! How long a server takes to settle what a dead one left: a thousand creates that were accepted and not ended.

use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use serde_json::{Value, json};

use crate::client::{Client, block_on};
use crate::server::Server;

const OPERATIONS: usize = 1000;
const CLIENTS: usize = 40;
/// By then something hangs.
const LIMIT: Duration = Duration::from_secs(600);

pub(crate) fn run() {
    println!("\n== recover: {OPERATIONS} open creates of replica 3, 6 simulated nodes ==");
    let folder = tempfile::tempdir().unwrap();
    let nodes = folder.path().join("nodes.json");
    // One at a time, so that nearly all are still open when it ends; it ends at once, whatever runs.
    let slow = ["--operations-running", "1", "--stop-patience", "0"];
    let state = [
        "--sim-state",
        nodes.to_str().unwrap(),
        "--sim-disks",
        "8",
        "--operations-open",
        "2000",
    ];
    let arguments = |own: &[&'static str]| {
        let all = ["--executor", "sim"].iter().chain(own).chain(&state);
        all.map(|argument| (*argument).to_owned()).collect::<Vec<_>>()
    };
    let start = |own: &[&'static str]| {
        let all = arguments(own);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        Server::start(folder.path(), &all)
    };
    let server = start(&slow);
    block_on(fill(&Client::new(&server.address)));
    server.stop();

    let began = Instant::now();
    let server = start(&[]);
    let client = Client::new(&server.address);
    let (found, nearly, volumes) = block_on(async {
        let found = open(&client).await;
        let mut nearly = None;
        loop {
            let left = open(&client).await.len();
            if left * 100 <= found.len() {
                nearly = nearly.or(Some(began.elapsed()));
            }
            if left == 0 {
                break;
            }
            assert!(began.elapsed() < LIMIT, "operations stay open");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let volumes = client.get("/volumes").await["volumes"].as_array().unwrap().len();
        (found.len(), nearly.unwrap(), volumes)
    });
    println!(
        "{found} open at the first look after the start; 99 % at an end {:.2} s after the process began, all {:.2} s ({volumes} volumes); \
         it answered after {:.2} s and used {:.2} s of processor time",
        nearly.as_secs_f64(),
        began.elapsed().as_secs_f64(),
        server.start.as_secs_f64(),
        server.processor_time().as_secs_f64(),
    );
}

async fn fill(client: &Client) {
    let cluster = client.cluster().await;
    let devices: Vec<String> = (b'b'..=b'i')
        .map(|letter| format!("/dev/sd{}", char::from(letter)))
        .collect();
    for zone in 1..=6 {
        client.node(&cluster, &format!("n{zone}"), zone, &devices).await;
    }
    stream::iter(0..OPERATIONS)
        .for_each_concurrent(CLIENTS, |number| async move {
            let replicas = json!({"type": "replicate", "replicate": {"replica": 3}});
            let body = json!({"size": 1, "name": format!("v{number}"), "durability": replicas});
            client.begin("/volumes", body).await;
        })
        .await;
}

async fn open(client: &Client) -> Vec<Value> {
    let list = client.get("/v1/operations?open=true&limit=2000").await;
    list["operations"].as_array().unwrap().clone()
}
