//! How large a brick is, and what it takes of its device.

use mortar_model::layout::read;
use mortar_model::{Brick, BrickSpace, ByteSize, Device, DeviceKind, LvmName, Volume, layout};
use mortar_plan::{BrickSize, arbiter_size, brick_space};

use super::Work;
use super::listed::Listed;
use super::report::FoundKind;
use super::traces::Trace;
use super::volumes::unrestored;

/// Size of a brick and what it takes.
type Measure = (ByteSize, BrickSpace);

impl Work<'_> {
    /// The bricks of a volume. Where each is in the list says its set and its place.
    pub(super) fn bricks(
        &mut self,
        volume: &Volume,
        listed: &[Listed],
    ) -> Result<Vec<Brick>, (FoundKind, String)> {
        let per_set = volume.durability.bricks_per_set() as usize;
        let mut bricks = Vec::with_capacity(listed.len());
        for (set, members) in (0..).zip(listed.chunks(per_set)) {
            let measured: Vec<Option<Measure>> = members
                .iter()
                .map(|brick| self.measured(volume, *brick))
                .collect();
            // An arbiter tells nothing of how large the others are.
            let twins: Vec<(Listed, Measure)> = (0..)
                .zip(members.iter().zip(&measured))
                .filter(|(position, _)| !volume.durability.is_arbiter(*position))
                .filter_map(|(_, (brick, measure))| Some((*brick, (*measure)?)))
                .collect();
            for (position, (member, measure)) in (0..).zip(members.iter().zip(&measured)) {
                let (size, space) = match measure {
                    Some(measure) => *measure,
                    None => self.as_its_twin(volume, *member, position, &twins)?,
                };
                let brick = Brick {
                    id: member.brick,
                    volume: volume.id,
                    device: member.device,
                    size,
                    space,
                    set,
                    position,
                    names: self.names_of(member.node, member.brick).map(Box::new),
                    pool: self.pool_of(*member),
                };
                self.compare(volume, *member, &brick);
                bricks.push(brick);
            }
        }
        Ok(bricks)
    }

    fn ground_of(&self, brick: Listed) -> &Device {
        self.inventory
            .device(brick.device)
            .expect("bricks are listed on devices that were restored")
    }

    /// The thin pool that it is in, where that was made for another brick.
    fn pool_of(&self, brick: Listed) -> Option<Box<LvmName>> {
        let DeviceKind::Lvm { shared: None, .. } = self.ground_of(brick).kind else {
            return None;
        };
        let volume = self.trace(brick)?.volume?;
        // One that was taken over has its pool among its names.
        if read::taken(&volume.tags).is_some() {
            return None;
        }
        let pool = volume.pool.as_deref()?;
        let other = pool != layout::thin_pool(brick.brick);
        other.then(|| LvmName::new(pool).ok().map(Box::new)).flatten()
    }

    /// What the node shows of it: its space itself, else its file.
    fn measured(&self, volume: &Volume, brick: Listed) -> Option<Measure> {
        let trace = self.trace(brick)?;
        let kind = &self.ground_of(brick).kind;
        let said = trace
            .identity
            .as_ref()
            .map(|identity| ByteSize::from_bytes(identity.size));
        match kind {
            // No node's file tells of one: it is adopted again.
            DeviceKind::Adopted => None,
            DeviceKind::Directory => {
                let size = trace.image.map(|image| image.size).or(said)?;
                Some((size, BrickSpace::Image))
            }
            DeviceKind::Lvm { .. } => {
                let size = trace.volume.map(|volume| volume.size).or(said)?;
                let space = match kind.shared() {
                    Some(_) => BrickSpace::Shared,
                    None => pool_seen(trace).or_else(|| space_said(volume, kind, size, trace))?,
                };
                Some((size, space))
            }
        }
    }

    /// A brick that does not show its size is as large as the others of its set, or as the arbiter beside them: they were
    /// made together. A thin pool that is there without it takes what it takes.
    fn as_its_twin(
        &mut self,
        volume: &Volume,
        brick: Listed,
        position: u32,
        twins: &[(Listed, Measure)],
    ) -> Result<Measure, (FoundKind, String)> {
        let host = self.host(brick.node);
        let kind = self.ground_of(brick).kind.clone();
        let alike = |twin: &Listed| {
            self.ground_of(*twin).kind.extent() == kind.extent()
                && std::mem::discriminant(&self.ground_of(*twin).kind) == std::mem::discriminant(&kind)
                && self.ground_of(*twin).kind.shared().is_some() == kind.shared().is_some()
        };
        let pool = self.trace(brick).and_then(pool_seen);
        let pool = pool.filter(|_| matches!(kind, DeviceKind::Lvm { shared: None, .. }));
        let arbiter = volume.durability.is_arbiter(position);
        let (size, space) = match twins.iter().find(|(twin, _)| alike(twin) && !arbiter) {
            Some((_, measure)) => *measure,
            None => {
                let (_, (size, _)) = twins.first().ok_or_else(|| {
                    unrestored(format!(
                        "nothing shows how large its brick {} on {host} is",
                        brick.brick
                    ))
                })?;
                let size = if arbiter {
                    arbiter_size(*size, &volume.options)
                } else {
                    *size
                };
                let size = size.round_up(kind.extent());
                (size, brick_space(wanted(volume, size), &kind))
            }
        };
        let about = format!("brick {} of volume {} on node {host}", brick.brick, volume.name);
        let instead = if arbiter {
            "the size that an arbiter beside the other bricks of its set has"
        } else {
            "the size of another brick of its set"
        };
        match self.why_unseen(brick) {
            Some(why) => self.notes.gap(about, format!("its size: {why}"), instead),
            None => self.notes.contradiction(
                about,
                match pool {
                    Some(_) => "the volume lists it, and only its thin pool is there",
                    None => "the volume lists it, and nothing is there of its space",
                },
                format!("it is restored with {instead}; 'mortar check' tells what is missing"),
            ),
        }
        Ok((size, pool.unwrap_or(space)))
    }

    /// Why nothing is seen of a brick, when that does not say that nothing is there.
    fn why_unseen(&self, brick: Listed) -> Option<String> {
        let Some(machine) = self.placed.get(&brick.node).and_then(|placed| placed.machine) else {
            return Some("its node did not answer".into());
        };
        self.unseen_on(machine, self.ground_of(brick))
    }

    /// Why it cannot be told what is on a device of a machine that answered.
    pub(super) fn unseen_on(&self, machine: usize, device: &Device) -> Option<String> {
        let survey = self.ground.machines[machine].survey;
        let own = device.path.as_str();
        match device.kind {
            DeviceKind::Adopted => None,
            DeviceKind::Lvm { .. } => survey.volumes.as_ref().err().cloned(),
            DeviceKind::Directory => {
                let unreadable = survey.unreadable.iter().find(|(path, _)| path == own);
                let unasked = survey.directories.iter().flatten().all(|seen| seen.path != own);
                let unasked = unasked.then(|| "its directory was not looked at".to_owned());
                let error = survey.images.as_ref().err().cloned();
                error
                    .or_else(|| unreadable.map(|(_, why)| why.clone()))
                    .or(unasked)
            }
        }
    }

    /// What the brick's file says beside what was decided.
    fn compare(&mut self, volume: &Volume, listed: Listed, brick: &Brick) {
        let Some(trace) = self.trace(listed) else { return };
        let mut said = Vec::new();
        if let Some(why) = &trace.unreadable {
            said.push(format!("its file cannot be used: {why}"));
        }
        if let Some(identity) = &trace.identity {
            if identity.volume != volume.id {
                said.push(format!(
                    "its file says that it is of volume {} ({})",
                    identity.volume_name, identity.volume
                ));
            }
            if (identity.set, identity.position) != (brick.set, brick.position) {
                said.push(format!(
                    "its file says that it is brick {} of set {}, the volume lists it as brick {} of set {}",
                    identity.position, identity.set, brick.position, brick.set
                ));
            }
            // A thin pool may have become larger for a copy since.
            let thin = matches!(brick.space, BrickSpace::ThinPool { .. });
            let takes = if thin && trace.pool.is_some() {
                brick.footprint().bytes()
            } else {
                identity.footprint
            };
            if (identity.size, takes) != (brick.size.bytes(), brick.footprint().bytes()) {
                said.push(format!(
                    "its file says that it has {} and takes {}, it has {} and takes {}",
                    ByteSize::from_bytes(identity.size),
                    ByteSize::from_bytes(identity.footprint),
                    brick.size,
                    brick.footprint()
                ));
            }
        }
        let about = format!(
            "brick {} of volume {} on node {}",
            brick.id,
            volume.name,
            self.host(listed.node)
        );
        for found in said {
            self.notes.contradiction(
                about.clone(),
                found,
                "what the pool and the node's tools show counts",
            );
        }
    }
}

fn wanted(volume: &Volume, size: ByteSize) -> BrickSize {
    let snapshots = volume.snapshots;
    BrickSize {
        size,
        snapshot_factor: if snapshots.enable {
            snapshots.factor.max(1.0)
        } else {
            1.0
        },
    }
}

fn pool_seen(trace: &Trace<'_>) -> Option<BrickSpace> {
    let pool = trace.pool?;
    Some(BrickSpace::ThinPool {
        pool: pool.size,
        metadata: pool.metadata,
    })
}

/// What a thin pool that LVM does not tell of takes, by the brick's file: it says the sum.
fn space_said(volume: &Volume, kind: &DeviceKind, size: ByteSize, trace: &Trace<'_>) -> Option<BrickSpace> {
    let sum = ByteSize::from_bytes(trace.identity.as_ref()?.footprint);
    let computed = brick_space(wanted(volume, size), kind);
    let BrickSpace::ThinPool { metadata, .. } = computed else {
        return None;
    };
    Some(BrickSpace::ThinPool {
        pool: sum.minus(metadata),
        metadata,
    })
}
