//! Any history of an operation ends done or undone: random plans, faults, lost answers and crashes against a
//! little world that knows the truth about each thing.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::VecDeque;

use mortar_journal::{Action, Event, Mark, Operation, Persist, Phase, Policy, advance, remainder};
use mortar_model::work::{
    AddedBricksSpec, BrickSpec, Facts, Failure, FailureKind, Goal, GrowthPart, GrowthSpec, PeerSpec,
    RebalanceSpec, Seen, Thing, Verdict, VolumeSpec,
};
use mortar_model::{
    Brick, BrickId, BrickSpace, ByteSize, ClusterId, DeviceId, DevicePath, HostName, NodeId, OperationId,
    OperationKind, VolumeId, VolumeName,
};
use mortar_plan::{Change, Place, Plan, Stage, Step};
use proptest::prelude::*;

/// The truth about a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Truth {
    Absent,
    Partial,
    Present,
}

/// What goes wrong at one action. Drawn from the test's input, in order; when the input is used up nothing does.
#[derive(Clone, Copy, Debug)]
enum Fault {
    None,
    FailBefore,
    FailHalfway,
    Busy,
    LostBefore,
    LostAfter,
    CrashBefore,
    CrashAfter,
    /// The node is not reached.
    Unreached,
    /// Members of the pool are away: what removes stops half way, what makes does nothing.
    Away,
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        1 => Just(Fault::FailBefore),
        1 => Just(Fault::FailHalfway),
        1 => Just(Fault::Busy),
        1 => Just(Fault::LostBefore),
        1 => Just(Fault::LostAfter),
        1 => Just(Fault::CrashBefore),
        1 => Just(Fault::CrashAfter),
        2 => Just(Fault::Unreached),
        1 => Just(Fault::Away),
    ]
}

/// The kinds of thing that differ in how their steps are gone about.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Peer,
    Rebalance,
    Brick,
    Volume,
    AddedBricks,
    Pool,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        1 => Just(Kind::Peer),
        1 => Just(Kind::Rebalance),
        3 => Just(Kind::Brick),
        2 => Just(Kind::Volume),
        1 => Just(Kind::AddedBricks),
        1 => Just(Kind::Pool),
    ]
}

const POOL: BrickSpace = BrickSpace::ThinPool {
    pool: ByteSize::from_gib(2),
    metadata: ByteSize::from_mib(12),
};

fn brick(number: usize, space: BrickSpace) -> BrickSpec {
    BrickSpec {
        brick: BrickId::from_u128(number as u128),
        volume: VolumeId::from_u128(1),
        device: DeviceId::from_u128(1),
        device_path: DevicePath::new("/dev/sdb").unwrap(),
        space,
        size: ByteSize::from_gib(1),
        arbiter: false,
        gid: 0,
        identity: String::new(),
        from: None,
        names: None,
        pool: None,
    }
}

/// What is recorded when a thin pool has become larger.
fn recorded(step: &Step) -> Option<Change> {
    let Thing::Growth(GrowthSpec { brick, .. }) = &step.thing else {
        return None;
    };
    let larger = Brick {
        id: brick.brick,
        volume: brick.volume,
        device: brick.device,
        size: brick.size,
        space: brick.space,
        set: 0,
        position: 0,
        names: None,
        pool: None,
    };
    Some(Change::GrowBricks {
        volume: brick.volume,
        by: ByteSize::ZERO,
        bricks: vec![larger],
    })
}

fn thing(number: usize, kind: Kind) -> Thing {
    let name = VolumeName::new(format!("name-{number}")).unwrap();
    let volume = VolumeId::from_u128(1);
    let (bricks, options) = (Vec::new(), Vec::new());
    match kind {
        Kind::Peer => Thing::Peer(PeerSpec {
            node: NodeId::from_u128(1),
            host: HostName::new(format!("host-{number}")).unwrap(),
            force: false,
        }),
        Kind::Rebalance => Thing::Rebalance(RebalanceSpec { volume, name }),
        Kind::Brick => Thing::Brick(brick(number, BrickSpace::Image)),
        Kind::Pool => Thing::Growth(GrowthSpec {
            part: GrowthPart::Pool,
            brick: brick(number, POOL),
            space_before: POOL,
        }),
        Kind::Volume => Thing::Volume(VolumeSpec {
            volume,
            name,
            replica: 1,
            arbiter: false,
            disperse: None,
            bricks,
            options,
        }),
        Kind::AddedBricks => Thing::AddedBricks(AddedBricksSpec {
            volume,
            name,
            replica: 1,
            bricks,
            options,
            options_back: Vec::new(),
        }),
    }
}

