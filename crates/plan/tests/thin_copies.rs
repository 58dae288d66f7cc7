//! Snapshots and clones of thin bricks: they are in their brick's pool, which grows by what it lacks for them, counts once, and goes with
//! the last that is in it.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/made.rs"]
mod made;

use made::{apply, landscape, sized, volume};
use mortar_model::work::{GrowthPart, Thing};
use mortar_model::{
    Brick, BrickNames, BrickSpace, ByteSize, DevicePath, Durability, LvmName, OperationId, SnapshotId,
    Volume, VolumeId, VolumeName, check,
};
use mortar_plan::{
    Change, CloneVolume, CreateSnapshot, Creation, Expansion, Landscape, Limits, Plan, Refusal, Remains,
    Rule, Seed, SnapshotCreation, Subject, change_replicas, clone_snapshot, clone_volume, create_snapshot,
    delete_snapshot, delete_volume, evict_brick, expand_volume, restore_snapshot,
};

const THREE: Durability = Durability::Replicate(3);

fn snapshot(landscape: &Landscape, volume: VolumeId, seed: u128) -> Result<Plan, Refusal> {
    let request = CreateSnapshot {
        volume,
        name: None,
        now_ms: 0,
    };
    match create_snapshot(landscape, &request, &mut Seed::new(seed))? {
        SnapshotCreation::New(plan) => Ok(plan),
        SnapshotCreation::Known(..) => panic!("it has no name"),
    }
}

const CLONE: CloneVolume = CloneVolume {
    name: None,
    options: None,
    now_ms: 0,
};

fn new(creation: Result<Creation, Refusal>) -> Result<Plan, Refusal> {
    match creation? {
        Creation::New(plan) => Ok(plan),
        Creation::Known(_) => panic!("it has no name"),
    }
}

fn cloned(landscape: &Landscape, volume: VolumeId, seed: u128) -> Result<Plan, Refusal> {
    let limits = Limits::default();
    new(clone_volume(
        landscape,
        &limits,
        volume,
        &CLONE,
        &mut Seed::new(seed),
    ))
}

fn of_snapshot(landscape: &Landscape, snapshot: SnapshotId, seed: u128) -> Result<Plan, Refusal> {
    let limits = Limits::default();
    new(clone_snapshot(
        landscape,
        &limits,
        snapshot,
        &CLONE,
        &mut Seed::new(seed),
    ))
}

fn grown(landscape: &Landscape, volume: VolumeId, gib: u64) -> Result<Plan, Refusal> {
    let by = ByteSize::from_gib(gib);
    let way = Expansion::InPlace;
    expand_volume(landscape, &Limits::default(), volume, by, way, &mut Seed::new(1))
}

fn used(landscape: &Landscape) -> Vec<ByteSize> {
    let devices = landscape.inventory().devices();
    devices.map(|device| landscape.used(device.id)).collect()
}

fn sum(landscape: &Landscape) -> ByteSize {
    used(landscape).into_iter().sum()
}

/// What three pools of so many GiB take.
fn three_pools(gib: u64) -> ByteSize {
    let data = ByteSize::from_gib(gib);
    let metadata = data.divide_up(200).round_up(ByteSize::from_mib(4));
    (data + metadata).times(3)
}

fn bricks(landscape: &Landscape, volume: VolumeId) -> Vec<Brick> {
    landscape.inventory().bricks_of(volume).cloned().collect()
}

/// Size of the pools of a volume's bricks, in GiB: all alike.
fn pools(landscape: &Landscape, volume: VolumeId) -> u64 {
    let sizes = bricks(landscape, volume)
        .into_iter()
        .map(|brick| match brick.space {
            BrickSpace::ThinPool { pool, .. } => pool,
            other => panic!("{other:?}"),
        });
    let mut sizes: Vec<ByteSize> = sizes.collect();
    sizes.dedup();
    assert_eq!(sizes.len(), 1, "{sizes:?}");
    sizes[0].bytes() >> 30
}

fn grows(plan: &Plan) -> usize {
    let is = |thing: &Thing| matches!(thing, Thing::Growth(spec) if spec.part == GrowthPart::Pool);
    plan.steps().filter(|(_, step)| is(&step.thing)).count()
}

