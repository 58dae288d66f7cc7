//! A drain that waits: wherever the program dies meanwhile, the next one goes on with it, and nothing piles up in the store.

use std::time::Duration;

use mortar_engine::OperationState;
use mortar_model::OperationId;

use crate::cases;
use crate::repairs;
use crate::support::bed::{self, Bed, Saved, Stop};

/// Two volumes with a brick on n3; that of one holds what n2 lacks, and no daemon heals it.
fn prepared() -> Saved {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        cases::make_two_with_spare(&bed).await;
        bed.hosts.world(|world| {
            world.attend("n1", "data", false);
            world.kill_node("n2");
            assert!(world.write_files("n1", "data", 3));
            world.start_node("n2");
        });
        bed.save()
    })
}

/// Starts to drain n3, and waits until the drain does or the program is dead.
async fn drained(bed: &Bed) -> Option<OperationId> {
    bed.engine.start();
    let id = bed.engine.drain_node(bed.node(3), false).await.ok()?;
    waits(bed, id).await;
    Some(id)
}

/// Returns when the drain waits for files to be healed, or the program is dead.
async fn waits(bed: &Bed, id: OperationId) {
    let told = async {
        while !bed.is_dead() {
            let Some(OperationState::Open(drain)) = bed.engine.wait(id, Duration::from_millis(1)).await
            else {
                panic!("{:?}", bed.engine.operation(id))
            };
            let troubles = drain.steps.iter().filter_map(|state| state.trouble.as_ref());
            if troubles
                .into_iter()
                .any(|told| told.contains("must be healed first"))
            {
                return;
            }
        }
    };
    tokio::time::timeout(bed::LIMIT, told).await.unwrap();
}

/// The daemon runs again, and the drain comes to its end.
async fn heals(bed: &Bed, id: OperationId, story: &str) {
    bed.hosts.world(|world| world.attend("n1", "data", true));
    bed.settle_all(id, story).await;
    assert!(bed.is_done(id), "{story}: {:?}", bed.engine.operation(id));
    bed.assert_agreement(story);
    repairs::assert_clean(bed, story).await;
}

/// What the wait comes to when nobody dies: so many writes and commands.
fn measure(saved: &Saved) -> (u64, u64) {
    bed::run(async {
        let bed = Bed::load(saved, Stop::Never);
        let before = (bed.store_writes(), bed.commands());
        let id = drained(&bed).await.unwrap();
        let counts = (bed.store_writes() - before.0, bed.commands() - before.1);
        // It looks again and again, and has nothing new to tell.
        let looked = bed.commands();
        let (written, unsynced) = (bed.store_writes(), bed.store().unsynced());
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(bed.commands() > looked, "it looks again");
        assert_eq!((bed.store_writes(), bed.store().unsynced()), (written, unsynced));
        heals(&bed, id, "nobody dies").await;
        counts
    })
}

fn dies(saved: &Saved, stop: Stop) {
    let story = format!("a drain that waits dies at {stop:?}");
    let (world, store) = bed::run(async {
        let bed = Bed::load(saved, stop);
        drained(&bed).await;
        bed.remains()
    });
    bed::run(async {
        let bed = Bed::reopen(world, store);
        bed.engine.start();
        let drain = bed.open().into_iter().find(|id| {
            let state = bed.engine.operation(*id);
            matches!(state, Some(OperationState::Open(open)) if open.kind == mortar_model::OperationKind::DrainNode)
        });
        // Where the intent was not written, there is none.
        let Some(id) = drain else { return };
        waits(&bed, id).await;
        heals(&bed, id, &story).await;
    });
}

#[test]
fn a_drain_that_waits_survives_every_death() {
    let saved = prepared();
    let (writes, commands) = measure(&saved);
    // Some more than it took: the program dies while it waits, too.
    for nth in 1..=writes + 1 {
        dies(&saved, Stop::BeforeWrite(nth));
        dies(&saved, Stop::AfterWrite(nth));
    }
    for nth in 1..=commands + 20 {
        dies(&saved, Stop::AfterCommand(nth));
    }
    println!("a drain that waits: {} crash points", 2 * writes + commands + 22);
}
