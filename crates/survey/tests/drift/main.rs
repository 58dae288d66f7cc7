//! Drift: what is as recorded is clean, each single deviation gives just its finding, and no repair removes what is
//! recorded, held or used.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damage;
mod fill;
#[path = "../shown/mod.rs"]
mod shown;
mod world;

use std::collections::BTreeSet;

use mortar_command::query::survey::VolumeSeen;
use mortar_model::work::{Goal, Thing};
use mortar_model::{
    Brick, BrickCopy, BrickId, BrickSpace, ByteSize, DeviceKind, OperationId, Snapshot, SnapshotId, Volume,
    VolumeName, layout,
};
use mortar_plan::{Change, Involved, Landscape, Plan, Subject};
use mortar_survey::{Drift, Finding, Group, Kind, Limits, Remedy, Repair, Scan, drift, groups, plan};
use proptest::prelude::*;

use damage::{ALL, Deviation, Way};
use shown::{part, uuid_of};

fn compare(landscape: &mortar_plan::Landscape, scan: &Scan) -> Drift {
    drift(
        landscape.inventory(),
        &landscape.involved(),
        scan,
        Limits::default(),
    )
}

const fn way(finding: &Finding) -> Way {
    match finding.remedy {
        Remedy::Automatic(_) => Way::Automatic,
        Remedy::OnCommand(_) => Way::OnCommand,
        Remedy::ByHand(_) => Way::ByHand,
    }
}

/// Findings that a deviation brings along, because a second thing is wrong in it.
const fn besides(deviation: &Deviation) -> Option<Kind> {
    match deviation.name.as_bytes() {
        b"image_stray_that_a_volume_uses" | b"volume_of_others_too" => Some(Kind::VolumeForeign),
        b"file_with_a_neighbour_that_is_lost" => Some(Kind::PeerUnknown),
        _ => None,
    }
}

#[test]
fn what_is_as_recorded_is_clean() {
    for seed in 0..20 {
        let landscape = world::with_blocks(seed, 12);
        let scan = world::faithful(landscape.inventory());
        assert_eq!(compare(&landscape, &scan), Drift::default());
    }
}

#[test]
fn every_kind_is_given_by_a_deviation() {
    // What the records themselves do not know for sure, and what is about snapshots and shared pools, is given by the tests
    // below.
    let known = ALL.iter().map(|deviation| deviation.kind);
    let below = [
        Kind::VolumeSets,
        Kind::CopyMissing,
        Kind::OrphanCopy,
        Kind::DeviceGrown,
    ];
    let given: BTreeSet<Kind> = known.chain(below).collect();
    let all: BTreeSet<Kind> = Kind::ALL.iter().copied().collect();
    assert_eq!(given, all);
}

#[test]
fn each_deviation_gives_just_its_finding() {
    for deviation in ALL {
        for pick in 0..40 {
            let landscape = world::with_blocks(pick as u64 % 5, 12);
            let mut scan = world::faithful(landscape.inventory());
            (deviation.damage)(landscape.inventory(), &mut scan, pick);
            let found = compare(&landscape, &scan);
            let story = format!("{} at {pick}: {:#?}", deviation.name, found.findings);
            let (own, others): (Vec<&Finding>, Vec<&Finding>) = found
                .findings
                .iter()
                .partition(|finding| finding.kind == deviation.kind);
            assert_eq!(own.len(), 1, "{story}");
            assert_eq!(way(own[0]), deviation.way, "{story}");
            let others: Vec<Kind> = others.iter().map(|finding| finding.kind).collect();
            assert_eq!(others, Vec::from_iter(besides(deviation)), "{story}");
            assert!(!own[0].proof.seen.is_empty(), "{story}");
            assert!(
                own[0].id().starts_with(&format!("{}/", deviation.kind)),
                "{story}"
            );
        }
    }
}

