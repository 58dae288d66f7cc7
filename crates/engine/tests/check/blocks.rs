//! Block volumes beside what `gluster-block` tells of them: what was done past Mortar is found, and recorded on command.

use mortar_argv::{Batch, Command};
use mortar_engine::{Begun, Kind};
use mortar_model::{BlockVolume, ByteSize, Durability, VolumeName};
use mortar_plan::{CreateBlock, CreateVolume};
use mortar_simulator::{Effect, Fault, When};

use crate::bed::Bed;

/// A pool with a volume that holds a block volume, in which nothing differs.
async fn with_block() -> Bed {
    let bed = Bed::quiet().await;
    let mut request = CreateVolume::new(ByteSize::from_gib(8), Durability::Replicate(3));
    request.name = Some(VolumeName::new("hosting").unwrap());
    request.block = true;
    let cluster = bed
        .engine
        .view(|landscape| landscape.inventory().clusters().next().unwrap().id);
    bed.engine.set_cluster_flags(cluster, true, true).await.unwrap();
    bed.done(bed.engine.create_volume(request).await.unwrap()).await;
    let request = CreateBlock {
        name: Some(VolumeName::new("disk").unwrap()),
        size: ByteSize::from_gib(2),
        clusters: Vec::new(),
        ha: 2,
        auth: true,
    };
    bed.done(bed.engine.create_block(request).await.unwrap()).await;
    bed.engine.reconcile().await;
    assert_eq!(bed.kinds().await, []);
    bed
}

/// Runs `gluster-block` past Mortar.
fn by_hand(bed: &Bed, words: &str) {
    let command = Command::new("gluster-block").args(words.split(' ')).arg("--json");
    let report = bed
        .hosts
        .world(|world| world.run("n1", &Batch::new().run(command)));
    assert!(report.success(), "{words}: {report:?}");
}

fn blocks(bed: &Bed) -> Vec<BlockVolume> {
    bed.engine
        .view(|landscape| landscape.inventory().blocks().cloned().collect())
}

/// Shown first, then done; afterwards nothing differs.
async fn repaired(bed: &Bed, kind: Kind) {
    let shown = bed.engine.repair(None, true).await;
    assert!(
        matches!(shown.tasks[..], [ref task] if task.begun == Begun::Planned),
        "{shown:?}"
    );
    assert_eq!(bed.kinds().await, [kind]);
    let run = bed.engine.repair(None, false).await;
    let Begun::Operation(operation) = run.tasks[0].begun else {
        panic!("{run:?}")
    };
    bed.done(operation).await;
    assert_eq!(bed.kinds().await, []);
}

#[tokio::test]
async fn one_that_was_removed_is_missed() {
    let bed = with_block().await;
    by_hand(&bed, "delete hosting/disk");
    assert_eq!(bed.kinds().await, [Kind::BlockMissing]);
    // The way that the finding names.
    let id = blocks(&bed)[0].id;
    bed.done(bed.engine.delete_block(id).await.unwrap()).await;
    assert_eq!(bed.kinds().await, []);
}

#[tokio::test]
async fn one_that_was_made_is_recorded_on_command() {
    let bed = with_block().await;
    by_hand(
        &bed,
        "create hosting/stray ha 3 auth enable prealloc no n1,n2,n3 1GiB",
    );
    assert_eq!(bed.kinds().await, [Kind::BlockUnknown]);
    repaired(&bed, Kind::BlockUnknown).await;
    let stray = blocks(&bed)
        .into_iter()
        .find(|block| block.name.as_str() == "stray")
        .unwrap();
    assert_eq!(
        (stray.size, stray.ha, stray.auth),
        (ByteSize::from_gib(1), 3, true)
    );
    assert!(!stray.target.password.is_empty() && stray.target.iqn.ends_with(&stray.target.username));
    // It is one like any other from then on.
    bed.done(
        bed.engine
            .expand_block(stray.id, ByteSize::from_gib(2))
            .await
            .unwrap(),
    )
    .await;
    bed.done(bed.engine.delete_block(stray.id).await.unwrap()).await;
    assert_eq!(bed.kinds().await, []);
}

#[tokio::test]
async fn one_that_was_enlarged_is_recorded_as_it_is_on_command() {
    let bed = with_block().await;
    by_hand(&bed, "modify hosting/disk size 3GiB");
    assert_eq!(bed.kinds().await, [Kind::BlockSize]);
    repaired(&bed, Kind::BlockSize).await;
    let disk = &blocks(&bed)[0];
    assert_eq!(
        (disk.size, disk.usable),
        (ByteSize::from_gib(3), ByteSize::from_gib(3))
    );
}

#[tokio::test]
async fn one_that_a_host_does_not_serve_or_that_was_made_anew_waits_for_a_person() {
    let bed = with_block().await;
    let host = blocks(&bed)[0].hosts[0].to_string();
    assert!(
        bed.hosts
            .world(|world| world.break_block("hosting", "disk", &host))
    );
    let check = bed.engine.check().await;
    let [finding] = &check.findings[..] else {
        panic!("{check:?}")
    };
    assert_eq!(finding.kind, Kind::BlockHosts);
    assert!(
        finding.remedy.repair().is_none() && finding.proof.seen.contains(&host),
        "{finding:?}"
    );
    by_hand(&bed, "delete hosting/disk");
    by_hand(
        &bed,
        "create hosting/disk ha 2 auth disable prealloc no n1,n2,n3 2GiB",
    );
    assert_eq!(bed.kinds().await, [Kind::BlockForeign]);
}

/// Any node that has gluster-block tells of all; where none has, that is told, and nothing is called missing.
#[tokio::test]
async fn nodes_without_gluster_block_are_passed_over() {
    let bed = with_block().await;
    let without = |host: &str| Fault {
        when: When::Command {
            kind: "gluster-block".into(),
            host: Some(host.into()),
            nth: 1,
        },
        effect: Effect::Fail {
            status: 127,
            text: "sh: gluster-block: not found".into(),
        },
    };
    for hosts in [&["n1"][..], &["n1", "n2"]] {
        bed.hosts
            .world(|world| hosts.iter().for_each(|host| world.inject(without(host))));
        assert_eq!(bed.kinds().await, []);
        bed.hosts.world(mortar_simulator::World::clear_faults);
    }
    bed.hosts.world(|world| {
        ["n1", "n2", "n3"]
            .iter()
            .for_each(|host| world.inject(without(host)));
    });
    let check = bed.engine.check().await;
    let [finding] = &check.findings[..] else {
        panic!("{check:?}")
    };
    assert_eq!(finding.kind, Kind::BlocksSilent);
    assert!(finding.proof.seen.contains("not found"), "{finding:?}");
}
