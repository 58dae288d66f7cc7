//! Everything of a node in one batch.

use mortar_argv::{Batch, Command, Outcome, Report};
use mortar_model::{DevicePath, layout};

use super::files::{self, Troubles};
use super::{DirectorySeen, FolderSeen, GroupSeen, LoopSeen, MountSeen, NodeSurvey, Part, VolumeSeen};
use crate::answer::{self, ListedVolume, Unreadable};
use crate::query::pool;
use crate::{Settings, complaint, program};

// Items of `ask_node`, in order: first what a dead disk cannot hold up. After the last come two for each directory
// (its identity file, its space), where there is one, one for the images of all, and then one for the files of copies.
const NODE_FILE: usize = 0;
const ENTRIES: usize = 1;
const LOOPS: usize = 2;
const MEMBERS: usize = 3;
const MOUNTS: usize = 4;
const GROUPS: usize = 5;
const VOLUMES: usize = 6;
const BELOW: usize = 7;
const IDENTITIES: usize = 8;
const DIRECTORIES: usize = 9;

/// What to run on a node. `directories` are those that may stand for disks there: no tool can list them.
pub fn ask_node(settings: &Settings, directories: &[DevicePath]) -> Batch {
    ask_node_with(settings, directories, &[])
}

/// The same where bricks are mounted below other folders than Mortar's, too: `roots`, two levels above each mount point.
pub fn ask_node_with(settings: &Settings, directories: &[DevicePath], roots: &[String]) -> Batch {
    let batch = ask_node_itself(settings, directories);
    roots.iter().fold(batch, |batch, root| {
        batch.ask(below(settings, root)).ask(identities(settings, root))
    })
}

fn ask_node_itself(settings: &Settings, directories: &[DevicePath]) -> Batch {
    let program = |name| program::program(settings, name);
    // glusterd answers this from its memory: it is not waited for as long as for a change.
    let soon = Settings {
        gluster_timeout: settings.gluster_timeout.min(settings.command_limit),
        ..settings.clone()
    };
    let mounts = ["--json", "--bytes", "--list", "--types", "xfs"];
    let loops = ["--json", "--list", "--output", "NAME,BACK-FILE"];
    let batch = Batch::new()
        .ask(program::read(settings, layout::NODE_FILE))
        .ask(program::read(settings, settings.fstab.clone()))
        .ask(program("losetup").args(loops))
        .then(pool::ask(&soon))
        .ask(
            program("findmnt")
                .args(mounts)
                .args(["--output", "TARGET,SOURCE,UUID,SIZE,USED"]),
        )
        .ask(program::lvm_report(settings, "pvs", answer::PV_COLUMNS))
        .then(ask_volumes(settings))
        .ask(below(settings, layout::MOUNTS))
        .ask(identities(settings, layout::MOUNTS));
    let batch = directories
        .iter()
        .fold(batch, |batch, path| batch.then(directory(settings, path)));
    let copies = program("find")
        .args(directories.iter().map(layout::image_folder))
        .arg(layout::COPIES)
        .args(["-mindepth", "1", "-maxdepth", "2"])
        .args(["-name", "copy_*.json", "-size"])
        .arg(format!("-{}k", files::LONGEST_IDENTITY + 1))
        .args(["-exec", "grep", "-aFH", "", "{}", "+"]);
    // Without a folder, `find` would search where it stands.
    if directories.is_empty() {
        return batch.ask(copies);
    }
    let images = program("find")
        .args(directories.iter().map(layout::image_folder))
        .args(["-mindepth", "1", "-maxdepth", "1"])
        .args(["-name", "brick_*.img*", "-printf", files::IMAGE])
        .args(["-o", "-name", "copy_*", "-printf", files::IMAGE]);
    batch.ask(images).ask(copies)
}

/// What to run for the logical volumes of a node alone.
pub fn ask_volumes(settings: &Settings) -> Batch {
    Batch::new().ask(program::lvm_report(settings, "lvs", answer::ALL_LV_COLUMNS))
}

/// Reads the answer to [`ask_volumes`].
///
/// # Errors
/// The node did not answer, or LVM could not tell.
pub fn read_volumes(report: &Report) -> Result<Vec<VolumeSeen>, Unreadable> {
    volumes_at(report, 0)
}

/// `find` at the depth at which a brick has its folder and its identity file: never in the data.
fn find(settings: &Settings, root: &str) -> Command {
    program::program(settings, "find")
        .arg(root)
        .args(["-mindepth", "3", "-maxdepth", "3"])
}

