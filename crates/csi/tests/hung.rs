//! A volume whose client hangs: a FUSE file system of which nobody answers a request. Needs root, for its mount.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ffi::CString;
use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use mortar_csi::proto::node_client::NodeClient;
use mortar_csi::proto::{NodeGetInfoRequest, NodeUnpublishVolumeRequest};
use mortar_csi::{ClientRunner, Endpoint, NodeOptions, Services};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use tonic::transport::Channel;

/// How long a call may take that waits for nothing; below the plug-in's own limit for looks.
const SOON: Duration = Duration::from_secs(8);

/// A mount that never answers, until it is dropped.
struct Hung {
    path: PathBuf,
    /// What its requests are read from, by nobody.
    device: Option<File>,
}

impl Hung {
    fn at(path: &Path) -> Self {
        let device = File::options().read(true).write(true).open("/dev/fuse").unwrap();
        let options = format!("fd={},rootmode=40000,user_id=0,group_id=0", device.as_raw_fd());
        let options = CString::new(options).unwrap();
        let mounted = mount(
            "192.0.2.1:/csi_1",
            path,
            "fuse.glusterfs",
            MountFlags::empty(),
            options.as_c_str(),
        );
        mounted.unwrap_or_else(|error| panic!("this test mounts a file system: run it as root ({error})"));
        Self {
            path: path.to_owned(),
            device: Some(device),
        }
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        // Whoever waits for an answer gets an error.
        drop(self.device.take());
        let _ = unmount(&self.path, UnmountFlags::DETACH);
    }
}

/// A plug-in on one thread of its own, so that a call that blocks it holds up all others; and a caller.
async fn plug_in(folder: &Path) -> NodeClient<Channel> {
    let socket = format!("unix://{}", folder.join("csi.sock").display());
    let endpoint: Endpoint = socket.parse().unwrap();
    let options = NodeOptions {
        node_id: "worker-1".into(),
        zone: None,
        kubelet: folder.join("kubelet"),
        state: folder.join("state"),
        logs: folder.join("logs"),
        runner: ClientRunner::Session,
        volumes_max: None,
    };
    let (listening, listens) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let services = Services {
                node: Some(options),
                ..Services::default()
            };
            let listener = endpoint.listen().await.unwrap();
            listening.send(()).unwrap();
            mortar_csi::serve(listener, services, std::future::pending()).await
        })
    });
    listens.await.unwrap();
    let channel = tonic::transport::Endpoint::try_from(socket).unwrap();
    NodeClient::new(channel.connect().await.unwrap())
}

fn unpublish(path: &Path) -> NodeUnpublishVolumeRequest {
    NodeUnpublishVolumeRequest {
        volume_id: "v".into(),
        target_path: path.display().to_string(),
    }
}

#[tokio::test]
async fn a_hung_mount_is_taken_away_and_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let pods = root.join("kubelet/pods");
    std::fs::create_dir_all(pods.join("a")).unwrap();
    std::fs::create_dir_all(pods.join("b")).unwrap();
    let mut node = plug_in(&root).await;

    // The mount itself goes: it is not looked at.
    let hung = Hung::at(&pods.join("a"));
    let gone = node.node_unpublish_volume(unpublish(&pods.join("a")));
    tokio::time::timeout(SOON, gone)
        .await
        .expect("it waits for the client")
        .unwrap();
    assert!(!pods.join("a").exists());
    drop(hung);

    // What lies in one is looked at, and waits: everybody else is answered.
    let hung = Hung::at(&pods.join("b"));
    let mut other = node.clone();
    let waits = tokio::spawn(async move {
        other
            .node_unpublish_volume(unpublish(&pods.join("b/below")))
            .await
    });
    for _ in 0..3 {
        let asked = node.node_get_info(NodeGetInfoRequest {});
        let info = tokio::time::timeout(SOON, asked)
            .await
            .expect("another call holds it up")
            .unwrap();
        assert_eq!(info.into_inner().node_id, "worker-1");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!waits.is_finished());
    drop(hung);
    waits.abort();
}
