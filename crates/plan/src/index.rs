//! The placement index: which device is the emptiest that still fits, without looking at all of them.
//!
//! Devices that take bricks are kept in classes of free space (four to an octave, so a class's members differ by
//! less than a quarter), within a class by zone, and within a zone by rank: relative fill first, then number of
//! bricks, then a number that scatters devices that are otherwise equal. Each class also keeps its zones by the
//! rank of their best device. A question walks zones and devices in rank order and stops at the first that
//! nothing later can beat, so it costs the logarithm of the number of devices times the number of classes in
//! use, plus the few devices it must skip because their node or zone is already in the set.
//!
//! Rejected: one list by fill for the whole cluster. A new empty rack in a zone that the set already uses would
//! have to be walked through, device by device.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use mortar_model::{ByteSize, ClusterId, DeviceId, NodeId};

use crate::seed::scatter;

/// How good a device is, smaller is better; `scatter` orders equals from a starting point that the seed chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    /// Used over total, in 2^-32.
    pub(crate) fill: u64,
    /// Bricks on the device.
    pub(crate) bricks: u32,
    scatter: u64,
}

impl Rank {
    /// The rank of a device with this use.
    pub(crate) fn new(used: ByteSize, total: ByteSize, bricks: u32, scatter: u64) -> Self {
        let fill = (u128::from(used.bytes()) << 32) / u128::from(total.bytes().max(1));
        Self {
            fill: u64::try_from(fill).unwrap_or(u64::MAX),
            bricks,
            scatter,
        }
    }

    const fn level(self) -> (u64, u32) {
        (self.fill, self.bricks)
    }
}

/// A device as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) device: DeviceId,
    pub(crate) node: NodeId,
    pub(crate) cluster: ClusterId,
    pub(crate) zone: u32,
    pub(crate) used: ByteSize,
    pub(crate) total: ByteSize,
    pub(crate) bricks: u32,
}

impl Slot {
    pub(crate) fn free(&self) -> ByteSize {
        self.total.minus(self.used)
    }

    pub(crate) fn rank(&self) -> Rank {
        Rank::new(self.used, self.total, self.bricks, scatter(self.device.as_u128()))
    }
}

/// What a question excludes, and how it judges a device that the walk comes to.
pub(crate) struct Question<'a> {
    /// Devices with less free space than this cannot fit, whatever they are.
    pub(crate) least_free: ByteSize,
    /// Where to begin among equals.
    pub(crate) start: u64,
    /// Zones that may not be used.
    pub(crate) zones: &'a BTreeSet<u32>,
    /// Whether this device, in a zone that may be used, will do.
    pub(crate) fits: &'a dyn Fn(&Slot) -> bool,
}

/// The index over all clusters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Index {
    slots: HashMap<DeviceId, Slot>,
    clusters: BTreeMap<ClusterId, Classes>,
}

type Classes = BTreeMap<u16, Class>;

#[derive(Clone, Debug, Default)]
struct Class {
    zones: BTreeMap<u32, BTreeSet<(Rank, DeviceId)>>,
    heads: BTreeSet<(Rank, u32)>,
}

impl Class {
    /// The zone's place among zones: the level of its best device, scattered by zone.
    fn head(&self, zone: u32) -> Option<(Rank, u32)> {
        let best = self.zones.get(&zone)?.first()?.0;
        Some((
            Rank {
                scatter: scatter(u128::from(zone)),
                ..best
            },
            zone,
        ))
    }

    fn change(&mut self, zone: u32, change: impl FnOnce(&mut BTreeSet<(Rank, DeviceId)>)) {
        if let Some(head) = self.head(zone) {
            self.heads.remove(&head);
        }
        let devices = self.zones.entry(zone).or_default();
        change(devices);
        if devices.is_empty() {
            self.zones.remove(&zone);
        }
        if let Some(head) = self.head(zone) {
            self.heads.insert(head);
        }
    }
}

/// The class of a device with this much free: its octave and the quarter within.
fn class_of(free: ByteSize) -> u16 {
    let kib = free.kib();
    if kib < 4 {
        return 0;
    }
    let octave = kib.ilog2();
    let quarter = (kib >> (octave - 2)) & 3;
    u16::try_from(u64::from(octave) * 4 + quarter).expect("64 octaves of 4 quarters fit in 16 bits")
}

