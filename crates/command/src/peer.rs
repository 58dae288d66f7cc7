//! A member of the trusted pool, driven from another member.

use mortar_argv::{Batch, Report};
use mortar_model::work::Facts;
use mortar_model::work::{FailureKind, PeerSpec, Seen, Verdict};

use crate::answer::Unreadable;
use crate::query::pool::{self, Member};
use crate::volume::Knows;
use crate::{Settings, complaint, program};

pub(crate) fn look(settings: &Settings) -> Batch {
    pool::ask(settings)
}

pub(crate) fn judge_look(spec: &PeerSpec, report: &Report) -> Result<Seen, Unreadable> {
    let members = pool::read(report)?;
    Ok(match find(spec, &members) {
        None => Seen::Absent,
        Some(member) if member.settled => Seen::Present(Facts::None),
        Some(member) => Seen::Partial(format!("{} is joining the pool: {}", spec.host, member.state)),
    })
}

/// Probing a member again is a success, and so is a node that probes itself: the first of a pool.
pub(crate) fn make(spec: &PeerSpec, settings: &Settings) -> Batch {
    Batch::new()
        .run(program::peer(settings, "probe", &spec.host))
        .then(pool::ask(settings))
}

/// Done when the pool counts the peer as a connected member: before that, glusterd refuses its bricks.
pub(crate) fn judge_made(spec: &PeerSpec, report: &Report) -> Verdict {
    let verdict = complaint::judge(report, complaint::nothing_tolerated);
    if !matches!(verdict, Verdict::Done(_)) || myself(report) {
        return verdict;
    }
    let members = match pool::read_last(report) {
        Ok(members) => members,
        Err(unreadable) => return Verdict::Unknown(unreadable.to_string()),
    };
    match find(spec, &members) {
        Some(member) if member.settled && member.connected => verdict,
        _ => complaint::failed(
            FailureKind::Busy,
            format!("{} is joining the pool and not connected yet", spec.host),
        ),
    }
}

pub(crate) fn is_rejected(spec: &PeerSpec, report: &Report) -> bool {
    pool::read_last(report)
        .is_ok_and(|members| find(spec, &members).is_some_and(|member| member.state == "Peer Rejected"))
}

pub(crate) fn is_connected(spec: &PeerSpec, report: &Report) -> bool {
    pool::read(report)
        .is_ok_and(|members| find(spec, &members).is_some_and(|member| member.settled && member.connected))
}

/// Whether a member counts the peer to its pool.
pub(crate) fn judge_record(spec: &PeerSpec, report: &Report) -> Result<Knows, Unreadable> {
    let members = pool::read(report)?;
    Ok(match find(spec, &members) {
        Some(_) => Knows::Yes,
        None => Knows::No,
    })
}

fn myself(report: &Report) -> bool {
    report
        .output(0)
        .is_some_and(|output| output.stdout.contains("Probe on localhost not needed"))
}

pub(crate) fn unmake(spec: &PeerSpec, settings: &Settings) -> Batch {
    let detach = program::peer(settings, "detach", &spec.host);
    let detach = if spec.force { detach.arg("force") } else { detach };
    Batch::new().ask(detach).then(pool::ask(settings))
}

/// A node cannot leave by itself, but one that is alone in its pool has nothing to leave.
pub(crate) fn judge_unmade(spec: &PeerSpec, report: &Report) -> Verdict {
    let alone = || pool::read_last(report).is_ok_and(|members| members.len() == 1);
    let gone =
        |words: &str| words.contains("is not part of cluster") || (words.contains("is localhost") && alone());
    match complaint::judge(report, gone) {
        Verdict::Failed(failure) if failure.reason.contains("is localhost") => complaint::refused(format!(
            "{} cannot leave the pool by itself: another member must detach it",
            spec.host
        )),
        verdict => verdict,
    }
}

fn find<'a>(spec: &PeerSpec, members: &'a [Member]) -> Option<&'a Member> {
    members.iter().find(|member| {
        member
            .hosts
            .iter()
            .any(|host| host.eq_ignore_ascii_case(spec.host.as_str()))
    })
}
