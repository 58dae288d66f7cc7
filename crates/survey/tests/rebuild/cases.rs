//! Single stories: what is told, word by word where it matters.

use mortar_command::query::block_volumes::{BlockSeen, BlockTold};
use mortar_command::query::survey::{ImageSeen, NodeSurvey, VolumeSeen};
use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::{
    BlockVolume, Brick, BrickCopy, BrickId, BrickSpace, ByteSize, Device, DeviceKind, HostName, Inventory,
    Node, Snapshot, SnapshotId, Volume, VolumeId, VolumeName, check, layout,
};
use mortar_plan::Landscape;
use mortar_survey::rebuild::{FoundKind, Heard, Rebuilt};

use crate::shown::part;
use crate::world::{Records, World, made};
use crate::{damage, rebuilt};

/// A world with a pool of several nodes and a replicated volume there.
fn world() -> (World, Volume) {
    (1..)
        .find_map(|seed| {
            let world = World::random(seed, 8);
            let inventory = world.inventory();
            let fits = |volume: &&Volume| {
                volume.durability.bricks_per_set() == 2
                    && inventory.bricks_of(volume.id).count() == 4
                    && inventory.nodes_of(volume.cluster).count() >= 3
                    && !volume.options.is_empty()
            };
            let volume = inventory.volumes().find(fits)?.clone();
            Some((world, volume))
        })
        .unwrap()
}

fn info<'a>(heard: &'a mut Heard, volume: &Volume) -> Vec<&'a mut VolumeInfo> {
    let all = heard.pools.values_mut().flatten().flatten();
    all.filter(|info| info.name == volume.name.as_str()).collect()
}

fn told(rebuilt: &Rebuilt, about: &str) -> Vec<(FoundKind, String)> {
    let found = rebuilt.found.iter().filter(|found| found.about == about);
    found.map(|found| (found.kind, found.what.clone())).collect()
}

#[test]
fn nodes_that_were_not_given_are_found_by_those_that_were() {
    let (world, volume) = world();
    let all = world.heard();
    let given = world
        .inventory()
        .nodes_of(volume.cluster)
        .next()
        .unwrap()
        .manage
        .clone();
    let mut heard = Heard::default();
    let mut next = vec![given];
    while !next.is_empty() {
        for host in next {
            let known = all.hosts.get(&host).cloned();
            let answer = known.unwrap_or_else(|| Err("no such host".into()));
            heard.hosts.insert(host, answer);
        }
        next = heard.unasked();
    }
    assert_eq!(heard.spokesmen().len(), 1);
    heard.pools = all.pools;
    let records = made(&rebuilt(&heard).changes);
    let nodes =
        |inventory: &mortar_model::Inventory| inventory.nodes_of(volume.cluster).cloned().collect::<Vec<_>>();
    assert_eq!(nodes(records.inventory()), nodes(world.inventory()));
    assert!(records.inventory().volume(volume.id).is_some());
}

/// The disks are whole, everything else of the machine is new: no file, no mounts, a glusterd that knows nobody.
#[test]
fn a_node_with_a_new_root_is_known_by_its_disks_and_its_neighbours() {
    let (world, volume) = world();
    let mut heard = world.heard();
    let node = world.inventory().nodes_of(volume.cluster).next().unwrap().clone();
    let directories = world
        .inventory()
        .devices_of(node.id)
        .any(|device| device.kind == mortar_model::DeviceKind::Directory);
    let Some(Ok(survey)) = heard.hosts.get_mut(&node.manage) else {
        panic!()
    };
    survey.node_file = Ok(None);
    part(&mut survey.identities).clear();
    part(&mut survey.mounts).clear();
    part(&mut survey.entries).clear();
    part(&mut survey.folders).clear();
    let own = part(&mut survey.members);
    own.retain(|member| member.hosts == ["localhost"]);
    own[0].uuid = "forgotten".into();
    heard.pools.insert(node.manage.clone(), Ok(Vec::new()));
    let rebuilt = rebuilt(&heard);
    assert_eq!(
        Records::of(made(&rebuilt.changes).inventory()),
        Records::of(world.inventory()),
        "{directories}"
    );
    let about = format!("node {}", node.manage);
    assert!(
        rebuilt.gaps.iter().all(|gap| gap.about == about) && rebuilt.gaps.len() == 1,
        "{:?}",
        rebuilt.gaps
    );
    assert!(
        rebuilt
            .contradictions
            .iter()
            .any(|note| note.about == about && note.found.contains("forgotten")),
        "{:?}",
        rebuilt.contradictions
    );
    assert_eq!(rebuilt.found, []);
}