impl Index {
    /// Adds a device, or moves it to where it now belongs.
    pub(crate) fn put(&mut self, slot: Slot) {
        if self.slots.get(&slot.device) == Some(&slot) {
            return;
        }
        self.remove(slot.device);
        let class = self
            .clusters
            .entry(slot.cluster)
            .or_default()
            .entry(class_of(slot.free()))
            .or_default();
        class.change(slot.zone, |devices| {
            devices.insert((slot.rank(), slot.device));
        });
        self.slots.insert(slot.device, slot);
    }

    /// Takes a device out.
    pub(crate) fn remove(&mut self, device: DeviceId) {
        let Some(slot) = self.slots.remove(&device) else {
            return;
        };
        let Some(classes) = self.clusters.get_mut(&slot.cluster) else {
            return;
        };
        let number = class_of(slot.free());
        let Some(class) = classes.get_mut(&number) else {
            return;
        };
        class.change(slot.zone, |devices| {
            devices.remove(&(slot.rank(), device));
        });
        if class.heads.is_empty() {
            classes.remove(&number);
        }
    }

    /// The device's slot, when it takes bricks.
    pub(crate) fn slot(&self, device: DeviceId) -> Option<&Slot> {
        self.slots.get(&device)
    }

    /// Whether any device of the cluster takes bricks.
    pub(crate) fn has_devices(&self, cluster: ClusterId) -> bool {
        self.clusters
            .get(&cluster)
            .is_some_and(|classes| !classes.is_empty())
    }

    /// The best device of the cluster for this question.
    pub(crate) fn best(&self, cluster: ClusterId, question: &Question<'_>) -> Option<&Slot> {
        let mut best: Option<(Standing, &Slot)> = None;
        let classes = self.clusters.get(&cluster)?;
        for class in classes
            .range(class_of(question.least_free)..)
            .map(|(_, class)| class)
        {
            for (head, zone) in seeded(&class.heads, question.start) {
                // Zones come in the order of their standing: none after this one can be better than it.
                let bound = (head.level(), head.scatter.wrapping_sub(question.start));
                if best
                    .as_ref()
                    .is_some_and(|(standing, _)| bound > (standing.level, standing.zone))
                {
                    break;
                }
                if question.zones.contains(&zone) {
                    continue;
                }
                let Some(found) = self.best_of_zone(class, zone, question) else {
                    continue;
                };
                let standing = Standing::new(found, question.start);
                if best.as_ref().is_none_or(|(other, _)| standing < *other) {
                    best = Some((standing, found));
                }
            }
        }
        best.map(|(_, slot)| slot)
    }

    fn best_of_zone(&self, class: &Class, zone: u32, question: &Question<'_>) -> Option<&Slot> {
        seeded(class.zones.get(&zone)?, question.start)
            .filter_map(|(_, device)| self.slots.get(&device))
            .find(|slot| (question.fits)(slot))
    }
}

/// A candidate among candidates: level first, then how far its zone and it are from the seed's starting point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Standing {
    level: (u64, u32),
    zone: u64,
    device: u64,
}

impl Standing {
    pub(crate) fn new(slot: &Slot, start: u64) -> Self {
        Self {
            level: slot.rank().level(),
            zone: scatter(u128::from(slot.zone)).wrapping_sub(start),
            device: scatter(slot.device.as_u128()).wrapping_sub(start),
        }
    }
}

/// Walks a set in rank order; among equals (same level) begins at `start` and wraps around.
fn seeded<T: Copy + Ord + 'static>(
    set: &BTreeSet<(Rank, T)>,
    start: u64,
) -> impl Iterator<Item = (Rank, T)> + '_
where
    BTreeSet<(Rank, T)>: ByRank<T>,
{
    let mut level: Option<(u64, u32)> = set.first().map(|(rank, _)| rank.level());
    std::iter::from_fn(move || {
        let (fill, bricks) = level?;
        let lowest = Rank {
            fill,
            bricks,
            scatter: 0,
        };
        let highest = Rank {
            fill,
            bricks,
            scatter: u64::MAX,
        };
        let group = move || {
            set.iter_from(lowest)
                .take_while(move |(rank, _)| *rank <= highest)
        };
        let from_start = set
            .iter_from(Rank {
                scatter: start,
                ..lowest
            })
            .take_while(move |(rank, _)| *rank <= highest);
        let wrapped = group().take_while(move |(rank, _)| rank.scatter < start);
        level = set.first_after(highest).map(|(rank, _)| rank.level());
        Some(from_start.chain(wrapped))
    })
    .flatten()
    .copied()
}

