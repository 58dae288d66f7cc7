//! A directory that stands for a disk: bricks are image files in a folder below it.
//!
//! Files of others in it are never touched, whatever the spec allows to destroy: what `destroy` wipes is
//! Mortar's own folder of an earlier life.

use mortar_argv::{Batch, Command, Report};
use mortar_model::work::{DeviceFacts, DeviceSpec, Facts, Seen};
use mortar_model::{ByteSize, DeviceId, DevicePath, layout};

use super::{SMALLEST, facts_count};
use crate::answer::{self, Unreadable};
use crate::{Settings, program};

// Items of `look`, in order. Its last two are `facts`.
const KIND: usize = 0;
const OTHERS: usize = 1;
const IMAGES: usize = 2;
const IDENTITY: usize = 3;
const MOUNTS: usize = 4;

pub(super) fn look(spec: &DeviceSpec, settings: &Settings) -> Batch {
    let path = spec.path.as_str();
    let find =
        |folder: &str| program::program(settings, "find").args([folder, "-mindepth", "1", "-maxdepth", "1"]);
    let others = ["lost+found", "mortar-bricks", "mortar-device.json"]
        .iter()
        .fold(find(path), |find, ours| find.args(["-not", "-name", ours]));
    Batch::new()
        .ask(program::program(settings, "stat").args(["--dereference", "--format=%F", path]))
        .ask(others.args(["-print", "-quit"]))
        .ask(find(&layout::image_folder(&spec.path)).args(["-printf", "%f\\n"]))
        .ask(program::read(settings, layout::device_identity_file(&spec.path)))
        .ask(
            program::program(settings, "findmnt")
                .args(["--json", "--list", "--types", "xfs", "--output", "TARGET"]),
        )
        .then(facts(spec, settings))
}

/// Free space, and what the images take of it already.
pub(super) fn facts(spec: &DeviceSpec, settings: &Settings) -> Batch {
    let df = ["--block-size=1", "--output=size,avail,fstype", spec.path.as_str()];
    Batch::new()
        .ask(program::program(settings, "df").args(df))
        .ask(images(&spec.path, settings))
}

/// What the images of a directory take.
pub(super) fn images(path: &DevicePath, settings: &Settings) -> Command {
    program::program(settings, "du")
        .args(["--summarize", "--block-size=1"])
        .arg(layout::image_folder(path))
}

pub(super) fn read_facts(spec: &DeviceSpec, report: &Report) -> Result<DeviceFacts, Unreadable> {
    let tail = report.outcomes.len().saturating_sub(facts_count(spec));
    let (whole, free) = answer::free_space(report, tail)?;
    let images = answer::disk_usage(report, tail + 1)?;
    Ok(DeviceFacts {
        // What copies share with their origins is counted once in what is free, and as often as there are copies in
        // what images take.
        total: whole.min(free + images),
        extent: ByteSize::ZERO,
        uuid: String::new(),
        paths: vec![spec.path.to_string()],
    })
}

pub(super) fn judge_look(spec: &DeviceSpec, report: &Report) -> Result<Seen, Unreadable> {
    let path = &spec.path;
    match answer::text_of(report, KIND, "the kind of the directory")? {
        None => {
            return foreign(format!(
                "{path} does not exist on the node: make it, or mount its disk, first"
            ));
        }
        Some(kind) if kind.trim() != "directory" => {
            return foreign(format!("{path} is not a directory but a {}", kind.trim()));
        }
        Some(_) => {}
    }
    let images = answer::text_of(report, IMAGES, "the folder of images")?;
    let identity = answer::text_of(report, IDENTITY, "the directory's identity file")?;
    let holds_images = images.is_some_and(|first| !first.trim().is_empty());
    match (identity.map(whose), images) {
        (Some(Owner::Device(id)), Some(_)) if id == spec.device => {
            return Ok(Seen::Present(Facts::Device(read_facts(spec, report)?)));
        }
        (Some(Owner::Device(id)), None) if id == spec.device => {
            return Ok(Seen::Partial(format!(
                "{path} has its identity file and no folder for images"
            )));
        }
        (Some(Owner::Nobody), _) if !holds_images => {
            return Ok(Seen::Partial(format!(
                "{path} has an identity file without an identity"
            )));
        }
        (Some(owner), _) => return other_owner(spec, report, &owner.to_string(), images.unwrap_or_default()),
        (None, _) if holds_images => {
            return other_owner(spec, report, "an unknown device", images.unwrap_or_default());
        }
        (None, _) => {}
    }
    judge_free(spec, report)
}

