//! A node's own file system: what it shares with this machine, and what is its own.
//!
//! The root of a node is a folder of the lab. Programs and libraries are this machine's, mounted read-only, and so
//! is `/etc`, through links, except for files that a node has of its own. `/var`, `/run`, `/tmp`, `/root` and the
//! rest are the node's: what is done in it, even `rm -rf`, stays in it. Nothing has to exist on this machine
//! beforehand (no `/disks`, no `/var/lib/mortar`).

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use crate::error::{Attempt as _, LabError};
use crate::lvm;
use crate::network::Links;
use crate::run::{program, run};
use crate::spec::DeviceKind;
use crate::state::{Folder, Node, Record, make_folder};

/// What a node shares with this machine: programs and libraries.
const SHARED: [&str; 9] = [
    "bin", "sbin", "lib", "lib32", "lib64", "libx32", "usr", "opt", "nix",
];
/// Folders of a node's own. `.machine` is where the machine's root goes for a moment while the node starts.
const OWN: [&str; 22] = [
    ".etc",
    ".machine",
    "dev",
    "disks",
    "etc",
    "home",
    "lab/ssh",
    "media",
    "mnt",
    "proc",
    "root",
    "run",
    "srv",
    "sys",
    "tmp",
    "var/cache",
    "var/lib/glusterd",
    "var/lib/misc",
    "var/lib/mortar",
    "var/log/glusterfs",
    "var/spool",
    "var/tmp",
];
/// Where glusterd's stock of hook scripts and option groups lies.
const GLUSTERD: &str = "/var/lib/glusterd";

/// The mount entries of bricks, as the node sees the file: never the machine's `/etc/fstab`.
pub(crate) const FSTAB: &str = "/var/lib/mortar/fstab";
/// Where the machine's root is in a node that is starting.
pub(crate) const OLD_ROOT: &str = "/.machine";

/// Folder on this machine that is a node's root.
pub(crate) fn root(folder: &Folder, node: &Node) -> PathBuf {
    folder.node(node).join("root")
}

/// The mount table that makes a node's file system.
pub(crate) fn mount_table(folder: &Folder, node: &Node) -> PathBuf {
    folder.node(node).join("mounts")
}

/// Path of disk `number` (from 1) inside a node.
pub(crate) fn disk(record: &Record, links: &Links, node: &Node, number: u32) -> String {
    match record.spec.devices {
        DeviceKind::Directory => folder_of_disk(number),
        DeviceKind::Lvm => lvm::disk(links, node, number),
    }
}

fn folder_of_disk(number: u32) -> String {
    format!("/disks/disk{number}")
}

/// The image file of disk `number` on this machine.
pub(crate) fn disk_image(folder: &Folder, node: &Node, number: u32) -> PathBuf {
    folder.node(node).join("disks").join(format!("disk{number}.img"))
}

/// Prepares a node's root folder, its disks and its mount table. What is there already stays as it is: a node
/// that starts again finds its state.
pub(crate) fn prepare(folder: &Folder, record: &Record, links: &Links, node: &Node) -> Result<(), LabError> {
    let root = root(folder, node);
    for name in OWN {
        make_folder(&root.join(name))?;
    }
    permit(&root.join("root"), 0o700)?;
    permit(&root.join("var/tmp"), 0o1777)?;
    link(Path::new("/run"), &root.join("var/run"))?;
    link(Path::new("/run/lock"), &root.join("var/lock"))?;
    // Block devices are this machine's: without its own settings a node would see what LVM has on those of other labs.
    make_folder(&root.join("etc/lvm"))?;
    write_new(&root.join("etc/lvm/lvm.conf"), &lvm::configuration(links, node))?;
    prepare_etc(&root, node)?;
    prepare_glusterd(&root)?;
    write_new(&root.join(FSTAB.trim_start_matches('/')), "")?;
    for number in 1..=record.spec.disks {
        let image = disk_image(folder, node, number);
        let format = record.spec.devices == DeviceKind::Directory;
        if format {
            make_folder(&root.join(folder_of_disk(number).trim_start_matches('/')))?;
        }
        make_disk(&image, record.spec.disk_size, format)?;
    }
    let mut table = shared_mounts(&root)?;
    table.push_str(&own_mounts(folder, record, node));
    let path = mount_table(folder, node);
    fs::write(&path, table).attempt(|| format!("writing {}", path.display()))
}

