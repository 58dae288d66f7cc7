//! Devices: there, whole, of the recorded size; and volume groups that are in no record.

use std::collections::BTreeSet;

use mortar_command::query::survey::GroupSeen;
use mortar_model::layout::read;
use mortar_model::{ByteSize, Device, DeviceKind, DevicePath, layout};
use mortar_plan::Subject as Thing;

use super::pool;
use super::sight::Sight;
use super::{About, Found, Ground};
use crate::finding::{Finding, Proof, Remedy, Repair, Subject};
use crate::kind::Kind;

/// Compares the node's devices; answers those on which bricks can be looked for.
pub(super) fn compare<'a>(ground: &Ground<'a>, sight: &Sight<'_>, found: &mut Found<'_>) -> Vec<&'a Device> {
    let mut there = Vec::new();
    for device in ground.inventory.devices_of(sight.node.id) {
        let state = match device.kind {
            DeviceKind::Lvm { .. } => group(ground, sight, device),
            DeviceKind::Directory => directory(ground, sight, device),
            // Each of its bricks is looked at by itself.
            DeviceKind::Adopted => State::There(None),
        };
        match state {
            State::Unknown => {}
            State::There(size) => {
                there.push(device);
                if let Some((proof, remedy)) = pool::fill(ground, sight, device) {
                    found.add(&about(device), finding(Kind::PoolFill, device, proof, remedy));
                }
                if let Some((proof, remedy)) = pool::rest(sight, device) {
                    found.add(&about(device), finding(Kind::DeviceGrown, device, proof, remedy));
                }
                if let Some((proof, remedy)) = other_path(ground, sight, device) {
                    found.add(&about(device), finding(Kind::DevicePath, device, proof, remedy));
                }
                if let Some((proof, remedy)) = size {
                    let [thing, path] = about(device);
                    let about = [thing, path, About::Room(device.id)];
                    found.add(&about, finding(Kind::DeviceSize, device, proof, remedy));
                }
            }
            State::Wrong(kind, proof, advice) => {
                found.add(
                    &about(device),
                    finding(kind, device, proof, Remedy::ByHand(advice)),
                );
            }
        }
    }
    unknown_groups(ground, sight, found);
    there
}

const SHRANK: &str =
    "what was promised does not fit: take it offline and look at its bricks ('mortar device info')";
const REMAINS: &str = "settle first what is on it and in no record: it takes room that must not be promised";

enum State {
    /// The node could not tell.
    Unknown,
    /// It is there; with proof and remedy when its size is another.
    There(Option<(Proof, Remedy)>),
    Wrong(Kind, Proof, String),
}

fn about(device: &Device) -> [About<'_>; 2] {
    [
        About::Thing(Thing::Device(device.id)),
        About::Path(device.node, device.path.as_str()),
    ]
}

fn finding(kind: Kind, device: &Device, proof: Proof, remedy: Remedy) -> Finding {
    Finding {
        kind,
        subject: Subject {
            kind: "device",
            id: device.id.to_string(),
            name: device.path.to_string(),
        },
        node: Some(device.node),
        proof,
        remedy,
    }
}

fn group(ground: &Ground<'_>, sight: &Sight<'_>, device: &Device) -> State {
    let (Some(groups), DeviceKind::Lvm { uuid, .. }) = (&sight.groups, &device.kind) else {
        return State::Unknown;
    };
    let name = layout::volume_group(device.id);
    if let Some(group) = groups.get(name.as_str()) {
        return State::There(other_size(ground, sight, device, group));
    }
    let recorded = format!("volume group {name} on {}", device.path);
    match groups.values().find(|group| group.uuid == *uuid) {
        Some(other) => State::Wrong(
            Kind::DeviceForeign,
            Proof {
                recorded,
                seen: format!("its physical volume is in volume group {}", other.name),
                place: other.path.clone(),
            },
            format!(
                "when somebody renamed it: vgrename {} {name} on {}",
                other.name, sight.node.manage
            ),
        ),
        None => State::Wrong(
            Kind::DeviceMissing,
            Proof {
                recorded,
                seen: "LVM knows no such volume group".into(),
                place: device.path.to_string(),
            },
            format!(
                "see that the disk is there (lsblk on {}); bricks on it are served by their other copies meanwhile. Where it is \
                 dead, {}",
                sight.node.manage,
                way_on(device)
            ),
        ),
    }
}

/// What to do about a disk that is dead.
fn way_on(device: &Device) -> String {
    format!(
        "put another one in its place, under the same path or another one ('mortar device add'), and move the bricks there: \
         'mortar device drain --dead {}'",
        device.id
    )
}

