//! Server and nodes are killed at random instants, again and again, under a stream of creates, expansions and
//! deletions on a real pool. Then what is on the nodes is counted there and compared with what the store says and
//! with what the clients were told.
//!
//! `make test` runs a short soak in which only the server is killed, `make soak` the whole. `MORTAR_SOAK_SERVER_KILLS` and `MORTAR_SOAK_NODE_KILLS` say how
//! often is killed, `MORTAR_SOAK_SEED` what chance begins with. A seed gives the same requests, pauses and kills again;
//! how threads and nodes interleave it cannot give, so a story also keeps diary, logs and records.
//!
//! glusterd itself does not survive all of it: a member that comes back in the middle of a change may stay behind, or be
//! rejected, or not start. Nobody helps it but the server; the numbers tell how often it did.
//!
//! Ground, server and door are those of tests/lab, which hold more than is used here.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and tells what it did"
)]

mod census;
mod chance;
mod client;
mod data;
#[allow(dead_code, reason = "shared with tests/lab")]
#[path = "../lab/door.rs"]
mod door;
#[allow(dead_code, reason = "shared with tests/lab")]
#[path = "../lab/ground.rs"]
mod ground;
mod recovery;
#[allow(dead_code, reason = "shared with tests/lab")]
#[path = "../lab/remains.rs"]
mod remains;
#[allow(dead_code, reason = "shared with tests/lab")]
#[path = "../lab/server.rs"]
mod server;
#[allow(dead_code, reason = "shared with tests/lab")]
#[path = "../lab/site.rs"]
mod site;
mod storm;
mod story;
mod verdict;
mod world;

use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use client::{Client, Told, Volume};
use ground::Ground;
use site::Site;
use storm::{Kills, Storm};
use world::{World, lock};

/// Clients that work side by side.
const CLIENTS: u64 = 4;
/// Names of volumes begin with it.
const PREFIX: &str = "soak";

/// A number from the environment.
fn setting(name: &str, usual: u64) -> u64 {
    match std::env::var(name) {
        Ok(value) => value
            .parse()
            .unwrap_or_else(|error| panic!("{name}={value:?}: {error}")),
        Err(_) => usual,
    }
}

#[test]
fn whatever_is_killed_nothing_is_lost_and_nothing_is_left() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed = setting("MORTAR_SOAK_SEED", now.as_millis() as u64 % 1_000_000);
    let kills = Kills {
        server: setting("MORTAR_SOAK_SERVER_KILLS", 12),
        // None unless asked for (`make soak`): each takes a minute or two. Nodes are killed one change at a time in the tests
        // of `lab`.
        node: setting("MORTAR_SOAK_NODE_KILLS", 0),
    };
    eprintln!("soak: MORTAR_SOAK_SEED={seed}, {kills:?}");
    // Dropped before this panics: the story tells of the server's log what is needed.
    let result = soak(seed, kills);
    match result {
        Ok(numbers) => eprintln!("{numbers}"),
        Err(story) => panic!("{story}"),
    }
}

/// The numbers, or the story of what went wrong.
fn soak(seed: u64, kills: Kills) -> Result<String, String> {
    let ground = Ground::new('s', 3, 1, 40);
    let mut site = Site::new(&ground.lab, &[1, 2, 3], 1, PREFIX);
    let world = World::new(&site, PREFIX, seed);
    let _told = world.told_of_panic();
    storm_and_calm(&world, &mut site, kills)
}

fn storm_and_calm(world: &World, site: &mut Site, kills: Kills) -> Result<String, String> {
    let storm = Storm::new(world, kills);
    let (volumes, told) = weather(world, &storm, site);
    let mut wrongs = world.wrongs();
    let mut files = 0;
    if wrongs.is_empty() {
        match storm
            .rest()
            .and_then(|()| verdict::of(world, site, &volumes, &told))
        {
            Ok(compared) => files = compared,
            Err(wrong) => wrongs.push(wrong),
        }
    }
    if wrongs.is_empty() {
        let recoveries = lock(&storm.recoveries);
        return Ok(story::numbers(
            world,
            storm.killed(),
            &recoveries,
            told.len(),
            files,
        ));
    }
    Err(story::of_failure(world, site, storm.killed(), &wrongs))
}

/// Clients work and everything is killed, until all kills are done and the clients have ended what they were at. What
/// the clients remember.
fn weather(world: &World, storm: &Storm<'_>, site: &mut Site) -> (Vec<Volume>, Vec<Told>) {
    std::thread::scope(|scope| {
        let _told = world.told_of_panic();
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|number| {
                scope.spawn(move || {
                    let mut client = Client::new(world, number);
                    client.work();
                    (client.volumes, client.told)
                })
            })
            .collect();
        let (ask, asked) = mpsc::channel();
        scope.spawn(move || storm.nodes(&asked));
        storm.server(site, &ask);
        drop(ask);
        world.end();
        while !clients.iter().all(|client| client.is_finished()) {
            storm.watch(Duration::from_millis(40));
        }
        let (mut volumes, mut told) = (Vec::new(), Vec::new());
        for client in clients {
            match client.join() {
                Ok((its, answers)) => {
                    volumes.extend(its);
                    told.extend(answers);
                }
                Err(panic) => world.wrong("a client", &format!("it panicked: {}", words(&*panic))),
            }
        }
        (volumes, told)
    })
}

/// The words of a panic.
fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
        .unwrap_or_default()
}
