//! Where bricks go.
//!
//! Hard rules: bricks of a set on distinct nodes; online devices of online, healthy nodes; tags; strict zones
//! where asked; strictly more free than the brick takes (Heketi's rule). Soft rules, in order: distinct zones,
//! even relative fill, fewer bricks, then chance that the seed decides.

use std::collections::{BTreeMap, BTreeSet};

use mortar_model::{ByteSize, ClusterId, Device, DeviceId, Inventory, NodeId, State, ZoneChecking};

use crate::index::{Question, Slot, Standing};
use crate::landscape::Landscape;
use crate::refusal::{DeviceRefusal, NoSpace, Rule};
use crate::request::TagRule;
use crate::seed::Seed;
use crate::space::{BrickSize, footprint};

/// What the bricks of a volume need of their devices.
pub(crate) struct Needs<'a> {
    pub(crate) cluster: ClusterId,
    pub(crate) bricks_per_set: u32,
    pub(crate) zones: ZoneChecking,
    pub(crate) tag_rules: &'a [TagRule],
}

/// Devices chosen, set by set.
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
    devices: Vec<DeviceId>,
    nodes: BTreeSet<NodeId>,
    zones: BTreeSet<u32>,
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
        let mut placed = Vec::new();
        for _ in 0..sets {
            let mut set = Set::default();
            for _ in 0..self.needs.bricks_per_set {
                let start = seed.next_u64();
                let Some(slot) = self.choose(&set, start) else {
                    return Err(self.refusals(&set));
                };
                set.devices.push(slot.device);
                set.nodes.insert(slot.node);
                set.zones.insert(slot.zone);
                self.take(slot);
            }
            placed.push(set.devices);
        }
        Ok(placed)
    }

    /// A device in a zone that the set does not have yet; else, unless zones are strict, in any.
    fn choose(&self, set: &Set, start: u64) -> Option<Slot> {
        let elsewhere = self.choose_outside(set, &set.zones, start);
        if elsewhere.is_some() || self.needs.zones == ZoneChecking::Strict {
            return elsewhere;
        }
        self.choose_outside(set, &BTreeSet::new(), start)
    }

    fn choose_outside(&self, set: &Set, zones: &BTreeSet<u32>, start: u64) -> Option<Slot> {
        let fits = |slot: &Slot| self.rule(slot, set).is_none();
        let untouched = |slot: &Slot| !self.taken.contains_key(&slot.device) && fits(slot);
        // An image takes the brick's size and a thin pool at least that: nothing smaller can fit.
        let question = Question {
            least_free: self.brick.size,
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

    fn take(&mut self, mut slot: Slot) {
        slot.used += self
            .device(slot.device)
            .map_or(ByteSize::ZERO, |device| footprint(self.brick, &device.kind));
        slot.bricks += 1;
        self.taken.insert(slot.device, slot);
    }

    fn device(&self, id: DeviceId) -> Option<&'a Device> {
        self.landscape.inventory().device(id)
    }

    /// The rule that keeps a usable device from taking the next brick of the set, zones apart.
    fn rule(&self, slot: &Slot, set: &Set) -> Option<Rule> {
        if set.nodes.contains(&slot.node) {
            return Some(Rule::NodeInSet);
        }
        let device = self.device(slot.device)?;
        if let Some(rule) = broken_tag_rule(self.landscape.inventory(), device, self.needs.tag_rules) {
            return Some(rule);
        }
        let needed = footprint(self.brick, &device.kind);
        (slot.free() <= needed).then(|| Rule::Full {
            needed,
            free: slot.free(),
        })
    }

    /// Each device of the cluster and why it cannot take the next brick of the set.
    fn refusals(&self, set: &Set) -> Vec<(DeviceId, Rule)> {
        let inventory = self.landscape.inventory();
        let devices = inventory
            .nodes_of(self.needs.cluster)
            .flat_map(|node| inventory.devices_of(node.id));
        devices
            .filter_map(|device| self.refusal(device, set).map(|rule| (device.id, rule)))
            .collect()
    }

    fn refusal(&self, device: &Device, set: &Set) -> Option<Rule> {
        if let Some(rule) = unusable(self.landscape, device) {
            return Some(rule);
        }
        let slot = self
            .taken
            .get(&device.id)
            .or_else(|| self.landscape.index().slot(device.id))?;
        self.rule(slot, set).or_else(|| {
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
fn unusable(landscape: &Landscape, device: &Device) -> Option<Rule> {
    let node = landscape.inventory().node(device.node)?;
    if node.state != State::Online {
        return Some(Rule::NodeOffline);
    }
    if !landscape.is_healthy(node.id) {
        return Some(Rule::NodeUnhealthy);
    }
    if landscape.is_leaving(device.id) {
        return Some(Rule::DeviceLeaving);
    }
    (device.state != State::Online).then_some(Rule::DeviceOffline)
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
                search.refusal(device, &Set::default()).unwrap_or(Rule::Outranked)
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