fn below(settings: &Settings, root: &str) -> Command {
    find(settings, root)
        .args(["-name", "brick", "-type", "d", "-printf", files::FOLDER])
        .arg("-o")
        .args(["-name", "mortar.json", "-type", "f", "-printf", files::IDENTITY])
}

/// Each line with the path of its file, so that a damaged file is not taken for a part of another.
fn identities(settings: &Settings, root: &str) -> Command {
    find(settings, root)
        .args(["-name", "mortar.json", "-type", "f", "-size"])
        .arg(format!("-{}k", files::LONGEST_IDENTITY + 1))
        .args(["-exec", "grep", "-aFH", "", "{}", "+"])
}

fn directory(settings: &Settings, path: &DevicePath) -> Batch {
    let df = ["--block-size=1", "--output=size,avail,fstype", path.as_str()];
    Batch::new()
        .ask(program::read(settings, layout::device_identity_file(path)))
        .ask(program::program(settings, "df").args(df))
}

/// Reads the answers to [`ask_node`] with the same `directories`.
///
/// # Errors
/// The node did not answer at all. What a single tool could not tell is an error in its part.
pub fn read_node(directories: &[DevicePath], report: &Report) -> Result<NodeSurvey, Unreadable> {
    read_node_with(directories, &[], report)
}

/// Reads the answers to [`ask_node_with`] with the same `directories` and `roots`.
///
/// # Errors
/// The node did not answer at all. What a single tool could not tell is an error in its part.
pub fn read_node_with(
    directories: &[DevicePath],
    roots: &[String],
    report: &Report,
) -> Result<NodeSurvey, Unreadable> {
    if !report
        .outcomes
        .iter()
        .any(|outcome| matches!(outcome, Outcome::Ran(_)))
    {
        let why = report.broken.as_deref().unwrap_or("the node was not asked");
        return Err(Unreadable::new("what is on the node", why));
    }
    let mut troubles = Troubles::new();
    let own = Mounts {
        root: layout::MOUNTS,
        below: BELOW,
        identities: IDENTITIES,
    };
    let (mut folders, mut identities) = own.read(report, &mut troubles);
    for (number, root) in roots.iter().enumerate() {
        let after = report.outcomes.len().saturating_sub(2 * roots.len()) + 2 * number;
        let other = Mounts {
            root,
            below: after,
            identities: after + 1,
        };
        let (more_folders, more_identities) = other.read(report, &mut troubles);
        folders = joined(folders, more_folders);
        identities = joined(identities, more_identities);
    }
    let all_directories = read_directories(directories, report, &mut troubles);
    let images = if directories.is_empty() {
        Ok(Vec::new())
    } else {
        files::images(
            report,
            DIRECTORIES + 2 * directories.len(),
            directories,
            &mut troubles,
        )
    };
    let index = DIRECTORIES + 2 * directories.len() + usize::from(!directories.is_empty());
    let copies = files::copies(report, index, directories, &mut troubles);
    let text = |index, what| answer::text_of(report, index, what);
    Ok(NodeSurvey {
        node_file: part(text(NODE_FILE, "what the node's file says").map(|text| text.map(str::to_owned))),
        groups: part(read_groups(report)),
        volumes: part(volumes_at(report, VOLUMES)),
        directories: part(all_directories),
        images: part(images),
        copies: part(copies),
        mounts: part(read_mounts(report)),
        entries: part(
            text(ENTRIES, "which mount entries there are")
                .map(|text| files::entries(text.unwrap_or_default())),
        ),
        loops: part(read_loops(report)),
        folders: part(folders),
        identities: part(identities),
        unreadable: troubles.into_iter().collect(),
        members: part(pool::read_at(report, MEMBERS)),
    })
}

/// Things of one kind, or why they cannot be told.
type Read<T> = Result<Vec<T>, Unreadable>;

/// A folder below which bricks are mounted, and where the answers of what is in it are.
struct Mounts<'a> {
    root: &'a str,
    below: usize,
    identities: usize,
}

impl Mounts<'_> {
    fn read(&self, report: &Report, troubles: &mut Troubles) -> (Read<FolderSeen>, Read<(String, String)>) {
        match files::below(report, self.below, self.root, troubles) {
            Ok(below) => {
                let identities = files::identities(report, self.identities, self.root, &below, troubles);
                (Ok(below.folders), identities)
            }
            Err(unreadable) => (Err(unreadable.clone()), Err(unreadable)),
        }
    }
}

