//! Mounts and loop devices: mount, umount, mountpoint, findmnt, losetup, df, and what a start of the machine
//! mounts from its tables.
//!
//! Texts and exit statuses are those of util-linux 2.38 and coreutils 9.1. Two of them surprise: mounting the
//! same image twice at one place fails with status 1, not 32, and a second mount over a busy folder succeeds.

use mortar_argv::Output;

use crate::block::{self, Device, device};
use crate::node::{Found, Loop, Mount, Node};
use crate::text::Names;
use crate::tool::{Parsed, Shell, done, fail, no, say, usage};
use crate::tree::{Body, FsKind};

/// Added by mount to the complaints of the kernel.
const SEE_LOG: &str = "\n       dmesg(1) may have more information after failed mount system call.";

/// `mount [-t TYPE] [-o OPTIONS] SOURCE TARGET`
pub(crate) fn mount(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [("-o", true), ("--options", true), ("-t", true), ("--types", true)];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("mount", 1, option),
    };
    let [source, target] = read.words[..] else {
        return fail(1, "mount: the simulated node needs a source and a target");
    };
    let options = read.values(&["-o", "--options"]).join(",");
    match mount_at(shell.node, shell.names, source, target, &options) {
        Ok(()) => done(),
        Err((status, why)) => fail(status, format!("mount: {why}")),
    }
}

/// Mounts `source` at `target`; the error is an exit status and what `mount` says after its own name.
fn mount_at(
    node: &mut Node,
    names: &mut Names,
    source: &str,
    target: &str,
    options: &str,
) -> Result<(), (i32, String)> {
    let kernel = |why: String| (32, format!("{target}: {why}{SEE_LOG}"));
    let through_loop = options.split(',').any(|option| option == "loop");
    let place = match node.find(names, target) {
        Ok(place) if matches!(node.look(&place), Found::Dir(_)) => place,
        Ok(_) => return Err(kernel("mount point is not a directory.".into())),
        Err(_) => return Err(kernel("mount point does not exist.".into())),
    };
    let (system, shown) = if through_loop {
        attach(node, names, source, target)?
    } else {
        let Some(found) = device(node, names, source) else {
            return Err(kernel(match node.file(names, source) {
                Some(_) => format!("{source} is not a block device; try \"-o loop\"."),
                None => format!("special device {source} does not exist."),
            }));
        };
        let Some(system) = block::system_on(node, found) else {
            return Err(kernel(format!(
                "wrong fs type, bad option, bad superblock on {source}, missing codepage or helper program, or other error."
            )));
        };
        (system, block::display_name(node, names, found))
    };
    if node.alive(system).is_err() {
        return Err(kernel(format!("can't read superblock on {shown}.")));
    }
    if place.mount != 0 {
        let under = node.mounts.get(place.mount - 1).expect("a place names its mount");
        let here = names.read(&under.target) == target.trim_end_matches('/');
        if here && under.system == system {
            return Err(if through_loop {
                (1, format!("{target}: {source} is already mounted."))
            } else {
                kernel(format!("{source} already mounted on {target}."))
            });
        }
    }
    add_mount(node, names, &place, system, target, &shown, options, false);
    Ok(())
}

/// Attaches an image to a loop device, or finds the one that it is attached to.
fn attach(
    node: &mut Node,
    names: &mut Names,
    image: &str,
    target: &str,
) -> Result<(u32, String), (i32, String)> {
    let no_loop = || (32, format!("{target}: failed to setup loop device for {image}."));
    let Body::Sparse { inside, size } = &node.file(names, image).ok_or_else(no_loop)?.body else {
        return Err(no_loop());
    };
    let size = *size;
    let Some(system) = *inside else {
        return Err((
            32,
            format!(
                "{target}: wrong fs type, bad option, bad superblock on /dev/loop0, missing codepage or helper program, or other error.{SEE_LOG}"
            ),
        ));
    };
    let carried = node.systems.get(system).map_or(0, |found| found.through_loop);
    if carried != 0 {
        return Ok((system, format!("/dev/loop{}", carried - 1)));
    }
    let number = (0..)
        .find(|number| !node.loops.contains_key(number))
        .expect("loop numbers do not run out");
    let file = names.store(image);
    node.loops.insert(number, Loop { system, file, size });
    node.systems
        .get_mut(system)
        .expect("an image's file system exists")
        .through_loop = number + 1;
    Ok((system, format!("/dev/loop{number}")))
}

/// Enters a mount into the tables of the node.
#[expect(
    clippy::too_many_arguments,
    reason = "the fields of one table entry, given once by each of two callers"
)]
pub(crate) fn add_mount(
    node: &mut Node,
    names: &mut Names,
    place: &crate::node::Place,
    system: u32,
    target: &str,
    source: &str,
    options: &str,
    own: bool,
) {
    let trimmed = target.trim_end_matches('/');
    let stored = names.store(trimmed);
    // A place that is a mount's own root is under another mount already; else it is a bare folder.
    let on_root = place.is_root() && place.mount != 0;
    node.mounted_so_far += 1;
    let entry = Mount {
        system,
        target: stored,
        source: names.store(source),
        options: names.word(options),
        over: 0,
        under: if on_root { place.mount } else { 0 },
        turn: node.mounted_so_far,
        own,
    };
    let number = node.mounts.add(entry) + 1;
    if on_root {
        node.mounts
            .get_mut(place.mount - 1)
            .expect("it was reached through it")
            .over = number;
    } else {
        node.dir_mut(place).covered = number;
    }
    let found = node.systems.get_mut(system).expect("it was found on its device");
    found.mounts += 1;
    found.note_mount();
}

