//! What is mended by itself, by the clock, and what is not.

use std::collections::BTreeSet;
use std::time::Duration;

use mortar_engine::{Config, Kind, OperationState};
use mortar_model::OperationKind;
use mortar_simulator::{Effect, Fault, When};

use crate::bed::{Bed, LIMIT, eventually, quiet};

/// What the reconciler mends: everything that a start without mounts leaves, on all nodes at once.
#[tokio::test]
async fn bricks_that_are_not_mounted_are_mounted_again_and_served() {
    let bed = Bed::quiet().await;
    let first = bed.engine.reconcile().await;
    assert_eq!(
        (first.files, first.failed.len()),
        (3, 0),
        "the nodes' files are written"
    );
    for number in 1..=3 {
        for (target, _) in bed.bricks(number) {
            let host = format!("n{number}");
            assert!(bed.hosts.world(|world| world.lose_mount(&host, &target)));
        }
    }
    assert_eq!(bed.kinds().await, vec![Kind::BrickUnmounted; 6]);
    assert!(!bed.all_served());
    let mended = bed.engine.reconcile().await;
    assert_eq!((mended.mended.len(), mended.failed.as_slice()), (6, &[][..]));
    assert!(bed.all_served());
    let after = bed.engine.last_check().unwrap();
    assert_eq!((after.number, after.findings.as_slice()), (mended.check, &[][..]));
}

/// A brick whose process does not start after it was mounted is not forgotten, though no check sees it.
#[tokio::test]
async fn a_brick_that_was_mounted_and_not_served_is_tried_again() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    let (target, _) = bed.bricks(2)[0].clone();
    bed.hosts.world(|world| {
        world.lose_mount("n2", &target);
        // The pool cannot be asked to start anything, whatever member is asked.
        for host in ["n1", "n2", "n3"] {
            world.stop_glusterd(host);
        }
    });
    let tried = bed.engine.reconcile().await;
    assert_eq!((tried.mended.len(), tried.failed.len()), (0, 1), "{tried:?}");
    bed.hosts.world(|world| {
        for host in ["n1", "n2", "n3"] {
            world.start_glusterd(host);
        }
        let (_, path) = bed.bricks(2)[0].clone();
        world.kill_brick("n2", &path);
    });
    // It is mounted: no check finds anything.
    assert_eq!(bed.kinds().await, []);
    assert!(!bed.all_served());
    let tried = bed.engine.reconcile().await;
    assert_eq!(tried.failed, []);
    assert!(bed.all_served());
    // Nothing is left to be tried.
    let operations = bed.engine.operations(1000).0.len();
    bed.engine.reconcile().await;
    assert_eq!(bed.engine.operations(1000).0.len(), operations);
}

/// By the clock, and soon after the start: nobody asks.
#[tokio::test]
async fn the_reconciler_works_by_itself() {
    let config = Config {
        recovery_interval: Duration::from_millis(50),
        check_interval: Duration::from_millis(100),
        ..quiet()
    };
    let bed = Bed::new(config, Duration::ZERO).await;
    for (target, _) in bed.bricks(2) {
        bed.hosts.world(|world| world.lose_mount("n2", &target));
    }
    eventually("its bricks are served again", || bed.all_served()).await;
    let mended = |bed: &Bed| bed.engine.last_reconciled().is_some_and(|last| last.check > 1);
    eventually("it tells what it did", || mended(&bed)).await;
}

/// What could not be mended is tried again soon, not at the next check.
#[tokio::test]
async fn what_failed_is_tried_again_soon() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    bed.engine.stop(LIMIT).await;
    let (target, _) = bed.bricks(2)[0].clone();
    bed.hosts.world(|world| {
        world.lose_mount("n2", &target);
        world.inject(Fault {
            when: When::Command {
                kind: "mount".into(),
                host: Some("n2".into()),
                nth: 1,
            },
            effect: Effect::Fail {
                status: 1,
                text: "not now".into(),
            },
        });
    });
    let config = Config {
        recovery_interval: Duration::from_millis(20),
        attention_first: Duration::from_millis(20),
        ..quiet()
    };
    let bed = bed.again(config);
    eventually("its brick is served again", || bed.all_served()).await;
    let (all, _) = bed.engine.operations(1000);
    let failed = |state: &&OperationState| match state {
        OperationState::Ended(ended) => {
            ended.kind == OperationKind::Repair && ended.warnings.iter().any(|why| why.contains("not now"))
        }
        OperationState::Open(_) => false,
    };
    assert_eq!(all.iter().filter(failed).count(), 1, "{all:?}");
}

/// Switched off, it only tells.
#[tokio::test]
async fn nothing_is_mended_where_that_is_switched_off() {
    let config = Config {
        automatic: false,
        ..quiet()
    };
    let bed = Bed::new(config, Duration::ZERO).await;
    let (target, _) = bed.bricks(2)[0].clone();
    bed.hosts.world(|world| world.lose_mount("n2", &target));
    let passed = bed.engine.reconcile().await;
    assert_eq!(
        (passed.mended.len(), passed.failed.len(), passed.files),
        (0, 0, 0)
    );
    let kinds: BTreeSet<Kind> = bed.kinds().await.into_iter().collect();
    assert_eq!(kinds, BTreeSet::from([Kind::NodeFile, Kind::BrickUnmounted]));
}
