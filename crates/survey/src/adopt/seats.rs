//! The members of a pool as nodes: those that are recorded, and new ones.

use std::collections::{BTreeMap, BTreeSet};

use mortar_model::{Cluster, ClusterId, DevicePath, HostName, Inventory, Node, NodeId, State, Tags, layout};
use mortar_plan::Seed;

use super::report::Remark;
use crate::rebuild::listed::address;
use crate::rebuild::machines::Ground;
use crate::rebuild::pools::{Member, Pool};

/// The members of a pool as nodes of one cluster.
pub(super) struct Seats {
    pub(super) cluster: ClusterId,
    seats: Vec<Seat>,
}

/// A member and its node.
pub(super) struct Seat {
    pub(super) node: Node,
    /// The machine that it is, when that answered.
    pub(super) machine: Option<usize>,
    /// Whether it was recorded before.
    known: bool,
}

/// The machine and the folder of a brick that a volume lists, where both are known.
pub(super) fn machine_of(ground: &Ground<'_>, pool: &Pool<'_>, brick: &str) -> Option<(usize, DevicePath)> {
    let (host, path) = address(brick)?;
    let member = &pool.members[member_called(ground, pool, host)?];
    Some((member.machine?, DevicePath::new(path).ok()?))
}

/// The member that the pool's bricks call so. One that is alone is called by whatever name: nobody else is there.
fn member_called(ground: &Ground<'_>, pool: &Pool<'_>, host: &str) -> Option<usize> {
    let answers = |member: &Member| {
        let machine = member.machine.map(|machine| &ground.machines[machine]);
        machine.is_some_and(|machine| machine.is_called(host))
    };
    let members = || pool.members.iter();
    let named = members().position(|member| member.is_called(host));
    let alone = (pool.members.len() == 1).then_some(0);
    named.or_else(|| members().position(answers)).or(alone)
}

impl Seats {
    /// Puts cluster and nodes that are new into the inventory.
    pub(super) fn of(
        ground: &Ground<'_>,
        pool: &Pool<'_>,
        inventory: &mut Inventory,
        seed: &mut Seed,
    ) -> Result<Self, String> {
        let known: Vec<Option<Node>> = pool
            .members
            .iter()
            .map(|member| recorded(ground, inventory, member))
            .collect();
        let cluster = cluster(&known, inventory, seed)?;
        let mut seats = Vec::new();
        for (number, (member, known)) in pool.members.iter().zip(known).enumerate() {
            let seat = match known {
                Some(node) => Seat {
                    node,
                    machine: member.machine,
                    known: true,
                },
                None => new(ground, pool, number, cluster, seed)?,
            };
            let put = inventory.put_node(seat.node.clone());
            put.map_err(|error| format!("its pool has a node that collides with the records: {error}"))?;
            seats.push(seat);
        }
        Ok(Self { cluster, seats })
    }

    /// The node of a brick. Commands call a brick by its node's one name in the pool.
    pub(super) fn seat(&self, host: &str) -> Result<&Seat, String> {
        let named = |seat: &&Seat| seat.node.storage.as_str() == host;
        self.seats.iter().find(named).ok_or_else(|| {
            format!("no member of its pool has {host} as the one name by which its bricks are listed")
        })
    }

    /// What of new nodes nobody can see.
    pub(super) fn tell(&self, ground: &Ground<'_>, remarks: &mut Vec<Remark>) {
        for seat in self.seats.iter().filter(|seat| !seat.known) {
            let silent = match seat.machine {
                Some(_) => "",
                None => {
                    ", and it did not answer: whether commands reach it by its name in the pool is not known"
                }
            };
            let named = seat.machine.map(|machine| ground.machines[machine].host);
            remarks.push(Remark {
                about: format!("node {}", named.unwrap_or(&seat.node.manage)),
                what: format!("its zone is not known: 1 is recorded{silent}"),
            });
        }
    }
}

/// The recorded node that a member is, by any of its names.
fn recorded(ground: &Ground<'_>, inventory: &Inventory, member: &Member) -> Option<Node> {
    let machine = member.machine.map(|machine| &ground.machines[machine]);
    let called = |name: &HostName| {
        member.is_called(name.as_str()) || machine.is_some_and(|machine| machine.answered_as(name))
    };
    let mut nodes = inventory.nodes();
    nodes
        .find(|node| called(&node.storage) || called(&node.manage))
        .cloned()
}

/// The cluster of the nodes that are recorded; a new one where none is.
fn cluster(known: &[Option<Node>], inventory: &mut Inventory, seed: &mut Seed) -> Result<ClusterId, String> {
    let clusters: BTreeSet<ClusterId> = known.iter().flatten().map(|node| node.cluster).collect();
    let mut clusters = clusters.into_iter();
    match (clusters.next(), clusters.next()) {
        (Some(one), None) => Ok(one),
        (Some(one), Some(other)) => Err(format!(
            "its pool has nodes of two clusters, {one} and {other}: settle first which of the records is right"
        )),
        (None, _) => {
            let id = ClusterId::from_u128(seed.next_u128());
            inventory.put_cluster(Cluster {
                id,
                file: true,
                block: true,
            });
            Ok(id)
        }
    }
}

fn new(
    ground: &Ground<'_>,
    pool: &Pool<'_>,
    number: usize,
    cluster: ClusterId,
    seed: &mut Seed,
) -> Result<Seat, String> {
    let member = &pool.members[number];
    let machine = member.machine.map(|machine| &ground.machines[machine]);
    if let Some(file) = machine.and_then(|machine| machine.file.as_ref()) {
        return Err(format!(
            "its pool is one of Mortar's: {} says so in {}, and no record of it is here; 'mortar rebuild' restores it",
            file.node.manage,
            layout::NODE_FILE
        ));
    }
    let answered = machine.map(|machine| machine.host.clone());
    let storage = storage(ground, pool, number).or_else(|| answered.clone());
    let storage = storage.ok_or_else(|| {
        format!(
            "member {} of its pool has no name that could be used",
            member.uuid
        )
    })?;
    Ok(Seat {
        node: Node {
            id: NodeId::from_u128(seed.next_u128()),
            cluster,
            zone: 1,
            manage: answered.unwrap_or_else(|| storage.clone()),
            storage,
            tags: Tags::new(),
            state: State::Online,
        },
        machine: member.machine,
        known: false,
    })
}

/// The name by which most bricks of the member are listed, else one by which its peers know it.
fn storage(ground: &Ground<'_>, pool: &Pool<'_>, number: usize) -> Option<HostName> {
    let mut named: BTreeMap<&str, usize> = BTreeMap::new();
    let bricks = pool.bricks();
    for (host, _) in bricks.filter_map(|brick| address(brick)) {
        if member_called(ground, pool, host) == Some(number) {
            *named.entry(host).or_default() += 1;
        }
    }
    let most = named
        .into_iter()
        .max_by_key(|(host, count)| (*count, std::cmp::Reverse(*host)));
    let most = most.map(|(host, _)| host);
    let names = pool.members[number].names.iter().map(String::as_str);
    most.into_iter()
        .chain(names)
        .find_map(|name| HostName::new(name).ok())
}
