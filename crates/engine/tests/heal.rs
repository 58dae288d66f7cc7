//! What volumes have to heal: asked one after the other by the clock, and fresh on request.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/mod.rs"]
mod support;

use mortar_engine::{OperationState, Outcome};
use mortar_model::{ByteSize, Durability, VolumeName, layout};
use mortar_plan::CreateVolume;
use prometheus_client::registry::Registry;

use support::bed::{self, Bed};

async fn prepared() -> Bed {
    let bed = Bed::new(100);
    bed.make_pool().await;
    for (name, durability) in [
        ("data", Durability::Replicate(3)),
        ("more", Durability::Replicate(2)),
        ("plain", Durability::None),
    ] {
        let mut request = CreateVolume::new(ByteSize::from_gib(2), durability);
        request.name = Some(VolumeName::new(name).unwrap());
        let id = bed.engine.create_volume(request).await.unwrap();
        bed.done(id).await;
    }
    bed
}

fn page(bed: &Bed) -> String {
    let mut registry = Registry::default();
    bed.engine.metrics().register(&mut registry);
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
    page
}

/// Ends the process of one brick of the volume.
fn kill_a_brick(bed: &Bed, name: &str) {
    let id = bed.volume(name);
    let (host, path) = bed.inventory(|inventory| {
        let brick = inventory.bricks_of(id).last().unwrap();
        let node = inventory.node_of_brick(brick).unwrap();
        (
            node.manage.to_string(),
            layout::brick_path(brick.device, brick.id),
        )
    });
    assert!(bed.hosts.world(|world| world.kill_brick(&host, &path)));
}

#[test]
fn volumes_that_are_not_well_are_named() {
    bed::run(async {
        let bed = prepared().await;
        bed.engine.watch_heals().await;
        let well = page(&bed);
        for line in [
            "mortar_volumes_to_heal 0",
            "mortar_volumes_heal_unknown 0",
            "mortar_volumes_in_split_brain 0",
        ] {
            assert!(well.contains(line), "{line}\n{well}");
        }
        assert!(!well.contains("mortar_volume_heal_pending{"), "{well}");

        kill_a_brick(&bed, "data");
        assert!(bed.hosts.world(|world| world.write_files("n1", "data", 12)));
        bed.engine.watch_heals().await;
        let ill = page(&bed);
        let named = ill
            .lines()
            .find(|line| line.starts_with("mortar_volume_heal_pending{volume=\"data\"}"));
        let entries: u64 = named.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
        assert!(entries >= 12, "{ill}");
        for line in ["mortar_volumes_to_heal 1", "mortar_volumes_heal_unknown 1"] {
            assert!(ill.contains(line), "{line}\n{ill}");
        }
        assert!(!ill.contains("volume=\"more\""), "{ill}");

        // A volume that is gone is not named any more.
        let id = bed.engine.delete_volume(bed.volume("data")).await.unwrap();
        bed.done(id).await;
        bed.engine.watch_heals().await;
        assert!(!page(&bed).contains("volume=\"data\""));
    });
}

#[test]
fn one_volume_is_asked_for_alone() {
    bed::run(async {
        let bed = prepared().await;
        let commands = bed.commands();
        let plain = bed.engine.look_at_heal(bed.volume("plain")).await.unwrap();
        assert_eq!((plain.bricks, bed.commands()), (Ok(Vec::new()), commands));
        let data = bed.engine.look_at_heal(bed.volume("data")).await.unwrap();
        assert_eq!(bed.commands(), commands + 1, "one question");
        assert_eq!(data.bricks.as_ref().unwrap().len(), 3);
        assert_eq!(
            (data.pending(), data.split_brain(), data.in_the_dark()),
            (0, 0, false)
        );
        kill_a_brick(&bed, "data");
        let data = bed.engine.look_at_heal(bed.volume("data")).await.unwrap();
        assert!(data.in_the_dark());
        bed.hosts
            .world(|world| ["n1", "n2", "n3"].map(|node| world.kill_node(node)));
        let data = bed.engine.look_at_heal(bed.volume("data")).await.unwrap();
        assert!(data.bricks.is_err() && data.in_the_dark());
        let unknown = mortar_model::VolumeId::from_u128(7);
        assert_eq!(bed.engine.look_at_heal(unknown).await, None);
    });
}

/// A snapshot does not fail because a node was away a moment ago.
#[test]
fn a_snapshot_waits_for_a_heal_and_not_for_ever() {
    bed::run(async {
        let bed = prepared().await;
        let name = |name: &str| Some(VolumeName::new(name).unwrap());
        let missed = |files| {
            // The daemons' next round is far: the heal has to be asked for.
            bed.hosts.world(|world| {
                world.kill_node("n3");
                assert!(world.write_files("n1", "data", files));
                world.start_node("n3");
                world.doze("n1", "data");
            });
        };
        missed(40);
        let id = bed
            .engine
            .create_snapshot(bed.volume("data"), name("soon"))
            .await
            .unwrap();
        bed.done(id).await;
        assert_eq!(bed.hosts.world(|world| world.to_be_healed("n1", "data")), Some(0));

        bed.hosts.world(|world| world.attend("n1", "data", false));
        missed(40);
        let id = bed
            .engine
            .create_snapshot(bed.volume("data"), name("never"))
            .await
            .unwrap();
        bed.settle(id, "nobody heals").await;
        let ended = bed.engine.operation(id);
        let Some(OperationState::Ended(ended)) = ended else {
            panic!("{ended:?}")
        };
        assert!(
            matches!(&ended.outcome, Outcome::Failed { reason } if reason.contains("when the volume is healed")),
            "{ended:?}"
        );
        bed.assert_agreement("undone");
        assert_eq!(bed.inventory(|inventory| inventory.snapshots().count()), 1);
    });
}
