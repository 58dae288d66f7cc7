//! The fuzz targets' bodies over their corpus, over every recording, and over mutilated recordings.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

#[path = "../../../fuzz/bodies.rs"]
mod bodies;
mod common;
#[path = "../../../fuzz/mutilated.rs"]
mod damage;

use std::path::PathBuf;

use proptest::prelude::*;

type Body = fn(&[u8]);

const TARGETS: [(&str, Body); 7] = [
    ("gluster_xml", bodies::gluster_xml),
    ("lvm_json", bodies::lvm_json),
    ("block_json", bodies::block_json),
    ("script_frames", bodies::script_frames),
    ("complaints", bodies::complaints),
    ("survey", bodies::survey),
    ("identities", bodies::identities),
];

/// Targets that `crates/engine/tests/corpus.rs` and `crates/heketi/tests/databases.rs` run.
const ELSEWHERE: [&str; 4] = [
    "store_records",
    "backup_document",
    "heketi_database",
    "gob_stream",
];

fn fuzz_folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

#[test]
fn every_target_is_listed_here_and_has_a_corpus() {
    let mut files: Vec<String> = std::fs::read_dir(fuzz_folder().join("targets"))
        .unwrap()
        .map(|entry| {
            entry
                .unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    files.sort();
    let here = TARGETS.iter().map(|(name, _)| *name);
    let mut listed: Vec<_> = here.chain(ELSEWHERE).map(str::to_owned).collect();
    listed.sort();
    assert_eq!(files, listed);
}

#[test]
fn the_corpus_runs() {
    for (name, body) in TARGETS {
        let files: Vec<_> = std::fs::read_dir(fuzz_folder().join("corpus").join(name))
            .unwrap()
            .collect();
        assert!(files.len() >= 4, "{name} has a corpus");
        for file in files {
            body(&std::fs::read(file.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn every_recording_runs_through_every_target() {
    for (_, output) in common::fixture::all() {
        for (_, body) in TARGETS {
            body(output.stdout.as_bytes());
            body(output.stderr.as_bytes());
        }
    }
}

/// A recording, damaged.
fn mutilated() -> impl Strategy<Value = Vec<u8>> {
    let recordings = common::fixture::all().into_iter();
    damage::mutilated(recordings.map(|(_, output)| output.stdout.into_bytes()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn mutilated_recordings_run_through_every_target(text in mutilated()) {
        for (_, body) in TARGETS {
            body(&text);
        }
    }

    #[test]
    fn any_bytes_run_through_every_target(data in proptest::collection::vec(any::<u8>(), 0..400)) {
        for (_, body) in TARGETS {
            body(&data);
        }
    }
}
