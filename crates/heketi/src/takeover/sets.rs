//! Which of a volume's bricks are likely one set, by what holds of every set: its bricks are on distinct nodes, in distinct zones where
//! that is demanded, and alike in size; its arbiter comes last.

use std::collections::{BTreeMap, BTreeSet};

use mortar_model::{Brick, ByteSize, Durability, NodeId, Volume, ZoneChecking};

use super::Taking;

/// Where no two bricks of a set may be both.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Node(NodeId),
    Zone(u32),
}

/// A brick with what the guess goes by.
struct Member {
    brick: Brick,
    node: NodeId,
    zone: u32,
    arbiter: bool,
}

/// Bricks that are likely copies of each other.
struct Set {
    bricks: Vec<Brick>,
    places: BTreeSet<Place>,
}

impl Taking<'_> {
    /// Puts bricks into sets, and sets into order.
    pub(super) fn in_sets(&self, volume: &Volume, bricks: Vec<Brick>) -> Result<Vec<Brick>, String> {
        let per_set = volume.durability.bricks_per_set().max(1) as usize;
        let member = |brick: Brick| {
            let node = self
                .inventory
                .node_of_brick(&brick)
                .ok_or("a brick has no node")?;
            let entry = self.database.bricks.get(&brick.id.to_string());
            Ok(Member {
                node: node.id,
                zone: node.zone,
                arbiter: volume.durability == Durability::Arbiter
                    && entry.is_some_and(|entry| entry.sub_type == 2),
                brick,
            })
        };
        let members: Vec<Member> = bricks.into_iter().map(member).collect::<Result<_, String>>()?;
        let strict = volume.zone_checking == ZoneChecking::Strict;
        let by_zones = strict.then(|| by_zones(&members, per_set));
        let whole = by_zones.filter(|sets| sets.iter().all(|set| set.bricks.len() == per_set));
        let sets = whole.unwrap_or_else(|| by_nodes(&members, per_set));
        Ok(numbered(sets, per_set))
    }
}

impl Set {
    fn of(brick: &Brick, place: Place) -> Self {
        Self {
            bricks: vec![brick.clone()],
            places: BTreeSet::from([place]),
        }
    }

    fn add(&mut self, brick: &Brick, place: Place) {
        self.bricks.push(brick.clone());
        self.places.insert(place);
    }

    fn takes(&self, brick: &Brick, place: Place, room: usize) -> bool {
        self.bricks.len() < room && !self.places.contains(&place) && self.bricks[0].size == brick.size
    }
}

/// Bricks beside arbiters, how many of them a set has, and the arbiters.
fn parted(members: &[Member], per_set: usize) -> (Vec<&Member>, usize, Vec<&Member>) {
    let (arbiters, data): (Vec<&Member>, Vec<&Member>) = members.iter().partition(|member| member.arbiter);
    let room = per_set - usize::from(!arbiters.is_empty());
    (data, room, arbiters)
}

fn by_nodes(members: &[Member], per_set: usize) -> Vec<Set> {
    let place = |member: &Member| Place::Node(member.node);
    let (data, room, arbiters) = parted(members, per_set);
    let mut sets: Vec<Set> = Vec::new();
    for member in data {
        let (brick, place) = (&member.brick, place(member));
        match sets.iter_mut().find(|set| set.takes(brick, place, room)) {
            Some(set) => set.add(brick, place),
            None => sets.push(Set::of(brick, place)),
        }
    }
    add_arbiters(&mut sets, &arbiters, room, place);
    sets
}

/// The bricks of one zone go into as many sets, the fullest zones first: so it comes out even wherever it can.
fn by_zones(members: &[Member], per_set: usize) -> Vec<Set> {
    let place = |member: &Member| Place::Zone(member.zone);
    let (mut data, room, arbiters) = parted(members, per_set);
    let mut in_zone: BTreeMap<u32, usize> = BTreeMap::new();
    let mut of_size: BTreeMap<ByteSize, usize> = BTreeMap::new();
    for member in &data {
        *in_zone.entry(member.zone).or_default() += 1;
        *of_size.entry(member.brick.size).or_default() += 1;
    }
    data.sort_by_key(|member| (usize::MAX - in_zone[&member.zone], member.zone));
    let mut sets: Vec<Set> = Vec::new();
    for member in data {
        let (brick, place) = (&member.brick, place(member));
        let begun = sets.iter().filter(|set| set.bricks[0].size == brick.size).count();
        let takers = sets.iter_mut().filter(|set| set.takes(brick, place, room));
        match takers.min_by_key(|set| set.bricks.len()) {
            Some(set) if begun >= of_size[&brick.size] / room.max(1) => set.add(brick, place),
            _ => sets.push(Set::of(brick, place)),
        }
    }
    add_arbiters(&mut sets, &arbiters, room, place);
    sets
}

/// Arbiters last: they are of another size, and go where their place is free.
fn add_arbiters(sets: &mut Vec<Set>, arbiters: &[&Member], room: usize, place: impl Fn(&Member) -> Place) {
    for member in arbiters {
        let (brick, place) = (&member.brick, place(member));
        let takes = |set: &&mut Set| set.bricks.len() == room && !set.places.contains(&place);
        match sets.iter_mut().find(takes) {
            Some(set) => set.add(brick, place),
            None => sets.push(Set::of(brick, place)),
        }
    }
}

/// When the guess left holes, the bricks are simply counted off: what is wrong with the volume is told elsewhere.
fn numbered(sets: Vec<Set>, per_set: usize) -> Vec<Brick> {
    let fits = sets.iter().all(|set| set.bricks.len() == per_set);
    let mut bricks: Vec<Brick> = sets.into_iter().flat_map(|set| set.bricks).collect();
    if !fits {
        bricks.sort_by_key(|brick| brick.id);
    }
    for (place, brick) in bricks.iter_mut().enumerate() {
        brick.set = u32::try_from(place / per_set).unwrap_or(u32::MAX);
        brick.position = u32::try_from(place % per_set).unwrap_or(u32::MAX);
    }
    bricks
}
