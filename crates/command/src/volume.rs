//! A GlusterFS volume: defined, with its options, and started.

use mortar_argv::{Batch, Command, Output, Report};
use mortar_model::work::{BrickAddress, Facts, FailureKind, Seen, Verdict, VolumeSpec};
use mortar_model::{Disperse, VolumeId, VolumeName, layout};

use crate::answer::{self, Unreadable};
use crate::query::volume_info::{self, VolumeInfo};
use crate::{Settings, complaint, program};

pub(crate) fn look(name: &VolumeName, settings: &Settings) -> Batch {
    volume_info::ask(settings, name)
}

pub(crate) fn judge_look(spec: &VolumeSpec, report: &Report) -> Result<Seen, Unreadable> {
    let Some(info) = volume_info::read(report)? else {
        return Ok(Seen::Absent);
    };
    let ours = info.option(layout::VOLUME_ID_OPTION);
    if let Some(other) = ours.filter(|id| *id != spec.volume.to_string()) {
        return Ok(Seen::Foreign(format!(
            "a volume {} with id {other} is there",
            spec.name
        )));
    }
    let wanted = addresses(&spec.bricks);
    if info.bricks != wanted {
        return Ok(match ours {
            _ if half_read(&info, &wanted) => Seen::Unknown(half_read_text(spec.name.as_str())),
            // More bricks than this step gave it: it was expanded since.
            Some(_) if info.bricks.starts_with(&addresses(&spec.bricks)) => seen_started(spec, &info),
            Some(_) => Seen::Partial(format!("volume {} has other bricks than it should", spec.name)),
            None => Seen::Foreign(format!("a volume {} that is not Mortar's is there", spec.name)),
        });
    }
    Ok(seen_started(spec, &info))
}

/// Whether the member is in the middle of taking the volume over from another, and tells of a part of it: no volume is
/// without bricks, and one that has some of ours is ours, though its options have not come yet (seen with 10.3).
fn half_read(info: &VolumeInfo, ours: &[String]) -> bool {
    let some = info.bricks.iter().any(|brick| ours.contains(brick));
    info.bricks.is_empty() || (some && info.option(layout::VOLUME_ID_OPTION).is_none())
}

pub(crate) fn half_read_text(name: &str) -> String {
    format!("this node knows only a part of volume {name} yet")
}

/// How far a volume with our bricks has come.
fn seen_started(spec: &VolumeSpec, info: &VolumeInfo) -> Seen {
    let missing = spec
        .options
        .iter()
        .find(|option| info.option(option.key()).is_none());
    if let Some(option) = missing {
        return Seen::Partial(format!("volume {} lacks its option {}", spec.name, option.key()));
    }
    if !info.started() {
        return Seen::Partial(format!("volume {} is not started ({})", spec.name, info.status));
    }
    Seen::Present(Facts::None)
}

/// Why a volume of this name is not the one that is meant: its id is another, or it has none and lacks these bricks.
pub(crate) fn whose(volume: VolumeId, bricks: &[BrickAddress], info: &VolumeInfo) -> Option<String> {
    match info.option(layout::VOLUME_ID_OPTION) {
        Some(id) if id == volume.to_string() => None,
        Some(id) => Some(format!("volume {} has the id {id}, not {volume}", info.name)),
        None if bricks.is_empty() => Some(format!("volume {} does not say whose it is", info.name)),
        None => {
            let lacks = addresses(bricks)
                .into_iter()
                .find(|brick| !info.bricks.contains(brick))?;
            Some(format!(
                "volume {} does not say whose it is and lacks {lacks}",
                info.name
            ))
        }
    }
}

/// Bricks as `gluster` takes and prints them.
pub(crate) fn addresses(bricks: &[BrickAddress]) -> Vec<String> {
    bricks.iter().map(ToString::to_string).collect()
}

pub(crate) fn make(spec: &VolumeSpec, settings: &Settings) -> Batch {
    let batch = Batch::new().run(create(spec, settings));
    options(spec, settings, batch).ask(program::volume(settings, "start", &spec.name))
}