#[test]
fn what_a_broken_create_left_keeps_its_space_and_is_named() {
    let (world, _) = world();
    let mut heard = world.heard();
    let (host, device) = world
        .inventory()
        .devices()
        .find(|device| matches!(device.kind, mortar_model::DeviceKind::Lvm { .. }))
        .map(|device| {
            (
                world.inventory().node(device.node).unwrap().manage.clone(),
                device.clone(),
            )
        })
        .unwrap();
    let (size, metadata) = (ByteSize::from_gib(2), ByteSize::from_mib(12));
    let brick = BrickId::from_u128(0xb);
    let group = layout::volume_group(device.id);
    let Some(Ok(survey)) = heard.hosts.get_mut(&host) else {
        panic!()
    };
    let seen = part(&mut survey.groups)
        .iter_mut()
        .find(|seen| seen.name == group)
        .unwrap();
    seen.free = seen.free.minus(size + metadata);
    part(&mut survey.volumes).push(VolumeSeen {
        group,
        name: layout::thin_pool(brick),
        size,
        metadata,
        pool: None,
        is_pool: true,
        active: true,
        tags: vec![
            layout::brick_tag(brick),
            layout::volume_tag(VolumeId::from_u128(7)),
        ],
        data_percent: None,
        metadata_percent: None,
    });
    let rebuilt = rebuilt(&heard);
    let found: Vec<_> = rebuilt
        .found
        .iter()
        .map(|found| (found.kind, found.host.clone(), found.space))
        .collect();
    assert_eq!(found, [(FoundKind::Unfinished, Some(host), size + metadata)]);
    assert!(
        rebuilt.found[0]
            .what
            .contains("a create or a delete of it was under way (there: thin pool)")
    );
    let records = made(&rebuilt.changes);
    let total = records.inventory().device(device.id).unwrap().total;
    assert_eq!(total, device.total.minus(size + metadata));
}

#[test]
fn others_volumes_are_named_and_left_alone() {
    let (world, volume) = world();
    let mut heard = world.heard();
    let other = |name: &str, path: &str| VolumeInfo {
        name: name.into(),
        bricks: vec![format!("h:{path}")],
        options: vec![("nfs.disable".into(), "on".into())],
        kind: "Distribute".into(),
        replica: 1,
        arbiter: 0,
        disperse: 0,
        redundancy: 0,
        uuid: String::new(),
        status: "Started".into(),
        snapshots: 0,
    };
    for node in world.inventory().nodes_of(volume.cluster) {
        let Some(Ok(told)) = heard.pools.get_mut(&node.manage) else {
            panic!()
        };
        told.push(other("by-hand", "/bricks/1"));
        told.push(other("old", "/var/lib/heketi/mounts/vg_1/brick_2/brick"));
    }
    let rebuilt = rebuilt(&heard);
    assert_eq!(told(&rebuilt, "volume by-hand")[0].0, FoundKind::Foreign);
    assert_eq!(told(&rebuilt, "volume old")[0].0, FoundKind::Heketi);
    assert_eq!(
        Records::of(made(&rebuilt.changes).inventory()),
        Records::of(world.inventory())
    );
}

/// `gluster volume reset` takes the options away; the bricks' files still tell whose they are.
#[test]
fn a_volume_without_options_comes_back_by_its_bricks() {
    let (world, volume) = world();
    let mut heard = world.heard();
    for info in info(&mut heard, &volume) {
        info.options.clear();
    }
    let rebuilt = rebuilt(&heard);
    let records = made(&rebuilt.changes);
    let restored = records.inventory().volume(volume.id).unwrap();
    assert_eq!((restored.gid, &restored.options), (volume.gid, &Vec::new()));
    assert!(restored.size >= volume.size);
    assert!(
        rebuilt
            .gaps
            .iter()
            .any(|gap| gap.about == format!("volume {}", volume.name)
                && gap.unknown.starts_with("its size, options"))
    );
}

