//! The bound on operations under way: exact, told, and no wall for those who only ask again.

use std::time::Duration;

use mortar_engine::{Config, EngineError, Load};
use mortar_simulator::Fault;

use crate::ground::{Ground, ask, config, ended, metrics, named, volume};

const BOUND: usize = 5;

fn bounded() -> Config {
    Config {
        open_max: BOUND,
        running_max: 2,
        ..config()
    }
}

/// Those on their way to the disk count: forty at once are not admitted where there is room for five.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_many_as_the_bound_and_not_one_more() {
    let (ground, engine) = Ground::pool().await;
    engine.stop(Duration::ZERO).await;
    let engine = ground.engine(bounded());
    ground.nodes.set_open(false);
    ground.held.set_open(false);
    let asked: Vec<_> = (0..40)
        .map(|number| ask(&engine, named(&format!("v{number}"))))
        .collect();
    // The refused are answered at once, the admitted once the store has taken them.
    let finished =
        |asked: &[tokio::task::JoinHandle<_>]| asked.iter().filter(|one| one.is_finished()).count();
    while finished(&asked) < 40 - BOUND {
        tokio::task::yield_now().await;
    }
    ground.held.set_open(true);
    let mut ids = Vec::new();
    for one in asked {
        match one.await.unwrap() {
            Ok(id) => ids.push(id),
            Err(EngineError::Busy {
                limit,
                attention,
                wait,
            }) => {
                assert_eq!((limit, attention), (BOUND, 0));
                assert!(!wait.is_zero());
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(ids.len(), BOUND);
    let full = |running, waiting| Load {
        open: BOUND,
        open_limit: BOUND,
        running,
        running_limit: 2,
        waiting,
        attention: 0,
        pool_waiting: 0,
    };
    while engine.load() != full(2, 3) {
        tokio::task::yield_now().await;
    }
    let text = metrics(&engine);
    for line in ["open 5", "admitted 5", "open_limit 5", "running 2", "waiting 3"] {
        assert!(text.contains(&format!("\nmortar_operations_{line}\n")), "{text}");
    }
    ground.nodes.set_open(true);
    for id in ids {
        volume(&engine, id).await;
    }
    while engine.load().open > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ground.made(), BOUND);
}

/// Asking again begins nothing, so it needs no room.
#[tokio::test]
async fn a_repetition_is_answered_where_nothing_more_may_begin() {
    let (ground, engine) = Ground::pool().await;
    engine.stop(Duration::ZERO).await;
    let engine = ground.engine(bounded());
    let there = volume(&engine, engine.create_volume(named("there")).await.unwrap()).await;
    ground.hand.forward(Duration::from_secs(7200)).await;
    ground.nodes.set_open(false);
    let mut ids = Vec::new();
    for number in 0..BOUND {
        ids.push(engine.create_volume(named(&format!("v{number}"))).await.unwrap());
    }
    let refused = engine.create_volume(named("one-more")).await.unwrap_err();
    assert!(matches!(refused, EngineError::Busy { .. }), "{refused}");
    assert_eq!(engine.create_volume(named("v3")).await.unwrap(), ids[3]);
    let again = engine.create_volume(named("there")).await.unwrap();
    assert_eq!(volume(&engine, again).await, there);
    let other = mortar_plan::CreateVolume {
        gid: 7,
        ..named("v3")
    };
    let refused = engine.create_volume(other).await.unwrap_err();
    assert!(matches!(refused, EngineError::Refused(_)), "{refused}");
}

/// What cannot be planned, could not be recorded or was undone gives its place back; a restart takes them anew.
#[tokio::test]
async fn every_place_comes_back() {
    let (ground, engine) = Ground::pool().await;
    engine.stop(Duration::ZERO).await;
    let engine = ground.engine(bounded());
    let huge = mortar_plan::CreateVolume {
        size: mortar_model::ByteSize::from_gib(1 << 30),
        ..named("huge")
    };
    for _ in 0..2 * BOUND {
        assert!(matches!(
            engine.create_volume(huge.clone()).await,
            Err(EngineError::Refused(_))
        ));
        ground.held.store.fail_apply(1, mortar_store::StoreError::Closed);
        assert!(matches!(
            engine.create_volume(named("unrecorded")).await,
            Err(EngineError::Store(_))
        ));
        ground
            .nodes
            .hosts
            .world(|world| world.inject(Fault::fail_change(1)));
        ended(&engine, engine.create_volume(named("undone")).await.unwrap()).await;
    }
    while engine.load().open > 0 {
        tokio::task::yield_now().await;
    }
    ground.nodes.set_open(false);
    for number in 0..BOUND {
        engine.create_volume(named(&format!("v{number}"))).await.unwrap();
    }
    engine.stop(Duration::ZERO).await;
    drop(engine);
    let engine = ground.engine(Config {
        open_max: 2,
        ..config()
    });
    engine.start();
    assert_eq!(engine.load().open, BOUND, "what was admitted stays so");
    let refused = engine.create_volume(named("new")).await.unwrap_err();
    assert!(matches!(refused, EngineError::Busy { .. }), "{refused}");
    ground.nodes.set_open(true);
    while engine.load().open > 0 {
        tokio::task::yield_now().await;
    }
    volume(&engine, engine.create_volume(named("new")).await.unwrap()).await;
    assert_eq!(ground.made(), BOUND + 1);
}
