//! A look at a thing of a pool, which any member may have changed: it counts when no script of the same step can still be
//! at work anywhere.
//!
//! A script whose connection broke on one member may go on there while another is asked, so what is seen absent now may
//! be there in a moment. Therefore every member that the step names is asked first, under the step's lock, whether such a
//! script still runs. One that cannot be asked must be seen disconnected by the member that is looked at: its glusterd
//! can change nothing for the others then. And that member must be seen connected by all others that can be asked: in
//! its first seconds a glusterd tells what it knew when it ended.

use std::time::Duration;

use futures::future::join_all;
use mortar_argv::{Batch, Command, Report, script};
use mortar_command::{self as command, query::pool};
use mortar_model::work::Seen;
use mortar_model::{Node, NodeId};
use mortar_plan::Step;
use tokio::time::Instant;

use crate::act::{self, Lock};
use crate::away;
use crate::drive::wait_or_halt;
use crate::engine::Inner;
use crate::nobody;

/// How often a member is asked whether a script has ended.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// Looks at the thing of a step that any of `nodes` may have been asked to do.
pub(crate) async fn look(inner: &Inner, lock: &Lock, step: &Step, nodes: &[NodeId]) -> Seen {
    let (free, silent) = match quiet(inner, lock, step, nodes).await {
        Ok(members) => members,
        Err(seen) => return seen,
    };
    let views = views(inner, &free).await;
    let nobodies = nobody::nobodies(&inner.landscape(), &views);
    let mut why = "no member of the pool answers".to_owned();
    for (node, own) in &views {
        if nobodies.contains(node) {
            why = nobody::WHY.to_owned();
            continue;
        }
        // It has no glusterd, or answers no more.
        let Some(own) = own else { continue };
        if let Some(witness) = doubted(inner, *node, &views) {
            why = format!("{witness} does not see the member that was asked: it may not know the newest");
            continue;
        }
        if let Some(loose) = silent.iter().find(|silent| away::is_connected(own, silent)) {
            why = format!(
                "{} does not answer, and its pool counts it as connected: a command of ours may be at work there",
                loose.manage
            );
            continue;
        }
        let _asked = inner.gates.ask(*node).await;
        // Its removal may have begun while it was waited for.
        if inner.landscape().is_node_leaving(*node) {
            continue;
        }
        let batch = lock.on(command::look(&step.thing, &inner.config.settings));
        let report = act::run(inner, *node, &batch, &format!("look at {}", step.thing.kind())).await;
        match command::judge_look(&step.thing, &report) {
            Seen::Unreached(text) => why = text,
            seen => return seen,
        }
    }
    Seen::Unreached(why)
}

/// Waits until no script of the step runs on any member that can be asked; gives those that can be, the healthy ones
/// first, and those that cannot.
async fn quiet(
    inner: &Inner,
    lock: &Lock,
    step: &Step,
    nodes: &[NodeId],
) -> Result<(Vec<NodeId>, Vec<Node>), Seen> {
    let settings = &inner.config.settings;
    let limits = [
        command::make(&step.thing, settings).time_limit(),
        command::unmake(&step.thing, settings).time_limit(),
    ];
    let (began, limit) = (Instant::now(), limits[0].max(limits[1]));
    let word = lock.on(Batch::new().ask(Command::new("true").limit(ASK_AGAIN)));
    let nodes = act::healthy_first(inner, nodes);
    loop {
        let asked = nodes
            .iter()
            .map(|node| away::ask(inner, *node, &word, "ask whether a script still runs"));
        let reports: Vec<Report> = join_all(asked).await;
        let still = |report: &Report| report.broken.as_deref() == Some(script::STILL_RUNNING);
        if !reports.iter().any(still) {
            return Ok(sorted(inner, &nodes, &reports));
        }
        if began.elapsed() > limit || wait_or_halt(inner, ASK_AGAIN).await {
            return Err(Seen::Unknown(script::STILL_RUNNING.into()));
        }
    }
}

/// Those that answered, and those that did not. One that is no node any more has left the pool.
fn sorted(inner: &Inner, nodes: &[NodeId], reports: &[Report]) -> (Vec<NodeId>, Vec<Node>) {
    let landscape = inner.landscape();
    let (mut free, mut silent) = (Vec::new(), Vec::new());
    for (node, report) in nodes.iter().zip(reports) {
        match (landscape.inventory().node(*node), &report.broken) {
            (Some(_), None) => free.push(*node),
            (Some(node), Some(_)) => silent.push(node.clone()),
            (None, _) => {}
        }
    }
    (free, silent)
}

type Views = Vec<nobody::View>;

async fn views(inner: &Inner, nodes: &[NodeId]) -> Views {
    let batch = pool::ask(&inner.config.settings);
    let batch = &batch;
    let view = |node: NodeId| async move {
        let report = away::ask(inner, node, batch, "ask for the pool").await;
        (node, pool::read(&report).ok())
    };
    join_all(nodes.iter().map(|node| view(*node))).await
}

/// The name of a member that has `node` in its pool and does not see it connected.
fn doubted(inner: &Inner, node: NodeId, views: &Views) -> Option<String> {
    let landscape = inner.landscape();
    let inventory = landscape.inventory();
    let asked = inventory.node(node)?;
    views
        .iter()
        .filter(|(other, _)| *other != node)
        .find_map(|(other, members)| {
            let mut others = members.iter().flatten();
            let apart = others.any(|member| !member.connected && member.is_called(asked));
            let name = inventory.node(*other).map(|node| node.manage.to_string());
            apart.then_some(name).flatten()
        })
}