#[test]
fn a_volume_that_lacks_a_brick_is_not_restored_and_keeps_its_space() {
    let (world, volume) = world();
    let mut heard = world.heard();
    for info in info(&mut heard, &volume) {
        info.bricks.pop();
    }
    let rebuilt = rebuilt(&heard);
    let told = told(&rebuilt, &format!("volume {}", volume.name));
    assert_eq!(told.len(), 1);
    assert_eq!(told[0].0, FoundKind::Unrestored);
    assert!(told[0].1.contains("3 bricks"), "{told:?}");
    let records = made(&rebuilt.changes);
    assert!(records.inventory().volume(volume.id).is_none());
    for brick in world.inventory().bricks_of(volume.id) {
        let (before, after) = (
            world.inventory().device(brick.device).unwrap(),
            records.inventory().device(brick.device).unwrap(),
        );
        assert!(
            after.total <= before.total.minus(brick.footprint()),
            "{}",
            before.path
        );
        assert!(
            rebuilt
                .found
                .iter()
                .any(|found| found.kind == FoundKind::Unrestored
                    && found.about.contains(&brick.id.to_string()))
        );
    }
}

/// The bricks of an expand are in, its new size is not yet said; and the other way round.
#[test]
fn a_broken_expand_is_told() {
    let (world, volume) = world();
    let name = format!("volume {}", volume.name);
    let said = |heard: &mut Heard, size: ByteSize| {
        for info in info(heard, &volume) {
            for (key, value) in &mut info.options {
                if key == "user.mortar.size" {
                    *value = size.bytes().to_string();
                }
            }
        }
    };
    let mut heard = world.heard();
    said(&mut heard, ByteSize::from_mib(1));
    let small = rebuilt(&heard);
    assert!(told(&small, &name)[0].1.contains("an expand was under way"));
    assert_eq!(
        made(&small.changes).inventory().volume(volume.id).unwrap().size,
        ByteSize::from_mib(1)
    );

    said(&mut heard, ByteSize::from_gib(1000));
    let large = rebuilt(&heard);
    assert!(
        large
            .contradictions
            .iter()
            .any(|note| note.about == name && note.decided.contains("an expand may have been"))
    );
    let records = made(&large.changes);
    assert!(records.inventory().volume(volume.id).unwrap().size < ByteSize::from_gib(1000));
    assert_eq!(check::check(records.inventory()), []);
}

#[test]
fn a_host_that_nobody_knows_and_that_is_silent_is_named() {
    let mut heard = Heard::default();
    heard
        .hosts
        .insert(HostName::new("gone").unwrap(), Err("no route to host".into()));
    let rebuilt = rebuilt(&heard);
    assert_eq!(rebuilt.changes, []);
    assert!(told(&rebuilt, "node gone")[0].1.contains("no route to host"));
}

/// A random pool of plain and replicated volumes after some hits, what is restored of it, and the story. No room is promised twice.
fn hit(seed: u64, volumes: usize, hits: usize) -> (World, Landscape, Vec<String>) {
    let mut world = World::of_shapes(seed, volumes, 4);
    let mut heard = world.heard();
    let story: Vec<String> = (0..hits).map(|_| damage::hit(&mut world, &mut heard)).collect();
    let records = made(&rebuilt(&heard).changes);
    damage::nothing_promised_twice(&heard, &records, &story);
    (world, records, story)
}

/// One has the file of the other, which answers itself and has lost its glusterd's memory.
#[test]
fn a_file_that_is_anothers_puts_no_machine_in_its_place() {
    let (world, records, story) = hit(2_630_054_373_786_086_227, 3, 2);
    let at = |inventory: &Inventory, device: &Device| inventory.node(device.node).unwrap().manage.clone();
    for device in records.inventory().devices() {
        let before = world.inventory().device(device.id).unwrap();
        let (now, was) = (at(records.inventory(), device), at(world.inventory(), before));
        assert_eq!(now, was, "{} after {story:?}", device.path);
    }
}

/// One shows the disks of the other, of which nothing but its name is left.
#[test]
fn disks_of_another_do_not_make_a_machine_that_one() {
    hit(12_326_770_313_286_507_928, 1, 2);
}

/// Its file is another's, its glusterd is silent, and its directories do not say whose they are: what is in them is
/// still not promised once more.
#[test]
fn images_in_directories_without_identity_take_their_room() {
    hit(12_256_770_384_258_983_372, 3, 5);
}

