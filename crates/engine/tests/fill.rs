//! Devices that are nearly full: counted, named in refusals, and given no bricks until they are less so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "support/mod.rs"]
mod support;

use mortar_engine::EngineError;
use mortar_model::{ByteSize, Durability, VolumeName, layout};
use mortar_plan::{CreateVolume, Expansion, TooFull};
use prometheus_client::registry::Registry;

use support::bed::{self, Bed};

fn request(name: &str) -> CreateVolume {
    let mut request = CreateVolume::new(ByteSize::from_gib(2), Durability::Replicate(3));
    request.name = Some(VolumeName::new(name).unwrap());
    request.options =
        vec![mortar_model::VolumeOption::new("user.mortar.device-tag-match", "media=disk").unwrap()];
    request
}

fn page(bed: &Bed) -> String {
    let mut registry = Registry::default();
    bed.engine.metrics().register(&mut registry);
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
    page
}

/// Fills the metadata of the pool of a node's brick.
fn fill(bed: &Bed, host: &str, number: u32, percent: u8) {
    let device = bed.device(number, "/dev/sdb");
    let pool = bed.inventory(|inventory| {
        let brick = inventory.bricks_on(device).next().unwrap();
        layout::thin_pool(brick.id)
    });
    let group = layout::volume_group(device);
    let filled = |world: &mut mortar_simulator::World| world.fill_pool_metadata(host, &group, &pool, percent);
    assert!(bed.hosts.world(filled));
}

#[test]
fn a_device_with_a_pool_that_is_nearly_full_takes_no_bricks() {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        let id = bed.engine.create_volume(request("data")).await.unwrap();
        bed.done(id).await;
        bed.engine.check().await;
        assert!(page(&bed).contains("mortar_devices_too_full 0"));

        fill(&bed, "n2", 2, 97);
        bed.engine.check().await;
        let shown = page(&bed);
        let device = bed.device(2, "/dev/sdb");
        let line = format!("mortar_device_fill_percent{{device=\"{device}\",part=\"pool-metadata\"}} 97.0");
        assert!(
            shown.contains(&line) && shown.contains("mortar_devices_too_full 1"),
            "{shown}"
        );
        let full = bed.engine.view(|landscape| landscape.too_full(device));
        assert!(
            matches!(
                full,
                Some(TooFull {
                    percent: 97,
                    limit: 90,
                    ..
                })
            ),
            "{full:?}"
        );

        let refused = bed.engine.create_volume(request("more")).await.unwrap_err();
        assert!(matches!(refused, EngineError::Refused(_)));
        let told = refused.to_string();
        for words in [
            "is 97 % full, and from 90 % on it takes no bricks",
            "(make room there until it is less than 90 % full)",
        ] {
            assert!(told.contains(words), "{told}");
        }
        let by = ByteSize::from_gib(1);
        let grown = bed
            .engine
            .expand_volume(bed.volume("data"), by, Expansion::InPlace)
            .await;
        assert!(grown.unwrap_err().to_string().contains("97 % full"));

        // A node that does not answer tells nothing new.
        bed.hosts.world(|world| world.kill_node("n2"));
        bed.engine.check().await;
        assert!(bed.engine.view(|landscape| landscape.too_full(device)).is_some());
        bed.hosts.world(|world| world.start_node("n2"));
        fill(&bed, "n2", 2, 40);
        bed.engine.check().await;
        assert!(bed.engine.view(|landscape| landscape.too_full(device)).is_none());
        assert!(page(&bed).contains("mortar_devices_too_full 0"));
    });
}

/// Fills a part of the pool of a group on n2.
type FillPool = fn(&mut mortar_simulator::World, &str, u8) -> bool;

