//! A copy of a brick on a thin logical volume: a thin volume in the same pool, which shares its blocks.
//!
//! What tells of it is on the node's own disk: nothing on the brick's would outlast the brick, or a way back to a copy.

use mortar_argv::{Batch, Command, Guard, OnFailure, Report};
use mortar_model::work::{CopyPart, CopySpec, Facts, Seen, Verdict};
use mortar_model::{BrickSpace, ByteSize, layout};

use super::{back, make_image, thaw, whole};
use crate::answer::{self, ListedVolume, Unreadable};
use crate::brick::{is_mounted, thin};
use crate::{Settings, complaint, program};

/// Linux from this version on lets LVM suspend a device whose file system somebody has frozen.
const KERNEL: (u32, u32) = (6, 8);

/// Share of a pool's metadata that may be taken before a copy is made, in per cent: each one adds to it.
const METADATA: f64 = 75.0;

/// The same of the data of a pool that has promised more than it has.
const DATA: f64 = 80.0;

/// The same of the data of any pool. Where all is taken LVM makes nothing more, and a way back would be refused with the volume
/// stopped: bricks in a pool of their own do not give back what they do not hold any more.
const ALL_DATA: f64 = 98.0;

fn group(spec: &CopySpec) -> String {
    layout::volume_group(spec.brick.device)
}

fn text(spec: &CopySpec) -> String {
    layout::thin_copy_identity_file(spec.brick.device, spec.copy)
}

fn restored(spec: &CopySpec) -> String {
    layout::thin_copy_restored_file(spec.brick.device, spec.copy)
}

/// The brick as it was, until it has the brick's name.
fn brick_in_making(spec: &CopySpec) -> String {
    format!("{}.part", spec.brick.place().logical_volume())
}

fn volumes(spec: &CopySpec, settings: &Settings) -> Command {
    program::lvm_report(settings, "lvs", answer::ALL_LV_COLUMNS).arg(group(spec))
}

fn has(volumes: &[ListedVolume], name: &str) -> bool {
    volumes.iter().any(|found| found.volume.lv_name == name)
}

pub(super) fn look(spec: &CopySpec, settings: &Settings) -> Batch {
    let batch = Batch::new().ask(volumes(spec, settings));
    match spec.part {
        CopyPart::Room => Batch::new().ask(is_mounted(&spec.brick, settings)),
        CopyPart::Frozen | CopyPart::Image => batch,
        CopyPart::Whole => batch.ask(program::test(settings, "-s", text(spec))),
        CopyPart::Back => batch.ask(program::read(settings, restored(spec))),
    }
}

pub(super) fn judge_look(spec: &CopySpec, report: &Report) -> Result<Seen, Unreadable> {
    let answered = |item, what| answer::ran(report, item, what).map(mortar_argv::Output::success);
    let brick = spec.brick.brick;
    if spec.part == CopyPart::Room {
        return Ok(if answered(0, "whether the brick is mounted")? {
            Seen::Absent
        } else {
            Seen::Foreign(format!("brick {brick} is not mounted: see 'mortar check'"))
        });
    }
    let volumes = match answer::listed_volumes(report, 0) {
        Ok(volumes) => volumes,
        // Nothing can be there any more.
        Err(unreadable) if answer::no_group(&unreadable.to_string().to_ascii_lowercase()) => Vec::new(),
        Err(unreadable) => return Err(unreadable),
    };
    let named = has(&volumes, &layout::copy_volume(spec.copy));
    let making = has(&volumes, &layout::copy_volume_in_making(spec.copy));
    Ok(match spec.part {
        CopyPart::Whole => whole(
            spec,
            named,
            answered(1, "whether the copy tells whose it is")?,
            making,
        ),
        CopyPart::Back => back(
            spec,
            named,
            answer::text_of(report, 1, "when the brick was brought back")?,
        ),
        _ if making => Seen::Partial(format!("the volume of copy {} is not named yet", spec.copy)),
        _ => Seen::Absent,
    })
}

