//! A bug hurts one operation, request or pass of the watch; it is told with its trace and counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mortar_engine::{Config, Engine, OperationState, Outcome};
use mortar_model::{HostName, OperationId};
use mortar_simulator::{Effect, Fault, When};

use crate::ground::{Ground, LIMIT, changes, config, ended, metrics, named, volume};
use crate::log;

fn panics(engine: &Engine, place: &str) -> u64 {
    let line = format!("mortar_panics_total{{place=\"{place}\"}} ");
    let text = metrics(engine);
    text.lines()
        .find_map(|found| found.strip_prefix(&line))
        .map_or(0, |count| count.parse().unwrap())
}

/// From now on the nth changing batch meets a bug. Answers whether it has come.
fn plant(ground: &Ground, nth: usize, words: &'static str) -> Arc<AtomicBool> {
    let struck = Arc::new(AtomicBool::new(false));
    let (count, strikes) = (AtomicUsize::new(0), Arc::clone(&struck));
    ground.nodes.meet(move |_, batch| {
        if changes(batch) && count.fetch_add(1, Ordering::SeqCst) + 1 == nth {
            strikes.store(true, Ordering::SeqCst);
            panic!("{words}");
        }
    });
    struck
}

async fn parked(engine: &Engine, id: OperationId) -> String {
    match engine.wait(id, LIMIT).await {
        Some(OperationState::Open(operation)) if operation.needs_attention() => {
            format!("{:?}", operation.phase)
        }
        other => panic!("{other:?}"),
    }
}

fn assert_told(words: &str, operation: OperationId) {
    let events = log::with(words);
    assert_eq!(events.len(), 1, "{events:?}");
    let event = &events[0];
    assert_eq!(event["message"], "panicked");
    assert_eq!(event["level"], "ERROR");
    assert_eq!(event["span"]["operation"], operation.to_string());
    assert!(event["at"].as_str().unwrap().contains("panics.rs:"), "{event}");
    let trace = event["backtrace"].as_str().unwrap();
    // By file: what was inlined has no path of its name any more.
    assert!(
        trace.contains("tests/again/panics.rs:") && trace.contains("src/drive.rs:"),
        "{trace}"
    );
}

#[tokio::test]
async fn a_bug_in_one_step_hurts_one_operation_and_a_retry_finishes_it() {
    log::keep();
    let (ground, engine) = Ground::pool().await;
    plant(&ground, 1, "a bug in one step");
    let hurt = engine.create_volume(named("hurt")).await.unwrap();
    let why = parked(&engine, hurt).await;
    assert!(
        why.contains("a bug in Mortar, whose trace is in the log"),
        "{why}"
    );
    assert!(!why.contains("a bug in one step"), "details stay in the log");
    assert_told("a bug in one step", hurt);
    assert_eq!(panics(&engine, "operation"), 1);
    let other = engine.create_volume(named("other")).await.unwrap();
    volume(&engine, other).await;
    assert_eq!(
        engine.create_volume(named("hurt")).await.unwrap(),
        hurt,
        "its name stays its own"
    );
    assert!(engine.retry(hurt));
    volume(&engine, hurt).await;
    assert_eq!(ground.made(), 2);
}

#[tokio::test]
async fn a_restart_takes_it_up_again() {
    log::keep();
    let (ground, engine) = Ground::pool().await;
    plant(&ground, 1, "a bug before a restart");
    let hurt = engine.create_volume(named("hurt")).await.unwrap();
    parked(&engine, hurt).await;
    assert_told("a bug before a restart", hurt);
    let engine = ground.reborn(engine).await;
    volume(&engine, hurt).await;
    assert_eq!(ground.made(), 1);
}

/// Whatever batch it meets, forward or back: the operation stands still, and a retry gets it to its end. Answers how
/// many batches were met.
async fn strike_everywhere(ground: &Ground, engine: &Engine, back: bool) -> usize {
    for nth in 1.. {
        if back {
            let last = Fault {
                when: When::Command {
                    kind: "gluster volume start".into(),
                    host: None,
                    nth: 1,
                },
                effect: Effect::Fail {
                    status: 1,
                    text: "no".into(),
                },
            };
            ground.nodes.hosts.world(|world| world.inject(last));
        }
        let before = ground.made();
        let struck = plant(ground, nth, "a bug somewhere");
        let id = engine
            .create_volume(named(&format!("v{back}{nth}")))
            .await
            .unwrap();
        let mut retries = 0;
        while let Some(OperationState::Open(_)) = engine.wait(id, LIMIT).await {
            assert!(engine.retry(id));
            retries += 1;
        }
        let ended = ended(engine, id).await;
        assert_eq!(matches!(ended.outcome, Outcome::Failed { .. }), back, "{ended:?}");
        assert_eq!(ground.made(), before + usize::from(!back));
        if !struck.load(Ordering::SeqCst) {
            assert_eq!(retries, 0);
            return nth - 1;
        }
        assert_eq!(retries, 1, "batch {nth}");
    }
    unreachable!()
}

#[tokio::test]
async fn wherever_it_strikes_a_retry_gets_it_done() {
    log::keep();
    let (ground, engine) = Ground::pool().await;
    let (there, back) = (
        strike_everywhere(&ground, &engine, false).await,
        strike_everywhere(&ground, &engine, true).await,
    );
    // Three bricks and the volume; on the way back each of them once more.
    assert_eq!(there, 4);
    assert!(back >= 8, "{back}");
    assert_eq!(panics(&engine, "operation"), u64::try_from(there + back).unwrap());
}

/// The watch over nodes goes on after a bug: a node that comes back is seen.
#[tokio::test]
async fn the_watch_begins_anew() {
    log::keep();
    let (ground, engine) = Ground::pool().await;
    engine.stop(Duration::ZERO).await;
    let engine = ground.engine(Config {
        health_interval: Duration::from_millis(20),
        recovery_interval: Duration::from_millis(20),
        ..config()
    });
    let strikes = Arc::new(AtomicBool::new(true));
    let once = Arc::clone(&strikes);
    ground.nodes.meet(move |_, batch| {
        assert!(
            changes(batch) || !once.swap(false, Ordering::SeqCst),
            "a bug in the watch"
        );
    });
    engine.start();
    let until = async |wanted: &dyn Fn() -> bool| {
        let begun = std::time::Instant::now();
        while !wanted() {
            assert!(begun.elapsed() < LIMIT);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    until(&|| panics(&engine, "task") == 1).await;
    assert_eq!(log::with("a bug in the watch").len(), 1);
    ground.nodes.hosts.world(|world| world.kill_node("n3"));
    let healthy = || {
        let host = HostName::new("n3").unwrap();
        engine.view(|landscape| landscape.is_healthy(landscape.inventory().node_by_host(&host).unwrap().id))
    };
    until(&|| !healthy()).await;
    ground.nodes.hosts.world(|world| world.start_node("n3"));
    until(&healthy).await;
    assert!(!log::with("it begins anew").is_empty());
}

/// A bug while the landscape is looked at: the lock is not lost with it.
#[tokio::test]
async fn a_bug_under_the_lock_takes_nobody_along() {
    log::keep();
    let (ground, engine) = Ground::pool().await;
    let looking = engine.clone();
    let look = tokio::spawn(async move { looking.view(|_| panic!("a bug under the lock")) });
    assert!(look.await.unwrap_err().is_panic());
    assert_eq!(log::with("a bug under the lock").len(), 1);
    volume(&engine, engine.create_volume(named("after")).await.unwrap()).await;
    assert_eq!(ground.made(), 1);
}
