//! pvcreate, pvremove, vgcreate, vgremove and lvchange.

use mortar_argv::Output;

use crate::block::{self, Device, device};
use crate::lvm::{COMMON, Vg, bad_option, forget_group, group, is_lvm_name, no_group, sizes, with_common};
use crate::node::Contents;
use crate::tool::{Parsed, Shell, done, fail, say};

/// Finds the disk at `path`, or says why LVM cannot use it.
fn disk(shell: &Shell<'_>, path: &str) -> Result<usize, Output> {
    match device(shell.node, shell.names, path) {
        Some(Device::Disk(index)) => Ok(index),
        Some(_) => Err(fail(
            5,
            format!("  Cannot use {path}: the simulated node makes volumes of disks only"),
        )),
        None => Err(fail(5, format!("  No device found for {path}."))),
    }
}

/// `pvcreate [-ff] [--metadatasize …] [--dataalignment …] [--uuid … --norestorefile] DEVICE`
pub(crate) fn pvcreate(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = with_common(&[
        ("--metadatasize", true),
        ("--dataalignment", true),
        ("--uuid", true),
        ("-u", true),
        ("--norestorefile", false),
        ("-Z", true),
        ("--zero", true),
    ]);
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return bad_option("pvcreate", option),
    };
    let [path] = read.words[..] else {
        return fail(3, "  Please enter a physical volume path.");
    };
    let index = match disk(shell, path) {
        Ok(index) => index,
        Err(output) => return output,
    };
    let start = match start_of_data(&read, shell.node.disks[index].size) {
        Ok(start) => start,
        Err(output) => return output,
    };
    if let Err(output) = may_initialise(shell, index, path, read.has(&["--yes", "-y"])) {
        return output;
    }
    let wiped = match shell.node.disks[index].contents {
        Contents::FileSystem(system) => {
            let kind = shell
                .node
                .systems
                .get(system)
                .map_or("", |system| system.kind.name());
            shell.node.unhold(system);
            format!("  Wiping {kind} signature on {path}.\n")
        }
        _ => String::new(),
    };
    let uuid = match read.value(&["--uuid", "-u"]) {
        Some(uuid) => match claim_uuid(shell, uuid, index) {
            Ok(uuid) => uuid,
            Err(output) => return output,
        },
        None => {
            let stamp = shell.stamps.next();
            shell.stamps.lvm_uuid(stamp)
        }
    };
    let uuid = shell.names.store(&uuid);
    shell.node.disks[index].contents = Contents::Pv {
        uuid,
        start,
        group: None,
    };
    if read.has(&["-q", "--quiet"]) {
        return done();
    }
    say(format!(
        "{wiped}  Physical volume \"{path}\" successfully created.\n"
    ))
}

/// Bytes before the first extent: metadata after the first 4 KiB, then up to the next alignment.
fn start_of_data(read: &Parsed<'_>, disk: u64) -> Result<u64, Output> {
    let size = |name, default| read.value(&[name]).map_or(Some(default), sizes);
    let (Some(metadata), Some(alignment)) =
        (size("--metadatasize", 1 << 20), size("--dataalignment", 1 << 20))
    else {
        return Err(fail(
            3,
            "  Invalid argument for --metadatasize or --dataalignment",
        ));
    };
    // Measured: 128 MiB and 256 KiB give a first extent at 134,479,872.
    let start = (metadata + 4096).next_multiple_of(alignment.max(4096));
    if disk < 2 << 20 {
        return Err(fail(5, "  Cannot use device: device is too small (pv_min_size)"));
    }
    if start >= disk {
        return Err(fail(5, "  Metadata area would overwrite end of disk"));
    }
    Ok(start)
}

