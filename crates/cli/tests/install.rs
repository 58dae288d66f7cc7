//! `make install`: what it puts where, whether systemd understands it, and that it goes again.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mortar");

/// A place of its own that is installed to.
struct Place(tempfile::TempDir);

impl Place {
    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// `tools/install`. No user and no key is made: for that it would have to be this machine's own root.
    fn install(&self, argument: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/install");
        let mut command = Command::new(script);
        command
            .arg(argument)
            .env("DESTDIR", "/")
            .env("PREFIX", self.path("usr"));
        command
            .env("SYSCONFDIR", self.path("etc"))
            .env("SYSUSERSDIR", self.path("sysusers.d"));
        said(&mut command);
    }
}

/// What a command that succeeds prints.
fn said(command: &mut Command) -> String {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{command:?}: {status}\n{stdout}\n{stderr}");
    format!("{stdout}{stderr}")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let (folders, mut files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    files.extend(folders.iter().flat_map(|folder| files_below(folder)));
    files
}

#[test]
fn what_is_installed_works_and_goes_again() {
    let place = Place(tempfile::tempdir().unwrap());
    place.install(PROGRAM);
    let program = place.path("usr/bin/mortar");
    assert!(said(Command::new(&program).arg("--version")).starts_with("mortar "));
    for made in [
        "usr/share/man/man1/mortar-serve.1",
        "usr/share/bash-completion/completions/mortar",
        "sysusers.d/mortar.conf",
    ] {
        assert!(place.path(made).exists(), "{made}");
    }

    let unit = place.path("usr/lib/systemd/system/mortar.service");
    let analyze = || Command::new("systemd-analyze");
    assert_eq!(
        said(analyze().args(["verify", "--man=no"]).arg(&unit)),
        "",
        "systemd complains"
    );
    // Of 100 for a service without any fence; what is left is the network.
    said(
        analyze()
            .args(["security", "--offline=true", "--threshold=15"])
            .arg(&unit),
    );

    let users = place.path("sysusers.d/mortar.conf");
    let user = said(Command::new("systemd-sysusers").arg("--dry-run").arg(users));
    assert!(!user.contains("not a valid"), "{user}");

    let settings = place.path("etc/mortar/mortar.toml");
    let print = || {
        let mut command = Command::new(&program);
        command
            .args(["serve", "--print-config", "--config"])
            .arg(&settings);
        command
    };
    let known = said(&mut print());
    let key = format!("ssh-key = \"{}\"", place.path("etc/mortar/ssh-key").display());
    assert!(known.contains(&key) && !known.contains('@'), "{known}");

    // What somebody has set stays, through a newer version and through its removal.
    fs::write(&settings, "listen = \"127.0.0.1:1\"\n").unwrap();
    place.install(PROGRAM);
    place.install("--remove");
    assert_eq!(
        fs::read_to_string(&settings).unwrap(),
        "listen = \"127.0.0.1:1\"\n"
    );
    assert_eq!(files_below(place.0.path()), [settings]);
}
