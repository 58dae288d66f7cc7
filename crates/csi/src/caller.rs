//! The driver's other side: what a provisioner and a kubelet call, in their order and with their patience. For those who have no
//! Kubernetes at hand: the demo, and measurements.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::proto::controller_client::ControllerClient;
use crate::proto::node_client::NodeClient;
use crate::proto::volume_capability::access_mode::Mode;
use crate::proto::volume_capability::{AccessMode, AccessType, MountVolume};
use crate::proto::{
    self, CapacityRange, CreateVolumeRequest, DeleteVolumeRequest, NodePublishVolumeRequest,
    NodeStageVolumeRequest, NodeUnpublishVolumeRequest, NodeUnstageVolumeRequest, VolumeCapability,
};
use crate::socket::Endpoint;

/// How long a provisioner waits for one call, unless told otherwise.
const PATIENCE: Duration = Duration::from_secs(15);
/// After the first call that was told "under way"; a provisioner doubles it each time.
const RETRY: Duration = Duration::from_secs(1);
/// How often it asks.
const TRIES: u32 = 20;

/// What a call said that did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{call}: {why}")]
pub struct CallError {
    call: &'static str,
    why: String,
}

fn said(call: &'static str) -> impl Fn(Status) -> CallError {
    move |status| CallError {
        call,
        why: format!("{:?}: {}", status.code(), status.message()),
    }
}

/// A claim, as a PersistentVolumeClaim makes one of a provisioner.
#[derive(Clone, Debug)]
pub struct Claim<'a> {
    /// The volume's name, `pvc-…`.
    pub name: &'a str,
    /// The claim's namespace and name.
    pub of: (&'a str, &'a str),
    /// Bytes.
    pub size: u64,
    /// The StorageClass's parameters.
    pub class: &'a [(&'a str, &'a str)],
}

/// A volume that was made for a claim.
#[derive(Clone, Debug)]
pub struct Provisioned(proto::Volume);

impl Provisioned {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.0.volume_id
    }

    /// Its name in GlusterFS.
    pub fn name(&self) -> &str {
        self.0.volume_context.get("volume").map_or("", String::as_str)
    }

    /// Bytes of the claim.
    pub const fn bytes(&self) -> i64 {
        self.0.capacity_bytes
    }
}

async fn channel(endpoint: &Endpoint) -> Result<Channel, CallError> {
    let refused = |error: tonic::transport::Error| CallError {
        call: "connect to the driver",
        why: error.to_string(),
    };
    let address = format!("unix://{}", endpoint.path().display());
    let to = tonic::transport::Endpoint::try_from(address).map_err(refused)?;
    to.connect().await.map_err(refused)
}

fn capability() -> VolumeCapability {
    VolumeCapability {
        access_mode: Some(AccessMode {
            mode: Mode::MultiNodeMultiWriter.into(),
        }),
        access_type: Some(AccessType::Mount(MountVolume::default())),
    }
}

/// Asks a controller as the provisioner sidecar does.
#[derive(Clone, Debug)]
pub struct Provisioner(ControllerClient<Channel>);

impl Provisioner {
    /// Connects to a controller.
    ///
    /// # Errors
    /// Nobody listens.
    pub async fn connect(endpoint: &Endpoint) -> Result<Self, CallError> {
        Ok(Self(ControllerClient::new(channel(endpoint).await?)))
    }