/// Both, or why one of them is not known.
fn joined<T>(
    all: Result<Vec<T>, Unreadable>,
    more: Result<Vec<T>, Unreadable>,
) -> Result<Vec<T>, Unreadable> {
    let mut all = all?;
    all.extend(more?);
    Ok(all)
}

fn part<T>(read: Result<T, Unreadable>) -> Part<T> {
    read.map_err(|unreadable| unreadable.to_string())
}

fn read_groups(report: &Report) -> Result<Vec<GroupSeen>, Unreadable> {
    let mut groups: Vec<GroupSeen> = answer::physical_volumes(report, GROUPS)?
        .into_iter()
        .filter(|volume| !volume.vg_name.is_empty())
        .map(|volume| GroupSeen {
            name: volume.vg_name,
            size: volume.vg_size,
            free: volume.vg_free,
            extent: volume.vg_extent_size,
            path: volume.pv_name,
            uuid: volume.pv_uuid,
            tags: volume.vg_tags,
        })
        .collect();
    groups.sort_by(|a, b| (&a.name, &a.path).cmp(&(&b.name, &b.path)));
    Ok(groups)
}

fn volumes_at(report: &Report, index: usize) -> Result<Vec<VolumeSeen>, Unreadable> {
    let mut volumes: Vec<VolumeSeen> = answer::listed_volumes(report, index)?
        .into_iter()
        .map(volume_seen)
        .collect();
    volumes.sort_by(|a, b| (&a.group, &a.name).cmp(&(&b.group, &b.name)));
    Ok(volumes)
}

fn volume_seen(listed: ListedVolume) -> VolumeSeen {
    VolumeSeen {
        group: listed.vg_name,
        name: listed.volume.lv_name,
        size: listed.volume.lv_size,
        metadata: listed.lv_metadata_size,
        pool: Some(listed.pool_lv).filter(|pool| !pool.is_empty()),
        is_pool: listed.lv_attr.starts_with('t'),
        active: listed.volume.lv_active == "active",
        tags: listed.volume.lv_tags,
        data_percent: listed.volume.data_percent,
        metadata_percent: listed.volume.metadata_percent,
    }
}

fn read_mounts(report: &Report) -> Result<Vec<MountSeen>, Unreadable> {
    let mut mounts: Vec<MountSeen> = answer::mounts(report, MOUNTS)?
        .into_iter()
        .map(|listed| MountSeen {
            target: listed.target,
            source: listed.mount.source,
            uuid: listed.uuid.unwrap_or_default(),
            size: listed.mount.size,
            used: listed.mount.used,
        })
        .collect();
    mounts.sort_by(|a, b| a.target.cmp(&b.target));
    Ok(mounts)
}

fn read_loops(report: &Report) -> Result<Vec<LoopSeen>, Unreadable> {
    let mut loops: Vec<LoopSeen> = answer::loop_devices(report, LOOPS)?
        .into_iter()
        .map(|used| LoopSeen {
            device: used.device,
            file: used.file,
        })
        .collect();
    loops.sort_by(|a, b| a.device.cmp(&b.device));
    Ok(loops)
}

/// In the order in which they were asked for.
fn read_directories(
    directories: &[DevicePath],
    report: &Report,
    troubles: &mut Troubles,
) -> Result<Vec<DirectorySeen>, Unreadable> {
    let mut found = Vec::with_capacity(directories.len());
    for (number, path) in directories.iter().enumerate() {
        let index = DIRECTORIES + 2 * number;
        found.push(DirectorySeen {
            path: path.to_string(),
            identity: standing(report, index, path, troubles, |index| {
                Ok(
                    answer::text_of(report, index, "what the directory's identity file says")?
                        .map(str::to_owned),
                )
            })?,
            space: standing(report, index + 1, path, troubles, |index| {
                if answer::text_of(report, index, "the directory's space")?.is_none() {
                    return Ok(None);
                }
                answer::free_space(report, index).map(Some)
            })?,
        });
    }
    Ok(found)
}

/// What `read` tells of a directory; nothing when its tool answered that it cannot read it, and a trouble.
fn standing<T>(
    report: &Report,
    index: usize,
    path: &DevicePath,
    troubles: &mut Troubles,
    read: impl Fn(usize) -> Result<Option<T>, Unreadable>,
) -> Result<Option<T>, Unreadable> {
    let answered = report.output(index).filter(|output| output.status == 1);
    match (read(index), answered) {
        (Err(_), Some(output)) => {
            troubles.insert(path.to_string(), complaint::reason(output));
            Ok(None)
        }
        (read, _) => read,
    }
}
