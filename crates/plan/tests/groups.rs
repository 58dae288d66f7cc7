//! Groups of snapshots: no brick of any volume is copied before all of all are frozen, and a group is whole or not at all.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;
#[path = "common/made.rs"]
mod made;

use std::collections::BTreeSet;

use made::{apply, landscape, sized, volume};
use mortar_model::work::{CopyPart, Facts, Thing};
use mortar_model::{BrickId, Durability, GroupId, State, VolumeId, VolumeName};
use mortar_plan::{
    Change, CreateGroup, GroupCreation, GroupRefusal, Landscape, Plan, Refusal, Rule, Seed, create_group,
    delete_group, delete_snapshot,
};

fn group(landscape: &Landscape, volumes: &[VolumeId], seed: u128) -> Result<GroupCreation, Refusal> {
    let request = CreateGroup {
        volumes: volumes.to_vec(),
        name: Some(VolumeName::new("week").unwrap()),
        now_ms: 7,
    };
    create_group(landscape, &request, &mut Seed::new(seed))
}

fn new(landscape: &Landscape, volumes: &[VolumeId], seed: u128) -> Plan {
    match group(landscape, volumes, seed) {
        Ok(GroupCreation::New(plan)) => plan,
        other => panic!("{other:?}"),
    }
}

#[test]
fn all_bricks_of_all_volumes_go_through_each_stage_together() {
    let mut landscape = landscape();
    let a = volume(&mut landscape, Durability::Replicate(3), 2.0, 1);
    let b = volume(&mut landscape, Durability::disperse(2, 1), 2.0, 2);
    let plan = new(&landscape, &[b, a, b], 10);
    let inventory = landscape.inventory();
    let all: BTreeSet<BrickId> = [a, b]
        .into_iter()
        .flat_map(|id| inventory.bricks_of(id).map(|brick| brick.id))
        .collect();
    let parts = [CopyPart::Room, CopyPart::Frozen, CopyPart::Image, CopyPart::Whole];
    assert_eq!(plan.stages.len(), parts.len());
    for (stage, part) in plan.stages.iter().zip(parts) {
        let of = |thing: &Thing| match thing {
            Thing::Copy(spec) if spec.part == part => Some(spec.brick.brick),
            _ => None,
        };
        let bricks: Vec<BrickId> = stage.steps.iter().filter_map(|step| of(&step.thing)).collect();
        assert_eq!(bricks.len(), stage.steps.len(), "{}", stage.title);
        assert_eq!(
            bricks.into_iter().collect::<BTreeSet<_>>(),
            all,
            "{}",
            stage.title
        );
    }
    // Each step is in the operation's record: the text is only where it is written.
    for step in plan.steps().map(|(_, step)| step) {
        let Thing::Copy(spec) = &step.thing else {
            panic!("{step:?}")
        };
        assert_eq!(spec.text.is_empty(), spec.part != CopyPart::Whole, "{spec:?}");
    }
    assert_eq!(plan.forward_from, None);
    // Each of them tells of the whole group.
    let made: Vec<_> = plan.new_snapshots().collect();
    let mut volumes = vec![a, b];
    volumes.sort_unstable();
    assert_eq!(made.len(), 2);
    for snapshot in &made {
        assert_eq!(snapshot.group.as_ref().unwrap().volumes, volumes);
        assert_eq!((&snapshot.group, snapshot.created_ms), (&made[0].group, 7));
    }
}

/// A node that takes no new bricks keeps copies all the same; one that is away as well makes none.
#[test]
fn one_rule_hides_no_other() {
    let mut landscape = landscape();
    let a = volume(&mut landscape, Durability::Replicate(3), 2.0, 1);
    let node = landscape.inventory().bricks_of(a).next().unwrap().device;
    let node = landscape.inventory().device(node).unwrap().node;
    let mut offline = landscape.inventory().node(node).unwrap().clone();
    offline.state = State::Offline;
    landscape.apply(&Change::PutNode(offline), &Facts::None).unwrap();
    new(&landscape, &[a], 9);
    landscape.set_healthy(node, false);
    let refused = group(&landscape, &[a], 9);
    assert!(
        matches!(&refused, Err(Refusal::NoCopiesRoom(no)) if no.devices[0].rule == Rule::NodeUnhealthy),
        "{refused:?}"
    );
}

#[test]
fn a_group_is_whole_or_not_at_all() {
    let mut landscape = landscape();
    let a = volume(&mut landscape, Durability::Replicate(3), 2.0, 1);
    let b = volume(&mut landscape, Durability::Replicate(2), 2.0, 2);
    let large = sized(&mut landscape, 60, Durability::Replicate(2), 1.0, 3);
    let refused = group(&landscape, &[a, large], 9);
    assert!(matches!(refused, Err(Refusal::NoCopiesRoom(_))), "{refused:?}");

    let plan = new(&landscape, &[a, b], 10);
    apply(&mut landscape, &plan);
    let made: Vec<_> = plan.new_snapshots().cloned().collect();
    let id = made[0].group.as_ref().unwrap().id;
    for snapshot in &made {
        let alone = delete_snapshot(&landscape, snapshot.id);
        assert!(
            matches!(alone, Err(Refusal::Group(GroupRefusal::Member(..)))),
            "{alone:?}"
        );
    }
    assert_eq!(group(&landscape, &[b, a], 11), Ok(GroupCreation::Known(id, None)));
    let other = group(&landscape, &[a], 11);
    assert!(
        matches!(other, Err(Refusal::Group(GroupRefusal::Taken { .. }))),
        "{other:?}"
    );
    let gone = delete_group(&landscape, id).unwrap();
    apply(&mut landscape, &gone);
    assert_eq!(landscape.inventory().snapshots().count(), 0);
    assert!(landscape.inventory().group(id).is_none());
    let unknown = delete_group(&landscape, GroupId::from_u128(1));
    assert!(matches!(unknown, Err(Refusal::Unknown(..))), "{unknown:?}");
    new(&landscape, &[a], 12);
}

#[test]
fn a_group_has_one_to_32_volumes() {
    let landscape = landscape();
    for number in [0, 33] {
        let volumes: Vec<VolumeId> = (1..=number).map(VolumeId::from_u128).collect();
        let refused = group(&landscape, &volumes, 1);
        let number = usize::try_from(number).unwrap();
        assert_eq!(refused, Err(GroupRefusal::Number(number).into()));
    }
}
