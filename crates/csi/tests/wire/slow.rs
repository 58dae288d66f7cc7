//! Work that takes longer than its caller waits.

use std::time::Duration;

use mortar_csi::proto::volume_content_source::{Type, VolumeSource};
use mortar_csi::proto::{CreateVolumeRequest, DeleteVolumeRequest, Volume, VolumeContentSource};
use mortar_simulator::Fault;
use tonic::{Code, Request};

use crate::support::{Driver, GIB, ask, claim, parameters, range};

/// A request whose caller waits this long.
fn patient<T>(message: T, patience: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(patience);
    request
}

/// Asks again while it is told that the work goes on; how often it was told so.
async fn until_made(driver: &mut Driver, request: &CreateVolumeRequest) -> (Volume, u32) {
    for aborted in 0..200 {
        let asked = patient(request.clone(), Duration::from_millis(400));
        match driver.controller.create_volume(asked).await {
            Ok(made) => return (made.into_inner().volume.unwrap(), aborted),
            Err(status) => assert_eq!(status.code(), Code::Aborted, "{status}"),
        }
    }
    panic!("it is never made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_create_goes_on_and_is_found_again() {
    let mut driver = Driver::with_latency(Duration::from_millis(300)).await;
    let request = claim("slow");
    let asked = patient(request.clone(), Duration::from_millis(400));
    let status = driver.controller.create_volume(asked).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "{status}");
    assert!(
        status.message().contains("under way") && status.details().is_empty(),
        "{status}"
    );
    // What has the name is not what others ask for by it, and that is told while it is under way.
    for other in [
        CreateVolumeRequest {
            capacity_range: range(2 * GIB, 0),
            ..request.clone()
        },
        CreateVolumeRequest {
            parameters: parameters(&[("volumetype", "arbiter")]),
            ..request.clone()
        },
    ] {
        let asked = patient(other, Duration::from_secs(10));
        let status = driver.controller.create_volume(asked).await.unwrap_err();
        assert_eq!(status.code(), Code::AlreadyExists, "{status}");
    }
    let (volume, _) = until_made(&mut driver, &request).await;
    let list = ask(&driver.inside, "GET", "/v1/volumes", "").await;
    assert_eq!(list["volumes"].as_array().unwrap().len(), 1);
    let mut told = 0;
    let delete = DeleteVolumeRequest {
        volume_id: volume.volume_id.clone(),
        ..DeleteVolumeRequest::default()
    };
    loop {
        let asked = patient(delete.clone(), Duration::from_millis(400));
        match driver.controller.delete_volume(asked).await {
            Ok(_) => break,
            Err(status) => assert_eq!(status.code(), Code::Aborted, "{status}"),
        }
        told += 1;
        assert!(told < 200, "it is never deleted");
    }
    assert!(told > 0, "nobody was made to wait");
    let list = ask(&driver.inside, "GET", "/v1/volumes", "").await;
    assert_eq!(list["volumes"].as_array().unwrap().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_copy_goes_on_until_it_has_grown() {
    let mut driver = Driver::with_latency(Duration::from_millis(100)).await;
    let source = driver.made(claim("source")).await.volume_id;
    let mut request = claim("larger");
    request.capacity_range = range(2 * GIB, 2 * GIB);
    request.volume_content_source = Some(VolumeContentSource {
        r#type: Some(Type::Volume(VolumeSource { volume_id: source })),
    });
    let (volume, told) = until_made(&mut driver, &request).await;
    assert_eq!(volume.capacity_bytes, 2 * GIB);
    assert!(told > 1, "nobody was made to wait");
    let list = ask(&driver.inside, "GET", "/v1/volumes", "").await;
    assert_eq!(list["volumes"].as_array().unwrap().len(), 2);
    let operations = ask(&driver.inside, "GET", "/v1/operations", "").await;
    let kinds = operations["operations"].as_array().unwrap().iter();
    let kinds: Vec<&str> = kinds
        .map(|operation| operation["kind"].as_str().unwrap())
        .collect();
    for kind in ["clone-volume", "expand-volume"] {
        assert_eq!(
            kinds.iter().filter(|known| **known == kind).count(),
            1,
            "{kinds:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_at_a_time_is_about_a_claim() {
    let driver = Driver::with_latency(Duration::from_millis(200)).await;
    let calls = (0..8).map(|_| {
        let mut controller = driver.controller.clone();
        tokio::spawn(async move { controller.create_volume(claim("same")).await })
    });
    let mut made = Vec::new();
    for call in futures::future::join_all(calls).await {
        match call.unwrap() {
            Ok(volume) => made.push(volume.into_inner().volume.unwrap().volume_id),
            Err(status) => assert_eq!(status.code(), Code::Aborted, "{status}"),
        }
    }
    made.dedup();
    assert_eq!(made.len(), 1);
    let list = ask(&driver.inside, "GET", "/v1/volumes", "").await;
    assert_eq!(list["volumes"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_undone_before_it_is_told_and_can_be_asked_again() {
    let mut driver = Driver::new().await;
    driver.hosts.world(|world| {
        let done = world.changes_run();
        let _ = done;
        world.inject(Fault::fail_change(2));
    });
    let status = driver.controller.create_volume(claim("a")).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal, "{status}");
    let list = ask(&driver.inside, "GET", "/v1/volumes", "").await;
    assert_eq!(list["volumes"].as_array().unwrap().len(), 0);
    driver.hosts.world(mortar_simulator::World::clear_faults);
    driver.made(claim("a")).await;
}