fn step(number: usize, goal: Goal, kind: Kind, needed: bool) -> Step {
    let (node, pool) = (NodeId::from_u128(1), ClusterId::from_u128(1));
    Step {
        place: match kind {
            Kind::Brick | Kind::Pool => Place::Node(node),
            _ => Place::Pool(pool, vec![node]),
        },
        thing: thing(number, kind),
        // Nobody makes a pool smaller.
        goal: if matches!(kind, Kind::Pool) {
            Goal::Present
        } else {
            goal
        },
        needed,
    }
}

fn plan() -> impl Strategy<Value = Plan> {
    let shape = proptest::collection::vec(
        proptest::collection::vec((any::<bool>(), kind(), prop::bool::weighted(0.9)), 1..4),
        0..4,
    );
    (shape, prop::option::weighted(0.4, 0..4_usize)).prop_map(|(stages, forward_from)| {
        let mut number = 0;
        let mut make = |(present, kind, needed): (bool, Kind, bool)| {
            number += 1;
            step(
                number,
                if present { Goal::Present } else { Goal::Absent },
                kind,
                needed,
            )
        };
        let stages = stages.into_iter().map(|steps| Stage {
            title: String::new(),
            steps: steps.into_iter().map(&mut make).collect(),
        });
        let stages: Vec<Stage> = stages.collect();
        let pools = stages.iter().flat_map(|stage| &stage.steps).filter_map(recorded);
        let changes = std::iter::once(Change::RemoveVolume(VolumeId::from_u128(1)));
        Plan {
            changes: changes.chain(pools).collect(),
            stages,
            forward_from,
        }
    })
}

struct World {
    things: Vec<Truth>,
    faults: VecDeque<Fault>,
    /// What is on disk, oldest first: the last synced state and every lazy one after it.
    disk: Vec<Operation>,
    crash_seed: usize,
    parked: bool,
}

impl World {
    fn start_of(goal: Goal) -> Truth {
        match goal {
            Goal::Present => Truth::Absent,
            Goal::Absent => Truth::Present,
        }
    }

    fn persist(&mut self, operation: &Operation, persist: Persist) {
        match persist {
            Persist::Not => {}
            Persist::Lazy => self.disk.push(stored(operation)),
            Persist::Synced => self.disk = vec![stored(operation)],
        }
    }

    /// After a crash any state since the last synced one may be found.
    fn reopen(&mut self) -> Operation {
        self.crash_seed = self.crash_seed.wrapping_mul(31).wrapping_add(7);
        let found = self.disk[self.crash_seed % self.disk.len()].clone();
        self.disk = vec![found.clone()];
        found
    }

    fn act(&mut self, operation: &Operation, action: &Action) -> Result<Option<Event>, ()> {
        let fault = match action {
            Action::Finish => return Ok(None),
            Action::Park => {
                self.parked = true;
                return Ok(None);
            }
            _ => self.faults.pop_front().unwrap_or(Fault::None),
        };
        match action {
            Action::Look { step, .. } => self.look(*step, fault),
            Action::Do { step, goal, .. } => {
                // No step beyond the point of no return acts before that is on disk.
                let stage = operation.plan.steps().nth(*step).unwrap().0;
                if operation.plan.forward_from.is_some_and(|first| stage >= first) {
                    assert!(
                        self.disk[0].committed,
                        "acts beyond the point of no return before it is durable"
                    );
                }
                self.do_it(*step, *goal, fault)
            }
            Action::Finish | Action::Park => Ok(None),
        }
    }

    fn look(&mut self, step: usize, fault: Fault) -> Result<Option<Event>, ()> {
        let seen = match (fault, self.things[step]) {
            (Fault::CrashBefore | Fault::CrashAfter, _) => return Err(()),
            (Fault::Unreached, _) => Seen::Unreached("no route".into()),
            (Fault::LostBefore | Fault::LostAfter, _) => Seen::Unknown("no answer".into()),
            (_, Truth::Absent) => Seen::Absent,
            (_, Truth::Partial) => Seen::Partial("half made".into()),
            (_, Truth::Present) => Seen::Present(Facts::None),
        };
        Ok(Some(Event::Looked { step, seen }))
    }

