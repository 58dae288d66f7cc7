//! Thin pools with everything that is in them. A pool counts once on its device, however many bricks are in it.

use std::collections::{BTreeMap, BTreeSet};

use super::Inventory;
use crate::layout::{self, read};
use crate::{Brick, BrickCopy, BrickId, BrickSpace, ByteSize, DeviceId};

/// Bricks in thin pools that were made for others, by pool: clones, and what Heketi cloned.
pub(super) type Guests = BTreeMap<DeviceId, BTreeMap<String, BTreeSet<BrickId>>>;

/// The pool of a brick that has another name than its own; `None` of one in a pool of its own, or in none that it has to itself.
fn foreign_pool(brick: &Brick) -> Option<String> {
    let BrickSpace::ThinPool { .. } = brick.space else {
        return None;
    };
    let place = brick.place();
    let named = place.pool.is_some() || place.names.is_some_and(|names| names.pool.is_some());
    let pool = named.then(|| place.thin_pool())?;
    (pool != layout::thin_pool(brick.id)).then_some(pool)
}

impl Inventory {
    /// The bricks in a thin pool that is not the device's for all: the one that it was made for, and those that were cloned into it.
    pub fn bricks_in<'a>(&'a self, device: DeviceId, pool: &'a str) -> impl Iterator<Item = &'a Brick> {
        let home = read::thin_pool(pool).and_then(|id| self.bricks.get(&id));
        let home = home.filter(move |brick| {
            let thin = matches!(brick.space, BrickSpace::ThinPool { .. });
            thin && brick.device == device && foreign_pool(brick).is_none()
        });
        let guests = self.guests.get(&device).and_then(|pools| pools.get(pool));
        let guests = guests.into_iter().flatten();
        home.into_iter()
            .chain(guests.filter_map(|id| self.bricks.get(id)))
    }

    /// Copies of bricks in such a pool.
    pub fn copies_in<'a>(&'a self, device: DeviceId, pool: &'a str) -> impl Iterator<Item = &'a BrickCopy> {
        let copies = self.copies_on(device).map(|(copy, _)| copy);
        copies.filter(move |copy| {
            let thin = matches!(copy.brick.space, BrickSpace::ThinPool { .. });
            thin && copy.brick.place().thin_pool() == pool
        })
    }

    /// Data and metadata of such a pool; nothing where no brick is in it.
    pub fn pool_size(&self, device: DeviceId, pool: &str) -> (ByteSize, ByteSize) {
        largest_pool(self.bricks_in(device, pool).map(|brick| brick.space))
    }

    /// Adds the brick to the account of its device, or takes it out, by a change that does nothing else than that.
    pub(super) fn account(&mut self, brick: &Brick, change: impl FnOnce(&mut Self)) {
        let pool = foreign_pool(brick);
        let shared = pool.is_some() || self.guests.contains_key(&brick.device);
        let name = match brick.space {
            BrickSpace::ThinPool { .. } if shared => pool.unwrap_or_else(|| layout::thin_pool(brick.id)),
            _ => return self.account_alone(brick, change),
        };
        let takes = |inventory: &Self| {
            let (data, metadata) = inventory.pool_size(brick.device, &name);
            data + metadata
        };
        let before = takes(self);
        change(self);
        let after = takes(self);
        let used = self.used.entry(brick.device).or_default();
        *used = used.minus(before) + after;
    }

    /// The same of one that shares what it takes with nobody.
    fn account_alone(&mut self, brick: &Brick, change: impl FnOnce(&mut Self)) {
        let takes = |inventory: &Self| {
            inventory
                .bricks
                .get(&brick.id)
                .map_or(ByteSize::ZERO, Brick::footprint)
        };
        let before = takes(self);
        change(self);
        let after = takes(self);
        let used = self.used.entry(brick.device).or_default();
        *used = used.minus(before) + after;
    }

    pub(super) fn note_guest(&mut self, brick: &Brick) {
        if let Some(pool) = foreign_pool(brick) {
            let pools = self.guests.entry(brick.device).or_default();
            pools.entry(pool).or_default().insert(brick.id);
        }
    }

    pub(super) fn forget_guest(&mut self, brick: &Brick) {
        let (Some(pool), Some(pools)) = (foreign_pool(brick), self.guests.get_mut(&brick.device)) else {
            return;
        };
        if let Some(bricks) = pools.get_mut(&pool) {
            bricks.remove(&brick.id);
            if bricks.is_empty() {
                pools.remove(&pool);
            }
        }
        if pools.is_empty() {
            self.guests.remove(&brick.device);
        }
    }
}

/// What a pool takes that these bricks record the size of: each is to record the same, and no pool becomes smaller.
pub fn largest_pool(spaces: impl Iterator<Item = BrickSpace>) -> (ByteSize, ByteSize) {
    let sizes = spaces.filter_map(|space| match space {
        BrickSpace::ThinPool { pool, metadata } => Some((pool, metadata)),
        BrickSpace::Shared | BrickSpace::Image | BrickSpace::Folder => None,
    });
    sizes.fold(
        (ByteSize::ZERO, ByteSize::ZERO),
        |(data, beside), (pool, metadata)| (data.max(pool), beside.max(metadata)),
    )
}

/// What bricks on one device take of it: each thin pool once.
pub fn taken_by<'a>(bricks: impl Iterator<Item = &'a Brick>) -> ByteSize {
    let mut pools: BTreeMap<String, Vec<BrickSpace>> = BTreeMap::new();
    let mut sum = ByteSize::ZERO;
    for brick in bricks {
        match brick.space {
            BrickSpace::ThinPool { .. } => {
                pools
                    .entry(brick.place().thin_pool())
                    .or_default()
                    .push(brick.space);
            }
            _ => sum += brick.footprint(),
        }
    }
    let pools = pools.into_values().map(|spaces| largest_pool(spaces.into_iter()));
    sum + pools.map(|(data, metadata)| data + metadata).sum()
}