/// Brick images of an earlier life: wiped only on demand, and never while one of them is mounted. A brick is
/// mounted at a folder that has its image's name, whatever device it is on.
fn other_owner(spec: &DeviceSpec, report: &Report, owner: &str, images: &str) -> Result<Seen, Unreadable> {
    let mounts = answer::mount_points(report, MOUNTS)?;
    let used = images
        .lines()
        .filter_map(|image| image.strip_suffix(".img"))
        .find_map(|brick| {
            mounts
                .iter()
                .find(|target| target.rsplit('/').next() == Some(brick))
        });
    if let Some(target) = used {
        return foreign(format!(
            "{} is in use: one of its images is mounted at {target}",
            spec.path
        ));
    }
    if spec.destroy {
        return judge_free(spec, report);
    }
    foreign(format!(
        "{} holds bricks of {owner}; when they are not needed any more, add it with destroydata, which removes {}",
        spec.path,
        layout::image_folder(&spec.path)
    ))
}

/// Nobody's bricks are in the way: is it empty, and large enough?
fn judge_free(spec: &DeviceSpec, report: &Report) -> Result<Seen, Unreadable> {
    let path = &spec.path;
    let others = answer::text_of(report, OTHERS, "what is in the directory")?
        .unwrap_or_default()
        .trim();
    if !others.is_empty() && !spec.destroy {
        return foreign(format!(
            "{path} is not empty (it holds {others}): choose an empty directory; with destroydata it is used as it \
             is, and what is in it is left alone"
        ));
    }
    let tail = report.outcomes.len().saturating_sub(facts_count(spec));
    let (_, free) = answer::free_space(report, tail)?;
    if free < SMALLEST {
        return foreign(format!(
            "{path} is too small: {free} are free, {SMALLEST} is the least"
        ));
    }
    Ok(Seen::Absent)
}

fn foreign(text: String) -> Result<Seen, Unreadable> {
    Ok(Seen::Foreign(text))
}

/// Whom an identity file names.
enum Owner {
    Device(DeviceId),
    /// It names no device: cut short while it was written, or not Mortar's.
    Nobody,
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Device(id) => write!(f, "device {id}"),
            Self::Nobody => f.write_str("an unknown device"),
        }
    }
}

#[derive(serde::Deserialize)]
struct Identity {
    device: DeviceId,
}

fn whose(text: &str) -> Owner {
    serde_json::from_str::<Identity>(text).map_or(Owner::Nobody, |identity| Owner::Device(identity.device))
}

/// The identity comes first and the folder last, so a folder without identity is never ours half made.
pub(super) fn make(spec: &DeviceSpec, settings: &Settings, batch: Batch) -> Batch {
    let folder = layout::image_folder(&spec.path);
    let batch = if spec.destroy {
        batch.run(
            program::program(settings, "rm")
                .args(["-rf", "--one-file-system"])
                .arg(folder),
        )
    } else {
        batch
    };
    resume(spec, settings, batch)
}

pub(super) fn resume(spec: &DeviceSpec, settings: &Settings, batch: Batch) -> Batch {
    let identity = format!("{{\n  \"mortar\": 1,\n  \"device\": \"{}\"\n}}\n", spec.device);
    batch
        .run(program::write(
            settings,
            layout::device_identity_file(&spec.path),
            &identity,
        ))
        .run(
            program::program(settings, "mkdir")
                .arg("-p")
                .arg(layout::image_folder(&spec.path)),
        )
}

/// A folder that still holds images is not removed, and then nothing else is.
pub(super) fn unmake(spec: &DeviceSpec, settings: &Settings) -> Batch {
    let folder = layout::image_folder(&spec.path);
    Batch::new()
        .only_if(
            program::test(settings, "-d", folder.clone()),
            program::program(settings, "rmdir").arg(folder),
        )
        .run(
            program::program(settings, "rm")
                .arg("-f")
                .arg(layout::device_identity_file(&spec.path)),
        )
}