/// The node that its file is of is silent, and its directories say nothing themselves: what is in them keeps its room where
/// it is, and is not looked for on the silent node's disks.
#[test]
fn images_are_not_a_silent_nodes_whose_file_was_copied() {
    let (world, records, story) = hit(6_823_397_566_793_718_293, 9, 5);
    let mut devices = world.inventory().devices();
    let before = devices.find(|device| {
        let node = world.inventory().node(device.node).unwrap();
        node.manage.as_str() == "p0n1.manage" && device.path.as_str() == "/disks/disk0"
    });
    let before = before.unwrap();
    let device = records.inventory().device(before.id).unwrap();
    let taken = world.inventory().used(before.id);
    assert!(taken > ByteSize::ZERO && records.inventory().used(before.id) == ByteSize::ZERO);
    assert_eq!(device.total, before.total.minus(taken), "{story:?}");
}

/// Its logical volume and its file are lost, and no twin has a thin pool: the pool takes what it takes.
#[test]
fn a_thin_pool_without_its_volume_takes_its_room() {
    let (world, records, story) = hit(8_790_796_766_210_001_827, 7, 4);
    let before = world.inventory();
    for brick in before
        .bricks()
        .filter(|brick| brick.space != mortar_model::BrickSpace::Image)
    {
        let now = records.inventory().brick(brick.id).unwrap();
        assert_eq!(now.space, brick.space, "{story:?}");
    }
}

/// A machine that is alone and has no file shows the disks of a node that answers itself and whose glusterd has forgotten it.
#[test]
fn disks_of_another_do_not_take_the_place_of_a_node_that_answers() {
    let (world, lone, node) = (1..)
        .find_map(|seed| {
            let world = World::random(seed, 3);
            let inventory = world.inventory();
            let lone = inventory.clusters().find(|cluster| {
                inventory.nodes_of(cluster.id).count() == 1 && inventory.volumes_of(cluster.id).count() == 0
            })?;
            let lone = inventory.nodes_of(lone.id).next()?.clone();
            let disks = |node: &&Node| {
                inventory
                    .devices_of(node.id)
                    .any(|device| device.kind != DeviceKind::Directory)
            };
            let fits = |node: &&Node| {
                inventory.nodes_of(node.cluster).count() > 2 && lone.manage < node.manage && disks(node)
            };
            let node = inventory.nodes().find(fits)?.clone();
            Some((world, lone, node))
        })
        .unwrap();
    let mut heard = world.heard();
    let survey = heard.hosts.get_mut(&node.manage).unwrap().as_mut().unwrap();
    let own = part(&mut survey.members);
    own.retain(|member| member.hosts == ["localhost"]);
    own[0].uuid = "forgotten".into();
    let groups = survey.groups.clone();
    heard.pools.insert(node.manage.clone(), Ok(Vec::new()));
    let survey = heard.hosts.get_mut(&lone.manage).unwrap().as_mut().unwrap();
    (survey.node_file, survey.groups) = (Ok(None), groups);
    let rebuilt = rebuilt(&heard);
    let about = |host: &HostName| format!("node {host}");
    let forgotten = rebuilt
        .contradictions
        .iter()
        .filter(|note| note.found.contains("and alone"));
    assert_eq!(
        forgotten.map(|note| note.about.clone()).collect::<Vec<_>>(),
        [about(&node.manage)]
    );
    let records = made(&rebuilt.changes);
    for before in world.inventory().devices_of(node.id) {
        assert_eq!(
            records.inventory().device(before.id).map(|device| device.total),
            Some(before.total)
        );
    }
}

/// A snapshot of a volume of images, and what is heard of it.
fn world_with_snapshot() -> (World, Heard, Snapshot) {
    let (world, volume) = (1..)
        .find_map(|seed| {
            let world = World::random(seed, 8);
            let inventory = world.inventory();
            let of_images = |volume: &&Volume| {
                let mut bricks = inventory.bricks_of(volume.id);
                volume.durability.bricks_per_set() > 1 && bricks.all(|brick| brick.space == BrickSpace::Image)
            };
            let volume = inventory.volumes().find(of_images)?.clone();
            Some((world, volume))
        })
        .unwrap();
    let copies = (1..).zip(world.inventory().bricks_of(volume.id));
    let snapshot = Snapshot {
        id: SnapshotId::from_u128(1),
        name: VolumeName::new("monday").unwrap(),
        created_ms: 7,
        bricks: copies
            .map(|(id, brick)| BrickCopy {
                id: BrickId::from_u128(id),
                brick: brick.clone(),
            })
            .collect(),
        volume,
        group: None,
    };
    let mut heard = world.heard();
    let text = serde_json::json!({"mortar": 1, "snapshot": &snapshot}).to_string();
    for copy in &snapshot.bricks {
        let device = world.inventory().device(copy.brick.device).unwrap();
        let survey = survey_of(&world, &mut heard, device);
        part(&mut survey.images).push(ImageSeen {
            path: layout::copy_image(&device.path, copy.id),
            size: copy.brick.size,
            taken: ByteSize::ZERO,
        });
        part(&mut survey.copies).push((layout::copy_identity_file(&device.path, copy.id), text.clone()));
    }
    (world, heard, snapshot)
}

