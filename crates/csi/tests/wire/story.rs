//! The life of claims as the sidecars of Kubernetes call it, each with its own time limit and asking again, while the controller
//! is killed in the middle of every call. What was begun goes on without it, and is found by the next one.

use std::path::PathBuf;
use std::time::Duration;

use mortar_csi::proto::controller_client::ControllerClient;
use mortar_csi::proto::volume_capability::access_mode::Mode;
use mortar_csi::proto::volume_content_source::{SnapshotSource, Type};
use mortar_csi::proto::{
    ControllerExpandVolumeRequest, ControllerModifyVolumeRequest, ControllerPublishVolumeRequest,
    ControllerUnpublishVolumeRequest, CreateSnapshotRequest, CreateVolumeRequest, DeleteSnapshotRequest,
    DeleteVolumeRequest, VolumeContentSource,
};
use mortar_csi::{Endpoint, Services};
use mortar_server::Inside;
use tokio::runtime::Runtime;
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use crate::support::{Driver, GIB, ask, attach, capability, claim, door, parameters, range};

/// Time limits of the sidecars: provisioner, attacher, resizer and snapshotter, shortened as the commands of these nodes are.
const PROVISIONER: Duration = Duration::from_millis(600);
const ATTACHER: Duration = Duration::from_millis(600);
const RESIZER: Duration = Duration::from_millis(400);
const SNAPSHOTTER: Duration = Duration::from_millis(2400);
/// How often a sidecar asks.
const TRIES: usize = 200;

/// A controller that can be killed.
struct Controller {
    process: Option<Runtime>,
    inside: Inside,
    socket: PathBuf,
}

impl Controller {
    async fn start(&mut self) -> ControllerClient<Channel> {
        let process = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let endpoint: Endpoint = format!("unix://{}", self.socket.display()).parse().unwrap();
        let services = Services {
            controller: Some(door(self.inside.clone())),
            attach: attach(&["one", "two"]),
            node: None,
        };
        let listener = process
            .spawn(async move { endpoint.listen().await.unwrap() })
            .await
            .unwrap();
        process.spawn(mortar_csi::serve(listener, services, std::future::pending()));
        self.process = Some(process);
        let to = tonic::transport::Endpoint::try_from(format!("unix://{}", self.socket.display()));
        ControllerClient::new(to.unwrap().connect().await.unwrap())
    }

