//! Snapshots, volumes that begin with what another one holds, and options that change.

use mortar_csi::proto::volume_capability::access_mode::Mode;
use mortar_csi::proto::volume_content_source::{SnapshotSource, Type, VolumeSource};
use mortar_csi::proto::{
    ControllerModifyVolumeRequest, CreateSnapshotRequest, CreateVolumeRequest, DeleteSnapshotRequest,
    DeleteVolumeRequest, GetSnapshotRequest, ListSnapshotsRequest, Snapshot, Topology, TopologyRequirement,
    Volume, VolumeContentSource,
};
use tonic::Code;

use crate::support::{Driver, GIB, ask, capability, claim, parameters, range};

fn of_snapshot(id: &str) -> Option<VolumeContentSource> {
    let snapshot_id = id.to_owned();
    Some(VolumeContentSource {
        r#type: Some(Type::Snapshot(SnapshotSource { snapshot_id })),
    })
}

fn of_volume(id: &str) -> Option<VolumeContentSource> {
    let volume_id = id.to_owned();
    Some(VolumeContentSource {
        r#type: Some(Type::Volume(VolumeSource { volume_id })),
    })
}

fn copy(name: &str, source: Option<VolumeContentSource>) -> CreateVolumeRequest {
    CreateVolumeRequest {
        volume_content_source: source,
        ..claim(name)
    }
}

impl Driver {
    async fn snapshot(&mut self, name: &str, volume: &str) -> Result<Snapshot, Code> {
        let request = CreateSnapshotRequest {
            name: name.to_owned(),
            source_volume_id: volume.to_owned(),
            ..CreateSnapshotRequest::default()
        };
        let made = self.controller.create_snapshot(request).await;
        made.map(|made| made.into_inner().snapshot.unwrap())
            .map_err(|status| status.code())
    }

    async fn forget(&mut self, id: &str) -> Result<(), Code> {
        let request = DeleteSnapshotRequest {
            snapshot_id: id.to_owned(),
            ..DeleteSnapshotRequest::default()
        };
        let done = self.controller.delete_snapshot(request).await;
        done.map(drop).map_err(|status| status.code())
    }

    async fn listed(&mut self, request: ListSnapshotsRequest) -> Result<(Vec<String>, String), Code> {
        let list = self.controller.list_snapshots(request).await;
        let list = list.map_err(|status| status.code())?.into_inner();
        let ids = list.entries.into_iter();
        let ids = ids.map(|entry| entry.snapshot.unwrap().snapshot_id);
        Ok((ids.collect(), list.next_token))
    }

    async fn refused(&mut self, request: CreateVolumeRequest) -> Code {
        let told = format!("{request:?}");
        let made = self.controller.create_volume(request).await;
        made.expect_err(&told).code()
    }

    async fn modify(&mut self, id: &str, pairs: &[(&str, &str)]) -> Result<(), Code> {
        let request = ControllerModifyVolumeRequest {
            volume_id: id.to_owned(),
            mutable_parameters: parameters(pairs),
            ..ControllerModifyVolumeRequest::default()
        };
        let done = self.controller.controller_modify_volume(request).await;
        done.map(drop).map_err(|status| status.code())
    }

    async fn option(&self, volume: &Volume, name: &str) -> serde_json::Value {
        let path = format!("/v1/volumes/{}", volume.volume_id);
        ask(&self.inside, "GET", &path, "").await["options"][name].clone()
    }

    async fn volumes(&self) -> usize {
        let list = ask(&self.inside, "GET", "/v1/volumes", "").await;
        list["volumes"].as_array().unwrap().len()
    }
}

