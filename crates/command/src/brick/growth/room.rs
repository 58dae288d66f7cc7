//! Whether a brick can become larger at all. Nothing is changed.
//!
//! Every brick is asked this before any grows, so it asks no more than it must: of a brick on LVM, what is mounted there, and one
//! report.

use mortar_argv::{Batch, Report};
use mortar_model::work::{Facts, FailureKind, GrowthSpec, Seen, Verdict};
use mortar_model::{BrickSpace, ByteSize, layout};

use super::site;
use crate::answer::{self, Unreadable};
use crate::query::brick_state;
use crate::{Settings, complaint, program};

// Items of `look` at a brick on LVM.
const MOUNT: usize = 0;
const ROOM: usize = 1;

pub(super) fn look(spec: &GrowthSpec, settings: &Settings) -> Batch {
    let site = site(&spec.brick);
    match spec.brick.space {
        BrickSpace::Image | BrickSpace::Folder => brick_state::ask(settings, &site),
        BrickSpace::Shared | BrickSpace::ThinPool { .. } => {
            Batch::new().ask(brick_state::find_mount(settings, &site)).ask(
                program::lvm_report(settings, "lvs", answer::ROOM_COLUMNS)
                    .arg(layout::volume_group(site.device)),
            )
        }
    }
}

/// It can when it is whole, in use, and its group has the room. An image takes its space when it is written to, as one that was
/// just made does.
pub(super) fn judge(spec: &GrowthSpec, report: &Report) -> Result<Seen, Unreadable> {
    match spec.brick.space {
        BrickSpace::Image | BrickSpace::Folder => {
            let state = brick_state::read(&site(&spec.brick), report)?;
            let ours = state.mount.is_some_and(|mount| mount.ours);
            Ok(if state.space.is_some() && ours {
                Seen::Present(Facts::None)
            } else {
                not_mounted(spec)
            })
        }
        BrickSpace::Shared | BrickSpace::ThinPool { .. } => judge_thin(spec, report),
    }
}

fn not_mounted(spec: &GrowthSpec) -> Seen {
    Seen::Foreign(format!(
        "brick {} is not mounted, and only then does its file system grow: see 'mortar check'",
        spec.brick.brick
    ))
}

fn judge_thin(spec: &GrowthSpec, report: &Report) -> Result<Seen, Unreadable> {
    let site = site(&spec.brick);
    let paths = brick_state::volume_paths(&site);
    let mounted = answer::mount(report, MOUNT)?.is_some_and(|mount| paths.contains(&mount.source));
    let volume = site.place().logical_volume();
    let rooms = answer::rooms(report, ROOM)?;
    let Some(room) = rooms.iter().find(|room| room.lv_name == volume && mounted) else {
        return Ok(not_mounted(spec));
    };
    let (group, free) = (layout::volume_group(site.device), room.vg_free);
    Ok(match needed(spec) {
        Some(needed) if free < needed => Seen::Foreign(format!(
            "volume group {group} has {free} free, and {needed} are needed: something takes room there that is in no \
             record, see 'mortar check'"
        )),
        _ => Seen::Present(Facts::None),
    })
}

/// What the brick takes more of a volume group.
fn needed(spec: &GrowthSpec) -> Option<ByteSize> {
    let of = |space| match space {
        BrickSpace::ThinPool { pool, metadata } => Some(pool + metadata),
        BrickSpace::Shared | BrickSpace::Image | BrickSpace::Folder => None,
    };
    Some(of(spec.brick.space)?.minus(of(spec.space_before)?))
}

pub(super) fn judge_made(spec: &GrowthSpec, report: &Report) -> Verdict {
    if let Some(why) = complaint::unreached(report) {
        return complaint::failed(FailureKind::Unreached, why);
    }
    match judge(spec, report) {
        Ok(Seen::Foreign(why)) => complaint::refused(why),
        Ok(_) => Verdict::Done(Facts::None),
        Err(unreadable) => Verdict::Unknown(unreadable.to_string()),
    }
}
