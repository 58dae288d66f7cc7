//! Who a glusterd is: a machine that is installed anew begins as nobody, with a UUID and a pool of its own, while the members of the pool
//! that it was in have it by its old one, disconnected. It is itself again when it starts with its old UUID and knows one of them: what
//! GlusterFS's manual has people do who replace a machine by one of the same name.

use crate::gluster::Pool;
use crate::node::Fresh;
use crate::text::hyphenated;
use crate::tool::Shell;
use crate::world::World;

/// The file with the UUID.
pub(crate) const INFO: &str = "/var/lib/glusterd/glusterd.info";
/// The folder of those that it knows.
const PEERS: &str = "/var/lib/glusterd/peers";

/// Text of the file with the UUID, where nobody has written one: glusterd makes it when it first runs.
pub(crate) fn info(shell: &Shell<'_>) -> Option<String> {
    if shell.node.file(shell.names, INFO).is_some() {
        return None;
    }
    let stamp = match shell.node.fresh {
        Some(fresh) => fresh.stamp,
        None if shell.node.wiped => return None,
        None => shell.node.stamp,
    };
    let uuid = hyphenated(&shell.stamps.uuid(stamp));
    Some(format!("UUID={uuid}\noperating-version=100000\n"))
}

impl World {
    /// glusterd is installed and started on a machine that has no records of it ([`World::reinstall_node`], [`World::replace_node`]): it is
    /// nobody's peer. Returns whether it is such a machine.
    pub fn start_new_glusterd(&mut self, host: &str) -> bool {
        let Some(node) = self.named(host) else {
            return false;
        };
        let machine = &self.nodes[node as usize];
        if !machine.powered || !machine.wiped || machine.fresh.is_some() {
            return false;
        }
        let mut own = Pool::default();
        own.members.insert(node);
        let (own, stamp) = (self.gluster.pools.add(own), self.stamps.next());
        let machine = &mut self.nodes[node as usize];
        machine.fresh = Some(Fresh {
            stamp,
            pool: std::mem::replace(&mut machine.pool, own),
        });
        machine.glusterd = true;
        true
    }

    /// Whether this host's glusterd began anew on a machine without records, and is none of its pool's members.
    pub fn is_nobody(&self, host: &str) -> bool {
        let node = self.named(host);
        node.is_some_and(|node| self.nodes[node as usize].fresh.is_some())
    }

    /// Its UUID as it tells it itself.
    pub(crate) fn own_uuid(&self, node: u32) -> String {
        let machine = &self.nodes[node as usize];
        self.uuid(machine.fresh.map_or(machine.stamp, |fresh| fresh.stamp))
    }

    /// The pool whose members have the node as one of them.
    pub(crate) fn home(&self, node: u32) -> u32 {
        let machine = &self.nodes[node as usize];
        machine.fresh.map_or(machine.pool, |fresh| fresh.pool)
    }

    /// Whether what answers at the address of a member is nobody yet.
    pub(crate) fn meets_nobody(&self, node: u32, other: u32) -> bool {
        let (asked, met) = (&self.nodes[node as usize], &self.nodes[other as usize]);
        asked.fresh.is_none() && asked.reachable && met.fresh.is_some() && met.glusterd_answers()
    }

    /// A glusterd that was nobody is about to start: it is the member of before where its files say so.
    pub(crate) fn takes_identity(&mut self, node: u32) {
        let Some(fresh) = self.nodes[node as usize].fresh else {
            return;
        };
        let machine = &self.nodes[node as usize];
        let written = machine.file(&self.names, INFO).map(|file| file.text(&self.names));
        let own = format!("UUID={}", self.peer_uuid(node));
        let is_itself = written.is_some_and(|text| text.lines().any(|line| line == own));
        let members = self.gluster.pools.get(fresh.pool).map(|pool| &pool.members);
        let mut others = members.into_iter().flatten().filter(|member| **member != node);
        let knows_one = others.any(|member| {
            let path = format!("{PEERS}/{}", self.peer_uuid(*member));
            machine.file(&self.names, &path).is_some()
        });
        if is_itself && knows_one {
            self.is_old_again(node);
        }
    }

    /// The node's glusterd is the one of before.
    pub(crate) fn is_old_again(&mut self, node: u32) {
        let machine = &mut self.nodes[node as usize];
        if let Some(fresh) = machine.fresh.take() {
            let own = std::mem::replace(&mut machine.pool, fresh.pool);
            self.gluster.pools.remove(own);
        }
    }
}
