//! What looks like a brick and is in no record: logical volumes, images, mounts, mount entries, folders, loop devices.
//!
//! It is offered for removal only when all of this is so: it is on a device that is recorded on this node; it says by
//! its tag, or by its name in a directory that says whose it is, that Mortar made it; its id is in no record; the
//! pool of its node told of its volumes, and no volume of any pool names it; nothing else than itself is mounted in its
//! place, and nothing but its mount uses its image. The node looks again right before anything is removed.

use std::collections::{BTreeMap, BTreeSet};

use mortar_model::layout::read;
use mortar_model::{BrickId, Device, DeviceId, DeviceKind, layout};
use mortar_plan::Subject as Thing;

use super::sight::Sight;
use super::{About, Found, Ground};
use crate::finding::{Finding, Proof, Remains, Remedy, Repair, Subject};
use crate::kind::Kind;

/// What was seen of a brick that is not recorded here.
#[derive(Default)]
struct Pieces {
    /// In words, each with its place.
    seen: Vec<String>,
    /// Whether a tag says that it is this brick.
    tagged: bool,
    /// Whether there is a logical volume or a pool.
    volume: bool,
    /// Why it cannot be removed without looking by hand.
    doubts: BTreeSet<&'static str>,
}

type Orphans = BTreeMap<(DeviceId, BrickId), Pieces>;

pub(super) fn compare(ground: &Ground<'_>, sight: &Sight<'_>, devices: &[&Device], found: &mut Found<'_>) {
    let mut orphans = Orphans::new();
    volumes(ground, sight, devices, &mut orphans);
    images(sight, devices, &mut orphans);
    mounts(sight, devices, &mut orphans);
    entries(sight, &mut orphans, found);
    folders(sight, &mut orphans);
    loops(ground, sight, devices, &mut orphans, found);
    for ((device, brick), pieces) in orphans {
        // What is on a volume group that is in no record is told with that group.
        let recorded = ground.inventory.brick(brick);
        let here = recorded.is_some_and(|recorded| recorded.device == device);
        if here || group_is_unknown(ground, sight, device) {
            continue;
        }
        let about = [
            About::Brick(brick),
            About::Thing(Thing::Device(device)),
            About::Thing(Thing::Node(sight.node.id)),
        ];
        found.add(&about, orphan(ground, sight, devices, device, brick, pieces));
    }
}

fn group_is_unknown(ground: &Ground<'_>, sight: &Sight<'_>, device: DeviceId) -> bool {
    let recorded = ground.inventory.device(device);
    let here = recorded.is_some_and(|device| device.node == sight.node.id);
    let groups = sight.groups.as_ref();
    !here && groups.is_some_and(|groups| groups.contains_key(layout::volume_group(device).as_str()))
}

/// Volumes and pools of recorded bricks that have other names than their ids give them: a clone's pool is named after its origin, which
/// may be long gone.
fn otherwise_named(ground: &Ground<'_>, devices: &[&Device]) -> BTreeSet<(String, String)> {
    let bricks = devices
        .iter()
        .flat_map(|device| ground.inventory.bricks_on(device.id));
    bricks
        .filter(|brick| brick.names.is_some() || brick.pool.is_some())
        .map(|brick| brick.place())
        .flat_map(|place| {
            [place.logical_volume(), place.thin_pool()].map(|name| (place.volume_group(), name))
        })
        .collect()
}

fn volumes(ground: &Ground<'_>, sight: &Sight<'_>, devices: &[&Device], orphans: &mut Orphans) {
    let recorded = otherwise_named(ground, devices);
    for volume in sight.volumes.iter().flat_map(|volumes| volumes.values()) {
        if recorded.contains(&(volume.group.clone(), volume.name.clone())) {
            continue;
        }
        let (Some(device), Some(brick)) = (
            read::volume_group(&volume.group),
            read::logical_volume(&volume.name)
                .or_else(|| read::logical_volume_in_making(&volume.name))
                .or_else(|| read::thin_pool(&volume.name)),
        ) else {
            continue;
        };
        let pieces = orphans.entry((device, brick)).or_default();
        let what = if volume.is_pool {
            "thin pool"
        } else {
            "logical volume"
        };
        pieces
            .seen
            .push(format!("{what} {}/{}", volume.group, volume.name));
        pieces.volume = true;
        pieces.tagged |= volume.tags.contains(&layout::brick_tag(brick));
    }
}

