//! Which nodes may use a volume, beside what else is done to it.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod common;

use mortar_model::work::Facts;
use mortar_model::{AccessMode, Attachment, ByteSize, ClientNode, Durability, OperationId, VolumeId};
use mortar_plan::{
    AttachRefusal, CreateVolume, Creation, Landscape, Limits, Plan, Refusal, Seed, attach, create_volume,
    delete_volume, detach,
};

fn attachment(node: &str) -> Attachment {
    Attachment {
        node: ClientNode::new(node).unwrap(),
        mode: AccessMode::MultiNodeMultiWriter,
        read_only: false,
        since: 1,
    }
}

fn apply(landscape: &mut Landscape, plan: &Plan) {
    for change in &plan.changes {
        landscape.apply(change, &Facts::None).unwrap();
    }
}

/// A landscape with a volume.
fn volume() -> (Landscape, VolumeId) {
    let mut landscape = common::disks(3, |_| 1, ByteSize::from_gib(100));
    let request = CreateVolume::new(ByteSize::from_gib(1), Durability::Replicate(3));
    let created = create_volume(&landscape, &Limits::default(), &request, &mut Seed::new(1)).unwrap();
    let Creation::New(plan) = created else {
        panic!("{created:?}");
    };
    apply(&mut landscape, &plan);
    let id = landscape.inventory().volumes().next().unwrap().id;
    (landscape, id)
}

#[test]
fn a_volume_that_nodes_use_is_not_removed() {
    let (mut landscape, id) = volume();
    let node = ClientNode::new("a").unwrap();
    let plan = attach(&landscape, id, &attachment("a"), None).unwrap().unwrap();
    let operation = OperationId::from_u128(1);
    // On its way to the disk: nobody knows yet whether a node uses it.
    landscape.hold(operation, &plan);
    assert!(matches!(delete_volume(&landscape, id), Err(Refusal::Busy("volume", _, by)) if by == operation));
    apply(&mut landscape, &plan);
    landscape.release(operation);
    assert_eq!(landscape.inventory().attached_to(&node), 1);
    let refused = delete_volume(&landscape, id).unwrap_err();
    assert!(
        matches!(&refused, Refusal::Attach(AttachRefusal::Used { nodes, .. }) if *nodes == [node.clone()])
    );
    assert_eq!(attach(&landscape, id, &attachment("a"), Some(1)), Ok(None));
    let plan = detach(&landscape, id, Some(&node)).unwrap().unwrap();
    apply(&mut landscape, &plan);
    assert_eq!(detach(&landscape, id, None), Ok(None));
    assert_eq!(landscape.inventory().attached_to(&node), 0);
    delete_volume(&landscape, id).unwrap();
}

#[test]
fn a_volume_that_is_removed_is_not_attached() {
    let (mut landscape, id) = volume();
    let plan = delete_volume(&landscape, id).unwrap();
    let operation = OperationId::from_u128(1);
    landscape.hold(operation, &plan);
    for refused in [
        attach(&landscape, id, &attachment("a"), None),
        detach(&landscape, id, None),
    ] {
        assert!(matches!(refused, Err(Refusal::Busy("volume", _, by)) if by == operation));
    }
    // It went back: the volume stays.
    landscape.release(operation);
    let attached = attach(&landscape, id, &attachment("a"), None).unwrap().unwrap();
    apply(&mut landscape, &attached);
    // However a volume's record goes, what is recorded of its nodes goes with it.
    apply(&mut landscape, &plan);
    assert_eq!(landscape.inventory().attachments().count(), 0);
    assert_eq!(landscape.inventory().attached_to(&attachment("a").node), 0);
    assert!(matches!(
        attach(&landscape, id, &attachment("a"), None),
        Err(Refusal::Unknown("volume", _))
    ));
}

#[test]
fn refusals_name_what_is_in_the_way() {
    let (mut landscape, id) = volume();
    for number in 0..7 {
        let plan = attach(&landscape, id, &attachment(&format!("n{number}")), None).unwrap();
        apply(&mut landscape, &plan.unwrap());
    }
    let text = delete_volume(&landscape, id).unwrap_err().to_string();
    assert!(
        text.contains("nodes n0, n1, n2, n3, n4 and 2 more nodes"),
        "{text}"
    );
    let alone = Attachment {
        mode: AccessMode::SingleNodeWriter,
        ..attachment("x")
    };
    let text = attach(&landscape, id, &alone, None).unwrap_err().to_string();
    assert!(
        text.contains("n0") && text.contains("single-node-writer"),
        "{text}"
    );
}
