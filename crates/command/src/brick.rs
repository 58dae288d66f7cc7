//! A brick: space on its device, file system, mount entry, mount, folder, identity file.
//!
//! Order matters. The mount entry and the mount come before the folder, and nobody else makes the folder: so
//! "the folder is there" means "mounted", and a shell built-in can tell. The identity file comes last: it means
//! "whole".

pub(crate) mod again;
pub(crate) mod growth;
mod image;
mod made_of;
pub(crate) mod remains;
mod shared;
pub(crate) mod thin;

pub(crate) use thin::CHUNK;

use mortar_argv::{Batch, Command, Guard, OnFailure, Report};
use mortar_model::work::{BrickSpec, Facts, Seen, Verdict};
use mortar_model::{BrickId, BrickSpace, layout};

use crate::answer::Unreadable;
use crate::query::brick_state::{self, BrickState, Site};
use crate::{Settings, complaint, program};

/// Bits of a brick's folder that belongs to a group: new files get that group.
const GROUP_MODE: &str = "2775";

fn site(spec: &BrickSpec) -> Site<'_> {
    Site {
        brick: spec.brick,
        device: spec.device,
        device_path: &spec.device_path,
        image: matches!(spec.space, BrickSpace::Image),
        names: spec.names.as_deref(),
        pool: spec.pool.as_deref(),
    }
}

pub(crate) fn look(spec: &BrickSpec, settings: &Settings) -> Batch {
    brick_state::ask(settings, &site(spec))
}

pub(crate) fn judge_look(spec: &BrickSpec, report: &Report) -> Result<Seen, Unreadable> {
    let state = brick_state::read(&site(spec), report)?;
    if let Some(mount) = state.mount.as_ref().filter(|mount| !mount.ours) {
        return Ok(Seen::Foreign(format!(
            "{} is mounted where brick {} goes",
            mount.source, spec.brick
        )));
    }
    if state.mount.is_some() {
        let text = state.identity.as_deref().unwrap_or_default();
        if !text.trim().is_empty() && !text.contains(&spec.brick.to_string()) {
            return Ok(Seen::Foreign(format!(
                "the file system says that it is not brick {}",
                spec.brick
            )));
        }
    }
    let missing = missing(spec, &state);
    Ok(match missing.as_slice() {
        [] => Seen::Present(Facts::None),
        _ if state.nothing() => Seen::Absent,
        _ => Seen::Partial(format!("brick {} lacks its {}", spec.brick, missing.join(", "))),
    })
}

fn missing(spec: &BrickSpec, state: &BrickState) -> Vec<&'static str> {
    let gid = state.folder_gid;
    [
        (
            state.space.is_some(),
            if matches!(spec.space, BrickSpace::Image) {
                "image"
            } else {
                "logical volume"
            },
        ),
        (state.mount_entry, "mount entry"),
        (state.mount.is_some(), "mount"),
        (gid.is_some(), "folder"),
        (spec.gid == 0 || gid.is_none() || gid == Some(spec.gid), "group"),
        (
            state
                .identity
                .as_deref()
                .is_some_and(|text| !text.trim().is_empty()),
            "identity file",
        ),
    ]
    .into_iter()
    .filter_map(|(there, what)| (!there).then_some(what))
    .collect()
}

/// What the two kinds of space differ in.
struct Source {
    /// What is mounted.
    path: String,
    /// Options that its mount needs besides the site's.
    options: &'static str,
}

fn source(spec: &BrickSpec) -> Source {
    match spec.space {
        BrickSpace::Image => Source {
            path: layout::image(&spec.device_path, spec.brick),
            options: "loop,",
        },
        BrickSpace::ThinPool { .. } => Source {
            path: spec.place().logical_volume_device(),
            options: "",
        },
        // What files no longer hold is for the other bricks of the pool.
        BrickSpace::Shared => Source {
            path: spec.place().logical_volume_device(),
            options: "discard,",
        },
        // What is under it is somebody else's, and is not mounted.
        BrickSpace::Folder => Source {
            path: spec.place().brick_path(),
            options: "",
        },
    }
}