fn images(sight: &Sight<'_>, devices: &[&Device], orphans: &mut Orphans) {
    for device in directories(devices) {
        for path in sight.images.iter().flat_map(|images| images.keys()) {
            if let Some(brick) = image_on(device, path) {
                let pieces = orphans.entry((device.id, brick)).or_default();
                pieces.seen.push(format!("image {path}"));
            }
        }
    }
}

/// The brick of an image file on this device, in the making too.
fn image_on(device: &Device, path: &str) -> Option<BrickId> {
    let (directory, brick, _) = read::image(path)?;
    (directory == device.path.as_str().trim_end_matches('/')).then_some(brick)
}

fn directories<'a>(devices: &'a [&'a Device]) -> impl Iterator<Item = &'a Device> {
    devices
        .iter()
        .copied()
        .filter(|device| device.kind == DeviceKind::Directory)
}

fn mounts(sight: &Sight<'_>, devices: &[&Device], orphans: &mut Orphans) {
    for (target, mounts) in sight.mounts.iter().flatten() {
        let Some((device, brick)) = read::mount_point(target) else {
            continue;
        };
        let pieces = orphans.entry((device, brick)).or_default();
        for mount in mounts {
            pieces.seen.push(format!("mount of {} at {target}", mount.source));
            if mount.uuid != layout::file_system_uuid(brick) {
                pieces
                    .doubts
                    .insert("what is mounted does not say that it is this brick");
            }
        }
        if mounts.len() > 1 {
            pieces.doubts.insert("several things are mounted there");
        }
        if devices.iter().all(|known| known.id != device) {
            pieces.doubts.insert("its device is not recorded on this node");
        }
    }
}

fn entries(sight: &Sight<'_>, orphans: &mut Orphans, found: &mut Found<'_>) {
    for (target, entries) in sight.entries.iter().flatten() {
        if let Some(key) = read::mount_point(target) {
            let pieces = orphans.entry(key).or_default();
            for entry in entries {
                pieces
                    .seen
                    .push(format!("mount entry of {} at {target}", entry.source));
            }
        } else if target.starts_with(&format!("{}/", layout::MOUNTS)) {
            found.add(
                &[About::Thing(Thing::Node(sight.node.id))],
                stray_entry(sight, target),
            );
        }
    }
}

fn stray_entry(sight: &Sight<'_>, target: &str) -> Finding {
    Finding {
        kind: Kind::EntryStray,
        subject: Subject {
            kind: "entry",
            id: format!("{}:{target}", sight.node.id),
            name: target.to_owned(),
        },
        node: Some(sight.node.id),
        proof: Proof {
            recorded: String::new(),
            seen: "a mount entry at what is no brick's mount point".into(),
            place: target.to_owned(),
        },
        remedy: Remedy::ByHand(format!(
            "take the line out of the file of mount entries on {}, or move its mount point elsewhere",
            sight.node.manage
        )),
    }
}

fn folders(sight: &Sight<'_>, orphans: &mut Orphans) {
    for mount_point in sight.folders.iter().flat_map(|folders| folders.keys()) {
        let Some(key) = read::mount_point(mount_point) else {
            continue;
        };
        let mounted = sight
            .mounts
            .as_ref()
            .is_none_or(|mounts| mounts.contains_key(mount_point));
        let pieces = orphans.entry(key).or_default();
        if !mounted {
            pieces.seen.push(format!("folder {mount_point}/brick"));
            pieces
                .doubts
                .insert("a folder stands at its bare mount point, and may hold files");
        }
    }
}

/// Loop devices belong to the machine, and nodes may share one (containers, the lab): only where the node has the image or
/// the mount too is it surely the node's own. One whose image is gone has neither; it is told of where no loop device shows
/// that the machine is shared.
fn loops(
    ground: &Ground<'_>,
    sight: &Sight<'_>,
    devices: &[&Device],
    orphans: &mut Orphans,
    found: &mut Found<'_>,
) {
    let shared = is_shared(sight, devices);
    for used in sight.loops.iter().flat_map(|loops| loops.values()) {
        let image = used.file.strip_suffix(GONE);
        let file = image.unwrap_or(&used.file);
        for device in directories(devices) {
            let Some(brick) = image_on(device, file) else {
                continue;
            };
            if ground.inventory.brick(brick).is_some() {
                continue;
            }
            let mounted = sight
                .mounts
                .as_ref()
                .is_none_or(|mounts| mounts.values().flatten().any(|mount| mount.source == used.device));
            match orphans.get_mut(&(device.id, brick)) {
                Some(pieces) => {
                    pieces.seen.push(format!("loop device {}", used.device));
                    if !mounted {
                        pieces
                            .doubts
                            .insert("a loop device serves its image, and its mount is not why");
                    }
                }
                None if mounted || shared || image.is_none() => {}
                None => found.add(
                    &[About::Brick(brick)],
                    stray_loop(sight, &used.device, brick, &used.file),
                ),
            }
        }
    }
}

/// What the kernel writes after the name of a file that has none any more.
const GONE: &str = " (deleted)";

/// Whether a loop device serves a file that exists, and that this node does not have: then it is another's.
fn is_shared(sight: &Sight<'_>, devices: &[&Device]) -> bool {
    let Some(images) = &sight.images else { return true };
    let mut loops = sight.loops.iter().flat_map(|loops| loops.values());
    loops.any(|used| {
        let ours = |device: &Device| used.file.starts_with(&layout::image_folder(&device.path));
        !used.file.ends_with(GONE)
            && !images.contains_key(used.file.as_str())
            && directories(devices).any(ours)
    })
}

fn stray_loop(sight: &Sight<'_>, device: &str, brick: BrickId, file: &str) -> Finding {
    Finding {
        kind: Kind::LoopStray,
        subject: Subject {
            kind: "loop",
            id: brick.to_string(),
            name: device.to_owned(),
        },
        node: Some(sight.node.id),
        proof: Proof {
            recorded: String::new(),
            seen: format!("{device} serves {file}"),
            place: device.to_owned(),
        },
        remedy: Remedy::ByHand(format!(
            "when nothing uses it: losetup --detach {device} on {}",
            sight.node.manage
        )),
    }
}

/// What speaks against removing it, beside what was seen of its pieces.
fn doubt(
    ground: &Ground<'_>,
    sight: &Sight<'_>,
    known: Option<&Device>,
    brick: BrickId,
    pieces: &mut Pieces,
) {
    let doubts = [
        (
            known.is_none(),
            "its device is not recorded on this node, or is not whole",
        ),
        (
            known.is_some() && pieces.volume && !pieces.tagged,
            "no tag says that Mortar made it",
        ),
        (
            ground.inventory.brick(brick).is_some(),
            "the brick is recorded elsewhere",
        ),
        (
            ground.listed.contains(&brick),
            "a volume names it among its bricks",
        ),
        (
            !ground.has_told(sight.node.cluster),
            "the trusted pool did not tell whether a volume names it",
        ),
    ];
    let holds = doubts.into_iter().filter(|(holds, _)| *holds);
    pieces.doubts.extend(holds.map(|(_, doubt)| doubt));
}

fn orphan(
    ground: &Ground<'_>,
    sight: &Sight<'_>,
    devices: &[&Device],
    device: DeviceId,
    brick: BrickId,
    mut pieces: Pieces,
) -> Finding {
    let known = devices.iter().copied().find(|known| known.id == device);
    doubt(ground, sight, known, brick, &mut pieces);
    let remedy = if pieces.doubts.is_empty() {
        Remedy::OnCommand(Repair::Remove(Remains { brick, device }))
    } else {
        let doubts: Vec<&str> = pieces.doubts.iter().copied().collect();
        Remedy::ByHand(format!(
            "it is left alone because {}; remove it by hand when you know that nobody needs it",
            doubts.join(", and because ")
        ))
    };
    let place = known.map_or_else(|| layout::volume_group(device), |known| known.path.to_string());
    Finding {
        kind: Kind::OrphanBrick,
        subject: Subject {
            kind: "brick",
            id: format!("{brick}@{device}"),
            name: place.clone(),
        },
        node: Some(sight.node.id),
        proof: Proof {
            recorded: String::new(),
            seen: pieces.seen.join("; "),
            place,
        },
        remedy,
    }
}
