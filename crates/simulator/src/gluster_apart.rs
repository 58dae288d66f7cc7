//! Members that differ from their pool: one that took no part in a change, and does not hear of it until it meets its
//! peers again; one whose record is of the same version and says something else, whom they reject; one that cannot read
//! a record, and does not start.
//!
//! A pool's state is kept once; here is what single members have instead. What happens when glusterd starts is what that of
//! 10.3 was seen to do: the newer record wins, one that only this member has is taken over by the others, and of two
//! records of the same version neither gives way.

use serde::{Deserialize, Serialize};

use crate::gluster::{Pool, Refusal, Volume};
use crate::text::Text;
use crate::world::World;

/// What a member has of a volume instead of what its pool has.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Apart {
    /// Its record; none where it knows of no such volume.
    pub(crate) record: Option<Box<Volume>>,
    /// Whether the record is of the same version as that of the others, and so is not replaced by it.
    pub(crate) same_version: bool,
    /// Whether glusterd cannot read it.
    pub(crate) unreadable: bool,
}

/// How a member misses a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Missed {
    /// It has what was so before, and takes over what is so now when it meets the others.
    Behind,
    /// What it has counts as much as what the others have: they reject each other.
    Rejected,
}

impl World {
    /// The glusterd of this host takes no part in the next change of a volume that another member of its pool is asked
    /// for, and does not hear of it. Returns whether the host exists.
    pub fn misses_next_change(&mut self, host: &str, how: Missed) -> bool {
        let node = self.named(host);
        if let Some(node) = node {
            self.nodes[node as usize].misses = Some(how);
        }
        node.is_some()
    }

