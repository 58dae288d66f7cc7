//! Room in thin pools: a copy of a brick, and a clone that is made of it, are in the pool of that brick. Whatever is in a pool must fit
//! into it when it comes to share nothing, so a pool grows by what it lacks for one more.
//!
//! All bricks of a pool record its size. Who puts something into a pool holds the volumes of all of them: nobody else counts with the
//! same room, or with another size, meanwhile.

use std::collections::BTreeMap;

use mortar_model::work::{Goal, GrowthPart, GrowthSpec, Thing};
use mortar_model::{Brick, BrickCopy, BrickSpace, ByteSize, DeviceId, Inventory, VolumeId};

use crate::create::brick_steps;
use crate::landscape::Landscape;
use crate::plan::{Change, Stage, Step, Subject};
use crate::refusal::Refusal;
use crate::space::{growth_of, metadata_of};

/// Pools of bricks that are to be copied or cloned, as they are to be.
#[derive(Default)]
pub(crate) struct Pools {
    pools: BTreeMap<(DeviceId, String), Pool>,
}

/// One of them.
struct Pool {
    /// The brick that something is made of.
    brick: Brick,
    /// What the pool is to have.
    space: BrickSpace,
    /// What everything in it comes to then.
    promised: ByteSize,
}

/// What everything in the thin pool of this brick may come to take of it; nothing where it is in none, or in that of its device.
pub(crate) fn promised(inventory: &Inventory, brick: &Brick) -> ByteSize {
    let BrickSpace::ThinPool { .. } = brick.space else {
        return ByteSize::ZERO;
    };
    let pool = brick.place().thin_pool();
    let bricks = inventory.bricks_in(brick.device, &pool).map(|brick| brick.size);
    let copies = inventory.copies_in(brick.device, &pool);
    bricks.sum::<ByteSize>() + copies.map(|copy| copy.brick.size).sum()
}

/// How large the data of a pool of `now` must be for `more` beside what is promised of it. What Heketi's clones were promised over
/// what there is stays as it is: it becomes no more.
pub(crate) fn data_for(now: ByteSize, promised: ByteSize, more: ByteSize) -> ByteSize {
    now + (promised + more).minus(now.max(promised))
}

/// The volumes with bricks in the pools of these, each with those bricks as they are; none where somebody changes one.
///
/// # Errors
/// A volume is being changed.
pub(crate) fn families<'a>(
    landscape: &Landscape,
    bricks: impl Iterator<Item = &'a Brick>,
) -> Result<BTreeMap<VolumeId, Vec<Brick>>, Refusal> {
    let mut families: BTreeMap<VolumeId, Vec<Brick>> = BTreeMap::new();
    for brick in bricks {
        let BrickSpace::ThinPool { .. } = brick.space else {
            continue;
        };
        let pool = brick.place().thin_pool();
        for member in landscape.inventory().bricks_in(brick.device, &pool) {
            landscape.unchanged_volume(member.volume)?;
            families.entry(member.volume).or_default().push(member.clone());
        }
    }
    Ok(families)
}

