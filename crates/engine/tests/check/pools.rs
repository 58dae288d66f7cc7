//! Pools that may promise more than they have are looked at more often than all else.

use std::time::Duration;

use mortar_engine::Config;
use mortar_model::{DevicePath, Overcommit, Tags, layout};
use mortar_plan::AddDevice;

use crate::bed::{Bed, eventually, quiet};

#[tokio::test]
async fn a_pool_that_fills_between_two_checks_is_noticed() {
    let config = Config {
        pool_interval: Duration::from_millis(20),
        automatic: false,
        ..quiet()
    };
    let bed = Bed::new(config, Duration::ZERO).await;
    let request = AddDevice {
        node: bed.node(2),
        path: DevicePath::new("/dev/sdc").unwrap(),
        tags: Tags::new(),
        destroy: false,
        shared: Some(Overcommit::from_hundredths(200).unwrap()),
    };
    bed.done(bed.engine.add_device(request).await.unwrap()).await;
    let node = bed.node(2);
    let device = bed.engine.view(|landscape| {
        let mut devices = landscape.inventory().devices_of(node);
        devices
            .find(|device| device.path.as_str() == "/dev/sdc")
            .unwrap()
            .id
    });
    let group = layout::volume_group(device);
    for (percent, stops) in [(85, true), (40, false)] {
        let fill = |world: &mut mortar_simulator::World| {
            world.fill_pool_data("n2", &group, layout::SHARED_POOL, percent)
        };
        assert!(bed.hosts.world(fill));
        eventually("its fill is noticed", || {
            let full = bed.engine.view(|landscape| landscape.too_full(device));
            full.is_some() == stops
        })
        .await;
    }
    assert_eq!(bed.engine.last_check(), None, "no check was made");
}
