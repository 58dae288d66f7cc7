//! The same on disks whose bricks share one thin pool.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_engine::EngineError;
use mortar_model::{DevicePath, Durability, OperationId, OperationKind, Overcommit, Tags, VolumeName};
use mortar_plan::AddDevice;

use crate::cases::{Case, delete, evict, grow, make, nothing, request, resize, snapshot};
use crate::support::bed::Bed;

fn pools(bed: &Bed) -> BoxFuture<'_, ()> {
    bed.add_shared_pools().boxed()
}

pub(crate) fn volume(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        bed.add_shared_pools().await;
        make(bed, "data", Durability::Replicate(3), "pool").await;
    }
    .boxed()
}

fn with_snapshot(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        volume(bed).await;
        bed.done(snapshot(bed).await.unwrap()).await;
    }
    .boxed()
}

/// A volume with files and a snapshot, and a fourth node with room for any of its bricks.
fn with_snapshot_and_spare(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        with_snapshot(bed).await;
        let spare = bed.add_node(bed.cluster(), 4).await;
        bed.add_device(spare, "/dev/sdb", "pool").await;
        assert!(bed.hosts.world(|world| world.write_files("n1", "data", 12)));
    }
    .boxed()
}

fn larger_disk(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        volume(bed).await;
        assert!(
            bed.hosts
                .world(|world| world.grow_disk("n2", "/dev/sdc", 150 << 30))
        );
    }
    .boxed()
}

fn add(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    let request = AddDevice {
        node: bed.node(2),
        path: DevicePath::new("/dev/sdc").unwrap(),
        tags: Tags::new(),
        destroy: false,
        shared: Some(Overcommit::from_hundredths(150).unwrap()),
    };
    bed.engine.add_device(request).boxed()
}

fn again() -> Option<VolumeName> {
    Some(VolumeName::new("again").unwrap())
}

/// Kinds of operation that differ there from those on other disks.
pub(crate) const ALL: &[Case] = &[
    Case {
        name: "add_disk_with_a_pool",
        kind: OperationKind::AddDevice,
        lost: None,
        prepare: nothing,
        run: add,
    },
    Case {
        name: "remove_disk_with_a_pool",
        kind: OperationKind::RemoveDevice,
        lost: None,
        prepare: pools,
        run: |bed| bed.engine.remove_device(bed.device(2, "/dev/sdc"), false).boxed(),
    },
    Case {
        name: "resize_disk_with_a_pool",
        kind: OperationKind::ResizeDevice,
        lost: None,
        prepare: larger_disk,
        run: |bed| resize(bed, "/dev/sdc"),
    },
    Case {
        name: "set_overcommit_of_a_pool",
        kind: OperationKind::ResizeDevice,
        lost: None,
        prepare: volume,
        run: |bed| {
            let wanted = Overcommit::from_hundredths(150).unwrap();
            bed.engine
                .set_overcommit(bed.device(2, "/dev/sdc"), wanted)
                .boxed()
        },
    },
    Case {
        name: "create_in_pools",
        kind: OperationKind::CreateVolume,
        lost: None,
        prepare: pools,
        run: |bed| {
            bed.engine
                .create_volume(request("data", Durability::Replicate(3), "pool"))
                .boxed()
        },
    },
    Case {
        name: "grow_in_pools",
        kind: OperationKind::ExpandVolume,
        lost: None,
        prepare: volume,
        run: grow,
    },
    Case {
        name: "delete_in_pools",
        kind: OperationKind::DeleteVolume,
        lost: None,
        prepare: volume,
        run: delete,
    },
    Case {
        name: "evict_in_pools_beside_a_snapshot",
        kind: OperationKind::EvictBrick,
        lost: None,
        prepare: with_snapshot_and_spare,
        run: |bed| evict(bed, "n2", false),
    },
    Case {
        name: "create_snapshot_in_pools",
        kind: OperationKind::CreateSnapshot,
        lost: None,
        prepare: volume,
        run: snapshot,
    },
    Case {
        name: "delete_snapshot_without_a_node_in_pools",
        kind: OperationKind::Cleanup,
        lost: Some("n2"),
        prepare: with_snapshot,
        run: |bed| bed.engine.delete_snapshot(bed.snapshot("monday")).boxed(),
    },
    Case {
        name: "restore_snapshot_in_pools",
        kind: OperationKind::RestoreSnapshot,
        lost: None,
        prepare: with_snapshot,
        run: |bed| bed.engine.restore_snapshot(bed.snapshot("monday")).boxed(),
    },
    Case {
        name: "clone_volume_in_pools",
        kind: OperationKind::CloneVolume,
        lost: None,
        prepare: volume,
        run: |bed| bed.engine.clone_volume(bed.volume("data"), again(), None).boxed(),
    },
];