impl Pools {
    /// The pools in which these bricks are copied, with room for one more as large as each copy.
    ///
    /// # Errors
    /// A volume with a brick in one of them is being changed.
    pub(crate) fn for_copies<'a>(
        landscape: &Landscape,
        copies: impl Iterator<Item = &'a BrickCopy>,
    ) -> Result<Self, Refusal> {
        let inventory = landscape.inventory();
        let mut more: BTreeMap<(DeviceId, String), (Brick, ByteSize)> = BTreeMap::new();
        for copy in copies {
            let BrickSpace::ThinPool { .. } = copy.brick.space else {
                continue;
            };
            // Its pool may have become larger since the copy was made.
            let brick = inventory.brick(copy.brick.id).unwrap_or(&copy.brick);
            let key = (brick.device, brick.place().thin_pool());
            more.entry(key)
                .or_insert_with(|| (brick.clone(), ByteSize::ZERO))
                .1 += copy.brick.size;
        }
        families(landscape, more.values().map(|(brick, _)| brick))?;
        let pool = |(key, (brick, more)): ((DeviceId, String), (Brick, ByteSize))| {
            let promised = promised(inventory, &brick);
            let (data, beside) = inventory.pool_size(key.0, &key.1);
            let extent = inventory.device(key.0).map(|device| device.kind.extent());
            let wanted = data_for(data, promised, more).round_up(extent.unwrap_or_default());
            let metadata = metadata_of(wanted, extent.unwrap_or_default());
            // One that stays as it is keeps the metadata that it was made with, too.
            let metadata = if wanted > data {
                beside.max(metadata)
            } else {
                beside
            };
            let space = BrickSpace::ThinPool {
                pool: wanted,
                metadata,
            };
            let promised = promised + more;
            (
                key,
                Pool {
                    brick,
                    space,
                    promised,
                },
            )
        };
        Ok(Self {
            pools: more.into_iter().map(pool).collect(),
        })
    }

    fn of(&self, brick: &Brick) -> Option<&Pool> {
        let BrickSpace::ThinPool { .. } = brick.space else {
            return None;
        };
        self.pools.get(&(brick.device, brick.place().thin_pool()))
    }

    /// What the pool of this brick is to have; what the brick records where it is in none of them.
    pub(crate) fn space(&self, brick: &Brick) -> BrickSpace {
        self.of(brick).map_or(brick.space, |pool| pool.space)
    }

    /// What everything in the pool of this brick comes to then.
    pub(crate) fn promised(&self, brick: &Brick) -> ByteSize {
        self.of(brick).map_or(ByteSize::ZERO, |pool| pool.promised)
    }

    /// Those that become larger.
    fn growing(&self) -> impl Iterator<Item = &Pool> {
        self.pools.values().filter(|pool| pool.space != pool.brick.space)
    }

    /// What devices must have free for it.
    pub(crate) fn needs(&self, inventory: &Inventory) -> Vec<(DeviceId, ByteSize)> {
        let larger: Vec<Brick> = self.growing().map(Pool::larger).collect();
        growth_of(inventory, larger.iter())
    }

    /// Steps by which they grow, one for each that does.
    pub(crate) fn steps(&self, inventory: &Inventory, part: GrowthPart) -> Vec<Step> {
        let step = |pool: &Pool| {
            let volume = inventory.volume(pool.brick.volume)?;
            let mut step = brick_steps(inventory, volume, &[pool.larger()], Goal::Present).pop()?;
            let Thing::Brick(brick) = step.thing else {
                return None;
            };
            step.thing = Thing::Growth(GrowthSpec {
                part,
                brick,
                space_before: pool.brick.space,
            });
            Some(step)
        };
        self.growing().filter_map(step).collect()
    }

    /// The stage in which they grow; none where none does.
    pub(crate) fn stage(&self, inventory: &Inventory) -> Option<Stage> {
        let steps = self.steps(inventory, GrowthPart::Pool);
        (!steps.is_empty()).then(|| Stage {
            title: "make their thin pools larger".into(),
            steps,
        })
    }

    /// What becomes of the records of all bricks in them: their volumes are held, and those of larger pools say so.
    pub(crate) fn changes(&self, inventory: &Inventory) -> Vec<Change> {
        let mut volumes: BTreeMap<VolumeId, Vec<Brick>> = BTreeMap::new();
        for ((device, name), pool) in &self.pools {
            for brick in inventory.bricks_in(*device, name) {
                let grown = volumes.entry(brick.volume).or_default();
                if brick.space != pool.space {
                    grown.push(Brick {
                        space: pool.space,
                        ..brick.clone()
                    });
                }
            }
        }
        let change = |(volume, bricks): (VolumeId, Vec<Brick>)| {
            if bricks.is_empty() {
                return Change::Keep(Subject::Volume(volume));
            }
            Change::GrowBricks {
                volume,
                by: ByteSize::ZERO,
                bricks,
            }
        };
        volumes.into_iter().map(change).collect()
    }
}

impl Pool {
    fn larger(&self) -> Brick {
        Brick {
            space: self.space,
            ..self.brick.clone()
        }
    }
}
