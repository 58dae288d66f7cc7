//! The server is asked to stop in the middle of a burst, again and again: forty clients get a thousand volumes all the
//! same, and none of them is told anything false.

#![allow(clippy::print_stdout, reason = "a test that measures says what")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use mortar_heketi::token::{Role, Secret, authorization_header};
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::server::{ADMIN_KEY, Server};

const CLIENTS: usize = 40;
const VOLUMES: usize = 1000;
/// Volumes between two stops.
const STEP: usize = 50;
/// Stops that come in any case; more until one of them left something to take up.
const STOPS: usize = 5;
/// The stop after so many volumes is the last.
const LAST: usize = 900;
/// Longest that a request or the next stop may take: then something hangs.
const LIMIT: Duration = Duration::from_secs(60);

/// An answer, read whole.
struct Said {
    status: u16,
    location: Option<String>,
    pending: bool,
    retry_after: Option<u64>,
    body: String,
}

impl Said {
    fn new(status: u16, headers: &HeaderMap, body: String) -> Self {
        let text = |value: &reqwest::header::HeaderValue| value.to_str().unwrap().to_owned();
        Self {
            status,
            location: headers.get(LOCATION).map(text),
            pending: headers.contains_key("x-pending"),
            retry_after: headers.get(RETRY_AFTER).map(|value| text(value).parse().unwrap()),
            body,
        }
    }

    fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }
}

/// What the clients share.
struct Burst {
    http: Client,
    /// Where the server of the moment listens.
    url: Mutex<String>,
    made: AtomicUsize,
    /// Requests without an answer, or asked to come again: no server listened, or it was about to end.
    turned_away: AtomicUsize,
}

impl Burst {
    /// Sends a request once; no answer when nobody listens or the connection breaks.
    async fn send(&self, method: Method, path: &str, body: &str) -> Option<Said> {
        let url = format!("{}{path}", self.url.lock().unwrap());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let (now, signed) = (
            i64::try_from(since.as_secs()).unwrap(),
            path.split('?').next().unwrap(),
        );
        let key = Secret::new(ADMIN_KEY);
        let token = authorization_header(Role::Admin, &key, method.as_str(), signed, now);
        let request = self.http.request(method, url).header("Authorization", token);
        let response = request.body(body.to_owned()).send().await.ok()?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Some(Said::new(status, &headers, response.text().await.ok()?))
    }

