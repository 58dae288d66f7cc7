//! Block devices: which there are, and lsblk, wipefs, blkid, mkfs.xfs and udevadm on them.
//!
//! Texts are those of util-linux 2.38 and xfsprogs 6.1. A simulated node runs udev, so lsblk knows signatures;
//! on a machine without it (a container) the real lsblk shows none.

use mortar_argv::Output;
use serde_json::{Value, json};

use crate::lvm::LvKind;
use crate::node::{Contents, Node};
use crate::text::{Names, hyphenated};
use crate::tool::{Parsed, Shell, done, fail, no, say, usage};
use crate::tree::{Body, FileSystem, FsKind};

/// A block device of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// A whole disk, by its index.
    Disk(usize),
    /// A partition of a disk: index of the disk, number of the partition.
    Partition(usize, u8),
    /// A logical volume: number of the group, index in it.
    Volume(u32, usize),
    /// A loop device in use.
    Loop(u32),
}

/// The block device at `path`.
pub(crate) fn device(node: &Node, names: &Names, path: &str) -> Option<Device> {
    let name = path.strip_prefix("/dev/")?;
    if let Some(mapped) = name.strip_prefix("mapper/") {
        let (group, volume) = split_mapped(mapped)?;
        return find_volume(node, names, &group, &volume);
    }
    if let Some((group, volume)) = name.split_once('/') {
        return find_volume(node, names, group, volume);
    }
    if let Some(number) = name.strip_prefix("loop").and_then(|number| number.parse().ok()) {
        return node.loops.contains_key(&number).then_some(Device::Loop(number));
    }
    for (index, disk) in node.disks.iter().enumerate() {
        let own = names.read_word(disk.name);
        if own == path {
            return Some(Device::Disk(index));
        }
        let part = path.strip_prefix(own).and_then(|number| number.parse().ok());
        if let (Some(number), Contents::Partitions(count)) = (part, &disk.contents)
            && (1..=*count).contains(&number)
        {
            return Some(Device::Partition(index, number));
        }
    }
    None
}

/// Reads a device-mapper name: one dash parts group and volume, two stand for a dash in either.
fn split_mapped(mapped: &str) -> Option<(String, String)> {
    let marked = mapped.replace("--", "\u{1}");
    let (group, volume) = marked.split_once('-')?;
    Some((group.replace('\u{1}', "-"), volume.replace('\u{1}', "-")))
}

fn find_volume(node: &Node, names: &Names, group: &str, volume: &str) -> Option<Device> {
    let number = crate::lvm::group(node, names, group)?;
    let index = node.groups.get(number)?.position(names, volume)?;
    Some(Device::Volume(number, index))
}

/// All devices that can carry a file system, disks first.
pub(crate) fn all_devices(node: &Node) -> Vec<Device> {
    let disks = (0..node.disks.len()).map(Device::Disk);
    let volumes = node
        .groups
        .iter()
        .flat_map(|(number, group)| (0..group.volumes.len()).map(move |index| Device::Volume(number, index)));
    disks.chain(volumes).collect()
}

/// The name that tools show for a device: logical volumes by their mapper name.
pub(crate) fn display_name(node: &Node, names: &Names, found: Device) -> String {
    match found {
        Device::Disk(index) => names.read_word(node.disks[index].name).to_owned(),
        Device::Partition(index, number) => format!("{}{number}", names.read_word(node.disks[index].name)),
        Device::Loop(number) => format!("/dev/loop{number}"),
        Device::Volume(number, index) => {
            let group = node.groups.get(number).expect("found by its number");
            let double = |name: String| name.replace('-', "--");
            let volume = double(names.read(&group.volumes[index].name));
            format!("/dev/mapper/{}-{volume}", double(names.read(&group.name)))
        }
    }
}