/// Another path of a physical volume than is recorded. Nothing of a brick goes by it, only the words about the device; a name that
/// follows the disk wherever it is stays right.
fn other_path(ground: &Ground<'_>, sight: &Sight<'_>, device: &Device) -> Option<(Proof, Remedy)> {
    let DeviceKind::Lvm { uuid, paths, .. } = &device.kind else {
        return None;
    };
    let name = layout::volume_group(device.id);
    let group = sight.groups.as_ref()?.get(name.as_str())?;
    let follows =
        device.path.as_str().starts_with("/dev/disk/") || device.path.as_str().starts_with("/dev/mapper/");
    if follows || group.uuid != *uuid || group.path == device.path.as_str() || paths.contains(&group.path) {
        return None;
    }
    // What LVM cannot name, a disk that is away among them, is no path.
    let path = DevicePath::new(&group.path)
        .ok()
        .filter(DeviceKind::is_block_path)?;
    let proof = Proof {
        recorded: device.path.to_string(),
        seen: format!("{path}, with the same physical volume {uuid}"),
        place: group.path.clone(),
    };
    let mut others = ground.inventory.devices_of(device.node);
    let twin = others.find(|other| other.id != device.id && other.path.is_same_place(&path));
    let remedy = match twin {
        Some(twin) => Remedy::ByHand(format!(
            "{path} is recorded of device {}: bring that one's path up to date first; where both changed places, nothing is wrong but their names",
            twin.id
        )),
        None => Remedy::OnCommand(Repair::RecordPath {
            device: device.id,
            path,
        }),
    };
    Some((proof, remedy))
}

/// Another size of a volume group than is recorded. A rebuild records devices smaller by what is on them and in no record:
/// that is no difference, as long as it is there.
fn other_size(
    ground: &Ground<'_>,
    sight: &Sight<'_>,
    device: &Device,
    group: &GroupSeen,
) -> Option<(Proof, Remedy)> {
    let (size, others) = match device.kind.shared() {
        Some(overcommit) => (
            overcommit.of(pool::size(sight, device)?, group.extent),
            pool::others(ground, sight, device),
        ),
        None => (group.size, others(ground, sight, device, group)),
    };
    if size == device.total || others.is_some_and(|others| size.minus(others) == device.total) {
        return None;
    }
    let (seen, remedy) = match others {
        Some(ByteSize::ZERO) => (size.to_string(), size_remedy(ground, device, size)),
        Some(others) => (
            format!("{size}, of which {others} are taken by what is in no record"),
            Remedy::ByHand(REMAINS.into()),
        ),
        None => (size.to_string(), Remedy::ByHand(REMAINS.into())),
    };
    Some((proof(device, seen, &group.name), remedy))
}

fn proof(device: &Device, seen: String, place: &str) -> Proof {
    Proof {
        recorded: device.total.to_string(),
        seen,
        place: place.to_owned(),
    }
}

fn size_remedy(ground: &Ground<'_>, device: &Device, size: ByteSize) -> Remedy {
    if ground.inventory.used(device.id) > size {
        return Remedy::ByHand(SHRANK.into());
    }
    Remedy::OnCommand(Repair::RecordSize {
        device: device.id,
        size,
    })
}

/// What is taken of a volume group, without what recorded bricks take there; `None` when that cannot be told.
fn others(ground: &Ground<'_>, sight: &Sight<'_>, device: &Device, group: &GroupSeen) -> Option<ByteSize> {
    let volumes = sight.volumes.as_ref()?;
    let taken = |name: &str| {
        let volume = volumes.get(&(group.name.as_str(), name));
        // One in a pool takes nothing beside it.
        let own = volume.filter(|volume| volume.pool.is_none());
        own.map(|volume| volume.size + volume.metadata)
    };
    let bricks = ground.inventory.bricks_on(device.id);
    // A clone is in the pool of its origin, which counts once.
    let pools: BTreeSet<(String, String)> = bricks
        .map(|brick| (brick.place().thin_pool(), brick.place().logical_volume()))
        .collect();
    let mut counted = BTreeSet::new();
    let there: ByteSize = pools
        .iter()
        .filter(|(pool, _)| counted.insert(pool))
        .filter_map(|(pool, volume)| taken(pool).or_else(|| taken(volume)))
        .sum();
    Some(group.size.minus(group.free).minus(there))
}

