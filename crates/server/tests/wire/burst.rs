//! A burst: forty clients ask for a thousand volumes, some of them twice, some without waiting for the answer. Each
//! gets what it was told, and there are a thousand volumes in the end.

#![allow(clippy::print_stdout, reason = "a test that measures says what")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mortar_engine::Config;
use mortar_executor::SimHosts;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::flow::{nodes_with, replica};
use crate::support::{Door, Reply, Setup, admin};

const CLIENTS: usize = 40;
const TIB: u64 = 1 << 40;

#[derive(Default)]
struct Counts {
    /// Answers 429.
    busy: AtomicUsize,
    /// Seconds that clients were told to wait, in all.
    waits: AtomicUsize,
    /// Requests whose answer was not waited for.
    left: AtomicUsize,
    ended: AtomicBool,
}

/// Asks until there is room, as long as it is told to wait.
async fn accepted(door: &Door, body: &str, counts: &Counts) -> String {
    loop {
        let reply = door.ask("POST", "/volumes", body).await;
        match reply.status {
            202 => return reply.header("location").unwrap().to_owned(),
            429 => {
                counts.busy.fetch_add(1, Ordering::Relaxed);
                assert_eq!(reply.header("mortar-error-kind"), Some("busy"));
                let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
                assert!((1..=60).contains(&seconds), "{seconds}");
                counts
                    .waits
                    .fetch_add(usize::try_from(seconds).unwrap(), Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            other => panic!("{other}: {}", reply.body),
        }
    }
}

/// Follows a place in the queue to the volume, and answers its path. Nothing on the way may be false.
async fn followed(door: &Door, place: &str, name: &str) -> String {
    loop {
        let reply = door.ask("GET", &format!("{place}?wait=10"), "").await;
        if reply.header("x-pending").is_some() {
            continue;
        }
        assert_eq!(reply.status, 303, "{name}: {}", reply.body);
        let volume = reply.header("location").unwrap().to_owned();
        let info = door.ask("GET", &volume, "").await;
        assert_eq!(info.status, 200, "{name} was said to be made: {}", info.body);
        let info = info.json();
        assert_eq!(
            (info["name"].as_str(), info["size"].as_u64()),
            (Some(name), Some(1))
        );
        return volume;
    }
}

/// Sends the request and goes away.
async fn leave(door: &Door, body: &str) {
    let token = admin("POST", "/volumes");
    let head = format!(
        "POST /volumes HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    door.connect().await.write_all(head.as_bytes()).await.unwrap();
}

/// One client's volumes: asked for, some of them in odd ways, and their paths.
async fn client(door: Arc<Door>, numbers: Vec<usize>, counts: Arc<Counts>) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    for number in numbers {
        let name = format!("v{number}");
        let mut body = replica(3, 1);
        body["name"] = Value::from(name.clone());
        let body = body.to_string();
        if number % 10 == 3 {
            counts.left.fetch_add(1, Ordering::Relaxed);
            leave(&door, &body).await;
        }
        let ask = || async { followed(&door, &accepted(&door, &body, &counts).await, &name).await };
        let volume = ask().await;
        if number % 10 == 7 {
            assert_eq!(ask().await, volume, "asked again");
        }
        told.insert(name, volume);
    }
    told
}

/// Asks what should always be answered at once, and how long it took.
async fn bystander(door: Arc<Door>, counts: Arc<Counts>) -> BTreeMap<&'static str, Vec<Duration>> {
    let mut took: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    let mut most = Value::Null;
    while !counts.ended.load(Ordering::Relaxed) {
        for path in [
            "/hello",
            "/metrics",
            "/volumes",
            "/v1/operations?open=true&limit=10",
        ] {
            let begun = Instant::now();
            let reply: Reply = door.ask("GET", path, "").await;
            took.entry(path).or_default().push(begun.elapsed());
            assert_eq!(reply.status, 200, "{path}: {}", reply.body);
            if path.starts_with("/v1/") {
                let load = &reply.json()["load"];
                let bound = |what: &str| {
                    load[what].as_u64().unwrap() <= load[format!("{what}_limit")].as_u64().unwrap()
                };
                assert!(bound("open") && bound("running"), "{load}");
                if load["open"].as_u64() > most["open"].as_u64() {
                    most = load.clone();
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("most under way: {most}");
    took
}

fn show(took: BTreeMap<&str, Vec<Duration>>) {
    for (path, mut times) in took {
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 100];
        println!(
            "{path}: {} answers, median {:?}, p99 {:?}, longest {:?}",
            times.len(),
            at(50),
            at(99),
            at(100)
        );
    }
}

/// All of it with this bound on operations under way; answers how often a client was sent away.
async fn burst(volumes: usize, open_max: usize) -> usize {
    // Long enough that operations are under way side by side.
    let hosts = nodes_with(8 * TIB).latency(Duration::from_millis(20));
    let setup = Setup {
        hosts: Arc::new(hosts.clone()),
        engine: Config {
            open_max,
            ..Config::default()
        },
        ..Setup::default()
    };
    let door = Arc::new(setup.open().await);
    door.pool(&["/dev/sdb", "/dev/sdc"]).await;
    let (counts, begun) = (Arc::new(Counts::default()), Instant::now());
    let looks = tokio::spawn(bystander(Arc::clone(&door), Arc::clone(&counts)));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client_number| {
            let numbers = (client_number..volumes).step_by(CLIENTS).collect();
            tokio::spawn(client(Arc::clone(&door), numbers, Arc::clone(&counts)))
        })
        .collect();
    let mut told = BTreeMap::new();
    for one in clients {
        told.extend(one.await.unwrap());
    }
    let (took, busy) = (begun.elapsed(), counts.busy.load(Ordering::Relaxed));
    counts.ended.store(true, Ordering::Relaxed);
    let waits = counts.waits.load(Ordering::Relaxed);
    println!(
        "{volumes} volumes for {CLIENTS} clients, {open_max} under way at most: {took:?}, sent away {busy} times for \
         {waits} s in all"
    );
    show(looks.await.unwrap());
    assert_eq!(told.len(), volumes);
    assert!(counts.left.load(Ordering::Relaxed) >= volumes / 10);
    assert_are(&door, &hosts, &told).await;
    busy
}

/// Exactly these volumes, in the records and on the nodes.
async fn assert_are(door: &Door, hosts: &SimHosts, told: &BTreeMap<String, String>) {
    let list = door.ask("GET", "/volumes", "").await.json();
    let listed: BTreeSet<String> = list["volumes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|id| format!("/volumes/{}", id.as_str().unwrap()))
        .collect();
    let paths: BTreeSet<String> = told.values().cloned().collect();
    assert_eq!((listed.len(), &listed), (told.len(), &paths));
    let open = door.ask("GET", "/v1/operations?open=true", "").await.json();
    assert_eq!(open["operations"], serde_json::json!([]));
    hosts.world(|world| {
        assert_eq!(world.violations(), Vec::<String>::new());
        let counts = world.counts();
        assert_eq!(
            (counts.volumes, counts.bricks, counts.logical_volumes),
            (told.len(), 3 * told.len(), 6 * told.len())
        );
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_volumes_for_forty_clients() {
    assert_eq!(burst(1000, 1024).await, 0, "there was room for all");
}

/// The same with room for six: clients are sent away, told when to come again, and all of them are served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_little_room_clients_are_sent_away_and_served_all_the_same() {
    assert!(burst(300, 6).await > 0);
}