/// A volume that was taken over, with a guess of its sets: the pool's word is recorded by itself, and then nothing differs.
#[test]
fn guessed_sets_become_what_the_pool_says() {
    let mut told = 0;
    for seed in 0..6 {
        let sure = world::landscape(seed, 12);
        let scan = world::faithful(sure.inventory());
        let mut inventory = sure.inventory().clone();
        let volumes: Vec<Volume> = inventory.volumes().cloned().collect();
        for volume in volumes {
            let bricks: Vec<Brick> = inventory.bricks_of(volume.id).cloned().collect();
            inventory.remove_volume(volume.id).unwrap();
            let guessed = Volume {
                sets_guessed: true,
                block_restriction: mortar_model::BlockRestriction::None,
                ..volume
            };
            inventory.put_volume(guessed).unwrap();
            for (place, brick) in bricks.into_iter().rev().enumerate() {
                let position = u32::try_from(place).unwrap();
                inventory
                    .add_brick(Brick {
                        set: 0,
                        position,
                        ..brick
                    })
                    .unwrap();
            }
        }
        let mut landscape = Landscape::new(inventory);
        let found = compare(&landscape, &scan);
        assert!(
            found
                .findings
                .iter()
                .all(|finding| finding.kind == Kind::VolumeSets && way(finding) == Way::Automatic),
            "{found:#?}"
        );
        told += found.findings.len();
        for group in groups(&found.findings) {
            let plan = plan(&landscape, &group).unwrap();
            assert!(plan.steps().next().is_none(), "only records change");
            for change in &plan.changes {
                landscape.apply(change, &mortar_model::work::Facts::None).unwrap();
            }
        }
        assert_eq!(compare(&landscape, &scan), Drift::default());
        let bricks = |landscape: &Landscape| landscape.inventory().bricks().cloned().collect::<Vec<_>>();
        assert_eq!(bricks(&landscape), bricks(&sure));
    }
    assert!(told > 6);
}

/// What several nodes or pools do not tell is unknown, not missing.
#[test]
fn silence_is_not_absence() {
    let landscape = world::with_blocks(3, 12);
    let inventory = landscape.inventory();
    let mut scan = world::faithful(inventory);
    for survey in scan.nodes.values_mut() {
        *survey = Err("no answer".into());
    }
    for pool in scan.pools.values_mut() {
        *pool = Err("no answer".into());
    }
    let kinds: BTreeSet<Kind> = compare(&landscape, &scan)
        .findings
        .iter()
        .map(|finding| finding.kind)
        .collect();
    assert_eq!(kinds, BTreeSet::from([Kind::NodeSilent]));
    // Nor is what was not asked.
    assert_eq!(compare(&landscape, &Scan::default()), Drift::default());
}

/// A node that does not answer, known to its pool by an address alone, is neither missing nor a stranger there.
#[test]
fn a_silent_node_of_another_name_is_not_called_missing() {
    let landscape = world::landscape(3, 3);
    let inventory = landscape.inventory();
    let node = inventory.node(damage::node(inventory, 0)).unwrap();
    let mut scan = world::faithful(inventory);
    scan.nodes.insert(node.id, Err("no answer".into()));
    for other in inventory
        .nodes_of(node.cluster)
        .filter(|other| other.id != node.id)
    {
        for member in part(&mut damage::survey(&mut scan, other.id).members) {
            if member.uuid == uuid_of(node.id) {
                member.hosts = vec!["10.0.0.1".into()];
            }
        }
    }
    let found = compare(&landscape, &scan);
    assert_eq!(found.findings.len(), 1, "{found:?}");
    // Once it answers, its id tells.
    let whole = world::faithful(inventory);
    scan.nodes.insert(node.id, whole.nodes[&node.id].clone());
    assert_eq!(compare(&landscape, &scan), Drift::default());
}

/// Where nodes share a machine, each shows the loop devices of all.
#[test]
fn loop_devices_of_others_are_not_strays() {
    let landscape = world::landscape(4, 6);
    let mut scan = world::faithful(landscape.inventory());
    let stray = ALL
        .iter()
        .find(|deviation| deviation.name == "loop_of_nothing")
        .unwrap();
    (stray.damage)(landscape.inventory(), &mut scan, 0);
    assert_eq!(compare(&landscape, &scan).findings.len(), 1);
    let all: Vec<_> = scan
        .nodes
        .values()
        .flat_map(|survey| survey.as_ref().unwrap().loops.clone().unwrap())
        .collect();
    for survey in scan.nodes.values_mut() {
        survey.as_mut().unwrap().loops = Ok(all.clone());
    }
    assert_eq!(compare(&landscape, &scan), Drift::default());
}

