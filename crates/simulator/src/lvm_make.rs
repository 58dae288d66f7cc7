//! lvcreate and lvremove: thin pools, thin volumes in them, plain volumes.

use mortar_argv::Output;

use crate::growth;
use crate::lvm::{Lv, LvKind, Vg, bad_option, group, is_lvm_name, no_group, sizes, with_common};
use crate::lvm_copies;
use crate::lvm_report::Selection;
use crate::node::Node;
use crate::text::{Names, Text};
use crate::tool::{Parsed, Shell, fail};

/// LVM's own choice of metadata size for a pool when none is asked for: 64 bytes per chunk, at least 2 MiB.
const CHUNK_RECORD: u64 = 64;

/// What LVM says after a change with `--autobackup=n`.
pub(crate) fn not_backed_up(read: &Parsed<'_>) -> &'static str {
    if read.value(&["--autobackup", "-A"]) == Some("n") {
        "  WARNING: This metadata update is NOT backed up.\n"
    } else {
        ""
    }
}

/// What a `lvcreate` asks for, read from its options.
struct Request<'a> {
    group: &'a str,
    /// The pool to make or to use.
    pool: Option<&'a str>,
    name: Option<&'a str>,
    size: Option<u64>,
    /// Per cents of the group that it is to have.
    share: Option<u64>,
    virtual_size: Option<u64>,
    metadata: Option<u64>,
    chunk: u64,
    spare: bool,
    tags: Vec<&'a str>,
}

/// `lvcreate --type thin-pool …`, `lvcreate --thin VG/POOL [--size …] --virtualsize … --name …`, or a plain one.
pub(crate) fn lvcreate(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = with_common(&[
        ("--size", true),
        ("-L", true),
        ("--extents", true),
        ("-l", true),
        ("--virtualsize", true),
        ("-V", true),
        ("--poolmetadatasize", true),
        ("--poolmetadataspare", true),
        ("--chunksize", true),
        ("-c", true),
        ("--thin", false),
        ("-T", false),
        ("--thinpool", true),
        ("--type", true),
        ("--name", true),
        ("-n", true),
        ("--addtag", true),
        ("--wipesignatures", true),
        ("-W", true),
        ("--zero", true),
        ("-Z", true),
        ("--activate", true),
        ("-a", true),
        ("--errorwhenfull", true),
        ("--setautoactivation", true),
        ("--discards", true),
        ("--snapshot", false),
        ("-s", false),
        ("--setactivationskip", true),
        ("-k", true),
    ]);
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return bad_option("lvcreate", option),
    };
    if read.has(&["--snapshot", "-s"]) {
        return lvm_copies::snapshot(shell, &read);
    }
    let mut request = match request(&read) {
        Ok(request) => request,
        Err(why) => {
            return fail(
                3,
                format!("  {why}\n  Run `lvcreate --help' for more information."),
            );
        }
    };
    let Some(number) = group(shell.node, shell.names, request.group) else {
        return no_group(request.group);
    };
    if let Some(share) = request.share {
        let found = shell.node.groups.get(number).expect("found by its name");
        request.size = Some(part_of(found, share));
    }
    // Both warnings come even with -qq, the first even when the command fails.
    let mut warnings = String::new();
    if request.size.is_some() && request.pool.is_some() && !request.spare {
        warnings.push_str("  WARNING: recovery of pools without pool metadata spare LV is not automated.\n");
    }
    match make(shell, number, &request) {
        Err(why) => fail(5, format!("{warnings}  {why}")),
        Ok(made) => {
            warnings.push_str(not_backed_up(&read));
            let quiet = read.has(&["-q", "--quiet"]);
            let stdout = if quiet {
                String::new()
            } else {
                format!("  Logical volume \"{made}\" created.\n")
            };
            Output {
                status: 0,
                stdout,
                stderr: warnings,
            }
        }
    }
}