    fn do_it(&mut self, step: usize, goal: Goal, fault: Fault) -> Result<Option<Event>, ()> {
        let reached = if goal == Goal::Present {
            Truth::Present
        } else {
            Truth::Absent
        };
        let failed = |kind| {
            Verdict::Failed(Failure {
                kind,
                reason: "no".into(),
            })
        };
        let verdict = match fault {
            Fault::None => {
                self.things[step] = reached;
                Verdict::Done(Facts::None)
            }
            Fault::FailBefore => failed(FailureKind::Refused),
            Fault::FailHalfway => {
                self.things[step] = Truth::Partial;
                failed(FailureKind::NoSpace)
            }
            Fault::Busy => failed(FailureKind::Busy),
            Fault::Unreached => failed(FailureKind::Unreached),
            Fault::Away => {
                if goal == Goal::Absent && self.things[step] == Truth::Present {
                    self.things[step] = Truth::Partial;
                }
                failed(FailureKind::Away)
            }
            Fault::LostBefore => Verdict::Unknown("lost".into()),
            Fault::LostAfter => {
                self.things[step] = reached;
                Verdict::Unknown("lost".into())
            }
            Fault::CrashBefore => return Err(()),
            Fault::CrashAfter => {
                self.things[step] = reached;
                return Err(());
            }
        };
        Ok(Some(Event::Did { step, verdict }))
    }
}

/// As it comes back from disk.
fn stored(operation: &Operation) -> Operation {
    serde_json::from_str(&serde_json::to_string(operation).unwrap()).unwrap()
}

/// Runs a plan to its end.
fn run(plan: Plan, faults: Vec<Fault>, order: usize) -> (Operation, Vec<Truth>) {
    let things = plan.steps().map(|(_, step)| World::start_of(step.goal)).collect();
    let operation = Operation::new(OperationId::from_u128(1), OperationKind::CreateVolume, 0, plan);
    run_from(operation, things, faults, order)
}