/// What operations have to do with is left out, and counted.
#[test]
fn what_operations_hold_is_left_out() {
    let mut landscape = world::landscape(1, 6);
    let inventory = landscape.inventory().clone();
    let brick = inventory.bricks().next().unwrap().clone();
    let device = inventory.device(brick.device).unwrap();
    let mut scan = world::faithful(&inventory);
    let mount_point = layout::mount_point(device.id, brick.id);
    part(&mut damage::survey(&mut scan, device.node).mounts).retain(|mount| mount.target != mount_point);
    let unmounted = |found: &Drift| {
        let mut findings = found.findings.iter();
        findings.any(|finding| finding.kind == Kind::BrickUnmounted)
    };
    assert!(unmounted(&compare(&landscape, &scan)));

    // While the volume is deleted, and after it was, as long as the scan began before.
    let delete = mortar_plan::delete_volume(&landscape, brick.volume).unwrap();
    landscape.begin_watch();
    landscape.hold(OperationId::from_u128(1), &delete);
    let found = compare(&landscape, &scan);
    assert!(!unmounted(&found) && found.left_out == 1, "{found:?}");
    landscape.release(OperationId::from_u128(1));
    world::apply(&mut landscape, &delete.changes);
    let involved = landscape.end_watch();
    let found = drift(landscape.inventory(), &involved, &scan, Limits::default());
    assert_eq!(found.findings, Vec::new());
    // The volume, its bricks, and nothing of others.
    let bricks = inventory.bricks_of(brick.volume).count();
    assert_eq!(found.left_out, bricks + 1, "{found:?}");
    // A scan that begins later has seen them, and nobody holds them any more.
    let found = compare(&landscape, &scan);
    assert_eq!(found.left_out, 0);
    let kinds: BTreeSet<Kind> = found.findings.iter().map(|finding| finding.kind).collect();
    assert_eq!(kinds, BTreeSet::from([Kind::OrphanBrick, Kind::VolumeUnknown]));
    // A volume of the pool names them: none of them may be removed.
    assert!(found.findings.iter().all(|finding| way(finding) == Way::ByHand));
}

fn plans(landscape: &mortar_plan::Landscape, found: &Drift) -> Vec<Plan> {
    let groups = groups(&found.findings);
    groups
        .iter()
        .map(|group| plan(landscape, group).unwrap_or_else(|why| panic!("{group:?}: {why}")))
        .collect()
}

/// Each finding that can be mended is in one plan, which holds the thing, changes no record and needs no step; but where the
/// record is what is mended, it is the record alone.
#[test]
fn repairs_hold_their_thing_and_change_no_record() {
    for deviation in ALL.iter().filter(|deviation| deviation.way != Way::ByHand) {
        let landscape = world::with_blocks(2, 12);
        let mut scan = world::faithful(landscape.inventory());
        (deviation.damage)(landscape.inventory(), &mut scan, 1);
        let found = compare(&landscape, &scan);
        let plans = plans(&landscape, &found);
        if deviation.kind == Kind::NodeFile {
            assert!(plans.is_empty());
            continue;
        }
        assert_eq!(plans.len(), 1, "{}", deviation.name);
        if matches!(deviation.kind, Kind::DeviceSize | Kind::DevicePath) {
            assert!(matches!(plans[0].changes[..], [Change::PutDevice(_)]));
            assert_eq!(plans[0].steps().count(), 0);
            continue;
        }
        if matches!(
            deviation.kind,
            Kind::BlockUnknown | Kind::BlockSize | Kind::BlockHosts
        ) {
            assert!(matches!(plans[0].changes[..], [Change::PutBlock(_)]));
            assert_eq!(plans[0].steps().count(), 0);
            continue;
        }
        assert!(matches!(plans[0].changes[..], [Change::Keep(_)]));
        assert!(plans[0].steps().count() > 0 && plans[0].steps().all(|(_, step)| !step.needed));
    }
}

