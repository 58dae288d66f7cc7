//! findmnt, losetup and df: what a node tells of its mounts and loop devices.

use mortar_argv::Output;
use serde_json::json;

use crate::block;
use crate::growth;
use crate::node::{Mount, Node};
use crate::text::Names;
use crate::tool::{Parsed, Shell, fail, no, say, usage};

/// `findmnt --json [--bytes] -o COLUMNS [--mountpoint|--target] PATH`
pub(crate) fn findmnt(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("--json", false),
        ("-J", false),
        ("--bytes", false),
        ("-b", false),
        ("-o", true),
        ("--output", true),
        ("--mountpoint", true),
        ("-M", true),
        ("--target", true),
        ("-T", true),
        ("--nofsroot", false),
        ("--kernel", false),
        ("-k", false),
        ("--list", false),
        ("-l", false),
        ("--types", true),
        ("-t", true),
        ("--first-only", false),
        ("-f", false),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("findmnt", 1, option),
    };
    let sizes = read
        .value(&["-o", "--output"])
        .is_some_and(|columns| columns.contains("SIZE"));
    if !read.has(&["--json", "-J"]) || (sizes && !read.has(&["--bytes", "-b"])) {
        return fail(
            1,
            "findmnt: the simulated node only answers with --json, and sizes with --bytes",
        );
    }
    let target = read.value(&["--target", "-T"]);
    let path = target
        .or(read.value(&["--mountpoint", "-M"]))
        .or(read.words.first().copied());
    let (node, names) = (&*shell.node, &*shell.names);
    let mut hits: Vec<&Mount> = match path {
        None => node.mounts.iter().map(|(_, mount)| mount).collect(),
        Some(path) => match node.find(names, path) {
            Ok(place) if target.is_some() || place.is_root() => stack(node, place.mount),
            _ => Vec::new(),
        },
    };
    if let Some(kinds) = read.value(&["--types", "-t"]) {
        let kind = |mount: &&Mount| node.systems.get(mount.system).map(|system| system.kind.name());
        hits.retain(|mount| kind(mount).is_some_and(|kind| kinds.split(',').any(|wanted| wanted == kind)));
    }
    hits.sort_unstable_by_key(|mount| mount.turn);
    if target.is_some() {
        hits = hits.into_iter().next_back().into_iter().collect();
    }
    let columns = read
        .value(&["-o", "--output"])
        .unwrap_or("TARGET,SOURCE,FSTYPE,OPTIONS");
    let mut rows = Vec::new();
    for mount in &hits {
        match row(node, names, mount, columns) {
            Ok(row) => rows.push(row),
            Err(column) => return fail(1, format!("findmnt: unknown column: {column}")),
        }
    }
    if rows.is_empty() {
        // The root file system is not in the table of mounts; nothing else is missing there.
        return no(1);
    }
    say(block::pretty(&json!({ "filesystems": rows })))
}

/// The mount `number` (plus one) and those under it at the same place.
fn stack(node: &Node, number: u32) -> Vec<&Mount> {
    let mut hits = Vec::new();
    let mut next = number;
    while let Some(mount) = next.checked_sub(1).and_then(|index| node.mounts.get(index)) {
        hits.push(mount);
        next = mount.under;
    }
    hits
}

fn row<'c>(
    node: &Node,
    names: &Names,
    mount: &Mount,
    columns: &'c str,
) -> Result<serde_json::Value, &'c str> {
    let system = node
        .systems
        .get(mount.system)
        .expect("a mounted file system exists");
    let (size, used, avail) = system.usage();
    let mut row = serde_json::Map::new();
    for column in columns.split(',') {
        let value = match column.to_ascii_uppercase().as_str() {
            "TARGET" => json!(names.read(&mount.target)),
            "SOURCE" => json!(names.read(&mount.source)),
            "FSTYPE" => json!(system.kind.name()),
            "OPTIONS" => json!(names.read_word(mount.options)),
            "UUID" => json!(crate::text::hyphenated(&system.uuid)),
            "SIZE" => json!(size),
            "USED" => json!(used),
            "AVAIL" => json!(avail),
            _ => return Err(column),
        };
        row.insert(column.to_ascii_lowercase(), value);
    }
    Ok(row.into())
}

