//! Databases of Heketi's versions as Mortar's records, and back.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

use mortar_heketi::db::{self, Database};
use mortar_heketi::takeover::{Faulty, Takeover, Terms, Weight, dump, export, take_over};
use mortar_model::{
    Brick, BrickSpace, ByteSize, Device, DeviceKind, DevicePath, Durability, Inventory, NodeId, Overcommit,
    Volume, VolumeName, VolumeOption, ZoneChecking,
};
use proptest::prelude::*;

const LEAVE_OUT: Terms = Terms {
    faulty: Faulty::LeaveOut,
    zones: ZoneChecking::None,
};

fn database(name: &str) -> Database {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/databases/");
    db::read(&std::fs::read(format!("{folder}{name}.db")).unwrap()).unwrap()
}

fn taken(name: &str) -> Takeover {
    take_over(&database(name), Terms::default())
}

fn volume<'a>(inventory: &'a Inventory, name: &str) -> &'a Volume {
    inventory
        .volumes()
        .find(|volume| volume.name.as_str() == name)
        .unwrap()
}

fn bricks<'a>(inventory: &'a Inventory, name: &str) -> Vec<&'a Brick> {
    inventory.bricks_of(volume(inventory, name).id).collect()
}

fn told(takeover: &Takeover) -> Vec<String> {
    takeover.kept.notes.iter().map(ToString::to_string).collect()
}

#[test]
fn what_adds_up_goes_over_whole() {
    for name in ["version-4", "version-6", "version-10", "large"] {
        let takeover = taken(name);
        let trouble = takeover
            .notes(Weight::LeftOut)
            .chain(takeover.notes(Weight::Fault));
        assert_eq!(trouble.count(), 0, "{name}: {:#?}", told(&takeover));
        let violations = mortar_model::check::check(&takeover.inventory);
        assert!(violations.is_empty(), "{name}: {violations:#?}");
        let database = database(name);
        assert_eq!(
            takeover.inventory.bricks().count(),
            database.bricks.len(),
            "{name}"
        );
        assert_eq!(
            takeover.inventory.volumes().count(),
            database.volumes.len(),
            "{name}"
        );
    }
}

#[test]
fn bricks_keep_their_names() {
    let takeover = taken("version-10");
    let inventory = &takeover.inventory;
    let data = bricks(inventory, "vol_data");
    let places: Vec<_> = data.iter().map(|brick| brick.place()).collect();
    for (brick, place) in data.iter().zip(&places) {
        let (device, id) = (brick.device, brick.id);
        let at = format!("/var/lib/heketi/mounts/vg_{device}/brick_{id}");
        assert_eq!(
            (place.mount_point(), place.brick_path()),
            (at.clone(), format!("{at}/brick"))
        );
        assert_eq!(place.logical_volume(), format!("brick_{id}"));
    }
    let odd = places
        .iter()
        .filter(|place| place.thin_pool() != format!("tp_{}", place.brick));
    assert_eq!(odd.count(), 1);
    for clone in bricks(inventory, "vol_clone") {
        let names = clone.names.as_ref().unwrap();
        assert!(names.shared && clone.place().is_mounted_by_glusterd());
        let origin = data.iter().find(|brick| brick.device == clone.device).unwrap();
        assert_eq!(clone.place().thin_pool(), origin.place().thin_pool());
        assert!(
            origin.names.as_ref().unwrap().shared,
            "its pool is not grown under the clone"
        );
    }
    assert!(
        bricks(inventory, "vol_wide")
            .iter()
            .all(|brick| !brick.names.as_ref().unwrap().shared)
    );
}

/// A clone is in its origin's thin pool, which is taken once: in Heketi's account as here.
#[test]
fn a_clone_takes_no_space_of_its_own() {
    for name in ["version-6", "version-10", "large"] {
        let (database, takeover) = (database(name), taken(name));
        for device in takeover.inventory.devices() {
            let used = takeover.inventory.used(device.id).kib();
            let wanted = database.devices[&device.id.to_string()].info.storage.used;
            assert_eq!(used, wanted, "{name}: {}", device.path);
        }
    }
}

