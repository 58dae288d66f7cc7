//! `/internal/state/examine/gluster`: the records beside a check of all nodes, for those who ask Heketi's way.

use axum::extract::State;
use axum::http::StatusCode;
use mortar_engine::{Check, Finding, OperationState};
use mortar_heketi::examination::{Examination, ExaminedCluster, ExaminedNode};

use super::db;
use crate::http::answer::{self, Answer, Plain};
use crate::state::App;

/// Compares the records with what the nodes show now. Changes nothing; `/v1/check` tells more of each difference.
#[utoipa::path(get, path = "/internal/state/examine/gluster", operation_id = "examine_gluster", tag = "server", responses(
    (status = 200, description = "Records, differences, nodes", content_type = "application/json"),
))]
pub(crate) async fn show(State(app): State<App>) -> Result<Answer, Plain> {
    let (operations, _) = app.engine.operations(0);
    let in_flight = operations.iter().filter(|state| at_work(state)).count();
    let check = app.engine.check().await;
    let heketidb = db::database(&app)?;
    let clusters = heketidb.clusters.values().map(|cluster| ExaminedCluster {
        id: cluster.info.id.clone(),
        nodes_data: cluster
            .info
            .nodes
            .iter()
            .map(|id| ExaminedNode::new(id))
            .collect(),
    });
    let examination = Examination {
        clusters: clusters.collect(),
        report: report(in_flight, &check),
        heketidb,
    };
    Ok(answer::json(StatusCode::OK, &examination))
}

fn at_work(state: &OperationState) -> bool {
    !state.at_rest()
}

/// In Heketi's words where it has any.
fn report(in_flight: usize, check: &Check) -> Vec<String> {
    let mut report = vec![format!(
        "OnDemand Examiner invoked while {in_flight} ops are in flight"
    )];
    let (nodes, silent) = check.nodes;
    if silent > 0 {
        report.push(format!("{silent} of {nodes} nodes did not answer"));
    }
    report.extend(check.findings.iter().map(line));
    if check.findings.is_empty() && silent == 0 {
        report.push("heketi volume list matches with volume list of all nodes".into());
    }
    if check.left_out > 0 {
        report.push(format!(
            "{} more differences are left out: operations work on their things",
            check.left_out
        ));
    }
    report
}

fn line(finding: &Finding) -> String {
    let subject = &finding.subject;
    let name = if subject.name.is_empty() {
        String::new()
    } else {
        format!(" ({})", subject.name)
    };
    let proof = &finding.proof;
    format!(
        "{}: {} {}{name}: recorded: {}; seen: {} [{}]",
        finding.kind.name(),
        subject.kind,
        subject.id,
        proof.recorded,
        proof.seen,
        proof.place
    )
}