#[test]
fn a_pool_grows_for_a_snapshot_that_it_has_no_room_for_and_keeps_that_for_the_next() {
    for (factor, reserve) in [(1.0, 0), (1.9, 0), (2.0, 1), (2.5, 1), (3.0, 2)] {
        let mut landscape = landscape();
        let id = volume(&mut landscape, THREE, factor, 1);
        let before = sum(&landscape);
        for number in 0..reserve {
            let plan = snapshot(&landscape, id, 10 + number).unwrap();
            assert_eq!(grows(&plan), 0);
            apply(&mut landscape, &plan);
        }
        assert_eq!(sum(&landscape), before, "{factor}");
        let plan = snapshot(&landscape, id, 20).unwrap();
        assert_eq!(grows(&plan), 3, "{factor}");
        apply(&mut landscape, &plan);
        let full = sum(&landscape);
        assert_eq!(
            full,
            three_pools(3 * (u64::try_from(reserve).unwrap() + 2)),
            "{factor}"
        );
        let first = landscape.inventory().snapshots_of(id).next().unwrap().id;
        restore_snapshot(&landscape, first, &mut Seed::new(30)).unwrap();
        let plan = delete_snapshot(&landscape, first).unwrap();
        apply(&mut landscape, &plan);
        assert_eq!(sum(&landscape), full, "no pool becomes smaller");
        let plan = snapshot(&landscape, id, 31).unwrap();
        assert_eq!(grows(&plan), 0, "{factor}");
        apply(&mut landscape, &plan);
        assert_eq!(sum(&landscape), full, "{factor}");
    }
}

#[test]
fn what_a_device_cannot_hold_is_refused_with_its_name() {
    let mut landscape = landscape();
    let id = sized(&mut landscape, 60, THREE, 1.0, 1);
    for refused in [snapshot(&landscape, id, 2), cloned(&landscape, id, 3)] {
        let Err(Refusal::NoCopiesRoom(no)) = refused else {
            panic!("{refused:?}")
        };
        assert_eq!(no.devices.len(), 3);
        let full =
            |rule: &Rule| matches!(rule, Rule::Full { needed, .. } if *needed > ByteSize::from_gib(60));
        assert!(no.devices.iter().all(|device| full(&device.rule)), "{no}");
    }
}

#[test]
fn no_brick_leaves_its_snapshots_behind() {
    let mut landscape = landscape();
    let id = volume(&mut landscape, THREE, 2.0, 1);
    let plan = snapshot(&landscape, id, 10).unwrap();
    apply(&mut landscape, &plan);
    let brick = bricks(&landscape, id)[0].id;
    let made = landscape.inventory().snapshots_of(id).next().unwrap().id;
    let evict = |landscape: &Landscape, dead| evict_brick(landscape, brick, dead, &mut Seed::new(11));
    for dead in [false, true] {
        let refused = evict(&landscape, dead);
        assert!(
            matches!(&refused, Err(Refusal::Needed(_, why)) if why.contains("snapshots")),
            "{refused:?}"
        );
    }
    let fewer =
        |landscape: &Landscape| change_replicas(landscape, id, Durability::Replicate(2), &mut Seed::new(12));
    assert!(matches!(fewer(&landscape), Err(Refusal::Copies(why)) if why.contains("snapshots")));
    let plan = delete_snapshot(&landscape, made).unwrap();
    apply(&mut landscape, &plan);
    evict(&landscape, false).unwrap();
    fewer(&landscape).unwrap();
}