/// Removes what a node has on its disks and below `/var`; [`prepare`] makes both anew.
pub(crate) fn wipe(folder: &Folder, node: &Node) -> Result<(), LabError> {
    for path in [root(folder, node).join("var"), folder.node(node).join("disks")] {
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).attempt(|| format!("removing {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Programs and libraries: folders are mounted, links (`/bin` on most systems) are made again.
fn shared_mounts(root: &Path) -> Result<String, LabError> {
    let mut table = mount(&root.to_string_lossy(), root, "none", "bind");
    table.push_str(&mount("/etc", &root.join(".etc"), "none", "bind,ro"));
    for name in SHARED {
        let (source, target) = (Path::new("/").join(name), root.join(name));
        let Ok(metadata) = fs::symlink_metadata(&source) else {
            continue;
        };
        if metadata.is_symlink() {
            let to = fs::read_link(&source).attempt(|| format!("reading the link {}", source.display()))?;
            link(&to, &target)?;
        } else if metadata.is_dir() {
            make_folder(&target)?;
            table.push_str(&mount(&source.to_string_lossy(), &target, "none", "bind,ro"));
        }
    }
    Ok(table)
}

fn own_mounts(folder: &Folder, record: &Record, node: &Node) -> String {
    let root = root(folder, node);
    let mut table = String::new();
    table.push_str(&mount("proc", &root.join("proc"), "proc", "nosuid,nodev,noexec"));
    table.push_str(&mount("sysfs", &root.join("sys"), "sysfs", "nosuid,nodev,noexec"));
    table.push_str(&mount("/dev", &root.join("dev"), "none", "rbind"));
    table.push_str(&mount(
        "tmpfs",
        &root.join("run"),
        "tmpfs",
        "mode=755,nosuid,nodev",
    ));
    table.push_str(&mount(
        "tmpfs",
        &root.join("tmp"),
        "tmpfs",
        "mode=1777,nosuid,nodev",
    ));
    if record.spec.devices == DeviceKind::Lvm {
        return table;
    }
    for number in 1..=record.spec.disks {
        let image = disk_image(folder, node, number);
        let target = root.join(folder_of_disk(number).trim_start_matches('/'));
        table.push_str(&mount(&image.to_string_lossy(), &target, "xfs", "loop,noatime"));
    }
    table
}

/// One line of a mount table. Paths need no quoting: [`crate::spec::check_root`] saw to it.
fn mount(source: &str, target: &Path, kind: &str, options: &str) -> String {
    format!("{source} {} {kind} {options} 0 0\n", target.display())
}

fn prepare_etc(root: &Path, node: &Node) -> Result<(), LabError> {
    let etc = root.join("etc");
    write_new(&etc.join("hostname"), &format!("{}\n", node.name))?;
    // No names for the nodes: glusterd would look a peer's address up and remember it by that name instead.
    write_new(&etc.join("hosts"), "127.0.0.1 localhost\n")?;
    // Without a name server each look-up that leaves this file waits out its limit: a volume takes 30 s then.
    write_new(
        &etc.join("nsswitch.conf"),
        "passwd: files\ngroup: files\nshadow: files\nhosts: files\n",
    )?;
    write_new(&etc.join("fstab"), "")?;
    let passwd = fs::read_to_string("/etc/passwd").attempt(|| "reading /etc/passwd".to_owned())?;
    write_new(&etc.join("passwd"), &with_plain_root(&passwd))?;
    // Where the machine's root account is locked, sshd would refuse it even with the right key.
    write_new(&etc.join("shadow"), "root:*:19000:0:99999:7:::\n")?;
    permit(&etc.join("shadow"), 0o600)?;
    for entry in fs::read_dir("/etc")
        .attempt(|| "listing /etc".to_owned())?
        .flatten()
    {
        let name = entry.file_name();
        link(&Path::new("/.etc").join(&name), &etc.join(&name))?;
    }
    Ok(())
}

/// The machine's users, with a root that has a plain shell and home.
fn with_plain_root(passwd: &str) -> String {
    let others = passwd
        .lines()
        .filter(|line| !line.starts_with("root:"))
        .map(|line| format!("{line}\n"));
    std::iter::once("root:x:0:0:root:/root:/bin/sh\n".to_owned())
        .chain(others)
        .collect()
}

/// glusterd's state is the node's own; only its stock of hooks and option groups comes from the package.
fn prepare_glusterd(root: &Path) -> Result<(), LabError> {
    let target = root.join(GLUSTERD.trim_start_matches('/'));
    for name in ["groups", "hooks"] {
        let source = Path::new(GLUSTERD).join(name);
        if source.is_dir() && !target.join(name).exists() {
            run(
                program("cp").arg("--archive").arg(&source).arg(&target),
                "copying glusterd's hooks and groups",
            )?;
        }
    }
    Ok(())
}

fn make_disk(image: &Path, size: u64, format: bool) -> Result<(), LabError> {
    if image.exists() {
        return Ok(());
    }
    let what = || format!("making the disk {}", image.display());
    if let Some(folder) = image.parent() {
        make_folder(folder)?;
    }
    // Whole or not there: an interrupted format must not look like a disk.
    let part = image.with_extension("part");
    fs::File::create(&part)
        .and_then(|file| file.set_len(size))
        .attempt(what)?;
    if format {
        run(program("mkfs.xfs").args(["-q", "-f"]).arg(&part), &what())?;
    }
    fs::rename(&part, image).attempt(what)
}

/// Makes a symbolic link unless something of that name is there.
fn link(to: &Path, at: &Path) -> Result<(), LabError> {
    match symlink(to, at) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).attempt(|| format!("making the link {}", at.display()))
        }
        _ => Ok(()),
    }
}

/// Writes a file unless it is there.
fn write_new(path: &Path, text: &str) -> Result<(), LabError> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    fs::write(path, text).attempt(|| format!("writing {}", path.display()))
}

fn permit(path: &Path, mode: u32) -> Result<(), LabError> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .attempt(|| format!("setting the permissions of {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::with_plain_root;

    #[test]
    fn root_is_plain_and_the_others_stay() {
        let passwd = "root:x:0:0::/root:/usr/sbin/nologin\nsshd:x:101:65534::/run/sshd:/usr/sbin/nologin\n";
        let plain = with_plain_root(passwd);
        assert_eq!(plain.lines().next(), Some("root:x:0:0:root:/root:/bin/sh"));
        assert!(plain.contains("sshd:x:101:") && plain.matches("root:x").count() == 1);
    }
}