#[test]
fn volumes_are_what_they_were() {
    let takeover = taken("version-10");
    let inventory = &takeover.inventory;
    let data = volume(inventory, "vol_data");
    assert_eq!(
        (data.size, data.durability, data.gid),
        (ByteSize::from_gib(10), Durability::Replicate(3), 2000)
    );
    assert!((data.snapshots.factor - 1.5).abs() < 1e-9 && data.sets_guessed);
    let options: Vec<String> = data.options.iter().map(ToString::to_string).collect();
    assert_eq!(options, ["performance.readdir-ahead off"]);
    assert_eq!(volume(inventory, "vol_arbiter").durability, Durability::Arbiter);
    let arbiter = bricks(inventory, "vol_arbiter");
    assert!(
        arbiter[2].size < arbiter[1].size,
        "the arbiter is the last of its set"
    );
    assert_eq!(
        volume(inventory, "vol_disperse").durability,
        Durability::disperse(2, 1)
    );
    assert_eq!(volume(inventory, "vol_wide").durability, Durability::Replicate(2));
    assert!(!volume(inventory, "plain").sets_guessed, "one brick is one set");
    let kept = takeover.kept.entries().unwrap();
    assert_eq!(
        (inventory.blocks().count(), kept.volumes.len(), kept.bricks.len()),
        (1, 7, 0)
    );
}

/// Whatever was taken over can go home, and come again.
#[test]
fn there_and_back_again_is_the_same() {
    for name in [
        "version-4",
        "version-6",
        "version-10",
        "large",
        "under-way",
        "interrupted",
        "faulty",
    ] {
        let first = taken(name);
        let home = export(&first.inventory, &first.kept).unwrap().database;
        assert_eq!(
            db::read(db::write_export(&home).as_bytes()).unwrap(),
            home,
            "{name}"
        );
        let second = take_over(&home, Terms::default());
        if name == "interrupted" {
            assert_eq!(but_shared(&first), but_shared(&second));
        } else {
            assert_eq!(records(&first), records(&second), "{name}");
        }
        let again = export(&second.inventory, &second.kept).unwrap().database;
        assert_eq!(again, home, "{name}");
        if name != "faulty" {
            // What a clone that was begun leaves behind does not go home; that it adds up bricks of clones is no fault.
            let faults = db::check::check(&home);
            let is_fault = |fault: &&str| !fault.contains("!= aggregateBricksSize(");
            let faults: Vec<&str> = faults.faults().filter(is_fault).collect();
            assert!(faults.is_empty(), "{name}: {faults:#?}");
        }
    }
}

/// Everything of a sound database of the last version is in what goes home.
#[test]
fn the_way_home_loses_nothing() {
    for name in ["version-10", "large"] {
        let first = taken(name);
        assert_eq!(
            export(&first.inventory, &first.kept).unwrap().database,
            database(name),
            "{name}"
        );
    }
}

/// A pool whose other brick was left out is no shared one any more when it comes again.
fn but_shared(takeover: &Takeover) -> String {
    records(takeover).replace("shared: true", "shared: false")
}

fn records(takeover: &Takeover) -> String {
    let inventory = &takeover.inventory;
    let bricks: Vec<&Brick> = inventory.bricks().collect();
    let clusters: Vec<_> = inventory.clusters().collect();
    let nodes: Vec<_> = inventory.nodes().collect();
    let devices: Vec<_> = inventory.devices().collect();
    let volumes: Vec<_> = inventory.volumes().collect();
    format!("{clusters:#?} {nodes:#?} {devices:#?} {volumes:#?} {bricks:#?}")
}

#[test]
fn unfinished_operations_are_settled() {
    let takeover = taken("under-way");
    let inventory = &takeover.inventory;
    let names: Vec<&str> = inventory.volumes().map(|volume| volume.name.as_str()).collect();
    assert!(
        !names.contains(&"vol_half") && names.contains(&"plain"),
        "{names:?}"
    );
    assert_eq!(
        bricks(inventory, "vol_wide").len(),
        4,
        "without what an expansion was adding"
    );
    let told = told(&takeover);
    for part in [
        "(vol_half): left out: operation",
        "(create-volume): it was not finished; what it was to make is left out",
        "(delete-volume): it was not finished; what it was to remove is taken over",
        "(expand-volume): it was not finished; it is taken over without it",
        "(remove-device): it was not finished",
    ] {
        assert!(
            told.iter().any(|note| note.contains(part)),
            "{part} is not in {told:#?}"
        );
    }
    assert!(mortar_model::check::check(inventory).is_empty());
}

