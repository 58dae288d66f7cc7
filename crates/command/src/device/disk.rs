//! A block device: an LVM physical volume and a volume group of its own.
//!
//! Two guards stand before somebody's data. The look refuses what it finds; and `pvcreate -qq`, which answers
//! every question of LVM with no, refuses what appeared since. `wipefs` without force refuses a device in use.

use mortar_argv::{Batch, Command, Report};
use mortar_model::work::{DeviceFacts, DeviceSpec, Facts, Seen};
use mortar_model::{ByteSize, layout};

use super::{SMALLEST, facts_count, pool, traps};
use crate::answer::{self, Unreadable};
use crate::{Settings, program};

// Items of `look`, in order. Its last ones are `facts`.
const BLOCK: usize = 0;
const SIGNATURES: usize = 1;

/// Space that LVM takes of a device for itself: its metadata area, and less than one extent at the end.
const OVERHEAD: ByteSize = ByteSize::from_mib(128 + 4);

pub(super) fn look(spec: &DeviceSpec, settings: &Settings) -> Batch {
    let path = spec.path.as_str();
    Batch::new()
        .ask(
            program::program(settings, "lsblk")
                // Not MOUNTPOINTS, which util-linux has since 2.37: that it is mounted at all is enough.
                .args([
                    "--json",
                    "--bytes",
                    "--paths",
                    "--output",
                    "NAME,TYPE,SIZE,RO,MOUNTPOINT",
                ])
                .arg(path),
        )
        .ask(program::program(settings, "wipefs").args(["--json", "--output", "TYPE", path]))
        .then(facts(spec, settings))
}

pub(super) fn facts(spec: &DeviceSpec, settings: &Settings) -> Batch {
    let batch = Batch::new()
        .ask(program::lvm_report(settings, "pvs", answer::PV_COLUMNS).arg(spec.path.as_str()))
        .ask(
            program::program(settings, "udevadm")
                .args(["info", "--query=symlink"])
                .arg(format!("--name={}", spec.path)),
        );
    pool::ask(spec, settings).into_iter().fold(batch, Batch::ask)
}

pub(super) fn read_facts(spec: &DeviceSpec, report: &Report) -> Result<DeviceFacts, Unreadable> {
    let tail = report.outcomes.len().saturating_sub(facts_count(spec));
    let Some(pv) = answer::physical_volume(report, tail)? else {
        return Err(Unreadable::new(
            "the physical volume",
            format!("LVM knows none on {}", spec.path),
        ));
    };
    let mut paths = vec![spec.path.to_string()];
    if let Some(links) = report.output(tail + 1).filter(|output| output.success()) {
        paths.extend(links.stdout.split_whitespace().map(|link| format!("/dev/{link}")));
    }
    paths.dedup();
    let total = match spec.shared {
        Some(overcommit) => overcommit.of(pool::size(spec, report)?, pv.vg_extent_size),
        None => pv.vg_size,
    };
    Ok(DeviceFacts {
        total,
        extent: pv.vg_extent_size,
        uuid: pv.pv_uuid,
        paths,
    })
}

