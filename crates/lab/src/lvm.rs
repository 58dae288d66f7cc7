//! Bare disks: loop devices on the lab's image files, for LVM to make volume groups of.
//!
//! All nodes share one kernel, and so one `/dev` and one device-mapper. A disk has a name below `/dev/BRIDGE/`
//! that stays when the number of its loop device changes, and each node's `lvm.conf` shows LVM the disks of that node
//! alone; a node with directories sees no disk at all. There is no udev in a node: LVM makes its device nodes itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Attempt as _, LabError};
use crate::holder::enter;
use crate::loops;
use crate::network::Links;
use crate::process::Identity;
use crate::run::{program, run};
use crate::state::{Folder, Node, Record};
use crate::tree;

/// What LVM has to know where no udev runs.
const WITHOUT_UDEV: &str = "activation { udev_sync=0 udev_rules=0 verify_udev_operations=0 monitoring=0 } \
     devices { use_devicesfile=0 obtain_device_list_from_udev=0 external_device_info_source=\"none\"";

/// The folder below `/dev` that holds the names of a lab's disks.
fn names(links: &Links) -> PathBuf {
    Path::new("/dev").join(links.bridge())
}

/// A disk's path, in its node and on this machine.
pub(crate) fn disk(links: &Links, node: &Node, number: u32) -> String {
    names(links)
        .join(format!("{}-disk{number}", node.name))
        .to_string_lossy()
        .into_owned()
}

/// Text of a node's `lvm.conf`.
pub(crate) fn configuration(links: &Links, node: &Node) -> String {
    let own = names(links).join(format!("{}-", node.name));
    format!(
        "{WITHOUT_UDEV}\n filter=[ \"a|^{}|\", \"r|.*|\" ]\n}}\n",
        own.display()
    )
}

/// Attaches the disks of a node and names them.
pub(crate) fn attach(folder: &Folder, record: &Record, links: &Links, node: &Node) -> Result<(), LabError> {
    let names = names(links);
    fs::create_dir_all(&names).attempt(|| format!("making the folder {}", names.display()))?;
    for number in 1..=record.spec.disks {
        let image = tree::disk_image(folder, node, number);
        let attempt = format!("attaching the disk {}", image.display());
        let output = run(
            program("losetup").args(["--find", "--show"]).arg(&image),
            &attempt,
        )?;
        let device = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let name = disk(links, node, number);
        // Of an earlier start; its loop device may have had another number.
        let _ = fs::remove_file(&name);
        std::os::unix::fs::symlink(&device, &name).attempt(|| format!("naming {device} {name}"))?;
    }
    Ok(())
}

/// Makes the logical volumes of a node's disks usable, as an init system does when disks appear.
pub(crate) fn activate(node: &Node, holder: Identity) -> Result<(), LabError> {
    run(
        enter(holder, "vgchange").args(["--quiet", "--activate", "y"]),
        &format!("activating the volume groups of {}", node.name),
    )
    .map(drop)
}

/// Lets go of the disks of all nodes below a folder of a lab or a node, whatever LVM made of them. Their mounts must
/// be gone.
pub(crate) fn release(folder: &Path) -> Result<(), LabError> {
    for device in loops::bare(folder)? {
        if is_held(&device) {
            run(
                &mut deactivate(&device),
                &format!("deactivating the volume groups on {device}"),
            )?;
        }
        run(
            program("losetup").args(["--detach", &device]),
            &format!("detaching {device}"),
        )?;
    }
    Ok(())
}

/// Removes the names of a lab's disks.
pub(crate) fn forget(links: &Links) -> Result<(), LabError> {
    let names = names(links);
    match fs::remove_dir_all(&names) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).attempt(|| format!("removing {}", names.display()))
        }
        _ => Ok(()),
    }
}

/// Whether device-mapper has made something of the device.
fn is_held(device: &str) -> bool {
    let name = device.trim_start_matches("/dev/");
    fs::read_dir(format!("/sys/block/{name}/holders")).is_ok_and(|mut holders| holders.next().is_some())
}

fn deactivate(device: &str) -> Command {
    let mut command = program("vgchange");
    command
        .args(["--quiet", "--activate", "n", "--config"])
        .arg(format!(
            "{WITHOUT_UDEV} filter=[ \"a|^{device}$|\", \"r|.*|\" ] }}"
        ));
    command
}