/// The kinds of operations that Heketi settles by asking GlusterFS, and a clone that it never settles.
#[test]
fn what_heketi_was_exchanging_is_named_as_unknown() {
    let database = database("interrupted");
    let takeover = take_over(&database, Terms::default());
    let inventory = &takeover.inventory;
    let told = told(&takeover);
    for part in [
        "(vol_data): taken over with a fault: operation",
        "(vol_disperse): taken over with a fault: operation",
        "was putting brick",
        "'heketi-cli server operations cleanup'",
        "(evict-brick): it was not finished; it had moved nothing yet",
        "(evict-brick): it was not finished; see the volume whose brick it was moving",
        "(remove-device): it was not finished; bricks that have not moved stay",
        "(create-block-volume): it was not finished; what it was to make is left out",
        "(blockvol_half): left out: operation",
        "(delete-block-volume): it was not finished; what it was to remove is taken over",
        "(expand-block-volume): it was not finished; it is taken over without it",
        "(clone-volume): it was not finished; what it was to make is left out",
        "left out: operation",
    ] {
        assert!(
            told.iter().any(|note| note.contains(part)),
            "{part} is not in {told:#?}"
        );
    }
    let about = |name: &str| {
        told.iter()
            .filter(|note| note.contains(&format!("({name})")))
            .count()
    };
    assert_eq!(
        (
            about("vol_data"),
            about("vol_disperse"),
            about("vol_wide"),
            about("plain")
        ),
        (1, 1, 0, 0),
        "{told:#?}"
    );
    let new = database
        .bricks
        .iter()
        .filter(|(_, brick)| !brick.pending.id.is_empty());
    let taken = new.filter(|(id, _)| inventory.brick(id.parse().unwrap()).is_some());
    let listed = database
        .volumes
        .values()
        .flat_map(|volume| &volume.bricks)
        .count();
    assert_eq!(
        inventory.bricks().count(),
        listed,
        "the old bricks, and no new one"
    );
    assert_eq!(taken.count(), 3);
    assert!(mortar_model::check::check(inventory).is_empty());
    // Who wants no volume with a question leaves these two out.
    let less = take_over(&database, LEAVE_OUT);
    assert_eq!(less.inventory.volumes().count(), inventory.volumes().count() - 2);
}

#[test]
fn what_does_not_add_up_is_named_and_left_out_by_choice() {
    let takeover = taken("faulty");
    let told = told(&takeover);
    for part in [
        "(n6): taken over with a fault: it says it is of cluster",
        "(plain): taken over with a fault: it says it is on cluster",
        "(vol_wide): taken over with a fault: it is marked with operation",
        "(vol_wide): taken over with a fault: its brick 52fd309448e160db97f2fac643e14b13 says that it is of volume",
        "(vol_disperse): taken over with a fault: it does not list 1e8ce163e7f1d4cdc09a7cb6d5d41859",
        ": left out: its volume",
        "(astray): left out: the volume that holds it",
    ] {
        assert!(
            told.iter().any(|note| note.contains(part)),
            "{part} is not in {told:#?}"
        );
    }
    assert!(takeover.notes(Weight::Fault).count() >= 3, "{told:#?}");
    assert_eq!(
        takeover.kept.inconsistencies.len(),
        db::check::check(&database("faulty")).totalinconsistencies
    );
    let less = take_over(&database("faulty"), LEAVE_OUT);
    let faulty = |takeover: &Takeover| {
        takeover
            .inventory
            .volumes()
            .any(|volume| volume.name.as_str() == "vol_wide")
    };
    assert!(faulty(&takeover) && !faulty(&less));
    let volumes = |takeover: &Takeover| {
        takeover
            .notes(Weight::Fault)
            .filter(|note| note.kind == "volume")
            .count()
    };
    assert_eq!(volumes(&less), 0);
}

/// Heketi's mock executor gives every brick one path, old versions lack some: neither is a brick that could be operated.
#[test]
fn odd_paths_are_told() {
    let mut database = database("version-10");
    let ids: Vec<String> = database.bricks.keys().cloned().collect();
    for (id, path) in ids
        .iter()
        .zip(["/mockpath", "", "/x/brick", "/a/../b/c/brick", "/a/b/c/d"])
    {
        database.bricks.get_mut(id).unwrap().info.path = path.into();
    }
    let takeover = take_over(&database, Terms::default());
    let left: Vec<&str> = takeover
        .notes(Weight::LeftOut)
        .map(|note| note.why.as_str())
        .collect();
    assert!(
        left.iter().any(|why| why.contains("it was never made")),
        "{left:?}"
    );
    assert_eq!(
        takeover
            .notes(Weight::LeftOut)
            .filter(|note| note.kind == "brick")
            .count(),
        4,
        "{left:?}"
    );
    assert_eq!(
        takeover
            .inventory
            .brick(ids[0].parse().unwrap())
            .map(|brick| brick
                .place()
                .brick_path()
                .starts_with("/var/lib/heketi/mounts/vg_")),
        Some(true)
    );
}

