//! What holds between processes: kill -9 in the middle of writing, and a real full disk.
//!
//! Both run this test binary again as a child, with a variable that tells the child its part.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // Helpers of tests fail as tests do.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use mortar_store::{
    Backups, Durability, EmbeddedStore, GroupCommit, Kind, Reason, Store, StoreError, Write, decode,
};

const PART: &str = "MORTAR_STORE_TEST_FOLDER";

/// This binary again, running only `test` with its part in `folder`.
fn child(mut command: Command, test: &str, folder: &Path) -> Child {
    command
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env(PART, folder);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// Kills its process when dropped, so that none outlives a failed test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The child's part: each change sets all ten records to the same number, and is told on standard output when
/// it is promised to stay.
fn write_for_ever(path: &Path) -> ! {
    let store = GroupCommit::new(EmbeddedStore::open_or_create(path).unwrap()).unwrap();
    let mut number = 0;
    store
        .scan(Kind::Meta, None, &mut |key, value| {
            number = decode::<u64>(Kind::Meta, key, value)?;
            Ok(())
        })
        .unwrap();
    loop {
        number += 1;
        let filler = Write::put(Kind::Volume, &(number % 500), &"x".repeat(2000)).unwrap();
        let writes: Vec<_> = (0..10)
            .map(|key| Write::put(Kind::Meta, &key, &number).unwrap())
            .chain([filler])
            .collect();
        let durability = if number % 4 == 0 {
            Durability::Lazy
        } else {
            Durability::Synced
        };
        store.apply(&writes, durability).unwrap();
        if durability == Durability::Synced {
            println!("promised {number}.");
        }
    }
}

#[test]
fn kill_in_the_middle_of_writing_loses_nothing_that_was_promised() {
    if let Some(folder) = std::env::var_os(PART) {
        write_for_ever(&Path::new(&folder).join("store"));
    }
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=12 {
        let this = Command::new(std::env::current_exe().unwrap());
        let mut writer = Killed(child(
            this,
            "kill_in_the_middle_of_writing_loses_nothing_that_was_promised",
            folder.path(),
        ));
        let lines = BufReader::new(writer.0.stdout.take().unwrap())
            .lines()
            .map(Result::unwrap);
        // Killed while it goes on with the next change, each time at another place of it.
        let mut promised = 0;
        // The last line may be cut off: only one with its full stop counts.
        let mut lines = lines.filter_map(|line| {
            let number = line.rsplit_once("promised ")?.1.strip_suffix('.')?;
            Some(number.parse::<u64>().unwrap())
        });
        for _ in 0..round * 3 {
            promised = lines.next().unwrap();
        }
        writer.0.kill().unwrap();
        writer.0.wait().unwrap();
        promised = lines.last().unwrap_or(promised);
        let store = EmbeddedStore::open(folder.path().join("store")).unwrap();
        let mut numbers = Vec::new();
        store
            .scan(Kind::Meta, None, &mut |key, value| {
                numbers.push(decode::<u64>(Kind::Meta, key, value)?);
                Ok(())
            })
            .unwrap();
        assert_eq!(numbers.len(), 10);
        assert!(
            numbers.iter().all(|number| *number == numbers[0]),
            "half a change: {numbers:?}"
        );
        assert!(
            numbers[0] >= promised,
            "{} is there, {promised} was promised",
            numbers[0]
        );
    }
}

/// The child's part, inside a mount namespace of its own with a disk of 8 MiB.
fn fill(folder: &Path) {
    std::fs::write(folder.join("reserve"), [1; 262_144]).unwrap();
    let store = EmbeddedStore::create(folder.join("store")).unwrap();
    let value = "much ".repeat(10_000);
    let mut made = 0;
    let error = loop {
        match store.apply(
            &[Write::put(Kind::Volume, &made, &value).unwrap()],
            Durability::Synced,
        ) {
            Ok(()) => made += 1,
            Err(error) => break error,
        }
        assert!(made < 1000, "the disk takes everything");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert!(error.to_string().contains("the disk is full"), "{error}");
    assert!(made > 10);
    for key in 0..made {
        assert!(
            store.get(Kind::Volume, &key.to_string()).unwrap().is_some(),
            "{key} of {made}"
        );
    }
    assert_eq!(store.get(Kind::Volume, &made.to_string()).unwrap(), None);
    // What shall go goes, and its room can be used.
    let deletes: Vec<_> = (0..made / 2)
        .map(|key| Write::delete(Kind::Volume, &key))
        .collect();
    store.apply(&deletes, Durability::Synced).unwrap();
    store
        .apply(
            &[Write::put(Kind::Volume, "new", &value).unwrap()],
            Durability::Synced,
        )
        .unwrap();
    drop(store);
    let store = EmbeddedStore::open(folder.join("store")).unwrap();
    assert!(store.get(Kind::Volume, "new").unwrap().is_some());
    // No room for a backup beside it: told, and nothing of it stays.
    let mut padding = std::fs::File::create(folder.join("padding")).unwrap();
    while padding.write_all(&[1; 4096]).is_ok() {}
    let backups = Backups::new(folder.join("backups"));
    let error = backups.take(&store, Reason::Scheduled, 0).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    assert_eq!(std::fs::read_dir(backups.folder()).unwrap().count(), 0);
    assert!(store.get(Kind::Volume, "new").unwrap().is_some());
    assert!(error.to_string().contains("mortar-scheduled-"), "{error}");
    std::fs::remove_file(folder.join("reserve")).unwrap();
    let deletes: Vec<_> = (0..made).map(|key| Write::delete(Kind::Volume, &key)).collect();
    store.apply(&deletes, Durability::Synced).unwrap();
    backups.take(&store, Reason::Scheduled, 0).unwrap();
    let other = EmbeddedStore::create(folder.join("other"));
    if let Err(error) = other {
        assert!(matches!(error, StoreError::Full { .. }), "{error}");
        assert!(!folder.join("other").exists());
    }
    println!("the full disk was met after {made} changes");
}

#[test]
fn a_full_disk_is_told_and_what_was_there_stays() {
    if let Some(folder) = std::env::var_os(PART) {
        return fill(Path::new(&folder));
    }
    let folder = tempfile::tempdir().unwrap();
    // The mount lives in the child's own namespace and goes with it, however it ends.
    let mut unshare = Command::new("unshare");
    let root = rustix::process::geteuid().is_root();
    unshare.args(if root {
        ["--mount"].as_slice()
    } else {
        &["--user", "--map-root-user", "--mount"]
    });
    unshare.args([
        "sh",
        "-c",
        "mount -t tmpfs -o size=8m tmpfs \"$0\" && exec \"$@\"",
    ]);
    unshare.arg(folder.path()).arg(std::env::current_exe().unwrap());
    let mut filler = Killed(child(
        unshare,
        "a_full_disk_is_told_and_what_was_there_stays",
        folder.path(),
    ));
    let output = std::io::read_to_string(filler.0.stdout.take().unwrap()).unwrap();
    let status = filler.0.wait().unwrap();
    assert!(
        status.success() && output.contains("the full disk was met"),
        "{status}: {output}"
    );
}
