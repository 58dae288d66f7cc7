//! From what people write to ids: volumes by name, nodes by host name, devices by `NODE:PATH`.

use mortar_api::{
    CLAIM_OPTION, SnapshotGroupList, SnapshotList, Topology, TopologyDevice, TopologyNode, Volume, VolumePage,
};
use mortar_model::VolumeName;

use super::{Client, read};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::parse::is_id;

/// Fewest digits that stand for a brick's id.
const FEWEST: usize = 6;

/// A node and the cluster it is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NodeHit<'a> {
    /// The cluster's id.
    pub(crate) cluster: &'a str,
    /// The node.
    pub(crate) node: &'a TopologyNode,
}

/// A device and the node it is in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DeviceHit<'a> {
    /// The node.
    pub(crate) node: &'a TopologyNode,
    /// The device.
    pub(crate) device: &'a TopologyDevice,
}

/// All nodes.
pub(crate) fn nodes(topology: &Topology) -> impl Iterator<Item = NodeHit<'_>> {
    topology.clusters.iter().flat_map(|cluster| {
        cluster.nodes.iter().map(|node| NodeHit {
            cluster: &cluster.id,
            node,
        })
    })
}

/// All devices.
pub(crate) fn devices(topology: &Topology) -> impl Iterator<Item = DeviceHit<'_>> {
    nodes(topology).flat_map(|hit| {
        hit.node.devices.iter().map(move |device| DeviceHit {
            node: hit.node,
            device,
        })
    })
}

impl Client {
    /// The id of the volume with this id or name.
    ///
    /// # Errors
    /// No volume has that name, several clusters have one, or the server refused.
    pub(crate) async fn volume_id(&self, text: &str, attempt: &str) -> Result<String> {
        if is_id(text) {
            return Ok(text.to_ascii_lowercase());
        }
        let ids = self.volumes_named(text, attempt).await?.into_iter();
        if !self.is_user() {
            return only("volume", text, attempt, ids);
        }
        only("volume of yours", text, attempt, ids).map_err(|error| match error.exit {
            Exit::NotFound => error.advise("see what there is: 'mortar volume list'"),
            _ => error,
        })
    }

    /// The ids of the volumes with this name that whoever asks may see: one at most in each cluster.
    async fn volumes_named(&self, name: &str, attempt: &str) -> Result<Vec<String>> {
        if VolumeName::new(name).is_err() {
            // No volume has a name that none can have.
            return Ok(Vec::new());
        }
        let query = format!("?name={name}");
        let body = self.get_query("/v1/volumes", &query, attempt).await?;
        let page: VolumePage = read(&body, attempt)?;
        if page.volumes.is_empty() && page.operation.is_some() {
            // A volume that is just being removed is on no page, and is still asked about by its name.
            let topology = self.topology(attempt).await?;
            let volumes = topology.clusters.into_iter().flat_map(|cluster| cluster.volumes);
            let named = volumes.filter(|volume| volume.name == name);
            return Ok(named.map(|volume| volume.id).collect());
        }
        Ok(page.volumes.into_iter().map(|volume| volume.id).collect())
    }

    /// The id of the volume that was made for this claim of Kubernetes.
    ///
    /// # Errors
    /// As [`Self::volume_id`].
    pub(crate) async fn claimed_volume(&self, namespace: &str, name: &str, attempt: &str) -> Result<String> {
        let claim = format!("{namespace}/{name}");
        let of_it = |volume: &Volume| volume.options.get(CLAIM_OPTION) == Some(&claim);
        let volumes = self.volumes(attempt).await?.into_iter();
        let ids = volumes.filter(of_it).map(|volume| volume.id);
        only("volume of the claim", &claim, attempt, ids).map_err(|error| match error.exit {
            Exit::NotFound => error.advise(
                "claims are known where the provisioner runs with --extra-create-metadata: see 'mortar volume list' for all volumes",
            ),
            _ => error,
        })
    }