#[tokio::test]
async fn a_snapshots_name_is_a_key() {
    let mut driver = Driver::new().await;
    let a = driver.made(claim("a")).await.volume_id;
    let b = driver.made(claim("b")).await.volume_id;
    let name = "ü".repeat(64);
    let first = driver.snapshot(&name, &a).await.unwrap();
    assert_eq!(
        (
            first.size_bytes,
            first.source_volume_id.as_str(),
            first.ready_to_use
        ),
        (GIB, a.as_str(), true)
    );
    assert!(first.creation_time.unwrap().seconds > 1_700_000_000);
    assert_eq!(driver.snapshot(&name, &a).await.unwrap(), first);
    assert_eq!(driver.snapshot(&name, &b).await, Err(Code::AlreadyExists));
    for (name, volume, code) in [
        ("", a.as_str(), Code::InvalidArgument),
        ("s", "", Code::InvalidArgument),
        (&"x".repeat(129), &a, Code::InvalidArgument),
        ("a\nb", &a, Code::InvalidArgument),
        ("s", "nonsense", Code::NotFound),
        ("s", &"9".repeat(32), Code::NotFound),
    ] {
        assert_eq!(driver.snapshot(name, volume).await, Err(code), "{name} {volume}");
    }
    let strange = CreateSnapshotRequest {
        name: "s".into(),
        source_volume_id: a.clone(),
        parameters: parameters(&[("colour", "red")]),
        ..CreateSnapshotRequest::default()
    };
    let status = driver.controller.create_snapshot(strange).await.unwrap_err();
    assert!(status.code() == Code::InvalidArgument && status.message().contains("colour"));
    // What has snapshots stays until they are gone.
    let delete = DeleteVolumeRequest {
        volume_id: a,
        ..DeleteVolumeRequest::default()
    };
    let kept = driver.controller.delete_volume(delete.clone()).await.unwrap_err();
    assert_eq!(kept.code(), Code::FailedPrecondition, "{kept}");
    assert_eq!(driver.forget("").await, Err(Code::InvalidArgument));
    for id in [
        &first.snapshot_id,
        &first.snapshot_id,
        "nonsense",
        &"9".repeat(32),
    ] {
        assert_eq!(driver.forget(id).await, Ok(()), "{id}");
    }
    driver.controller.delete_volume(delete).await.unwrap();
}

#[tokio::test]
async fn pages_of_snapshots_stand_still() {
    let mut driver = Driver::new().await;
    let a = driver.made(claim("a")).await.volume_id;
    let b = driver.made(claim("b")).await.volume_id;
    for (name, volume) in [("1", &a), ("2", &b), ("3", &a), ("4", &a)] {
        driver.snapshot(name, volume).await.unwrap();
    }
    let page = |max_entries, token: &str, volume: &str, snapshot: &str| ListSnapshotsRequest {
        max_entries,
        starting_token: token.into(),
        source_volume_id: volume.into(),
        snapshot_id: snapshot.into(),
        ..ListSnapshotsRequest::default()
    };
    let (all, end) = driver.listed(page(0, "", "", "")).await.unwrap();
    assert_eq!((all.len(), end.as_str()), (4, ""));
    let (first, next) = driver.listed(page(2, "", "", "")).await.unwrap();
    assert_eq!((&first[..], next.as_str()), (&all[..2], all[1].as_str()));
    driver.forget(&all[1]).await.unwrap();
    let (rest, end) = driver.listed(page(2, &next, "", "")).await.unwrap();
    assert_eq!((&rest[..], end.as_str()), (&all[2..], ""));
    let (of_b, _) = driver.listed(page(0, "", &b, "")).await.unwrap();
    assert!(of_b.len() <= 1 && of_b.iter().all(|id| all.contains(id)));
    assert_eq!(
        driver.listed(page(0, "", &a, &all[0])).await.unwrap().0.len()
            + driver.listed(page(0, "", &b, &all[0])).await.unwrap().0.len(),
        1
    );
    for nothing in [
        page(0, "", "x", ""),
        page(0, "", "", "x"),
        page(0, "", &"9".repeat(32), ""),
    ] {
        assert_eq!(driver.listed(nothing).await.unwrap().0, [] as [&str; 0]);
    }
    assert_eq!(
        driver.listed(page(-1, "", "", "")).await,
        Err(Code::InvalidArgument)
    );
    assert_eq!(driver.listed(page(0, "x", "", "")).await, Err(Code::Aborted));
    let get = |id: &str| GetSnapshotRequest {
        snapshot_id: id.to_owned(),
        ..GetSnapshotRequest::default()
    };
    let got = driver
        .controller
        .get_snapshot(get(&all[0]))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(got.snapshot.unwrap().snapshot_id, all[0]);
    for (id, code) in [
        ("", Code::InvalidArgument),
        ("x", Code::NotFound),
        (&all[1], Code::NotFound),
    ] {
        let status = driver.controller.get_snapshot(get(id)).await.unwrap_err();
        assert_eq!(status.code(), code, "{id}");
    }
}

