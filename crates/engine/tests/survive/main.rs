//! Fail every step, crash everywhere: every kind of operation, on simulated nodes.
//!
//! One harness takes any [`cases::Case`], runs it once undisturbed to count its changing commands and store writes, and then
//! once per fault: each command failing before or after its effect, its answer lost, its node losing power; a crash
//! at each store write and at each command. After each run the nodes, the store and the landscape must agree: the operation is
//! done or everything is as before. A new kind of operation gets all this by one line in `cases::ALL`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells how much it tried"
)]

mod cases;
#[path = "../support/mod.rs"]
mod support;

use mortar_model::OperationKind;
use mortar_simulator::{Effect, Fault, When};

use cases::{ALL, Case};
use support::bed::{self, Bed, Saved, Stop};

fn effects() -> Vec<Effect> {
    let text = "injected failure".to_owned();
    vec![
        Effect::Fail {
            status: 1,
            text: text.clone(),
        },
        Effect::FailAfter { status: 1, text },
        Effect::LoseAnswer,
        Effect::LoseRest,
        Effect::LoseCommand,
        Effect::Hang,
        Effect::Late,
        Effect::PowerCut,
    ]
}

fn prepared(case: &Case) -> Saved {
    bed::run(async {
        let bed = Bed::new(100);
        bed.make_pool().await;
        (case.prepare)(&bed).await;
        bed.assert_agreement(&format!("{}: prepared", case.name));
        bed.save()
    })
}

/// Changing commands and store writes of an undisturbed run.
fn measure(case: &Case, saved: &Saved) -> (u64, u64, u64) {
    bed::run(async {
        let bed = Bed::load(saved, Stop::Never);
        bed.engine.start();
        let before = (bed.changes(), bed.commands(), bed.store_writes());
        let id = (case.run)(&bed).await.unwrap();
        bed.settle(id, case.name).await;
        assert!(
            bed.is_done(id),
            "{}: an undisturbed run is done: {:?}",
            case.name,
            bed.engine.operation(id)
        );
        bed.assert_agreement(&format!("{}: undisturbed", case.name));
        (
            bed.changes() - before.0,
            bed.commands() - before.1,
            bed.store_writes() - before.2,
        )
    })
}

fn with_fault(case: &Case, saved: &Saved, nth: u64, effect: &Effect) {
    let story = format!("{}: change {nth} meets {effect:?}", case.name);
    bed::run(async {
        let bed = Bed::load(saved, Stop::Never);
        bed.engine.start();
        bed.hosts.world(|world| {
            world.inject(Fault {
                when: When::Change(nth),
                effect: effect.clone(),
            });
        });
        let id = (case.run)(&bed)
            .await
            .unwrap_or_else(|error| panic!("{story}: {error}"));
        bed.settle(id, &story).await;
        bed.assert_agreement(&story);
    });
}

/// The program dies; another one takes up what is on disk.
fn with_crash(case: &Case, saved: &Saved, stop: Stop) {
    let story = format!("{}: dies at {stop:?}", case.name);
    let (world, store) = bed::run(async {
        let bed = Bed::load(saved, stop);
        bed.engine.start();
        // The client may get an error, or nothing: what counts is what is found afterwards.
        let asked = (case.run)(&bed);
        tokio::time::timeout(bed::LIMIT, async {
            if let Ok(id) = asked.await {
                bed.rest_or_death(id).await;
            }
        })
        .await
        .unwrap_or_else(|_| panic!("{story}: neither rests nor dies"));
        bed.remains()
    });
    bed::run(async {
        let bed = Bed::reopen(world, store);
        bed.engine.start();
        for id in bed.open() {
            bed.settle(id, &story).await;
        }
        bed.assert_agreement(&story);
    });
}

fn survive(name: &str) {
    let case = ALL.iter().find(|case| case.name == name).unwrap();
    let saved = prepared(case);
    let (changes, commands, writes) = measure(case, &saved);
    for nth in 1..=changes {
        for effect in effects() {
            with_fault(case, &saved, nth, &effect);
        }
    }
    for nth in 1..=writes {
        with_crash(case, &saved, Stop::BeforeWrite(nth));
        with_crash(case, &saved, Stop::AfterWrite(nth));
    }
    for nth in 0..commands {
        with_crash(case, &saved, Stop::AfterCommand(nth));
    }
    println!(
        "{name}: {changes} changing commands × 8 faults, {writes} store writes × 2 and {commands} commands crashed at"
    );
}

/// Every kind of operation that touches nodes is among the cases.
#[test]
fn every_kind_is_registered() {
    for kind in OperationKind::ALL {
        let registered = ALL.iter().any(|case| case.kind == kind);
        assert!(
            registered || kind == OperationKind::Record,
            "add a case for {kind} to cases::ALL"
        );
    }
}

/// Every case has its test.
#[test]
fn every_case_is_run() {
    let source = include_str!("main.rs");
    for case in ALL {
        assert!(
            source.contains(&format!("\n    {},\n", case.name)),
            "add {} to the list of tests",
            case.name
        );
    }
}

macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { survive(stringify!($name)); })*
    };
}

tests!(
    create_on_disks,
    create_on_directories,
    create_unreplicated,
    expand_on_disks,
    expand_on_directories,
    delete_on_disks,
    delete_on_directories,
    add_disk,
    add_used_disk,
    add_directory,
    remove_disk,
    remove_directory,
    add_first_node,
    add_node,
    remove_node,
);