/// A brick that Heketi made gets its tag when all else of it is as recorded, and no other time.
#[test]
fn a_brick_that_was_taken_over_is_tagged_when_all_else_agrees() {
    let (landscape, brick) = world::with_a_taken_brick();
    let device = landscape.inventory().device(brick.device).unwrap();
    let (group, name) = (layout::volume_group(device.id), layout::logical_volume(brick.id));
    let bare = world::faithful(landscape.inventory());
    let seen = |change: &dyn Fn(&mut VolumeSeen)| {
        let mut scan = bare.clone();
        let volumes = part(&mut damage::survey(&mut scan, device.node).volumes);
        let mut volumes = volumes.iter_mut();
        change(
            volumes
                .find(|volume| volume.group == group && volume.name == name)
                .unwrap(),
        );
        compare(&landscape, &scan)
    };
    let own = layout::taken_tag(brick.id);
    assert_eq!(
        seen(&|volume| volume.tags = vec!["heketi".into(), own.clone()]),
        Drift::default()
    );
    for tags in [Vec::new(), vec!["heketi".into()]] {
        let found = seen(&|volume| volume.tags.clone_from(&tags));
        let [finding] = &found.findings[..] else {
            panic!("{found:?}")
        };
        assert_eq!(
            (finding.kind, way(finding)),
            (Kind::IdentityMissing, Way::Automatic)
        );
        assert_eq!(
            (&finding.proof.recorded, &finding.proof.place),
            (&own, &format!("{group}/{name}"))
        );
        let plans = plans(&landscape, &found);
        let things: Vec<&Thing> = plans
            .iter()
            .flat_map(Plan::steps)
            .map(|(_, step)| &step.thing)
            .collect();
        assert!(matches!(things[..], [Thing::Mount(_)]), "{things:?}");
    }
    // Another brick's tag, another size, another pool: nothing is written there.
    type Damage = fn(&mut VolumeSeen);
    let others: [(Damage, Option<Kind>); 3] = [
        (
            |volume| volume.tags = vec![layout::taken_tag(damage::STRANGER)],
            Some(Kind::IdentityMissing),
        ),
        (
            |volume| volume.size = ByteSize::from_gib(77),
            Some(Kind::BrickSize),
        ),
        (|volume| volume.pool = Some("tp_other".into()), None),
    ];
    for (change, kind) in others {
        let found = seen(&change);
        let kinds: Vec<Kind> = found.findings.iter().map(|finding| finding.kind).collect();
        assert_eq!(
            kinds.contains(&Kind::IdentityMissing),
            kind == Some(Kind::IdentityMissing)
        );
        assert!(kind.is_none_or(|kind| kinds.contains(&kind)), "{kinds:?}");
        assert!(
            found.findings.iter().all(|finding| way(finding) == Way::ByHand),
            "{found:?}"
        );
    }
}

/// What `gluster-block` tells is recorded on command, and then nothing differs.
#[test]
fn block_volumes_become_what_gluster_block_says() {
    let kinds = [Kind::BlockUnknown, Kind::BlockSize, Kind::BlockHosts];
    let told = ALL.iter().filter(|deviation| deviation.way == Way::OnCommand);
    let told: Vec<_> = told.filter(|deviation| kinds.contains(&deviation.kind)).collect();
    assert_eq!(told.len(), kinds.len());
    for deviation in told {
        for pick in 0..4 {
            let mut landscape = world::with_blocks(2, 12);
            let mut scan = world::faithful(landscape.inventory());
            (deviation.damage)(landscape.inventory(), &mut scan, pick);
            let found = compare(&landscape, &scan);
            for plan in plans(&landscape, &found) {
                world::apply(&mut landscape, &plan.changes);
            }
            assert_eq!(
                compare(&landscape, &scan),
                Drift::default(),
                "{} at {pick}",
                deviation.name
            );
            assert_eq!(mortar_model::check::check(landscape.inventory()), Vec::new());
            // What has changed since is not recorded twice.
            let again = groups(&found.findings)
                .into_iter()
                .map(|group| plan(&landscape, &group));
            if deviation.kind == Kind::BlockUnknown {
                assert!(again.into_iter().all(|plan| plan.is_err()), "{}", deviation.name);
            }
        }
    }
}

/// A block volume that is being made, enlarged or removed is nobody's fault, nor is it that nobody tells meanwhile.
#[test]
fn block_volumes_that_operations_work_on_are_left_out() {
    let landscape = world::with_blocks(2, 12);
    let block = landscape.inventory().blocks().next().unwrap().clone();
    let plan = mortar_plan::delete_block(&landscape, block.id).unwrap();
    let hosting = block.hosting;
    for damage in [
        (|scan: &mut Scan, hosting, name| {
            let held = scan.blocks.get_mut(&hosting).unwrap().as_mut().unwrap();
            held.retain(|seen| seen.name != name);
        }) as fn(&mut Scan, mortar_model::VolumeId, &str),
        |scan, hosting, _| {
            scan.blocks.insert(hosting, Err("no answer".into()));
        },
    ] {
        let mut held = landscape.clone();
        let mut scan = world::faithful(held.inventory());
        damage(&mut scan, hosting, block.name.as_str());
        assert_eq!(compare(&held, &scan).findings.len(), 1);
        held.hold(OperationId::from_u128(1), &plan);
        let found = compare(&held, &scan);
        assert!(found.findings.is_empty() && found.left_out == 1, "{found:?}");
    }
}