/// Ranges over the rank alone, whatever the second half of the pair is.
trait ByRank<T: 'static> {
    fn iter_from(&self, rank: Rank) -> impl Iterator<Item = &(Rank, T)>;
    fn first_after(&self, rank: Rank) -> Option<&(Rank, T)>;
}

impl ByRank<DeviceId> for BTreeSet<(Rank, DeviceId)> {
    fn iter_from(&self, rank: Rank) -> impl Iterator<Item = &(Rank, DeviceId)> {
        self.range((Bound::Included((rank, DeviceId::from_u128(0))), Bound::Unbounded))
    }
    fn first_after(&self, rank: Rank) -> Option<&(Rank, DeviceId)> {
        self.range((
            Bound::Excluded((rank, DeviceId::from_u128(u128::MAX))),
            Bound::Unbounded,
        ))
        .next()
    }
}

impl ByRank<u32> for BTreeSet<(Rank, u32)> {
    fn iter_from(&self, rank: Rank) -> impl Iterator<Item = &(Rank, u32)> {
        self.range((Bound::Included((rank, 0)), Bound::Unbounded))
    }
    fn first_after(&self, rank: Rank) -> Option<&(Rank, u32)> {
        self.range((Bound::Excluded((rank, u32::MAX)), Bound::Unbounded))
            .next()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use mortar_model::{ByteSize, ClusterId, DeviceId, NodeId};
    use proptest::prelude::*;

    use super::{Index, Question, Slot, Standing, class_of};

    fn slot(device: u128, zone: u32, node: u128, used: u64, total: u64, bricks: u32) -> Slot {
        Slot {
            device: DeviceId::from_u128(device),
            node: NodeId::from_u128(node),
            cluster: ClusterId::from_u128(1),
            zone,
            used: ByteSize::from_mib(used),
            total: ByteSize::from_mib(total),
            bricks,
        }
    }

    #[test]
    fn classes_grow_with_free_space() {
        let sizes: Vec<u64> = (0..63)
            .map(|shift| 1_u64 << shift)
            .flat_map(|s| [s, s + s / 4, s + s / 2])
            .collect();
        assert!(sizes.windows(2).all(|pair| {
            class_of(ByteSize::from_bytes(pair[0])) <= class_of(ByteSize::from_bytes(pair[1]))
        }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        /// The walk finds what looking at every device finds, whatever was put, moved and removed before.
        #[test]
        fn the_walk_equals_the_full_search(
            changes in proptest::collection::vec((0..30_u128, 0..4_u32, 0..8_u128, 0..100_u64, 1..100_u64, 0..3_u32, any::<bool>()), 1..80),
            need in 0..90_u64, start: u64, zones in proptest::collection::btree_set(0..4_u32, 0..4), nodes in proptest::collection::btree_set(0..8_u128, 0..5),
        ) {
            let mut index = Index::default();
            let mut all = std::collections::BTreeMap::new();
            for (device, zone, node, used, total, bricks, remove) in changes {
                let slot = slot(device, zone, node, used.min(total), total, bricks);
                if remove {
                    index.remove(slot.device);
                    all.remove(&slot.device);
                } else {
                    index.put(slot.clone());
                    all.insert(slot.device, slot);
                }
            }
            let need = ByteSize::from_mib(need);
            let fits = |slot: &Slot| slot.free() > need && !nodes.contains(&slot.node.as_u128());
            let zones: BTreeSet<u32> = zones;
            let found = index.best(ClusterId::from_u128(1), &Question { least_free: need, start, zones: &zones, fits: &fits });
            let expected = all.values().filter(|slot| !zones.contains(&slot.zone) && fits(slot)).min_by_key(|slot| Standing::new(slot, start));
            prop_assert_eq!(found, expected);
        }
    }
}