/// `losetup --json --list --output NAME,BACK-FILE [-j FILE]`, `losetup --set-capacity LOOP`
pub(crate) fn losetup(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("--json", false),
        ("-J", false),
        ("--list", false),
        ("-l", false),
        ("--output", true),
        ("-O", true),
        ("-j", true),
        ("--associated", true),
        ("--all", false),
        ("-a", false),
        ("--set-capacity", true),
        ("-c", true),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("losetup", 1, option),
    };
    if let Some(path) = read.value(&["--set-capacity", "-c"]) {
        return growth::set_capacity(shell, path);
    }
    let columns = read.value(&["--output", "-O"]).unwrap_or("NAME,BACK-FILE");
    if !read.has(&["--json", "-J"]) || !read.words.is_empty() {
        return fail(1, "losetup: the simulated node only lists, with --json");
    }
    let only = read.value(&["-j", "--associated"]);
    let mut rows = Vec::new();
    for (number, entry) in &shell.node.loops {
        let mut file = shell.names.read(&entry.file);
        if only.is_some_and(|only| only != file) {
            continue;
        }
        if shell
            .node
            .systems
            .get(entry.system)
            .is_none_or(|system| !system.held)
        {
            file.push_str(" (deleted)");
        }
        let mut row = serde_json::Map::new();
        for column in columns.split(',') {
            let value = match column {
                "NAME" => json!(format!("/dev/loop{number}")),
                "BACK-FILE" => json!(file),
                _ => return fail(1, format!("losetup: unknown column: {column}")),
            };
            row.insert(column.to_ascii_lowercase(), value);
        }
        rows.push(serde_json::Value::from(row));
    }
    say(block::pretty(&json!({ "loopdevices": rows })))
}

/// `df --block-size=1 --output=COLUMNS PATH`
pub(crate) fn df(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [("--block-size", true), ("-B", true), ("--output", true)];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("df", 1, option),
    };
    let (Some("1"), Some(columns), [path]) = (
        read.value(&["--block-size", "-B"]),
        read.value(&["--output"]),
        &read.words[..],
    ) else {
        return fail(
            1,
            "df: the simulated node needs --block-size=1, --output and one path",
        );
    };
    let found = shell.node.find(shell.names, path);
    let place = match found.and_then(|place| shell.node.alive(place.system).map(|()| place)) {
        Ok(place) => place,
        Err(error) => return fail(1, format!("df: {path}: {}", error.text())),
    };
    let system = shell
        .node
        .systems
        .get(place.system)
        .expect("a place lies in a file system");
    let (size, used, avail) = system.usage();
    let mount = place
        .mount
        .checked_sub(1)
        .and_then(|number| shell.node.mounts.get(number));
    let (mut head, mut line) = (Vec::new(), Vec::new());
    for column in columns.split(',') {
        let (title, value) = match column {
            "size" => ("1B-blocks", size.to_string()),
            "used" => ("Used", used.to_string()),
            "avail" => ("Avail", avail.to_string()),
            "fstype" => ("Type", system.kind.name().to_owned()),
            "target" => (
                "Mounted on",
                mount.map_or("/".into(), |mount| shell.names.read(&mount.target)),
            ),
            "source" => (
                "Filesystem",
                mount.map_or("/dev/vda".into(), |mount| shell.names.read(&mount.source)),
            ),
            _ => return fail(1, format!("df: option --output: field '{column}' unknown")),
        };
        let width = title.len().max(value.len());
        head.push(format!("{title:>width$}"));
        line.push(format!("{value:>width$}"));
    }
    say(format!("{}\n{}\n", head.join(" "), line.join(" ")))
}
