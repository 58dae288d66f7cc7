//! How volumes and their servers are, as this node sees them.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::net::TcpStream;
use tonic::Status;

use super::stage::Staged;
use super::{Node, failed};
use crate::proto::node_get_storage_health_response::StorageBackendHealth;
use crate::proto::volume_health::VolumeHealthEntry;
use crate::proto::{
    NodeGetStorageHealthResponse, NodeGetVolumeHealthRequest, NodeGetVolumeHealthResponse,
    StorageHealthErrorType, VolumeHealth, VolumeHealthErrorType,
};
use crate::trouble::required;

/// Where glusterd listens.
const GLUSTERD: u16 = 24_007;
/// How long a server may take to take a connection.
const CONNECT: Duration = Duration::from_secs(2);

impl Node {
    pub(super) async fn health(
        &self,
        request: &NodeGetVolumeHealthRequest,
    ) -> Result<NodeGetVolumeHealthResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?.to_owned();
        let _turn = self.busy.take(&id)?;
        let record = self
            .records
            .read(&id)
            .map_err(|error| failed("reading what is staged", &error))?;
        let record =
            record.ok_or_else(|| Status::not_found(format!("the volume {id} is not on this node")))?;
        for path in [&request.volume_publish_path, &request.staging_target_path] {
            if !path.is_empty() {
                self.published(&id, path.as_ref())?;
            }
        }
        let bad = |reason: &str, message: &str| VolumeHealthEntry {
            status: VolumeHealthErrorType::Inaccessible.into(),
            reason: reason.to_owned(),
            message: message.to_owned(),
        };
        let entry = match self.staged(&id, &record)? {
            Staged::Absent => Some(bad(
                "NotMounted",
                "the volume is staged, and not mounted on this node",
            )),
            Staged::Dead => Some(bad(
                "ClientGone",
                "the volume's GlusterFS client on this node is gone",
            )),
            Staged::Alive => {
                let reached = self.reachable(&record.staging).await;
                reached.err().map(|status| bad("NotReached", status.message()))
            }
        };
        Ok(NodeGetVolumeHealthResponse {
            volume_health: Some(VolumeHealth {
                volume_id: id,
                health_statuses: entry.into_iter().collect(),
            }),
        })
    }

    pub(super) async fn storage_health(&self) -> Result<NodeGetStorageHealthResponse, Status> {
        let records = self.aside(|node| {
            node.records
                .all()
                .map_err(|error| failed("reading what is staged", &error))
        });
        let records = records.await?;
        // A server is asked once, however many volumes name it.
        let mut servers: BTreeMap<String, bool> = BTreeMap::new();
        for server in records.iter().flat_map(|record| &record.servers) {
            servers.entry(server.clone()).or_default();
        }
        let asked = servers.into_keys().map(|server| async {
            let reached =
                tokio::time::timeout(CONNECT, TcpStream::connect((server.as_str(), GLUSTERD))).await;
            let reached = matches!(reached, Ok(Ok(_)));
            (server, reached)
        });
        let servers: BTreeMap<String, bool> = futures::future::join_all(asked).await.into_iter().collect();
        let unreached: Vec<&str> = servers
            .iter()
            .filter(|(_, reached)| !**reached)
            .map(|(server, _)| server.as_str())
            .collect();
        Ok(NodeGetStorageHealthResponse {
            backend_health: backend(&unreached, servers.len()).into_iter().collect(),
        })
    }
}

/// What it means that so many of all servers are not reached.
fn backend(unreached: &[&str], all: usize) -> Option<StorageBackendHealth> {
    let (status, reason) = match unreached.len() {
        0 => return None,
        some if some < all => (StorageHealthErrorType::StorageDegraded, "ServersUnreachable"),
        _ => (StorageHealthErrorType::StorageUnreachable, "StorageUnreachable"),
    };
    Some(StorageBackendHealth {
        status: status.into(),
        reason: reason.to_owned(),
        message: format!("glusterd is not reached at {}", unreached.join(", ")),
        volume_capability: None,
    })
}
