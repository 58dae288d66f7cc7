//! Where bricks go.
//!
//! Hard rules: bricks of a set on distinct nodes; online devices of online, healthy nodes; tags; strict zones
//! where asked; strictly more free than the brick takes (Heketi's rule). Soft rules, in order: distinct zones, arbiters
//! where nothing else may be, even relative fill, fewer bricks, then chance that the seed decides.

use std::collections::{BTreeMap, BTreeSet};

use mortar_model::{
    ByteSize, ClusterId, Device, DeviceId, DeviceKind, Inventory, Node, NodeId, State, ZoneChecking,
};

use crate::index::{Question, Slot, Standing};
use crate::landscape::Landscape;
use crate::refusal::{DeviceRefusal, NoSpace, Rule};
use crate::request::TagRule;
use crate::seed::Seed;
use crate::shape::{self, Role, Shape};
use crate::space::{BrickSize, footprint};

/// What the bricks of a volume need of their devices.
pub(crate) struct Needs<'a> {
    pub(crate) cluster: ClusterId,
    pub(crate) shape: Shape,
    pub(crate) zones: ZoneChecking,
    pub(crate) tag_rules: &'a [TagRule],
}

/// Devices chosen, set by set, each by its place in the set.
pub(crate) type Sets = Vec<Vec<DeviceId>>;

/// A search for places that remembers what it has taken so far.
pub(crate) struct Search<'a> {
    landscape: &'a Landscape,
    needs: &'a Needs<'a>,
    brick: BrickSize,
    taken: BTreeMap<DeviceId, Slot>,
}

/// The set being filled: nodes and zones that it has.
#[derive(Default)]
struct Set {
    devices: BTreeMap<u32, DeviceId>,
    nodes: BTreeSet<NodeId>,
    zones: BTreeSet<u32>,
    /// The device that its next brick is to leave.
    left: Option<DeviceId>,
}

impl<'a> Search<'a> {
    pub(crate) const fn new(landscape: &'a Landscape, needs: &'a Needs<'a>, brick: BrickSize) -> Self {
        Self {
            landscape,
            needs,
            brick,
            taken: BTreeMap::new(),
        }
    }

    /// Places `sets` sets. When a brick finds no place, tells each device's rule for that brick.
    pub(crate) fn place(mut self, sets: u32, seed: &mut Seed) -> Result<Sets, Vec<(DeviceId, Rule)>> {
        (0..sets).map(|_| self.place_set(seed)).collect()
    }

    /// Places one set, in the first order of its places that works; tells of the first when none does.
    fn place_set(&mut self, seed: &mut Seed) -> Result<Vec<DeviceId>, Vec<(DeviceId, Rule)>> {
        let mut refused = None;
        for order in self.needs.shape.orders() {
            let before = self.taken.clone();
            match self.fill(&order, seed) {
                Ok(set) => return Ok(set),
                Err(rules) => {
                    self.taken = before;
                    refused.get_or_insert(rules);
                }
            }
        }
        Err(refused.unwrap_or_default())
    }

    fn fill(&mut self, order: &[u32], seed: &mut Seed) -> Result<Vec<DeviceId>, Vec<(DeviceId, Rule)>> {
        let mut set = Set::default();
        for place in order {
            let start = seed.next_u64();
            let Some(slot) = self.choose(&set, *place, start) else {
                return Err(self.refusals(&set, *place));
            };
            set.devices.insert(*place, slot.device);
            set.nodes.insert(slot.node);
            set.zones.insert(slot.zone);
            self.take(slot, *place);
        }
        Ok(set.devices.into_values().collect())
    }

    /// Finds a device for the brick at `place` beside `others` of its set, other than `left`. When there is none, tells
    /// each device's rule.
    pub(crate) fn place_beside(
        &self,
        place: u32,
        others: impl Iterator<Item = DeviceId>,
        left: DeviceId,
        seed: &mut Seed,
    ) -> Result<DeviceId, Vec<(DeviceId, Rule)>> {
        let set = self.set_of(others, Some(left));
        match self.choose(&set, place, seed.next_u64()) {
            Some(slot) => Ok(slot.device),
            None => Err(self.refusals(&set, place)),
        }
    }

