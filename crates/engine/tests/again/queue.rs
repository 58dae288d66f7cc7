//! An operation's id can be asked for at any instant from when it was told until an hour after its end.

use std::time::Duration;

use mortar_engine::OperationState;
use mortar_simulator::Fault;

use crate::ground::{Ground, named};

/// Also exactly between the end and its record, and between the record and what memory says of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_instant_at_which_an_operation_is_not_known() {
    let (ground, engine) = Ground::pool().await;
    for round in 0..60 {
        if round % 3 == 0 {
            ground
                .nodes
                .hosts
                .world(|world| world.inject(Fault::fail_change(1 + round)));
        }
        let id = engine.create_volume(named(&format!("v{round}"))).await.unwrap();
        let mut has_ended = false;
        while !has_ended {
            let state = engine.operation(id);
            let state = state.unwrap_or_else(|| panic!("round {round}: the operation is not known"));
            has_ended = matches!(state, OperationState::Ended(_));
            if let OperationState::Ended(ended) = state
                && matches!(ended.outcome, mortar_engine::Outcome::Done { .. })
            {
                let known = engine.view(|landscape| {
                    landscape
                        .inventory()
                        .volumes()
                        .any(|volume| volume.name.as_str() == format!("v{round}"))
                });
                assert!(
                    known,
                    "round {round}: it is said to be made before it can be asked for"
                );
            }
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn an_ended_operation_is_known_for_an_hour_over_restarts() {
    let (ground, engine) = Ground::pool().await;
    let id = engine.create_volume(named("films")).await.unwrap();
    let state = engine.wait(id, crate::ground::LIMIT).await;
    let mut engine = engine;
    for _ in 0..3 {
        engine = ground.reborn(engine).await;
        assert_eq!(engine.operation(id), state);
        ground.hand.forward(Duration::from_secs(19 * 60)).await;
    }
    assert_eq!(engine.operation(id), state);
    ground.hand.forward(Duration::from_secs(3 * 60)).await;
    assert_eq!(engine.operation(id), None);
}
