//! What a kubelet does with volumes, in its order, while parts of the driver and of the pool end.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use mortar_csi::proto::controller_client::ControllerClient;
use mortar_csi::proto::volume_capability::access_mode::Mode;
use mortar_csi::proto::volume_usage::Unit;
use mortar_csi::proto::{
    CapacityRange, ControllerExpandVolumeRequest, CreateSnapshotRequest, DeleteSnapshotRequest,
    NodeExpandVolumeRequest, NodeGetVolumeHealthRequest, NodeGetVolumeStatsRequest, Volume,
};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::driver::{Driver, GIB, PROVISIONER, claim, says, start};
use crate::ground::until;

/// Bytes that `df` tells of a mount.
pub(crate) fn df(path: &Path) -> i64 {
    let text = says("df", &["--block-size=1", "--output=size", path.to_str().unwrap()]);
    text.lines().last().unwrap().trim().parse().unwrap()
}

/// Process ids of the clients of a mount point.
fn clients(path: &str) -> Vec<i32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let entry = entry.unwrap();
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else {
            continue;
        };
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let mut words = line.split_terminator('\0');
        if words.next() == Some("glusterfs") && words.next_back() == Some(path) {
            found.push(pid);
        }
    }
    found
}

fn kill(pid: i32) {
    says("kill", &["-9", &pid.to_string()]);
}

/// A process that writes a line and waits until it is on the bricks, again and again.
struct Writer {
    child: std::process::Child,
    file: std::path::PathBuf,
}

