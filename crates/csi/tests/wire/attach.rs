//! Volumes that are attached: who may have one, and what stands in the way.

use mortar_csi::proto::controller_service_capability::Type;
use mortar_csi::proto::controller_service_capability::rpc::Type as Rpc;
use mortar_csi::proto::volume_capability::access_mode::Mode;
use mortar_csi::proto::{
    ControllerGetCapabilitiesRequest, ControllerGetVolumeRequest, ControllerPublishVolumeRequest,
    ControllerUnpublishVolumeRequest, DeleteVolumeRequest, ListVolumesRequest, Volume,
};
use tonic::{Code, Status};

use crate::support::{Driver, ask, capability, claim, parameters};

const NODES: [&str; 3] = ["one", "two", "small=1"];

/// A volume for this node, in this mode.
fn request(volume: &Volume, node: &str, mode: Mode) -> ControllerPublishVolumeRequest {
    ControllerPublishVolumeRequest {
        volume_id: volume.volume_id.clone(),
        node_id: node.to_owned(),
        volume_capability: Some(capability(mode, false)),
        volume_context: volume.volume_context.clone(),
        ..ControllerPublishVolumeRequest::default()
    }
}

impl Driver {
    async fn attach(&mut self, request: ControllerPublishVolumeRequest) -> Result<bool, Status> {
        let answer = self.controller.controller_publish_volume(request).await?;
        let context = answer.into_inner().publish_context;
        Ok(context.get("readonly").is_some_and(|value| value == "true"))
    }

    async fn not_attached(&mut self, request: ControllerPublishVolumeRequest) -> Code {
        self.attach(request).await.unwrap_err().code()
    }

    async fn detach(&mut self, volume: &str, node: &str) -> Result<(), Status> {
        let request = ControllerUnpublishVolumeRequest {
            volume_id: volume.to_owned(),
            node_id: node.to_owned(),
            ..ControllerUnpublishVolumeRequest::default()
        };
        let answer = self.controller.controller_unpublish_volume(request).await;
        answer.map(drop)
    }

    /// The nodes that have the volume, by the list and by itself.
    async fn published(&mut self, volume: &Volume) -> Vec<String> {
        let list = self.controller.list_volumes(ListVolumesRequest::default()).await;
        let entries = list.unwrap().into_inner().entries;
        let mut entries = entries.into_iter();
        let listed = entries
            .find(|entry| entry.volume.as_ref() == Some(volume))
            .unwrap();
        let one = ControllerGetVolumeRequest {
            volume_id: volume.volume_id.clone(),
        };
        let one = self
            .controller
            .controller_get_volume(one)
            .await
            .unwrap()
            .into_inner();
        let nodes = listed.status.unwrap().published_node_ids;
        assert_eq!(one.status.unwrap().published_node_ids, nodes);
        nodes
    }