fn may_initialise(shell: &Shell<'_>, index: usize, path: &str, yes: bool) -> Result<(), Output> {
    let node = &*shell.node;
    let refused = match node.disks[index].contents {
        _ if node.disks[index].filtered => {
            format!("  Cannot use {path}: device is rejected by filter config")
        }
        Contents::Partitions(_) => format!("  Cannot use {path}: device is partitioned"),
        Contents::Pv {
            group: Some(number), ..
        } => {
            let group = node
                .groups
                .get(number)
                .map_or(String::new(), |group| shell.names.read(&group.name));
            format!(
                "  Can't initialize physical volume \"{path}\" of volume group \"{group}\" without -ff\n  {path}: physical volume not initialized."
            )
        }
        Contents::FileSystem(_) if block::is_busy(node, Device::Disk(index)) => format!(
            "  Can't open {path} exclusively.  Mounted filesystem?\n  Can't open {path} exclusively.  Mounted filesystem?\n  Cannot use {path}: device has a signature"
        ),
        Contents::FileSystem(system) if !yes => {
            let kind = node.systems.get(system).map_or("", |system| system.kind.name());
            format!(
                "WARNING: {kind} signature detected on {path} at offset 0. Wipe it? [y/n]: [n]\n  Aborted wiping of {kind}.\n  1 existing signature left on the device."
            )
        }
        _ => return Ok(()),
    };
    Err(fail(5, refused))
}

/// Checks the UUID that was asked for: its form, and that no other disk of the node has it.
fn claim_uuid(shell: &Shell<'_>, uuid: &str, index: usize) -> Result<String, Output> {
    let groups: Vec<&str> = uuid.split('-').collect();
    let shape: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    if shape != [6, 4, 4, 4, 4, 4, 6] || !groups.concat().bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(fail(3, format!("  Invalid UUID: {uuid}")));
    }
    let stored = shell.names.seek(uuid);
    let holder = shell.node.disks.iter().position(|disk| match &disk.contents {
        Contents::Pv { uuid, .. } => Some(uuid) == stored.as_ref(),
        _ => false,
    });
    match holder.filter(|holder| *holder != index) {
        Some(other) => {
            let other = shell.names.read_word(shell.node.disks[other].name);
            Err(fail(5, format!("  UUID {uuid} already in use on \"{other}\".")))
        }
        None => Ok(uuid.to_owned()),
    }
}

/// `pvremove DEVICE…`
pub(crate) fn pvremove(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &COMMON) {
        Ok(read) => read,
        Err(option) => return bad_option("pvremove", option),
    };
    let [path] = read.words[..] else {
        return fail(3, "  Please enter a physical volume path.");
    };
    let path = by_uuid_link(shell, path).unwrap_or_else(|| path.to_owned());
    let index = match disk(shell, &path) {
        Ok(index) => index,
        Err(output) => return output,
    };
    match shell.node.disks[index].contents {
        Contents::Pv { group: None, .. } => {
            shell.node.disks[index].contents = Contents::Blank;
            if read.has(&["-q", "--quiet"]) {
                return done();
            }
            say(format!(
                "  Labels on physical volume \"{path}\" successfully wiped.\n"
            ))
        }
        Contents::Pv {
            group: Some(number), ..
        } => {
            let group = shell
                .node
                .groups
                .get(number)
                .map_or(String::new(), |group| shell.names.read(&group.name));
            fail(
                5,
                format!(
                    "  PV {path} is used by VG {group} so please use vgreduce first.\n  (If you are certain you need pvremove, then confirm by using --force twice.)\n  {path}: physical volume label not removed."
                ),
            )
        }
        _ => fail(5, format!("  No PV found on device {path}.")),
    }
}

/// The disk behind `/dev/disk/by-id/lvm-pv-uuid-…`.
fn by_uuid_link(shell: &Shell<'_>, path: &str) -> Option<String> {
    let uuid = path.strip_prefix("/dev/disk/by-id/lvm-pv-uuid-")?;
    let wanted = shell.names.seek(uuid)?;
    let hit = |contents: &Contents| matches!(contents, Contents::Pv { uuid, .. } if *uuid == wanted);
    let disk = shell.node.disks.iter().find(|disk| hit(&disk.contents))?;
    Some(shell.names.read_word(disk.name).to_owned())
}

