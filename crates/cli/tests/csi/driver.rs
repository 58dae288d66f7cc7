//! A driver of its own for a test: a lab, a server on it, the controller and the node plug-in as processes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mortar_csi::proto::controller_client::ControllerClient;
use mortar_csi::proto::node_client::NodeClient;
use mortar_csi::proto::volume_capability::access_mode::Mode;
use mortar_csi::proto::volume_capability::{AccessMode, AccessType, BlockVolume, MountVolume};
use mortar_csi::proto::{
    CapacityRange, ControllerPublishVolumeRequest, ControllerUnpublishVolumeRequest, CreateVolumeRequest,
    DeleteVolumeRequest, NodePublishVolumeRequest, NodeStageVolumeRequest, NodeUnpublishVolumeRequest,
    NodeUnstageVolumeRequest, Volume, VolumeCapability,
};
use tonic::transport::{Channel, Endpoint};

use crate::ground::{Ground, LIMIT, until};
use crate::server::{ADMIN_KEY, mortar};
use crate::site::Site;

pub(crate) const GIB: i64 = 1 << 30;

/// How many volumes the node may have at once. csi-sanity makes that many, and one more.
const VOLUMES_MAX: &str = "2";

/// A process of the driver; ended as by `kill -9` when dropped.
pub(crate) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A driver. Fields are dropped in this order: what is mounted goes before the lab below it.
pub(crate) struct Driver {
    runtime: tokio::runtime::Runtime,
    controller: Process,
    node: Option<Process>,
    pub(crate) mounts: Mounts,
    pub(crate) site: Site,
    pub(crate) ground: Ground,
}

/// The folder that stands for the kubelet's; what is mounted in it goes when it is dropped.
pub(crate) struct Mounts(pub(crate) PathBuf);

impl Drop for Mounts {
    fn drop(&mut self) {
        let script = "for each in /sys/block/loop*/loop/backing_file; do
            grep -q \"^$0/\" \"$each\" 2>/dev/null && losetup -d \"/dev/$(basename \"${each%/loop/backing_file}\")\"
        done
        awk -v below=\"$0/\" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r | xargs -r umount -l
        rm -rf --one-file-system \"$0\"";
        let _ = Command::new("sh").args(["-c", script]).arg(&self.0).status();
    }
}

impl Driver {
    /// A lab of three nodes with a driver.
    pub(crate) fn new(letter: char) -> Self {
        let ground = Ground::new(letter, 3, 1, 40);
        let site = Site::new(&ground.lab, &[1, 2, 3], 1, "plain");
        let folder = std::env::temp_dir().join(format!("mortar-csi-{letter}{}", std::process::id()));
        for part in ["pods", "plugins"] {
            std::fs::create_dir_all(folder.join(part)).unwrap();
        }
        let mounts = Mounts(folder.canonicalize().unwrap());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let controller = controller(&mounts.0, &site);
        let mut driver = Self {
            runtime,
            controller,
            node: None,
            mounts,
            site,
            ground,
        };
        driver.start_node(&[]);
        driver
    }

    /// The endpoint of `controller` or `node`.
    pub(crate) fn endpoint(&self, part: &str) -> String {
        format!("unix://{}", self.mounts.0.join(format!("{part}.sock")).display())
    }

    /// Starts the node plug-in, anew if it ran: the one before ends as by `kill -9`.
    pub(crate) fn start_node(&mut self, more: &[&str]) {
        self.kill_node();
        let folder = self.mounts.0.display().to_string();
        let (state, logs) = (format!("{folder}/state"), format!("{folder}/logs"));
        let mut arguments = vec![
            "--node-id",
            "worker-1",
            "--zone",
            "1",
            "--kubelet",
            &folder,
            "--state",
            &state,
            "--logs",
            &logs,
            "--volumes-max",
            VOLUMES_MAX,
        ];
        if more.is_empty() {
            // As where no systemd runs, also where one does.
            arguments.extend(["--clients", "session"]);
        }
        arguments.extend(more);
        self.node = Some(start(&self.mounts.0, "node", &arguments));
    }