/// A disk that LVM knows to be larger, under a pool for all bricks that is as it was, is told of; not when something else takes
/// the rest.
#[test]
fn a_disk_that_is_larger_than_its_shared_pool_is_told_of() {
    let mut landscape = world::landscape(2, 0);
    let devices = landscape.inventory().devices();
    let disk = devices
        .filter(|device| device.kind != DeviceKind::Directory)
        .last();
    let whole = disk.unwrap().clone();
    let overcommit = mortar_model::Overcommit::from_hundredths(200).unwrap();
    let (group_size, pool) = (ByteSize::from_gib(500), ByteSize::from_gib(490));
    let DeviceKind::Lvm {
        extent, uuid, paths, ..
    } = whole.kind.clone()
    else {
        panic!("{whole:?}")
    };
    let shared = mortar_model::Device {
        total: overcommit.of(pool, extent),
        kind: DeviceKind::Lvm {
            extent,
            uuid,
            paths,
            shared: Some(overcommit),
        },
        ..whole
    };
    world::apply(&mut landscape, &[Change::PutDevice(shared.clone())]);
    let mut scan = world::faithful(landscape.inventory());
    let name = layout::volume_group(shared.id);
    let survey = damage::survey(&mut scan, shared.node);
    part(&mut survey.volumes).push(VolumeSeen {
        group: name.clone(),
        name: layout::SHARED_POOL.into(),
        size: pool,
        metadata: ByteSize::from_mib(512),
        pool: None,
        is_pool: true,
        active: true,
        tags: Vec::new(),
        data_percent: Some(1.0),
        metadata_percent: Some(1.0),
    });
    let mut kinds = |size: ByteSize, free: ByteSize| -> Vec<(Kind, Way)> {
        let groups = part(&mut damage::survey(&mut scan, shared.node).groups);
        let group = groups.iter_mut().find(|group| group.name == name).unwrap();
        (group.size, group.free) = (size, free);
        let found = compare(&landscape, &scan).findings;
        found.iter().map(|finding| (finding.kind, way(finding))).collect()
    };
    assert_eq!(kinds(group_size, ByteSize::from_gib(10)), []);
    let (larger, rest) = (ByteSize::from_gib(520), ByteSize::from_gib(30));
    assert_eq!(kinds(larger, rest), [(Kind::DeviceGrown, Way::ByHand)]);
    assert_eq!(kinds(larger, ByteSize::from_gib(3)), []);
}

/// A rebuild sets room aside for what is on a disk and in no record. When that is gone, the room comes back on command.
#[test]
fn room_that_was_set_aside_comes_back_on_command() {
    let mut landscape = world::landscape(2, 12);
    let mut scan = world::faithful(landscape.inventory());
    let (rest, whole) = {
        let disk = |device: &&mortar_model::Device| device.kind != DeviceKind::Directory;
        let device = landscape.inventory().devices().find(disk).unwrap();
        (ByteSize::from_gib(3), device.clone())
    };
    let smaller = mortar_model::Device {
        total: whole.total.minus(rest),
        ..whole.clone()
    };
    world::apply(&mut landscape, &[Change::PutDevice(smaller)]);
    // The nodes' files follow; here it is only about the disk.
    let sizes = |found: &Drift| -> Vec<Finding> {
        let all = found.findings.iter();
        all.filter(|finding| finding.kind == Kind::DeviceSize)
            .cloned()
            .collect()
    };
    let group = |scan: &mut Scan, free: ByteSize| {
        part(&mut damage::survey(scan, whole.node).groups)[0].free = free;
    };
    let free = whole.total.minus(landscape.inventory().used(whole.id));
    group(&mut scan, free.minus(rest));
    assert_eq!(sizes(&compare(&landscape, &scan)), []);

    // Half of it is gone: what is left is still somebody's.
    group(&mut scan, free.minus(ByteSize::from_gib(1)));
    let found = sizes(&compare(&landscape, &scan));
    assert_eq!(
        found.iter().map(way).collect::<Vec<_>>(),
        [Way::ByHand],
        "{found:?}"
    );

    group(&mut scan, free);
    // Not while bricks come or go there: what is taken is not what it will be.
    let volume = landscape.inventory().bricks_on(whole.id).next().unwrap().volume;
    let delete = mortar_plan::delete_volume(&landscape, volume).unwrap();
    landscape.hold(OperationId::from_u128(1), &delete);
    let found = compare(&landscape, &scan);
    assert_eq!((sizes(&found), found.left_out > 0), (Vec::new(), true));
    landscape.release(OperationId::from_u128(1));

    let found = sizes(&compare(&landscape, &scan));
    let plan = plan(&landscape, &groups(&found)[0]).unwrap();
    world::apply(&mut landscape, &plan.changes);
    assert_eq!(landscape.inventory().device(whole.id), Some(&whole));
    assert_eq!(compare(&landscape, &scan), Drift::default());
}