    /// The id of the brick with this id, or whose id alone begins with these digits.
    ///
    /// # Errors
    /// They are too few, or no brick's, or those of several.
    pub(crate) async fn brick_id(&self, text: &str, attempt: &str) -> Result<String> {
        let text = text.to_ascii_lowercase();
        if is_id(&text) {
            return Ok(text);
        }
        if !(FEWEST..32).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let error = Error::usage(attempt, "that is not a brick's id");
            return Err(error.advise(format!(
                "write it whole or its first {FEWEST} digits at least; see them: 'mortar brick list'"
            )));
        }
        let topology = self.topology(attempt).await?;
        let bricks = devices(&topology).flat_map(|hit| &hit.device.bricks);
        let ids = bricks.map(|brick| &brick.id).filter(|id| id.starts_with(&text));
        only("brick", &text, attempt, ids.cloned())
    }

    /// The id of the snapshot with this id or name.
    ///
    /// # Errors
    /// As [`Self::volume_id`].
    pub(crate) async fn snapshot_id(&self, text: &str, attempt: &str) -> Result<String> {
        if is_id(text) {
            return Ok(text.to_ascii_lowercase());
        }
        let list: SnapshotList = read(&self.get("/v1/snapshots", attempt).await?, attempt)?;
        let hits = list
            .snapshots
            .into_iter()
            .filter(|snapshot| snapshot.name == text);
        let found = only("snapshot", text, attempt, hits.map(|snapshot| snapshot.id));
        found.map_err(|error| match error.exit {
            Exit::NotFound => error.advise("see what there is: 'mortar snapshot list'"),
            _ => error,
        })
    }

    /// The id of the group of snapshots with this id or name.
    ///
    /// # Errors
    /// As [`Self::volume_id`].
    pub(crate) async fn group_id(&self, text: &str, attempt: &str) -> Result<String> {
        if is_id(text) {
            return Ok(text.to_ascii_lowercase());
        }
        let list: SnapshotGroupList = read(&self.get("/v1/snapshot-groups", attempt).await?, attempt)?;
        let hits = list.groups.into_iter().filter(|group| group.name == text);
        let found = only("snapshot group", text, attempt, hits.map(|group| group.id));
        found.map_err(|error| match error.exit {
            Exit::NotFound => error.advise("see what there is: 'mortar snapshot group list'"),
            _ => error,
        })
    }

    /// The id of the block volume with this id or name.
    ///
    /// # Errors
    /// As [`Self::volume_id`].
    pub(crate) async fn block_id(&self, text: &str, attempt: &str) -> Result<String> {
        if is_id(text) {
            return Ok(text.to_ascii_lowercase());
        }
        let list = self.block_volumes(&[], attempt).await?;
        let hits = list.into_iter().filter(|block| block.name == text);
        let found = only("block volume", text, attempt, hits.map(|block| block.id));
        found.map_err(|error| match error.exit {
            Exit::NotFound => error.advise("see what there is: 'mortar block list'"),
            _ => error,
        })
    }

    /// The id of the node with this id or host name.
    ///
    /// # Errors
    /// As [`Self::volume_id`].
    pub(crate) async fn node_id(&self, text: &str, attempt: &str) -> Result<String> {
        if is_id(text) {
            return Ok(text.to_ascii_lowercase());
        }
        let topology = self.topology(attempt).await?;
        let hits = nodes(&topology).filter(|hit| hit.node.manage == text || hit.node.storage == text);
        only("node", text, attempt, hits.map(|hit| hit.node.id.clone()))
    }

    /// The id of the device with this id, or at this `NODE:PATH`.
    ///
    /// # Errors
    /// As [`Self::volume_id`].
    pub(crate) async fn device_id(&self, text: &str, attempt: &str) -> Result<String> {
        if is_id(text) {
            return Ok(text.to_ascii_lowercase());
        }
        let Some((host, path)) = node_and_path(text) else {
            return Err(Error::usage(
                attempt,
                format!("{text} is neither a device's id nor NODE:PATH"),
            ));
        };
        let topology = self.topology(attempt).await?;
        let hits = devices(&topology).filter(|hit| {
            let node = hit.node;
            hit.device.path == path
                && [&node.manage, &node.storage, &node.id]
                    .into_iter()
                    .any(|name| name == host)
        });
        only("device", text, attempt, hits.map(|hit| hit.device.id.clone()))
    }
}

/// Splits `NODE:PATH` where the path begins; an IPv6 address has colons of its own.
fn node_and_path(text: &str) -> Option<(&str, &str)> {
    let at = text.find(":/")?;
    Some((&text[..at], &text[at + 1..])).filter(|(host, _)| !host.is_empty())
}

/// The only one of these.
fn only(kind: &str, text: &str, attempt: &str, ids: impl Iterator<Item = String>) -> Result<String> {
    let mut ids: Vec<String> = ids.collect();
    match ids.len() {
        0 => Err(
            Error::new(Exit::NotFound, attempt, format!("there is no {kind} {text}"))
                .advise("see what there is: 'mortar topology show'"),
        ),
        1 => Ok(ids.remove(0)),
        _ => Err(Error::new(
            Exit::Conflict,
            attempt,
            format!("there is more than one {kind} {text}"),
        )
        .with_details(ids)
        .advise("use one of these ids")),
    }
}

#[cfg(test)]
mod tests {
    use super::{node_and_path, only};
    use crate::exit::Exit;

    #[test]
    fn a_device_is_named_by_node_and_path() {
        assert_eq!(node_and_path("n1:/dev/sdb"), Some(("n1", "/dev/sdb")));
        assert_eq!(
            node_and_path("fd00::1:/dev/disk/by-path/pci-0:/x"),
            Some(("fd00::1", "/dev/disk/by-path/pci-0:/x"))
        );
        assert_eq!(node_and_path("/dev/sdb"), None);
        assert_eq!(node_and_path(":/dev/sdb"), None);
    }

    #[test]
    fn a_name_must_mean_one_thing() {
        let ids = |ids: &[&str]| only("volume", "v", "x", ids.iter().map(|id| (*id).to_owned()));
        assert_eq!(ids(&["1"]), Ok("1".into()));
        assert_eq!(ids(&[]).unwrap_err().exit, Exit::NotFound);
        let two = ids(&["1", "2"]).unwrap_err();
        assert_eq!(
            (two.exit, two.details),
            (Exit::Conflict, vec!["1".to_owned(), "2".to_owned()])
        );
    }
}
