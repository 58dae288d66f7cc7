//! One run of a case, undisturbed or disturbed in one way.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mortar_engine::OperationState;
use mortar_model::OperationKind;
use mortar_simulator::{Effect, Fault, When};

use crate::cases::Case;
use crate::doubled::{Double, Doubled};
use crate::repairs;
use crate::support::bed::{self, Bed, Saved, Stop};

/// What can happen to a command.
pub(crate) fn effects() -> Vec<Effect> {
    let text = "injected failure".to_owned();
    vec![
        Effect::Fail {
            status: 1,
            text: text.clone(),
        },
        Effect::FailAfter { status: 1, text },
        Effect::LoseAnswer,
        Effect::LoseRest,
        Effect::LoseCommand,
        Effect::Hang,
        Effect::Late,
        Effect::PowerCut,
    ]
}

/// The ground of a case, to begin each run from.
pub(crate) fn prepared(case: &Case) -> Saved {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        (case.prepare)(&bed).await;
        bed.assert_agreement(&format!("{}: prepared", case.name));
        // A check tells of a member that is ill.
        if case.kind != OperationKind::CureMember {
            repairs::assert_clean(&bed, &format!("{}: prepared", case.name)).await;
        }
        repairs::damage(&bed, case.name);
        bed.save()
    })
}

/// What an undisturbed run comes to.
pub(crate) struct Counts {
    /// Commands that may change something.
    pub(crate) changes: u64,
    /// Commands in all.
    pub(crate) commands: u64,
    /// Transactions of the store.
    pub(crate) writes: u64,
    /// Batches that changed something.
    pub(crate) batches: u64,
}

/// Counts an undisturbed run.
pub(crate) fn measure(case: &Case, saved: &Saved) -> Counts {
    bed::run(async {
        let batches = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&batches);
        let bed = Bed::load_behind(saved, Stop::Never, |hosts| {
            Arc::new(Doubled::new(hosts, 0, Double::First, counted))
        });
        bed.engine.start();
        lose_node(case, &bed);
        let before = (bed.changes(), bed.commands(), bed.store_writes());
        let id = (case.run)(&bed).await.unwrap();
        bed.settle_all(id, case.name).await;
        let state = bed.engine.operation(id);
        assert!(
            bed.is_done(id),
            "{}: an undisturbed run is done: {state:?}",
            case.name
        );
        let (all, _) = bed.engine.operations(1000);
        assert!(
            all.iter()
                .any(|state| matches!(state, OperationState::Ended(ended) if ended.kind == case.kind)),
            "{}: no operation of its kind has ended",
            case.name
        );
        let counts = Counts {
            changes: bed.changes() - before.0,
            commands: bed.commands() - before.1,
            writes: bed.store_writes() - before.2,
            batches: batches.load(Ordering::SeqCst),
        };
        bed.assert_agreement(&format!("{}: undisturbed", case.name));
        repairs::assert_clean(&bed, &format!("{}: undisturbed", case.name)).await;
        let apart = bed.hosts.world(|world| world.apart());
        assert_eq!(apart, [], "{}: members that differ", case.name);
        counts
    })
}

fn lose_node(case: &Case, bed: &Bed) {
    if let Some(host) = case.lost {
        bed.hosts.world(|world| world.kill_node(host));
    }
}

fn inject(bed: &Bed, (nth, effect): &(u64, Effect)) {
    let when = When::Change(*nth);
    let effect = effect.clone();
    bed.hosts.world(|world| world.inject(Fault { when, effect }));
}

/// One command meets a fault. How many transactions the store saw.
pub(crate) fn with_fault(case: &Case, saved: &Saved, nth: u64, effect: &Effect) -> u64 {
    let story = format!("{}: change {nth} meets {effect:?}", case.name);
    bed::run(async {
        let bed = Bed::load(saved, Stop::Never);
        bed.engine.start();
        lose_node(case, &bed);
        inject(&bed, &(nth, effect.clone()));
        to_the_end(case, &bed, &story).await;
        bed.store_writes()
    })
}

/// One batch runs twice, or its answer is lost.
pub(crate) fn doubled(case: &Case, saved: &Saved, nth: u64, double: Double) {
    let story = format!("{}: changing batch {nth} meets {double:?}", case.name);
    bed::run(async {
        let bed = Bed::load_behind(saved, Stop::Never, |hosts| {
            Arc::new(Doubled::new(hosts, nth, double, Arc::default()))
        });
        bed.engine.start();
        lose_node(case, &bed);
        to_the_end(case, &bed, &story).await;
    });
}

async fn to_the_end(case: &Case, bed: &Bed, story: &str) {
    let id = (case.run)(bed)
        .await
        .unwrap_or_else(|error| panic!("{story}: {error}"));
    bed.settle_all(id, story).await;
    judge(case, bed, story).await;
}

/// Everything is done, or as it was before. A repair that was cut short leaves what it did, and is begun anew.
async fn judge(case: &Case, bed: &Bed, story: &str) {
    if case.kind == OperationKind::Repair {
        bed.all_on();
        repairs::mend(bed, story).await;
    }
    if case.kind == OperationKind::CureMember {
        bed.all_on();
        cure_again(bed, story).await;
    }
    if case.kind == OperationKind::ReplaceNode {
        // One that was cut short leaves a machine that is nobody, or is told again.
        bed.all_on();
        if let Ok(id) = (case.run)(bed).await {
            bed.settle(id, story).await;
        }
    }
    if case.kind == OperationKind::ResizeDevice {
        // What a resize told LVM stays so when the rest is undone, and the records say less: it is asked for again.
        bed.all_on();
        let id = (case.run)(bed).await.unwrap();
        bed.settle(id, story).await;
    }
    bed.assert_agreement(story);
    repairs::assert_clean(bed, story).await;
}

/// A cure that was cut short leaves a member that is ill as before, which can be cured.
async fn cure_again(bed: &Bed, story: &str) {
    for _ in 0..3 {
        match bed.engine.cure_member(bed.node(3)).await {
            Ok(id) => bed.settle(id, story).await,
            Err(_) => break,
        }
    }
    let apart = bed.hosts.world(|world| world.apart());
    assert_eq!(apart, [], "{story}: members that differ");
}

/// The program dies, where it likes with a fault before; another one takes up what is on disk.
pub(crate) fn with_crash(case: &Case, saved: &Saved, stop: Stop, fault: Option<&(u64, Effect)>) {
    let story = format!("{}: dies at {stop:?}, after {fault:?}", case.name);
    let (world, store) = bed::run(async {
        let bed = Bed::load(saved, stop);
        bed.engine.start();
        lose_node(case, &bed);
        if let Some(fault) = fault {
            inject(&bed, fault);
        }
        // The client may get an error, or nothing: what counts is what is found afterwards.
        let asked = (case.run)(&bed);
        tokio::time::timeout(bed::LIMIT, async {
            if let Ok(id) = asked.await {
                bed.settle_all_or_die(id).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{story}: neither rests nor dies"));
        bed.remains()
    });
    bed::run(async {
        let bed = Bed::reopen(world, store);
        bed.engine.start();
        for id in bed.open() {
            bed.settle_all(id, &story).await;
        }
        judge(case, &bed, &story).await;
    });
}