/// One that was taken over was made by others, and holds data: it is never made anew.
pub(crate) fn never(settings: &Settings) -> Batch {
    Batch::new().run(program::program(settings, "false"))
}

pub(crate) fn make(spec: &BrickSpec, settings: &Settings) -> Batch {
    if spec.names.is_some() {
        return never(settings);
    }
    let mounted = || program::test(settings, "-d", spec.place().brick_path());
    let batch = Batch::new().run(make_folder(settings, spec.place().mount_point()));
    let batch = match spec.space {
        BrickSpace::Image => image::make(spec, settings, batch),
        BrickSpace::Shared => shared::make(spec, settings, batch),
        BrickSpace::Folder => return never(settings),
        BrickSpace::ThinPool { .. } if spec.from.is_some() => shared::make(spec, settings, batch),
        // The pool of another one, and nothing there that it could begin as.
        BrickSpace::ThinPool { .. } if spec.pool.is_some() => return never(settings),
        BrickSpace::ThinPool { pool, metadata } => thin::make(spec, settings, batch, pool, metadata),
    };
    let batch = batch
        .unless(mounted(), add_mount_entry(spec, settings))
        .unless(mounted(), mount(spec, settings));
    let whole = program::test(settings, "-s", spec.place().identity_file());
    folder(spec, settings, batch).unless(whole, write_identity(spec, settings))
}

pub(crate) fn resume(spec: &BrickSpec, settings: &Settings) -> Batch {
    if spec.names.is_some() {
        return never(settings);
    }
    let batch = Batch::new().run(make_folder(settings, spec.place().mount_point()));
    let batch = match spec.space {
        BrickSpace::Image => image::make(spec, settings, batch),
        BrickSpace::Shared => shared::resume(spec, settings, batch),
        BrickSpace::Folder => return never(settings),
        BrickSpace::ThinPool { .. } if spec.from.is_some() => shared::resume(spec, settings, batch),
        BrickSpace::ThinPool { .. } if spec.pool.is_some() => return never(settings),
        BrickSpace::ThinPool { pool, metadata } => thin::resume(spec, settings, batch, pool, metadata),
    };
    let entry = program::program(settings, "grep")
        .args(["-qsF", "-e", &mount_mark(spec)])
        .arg(&settings.fstab);
    let batch = batch
        .unless(entry, add_mount_entry(spec, settings))
        .unless(is_mounted(spec, settings), mount(spec, settings));
    folder(spec, settings, batch).run(write_identity(spec, settings))
}

/// The brick's folder, and its group.
fn folder(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    let path = spec.place().brick_path();
    let batch = batch.run(make_folder(settings, path.clone()));
    if spec.gid == 0 {
        return batch;
    }
    batch
        .run(
            program::program(settings, "chown")
                .arg(format!(":{}", spec.gid))
                .arg(path.clone()),
        )
        .run(program::program(settings, "chmod").arg(GROUP_MODE).arg(path))
}

fn make_folder(settings: &Settings, path: String) -> Command {
    program::program(settings, "mkdir").arg("-p").arg(path)
}

fn write_identity(spec: &BrickSpec, settings: &Settings) -> Command {
    program::write(settings, spec.place().identity_file(), &spec.identity)
}

pub(crate) fn mount(spec: &BrickSpec, settings: &Settings) -> Command {
    let Source { path, options } = source(spec);
    program::program(settings, "mount")
        .arg("-o")
        .arg(format!("{options}{}", settings.mount_options))
        .arg(path)
        .arg(spec.place().mount_point())
}

pub(crate) fn is_mounted(spec: &BrickSpec, settings: &Settings) -> Command {
    program::program(settings, "mountpoint")
        .arg("-q")
        .arg(spec.place().mount_point())
}