impl Writer {
    fn new(folder: &Path) -> Self {
        let file = folder.join("written");
        let child = Command::new("sh")
            .args([
                "-c",
                "i=0; while i=$((i+1)); do echo $i; sync -d \"$0\" || exit 1; done >>\"$0\"",
            ])
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, file }
    }

    fn lines(&self) -> usize {
        fs::read_to_string(&self.file).unwrap_or_default().lines().count()
    }

    /// Waits until it has written more than now.
    fn goes_on(&mut self) {
        let had = self.lines();
        until("the process writes on", || self.lines() > had + 2);
        assert_eq!(
            self.child.try_wait().unwrap(),
            None,
            "the process that writes has ended"
        );
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a resizer does: asks again until the volume is as large.
fn grow(driver: &Driver, volume: &Volume, bytes: i64) -> bool {
    let mut required = None;
    until("the volume is larger", || {
        let asked = driver.run(async {
            let request = ControllerExpandVolumeRequest {
                volume_id: volume.volume_id.clone(),
                capacity_range: Some(CapacityRange {
                    required_bytes: bytes,
                    limit_bytes: 0,
                }),
                ..ControllerExpandVolumeRequest::default()
            };
            driver.controller().await.controller_expand_volume(request).await
        });
        match asked {
            Ok(grown) => {
                assert_eq!(grown.get_ref().capacity_bytes, bytes);
                required = Some(grown.get_ref().node_expansion_required);
                true
            }
            Err(status) => {
                assert!(
                    [Code::Unavailable, Code::Aborted].contains(&status.code()),
                    "{status}"
                );
                false
            }
        }
    });
    required.unwrap()
}

fn total(driver: &Driver, volume: &Volume, path: &Path) -> Result<i64, Code> {
    driver.run(async {
        let request = NodeGetVolumeStatsRequest {
            volume_id: volume.volume_id.clone(),
            volume_path: path.display().to_string(),
            ..NodeGetVolumeStatsRequest::default()
        };
        let stats = driver
            .node()
            .await
            .node_get_volume_stats(request)
            .await
            .map_err(|status| status.code())?;
        let usage = stats.into_inner().usage;
        let bytes = usage.iter().find(|usage| usage.unit() == Unit::Bytes);
        Ok(bytes.unwrap().total)
    })
}

fn reasons(driver: &Driver, volume: &Volume) -> Vec<String> {
    driver.run(async {
        let request = NodeGetVolumeHealthRequest {
            volume_id: volume.volume_id.clone(),
            ..NodeGetVolumeHealthRequest::default()
        };
        let health = driver
            .node()
            .await
            .node_get_volume_health(request)
            .await
            .unwrap()
            .into_inner();
        let statuses = health.volume_health.unwrap().health_statuses;
        statuses.into_iter().map(|entry| entry.reason).collect()
    })
}

/// A call whose answer nobody gets: the controller is killed while it works on it, and another one starts.
fn lost<M, F>(driver: &mut Driver, message: M, call: impl FnOnce(ControllerClient<Channel>, Request<M>) -> F)
where
    F: Future<Output = Result<(), Status>>,
{
    // It may have ended before; then the same is asked again, as by a sidecar that is killed before it writes that down.
    let _ = driver.run(async {
        let mut asked = Request::new(message);
        asked.set_timeout(Duration::from_millis(300));
        call(driver.controller().await, asked).await
    });
    driver.restart_controller();
}

/// What a snapshotter does, whose controller is killed: there is one snapshot, and then none.
fn kept_once(driver: &mut Driver, volume: &Volume) {
    let request = CreateSnapshotRequest {
        name: "snapshot-life".into(),
        source_volume_id: volume.volume_id.clone(),
        ..CreateSnapshotRequest::default()
    };
    lost(driver, request.clone(), |mut client, request| async move {
        client.create_snapshot(request).await.map(drop)
    });
    let mut taken = None;
    until("the snapshot is taken", || {
        let asked = driver.run(async { driver.controller().await.create_snapshot(request.clone()).await });
        match asked {
            Ok(made) => taken = made.into_inner().snapshot,
            Err(status) => assert!(
                [Code::Unavailable, Code::Aborted].contains(&status.code()),
                "{status}"
            ),
        }
        taken.is_some()
    });
    let list = driver.site.server.get("/v1/snapshots").json();
    assert_eq!(list["snapshots"].as_array().unwrap().len(), 1, "{list}");
    let forget = DeleteSnapshotRequest {
        snapshot_id: taken.unwrap().snapshot_id,
        ..DeleteSnapshotRequest::default()
    };
    driver
        .run(async { driver.controller().await.delete_snapshot(forget).await })
        .unwrap();
}

/// From the claim to its end: the controller and the plug-in are killed in between, a client dies, a node is cut off and rebooted.
#[test]
fn a_claims_life() {
    let mut driver = Driver::new('l');
    let request = claim("pvc-life", GIB, Mode::MultiNodeMultiWriter, false, &[]);
    // The controller ends after the first call, whose answer never comes; the next one finds the work.
    let early = driver.run(async {
        let mut asked = tonic::Request::new(request.clone());
        asked.set_timeout(Duration::from_millis(300));
        driver.controller().await.create_volume(asked).await
    });
    assert!(early.is_err(), "{early:?}");
    driver.restart_controller();
    let volume = driver.provision(&request, PROVISIONER);
    assert_eq!(
        driver.site.server.get("/volumes").json()["volumes"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let mode = Mode::MultiNodeMultiWriter;
    driver.attach(&volume, "worker-1", mode, false).unwrap();
    let unstaged = driver.publish(&volume, "one", mode, false, false).unwrap_err();
    assert_eq!(unstaged.code(), Code::FailedPrecondition);
    driver.stage(&volume, mode, false).unwrap();
    driver.stage(&volume, mode, false).unwrap();
    let one = driver.publish(&volume, "one", mode, false, false).unwrap();
    let two = driver.publish(&volume, "two", mode, false, true).unwrap();
    assert_eq!(
        driver
            .publish(&volume, "two", mode, false, false)
            .unwrap_err()
            .code(),
        Code::AlreadyExists
    );
    let size = df(&one);
    assert!((size - GIB).abs() <= GIB / 200, "df tells {size}");
    assert_eq!(total(&driver, &volume, &one), Ok(size));
    assert!(
        fs::write(two.join("no"), "x").is_err(),
        "what is read-only was written"
    );

    let mut writer = Writer::new(&one);
    writer.goes_on();
    driver.kill_node();
    writer.goes_on();
    driver.start_node(&[]);
    // The plug-in that is new knows what the old one did.
    driver.publish(&volume, "one", mode, false, false).unwrap();
    driver.publish(&volume, "three", mode, false, false).unwrap();
    writer.goes_on();
    driver.ground.lab.cut("node3").unwrap();
    writer.goes_on();
    driver.ground.lab.join("node3").unwrap();
    // It loses its power too, and boots.
    driver.ground.lab.kill("node3").unwrap();
    writer.goes_on();
    driver.ground.lab.start("node3").unwrap();
    writer.goes_on();
    let expand = ControllerExpandVolumeRequest {
        volume_id: volume.volume_id.clone(),
        capacity_range: Some(CapacityRange {
            required_bytes: 2 * GIB,
            limit_bytes: 0,
        }),
        ..ControllerExpandVolumeRequest::default()
    };
    lost(&mut driver, expand, |mut client, request| async move {
        client.controller_expand_volume(request).await.map(drop)
    });
    assert!(
        !grow(&driver, &volume, 2 * GIB),
        "a resizer that comes again makes it no larger"
    );
    kept_once(&mut driver, &volume);
    until("the pod sees the larger volume", || {
        df(&one) > 2 * GIB - GIB / 100
    });
    writer.goes_on();
    drop(writer);

    // A client that dies is found, and what it served is mounted anew.
    let staging = driver.path(&format!("plugins/{}", volume.volume_id));
    let found = clients(&staging);
    assert_eq!(found.len(), 1, "{found:?}");
    kill(found[0]);
    until("the client is gone", || fs::read_dir(&one).is_err());
    assert_eq!(reasons(&driver, &volume), ["ClientGone"]);
    driver.publish(&volume, "one", mode, false, false).unwrap();
    assert!(one.join("written").exists());
    assert_eq!(reasons(&driver, &volume), [] as [&str; 0]);

    for pod in ["one", "two", "three", "three"] {
        driver.unpublish(&volume, pod).unwrap();
    }
    assert!(!one.exists());
    assert_eq!(total(&driver, &volume, &one), Err(Code::NotFound));
    driver.unstage(&volume).unwrap();
    driver.unstage(&volume).unwrap();
    until("the client has ended", || clients(&staging).is_empty());
    driver.detach(&volume, "worker-1");
    driver.delete(&volume);
    driver.site.assert_bare();
}

/// One pod at a time has a volume of mode ReadWriteOncePod; and nothing is mounted over what others mounted.
#[test]
fn targets_are_guarded() {
    let mut driver = Driver::new('g');
    let alone = Mode::SingleNodeSingleWriter;
    let volume = driver.provision(
        &claim("pvc-rwop", GIB, alone, false, &[("volumetype", "none")]),
        PROVISIONER,
    );
    driver.stage(&volume, alone, false).unwrap();
    driver.publish(&volume, "one", alone, false, false).unwrap();
    for mode in [alone, Mode::SingleNodeMultiWriter] {
        let second = driver.publish(&volume, "two", mode, false, false).unwrap_err();
        assert_eq!(second.code(), Code::FailedPrecondition);
    }
    driver.start_node(&[]);
    let second = driver.publish(&volume, "two", alone, false, false).unwrap_err();
    assert_eq!(
        second.code(),
        Code::FailedPrecondition,
        "forgotten by a plug-in that is new"
    );
    driver.unpublish(&volume, "one").unwrap();
    let foreign = driver.path("pods/two/mount");
    fs::create_dir_all(&foreign).unwrap();
    says("mount", &["-t", "tmpfs", "somebody", &foreign]);
    for refused in [
        driver.publish(&volume, "two", alone, false, false).map(drop),
        driver.unpublish(&volume, "two"),
    ] {
        assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition);
    }
    says("umount", &[&foreign]);
    driver.publish(&volume, "two", alone, false, false).unwrap();
    driver.unpublish(&volume, "two").unwrap();
    driver.unstage(&volume).unwrap();
    driver.delete(&volume);
}

/// A raw block device holds what was written past all caches, grows while it is used, and comes back after its client died.
#[test]
fn a_block_devices_life() {
    let mut driver = Driver::new('v');
    let mode = Mode::SingleNodeWriter;
    let volume = driver.provision(&claim("pvc-block", GIB, mode, true, &[]), PROVISIONER);
    driver.attach(&volume, "worker-1", mode, true).unwrap();
    // A pod that comes up elsewhere does not get it, whichever controller is asked.
    driver.restart_controller();
    let second = driver.attach(&volume, "worker-2", mode, true).unwrap_err();
    assert_eq!(second.code(), Code::FailedPrecondition);
    driver.stage(&volume, mode, true).unwrap();
    let path = driver.publish(&volume, "one", mode, true, false).unwrap();
    let size = |path: &Path| {
        says("blockdev", &["--getsize64", path.to_str().unwrap()])
            .trim()
            .parse::<i64>()
            .unwrap()
    };
    assert_eq!((size(&path), total(&driver, &volume, &path)), (GIB, Ok(GIB)));
    let text = path.to_str().unwrap();
    // The image is sparse: that all of it has a place is told by what is free, past what GlusterFS never gives away.
    let staging = driver.path(&format!("plugins/{}", volume.volume_id));
    let free = |column: &str| {
        let told = says("df", &["--block-size=1", &format!("--output={column}"), &staging]);
        told.lines().last().unwrap().trim().parse::<i64>().unwrap()
    };
    assert!(
        free("avail") - free("size") / 100 >= GIB,
        "{} are free",
        free("avail")
    );
    says(
        "dd",
        &[
            "if=/dev/urandom",
            &format!("of={text}"),
            "bs=1M",
            "seek=992",
            "count=32",
            "oflag=direct",
            "status=none",
        ],
    );
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(1 << 29)).unwrap();
    file.write_all(b"a line in the middle").unwrap();
    file.sync_all().unwrap();
    drop(file);
    assert!(grow(&driver, &volume, 2 * GIB));
    driver.run(async {
        let request = NodeExpandVolumeRequest {
            volume_id: volume.volume_id.clone(),
            volume_path: text.to_owned(),
            capacity_range: Some(CapacityRange {
                required_bytes: 2 * GIB,
                limit_bytes: 0,
            }),
            ..NodeExpandVolumeRequest::default()
        };
        driver.node().await.node_expand_volume(request).await.unwrap();
    });
    assert_eq!(size(&path), 2 * GIB);
    driver.unpublish(&volume, "one").unwrap();
    kill(clients(&staging)[0]);
    until("the client is gone", || fs::read_dir(&staging).is_err());
    let path = driver.publish(&volume, "two", mode, true, true).unwrap();
    let mut file = fs::File::open(&path).unwrap();
    file.seek(SeekFrom::Start(1 << 29)).unwrap();
    let mut found = [0; 20];
    file.read_exact(&mut found).unwrap();
    assert_eq!(&found, b"a line in the middle");
    drop(file);
    let written = fs::File::options().write(true).open(&path).and_then(|mut file| {
        file.write_all(b"no")?;
        file.sync_all()
    });
    assert!(written.is_err(), "what is read-only was written");
    assert_eq!(size(&path), 2 * GIB);
    driver.unpublish(&volume, "two").unwrap();
    driver.unstage(&volume).unwrap();
    driver.detach(&volume, "worker-1");
    driver.attach(&volume, "worker-2", mode, true).unwrap();
    driver.detach(&volume, "worker-2");
    driver.delete(&volume);
    driver.site.assert_bare();
}

/// A client that the helper started is not the plug-in's child, and goes on without it.
#[test]
fn the_helper_keeps_clients() {
    let mut driver = Driver::new('h');
    let helper = start(&driver.mounts.0, "mounter", &[]);
    let endpoint = driver.endpoint("mounter");
    driver.start_node(&["--clients", &endpoint]);
    let mode = Mode::MultiNodeMultiWriter;
    let volume = driver.provision(
        &claim("pvc-helper", GIB, mode, false, &[("volumetype", "none")]),
        PROVISIONER,
    );
    driver.stage(&volume, mode, false).unwrap();
    let path = driver.publish(&volume, "one", mode, false, false).unwrap();
    let mut writer = Writer::new(&path);
    writer.goes_on();
    driver.start_node(&["--clients", &endpoint]);
    writer.goes_on();
    drop(writer);
    driver.unpublish(&volume, "one").unwrap();
    driver.unstage(&volume).unwrap();
    // Without the helper it is said what is missing, and the volume is not mounted by the plug-in itself.
    drop(helper);
    let status = driver.stage(&volume, mode, false).unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("mounter.sock"), "{status}");
    driver.delete(&volume);
}
