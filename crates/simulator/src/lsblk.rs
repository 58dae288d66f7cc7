//! lsblk and udevadm: what a node tells of its block devices.
//!
//! Texts are those of util-linux 2.38. A simulated node runs udev, so lsblk knows signatures; on a machine without
//! it (a container) the real lsblk shows none.

use mortar_argv::Output;
use serde_json::{Value, json};

use crate::block::{Device, device, display_name, mounted_at, pretty, size_of, system_on};
use crate::lvm::LvKind;
use crate::node::{Contents, Node};
use crate::text::{Names, hyphenated};
use crate::tool::{Parsed, Shell, done, fail, say, usage};

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
    let inside = if with_children {
        children(node, names, found, columns)
    } else {
        Vec::new()
    };
    if !inside.is_empty() {
        row.insert("children".into(), inside.into());
    }
    row.into()
}

/// What lies on a device: partitions, or volumes; a thin volume hangs below the inner volumes of its pool.
fn children(node: &Node, names: &Names, found: Device, columns: &[String]) -> Vec<Value> {
    let Device::Disk(index) = found else {
        return Vec::new();
    };
    let plain = |child| describe(node, names, child, columns, true);
    let number = match node.disks[index].contents {
        Contents::Partitions(count) => {
            return (1..=count)
                .map(|part| plain(Device::Partition(index, part)))
                .collect();
        }
        Contents::Pv {
            group: Some(number), ..
        } => number,
        _ => return Vec::new(),
    };
    let Some(group) = node.groups.get(number) else {
        return Vec::new();
    };
    let mut rows = Vec::new();
    for (index, volume) in group.volumes.iter().enumerate() {
        match volume.kind {
            LvKind::Linear => rows.push(plain(Device::Volume(number, index))),
            LvKind::Thin(_) => {}
            LvKind::Pool => {
                let thin = group
                    .volumes
                    .iter()
                    .enumerate()
                    .filter(|(_, thin)| thin.kind == LvKind::Thin(volume.stamp));
                let mut users = vec![plain(Device::Volume(number, index))];
                users.extend(thin.map(|(thin, _)| plain(Device::Volume(number, thin))));
                let pool = display_name(node, names, Device::Volume(number, index));
                // A pool with thin volumes is reached through a layer of its own.
                let below = if users.len() > 1 {
                    vec![inner(
                        columns,
                        &format!("{pool}-tpool"),
                        group.bytes(volume.extents),
                        users,
                    )]
                } else {
                    users
                };
                let metadata = group.bytes(volume.metadata);
                rows.push(inner(columns, &format!("{pool}_tmeta"), metadata, below.clone()));
                rows.push(inner(
                    columns,
                    &format!("{pool}_tdata"),
                    group.bytes(volume.extents),
                    below,
                ));
            }
        }
    }
    rows
}

/// An inner volume of a pool.
fn inner(columns: &[String], name: &str, size: u64, children: Vec<Value>) -> Value {
    let mut row = serde_json::Map::new();
    for column in columns {
        let value = match column.as_str() {
            "name" => json!(name),
            "type" => json!("lvm"),
            "size" => json!(size),
            "mountpoints" => json!([null]),
            "ro" | "rm" => json!(false),
            _ => Value::Null,
        };
        row.insert(column.clone(), value);
    }
    row.insert("children".into(), children.into());
    row.into()
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