/// The kernel gave the disk another name. Its physical volume tells that it is the same, and on command the records say so.
#[test]
fn a_disk_that_changed_its_name_is_known_by_its_physical_volume() {
    let mut landscape = world::landscape(2, 12);
    let mut scan = world::faithful(landscape.inventory());
    let disk = |device: &&mortar_model::Device| device.kind != DeviceKind::Directory;
    let device = landscape.inventory().devices().find(disk).unwrap().clone();
    let name = layout::volume_group(device.id);
    let all = part(&mut damage::survey(&mut scan, device.node).groups);
    let group = all.iter_mut().find(|group| group.name == name).unwrap();
    group.path = "/dev/sdz".into();
    let paths = |found: &Drift| -> Vec<Finding> {
        let all = found.findings.iter();
        all.filter(|finding| finding.kind == Kind::DevicePath)
            .cloned()
            .collect()
    };
    let found = paths(&compare(&landscape, &scan));
    assert_eq!(found.iter().map(way).collect::<Vec<_>>(), [Way::OnCommand]);
    assert_eq!(found[0].proof.recorded, device.path.as_str());
    assert!(found[0].proof.seen.starts_with("/dev/sdz"), "{found:?}");

    let repair = plan(&landscape, &groups(&found)[0]).unwrap();
    world::apply(&mut landscape, &repair.changes);
    let after = landscape.inventory().device(device.id).unwrap();
    assert_eq!((after.path.as_str(), after.total), ("/dev/sdz", device.total));
    assert_eq!(paths(&compare(&landscape, &scan)), []);

    // Never at the path of another one.
    let mut others = landscape.inventory().devices_of(device.node);
    let other = others.find(|other| other.id != device.id).unwrap();
    let refused = plan(
        &landscape,
        &Group {
            subject: Subject::Device(device.id),
            repairs: vec![Repair::RecordPath {
                device: device.id,
                path: other.path.clone(),
            }],
            findings: Vec::new(),
        },
    );
    assert!(
        matches!(refused, Err(mortar_plan::Refusal::PathTaken(..))),
        "{refused:?}"
    );
}

/// A device never gets smaller than what is promised of it, also when that was promised after the check.
#[test]
fn a_size_below_what_is_promised_is_refused() {
    let landscape = world::landscape(2, 12);
    let device = landscape.inventory().bricks().next().unwrap().device;
    let repair = |size| Group {
        subject: Subject::Device(device),
        repairs: vec![Repair::RecordSize { device, size }],
        findings: Vec::new(),
    };
    let used = landscape.used(device);
    assert!(plan(&landscape, &repair(used)).is_ok());
    let refused = plan(&landscape, &repair(used.minus(ByteSize::from_mib(4))));
    assert!(matches!(refused, Err(mortar_plan::Refusal::InUse("device", ..))));
}

/// What a cleanup still has to remove on a node that was away is its own, and no orphan; the volume that it was of is judged.
#[test]
fn what_a_cleanup_has_to_remove_is_left_to_it() {
    let mut landscape = world::landscape(1, 6);
    let whole = landscape.inventory().clone();
    let disk = |brick: &&Brick| brick.space != BrickSpace::Image;
    let brick = whole.bricks().find(disk).unwrap().clone();
    let mut scan = world::faithful(&whole);
    // The volume lives on without it, as after an expansion that was undone.
    let mut left = brick.clone();
    left.id = damage::STRANGER;
    let device = whole.device(brick.device).unwrap();
    let stray = damage::stray_volumes(device.id, true);
    part(&mut damage::survey(&mut scan, device.node).volumes).extend(stray);
    let kinds = |found: &Drift| {
        found
            .findings
            .iter()
            .map(|finding| finding.kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&compare(&landscape, &scan)), [Kind::OrphanBrick]);

    let remains = mortar_plan::Remains {
        subject: Subject::Volume(brick.volume),
        called: "data".into(),
        bricks: vec![left],
        names: Vec::new(),
        hosts: Vec::new(),
        paths: Vec::new(),
    };
    let cleanup = Plan::record(vec![Change::Clear(remains)]);
    landscape.hold(OperationId::from_u128(1), &cleanup);
    let found = compare(&landscape, &scan);
    assert_eq!((kinds(&found), found.left_out), (Vec::new(), 1));

    let mount_point = layout::mount_point(device.id, brick.id);
    part(&mut damage::survey(&mut scan, device.node).mounts).retain(|mount| mount.target != mount_point);
    let found = compare(&landscape, &scan);
    assert!(kinds(&found).contains(&Kind::BrickUnmounted), "{found:?}");
    landscape.release(OperationId::from_u128(1));
    assert!(kinds(&compare(&landscape, &scan)).contains(&Kind::OrphanBrick));
}

