//! pvs, vgs and lvs with `--reportformat json --units b --nosuffix`, and the criteria of `--select`.

use mortar_argv::Output;

use crate::block::{self, Device, device};
use crate::growth;
use crate::lvm::{Lv, LvKind, Vg, bad_option, group, with_common};
use crate::lvm_make::device_path;
use crate::node::Contents;
use crate::text::{Names, Text};
use crate::tool::{Known, Parsed, Shell, fail};

const REPORT: [Known; 12] = [
    ("--reportformat", true),
    ("--units", true),
    ("--nosuffix", false),
    ("-o", true),
    ("--options", true),
    ("-S", true),
    ("--select", true),
    ("--noheadings", false),
    ("--all", false),
    ("-a", false),
    ("--readonly", false),
    ("--nolocking", false),
];

/// A report asked for: the columns and the rows that were found, and what went wrong.
struct Report {
    kind: &'static str,
    rows: Vec<String>,
    complaint: Option<String>,
    quiet: bool,
}

impl Report {
    /// LVM's layout, one row a line; status 5 with what could not be found on standard error.
    fn render(self) -> Output {
        let status = if self.complaint.is_some() { 5 } else { 0 };
        let stderr = self.complaint.map_or(String::new(), |complaint| complaint + "\n");
        if self.quiet {
            return Output {
                status,
                stdout: String::new(),
                stderr,
            };
        }
        let rows = self.rows.join(",\n");
        let rows = if rows.is_empty() { rows } else { rows + "\n" };
        let stdout = format!(
            "  {{\n      \"report\": [\n          {{\n              \"{}\": [\n{rows}              ]\n          }}\n      ]\n  }}\n",
            self.kind
        );
        Output {
            status,
            stdout,
            stderr,
        }
    }
}

/// Reads the options that the three reports share.
fn read<'a>(program: &str, arguments: &'a [String]) -> Result<(Parsed<'a>, bool), Output> {
    let read =
        Parsed::read(arguments, &with_common(&REPORT)).map_err(|option| bad_option(program, option))?;
    let json = read.value(&["--reportformat"]) == Some("json");
    let bytes = read.value(&["--units"]) == Some("b") && read.has(&["--nosuffix"]);
    // As a guard, `lvs -qq VG/LV` only asks whether it is there.
    let quiet = read.has(&["-q", "--quiet"]) && !json;
    if quiet || (json && bytes && read.has(&["-o", "--options"])) {
        return Ok((read, quiet));
    }
    Err(fail(
        3,
        format!("  {program}: the simulated node needs --reportformat json --units b --nosuffix -o COLUMNS"),
    ))
}

fn columns<'a>(read: &Parsed<'a>) -> Vec<&'a str> {
    read.value(&["-o", "--options"])
        .map_or(Vec::new(), |columns| columns.split(',').collect())
}

/// One row: `column` gives the value, or `None` for a column that this report does not have.
fn row(columns: &[&str], column: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut fields = Vec::with_capacity(columns.len());
    for name in columns {
        let value = column(name).ok_or_else(|| format!("  Unrecognised field: {name}"))?;
        let value = serde_json::to_string(&value).map_err(|error| error.to_string())?;
        fields.push(format!("\"{name}\":{value}"));
    }
    Ok(format!("                  {{{}}}", fields.join(", ")))
}

fn joined(names: &Names, tags: &[Text]) -> String {
    let mut tags: Vec<String> = tags.iter().map(|tag| names.read(tag)).collect();
    tags.sort_unstable();
    tags.join(",")
}

fn bad_column(why: String) -> Output {
    fail(3, why)
}