pub(super) fn judge_look(spec: &DeviceSpec, report: &Report) -> Result<Seen, Unreadable> {
    let path = &spec.path;
    let Some(block) = answer::block_device(report, BLOCK)? else {
        return foreign(format!(
            "{path} is not a block device of this node (lsblk lists those there are)"
        ));
    };
    let asked_lvm = report.outcomes.len().saturating_sub(facts_count(spec));
    let pv = answer::physical_volume(report, asked_lvm)?;
    if let Some(pv) = &pv {
        let ours = layout::volume_group(spec.device);
        match pv.vg_name.as_str() {
            name if name == ours && !pool::is_there(spec, report)? => {
                return Ok(Seen::Partial(format!(
                    "the volume group on {path} has no thin pool yet"
                )));
            }
            name if name == ours => return Ok(Seen::Present(Facts::Device(read_facts(spec, report)?))),
            "" if pv.pv_uuid == layout::physical_volume_uuid(spec.device) => {
                return Ok(Seen::Partial(format!(
                    "{path} is a physical volume without its volume group"
                )));
            }
            _ => {}
        }
    }
    let group = pv
        .as_ref()
        .map(|pv| pv.vg_name.as_str())
        .filter(|name| !name.is_empty());
    if let Some(use_) = traps::in_use(&block, group) {
        return foreign(format!("{path} is in use: {use_}; nothing is wiped there"));
    }
    if block.read_only || block.kind == "rom" {
        return foreign(format!("{path} is read-only"));
    }
    if block.size.minus(OVERHEAD) < SMALLEST {
        return foreign(format!(
            "{path} is too small: it has {}, LVM takes {OVERHEAD}, {SMALLEST} is the least",
            block.size
        ));
    }
    if let Some(group) = group.filter(|name| layout::read::volume_group(name).is_some()) {
        return foreign(format!(
            "{path} is a device of Mortar or Heketi already, by another name or in another pool (volume group \
             {group}); remove that device there first: not even destroydata wipes it. What is left of a pool that is no more \
             goes on the node itself: vgremove {group}, then pvremove {path}"
        ));
    }
    if let Some(way) = answer::left_out(report, asked_lvm).and_then(|reason| traps::left_out(path, &reason)) {
        return foreign(way);
    }
    let signatures = answer::signatures(report, SIGNATURES)?;
    if let Some(hidden) = traps::hidden(path, pv.as_ref(), &signatures) {
        return foreign(hidden);
    }
    match traps::contents(&block, pv.as_ref(), &signatures).filter(|_| !spec.destroy) {
        Some(contents) => foreign(format!(
            "{path} {contents}; add it with destroydata (--destroy-existing-data) to wipe exactly this device"
        )),
        None => Ok(Seen::Absent),
    }
}

fn foreign(text: String) -> Result<Seen, Unreadable> {
    Ok(Seen::Foreign(text))
}

pub(super) fn make(spec: &DeviceSpec, settings: &Settings, batch: Batch) -> Batch {
    let batch = if spec.destroy {
        batch.run(program::program(settings, "wipefs").args(["--all", spec.path.as_str()]))
    } else {
        batch
    };
    let pvcreate = program::lvm(settings, "pvcreate")
        .args([
            "--uuid",
            &layout::physical_volume_uuid(spec.device),
            "--norestorefile",
        ])
        .args(["--metadatasize=128M", "--dataalignment=256K", spec.path.as_str()]);
    let batch = batch.run(pvcreate).run(vgcreate(spec, settings));
    pool::make(spec, settings).into_iter().fold(batch, Batch::run)
}

/// Only the volume group can be left, and its pool: a physical volume without it tells by its UUID that it is ours.
pub(super) fn resume(spec: &DeviceSpec, settings: &Settings, batch: Batch) -> Batch {
    let known = program::lvm(settings, "vgs").arg(layout::volume_group(spec.device));
    let batch = batch.unless(known, vgcreate(spec, settings));
    let make = pool::make(spec, settings).into_iter();
    make.fold(batch, |batch, make| {
        batch.unless(pool::known(spec, settings), make)
    })
}

fn vgcreate(spec: &DeviceSpec, settings: &Settings) -> Command {
    let command = program::lvm(settings, "vgcreate").args([
        "--physicalextentsize=4M",
        "--autobackup=n",
        "--addtag",
        &layout::device_tag(spec.device),
    ]);
    let tags = spec
        .shared
        .iter()
        .map(|overcommit| layout::overcommit_tag(*overcommit));
    tags.fold(command, |command, tag| command.args(["--addtag", &tag]))
        .arg(layout::volume_group(spec.device))
        .arg(spec.path.as_str())
}

/// `vgremove -qq` refuses a group that holds volumes. The physical volume is removed only where its UUID is ours:
/// the path may belong to another disk by now.
pub(super) fn unmake(spec: &DeviceSpec, settings: &Settings) -> Batch {
    let ours = program::program(settings, "blkid")
        .args([
            "-c",
            "/dev/null",
            "-t",
            &format!("UUID={}", layout::physical_volume_uuid(spec.device)),
        ])
        .arg(spec.path.as_str());
    let known = || program::lvm(settings, "vgs").arg(layout::volume_group(spec.device));
    let batch = pool::remove(spec, settings)
        .into_iter()
        .fold(Batch::new(), |batch, remove| batch.only_if(known(), remove));
    batch
        .only_if(
            known(),
            program::lvm(settings, "vgremove").arg(layout::volume_group(spec.device)),
        )
        .only_if(ours, program::lvm(settings, "pvremove").arg(spec.path.as_str()))
}