/// glusterd's own record of the volume tells whether our bricks are in it; `create` would fail then. The start is
/// forced, so that no member refuses it for all because it is started there, or runs bricks that are stopped elsewhere.
pub(crate) fn resume(spec: &VolumeSpec, settings: &Settings) -> Batch {
    let batch = Batch::new().unless(ours(spec, settings), create(spec, settings));
    options(spec, settings, batch).ask(program::volume(settings, "start", &spec.name).arg("force"))
}

fn create(spec: &VolumeSpec, settings: &Settings) -> Command {
    let mut create = program::volume(settings, "create", &spec.name);
    if spec.replica > 1 {
        create = create.arg("replica").arg(spec.replica.to_string());
    }
    if spec.arbiter {
        create = create.args(["arbiter", "1"]);
    }
    if let Some(Disperse { data, redundancy }) = spec.disperse {
        create = create.arg("disperse-data").arg(data.to_string());
        create = create.arg("redundancy").arg(redundancy.to_string());
    }
    create.args(addresses(&spec.bricks))
}

fn options(spec: &VolumeSpec, settings: &Settings, batch: Batch) -> Batch {
    match set(spec, settings) {
        Some(set) => batch.run(set),
        None => batch,
    }
}

/// All options in one transaction.
fn set(spec: &VolumeSpec, settings: &Settings) -> Option<Command> {
    let options = spec
        .options
        .iter()
        .flat_map(|option| [option.key(), option.value()]);
    (!spec.options.is_empty()).then(|| program::volume(settings, "set", &spec.name).args(options))
}

pub(crate) fn judge_made(report: &Report) -> Verdict {
    complaint::judge(report, |words| words.contains("already started"))
}

/// Stops and deletes, if glusterd's record on this node says that the volume is ours.
///
/// A volume with snapshots cannot be deleted, and stopping it first would take it from its users for nothing. A
/// `delete` of a started volume always fails, so it stands here for the refusal; before it, the snapshots are listed.
///
/// Where members are away, the stop is done without them and the deletion is refused. Their bricks may run for some
/// seconds when they are back, until they have heard of the stop; a `start` finds the folders of bricks gone that
/// were removed meanwhile, and is refused as well unless it is forced.
pub(crate) fn unmake(spec: &VolumeSpec, settings: &Settings) -> Batch {
    let delete = || program::volume(settings, "delete", &spec.name);
    Batch::new()
        .item(
            mortar_argv::Guard::OnlyIf(snapshots(spec, settings, "-rqsxF")),
            snapshots(spec, settings, "-rsxF"),
            mortar_argv::OnFailure::Continue,
        )
        .only_if(snapshots(spec, settings, "-rqsxF"), delete())
        .item(
            mortar_argv::Guard::OnlyIf(ours(spec, settings)),
            program::volume(settings, "stop", &spec.name).arg("force"),
            mortar_argv::OnFailure::Continue,
        )
        .item(
            mortar_argv::Guard::OnlyIf(ours(spec, settings)),
            delete(),
            mortar_argv::OnFailure::Continue,
        )
}

/// Where the snapshots of the volume are in the batch of [`unmake`], one a line; the refusal for them is right behind.
const SNAPSHOTS: usize = 0;
/// Where the stop is in it; the deletion is right behind.
const STOP: usize = 2;

/// Whether glusterd's record of the volume holds our id, or one of our bricks when the id was not yet set.
fn ours(spec: &VolumeSpec, settings: &Settings) -> Command {
    let record = format!("{}/vols/{}/info", settings.gluster_state, spec.name);
    let id = format!("{}={}", layout::VOLUME_ID_OPTION, spec.volume);
    let mut grep = program::program(settings, "grep").args(["-qsF", "-e", &id]);
    if let Some(first) = spec.bricks.first() {
        grep = grep.arg("-e").arg(mark(first));
    }
    grep.arg(record)
}

