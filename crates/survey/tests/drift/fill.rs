//! How full devices are, by what their nodes show.

use mortar_command::query::survey::VolumeSeen;
use mortar_model::{Brick, BrickSpace, ByteSize, Device, Inventory, layout};
use mortar_survey::{Fill, Scan, fills};

use crate::shown::part;
use crate::world;

/// A device with a brick of that kind.
fn device(inventory: &Inventory, thin: bool) -> (Brick, Device) {
    let mut bricks = inventory.bricks();
    let brick = bricks.find(|brick| matches!(brick.space, BrickSpace::ThinPool { .. }) == thin);
    let brick = brick.unwrap().clone();
    let device = inventory.device(brick.device).unwrap().clone();
    (brick, device)
}

fn fill(inventory: &Inventory, scan: &Scan, device: &Device) -> Fill {
    fills(inventory, scan)[&device.id]
}

#[test]
fn a_pool_counts_by_its_metadata_and_by_data_that_it_has_promised_twice() {
    let landscape = world::landscape(3, 12);
    let inventory = landscape.inventory();
    let mut scan = world::faithful(inventory);
    let (brick, device) = device(inventory, true);
    let pool = layout::thin_pool(brick.id);
    {
        let survey = scan.nodes.get_mut(&device.node).unwrap().as_mut().unwrap();
        let seen = part(&mut survey.volumes)
            .iter_mut()
            .find(|seen| seen.name == pool)
            .unwrap();
        (seen.data_percent, seen.metadata_percent) = (Some(99.0), Some(40.0));
    }
    let full = fill(inventory, &scan, &device);
    assert!(
        full.data.is_none_or(|percent| percent < 99.0),
        "{full:?}: it has what it promised"
    );
    assert!(full.metadata.is_some_and(|percent| percent >= 40.0), "{full:?}");
    {
        let survey = scan.nodes.get_mut(&device.node).unwrap().as_mut().unwrap();
        let volumes = part(&mut survey.volumes);
        let own = volumes
            .iter()
            .find(|seen| seen.pool.as_deref() == Some(&pool))
            .unwrap()
            .clone();
        volumes.push(VolumeSeen {
            name: "a_snapshot".into(),
            ..own
        });
    }
    let full = fill(inventory, &scan, &device);
    assert_eq!(full.data, Some(99.0));
    assert_eq!(full.fullest(), Some(("the data of a thin pool", 99.0)));
}

#[test]
fn a_directory_counts_where_bricks_are_promised_more_than_is_free() {
    let landscape = world::landscape(3, 12);
    let inventory = landscape.inventory();
    let mut scan = world::faithful(inventory);
    let (_, device) = device(inventory, false);
    assert_eq!(fill(inventory, &scan, &device).directory, None);
    let used = inventory.used(device.id);
    let survey = scan.nodes.get_mut(&device.node).unwrap().as_mut().unwrap();
    let folder = format!("{}/", layout::image_folder(&device.path));
    for image in part(&mut survey.images)
        .iter_mut()
        .filter(|image| image.path.starts_with(&folder))
    {
        image.taken = ByteSize::ZERO;
    }
    let path = device.path.as_str();
    let seen = part(&mut survey.directories)
        .iter_mut()
        .find(|seen| seen.path == path)
        .unwrap();
    let size = used.times(20);
    seen.space = Some((size, used.minus(ByteSize::from_kib(4))));
    let full = fill(inventory, &scan, &device).directory.unwrap();
    assert!((95.0..96.0).contains(&full), "{full}");
    // Nobody tells of a node that does not answer.
    scan.nodes.insert(device.node, Err("no route".into()));
    assert!(!fills(inventory, &scan).contains_key(&device.id));
}