/// `pvs … [DEVICE]`
pub(crate) fn pvs(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let (read, quiet) = match read("pvs", arguments) {
        Ok(read) => read,
        Err(output) => return output,
    };
    let columns = columns(&read);
    let (node, names) = (&*shell.node, &*shell.names);
    let (mut indices, mut complaints) = (Vec::new(), Vec::new());
    if read.words.is_empty() {
        indices = (0..node.disks.len())
            .filter(|index| {
                let disk = &node.disks[*index];
                !disk.filtered && matches!(disk.contents, Contents::Pv { .. })
            })
            .collect();
    }
    for path in &read.words {
        match device(node, names, path) {
            Some(Device::Disk(index)) if node.disks[index].filtered => {
                complaints.push(format!(
                    "  Cannot use {path}: device is rejected by filter config"
                ));
            }
            Some(Device::Disk(index)) => match node.disks[index].contents {
                Contents::Pv { .. } => indices.push(index),
                Contents::Partitions(_) => {
                    complaints.push(format!("  Cannot use {path}: device is partitioned"));
                }
                _ => complaints.push(format!("  Failed to find physical volume \"{path}\".")),
            },
            Some(_) => complaints.push(format!("  Failed to find physical volume \"{path}\".")),
            None => complaints.push(format!("  Cannot use {path}: device not found")),
        }
    }
    let mut rows = Vec::new();
    for index in indices {
        let disk = &node.disks[index];
        let Contents::Pv { uuid, start, group } = &disk.contents else {
            continue;
        };
        let group = group.and_then(|number| node.groups.get(number));
        // Without a group the whole disk counts, with one only its extents.
        let size = group.map_or(disk.size, |group| group.bytes(group.extents));
        let made = row(&columns, |column| {
            Some(match column {
                "pv_name" => block::display_name(node, names, Device::Disk(index)),
                "pv_uuid" => names.read(uuid),
                "pv_size" => size.to_string(),
                "pv_free" => group
                    .map_or(disk.size, |group| group.bytes(group.free))
                    .to_string(),
                "pv_used" => group
                    .map_or(0, |group| group.bytes(group.extents - group.free))
                    .to_string(),
                "dev_size" => disk.size.to_string(),
                "pe_start" => start.to_string(),
                "pv_tags" => String::new(),
                "pv_fmt" => "lvm2".into(),
                "pv_attr" => if group.is_some() { "a--" } else { "---" }.into(),
                other => return group_column(shell, group, other),
            })
        });
        match made {
            Ok(row) => rows.push(row),
            Err(why) => return bad_column(why),
        }
    }
    let complaint = (!complaints.is_empty()).then(|| complaints.join("\n"));
    Report {
        kind: "pv",
        rows,
        complaint,
        quiet,
    }
    .render()
}

/// A column of a volume group; empty for a physical volume without one.
fn group_column(shell: &Shell<'_>, group: Option<&Vg>, column: &str) -> Option<String> {
    const NAMES: [&str; 13] = [
        "vg_name",
        "vg_uuid",
        "vg_size",
        "vg_free",
        "vg_extent_size",
        "vg_extent_count",
        "vg_free_count",
        "vg_tags",
        "vg_attr",
        "pv_count",
        "lv_count",
        "snap_count",
        "vg_missing_pv_count",
    ];
    if !NAMES.contains(&column) {
        return None;
    }
    let Some(group) = group else {
        let is_size = ["vg_size", "vg_free", "vg_extent_size"].contains(&column);
        return Some(if is_size { "0".into() } else { String::new() });
    };
    Some(match column {
        "vg_name" => shell.names.read(&group.name),
        "vg_uuid" => shell.stamps.lvm_uuid(group.stamp),
        "vg_size" => group.bytes(group.extents).to_string(),
        "vg_free" => group.bytes(group.free).to_string(),
        "vg_extent_size" => group.bytes(1).to_string(),
        "vg_extent_count" => group.extents.to_string(),
        "vg_free_count" => group.free.to_string(),
        "vg_tags" => joined(shell.names, &group.tags),
        "vg_attr" => "wz--n-".into(),
        "lv_count" => group.volumes.len().to_string(),
        "pv_count" => "1".into(),
        _ => "0".into(),
    })
}

/// `vgs … [NAME]`
pub(crate) fn vgs(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let (read, quiet) = match read("vgs", arguments) {
        Ok(read) => read,
        Err(output) => return output,
    };
    let columns = columns(&read);
    let (groups, complaint) = match named_groups(shell, &read.words) {
        Ok(found) => found,
        Err(output) => return output,
    };
    let mut rows = Vec::new();
    for number in groups {
        let group = shell.node.groups.get(number);
        let made = row(&columns, |column| match column {
            "pv_name" => group
                .map(|group| block::display_name(shell.node, shell.names, Device::Disk(group.disk as usize))),
            "pv_uuid" => group.and_then(|group| match &shell.node.disks[group.disk as usize].contents {
                Contents::Pv { uuid, .. } => Some(shell.names.read(uuid)),
                _ => None,
            }),
            other => group_column(shell, group, other),
        });
        match made {
            Ok(row) => rows.push(row),
            Err(why) => return bad_column(why),
        }
    }
    Report {
        kind: "vg",
        rows,
        complaint,
        quiet,
    }
    .render()
}

