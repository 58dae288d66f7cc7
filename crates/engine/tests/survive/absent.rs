//! A node that is away holds up nobody: what can be done without it ends at once, and the rest when it is back.

use mortar_engine::{OperationState, Outcome};
use mortar_model::OperationId;
use mortar_simulator::{Effect, Fault, When};

use crate::cases::{ALL, Case};
use crate::runs;
use crate::support::bed::{self, Bed, Stop};

fn case(name: &str) -> &'static Case {
    ALL.iter().find(|case| case.name == name).unwrap()
}

/// What became of the case's operation with no node coming back, and what is left to others.
async fn without(bed: &Bed, case: &Case) -> (OperationId, OperationState, Vec<OperationId>) {
    let id = (case.run)(bed).await.unwrap();
    let state = bed.engine.wait(id, bed::LIMIT).await.unwrap();
    for left in bed.open() {
        bed.rest_or_death(left).await;
    }
    (id, state, bed.open())
}

#[test]
fn a_deletion_ends_done_while_the_node_is_away() {
    for name in [
        "delete_without_a_node_on_disks",
        "delete_without_a_node_on_directories",
    ] {
        let case = case(name);
        let saved = runs::prepared(case);
        bed::run(async {
            let bed = Bed::load(&saved, Stop::Never);
            bed.engine.start();
            bed.hosts.world(|world| world.kill_node(case.lost.unwrap()));
            let (_, state, open) = without(&bed, case).await;
            let OperationState::Ended(ended) = state else {
                panic!("{state:?}")
            };
            assert!(matches!(ended.outcome, Outcome::Done { removed: true }));
            assert_eq!(ended.cleanup.into_iter().collect::<Vec<_>>(), open);
            assert_eq!((ended.steps.total, ended.steps.reached), (4, 2), "{ended:?}");
            assert_eq!(
                bed.inventory(|inventory| inventory.volumes().count()),
                0,
                "it is no volume any more"
            );
            // On the nodes that answer nothing of its bricks is left.
            bed.hosts.world(|world| {
                for host in ["n1", "n2", "n3"]
                    .into_iter()
                    .filter(|host| Some(*host) != case.lost)
                {
                    assert!(world.host(host).unwrap().mounts.is_empty(), "{host}");
                }
            });
        });
    }
}

/// Wherever in a create a node is lost: the create ends at once, and the next one finds its places on the others.
#[test]
fn a_create_ends_whatever_node_it_loses() {
    let case = case("create_on_directories");
    let saved = runs::prepared(case);
    let (mut undone, mut left) = (0, 0);
    let changes = runs::measure(case, &saved).changes;
    for nth in 1..=changes {
        bed::run(async {
            let bed = Bed::load(&saved, Stop::Never);
            bed.engine.start();
            let when = When::Change(nth);
            let effect = Effect::PowerCut;
            bed.hosts.world(|world| world.inject(Fault { when, effect }));
            let (_, state, open) = without(&bed, case).await;
            let OperationState::Ended(ended) = &state else {
                panic!("node lost at change {nth}: {state:?}")
            };
            left += open.len();
            if matches!(ended.outcome, Outcome::Failed { .. }) {
                undone += 1;
                // The same again, under the same name unless GlusterFS still has it.
                let stopped = bed.hosts.world(|world| {
                    let mut hosts = world.hosts().into_iter();
                    hosts.any(|host| world.volume(&host, "data").is_some())
                });
                let (_, again, _) = match (case.run)(&bed).await {
                    Err(_) if stopped => return,
                    Err(error) => panic!("node lost at change {nth}: {error}"),
                    Ok(id) => {
                        let state = bed.engine.wait(id, bed::LIMIT).await.unwrap();
                        (id, state, ())
                    }
                };
                assert!(
                    matches!(&again, OperationState::Ended(ended) if matches!(ended.outcome, Outcome::Done { .. })),
                    "node lost at change {nth}: {again:?}"
                );
            }
        });
    }
    println!("{changes} creates that lose a node: {undone} undone at once, {left} left something for later");
    assert!(undone > 0 && left > 0);
}

/// What waits for the node goes on by itself when it is back; what waits for another does not stir.
#[test]
fn what_waits_for_a_node_goes_on_when_it_is_back() {
    let case = case("delete_without_a_node_on_disks");
    let saved = runs::prepared(case);
    bed::run(async {
        let bed = Bed::load_watching(&saved);
        bed.engine.start();
        bed.hosts.world(|world| world.kill_node("n3"));
        let (_, _, open) = without(&bed, case).await;
        assert_eq!(open.len(), 1);
        bed.hosts.world(|world| world.start_node("n3"));
        let begun = std::time::Instant::now();
        while !bed.open().is_empty() {
            assert!(
                begun.elapsed() < bed::LIMIT,
                "{:?}",
                bed.engine.operation(open[0])
            );
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        bed.assert_agreement("the node is back");
    });
}