/// `vgchange [--deltag TAG]… [--addtag TAG]… NAME`: a tag that is not there, or is there already, is as well (seen with 2.03.16).
pub(crate) fn vgchange(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = with_common(&[("--addtag", true), ("--deltag", true)]);
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return bad_option("vgchange", option),
    };
    let [name] = read.words[..] else {
        return fail(3, "  The simulated node changes the tags of one volume group.");
    };
    let found = group(shell.node, shell.names, name);
    let Some(found) = found.and_then(|number| shell.node.groups.get_mut(number)) else {
        return fail(
            5,
            format!("  Volume group \"{name}\" not found\n  Cannot process volume group {name}"),
        );
    };
    let names = &mut *shell.names;
    let gone = read.values(&["--deltag"]);
    let mut tags = std::mem::take(&mut found.tags).into_vec();
    tags.retain(|tag| !gone.contains(&names.read(tag).as_str()));
    for tag in read.values(&["--addtag"]) {
        if tags.iter().all(|known| names.read(known) != tag) {
            tags.push(names.store(tag));
        }
    }
    found.tags = tags.into_boxed_slice();
    done()
}

/// `vgcreate [--physicalextentsize SIZE] [--addtag TAG]… NAME DEVICE`
pub(crate) fn vgcreate(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = with_common(&[
        ("--physicalextentsize", true),
        ("-s", true),
        ("--addtag", true),
        ("--metadatasize", true),
        ("--dataalignment", true),
        ("--setautoactivation", true),
    ]);
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return bad_option("vgcreate", option),
    };
    let [name, path] = read.words[..] else {
        return fail(3, "  The simulated node makes volume groups of one disk each.");
    };
    if !is_lvm_name(name) {
        return fail(3, format!("  Volume group name {name} has invalid characters."));
    }
    if group(shell.node, shell.names, name).is_some() {
        return fail(5, format!("  A volume group called {name} already exists."));
    }
    let Some(extent) = read
        .value(&["--physicalextentsize", "-s"])
        .map_or(Some(4 << 20), sizes)
    else {
        return fail(3, "  Invalid argument for --physicalextentsize");
    };
    let index = match disk(shell, path) {
        Ok(index) => index,
        Err(output) => return output,
    };
    if let Contents::Pv {
        group: Some(number), ..
    } = shell.node.disks[index].contents
    {
        let other = shell
            .node
            .groups
            .get(number)
            .map_or(String::new(), |group| shell.names.read(&group.name));
        return fail(
            5,
            format!(
                "  Physical volume '{path}' is already in volume group '{other}'\n  Unable to add physical volume '{path}' to volume group '{other}'\n  {path}: physical volume not initialized."
            ),
        );
    }
    if !matches!(shell.node.disks[index].contents, Contents::Pv { .. }) {
        // vgcreate makes a physical volume of what is none yet, by the rules of pvcreate.
        let yes = if read.has(&["--yes", "-y"]) { "--yes" } else { "-q" };
        let output = pvcreate(shell, &["-q".to_owned(), yes.to_owned(), path.to_owned()]);
        if !output.success() {
            return output;
        }
    }
    let Contents::Pv { start, .. } = shell.node.disks[index].contents else {
        return fail(5, format!("  No PV found on device {path}."));
    };
    let extents = u32::try_from((shell.node.disks[index].size - start) / extent).unwrap_or(u32::MAX);
    let tags = read
        .values(&["--addtag"])
        .into_iter()
        .map(|tag| shell.names.store(tag))
        .collect();
    let made = Vg {
        name: shell.names.store(name),
        stamp: shell.stamps.next(),
        disk: u32::try_from(index).expect("a node has fewer than 2^32 disks"),
        extent_size: u32::try_from(extent / 1024).unwrap_or(u32::MAX),
        extents,
        free: extents,
        tags,
        volumes: Vec::new(),
        spare: 0,
    };
    let number = shell.node.groups.add(made);
    if let Contents::Pv { group, .. } = &mut shell.node.disks[index].contents {
        *group = Some(number);
    }
    let stdout = if read.has(&["-q", "--quiet"]) {
        String::new()
    } else {
        format!("  Volume group \"{name}\" successfully created\n")
    };
    let backed_up = !matches!(read.value(&["--autobackup", "-A"]), Some("n"));
    let stderr = if backed_up {
        String::new()
    } else {
        "  WARNING: This metadata update is NOT backed up.\n".into()
    };
    Output {
        status: 0,
        stdout,
        stderr,
    }
}