/// The file system on a device.
pub(crate) fn system_on(node: &Node, found: Device) -> Option<u32> {
    match found {
        Device::Disk(index) => match node.disks[index].contents {
            Contents::FileSystem(system) => Some(system),
            _ => None,
        },
        Device::Partition(..) => None,
        Device::Volume(number, index) => node.groups.get(number)?.volumes.get(index)?.system,
        Device::Loop(number) => node.loops.get(&number).map(|entry| entry.system),
    }
}

/// Bytes of a device.
pub(crate) fn size_of(node: &Node, found: Device) -> u64 {
    match found {
        Device::Disk(index) => node.disks[index].size,
        Device::Partition(index, _) => match node.disks[index].contents {
            Contents::Partitions(count) => node.disks[index].size / u64::from(count.max(1)),
            _ => 0,
        },
        Device::Volume(number, index) => node
            .groups
            .get(number)
            .map_or(0, |group| group.bytes(group.volumes[index].extents)),
        Device::Loop(number) => {
            let system = node
                .loops
                .get(&number)
                .and_then(|entry| node.systems.get(entry.system));
            system.map_or(0, |system| system.size)
        }
    }
}

/// Where a device's file system is mounted, latest first, as lsblk tells it.
pub(crate) fn mounted_at(node: &Node, names: &Names, system: Option<u32>) -> Vec<String> {
    let mounted = system.filter(|system| node.systems.get(*system).is_some_and(|found| found.mounts > 0));
    let Some(system) = mounted else { return Vec::new() };
    let mut hits: Vec<(u32, String)> = node
        .mounts
        .iter()
        .filter(|(_, mount)| mount.system == system)
        .map(|(_, mount)| (mount.turn, names.read(&mount.target)))
        .collect();
    hits.sort_unstable_by(|a, b| b.cmp(a));
    hits.into_iter().map(|(_, target)| target).collect()
}

/// JSON the way util-linux prints it is not worth copying to the blank; serde_json's is read the same.
pub(crate) fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("plain values always become JSON") + "\n"
}

/// `lsblk --json --bytes --paths [--nodeps] -o COLUMNS DEVICE…`
pub(crate) fn lsblk(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("--json", false),
        ("-J", false),
        ("--bytes", false),
        ("-b", false),
        ("--paths", false),
        ("-p", false),
        ("--nodeps", false),
        ("-d", false),
        ("-o", true),
        ("--output", true),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("lsblk", 1, option),
    };
    let all = [["--json", "-J"], ["--bytes", "-b"], ["--paths", "-p"]]
        .iter()
        .all(|names| read.has(names));
    let Some(columns) = read.value(&["-o", "--output"]).filter(|_| all) else {
        return fail(1, "lsblk: the simulated node needs --json --bytes --paths -o");
    };
    let columns: Vec<String> = columns.split(',').map(str::to_ascii_lowercase).collect();
    if let Some(unknown) = columns.iter().find(|column| !COLUMNS.contains(&column.as_str())) {
        return fail(1, format!("lsblk: unknown column: {unknown}"));
    }
    let (node, names) = (&*shell.node, &*shell.names);
    let (mut rows, mut missing) = (Vec::new(), String::new());
    let everything: Vec<String>;
    let mut words = read.words.clone();
    if words.is_empty() {
        everything = node
            .disks
            .iter()
            .map(|disk| names.read_word(disk.name).to_owned())
            .collect();
        words = everything.iter().map(String::as_str).collect();
    }
    for path in words {
        match device(node, names, path) {
            Some(found) => rows.push(describe(
                node,
                names,
                found,
                &columns,
                !read.has(&["--nodeps", "-d"]),
            )),
            None => missing.push_str(&format!("lsblk: {path}: not a block device\n")),
        }
    }
    // 32: none of the devices was found; 64: some were (seen with util-linux 2.38, told by its manual).
    let status = match (rows.is_empty(), missing.is_empty()) {
        (_, true) => 0,
        (true, false) => 32,
        (false, false) => 64,
    };
    Output {
        status,
        stdout: pretty(&json!({ "blockdevices": rows })),
        stderr: missing,
    }
}