#[tokio::test]
async fn a_volume_begins_with_what_another_holds() {
    let mut driver = Driver::new().await;
    let a = driver.made(claim("a")).await;
    let snapshot = driver.snapshot("s", &a.volume_id).await.unwrap();
    let sources = [of_snapshot(&snapshot.snapshot_id), of_volume(&a.volume_id)];
    for (number, source) in sources.into_iter().enumerate() {
        let same = copy(&format!("same-{number}"), source.clone());
        let made = driver.made(same.clone()).await;
        assert_eq!((made.capacity_bytes, &made.content_source), (GIB, &source));
        assert_ne!(made.volume_context["volume"], a.volume_context["volume"]);
        assert_eq!(driver.made(same.clone()).await, made);
        // Its name is of this source.
        for other in [claim(&same.name), copy(&same.name, of_volume(&made.volume_id))] {
            assert_eq!(driver.refused(other).await, Code::AlreadyExists);
        }
        let larger = CreateVolumeRequest {
            capacity_range: range(2 * GIB, 2 * GIB),
            ..copy(&format!("larger-{number}"), source.clone())
        };
        let made = driver.made(larger.clone()).await;
        assert_eq!((made.capacity_bytes, &made.content_source), (2 * GIB, &source));
        assert_eq!(driver.made(larger).await, made);
        let smaller = CreateVolumeRequest {
            capacity_range: range(0, GIB / 2),
            ..copy("smaller", source)
        };
        assert_eq!(driver.refused(smaller).await, Code::OutOfRange);
    }
    assert_eq!(driver.volumes().await, 5);
    driver
        .hosts
        .world(|world| assert_eq!(world.violations(), Vec::<String>::new()));
}

#[tokio::test]
async fn a_copy_is_what_its_source_is() {
    let mut driver = Driver::new().await;
    let a = driver.made(claim("a")).await;
    let grouped = driver
        .made(CreateVolumeRequest {
            parameters: parameters(&[("gidmin", "3000"), ("gidmax", "3000")]),
            ..claim("grouped")
        })
        .await;
    let source = of_volume(&a.volume_id);
    let with = |pairs: &[(&str, &str)]| CreateVolumeRequest {
        parameters: parameters(pairs),
        ..copy("c", source.clone())
    };
    let block = CreateVolumeRequest {
        volume_capabilities: vec![capability(Mode::SingleNodeWriter, true)],
        ..copy("c", source.clone())
    };
    let nowhere = CreateVolumeRequest {
        accessibility_requirements: Some(TopologyRequirement {
            requisite: vec![Topology {
                segments: parameters(&[("topology.csi.mortar/zone", "9")]),
            }],
            preferred: Vec::new(),
        }),
        ..with(&[("topology", "zone")])
    };
    let large = CreateVolumeRequest {
        capacity_range: range(500 * GIB, 0),
        ..copy("c", source.clone())
    };
    for (request, code) in [
        (with(&[("volumetype", "none")]), Code::InvalidArgument),
        (with(&[("clusterid", &"9".repeat(32))]), Code::InvalidArgument),
        (with(&[("gidmin", "3000")]), Code::InvalidArgument),
        (with(&[("snapfactor", "2")]), Code::InvalidArgument),
        (
            with(&[("volumeoptions", "features.shard on")]),
            Code::InvalidArgument,
        ),
        (block, Code::InvalidArgument),
        (nowhere, Code::ResourceExhausted),
        (large, Code::ResourceExhausted),
        (
            copy("c", Some(VolumeContentSource::default())),
            Code::InvalidArgument,
        ),
        (copy("c", of_snapshot("")), Code::InvalidArgument),
        (copy("c", of_snapshot("x")), Code::NotFound),
        (copy("c", of_volume(&"9".repeat(32))), Code::NotFound),
    ] {
        assert_eq!(driver.refused(request.clone()).await, code, "{request:?}");
    }
    // A copy that could not grow is not left behind.
    assert_eq!(driver.volumes().await, 2);
    let made = driver.made(with(&[("volumeoptions", "nfs.disable on")])).await;
    assert_eq!(driver.option(&made, "nfs.disable").await, "on");
    assert_eq!(driver.option(&a, "nfs.disable").await, serde_json::Value::Null);
    let same_group = CreateVolumeRequest {
        parameters: parameters(&[("gidmin", "2500"), ("gidmax", "3500")]),
        ..copy("g", of_volume(&grouped.volume_id))
    };
    driver.made(same_group).await;
}

