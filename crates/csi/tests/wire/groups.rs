//! Snapshots of several volumes at one moment.

use mortar_csi::proto::group_controller_service_capability::{Rpc, Type, rpc};
use mortar_csi::proto::plugin_capability;
use mortar_csi::proto::volume_content_source::{SnapshotSource, Type as SourceType};
use mortar_csi::proto::{
    CreateVolumeGroupSnapshotRequest, CreateVolumeRequest, DeleteSnapshotRequest,
    DeleteVolumeGroupSnapshotRequest, GetPluginCapabilitiesRequest, GetSnapshotRequest,
    GetVolumeGroupSnapshotRequest, GroupControllerGetCapabilitiesRequest, VolumeContentSource,
    VolumeGroupSnapshot,
};
use tonic::Code;

use crate::support::{Driver, ask, claim, parameters};

fn request(name: &str, volumes: &[&str]) -> CreateVolumeGroupSnapshotRequest {
    CreateVolumeGroupSnapshotRequest {
        name: name.to_owned(),
        source_volume_ids: volumes.iter().map(|id| (*id).to_owned()).collect(),
        ..CreateVolumeGroupSnapshotRequest::default()
    }
}

fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

impl Driver {
    async fn group(&mut self, name: &str, volumes: &[&str]) -> Result<VolumeGroupSnapshot, Code> {
        let made = self
            .groups
            .create_volume_group_snapshot(request(name, volumes))
            .await;
        made.map(|made| made.into_inner().group_snapshot.unwrap())
            .map_err(|status| status.code())
    }

    async fn group_of(&mut self, id: &str, members: &[&str]) -> Result<VolumeGroupSnapshot, Code> {
        let request = GetVolumeGroupSnapshotRequest {
            group_snapshot_id: id.to_owned(),
            snapshot_ids: owned(members),
            ..GetVolumeGroupSnapshotRequest::default()
        };
        let got = self.groups.get_volume_group_snapshot(request).await;
        got.map(|got| got.into_inner().group_snapshot.unwrap())
            .map_err(|status| status.code())
    }

    async fn forget_group(&mut self, id: &str, members: &[&str]) -> Result<(), Code> {
        let request = DeleteVolumeGroupSnapshotRequest {
            group_snapshot_id: id.to_owned(),
            snapshot_ids: owned(members),
            ..DeleteVolumeGroupSnapshotRequest::default()
        };
        let done = self.groups.delete_volume_group_snapshot(request).await;
        done.map(drop).map_err(|status| status.code())
    }
}

