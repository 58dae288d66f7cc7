//! Volumes mounted for pods: one GlusterFS client per volume and node, bind mounts of it per pod.

mod block;
pub(crate) mod client;
mod expand;
mod health;
mod mounts;
mod paths;
mod publish;
mod record;
mod stage;
mod stats;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tonic::{Request, Response, Status};

pub use client::ClientRunner;
use record::Records;

use crate::busy::Busy;
use crate::proto::node_service_capability::rpc::Type as Rpc;
use crate::proto::{
    NodeExpandVolumeRequest, NodeExpandVolumeResponse, NodeGetCapabilitiesRequest,
    NodeGetCapabilitiesResponse, NodeGetInfoRequest, NodeGetInfoResponse, NodeGetStorageHealthRequest,
    NodeGetStorageHealthResponse, NodeGetVolumeHealthRequest, NodeGetVolumeHealthResponse,
    NodeGetVolumeStatsRequest, NodeGetVolumeStatsResponse, NodePublishVolumeRequest,
    NodePublishVolumeResponse, NodeServiceCapability, NodeStageVolumeRequest, NodeStageVolumeResponse,
    NodeUnpublishVolumeRequest, NodeUnpublishVolumeResponse, NodeUnstageVolumeRequest,
    NodeUnstageVolumeResponse, node_server, node_service_capability,
};
use crate::topology;

/// How long what is mounted may take to answer a look. A client whose bricks fell silent waits for them.
const LOOK: Duration = Duration::from_secs(10);

/// What a node can do.
const CAPABILITIES: [Rpc; 6] = [
    Rpc::StageUnstageVolume,
    Rpc::GetVolumeStats,
    Rpc::ExpandVolume,
    Rpc::SingleNodeMultiWriter,
    Rpc::GetVolumeHealth,
    Rpc::GetStorageHealth,
];

/// How a node plug-in behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeOptions {
    /// The node's name, as the cluster knows it.
    pub node_id: String,
    /// Its zone, where it has one.
    pub zone: Option<u32>,
    /// The kubelet's folder: nothing outside of it is mounted on.
    pub kubelet: PathBuf,
    /// Where the plug-in remembers what it staged. Shared with whoever starts clients.
    pub state: PathBuf,
    /// Where clients log.
    pub logs: PathBuf,
    /// How clients are started.
    pub runner: ClientRunner,
    /// Most volumes at once; none where only memory is a bound.
    pub volumes_max: Option<u32>,
}

/// A node.
#[derive(Clone)]
pub(crate) struct Node {
    options: Arc<NodeOptions>,
    records: Records,
    busy: Busy,
}

impl Node {
    pub(crate) fn new(options: NodeOptions) -> Self {
        Self {
            records: Records::new(&options.state),
            options: Arc::new(options),
            busy: Busy::default(),
        }
    }

    /// Does what may wait for disks or mounts, beside the runtime.
    async fn aside<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<R, Status> + Send + 'static,
    ) -> Result<R, Status> {
        let node = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&node)).await;
        done.unwrap_or_else(|error| {
            tracing::error!(%error, "a bug in Mortar ended the call; only this one is hurt");
            Err(Status::internal(
                "a bug in Mortar ended the call; the plug-in's log has the details",
            ))
        })
    }

    /// Looks at something mounted, beside the runtime and not for ever.
    ///
    /// # Errors
    /// Those of the look; UNAVAILABLE when `what` does not answer.
    async fn look<R: Send + 'static>(
        &self,
        what: &str,
        look: impl FnOnce() -> Result<R, Status> + Send + 'static,
    ) -> Result<R, Status> {
        let looked = tokio::time::timeout(LOOK, self.aside(move |_| look())).await;
        looked.unwrap_or_else(|_| {
            let limit = LOOK.as_secs();
            Err(Status::unavailable(format!(
                "{what} does not answer within {limit} s"
            )))
        })
    }
}

/// What the system refused, with what was attempted.
fn failed(attempt: impl std::fmt::Display, error: &std::io::Error) -> Status {
    let text = format!("{attempt}: {error}");
    if error.kind() == std::io::ErrorKind::StorageFull {
        return Status::resource_exhausted(text);
    }
    Status::internal(text)
}

#[tonic::async_trait]
impl node_server::Node for Node {
    async fn node_stage_volume(
        &self,
        request: Request<NodeStageVolumeRequest>,
    ) -> Result<Response<NodeStageVolumeResponse>, Status> {
        self.stage(request.get_ref()).await.map(Response::new)
    }

    async fn node_unstage_volume(
        &self,
        request: Request<NodeUnstageVolumeRequest>,
    ) -> Result<Response<NodeUnstageVolumeResponse>, Status> {
        self.unstage(request.get_ref()).await.map(Response::new)
    }

    async fn node_publish_volume(
        &self,
        request: Request<NodePublishVolumeRequest>,
    ) -> Result<Response<NodePublishVolumeResponse>, Status> {
        self.publish(request.get_ref()).await.map(Response::new)
    }

    async fn node_unpublish_volume(
        &self,
        request: Request<NodeUnpublishVolumeRequest>,
    ) -> Result<Response<NodeUnpublishVolumeResponse>, Status> {
        self.unpublish(request.get_ref()).await.map(Response::new)
    }

    async fn node_get_volume_stats(
        &self,
        request: Request<NodeGetVolumeStatsRequest>,
    ) -> Result<Response<NodeGetVolumeStatsResponse>, Status> {
        self.stats(request.get_ref()).await.map(Response::new)
    }

    async fn node_get_volume_health(
        &self,
        request: Request<NodeGetVolumeHealthRequest>,
    ) -> Result<Response<NodeGetVolumeHealthResponse>, Status> {
        self.health(request.get_ref()).await.map(Response::new)
    }

    async fn node_get_storage_health(
        &self,
        _: Request<NodeGetStorageHealthRequest>,
    ) -> Result<Response<NodeGetStorageHealthResponse>, Status> {
        self.storage_health().await.map(Response::new)
    }

    async fn node_expand_volume(
        &self,
        request: Request<NodeExpandVolumeRequest>,
    ) -> Result<Response<NodeExpandVolumeResponse>, Status> {
        self.expand(request.get_ref()).await.map(Response::new)
    }

    async fn node_get_capabilities(
        &self,
        _: Request<NodeGetCapabilitiesRequest>,
    ) -> Result<Response<NodeGetCapabilitiesResponse>, Status> {
        let capability = |kind: Rpc| NodeServiceCapability {
            r#type: Some(node_service_capability::Type::Rpc(node_service_capability::Rpc {
                r#type: kind.into(),
            })),
        };
        Ok(Response::new(NodeGetCapabilitiesResponse {
            capabilities: CAPABILITIES.into_iter().map(capability).collect(),
        }))
    }

    async fn node_get_info(
        &self,
        _: Request<NodeGetInfoRequest>,
    ) -> Result<Response<NodeGetInfoResponse>, Status> {
        Ok(Response::new(NodeGetInfoResponse {
            node_id: self.options.node_id.clone(),
            max_volumes_per_node: self.options.volumes_max.map_or(0, i64::from),
            accessible_topology: self.options.zone.map(topology::of),
        }))
    }
}
