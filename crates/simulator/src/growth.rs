//! What makes things larger while they are in use: lvextend, pvresize, losetup --set-capacity, xfs_growfs.
//!
//! Texts are those of LVM 2.03.31, seen in a guest with device-mapper, and of xfsprogs 6.1.

use mortar_argv::Output;

use crate::block::{self, Device, device};
use crate::lvm::{LvKind, Vg, bad_option, group, no_group, sizes, with_common};
use crate::lvm_make;
use crate::node::{Contents, Node};
use crate::text::Names;
use crate::tool::{self, Parsed, Shell, done, fail, no, say, usage};
use crate::tree::{Body, FsKind};

/// The name of the spare that LVM makes for metadata; no report shows it unless it is asked for by name.
pub(crate) const SPARE: &str = "lvol0_pmspare";

/// Bytes of XFS's blocks.
const BLOCK: u64 = 4096;

/// The least last part of an XFS, in blocks: less is left unused.
const LEAST: u64 = 64;

/// `lvextend [--poolmetadatasize SIZE] [--size SIZE|--extents N%VG] VG/LV`
pub(crate) fn lvextend(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = with_common(&[
        ("--size", true),
        ("-L", true),
        ("--extents", true),
        ("-l", true),
        ("--poolmetadatasize", true),
    ]);
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return bad_option("lvextend", option),
    };
    let (size, metadata) = (read.value(&["--size", "-L"]), read.value(&["--poolmetadatasize"]));
    let share = match lvm_make::share(&read) {
        Ok(share) => share,
        Err(why) => return fail(3, format!("  {why}")),
    };
    let sizes_of = |given: Option<&str>| given.map(|text| sizes(text).ok_or(())).transpose();
    let ([word], Ok(size), Ok(metadata)) = (&read.words[..], sizes_of(size), sizes_of(metadata)) else {
        return fail(3, "  Please provide a size and a logical volume.");
    };
    let given = [size.is_some(), share.is_some(), metadata.is_some()];
    if matches!(given, [true, true, _] | [_, true, true] | [false, false, false]) {
        return fail(
            3,
            "  The simulated node extends by a share of the group, or by a size, a pool's metadata or both.",
        );
    }
    let Some((group_name, volume)) = word.split_once('/') else {
        return fail(3, format!("  \"{word}\": Invalid path for Logical Volume."));
    };
    let Some(number) = group(shell.node, shell.names, group_name) else {
        return no_group(group_name);
    };
    let found = shell.node.groups.get_mut(number).expect("found by its name");
    let size = size.or_else(|| share.map(|share| lvm_make::part_of(found, share)));
    let Some(at) = found.position(shell.names, volume) else {
        return fail(5, format!("  Failed to find logical volume \"{word}\""));
    };
    let extended = match (metadata, size) {
        (Some(metadata), Some(size)) => extend_both(found, at, metadata, size),
        (Some(metadata), None) => extend_metadata(found, at, metadata),
        (None, size) => extend(found, at, size.unwrap_or_default()),
    };
    match extended {
        Ok(()) => Output {
            stderr: match read.value(&["--autobackup", "-A"]) {
                Some("n") => "  WARNING: This metadata update is NOT backed up.\n".into(),
                _ => String::new(),
            },
            ..Output::default()
        },
        Err(why) => fail(5, format!("  {why}")),
    }
}

fn smaller(wanted: u32, now: u32) -> String {
    format!("New size given ({wanted} extents) not larger than existing size ({now} extents)")
}

/// A volume, or the data of a pool. A thin volume takes nothing of its group.
fn extend(found: &mut Vg, at: usize, bytes: u64) -> Result<(), String> {
    let wanted = found.extents_for(bytes);
    let now = found.volumes[at].extents;
    match wanted.checked_sub(now) {
        None => return Err(smaller(wanted, now)),
        Some(0) => return Err("No size change.".into()),
        Some(more) if !matches!(found.volumes[at].kind, LvKind::Thin(_)) => take(found, more)?,
        Some(_) => {}
    }
    found.volumes[at].extents = wanted;
    Ok(())
}

