//! Every batch as a page that a person can read: `tests/batches/*.txt`.
//!
//! After a change that is meant, run with `MORTAR_WRITE_EXPECTED=1` and read the difference.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use std::path::PathBuf;

use common::things;
use mortar_argv::{Batch, Guard, OnFailure};
use mortar_command::{Settings, ask_witness, look, make, query, resume, unmake};
use mortar_model::work::{Seen, Thing};
use mortar_model::{DevicePath, layout};

/// Ids and the folders that follow from them, as short words.
fn shorten(page: &str) -> String {
    let mount = layout::mount_point(common::DEVICE, common::BRICK);
    [
        (mount, "MOUNT"),
        (layout::mount_folder(common::DEVICE), "MOUNTS"),
        (common::DEVICE.to_string(), "DEVICE"),
        (common::BRICK.to_string(), "BRICK"),
        (common::VOLUME.to_string(), "VOLUME"),
    ]
    .iter()
    .fold(page.to_owned(), |page, (long, short)| page.replace(long, short))
}

/// One line per item: when it runs, what it runs, what it is fed; `|` marks items whose failure does not stop.
fn page(title: &str, batch: &Batch) -> String {
    let mut page = format!("== {title}\n");
    for item in batch.items() {
        match &item.guard {
            Guard::Always => {}
            Guard::Unless(test) => page.push_str(&format!("unless {test}\n    ")),
            Guard::OnlyIf(test) => page.push_str(&format!("only if {test}\n    ")),
        }
        page.push_str(if item.on_failure == OnFailure::Continue {
            "| "
        } else {
            "$ "
        });
        page.push_str(&item.command.to_string());
        page.push('\n');
        if let Some(input) = item.command.standard_input() {
            for line in input.lines() {
                page.push_str(&format!("    < {line}\n"));
            }
        }
    }
    shorten(&page)
}

fn pages(thing: &Thing) -> String {
    let settings = Settings::default();
    [
        ("look", look(thing, &settings)),
        ("make", make(thing, &settings)),
        ("resume", resume(thing, &settings, &Seen::Partial("half".into()))),
        ("unmake", unmake(thing, &settings)),
    ]
    .iter()
    .map(|(title, batch)| page(title, batch))
    .collect()
}

fn compare(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/batches")
        .join(format!("{name}.txt"));
    if std::env::var_os("MORTAR_WRITE_EXPECTED").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{} differs; now it is\n{actual}",
        path.display()
    );
}

#[test]
fn things_are_driven_by_these_commands() {
    for (name, thing) in things() {
        compare(name, &pages(&thing));
    }
}

#[test]
fn questions_are_these_commands() {
    let settings = Settings::default();
    let name = common::volume_name();
    let (disk, directory) = (common::disk(), common::directory());
    let batches = [
        ("glusterd", query::glusterd::ask(&settings)),
        ("pool", query::pool::ask(&settings)),
        ("volume list", query::volume_list::ask(&settings)),
        ("volume info", query::volume_info::ask(&settings, &name)),
        ("volume status", query::volume_status::ask(&settings, &name)),
        ("heal info", query::heal_info::ask(&settings, &name)),
        ("rebalance", query::rebalance::ask(&settings, &name)),
        ("device usage, disk", query::device_usage::ask(&settings, &disk)),
        (
            "device usage, directory",
            query::device_usage::ask(&settings, &directory),
        ),
        (
            "survey of a node, no directories",
            query::survey::ask_node(&settings, &[]),
        ),
        (
            "survey of a node",
            query::survey::ask_node(
                &settings,
                &[directory.clone(), DevicePath::new("/disks/2").unwrap()],
            ),
        ),
        ("records", query::records::ask(&settings)),
        (
            "record",
            query::record::ask(&settings, std::slice::from_ref(&name)),
        ),
        ("process of glusterd", query::glusterd_process::ask(&settings)),
        (
            "command line of glusterd",
            query::glusterd_process::ask_command(&settings, 10),
        ),
        ("survey of a pool", query::survey::ask_pool(&settings)),
        (
            "a brick itself",
            ask_witness(&common::addresses(&["node1"])[0], &settings),
        ),
    ];
    let text: String = batches.iter().map(|(title, batch)| page(title, batch)).collect();
    compare("queries", &text);
}

/// A thing that is foreign or unknown is not touched, and the batch that stands in for it cannot succeed.
#[test]
fn nothing_is_resumed_on_what_is_not_ours() {
    for (_, thing) in things() {
        for seen in [
            Seen::Foreign("x".into()),
            Seen::Unknown("x".into()),
            Seen::Unreached("x".into()),
        ] {
            assert_eq!(
                page("", &resume(&thing, &Settings::default(), &seen)),
                "== \n$ false\n"
            );
        }
    }
}

/// Guards of a fresh brick are shell built-ins: no process is spent on asking.
#[test]
fn a_fresh_brick_pays_for_no_test() {
    for (_, thing) in things() {
        let Thing::Brick(_) = thing else { continue };
        for item in make(&thing, &Settings::default()).items() {
            if let Guard::Unless(test) | Guard::OnlyIf(test) = &item.guard {
                assert_eq!(test.program(), "test");
            }
        }
    }
}