fn survey_of<'a>(world: &World, heard: &'a mut Heard, device: &Device) -> &'a mut NodeSurvey {
    let host = &world.inventory().node(device.node).unwrap().manage;
    heard.hosts.get_mut(host).unwrap().as_mut().unwrap()
}

/// What could not be looked at is not what is gone: nobody is told to remove good copies.
#[test]
fn copies_that_cannot_be_seen_are_taken_to_be_there() {
    type Hide = fn(&mut NodeSurvey, &Device);
    let hide: [Hide; 3] = [
        |survey, _| survey.copies = Err("too much output".into()),
        |survey, _| survey.images = Err("find: an input or output error".into()),
        |survey, device| {
            survey.images = Ok(Vec::new());
            survey
                .unreadable
                .push((device.path.to_string(), "no such device".into()));
        },
    ];
    for hide in hide {
        let (world, mut heard, snapshot) = world_with_snapshot();
        let device = world.inventory().device(snapshot.bricks[0].brick.device).unwrap();
        hide(survey_of(&world, &mut heard, device), device);
        let rebuilt = rebuilt(&heard);
        let records = made(&rebuilt.changes);
        assert_eq!(records.inventory().snapshot(snapshot.id), Some(&snapshot));
        let about = format!("snapshot monday ({})", snapshot.id);
        assert!(
            rebuilt.gaps.iter().any(|gap| gap.about == about),
            "{:?}",
            rebuilt.gaps
        );
        assert_eq!(told(&rebuilt, &about), []);
    }
}

#[test]
fn a_snapshot_whose_copy_is_gone_is_not_restored() {
    let (world, mut heard, snapshot) = world_with_snapshot();
    let copy = &snapshot.bricks[0];
    let device = world.inventory().device(copy.brick.device).unwrap();
    let image = layout::copy_image(&device.path, copy.id);
    part(&mut survey_of(&world, &mut heard, device).images).retain(|seen| seen.path != image);
    let rebuilt = rebuilt(&heard);
    assert!(made(&rebuilt.changes).inventory().snapshots().next().is_none());
    let [(kind, what)] = told(&rebuilt, &format!("snapshot monday ({})", snapshot.id))
        .try_into()
        .unwrap();
    assert_eq!(kind, FoundKind::Unrestored);
    assert!(what.contains(&format!("its copy {image} is not there")), "{what}");
}

/// What gluster-block does not tell of a block volume is named, and what is no whole one is left alone.
#[test]
fn block_volumes_come_back_as_far_as_gluster_block_tells() {
    let world = (1..)
        .map(|seed| World::random(seed, 8))
        .find(|world| world.inventory().blocks().count() > 1)
        .unwrap();
    let before: Vec<BlockVolume> = world.inventory().blocks().cloned().collect();
    let hosting = world.inventory().volume(before[0].hosting).unwrap().clone();
    let uuid = format!("uuid-of-{}", hosting.id);
    let after = |change: &dyn Fn(&mut Vec<BlockSeen>)| {
        let mut heard = world.heard();
        change(heard.blocks.get_mut(&uuid).unwrap().as_mut().unwrap());
        let report = rebuilt(&heard);
        let inventory = made(&report.changes).inventory().clone();
        assert_eq!(check::check(&inventory), Vec::new());
        let count = inventory.blocks_on(hosting.id).count();
        (report, count)
    };
    let all = before.iter().filter(|block| block.hosting == hosting.id).count();
    let (report, count) = after(&|_| {});
    assert_eq!((report.gaps.len(), count), (0, all));

    let (report, count) = after(&|seen| seen[0].name = "disk".into());
    let [gap] = &report.gaps[..] else {
        panic!("{report:?}")
    };
    assert_eq!(
        (gap.about.clone(), count),
        (format!("block volume {}/disk", hosting.name), all)
    );
    assert!(
        gap.unknown.contains("the id under which it was recorded"),
        "{gap:?}"
    );

    let (report, count) = after(&|seen| seen[0].told.as_mut().unwrap().size = "1.5 TiB".into());
    let [gap] = &report.gaps[..] else {
        panic!("{report:?}")
    };
    assert!(
        gap.unknown.contains("its size to the GiB") && count == all,
        "{gap:?}"
    );
    assert!(
        report.contradictions[0].found.contains("its block volumes take"),
        "{report:?}"
    );

    let about = format!("block volume {}/{}", hosting.name, before[0].name);
    for damage in [
        (|told: &mut BlockTold| told.size = "1.5 GiB".into()) as fn(&mut BlockTold),
        |told| told.ha += 1,
        |told| told.broken = told.hosts.clone(),
        |told| told.smaller = told.hosts.clone(),
    ] {
        let (report, count) = after(&|seen| damage(seen[0].told.as_mut().unwrap()));
        assert_eq!(count, all - 1, "{report:?}");
        let kinds: Vec<FoundKind> = told(&report, &about).into_iter().map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [FoundKind::Unrestored]);
    }

    let mut heard = world.heard();
    heard.blocks.insert(uuid, Err("gluster-block: not found".into()));
    let untold = "the block volumes that it holds: gluster-block: not found";
    assert!(rebuilt(&heard).gaps.iter().any(|gap| gap.unknown == untold));
}

