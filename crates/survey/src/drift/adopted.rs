//! Bricks that were adopted: folders on file systems that others made.
//!
//! Mortar made nothing of them, so nothing of its own is looked for: no logical volume, mount entry or identity file. What
//! can be told is whether the folder is there, and whether its file system holds at least what was recorded.

use mortar_command::query::survey::DirectorySeen;
use mortar_model::{Brick, Device};

use super::device::dead_disk;
use super::sight::Sight;
use super::{Found, Ground, about_brick};
use crate::finding::{Finding, Proof, Remedy, Subject, heal_by_hand};
use crate::kind::Kind;

pub(super) fn compare(ground: &Ground<'_>, sight: &Sight<'_>, device: &Device, found: &mut Found<'_>) {
    for brick in ground.inventory.bricks_on(device.id) {
        let look = Look { sight, device, brick };
        look.compare(ground, found);
    }
}

struct Look<'a> {
    sight: &'a Sight<'a>,
    device: &'a Device,
    brick: &'a Brick,
}

impl Look<'_> {
    fn compare(&self, ground: &Ground<'_>, found: &mut Found<'_>) {
        let Some(volume) = ground.inventory.volume(self.brick.volume) else {
            return;
        };
        let folder = self.brick.place().brick_path();
        let heal = heal_by_hand(&volume.name);
        let of_brick = Subject {
            kind: "brick",
            id: self.brick.id.to_string(),
            name: format!("{} of volume {}", self.device.path, volume.name),
        };
        let proof = |recorded: &str, seen: String| Proof {
            recorded: recorded.to_owned(),
            seen,
            place: folder.clone(),
        };
        if let Some(why) = self.sight.unreadable.get(folder.as_str()) {
            let proof = proof("a folder", (*why).to_owned());
            let advice = format!("{}; {heal}", dead_disk(self.sight));
            return self.add(found, Kind::BrickUnreadable, of_brick, proof, advice);
        }
        let directories = self.sight.directories.as_ref();
        let Some(seen) = directories.and_then(|all| all.get(folder.as_str())) else {
            return;
        };
        match seen.space {
            None => {
                let proof = proof("a folder", "there is no such folder".into());
                let advice = format!("{}; {heal}", self.mount());
                self.add(found, Kind::BrickMissing, of_brick, proof, advice);
            }
            Some(_) => self.size(seen, found),
        }
    }

    /// Others may have made the file system larger, and nobody promises what it has more.
    fn size(&self, seen: &DirectorySeen, found: &mut Found<'_>) {
        let Some((size, _)) = seen.space.filter(|(size, _)| *size < self.device.total) else {
            return;
        };
        let subject = Subject {
            kind: "device",
            id: self.device.id.to_string(),
            name: self.device.path.to_string(),
        };
        let proof = Proof {
            recorded: self.device.total.to_string(),
            seen: format!("the folder of a brick of it is on a file system of {size}"),
            place: seen.path.clone(),
        };
        self.add(found, Kind::DeviceSize, subject, proof, self.mount());
    }

    fn mount(&self) -> String {
        format!(
            "see that the file system that belongs at {} is mounted there on {}",
            self.device.path, self.sight.node.manage
        )
    }

    fn add(&self, found: &mut Found<'_>, kind: Kind, subject: Subject, proof: Proof, advice: String) {
        let about = about_brick(self.brick, self.device);
        let finding = Finding {
            kind,
            subject,
            node: Some(self.device.node),
            proof,
            remedy: Remedy::ByHand(advice),
        };
        found.add(&about, finding);
    }
}