/// A second repair of the same thing is refused while the first runs.
#[test]
fn repairs_of_one_thing_never_meet() {
    let mut landscape = world::landscape(2, 12);
    let mut scan = world::faithful(landscape.inventory());
    let unmounted = ALL
        .iter()
        .find(|deviation| deviation.name == "unmounted")
        .unwrap();
    (unmounted.damage)(landscape.inventory(), &mut scan, 1);
    let found = compare(&landscape, &scan);
    let group = groups(&found.findings).pop().unwrap();
    let first = plan(&landscape, &group).unwrap();
    landscape.hold(OperationId::from_u128(1), &first);
    assert!(matches!(
        plan(&landscape, &group),
        Err(mortar_plan::Refusal::Busy("volume", ..))
    ));
    let Subject::Volume(volume) = group.subject else {
        panic!("{group:?}")
    };
    assert!(mortar_plan::delete_volume(&landscape, volume).is_err());
}

/// What came to be recorded, or to be made, since it was found is not removed.
#[test]
fn an_orphan_that_came_to_be_somebodys_is_refused() {
    let mut landscape = world::landscape(2, 3);
    let mut scan = world::faithful(landscape.inventory());
    let stray = ALL
        .iter()
        .find(|deviation| deviation.name == "volume_stray")
        .unwrap();
    (stray.damage)(landscape.inventory(), &mut scan, 0);
    let found = compare(&landscape, &scan);
    let group = groups(&found.findings).pop().unwrap();
    assert!(plan(&landscape, &group).is_ok());
    let volume = landscape.inventory().volumes().next().unwrap().clone();
    let mut brick = landscape.inventory().bricks().next().unwrap().clone();
    brick.id = damage::STRANGER;
    let change = Change::GrowVolume {
        volume: volume.id,
        by: brick.size,
        bricks: vec![brick],
    };
    let growing = Plan::record(vec![change.clone()]);
    landscape.hold(OperationId::from_u128(1), &growing);
    assert!(matches!(
        plan(&landscape, &group),
        Err(mortar_plan::Refusal::Busy("brick", ..))
    ));
    landscape.release(OperationId::from_u128(1));
    world::apply(&mut landscape, &[change]);
    assert!(matches!(
        plan(&landscape, &group),
        Err(mortar_plan::Refusal::InUse("brick", ..))
    ));
}

