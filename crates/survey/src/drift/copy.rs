//! Copies of bricks, which snapshots consist of: those that are recorded and not there, and those that are there and in no
//! record.

use std::collections::BTreeMap;

use mortar_model::layout::read;
use mortar_model::{BrickId, Device, DeviceKind, layout};
use mortar_plan::Subject as Thing;

use super::sight::Sight;
use super::{About, Found, Ground};
use crate::finding::{Finding, Proof, Remedy, Subject};
use crate::kind::Kind;

pub(super) fn compare(ground: &Ground<'_>, sight: &Sight<'_>, device: &Device, found: &mut Found<'_>) {
    if sight.unreadable.contains_key(device.path.as_str()) {
        return;
    }
    let Some(there) = there(sight, device) else { return };
    missing(ground, sight, device, &there, found);
    let mut strangers: BTreeMap<BrickId, Vec<&str>> = BTreeMap::new();
    for (place, copy) in &there {
        let mut recorded = ground.inventory.copies_on(device.id);
        if !recorded.any(|(known, _)| known.id == *copy) {
            strangers.entry(*copy).or_default().push(place);
        }
    }
    for (copy, places) in strangers {
        let place = places.join(" ");
        let remove = match device.kind {
            DeviceKind::Directory | DeviceKind::Adopted => "rm",
            DeviceKind::Lvm { .. } => "lvremove",
        };
        let finding = Finding {
            kind: Kind::OrphanCopy,
            subject: Subject {
                kind: "copy",
                id: format!("{copy}@{}", device.id),
                name: device.path.to_string(),
            },
            node: Some(sight.node.id),
            proof: Proof {
                recorded: String::new(),
                seen: places.join("; "),
                place: place.clone(),
            },
            remedy: Remedy::ByHand(format!(
                "when nobody needs what it holds, remove it on {}: {remove} {place}",
                sight.node.manage
            )),
        };
        found.add(&about(device, copy, None), finding);
    }
}

/// Where copies are on the device: files by their paths, volumes by group and name. None when the node could not tell, or shows
/// nothing of the device at all.
fn there(sight: &Sight<'_>, device: &Device) -> Option<Vec<(String, BrickId)>> {
    if device.kind == DeviceKind::Directory {
        let at = device.path.as_str().trim_end_matches('/');
        let images = sight.images.as_ref()?.keys();
        let copies = images.filter_map(|path| Some((*path, read::copy(path)?)));
        let here = copies.filter(|(_, (directory, _))| *directory == at);
        return Some(here.map(|(path, (_, copy))| (path.to_owned(), copy)).collect());
    }
    let group = layout::volume_group(device.id);
    sight.groups.as_ref()?.get(group.as_str())?;
    let volumes = sight.volumes.as_ref()?.keys().filter(|(at, _)| *at == group);
    let copies = volumes.filter_map(|(at, name)| Some((format!("{at}/{name}"), read::copy_volume(name)?.0)));
    Some(copies.collect())
}

fn missing(
    ground: &Ground<'_>,
    sight: &Sight<'_>,
    device: &Device,
    there: &[(String, BrickId)],
    found: &mut Found<'_>,
) {
    for (copy, snapshot) in ground.inventory.copies_on(device.id) {
        let path = layout::copy_place(device, copy.id);
        if there.iter().any(|(place, _)| *place == path) {
            continue;
        }
        let finding = Finding {
            kind: Kind::CopyMissing,
            subject: Subject {
                kind: "copy",
                id: copy.id.to_string(),
                name: format!("{} of snapshot {}", device.path, snapshot.name),
            },
            node: Some(sight.node.id),
            proof: Proof {
                recorded: format!("a copy of brick {}", copy.brick.id),
                seen: match device.kind {
                    DeviceKind::Directory | DeviceKind::Adopted => "no image".into(),
                    DeviceKind::Lvm { .. } => "no logical volume".into(),
                },
                place: path,
            },
            remedy: Remedy::ByHand(match &snapshot.group {
                None => format!(
                    "the snapshot cannot be used any more: mortar snapshot delete {}",
                    snapshot.name
                ),
                Some(group) => format!(
                    "the snapshot cannot be used any more, and goes with its group: mortar snapshot group delete {}",
                    group.name
                ),
            }),
        };
        found.add(
            &about(device, copy.id, Some(Thing::Snapshot(snapshot.id))),
            finding,
        );
    }
}

fn about(device: &Device, copy: BrickId, snapshot: Option<Thing>) -> Vec<About<'static>> {
    let mut about = vec![
        About::Brick(copy),
        About::Thing(Thing::Device(device.id)),
        About::Thing(Thing::Node(device.node)),
    ];
    about.extend(snapshot.map(About::Thing));
    about
}
