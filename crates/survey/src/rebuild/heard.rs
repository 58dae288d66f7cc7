//! What was heard when everything was asked, and whom to ask next.

use std::collections::{BTreeMap, BTreeSet};

use mortar_command::query::block_volumes::BlockSeen;
use mortar_command::query::survey::{NodeSurvey, PoolSurvey};
use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::layout::read;
use mortar_model::{DeviceKind, DevicePath, HostName, VolumeName};
use mortar_plan::identity;

use super::machines::Ground;
use super::pools;
use super::report::Notes;

/// The answers of hosts that may be nodes, by the names under which they were asked.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// What each host shows, or why it did not answer.
    pub hosts: BTreeMap<HostName, Result<NodeSurvey, String>>,
    /// What hosts that were asked for it tell of the volumes of their pools.
    pub pools: BTreeMap<HostName, Result<PoolSurvey, String>>,
    /// What is told of the block volumes that volumes hold, by glusterd's ids of those volumes.
    pub blocks: BTreeMap<String, Result<Vec<BlockSeen>, String>>,
}

impl Heard {
    /// Names under which further nodes may answer: members of the pools and neighbours in nodes' files that have not
    /// answered yet, one name of each at a time; and where nodes' files say that commands reach them.
    pub fn unasked(&self) -> Vec<HostName> {
        let ground = Ground::of(self, &mut Notes::default());
        let mut next = BTreeSet::new();
        let mut add = |names: Vec<HostName>| {
            next.extend(names.into_iter().find(|name| !self.hosts.contains_key(name)));
        };
        for machine in &ground.machines {
            if let Some(file) = &machine.file {
                add(vec![file.node.manage.clone()]);
            }
        }
        let answered = |name: &str| ground.machines.iter().any(|machine| machine.is_called(name));
        for kept in ground.kept.values() {
            let node = &kept.node;
            let names = [&node.manage, &node.storage];
            let filed = |file: &identity::NodeIdentity| file.node.id == node.id;
            let here = ground
                .machines
                .iter()
                .any(|machine| machine.file.as_ref().is_some_and(filed));
            if !here && !names.iter().any(|name| answered(name.as_str())) {
                add(names.into_iter().cloned().collect());
            }
        }
        for member in ground.pools.iter().flat_map(|pool| &pool.members) {
            if member.machine.is_none() {
                add(ground.addresses(member));
            }
        }
        next.into_iter().collect()
    }

    /// For each pool the hosts that can tell of its volumes, in the order in which to ask them.
    pub fn spokesmen(&self) -> Vec<Vec<HostName>> {
        pools::tellers(self)
    }
}

/// Volumes of a pool that run and say that they are Mortar's and hold block volumes, with glusterd's ids.
pub fn hosting(pool: &PoolSurvey) -> Vec<(String, VolumeName)> {
    let holds = |info: &&VolumeInfo| {
        let said = identity::read_volume_options(&info.options);
        info.started() && matches!(said, Ok(Some(said)) if said.block)
    };
    let named = |info: &VolumeInfo| Some((info.uuid.clone(), VolumeName::new(info.name.as_str()).ok()?));
    pool.iter().filter(holds).filter_map(named).collect()
}

/// Directories of a node that may be devices, as far as its file, its mount entries and its loop devices tell.
pub fn directories(survey: &NodeSurvey) -> Vec<DevicePath> {
    let mut found = BTreeSet::new();
    if let Ok(Some(text)) = &survey.node_file
        && let Ok(file) = identity::read_node_file(text)
    {
        let own = file.devices.into_iter();
        found.extend(
            own.filter(|device| device.kind == DeviceKind::Directory)
                .map(|device| device.path),
        );
    }
    let entries = survey.entries.iter().flatten().map(|entry| entry.source.as_str());
    let loops = survey.loops.iter().flatten().map(|used| used.file.as_str());
    let images = entries.chain(loops).filter_map(|path| {
        let (directory, _, _) = read::image(path.strip_suffix(" (deleted)").unwrap_or(path))?;
        DevicePath::new(directory).ok()
    });
    for path in images {
        if !found.iter().any(|known: &DevicePath| known.is_same_place(&path)) {
            found.insert(path);
        }
    }
    found.into_iter().collect()
}