    async fn capabilities(&mut self) -> Vec<Rpc> {
        let asked = self
            .controller
            .controller_get_capabilities(ControllerGetCapabilitiesRequest {});
        let all = asked.await.unwrap().into_inner().capabilities;
        let rpc = |Type::Rpc(rpc)| rpc.r#type();
        all.into_iter().map(|one| rpc(one.r#type.unwrap())).collect()
    }

    async fn delete(&mut self, volume: &Volume) -> Result<(), Status> {
        let request = DeleteVolumeRequest {
            volume_id: volume.volume_id.clone(),
            ..DeleteVolumeRequest::default()
        };
        self.controller.delete_volume(request).await.map(drop)
    }
}

#[tokio::test]
async fn without_the_option_nothing_is_attached() {
    let mut driver = Driver::new().await;
    let volume = driver.made(claim("a")).await;
    let attaching = [
        Rpc::PublishUnpublishVolume,
        Rpc::PublishReadonly,
        Rpc::ListVolumesPublishedNodes,
    ];
    let told = driver.capabilities().await;
    assert!(!told.iter().any(|one| attaching.contains(one)), "{told:?}");
    let wanted = request(&volume, "one", Mode::MultiNodeMultiWriter);
    assert_eq!(driver.not_attached(wanted).await, Code::Unimplemented);
    let detached = driver.detach(&volume.volume_id, "one").await.unwrap_err();
    assert_eq!(detached.code(), Code::Unimplemented);
    let mut other = Driver::attaching(&NODES).await;
    let more = other.capabilities().await;
    assert!(attaching.iter().all(|one| more.contains(one)), "{more:?}");
    assert_eq!(more.len(), told.len() + attaching.len());
}

#[tokio::test]
async fn requests_that_are_none() {
    let mut driver = Driver::attaching(&NODES).await;
    let volume = driver.made(claim("a")).await;
    let good = request(&volume, "one", Mode::SingleNodeWriter);
    let long = "n".repeat(257);
    for (wrong, code) in [
        (
            ControllerPublishVolumeRequest {
                volume_id: String::new(),
                ..good.clone()
            },
            Code::InvalidArgument,
        ),
        (
            ControllerPublishVolumeRequest {
                volume_capability: None,
                ..good.clone()
            },
            Code::InvalidArgument,
        ),
        (
            ControllerPublishVolumeRequest {
                volume_capability: Some(capability(Mode::Unknown, false)),
                ..good.clone()
            },
            Code::InvalidArgument,
        ),
        (
            // The volume holds files.
            ControllerPublishVolumeRequest {
                volume_capability: Some(capability(Mode::SingleNodeWriter, true)),
                ..good.clone()
            },
            Code::InvalidArgument,
        ),
        (
            request(&volume, "", Mode::SingleNodeWriter),
            Code::InvalidArgument,
        ),
        (
            request(&volume, &long, Mode::SingleNodeWriter),
            Code::InvalidArgument,
        ),
        (
            request(&volume, "a\nb", Mode::SingleNodeWriter),
            Code::InvalidArgument,
        ),
        (request(&volume, "three", Mode::SingleNodeWriter), Code::NotFound),
        (
            ControllerPublishVolumeRequest {
                volume_id: "no id of ours".into(),
                ..good.clone()
            },
            Code::NotFound,
        ),
        (
            ControllerPublishVolumeRequest {
                volume_id: "0".repeat(32),
                ..good.clone()
            },
            Code::NotFound,
        ),
    ] {
        let told = format!("{wrong:?}");
        assert_eq!(driver.not_attached(wrong).await, code, "{told}");
    }
    assert_eq!(driver.published(&volume).await, [] as [&str; 0]);
    assert_eq!(
        driver.detach("", "one").await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let unknown = "0".repeat(32);
    for (id, node) in [
        ("no id of ours", "one"),
        (unknown.as_str(), "one"),
        (volume.volume_id.as_str(), "three"),
        (volume.volume_id.as_str(), "one"),
        (volume.volume_id.as_str(), ""),
    ] {
        driver.detach(id, node).await.unwrap();
    }
}

#[tokio::test]
async fn one_node_has_a_volume_that_one_may_have() {
    let mut driver = Driver::attaching(&NODES).await;
    let volume = driver.made(claim("a")).await;
    for mode in [
        Mode::SingleNodeWriter,
        Mode::SingleNodeReaderOnly,
        Mode::SingleNodeSingleWriter,
        Mode::SingleNodeMultiWriter,
    ] {
        let good = request(&volume, "one", mode);
        for _ in 0..2 {
            assert!(!driver.attach(good.clone()).await.unwrap());
        }
        assert_eq!(driver.published(&volume).await, ["one"]);
        for other in [mode, Mode::MultiNodeMultiWriter] {
            let second = request(&volume, "two", other);
            assert_eq!(
                driver.not_attached(second).await,
                Code::FailedPrecondition,
                "{mode:?}"
            );
        }
        let read_only = ControllerPublishVolumeRequest {
            readonly: true,
            ..good.clone()
        };
        let other = request(&volume, "one", Mode::MultiNodeMultiWriter);
        for incompatible in [read_only, other] {
            assert_eq!(
                driver.not_attached(incompatible).await,
                Code::AlreadyExists,
                "{mode:?}"
            );
        }
        // Another node's end changes nothing.
        driver.detach(&volume.volume_id, "two").await.unwrap();
        assert_eq!(driver.published(&volume).await, ["one"]);
        for _ in 0..2 {
            driver.detach(&volume.volume_id, "one").await.unwrap();
        }
        driver.attach(request(&volume, "two", mode)).await.unwrap();
        driver.detach(&volume.volume_id, "").await.unwrap();
        assert_eq!(driver.published(&volume).await, [] as [&str; 0]);
    }
}

#[tokio::test]
async fn many_nodes_have_a_volume_that_many_may_have() {
    let mut driver = Driver::attaching(&NODES).await;
    let volume = driver.made(claim("a")).await;
    for mode in [Mode::MultiNodeMultiWriter, Mode::MultiNodeReaderOnly] {
        for node in ["two", "one"] {
            driver.attach(request(&volume, node, mode)).await.unwrap();
        }
        assert_eq!(driver.published(&volume).await, ["one", "two"]);
        let alone = request(&volume, "small", Mode::SingleNodeWriter);
        assert_eq!(driver.not_attached(alone).await, Code::FailedPrecondition);
        driver.detach(&volume.volume_id, "").await.unwrap();
        assert_eq!(driver.published(&volume).await, [] as [&str; 0]);
    }
    // One writes, the others read.
    let mode = Mode::MultiNodeSingleWriter;
    let readonly = |node: &str| ControllerPublishVolumeRequest {
        readonly: true,
        ..request(&volume, node, mode)
    };
    driver.attach(request(&volume, "one", mode)).await.unwrap();
    let second = request(&volume, "two", mode);
    assert_eq!(driver.not_attached(second).await, Code::FailedPrecondition);
    assert!(driver.attach(readonly("two")).await.unwrap(), "the node is told");
    assert_eq!(driver.published(&volume).await, ["one", "two"]);
}

#[tokio::test]
async fn a_node_has_no_more_volumes_than_it_may() {
    let mut driver = Driver::attaching(&NODES).await;
    let first = driver.made(claim("a")).await;
    let second = driver.made(claim("b")).await;
    let mode = Mode::SingleNodeWriter;
    for _ in 0..2 {
        driver.attach(request(&first, "small", mode)).await.unwrap();
    }
    let more = request(&second, "small", mode);
    assert_eq!(driver.not_attached(more.clone()).await, Code::ResourceExhausted);
    driver.attach(request(&second, "one", mode)).await.unwrap();
    driver.detach(&first.volume_id, "small").await.unwrap();
    driver.detach(&second.volume_id, "one").await.unwrap();
    driver.attach(more).await.unwrap();
}

#[tokio::test]
async fn a_volume_that_is_attached_stays() {
    let mut driver = Driver::attaching(&NODES).await;
    for at_end in ["delete", "retain", "archive"] {
        let request_of = |name: &str| {
            let mut claim = claim(name);
            claim.parameters = parameters(&[("ondelete", at_end)]);
            claim
        };
        let volume = driver.made(request_of(at_end)).await;
        let good = request(&volume, "one", Mode::SingleNodeWriter);
        driver.attach(good).await.unwrap();
        let refused = driver.delete(&volume).await.unwrap_err();
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("one"), "{refused}");
        // It was neither removed nor archived.
        assert_eq!(driver.published(&volume).await, ["one"]);
        driver.detach(&volume.volume_id, "one").await.unwrap();
        driver.delete(&volume).await.unwrap();
    }
    let left = ask(&driver.inside, "GET", "/v1/volumes", "").await;
    assert_eq!(left["volumes"].as_array().unwrap().len(), 2, "{left}");
}