    /// Ends it wherever it is, and waits until it holds its socket no more.
    async fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            let end = move || process.shutdown_timeout(Duration::from_secs(10));
            tokio::task::spawn_blocking(end).await.unwrap();
        }
    }

    /// Calls, kills the controller `after` that has begun, starts it again and asks until there is an answer.
    async fn call<M, T, F>(
        &mut self,
        message: &M,
        patience: Duration,
        after: Duration,
        call: impl Fn(ControllerClient<Channel>, Request<M>) -> F,
    ) -> T
    where
        M: Clone,
        F: Future<Output = Result<Response<T>, Status>> + Send + 'static,
        T: Send + 'static,
    {
        let patient = || {
            let mut request = Request::new(message.clone());
            request.set_timeout(patience);
            request
        };
        let first = tokio::spawn(call(self.start().await, patient()));
        tokio::time::sleep(after).await;
        self.kill().await;
        // It may have ended before; then the same is asked again, as by a sidecar that is killed before it writes that down.
        drop(first.await.unwrap());
        let client = self.start().await;
        let mut last = None;
        for _ in 0..TRIES {
            match call(client.clone(), patient()).await {
                Ok(answer) => {
                    self.kill().await;
                    return answer.into_inner();
                }
                Err(status) => {
                    let goes_on = [
                        Code::Aborted,
                        Code::Unavailable,
                        Code::DeadlineExceeded,
                        Code::Cancelled,
                    ];
                    assert!(goes_on.contains(&status.code()), "{status}");
                    last = Some(status);
                }
            }
        }
        panic!("it never ends: {last:?}");
    }

    /// The nodes that the server has recorded for a volume.
    async fn nodes_of(&self, volume: &str) -> Vec<String> {
        let known = ask(&self.inside, "GET", &format!("/v1/volumes/{volume}"), "").await;
        let nodes = known["attachments"].as_array().cloned().unwrap_or_default();
        let name = |one: serde_json::Value| one["node"].as_str().unwrap().to_owned();
        nodes.into_iter().map(name).collect()
    }

    async fn volumes(&self) -> usize {
        let list = ask(&self.inside, "GET", "/v1/volumes", "").await;
        list["volumes"].as_array().unwrap().len()
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.shutdown_background();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_survives_its_controller() {
    let driver = Driver::with_latency(Duration::from_millis(25)).await;
    let mut controller = Controller {
        process: None,
        inside: driver.inside.clone(),
        socket: driver.folder.path().join("killed.sock"),
    };
    // From before anything is begun to well after it.
    for (number, after) in [0, 30, 90, 250]
        .into_iter()
        .map(Duration::from_millis)
        .enumerate()
    {
        life(&mut controller, number, after).await;
        assert_eq!(controller.volumes().await, 0, "{after:?}");
    }
    driver
        .hosts
        .world(|world| assert_eq!(world.violations(), Vec::<String>::new()));
}

async fn life(controller: &mut Controller, number: usize, after: Duration) {
    let create =
        |mut client: ControllerClient<Channel>, request| async move { client.create_volume(request).await };
    let request = claim(&format!("pvc-{number}"));
    let made = controller.call(&request, PROVISIONER, after, create).await;
    let volume = made.volume.unwrap();
    assert_eq!((volume.capacity_bytes, controller.volumes().await), (GIB, 1));

    attached(controller, &volume.volume_id, "one", after).await;
    // A pod that came up on another node waits until the first has let go, whichever controller is asked.
    let mut second = controller.start().await;
    let refused = second
        .controller_publish_volume(wanted(&volume.volume_id, "two"))
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition);
    controller.kill().await;

    let snapshot = CreateSnapshotRequest {
        name: format!("snapshot-{number}"),
        source_volume_id: volume.volume_id.clone(),
        ..CreateSnapshotRequest::default()
    };
    let taken = controller
        .call(&snapshot, SNAPSHOTTER, after, |mut client, request| async move {
            client.create_snapshot(request).await
        })
        .await;
    let snapshot_id = taken.snapshot.unwrap().snapshot_id;
    let list = ask(&controller.inside, "GET", "/v1/snapshots", "").await;
    assert_eq!(list["snapshots"].as_array().unwrap().len(), 1);

    let expand = ControllerExpandVolumeRequest {
        volume_id: volume.volume_id.clone(),
        capacity_range: range(2 * GIB, 0),
        ..ControllerExpandVolumeRequest::default()
    };
    let grown = controller
        .call(&expand, RESIZER, after, |mut client, request| async move {
            client.controller_expand_volume(request).await
        })
        .await;
    assert_eq!(grown.capacity_bytes, 2 * GIB, "larger than asked: it grew twice");

    let modify = ControllerModifyVolumeRequest {
        volume_id: volume.volume_id.clone(),
        mutable_parameters: parameters(&[("network.ping-timeout", "10")]),
        ..ControllerModifyVolumeRequest::default()
    };
    controller
        .call(&modify, RESIZER, after, |mut client, request| async move {
            client.controller_modify_volume(request).await
        })
        .await;

    let restore = CreateVolumeRequest {
        capacity_range: range(3 * GIB, 0),
        volume_content_source: Some(VolumeContentSource {
            r#type: Some(Type::Snapshot(SnapshotSource {
                snapshot_id: snapshot_id.clone(),
            })),
        }),
        ..claim(&format!("restored-{number}"))
    };
    let restored = controller
        .call(&restore, PROVISIONER, after, create)
        .await
        .volume
        .unwrap();
    assert_eq!(
        (restored.capacity_bytes, controller.volumes().await),
        (3 * GIB, 2)
    );

    let forget = DeleteSnapshotRequest {
        snapshot_id,
        ..DeleteSnapshotRequest::default()
    };
    controller
        .call(&forget, SNAPSHOTTER, after, |mut client, request| async move {
            client.delete_snapshot(request).await
        })
        .await;
    detached(controller, &volume.volume_id, "one", after).await;
    attached(controller, &volume.volume_id, "two", after).await;
    detached(controller, &volume.volume_id, "two", after).await;
    for id in [volume.volume_id, restored.volume_id] {
        let delete = DeleteVolumeRequest {
            volume_id: id,
            ..DeleteVolumeRequest::default()
        };
        controller
            .call(&delete, PROVISIONER, after, |mut client, request| async move {
                client.delete_volume(request).await
            })
            .await;
    }
}

/// What an attacher asks for a volume of mode ReadWriteOnce.
fn wanted(volume: &str, node: &str) -> ControllerPublishVolumeRequest {
    ControllerPublishVolumeRequest {
        volume_id: volume.to_owned(),
        node_id: node.to_owned(),
        volume_capability: Some(capability(Mode::SingleNodeMultiWriter, false)),
        ..ControllerPublishVolumeRequest::default()
    }
}

async fn attached(controller: &mut Controller, volume: &str, node: &str, after: Duration) {
    let attach = |mut client: ControllerClient<Channel>, request| async move {
        client.controller_publish_volume(request).await
    };
    controller
        .call(&wanted(volume, node), ATTACHER, after, attach)
        .await;
    assert_eq!(controller.nodes_of(volume).await, [node]);
}

async fn detached(controller: &mut Controller, volume: &str, node: &str, after: Duration) {
    let request = ControllerUnpublishVolumeRequest {
        volume_id: volume.to_owned(),
        node_id: node.to_owned(),
        ..ControllerUnpublishVolumeRequest::default()
    };
    let detach = |mut client: ControllerClient<Channel>, request| async move {
        client.controller_unpublish_volume(request).await
    };
    controller.call(&request, ATTACHER, after, detach).await;
    assert_eq!(controller.nodes_of(volume).await, [] as [&str; 0]);
}