/// One odd entry is no reason to have none: it is left out and named, and what refers to it says so.
#[test]
fn an_odd_entry_is_left_out_and_the_rest_is_taken() {
    let whole = database("version-10");
    let export = db::write_export(&whole);
    let (id, plain) = whole
        .volumes
        .iter()
        .find(|(_, entry)| entry.info.name == "plain")
        .unwrap();
    let brick = &plain.bricks[0];
    let device = &whole.bricks[brick].info.device;
    let odd = |edit: &dyn Fn(&mut serde_json::Value)| {
        let mut json: serde_json::Value = serde_json::from_str(&export).unwrap();
        edit(&mut json);
        take_over(&db::read(json.to_string().as_bytes()).unwrap(), Terms::default())
    };
    let other_type = odd(&|json| json["volumeentries"][id]["Info"]["size"] = "1".into());
    let other_id = odd(&|json| json["volumeentries"][id]["Info"]["id"] = "a".into());
    for (takeover, why) in [
        (
            &other_type,
            "its field Info.size is text, and a whole number is wanted",
        ),
        (&other_id, "it says that it is a"),
    ] {
        let told = told(takeover);
        let named = format!("volume {id}: left out: ");
        assert!(
            told.iter()
                .any(|note| note.starts_with(&named) && note.contains(why)),
            "{told:#?}"
        );
        assert_eq!(takeover.inventory.volumes().count(), whole.volumes.len() - 1);
    }
    // What Heketi counted below zero is so large in its export.
    let below_zero = odd(&|json| json["deviceentries"][device]["Info"]["storage"]["free"] = u64::MAX.into());
    assert_eq!(below_zero.inventory.devices().count(), whole.devices.len());
    assert!(below_zero.inventory.brick(brick.parse().unwrap()).is_some());
}

/// Heketi keeps in its configuration whether zones are strict: volumes say nothing of it.
#[test]
fn strict_zones_of_the_configuration_go_over_where_bricks_are_in_such() {
    let strict = Terms {
        zones: ZoneChecking::Strict,
        ..Terms::default()
    };
    let takeover = take_over(&database("version-10"), strict);
    let inventory = &takeover.inventory;
    assert!(mortar_model::check::check(inventory).is_empty());
    // Two sets over the zones 1, 2, 2 and 3: the two bricks in zone 2 are not one set, wherever their ids stand.
    for name in ["vol_data", "vol_wide", "vol_blockhost"] {
        let checking = volume(inventory, name).zone_checking;
        assert_eq!(
            checking == ZoneChecking::Strict,
            name != "vol_blockhost",
            "{name}: {:#?}",
            told(&takeover)
        );
    }
    let told = told(&takeover);
    assert!(
        told.iter()
            .any(|note| note.contains("(vol_blockhost)") && note.contains("are not in zones of their own")),
        "{told:#?}"
    );
    // What a volume says itself goes before.
    let mut said = database("version-10");
    for entry in said.volumes.values_mut() {
        entry.info.options.push("user.heketi.zone-checking none".into());
    }
    let takeover = take_over(&said, strict);
    let none = |volume: &Volume| volume.zone_checking == ZoneChecking::None;
    assert!(takeover.inventory.volumes().all(none));
}

/// The way home tells of volumes as they are, and not as they came.
#[test]
fn changes_since_go_home() {
    let mut first = taken("version-10");
    let mut kept = first.kept.entries().unwrap();
    for entry in kept.volumes.values_mut() {
        entry.info.options.insert(1, "odd;words here".into());
    }
    first.kept.export = db::write_export(&kept);
    let (mut data, mut arbiter) = (
        volume(&first.inventory, "vol_data").clone(),
        volume(&first.inventory, "vol_arbiter").clone(),
    );
    data.options = vec![
        VolumeOption::parse("performance.readdir-ahead on").unwrap(),
        VolumeOption::parse("features.shard on").unwrap(),
    ];
    arbiter.durability = Durability::Replicate(2);
    for changed in [&data, &arbiter] {
        first.inventory.put_volume(changed.clone()).unwrap();
    }
    let home = export(&first.inventory, &first.kept).unwrap().database;
    let of = |volume: &Volume| &home.volumes[&volume.id.to_string()];
    let wanted = [
        "",
        "odd;words here",
        "performance.readdir-ahead on",
        "features.shard on",
        "",
    ];
    assert_eq!(of(&data).info.options, wanted);
    assert_eq!(of(&data).options.as_deref().unwrap(), wanted);
    assert_eq!(of(&arbiter).info.options, ["", "odd;words here", ""]);
    assert_eq!(of(&arbiter).info.durability.replicate.replica, 2);
    // Nothing has changed there: as it came.
    let wide = volume(&first.inventory, "vol_wide");
    assert_eq!(
        of(wide).info.options,
        kept.volumes[&wide.id.to_string()].info.options
    );
}

