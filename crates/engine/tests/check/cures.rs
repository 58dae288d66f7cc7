//! A member is cured while volumes come and go all the time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use mortar_engine::OperationState;
use mortar_model::{ByteSize, Durability, VolumeName};
use mortar_plan::CreateVolume;

use crate::bed::{Bed, LIMIT, quiet};

/// How often it does not start. Unless the pool rests meanwhile, one time in three something has changed.
const ROUNDS: usize = 40;

/// Makes volumes one after the other until told to stop.
async fn come_and_go(bed: &Bed, client: usize, stop: &AtomicBool) -> usize {
    let mut made = 0;
    while !stop.load(Ordering::SeqCst) {
        let mut request = CreateVolume::new(ByteSize::from_gib(1), Durability::Replicate(2));
        request.name = Some(VolumeName::new(format!("churn-{client}-{made}")).unwrap());
        let id = bed.engine.create_volume(request).await.unwrap();
        let state = bed.engine.wait(id, LIMIT).await;
        assert!(matches!(state, Some(OperationState::Ended(_))), "{state:?}");
        made += 1;
    }
    made
}

/// What is to be done with its records is decided while nothing of the pool changes, and done before anything does: else
/// each cure would find that something has changed meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_member_that_does_not_start_is_cured_though_the_pool_is_never_at_rest() {
    let bed = Bed::new(quiet(), Duration::from_millis(3)).await;
    bed.engine.reconcile().await;
    let stop = AtomicBool::new(false);
    let cure = async {
        for _ in 0..ROUNDS {
            bed.hosts.world(|world| {
                world.kill_glusterd("n3");
                world.tear_record("n3", "on-disk");
                world.start_glusterd("n3");
            });
            let id = bed.engine.cure_member(bed.node(3)).await.unwrap();
            bed.done(id).await;
        }
        stop.store(true, Ordering::SeqCst);
    };
    let clients = join_all((0..4).map(|client| come_and_go(&bed, client, &stop)));
    let ((), made) = tokio::join!(cure, clients);
    assert!(made.iter().sum::<usize>() > 0);
    assert_eq!(bed.engine.check().await.findings, []);
}