    /// Ends the node plug-in as by `kill -9`.
    pub(crate) fn kill_node(&mut self) {
        self.node = None;
    }

    /// Ends the controller as by `kill -9` and starts it again.
    pub(crate) fn restart_controller(&mut self) {
        let _ = self.controller.0.kill();
        let _ = self.controller.0.wait();
        self.controller = controller(&self.mounts.0, &self.site);
    }

    pub(crate) fn run<R>(&self, work: impl Future<Output = R>) -> R {
        self.runtime.block_on(work)
    }

    async fn channel(&self, part: &str) -> Channel {
        Endpoint::try_from(self.endpoint(part))
            .unwrap()
            .connect()
            .await
            .unwrap()
    }

    pub(crate) async fn controller(&self) -> ControllerClient<Channel> {
        ControllerClient::new(self.channel("controller").await)
    }

    pub(crate) async fn node(&self) -> NodeClient<Channel> {
        NodeClient::new(self.channel("node").await)
    }

    /// What a provisioner does: asks within its time limit, and again as long as the work may go on.
    pub(crate) fn provision(&mut self, request: &CreateVolumeRequest, patience: Duration) -> Volume {
        for _ in 0..100 {
            let asked = self.run(async {
                let mut asked = tonic::Request::new(request.clone());
                asked.set_timeout(patience);
                self.controller().await.create_volume(asked).await
            });
            match asked {
                Ok(made) => return made.into_inner().volume.unwrap(),
                Err(status) => {
                    let goes_on = [
                        tonic::Code::Aborted,
                        tonic::Code::Unavailable,
                        tonic::Code::DeadlineExceeded,
                    ];
                    assert!(goes_on.contains(&status.code()), "{status}");
                }
            }
        }
        panic!("it is never made");
    }

    pub(crate) fn delete(&self, volume: &Volume) {
        self.run(async {
            let request = DeleteVolumeRequest {
                volume_id: volume.volume_id.clone(),
                ..DeleteVolumeRequest::default()
            };
            self.controller().await.delete_volume(request).await.unwrap();
        });
    }

    /// What an attacher does for a pod on a node.
    pub(crate) fn attach(
        &self,
        volume: &Volume,
        node: &str,
        mode: Mode,
        block: bool,
    ) -> Result<(), tonic::Status> {
        self.run(async {
            let request = ControllerPublishVolumeRequest {
                volume_id: volume.volume_id.clone(),
                node_id: node.to_owned(),
                volume_capability: Some(capability(mode, block)),
                volume_context: volume.volume_context.clone(),
                ..ControllerPublishVolumeRequest::default()
            };
            let attached = self.controller().await.controller_publish_volume(request).await;
            attached.map(drop)
        })
    }

    /// What it does when no pod on the node uses the volume any more.
    pub(crate) fn detach(&self, volume: &Volume, node: &str) {
        self.run(async {
            let request = ControllerUnpublishVolumeRequest {
                volume_id: volume.volume_id.clone(),
                node_id: node.to_owned(),
                ..ControllerUnpublishVolumeRequest::default()
            };
            let mut controller = self.controller().await;
            controller.controller_unpublish_volume(request).await.unwrap();
        });
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.mounts.0.join(name).display().to_string()
    }

    pub(crate) fn stage(&self, volume: &Volume, mode: Mode, block: bool) -> Result<(), tonic::Status> {
        self.run(async {
            let request = NodeStageVolumeRequest {
                volume_id: volume.volume_id.clone(),
                staging_target_path: self.path(&format!("plugins/{}", volume.volume_id)),
                volume_capability: Some(capability(mode, block)),
                volume_context: volume.volume_context.clone(),
                ..NodeStageVolumeRequest::default()
            };
            self.node().await.node_stage_volume(request).await.map(drop)
        })
    }