#[test]
fn a_clone_is_in_its_origins_pools_and_outlives_it() {
    let mut landscape = landscape();
    let origin = volume(&mut landscape, THREE, 1.0, 1);
    assert_eq!(sum(&landscape), three_pools(3));
    let plan = cloned(&landscape, origin, 2).unwrap();
    assert_eq!(grows(&plan), 3);
    let titles: Vec<&str> = plan.stages.iter().map(|stage| stage.title.as_str()).collect();
    assert_eq!(
        titles[..2],
        [
            "see that its bricks can be copied",
            "make their thin pools larger"
        ]
    );
    let clone = plan.new_volume().unwrap().id;
    apply(&mut landscape, &plan);
    // Both say how large the pools are, which count once.
    assert_eq!((pools(&landscape, origin), pools(&landscape, clone)), (6, 6));
    assert_eq!(sum(&landscape), three_pools(6));
    for (own, of) in bricks(&landscape, clone).iter().zip(bricks(&landscape, origin)) {
        assert_eq!((own.device, own.size), (of.device, of.size));
        assert_eq!(own.place().thin_pool(), of.place().thin_pool());
        assert_ne!(own.place().brick_path(), of.place().brick_path());
    }
    // A clone's clone is there, too.
    let plan = cloned(&landscape, clone, 3).unwrap();
    let again = plan.new_volume().unwrap().id;
    apply(&mut landscape, &plan);
    assert_eq!(sum(&landscape), three_pools(9));
    assert_eq!([origin, clone, again].map(|id| pools(&landscape, id)), [9; 3]);

    let plan = delete_volume(&landscape, origin).unwrap();
    apply(&mut landscape, &plan);
    assert_eq!(sum(&landscape), three_pools(9), "no pool becomes smaller");
    // What the origin had is for the next.
    let plan = snapshot(&landscape, again, 4).unwrap();
    assert_eq!(grows(&plan), 0);
    for id in [again, clone] {
        let plan = delete_volume(&landscape, id).unwrap();
        apply(&mut landscape, &plan);
    }
    assert_eq!(sum(&landscape), ByteSize::ZERO);
}

#[test]
fn what_a_snapshot_holds_and_its_clones_all_have_room() {
    let mut landscape = landscape();
    let origin = volume(&mut landscape, THREE, 2.0, 1);
    let plan = snapshot(&landscape, origin, 2).unwrap();
    apply(&mut landscape, &plan);
    let made = landscape.inventory().snapshots_of(origin).next().unwrap().id;
    let plan = of_snapshot(&landscape, made, 3).unwrap();
    assert_eq!(grows(&plan), 3);
    apply(&mut landscape, &plan);
    assert_eq!(sum(&landscape), three_pools(9));
    // The snapshot's record says what was when it was made; what is counts.
    let plan = of_snapshot(&landscape, made, 4).unwrap();
    apply(&mut landscape, &plan);
    assert_eq!(
        (sum(&landscape), pools(&landscape, origin)),
        (three_pools(12), 12)
    );
}

#[test]
fn origin_and_clone_grow_with_what_is_beside_them() {
    let mut landscape = landscape();
    let origin = volume(&mut landscape, THREE, 1.0, 1);
    let plan = cloned(&landscape, origin, 2).unwrap();
    let clone = plan.new_volume().unwrap().id;
    apply(&mut landscape, &plan);
    for (id, gib, pool) in [(clone, 2, 8), (origin, 4, 12)] {
        let plan = grown(&landscape, id, gib).unwrap();
        apply(&mut landscape, &plan);
        assert_eq!([origin, clone].map(|id| pools(&landscape, id)), [pool; 2]);
        assert_eq!(sum(&landscape), three_pools(pool));
    }
    let plan = evict_brick(
        &landscape,
        bricks(&landscape, clone)[0].id,
        false,
        &mut Seed::new(5),
    )
    .unwrap();
    apply(&mut landscape, &plan);
    let moved = bricks(&landscape, clone)
        .into_iter()
        .find(|brick| brick.pool.is_none());
    let five = ByteSize::from_gib(5);
    assert!(matches!(moved.unwrap().space, BrickSpace::ThinPool { pool, .. } if pool == five));
    let one = five + five.divide_up(200).round_up(ByteSize::from_mib(4));
    assert_eq!(sum(&landscape), three_pools(12) + one);
}

/// Room is spoken for once while it is made, and given back.
#[test]
fn an_operation_that_makes_pools_larger_holds_what_they_take_and_everybody_in_them() {
    let mut landscape = landscape();
    let origin = volume(&mut landscape, THREE, 1.0, 1);
    let plan = cloned(&landscape, origin, 2).unwrap();
    let clone = plan.new_volume().unwrap().id;
    let before = used(&landscape);
    let operation = OperationId::from_u128(1);
    landscape.hold(operation, &plan);
    // What grows has a spare of its metadata for a moment.
    let spare = ByteSize::from_gib(6)
        .divide_up(200)
        .round_up(ByteSize::from_mib(4));
    assert_eq!(sum(&landscape), three_pools(6) + spare.times(3));
    landscape.release(operation);
    assert_eq!(used(&landscape), before);
    apply(&mut landscape, &plan);

    let plan = snapshot(&landscape, clone, 3).unwrap();
    landscape.hold(operation, &plan);
    for refused in [
        cloned(&landscape, origin, 4),
        snapshot(&landscape, origin, 5),
        grown(&landscape, origin, 1),
        delete_volume(&landscape, origin),
    ] {
        assert!(
            matches!(refused, Err(Refusal::Busy("volume", _, by)) if by == operation),
            "{refused:?}"
        );
    }
}

