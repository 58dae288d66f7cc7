//! Which answers are one machine, and which machines are one trusted pool.

use std::collections::{BTreeMap, BTreeSet};

use mortar_command::query::pool::Member as Peer;
use mortar_command::query::survey::NodeSurvey;
use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::{HostName, NodeId};
use mortar_plan::identity::{self, Neighbour, NodeIdentity};

use super::heard::Heard;
use super::report::{FoundKind, Notes};
use crate::place;

/// How glusterd calls the machine that is asked.
const ITSELF: &str = "localhost";

/// A machine that answered.
pub(super) struct Machine<'a> {
    /// The name to call it by.
    pub(super) host: &'a HostName,
    /// Every name under which it answered.
    names: Vec<&'a HostName>,
    pub(super) survey: &'a NodeSurvey,
    /// glusterd's id of it, when its glusterd answers.
    pub(super) uuid: Option<&'a str>,
    /// Its own file.
    pub(super) file: Option<NodeIdentity>,
}

impl Machine<'_> {
    /// Whether it answered under this name, or says that it is called so.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.answered(name) || self.says(name)
    }

    fn answered(&self, name: &str) -> bool {
        self.names
            .iter()
            .any(|own| own.as_str().eq_ignore_ascii_case(name))
    }

    fn says(&self, name: &str) -> bool {
        let same = |own: &HostName| own.as_str().eq_ignore_ascii_case(name);
        let filed = self.file.as_ref().map(|file| &file.node);
        filed.is_some_and(|node| same(&node.manage) || same(&node.storage))
    }

    /// Whether it was asked under this name and answered.
    pub(super) fn answered_as(&self, name: &HostName) -> bool {
        self.names.contains(&name)
    }

    fn is_same(&self, other: &Self) -> bool {
        if let (Some(own), Some(other)) = (self.uuid, other.uuid) {
            return own == other;
        }
        let node = |machine: &Self| machine.file.as_ref().map(|file| file.node.id);
        let ground = |survey: &NodeSurvey| (survey.groups.clone(), survey.directories.clone());
        let bare = (Ok(Vec::new()), Ok(Vec::new()));
        let own = ground(self.survey);
        node(self).is_some() && node(self) == node(other) && own != bare && own == ground(other.survey)
    }
}

/// A member of a pool, as all who were asked see it.
pub(super) struct Member {
    pub(super) uuid: String,
    /// Names by which the others know it.
    pub(super) names: Vec<String>,
    /// The machine that it is, when that answered.
    pub(super) machine: Option<usize>,
}

impl Member {
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// A trusted pool.
pub(super) struct Pool<'a> {
    pub(super) members: Vec<Member>,
    /// Machines whose glusterd answers.
    pub(super) tellers: Vec<usize>,
    /// Its volumes, or why none of them told.
    pub(super) volumes: Result<&'a [VolumeInfo], String>,
}

/// Everything that was heard, sorted.
pub(super) struct Ground<'a> {
    pub(super) machines: Vec<Machine<'a>>,
    /// The largest first.
    pub(super) pools: Vec<Pool<'a>>,
    /// Names under which nobody answered, and why.
    pub(super) silent: BTreeMap<&'a HostName, &'a str>,
    /// What nodes' files keep of other nodes.
    pub(super) kept: BTreeMap<NodeId, Kept<'a>>,
}

/// What a node's file keeps of another node.
pub(super) struct Kept<'a> {
    pub(super) node: mortar_model::Node,
    pub(super) devices: Vec<mortar_model::Device>,
    /// The host whose file it is.
    pub(super) by: &'a HostName,
}

impl<'a> Ground<'a> {
    pub(super) fn of(heard: &'a Heard, notes: &mut Notes) -> Self {
        let machines = machines(heard, notes);
        let kept = kept(&machines, notes);
        let pools = pools(heard, &machines);
        let silent = heard.hosts.iter();
        let silent = silent.filter_map(|(host, answer)| Some((host, answer.as_ref().err()?.as_str())));
        let mut ground = Self {
            machines,
            pools,
            silent: silent.collect(),
            kept,
        };
        ground.attach(notes);
        let count = |pool: &Pool<'_>| pool.members.len();
        ground.pools.sort_by_key(|pool| std::cmp::Reverse(count(pool)));
        ground
    }

