//! Removing a demo, whole or interrupted at any place.
//!
//! Needs nothing but the folder: the server is known by a mark in its environment, clients by the addresses of
//! the lab that they talk to, the lab by its own folder. Each part may be gone already.

use std::path::{Path, PathBuf};
use std::process::Command;

use mortar_lab::Lab;

use super::place::{Place, failed};
use super::server;
use super::show::Show;
use crate::commands::lab_error;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Removes all that a demo made; its folder stays, empty but for the mark.
pub(super) fn everything(place: &Place, show: &Show) -> Result<()> {
    show.say("ending the server");
    if server::end(place)? {
        show.fact("the server has ended")?;
    }
    show.say("removing mounts and nodes");
    if Lab::down(&place.lab_root(), place.name()).map_err(lab_error("remove the demo's lab"))? {
        show.fact("the nodes are gone, and their mounts, disks and network with them")?;
    }
    release(&place.folder())?;
    place.clear()?;
    show.fact("the files are gone")
}

/// Unmounts what is still mounted in the folder: clients of a lab whose own folder was lost.
fn release(folder: &Path) -> Result<()> {
    for mount in mounts_below(folder)? {
        let attempt = format!("unmount {}", mount.display());
        // Lazily and without a look at it: whatever serves it may never answer.
        let output = Command::new("umount")
            .args(["--lazy", "--no-canonicalize", "--internal-only", "--"])
            .arg(&mount)
            .output()
            .map_err(failed(&attempt))?;
        if !output.status.success() {
            return Err(Error::new(
                Exit::Failed,
                attempt,
                String::from_utf8_lossy(&output.stderr),
            ));
        }
    }
    match mounts_below(folder)?.first() {
        None => Ok(()),
        Some(left) => Err(Error::new(
            Exit::Failed,
            format!("empty the folder {}", folder.display()),
            format!("{} is still mounted", left.display()),
        )
        .advise("unmount it, then try again: nothing is removed below a mount")),
    }
}

/// Mount points in a folder, the last mounted first.
fn mounts_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let table = "/proc/self/mountinfo";
    let text = std::fs::read_to_string(table).map_err(failed(format!("read {table}")))?;
    let mut found: Vec<PathBuf> = text
        .lines()
        .filter_map(|line| line.split(' ').nth(4))
        .map(|target| PathBuf::from(target.replace("\\040", " ").replace("\\134", "\\")))
        .filter(|target| target.starts_with(folder))
        .collect();
    found.reverse();
    Ok(found)
}
