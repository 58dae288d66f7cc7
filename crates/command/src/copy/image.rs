//! A copy of a brick's image: another image beside it, which shares its blocks.

use mortar_argv::{Batch, Command, Report};
use mortar_model::layout;
use mortar_model::work::{CopyPart, CopySpec, Seen, Verdict};

use super::{back, make_image, thaw, whole};
use crate::answer::{self, Unreadable};
use crate::brick::is_mounted;
use crate::{Settings, complaint, program};

fn image(spec: &CopySpec) -> String {
    layout::image(&spec.brick.device_path, spec.brick.brick)
}

fn copy(spec: &CopySpec) -> String {
    layout::copy_image(&spec.brick.device_path, spec.copy)
}

fn part(spec: &CopySpec) -> String {
    layout::copy_in_making(&spec.brick.device_path, spec.copy)
}

fn text(spec: &CopySpec) -> String {
    layout::copy_identity_file(&spec.brick.device_path, spec.copy)
}

/// What is copied to see whether copies can be made.
fn probe(spec: &CopySpec) -> String {
    format!("{}.probe", copy(spec))
}

fn restored(spec: &CopySpec) -> String {
    layout::copy_restored_file(&spec.brick.device_path, spec.copy)
}

fn share(settings: &Settings, from: String, to: String) -> Command {
    program::program(settings, "cp")
        .arg("--reflink=always")
        .args([from, to])
}

pub(super) fn look(spec: &CopySpec, settings: &Settings) -> Batch {
    let there = |path| Batch::new().ask(program::test(settings, "-e", path));
    match spec.part {
        CopyPart::Room => there(probe(spec)).ask(is_mounted(&spec.brick, settings)),
        CopyPart::Frozen | CopyPart::Image => there(part(spec)),
        CopyPart::Whole => there(copy(spec))
            .ask(program::test(settings, "-s", text(spec)))
            .ask(program::test(settings, "-e", part(spec))),
        CopyPart::Back => there(copy(spec)).ask(program::read(settings, restored(spec))),
    }
}

pub(super) fn judge_look(spec: &CopySpec, report: &Report) -> Result<Seen, Unreadable> {
    let answered = |item, what| answer::ran(report, item, what).map(mortar_argv::Output::success);
    let brick = spec.brick.brick;
    Ok(match spec.part {
        CopyPart::Room if answered(0, "whether it was tried before")? => {
            Seen::Partial(format!("whether brick {brick} can be copied was being tried"))
        }
        CopyPart::Room if answered(1, "whether the brick is mounted")? => Seen::Absent,
        CopyPart::Room => Seen::Foreign(format!("brick {brick} is not mounted: see 'mortar check'")),
        CopyPart::Frozen | CopyPart::Image if answered(0, "whether there is an image of the copy")? => {
            Seen::Partial(format!("the image of copy {} may be unfinished", spec.copy))
        }
        CopyPart::Frozen | CopyPart::Image => Seen::Absent,
        CopyPart::Whole => whole(
            spec,
            answered(0, "whether there is a copy")?,
            answered(1, "whether the copy tells whose it is")?,
            answered(2, "whether there is an image of the copy")?,
        ),
        CopyPart::Back => back(
            spec,
            answered(0, "whether there is a copy")?,
            answer::text_of(report, 1, "when the brick was brought back")?,
        ),
    })
}

pub(super) fn make(spec: &CopySpec, settings: &Settings) -> Batch {
    match spec.part {
        CopyPart::Room => make_room(spec, settings),
        CopyPart::Frozen | CopyPart::Image => {
            make_image(spec, settings, share(settings, image(spec), part(spec)))
        }
        CopyPart::Whole => thaw(spec, settings, program::test(settings, "-e", part(spec)))
            .run(program::write(settings, text(spec), &spec.text))
            .run(program::program(settings, "mv").args([part(spec), copy(spec)])),
        CopyPart::Back => bring_back(spec, settings),
    }
}

/// A small file is copied the way the image will be.
fn make_room(spec: &CopySpec, settings: &Settings) -> Batch {
    let small = layout::device_identity_file(&spec.brick.device_path);
    let probe = probe(spec);
    Batch::new()
        .run(is_mounted(&spec.brick, settings))
        // What could not share blocks is there all the same, and empty.
        .ask(share(settings, small, probe.clone()))
        .run(program::program(settings, "rm").arg("-f").arg(probe))
}

pub(super) fn no_sharing(spec: &CopySpec, why: &str) -> Verdict {
    complaint::refused(format!(
        "the file system of {} does not let files share blocks, and only so a brick is copied while it is in use ({why}): \
         put the directory on XFS made with reflink=1, or on btrfs",
        spec.brick.device_path
    ))
}

/// The brick's own image stays until its successor is complete. Its file system has the brick's UUID and identity file: it is
/// the brick's, of another day.
fn bring_back(spec: &CopySpec, settings: &Settings) -> Batch {
    let part = layout::image_in_making(&spec.brick.device_path, spec.brick.brick);
    let umount = program::program(settings, "umount").arg(super::mount_point(spec));
    Batch::new()
        .run(program::test(settings, "-e", copy(spec)))
        .only_if(is_mounted(&spec.brick, settings), umount)
        .run(share(settings, copy(spec), part.clone()))
        .run(program::program(settings, "mv").args([part, image(spec)]))
        .run(crate::brick::mount(&spec.brick, settings))
        .run(program::write(settings, restored(spec), &spec.text))
}

pub(super) fn unmake(spec: &CopySpec, settings: &Settings) -> Batch {
    let paths = match spec.part {
        CopyPart::Room => vec![probe(spec)],
        CopyPart::Image => vec![part(spec)],
        _ => vec![copy(spec), part(spec), text(spec), restored(spec)],
    };
    Batch::new().run(program::program(settings, "rm").arg("-f").args(paths))
}