/// A pool in which a brick lives is counted with that, whatever is left in it beside.
#[test]
fn what_is_left_in_a_pool_counts_once() {
    let mut landscape = landscape();
    let origin = volume(&mut landscape, THREE, 1.0, 1);
    let plan = cloned(&landscape, origin, 2).unwrap();
    let clone = plan.new_volume().unwrap().id;
    apply(&mut landscape, &plan);
    let left = |landscape: &mut Landscape, id: VolumeId, operation| {
        let remains = Remains {
            subject: Subject::Volume(id),
            called: "data".into(),
            bricks: bricks(landscape, id),
            names: Vec::new(),
            hosts: Vec::new(),
            paths: Vec::new(),
        };
        let plan = delete_volume(landscape, id).unwrap();
        apply(landscape, &plan);
        let cleanup = Plan::record(vec![Change::Clear(remains)]);
        landscape.hold(OperationId::from_u128(operation), &cleanup);
    };
    left(&mut landscape, origin, 1);
    assert_eq!(sum(&landscape), three_pools(6));
    left(&mut landscape, clone, 2);
    assert_eq!(
        sum(&landscape),
        three_pools(6),
        "nobody lives there, and it is there"
    );
    landscape.release(OperationId::from_u128(1));
    assert_eq!(sum(&landscape), three_pools(6));
    landscape.release(OperationId::from_u128(2));
    assert_eq!(sum(&landscape), ByteSize::ZERO);
}

/// Heketi's clones take no more room by its account: what they may come to need beyond the pool was promised by Heketi.
#[test]
fn what_heketi_cloned_takes_no_room_twice_and_stands_in_nobodys_way() {
    let mut landscape = landscape();
    let origin = volume(&mut landscape, THREE, 1.0, 1);
    let taken = heketis_clone(&mut landscape, origin);
    assert_eq!(check::check(landscape.inventory()), []);
    assert_eq!(sum(&landscape), three_pools(3));
    // What is new has its room; the promise of before becomes no larger.
    let plan = cloned(&landscape, taken, 3).unwrap();
    let clone = plan.new_volume().unwrap().id;
    apply(&mut landscape, &plan);
    assert_eq!([origin, taken, clone].map(|id| pools(&landscape, id)), [6; 3]);
    let plan = grown(&landscape, taken, 1).unwrap();
    apply(&mut landscape, &plan);
    assert_eq!([origin, taken, clone].map(|id| pools(&landscape, id)), [7; 3]);
    for id in [origin, clone, taken] {
        assert_ne!(sum(&landscape), ByteSize::ZERO);
        let plan = delete_volume(&landscape, id).unwrap();
        apply(&mut landscape, &plan);
    }
    assert_eq!(sum(&landscape), ByteSize::ZERO);
}

/// A volume whose bricks are in the pools of another's, as Heketi's database tells of one.
fn heketis_clone(landscape: &mut Landscape, origin: VolumeId) -> VolumeId {
    let id = VolumeId::from_u128(77);
    let known = landscape.inventory().volume(origin).unwrap();
    let volume = Volume {
        id,
        name: VolumeName::new("taken").unwrap(),
        ..known.clone()
    };
    let brick = |of: Brick| {
        let mount = format!("/run/gluster/snaps/{:032x}/brick{}", 1, of.position + 1);
        Brick {
            id: mortar_model::BrickId::from_u128(700 + u128::from(of.position)),
            volume: id,
            names: Some(Box::new(BrickNames {
                folder: DevicePath::new(format!("{mount}/brick")).unwrap(),
                mount_point: DevicePath::new(mount).unwrap(),
                volume: Some(LvmName::new(format!("clone_{}", of.position)).unwrap()),
                pool: Some(LvmName::new(of.place().thin_pool()).unwrap()),
                shared: true,
            })),
            ..of
        }
    };
    let bricks = bricks(landscape, origin).into_iter().map(brick).collect();
    let plan = Plan::record(vec![Change::AddVolume(volume, bricks)]);
    apply(landscape, &plan);
    id
}