const COLUMNS: [&str; 12] = [
    "name",
    "type",
    "size",
    "fstype",
    "mountpoint",
    "mountpoints",
    "pttype",
    "parttype",
    "uuid",
    "ro",
    "rm",
    "fsver",
];

fn describe(node: &Node, names: &Names, found: Device, columns: &[String], with_children: bool) -> Value {
    let system = system_on(node, found);
    let places = mounted_at(node, names, system);
    let kind = system
        .and_then(|system| node.systems.get(system))
        .map(|system| system.kind.name());
    let (device_type, signature, table) = match found {
        Device::Disk(index) => match node.disks[index].contents {
            Contents::Pv { .. } => ("disk", Some("LVM2_member"), None),
            Contents::Partitions(_) => ("disk", None, Some("gpt")),
            _ => ("disk", kind, None),
        },
        Device::Partition(..) => ("part", None, Some("gpt")),
        Device::Volume(..) => ("lvm", kind, None),
        Device::Loop(_) => ("loop", kind, None),
    };
    let mut row = serde_json::Map::new();
    for column in columns {
        let value = match column.as_str() {
            "name" => json!(display_name(node, names, found)),
            "type" => json!(device_type),
            "size" => json!(size_of(node, found)),
            "fstype" => json!(signature),
            "mountpoint" => json!(places.first()),
            "mountpoints" if places.is_empty() => json!([null]),
            "mountpoints" => json!(places),
            "pttype" => json!(table),
            // The type of a Linux data partition.
            "parttype" => match found {
                Device::Partition(..) => json!("0fc63daf-8483-4772-8e79-3d69d8477de4"),
                _ => Value::Null,
            },
            "uuid" => {
                json!(
                    system
                        .and_then(|system| node.systems.get(system))
                        .map(|system| hyphenated(&system.uuid))
                )
            }
            "ro" | "rm" => json!(false),
            _ => Value::Null,
        };
        row.insert(column.clone(), value);
    }
    let children = if with_children {
        children(node, found)
    } else {
        Vec::new()
    };
    if !children.is_empty() {
        let rows: Vec<Value> = children
            .into_iter()
            .map(|child| describe(node, names, child, columns, true))
            .collect();
        row.insert("children".into(), rows.into());
    }
    row.into()
}

/// What lies on a device. The inner volumes of a thin pool are left out: its thin volumes stand for them.
fn children(node: &Node, found: Device) -> Vec<Device> {
    let Device::Disk(index) = found else {
        return Vec::new();
    };
    match node.disks[index].contents {
        Contents::Partitions(count) => (1..=count).map(|part| Device::Partition(index, part)).collect(),
        Contents::Pv {
            group: Some(number), ..
        } => {
            let Some(group) = node.groups.get(number) else {
                return Vec::new();
            };
            let volumes = group.volumes.iter().enumerate();
            volumes
                .filter(|(_, volume)| !matches!(volume.kind, LvKind::Pool))
                .map(|(index, _)| Device::Volume(number, index))
                .collect()
        }
        _ => Vec::new(),
    }
}

/// `wipefs [--all] [--force] [--no-act] [--json] DEVICE`
pub(crate) fn wipefs(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("--all", false),
        ("-a", false),
        ("--force", false),
        ("-f", false),
        ("--no-act", false),
        ("-n", false),
        ("--json", false),
        ("-J", false),
        ("--quiet", false),
        ("-q", false),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("wipefs", 1, option),
    };
    let [path] = read.words[..] else {
        return fail(1, "wipefs: no device specified");
    };
    let Some(found) = device(shell.node, shell.names, path) else {
        let why = if shell.node.find(shell.names, path).is_ok() {
            "Inappropriate ioctl for device"
        } else {
            "No such file or directory"
        };
        return fail(
            1,
            format!("wipefs: error: {path}: probing initialization failed: {why}"),
        );
    };
    let signature = signature(shell.node, found);
    let wipes = read.has(&["--all", "-a"]) && !read.has(&["--no-act", "-n"]);
    if !wipes {
        if read.has(&["--json", "-J"]) {
            let rows: Vec<Value> = signature
                .into_iter()
                .map(|(kind, offset)| json!({ "device": path.trim_start_matches("/dev/"), "offset": format!("{offset:#x}"), "type": kind, "uuid": null, "label": null }))
                .collect();
            return say(if rows.is_empty() {
                String::new()
            } else {
                pretty(&json!({ "signatures": rows }))
            });
        }
        return say(signature.map_or(String::new(), |(kind, offset)| {
            format!(
                "DEVICE OFFSET TYPE UUID LABEL\n{} {offset:#x} {kind}\n",
                path.trim_start_matches("/dev/")
            )
        }));
    }
    if is_busy(shell.node, found) && !read.has(&["--force", "-f"]) {
        return fail(
            1,
            format!("wipefs: error: {path}: probing initialization failed: Device or resource busy"),
        );
    }
    let Some((kind, offset)) = signature else {
        return done();
    };
    wipe(shell.node, found);
    say(format!(
        "{path}: 8 bytes were erased at offset {offset:#010x} ({kind})\n"
    ))
}