/// A pool that all bricks share stops earlier: it promises more than it has, and is full for all of them at once.
#[test]
fn a_shared_pool_that_is_really_nearly_full_takes_nothing_more() {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        bed.add_shared_pools().await;
        let request = |name: &str, gib| CreateVolume {
            options: vec![
                mortar_model::VolumeOption::new("user.mortar.device-tag-match", "media=pool").unwrap(),
            ],
            size: ByteSize::from_gib(gib),
            ..request(name)
        };
        // More than the disks have, and no more than they may promise.
        let id = bed.engine.create_volume(request("data", 120)).await.unwrap();
        bed.done(id).await;
        let refused = bed.engine.create_volume(request("more", 120)).await.unwrap_err();
        assert!(refused.to_string().contains("needed"), "{refused}");

        let device = bed.device(2, "/dev/sdc");
        let group = layout::volume_group(device);
        let parts: [(FillPool, &str); 2] = [
            (
                |world, group, percent| world.fill_pool_data("n2", group, layout::SHARED_POOL, percent),
                "data",
            ),
            (
                |world, group, percent| world.fill_pool_metadata("n2", group, layout::SHARED_POOL, percent),
                "metadata",
            ),
        ];
        for (fill, part) in parts {
            assert!(bed.hosts.world(|world| fill(world, &group, 79)));
            bed.engine.check().await;
            assert!(bed.engine.view(|landscape| landscape.too_full(device)).is_none());
            assert!(bed.hosts.world(|world| fill(world, &group, 83)));
            let check = bed.engine.check().await;
            let kinds = check.findings.iter().map(|finding| finding.kind);
            let warned = kinds
                .filter(|kind| *kind == mortar_survey::Kind::PoolFill)
                .count();
            assert_eq!(warned, 1, "{:?}", check.findings);
            let words =
                format!("the {part} of a thin pool is 83 % full, and from 80 % on it takes no bricks");
            let (data, by) = (bed.volume("data"), ByteSize::from_gib(1));
            let refusals = [
                bed.engine.create_volume(request("more", 2)).await,
                bed.engine.expand_volume(data, by, Expansion::InPlace).await,
                bed.engine.create_snapshot(data, None).await,
                bed.engine.clone_volume(data, None, None).await,
            ];
            for refused in refusals {
                let told = refused.unwrap_err().to_string();
                assert!(told.contains(&words), "{told}");
            }
            assert!(bed.hosts.world(|world| fill(world, &group, 40)));
        }
        bed.engine.check().await;
        // 120 GiB and a copy of them are more than twice the disk.
        let refused = bed
            .engine
            .create_snapshot(bed.volume("data"), None)
            .await
            .unwrap_err();
        assert!(refused.to_string().contains("needed"), "{refused}");
    });
}

/// No check has seen it yet: whoever asks for a volume has the pools looked at that it would go to.
#[test]
fn a_pool_is_looked_at_before_bricks_go_there() {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        bed.add_shared_pools().await;
        let device = bed.device(2, "/dev/sdc");
        let group = layout::volume_group(device);
        assert!(
            bed.hosts
                .world(|world| world.fill_pool_data("n2", &group, layout::SHARED_POOL, 83))
        );
        let request = CreateVolume {
            options: vec![
                mortar_model::VolumeOption::new("user.mortar.device-tag-match", "media=pool").unwrap(),
            ],
            ..request("data")
        };
        let refused = bed
            .engine
            .create_volume(request.clone())
            .await
            .unwrap_err()
            .to_string();
        assert!(
            refused.contains("the data of a thin pool is 83 % full"),
            "{refused}"
        );
        // Another one takes its place.
        let spare = bed.add_node(bed.cluster(), 4).await;
        bed.add_device(spare, "/dev/sdb", "pool").await;
        let id = bed.engine.create_volume(request).await.unwrap();
        bed.done(id).await;
        assert_eq!(bed.inventory(|inventory| inventory.brick_count(device)), 0);
    });
}

/// Between two checks a pool may have become full: a copy is not made then, and nothing is frozen.
#[test]
fn a_node_is_asked_once_more_before_a_copy() {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        bed.add_shared_pools().await;
        let mut request = request("data");
        request.size = ByteSize::from_gib(60);
        request.options =
            vec![mortar_model::VolumeOption::new("user.mortar.device-tag-match", "media=pool").unwrap()];
        bed.done(bed.engine.create_volume(request).await.unwrap()).await;
        let group = layout::volume_group(bed.device(2, "/dev/sdc"));
        let fill =
            |world: &mut mortar_simulator::World| world.fill_pool_data("n2", &group, layout::SHARED_POOL, 85);
        assert!(bed.hosts.world(fill));
        let id = bed
            .engine
            .create_snapshot(bed.volume("data"), None)
            .await
            .unwrap();
        let state = bed.engine.wait(id, std::time::Duration::from_secs(60)).await;
        let told = format!("{state:?}");
        assert!(
            told.contains("85 % full, and from 80 % on no copies are made"),
            "{told}"
        );
        bed.assert_agreement("no room for a copy");
    });
}