    /// A record of this host's glusterd is half written, as a power cut may leave it: glusterd does not start with it.
    /// Returns whether the host's pool has such a volume.
    pub fn tear_record(&mut self, host: &str, volume: &str) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let Some(number) = self.volume_number(node, volume) else {
            return false;
        };
        let found = self.gluster.volumes.get(number).expect("found by its name");
        let (name, record) = (found.name.clone(), Some(Box::new(found.clone())));
        let apart = Apart {
            record,
            same_version: false,
            unreadable: true,
        };
        self.nodes[node as usize].apart.insert(name, apart);
        true
    }

    /// glusterd of this host is killed: it leaves the file with its id behind. Its bricks run on.
    pub fn kill_glusterd(&mut self, host: &str) {
        if let Some(node) = self.named(host) {
            self.end_glusterd(node);
        }
    }

    /// Members of pools of at least three whose records differ from those of their pool, with the volume's name.
    pub fn apart(&self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        for node in &self.nodes {
            let members = self
                .gluster
                .pools
                .get(node.pool)
                .map_or(0, |pool| pool.members.len());
            let names = node.apart.keys().filter(|_| members >= 3);
            all.extend(names.map(|name| (self.names.read_word(node.host).to_owned(), self.names.read(name))));
        }
        all
    }

    /// Whether this host misses, or is about to miss, something.
    pub fn is_apart(&self, host: &str) -> bool {
        self.named(host).is_some_and(|node| {
            let node = &self.nodes[node as usize];
            node.misses.is_some() || !node.apart.is_empty()
        })
    }

    /// Whether this node knows of no volume of that name, whatever its pool has.
    pub(crate) fn lacks(&self, node: u32, name: &str) -> bool {
        let apart = self
            .names
            .seek(name)
            .and_then(|name| self.nodes[node as usize].apart.get(&name));
        apart.is_some_and(|apart| apart.record.is_none())
    }

    /// What a member that is connected has against a change of this volume.
    pub(crate) fn objection(&self, asked: u32, verb: &str, name: &str) -> Option<Refusal> {
        let key = self.names.seek(name)?;
        let others = self.members(asked).into_iter();
        for other in others.filter(|other| *other != asked && self.connected(asked, *other)) {
            let Some(apart) = self.nodes[other as usize].apart.get(&key) else {
                continue;
            };
            let why = match (&apart.record, verb) {
                (Some(_), "create") => format!("Volume {name} already exists"),
                (None, "create") | (Some(_), _) => continue,
                (None, _) => format!("Volume {name} does not exist"),
            };
            let why = format!("Staging failed on {}. Error: {why}", self.peer_name(other));
            return Some(Refusal::volume(verb, name, why));
        }
        None
    }

    /// Whether two members reject each other.
    pub(crate) fn rejects(&self, one: u32, other: u32) -> bool {
        let twisted = |node: u32| {
            let node = &self.nodes[node as usize];
            let pool = self.gluster.pools.get(node.pool);
            let known = |name: &Text| pool.is_some_and(|pool: &Pool| pool.volumes.contains_key(name));
            node.apart
                .iter()
                .any(|(name, apart)| apart.same_version && known(name))
        };
        one != other && (twisted(one) || twisted(other))
    }

    /// What each member that will miss the change has now.
    pub(crate) fn before_change(&self, asked: u32, name: &str) -> Vec<(u32, Missed, Option<Box<Volume>>)> {
        let volume = self
            .pool_volume(asked, name)
            .and_then(|number| self.gluster.volumes.get(number))
            .map(|volume| Box::new(volume.clone()));
        let others = self.members(asked).into_iter();
        others
            .filter(|other| *other != asked && self.connected(asked, *other))
            .filter_map(|other| Some((other, self.nodes[other as usize].misses?, volume.clone())))
            .collect()
    }

    /// The pool's record of a volume has a further version.
    pub(crate) fn count_change(&mut self, asked: u32, name: &str) {
        let number = self.pool_volume(asked, name);
        if let Some(volume) = number.and_then(|number| self.gluster.volumes.get_mut(number)) {
            volume.changes = volume.changes.saturating_add(1);
        }
    }

    /// A change was made, or not; those who missed it keep what they had. Whoever took part has what the others have.
    pub(crate) fn after_change(
        &mut self,
        asked: u32,
        name: &str,
        missed: Vec<(u32, Missed, Option<Box<Volume>>)>,
    ) {
        let Some(key) = self.names.seek(name) else { return };
        let now = self
            .pool_volume(asked, name)
            .and_then(|number| self.gluster.volumes.get(number))
            .map(|volume| volume.record(&self.names, ""));
        if now.is_none() {
            // Deleted where it was known: nobody differs in it any more who took part.
            for member in self.members(asked) {
                let took_part = self.connected(asked, member);
                if took_part && missed.iter().all(|(other, ..)| *other != member) {
                    self.nodes[member as usize].apart.remove(&key);
                }
            }
        }
        for (node, how, before) in missed {
            let then = before.as_ref().map(|volume| volume.record(&self.names, ""));
            if then == now || self.nodes[node as usize].apart.contains_key(&key) {
                continue;
            }
            let machine = &mut self.nodes[node as usize];
            machine.misses = None;
            let apart = Apart {
                same_version: how == Missed::Rejected && before.is_some() && now.is_some(),
                record: before,
                unreadable: false,
            };
            machine.apart.insert(key.clone(), apart);
        }
    }

    /// Members meet anew: the glusterd of this node started, or its network is back.
    pub(crate) fn meets_others(&mut self, node: u32) {
        let others = self.members(node).into_iter();
        let meets = others
            .filter(|other| *other != node)
            .any(|other| self.connected(node, other));
        if !meets {
            return;
        }
        for (name, apart) in std::mem::take(&mut self.nodes[node as usize].apart) {
            let text = self.names.read(&name);
            let known = self.pool_volume(node, &text).is_some();
            match (apart.record, known) {
                (None, _) => {}
                (Some(record), true) if apart.same_version || apart.unreadable => {
                    let apart = Apart {
                        record: Some(record),
                        ..apart
                    };
                    self.nodes[node as usize].apart.insert(name, apart);
                }
                (Some(_), true) => {}
                (Some(mut record), false) => {
                    // The others have none: they take it over.
                    for brick in &mut record.bricks {
                        brick.process = None;
                    }
                    self.enter_volume(*record);
                }
            }
        }
    }

    /// The volume of this name that the pool of `node` has, whatever the node itself has.
    pub(crate) fn pool_volume(&self, node: u32, name: &str) -> Option<u32> {
        let pool = self.gluster.pools.get(self.nodes[node as usize].pool)?;
        pool.volumes.get(&self.names.seek(name)?).copied()
    }
}