/// The groups with these names, or all, sorted by name; and what to say of one that is not there.
fn named_groups(shell: &Shell<'_>, words: &[&str]) -> Result<(Vec<u32>, Option<String>), Output> {
    match words {
        [] => {
            let mut all: Vec<(String, u32)> = shell
                .node
                .groups
                .iter()
                .map(|(number, group)| (shell.names.read(&group.name), number))
                .collect();
            all.sort_unstable();
            Ok((all.into_iter().map(|(_, number)| number).collect(), None))
        }
        [name] => Ok(match group(shell.node, shell.names, name) {
            Some(number) => (vec![number], None),
            None => {
                let why =
                    format!("  Volume group \"{name}\" not found\n  Cannot process volume group {name}");
                (Vec::new(), Some(why))
            }
        }),
        _ => Err(fail(
            3,
            "  The simulated node reports on one volume group or on all.",
        )),
    }
}

/// `lvs … [VG | VG/LV]`
pub(crate) fn lvs(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let (read, quiet) = match read("lvs", arguments) {
        Ok(read) => read,
        Err(output) => return output,
    };
    let columns = columns(&read);
    let selection = match read.value(&["-S", "--select"]).map(Selection::parse) {
        Some(Err(why)) => return fail(3, format!("  {why}")),
        other => other.and_then(Result::ok),
    };
    let word = read
        .words
        .first()
        .map(|word| word.strip_prefix("/dev/").unwrap_or(word));
    let (group_word, volume) = match word.and_then(|word| word.split_once('/')) {
        Some((group, volume)) => (Some(group), Some(volume)),
        None => (word, None),
    };
    let (groups, mut complaint) = match named_groups(shell, group_word.as_slice()) {
        Ok(found) => found,
        Err(output) => return output,
    };
    let mut rows: Vec<([String; 2], String)> = Vec::new();
    for number in groups {
        let Some(group) = shell.node.groups.get(number) else {
            continue;
        };
        let mut hits: Vec<&Lv> = group.volumes.iter().collect();
        if let Some(name) = volume {
            hits = group
                .position(shell.names, name)
                .map(|at| &group.volumes[at])
                .into_iter()
                .collect();
            let spare = quiet && name == growth::SPARE && group.spare > 0;
            if hits.is_empty() && !spare {
                complaint = Some(format!(
                    "  Failed to find logical volume \"{}\"",
                    word.unwrap_or_default()
                ));
            }
        }
        if let Some(selection) = &selection {
            hits.retain(|volume| selection.hits(shell.names, group, volume));
        }
        for volume in hits {
            let made = row(&columns, |column| volume_column(shell, group, volume, column));
            match made {
                Ok(row) => {
                    let names = [&group.name, &volume.name].map(|name| shell.names.read(name));
                    rows.push((names, row));
                }
                Err(why) => return bad_column(why),
            }
        }
    }
    rows.sort_unstable();
    let rows = rows.into_iter().map(|(_, row)| row).collect();
    Report {
        kind: "lv",
        rows,
        complaint,
        quiet,
    }
    .render()
}