    /// `CreateVolume`, asked again as long as the work may go on.
    ///
    /// # Errors
    /// The driver says that it cannot be, or the work never ends.
    pub async fn create(&mut self, claim: &Claim<'_>) -> Result<Provisioned, CallError> {
        const CALL: &str = "CreateVolume";
        let about = [
            ("csi.storage.k8s.io/pv/name", claim.name),
            ("csi.storage.k8s.io/pvc/namespace", claim.of.0),
            ("csi.storage.k8s.io/pvc/name", claim.of.1),
        ];
        let parameters = claim.class.iter().chain(&about);
        let request = CreateVolumeRequest {
            name: claim.name.to_owned(),
            capacity_range: Some(CapacityRange {
                required_bytes: i64::try_from(claim.size).unwrap_or(i64::MAX),
                limit_bytes: 0,
            }),
            volume_capabilities: vec![capability()],
            parameters: parameters
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            ..CreateVolumeRequest::default()
        };
        let mut pause = RETRY;
        for _ in 0..TRIES {
            match self.0.create_volume(patient(request.clone())).await {
                Ok(made) => {
                    let volume = made.into_inner().volume;
                    return volume.map(Provisioned).ok_or_else(|| CallError {
                        call: CALL,
                        why: "the answer names no volume".into(),
                    });
                }
                Err(status) if may_go_on(&status) => {}
                Err(status) => return Err(said(CALL)(status)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PATIENCE);
        }
        Err(CallError {
            call: CALL,
            why: "it is under way still".into(),
        })
    }

    /// `DeleteVolume`, asked again as long as the work may go on.
    ///
    /// # Errors
    /// The driver says that it cannot be, or the work never ends.
    pub async fn delete(&mut self, volume: &Provisioned) -> Result<(), CallError> {
        const CALL: &str = "DeleteVolume";
        let request = DeleteVolumeRequest {
            volume_id: volume.0.volume_id.clone(),
            ..DeleteVolumeRequest::default()
        };
        for _ in 0..TRIES {
            match self.0.delete_volume(patient(request.clone())).await {
                Ok(_) => return Ok(()),
                Err(status) if may_go_on(&status) => tokio::time::sleep(RETRY).await,
                Err(status) => return Err(said(CALL)(status)),
            }
        }
        Err(CallError {
            call: CALL,
            why: "it is under way still".into(),
        })
    }
}

fn patient<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(PATIENCE);
    request
}

fn may_go_on(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::Aborted | Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled
    )
}

/// Asks a node plug-in as a kubelet does.
#[derive(Clone, Debug)]
pub struct Kubelet {
    node: NodeClient<Channel>,
    folder: PathBuf,
}

impl Kubelet {
    /// Connects to a node plug-in; `folder` is the kubelet's.
    ///
    /// # Errors
    /// Nobody listens.
    pub async fn connect(endpoint: &Endpoint, folder: &Path) -> Result<Self, CallError> {
        Ok(Self {
            node: NodeClient::new(channel(endpoint).await?),
            folder: folder.to_owned(),
        })
    }

    fn staging(&self, volume: &Provisioned) -> PathBuf {
        self.folder.join("plugins").join(volume.id()).join("globalmount")
    }

    /// Where a pod finds the volume.
    pub fn target(&self, pod: &str) -> PathBuf {
        self.folder.join("pods").join(pod).join("mount")
    }

    /// `NodeStageVolume` and `NodePublishVolume`: the volume for a pod. Gives where it is mounted.
    ///
    /// # Errors
    /// The driver says why not.
    pub async fn mount(&mut self, volume: &Provisioned, pod: &str) -> Result<PathBuf, CallError> {
        let (staging, target) = (self.staging(volume), self.target(pod));
        for folder in [Some(staging.as_path()), target.parent()].into_iter().flatten() {
            fs::create_dir_all(folder).map_err(|error| CallError {
                call: "make the folder of a mount",
                why: error.to_string(),
            })?;
        }
        let stage = NodeStageVolumeRequest {
            volume_id: volume.id().to_owned(),
            staging_target_path: staging.display().to_string(),
            volume_capability: Some(capability()),
            volume_context: volume.0.volume_context.clone(),
            ..NodeStageVolumeRequest::default()
        };
        let publish = NodePublishVolumeRequest {
            volume_id: volume.id().to_owned(),
            staging_target_path: staging.display().to_string(),
            target_path: target.display().to_string(),
            volume_capability: Some(capability()),
            volume_context: volume.0.volume_context.clone(),
            ..NodePublishVolumeRequest::default()
        };
        self.node
            .node_stage_volume(stage)
            .await
            .map_err(said("NodeStageVolume"))?;
        self.node
            .node_publish_volume(publish)
            .await
            .map_err(said("NodePublishVolume"))?;
        Ok(target)
    }

    /// `NodeUnpublishVolume` and `NodeUnstageVolume`: the pod has ended.
    ///
    /// # Errors
    /// The driver says why not.
    pub async fn unmount(&mut self, volume: &Provisioned, pod: &str) -> Result<(), CallError> {
        let unpublish = NodeUnpublishVolumeRequest {
            volume_id: volume.id().to_owned(),
            target_path: self.target(pod).display().to_string(),
        };
        let unstage = NodeUnstageVolumeRequest {
            volume_id: volume.id().to_owned(),
            staging_target_path: self.staging(volume).display().to_string(),
        };
        self.node
            .node_unpublish_volume(unpublish)
            .await
            .map_err(said("NodeUnpublishVolume"))?;
        self.node
            .node_unstage_volume(unstage)
            .await
            .map_err(said("NodeUnstageVolume"))?;
        Ok(())
    }
}
