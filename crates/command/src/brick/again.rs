//! A brick that was made before, mounted again: after a reboot, or after somebody unmounted it.
//!
//! Nothing that holds data is made here. The file system must say by its UUID that it is this brick's before it is
//! mounted, and a brick's folder that is gone stays gone: an empty one in its place would look like a brick whose files were all
//! deleted.
//!
//! The logical volume of a brick that was taken over gets its tag here, and nowhere else: once it is mounted where the records say, and the file
//! beside the brick says that it is this one.

use mortar_argv::{Batch, Command, Report};
use mortar_model::work::{BrickSpec, Facts, Seen, Verdict};
use mortar_model::{BrickSpace, layout};

use super::{
    GROUP_MODE, add_mount_entry, is_mounted, make_folder, mount, mount_mark, never, site, source,
    write_identity,
};
use crate::answer::{self, Unreadable};
use crate::query::brick_state;
use crate::{Settings, complaint, program};

/// What is asked beside the brick's state: whether the mount entry names this brick's file system.
pub(crate) fn look(spec: &BrickSpec, settings: &Settings) -> Batch {
    brick_state::ask(settings, &site(spec)).ask(has_entry(spec, settings))
}

pub(crate) fn judge_look(spec: &BrickSpec, report: &Report) -> Result<Seen, Unreadable> {
    let state = brick_state::read(&site(spec), report)?;
    let entry = answer::ran(
        report,
        report.outcomes.len().saturating_sub(1),
        "the brick's mount entry",
    )?;
    let (brick, mounted) = (spec.brick, state.mount.is_some());
    if let Some(mount) = state.mount.as_ref().filter(|mount| !mount.ours) {
        return foreign(format!("{} is mounted where brick {brick} goes", mount.source));
    }
    if state.space.is_none() {
        return foreign(format!(
            "brick {brick} has nothing on its device that could be mounted"
        ));
    }
    if !mounted && state.folder_gid.is_some() {
        return foreign(format!(
            "a folder stands at {}, where brick {brick} is not mounted: it would be hidden",
            spec.place().brick_path()
        ));
    }
    let identity = state.identity.as_deref().unwrap_or_default().trim();
    if mounted && !identity.is_empty() && !identity.contains(&brick.to_string()) {
        return foreign(format!("the file system says that it is not brick {brick}"));
    }
    let lacks = [
        (
            entry.success() || spec.place().is_mounted_by_glusterd(),
            "mount entry",
        ),
        (mounted, "mount"),
        (
            spec.gid == 0 || state.folder_gid.is_none_or(|gid| gid == spec.gid),
            "group",
        ),
        (!mounted || identity == spec.identity.trim(), "identity file"),
        (
            !mounted || !is_taken(spec) || state.tags.contains(&layout::taken_tag(brick)),
            "tag",
        ),
    ];
    let lacks: Vec<&str> = lacks
        .into_iter()
        .filter_map(|(there, what)| (!there).then_some(what))
        .collect();
    Ok(if lacks.is_empty() {
        Seen::Present(Facts::None)
    } else {
        Seen::Partial(format!("brick {brick} lacks its {}", lacks.join(", ")))
    })
}

fn foreign(text: String) -> Result<Seen, Unreadable> {
    Ok(Seen::Foreign(text))
}

/// An entry of the brick's mount point with another source is an old one, and is taken out before the right one is added.
pub(crate) fn make(spec: &BrickSpec, settings: &Settings) -> Batch {
    if spec.space == BrickSpace::Folder {
        return never(settings);
    }
    let folder = || program::test(settings, "-d", spec.place().brick_path());
    let path = spec.place().brick_path();
    let remove_old = program::locked(settings, "sed")
        .args(["-i", "-e", &format!("\\|{}|d", mount_mark(spec))])
        .arg(&settings.fstab);
    let batch = activate(spec, settings)
        .run(is_ours(spec, settings))
        .run(make_folder(settings, spec.place().mount_point()));
    let batch = if spec.place().is_mounted_by_glusterd() {
        batch
    } else {
        batch
            .item(
                mortar_argv::Guard::Unless(has_entry(spec, settings)),
                remove_old,
                mortar_argv::OnFailure::Continue,
            )
            .unless(has_entry(spec, settings), add_mount_entry(spec, settings))
    };
    let batch = batch.unless(is_mounted(spec, settings), mount(spec, settings));
    let batch = if spec.gid == 0 {
        batch
    } else {
        batch
            .only_if(
                folder(),
                program::program(settings, "chown")
                    .arg(format!(":{}", spec.gid))
                    .arg(path.clone()),
            )
            .only_if(
                folder(),
                program::program(settings, "chmod").arg(GROUP_MODE).arg(path),
            )
    };
    tag(spec, settings, batch.run(write_identity(spec, settings)))
}

/// Whether it is on a logical volume that Mortar did not make.
fn is_taken(spec: &BrickSpec) -> bool {
    spec.names.is_some() && matches!(spec.space, BrickSpace::ThinPool { .. })
}

/// A tag that is there already is no error.
fn tag(spec: &BrickSpec, settings: &Settings, batch: Batch) -> Batch {
    if !is_taken(spec) {
        return batch;
    }
    let tags = [layout::taken_tag(spec.brick), layout::volume_tag(spec.volume)];
    let change = program::lvm(settings, "lvchange")
        .args(tags.iter().flat_map(|tag| ["--addtag", tag]))
        .arg(logical_volume(spec));
    batch.only_if(is_mounted(spec, settings), change)
}

fn logical_volume(spec: &BrickSpec) -> String {
    format!(
        "{}/{}",
        layout::volume_group(spec.device),
        spec.place().logical_volume()
    )
}

/// After a reboot a logical volume may be there and not active.
fn activate(spec: &BrickSpec, settings: &Settings) -> Batch {
    if matches!(spec.space, BrickSpace::Image) {
        return Batch::new();
    }
    let volume = logical_volume(spec);
    Batch::new().unless(
        program::test(settings, "-e", source(spec).path),
        program::lvm(settings, "lvchange").args(["--activate", "y", &volume]),
    )
}

/// Whether the file system says by its UUID that it is this brick's; of one that was taken over, its logical volume does by
/// its name.
fn is_ours(spec: &BrickSpec, settings: &Settings) -> Command {
    if !spec.place().has_own_uuid() {
        return program::test(settings, "-e", source(spec).path);
    }
    super::says_uuid(settings, spec.brick, source(spec).path)
}

/// Whether the node mounts this brick's file system, by whatever name, at its mount point when it starts.
fn has_entry(spec: &BrickSpec, settings: &Settings) -> Command {
    let mark = mount_mark(spec);
    let mut grep = program::program(settings, "grep").arg("-qsF");
    for name in brick_state::sources(&site(spec)) {
        grep = grep.arg("-e").arg(format!("{name}{mark}"));
    }
    grep.arg(&settings.fstab)
}

pub(crate) fn judge_made(spec: &BrickSpec, report: &Report) -> Verdict {
    let test = usize::from(!matches!(spec.space, BrickSpace::Image));
    let fails_test = report.first_failure().is_some_and(|(index, _)| index == test);
    // A node without a file of mount entries has no old one either.
    match complaint::judge(report, |words| words.starts_with("sed: can't read")) {
        Verdict::Failed(_) if fails_test => complaint::refused(format!(
            "the file system on {} does not say that it is brick {}: it is left alone",
            source(spec).path,
            spec.brick
        )),
        verdict => verdict,
    }
}