/// Directories, and disks with one pool for all, are Mortar's alone.
#[test]
fn what_heketi_cannot_operate_stays_behind_by_name() {
    let first = taken("version-10");
    let mut inventory = first.inventory.clone();
    let node = inventory.nodes().next().unwrap().id;
    let lvm = inventory.devices().next().unwrap().kind.clone();
    let DeviceKind::Lvm {
        extent, uuid, paths, ..
    } = lvm
    else {
        panic!("a disk");
    };
    let shared = DeviceKind::Lvm {
        extent,
        uuid,
        paths,
        shared: Some("2.0".parse::<Overcommit>().unwrap()),
    };
    let mut number = 0_u128;
    for (path, kind, space) in [
        ("/disks/1", DeviceKind::Directory, BrickSpace::Image),
        ("/dev/sdx", shared, BrickSpace::Shared),
    ] {
        number += 1;
        add(&mut inventory, node, number, path, kind, space);
    }
    let home = export(&inventory, &first.kept).unwrap();
    let told: Vec<String> = home.left_out.iter().map(ToString::to_string).collect();
    for part in [
        "(ours-1): left out: it has bricks that are image files on a directory",
        "(ours-2): left out: it has bricks that are in a thin pool that all of their device share",
        "(/disks/1): left out: it is a directory",
        "(/dev/sdx): left out: it is a disk with one thin pool for all bricks",
    ] {
        assert!(
            told.iter().any(|note| note.contains(part)),
            "{part} is not in {told:#?}"
        );
    }
    assert_eq!(home.database, database("version-10"), "the rest goes home whole");
    let shown = dump(&inventory, &first.kept).unwrap();
    assert_eq!(
        (shown.volumes.len(), shown.devices.len()),
        (home.database.volumes.len() + 2, home.database.devices.len() + 2),
        "who looks sees them"
    );
}

/// A volume of one brick on a device of its own, as Mortar makes them.
fn add(
    inventory: &mut Inventory,
    node: NodeId,
    number: u128,
    path: &str,
    kind: DeviceKind,
    space: BrickSpace,
) {
    let like = volume(inventory, "plain").clone();
    let brick = bricks(inventory, "plain")[0].clone();
    let device = inventory.device(brick.device).unwrap().clone();
    let device = Device {
        id: mortar_model::DeviceId::from_u128(number),
        node,
        path: DevicePath::new(path).unwrap(),
        kind,
        ..device
    };
    let own = Volume {
        id: mortar_model::VolumeId::from_u128(number),
        name: VolumeName::new(format!("ours-{number}")).unwrap(),
        ..like
    };
    let brick = Brick {
        id: mortar_model::BrickId::from_u128(number),
        volume: own.id,
        device: device.id,
        space,
        names: None,
        ..brick
    };
    inventory.put_device(device).unwrap();
    inventory.put_volume(own).unwrap();
    inventory.add_brick(brick).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    /// Whatever is in an export, what is taken over goes home and comes again the same.
    #[test]
    fn any_database_is_taken_over_soundly(edits in prop::collection::vec((any::<prop::sample::Index>(), 0..6_u8), 1..12)) {
        let mut text = db::write_export(&database("under-way"));
        for (at, how) in edits {
            let digits: Vec<usize> = text.match_indices("\": ").map(|(at, _)| at + 3).collect();
            let at = digits[at.index(digits.len())];
            let end = at + text[at..].find([',', '\n']).unwrap();
            let value = ["\"\"", "0", "null", "[]", "-1", "\"online\""][usize::from(how)];
            if !text[at..end].contains(['{', '[']) {
                text.replace_range(at..end, value);
            }
        }
        if let Ok(database) = db::read(text.as_bytes()) {
            let first = take_over(&database, Terms::default());
            let home = export(&first.inventory, &first.kept).unwrap().database;
            let second = take_over(&home, Terms::default());
            prop_assert_eq!(but_shared(&first), but_shared(&second));
            let shared = |takeover: &Takeover, brick: &Brick| {
                let brick = takeover.inventory.brick(brick.id).unwrap();
                brick.names.as_ref().is_some_and(|names| names.shared)
            };
            for brick in second.inventory.bricks().filter(|brick| shared(&second, brick)) {
                prop_assert!(shared(&first, brick), "{} shares its pool with nobody", brick.id);
            }
        }
    }
}
