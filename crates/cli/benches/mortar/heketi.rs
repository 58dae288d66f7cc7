//! What Heketi was measured at, here: 6 simulated nodes with 8 devices each, replica 3, over Heketi's own routes.
//!
//! Operations are followed as Heketi's clients follow them, by plain questions to the queue, but without their pause between two of
//! them (400 ms in Go, 1 s in Python): what is measured is the server.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::client::{Client, block_on};
use crate::numbers::Times;
use crate::server::Server;

const NODES: u32 = 6;
const DEVICES: usize = 8;
const FEW: usize = 1_000;
const MANY: usize = 10_000;
const CLIENTS: usize = 40;
const EACH: usize = 90;

const SIMULATED: [&str; 6] = ["--executor", "sim", "--sim-disks", "8", "--sim-disk-size", "4096"];

pub(crate) fn run() {
    println!("\n== heketi: {NODES} simulated nodes x {DEVICES} devices, volumes of 1 GiB, replica 3 ==");
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &SIMULATED);
    let asker = Asker::new(&server.address);
    block_on(one_after_the_other(&asker));
    server.stop();

    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &SIMULATED);
    crowd(&server.address);
    server.stop();
}

async fn one_after_the_other(asker: &Asker) {
    asker.pool().await;
    let began = Instant::now();
    let mut times = asker.volumes(FEW).await;
    println!(
        "{FEW} creates one after the other: {:.2} s, {:.0} a second",
        began.elapsed().as_secs_f64(),
        FEW as f64 / began.elapsed().as_secs_f64()
    );
    tell("creates 901 to 1,000", &times[FEW - 100..]);
    tell("creates 1 to 1,000", &times);
    for path in ["/metrics", "/db/dump", "/topology"] {
        println!("GET {path} with {FEW} volumes: {}", asker.pages(path).await);
    }
    println!(
        "heketi-cli's topology info with {FEW} volumes, request by request: {}",
        asker.walks().await
    );
    times.extend(asker.volumes(MANY - FEW).await);
    tell("creates 9,001 to 10,000", &times[MANY - 1000..]);
}

fn tell(what: &str, times: &[Duration]) {
    let times = Times::new(times.to_vec());
    let ms = |percent| times.at(percent).as_secs_f64() * 1e3;
    println!(
        "{what}: p50 {:.2} ms, p99 {:.2} ms, max {:.1} ms each",
        ms(50),
        ms(99),
        ms(100)
    );
}

/// Clients side by side, each with its own connection, each asking for one volume after the other.
fn crowd(address: &str) {
    block_on(Asker::new(address).pool());
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let address = address.to_owned();
            std::thread::spawn(move || {
                let asker = Asker::new(&address);
                block_on(async {
                    let mut busy = 0;
                    for _ in 0..EACH {
                        busy += asker.create().await;
                    }
                    busy
                })
            })
        })
        .collect();
    let busy: usize = clients.into_iter().map(|client| client.join().unwrap()).sum();
    println!(
        "{CLIENTS} clients x {EACH} creates: {busy} answers of 429, all made in {:.1} s, {:.0} a second",
        began.elapsed().as_secs_f64(),
        (CLIENTS * EACH) as f64 / began.elapsed().as_secs_f64()
    );
}

/// One of Heketi's clients, in a hurry.
struct Asker(Client);

impl Asker {
    fn new(address: &str) -> Self {
        Self(Client::new(address))
    }

    async fn pool(&self) {
        let cluster = self.0.cluster().await;
        let devices: Vec<String> = ('b'..)
            .take(DEVICES)
            .map(|disk| format!("/dev/sd{disk}"))
            .collect();
        for node in 1..=NODES {
            self.0
                .node(&cluster, &format!("node{node}"), node, &devices)
                .await;
        }
    }

    /// Makes a volume; how often the server was too busy for it.
    async fn create(&self) -> usize {
        let body = json!({"size": 1, "durability": {"type": "replicate", "replicate": {"replica": 3}}});
        let mut busy = 0;
        let place = loop {
            let response = self.0.send(Method::POST, "/volumes", Some(&body)).await;
            match response.status().as_u16() {
                202 => break response.headers()["location"].to_str().unwrap().to_owned(),
                429 => busy += 1,
                status => panic!("{status}: {}", response.text().await.unwrap()),
            }
        };
        loop {
            let response = self.0.send(Method::GET, &place, None).await;
            match response.status().as_u16() {
                200 => assert!(response.headers().contains_key("x-pending")),
                303 => return busy,
                status => panic!("{status}: {}", response.text().await.unwrap()),
            }
        }
    }

    async fn volumes(&self, count: usize) -> Vec<Duration> {
        let mut times = Vec::with_capacity(count);
        for _ in 0..count {
            let began = Instant::now();
            self.create().await;
            times.push(began.elapsed());
        }
        times
    }

    /// A page, read whole, several times.
    async fn pages(&self, path: &str) -> Times {
        let mut times = Vec::new();
        for _ in 0..20 {
            let began = Instant::now();
            let response = self.0.send(Method::GET, path, None).await;
            assert!(response.status().is_success());
            response.bytes().await.unwrap();
            times.push(began.elapsed());
        }
        Times::new(times)
    }

    /// All that exists, as Heketi's Go client finds it.
    async fn walks(&self) -> Times {
        let mut times = Vec::new();
        for _ in 0..5 {
            let began = Instant::now();
            let clusters = self.0.get("/clusters").await;
            for cluster in ids(&clusters["clusters"]) {
                let cluster = self.0.get(&format!("/clusters/{cluster}")).await;
                for volume in ids(&cluster["volumes"]) {
                    self.0.get(&format!("/volumes/{volume}")).await;
                }
                for node in ids(&cluster["nodes"]) {
                    self.0.get(&format!("/nodes/{node}")).await;
                }
            }
            times.push(began.elapsed());
        }
        Times::new(times)
    }
}

fn ids(list: &Value) -> Vec<String> {
    let ids = list.as_array().unwrap().iter();
    ids.map(|id| id.as_str().unwrap().to_owned()).collect()
}
