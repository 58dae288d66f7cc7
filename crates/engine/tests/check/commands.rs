//! What is mended on command.

use mortar_engine::{Begun, Kind};
use mortar_model::ByteSize;

use crate::bed::Bed;

/// A volume that somebody stopped is not started by itself, also when its bricks are mounted again.
#[tokio::test]
async fn a_stopped_volume_stays_stopped_until_somebody_says_so() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    let stop = mortar_argv::Command::new("gluster").args(["--mode=script", "volume", "stop", "on-disk"]);
    let batch = mortar_argv::Batch::new().run(stop);
    assert!(bed.hosts.world(|world| world.run("n1", &batch)).success());
    let (target, _) = bed.bricks(2)[0].clone();
    bed.hosts.world(|world| world.lose_mount("n2", &target));
    assert_eq!(bed.kinds().await, [Kind::BrickUnmounted, Kind::VolumeStopped]);
    let mended = bed.engine.reconcile().await;
    assert_eq!((mended.mended.len(), mended.failed.as_slice()), (1, &[][..]));
    assert_eq!(bed.kinds().await, [Kind::VolumeStopped]);

    // Shown first, and nothing done.
    let shown = bed.engine.repair(None, true).await;
    assert!(matches!(shown.tasks[..], [ref task] if task.begun == Begun::Planned));
    assert_eq!(bed.kinds().await, [Kind::VolumeStopped]);
    let id = shown.tasks[0].findings.clone();
    let other = bed.engine.repair(Some(&["volume_stopped/x".into()]), false).await;
    assert_eq!(
        (other.tasks.len(), other.not_found),
        (0, vec!["volume_stopped/x".to_owned()])
    );
    let run = bed.engine.repair(Some(&id), false).await;
    let Begun::Operation(operation) = run.tasks[0].begun else {
        panic!("{run:?}")
    };
    bed.done(operation).await;
    assert_eq!(bed.kinds().await, []);
    assert!(bed.all_served());
}

/// A disk that grew is used as it is now, when somebody says so.
#[tokio::test]
async fn the_new_size_of_a_disk_is_recorded_on_command() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    let total = |bed: &Bed| {
        let node = bed.node(2);
        bed.engine.view(|landscape| {
            let mut devices = landscape.inventory().devices_of(node);
            let disk = devices.find(|device| device.path.as_str() == "/dev/sdb");
            disk.unwrap().total
        })
    };
    let before = total(&bed);
    assert!(
        bed.hosts
            .world(|world| world.resize_device("n2", "/dev/sdb", 101 << 30))
    );
    assert_eq!(bed.kinds().await, [Kind::DeviceSize]);
    assert_eq!(bed.engine.reconcile().await.mended.len(), 0, "not by itself");
    let shown = bed.engine.repair(None, true).await;
    assert!(matches!(shown.tasks[..], [ref task] if task.begun == Begun::Planned));
    assert_eq!(total(&bed), before);
    let run = bed.engine.repair(None, false).await;
    let Begun::Operation(operation) = run.tasks[0].begun else {
        panic!("{run:?}")
    };
    bed.done(operation).await;
    assert_eq!(total(&bed), before + ByteSize::from_gib(1));
    // The nodes' own files tell of it, and follow.
    bed.engine.reconcile().await;
    assert_eq!(bed.kinds().await, []);
}