/// `vgremove [-f] NAME`
pub(crate) fn vgremove(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &with_common(&[("-S", true), ("--select", true)])) {
        Ok(read) => read,
        Err(option) => return bad_option("vgremove", option),
    };
    let (name, number) = match (read.value(&["-S", "--select"]), &read.words[..]) {
        (None, [name]) => match group(shell.node, shell.names, name) {
            Some(number) => ((*name).to_owned(), number),
            None => return no_group(name),
        },
        _ => return fail(3, "  The simulated node removes one volume group by its name."),
    };
    let node = &mut *shell.node;
    let found = node.groups.get(number).expect("found by its name");
    let mounted = found.volumes.iter().find(|volume| {
        volume
            .system
            .and_then(|system| node.systems.get(system))
            .is_some_and(|system| system.mounts > 0)
    });
    if let Some(volume) = mounted {
        let volume = shell.names.read(&volume.name);
        return fail(
            5,
            format!("  Logical volume {name}/{volume} contains a filesystem in use."),
        );
    }
    let volumes = found.volumes.len();
    if volumes > 0 && !read.has(&["-f", "--force", "-y", "--yes"]) {
        return fail(
            5,
            format!(
                "Do you really want to remove volume group \"{name}\" containing {volumes} logical volumes? [y/n]: [n]\n  Volume group \"{name}\" not removed"
            ),
        );
    }
    let index = found.disk as usize;
    forget_group(node, number);
    if let Contents::Pv { group, .. } = &mut node.disks[index].contents {
        *group = None;
    }
    if read.has(&["-q", "--quiet"]) {
        done()
    } else {
        say(format!("  Volume group \"{name}\" successfully removed\n"))
    }
}

/// `lvchange --activate y VG/LV`: volumes of a simulated node are always active. `lvchange --addtag TAG VG/LV`.
pub(crate) fn lvchange(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = with_common(&[
        ("-a", true),
        ("--activate", true),
        ("-K", false),
        ("--ignoreactivationskip", false),
        ("--addtag", true),
    ]);
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return bad_option("lvchange", option),
    };
    let tags = read.values(&["--addtag"]);
    let activates = matches!(read.value(&["-a", "--activate"]), Some("y" | "ay"));
    let [path] = &read.words[..] else {
        return fail(3, "  The simulated node changes one logical volume at a time.");
    };
    if activates != tags.is_empty() {
        return fail(
            3,
            "  The simulated node activates a logical volume (--activate y VG/LV), or adds tags to it (--addtag).",
        );
    }
    let Some((group_name, volume)) = path.split_once('/') else {
        return fail(3, format!("  \"{path}\": Invalid path for Logical Volume."));
    };
    let Some(number) = group(shell.node, shell.names, group_name) else {
        return no_group(group_name);
    };
    let found = shell.node.groups.get_mut(number).and_then(|group| {
        let place = group.position(shell.names, volume)?;
        Some(&mut group.volumes[place])
    });
    let Some(found) = found else {
        return fail(5, format!("  Failed to find logical volume \"{path}\""));
    };
    for tag in tags {
        let tag = shell.names.store(tag);
        if !found.tags.contains(&tag) {
            found.tags = found.tags.iter().cloned().chain([tag]).collect();
        }
    }
    done()
}
