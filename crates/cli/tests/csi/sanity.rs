//! csi-sanity: all of its specs, none left out by us, for each kind of volume.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::driver::{Driver, GIB};

/// The compiled tests of tests/csi, built once. Go keeps what it fetched and built outside of this repository.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/csi");
        let program = Path::new(env!("CARGO_TARGET_TMPDIR")).join("csi-sanity");
        let built = Command::new("go")
            .args(["test", "-c", "-mod=readonly", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(module)
            .output()
            .unwrap_or_else(|error| {
                panic!("csi-sanity is a Go program, and go 1.25 or later was not found: {error}")
            });
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        program
    })
}

/// Names and numbers of our contract are those of the standard.
#[test]
#[ignore = "a Go program: `make test-csi` runs it"]
fn the_contract_is_the_standards() {
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/csi");
    let output = Command::new(program())
        .args(["-test.v", "-test.run", "TestContractIsTheStandards"])
        .current_dir(module)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("PASS: TestContractIsTheStandards"),
        "{text}"
    );
}

fn run(letter: char, kind: &str, access: &str, size: i64) {
    let driver = Driver::new(letter);
    let report = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("csi-sanity-{letter}.xml"));
    let output = Command::new(program())
        .args([
            "-test.v",
            "-test.run",
            "TestSanity",
            "-ginkgo.no-color",
            "-ginkgo.junit-report",
        ])
        .arg(&report)
        .env("MORTAR_CSI_NODE", driver.endpoint("node"))
        .env("MORTAR_CSI_CONTROLLER", driver.endpoint("controller"))
        .env("MORTAR_CSI_FOLDER", &driver.mounts.0)
        .env("MORTAR_CSI_ACCESS", access)
        .env("MORTAR_CSI_SIZE", size.to_string())
        .env("MORTAR_CSI_PARAMETERS", format!("volumetype={kind}"))
        .env(
            "MORTAR_CSI_MUTABLE",
            "network.ping-timeout=20;performance.write-behind-window-size=2MB",
        )
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}\n{}", driver.site.server.log());
    let numbers = text.lines().find(|line| line.contains(" Passed | "));
    eprintln!(
        "{kind}, {access}: {}; report: {}",
        numbers.unwrap_or_else(|| panic!("{text}")),
        report.display()
    );
    driver.site.assert_bare();
}

#[test]
#[ignore = "a Go program: `make test-csi` runs it"]
fn replicated_volumes() {
    run('r', "replicate:3", "mount", GIB);
}

#[test]
#[ignore = "a Go program: `make test-csi` runs it"]
fn volumes_with_an_arbiter() {
    run('b', "arbiter", "mount", GIB);
}

#[test]
#[ignore = "a Go program: `make test-csi` runs it"]
fn dispersed_volumes() {
    run('d', "disperse:2:1", "mount", 2 * GIB);
}

#[test]
#[ignore = "a Go program: `make test-csi` runs it"]
fn raw_block_volumes() {
    run('o', "replicate:3", "block", GIB);
}
