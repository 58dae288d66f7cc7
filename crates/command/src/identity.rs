//! A machine that stands in a lost node's place: its glusterd gets the id by which the other members know the node, and knows them. It
//! learns the pool's volumes from them when it starts (seen with 10.3).
//!
//! Only a machine that is new is touched: one whose glusterd has volumes, or members that are not the node's, is somebody's. The file with
//! the id is written last, in one go: where it has the id, all else is written.

use std::collections::BTreeMap;

use mortar_argv::{Batch, Guard, OnFailure, Outcome, Report};
use mortar_model::work::{Facts, FailureKind, IdentitySpec, KnownPeer, Seen, Starter, Verdict};
use mortar_model::{PeerId, VolumeName};

use crate::answer::{self, Unreadable};
use crate::query::{identity, pool, records};
use crate::{Settings, complaint, daemon, program};

/// Where the answers of [`look`] are.
const OWN: usize = 0;
const PEERS: usize = 1;
const VOLUMES: usize = 2;
const POOL: usize = 3;

/// How many names of what is in the way are told.
const NAMED: usize = 3;

pub(crate) fn look(settings: &Settings) -> Batch {
    let peers = program::program(settings, "find").arg(folder(settings)).args([
        "-mindepth",
        "1",
        "-maxdepth",
        "1",
        "-printf",
        "%f\\n",
    ]);
    // A glusterd that never ran has no such folder.
    let there = program::test(settings, "-d", records::folder(settings));
    Batch::new()
        .ask(identity::own(settings))
        .ask(peers)
        .item(Guard::OnlyIf(there), records::list(settings), OnFailure::Continue)
        .then(records::ask_pool(settings))
}

pub(crate) fn judge_look(spec: &IdentitySpec, report: &Report) -> Result<Seen, Unreadable> {
    judge_at(spec, report, 0)
}

fn judge_at(spec: &IdentitySpec, report: &Report, from: usize) -> Result<Seen, Unreadable> {
    let own = answer::text_of(report, from + OWN, identity::WHAT)?.and_then(identity::id);
    if own.as_ref() == Some(&spec.id) {
        // One that runs on since before that was written is still nobody, and to be ended.
        let members = pool::read_at(report, from + POOL).unwrap_or_default();
        if pool::own_id(&members).is_some_and(|running| running != spec.id.as_str()) {
            return Ok(Seen::Absent);
        }
        return Ok(match daemon::settled(report, from + POOL) {
            Ok(()) => Seen::Present(Facts::None),
            Err(why) => Seen::Partial(format!("glusterd has the node's identity, but {why}")),
        });
    }
    let peers = answer::text_of(report, from + PEERS, "whom glusterd has on disk as members")?;
    let ours = |name: &str| spec.peers.iter().any(|peer| peer.id.as_str() == name);
    let strangers: Vec<&str> = peers
        .unwrap_or_default()
        .lines()
        .filter(|name| !ours(name))
        .collect();
    let volumes = match report.outcomes.get(from + VOLUMES) {
        Some(Outcome::Skipped) => BTreeMap::new(),
        _ => records::read_at(report, from + VOLUMES)?,
    };
    let volumes: Vec<&str> = volumes.keys().map(VolumeName::as_str).collect();
    Ok(match (&strangers[..], &volumes[..]) {
        ([], []) => Seen::Absent,
        ([], volumes) => foreign(spec, "volumes of its own", volumes),
        (strangers, _) => foreign(spec, "members of another trusted pool", strangers),
    })
}

fn foreign(spec: &IdentitySpec, what: &str, names: &[&str]) -> Seen {
    let named: Vec<&str> = names.iter().copied().take(NAMED).collect();
    Seen::Foreign(format!(
        "what answers for {} is no new machine: its glusterd has {what} ({}); where nobody wants them, stop glusterd there, empty \
         its folder of state, and start it again",
        spec.host,
        named.join(", ")
    ))
}

pub(crate) fn make(spec: &IdentitySpec, settings: &Settings) -> Batch {
    let own = identity::file(settings);
    let part = format!("{own}.part");
    let text = format!("UUID={}\noperating-version={}\n", spec.id, spec.operating_version);
    let batch = daemon::end(&spec.starter, settings).run(
        program::program(settings, "mkdir")
            .arg("-p")
            .arg(folder(settings)),
    );
    let batch = spec.peers.iter().fold(batch, |batch, peer| {
        batch.run(program::write(
            settings,
            peer_file(&peer.id, settings),
            &known(peer),
        ))
    });
    batch
        .run(program::write(settings, part.clone(), &text))
        .run(program::program(settings, "sync").arg(&part))
        .run(program::program(settings, "mv").args(["-f", &part, &own]))
        .run(program::program(settings, "sync").arg(&settings.gluster_state))
        .run(daemon::start(&spec.starter, settings))
        .then(look(settings))
}

/// All is written. What glusterd does not know yet, it is told by its peers.
pub(crate) fn resume(spec: &IdentitySpec, settings: &Settings) -> Batch {
    daemon::runs(&spec.starter, settings).then(look(settings))
}

/// Items of [`look`].
const LOOK: usize = POOL + 1;

/// Of `make` and `resume`: whatever was done, the look at the end tells what came of it; what failed before tells why it is not so.
pub(crate) fn judge_made(spec: &IdentitySpec, report: &Report) -> Verdict {
    let from = report.outcomes.len().saturating_sub(LOOK);
    let ends_by_itself = usize::from(spec.starter != Starter::Systemd);
    let own = Report {
        outcomes: report
            .outcomes
            .iter()
            .take(from)
            .skip(ends_by_itself)
            .cloned()
            .collect(),
        broken: report.broken.clone(),
    };
    let busy = |why: String| complaint::failed(FailureKind::Busy, why);
    match complaint::judge(&own, complaint::nothing_tolerated) {
        Verdict::Done(facts) => match judge_at(spec, report, from) {
            Ok(Seen::Present(_)) => Verdict::Done(facts),
            Ok(Seen::Partial(why)) => busy(why),
            Ok(Seen::Foreign(why)) => complaint::refused(why),
            Ok(_) => busy("glusterd was started again".into()),
            Err(unreadable) => busy(unreadable.to_string()),
        },
        verdict => verdict,
    }
}

/// An identity is not taken back: nothing else has it. There is no way back but that glusterd runs.
pub(crate) fn unmake(spec: &IdentitySpec, settings: &Settings) -> Batch {
    daemon::runs(&spec.starter, settings)
}

pub(crate) fn judge_unmade(report: &Report) -> Verdict {
    daemon::judge_runs(report)
}

/// Where glusterd keeps whom it knows.
fn folder(settings: &Settings) -> String {
    format!("{}/peers", settings.gluster_state)
}

fn peer_file(id: &PeerId, settings: &Settings) -> String {
    format!("{}/{id}", folder(settings))
}

/// What glusterd keeps of a member: 3 is one for good.
fn known(peer: &KnownPeer) -> String {
    let hosts = peer.hosts.iter().enumerate();
    let hosts: String = hosts
        .map(|(number, host)| format!("hostname{}={host}\n", number + 1))
        .collect();
    format!("uuid={}\nstate=3\n{hosts}", peer.id)
}
