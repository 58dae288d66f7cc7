//! Checks beside operations: what these have to do with is never taken for drift.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::join_all;
use mortar_engine::plan::Expansion;
use mortar_engine::{Kind, OperationState};
use mortar_model::{ByteSize, OperationKind};

use crate::bed::{Bed, LIMIT, eventually, quiet};

/// What a deletion left on a node that was away is no orphan: an operation is there to remove it.
#[tokio::test]
async fn what_a_cleanup_has_to_remove_is_no_drift() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    bed.hosts.world(|world| world.kill_node("n2"));
    let volumes: Vec<_> = bed
        .engine
        .view(|landscape| landscape.inventory().volumes().map(|volume| volume.id).collect());
    for volume in volumes {
        let id = bed.engine.delete_volume(volume).await.unwrap();
        let state = bed.engine.wait(id, LIMIT).await;
        let Some(OperationState::Ended(ended)) = state else {
            panic!("{state:?}")
        };
        let cleanup = bed.engine.wait(ended.cleanup.unwrap(), LIMIT).await.unwrap();
        assert!(matches!(&cleanup, OperationState::Open(open) if open.waits_for_nodes()));
    }
    assert_eq!(bed.kinds().await, [Kind::NodeSilent]);

    // It is back, its bricks are mounted, and the cleanups have not heard of it yet.
    bed.hosts.world(|world| world.start_node("n2"));
    let check = bed.engine.check().await;
    assert_eq!(check.findings, []);
    assert!(check.left_out >= 2, "{check:?}");
    let run = bed.engine.repair(None, false).await;
    assert_eq!(run.tasks, []);
    let (open, _) = bed.engine.operations(0);
    assert_eq!(open.len(), 2);
    for cleanup in open {
        assert!(bed.engine.retry(cleanup.id()));
        bed.done(cleanup.id()).await;
    }
    let check = bed.engine.check().await;
    assert_eq!((check.findings.as_slice(), check.left_out), (&[][..], 0));
}

/// Those who ask while a check runs share the next one.
#[tokio::test]
async fn checks_are_shared() {
    let bed = Bed::new(quiet(), Duration::from_millis(2)).await;
    let first = bed.engine.check().await.number;
    let checks = join_all((0..20).map(|_| bed.engine.check())).await;
    let numbers: BTreeSet<u64> = checks.iter().map(|check| check.number).collect();
    assert_eq!(numbers, BTreeSet::from([first + 1, first + 2]));
}

/// Volumes come and go while checks run one after the other: none of it is ever drift.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn operations_are_never_taken_for_drift() {
    let bed = Bed::new(quiet(), Duration::from_millis(1)).await;
    bed.engine.reconcile().await;
    let engine = bed.engine.clone();
    let churn = async {
        let one = |number: usize| {
            let bed = &bed;
            async move {
                for round in 0..6 {
                    let name = format!("churn-{number}-{round}");
                    bed.create(&name, ["disk", "directory"][round % 2]).await;
                    let id = bed.engine.view(|landscape| {
                        let mut volumes = landscape.inventory().volumes();
                        volumes.find(|volume| volume.name.as_str() == name).unwrap().id
                    });
                    for way in [Expansion::AddBricks, Expansion::InPlace] {
                        let by = ByteSize::from_gib(1);
                        bed.done(bed.engine.expand_volume(id, by, way).await.unwrap())
                            .await;
                    }
                    bed.done(bed.engine.delete_volume(id).await.unwrap()).await;
                }
            }
        };
        join_all((0..6).map(one)).await;
    };
    let looking = async {
        let (mut checks, mut left_out) = (0, 0);
        loop {
            let check = engine.check().await;
            assert_eq!(check.findings, [], "in check {}", check.number);
            checks += 1;
            left_out += check.left_out;
            tokio::task::yield_now().await;
            if checks > 1000 {
                break (checks, left_out);
            }
        }
    };
    let seen = tokio::select! {
        () = churn => None,
        seen = looking => Some(seen),
    };
    assert_eq!(seen, None, "operations do not come to an end");
    let check = bed.engine.check().await;
    assert_eq!((check.findings.as_slice(), check.left_out), (&[][..], 0));
    assert!(
        check.number > 5,
        "only {} checks ran beside the operations",
        check.number
    );
}

/// A repair holds its volume for a moment. Who wants to change that is not sent away.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_comes_during_a_repair_waits_for_it() {
    let bed = Bed::new(quiet(), Duration::from_millis(20)).await;
    let (mount_point, _) = bed.bricks(3)[0].clone();
    assert!(bed.hosts.world(|world| world.lose_mount("n3", &mount_point)));
    let volumes: Vec<_> = bed
        .engine
        .view(|landscape| landscape.inventory().volumes().map(|volume| volume.id).collect());
    let repairs = || {
        let (open, _) = bed.engine.operations(0);
        let repair = |state: &OperationState| matches!(state, OperationState::Open(open) if open.kind == OperationKind::Repair);
        open.iter().any(repair)
    };
    let delete = async {
        eventually("a repair is under way", repairs).await;
        for volume in volumes {
            bed.done(bed.engine.delete_volume(volume).await.unwrap()).await;
        }
    };
    let (run, ()) = tokio::join!(bed.engine.repair(None, false), delete);
    assert!(!run.tasks.is_empty());
    assert_eq!(
        bed.engine
            .view(|landscape| landscape.inventory().volumes().count()),
        0
    );
}
