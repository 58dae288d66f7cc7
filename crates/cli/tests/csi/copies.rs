//! What snapshots and copies hold, as pods see it.

use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use mortar_csi::proto::volume_capability::access_mode::Mode;
use mortar_csi::proto::volume_content_source::{SnapshotSource, Type, VolumeSource};
use mortar_csi::proto::{
    CreateSnapshotRequest, CreateVolumeRequest, DeleteSnapshotRequest, Volume, VolumeContentSource,
};

use crate::driver::{Driver, GIB, PROVISIONER, claim};
use crate::mounts::df;

const MODE: Mode = Mode::SingleNodeWriter;
/// In a shard of its own, behind the first.
const MIDDLE: u64 = 600 << 20;

fn of(kind: Type) -> Option<VolumeContentSource> {
    Some(VolumeContentSource { r#type: Some(kind) })
}

fn snapshot(driver: &Driver, volume: &Volume) -> String {
    let request = CreateSnapshotRequest {
        name: "snapshot-1".into(),
        source_volume_id: volume.volume_id.clone(),
        ..CreateSnapshotRequest::default()
    };
    let made = driver.run(async { driver.controller().await.create_snapshot(request).await });
    let snapshot = made.unwrap().into_inner().snapshot.unwrap();
    assert!(snapshot.ready_to_use && snapshot.size_bytes == GIB);
    snapshot.snapshot_id
}

fn put(path: &Path, text: &str) {
    let mut file = fs::File::create(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.sync_all().unwrap();
}

fn end(driver: &Driver, volume: &Volume, pod: &str) {
    driver.unpublish(volume, pod).unwrap();
    driver.unstage(volume).unwrap();
    driver.delete(volume);
}

#[test]
fn copies_hold_what_was_written_and_have_the_size_that_is_claimed() {
    let mut driver = Driver::new('k');
    files(&mut driver);
    device(&mut driver);
    driver.site.assert_bare();
}

/// A larger volume from a snapshot, while the one that it is of is written on.
fn files(driver: &mut Driver) {
    let volume = driver.provision(&claim("pvc-files", GIB, MODE, false, &[]), PROVISIONER);
    driver.stage(&volume, MODE, false).unwrap();
    let path = driver.publish(&volume, "writer", MODE, false, false).unwrap();
    put(&path.join("kept"), "before");
    let snapshot_id = snapshot(driver, &volume);
    put(&path.join("kept"), "after");
    put(&path.join("later"), "after");

    let restored = CreateVolumeRequest {
        volume_content_source: of(Type::Snapshot(SnapshotSource {
            snapshot_id: snapshot_id.clone(),
        })),
        ..claim("pvc-restored", 2 * GIB, MODE, false, &[])
    };
    let restored = driver.provision(&restored, PROVISIONER);
    driver.stage(&restored, MODE, false).unwrap();
    let copy = driver.publish(&restored, "reader", MODE, false, false).unwrap();
    assert_eq!(fs::read_to_string(copy.join("kept")).unwrap(), "before");
    assert!(!copy.join("later").exists());
    let size = df(&copy);
    assert!((2 * GIB..2 * GIB + GIB / 50).contains(&size), "df tells {size}");
    put(&copy.join("own"), "own");
    assert!(!path.join("own").exists());
    assert_eq!(fs::read_to_string(path.join("kept")).unwrap(), "after");

    let request = DeleteSnapshotRequest {
        snapshot_id,
        ..DeleteSnapshotRequest::default()
    };
    driver
        .run(async { driver.controller().await.delete_snapshot(request).await })
        .unwrap();
    end(driver, &volume, "writer");
    assert_eq!(fs::read_to_string(copy.join("kept")).unwrap(), "before");
    end(driver, &restored, "reader");
}

/// A block device copied while it is in use.
fn device(driver: &mut Driver) {
    let volume = driver.provision(&claim("pvc-device", GIB, MODE, true, &[]), PROVISIONER);
    driver.stage(&volume, MODE, true).unwrap();
    let path = driver.publish(&volume, "writer", MODE, true, false).unwrap();
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(MIDDLE)).unwrap();
    file.write_all(b"in the middle").unwrap();
    file.sync_all().unwrap();

    let copied = CreateVolumeRequest {
        volume_content_source: of(Type::Volume(VolumeSource {
            volume_id: volume.volume_id.clone(),
        })),
        ..claim("pvc-copied", GIB, MODE, true, &[])
    };
    let copied = driver.provision(&copied, PROVISIONER);
    driver.stage(&copied, MODE, true).unwrap();
    let copy = driver.publish(&copied, "reader", MODE, true, false).unwrap();
    let mut read = [0; 13];
    let mut device = fs::File::open(&copy).unwrap();
    device.seek(SeekFrom::Start(MIDDLE)).unwrap();
    device.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"in the middle");
    drop((file, device));
    end(driver, &copied, "reader");
    end(driver, &volume, "writer");
}