/// A size that it has already is no error here. The spare grows along, where there is room.
fn extend_metadata(found: &mut Vg, at: usize, bytes: u64) -> Result<(), String> {
    if found.volumes[at].kind != LvKind::Pool {
        return Err("Command on LV does not accept LV type.".into());
    }
    let wanted = found.extents_for(bytes);
    let now = found.volumes[at].metadata;
    let more = wanted.checked_sub(now).ok_or_else(|| smaller(wanted, now))?;
    if more == 0 {
        return Ok(());
    }
    take(found, more)?;
    found.volumes[at].metadata = wanted;
    let spare = wanted.saturating_sub(found.spare);
    if take(found, spare).is_ok() {
        found.spare += spare;
    }
    Ok(())
}

/// Both parts of a pool: first its metadata. A size that its data has already fails without a word of why.
fn extend_both(found: &mut Vg, at: usize, metadata: u64, bytes: u64) -> Result<(), String> {
    let (wanted, now) = (found.extents_for(bytes), found.volumes[at].extents);
    if wanted < now {
        return Err(smaller(wanted, now));
    }
    extend_metadata(found, at, metadata)?;
    if wanted == now {
        return Err("Command failed with status code 5.".into());
    }
    extend(found, at, bytes)
}

fn take(found: &mut Vg, more: u32) -> Result<(), String> {
    found.free = found.free.checked_sub(more).ok_or_else(|| {
        format!(
            "Insufficient free space: {more} extents needed, but only {} available",
            found.free
        )
    })?;
    Ok(())
}

/// Removes the spare of a group, if it has one.
pub(crate) fn remove_spare(found: &mut Vg) -> bool {
    let spare = std::mem::take(&mut found.spare);
    found.free += spare;
    spare > 0
}

/// The script that has the kernel look how large a disk is: it fails where the disk is none that needs it.
pub(crate) fn rescan(shell: &mut Shell<'_>, script: &str, path: &str) -> Output {
    if !(script.starts_with("disk=$(readlink -f -- \"$1\")")
        && script.contains("/sys/class/block/${disk##*/}/device/$file"))
    {
        return fail(127, "sh: the simulated node does not know this script");
    }
    let Some(Device::Disk(index)) = device(shell.node, shell.names, path) else {
        return no(1);
    };
    let disk = &mut shell.node.disks[index];
    disk.size += std::mem::take(&mut disk.unseen);
    done()
}

/// `pvresize DEVICE`: the physical volume takes up the disk as it is.
pub(crate) fn pvresize(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let common = crate::lvm::COMMON.map(|(name, takes)| (name, takes));
    // Not every program of LVM has it.
    let known: Vec<_> = common
        .into_iter()
        .filter(|(name, _)| !matches!(*name, "--autobackup" | "-A"))
        .collect();
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return bad_option("pvresize", option),
    };
    let [path] = read.words[..] else {
        return fail(3, "  Please supply physical volume(s)");
    };
    let Some(Device::Disk(index)) = device(shell.node, shell.names, path) else {
        return fail(5, format!("  Cannot use {path}: device not found"));
    };
    let disk = &shell.node.disks[index];
    let Contents::Pv { start, group, .. } = disk.contents else {
        return fail(5, format!("  Failed to find physical volume \"{path}\"."));
    };
    let size = disk.size;
    if let Some(found) = group.and_then(|number| shell.node.groups.get_mut(number)) {
        let extents = size.saturating_sub(start) / found.bytes(1);
        let extents = u32::try_from(extents).unwrap_or(u32::MAX);
        let allocated = found.allocated();
        let Some(free) = extents.checked_sub(allocated) else {
            return fail(
                5,
                format!("  {path}: cannot resize to {extents} extents as {allocated} are allocated."),
            );
        };
        (found.extents, found.free) = (extents, free);
    }
    if read.has(&["-q", "--quiet"]) {
        done()
    } else {
        say(format!(
            "  Physical volume \"{path}\" changed\n  1 physical volume(s) resized or updated / 0 physical volume(s) not resized\n"
        ))
    }
}

