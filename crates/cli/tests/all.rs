//! All tests of the program from outside, in one binary.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail the test as well")]

mod answers;
mod arrows;
mod backups;
mod bricks;
mod demo;
mod drain;
mod fake;
mod help;
mod install;
mod modes;
mod server;
mod start;
mod tls;
mod transcript;
mod transcripts;

#[test]
fn every_file_of_tests_is_in_this_binary() {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let list = std::fs::read_to_string(here.join("all.rs")).unwrap();
    for entry in std::fs::read_dir(&here).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let rust = path.extension().is_some_and(|extension| extension == "rs");
        assert!(
            !rust || name == "all" || list.contains(&format!("\nmod {name};\n")),
            "{name} is not in all.rs"
        );
    }
}
