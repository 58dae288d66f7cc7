//! Which answers are one machine, and where in a pool it is.

use std::collections::{BTreeMap, BTreeSet};

use mortar_command::query::pool;
use mortar_command::query::survey::NodeSurvey;
use mortar_model::layout::read;
use mortar_model::{HostName, NodeId};
use mortar_plan::identity::{self, Neighbour, NodeIdentity};

use super::heard::Heard;
use super::pools::{Member, Pool, pools};
use super::report::{FoundKind, Notes};

/// A machine that answered.
pub(crate) struct Machine<'a> {
    /// The name to call it by.
    pub(crate) host: &'a HostName,
    /// Every name under which it answered.
    pub(crate) names: Vec<&'a HostName>,
    pub(crate) survey: &'a NodeSurvey,
    /// glusterd's id of it, when its glusterd answers.
    pub(crate) uuid: Option<&'a str>,
    /// Its own file.
    pub(crate) file: Option<NodeIdentity>,
}

impl Machine<'_> {
    /// Whether it answered under this name, or says that it is called so.
    pub(crate) fn is_called(&self, name: &str) -> bool {
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
    pub(crate) fn answered_as(&self, name: &HostName) -> bool {
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

/// What tells which member a machine is.
#[derive(Clone, Copy)]
enum Evidence {
    /// The names under which it answered.
    Address,
    /// The disks that it has.
    Disks,
    /// The names that its own file tells.
    File,
}

impl Evidence {
    const BEST_FIRST: [Self; 3] = [Self::Address, Self::Disks, Self::File];
}

/// Everything that was heard, sorted.
pub(crate) struct Ground<'a> {
    pub(crate) machines: Vec<Machine<'a>>,
    /// The largest first.
    pub(crate) pools: Vec<Pool<'a>>,
    /// Names under which nobody answered, and why.
    pub(crate) silent: BTreeMap<&'a HostName, &'a str>,
    /// What nodes' files keep of other nodes.
    pub(crate) kept: BTreeMap<NodeId, Kept<'a>>,
}

/// What a node's file keeps of another node.
pub(crate) struct Kept<'a> {
    pub(crate) node: mortar_model::Node,
    pub(crate) devices: Vec<mortar_model::Device>,
    /// The host whose file it is.
    pub(crate) by: &'a HostName,
}

impl<'a> Ground<'a> {
    pub(crate) fn of(heard: &'a Heard, notes: &mut Notes) -> Self {
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

    /// Who the file of a machine speaks of, when that is not the machine itself: the machine that answers where the file
    /// says that the node is, or the member that its pool knows by that name.
    pub(crate) fn speaks_of(&self, pool: &Pool<'_>, machine: usize) -> Option<String> {
        let node = &self.machines[machine].file.as_ref()?.node;
        match self.where_its_file_says(machine) {
            Some(there) if there == machine => return None,
            Some(other) => return Some(self.machines[other].host.to_string()),
            None => {}
        }
        let named = |member: &&Member| member.is_called(node.storage.as_str());
        let other = pool.members.iter().find(named)?;
        (other.machine != Some(machine)).then(|| node.storage.to_string())
    }

    /// The machine that answered under a name that this one's file gives its node; this one itself if it is one of them.
    fn where_its_file_says(&self, machine: usize) -> Option<usize> {
        let node = &self.machines[machine].file.as_ref()?.node;
        let is_there = |number: &usize| {
            let other = &self.machines[*number];
            other.answered_as(&node.manage) || other.answered_as(&node.storage)
        };
        let others = 0..self.machines.len();
        std::iter::once(machine).chain(others).find(is_there)
    }

    /// Whether the machine's file gives it this name, and no other machine answered where the file says that the node is:
    /// then the file is that one's.
    fn says(&self, machine: usize, name: &str) -> bool {
        self.own_file(machine).is_some() && self.machines[machine].says(name)
    }

    /// The machine's file, unless it is that of another machine that answered.
    fn own_file(&self, machine: usize) -> Option<&NodeIdentity> {
        let there = self.where_its_file_says(machine);
        let file = self.machines[machine].file.as_ref();
        file.filter(|_| there.is_none_or(|there| there == machine))
    }

    /// The machine's file, if it speaks of the machine itself, as far as others and its pool tell.
    pub(crate) fn file_of_itself(&self, machine: usize) -> Option<&NodeIdentity> {
        let is_there = |pool: &&Pool<'_>| pool.members.iter().any(|member| member.machine == Some(machine));
        let pool = self.pools.iter().find(is_there);
        let another = pool.and_then(|pool| self.speaks_of(pool, machine));
        self.own_file(machine).filter(|_| another.is_none())
    }

    /// The member of a pool that the machine is.
    pub(crate) fn member_of(&self, machine: usize) -> Option<&Member> {
        let mut members = self.pools.iter().flat_map(|pool| &pool.members);
        members.find(|member| member.machine == Some(machine))
    }

    /// Addresses to try for a member that has not answered.
    pub(crate) fn addresses(&self, member: &Member) -> Vec<HostName> {
        let kept = self.kept.values().map(|kept| &kept.node);
        let kept = kept
            .filter(|node| member.is_called(node.storage.as_str()) || member.is_called(node.manage.as_str()));
        let names = member.names.iter().filter_map(|name| HostName::new(name).ok());
        kept.map(|node| node.manage.clone()).chain(names).collect()
    }

    /// What is kept of a member or a machine: by the member's names, else as [`Self::kept_of_machine`] says.
    pub(crate) fn kept_of(&self, member: Option<&Member>, machine: Option<usize>) -> Option<&Kept<'a>> {
        let by_member = member.and_then(|member| self.kept_as(&|name| member.is_called(name)));
        by_member.or_else(|| self.kept_of_machine(machine?))
    }

