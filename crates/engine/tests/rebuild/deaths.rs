//! The program dies in the middle of an operation, and its store is lost with it.

use std::collections::{BTreeMap, BTreeSet};

use mortar_engine::{FoundKind, Rebuild};
use mortar_model::{
    BrickSpace, ByteSize, DeviceId, DeviceKind, Durability, Inventory, OperationKind, VolumeName,
    VolumeOption, check, layout,
};
use mortar_plan::CreateVolume;
use mortar_simulator::World;

use crate::cases::{ALL, Case};
use crate::ground::{notes, rebuild, with_empty_store, write_files};
use crate::support::bed::{self, Bed, Saved, Stop};

/// A pool as it was, and what its devices had for bricks.
struct Before {
    saved: Saved,
    totals: BTreeMap<DeviceId, ByteSize>,
}

fn prepared(case: &Case) -> Before {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        (case.prepare)(&bed).await;
        write_files(&bed).await;
        burn(case, &bed);
        let totals = |inventory: &Inventory| {
            inventory
                .devices()
                .map(|device| (device.id, device.total))
                .collect()
        };
        Before {
            saved: bed.save(),
            totals: bed.inventory(totals),
        }
    })
}

/// A machine loses what it has beside its disks, where a new one is to get its identity: a rebuild learns of the node from the others.
fn burn(case: &Case, bed: &Bed) {
    if is_replaced(case) {
        bed.hosts.world(|world| {
            assert!(world.reinstall_node("n3"));
            assert!(world.start_new_glusterd("n3"));
        });
    }
}

fn is_replaced(case: &Case) -> bool {
    case.kind == OperationKind::ReplaceNode
}

/// Commands and store writes of an undisturbed run.
fn measure(case: &Case, saved: &Saved) -> (u64, u64) {
    bed::run(async {
        let bed = Bed::load(saved, Stop::Never);
        bed.engine.start();
        let before = (bed.commands(), bed.store_writes());
        let id = (case.run)(&bed).await.unwrap();
        bed.settle(id, case.name).await;
        (bed.commands() - before.0, bed.store_writes() - before.1)
    })
}

fn dies(case: &Case, saved: &Saved, stop: Stop) -> World {
    bed::run(async {
        let bed = Bed::load(saved, stop);
        bed.engine.start();
        if let Ok(id) = (case.run)(&bed).await {
            bed.rest_or_death(id).await;
        }
        bed.remains().0
    })
}

/// Answers whether anything was left over.
fn lost(case: &Case, before: &Before, stop: Stop) -> bool {
    let story = format!(
        "{} ({}): dies at {stop:?}, and the store is lost",
        case.name, case.kind
    );
    let world = dies(case, &before.saved, stop);
    bed::run(async {
        let bed = with_empty_store(world);
        bed.all_on();
        let report = rebuild(&bed, &["n1"]).await;
        bed.inventory(|inventory| {
            assert_eq!(check::check(inventory), Vec::new(), "{story}");
            bed.hosts.world(|world| {
                left_over_is_named(inventory, world, &report, &story);
                nothing_is_promised_twice(inventory, before, world, &story);
            });
        });
        // What was there before is there again, unless the operation was about it.
        let volumes = bed.inventory(|inventory| inventory.volumes().count());
        assert!(
            volumes >= usize::from(case.name == "create_unreplicated" || case.name.starts_with("expand")),
            "{story}"
        );
        if is_replaced(case) {
            gets_its_identity(&bed, &story).await;
        }
        goes_on(&bed, &story).await;
        !notes(&report).is_empty()
    })
}

/// Logical volumes, images and GlusterFS volumes that no record has.
fn left_over_is_named(inventory: &Inventory, world: &World, report: &Rebuild, story: &str) {
    let told = notes(report);
    let named = |text: &str| told.iter().any(|note| note.contains(text));
    let bricks = |space: fn(&BrickSpace) -> bool| {
        let all = inventory.bricks().filter(move |brick| space(&brick.space));
        all.map(|brick| brick.id.to_string())
            .collect::<BTreeSet<String>>()
    };
    let thin = bricks(|space| matches!(space, BrickSpace::ThinPool { .. }));
    // A pool outlives the brick that it was made for, where a clone lives in it.
    let pools: BTreeSet<String> = inventory
        .bricks()
        .map(|brick| brick.place().thin_pool())
        .collect();
    let mut images = bricks(|space| *space == BrickSpace::Image);
    let copies = inventory.snapshots().flat_map(|snapshot| &snapshot.bricks);
    let copies: BTreeSet<String> = copies.map(|copy| copy.id.to_string()).collect();
    images.extend(copies.iter().cloned());
    for host in world.hosts() {
        let host = world.host(&host).unwrap();
        let id_of = |name: &str| {
            name.rsplit('_')
                .next()
                .unwrap()
                .trim_end_matches(".part")
                .to_owned()
        };
        for volume in &host.logical_volumes {
            let id = id_of(&volume.name);
            // A pool that was made for a brick that is gone is told of as that of the brick in it.
            let mut inside = host.logical_volumes.iter();
            let by_what_is_in_it =
                inside.any(|inner| inner.pool.as_ref() == Some(&volume.name) && named(&id_of(&inner.name)));
            assert!(
                thin.contains(&id)
                    || copies.contains(&id)
                    || pools.contains(&volume.name)
                    || named(&id)
                    || by_what_is_in_it,
                "{story}: {} is not told of: {told:#?}",
                volume.name
            );
        }
        for (path, _) in &host.images {
            let id = path.rsplit('_').next().unwrap().split('.').next().unwrap();
            assert!(
                images.contains(id) || named(id),
                "{story}: {path} is not told of: {told:#?}"
            );
        }
        let groups = host.devices.iter().filter_map(|device| device.group.as_ref());
        for group in groups {
            let known = inventory
                .devices()
                .any(|device| layout::volume_group(device.id) == group.name);
            assert!(
                known || named(group.name.as_str()),
                "{story}: {} is not told of: {told:#?}",
                group.name
            );
        }
    }
    for volume in &world.pool("n1").unwrap().volumes {
        let known = inventory
            .volumes()
            .any(|known| known.name.as_str() == volume.name);
        assert!(
            known || named(&volume.name),
            "{story}: volume {} is not told of: {told:#?}",
            volume.name
        );
        let unfinished = report.rebuilt.found.iter().any(|found| {
            found.about == format!("volume {}", volume.name) && found.kind == FoundKind::Unfinished
        });
        assert!(
            volume.status == "Started" || unfinished,
            "{story}: {} is {}: {told:#?}",
            volume.name,
            volume.status
        );
    }
}

