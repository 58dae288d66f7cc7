//! Volumes for the tests of their snapshots.

use mortar_model::work::Facts;
use mortar_model::{ByteSize, Durability, Snapshots, VolumeId, check};
use mortar_plan::{CreateVolume, Creation, Landscape, Limits, Plan, Seed, create_volume};

use crate::common;

/// Five nodes with a disk each.
pub(crate) fn landscape() -> Landscape {
    common::disks(5, |_| 1, ByteSize::from_gib(100))
}

/// Does what is planned, in the records.
pub(crate) fn apply(landscape: &mut Landscape, plan: &Plan) {
    for change in &plan.changes {
        landscape.apply(change, &Facts::None).unwrap();
    }
    assert_eq!(check::check(landscape.inventory()), []);
}

/// A volume of 3 GiB whose pools have room for snapshots by this factor.
pub(crate) fn volume(landscape: &mut Landscape, durability: Durability, factor: f64, seed: u128) -> VolumeId {
    sized(landscape, 3, durability, factor, seed)
}

/// The same of so many GiB.
pub(crate) fn sized(
    landscape: &mut Landscape,
    gib: u64,
    durability: Durability,
    factor: f64,
    seed: u128,
) -> VolumeId {
    let mut request = CreateVolume::new(ByteSize::from_gib(gib), durability);
    request.snapshots = Snapshots {
        enable: factor > 1.0,
        factor,
    };
    let made = create_volume(landscape, &Limits::default(), &request, &mut Seed::new(seed));
    let Ok(Creation::New(plan)) = made else {
        panic!("{made:?}")
    };
    apply(landscape, &plan);
    plan.new_volume().unwrap().id
}