    /// Another machine whose file names the same node, and that has the better right to it: it answered where that file
    /// says that the node is.
    pub(super) fn rightful_twin(&self, machine: usize) -> Option<&Machine<'a>> {
        let own = &self.machines[machine];
        let file = own.file.as_ref()?;
        let is_there = |machine: &Machine<'_>| {
            machine.answered_as(&file.node.manage) || machine.answered_as(&file.node.storage)
        };
        let same = |other: &&Machine<'_>| {
            let other = other.file.as_ref();
            other.is_some_and(|other| other.node.id == file.node.id)
        };
        let mut twins = self.machines.iter().filter(same);
        twins.find(|other| is_there(other) && !is_there(own))
    }

    /// Addresses to try for a member that has not answered.
    pub(super) fn addresses(&self, member: &Member) -> Vec<HostName> {
        let kept = self.kept.values().map(|kept| &kept.node);
        let kept = kept
            .filter(|node| member.is_called(node.storage.as_str()) || member.is_called(node.manage.as_str()));
        let names = member.names.iter().filter_map(|name| HostName::new(name).ok());
        kept.map(|node| node.manage.clone()).chain(names).collect()
    }

    /// What is kept of a member or a machine: by the member's names, by the machine's own disks, by the names under which
    /// it answered, and last by those that its file tells.
    pub(super) fn kept_of(&self, member: Option<&Member>, machine: Option<usize>) -> Option<&Kept<'a>> {
        let find = |fits: &dyn Fn(&Kept<'_>) -> bool| self.kept.values().find(|kept| fits(kept));
        let named = |is: &dyn Fn(&str) -> bool| {
            find(&|kept| is(kept.node.storage.as_str()) || is(kept.node.manage.as_str()))
        };
        let by_member = member.and_then(|member| named(&|name| member.is_called(name)));
        if by_member.is_some() {
            return by_member;
        }
        let machine = &self.machines[machine?];
        let groups = machine.survey.groups.iter().flatten();
        let groups: BTreeSet<_> = groups
            .filter_map(|group| place::volume_group(&group.name))
            .collect();
        find(&|kept| kept.devices.iter().any(|device| groups.contains(&device.id)))
            .or_else(|| named(&|name| machine.answered(name)))
            .or_else(|| named(&|name| machine.says(name)))
    }

    /// Puts machines that glusterd does not tell the place of where their names say: those whose glusterd does not
    /// run, and those whose glusterd has forgotten who it was.
    fn attach(&mut self, notes: &mut Notes) {
        for machine in 0..self.machines.len() {
            let alone = self.pools.iter().position(|pool| {
                pool.tellers == [machine] && pool.members.len() == 1 && !matches!(pool.volumes, Ok([_, ..]))
            });
            if self.machines[machine].uuid.is_some() && alone.is_none() {
                continue;
            }
            let place = self.place_of(machine);
            let host = self.machines[machine].host;
            match (place, alone) {
                (Some((pool, member)), alone) => {
                    let member = &mut self.pools[pool].members[member];
                    member.machine = Some(machine);
                    if let Some(alone) = alone {
                        notes.contradiction(
                            format!("node {host}"),
                            format!(
                                "its glusterd says that it is {} and alone; the pool knows it as {}",
                                self.machines[machine].uuid.unwrap_or_default(),
                                self.pools[pool].members[member_of(&self.pools[pool], machine)].uuid
                            ),
                            "it is the pool's; give its glusterd its identity back before anything is done there",
                        );
                        self.pools.remove(alone);
                    }
                }
                (None, Some(_)) => {}
                (None, None) => notes.left(
                    FoundKind::Unrestored,
                    format!("node {host}"),
                    Some(host),
                    format!(
                        "its glusterd does not answer ({}), and no member of its pool was heard that knows it: start it and rebuild again",
                        self.machines[machine].survey.members.as_ref().err().map_or("", String::as_str)
                    ),
                ),
            }
        }
    }

    /// The member without a machine that this one is: by the names of what is kept of it, by those under which it
    /// answered, and last by those that its file tells.
    fn place_of(&self, machine: usize) -> Option<(usize, usize)> {
        let find = |is: &dyn Fn(&Member) -> bool| {
            let mut pools = self.pools.iter().enumerate();
            pools.find_map(|(number, pool)| {
                let mut members = pool.members.iter();
                let member = members.position(|member| member.machine.is_none() && is(member))?;
                Some((number, member))
            })
        };
        let kept = self.kept_of(None, Some(machine)).map(|kept| &kept.node);
        let machine = &self.machines[machine];
        let kept = kept.and_then(|node| {
            find(&|member| member.is_called(node.storage.as_str()) || member.is_called(node.manage.as_str()))
        });
        kept.or_else(|| find(&|member| member.names.iter().any(|name| machine.answered(name))))
            .or_else(|| find(&|member| member.names.iter().any(|name| machine.says(name))))
    }
}

/// For each pool, as glusterd tells of it, the names of those that can be asked for its volumes.
pub(super) fn tellers(heard: &Heard) -> Vec<Vec<HostName>> {
    let machines = machines(heard, &mut Notes::default());
    let pools = pools(heard, &machines);
    let hosts = |pool: &Pool<'_>| -> Vec<HostName> {
        let tellers = pool.tellers.iter();
        tellers.map(|machine| machines[*machine].host.clone()).collect()
    };
    pools.iter().map(hosts).collect()
}

fn member_of(pool: &Pool<'_>, machine: usize) -> usize {
    let mut members = pool.members.iter();
    members
        .position(|member| member.machine == Some(machine))
        .unwrap_or_default()
}