fn nothing_is_promised_twice(inventory: &Inventory, before: &Before, world: &World, story: &str) {
    for device in inventory.devices() {
        let node = inventory.node(device.node).unwrap();
        let host = world.host(node.manage.as_str()).unwrap();
        let free = device.total.minus(inventory.used(device.id)).bytes();
        match device.kind {
            DeviceKind::Adopted => panic!("{story}: {} was adopted by nobody", device.path),
            DeviceKind::Lvm { .. } => {
                let name = layout::volume_group(device.id);
                let mut groups = host.devices.iter().filter_map(|device| device.group.as_ref());
                let group = groups.find(|group| group.name == name).unwrap();
                assert_eq!(free, group.free, "{story}: {}", device.path);
            }
            DeviceKind::Directory => {
                let folder = layout::image_folder(&device.path);
                let images = host.images.iter().filter(|(path, _)| path.starts_with(&folder));
                let promised: u64 = images.map(|(_, size)| size).sum();
                // One that was just being added had no size yet.
                let total = before.totals.get(&device.id).unwrap_or(&device.total);
                assert_eq!(free, total.bytes() - promised, "{story}: {}", device.path);
            }
        }
    }
}

/// The machine is itself again, unless it was already.
async fn gets_its_identity(bed: &Bed, story: &str) {
    if let Ok(id) = bed.engine.replace_node(bed.node(3)).await {
        bed.settle(id, story).await;
        assert!(bed.is_done(id), "{story}: {:?}", bed.engine.operation(id));
    }
    let members = bed.hosts.world(|world| world.pool("n3").unwrap().members.len());
    assert_eq!(members, 3, "{story}");
}

/// A volume on every disk and one on every directory, beside whatever is left there. A member whose cure died with the
/// store is ill, and cured once more.
async fn goes_on(bed: &Bed, story: &str) {
    for number in 1..=3 {
        if let Ok(id) = bed.engine.cure_member(bed.node(number)).await {
            bed.settle(id, story).await;
        }
    }
    for media in ["disk", "directory"] {
        let mut request = CreateVolume::new(ByteSize::from_gib(3), Durability::Replicate(3));
        request.name = Some(VolumeName::new(format!("after-{media}")).unwrap());
        request.options =
            vec![VolumeOption::new("user.mortar.device-tag-match", format!("media={media}")).unwrap()];
        let id = bed
            .engine
            .create_volume(request)
            .await
            .unwrap_or_else(|error| panic!("{story}: {error}"));
        bed.engine.wait(id, bed::LIMIT).await;
        assert!(bed.is_done(id), "{story}: {:?}", bed.engine.operation(id));
    }
}

/// Operations, dead at every store write and every command. Answers how many died, and how many of them left something over.
fn die_everywhere(cases: impl Iterator<Item = &'static Case>) -> (u32, u32) {
    let (mut deaths, mut left) = (0, 0);
    for case in cases {
        let before = prepared(case);
        let (commands, writes) = measure(case, &before.saved);
        let at_writes = (1..=writes).flat_map(|nth| [Stop::BeforeWrite(nth), Stop::AfterWrite(nth)]);
        for stop in at_writes.chain((0..commands).map(Stop::AfterCommand)) {
            deaths += 1;
            left += u32::from(lost(case, &before, stop));
        }
    }
    println!("{deaths} deaths with a lost store; {left} left something over, all of it named");
    (deaths, left)
}

/// Every other kind of operation.
#[test]
fn a_store_lost_in_the_middle_of_an_operation() {
    let (_, left) = die_everywhere(ALL.iter().filter(|case| !is_replaced(case)));
    assert!(left > 0, "operations that die leave something over");
}

/// The machine is nobody, or the node again; all that is known of the node is what the others know and what its disks tell.
#[test]
fn a_store_lost_while_a_machine_gets_its_identity() {
    let (deaths, _) = die_everywhere(ALL.iter().filter(|case| is_replaced(case)));
    assert!(deaths > 0, "there is such a case");
}
