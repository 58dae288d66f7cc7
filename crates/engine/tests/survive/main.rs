//! Fail every step, crash everywhere: every kind of operation, on simulated nodes.
//!
//! One harness takes any [`cases::Case`], runs it once undisturbed to count its changing commands and store writes, and then
//! once per fault: each command failing before or after its effect, its answer lost, its node losing power; each batch
//! run twice, or its answer lost; a crash at each store write and at each command. After each run the nodes, the store and the landscape must agree: the operation is
//! done or everything is as before. A new kind of operation gets all this by one line in `cases::ALL`.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking, and tells how much it tried"
)]

mod abandoned;
mod absent;
mod cases;
mod doubled;
mod pools;
mod repairs;
mod runs;
#[path = "../support/mod.rs"]
mod support;
mod waiting;

use mortar_model::OperationKind;
use mortar_simulator::Effect;

use cases::Case;
use doubled::Double;
use support::bed::Stop;

fn all() -> impl Iterator<Item = &'static Case> {
    cases::ALL.iter().chain(pools::ALL).chain(repairs::ALL)
}

fn survive(name: &str) {
    let case = all().find(|case| case.name == name).unwrap();
    let saved = runs::prepared(case);
    let counts = runs::measure(case, &saved);
    for nth in 1..=counts.changes {
        for effect in runs::effects() {
            runs::with_fault(case, &saved, nth, &effect);
        }
    }
    for nth in 1..=counts.batches {
        for double in Double::ALL {
            runs::doubled(case, &saved, nth, double);
        }
    }
    for nth in 1..=counts.writes {
        runs::with_crash(case, &saved, Stop::BeforeWrite(nth), None);
        runs::with_crash(case, &saved, Stop::AfterWrite(nth), None);
    }
    for nth in 0..counts.commands {
        runs::with_crash(case, &saved, Stop::AfterCommand(nth), None);
    }
    let crash_points = 2 * counts.writes + counts.commands;
    println!(
        "{} ({name}): {crash_points} crash points; {} changing commands × {} faults, {} changing batches × {} doublings",
        case.kind,
        counts.changes,
        runs::effects().len(),
        counts.batches,
        Double::ALL.len(),
    );
}

/// A node dies at each changing command, and the program at each store write after that.
fn loses_node_and_server(name: &str) {
    let case = all().find(|case| case.name == name).unwrap();
    let saved = runs::prepared(case);
    let counts = runs::measure(case, &saved);
    let mut crash_points = 0;
    for nth in 1..=counts.changes {
        let fault = (nth, Effect::PowerCut);
        let writes = runs::with_fault(case, &saved, fault.0, &fault.1);
        for write in 1..=writes {
            runs::with_crash(case, &saved, Stop::AfterWrite(write), Some(&fault));
        }
        crash_points += writes;
    }
    println!(
        "{} ({name}): a node lost at {} commands, {crash_points} crash points",
        case.kind, counts.changes
    );
}

/// Every kind of operation that touches nodes is among the cases.
#[test]
fn every_kind_is_registered() {
    for kind in OperationKind::ALL {
        let registered = all().any(|case| case.kind == kind);
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
    for case in all() {
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
    add_disk_with_a_pool,
    remove_disk_with_a_pool,
    resize_disk_with_a_pool,
    set_overcommit_of_a_pool,
    create_in_pools,
    grow_in_pools,
    delete_in_pools,
    evict_in_pools_beside_a_snapshot,
    create_snapshot_in_pools,
    delete_snapshot_without_a_node_in_pools,
    restore_snapshot_in_pools,
    clone_volume_in_pools,
    create_on_disks,
    create_on_directories,
    create_unreplicated,
    create_arbiter,
    create_dispersed,
    expand_arbiter,
    expand_dispersed,
    delete_arbiter,
    delete_dispersed,
    expand_on_disks,
    expand_on_directories,
    grow_on_disks,
    grow_on_directories,
    grow_arbiter,
    grow_two_sets,
    create_snapshot,
    create_snapshot_of_two_sets,
    create_snapshot_dispersed,
    create_snapshot_group,
    delete_snapshot_group,
    delete_snapshot_group_without_a_node,
    delete_snapshot,
    delete_snapshot_without_a_node,
    restore_snapshot,
    create_snapshot_on_disks,
    create_snapshot_in_pools_that_grow,
    clone_volume_on_disks,
    clone_snapshot_on_disks,
    delete_the_origin_of_a_clone,
    delete_the_origin_of_a_clone_without_a_node,
    delete_the_last_clone,
    grow_beside_a_clone,
    delete_snapshot_on_disks,
    delete_snapshot_without_a_node_on_disks,
    restore_snapshot_on_disks,
    clone_snapshot,
    clone_volume,
    resize_disk,
    resize_directory,
    create_block,
    create_block_and_its_hosting_volume,
    expand_block,
    replace_block_host,
    delete_block,
    set_options,
    copies_from_one_to_three,
    copies_from_two_to_an_arbiter,
    copies_from_three_to_two,
    copies_without_an_arbiter,
    delete_on_disks,
    delete_on_directories,
    delete_without_a_node_on_disks,
    delete_without_a_node_on_directories,
    cure_a_member_that_is_behind,
    cure_a_member_that_is_rejected,
    cure_a_member_that_does_not_start,
    replace_node,
    evict_on_disks,
    evict_on_directories,
    evict_from_a_dead_node,
    evict_with_an_arbiter,
    evict_dispersed,
    drain_device,
    drain_dead_node,
    forget_dead_node,
    add_disk,
    add_used_disk,
    add_directory,
    remove_disk,
    remove_directory,
    add_first_node,
    add_node,
    remove_node,
    repair_mount_on_disk,
    repair_mounts_on_directories,
    repair_what_is_told,
    repair_options,
    repair_stopped_volume,
    repair_orphan_on_disk,
    repair_orphan_on_directory,
    repair_unfinished_clone_in_a_pool,
    repair_lost_peer,
);

#[test]
fn a_node_and_the_server_are_lost_in_a_create() {
    loses_node_and_server("create_on_directories");
}

#[test]
fn a_node_and_the_server_are_lost_in_an_expansion() {
    loses_node_and_server("expand_on_directories");
}

#[test]
fn a_node_and_the_server_are_lost_while_bricks_grow() {
    loses_node_and_server("grow_on_disks");
}

#[test]
fn a_node_and_the_server_are_lost_in_a_snapshot() {
    loses_node_and_server("create_snapshot");
}

#[test]
fn a_node_and_the_server_are_lost_in_a_clone() {
    loses_node_and_server("clone_volume");
}

#[test]
fn a_node_and_the_server_are_lost_while_a_brick_moves() {
    loses_node_and_server("evict_on_directories");
}

#[test]
fn a_node_and_the_server_are_lost_while_copies_are_added() {
    loses_node_and_server("copies_from_one_to_three");
}

#[test]
fn a_node_and_the_server_are_lost_while_copies_leave() {
    loses_node_and_server("copies_from_three_to_two");
}

#[test]
fn a_node_and_the_server_are_lost_in_a_deletion() {
    loses_node_and_server("delete_on_disks");
}
