//! What is left of a brick that is in no record. It is removed only when the node itself shows, right before, that it is
//! Mortar's own and that nobody uses it.

use mortar_argv::{Batch, Command, Report};
use mortar_model::work::{BrickSpec, Facts, RemainsSpec, Seen, Verdict};
use mortar_model::{BrickSpace, ByteSize, VolumeId, layout};

use super::{says_uuid, site};
use crate::answer::{self, Unreadable};
use crate::query::brick_state::{self, BrickState};
use crate::{Settings, complaint, program};

/// Items of `look` after the brick's state.
const OWN_ITEMS: usize = 2;

/// The spec by which a brick is unmade: nothing of it but names is used there.
fn as_brick(spec: &RemainsSpec) -> BrickSpec {
    let space = if spec.image {
        BrickSpace::Image
    } else {
        BrickSpace::ThinPool {
            pool: ByteSize::ZERO,
            metadata: ByteSize::ZERO,
        }
    };
    BrickSpec {
        brick: spec.brick,
        volume: VolumeId::from_u128(0),
        device: spec.device,
        device_path: spec.device_path.clone(),
        space,
        size: ByteSize::ZERO,
        arbiter: false,
        gid: 0,
        identity: String::new(),
        from: None,
        names: None,
        pool: None,
    }
}

/// The brick's state, whether glusterd's records name it, and what proves it to be Mortar's.
pub(crate) fn look(spec: &RemainsSpec, settings: &Settings) -> Batch {
    let proof = if spec.image {
        says_uuid(settings, spec.brick, layout::image(&spec.device_path, spec.brick))
    } else {
        program::lvm_report(settings, "lvs", answer::ALL_LV_COLUMNS).arg(layout::volume_group(spec.device))
    };
    brick_state::ask(settings, &site(&as_brick(spec)))
        .ask(is_used(spec, settings))
        .ask(proof)
}

/// glusterd's record of a volume names the folders of its bricks, with dashes for slashes.
fn is_used(spec: &RemainsSpec, settings: &Settings) -> Command {
    program::program(settings, "grep")
        .args(["-rqsF", "--include=info", "-e"])
        .arg(layout::logical_volume(spec.brick))
        .arg(format!("{}/vols", settings.gluster_state))
}

pub(crate) fn judge_look(spec: &RemainsSpec, report: &Report) -> Result<Seen, Unreadable> {
    let brick = as_brick(spec);
    let state = brick_state::read(&site(&brick), report)?;
    let own = report.outcomes.len().saturating_sub(OWN_ITEMS);
    if state.nothing() {
        return Ok(Seen::Absent);
    }
    let used = answer::ran(report, own, "whether a volume uses the brick")?;
    if used.status != 1 {
        return unproven(spec, "glusterd's records do not show that no volume uses it");
    }
    if let Some(mount) = state.mount.as_ref().filter(|mount| !mount.ours) {
        return unproven(spec, &format!("{} is mounted in its place", mount.source));
    }
    if proven(spec, &state, report, own + 1)? {
        Ok(Seen::Present(Facts::None))
    } else {
        unproven(spec, "nothing there proves that Mortar made it")
    }
}

/// An image tells by the UUID of its file system; one in the making has none yet, and its name is Mortar's own. A
/// logical volume's pool has a tag. Mount entries and empty folders below Mortar's own folder hold nothing.
fn proven(spec: &RemainsSpec, state: &BrickState, report: &Report, item: usize) -> Result<bool, Unreadable> {
    if spec.image {
        let proof = answer::ran(report, item, "what file system the image holds")?;
        return Ok(state.space.is_none() || proof.success());
    }
    let tag = layout::brick_tag(spec.brick);
    let volumes = answer::listed_volumes(report, item)?;
    let names = [
        layout::logical_volume(spec.brick),
        layout::logical_volume_in_making(spec.brick),
        layout::thin_pool(spec.brick),
    ];
    let mut own = volumes
        .iter()
        .filter(|found| names.contains(&found.volume.lv_name));
    Ok((state.space.is_none() && !state.pool && !state.image_in_making)
        || own.any(|found| found.volume.lv_tags.contains(&tag)))
}

/// Not `Foreign`, which would count as gone: whoever asked is to hear that it stays.
fn unproven(spec: &RemainsSpec, why: &str) -> Result<Seen, Unreadable> {
    Ok(Seen::Unknown(format!("brick {} stays: {why}", spec.brick)))
}

/// The guard stands here once more: a volume may have come to use it since the look. A logical volume may be in a pool of its own or
/// in a shared one, and be still in the making there.
pub(crate) fn unmake(spec: &RemainsSpec, settings: &Settings) -> Batch {
    let brick = as_brick(spec);
    let batch = Batch::new()
        .only_if(is_used(spec, settings), program::program(settings, "false"))
        .then(super::unmake(&brick, settings));
    if spec.image {
        batch
    } else {
        super::shared::unmake(&brick, settings, batch)
    }
}

pub(crate) fn judge_unmade(spec: &RemainsSpec, report: &Report) -> Verdict {
    match report.first_failure() {
        Some((0, _)) => complaint::refused(format!("brick {} stays: a volume uses it", spec.brick)),
        _ => super::judge_unmade(&Report {
            outcomes: report.outcomes.iter().skip(1).cloned().collect(),
            broken: report.broken.clone(),
        }),
    }
}