    pub(crate) fn publish(
        &self,
        volume: &Volume,
        pod: &str,
        mode: Mode,
        block: bool,
        readonly: bool,
    ) -> Result<PathBuf, tonic::Status> {
        let target = self.path(&format!("pods/{pod}/mount"));
        self.run(async {
            let request = NodePublishVolumeRequest {
                volume_id: volume.volume_id.clone(),
                staging_target_path: self.path(&format!("plugins/{}", volume.volume_id)),
                target_path: target.clone(),
                volume_capability: Some(capability(mode, block)),
                volume_context: volume.volume_context.clone(),
                readonly,
                ..NodePublishVolumeRequest::default()
            };
            self.node().await.node_publish_volume(request).await
        })?;
        Ok(PathBuf::from(target))
    }

    /// What a kubelet does when a pod has ended: asks again while the last of its processes ends.
    pub(crate) fn unpublish(&self, volume: &Volume, pod: &str) -> Result<(), tonic::Status> {
        let mut last = Ok(());
        until("nothing is in use any more", || {
            last = self.unpublish_once(volume, pod);
            !last
                .as_ref()
                .is_err_and(|status| status.message().contains("in use"))
        });
        last
    }

    fn unpublish_once(&self, volume: &Volume, pod: &str) -> Result<(), tonic::Status> {
        self.run(async {
            let request = NodeUnpublishVolumeRequest {
                volume_id: volume.volume_id.clone(),
                target_path: self.path(&format!("pods/{pod}/mount")),
            };
            self.node().await.node_unpublish_volume(request).await.map(drop)
        })
    }

    pub(crate) fn unstage(&self, volume: &Volume) -> Result<(), tonic::Status> {
        self.run(async {
            let request = NodeUnstageVolumeRequest {
                volume_id: volume.volume_id.clone(),
                staging_target_path: self.path(&format!("plugins/{}", volume.volume_id)),
            };
            self.node().await.node_unstage_volume(request).await.map(drop)
        })
    }
}

/// Starts the controller, which attaches volumes to this machine's node and to another one that is not there.
fn controller(folder: &Path, site: &Site) -> Process {
    let server = format!("http://{}", site.server.address());
    let node = format!("worker-1={VOLUMES_MAX}");
    let arguments = [
        "--server",
        &server,
        "--attach",
        "--attach-node",
        &node,
        "--attach-node",
        "worker-2",
    ];
    start(folder, "controller", &arguments)
}

/// Starts a part of the driver, and waits until it listens.
pub(crate) fn start(folder: &Path, part: &str, arguments: &[&str]) -> Process {
    let socket = folder.join(format!("{part}.sock"));
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(folder.join(format!("{part}.log")))
        .unwrap();
    let child = mortar()
        .args(["csi", part, "--endpoint", &format!("unix://{}", socket.display())])
        .args(arguments)
        .env("MORTAR_SECRET", ADMIN_KEY)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let process = Process(child);
    until("the driver listens", || {
        std::os::unix::net::UnixStream::connect(&socket).is_ok()
    });
    process
}

pub(crate) fn capability(mode: Mode, block: bool) -> VolumeCapability {
    VolumeCapability {
        access_mode: Some(AccessMode { mode: mode.into() }),
        access_type: Some(if block {
            AccessType::Block(BlockVolume {})
        } else {
            AccessType::Mount(MountVolume::default())
        }),
    }
}

/// A claim.
pub(crate) fn claim(
    name: &str,
    bytes: i64,
    mode: Mode,
    block: bool,
    class: &[(&str, &str)],
) -> CreateVolumeRequest {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    CreateVolumeRequest {
        name: name.to_owned(),
        capacity_range: Some(CapacityRange {
            required_bytes: bytes,
            limit_bytes: 0,
        }),
        volume_capabilities: vec![capability(mode, block)],
        parameters: class.iter().map(own).collect::<HashMap<_, _>>(),
        ..CreateVolumeRequest::default()
    }
}

/// How long a provisioner waits for one call.
pub(crate) const PROVISIONER: Duration = Duration::from_secs(15);

/// Runs a program that must end well, and gives its output.
pub(crate) fn says(program: &str, arguments: &[&str]) -> String {
    let output = Command::new("timeout")
        .arg(LIMIT.as_secs().to_string())
        .arg(program)
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}