/// Bricks that any plan is to remove.
fn removed(plans: &[Plan]) -> BTreeSet<BrickId> {
    let steps = plans.iter().flat_map(Plan::steps);
    let absent = steps.filter(|(_, step)| step.goal == Goal::Absent);
    absent
        .map(|(_, step)| match &step.thing {
            Thing::Remains(spec) => spec.brick,
            other => panic!("a repair removes a {}", other.kind()),
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is wrong: nothing that is recorded, held, or named by a volume is ever planned to be removed, and nothing at
    /// all by itself.
    #[test]
    fn repairs_never_touch_what_is_recorded_held_or_used(
        seed in 0_u64..1000,
        damages in proptest::collection::vec((0..ALL.len(), 0_usize..100), 0..8),
        forgotten in 0_usize..4,
        held in 0_usize..3,
    ) {
        let mut landscape = world::landscape(seed, 9);
        let mut scan = world::faithful(landscape.inventory());
        let whole = landscape.inventory().clone();
        for (deviation, pick) in damages {
            // Deviations build on each other; one that finds its ground gone cannot be made.
            let mut next = scan.clone();
            let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                (ALL[deviation].damage)(&whole, &mut next, pick);
                next
            }));
            if let Ok(next) = made {
                scan = next;
            }
        }
        // Records that are lost, as after a store that was restored: the volumes are still there.
        let lost: Vec<_> = whole.volumes().map(|volume| volume.id).take(forgotten).collect();
        for id in &lost {
            world::apply(&mut landscape, &[Change::RemoveVolume(*id)]);
        }
        for (number, volume) in whole.volumes().skip(forgotten).take(held).enumerate() {
            let plan = mortar_plan::delete_volume(&landscape, volume.id).unwrap();
            landscape.hold(OperationId::from_u128(number as u128 + 1), &plan);
        }
        let found = compare(&landscape, &scan);
        let ids: BTreeSet<String> = found.findings.iter().map(Finding::id).collect();
        prop_assert_eq!(ids.len(), found.findings.len(), "ids are unique");

        let involved: Involved = landscape.involved();
        let named: BTreeSet<BrickId> = scan.pools.values().flatten().flatten()
            .flat_map(|info| &info.bricks)
            .filter_map(|brick| brick.rsplit_once("/brick_")?.1.strip_suffix("/brick")?.parse().ok())
            .collect();
        for brick in removed(&plans(&landscape, &found)) {
            prop_assert!(landscape.inventory().brick(brick).is_none(), "recorded");
            prop_assert!(!involved.bricks.contains(&brick), "held");
            prop_assert!(!named.contains(&brick), "used");
        }
        let automatic: Vec<Finding> = found.findings.iter()
            .filter(|finding| way(finding) == Way::Automatic).cloned().collect();
        let automatic = Drift { findings: automatic, left_out: 0 };
        prop_assert_eq!(removed(&plans(&landscape, &automatic)), BTreeSet::new());
        for finding in &automatic.findings {
            prop_assert!(!finding.remedy.repair().unwrap().removes());
        }
    }
}

#[test]
fn copies_are_missed_and_strays_among_them_found() {
    for thin in [false, true] {
        copies_and_strays(thin);
    }
}

/// A part of a snapshot that is not there, and one that no snapshot has: images, or thin volumes.
fn copies_and_strays(thin: bool) {
    let mut landscape = world::landscape(1, 12);
    let inventory = landscape.inventory().clone();
    let alike = |volume: &&Volume| {
        let mut bricks = inventory.bricks_of(volume.id);
        bricks.all(|brick| (brick.space != BrickSpace::Image) == thin)
    };
    let volume = inventory.volumes().find(alike).unwrap().clone();
    let copies = inventory
        .bricks_of(volume.id)
        .enumerate()
        .map(|(number, brick)| BrickCopy {
            id: BrickId::from_u128(0xc0 + number as u128),
            brick: brick.clone(),
        });
    let snapshot = Snapshot {
        id: SnapshotId::from_u128(1),
        name: VolumeName::new("monday").unwrap(),
        created_ms: 1,
        bricks: copies.collect(),
        volume,
        group: None,
    };
    let faithful = world::faithful(&inventory);
    let about = |found: &Drift| {
        let findings = found
            .findings
            .iter()
            .filter(|finding| finding.subject.kind == "copy");
        findings.map(|finding| finding.kind).collect::<Vec<_>>()
    };

    // They are there, and no record tells of them.
    let mut scan = faithful.clone();
    for copy in &snapshot.bricks {
        let device = inventory.device(copy.brick.device).unwrap();
        if thin {
            let volumes = part(&mut damage::survey(&mut scan, device.node).volumes);
            let name = copy.brick.place().logical_volume();
            let mut volume = volumes.iter().find(|seen| seen.name == name).unwrap().clone();
            volume.name = layout::copy_volume(copy.id);
            volumes.push(volume);
            continue;
        }
        let image = mortar_command::query::survey::ImageSeen {
            path: layout::copy_image(&device.path, copy.id),
            size: copy.brick.size,
            taken: ByteSize::ZERO,
        };
        part(&mut damage::survey(&mut scan, device.node).images).push(image);
    }
    let bricks = snapshot.bricks.len();
    assert_eq!(about(&compare(&landscape, &scan)), vec![Kind::OrphanCopy; bricks]);

    // They are a snapshot's.
    world::apply(&mut landscape, &[Change::AddSnapshot(snapshot)]);
    assert_eq!(about(&compare(&landscape, &scan)), []);

    // And that is recorded, and they are gone.
    assert_eq!(
        about(&compare(&landscape, &faithful)),
        vec![Kind::CopyMissing; bricks]
    );
}