/// Bricks that Heketi made come back where they are, when they were tagged; without a tag nobody says which they are.
#[test]
fn bricks_that_were_taken_over_come_back_by_their_tags() {
    let thin = |brick: &Brick| matches!(brick.space, BrickSpace::ThinPool { .. });
    let (world, volume) = (1..)
        .find_map(|seed| {
            let world = World::random(seed, 8);
            let all_thin = |volume: &&Volume| world.inventory().bricks_of(volume.id).all(thin);
            let volume = world.inventory().volumes().find(all_thin).cloned();
            Some((world, volume?))
        })
        .unwrap();
    let mut heard = world.heard();
    let place = |brick: &Brick| format!("/var/lib/heketi/mounts/vg_{}/brick_{}", brick.device, brick.id);
    for brick in world.inventory().bricks_of(volume.id) {
        let (from, to) = (layout::mount_point(brick.device, brick.id), place(brick));
        let node = world.inventory().node_of_brick(brick).unwrap();
        let survey = heard.hosts.get_mut(&node.manage).unwrap().as_mut().unwrap();
        let mounts = part(&mut survey.mounts)
            .iter_mut()
            .filter(|mount| mount.target == from);
        mounts.for_each(|mount| mount.target.clone_from(&to));
        let entries = part(&mut survey.entries)
            .iter_mut()
            .filter(|entry| entry.target == from);
        entries.for_each(|entry| entry.target.clone_from(&to));
        part(&mut survey.folders).retain(|folder| folder.mount_point != from);
        part(&mut survey.identities).retain(|(at, _)| *at != from);
        let name = layout::logical_volume(brick.id);
        let volumes = part(&mut survey.volumes)
            .iter_mut()
            .filter(|volume| volume.name == name);
        volumes.for_each(|volume| volume.tags = vec![layout::taken_tag(brick.id)]);
        for info in info(&mut heard, &volume) {
            let listed = info
                .bricks
                .iter_mut()
                .filter(|listed| listed.ends_with(&format!("{from}/brick")));
            listed.for_each(|listed| *listed = listed.replace(&from, &to));
        }
    }
    let report = rebuilt(&heard);
    assert_eq!(
        (&report.found, &report.contradictions),
        (&Vec::new(), &Vec::new())
    );
    let records = made(&report.changes);
    for brick in world.inventory().bricks_of(volume.id) {
        let found = records.inventory().brick(brick.id).unwrap();
        let names = found.names.as_ref().unwrap();
        assert_eq!(names.mount_point.as_str(), place(brick));
        assert_eq!(found.place().brick_path(), format!("{}/brick", place(brick)));
        let bare = Brick {
            names: None,
            ..found.clone()
        };
        assert_eq!(bare, *brick);
    }

    for survey in heard.hosts.values_mut().flatten() {
        let volumes = part(&mut survey.volumes).iter_mut();
        volumes.for_each(|volume| volume.tags.retain(|tag| !tag.starts_with("mortar.taken=")));
    }
    let report = rebuilt(&heard);
    assert!(made(&report.changes).inventory().volume(volume.id).is_none());
    let [(kind, why)] = &told(&report, &format!("volume {}", volume.name))[..] else {
        panic!("{report:?}")
    };
    assert!(
        *kind == FoundKind::Unrestored && why.contains("is none that Mortar made"),
        "{why}"
    );
}
