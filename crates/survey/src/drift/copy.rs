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
    if device.kind != DeviceKind::Directory || sight.unreadable.contains_key(device.path.as_str()) {
        return;
    }
    let Some(images) = &sight.images else { return };
    missing(ground, sight, device, found);
    let mut strangers: BTreeMap<BrickId, Vec<&str>> = BTreeMap::new();
    for path in images.keys() {
        let Some((directory, copy)) = read::copy(path) else {
            continue;
        };
        let here = directory == device.path.as_str().trim_end_matches('/');
        let mut recorded = ground.inventory.copies_on(device.id);
        if here && !recorded.any(|(known, _)| known.id == copy) {
            strangers.entry(copy).or_default().push(path);
        }
    }
    for (copy, paths) in strangers {
        let place = paths.join(" ");
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
                seen: paths.join("; "),
                place: place.clone(),
            },
            remedy: Remedy::ByHand(format!(
                "when nobody needs what it holds, remove it on {}: rm {place}",
                sight.node.manage
            )),
        };
        found.add(&about(device, copy, None), finding);
    }
}

fn missing(ground: &Ground<'_>, sight: &Sight<'_>, device: &Device, found: &mut Found<'_>) {
    for (copy, snapshot) in ground.inventory.copies_on(device.id) {
        let path = layout::copy_image(&device.path, copy.id);
        if sight
            .images
            .as_ref()
            .is_some_and(|images| images.contains_key(path.as_str()))
        {
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
                seen: "no image".into(),
                place: path,
            },
            remedy: Remedy::ByHand(format!(
                "the snapshot cannot be used any more: mortar snapshot delete {}",
                snapshot.name
            )),
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