/// The signature on a device and its offset.
fn signature(node: &Node, found: Device) -> Option<(&'static str, u64)> {
    if let Some(system) = system_on(node, found) {
        let kind = node.systems.get(system)?.kind;
        return Some((kind.name(), if kind == FsKind::Ext4 { 0x438 } else { 0 }));
    }
    match found {
        Device::Disk(index) => match node.disks[index].contents {
            Contents::Pv { .. } => Some(("LVM2_member", 0x218)),
            Contents::Partitions(_) => Some(("gpt", 0x200)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether something has a device open: a mount, or an active volume on it.
pub(crate) fn is_busy(node: &Node, found: Device) -> bool {
    let mounted = |found| {
        system_on(node, found)
            .and_then(|system| node.systems.get(system))
            .is_some_and(|system| system.mounts > 0)
    };
    mounted(found)
        || match found {
            Device::Disk(index) => match node.disks[index].contents {
                Contents::Pv {
                    group: Some(number), ..
                } => node
                    .groups
                    .get(number)
                    .is_some_and(|group| !group.volumes.is_empty()),
                _ => false,
            },
            _ => false,
        }
}

/// Takes all signatures off a device. A volume group whose disk is wiped is gone with its volumes.
fn wipe(node: &mut Node, found: Device) {
    if let Some(system) = system_on(node, found) {
        node.unhold(system);
    }
    match found {
        Device::Disk(index) => {
            let before = std::mem::replace(&mut node.disks[index].contents, Contents::Blank);
            if let Contents::Pv {
                group: Some(number), ..
            } = before
            {
                crate::lvm::forget_group(node, number);
            }
        }
        Device::Volume(number, index) => {
            if let Some(group) = node.groups.get_mut(number) {
                group.volumes[index].system = None;
            }
        }
        Device::Partition(..) | Device::Loop(_) => {}
    }
}

/// `blkid [-c FILE] [-p] [-t UUID=… | -o value -s UUID|TYPE] DEVICE`: status 2 when nothing fits.
pub(crate) fn blkid(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("-c", true),
        ("--cache-file", true),
        ("-p", false),
        ("--probe", false),
        ("-t", true),
        ("--match-token", true),
        ("-o", true),
        ("--output", true),
        ("-s", true),
        ("--match-tag", true),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("blkid", 4, option),
    };
    let [path] = read.words[..] else {
        return fail(4, "blkid: the simulated node needs one device");
    };
    let (node, names) = (&*shell.node, &*shell.names);
    let (system, other) = match device(node, names, path) {
        Some(found) => (system_on(node, found), signature(node, found)),
        None => match node.file(names, path).map(|file| &file.body) {
            Some(Body::Sparse { inside, .. }) => (*inside, None),
            _ => return no(2),
        },
    };
    let system = system.and_then(|system| node.systems.get(system));
    let facts: Vec<(&str, String)> = match (system, other) {
        (Some(system), _) => vec![
            ("UUID", hyphenated(&system.uuid)),
            ("BLOCK_SIZE", "512".into()),
            ("TYPE", system.kind.name().into()),
        ],
        (None, Some(("gpt", _))) => vec![("PTTYPE", "gpt".into())],
        (None, Some((kind, _))) => match device(node, names, path) {
            Some(Device::Disk(index)) => match &node.disks[index].contents {
                Contents::Pv { uuid, .. } => vec![("UUID", names.read(uuid)), ("TYPE", kind.into())],
                _ => vec![("TYPE", kind.into())],
            },
            _ => vec![("TYPE", kind.into())],
        },
        (None, None) => return no(2),
    };
    if let Some(token) = read.value(&["-t", "--match-token"]) {
        let fits = token
            .split_once('=')
            .is_some_and(|(key, value)| facts.iter().any(|(known, found)| *known == key && found == value));
        if !fits {
            return no(2);
        }
    }
    let wanted = read.values(&["-s", "--match-tag"]);
    let shown: Vec<&(&str, String)> = facts
        .iter()
        .filter(|(key, _)| wanted.is_empty() || wanted.contains(key))
        .collect();
    match (read.value(&["-o", "--output"]), shown.is_empty()) {
        (_, true) => no(2),
        (Some("value"), _) => say(shown
            .iter()
            .map(|(_, value)| format!("{value}\n"))
            .collect::<String>()),
        (Some("export"), _) => {
            let rows = shown.iter().map(|(key, value)| format!("{key}={value}\n"));
            say(format!("DEVNAME={path}\n{}", rows.collect::<String>()))
        }
        _ => {
            let rows: Vec<String> = shown
                .iter()
                .map(|(key, value)| format!("{key}=\"{value}\""))
                .collect();
            say(format!("{path}: {}\n", rows.join(" ")))
        }
    }
}

/// `mkfs.xfs [-q] [-f] [-K] [-m uuid=…] [-i …] [-n …] [-d …] DEVICE|FILE`
pub(crate) fn mkfs_xfs(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("-q", false),
        ("-f", false),
        ("-K", false),
        ("-m", true),
        ("-i", true),
        ("-n", true),
        ("-d", true),
        ("-s", true),
        ("-b", true),
        ("-L", true),
        ("-l", true),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => {
            return fail(
                1,
                format!("mkfs.xfs: invalid option -- '{option}'\nUsage: mkfs.xfs"),
            );
        }
    };
    let [path] = read.words[..] else {
        return fail(1, "no device name given in argument list\nUsage: mkfs.xfs");
    };
    let uuid = match read.value(&["-m"]).map(uuid_of) {
        Some(Err(wrong)) => {
            return fail(
                1,
                format!("Invalid value {wrong} for -m uuid option.\nUsage: mkfs.xfs"),
            );
        }
        Some(Ok(uuid)) => uuid,
        None => None,
    };
    let (node, names) = (&mut *shell.node, &mut *shell.names);
    let target = device(node, names, path);
    let (system, size) = match target {
        Some(found) => (system_on(node, found), size_of(node, found)),
        None => match node.file(names, path).map(|file| &file.body) {
            Some(Body::Sparse { size, inside }) => (*inside, *size),
            Some(_) => (None, 0),
            None => {
                let why = "No such file or directory\nUsage: mkfs.xfs";
                return fail(1, format!("Error accessing specified device {path}: {why}"));
            }
        },
    };
    let force = read.has(&["-f"]);
    let used = system
        .and_then(|system| node.systems.get(system))
        .map(|system| (system.kind, system.mounts));
    if let Some((_, mounts)) = used
        && mounts > 0
        && target.is_some()
    {
        return fail(
            1,
            format!("mkfs.xfs: {path} contains a mounted filesystem\nUsage: mkfs.xfs"),
        );
    }
    let hint = "mkfs.xfs: Use the -f option to force overwrite.";
    if let (Some((kind, _)), false) = (used, force) {
        let kind = kind.name();
        return fail(
            1,
            format!("mkfs.xfs: {path} appears to contain an existing filesystem ({kind}).\n{hint}"),
        );
    }
    if let Some((kind, _)) = target
        .and_then(|found| signature(node, found))
        .filter(|_| used.is_none() && !force)
    {
        let what = if kind == "gpt" {
            "a partition table"
        } else {
            "an existing filesystem"
        };
        return fail(
            1,
            format!("mkfs.xfs: {path} appears to contain {what} ({kind}).\n{hint}"),
        );
    }
    if size < 300 << 20 {
        // Smaller ones are refused since xfsprogs 5.19: "Filesystem must be larger than 300MB."
        return fail(1, "Filesystem must be larger than 300MB.\nUsage: mkfs.xfs");
    }
    let uuid = uuid.unwrap_or_else(|| {
        let stamp = shell.stamps.next();
        shell.stamps.uuid(stamp)
    });
    put_system(
        node,
        names,
        target,
        path,
        FileSystem::new(FsKind::Xfs, uuid, size),
    );
    done()
}

fn uuid_of(options: &str) -> Result<Option<[u8; 16]>, String> {
    let Some(text) = options.split(',').find_map(|option| option.strip_prefix("uuid=")) else {
        return Ok(None);
    };
    let digits: String = text.chars().filter(|letter| *letter != '-').collect();
    let mut uuid = [0; 16];
    if digits.len() != 32 || text.len() != 36 {
        return Err(text.to_owned());
    }
    for (slot, pair) in uuid.iter_mut().zip(digits.as_bytes().chunks(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| text.to_owned())?;
        *slot = u8::from_str_radix(pair, 16).map_err(|_| text.to_owned())?;
    }
    Ok(Some(uuid))
}

/// Writes a file system onto a device or into an image, over what was there.
pub(crate) fn put_system(
    node: &mut Node,
    names: &Names,
    target: Option<Device>,
    path: &str,
    system: FileSystem,
) {
    if let Some(found) = target {
        wipe(node, found);
        let number = node.systems.add(system);
        match found {
            Device::Disk(index) => node.disks[index].contents = Contents::FileSystem(number),
            Device::Volume(group, index) => {
                if let Some(group) = node.groups.get_mut(group) {
                    group.volumes[index].system = Some(number);
                }
            }
            Device::Partition(..) | Device::Loop(_) => {
                node.systems.remove(number);
            }
        }
        return;
    }
    let Ok(place) = node.find(names, path) else { return };
    let number = node.systems.add(system);
    let Some(file) = node.file_mut(&place) else { return };
    if let Body::Sparse { inside, .. } = &mut file.body {
        let before = inside.replace(number);
        if let Some(before) = before {
            node.unhold(before);
        }
    }
}

/// `udevadm info --query=symlink --name=DEVICE`
pub(crate) fn udevadm(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let name = match words[..] {
        ["info", "--query=symlink", name] => name.strip_prefix("--name=").unwrap_or(name),
        ["settle"] | ["settle", _] => return done(),
        _ => {
            return fail(
                1,
                "udevadm: the simulated node only answers info --query=symlink and settle",
            );
        }
    };
    let Some(found) = device(shell.node, shell.names, name) else {
        return fail(1, format!("Unknown device \"{name}\": No such device"));
    };
    let mut links = Vec::new();
    if let Device::Disk(index) = found {
        let disk = &shell.node.disks[index];
        let serial = crate::stamp::hash(&format!(
            "{} {}",
            shell.node.stamp,
            shell.names.read_word(disk.name)
        ));
        links.push(format!("disk/by-id/virtio-{serial:016x}"));
        if let Contents::Pv { uuid, .. } = &disk.contents {
            links.push(format!("disk/by-id/lvm-pv-uuid-{}", shell.names.read(uuid)));
        }
    }
    if let Some(system) = system_on(shell.node, found).and_then(|system| shell.node.systems.get(system)) {
        links.push(format!("disk/by-uuid/{}", hyphenated(&system.uuid)));
    }
    say(links.join(" ") + "\n")
}
