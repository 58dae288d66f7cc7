//! Which cluster a pool is, and which of its members is which node.

use std::collections::{BTreeMap, BTreeSet};

use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::layout::read;
use mortar_model::{Cluster, ClusterId, Device, HostName, Node, NodeId, State, Tags};
use mortar_plan::identity;

use super::pools::{Member, Pool};
use super::report::FoundKind;
use super::{Placed, Work};

/// What a node's file, own or kept, says of a member.
struct Known {
    node: Node,
    devices: Vec<Device>,
    own: bool,
}

impl Work<'_> {
    /// The cluster that a pool is, by what most of its nodes and volumes say.
    pub(super) fn cluster(&mut self, pool: &Pool<'_>) -> Option<ClusterId> {
        let mut votes: BTreeMap<ClusterId, usize> = BTreeMap::new();
        for id in self.said_by_files(pool).into_iter().chain(said_by_volumes(pool)) {
            *votes.entry(id).or_default() += 1;
        }
        if votes.is_empty() {
            for id in self.said_by_bricks(pool) {
                *votes.entry(id).or_default() += 1;
            }
        }
        // One that another pool is already comes last.
        let most = votes.iter().max_by_key(|(id, count)| {
            let free = !self.known_cluster(**id);
            (free, **count, std::cmp::Reverse(**id))
        });
        let Some(id) = most.map(|(id, _)| *id) else {
            return self.cluster_without_a_name(pool);
        };
        if self.known_cluster(id) {
            self.notes.left(
                FoundKind::Unrestored,
                format!("pool of {}", self.called(pool)),
                None,
                format!(
                    "it says that it is cluster {id}, and so does another, larger pool: a cluster is one pool; nodes \
                     that belong there are joined with 'gluster peer probe', then rebuild again"
                ),
            );
            self.leave(pool);
            return None;
        }
        for (other, count) in votes.iter().filter(|(other, _)| **other != id) {
            self.notes.contradiction(
                format!("cluster {id}"),
                format!("{count} of its nodes and volumes say that they are of cluster {other}"),
                "its pool is one cluster: that which most of them name",
            );
        }
        let record = self.cluster_record(pool, id);
        self.inventory.put_cluster(record);
        Some(id)
    }

    fn said_by_files(&self, pool: &Pool<'_>) -> Vec<ClusterId> {
        let machines = pool.members.iter().filter_map(|member| member.machine);
        let own = machines.filter(|machine| self.ground.speaks_of(pool, *machine).is_none());
        let files = own.filter_map(|machine| self.ground.machines[machine].file.as_ref());
        files.map(|file| file.cluster.id).collect()
    }

    fn said_by_bricks(&self, pool: &Pool<'_>) -> impl Iterator<Item = ClusterId> + use<'_> {
        let machines: BTreeSet<usize> = pool.members.iter().filter_map(|member| member.machine).collect();
        let traces = self.traces.all.iter();
        traces
            .filter(move |((machine, _, _), _)| machines.contains(machine))
            .filter_map(|(_, trace)| trace.identity.as_ref().map(|identity| identity.cluster))
    }

    /// A pool that nothing names: a new id when devices of Mortar's are there, else it is somebody else's.
    fn cluster_without_a_name(&mut self, pool: &Pool<'_>) -> Option<ClusterId> {
        let mut machines = pool.members.iter().filter_map(|member| member.machine);
        if !machines.any(|machine| self.has_devices(machine)) {
            self.notes.left(
                FoundKind::Foreign,
                format!("pool of {}", self.called(pool)),
                None,
                "nothing there says that it is Mortar's: add its nodes with 'mortar node add' if it is to be"
                    .into(),
            );
            return None;
        }
        let id = ClusterId::from_u128(self.fresh());
        self.notes.gap(
            format!("cluster {id}"),
            format!("its id: nothing on {} names it", self.called(pool)),
            "a new one",
        );
        let record = self.cluster_record(pool, id);
        self.inventory.put_cluster(record);
        Some(id)
    }

    fn called(&self, pool: &Pool<'_>) -> String {
        let machines = pool.tellers.iter();
        let hosts = machines.map(|machine| self.ground.machines[*machine].host.as_str());
        hosts.collect::<Vec<_>>().join(", ")
    }

    fn cluster_record(&mut self, pool: &Pool<'_>, id: ClusterId) -> Cluster {
        let machines = pool.members.iter().filter_map(|member| member.machine);
        let files = machines.filter_map(|machine| self.ground.machines[machine].file.as_ref());
        let mut votes: BTreeMap<(bool, bool), usize> = BTreeMap::new();
        for file in files.filter(|file| file.cluster.id == id) {
            *votes.entry((file.cluster.file, file.cluster.block)).or_default() += 1;
        }
        if votes.len() > 1 {
            self.notes.contradiction(
                format!("cluster {id}"),
                "its nodes' files do not agree on which kinds of volumes it takes",
                "what most of them say",
            );
        }
        let most = votes.iter().max_by_key(|(_, count)| **count);
        let (file, block) = most.map_or_else(
            || {
                self.notes.gap(
                    format!("cluster {id}"),
                    "which kinds of volumes it takes: no node's file tells",
                    "file and block volumes",
                );
                (true, true)
            },
            |(flags, _)| *flags,
        );
        Cluster { id, file, block }
    }

    /// Restores the nodes of a pool.
    pub(super) fn nodes(&mut self, pool: &Pool<'_>, cluster: ClusterId) {
        // Those whose own file names them come first: no other may have their id.
        let mut others = Vec::new();
        for member in &pool.members {
            match self.own_file(pool, member, cluster) {
                Some(known) => self.put(member, known),
                None => others.push(member),
            }
        }
        for member in others {
            if let Some(known) = self.kept_file(member, cluster) {
                self.put(member, known);
            } else if let Some(machine) = member.machine {
                self.without_a_file(pool, cluster, member, machine);
            } else {
                let name = member.names.first().unwrap_or(&member.uuid);
                self.notes.left(
                    FoundKind::Unrestored,
                    format!("node {name}"),
                    None,
                    "a member of the pool that did not answer, and no node's file tells of it: nothing of it is known; let it answer and rebuild again".into(),
                );
            }
        }
    }

    fn own_file(&mut self, pool: &Pool<'_>, member: &Member, cluster: ClusterId) -> Option<Known> {
        let machine = &self.ground.machines[member.machine?];
        let file = machine.file.as_ref()?;
        let about = format!("node {}", machine.host);
        if file.cluster.id != cluster {
            self.notes.contradiction(
                about,
                format!("its file says that it is of cluster {}", file.cluster.id),
                format!("its pool is cluster {cluster}; its file is not used"),
            );
            return None;
        }
        if let Some(other) = self.ground.speaks_of(pool, member.machine?) {
            self.notes.contradiction(
                about,
                format!("its file says that it is node {}, which is {other}", file.node.id),
                "its file is not used",
            );
            return None;
        }
        let mut node = file.node.clone();
        node.manage = self.manage(machine, &node);
        Some(Known {
            node,
            devices: file.devices.clone(),
            own: true,
        })
    }

    /// Where commands reach a node: where its file says, unless another or nobody answers there.
    fn manage(&mut self, machine: &super::machines::Machine<'_>, node: &Node) -> HostName {
        if machine.answered_as(&node.manage) {
            return node.manage.clone();
        }
        let elsewhere = self
            .ground
            .machines
            .iter()
            .any(|other| other.answered_as(&node.manage));
        if !elsewhere && !self.ground.silent.contains_key(&node.manage) {
            return node.manage.clone();
        }
        self.notes.contradiction(
            format!("node {}", machine.host),
            format!(
                "its file says that commands reach it at {}, where {}",
                node.manage,
                if elsewhere {
                    "another machine answers"
                } else {
                    "nobody answers"
                }
            ),
            format!("{}, where it answered", machine.host),
        );
        machine.host.clone()
    }

    fn kept_file(&mut self, member: &Member, cluster: ClusterId) -> Option<Known> {
        let kept = self.ground.kept_of(Some(member), member.machine)?;
        if kept.node.cluster != cluster || self.inventory.node(kept.node.id).is_some() {
            return None;
        }
        let why = match member.machine.map(|machine| &self.ground.machines[machine]) {
            None => {
                let silent = |host: &HostName| self.ground.silent.get(host).copied();
                let reason = silent(&kept.node.manage).or_else(|| silent(&kept.node.storage));
                format!("it did not answer ({})", reason.unwrap_or("it was not asked"))
            }
            Some(machine) => match &machine.survey.node_file {
                Err(reason) => format!("its file could not be read: {reason}"),
                Ok(_) => "it has no file that could be used".to_owned(),
            },
        };
        self.notes.gap(
            format!("node {}", kept.node.manage),
            format!("what it says of itself: {why}"),
            format!("what the file of {} keeps of it", kept.by),
        );
        Some(Known {
            node: kept.node.clone(),
            devices: kept.devices.clone(),
            own: false,
        })
    }

    /// A machine that answers and of which no file tells: what its bricks say, and what can be seen.
    fn without_a_file(&mut self, pool: &Pool<'_>, cluster: ClusterId, member: &Member, machine: usize) {
        let host = self.ground.machines[machine].host.clone();
        let about = format!("node {host}");
        if !self.has_devices(machine) {
            self.notes.left(
                FoundKind::Foreign,
                about,
                Some(&host),
                "a member of the pool on which nothing says that it is Mortar's: an 'add node' that was under way, or a peer \
                 probed by hand; add it with 'mortar node add', or detach it"
                    .into(),
            );
            return;
        }
        let mut unknown = vec![
            "zone",
            "labels",
            "whether it is online",
            "labels and states of its devices",
        ];
        let id = self.id_by_bricks(cluster, machine).unwrap_or_else(|| {
            unknown.insert(0, "id");
            NodeId::from_u128(self.fresh())
        });
        let storage = self.storage_name(pool, member, machine).unwrap_or_else(|| {
            unknown.push("name in the pool");
            host.clone()
        });
        let why = match &self.ground.machines[machine].survey.node_file {
            Err(reason) => reason.clone(),
            Ok(_) => "it has no file that could be used".to_owned(),
        };
        let instead = if unknown[0] == "id" {
            "a new id, zone 1, no labels, online"
        } else {
            "zone 1, no labels, online"
        };
        self.notes
            .gap(about, format!("its {}: {why}", unknown.join(", ")), instead);
        self.drawn.insert(id);
        let node = Node {
            id,
            cluster,
            zone: 1,
            manage: host,
            storage,
            tags: Tags::new(),
            state: State::Online,
        };
        let known = Known {
            node,
            devices: Vec::new(),
            own: false,
        };
        self.put(member, known);
    }

    /// The id that most of its bricks name, if no other node has it.
    fn id_by_bricks(&self, cluster: ClusterId, machine: usize) -> Option<NodeId> {
        let mut votes: BTreeMap<NodeId, usize> = BTreeMap::new();
        let traces = self.traces.all.iter().filter(|((on, _, _), _)| *on == machine);
        for identity in traces.filter_map(|(_, trace)| trace.identity.as_ref()) {
            if identity.cluster == cluster {
                *votes.entry(identity.node).or_default() += 1;
            }
        }
        let most = votes
            .into_iter()
            .max_by_key(|(id, count)| (*count, std::cmp::Reverse(*id)));
        let claimed = |id: NodeId| {
            let mut files = self
                .ground
                .machines
                .iter()
                .filter_map(|machine| machine.file.as_ref());
            files.any(|file| file.node.id == id)
        };
        most.map(|(id, _)| id)
            .filter(|id| self.inventory.node(*id).is_none() && !claimed(*id))
    }

    /// Its name in the pool: the one that its bricks have there, else one by which its peers know it.
    fn storage_name(&self, pool: &Pool<'_>, member: &Member, machine: usize) -> Option<HostName> {
        let groups: BTreeSet<_> = self.device_ids(machine).collect();
        let in_volumes = pool.bricks().filter_map(|brick| {
            let (host, path) = brick
                .rsplit_once(":/")
                .map(|(host, _)| (host, &brick[host.len() + 1..]))?;
            let (device, _) = read::brick_path(path)?;
            groups.contains(&device).then(|| host.to_owned())
        });
        let mut names = in_volumes.chain(member.names.iter().cloned());
        names.find_map(|name| HostName::new(name).ok())
    }

    fn put(&mut self, member: &Member, known: Known) {
        let Known { node, devices, own } = known;
        let (id, about) = (node.id, format!("node {}", node.manage));
        if self.inventory.node(id).is_some() {
            self.notes.contradiction(
                about,
                format!("another node has its id {id}"),
                "it is not restored",
            );
            return;
        }
        if let Err(error) = self.inventory.put_node(node) {
            self.notes
                .contradiction(about, error.to_string(), "it is not restored");
            return;
        }
        let placed = Placed {
            machine: member.machine,
            names: member.names.clone(),
            devices,
            filed: own,
        };
        self.placed.insert(id, placed);
    }
}

fn said_by_volumes<'a>(pool: &'a Pool<'_>) -> impl Iterator<Item = ClusterId> + 'a {
    let said = |volume: &VolumeInfo| {
        let read = identity::read_volume_options(&volume.options).ok()?;
        read.map(|identity| identity.cluster)
    };
    pool.volumes.iter().copied().flatten().filter_map(said)
}