#[tokio::test]
async fn a_node_that_is_away_is_no_end_of_it() {
    let mut driver = Driver::new().await;
    let a = driver.made(claim("a")).await.volume_id;
    driver.hosts.world(|world| world.kill_node("s3"));
    // The first finds out on its way, and is undone.
    driver.refused(copy("c", of_volume(&a))).await;
    assert_eq!(driver.refused(copy("c", of_volume(&a))).await, Code::Unavailable);
    assert_eq!(driver.snapshot("s", &a).await, Err(Code::Unavailable));
    assert_eq!(driver.volumes().await, 1);
}

#[tokio::test]
async fn block_devices_are_copied_with_their_shards() {
    let mut driver = Driver::new().await;
    let block = |name: &str, source| CreateVolumeRequest {
        volume_capabilities: vec![capability(Mode::SingleNodeWriter, true)],
        ..copy(name, source)
    };
    let sharded = CreateVolumeRequest {
        parameters: parameters(&[("volumeoptions", "features.shard-block-size 128MB")]),
        ..block("a", None)
    };
    let a = driver.made(sharded.clone()).await;
    let other = CreateVolumeRequest {
        parameters: parameters(&[("volumeoptions", "features.shard-block-size 256MB")]),
        ..block("b", of_volume(&a.volume_id))
    };
    assert_eq!(driver.refused(other).await, Code::InvalidArgument);
    let same = CreateVolumeRequest {
        volume_content_source: of_volume(&a.volume_id),
        name: "c".into(),
        ..sharded
    };
    let made = driver.made(same).await;
    assert_eq!(made.volume_context["kind"], "block");
    assert_eq!(driver.option(&made, "features.shard-block-size").await, "128MB");
    assert_eq!(
        driver.refused(copy("d", of_volume(&a.volume_id))).await,
        Code::InvalidArgument
    );
}

#[tokio::test]
async fn options_change_while_a_volume_is_in_use() {
    let mut driver = Driver::new().await;
    let request = CreateVolumeRequest {
        mutable_parameters: parameters(&[("network.ping-timeout", "20")]),
        ..claim("a")
    };
    let a = driver.made(request.clone()).await;
    assert_eq!(driver.option(&a, "network.ping-timeout").await, "20");
    let id = a.volume_id.as_str();
    for _ in 0..2 {
        let change = [("network.ping-timeout", "10"), ("performance.read-ahead", "off")];
        driver.modify(id, &change).await.unwrap();
        assert_eq!(driver.option(&a, "network.ping-timeout").await, "10");
        assert_eq!(driver.option(&a, "performance.read-ahead").await, "off");
    }
    driver
        .modify(id, &[("performance.read-ahead", "default")])
        .await
        .unwrap();
    assert_eq!(
        driver.option(&a, "performance.read-ahead").await,
        serde_json::Value::Null
    );
    // Its claim is still the same one.
    assert_eq!(driver.made(request.clone()).await.volume_id, id);
    for (id, pairs, code) in [
        ("", &[("network.ping-timeout", "10")][..], Code::InvalidArgument),
        ("x", &[("network.ping-timeout", "10")], Code::NotFound),
        (&"9".repeat(32), &[("network.ping-timeout", "10")], Code::NotFound),
        (id, &[], Code::InvalidArgument),
        (id, &[("features.shard", "on")], Code::InvalidArgument),
        (id, &[("colour", "red")], Code::InvalidArgument),
    ] {
        assert_eq!(driver.modify(id, pairs).await, Err(code), "{id} {pairs:?}");
    }
    let other = CreateVolumeRequest {
        mutable_parameters: parameters(&[("network.ping-timeout", "30")]),
        ..request
    };
    assert_eq!(driver.refused(other).await, Code::AlreadyExists);
}
