//! What an operation leaves on nodes that are away, as an operation of its own.

use mortar_model::work::{BrickSpec, CopyPart, CopySpec, Goal, Thing};
use mortar_model::{Brick, BrickId, BrickSpace, ByteSize, OperationId, OperationKind};
use mortar_plan::{Change, Place, Plan, Remains, Stage, Step, Subject};

use crate::operation::{Mark, Operation, Phase};

/// The operation that removes what `operation`, which has ended, left on nodes that were away; none when nothing was.
///
/// It only goes forward, in the order in which the first one would have removed the same. It must be recorded in the
/// transaction that ends the first one: from one moment to the next, the other holds what the one has held.
pub fn remainder(operation: &Operation, id: OperationId, created: u64) -> Option<Operation> {
    let back = match &operation.phase {
        Phase::Done => false,
        Phase::Undone { .. } => true,
        _ => return None,
    };
    let (mut stages, mut locks) = (Vec::new(), Vec::new());
    let is_away = |step: &Step| matches!(step.place, Place::Node(_));
    let any_away = deferred(operation).any(is_away);
    let mut numbers = 0..operation.steps.len();
    for stage in &operation.plan.stages {
        // The steps come first: a pair takes from its left side before its right side says that there is no more.
        let left = stage
            .steps
            .iter()
            .zip(numbers.by_ref())
            .filter_map(|(step, number)| Some((number, left(operation.steps[number].mark, step, any_away)?)));
        let (of_stage, steps): (Vec<usize>, Vec<Step>) = left.unzip();
        if !steps.is_empty() {
            let title = title(&steps);
            stages.push(Stage { title, steps });
            locks.push(of_stage);
        }
    }
    if stages.is_empty() {
        return None;
    }
    if back {
        stages.reverse();
        locks.reverse();
    }
    let remains = remains(operation)?;
    let plan = Plan {
        stages,
        forward_from: Some(0),
        changes: vec![Change::Clear(remains)],
    };
    let mut cleanup = Operation::new(id, OperationKind::Cleanup, created, plan);
    cleanup.locks = locks
        .into_iter()
        .flatten()
        .map(|number| operation.lock_of(number))
        .collect();
    Some(cleanup)
}

fn deferred(operation: &Operation) -> impl Iterator<Item = &Step> {
    let steps = operation.plan.steps().zip(&operation.steps);
    steps
        .filter(|(_, state)| state.mark == Mark::Deferred)
        .map(|((_, step), _)| step)
}

/// What is still to be done for a step that ended with this mark.
///
/// Of a volume that was undone, most members have said that there is none. A node that is away may have made it in their
/// absence, and brings it along: as a removal it is not done before all have said so.
fn left(mark: Mark, step: &Step, any_away: bool) -> Option<Step> {
    match (mark, &step.thing) {
        (Mark::Deferred, _) => Some(absent(step)),
        (Mark::Returned, Thing::Volume(_)) if any_away => Some(absent(step)),
        _ => None,
    }
}

/// Only what removes is deferred, whichever way that was.
fn absent(step: &Step) -> Step {
    Step {
        goal: Goal::Absent,
        needed: true,
        ..step.clone()
    }
}

fn title(steps: &[Step]) -> String {
    match steps.first().map(|step| &step.thing) {
        Some(Thing::Volume(_)) => "delete the volume, which is stopped".into(),
        Some(Thing::Brick(_)) => "remove bricks on nodes that were away".into(),
        Some(thing) => format!("remove the {}", thing.kind()),
        None => String::new(),
    }
}

/// What the things that are left take until they are gone. The name of a volume that the others do not have is free.
fn remains(operation: &Operation) -> Option<Remains> {
    let mut remains = Remains {
        subject: operation.plan.subject()?,
        called: called(&operation.plan),
        bricks: Vec::new(),
        names: Vec::new(),
        hosts: Vec::new(),
        paths: Vec::new(),
    };
    let steps = || deferred(operation);
    // The room that an operation kept for a brick is for its copy too, whether that brick stays or is still to go.
    let becomes_brick = |copy: BrickId| {
        let of_copy = |step: &Step| matches!(&step.thing, Thing::Brick(spec) if spec.from == Some(copy));
        let made = operation.plan.steps().any(|(_, step)| of_copy(step));
        (operation.phase == Phase::Done && made) || steps().any(of_copy)
    };
    for step in steps() {
        match (&step.thing, &step.place) {
            (Thing::Brick(spec), _) => remains.bricks.push(brick(spec)),
            // A look at the room for a copy takes none, and of a way back the copy is a snapshot's, with which it is counted.
            (Thing::Copy(spec), _) if spec.part == CopyPart::Room => {}
            // A copy may have several steps, and takes its room once.
            (Thing::Copy(spec), _) if remains.bricks.iter().all(|known| known.id != spec.copy) => {
                remains.bricks.push(copy(spec, becomes_brick(spec.copy)));
            }
            (Thing::Volume(spec), Place::Pool(cluster, _)) => {
                remains.names.push((*cluster, spec.name.clone()));
            }
            (Thing::Peer(spec), _) => remains.hosts.push(spec.host.clone()),
            (Thing::Device(spec), Place::Node(node)) => remains.paths.push((*node, spec.path.clone())),
            _ => {}
        }
    }
    Some(remains)
}