pub(super) fn make(spec: &CopySpec, settings: &Settings) -> Batch {
    let making = layout::copy_volume_in_making(spec.copy);
    match spec.part {
        CopyPart::Room => Batch::new()
            .run(is_mounted(&spec.brick, settings))
            .run(program::program(settings, "uname").arg("-r"))
            .run(volumes(spec, settings)),
        CopyPart::Frozen | CopyPart::Image => make_image(spec, settings, copy(spec, settings, &making)),
        CopyPart::Whole => {
            let there = program::lvm(settings, "lvs").arg(format!("{}/{making}", group(spec)));
            let folder = layout::copies_folder(spec.brick.device);
            thaw(spec, settings, there)
                .run(program::program(settings, "mkdir").arg("-p").arg(folder))
                .run(program::write(settings, text(spec), &spec.text))
                .run(rename(spec, settings, making, layout::copy_volume(spec.copy)))
        }
        CopyPart::Back => bring_back(spec, settings),
    }
}

fn copy(spec: &CopySpec, settings: &Settings, name: &str) -> Command {
    snapshot(settings, name)
        .args(["--addtag", &layout::copy_tag(spec.copy)])
        .args(["--addtag", &layout::snapshot_tag(spec.snapshot)])
        .args(["--addtag", &layout::volume_tag(spec.brick.volume)])
        .arg(format!("{}/{}", group(spec), spec.brick.place().logical_volume()))
}

/// A thin volume that begins as another one is. LVM would not make it active by itself.
fn snapshot(settings: &Settings, name: &str) -> Command {
    thin::lvcreate(settings).args(["--snapshot", "--setactivationskip", "n", "--name", name])
}

fn rename(spec: &CopySpec, settings: &Settings, from: String, to: String) -> Command {
    program::lvm(settings, "lvrename")
        .args(["--yes", "--autobackup=n"])
        .args([group(spec), from, to])
}

/// The copy stays as it is: the brick becomes a copy of it. Whatever an earlier try left of that is made anew. Its file system
/// has the brick's UUID and identity file: it is the brick's, of another day.
fn bring_back(spec: &CopySpec, settings: &Settings) -> Batch {
    let (volume, part) = (spec.brick.place().logical_volume(), brick_in_making(spec));
    let copy = format!("{}/{}", group(spec), layout::copy_volume(spec.copy));
    let umount = program::program(settings, "umount").arg(super::mount_point(spec));
    Batch::new()
        .run(program::lvm(settings, "lvs").arg(copy.clone()))
        .only_if(is_mounted(&spec.brick, settings), umount)
        .run(thin::remove_named(&spec.brick, settings, &part))
        .run(tagged(snapshot(settings, &part), spec).arg(copy))
        .run(thin::remove_named(&spec.brick, settings, &volume))
        .run(rename(spec, settings, part, volume))
        .run(crate::brick::mount(&spec.brick, settings))
        .run(program::write(settings, restored(spec), &spec.text))
}

/// Where the pool does not tell whose the brick's own volume is, that tells it by itself.
fn tagged(command: Command, spec: &CopySpec) -> Command {
    let (brick, volume) = (spec.brick.brick, layout::volume_tag(spec.brick.volume));
    let own = match spec.brick.space {
        BrickSpace::Shared => layout::brick_tag(brick),
        BrickSpace::ThinPool { .. } if spec.brick.pool.is_some() => layout::brick_tag(brick),
        BrickSpace::ThinPool { .. } if spec.brick.names.is_some() => layout::taken_tag(brick),
        BrickSpace::ThinPool { .. } | BrickSpace::Image | BrickSpace::Folder => return command,
    };
    command.args(["--addtag", &own]).args(["--addtag", &volume])
}

/// Whether this kernel can make the copy, and the pool holds it: that of one brick, as large as it is to become for the copy, even when
/// that comes to share nothing with anything; a shared one by what is really taken of it.
pub(super) fn judge_room(spec: &CopySpec, report: &Report) -> Verdict {
    let read = || -> Result<Option<String>, Unreadable> {
        let kernel = answer::ran(report, 1, "which kernel runs")?.stdout.trim();
        let volumes = answer::listed_volumes(report, 2)?;
        Ok(too_old(kernel).or_else(|| too_full(spec, &volumes)))
    };
    match read() {
        Ok(None) => Verdict::Done(Facts::None),
        Ok(Some(why)) => complaint::refused(why),
        Err(unreadable) => Verdict::Unknown(unreadable.to_string()),
    }
}