    /// Finds a device for a brick of this size at `place` beside `others` of its set, and takes the room. When there is none,
    /// tells each device's rule.
    pub(crate) fn add_beside(
        &mut self,
        place: u32,
        others: &[DeviceId],
        brick: BrickSize,
        seed: &mut Seed,
    ) -> Result<DeviceId, Vec<(DeviceId, Rule)>> {
        self.brick = brick;
        let set = self.set_of(others.iter().copied(), None);
        let Some(slot) = self.choose(&set, place, seed.next_u64()) else {
            return Err(self.refusals(&set, place));
        };
        let device = slot.device;
        self.take(slot, place);
        Ok(device)
    }

    /// A set that has bricks on these devices.
    fn set_of(&self, others: impl Iterator<Item = DeviceId>, left: Option<DeviceId>) -> Set {
        let inventory = self.landscape.inventory();
        let mut set = Set {
            left,
            ..Set::default()
        };
        for device in others {
            if let Some(node) = self.device(device).and_then(|device| inventory.node(device.node)) {
                set.nodes.insert(node.id);
                set.zones.insert(node.zone);
            }
        }
        set
    }

    /// A device in a zone that the set does not have yet; else, unless zones are strict, in any.
    fn choose(&self, set: &Set, place: u32, start: u64) -> Option<Slot> {
        let elsewhere = self.choose_outside(set, place, &set.zones, start);
        if elsewhere.is_some() || self.needs.zones == ZoneChecking::Strict {
            return elsewhere;
        }
        self.choose_outside(set, place, &BTreeSet::new(), start)
    }

    /// A device outside these zones; for an arbiter one that takes nothing else, where there is one.
    fn choose_outside(&self, set: &Set, place: u32, zones: &BTreeSet<u32>, start: u64) -> Option<Slot> {
        let fits = |slot: &Slot| self.rule(slot, set, place).is_none();
        let dedicated = (self.needs.shape.role(place) == Role::Arbiter).then(|| {
            let inventory = self.landscape.inventory();
            let only = |slot: &Slot| {
                let device = inventory.device(slot.device);
                let node = inventory.node(slot.node);
                device
                    .zip(node)
                    .is_some_and(|(device, node)| shape::only_arbiters(device, node))
            };
            self.best(place, zones, start, &|slot| only(slot) && fits(slot))
        });
        dedicated
            .flatten()
            .or_else(|| self.best(place, zones, start, &fits))
    }

    fn best(
        &self,
        place: u32,
        zones: &BTreeSet<u32>,
        start: u64,
        fits: &dyn Fn(&Slot) -> bool,
    ) -> Option<Slot> {
        let untouched = |slot: &Slot| !self.taken.contains_key(&slot.device) && fits(slot);
        // An image takes the brick's size and a thin pool at least that: nothing smaller can fit.
        let question = Question {
            least_free: self.size(place).size,
            start,
            zones,
            fits: &untouched,
        };
        let fresh = self.landscape.index().best(self.needs.cluster, &question);
        // Devices that this very search has taken from stand in the index as they were before.
        let used = self
            .taken
            .values()
            .filter(|slot| !zones.contains(&slot.zone) && fits(slot));
        fresh
            .into_iter()
            .chain(used)
            .min_by_key(|slot| Standing::new(slot, start))
            .cloned()
    }

    fn size(&self, place: u32) -> BrickSize {
        self.needs.shape.brick(place, self.brick)
    }

    fn take(&mut self, mut slot: Slot, place: u32) {
        slot.used += self
            .device(slot.device)
            .map_or(ByteSize::ZERO, |device| footprint(self.size(place), &device.kind));
        slot.bricks += 1;
        self.taken.insert(slot.device, slot);
    }

    fn device(&self, id: DeviceId) -> Option<&'a Device> {
        self.landscape.inventory().device(id)
    }

    /// The rule that keeps a usable device from taking the next brick of the set, zones apart.
    fn rule(&self, slot: &Slot, set: &Set, place: u32) -> Option<Rule> {
        if set.left == Some(slot.device) {
            return Some(Rule::Left);
        }
        if set.nodes.contains(&slot.node) {
            return Some(Rule::NodeInSet);
        }
        let device = self.device(slot.device)?;
        if let Some(rule) = broken_tag_rule(self.landscape.inventory(), device, self.needs.tag_rules) {
            return Some(rule);
        }
        let node = self.landscape.inventory().node(slot.node)?;
        if let Some(rule) = shape::tag_rule(self.needs.shape.role(place), device, node) {
            return Some(rule);
        }
        let needed = footprint(self.size(place), &device.kind);
        (slot.free() <= needed).then(|| Rule::Full {
            needed,
            free: slot.free(),
        })
    }

    /// Each device of the cluster and why it cannot take the next brick of the set.
    fn refusals(&self, set: &Set, place: u32) -> Vec<(DeviceId, Rule)> {
        let inventory = self.landscape.inventory();
        let devices = inventory
            .nodes_of(self.needs.cluster)
            .flat_map(|node| inventory.devices_of(node.id));
        devices
            .filter_map(|device| self.refusal(device, set, place).map(|rule| (device.id, rule)))
            .collect()
    }

    fn refusal(&self, device: &Device, set: &Set, place: u32) -> Option<Rule> {
        if set.left == Some(device.id) {
            return Some(Rule::Left);
        }
        if let Some(rule) = unusable(self.landscape, device) {
            return Some(rule);
        }
        let slot = self
            .taken
            .get(&device.id)
            .or_else(|| self.landscape.index().slot(device.id))?;
        self.rule(slot, set, place).or_else(|| {
            let strict = self.needs.zones == ZoneChecking::Strict && set.zones.contains(&slot.zone);
            strict.then_some(Rule::ZoneInSet)
        })
    }
}

