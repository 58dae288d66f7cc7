//! The copies in one set of a volume, alike.
//!
//! GlusterFS heals by itself; this looks how far it is. A brick lists what it holds that another brick of its set lacks:
//! when each runs and none lists anything, the copies are alike. A brick that was just put in another one's place is
//! listed for at once, since glusterd marks its root as behind before it starts it; but not in a set of pieces, whose
//! bricks are asked themselves ([`crate::witnesses`]).

use mortar_argv::{Batch, Outcome, Report};
use mortar_model::VolumeName;
use mortar_model::work::{BrickAddress, Facts, FailureKind, HealSpec, Seen, Verdict};

use crate::answer::Unreadable;
use crate::query::heal_info::{self, BrickHeal};
use crate::volume::addresses;
use crate::{Settings, complaint, program};

pub(crate) fn look(spec: &HealSpec, settings: &Settings) -> Batch {
    heal_info::ask(settings, &spec.name)
}

pub(crate) fn judge_look(spec: &HealSpec, report: &Report) -> Result<Seen, Unreadable> {
    if lost(report) {
        return Ok(Seen::Absent);
    }
    let bricks = heal_info::read(report)?;
    Ok(match state(&spec.bricks, &bricks) {
        State::Alike => Seen::Present(Facts::None),
        _ => Seen::Absent,
    })
}

/// Asks the self-heal daemons to begin now instead of at their next round, then how far they are.
pub(crate) fn make(spec: &HealSpec, settings: &Settings) -> Batch {
    Batch::new()
        .ask(program::volume(settings, "heal", &spec.name))
        .then(heal_info::ask(settings, &spec.name))
}

/// What is run where something waits for a heal: GlusterFS heals by itself, but the self-heal daemons look every ten minutes. A
/// client that ends at once leaves names of files that are alike behind, until then (seen with 10.3 and 11.1).
pub(crate) fn hasten(name: &VolumeName, verdict: &Verdict, settings: &Settings) -> Option<Batch> {
    let waits = matches!(verdict, Verdict::Failed(failure) if failure.kind == FailureKind::Busy);
    waits.then(|| Batch::new().ask(program::volume(settings, "heal", name)))
}

/// What the first command says does not count, but is told: a daemon that is at work already, or a brick that is just coming up,
/// makes it fail, and the daemons begin by themselves.
pub(crate) fn judge_made(spec: &HealSpec, report: &Report) -> Verdict {
    if let Some(why) = complaint::unreached(report) {
        return complaint::failed(FailureKind::Unreached, why);
    }
    if lost(report) {
        return complaint::failed(
            FailureKind::Underway,
            "GlusterFS did not tell within its time how much is still to be healed: it looks at each file for that",
        );
    }
    let bricks = match heal_info::read_last(report) {
        Ok(bricks) => bricks,
        Err(unreadable) => return Verdict::Unknown(unreadable.to_string()),
    };
    match state(&spec.bricks, &bricks) {
        State::Alike => Verdict::Done(Facts::None),
        State::Pending(entries) => complaint::failed(
            FailureKind::Underway,
            format!(
                "{entries} files and folders are still to be healed{}",
                unasked(report)
            ),
        ),
        State::Down(brick) => complaint::failed(
            FailureKind::Busy,
            format!("{brick} does not run, and heal cannot end without it"),
        ),
        State::Split(entries) => complaint::refused(format!(
            "volume {0} has {entries} files in split-brain, which do not heal by themselves: choose a copy for each \
             (gluster volume heal {0} info split-brain)",
            spec.name
        )),
    }
}

/// Why the self-heal daemons were not asked to begin, if they were not: then the heal waits for their next round.
fn unasked(report: &Report) -> String {
    match report.outcomes.first() {
        Some(Outcome::Ran(output)) if !output.success() => {
            format!(
                "; the self-heal daemons were not told to begin: {}",
                complaint::reason(output)
            )
        }
        _ => String::new(),
    }
}

/// Whether the answer did not come to its end. Nothing was changed, and nobody has to know more than that it is not healed: the
/// more there is to heal, the longer the answer takes.
fn lost(report: &Report) -> bool {
    report.broken.is_some()
}

/// How the copies of a set are.
enum State {
    Alike,
    /// So many entries are to be healed.
    Pending(u64),
    /// This brick cannot be asked.
    Down(String),
    /// So many of them do not heal by themselves, and nothing else is left.
    Split(u64),
}

fn state(set: &[BrickAddress], answer: &[BrickHeal]) -> State {
    let (mut entries, mut split) = (0, 0);
    for wanted in addresses(set) {
        let Some(brick) = running(answer, &wanted) else {
            return State::Down(wanted);
        };
        entries += brick.entries.unwrap_or(0);
        split = split.max(brick.split_brain.unwrap_or(0));
    }
    match (entries, split) {
        (0, _) => State::Alike,
        (entries, split) if split > 0 && entries <= split * set.len() as u64 => State::Split(split),
        (entries, _) => State::Pending(entries),
    }
}

/// What a brick lists, if it was asked.
pub(crate) fn running<'a>(answer: &'a [BrickHeal], wanted: &str) -> Option<&'a BrickHeal> {
    let mut bricks = answer.iter();
    bricks.find(|brick| brick.brick == wanted && brick.connected && brick.entries.is_some())
}

/// What the bricks of a volume list; else what became of the question.
pub(crate) fn told(report: &Report) -> Result<Vec<BrickHeal>, Verdict> {
    if let Some(why) = complaint::unreached(report) {
        return Err(complaint::failed(FailureKind::Unreached, why));
    }
    heal_info::read(report).map_err(|unreadable| Verdict::Unknown(unreadable.to_string()))
}

/// What those of these bricks that run tell, in all.
pub(crate) fn sum(
    answer: &[BrickHeal],
    bricks: &[BrickAddress],
    of: impl Fn(&BrickHeal) -> Option<u64>,
) -> u64 {
    let bricks = addresses(bricks).into_iter();
    bricks.filter_map(|brick| of(running(answer, &brick)?)).sum()
}
