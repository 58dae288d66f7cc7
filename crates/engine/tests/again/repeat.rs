//! The same named create, asked again: one volume, whenever it is asked.

use std::sync::atomic::Ordering;
use std::time::Duration;

use mortar_engine::{EngineError, Outcome};
use mortar_model::{ByteSize, State};
use mortar_plan::{CreateVolume, Expansion, Refusal};
use mortar_simulator::Fault;
use mortar_store::StoreError;

use crate::ground::{Ground, ask, ended, metrics, named, volume};

#[tokio::test]
async fn while_it_runs_after_it_ended_and_after_a_restart() {
    let (ground, engine) = Ground::pool().await;
    ground.nodes.set_open(false);
    let first = engine.create_volume(named("films")).await.unwrap();
    assert_eq!(engine.create_volume(named("films")).await.unwrap(), first);
    let engine = ground.reborn(engine).await;
    assert_eq!(
        engine.create_volume(named("films")).await.unwrap(),
        first,
        "it goes on after a restart"
    );
    ground.nodes.set_open(true);
    let made = volume(&engine, first).await;
    assert_eq!(
        engine.create_volume(named("films")).await.unwrap(),
        first,
        "it can still be asked for"
    );
    let engine = ground.reborn(engine).await;
    assert_eq!(engine.create_volume(named("films")).await.unwrap(), first);

    // An id that is told now can be asked for for an hour from now, nearly.
    ground.hand.forward(Duration::from_secs(31 * 60)).await;
    let later = engine.create_volume(named("films")).await.unwrap();
    assert_ne!(later, first);
    assert_eq!(volume(&engine, later).await, made);
    assert_eq!(engine.create_volume(named("films")).await.unwrap(), later);
    let engine = ground.reborn(engine).await;
    assert_eq!(engine.create_volume(named("films")).await.unwrap(), later);
    ground.hand.forward(Duration::from_secs(30 * 60)).await;
    assert_eq!(engine.operation(first), None, "an hour has passed");
    assert_eq!(volume(&engine, later).await, made);
    ground.hand.forward(Duration::from_secs(3 * 3600)).await;
    let latest = engine.create_volume(named("films")).await.unwrap();
    assert_eq!(volume(&engine, latest).await, made);
    assert_eq!(ground.made(), 1);
    assert!(metrics(&engine).contains("\nmortar_requests_repeated_total 2\n"));
}

/// The id is told only once the intent is on disk: after a crash nobody would know the one before.
#[tokio::test]
async fn while_the_intent_is_on_its_way_to_the_disk() {
    let (ground, engine) = Ground::pool().await;
    ground.held.set_open(false);
    let first = ask(&engine, named("films"));
    ground.held.entered().await;
    let second = ask(&engine, named("films"));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!first.is_finished() && !second.is_finished());
    ground.held.set_open(true);
    let id = first.await.unwrap().unwrap();
    assert_eq!(second.await.unwrap().unwrap(), id);
    volume(&engine, id).await;
    assert_eq!(ground.made(), 1);
}

/// Where the first could not be recorded, the one that waited for it is a new try.
#[tokio::test]
async fn when_the_intent_did_not_reach_the_disk() {
    let (ground, engine) = Ground::pool().await;
    ground.held.set_open(false);
    let first = ask(&engine, named("films"));
    ground.held.entered().await;
    let second = ask(&engine, named("films"));
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    ground.held.store.fail_apply(1, StoreError::Closed);
    ground.held.set_open(true);
    assert!(matches!(first.await.unwrap(), Err(EngineError::Store(_))));
    volume(&engine, second.await.unwrap().unwrap()).await;
    assert_eq!(ground.made(), 1);
}

/// Where nobody knows whether the first is recorded, a second must not be: the next start may find both.
#[tokio::test]
async fn when_nobody_knows_whether_the_intent_is_on_the_disk() {
    let (ground, engine) = Ground::pool().await;
    ground.held.doubts.store(true, Ordering::SeqCst);
    let mut told = Vec::new();
    for _ in 0..3 {
        match engine.create_volume(named("films")).await {
            Err(EngineError::Uncertain { operation, .. }) => told.push(operation),
            other => panic!("{other:?}"),
        }
    }
    told.dedup();
    assert_eq!(told.len(), 1);
    volume(&engine, engine.create_volume(named("other")).await.unwrap()).await;
    let engine = ground.reborn(engine).await;
    assert_eq!(engine.create_volume(named("films")).await.unwrap(), told[0]);
    volume(&engine, told[0]).await;
    assert_eq!(ground.made(), 2);
}