fn request<'a>(read: &Parsed<'a>) -> Result<Request<'a>, String> {
    let size = |names: &[&str]| match read.value(names).map(sizes) {
        Some(None) => Err(format!("Invalid argument for {}.", names[0])),
        other => Ok(other.flatten()),
    };
    let [word] = read.words[..] else {
        return Err("Please provide a volume group name".into());
    };
    let (group, named_pool) = word
        .split_once('/')
        .map_or((word, None), |(group, pool)| (group, Some(pool)));
    let name = read.value(&["--name", "-n"]);
    let kind = read.value(&["--type"]);
    let pool = match kind {
        Some("thin-pool") => named_pool.or(name),
        Some("thin") | None => read.value(&["--thinpool"]).or(named_pool),
        Some("linear" | "striped") => None,
        Some(other) => return Err(format!("Invalid argument for --type: {other}")),
    };
    let thin = read.has(&["--thin", "-T", "--thinpool"]) || matches!(kind, Some("thin" | "thin-pool"));
    if thin && pool.is_none() {
        return Err("Please specify name of existing pool.".into());
    }
    let request = Request {
        group,
        pool: pool.filter(|_| thin),
        name: if kind == Some("thin-pool") { None } else { name },
        size: size(&["--size", "-L"])?,
        share: share(read)?,
        virtual_size: size(&["--virtualsize", "-V"])?,
        metadata: size(&["--poolmetadatasize"])?,
        chunk: size(&["--chunksize", "-c"])?.unwrap_or(64 << 10),
        spare: read.value(&["--poolmetadataspare"]) != Some("n"),
        tags: read.values(&["--addtag"]),
    };
    if request.pool.is_none() && request.name.is_none() {
        return Err("The simulated node gives no names to volumes: --name is needed.".into());
    }
    if [request.pool, request.name]
        .into_iter()
        .flatten()
        .any(|name| !is_lvm_name(name))
    {
        return Err("Logical volume name is invalid.".into());
    }
    if request.pool.is_some() && request.name.is_some() != request.virtual_size.is_some() {
        return Err("A thin volume needs --virtualsize and --name.".into());
    }
    if !(64 << 10..=1 << 30).contains(&request.chunk) || !request.chunk.is_multiple_of(64 << 10) {
        return Err("Chunk size must be a multiple of 64 KiB from 64 KiB to 1 GiB.".into());
    }
    Ok(request)
}

/// `--extents N%VG`, the only share that the simulated node knows.
pub(crate) fn share(read: &Parsed<'_>) -> Result<Option<u64>, String> {
    let Some(text) = read.value(&["--extents", "-l"]) else {
        return Ok(None);
    };
    let share = text.strip_suffix("%VG").and_then(|share| share.parse().ok());
    match share.filter(|share| (1..=100).contains(share)) {
        Some(share) => Ok(Some(share)),
        None => Err("The simulated node knows extents as a share of the group only: N%VG.".into()),
    }
}

/// Bytes of so many per cent of a group, in whole extents.
pub(crate) fn part_of(group: &Vg, share: u64) -> u64 {
    let extents = u64::from(group.extents) * share / 100;
    group.bytes(u32::try_from(extents).unwrap_or(u32::MAX))
}

/// Makes what was asked for, or nothing; gives the name of the last volume made.
/// LVM makes no thin volume in a pool whose data is taken, or whose metadata has less left than a quarter or 4 MiB. (So where no
/// pool is to grow by itself: the threshold that `lvm.conf` has then, or `--config`.)
pub(crate) fn has_room(node: &Node, names: &Names, group: &Vg, pool: &Lv) -> Result<(), String> {
    let percent = |full: Option<&u8>| u64::from(full.copied().unwrap_or(0));
    let kept = (4_u64 << 20) * 100 / group.bytes(pool.metadata).max(1);
    let metadata = 100 - kept.min(25);
    if percent(node.full_data.get(&pool.stamp)) < 100
        && percent(node.full_metadata.get(&pool.stamp)) < metadata
    {
        return Ok(());
    }
    let (group, pool) = (names.read(&group.name), names.read(&pool.name));
    Err(format!(
        "Cannot create new thin volume, free space in thin pool {group}/{pool} reached threshold."
    ))
}