#[tokio::test]
async fn groups_are_a_capability() {
    let mut driver = Driver::new().await;
    let asked = GetPluginCapabilitiesRequest {};
    let plugin = driver.identity.get_plugin_capabilities(asked).await.unwrap();
    let service = plugin_capability::service::Type::GroupControllerService.into();
    let service = plugin_capability::Type::Service(plugin_capability::Service { r#type: service });
    let all = plugin.into_inner().capabilities;
    assert!(all.iter().any(|one| one.r#type.as_ref() == Some(&service)));
    let asked = GroupControllerGetCapabilitiesRequest {};
    let own = driver
        .groups
        .group_controller_get_capabilities(asked)
        .await
        .unwrap();
    let kinds: Vec<_> = own
        .into_inner()
        .capabilities
        .into_iter()
        .map(|one| one.r#type)
        .collect();
    let kind = rpc::Type::CreateDeleteGetVolumeGroupSnapshot.into();
    assert_eq!(kinds, [Some(Type::Rpc(Rpc { r#type: kind }))]);
}

#[tokio::test]
async fn a_groups_name_is_a_key() {
    let mut driver = Driver::new().await;
    let a = driver.made(claim("a")).await.volume_id;
    let b = driver.made(claim("b")).await.volume_id;
    let first = driver.group("week", &[&a, &b]).await.unwrap();
    assert!(first.ready_to_use && first.creation_time.unwrap().seconds > 1_700_000_000);
    let mut of: Vec<&str> = first
        .snapshots
        .iter()
        .map(|one| one.source_volume_id.as_str())
        .collect();
    of.sort_unstable();
    let mut both = [a.as_str(), b.as_str()];
    both.sort_unstable();
    assert_eq!(of, both);
    let remember = |one: &mortar_csi::proto::Snapshot| one.group_snapshot_id == first.group_snapshot_id;
    assert!(first.snapshots.iter().all(remember));
    // The order does not matter, and none is a volume twice.
    assert_eq!(driver.group("week", &[&b, &a, &b]).await.unwrap(), first);
    assert_eq!(driver.group("week", &[&a]).await, Err(Code::AlreadyExists));
    let (one, two) = (&first.snapshots[0].snapshot_id, &first.snapshots[1].snapshot_id);
    let id = &first.group_snapshot_id;
    assert_eq!(driver.group_of(id, &[]).await.unwrap(), first);
    assert_eq!(driver.group_of(id, &[two, one]).await.unwrap(), first);
    for wrong in [&[one.as_str()][..], &[one, two, "x"]] {
        assert_eq!(driver.group_of(id, wrong).await, Err(Code::InvalidArgument));
        assert_eq!(driver.forget_group(id, wrong).await, Err(Code::InvalidArgument));
    }
    for again in 0..2 {
        assert_eq!(driver.forget_group(id, &[one, two]).await, Ok(()), "{again}");
    }
    assert_eq!(driver.group_of(id, &[]).await, Err(Code::NotFound));
    let list = ask(&driver.inside, "GET", "/v1/snapshots", "").await;
    assert_eq!(list["snapshots"].as_array().unwrap().len(), 0);
    // Its name is free again.
    driver.group("week", &[&a]).await.unwrap();
    driver
        .hosts
        .world(|world| assert_eq!(world.violations(), Vec::<String>::new()));
}

#[tokio::test]
async fn a_member_is_a_snapshot_that_goes_with_its_group() {
    let mut driver = Driver::new().await;
    let a = driver.made(claim("a")).await.volume_id;
    let b = driver.made(claim("b")).await.volume_id;
    let group = driver.group("week", &[&a, &b]).await.unwrap();
    let member = group.snapshots[0].snapshot_id.clone();
    let got = GetSnapshotRequest {
        snapshot_id: member.clone(),
        ..GetSnapshotRequest::default()
    };
    let got = driver.controller.get_snapshot(got).await.unwrap().into_inner();
    assert_eq!(got.snapshot.unwrap(), group.snapshots[0]);
    let alone = DeleteSnapshotRequest {
        snapshot_id: member.clone(),
        ..DeleteSnapshotRequest::default()
    };
    let kept = driver.controller.delete_snapshot(alone).await.unwrap_err();
    assert_eq!(kept.code(), Code::InvalidArgument, "{kept}");
    assert!(kept.message().contains("group"), "{kept}");
    let source = SourceType::Snapshot(SnapshotSource { snapshot_id: member });
    let copy = CreateVolumeRequest {
        volume_content_source: Some(VolumeContentSource { r#type: Some(source) }),
        ..claim("copy")
    };
    let copy = driver.made(copy).await;
    driver.forget_group(&group.group_snapshot_id, &[]).await.unwrap();
    let path = format!("/v1/volumes/{}", copy.volume_id);
    ask(&driver.inside, "GET", &path, "").await;
}

#[tokio::test]
async fn bad_input_is_refused_before_anything_is_done() {
    let mut driver = Driver::new().await;
    let a = driver.made(claim("a")).await.volume_id;
    for (name, volumes, code) in [
        ("", &[a.as_str()][..], Code::InvalidArgument),
        ("g", &[], Code::InvalidArgument),
        ("g", &[&a, ""], Code::InvalidArgument),
        (&"x".repeat(129), &[&a], Code::InvalidArgument),
        ("a\nb", &[&a], Code::InvalidArgument),
        ("g", &[&a, "nonsense"], Code::NotFound),
        ("g", &[&a, &"9".repeat(32)], Code::NotFound),
    ] {
        assert_eq!(driver.group(name, volumes).await, Err(code), "{name} {volumes:?}");
    }
    let strange = CreateVolumeGroupSnapshotRequest {
        parameters: parameters(&[("colour", "red")]),
        ..request("g", &[&a])
    };
    let status = driver
        .groups
        .create_volume_group_snapshot(strange)
        .await
        .unwrap_err();
    assert!(status.code() == Code::InvalidArgument && status.message().contains("colour"));
    let about = CreateVolumeGroupSnapshotRequest {
        parameters: parameters(&[("csi.storage.k8s.io/volumegroupsnapshot/name", "week")]),
        ..request("g", &[&a])
    };
    driver.groups.create_volume_group_snapshot(about).await.unwrap();
    assert_eq!(driver.group_of("", &[]).await, Err(Code::InvalidArgument));
    assert_eq!(driver.forget_group("", &[]).await, Err(Code::InvalidArgument));
    for id in ["nonsense", &"9".repeat(32)] {
        assert_eq!(driver.group_of(id, &[]).await, Err(Code::NotFound), "{id}");
        assert_eq!(driver.forget_group(id, &[]).await, Ok(()), "{id}");
    }
}

#[tokio::test]
async fn volumes_of_two_clusters_share_no_moment() {
    let mut driver = Driver::new().await;
    let a = driver.made(claim("a")).await.volume_id;
    let other = ask(
        &driver.inside,
        "POST",
        "/clusters",
        r#"{"file": true, "block": true}"#,
    )
    .await;
    let cluster = other["id"].as_str().unwrap();
    let body = format!(
        r#"{{"zone": 1, "hostnames": {{"manage": ["t1"], "storage": ["t1"]}}, "cluster": "{cluster}"}}"#
    );
    let node = ask(&driver.inside, "POST", "/nodes", &body).await;
    let body = format!(r#"{{"node": {}, "name": "/disks/disk1"}}"#, node["id"]);
    ask(&driver.inside, "POST", "/devices", &body).await;
    let there = CreateVolumeRequest {
        parameters: parameters(&[("clusterid", cluster), ("volumetype", "none")]),
        ..claim("there")
    };
    let there = driver.made(there).await.volume_id;
    assert_eq!(
        driver.group("both", &[&a, &there]).await,
        Err(Code::FailedPrecondition)
    );
    driver.group("one", &[&there]).await.unwrap();
}