/// Runs the operation to its end; crashes and parks are followed by a resume. Pending answers come in an order
/// that `order` chooses.
fn run_from(
    mut operation: Operation,
    things: Vec<Truth>,
    faults: Vec<Fault>,
    order: usize,
) -> (Operation, Vec<Truth>) {
    let mut world = World {
        things,
        faults: faults.into(),
        disk: Vec::new(),
        crash_seed: order,
        parked: false,
    };
    let policy = Policy {
        busy_tries: 3,
        unknown_tries: 2,
        stubborn_tries: 2,
        ..Policy::default()
    };
    world.persist(&operation, Persist::Synced);
    let mut events = VecDeque::from([Event::Begin]);
    let mut chooser = order;
    for _ in 0..10_000 {
        let Some(event) = events.pop_front() else {
            if operation.has_ended() {
                return (operation, world.things);
            }
            assert!(
                world.parked,
                "nothing under way, not ended, not parked: {operation:?}"
            );
            world.parked = false;
            events.push_back(Event::Resume);
            continue;
        };
        let next = advance(&mut operation, event, &policy);
        world.persist(&operation, next.persist);
        for action in next.actions {
            match world.act(&operation, &action) {
                Ok(Some(event)) => {
                    chooser = chooser.wrapping_mul(6_364_136_223).wrapping_add(1);
                    events.insert(chooser % (events.len() + 1), event);
                }
                Ok(None) => {}
                Err(()) => {
                    operation = world.reopen();
                    events = VecDeque::from([Event::Resume]);
                    world.parked = false;
                    break;
                }
            }
        }
    }
    panic!("does not end: {operation:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    /// A step that is left to a cleanup is the same there, and takes the lock that it took here: a script of it may still run.
    #[test]
    fn what_is_left_keeps_its_locks(plan in plan(), deferred in proptest::collection::vec(any::<bool>(), 12)) {
        let (own, cleanup) = (OperationId::from_u128(1), OperationId::from_u128(2));
        let mut operation = Operation::new(own, OperationKind::DeleteVolume, 0, plan);
        operation.phase = Phase::Done;
        for (state, deferred) in operation.steps.iter_mut().zip(deferred) {
            state.mark = if deferred { Mark::Deferred } else { Mark::Reached };
        }
        let numbered = operation.plan.steps().map(|(_, step)| &step.thing).enumerate();
        let left: Vec<(usize, &Thing)> = numbered
            .filter(|(number, _)| operation.steps[*number].mark == Mark::Deferred)
            .collect();
        let cleanup = remainder(&operation, cleanup, 0);
        let found: Vec<((OperationId, usize), &Thing)> = cleanup
            .iter()
            .flat_map(|cleanup| cleanup.locks.iter().copied().zip(cleanup.plan.steps().map(|(_, step)| &step.thing)))
            .collect();
        let expected: Vec<_> = left.into_iter().map(|(number, thing)| ((own, number), thing)).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn every_history_ends_done_or_undone(plan in plan(), faults in proptest::collection::vec(fault(), 0..40), order: usize) {
        let (operation, things) = run(plan, faults, order);
        let changes = operation.changes();
        for ((_, step), (thing, state)) in operation.plan.steps().zip(things.iter().zip(&operation.steps)) {
            let (goal, start) = (World::start_of(step.goal.opposite()), World::start_of(step.goal));
            match &operation.phase {
                Phase::Done if state.mark == Mark::Skipped => prop_assert!(!step.needed),
                // Left for later: only what removes something that nobody uses.
                Phase::Done if state.mark == Mark::Deferred => {
                    prop_assert_eq!(step.goal, Goal::Absent);
                    prop_assert!(matches!(step.thing, Thing::Brick(_) | Thing::Volume(_)));
                }
                Phase::Undone { .. } if state.mark == Mark::Deferred => {
                    prop_assert_eq!(step.goal, Goal::Present);
                    prop_assert!(!matches!(step.thing, Thing::AddedBricks(_) | Thing::Rebalance(_)));
                }
                Phase::Done => prop_assert_eq!(*thing, goal),
                // Not taken back, and recorded just where it is so.
                Phase::Undone { .. } if step.thing.keeps() => {
                    let larger = recorded(step).is_some_and(|change| changes.contains(&change));
                    prop_assert_eq!(*thing, if larger { Truth::Present } else { Truth::Absent });
                }
                Phase::Undone { .. } => prop_assert_eq!(*thing, start),
                other => prop_assert!(false, "{other:?}"),
            }
        }
        if operation.committed {
            prop_assert_eq!(operation.phase, Phase::Done);
        }
    }

    /// What an operation leaves on nodes that are away is exactly what the next one removes; whatever happens to that one,
    /// it ends done, and nothing is left.
    #[test]
    fn what_is_left_is_removed_in_the_end(
        plan in plan(),
        faults in proptest::collection::vec(fault(), 0..40),
        more in proptest::collection::vec(fault(), 0..20),
        order: usize,
    ) {
        let (first, things) = run(plan, faults, order);
        let deferred: Vec<usize> =
            (0..first.steps.len()).filter(|step| first.steps[*step].mark == Mark::Deferred).collect();
        let cleanup = remainder(&first, OperationId::from_u128(2), 1);
        prop_assert_eq!(cleanup.is_none(), deferred.is_empty());
        let Some(cleanup) = cleanup else { return Ok(()) };
        // A volume that was undone without those that are away is looked for once more.
        let steps = || first.plan.steps().map(|(_, step)| step).enumerate();
        let any_away =
            steps().any(|(number, step)| deferred.contains(&number) && matches!(step.place, Place::Node(_)));
        let undone = steps().filter(|(number, step)| {
            matches!(first.phase, Phase::Undone { .. })
                && first.steps[*number].mark == Mark::Returned
                && matches!(step.thing, Thing::Volume(_))
                && any_away
        });
        let mut expected = deferred.clone();
        expected.extend(undone.map(|(number, _)| number));
        expected.sort_unstable();
        // Each of its steps is one of the first, and takes its lock.
        let steps: Vec<usize> = (0..cleanup.steps.len()).map(|step| cleanup.lock_of(step).1).collect();
        let mut sorted = steps.clone();
        sorted.sort_unstable();
        prop_assert_eq!(&sorted, &expected);
        for ((_, step), number) in cleanup.plan.steps().zip(&steps) {
            prop_assert_eq!(&step.thing, &first.plan.steps().nth(*number).unwrap().1.thing);
            prop_assert_eq!(step.goal, Goal::Absent);
        }
        let cleanup = stored(&cleanup);
        let left = steps.iter().map(|step| things[*step]).collect();
        let (cleanup, left) = run_from(cleanup, left, more, order);
        prop_assert_eq!(&cleanup.phase, &Phase::Done);
        prop_assert_eq!(left, vec![Truth::Absent; expected.len()]);
        prop_assert!(remainder(&cleanup, OperationId::from_u128(3), 2).is_none());
    }

    /// An answer that comes twice, or for a step with nothing under way, changes nothing.
    #[test]
    fn stray_answers_change_nothing(plan in plan(), step in 0..9_usize) {
        let mut operation = Operation::new(OperationId::from_u128(1), OperationKind::CreateVolume, 0, plan);
        let before = operation.clone();
        let stray = advance(&mut operation.clone(), Event::Begin, &Policy::default());
        let event = Event::Did { step, verdict: Verdict::Done(Facts::None) };
        let next = advance(&mut operation, event, &Policy::default());
        prop_assert_eq!(next.actions, stray.actions);
        let marks = |operation: &Operation| operation.steps.iter().map(|state| state.mark == Mark::Reached).collect::<Vec<_>>();
        prop_assert_eq!(marks(&operation), marks(&before));
    }
}

fn one_step() -> Operation {
    let plan = Plan {
        stages: vec![Stage {
            title: String::new(),
            steps: vec![step(1, Goal::Present, Kind::Rebalance, true)],
        }],
        ..Plan::default()
    };
    Operation::new(OperationId::from_u128(1), OperationKind::CreateVolume, 0, plan)
}

/// A node that answers every look and whose answer to every change is lost must not be tried for ever.
#[test]
fn doing_whose_outcome_is_always_lost_comes_to_an_end() {
    let (mut operation, policy) = (one_step(), Policy::default());
    let mut next = advance(&mut operation, Event::Begin, &policy);
    for _ in 0..100 {
        let event = match next.actions.as_slice() {
            [Action::Do { step, .. }] => Event::Did {
                step: *step,
                verdict: Verdict::Unknown("lost".into()),
            },
            [Action::Look { step, .. }] => Event::Looked {
                step: *step,
                seen: Seen::Absent,
            },
            [Action::Finish] => {
                assert!(
                    matches!(&operation.phase, Phase::Undone { reason } if reason.ends_with("lost")),
                    "{operation:?}"
                );
                return;
            }
            other => panic!("{other:?}"),
        };
        next = advance(&mut operation, event, &policy);
    }
    panic!("does not end: {operation:?}");
}

/// Waiting for somebody else's lock does not use up the patience with a look that saw nothing.
#[test]
fn one_lost_answer_after_many_busy_ones_is_looked_at_again() {
    let (mut operation, policy) = (one_step(), Policy::default());
    advance(&mut operation, Event::Begin, &policy);
    for _ in 0..10 {
        let failure = Failure {
            kind: FailureKind::Busy,
            reason: "locked".into(),
        };
        let verdict = Verdict::Failed(failure);
        let next = advance(&mut operation, Event::Did { step: 0, verdict }, &policy);
        assert!(matches!(next.actions.as_slice(), [Action::Look { .. }]));
        let seen = Seen::Absent;
        advance(&mut operation, Event::Looked { step: 0, seen }, &policy);
    }
    let verdict = Verdict::Unknown("lost".into());
    advance(&mut operation, Event::Did { step: 0, verdict }, &policy);
    let seen = Seen::Unknown("lost".into());
    let next = advance(&mut operation, Event::Looked { step: 0, seen }, &policy);
    assert!(
        matches!(next.actions.as_slice(), [Action::Look { .. }]),
        "{next:?}"
    );
    assert_eq!(operation.phase, Phase::Forward);
}

/// It went back, could not (what was to be destroyed was gone), went forward, and the server died twice: what had been
/// returned on the first way back was done again by then, and that was not on disk.
#[test]
fn what_was_returned_and_done_again_is_not_forgotten() {
    use Fault::{CrashAfter, CrashBefore, FailBefore, LostAfter, LostBefore, None};
    let steps = vec![
        step(1, Goal::Absent, Kind::Brick, true),
        step(2, Goal::Absent, Kind::Brick, false),
        step(3, Goal::Present, Kind::Peer, true),
    ];
    let plan = Plan {
        stages: vec![Stage {
            title: String::new(),
            steps,
        }],
        ..Plan::default()
    };
    let faults = [
        [None, LostAfter, None],
        [None, FailBefore, None],
        [LostBefore, None, None],
        [None, None, LostAfter],
        [CrashBefore, None, None],
        [FailBefore, None, CrashAfter],
    ];
    let (operation, things) = run(plan, faults.concat(), 9_290_381_063_107_545_579);
    let expected = match operation.phase {
        Phase::Done => [Truth::Absent, Truth::Absent, Truth::Present],
        _ => [Truth::Present, Truth::Present, Truth::Absent],
    };
    assert_eq!(things, expected, "{operation:?}");
}