    /// Sends a request until a server answers that has room and goes on.
    async fn ask(&self, method: Method, path: &str, body: &str) -> Said {
        let begun = Instant::now();
        loop {
            let said = self.send(method.clone(), path, body).await;
            let pause = match said {
                Some(Said {
                    status: 429 | 503,
                    retry_after,
                    ..
                }) => Duration::from_secs(retry_after.unwrap()),
                Some(said) => return said,
                None => Duration::from_millis(50),
            };
            assert!(begun.elapsed() < LIMIT, "{method} {path}: no server answers");
            self.turned_away.fetch_add(1, Ordering::Relaxed);
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks for a change and follows it to its end. A place in the queue that was told is never unknown later.
    async fn finish(&self, path: &str, body: &Value) -> Said {
        let accepted = self.ask(Method::POST, path, &body.to_string()).await;
        assert_eq!(accepted.status, 202, "{path}: {}", accepted.body);
        let place = accepted.location.unwrap();
        loop {
            let said = self.ask(Method::GET, &format!("{place}?wait=10"), "").await;
            if !said.pending {
                return said;
            }
        }
    }

    async fn get(&self, path: &str) -> Value {
        self.ask(Method::GET, path, "").await.json()
    }

    /// Makes a volume, and sees that it is as was said.
    async fn make(&self, number: usize) -> (String, String) {
        let name = format!("v{number}");
        let durability = json!({"type": "replicate", "replicate": {"replica": 3}});
        let request = json!({"size": 1, "name": name, "durability": durability});
        let said = self.finish("/volumes", &request).await;
        assert_eq!(said.status, 303, "{name}: {}", said.body);
        let volume = said.location.unwrap();
        assert_eq!(self.get(&volume).await["name"], name.as_str(), "{volume}");
        self.made.fetch_add(1, Ordering::Relaxed);
        (name, volume)
    }

    /// Three nodes with their disks.
    async fn pool(&self) {
        let made = self
            .ask(Method::POST, "/clusters", r#"{"file":true,"block":true}"#)
            .await;
        let cluster: Value = serde_json::from_str(&made.body).unwrap();
        for (zone, host) in (1..).zip(["n1", "n2", "n3"]) {
            let names = json!({"manage": [host], "storage": [host]});
            let node = json!({"cluster": cluster["id"], "zone": zone, "hostnames": names});
            let added = self.finish("/nodes", &node).await.location.unwrap();
            for disk in ["/dev/sdb", "/dev/sdc"] {
                let device = json!({"node": added.trim_start_matches("/nodes/"), "name": disk});
                assert_eq!(self.finish("/devices", &device).await.status, 204);
            }
        }
    }

    /// Waits until so many volumes are made.
    async fn reaches(&self, volumes: usize) {
        let begun = Instant::now();
        while self.made.load(Ordering::Relaxed) < volumes {
            assert!(
                begun.elapsed() < LIMIT,
                "{} volumes",
                self.made.load(Ordering::Relaxed)
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The clients, each with its volumes; answers the path of each volume by its name.
fn clients(burst: &Arc<Burst>) -> Vec<tokio::task::JoinHandle<BTreeMap<String, String>>> {
    let client = |first: usize| {
        let burst = Arc::clone(burst);
        tokio::spawn(async move {
            let mut told = BTreeMap::new();
            for number in (first..VOLUMES).step_by(CLIENTS) {
                told.extend([burst.make(number).await]);
            }
            told
        })
    };
    (0..CLIENTS).map(client).collect()
}

/// Stops and starts the server while the clients go on; answers how many operations a next start took up. What runs is
/// left as it is, mostly some operations, sometimes none; at the last stop it has its time to end.
async fn storm(server: &mut Server, burst: &Burst) -> usize {
    let mut taken_up = 0;
    for number in 1.. {
        let volumes = STEP * number;
        burst.reaches(volumes).await;
        let begun = Instant::now();
        let enough = number >= STOPS && taken_up > 0 || volumes >= LAST;
        let patience = if enough { "30" } else { "0" };
        // The clients go on meanwhile, on the other threads.
        tokio::task::block_in_place(|| server.restart(&["--stop-patience", patience]));
        *burst.url.lock().unwrap() = server.url();
        let resumed = server.log().matches("taken up again after a restart").count();
        println!(
            "at {volumes} volumes: {:?}, {resumed} operations taken up",
            begun.elapsed()
        );
        taken_up += resumed;
        if enough {
            break;
        }
    }
    // The patience of each server was given to it when it was started.
    burst.reaches(LAST).await;
    tokio::task::block_in_place(|| server.restart(&[]));
    *burst.url.lock().unwrap() = server.url();
    taken_up
}

#[test]
fn a_burst_outlives_the_server() {
    // Another test of this program may have done so.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut server = Server::start(&["--stop-patience", "0", "--sim-disk-size", "8192"]);
    let burst = Arc::new(Burst {
        http: Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LIMIT)
            .build()
            .unwrap(),
        url: Mutex::new(server.url()),
        made: AtomicUsize::new(0),
        turned_away: AtomicUsize::new(0),
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let told = runtime.block_on(async {
        burst.pool().await;
        let clients = clients(&burst);
        let taken_up = storm(&mut server, &burst).await;
        let mut told = BTreeMap::new();
        for client in clients {
            told.extend(client.await.unwrap());
        }
        println!(
            "{} requests turned away",
            burst.turned_away.load(Ordering::Relaxed)
        );
        assert!(taken_up > 0, "no stop came while something ran");
        let list = burst.get("/volumes").await;
        let paths = list["volumes"].as_array().unwrap().iter();
        let paths: BTreeSet<String> = paths
            .map(|id| format!("/volumes/{}", id.as_str().unwrap()))
            .collect();
        assert_eq!(paths, told.values().cloned().collect());
        assert_eq!(
            burst.get("/v1/operations?open=true").await["operations"],
            json!([])
        );
        told
    });
    server.stop();
    let nodes = server.nodes();
    assert_eq!(nodes.violations(), Vec::<String>::new());
    let counts = nodes.counts();
    assert_eq!(told.len(), VOLUMES);
    assert_eq!(
        (counts.volumes, counts.bricks, counts.logical_volumes),
        (VOLUMES, 3 * VOLUMES, 6 * VOLUMES)
    );
}
