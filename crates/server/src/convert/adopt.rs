//! What an adoption came to, as `/v1/adopt` says it.

use mortar_api::{
    ADOPT_LIMITED, ADOPT_NOT, ADOPT_RECORDED, ADOPT_UNDERSTOOD, AdoptAnswer, AdoptRemark, AdoptVolume,
    RebuildHost,
};
use mortar_engine::plan::Change;
use mortar_engine::{Adopted, Judged, Understanding};

/// The whole report.
pub(crate) fn answer(done: &Adopted, dry_run: bool) -> AdoptAnswer {
    let asked = done.asked.iter().map(|(host, silent)| RebuildHost {
        host: host.to_string(),
        silent: silent.clone(),
    });
    let nodes = done.adoption.changes.iter().filter_map(|change| match change {
        Change::PutNode(node) => Some(node.manage.to_string()),
        _ => None,
    });
    let remarks = done.adoption.remarks.iter().map(|remark| AdoptRemark {
        about: remark.about.clone(),
        what: remark.what.clone(),
    });
    let mut nodes: Vec<String> = nodes.collect();
    nodes.sort();
    AdoptAnswer {
        dry_run,
        operation: done.operation.map(|id| id.to_string()),
        asked: asked.collect(),
        volumes: done
            .adoption
            .volumes
            .iter()
            .map(|judged| volume(judged, dry_run))
            .collect(),
        nodes,
        remarks: remarks.collect(),
    }
}

/// An id that was only drawn to see whether all fits is none to remember.
fn volume(judged: &Judged, dry_run: bool) -> AdoptVolume {
    let recorded = !dry_run || judged.understanding == Understanding::Recorded;
    AdoptVolume {
        name: judged.name.clone(),
        understanding: understanding(judged.understanding).to_owned(),
        why: judged.why.clone(),
        kind: judged.kind.clone(),
        bricks: judged.bricks,
        id: judged.id.filter(|_| recorded).map(|id| id.to_string()),
        durability: judged.durability.map(|durability| durability.to_string()),
        size: judged.size.map(|size| size.bytes()),
    }
}

const fn understanding(understanding: Understanding) -> &'static str {
    match understanding {
        Understanding::Whole => ADOPT_UNDERSTOOD,
        Understanding::Limited => ADOPT_LIMITED,
        Understanding::Not => ADOPT_NOT,
        Understanding::Recorded => ADOPT_RECORDED,
    }
}