/// `umount [-l|-f] TARGET`
pub(crate) fn umount(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &[]) {
        Ok(read) => read,
        Err(option) => return usage("umount", 1, option),
    };
    let [target] = read.words[..] else {
        return fail(1, "umount: bad usage");
    };
    let (node, names) = (&mut *shell.node, &*shell.names);
    let Ok(place) = node.find(names, target) else {
        return fail(32, format!("umount: {target}: no mount point specified."));
    };
    if !place.is_root() || place.mount == 0 {
        return fail(32, format!("umount: {target}: not mounted."));
    }
    let number = place.mount;
    let system = node
        .mounts
        .get(number - 1)
        .expect("a place names its mount")
        .system;
    let found = node.systems.get(system).expect("a mounted file system exists");
    // A brick process works in it, or something is mounted below it.
    let busy = (found.users > 0 && found.mounts == 1)
        || found.root.children.iter().any(|child| match &child.what {
            crate::tree::Inode::Dir(dir) => dir.holds_mounts(),
            crate::tree::Inode::File(_) => false,
        });
    if busy {
        return fail(32, format!("umount: {target}: target is busy."));
    }
    remove_mount(node, names, number);
    done()
}

/// Takes the mount `number` (plus one) out of the tables of the node.
pub(crate) fn remove_mount(node: &mut Node, names: &Names, number: u32) {
    let Some(entry) = node.mounts.remove(number - 1) else {
        return;
    };
    if entry.under != 0 {
        if let Some(under) = node.mounts.get_mut(entry.under - 1) {
            under.over = 0;
        }
    } else if let Ok((place, name)) = node.parent(names, &names.read(&entry.target)) {
        let folder = node.dir_mut(&place);
        if let Some((at, _)) = folder.get(names, name)
            && let crate::tree::Inode::Dir(dir) = &mut folder.children[at].what
        {
            dir.covered = 0;
        }
    }
    let Some(found) = node.systems.get_mut(entry.system) else {
        return;
    };
    found.mounts -= 1;
    if found.mounts == 0 {
        // What is unmounted for good is not frozen any more.
        found.frozen = false;
    }
    if found.mounts == 0 && found.through_loop != 0 {
        let number = found.through_loop - 1;
        found.through_loop = 0;
        node.loops.remove(&number);
    }
    node.let_go(entry.system);
}

/// `mountpoint [-q] PATH`: 0 for a mount point, 32 for another folder, 1 when it is not there.
pub(crate) fn mountpoint(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &[("-q", false), ("--quiet", false)]) {
        Ok(read) => read,
        Err(option) => return usage("mountpoint", 1, option),
    };
    let [path] = read.words[..] else {
        return fail(1, "mountpoint: bad usage");
    };
    let quiet = read.has(&["-q", "--quiet"]);
    match shell.node.find(shell.names, path) {
        Ok(place) if place.is_root() && (place.mount != 0 || place.system == 0) => {
            if quiet {
                done()
            } else {
                say(format!("{path} is a mountpoint\n"))
            }
        }
        Ok(_) if quiet => no(32),
        Ok(_) => Output {
            status: 32,
            ..say(format!("{path} is not a mountpoint\n"))
        },
        Err(_) if quiet => no(1),
        Err(error) => fail(1, format!("mountpoint: {path}: {}", error.text())),
    }
}

/// Takes down all mounts but the machine's own, as a power cut does. Brick processes must be gone before.
pub(crate) fn drop_all(node: &mut Node, names: &Names) {
    let mut numbers: Vec<(u32, u32)> = node
        .mounts
        .iter()
        .filter(|(_, mount)| !mount.own)
        .map(|(number, mount)| (mount.turn, number + 1))
        .collect();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    for (_, number) in numbers {
        remove_mount(node, names, number);
    }
}

/// Mounts what the tables name, in their order, as a start of the machine does. What cannot be mounted is
/// noted in the node's boot errors and does not stop the others (`nofail`).
pub(crate) fn mount_tables(node: &mut Node, names: &mut Names, tables: &[String]) {
    node.boot_errors.clear();
    for table in tables {
        let Some(text) = node.file(names, table).map(|file| file.text(names)) else {
            continue;
        };
        for line in text.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [source, target, kind, options, ..] = fields[..] else {
                continue;
            };
            if source.starts_with('#') || target == "/" || !target.starts_with('/') {
                continue;
            }
            if FsKind::Xfs.name() != kind && FsKind::Ext4.name() != kind && kind != "auto" {
                continue;
            }
            let source = by_uuid(node, names, source).unwrap_or_else(|| source.to_owned());
            if let Err((_, why)) = mount_at(node, names, &source, target, options) {
                node.boot_errors.push(why.into());
            }
        }
    }
}

/// The device that carries the file system with a `UUID=` of the table.
fn by_uuid(node: &Node, names: &Names, source: &str) -> Option<String> {
    let wanted = source.strip_prefix("UUID=")?;
    let hit = |found: &Device| {
        block::system_on(node, *found)
            .and_then(|system| node.systems.get(system))
            .is_some_and(|system| crate::text::hyphenated(&system.uuid) == wanted)
    };
    let found = block::all_devices(node).into_iter().find(hit)?;
    Some(block::display_name(node, names, found))
}
