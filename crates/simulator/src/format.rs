//! wipefs, blkid and mkfs.xfs: what is written on devices and into images.
//!
//! Texts are those of util-linux 2.38 and xfsprogs 6.1.

use mortar_argv::Output;
use serde_json::{Value, json};

use crate::block::{
    Device, device, is_busy, is_mounted, pretty, put_system, signature, size_of, system_on, wipe,
};
use crate::node::Contents;
use crate::text::hyphenated;
use crate::tool::{Parsed, Shell, done, fail, no, say, usage};
use crate::tree::{Body, FileSystem, FsKind};

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
        ("--output", true),
        ("-O", true),
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
            let columns = read.value(&["--output", "-O"]).unwrap_or("DEVICE,OFFSET,TYPE");
            return list_signatures(path, signature, columns);
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
    let magic = match kind {
        "xfs" => "58 46 53 42",
        "ext4" => "53 ef",
        "gpt" => "45 46 49 20 50 41 52 54",
        _ => "4c 56 4d 32 20 30 30 31",
    };
    let bytes = magic.split(' ').count();
    say(format!(
        "{path}: {bytes} bytes were erased at offset {offset:#010x} ({kind}): {magic}\n"
    ))
}

/// `wipefs --json`: a GPT shows as its two copies and the table that protects it.
fn list_signatures(path: &str, signature: Option<(&str, u64)>, columns: &str) -> Output {
    let all: Vec<(&str, u64)> = match signature {
        Some(("gpt", at)) => vec![("gpt", at), ("gpt", at), ("PMBR", 0x1fe)],
        other => other.into_iter().collect(),
    };
    let mut rows = Vec::new();
    for (kind, offset) in all {
        let mut row = serde_json::Map::new();
        for column in columns.split(',') {
            let value = match column {
                "DEVICE" => json!(path.trim_start_matches("/dev/")),
                "OFFSET" => json!(format!("{offset:#x}")),
                "TYPE" => json!(kind),
                _ => return fail(1, format!("wipefs: unknown column: {column}")),
            };
            row.insert(column.to_ascii_lowercase(), value);
        }
        rows.push(Value::from(row));
    }
    say(pretty(&json!({ "signatures": rows })))
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
    if target.is_some_and(|found| is_mounted(node, names, found)) {
        return fail(
            1,
            format!("mkfs.xfs: {path} contains a mounted filesystem\nUsage: mkfs.xfs"),
        );
    }
    let used = system
        .and_then(|system| node.systems.get(system))
        .map(|system| (system.kind, system.mounts));
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

pub(crate) fn uuid_of(options: &str) -> Result<Option<[u8; 16]>, String> {
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