/// `losetup --set-capacity LOOP`: the loop device takes up its file as it is.
pub(crate) fn set_capacity(shell: &mut Shell<'_>, path: &str) -> Output {
    let Some(Device::Loop(number)) = device(shell.node, shell.names, path) else {
        return fail(
            1,
            format!("losetup: {path}: failed to use device: No such device"),
        );
    };
    let size = image_size(shell.node, shell.names, number);
    if let (Some(size), Some(entry)) = (size, shell.node.loops.get_mut(&number)) {
        entry.size = size;
    }
    done()
}

fn image_size(node: &Node, names: &Names, number: u32) -> Option<u64> {
    let path = names.read(&node.loops.get(&number)?.file);
    match node.file(names, &path)?.body {
        Body::Sparse { size, .. } => Some(size),
        _ => None,
    }
}

/// `find /dev … -name loop… -execdir grep … IMAGE /sys/block/{}/loop/backing_file ; -exec PROGRAM … {} ;`: the loop devices
/// that serve an image.
pub(crate) fn find_loops(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let unknown = || {
        fail(
            1,
            "find: the simulated node looks in /dev only for the loop devices of an image",
        )
    };
    let [
        "/dev",
        "-mindepth",
        "1",
        "-maxdepth",
        "1",
        "-name",
        "loop[0-9]*",
        "-execdir",
        "grep",
        "-qsxF",
        "-e",
        image,
        "/sys/block/{}/loop/backing_file",
        ";",
        "-exec",
        ref program @ ..,
        ";",
    ] = words[..]
    else {
        return unknown();
    };
    let Some((program, words)) = program.split_first() else {
        return unknown();
    };
    let hits: Vec<u32> = shell
        .node
        .loops
        .iter()
        .filter(|(_, entry)| shell.names.read(&entry.file) == image)
        .map(|(number, _)| *number)
        .collect();
    let mut output = Output::default();
    for number in hits {
        let words: Vec<String> = words
            .iter()
            .map(|word| word.replace("{}", &format!("/dev/loop{number}")))
            .collect();
        // Its failure shows in what it says, and not in what find ends with.
        output
            .stderr
            .push_str(&tool::run(shell, program, &words, "").stderr);
    }
    output
}

/// `xfs_growfs -d|-n MOUNTPOINT`
pub(crate) fn xfs_growfs(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &[("-d", false), ("-n", false)]) {
        Ok(read) => read,
        Err(option) => return usage("xfs_growfs", 1, option),
    };
    let [path] = read.words[..] else {
        return fail(1, "Usage: xfs_growfs [options] mountpoint");
    };
    let not_xfs = || fail(1, format!("xfs_growfs: {path} is not a mounted XFS filesystem"));
    let Ok(place) = shell.node.find(shell.names, path) else {
        return not_xfs();
    };
    if !place.is_root() || place.mount == 0 {
        return not_xfs();
    }
    let (system, device) = (place.system, shell.node.mounts.get(place.mount - 1));
    let source = device.map_or(String::new(), |mount| shell.names.read(&mount.source));
    let Some(found) = shell
        .node
        .systems
        .get(system)
        .filter(|found| found.kind == FsKind::Xfs)
    else {
        return not_xfs();
    };
    if found.dead {
        return no(1);
    }
    let before = found.size / BLOCK;
    let mut text = geometry(&source, before);
    if read.has(&["-n"]) {
        return say(text);
    }
    let room = under(shell, &source).unwrap_or(found.size) / BLOCK;
    let after = if room >= before + LEAST { room } else { before };
    if after == before {
        return say("data size unchanged, skipping\n");
    }
    text.push_str(&format!("data blocks changed from {before} to {after}\n"));
    if let Some(found) = shell.node.systems.get_mut(system) {
        found.size = after * BLOCK;
    }
    say(text)
}

/// Bytes of the device that a mounted file system is on.
fn under(shell: &Shell<'_>, source: &str) -> Option<u64> {
    device(shell.node, shell.names, source).map(|found| block::size_of(shell.node, found))
}

fn geometry(source: &str, blocks: u64) -> String {
    format!(
        "meta-data={source} isize=512    agcount=4, agsize={} blks\n         =                       sectsz=512   attr=2, projid32bit=1\ndata     =                       bsize=4096   blocks={blocks}, imaxpct=25\n         =                       sunit=0      swidth=0 blks\n",
        blocks / 4
    )
}