fn too_old(kernel: &str) -> Option<String> {
    let mut numbers = kernel.split(['.', '-']).map(str::parse::<u32>);
    let version = match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        _ => {
            return Some(format!(
                "the node's kernel calls itself {kernel:?}, which is no version"
            ));
        }
    };
    (version < KERNEL).then(|| {
        format!(
            "the node's kernel is Linux {kernel}, and LVM copies a thin volume whose file system is frozen from Linux {}.{} on",
            KERNEL.0, KERNEL.1
        )
    })
}

fn too_full(spec: &CopySpec, volumes: &[ListedVolume]) -> Option<String> {
    let shared = spec.brick.space == BrickSpace::Shared;
    let name = spec.brick.thin_pool()?;
    let Some(pool) = volumes.iter().find(|found| found.volume.lv_name == name) else {
        return Some(format!(
            "brick {} has no thin pool {name} any more",
            spec.brick.brick
        ));
    };
    // Of a copy that is there already the brick is to be brought back.
    let own = [layout::copy_volume(spec.copy), brick_in_making(spec)];
    let held: ByteSize = volumes
        .iter()
        .filter(|found| found.pool_lv == name && !own.contains(&found.volume.lv_name))
        .map(|found| found.volume.lv_size)
        .sum();
    let (size, group) = (pool.volume.lv_size, group(spec));
    if !shared && held + spec.brick.size > size.max(spec.promised) {
        return Some(format!(
            "thin pool {group}/{name} of {size} holds volumes of {held}, and one more of {} could become more than it has: \
             something is there that is in no record, see 'mortar check'",
            spec.brick.size
        ));
    }
    let over = |percent: Option<f64>, most: f64| percent.filter(|percent| *percent >= most);
    let runs_over = shared && held + spec.brick.size > size;
    let (what, full, most) = match over(pool.volume.metadata_percent, METADATA) {
        Some(full) => ("metadata", full, METADATA),
        None => {
            let most = if runs_over { DATA } else { ALL_DATA };
            ("data", over(data_percent(spec, pool), most)?, most)
        }
    };
    Some(format!(
        "the {what} of thin pool {group}/{name} is {full} % full, and from {most} % on no copies are made: delete old snapshots \
         first"
    ))
}

/// How full the pool's data is once the pool is as large as it is to become.
fn data_percent(spec: &CopySpec, pool: &ListedVolume) -> Option<f64> {
    let (now, then) = (pool.volume.lv_size, pool.volume.lv_size.max(spec.promised));
    #[allow(
        clippy::cast_precision_loss,
        reason = "per cents of pools are told by two decimals"
    )]
    let share = now.kib() as f64 / then.kib().max(1) as f64;
    pool.volume.data_percent.map(|percent| percent * share)
}

pub(super) fn unmake(spec: &CopySpec, settings: &Settings) -> Batch {
    let go_on = |batch: Batch, name: &str| {
        batch.item(
            Guard::Always,
            thin::remove_named(&spec.brick, settings, name),
            OnFailure::Continue,
        )
    };
    let (named, making) = (
        layout::copy_volume(spec.copy),
        layout::copy_volume_in_making(spec.copy),
    );
    match spec.part {
        CopyPart::Room => Batch::new(),
        CopyPart::Image => go_on(Batch::new(), &making),
        _ => {
            let batch = go_on(go_on(Batch::new(), &making), &named).run(
                program::program(settings, "rm")
                    .arg("-f")
                    .args([text(spec), restored(spec)]),
            );
            match spec.brick.space {
                // The brick may have gone before: then its pool was kept for this copy alone.
                BrickSpace::ThinPool { .. } => {
                    let pool = thin::remove_empty_pool(&spec.brick, settings);
                    batch.item(Guard::Always, pool, OnFailure::Continue)
                }
                _ => batch,
            }
        }
    }
}
