//! What an observer is told, and that waiting batches wait side by side.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mortar_argv::{Batch, Command};
use mortar_executor::{CommandEnd, Hosts as _, LocalHosts, Measured, Measurement, SimHosts};
use mortar_simulator::{World, WorldConfig};

fn command(program: &str) -> Command {
    Command::new(program)
}

#[tokio::test]
async fn each_command_is_counted_and_the_batch_is_timed_under_its_main_command() {
    type Told = (String, Duration, Vec<(String, CommandEnd)>);
    let told: Arc<Mutex<Vec<Told>>> = Arc::default();
    let log = Arc::clone(&told);
    let hosts = Measured::new(LocalHosts::new(), move |measurement: Measurement<'_>| {
        assert_eq!(measurement.host, "n1");
        log.lock()
            .unwrap()
            .push((measurement.kind, measurement.duration, measurement.commands));
    });
    let batch = Batch::new()
        .unless(command("true"), command("mkdir"))
        .run(command("sleep").arg("0.2").limit(Duration::from_secs(90)))
        .run(command("false"))
        .run(command("gluster").args(["volume", "create", "name-of-a-user"]));
    hosts.run("n1", &batch).await;
    hosts
        .run(
            "n1",
            &Batch::new().run(command("sleep").arg("60").limit(Duration::from_millis(50))),
        )
        .await;
    let told = told.lock().unwrap();
    let (kind, duration, commands) = &told[0];
    assert_eq!(kind, "sleep");
    assert!(*duration >= Duration::from_millis(200));
    let ends: Vec<_> = commands
        .iter()
        .map(|(kind, end)| (kind.as_str(), end.name()))
        .collect();
    let expected = [
        ("mkdir", "skipped"),
        ("sleep", "done"),
        ("false", "failed"),
        ("gluster volume create", "not_run"),
    ];
    assert_eq!(ends, expected);
    assert_eq!(told[1].2, [("sleep".to_owned(), CommandEnd::Unknown)]);
}

/// Batches of simulated nodes wait side by side, and one that is dropped while it waits did not run.
#[tokio::test(start_paused = true)]
async fn simulated_latency_is_waited_for_side_by_side() {
    let mut world = World::new(WorldConfig::default());
    for node in 0..100 {
        world.add_node(&format!("n{node}"));
    }
    let hosts = SimHosts::new(world).latency(Duration::from_millis(100));
    let names: Vec<_> = (0..100).map(|node| format!("n{node}")).collect();
    let batch = Batch::new().run(command("mkdir").arg("/made"));
    let start = tokio::time::Instant::now();
    let reports = futures::future::join_all(names.iter().map(|name| hosts.run(name, &batch))).await;
    assert!(reports.iter().all(mortar_argv::Report::success));
    assert_eq!(start.elapsed().as_millis(), 100);
    assert_eq!(hosts.world(|world| world.commands_run()), 100);
    let dropped = tokio::time::timeout(Duration::from_millis(50), hosts.run("n1", &batch)).await;
    assert!(dropped.is_err());
    assert_eq!(hosts.world(|world| world.commands_run()), 100);
}