/// Whether what is at this path is a file system that says by its UUID that it is this brick's.
fn says_uuid(settings: &Settings, brick: BrickId, path: String) -> Command {
    program::program(settings, "blkid")
        .args([
            "-c",
            "/dev/null",
            "-t",
            &format!("UUID={}", layout::file_system_uuid(brick)),
        ])
        .arg(path)
}

/// A lost disk must not keep the node from booting (`nofail`), and glusterd must not start bricks before their
/// file systems are there.
fn add_mount_entry(spec: &BrickSpec, settings: &Settings) -> Command {
    let Source { path, options } = source(spec);
    let line = format!(
        "{path}{}{options}{},nofail,x-systemd.before=glusterd.service 0 0\n",
        mount_mark(spec),
        settings.mount_options
    );
    program::locked(settings, "tee")
        .arg("-a")
        .arg(&settings.fstab)
        .input(line)
}

/// The part of a brick's mount entry that no other entry has.
fn mount_mark(spec: &BrickSpec) -> String {
    brick_state::mount_mark(&site(spec))
}

pub(crate) fn judge_made(report: &Report) -> Verdict {
    complaint::judge(report, complaint::nothing_tolerated)
}

/// A folder that was adopted is never removed: a plan that gives it up leaves it out.
pub(crate) fn unmake(spec: &BrickSpec, settings: &Settings) -> Batch {
    if spec.space == BrickSpace::Folder {
        return never(settings);
    }
    let mount_point = spec.place().mount_point();
    let remove_entry = program::locked(settings, "sed")
        .args(["-i", "-e", &format!("\\|{}|d", mount_mark(spec))])
        .arg(&settings.fstab);
    let batch = Batch::new()
        .item(
            Guard::Unless(is_used(spec, settings)),
            end_process(spec, settings),
            OnFailure::Continue,
        )
        .only_if(
            is_mounted(spec, settings),
            program::program(settings, "umount").arg(mount_point.clone()),
        )
        .only_if(
            program::test(settings, "-e", settings.fstab.clone()),
            remove_entry,
        );
    let batch = match spec.space {
        BrickSpace::Image | BrickSpace::Folder => image::unmake(spec, settings, batch),
        BrickSpace::Shared => shared::unmake(spec, settings, batch),
        BrickSpace::ThinPool { .. } if spec.pool.is_some() => {
            let batch = shared::unmake(spec, settings, batch);
            thin::unmake_pool(spec, settings, batch)
        }
        BrickSpace::ThinPool { .. } => thin::unmake(spec, settings, batch),
    };
    batch.only_if(
        program::test(settings, "-d", mount_point.clone()),
        program::program(settings, "rmdir").arg(mount_point),
    )
}

/// Ends the process of a brick that no volume has any more: glusterd 10.3 leaves it running where the member that was
/// asked to add or remove it was lost in the middle of that.
fn end_process(spec: &BrickSpec, settings: &Settings) -> Command {
    let path = spec.place().brick_path();
    program::program(settings, "pkill").args(["-f", &format!("brick-name {path}( |$)")])
}

/// Whether glusterd's records on this node have the brick in a volume, so that it is in use; or processes may carry several
/// bricks, and glusterd takes one out of them by itself.
fn is_used(spec: &BrickSpec, settings: &Settings) -> Command {
    program::program(settings, "grep")
        .args(["-rqsF", "--include=info", "--include=options"])
        .args(["-e", &spec.place().mark()])
        .args(["-e", "cluster.brick-multiplex="])
        .args(["vols", "options"].map(|part| format!("{}/{part}", settings.gluster_state)))
}

/// That no process was there to end is as well.
pub(crate) fn judge_unmade(report: &Report) -> Verdict {
    let rest = Report {
        outcomes: report.outcomes.iter().skip(1).cloned().collect(),
        broken: report.broken.clone(),
    };
    complaint::judge(&rest, crate::answer::no_group)
}
