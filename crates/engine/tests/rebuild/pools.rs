//! Disks whose bricks share one thin pool, lost and restored.

use mortar_argv::Command;
use mortar_model::{BrickSpace, ByteSize, Durability, Overcommit, VolumeName, VolumeOption, layout};
use mortar_plan::{CreateVolume, Expansion};

use crate::ground::{lose_store, notes, rebuild, records, write_files};
use crate::support::bed::{self, Bed};

fn name(text: &str) -> Option<VolumeName> {
    Some(VolumeName::new(text).unwrap())
}

/// Volumes in pools of three nodes: a grown one with two snapshots, of which one was gone back to, and clones.
async fn pools(bed: &Bed) {
    bed.make_pool().await;
    bed.add_shared_pools().await;
    let mut request = CreateVolume::new(ByteSize::from_gib(10), Durability::Replicate(3));
    request.name = name("data");
    request.options = vec![VolumeOption::new("user.mortar.device-tag-match", "media=pool").unwrap()];
    bed.done(bed.engine.create_volume(request).await.unwrap()).await;
    let (data, more) = (bed.volume("data"), ByteSize::from_gib(2));
    let grown = bed.engine.expand_volume(data, more, Expansion::InPlace).await;
    bed.done(grown.unwrap()).await;
    for snapshot in ["monday", "tuesday"] {
        let made = bed.engine.create_snapshot(data, name(snapshot)).await;
        bed.done(made.unwrap()).await;
    }
    let back = bed.engine.restore_snapshot(bed.snapshot("tuesday")).await;
    bed.done(back.unwrap()).await;
    let cloned = bed
        .engine
        .clone_snapshot(bed.snapshot("monday"), name("of-monday"), None)
        .await;
    bed.done(cloned.unwrap()).await;
    let cloned = bed.engine.clone_volume(data, name("of-data"), None).await;
    bed.done(cloned.unwrap()).await;
    let spaces = bed.inventory(|inventory| inventory.bricks().map(|brick| brick.space).collect::<Vec<_>>());
    assert_eq!(spaces, vec![BrickSpace::Shared; 9]);
}

#[test]
fn nodes_tell_of_their_pools_and_what_is_in_them() {
    bed::run(async {
        let bed = Bed::new(100);
        pools(&bed).await;
        write_files(&bed).await;
        let check = bed.engine.check().await;
        assert_eq!(check.findings, vec![]);
        let before = records(&bed);
        let bed = lose_store(bed);
        let report = rebuild(&bed, &["n1", "n2", "n3"]).await;
        assert_eq!(notes(&report), Vec::<String>::new());
        assert_eq!(records(&bed), before);
        // Clones need nothing of what they were made of.
        for snapshot in ["monday", "tuesday"] {
            let gone = bed.engine.delete_snapshot(bed.snapshot(snapshot)).await;
            bed.done(gone.unwrap()).await;
        }
        let gone = bed.engine.delete_volume(bed.volume("data")).await;
        bed.done(gone.unwrap()).await;
        assert_eq!(bed.engine.check().await.findings, vec![]);
        bed.assert_agreement("clones without their origin");
    });
}

/// What nobody wrote down about a node its disks tell: that bricks share a pool, and what it may promise. A volume in the pool
/// that is in no record keeps what it may come to take.
#[test]
fn disks_tell_of_their_pools_without_the_nodes_files() {
    bed::run(async {
        let bed = Bed::new(100);
        pools(&bed).await;
        let device = bed.device(2, "/dev/sdc");
        let before = bed.inventory(|inventory| inventory.device(device).cloned().unwrap());
        assert_eq!(before.kind.shared().map(Overcommit::hundredths), Some(200));
        let group = layout::volume_group(device);
        let pool = format!("{group}/{}", layout::SHARED_POOL);
        let stranger = Command::new("lvcreate")
            .args(["-qq", "--thin", &pool, "--virtualsize", "7G"])
            .args(["--name", "stranger"]);
        bed.hosts
            .world(|world| assert!(world.run_one("n2", &stranger).success()));
        let bed = lose_store(bed);
        rebuild(&bed, &["n1", "n2", "n3"]).await;
        let after = bed.inventory(|inventory| inventory.device(device).cloned().unwrap());
        assert_eq!(after.kind.shared(), before.kind.shared());
        assert_eq!(after.total, before.total.minus(ByteSize::from_gib(7)));
        assert_eq!(bed.inventory(|inventory| inventory.bricks().count()), 9);
    });
}