/// The room that a brick takes. Which place it had in its volume does not matter any more.
fn brick(spec: &BrickSpec) -> Brick {
    Brick {
        id: spec.brick,
        volume: spec.volume,
        device: spec.device,
        size: spec.size,
        space: spec.space,
        set: 0,
        position: 0,
        names: spec.names.clone(),
        pool: spec.pool.clone(),
    }
}

/// The room that a copy takes: one in the thin pool of its brick alone takes what is counted with the brick, and one of which a brick is made,
/// what is counted with that.
fn copy(spec: &CopySpec, becomes_brick: bool) -> Brick {
    let origin = brick(&spec.brick);
    let (size, space) = match spec.brick.space {
        space @ (BrickSpace::Image | BrickSpace::Shared) if becomes_brick => (ByteSize::ZERO, space),
        space @ (BrickSpace::Image | BrickSpace::Shared) => (origin.size, space),
        BrickSpace::Folder => (ByteSize::ZERO, BrickSpace::Folder),
        BrickSpace::ThinPool { .. } => {
            let nothing = BrickSpace::ThinPool {
                pool: ByteSize::ZERO,
                metadata: ByteSize::ZERO,
            };
            (origin.size, nothing)
        }
    };
    Brick {
        id: spec.copy,
        size,
        space,
        ..origin
    }
}

/// What people call that which the plan is about.
fn called(plan: &Plan) -> String {
    let names = plan.steps().map(|(_, step)| match (&step.thing, plan.subject()) {
        (Thing::Volume(spec), Some(Subject::Volume(_))) => Some(spec.name.to_string()),
        (Thing::AddedBricks(spec), Some(Subject::Volume(_))) => Some(spec.name.to_string()),
        (Thing::Seat(spec), Some(Subject::Volume(_))) => Some(spec.name.to_string()),
        (Thing::Copies(spec), Some(Subject::Volume(_))) => Some(spec.name.to_string()),
        (Thing::Copy(spec), Some(Subject::Snapshot(_))) => Some(spec.snapshot.to_string()),
        (Thing::Copy(_), Some(Subject::Group(group))) => Some(group.to_string()),
        (Thing::Device(spec), Some(Subject::Device(_))) => Some(spec.path.to_string()),
        (Thing::Peer(spec), Some(Subject::Node(_))) => Some(spec.host.to_string()),
        _ => None,
    });
    names.flatten().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use mortar_model::{DeviceId, DevicePath, SnapshotId, VolumeId};

    use super::*;

    fn of(space: BrickSpace, becomes_brick: bool) -> Brick {
        let spec = CopySpec {
            part: CopyPart::Room,
            snapshot: SnapshotId::from_u128(1),
            copy: BrickId::from_u128(2),
            brick: BrickSpec {
                brick: BrickId::from_u128(3),
                volume: VolumeId::from_u128(4),
                device: DeviceId::from_u128(5),
                device_path: DevicePath::new("/dev/sdb").unwrap(),
                space,
                size: ByteSize::from_gib(2),
                arbiter: false,
                gid: 0,
                from: None,
                identity: String::new(),
                names: None,
                pool: None,
            },
            names_missed: false,
            name: None,
            text: String::new(),
            promised: ByteSize::ZERO,
        };
        copy(&spec, becomes_brick)
    }

    /// Else the device would have promised the same twice.
    #[test]
    fn what_is_counted_with_a_brick_is_not_counted_with_its_copy() {
        let pool = BrickSpace::ThinPool {
            pool: ByteSize::from_gib(4),
            metadata: ByteSize::from_mib(12),
        };
        let thin = of(pool, false);
        assert_eq!(
            (thin.id, thin.footprint()),
            (BrickId::from_u128(2), ByteSize::ZERO)
        );
        for space in [BrickSpace::Image, BrickSpace::Shared] {
            assert_eq!(of(space, false).footprint(), ByteSize::from_gib(2));
            assert_eq!(of(space, true).footprint(), ByteSize::ZERO);
        }
    }
}