fn make(shell: &mut Shell<'_>, number: u32, request: &Request<'_>) -> Result<String, String> {
    let group = shell.node.groups.get(number).expect("found by its name");
    if let (Some(pool), None) = (request.pool, request.size)
        && let Some(at) = group.position(shell.names, pool)
    {
        has_room(shell.node, shell.names, group, &group.volumes[at])?;
    }
    // Made together with its pool, a thin volume gets no tags: the pool has them (seen with LVM 2.03.31).
    let mut tags: Box<[Text]> = request.tags.iter().map(|tag| shell.names.store(tag)).collect();
    let found = shell.node.groups.get_mut(number).expect("found by its name");
    let pool_taken = |pool: &str| {
        format!(
            "Logical volume {pool} already exists in Volume group {}.",
            request.group
        )
    };
    let taken = |name: &str| {
        format!(
            "Logical Volume \"{name}\" already exists in volume group \"{}\"",
            request.group
        )
    };
    if let Some(name) = request
        .name
        .filter(|name| found.position(shell.names, name).is_some())
    {
        let pool = request
            .pool
            .filter(|pool| request.size.is_some() && found.position(shell.names, pool).is_some());
        return Err(pool.map_or_else(|| taken(name), pool_taken));
    }
    let existing = request.pool.and_then(|pool| found.position(shell.names, pool));
    let Some(pool) = request.pool else {
        let (Some(name), Some(size)) = (request.name, request.size) else {
            return Err("Please specify either size or extents".into());
        };
        let extents = found.extents_for(size);
        take(found, request.group, extents, 0, 0)?;
        let stamp = shell.stamps.next();
        let name_kept = shell.names.store(name);
        push(
            found,
            Lv {
                name: name_kept,
                stamp,
                extents,
                metadata: 0,
                kind: LvKind::Linear,
                tags,
                system: None,
            },
        );
        return Ok(name.to_owned());
    };
    let pool_stamp = match (existing, request.size) {
        (Some(_), Some(_)) => return Err(pool_taken(pool)),
        (Some(at), None) => match found.volumes[at].kind {
            LvKind::Pool => found.volumes[at].stamp,
            _ => return Err(format!("Logical volume {pool} is not a thin pool.")),
        },
        (None, None) => {
            return Err(format!(
                "Pool {pool} not found in Volume group {}.",
                request.group
            ));
        }
        (None, Some(size)) => {
            let stamp = shell.stamps.next();
            let kept = shell.names.store(pool);
            make_pool(found, request, kept, size, stamp, std::mem::take(&mut tags))?;
            stamp
        }
    };
    let (Some(name), Some(size)) = (request.name, request.virtual_size) else {
        return Ok(pool.to_owned());
    };
    let extents = found.extents_for(size);
    let stamp = shell.stamps.next();
    let kept = shell.names.store(name);
    push(
        found,
        Lv {
            name: kept,
            stamp,
            extents,
            metadata: 0,
            kind: LvKind::Thin(pool_stamp),
            tags,
            system: None,
        },
    );
    Ok(name.to_owned())
}

fn make_pool(
    found: &mut Vg,
    request: &Request<'_>,
    name: Text,
    size: u64,
    stamp: u32,
    tags: Box<[Text]>,
) -> Result<(), String> {
    let extents = found.extents_for(size);
    let metadata = request
        .metadata
        .unwrap_or_else(|| (size / request.chunk * CHUNK_RECORD).max(2 << 20));
    let metadata = found.extents_for(metadata.max(2 << 20));
    // LVM keeps one spare for all pools, as large as the largest metadata (lvmthin(7)).
    let spare = if request.spare {
        metadata.saturating_sub(found.spare)
    } else {
        0
    };
    take(found, request.group, extents, metadata, spare)?;
    found.spare += spare;
    push(
        found,
        Lv {
            name,
            stamp,
            extents,
            metadata,
            kind: LvKind::Pool,
            tags,
            system: None,
        },
    );
    Ok(())
}

/// Takes extents from the free ones, or says that there are not enough.
fn take(found: &mut Vg, name: &str, data: u32, metadata: u32, spare: u32) -> Result<(), String> {
    let free = found.free;
    if data == 0 {
        return Err("Calculated size of logical volume is 0 extents. Needs to be larger.".into());
    }
    if data > free {
        return Err(format!(
            "Volume group \"{name}\" has insufficient free space ({free} extents): {data} required."
        ));
    }
    let all = u64::from(data) + u64::from(metadata) + u64::from(spare);
    if all > u64::from(free) {
        return Err(format!(
            "Insufficient free space: {all} extents needed, but only {free} available"
        ));
    }
    found.free -= data + metadata + spare;
    Ok(())
}

fn push(found: &mut Vg, volume: Lv) {
    if found.volumes.len() < 16 {
        found.volumes.reserve_exact(1);
    }
    found.volumes.push(volume);
}

