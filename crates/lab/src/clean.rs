//! Removing a lab, whole or in pieces.
//!
//! Needs nothing but the lab's folder path: also an `up` that was interrupted between any two steps, a lab from
//! before the machine was last started, and one with a damaged record are removed without a trace.

use std::fs;

use rustix::mount::{UnmountFlags, unmount};

use crate::client;
use crate::error::{Attempt as _, LabError};
use crate::holder;
use crate::loops;
use crate::lvm;
use crate::network::Links;
use crate::node;
use crate::state::{Folder, Record};

/// Removes everything of a lab but its lock. True when there was anything.
pub(crate) fn everything(folder: &Folder) -> Result<bool, LabError> {
    let path = folder.path();
    let links = Links::of(&path);
    let mut found = path.exists();
    // Clients first, while their servers still answer: what they hold is written back, and nothing hangs.
    if let Some(record) = Record::load(folder) {
        client::leave_all(record.subnet)?;
    }
    found |= end_holders(folder)?;
    found |= !links.present()?.is_empty();
    links.remove_all()?;
    lvm::release(&path)?;
    lvm::forget(&links)?;
    loops::detach(&path)?;
    remove_folder(folder)?;
    Ok(found)
}

/// Ends all holders. True when there were any.
///
/// One that begins while an interrupted `up` is cleared away was not in the first list: the processes are listed again
/// until none is left. It ends, because the lab's lock lets nobody begin another.
fn end_holders(folder: &Folder) -> Result<bool, LabError> {
    let mut found = false;
    loop {
        let holders = holder::all(folder);
        if holders.is_empty() {
            return Ok(found);
        }
        found = true;
        for holder in holders {
            node::end(holder)?;
        }
    }
}

/// Removes the folder, but never what is mounted in it.
fn remove_folder(folder: &Folder) -> Result<(), LabError> {
    let path = folder.path();
    for target in client::mounts_below(&path)? {
        unmount(&target, UnmountFlags::empty()).attempt(|| format!("unmounting {}", target.display()))?;
    }
    if !path.exists() {
        return Ok(());
    }
    fs::remove_dir_all(&path).attempt(|| format!("removing {}", path.display()))
}