/// The space of a directory is what was free when it was added; others may write there since, so only a file system that
/// has become smaller than that is told of.
fn directory(ground: &Ground<'_>, sight: &Sight<'_>, device: &Device) -> State {
    let path = device.path.as_str();
    if let Some(why) = sight.unreadable.get(path) {
        let proof = Proof {
            recorded: "a directory".into(),
            seen: (*why).to_owned(),
            place: path.to_owned(),
        };
        return State::Wrong(Kind::DeviceUnreadable, proof, dead_disk(sight));
    }
    let Some(seen) = sight.directories.as_ref().and_then(|all| all.get(path)) else {
        return State::Unknown;
    };
    let file = layout::device_identity_file(&device.path);
    let wrong = |kind, seen: String, advice: String| {
        let proof = Proof {
            recorded: format!("a directory that says it is device {}", device.id),
            seen,
            place: file.clone(),
        };
        State::Wrong(kind, proof, advice)
    };
    let mount = format!(
        "mount the file system that belongs at {path} on {}",
        sight.node.manage
    );
    match (&seen.space, &seen.identity) {
        (None, _) => wrong(
            Kind::DeviceMissing,
            "there is no such directory".into(),
            format!("{mount}; where its disk is dead, {}", way_on(device)),
        ),
        (Some(_), None) => wrong(
            Kind::DeviceMissing,
            "it has no identity file: another file system, or none, is mounted there".into(),
            format!("{mount}; where its disk is dead, {}", way_on(device)),
        ),
        (Some(_), Some(text)) if !text.contains(&device.id.to_string()) => wrong(
            Kind::DeviceForeign,
            "its identity file names another device, or none".into(),
            format!("{mount}; nothing is done there before"),
        ),
        (Some((size, _)), Some(_)) if *size < device.total => {
            let proof = proof(device, size.to_string(), path);
            State::There(Some((proof, directory_remedy(ground, sight, device, *size))))
        }
        (Some(_), Some(_)) => State::There(None),
    }
}

/// Where images are in no record, or nobody can tell, somebody has to look first.
fn directory_remedy(ground: &Ground<'_>, sight: &Sight<'_>, device: &Device, size: ByteSize) -> Remedy {
    let recorded = |path: &str| {
        let brick = read::image(path).and_then(|(_, brick, _)| ground.inventory.brick(brick));
        brick.is_some_and(|brick| layout::image(&device.path, brick.id) == path)
    };
    let folder = format!("{}/", layout::image_folder(&device.path));
    let images = sight.images.as_ref();
    let all = images.is_some_and(|images| {
        let mut own = images.keys().filter(|path| path.starts_with(&folder));
        own.all(|path| recorded(path))
    });
    if all {
        size_remedy(ground, device, size)
    } else {
        Remedy::ByHand(REMAINS.into())
    }
}

pub(super) fn dead_disk(sight: &Sight<'_>) -> String {
    format!(
        "the disk may be dead: look at the kernel's messages on {} (dmesg), and replace it",
        sight.node.manage
    )
}

fn unknown_groups(ground: &Ground<'_>, sight: &Sight<'_>, found: &mut Found<'_>) {
    for group in sight.groups.iter().flat_map(|groups| groups.values()) {
        let Some(id) = read::volume_group(&group.name) else {
            continue;
        };
        let known = ground.inventory.device(id);
        if known.is_some_and(|device| device.node == sight.node.id) {
            continue;
        }
        let recorded = known
            .and_then(|device| ground.inventory.node(device.node))
            .map_or(String::new(), |node| {
                format!("device {id} of node {}", node.manage)
            });
        let about = [
            About::Thing(Thing::Device(id)),
            About::Path(sight.node.id, group.path.as_str()),
        ];
        found.add(&about, unknown(sight, group, id.to_string(), recorded));
    }
}

fn unknown(sight: &Sight<'_>, group: &GroupSeen, id: String, recorded: String) -> Finding {
    let ours = group.tags.iter().any(|tag| *tag == format!("mortar.device={id}"));
    let whose = if ours {
        "says by its tag that it is a device of Mortar"
    } else {
        "is named as Mortar and Heketi name theirs"
    };
    Finding {
        kind: Kind::DeviceUnknown,
        subject: Subject {
            kind: "device",
            id,
            name: group.path.clone(),
        },
        node: Some(sight.node.id),
        proof: Proof {
            recorded,
            seen: format!("volume group {} {whose}", group.name),
            place: group.path.clone(),
        },
        remedy: Remedy::ByHand(format!(
            "when its bricks are wanted, rebuild the records; when they are not: vgremove {} and pvremove {} on {}",
            group.name, group.path, sight.node.manage
        )),
    }
}