/// What names a brick in glusterd's record of its volume: there, slashes are dashes.
pub(crate) fn mark(brick: &BrickAddress) -> String {
    match layout::read::brick_path(&brick.path) {
        Some((_, id)) => layout::logical_volume(id),
        None => brick.path.replace('/', "-"),
    }
}

/// Made anew whenever glusterd starts.
const GLUSTERD_SOCKET: &str = "/run/glusterd.socket";

/// Whether glusterd on this very member has a record of the volume, wherever the others are; and whether it started
/// a moment ago: some seconds later it has written down what it heard from them.
pub(crate) fn record(spec: &VolumeSpec, settings: &Settings) -> Batch {
    let young = program::program(settings, "find").args([GLUSTERD_SOCKET, "-newermt", "15 seconds ago"]);
    Batch::new().ask(ours(spec, settings)).ask(young)
}

/// `grep` finds it, finds something else, or finds no file; `find` names the socket or nothing.
pub(crate) fn judge_record(report: &Report) -> Result<Knows, Unreadable> {
    const WHAT: &str = "glusterd's record of the volume";
    let output = answer::ran(report, 0, WHAT)?;
    let young = answer::ran(report, 1, WHAT)?;
    match output.status {
        0 => Ok(Knows::Yes),
        1 | 2 if young.stdout.trim().is_empty() => Ok(Knows::No),
        1 | 2 => Ok(Knows::NotYet),
        _ => Err(Unreadable::new(WHAT, complaint::reason(output))),
    }
}

/// Whether a member of a pool knows of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knows {
    /// It has a record of its own.
    Yes,
    /// It has none.
    No,
    /// It has none, but started a moment ago, and may still write down what it heard from the others before.
    NotYet,
}

/// glusterd's records of snapshots that name the volume as their origin.
fn snapshots(spec: &VolumeSpec, settings: &Settings, how: &str) -> Command {
    program::program(settings, "grep")
        .args([how, "--include=info", "-e"])
        .arg(format!("parent_volname={}", spec.name))
        .arg(format!("{}/snaps", settings.gluster_state))
}

/// Begins as Heketi said it: clients look for these words.
fn kept_by_snapshots(spec: &VolumeSpec, report: &Report) -> String {
    let listed = report.output(SNAPSHOTS).filter(|listed| listed.success());
    let number = listed.map(|listed| listed.stdout.lines().count());
    let number = number.map_or_else(String::new, |number| format!("{number} "));
    format!(
        "Unable to delete volume {0} because it contains {number}snapshots, and it stays as it is: they are GlusterFS's own, delete \
         them first (gluster snapshot list {0})",
        spec.name
    )
}

/// That the deletion waits for other members is only said of a volume that is surely stopped: nobody uses its bricks.
pub(crate) fn judge_unmade(spec: &VolumeSpec, report: &Report) -> Verdict {
    use mortar_argv::Outcome;
    let has_snapshots = report.output(SNAPSHOTS + 1).is_some();
    let stopped = report.output(STOP).is_some_and(Output::success);
    let waits = report
        .output(STOP + 1)
        .is_some_and(|delete| !delete.success() && complaint::members_away(delete));
    let looked = complaint::judge(report, |words| words.contains("does not exist"));
    let stopped_or_deleted = report
        .outcomes
        .iter()
        .any(|outcome| matches!(outcome, Outcome::Ran(_)));
    match looked {
        Verdict::Failed(failure)
            if has_snapshots
                && (failure.reason.contains("has been started") || failure.reason.contains("snapshots")) =>
        {
            complaint::refused(kept_by_snapshots(spec, report))
        }
        Verdict::Failed(failure) if failure.kind == FailureKind::Away && !(stopped && waits) => {
            complaint::refused(failure.reason)
        }
        // No record that is ours on this node: gone, or not ours; the batch cannot tell which.
        Verdict::Done(_) if !stopped_or_deleted => Verdict::Unknown(format!(
            "this node has no record of volume {} with its id",
            spec.name
        )),
        verdict => verdict,
    }
}
