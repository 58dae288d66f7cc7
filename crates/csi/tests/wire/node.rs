//! The node's codes, as far as nothing is mounted for them. What is mounted for real is in crates/cli/tests/csi.

use mortar_csi::proto::volume_capability::access_mode::Mode;
use mortar_csi::proto::{
    NodeExpandVolumeRequest, NodeGetInfoRequest, NodeGetStorageHealthRequest, NodeGetVolumeHealthRequest,
    NodeGetVolumeStatsRequest, NodePublishVolumeRequest, NodeStageVolumeRequest, NodeUnpublishVolumeRequest,
    NodeUnstageVolumeRequest,
};
use tonic::Code;

use crate::support::{Driver, capability, parameters, range};

const CONTEXT: [(&str, &str); 3] = [("volume", "csi_1"), ("servers", "192.0.2.1"), ("size", "1")];

fn kubelet(driver: &Driver) -> String {
    let path = driver.folder.path().join("kubelet").canonicalize().unwrap();
    path.display().to_string()
}

fn stage(driver: &Driver) -> NodeStageVolumeRequest {
    NodeStageVolumeRequest {
        volume_id: "v".into(),
        staging_target_path: format!("{}/staging", kubelet(driver)),
        volume_capability: Some(capability(Mode::MultiNodeMultiWriter, false)),
        volume_context: parameters(&CONTEXT),
        ..NodeStageVolumeRequest::default()
    }
}

#[tokio::test]
async fn what_is_staged_is_checked_before_anything_is_mounted() {
    let mut driver = Driver::new().await;
    let good = stage(&driver);
    let mut wrong_flag = good.clone();
    if let Some(mortar_csi::proto::volume_capability::AccessType::Mount(mount)) =
        &mut wrong_flag.volume_capability.as_mut().unwrap().access_type
    {
        mount.mount_flags = vec!["volfile-server=evil".into()];
    }
    let with = |change: &dyn Fn(&mut NodeStageVolumeRequest)| {
        let mut request = good.clone();
        change(&mut request);
        request
    };
    for request in [
        wrong_flag,
        with(&|request| request.volume_id.clear()),
        with(&|request| request.staging_target_path.clear()),
        with(&|request| request.staging_target_path = "/etc/x".into()),
        with(&|request| request.staging_target_path.push_str("/../../x")),
        with(&|request| request.volume_capability = None),
        with(&|request| request.volume_capability = Some(capability(Mode::Unknown, false))),
        with(&|request| request.volume_capability = Some(capability(Mode::SingleNodeWriter, true))),
        with(&|request| request.volume_context.clear()),
        with(&|request| {
            request.volume_context.insert("volume".into(), "-x".into());
        }),
    ] {
        let status = driver.node.node_stage_volume(request.clone()).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{request:?}");
    }
    assert!(!driver.folder.path().join("state").exists());
}

#[tokio::test]
async fn what_is_not_staged_is_not_published() {
    let mut driver = Driver::new().await;
    let folder = kubelet(&driver);
    std::os::unix::fs::symlink("/tmp", format!("{folder}/link")).unwrap();
    let request = |target: &str, staging: &str| NodePublishVolumeRequest {
        volume_id: "v".into(),
        target_path: target.to_owned(),
        staging_target_path: staging.to_owned(),
        volume_capability: Some(capability(Mode::SingleNodeWriter, false)),
        volume_context: parameters(&CONTEXT),
        ..NodePublishVolumeRequest::default()
    };
    let staging = format!("{folder}/staging");
    for (target, code) in [
        (String::new(), Code::InvalidArgument),
        ("/etc".to_owned(), Code::InvalidArgument),
        (format!("{folder}/link/x"), Code::InvalidArgument),
        (format!("{folder}/pods/x"), Code::FailedPrecondition),
    ] {
        let status = driver
            .node
            .node_publish_volume(request(&target, &staging))
            .await
            .unwrap_err();
        assert_eq!(status.code(), code, "{target}: {status}");
    }
    let unstaged = request(&format!("{folder}/pods/x"), "");
    let status = driver.node.node_publish_volume(unstaged).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert!(!std::path::Path::new(&format!("{folder}/pods")).exists());
}

#[tokio::test]
async fn what_is_not_there_is_taken_away() {
    let mut driver = Driver::new().await;
    let folder = kubelet(&driver);
    std::fs::create_dir_all(format!("{folder}/pods/full/of")).unwrap();
    std::fs::create_dir_all(format!("{folder}/pods/empty")).unwrap();
    let unpublish = |target: &str| NodeUnpublishVolumeRequest {
        volume_id: "v".into(),
        target_path: format!("{folder}/pods/{target}"),
    };
    driver
        .node
        .node_unpublish_volume(unpublish("gone"))
        .await
        .unwrap();
    driver
        .node
        .node_unpublish_volume(unpublish("empty"))
        .await
        .unwrap();
    assert!(!std::path::Path::new(&format!("{folder}/pods/empty")).exists());
    // Never anything but a mount point.
    driver
        .node
        .node_unpublish_volume(unpublish("full"))
        .await
        .unwrap_err();
    assert!(std::path::Path::new(&format!("{folder}/pods/full/of")).exists());
    let unstage = NodeUnstageVolumeRequest {
        volume_id: "v".into(),
        staging_target_path: format!("{folder}/staging"),
    };
    driver.node.node_unstage_volume(unstage).await.unwrap();
}

#[tokio::test]
async fn what_is_not_on_the_node_has_no_numbers() {
    let mut driver = Driver::new().await;
    let path = format!("{}/pods/x", kubelet(&driver));
    let stats = |id: &str, path: &str| NodeGetVolumeStatsRequest {
        volume_id: id.to_owned(),
        volume_path: path.to_owned(),
        ..NodeGetVolumeStatsRequest::default()
    };
    for (id, path, code) in [
        ("", path.as_str(), Code::InvalidArgument),
        ("v", "", Code::InvalidArgument),
        ("v", path.as_str(), Code::NotFound),
    ] {
        let status = driver
            .node
            .node_get_volume_stats(stats(id, path))
            .await
            .unwrap_err();
        assert_eq!(status.code(), code, "{id} {path}");
    }
    let expand = NodeExpandVolumeRequest {
        volume_id: "v".into(),
        volume_path: path,
        capacity_range: range(1 << 30, 0),
        ..NodeExpandVolumeRequest::default()
    };
    let status = driver.node.node_expand_volume(expand).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let health = NodeGetVolumeHealthRequest {
        volume_id: "v".into(),
        ..NodeGetVolumeHealthRequest::default()
    };
    let status = driver.node.node_get_volume_health(health).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let storage = driver
        .node
        .node_get_storage_health(NodeGetStorageHealthRequest::default())
        .await
        .unwrap();
    assert!(storage.into_inner().backend_health.is_empty());
    let info = driver
        .node
        .node_get_info(NodeGetInfoRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (info.node_id.as_str(), info.max_volumes_per_node),
        ("worker-1", 7)
    );
    assert_eq!(
        info.accessible_topology.unwrap().segments["topology.csi.mortar/zone"],
        "2"
    );
}