/// `lvremove [-f|--yes] VG/LV`, or `lvremove --select CRITERIA VG`
pub(crate) fn lvremove(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = with_common(&[("-S", true), ("--select", true), ("--nohistory", false)]);
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return bad_option("lvremove", option),
    };
    let [word] = read.words[..] else {
        return fail(3, "  The simulated node removes volumes of one group.");
    };
    let word = word.strip_prefix("/dev/").unwrap_or(word);
    let (group_name, volume) = word
        .split_once('/')
        .map_or((word, None), |(group, volume)| (group, Some(volume)));
    let Some(number) = group(shell.node, shell.names, group_name) else {
        return no_group(group_name);
    };
    let found = shell.node.groups.get_mut(number).expect("found by its name");
    if volume == Some(growth::SPARE) && growth::remove_spare(found) {
        return Output {
            stderr: not_backed_up(&read).to_owned(),
            ..Output::default()
        };
    }
    let doomed: Vec<u32> = match (volume, read.value(&["-S", "--select"])) {
        (Some(volume), None) => match found.position(shell.names, volume) {
            Some(at) => vec![found.volumes[at].stamp],
            None => return fail(5, format!("  Failed to find logical volume \"{word}\"")),
        },
        (None, Some(criteria)) => match Selection::parse(criteria) {
            Ok(selection) => {
                let hits = found
                    .volumes
                    .iter()
                    .filter(|volume| selection.hits(shell.names, found, volume));
                hits.map(|volume| volume.stamp).collect()
            }
            Err(why) => return fail(3, format!("  {why}")),
        },
        _ => return fail(3, "  The simulated node removes VG/LV, or VG with --select."),
    };
    let sure = read.has(&["-f", "--force", "-y", "--yes"]);
    let mut said = String::new();
    for stamp in doomed {
        match remove(shell, number, group_name, stamp, sure) {
            Ok(name) => said.push_str(&format!("  Logical volume \"{name}\" successfully removed.\n")),
            Err(why) => return fail(5, why),
        }
    }
    let stderr = if said.is_empty() {
        String::new()
    } else {
        not_backed_up(&read).to_owned()
    };
    let stdout = if read.has(&["-q", "--quiet"]) {
        String::new()
    } else {
        said
    };
    Output {
        status: 0,
        stdout,
        stderr,
    }
}

/// Removes one volume; a pool goes with its thin volumes.
fn remove(shell: &mut Shell<'_>, number: u32, group: &str, stamp: u32, sure: bool) -> Result<String, String> {
    let node = &mut *shell.node;
    let found = node.groups.get(number).expect("found by its name");
    let Some(volume) = found.volumes.iter().find(|volume| volume.stamp == stamp) else {
        // Went with its pool, earlier in the same command.
        return Ok(String::new());
    };
    let name = shell.names.read(&volume.name);
    let goes = |volume: &&Lv| volume.stamp == stamp || volume.kind == LvKind::Thin(stamp);
    let mounted = found.volumes.iter().filter(goes).find(|volume| {
        volume
            .system
            .and_then(|system| node.systems.get(system))
            .is_some_and(|system| system.mounts > 0)
    });
    if let Some(volume) = mounted {
        let volume = shell.names.read(&volume.name);
        return Err(format!(
            "  Logical volume {group}/{volume} contains a filesystem in use."
        ));
    }
    if !sure {
        return Err(format!(
            "Do you really want to remove active logical volume {group}/{name}? [y/n]: [n]\n  Logical volume {group}/{name} not removed."
        ));
    }
    let systems: Vec<u32> = found
        .volumes
        .iter()
        .filter(goes)
        .filter_map(|volume| volume.system)
        .collect();
    let found = node.groups.get_mut(number).expect("found by its name");
    found.volumes.retain(|volume| !goes(&volume));
    if !found.volumes.iter().any(|volume| volume.kind == LvKind::Pool) {
        // The spare goes with the last pool.
        found.spare = 0;
    }
    found.free = found.extents - found.allocated();
    for system in systems {
        node.unhold(system);
    }
    Ok(name)
}

/// The device path of a volume, as reports show it.
pub(crate) fn device_path(names: &Names, group: &Vg, volume: &Lv) -> String {
    match volume.kind {
        LvKind::Pool => String::new(),
        _ => format!("/dev/{}/{}", names.read(&group.name), names.read(&volume.name)),
    }
}
