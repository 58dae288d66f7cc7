//! Recorded answers of real tools (`tests/fixtures`).

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::PathBuf;

use mortar_argv::{Outcome, Output, Report};

/// The GlusterFS versions that were recorded.
pub(crate) const GLUSTER: [&str; 2] = ["gluster-10.3", "gluster-11.1"];

/// The LVM versions that were recorded.
pub(crate) const LVM: [&str; 2] = ["lvm-2.03.16", "lvm-2.03.31"];

/// The folder of the recordings.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The recorded answer `name` of `version`.
pub(crate) fn answer(version: &str, name: &str) -> Outcome {
    let path = folder().join(version).join(format!("{name}.txt"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Outcome::Ran(parse(&text).unwrap_or_else(|| panic!("{} is no recording", path.display())))
}

/// A report of recorded answers, in order.
pub(crate) fn report(version: &str, names: &[&str]) -> Report {
    Report {
        outcomes: names.iter().map(|name| answer(version, name)).collect(),
        broken: None,
    }
}

/// Every recorded answer, with its path.
pub(crate) fn all() -> Vec<(PathBuf, Output)> {
    let mut found = Vec::new();
    for version in GLUSTER.iter().chain(&LVM) {
        for entry in std::fs::read_dir(folder().join(version)).unwrap() {
            let path = entry.unwrap().path();
            let output = parse(&std::fs::read_to_string(&path).unwrap()).unwrap();
            found.push((path, output));
        }
    }
    assert!(found.len() > 200, "the recordings are there");
    found
}

fn parse(text: &str) -> Option<Output> {
    let (head, rest) = text.split_once("--- stdout\n")?;
    let (stdout, stderr) = rest.split_once("--- stderr\n")?;
    let status = head
        .lines()
        .find_map(|line| line.strip_prefix("status: "))?
        .parse()
        .ok()?;
    Some(Output {
        status,
        stdout: stdout.into(),
        stderr: stderr.into(),
    })
}
