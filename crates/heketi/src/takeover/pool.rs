//! Clusters, nodes and devices.

use mortar_model::{ByteSize, Cluster, ClusterId, Device, DeviceKind, DevicePath, HostName, Node, State};

use super::{Taking, Weight};
use crate::db::{DeviceEntry, NodeEntry};

/// Heketi's extent, where an entry does not say it.
const EXTENT_KIB: u64 = 4096;

fn state(text: &str) -> Option<State> {
    match text {
        "online" | "" => Some(State::Online),
        "offline" => Some(State::Offline),
        "failed" => Some(State::Failed),
        _ => None,
    }
}

impl Taking<'_> {
    pub(super) fn pool(&mut self) {
        let database = self.database;
        for (id, entry) in &database.clusters {
            match id.parse() {
                Ok(parsed) => self.inventory.put_cluster(Cluster {
                    id: parsed,
                    file: entry.info.file,
                    block: entry.info.block,
                }),
                Err(error) => self.note(Weight::LeftOut, "cluster", id, "", format!("{error}")),
            }
        }
        for (id, entry) in &database.nodes {
            let name = entry.info.hostnames.manage.first().cloned().unwrap_or_default();
            match self.node(id, entry) {
                Ok(node) => {
                    let put = self.inventory.put_node(node);
                    self.put("node", id, &name, put);
                }
                Err(why) => self.note(Weight::LeftOut, "node", id, &name, why),
            }
        }
        for (id, entry) in &database.devices {
            match self.device(id, entry) {
                Ok(device) => {
                    let put = self.inventory.put_device(device);
                    self.put("device", id, &entry.info.name, put);
                }
                Err(why) => self.note(Weight::LeftOut, "device", id, &entry.info.name, why),
            }
        }
    }

    fn node(&mut self, id: &str, entry: &NodeEntry) -> Result<Node, String> {
        let info = &entry.info;
        let name = info.hostnames.manage.first().cloned().unwrap_or_default();
        let host = |names: &[String], what: &str| {
            let first = names
                .first()
                .ok_or_else(|| format!("it has no host name to {what}"))?;
            HostName::new(first.as_str()).map_err(|error| format!("its host name to {what}: {error}"))
        };
        let parsed = id.parse().map_err(|error| format!("{error}"))?;
        let cluster = self.cluster_of(id, entry)?;
        let zone = u32::try_from(info.zone).ok().filter(|zone| *zone >= 1);
        if zone.is_none() {
            let why = format!("its zone {} is none: it has zone 1 now", info.zone);
            self.note(Weight::Fault, "node", id, &name, why);
        }
        Ok(Node {
            id: parsed,
            cluster,
            zone: zone.unwrap_or(1),
            manage: host(&info.hostnames.manage, "manage it by")?,
            storage: host(&info.hostnames.storage, "store on")?,
            tags: info.tags.clone(),
            state: state(&entry.state).ok_or_else(|| format!("its state is {:?}", entry.state))?,
        })
    }

    /// The cluster that a node says it is of, else the one that lists it.
    fn cluster_of(&mut self, id: &str, entry: &NodeEntry) -> Result<ClusterId, String> {
        let said = &entry.info.cluster;
        let known = |id: &str, taking: &Self| {
            let id: ClusterId = id.parse().ok()?;
            taking.inventory.cluster(id).map(|cluster| cluster.id)
        };
        if let Some(cluster) = known(said, self) {
            return Ok(cluster);
        }
        let mut clusters = self.database.clusters.iter();
        let lists = clusters.find(|(_, cluster)| cluster.info.nodes.iter().any(|node| node == id));
        let name = entry.info.hostnames.manage.first().cloned().unwrap_or_default();
        match lists.and_then(|(other, _)| known(other, self)) {
            Some(cluster) => {
                let why = format!("it says it is of cluster {said}, which is not known; {cluster} lists it");
                self.note(Weight::Fault, "node", id, &name, why);
                Ok(cluster)
            }
            None => Err(format!("its cluster {said} is not known")),
        }
    }

    fn device(&mut self, id: &str, entry: &DeviceEntry) -> Result<Device, String> {
        let info = &entry.info;
        let node = entry.node.parse().ok().and_then(|node| self.inventory.node(node));
        let node = node
            .ok_or_else(|| format!("its node {} is not known", entry.node))?
            .id;
        let path = DevicePath::new(info.name.as_str()).map_err(|error| error.to_string())?;
        if !DeviceKind::is_block_path(&path) {
            return Err("it is no path below /dev".into());
        }
        let extent = match entry.extent_size {
            0 => EXTENT_KIB,
            kib => kib,
        };
        Ok(Device {
            id: id.parse().map_err(|error| format!("{error}"))?,
            node,
            path,
            kind: DeviceKind::Lvm {
                extent: ByteSize::from_kib(extent),
                uuid: info.pv_uuid.clone(),
                paths: info.paths.clone(),
                shared: None,
            },
            tags: info.tags.clone(),
            state: state(&entry.state).ok_or_else(|| format!("its state is {:?}", entry.state))?,
            total: ByteSize::from_kib(info.storage.total),
        })
    }
}