/// The same of a change of records alone: what it is about stays held, since the next start may find it made.
#[tokio::test]
async fn when_nobody_knows_whether_a_setting_is_on_the_disk() {
    let (ground, engine) = Ground::pool().await;
    let nodes: Vec<_> = engine.view(|landscape| landscape.inventory().nodes().map(|node| node.id).collect());
    ground.held.doubts.store(true, Ordering::SeqCst);
    let operation = match engine.set_node_state(nodes[0], State::Offline).await {
        Err(EngineError::Uncertain { operation, .. }) => operation,
        other => panic!("{other:?}"),
    };
    let refused = engine.set_node_state(nodes[0], State::Online).await.unwrap_err();
    assert!(
        matches!(&refused, EngineError::Refused(Refusal::Busy(_, _, holder)) if *holder == operation),
        "{refused}"
    );
    engine.set_node_state(nodes[1], State::Offline).await.unwrap();
    assert_eq!(engine.load().open, 0, "no place is taken");
    let engine = ground.reborn(engine).await;
    let state = engine.view(|landscape| landscape.inventory().node(nodes[0]).unwrap().state);
    assert_eq!(state, State::Offline);
    engine.set_node_state(nodes[0], State::Online).await.unwrap();
}

/// A client that never learned its id finds its volume by name.
#[tokio::test]
async fn after_a_crash_between_intent_and_answer() {
    let (ground, engine) = Ground::pool().await;
    ground.nodes.set_open(false);
    ground.held.set_open(false);
    let first = ask(&engine, named("films"));
    ground.held.entered().await;
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    ground.held.set_open(true);
    // Behind the intent in the store's line.
    engine.create_cluster(true, false).await.unwrap();
    let engine = ground.reborn(engine).await;
    let id = engine.create_volume(named("films")).await.unwrap();
    ground.nodes.set_open(true);
    volume(&engine, id).await;
    assert_eq!(ground.made(), 1);
}

#[tokio::test]
async fn after_it_was_undone_it_is_a_new_try() {
    let (ground, engine) = Ground::pool().await;
    ground
        .nodes
        .hosts
        .world(|world| world.inject(Fault::fail_change(1)));
    let first = engine.create_volume(named("films")).await.unwrap();
    assert!(matches!(
        ended(&engine, first).await.outcome,
        Outcome::Failed { .. }
    ));
    let second = engine.create_volume(named("films")).await.unwrap();
    assert_ne!(first, second);
    volume(&engine, second).await;
    assert!(
        matches!(ended(&engine, first).await.outcome, Outcome::Failed { .. }),
        "what was told stays so"
    );
    assert_eq!(ground.made(), 1);
}

#[tokio::test]
async fn other_parameters_are_refused_and_a_removal_comes_first() {
    let (ground, engine) = Ground::pool().await;
    ground.nodes.set_open(false);
    let other = CreateVolume {
        gid: 5,
        ..named("films")
    };
    let differs = |refused: Result<_, EngineError>, text: &str| match refused {
        Err(EngineError::Refused(refusal @ Refusal::NameTaken { .. })) => {
            assert!(refusal.to_string().ends_with(text), "{refusal}");
        }
        other => panic!("{other:?}"),
    };
    let gid = "by a volume with another group (asked 5, has 0)";
    let first = engine.create_volume(named("films")).await.unwrap();
    differs(engine.create_volume(other.clone()).await, gid);
    ground.nodes.set_open(true);
    let made = volume(&engine, first).await;
    differs(engine.create_volume(other).await, gid);
    volume(
        &engine,
        engine
            .expand_volume(made, ByteSize::from_gib(1), Expansion::Best)
            .await
            .unwrap(),
    )
    .await;
    differs(
        engine.create_volume(named("films")).await,
        "by a volume with another size (asked 2 GiB, has 3 GiB: it may have been expanded)",
    );

    ground.nodes.set_open(false);
    let removal = engine.delete_volume(made).await.unwrap();
    match engine.create_volume(named("films")).await {
        Err(EngineError::Refused(Refusal::NameLeaving(_, operation))) => assert_eq!(operation, removal),
        other => panic!("{other:?}"),
    }
    ground.nodes.set_open(true);
    ended(&engine, removal).await;
    let again = engine.create_volume(named("films")).await.unwrap();
    assert_ne!(volume(&engine, again).await, made);
    assert_eq!(ground.made(), 1);
}

/// Many at once, over and over: each name is one volume, and all who asked were told the same one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_that_asks_for_the_same_gets_the_same() {
    let (ground, engine) = Ground::pool().await;
    for name in ["a", "b", "c"] {
        let asked: Vec<_> = (0..20).map(|_| ask(&engine, named(name))).collect();
        let mut told = Vec::new();
        for one in asked {
            told.push(volume(&engine, one.await.unwrap().unwrap()).await);
        }
        told.dedup();
        assert_eq!(told.len(), 1);
    }
    assert_eq!(ground.made(), 3);
}
