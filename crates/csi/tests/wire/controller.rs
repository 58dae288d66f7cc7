//! The controller's codes.

use mortar_csi::proto::volume_capability::AccessType;
use mortar_csi::proto::volume_capability::access_mode::Mode;
use mortar_csi::proto::{
    ControllerExpandVolumeRequest, ControllerGetVolumeHealthRequest, ControllerGetVolumeRequest,
    CreateVolumeRequest, DeleteVolumeRequest, GetCapacityRequest, GetPluginInfoRequest, ListVolumesRequest,
    ProbeRequest, Topology, TopologyRequirement, ValidateVolumeCapabilitiesRequest, VolumeContentSource,
};
use tonic::Code;

use crate::support::{Driver, GIB, ask, capability, claim, parameters, range};

async fn refused(driver: &mut Driver, request: CreateVolumeRequest) -> Code {
    driver.controller.create_volume(request).await.unwrap_err().code()
}

#[tokio::test]
async fn a_claim_is_a_key() {
    let mut driver = Driver::new().await;
    let name = "ü".repeat(64);
    let first = driver.made(claim(&name)).await;
    assert_eq!(first.capacity_bytes, GIB);
    let again = driver.made(claim(&name)).await;
    assert_eq!(first, again);
    // A larger range that the volume is within is the same request.
    let mut wider = claim(&name);
    wider.capacity_range = range(GIB, 2 * GIB);
    assert_eq!(driver.made(wider).await, first);
    for other in [
        CreateVolumeRequest {
            capacity_range: range(2 * GIB, 0),
            ..claim(&name)
        },
        CreateVolumeRequest {
            parameters: parameters(&[("volumetype", "none")]),
            ..claim(&name)
        },
        CreateVolumeRequest {
            volume_capabilities: vec![capability(Mode::SingleNodeWriter, true)],
            ..claim(&name)
        },
    ] {
        assert_eq!(refused(&mut driver, other).await, Code::AlreadyExists);
    }
    let recorded = ask(
        &driver.inside,
        "GET",
        &format!("/v1/volumes/{}", first.volume_id),
        "",
    )
    .await;
    assert_eq!(recorded["name"], first.volume_context["volume"].as_str());
    assert_eq!(recorded["name"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn requests_that_are_none() {
    let mut driver = Driver::new().await;
    let mut wrong_fs = claim("a");
    if let Some(AccessType::Mount(mount)) = &mut wrong_fs.volume_capabilities[0].access_type {
        mount.fs_type = "ext4".into();
    }
    let mut no_mode = claim("a");
    no_mode.volume_capabilities[0].access_mode = None;
    let mut no_type = claim("a");
    no_type.volume_capabilities[0].access_type = None;
    let mut both = claim("a");
    both.volume_capabilities
        .push(capability(Mode::SingleNodeWriter, true));
    for request in [
        claim(""),
        claim(&"x".repeat(129)),
        claim("a\nb"),
        wrong_fs,
        no_mode,
        no_type,
        both,
        CreateVolumeRequest {
            volume_capabilities: Vec::new(),
            ..claim("a")
        },
        CreateVolumeRequest {
            parameters: parameters(&[("colour", "red")]),
            ..claim("a")
        },
        CreateVolumeRequest {
            parameters: parameters(&[("volumetype", "disperse:2:2")]),
            ..claim("a")
        },
        CreateVolumeRequest {
            capacity_range: range(-1, 0),
            ..claim("a")
        },
        CreateVolumeRequest {
            volume_content_source: Some(VolumeContentSource::default()),
            ..claim("a")
        },
        CreateVolumeRequest {
            mutable_parameters: parameters(&[("a", "b")]),
            ..claim("a")
        },
    ] {
        let told = format!("{request:?}");
        assert_eq!(
            refused(&mut driver, request).await,
            Code::InvalidArgument,
            "{told}"
        );
    }
    let volumes = driver
        .controller
        .list_volumes(ListVolumesRequest::default())
        .await
        .unwrap();
    assert_eq!(volumes.into_inner().entries.len(), 0);
}

#[tokio::test]
async fn sizes_that_cannot_be() {
    let mut driver = Driver::new().await;
    let sized = |required, limit| CreateVolumeRequest {
        capacity_range: range(required, limit),
        ..claim("sized")
    };
    for (required, limit) in [(2 * GIB, GIB), (0, GIB / 4), (1 << 55, 0)] {
        assert_eq!(
            refused(&mut driver, sized(required, limit)).await,
            Code::OutOfRange,
            "{required} {limit}"
        );
    }
    assert_eq!(
        refused(&mut driver, sized(500 * GIB, 0)).await,
        Code::ResourceExhausted
    );
    let small = driver.made(sized(1, 0)).await;
    assert!(
        small.capacity_bytes > GIB / 2 && small.capacity_bytes <= GIB,
        "{small:?}"
    );
    // Any number of bytes is told as it was asked for.
    for (name, bytes) in [("odd", GIB + 1), ("round", 1_500_000_000)] {
        let mut exact = claim(name);
        exact.capacity_range = range(bytes, bytes);
        assert_eq!(driver.made(exact).await.capacity_bytes, bytes);
    }
}

#[tokio::test]
async fn zones_decide_only_where_a_class_says_so() {
    let mut driver = Driver::new().await;
    let zone = |zone: &str| Topology {
        segments: parameters(&[("topology.csi.mortar/zone", zone)]),
    };
    let wanted = |name: &str, zones: &[&str], class: &[(&str, &str)]| CreateVolumeRequest {
        accessibility_requirements: Some(TopologyRequirement {
            requisite: zones.iter().map(|name| zone(name)).collect(),
            preferred: Vec::new(),
        }),
        parameters: parameters(class),
        ..claim(name)
    };
    let anywhere = driver.made(wanted("a", &["9"], &[])).await;
    assert!(anywhere.accessible_topology.is_empty());
    let zonal = driver
        .made(wanted("b", &["2", "9"], &[("topology", "zone")]))
        .await;
    assert_eq!(zonal.accessible_topology.len(), 3);
    let nowhere = wanted("c", &["9"], &[("topology", "zone")]);
    assert_eq!(refused(&mut driver, nowhere).await, Code::ResourceExhausted);
    let strange = wanted("d", &["east"], &[("topology", "zone")]);
    assert_eq!(refused(&mut driver, strange).await, Code::InvalidArgument);
    let mut room = async |zone: Option<Topology>, class: &[(&str, &str)]| {
        let request = GetCapacityRequest {
            parameters: parameters(class),
            accessible_topology: zone,
            ..GetCapacityRequest::default()
        };
        driver
            .controller
            .get_capacity(request)
            .await
            .unwrap()
            .into_inner()
    };
    let all = room(None, &[]).await;
    assert!(
        all.maximum_volume_size.unwrap() > 10 * GIB && all.available_capacity < 20 * GIB,
        "{all:?}"
    );
    assert!(all.minimum_volume_size.unwrap() < GIB);
    assert_eq!(room(Some(zone("9")), &[]).await, all);
    assert_eq!(
        room(Some(zone("9")), &[("topology", "zone")])
            .await
            .available_capacity,
        0
    );
    let thin = room(None, &[("volumetype", "none")]).await;
    assert!(thin.available_capacity > 2 * all.available_capacity, "{thin:?}");
}

#[tokio::test]
async fn what_is_told_as_the_largest_can_be_made() {
    let mut driver = Driver::new().await;
    let room = driver
        .controller
        .get_capacity(GetCapacityRequest::default())
        .await
        .unwrap();
    let largest = room.into_inner().maximum_volume_size.unwrap();
    let sized = |name, bytes| CreateVolumeRequest {
        capacity_range: range(bytes, 0),
        ..claim(name)
    };
    assert_eq!(
        refused(&mut driver, sized("more", largest + (16 << 20))).await,
        Code::ResourceExhausted
    );
    assert_eq!(driver.made(sized("most", largest)).await.capacity_bytes, largest);
}

#[tokio::test]
async fn what_is_not_there_is_deleted() {
    let mut driver = Driver::new().await;
    let mut delete = async |id: &str| {
        let request = DeleteVolumeRequest {
            volume_id: id.to_owned(),
            ..DeleteVolumeRequest::default()
        };
        driver
            .controller
            .delete_volume(request)
            .await
            .map(drop)
            .map_err(|status| status.code())
    };
    assert_eq!(delete("").await, Err(Code::InvalidArgument));
    for id in ["nonsense", "../../etc", &"9".repeat(32)] {
        assert_eq!(delete(id).await, Ok(()), "{id}");
    }
    let volume = driver.made(claim("a")).await;
    let kept = driver
        .made(CreateVolumeRequest {
            parameters: parameters(&[("ondelete", "retain")]),
            ..claim("kept")
        })
        .await;
    for id in [&volume.volume_id, &volume.volume_id, &kept.volume_id] {
        let request = DeleteVolumeRequest {
            volume_id: id.clone(),
            ..DeleteVolumeRequest::default()
        };
        driver.controller.delete_volume(request).await.unwrap();
    }
    let left = driver
        .controller
        .list_volumes(ListVolumesRequest::default())
        .await
        .unwrap()
        .into_inner();
    let ids: Vec<String> = left
        .entries
        .into_iter()
        .map(|entry| entry.volume.unwrap().volume_id)
        .collect();
    assert_eq!(ids, [kept.volume_id]);
}

#[tokio::test]
async fn what_is_archived_is_nobodys_and_goes_by_hand() {
    let mut driver = Driver::new().await;
    let request = CreateVolumeRequest {
        parameters: parameters(&[("ondelete", "archive")]),
        ..claim("a")
    };
    let id = driver.made(request.clone()).await.volume_id;
    for _ in 0..2 {
        let delete = DeleteVolumeRequest {
            volume_id: id.clone(),
            ..DeleteVolumeRequest::default()
        };
        driver.controller.delete_volume(delete).await.unwrap();
    }
    let list = ListVolumesRequest::default();
    let list = driver.controller.list_volumes(list).await.unwrap().into_inner();
    assert_eq!(list.entries.len(), 0);
    let get = ControllerGetVolumeRequest {
        volume_id: id.clone(),
    };
    let status = driver.controller.controller_get_volume(get).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    let expand = ControllerExpandVolumeRequest {
        volume_id: id.clone(),
        capacity_range: range(2 * GIB, 0),
        ..ControllerExpandVolumeRequest::default()
    };
    let status = driver
        .controller
        .controller_expand_volume(expand)
        .await
        .unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert_eq!(refused(&mut driver, request.clone()).await, Code::AlreadyExists);
    // It is there, and can be brought back.
    let path = format!("/v1/volumes/{id}");
    ask(&driver.inside, "GET", &path, "").await;
    let back = r#"{"options": {"user.csi.archived": "none"}}"#;
    ask(&driver.inside, "PATCH", &format!("{path}/options"), back).await;
    assert_eq!(driver.made(request).await.volume_id, id);
}

#[tokio::test]
async fn volumes_grow_to_the_byte() {
    let mut driver = Driver::new().await;
    let volume = driver.made(claim("a")).await;
    let block = CreateVolumeRequest {
        volume_capabilities: vec![capability(Mode::SingleNodeWriter, true)],
        ..claim("b")
    };
    let block = driver.made(block).await;
    let mut expand = async |id: &str, range| {
        let request = ControllerExpandVolumeRequest {
            volume_id: id.to_owned(),
            capacity_range: range,
            ..ControllerExpandVolumeRequest::default()
        };
        let done = driver.controller.controller_expand_volume(request).await;
        done.map(tonic::Response::into_inner)
            .map_err(|status| status.code())
    };
    let id = &volume.volume_id;
    assert_eq!(expand("", range(GIB, 0)).await, Err(Code::InvalidArgument));
    assert_eq!(expand(id, None).await, Err(Code::InvalidArgument));
    assert_eq!(expand("x", range(GIB, 0)).await, Err(Code::NotFound));
    assert_eq!(expand(id, range(GIB, GIB / 2)).await, Err(Code::OutOfRange));
    assert_eq!(expand(id, range(GIB / 4, GIB / 2)).await, Err(Code::OutOfRange));
    assert_eq!(
        expand(id, range(500 * GIB, 0)).await,
        Err(Code::ResourceExhausted)
    );
    for bytes in [2 * GIB, 2 * GIB, 2 * GIB + (16 << 20) + 1] {
        let grown = expand(id, range(bytes, bytes)).await.unwrap();
        assert_eq!(
            (grown.capacity_bytes, grown.node_expansion_required),
            (bytes, false)
        );
    }
    // A few bytes more are a little more, where that is allowed.
    let few = 2 * GIB + (16 << 20) + 2;
    assert_eq!(expand(id, range(few, few)).await, Err(Code::OutOfRange));
    let grown = expand(&block.volume_id, range(2 * GIB, 0)).await.unwrap();
    assert_eq!(
        (grown.capacity_bytes, grown.node_expansion_required),
        (2 * GIB, true)
    );
    let request = ControllerGetVolumeRequest {
        volume_id: id.clone(),
    };
    let now = driver
        .controller
        .controller_get_volume(request)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(now.volume.unwrap().capacity_bytes, 2 * GIB + (16 << 20) + 1);
}

#[tokio::test]
async fn pages_stand_still_while_volumes_come_and_go() {
    let mut driver = Driver::new().await;
    for name in ["a", "b", "c", "d", "e"] {
        driver.made(claim(name)).await;
    }
    let mut page = async |max_entries, token: &str| {
        let request = ListVolumesRequest {
            max_entries,
            starting_token: token.to_owned(),
        };
        let page = driver
            .controller
            .list_volumes(request)
            .await
            .map_err(|status| status.code())?
            .into_inner();
        let ids: Vec<String> = page
            .entries
            .into_iter()
            .map(|entry| entry.volume.unwrap().volume_id)
            .collect();
        Ok::<_, Code>((ids, page.next_token))
    };
    assert_eq!(page(-1, "").await.unwrap_err(), Code::InvalidArgument);
    assert_eq!(page(0, "nonsense").await.unwrap_err(), Code::Aborted);
    let (all, end) = page(0, "").await.unwrap();
    assert_eq!((all.len(), end.as_str()), (5, ""));
    let (first, next) = page(2, "").await.unwrap();
    assert_eq!((&first[..], next.as_str()), (&all[..2], all[1].as_str()));
    // The volume that the token names goes: the rest stays where it is.
    ask(&driver.inside, "DELETE", &format!("/v1/volumes/{}", all[1]), "").await;
    let request = ListVolumesRequest {
        max_entries: 0,
        starting_token: next,
    };
    let rest = driver
        .controller
        .list_volumes(request)
        .await
        .unwrap()
        .into_inner();
    let rest: Vec<String> = rest
        .entries
        .into_iter()
        .map(|entry| entry.volume.unwrap().volume_id)
        .collect();
    assert_eq!(rest, all[2..]);
}

#[tokio::test]
async fn capabilities_are_confirmed_or_objected_to() {
    let mut driver = Driver::new().await;
    let volume = driver.made(claim("a")).await;
    let request = |mode, block| ValidateVolumeCapabilitiesRequest {
        volume_id: volume.volume_id.clone(),
        volume_context: volume.volume_context.clone(),
        volume_capabilities: vec![capability(mode, block)],
        ..ValidateVolumeCapabilitiesRequest::default()
    };
    for mode in [
        Mode::SingleNodeWriter,
        Mode::SingleNodeReaderOnly,
        Mode::MultiNodeReaderOnly,
        Mode::MultiNodeSingleWriter,
        Mode::MultiNodeMultiWriter,
        Mode::SingleNodeSingleWriter,
        Mode::SingleNodeMultiWriter,
    ] {
        let said = driver
            .controller
            .validate_volume_capabilities(request(mode, false))
            .await
            .unwrap();
        assert!(said.into_inner().confirmed.is_some(), "{mode:?}");
    }
    let mut other_context = request(Mode::SingleNodeWriter, false);
    other_context
        .volume_context
        .insert("volume".into(), "other".into());
    let mut other_class = request(Mode::SingleNodeWriter, false);
    other_class.parameters = parameters(&[("volumetype", "none")]);
    for wrong in [request(Mode::SingleNodeWriter, true), other_context, other_class] {
        let said = driver
            .controller
            .validate_volume_capabilities(wrong)
            .await
            .unwrap()
            .into_inner();
        assert!(said.confirmed.is_none() && !said.message.is_empty());
    }
    let mut absent = request(Mode::SingleNodeWriter, false);
    absent.volume_id = "x".into();
    let said = driver
        .controller
        .validate_volume_capabilities(absent)
        .await
        .unwrap_err();
    assert_eq!(said.code(), Code::NotFound);
    let said = driver
        .controller
        .validate_volume_capabilities(request(Mode::Unknown, false))
        .await;
    assert_eq!(said.unwrap_err().code(), Code::InvalidArgument);
}

#[tokio::test]
async fn health_names_what_is_wrong() {
    let mut driver = Driver::new().await;
    let volume = driver.made(claim("a")).await;
    let health = |id: &str| ControllerGetVolumeHealthRequest {
        volume_id: id.to_owned(),
        ..ControllerGetVolumeHealthRequest::default()
    };
    let absent = driver
        .controller
        .controller_get_volume_health(health("x"))
        .await
        .unwrap_err();
    assert_eq!(absent.code(), Code::NotFound);
    let well = driver
        .controller
        .controller_get_volume_health(health(&volume.volume_id))
        .await
        .unwrap();
    assert_eq!(well.into_inner().volume_health.unwrap().health_statuses, []);
    driver.hosts.world(|world| world.kill_node("s2"));
    let hurt = driver
        .controller
        .controller_get_volume_health(health(&volume.volume_id))
        .await
        .unwrap();
    let found = hurt.into_inner().volume_health.unwrap().health_statuses;
    assert!(
        found
            .iter()
            .any(|entry| entry.reason == "BrickDown" && entry.message.contains("s2:")),
        "{found:?}"
    );
}

#[tokio::test]
async fn who_answers() {
    let mut driver = Driver::new().await;
    let info = driver
        .identity
        .get_plugin_info(GetPluginInfoRequest {})
        .await
        .unwrap()
        .into_inner();
    assert_eq!(info.name, "csi.mortar");
    let probe = driver.identity.probe(ProbeRequest {}).await.unwrap().into_inner();
    assert_eq!(probe.ready, Some(true));
}