    fn kept_as(&self, is: &dyn Fn(&str) -> bool) -> Option<&Kept<'a>> {
        let mut all = self.kept.values();
        all.find(|kept| is(kept.node.storage.as_str()) || is(kept.node.manage.as_str()))
    }

    /// What is kept of a machine, by the best evidence that there is.
    fn kept_of_machine(&self, machine: usize) -> Option<&Kept<'a>> {
        let mut evidence = Evidence::BEST_FIRST.into_iter();
        evidence.find_map(|evidence| self.kept_by(machine, evidence))
    }

    fn kept_by(&self, machine: usize, evidence: Evidence) -> Option<&Kept<'a>> {
        let seen = &self.machines[machine];
        match evidence {
            Evidence::Address => self.kept_as(&|name| seen.answered(name)),
            Evidence::Disks => {
                let groups = seen.survey.groups.iter().flatten();
                let groups: BTreeSet<_> = groups
                    .filter_map(|group| read::volume_group(&group.name))
                    .collect();
                let mut kept = self.kept.values();
                kept.find(|kept| kept.devices.iter().any(|device| groups.contains(&device.id)))
            }
            Evidence::File => self.kept_as(&|name| self.says(machine, name)),
        }
    }

    /// Puts machines that glusterd does not tell the place of where their names say: those whose glusterd does not
    /// run, and those whose glusterd has forgotten who it was. Better evidence of one goes before less of another.
    fn attach(&mut self, notes: &mut Notes) {
        for evidence in Evidence::BEST_FIRST {
            for machine in 0..self.machines.len() {
                if self.is_lost(machine)
                    && let Some(place) = self.place_of(machine, evidence)
                {
                    self.seat(machine, place, notes);
                }
            }
        }
        for machine in 0..self.machines.len() {
            if !self.is_lost(machine) || self.alone(machine).is_some() {
                continue;
            }
            let host = self.machines[machine].host;
            notes.left(
                FoundKind::Unrestored,
                format!("node {host}"),
                Some(host),
                format!(
                    "its glusterd does not answer ({}), and no member of its pool was heard that knows it: start it and rebuild again",
                    self.machines[machine].survey.members.as_ref().err().map_or("", String::as_str)
                ),
            );
        }
    }

    /// The pool without volumes that knows the machine only, and only by itself.
    fn alone(&self, machine: usize) -> Option<usize> {
        self.pools.iter().position(|pool| {
            pool.tellers == [machine] && pool.members.len() == 1 && !matches!(pool.volumes, Ok([_, ..]))
        })
    }

    /// Whether glusterd does not tell where the machine belongs, and nothing else has told yet.
    fn is_lost(&self, machine: usize) -> bool {
        self.alone(machine).is_some() || self.member_of(machine).is_none()
    }

    fn seat(&mut self, machine: usize, (pool, member): (usize, usize), notes: &mut Notes) {
        let alone = self.alone(machine);
        let member = &mut self.pools[pool].members[member];
        member.machine = Some(machine);
        let Some(alone) = alone else { return };
        notes.contradiction(
            format!("node {}", self.machines[machine].host),
            format!(
                "its glusterd says that it is {} and alone; the pool knows it as {}",
                self.machines[machine].uuid.unwrap_or_default(),
                member.uuid
            ),
            "it is the pool's; give its glusterd its identity back before anything is done there",
        );
        self.pools.remove(alone);
    }

    /// The member without a machine that this one is, by evidence of one kind: of itself, or of what is kept of it.
    fn place_of(&self, machine: usize, evidence: Evidence) -> Option<(usize, usize)> {
        let seen = &self.machines[machine];
        let is_there = self.where_its_file_says(machine) == Some(machine);
        match evidence {
            Evidence::Address => self
                .empty_seat(&|name| seen.answered(name))
                .or_else(|| self.kept_seat(machine, evidence))
                .or_else(|| self.empty_seat(&|name| is_there && self.says(machine, name))),
            // Disks of another node do not make that node of a machine which is where its own file says.
            Evidence::Disks if is_there => None,
            Evidence::Disks => self.kept_seat(machine, evidence),
            Evidence::File => self
                .kept_seat(machine, evidence)
                .or_else(|| self.empty_seat(&|name| self.says(machine, name))),
        }
    }

    fn kept_seat(&self, machine: usize, evidence: Evidence) -> Option<(usize, usize)> {
        let node = &self.kept_by(machine, evidence)?.node;
        let is = |name: &str| {
            [&node.storage, &node.manage]
                .iter()
                .any(|own| own.as_str().eq_ignore_ascii_case(name))
        };
        self.empty_seat(&is)
    }

    /// The first member without a machine that one of its names is right for.
    fn empty_seat(&self, is: &dyn Fn(&str) -> bool) -> Option<(usize, usize)> {
        let mut pools = self.pools.iter().enumerate();
        pools.find_map(|(number, pool)| {
            let mut members = pool.members.iter();
            let free = |member: &Member| member.machine.is_none() && member.names.iter().any(|name| is(name));
            Some((number, members.position(free)?))
        })
    }
}

pub(crate) fn machines<'a>(heard: &'a Heard, notes: &mut Notes) -> Vec<Machine<'a>> {
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
    pool::own_id(survey.members.as_ref().ok()?)
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
