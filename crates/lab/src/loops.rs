//! Loop devices that belong to a lab: those on its disk images, and those on files in such a disk, as deep as
//! it goes (a brick is an image file in a disk that is itself an image).
//!
//! They are recognised by the file's device and inode number, not by its path: a path seen from a node's mount
//! namespace means nothing outside of it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{major, minor};
use serde::Deserialize;

use crate::error::{Attempt as _, LabError};
use crate::run::{program, run, wait_until};

const LOOP_MAJOR: u32 = 7;
/// How long the kernel may take to let go of loop devices after their last mount went.
const SETTLE: Duration = Duration::from_secs(20);

/// Where a file lies: major and minor number of its device, and its inode number.
type FileId = (u32, u32, u64);

/// One loop device in use.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Loop {
    name: String,
    backing: FileId,
    /// Whether the kernel detaches it when its last user lets go.
    autoclear: bool,
}

/// Detaches all loop devices on the disk images below `folder` (the lab's, or one node's), after giving the
/// kernel time to do it by itself: mounting attached them, and the last unmount detaches them.
pub(crate) fn detach(folder: &Path) -> Result<(), LabError> {
    let images = images(folder)?;
    if images.is_empty() {
        return Ok(());
    }
    let settled = wait_until("waiting for loop devices", SETTLE, "", || {
        let left = belonging(&images, &in_use()?);
        Ok(if left.is_empty() {
            Ok(())
        } else {
            Err(left.join(", "))
        })
    });
    if settled.is_ok() {
        return Ok(());
    }
    for name in belonging(&images, &in_use()?) {
        // Detaching one that is mounted only marks it; the check below tells.
        run(
            program("losetup").args(["--detach", &name]),
            "detaching a loop device",
        )?;
    }
    let remedy = "find what holds it with `lsof` or `findmnt --source`, then run `mortar lab down` again";
    wait_until("detaching loop devices", SETTLE, remedy, || {
        let left = belonging(&images, &in_use()?);
        Ok(if left.is_empty() {
            Ok(())
        } else {
            Err(format!("still in use: {}", left.join(", ")))
        })
    })
}

/// Loop devices right on disk images below `folder` that stay until somebody detaches them: bare disks.
pub(crate) fn bare(folder: &Path) -> Result<Vec<String>, LabError> {
    let images = images(folder)?;
    let all = if images.is_empty() { Vec::new() } else { in_use()? };
    let own = all
        .into_iter()
        .filter(|device| !device.autoclear && images.contains(&device.backing));
    Ok(own.map(|device| device.name).collect())
}

fn belonging(images: &BTreeSet<FileId>, all: &[Loop]) -> Vec<String> {
    let mut found: Vec<&Loop> = Vec::new();
    loop {
        let own = |device: &&Loop| {
            let (major, minor, _) = device.backing;
            let on_own = found
                .iter()
                .any(|outer| major == LOOP_MAJOR && Some(minor) == number(&outer.name));
            images.contains(&device.backing) || on_own
        };
        let more: Vec<&Loop> = all
            .iter()
            .filter(|device| !found.contains(device))
            .filter(own)
            .collect();
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    // The innermost first: an outer one is free only after them.
    found.iter().rev().map(|device| device.name.clone()).collect()
}

fn number(name: &str) -> Option<u32> {
    name.strip_prefix("/dev/loop")?.parse().ok()
}

/// The disk images of all nodes below a folder of a lab or of a node.
fn images(folder: &Path) -> Result<BTreeSet<FileId>, LabError> {
    let mut found = BTreeSet::new();
    for holder in [folder.to_owned()]
        .into_iter()
        .chain(subfolders(&folder.join("nodes")))
    {
        for entry in fs::read_dir(holder.join("disks")).into_iter().flatten().flatten() {
            let metadata = entry
                .metadata()
                .attempt(|| format!("looking at {}", entry.path().display()))?;
            found.insert((major(metadata.dev()), minor(metadata.dev()), metadata.ino()));
        }
    }
    Ok(found)
}

fn subfolders(folder: &Path) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

fn in_use() -> Result<Vec<Loop>, LabError> {
    let columns = "NAME,BACK-INO,BACK-MAJ:MIN,AUTOCLEAR";
    let output = run(
        program("losetup").args(["--list", "--json", "--output", columns]),
        "listing loop devices",
    )?;
    parse(&output.stdout).attempt(|| "listing loop devices".to_owned())
}

/// Reads the report of `losetup`; it prints nothing at all when no loop device is in use.
fn parse(json: &[u8]) -> Result<Vec<Loop>, serde_json::Error> {
    #[derive(Deserialize)]
    struct Report {
        loopdevices: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        name: String,
        #[serde(rename = "back-ino")]
        inode: Option<u64>,
        #[serde(rename = "back-maj:min")]
        device: Option<String>,
        #[serde(default)]
        autoclear: bool,
    }
    if json.iter().all(u8::is_ascii_whitespace) {
        return Ok(Vec::new());
    }
    let report: Report = serde_json::from_slice(json)?;
    let read = |entry: Entry| {
        let device = entry.device?;
        let (major, minor) = device.trim().split_once(':')?;
        Some(Loop {
            name: entry.name,
            backing: (major.parse().ok()?, minor.parse().ok()?, entry.inode?),
            autoclear: entry.autoclear,
        })
    };
    Ok(report.loopdevices.into_iter().filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{belonging, parse};

    #[test]
    fn images_within_images_belong_and_strangers_do_not() {
        let json = br#"{"loopdevices": [
            {"name":"/dev/loop0", "back-ino":5, "back-maj:min":"     254:0  "},
            {"name":"/dev/loop7", "back-ino":131, "back-maj:min":"       7:4  ", "autoclear":true},
            {"name":"/dev/loop4", "back-ino":9, "back-maj:min":"254:0"},
            {"name":"/dev/loop5", "back-ino":null, "back-maj:min":null},
            {"name":"/dev/loop6", "back-ino":131, "back-maj:min":"7:0"}]}"#;
        let all = parse(json).unwrap();
        assert_eq!(all.len(), 4);
        assert_eq!(all.iter().filter(|device| device.autoclear).count(), 1);
        let images = BTreeSet::from([(254, 0, 9)]);
        assert_eq!(belonging(&images, &all), ["/dev/loop7", "/dev/loop4"]);
        assert!(belonging(&BTreeSet::new(), &all).is_empty());
        assert!(parse(b"\n").unwrap().is_empty());
    }
}