fn broken_tag_rule(inventory: &Inventory, device: &Device, rules: &[TagRule]) -> Option<Rule> {
    let node = inventory.node(device.node)?;
    let broken = rules.iter().find(|rule| !rule.keeps(&device.tags, &node.tags))?;
    let sign = if broken.equal { "=" } else { "!=" };
    Some(Rule::Tags(format!("{}{sign}{}", broken.key, broken.value)))
}

/// Why a device takes no bricks at all, whatever their size.
pub(crate) fn unusable(landscape: &Landscape, device: &Device) -> Option<Rule> {
    rules_against(landscape, device).next()
}

/// Every rule by which a device takes no bricks at all, the one that is told first: what is to be kept off it for one reason
/// may be let in in spite of another.
pub(crate) fn rules_against<'a>(
    landscape: &'a Landscape,
    device: &'a Device,
) -> impl Iterator<Item = Rule> + use<'a> {
    type Ask = fn(&Landscape, &Device, &Node) -> Option<Rule>;
    const ALL: [Ask; 6] = [
        |_, device, _| (device.kind == DeviceKind::Adopted).then_some(Rule::Adopted),
        |_, _, node| (node.state != State::Online).then_some(Rule::NodeOffline),
        |landscape, _, node| (!landscape.is_healthy(node.id)).then_some(Rule::NodeUnhealthy),
        |landscape, device, _| landscape.is_leaving(device.id).then_some(Rule::DeviceLeaving),
        |landscape, device, _| landscape.too_full(device.id).map(Rule::TooFull),
        |_, device, _| (device.state != State::Online).then_some(Rule::DeviceOffline),
    ];
    let node = landscape.inventory().node(device.node);
    let rules = node.map(|node| {
        ALL.into_iter()
            .filter_map(move |ask| ask(landscape, device, node))
    });
    rules.into_iter().flatten()
}

/// Every device of the cluster beside a placement that succeeded: chosen, refused by a rule, or outranked.
pub(crate) fn verdicts(
    landscape: &Landscape,
    needs: &Needs<'_>,
    brick: BrickSize,
    chosen: &Sets,
) -> Vec<(DeviceId, Rule)> {
    let chosen: BTreeSet<DeviceId> = chosen.iter().flatten().copied().collect();
    let search = Search::new(landscape, needs, brick);
    let inventory = landscape.inventory();
    let devices = inventory
        .nodes_of(needs.cluster)
        .flat_map(|node| inventory.devices_of(node.id));
    devices
        .map(|device| {
            let rule = if chosen.contains(&device.id) {
                Rule::Chosen
            } else {
                search
                    .refusal(device, &Set::default(), 0)
                    .unwrap_or(Rule::Outranked)
            };
            (device.id, rule)
        })
        .collect()
}

/// Names the devices of refusals, as many as are listed.
pub(crate) fn name_refusals(
    inventory: &Inventory,
    refusals: &[(DeviceId, Rule)],
) -> (Vec<DeviceRefusal>, usize) {
    let named = refusals.iter().take(NoSpace::LISTED).filter_map(|(id, rule)| {
        let device = inventory.device(*id)?;
        let node = inventory.node(device.node)?;
        Some(DeviceRefusal {
            device: *id,
            path: device.path.clone(),
            node: node.id,
            host: node.manage.clone(),
            zone: node.zone,
            rule: rule.clone(),
        })
    });
    (named.collect(), refusals.len().saturating_sub(NoSpace::LISTED))
}
