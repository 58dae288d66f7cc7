//! Snapshots: each of their copies has a file beside it that tells of all.

use std::collections::{BTreeMap, BTreeSet};

use mortar_model::layout::read;
use mortar_model::{BrickId, Device, Snapshot, SnapshotId, layout};
use mortar_plan::identity;

use super::Work;
use super::report::FoundKind;

/// What was seen of a snapshot.
struct Seen {
    /// It, as the first of its files tells.
    snapshot: Snapshot,
    /// Its copies that are there, each with its file.
    copies: BTreeSet<BrickId>,
}

impl Work<'_> {
    /// Restores snapshots whose volume is restored and whose copies are all there.
    pub(super) fn snapshots(&mut self) {
        for (id, Seen { snapshot, copies }) in self.seen_snapshots() {
            let about = format!("snapshot {} ({id})", snapshot.name);
            if let Err(why) = self.snapshot(snapshot, &copies) {
                self.notes.left(FoundKind::Unrestored, about, None, why);
            }
        }
    }

    /// Copies of bricks that are no part of a snapshot that is restored: one was being made, or removed.
    pub(super) fn stray_copies(&mut self) {
        let recorded: BTreeSet<BrickId> = self
            .inventory
            .snapshots()
            .flat_map(|snapshot| &snapshot.bricks)
            .map(|copy| copy.id)
            .collect();
        let images = |machine: usize| self.ground.machines[machine].survey.images.iter().flatten();
        let mut strays = Vec::new();
        for machine in 0..self.ground.machines.len() {
            for image in images(machine) {
                let Some((_, copy)) = read::copy(&image.path) else {
                    continue;
                };
                let making = image.path.ends_with(".img.part");
                if making || (image.path.ends_with(".img") && !recorded.contains(&copy)) {
                    strays.push((machine, image, copy));
                }
            }
        }
        for (machine, image, copy) in strays {
            let host = self.ground.machines[machine].host;
            self.notes.keeps(
                FoundKind::Unfinished,
                format!("copy {copy}"),
                Some(host),
                format!(
                    "{} is no part of a snapshot that was restored: one was being made, or removed",
                    image.path
                ),
                self.kept_at(machine, image),
            );
        }
    }

    /// The same in thin pools: they take nothing beside their pool.
    pub(super) fn is_copy(&self, name: &str) -> bool {
        let Some((copy, false)) = read::copy_volume(name) else {
            return false;
        };
        let mut copies = self.inventory.snapshots().flat_map(|snapshot| &snapshot.bricks);
        copies.any(|known| known.id == copy)
    }

    fn seen_snapshots(&mut self) -> BTreeMap<SnapshotId, Seen> {
        let mut all: BTreeMap<SnapshotId, Seen> = BTreeMap::new();
        for machine in &self.ground.machines {
            let images: BTreeSet<&str> = machine
                .survey
                .images
                .iter()
                .flatten()
                .map(|image| image.path.as_str())
                .collect();
            for (path, text) in machine.survey.copies.iter().flatten() {
                let image = read::copy(path).map(|(_, copy)| copy);
                let thin = read::thin_copy(path);
                let Some(copy) = image.or(thin.map(|(_, copy)| copy)) else {
                    continue;
                };
                let there = match thin {
                    Some((device, copy)) => {
                        let mut volumes = machine.survey.volumes.iter().flatten();
                        let place = (layout::volume_group(device), layout::copy_volume(copy));
                        volumes.any(|volume| (&volume.group, &volume.name) == (&place.0, &place.1))
                    }
                    None => images.contains(path.replace(".json", ".img").as_str()),
                };
                match identity::read_snapshot_file(text) {
                    Ok(snapshot) => {
                        let seen = all.entry(snapshot.id).or_insert_with(|| Seen {
                            snapshot,
                            copies: BTreeSet::new(),
                        });
                        if there {
                            seen.copies.insert(copy);
                        }
                    }
                    Err(why) => self.notes.left(
                        FoundKind::Unrestored,
                        format!("copy {copy}"),
                        Some(machine.host),
                        format!("the file beside it does not tell of its snapshot: {why}"),
                    ),
                }
            }
        }
        all
    }

    fn snapshot(&mut self, snapshot: Snapshot, copies: &BTreeSet<BrickId>) -> Result<(), String> {
        if self.inventory.volume(snapshot.volume.id).is_none() {
            return Err(format!("its volume {} is not restored", snapshot.volume.name));
        }
        let mut unseen = Vec::new();
        for copy in &snapshot.bricks {
            let device = self.inventory.device(copy.brick.device);
            let device = device.ok_or_else(|| format!("its device {} is not restored", copy.brick.device))?;
            let machine = self.placed.get(&device.node).and_then(|node| node.machine);
            // What a node that did not answer holds is taken to be there, as its bricks are.
            let Some(machine) = machine.filter(|_| !copies.contains(&copy.id)) else {
                continue;
            };
            let place = layout::copy_place(device, copy.id);
            match self.copies_unseen(machine, device) {
                Some(why) => unseen.push(format!("whether its copy {place} is there: {why}")),
                None => {
                    return Err(format!(
                        "its copy {place} is not there: remove what is left of it by hand"
                    ));
                }
            }
        }
        let about = format!("snapshot {} ({})", snapshot.name, snapshot.id);
        for what in unseen {
            self.notes.gap(about.clone(), what, "it is taken to be");
        }
        self.inventory
            .add_snapshot(snapshot)
            .map_err(|error| error.to_string())
    }

    /// Why it cannot be told which copies a device of a machine that answered has.
    fn copies_unseen(&self, machine: usize, device: &Device) -> Option<String> {
        let files = self.ground.machines[machine].survey.copies.as_ref();
        files.err().cloned().or_else(|| self.unseen_on(machine, device))
    }
}