fn machines<'a>(heard: &'a Heard, notes: &mut Notes) -> Vec<Machine<'a>> {
    let mut machines: Vec<Machine<'a>> = Vec::new();
    for (host, answer) in &heard.hosts {
        let Ok(survey) = answer else { continue };
        let machine = Machine {
            host,
            names: vec![host],
            survey,
            uuid: own_uuid(survey),
            file: file(host, survey, notes),
        };
        match machines.iter_mut().find(|known| known.is_same(&machine)) {
            None => machines.push(machine),
            Some(known) => {
                known.names.push(host);
                if machine.file.is_some_and(|file| file.node.manage == *host) {
                    known.host = host;
                }
            }
        }
    }
    machines
}

fn own_uuid(survey: &NodeSurvey) -> Option<&str> {
    let members = survey.members.as_ref().ok()?;
    let own = members
        .iter()
        .find(|member| member.hosts.iter().any(|host| host == ITSELF))?;
    Some(own.uuid.as_str())
}

fn file(host: &HostName, survey: &NodeSurvey, notes: &mut Notes) -> Option<NodeIdentity> {
    let text = survey.node_file.as_ref().ok()?.as_ref()?;
    let read = identity::read_node_file(text).map_err(|error| error.to_string());
    let whole = read.and_then(|file| {
        let own = file.node.cluster == file.cluster.id;
        let mut devices = file.devices.iter();
        if own && devices.all(|device| device.node == file.node.id) {
            Ok(file)
        } else {
            Err("it speaks of several clusters or nodes as its own".to_owned())
        }
    });
    whole
        .inspect_err(|why| {
            notes.contradiction(
                format!("node {host}"),
                format!("its file cannot be used: {why}"),
                "it is taken for a node without a file",
            );
        })
        .ok()
}

fn kept<'a>(machines: &[Machine<'a>], notes: &mut Notes) -> BTreeMap<NodeId, Kept<'a>> {
    let mut all: BTreeMap<NodeId, Kept<'a>> = BTreeMap::new();
    for machine in machines {
        let Some(file) = &machine.file else { continue };
        let own = file.neighbours.iter();
        for Neighbour { node, devices } in own.filter(|other| other.node.cluster == file.cluster.id) {
            let Some(known) = all.get(&node.id) else {
                let kept = Kept {
                    node: node.clone(),
                    devices: devices.clone(),
                    by: machine.host,
                };
                all.insert(node.id, kept);
                continue;
            };
            let speaks =
                |machine: &Machine<'_>| machine.file.as_ref().is_some_and(|file| file.node.id == node.id);
            if (&known.node, &known.devices) != (node, devices) && !machines.iter().any(speaks) {
                notes.contradiction(
                    format!("node {}", node.manage),
                    format!("{} and {} keep different records of it", known.by, machine.host),
                    format!("what {} keeps counts", known.by),
                );
            }
        }
    }
    all
}

/// Members by glusterd's ids, with their names, and the machines that told of them.
type Group = (BTreeMap<String, Vec<String>>, Vec<usize>);

fn pools<'a>(heard: &'a Heard, machines: &[Machine<'a>]) -> Vec<Pool<'a>> {
    // Members that see each other, however indirectly, are one pool.
    let mut groups: Vec<Group> = Vec::new();
    for (number, machine) in machines.iter().enumerate() {
        let Ok(peers) = &machine.survey.members else {
            continue;
        };
        if machine.uuid.is_none() {
            continue;
        }
        let (touching, mut rest): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|(known, _)| peers.iter().any(|peer| known.contains_key(&peer.uuid)));
        let (mut members, mut tellers) = (BTreeMap::new(), Vec::new());
        for (known, asked) in touching {
            for (uuid, names) in known {
                names_of(&mut members, uuid, names);
            }
            tellers.extend(asked);
        }
        for Peer { uuid, hosts, .. } in peers {
            names_of(&mut members, uuid.clone(), hosts.clone());
        }
        tellers.push(number);
        tellers.sort_unstable();
        rest.push((members, tellers));
        groups = rest;
    }
    groups.sort_by(|a, b| a.1.cmp(&b.1));
    let member = |(uuid, names): (String, Vec<String>)| {
        let machine = machines.iter().position(|machine| machine.uuid == Some(&uuid));
        Member { uuid, names, machine }
    };
    let pool = |(members, tellers): Group| Pool {
        members: members.into_iter().map(member).collect(),
        volumes: volumes(heard, machines, &tellers),
        tellers,
    };
    groups.into_iter().map(pool).collect()
}

fn names_of(members: &mut BTreeMap<String, Vec<String>>, uuid: String, names: Vec<String>) {
    let known = members.entry(uuid).or_default();
    for name in names {
        if name != ITSELF && !known.contains(&name) {
            known.push(name);
        }
    }
}

/// The volumes as the first member tells that could.
fn volumes<'a>(
    heard: &'a Heard,
    machines: &[Machine<'a>],
    tellers: &[usize],
) -> Result<&'a [VolumeInfo], String> {
    let names = tellers.iter().flat_map(|machine| &machines[*machine].names);
    let mut why = "none was asked".to_owned();
    for name in names {
        match heard.pools.get(*name) {
            Some(Ok(volumes)) => return Ok(volumes),
            Some(Err(reason)) => why.clone_from(reason),
            None => {}
        }
    }
    Err(why)
}