fn volume_column(shell: &Shell<'_>, group: &Vg, volume: &Lv, column: &str) -> Option<String> {
    let names = &*shell.names;
    let pool = match volume.kind {
        LvKind::Thin(pool) => group.volumes.iter().find(|other| other.stamp == pool),
        _ => None,
    };
    // Only mkfs writes into a simulated volume.
    let written = |volume: &Lv| {
        let system = volume.system.and_then(|system| shell.node.systems.get(system));
        let hundredths = system.map_or(0, |system| system.written() * 10_000 / system.size.max(1));
        format!("{}.{:02}", hundredths / 100, hundredths % 100)
    };
    Some(match column {
        "lv_name" => names.read(&volume.name),
        "lv_uuid" => shell.stamps.lvm_uuid(volume.stamp),
        "lv_path" => device_path(names, group, volume),
        "lv_size" => group.bytes(volume.extents).to_string(),
        "pool_lv" => pool.map_or(String::new(), |pool| names.read(&pool.name)),
        "lv_tags" => joined(names, &volume.tags),
        "lv_metadata_size" if volume.kind == LvKind::Pool => group.bytes(volume.metadata).to_string(),
        "lv_metadata_size" => String::new(),
        "thin_count" if volume.kind == LvKind::Pool => group.thin_count(volume.stamp).to_string(),
        "thin_count" => String::new(),
        "lv_attr" => match volume.kind {
            LvKind::Linear => "-wi-a-----",
            LvKind::Pool => "twi-aotz--",
            LvKind::Thin(_) => "Vwi-aotz--",
        }
        .into(),
        "segtype" => match volume.kind {
            LvKind::Linear => "linear",
            LvKind::Pool => "thin-pool",
            LvKind::Thin(_) => "thin",
        }
        .into(),
        "lv_active" => "active".into(),
        "data_percent" => match volume.kind {
            LvKind::Linear => String::new(),
            LvKind::Thin(_) => written(volume),
            LvKind::Pool => {
                let full = shell.node.full_data.get(&volume.stamp);
                full.map_or_else(
                    || pool_written(shell, group, volume),
                    |percent| format!("{percent}.00"),
                )
            }
        },
        "metadata_percent" if volume.kind == LvKind::Pool => {
            let full = shell.node.full_metadata.get(&volume.stamp);
            full.map_or("10.45".into(), |percent| format!("{percent}.00"))
        }
        "metadata_percent" => String::new(),
        other => return group_column(shell, Some(group), other),
    })
}

/// How much of a pool's data its thin volumes have written, in per cent. What they share counts for each of them.
fn pool_written(shell: &Shell<'_>, group: &Vg, pool: &Lv) -> String {
    let thin = group
        .volumes
        .iter()
        .filter(|other| other.kind == LvKind::Thin(pool.stamp));
    let written = |volume: &Lv| {
        let system = volume.system.and_then(|system| shell.node.systems.get(system));
        system.map_or(0, |system| system.written())
    };
    let hundredths = thin.map(written).sum::<u64>() * 10_000 / group.bytes(pool.extents).max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

/// Criteria of `--select`: `field=value`, joined by `&&`.
pub(crate) struct Selection<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Selection<'a> {
    /// Reads criteria on lv_name, vg_name, pool_lv, lv_tags and thin_count.
    pub(crate) fn parse(criteria: &'a str) -> Result<Self, String> {
        let mut read = Vec::new();
        for part in criteria.split("&&") {
            let part = part.trim();
            let (field, value) = part
                .split_once('=')
                .ok_or_else(|| format!("Selection syntax error at \"{part}\"."))?;
            let (field, value) = (field.trim(), value.trim().trim_matches(['"', '\'']));
            if !["lv_name", "vg_name", "pool_lv", "lv_tags", "thin_count"].contains(&field) {
                return Err(format!("The simulated node does not select by {field}."));
            }
            if value.is_empty() {
                return Err(format!("Selection syntax error at \"{part}\"."));
            }
            read.push((field, value));
        }
        Ok(Self(read))
    }

    /// Whether a volume meets all criteria.
    pub(crate) fn hits(&self, names: &Names, group: &Vg, volume: &Lv) -> bool {
        self.0.iter().all(|(field, value)| match *field {
            "lv_name" => names.seek(value).is_some_and(|name| name == volume.name),
            "vg_name" => names.seek(value).is_some_and(|name| name == group.name),
            "lv_tags" => {
                let wanted = value.trim_matches(['{', '}', '[', ']']);
                names.seek(wanted).is_some_and(|tag| volume.tags.contains(&tag))
            }
            "thin_count" => {
                volume.kind == LvKind::Pool
                    && value
                        .parse()
                        .is_ok_and(|count: usize| count == group.thin_count(volume.stamp))
            }
            _ => match volume.kind {
                LvKind::Thin(pool) => group.volumes.iter().any(|other| {
                    other.stamp == pool && names.seek(value).is_some_and(|name| name == other.name)
                }),
                _ => false,
            },
        })
    }
}
