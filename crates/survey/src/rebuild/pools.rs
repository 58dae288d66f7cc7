//! Which machines are one trusted pool, by what their glusterds tell of each other.

use std::collections::BTreeMap;

use mortar_command::query::pool::{self, Member as Peer};
use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::HostName;

use super::heard::Heard;
use super::machines::{self, Machine};
use super::report::Notes;

/// A member of a pool, as all who were asked see it.
pub(crate) struct Member {
    pub(crate) uuid: String,
    /// Names by which the others know it.
    pub(crate) names: Vec<String>,
    /// The machine that it is, when that answered.
    pub(crate) machine: Option<usize>,
}

impl Member {
    pub(crate) fn is_called(&self, name: &str) -> bool {
        self.names.iter().any(|own| own.eq_ignore_ascii_case(name))
    }
}

/// A trusted pool.
pub(crate) struct Pool<'a> {
    pub(crate) members: Vec<Member>,
    /// Machines whose glusterd answers.
    pub(crate) tellers: Vec<usize>,
    /// Its volumes, or why none of them told.
    pub(crate) volumes: Result<&'a [VolumeInfo], String>,
}

impl Pool<'_> {
    /// The bricks of all its volumes as they are listed; none where none of its members told.
    pub(crate) fn bricks(&self) -> impl Iterator<Item = &String> {
        let volumes = self.volumes.iter().copied().flatten();
        volumes.flat_map(|volume| &volume.bricks)
    }
}

/// For each pool, as glusterd tells of it, the names of those that can be asked for its volumes.
pub(crate) fn tellers(heard: &Heard) -> Vec<Vec<HostName>> {
    let machines = machines::machines(heard, &mut Notes::default());
    let pools = pools(heard, &machines);
    let hosts = |pool: &Pool<'_>| -> Vec<HostName> {
        let tellers = pool.tellers.iter();
        tellers.map(|machine| machines[*machine].host.clone()).collect()
    };
    pools.iter().map(hosts).collect()
}

/// Members by glusterd's ids, with their names, and the machines that told of them.
type Group = (BTreeMap<String, Vec<String>>, Vec<usize>);

pub(crate) fn pools<'a>(heard: &'a Heard, machines: &[Machine<'a>]) -> Vec<Pool<'a>> {
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
        if name != pool::ITSELF && !known.contains(&name) {
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
