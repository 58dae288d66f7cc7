//! Backups through the program: by a running server, on files, and back.

use std::path::{Path, PathBuf};
use std::process::Output;

use mortar_api::{Backup, BackupList, BackupReason, BackupState};
use mortar_store::{Backups, EmbeddedStore, Migration, Opening, Schema};

use crate::server::{ADMIN_KEY, Server};
use crate::transcript::mortar;

const NODES: [&str; 2] = ["--sim-nodes", "n1=10.0.0.1,n2=10.0.0.2,n3=10.0.0.3"];

fn run(server: Option<&Server>, words: &[&str]) -> Output {
    let mut command = mortar();
    if let Some(server) = server {
        command
            .env("MORTAR_SERVER", server.url())
            .env("MORTAR_SECRET", ADMIN_KEY);
    }
    command.args(words).output().unwrap()
}

/// What the command says when it succeeds.
fn done(server: Option<&Server>, words: &[&str]) -> String {
    let output = run(server, words);
    assert!(
        output.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// The code and the text of a command that fails.
fn refused(words: &[&str]) -> (i32, String) {
    let output = run(None, words);
    assert!(!output.status.success(), "{words:?}");
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn topology_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts/files/three-nodes.json")
}

/// Waits for the backup that a server takes when it finds none; its file is there a moment before it is verified.
fn wait_for_scheduled(server: &Server) {
    let begin = std::time::Instant::now();
    loop {
        let list = done(Some(server), &["db", "backups", "--json"]);
        let list: BackupList = serde_json::from_str(&list).unwrap();
        let ready =
            |one: &Backup| one.reason == BackupReason::Scheduled && one.state == BackupState::Verified;
        if list.backups.iter().any(ready) {
            return;
        }
        assert!(begin.elapsed().as_secs() < 20, "it does not come: {list:?}");
    }
}

#[test]
fn a_lost_store_comes_back_from_a_backup_of_the_running_server() {
    let mut server = Server::start(&NODES);
    wait_for_scheduled(&server);
    done(Some(&server), &["topology", "load", text(&topology_file())]);
    done(
        Some(&server),
        &["volume", "create", "--size", "3", "--name", "films"],
    );
    let before = done(Some(&server), &["topology", "show"]);
    let taken: Backup = serde_json::from_str(&done(Some(&server), &["db", "backup", "--json"])).unwrap();
    let (store, backup) = (
        server.folder().join("store.redb"),
        server.folder().join("backups").join(&taken.name),
    );
    let list = done(Some(&server), &["db", "backups"]);
    assert!(list.contains(&taken.name) && list.contains("One is taken every 24 h; 14 are kept."));

    // The store of a running server is not touched from outside.
    let (code, said) = refused(&["db", "backup", "--store", text(&store)]);
    assert!(code == 6 && said.contains("leave --store out"), "{said}");
    let (code, said) = refused(&["db", "verify", text(&store)]);
    assert!(code == 6 && said.contains("in use"), "{said}");
    // A change that the backup does not have.
    done(
        Some(&server),
        &["volume", "create", "--size", "2", "--name", "later"],
    );

    server.restart_after(&NODES, |_| {
        let said = done(None, &["db", "verify", text(&store)]);
        assert!(said.contains("is a sound store of schema version 4") && said.contains("volume 2"));
        std::fs::remove_file(&store).unwrap();
        let said = done(None, &["db", "verify", text(&backup)]);
        assert!(said.contains("is a sound backup of schema version 4") && said.contains("volume 1"));
        done(None, &["db", "restore", text(&backup), "--store", text(&store)]);
    });
    assert_eq!(done(Some(&server), &["topology", "show"]), before);
    done(
        Some(&server),
        &["volume", "create", "--size", "2", "--name", "after"],
    );
}

/// A store of this version, as a later program leaves it.
fn of_a_later_program(path: &Path) {
    const NOTHING: Migration = Migration {
        what: "something new",
        change: |_| Ok(()),
    };
    const LATER: &[Migration] = &[NOTHING; 4];
    if !path.exists() {
        drop(EmbeddedStore::create(path).unwrap());
    }
    let opening = Opening {
        schema: Schema::new(LATER),
        ..Opening::with(Backups::new(path.with_file_name("later")))
    };
    drop(EmbeddedStore::open_with(path, opening).unwrap());
}

#[test]
fn a_store_of_a_later_program_is_refused_by_both_versions_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.redb");
    of_a_later_program(&store);
    let path = text(&store);
    let both = "has schema version 5, this program knows version 4; use a newer mortar";
    let (_, said) = refused(&[
        "serve",
        "--executor",
        "sim",
        "--disable-auth",
        "--listen",
        "127.0.0.1:0",
        "--store",
        path,
    ]);
    assert!(said.contains(both), "{said}");
    let bytes = std::fs::read(&store).unwrap();
    for words in [
        &["db", "verify", path][..],
        &["db", "export", "--store", path, "-"],
        &["db", "backup", "--store", path],
    ] {
        let (_, said) = refused(words);
        assert!(said.contains(both), "{words:?}: {said}");
    }
    assert!(std::fs::read(&store).unwrap() == bytes);
    // The later program goes on with it.
    of_a_later_program(&store);
    assert!(!folder.path().join("backups").exists());
    // What the later program backed up before it went on is the way back.
    let backup = folder.path().join("later/mortar-schema-4.json");
    let back = folder.path().join("back.redb");
    done(None, &["db", "restore", text(&backup), "--store", text(&back)]);
    done(None, &["db", "verify", text(&back)]);
}

#[test]
fn what_is_not_whole_is_refused_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.redb");
    drop(EmbeddedStore::create(&store).unwrap());
    let taken = done(None, &["db", "backup", "--store", text(&store), "--json"]);
    let taken: serde_json::Value = serde_json::from_str(&taken).unwrap();
    let backup = PathBuf::from(taken["file"].as_str().unwrap());
    assert_eq!(backup.parent(), Some(folder.path().join("backups").as_path()));
    let whole = std::fs::read_to_string(&backup).unwrap();
    let new = folder.path().join("new.redb");
    for (damaged, place) in [
        (
            whole.replace("\"volume\"", "\"volumf\""),
            "line 13 (volumf) is not what was written",
        ),
        (
            whole[..whole.len() / 4].to_owned(),
            "there is no checksum behind line",
        ),
        (String::new(), "there is no checksum behind line 1:"),
    ] {
        std::fs::write(&backup, damaged).unwrap();
        for words in [
            &["db", "verify", text(&backup)][..],
            &["db", "restore", text(&backup), "--store", text(&new)],
        ] {
            let (code, said) = refused(words);
            assert!(code == 1 && said.contains(place), "{words:?}: {said}");
        }
        assert!(!new.exists());
    }
    // A bit in the middle of the store's records.
    let mut bytes = std::fs::read(&store).unwrap();
    let at = bytes.windows(6).position(|part| part == b"schema").unwrap();
    bytes[at] ^= 1;
    std::fs::write(&store, bytes).unwrap();
    let (code, said) = refused(&["db", "verify", text(&store)]);
    assert!(
        code == 1 && said.contains("damaged") && said.contains("mortar db restore"),
        "{said}"
    );
}
