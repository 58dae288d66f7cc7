//! Checks and repairs as `/v1` shows them.

use mortar_api as api;
use mortar_engine::plan::{Landscape, Plan};
use mortar_engine::{Begun, Check, Finding, Reconciled, Remedy, RepairRun, RepairTask};
use mortar_heketi::takeover::{Kept, Note, Weight};

use super::operation::{planned_stages, time};

/// What did not go over just as it was; `None` where all did.
pub(crate) fn takeover(kept: Kept) -> Option<api::Takeover> {
    let something = !kept.notes.is_empty() || !kept.inconsistencies.is_empty();
    something.then(|| api::Takeover {
        notes: kept.notes.into_iter().map(note).collect(),
        inconsistencies: kept.inconsistencies,
    })
}

fn note(note: Note) -> api::TakeoverNote {
    api::TakeoverNote {
        weight: match note.weight {
            Weight::LeftOut => api::TakeoverWeight::LeftOut,
            Weight::Fault => api::TakeoverWeight::Fault,
            Weight::Remark => api::TakeoverWeight::Remark,
        },
        subject: api::Subject {
            kind: note.kind,
            id: note.id,
            name: note.name,
        },
        why: note.why,
    }
}

/// A check.
pub(crate) fn check(check: &Check, landscape: &Landscape) -> api::Check {
    let (nodes, silent) = check.nodes;
    let (volumes, bricks) = check.recorded;
    api::Check {
        number: check.number,
        began: time(check.began),
        took_ms: u64::try_from(check.took.as_millis()).unwrap_or(u64::MAX),
        nodes: count(nodes),
        silent: count(silent),
        volumes: count(volumes),
        bricks: count(bricks),
        clean: check.is_clean(),
        findings: check
            .findings
            .iter()
            .map(|finding| of_finding(finding, landscape))
            .collect(),
        left_out: count(check.left_out),
    }
}

fn of_finding(finding: &Finding, landscape: &Landscape) -> api::Finding {
    let host = |id| {
        let node = landscape.inventory().node(id);
        node.map(|node| node.manage.to_string())
    };
    let (by, text) = match &finding.remedy {
        Remedy::Automatic(repair) => (api::RemedyBy::Itself, repair.words()),
        Remedy::OnCommand(repair) => (api::RemedyBy::Command, repair.words()),
        Remedy::ByHand(text) => (api::RemedyBy::Hand, text.clone()),
    };
    api::Finding {
        id: finding.id(),
        kind: finding.kind.name().into(),
        meaning: finding.kind.meaning().into(),
        severity: finding.kind.severity().name().into(),
        subject: api::Subject {
            kind: finding.subject.kind.into(),
            id: finding.subject.id.clone(),
            name: finding.subject.name.clone(),
        },
        node: finding.node.map(|id| id.to_string()),
        host: finding.node.and_then(host).unwrap_or_default(),
        recorded: finding.proof.recorded.clone(),
        seen: finding.proof.seen.clone(),
        place: finding.proof.place.clone(),
        remedy: api::Remedy { by, text },
    }
}

/// What was mended by itself.
pub(crate) fn reconciled(reconciled: Reconciled) -> api::Reconciled {
    let failed = reconciled.failed.into_iter();
    api::Reconciled {
        ended: time(reconciled.ended),
        check: reconciled.check,
        mended: reconciled.mended,
        failed: failed
            .map(|(findings, reason)| api::FailedRepair { findings, reason })
            .collect(),
        files: count(reconciled.files),
        files_failed: reconciled.files_failed,
    }
}

/// Repairs, shown or begun.
pub(crate) fn repair(run: RepairRun, dry_run: bool, landscape: &Landscape) -> api::RepairAnswer {
    api::RepairAnswer {
        dry_run,
        check: check(&run.check, landscape),
        tasks: run
            .tasks
            .into_iter()
            .map(|task| of_task(task, landscape))
            .collect(),
        not_found: run.not_found,
    }
}

fn of_task(task: RepairTask, landscape: &Landscape) -> api::RepairTask {
    let stages = |plan: &Plan| planned_stages(plan, landscape);
    let (state, operation, reason) = match task.begun {
        Begun::Planned => (api::RepairState::Planned, None, None),
        Begun::Operation(id) => (api::RepairState::Begun, Some(id.to_string()), None),
        Begun::Written => (api::RepairState::Done, None, None),
        Begun::Refused(why) => (api::RepairState::Refused, None, Some(why)),
    };
    api::RepairTask {
        findings: task.findings,
        stages: stages(&task.plan),
        state,
        operation,
        reason,
    }
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
