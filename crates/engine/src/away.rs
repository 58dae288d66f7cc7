//! Nodes that are away: whom to ask instead, and whether what glusterd says of its peers is so.
//!
//! glusterd waits for a peer that fell silent (a cable, not a power cut) until its connection counts as dead: about 20
//! seconds while nothing is sent, a quarter of an hour once a change is under way to it, which holds the volume's lock
//! meanwhile (seen with 10.3). So a change goes to a member that knows already.

use std::time::Duration;

use futures::future::join_all;
use mortar_argv::{Batch, Command, Report};
use mortar_command::query::{glusterd, pool};
use mortar_model::work::{FailureKind, Verdict};
use mortar_model::{ClusterId, Node, NodeId};
use mortar_plan::Place;
use tokio::time::Instant;

use crate::act;
use crate::drive::wait_or_halt;
use crate::engine::Inner;
use crate::nobody;

/// Longest wait for a word of a node that is known not to answer.
const AWAY_PATIENCE: Duration = Duration::from_secs(3);
/// How long glusterd takes to notice that a peer fell silent, or to find one again, with time to spare.
const NOTICED: Duration = Duration::from_secs(30);
/// How often its members are asked meanwhile.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// How long to wait for a node's word that changes nothing: not long for one that did not answer last time.
pub(crate) fn patience(inner: &Inner, node: NodeId) -> Duration {
    if inner.landscape().is_healthy(node) {
        inner.config.patience
    } else {
        inner.config.patience.min(AWAY_PATIENCE)
    }
}

/// Asks a node something that changes nothing.
pub(crate) async fn ask(inner: &Inner, node: NodeId, batch: &Batch, what: &str) -> Report {
    let patience = patience(inner, node);
    let answer = act::run(inner, node, batch, what);
    tokio::time::timeout(patience, answer)
        .await
        .unwrap_or_else(|_| Report::not_run(batch.items().len(), format!("no answer within {patience:?}")))
}

/// Why a node that did not answer last time still does not; none when it does, or was not known to be away.
pub(crate) async fn still_away(inner: &Inner, node: NodeId) -> Option<String> {
    if inner.landscape().is_healthy(node) {
        return None;
    }
    word_of(inner, node).await.err()
}

/// Whether a node answers just now.
pub(crate) async fn answers(inner: &Inner, node: NodeId) -> bool {
    word_of(inner, node).await.is_ok()
}

/// Asks a node for a word; else says why there is none.
async fn word_of(inner: &Inner, node: NodeId) -> Result<(), String> {
    let word = Batch::new().ask(Command::new("true").limit(AWAY_PATIENCE));
    let report = ask(inner, node, &word, "ask for a word").await;
    report.broken.map_or(Ok(()), Err)
}

/// The members among `nodes` by which a change of their pool is best made: those that know which of its nodes are away,
/// then the other ones that answer, then the rest; not those that are nobody.
pub(crate) async fn best_members(inner: &Inner, cluster: ClusterId, nodes: &[NodeId]) -> Vec<NodeId> {
    let by_health = act::healthy_first(inner, nodes);
    loop {
        let silent = silent(inner, cluster);
        if silent.is_empty() && inner.proven.all(&by_health) {
            return by_health;
        }
        let views = views(inner, &by_health).await;
        let nobodies = nobody::note(inner, &views);
        let (mut knowing, mut others) = (Vec::new(), Vec::new());
        for (node, members) in views.into_iter().filter(|(node, _)| !nobodies.contains(node)) {
            let knows =
                members.is_some_and(|members| silent.iter().all(|(node, _)| !is_connected(&members, node)));
            if knows { &mut knowing } else { &mut others }.push(node);
        }
        if !knowing.is_empty() || !still_noticing(inner, &silent).await {
            knowing.append(&mut others);
            return knowing;
        }
        tracing::debug!("the pool has not noticed yet that a node is away");
        if wait_or_halt(inner, ASK_AGAIN).await {
            return by_health;
        }
    }
}

/// What each of these nodes knows of its pool; nothing of those that are away.
async fn views(inner: &Inner, nodes: &[NodeId]) -> Vec<(NodeId, Option<Vec<pool::Member>>)> {
    let batch = pool::ask(&inner.config.settings);
    let batch = &batch;
    let view = |node: NodeId| async move {
        if !inner.landscape().is_healthy(node) {
            return (node, None);
        }
        let report = ask(inner, node, batch, "ask for the pool").await;
        (node, pool::read(&report).ok())
    };
    join_all(nodes.iter().map(|node| view(*node))).await
}

/// Nodes of the cluster that do not answer, and since when.
fn silent(inner: &Inner, cluster: ClusterId) -> Vec<(Node, Instant)> {
    let nodes: Vec<Node> = {
        let landscape = inner.landscape();
        let nodes = landscape.unhealthy();
        nodes
            .filter_map(|id| landscape.inventory().node(id).cloned())
            .filter(|node| node.cluster == cluster)
            .collect()
    };
    nodes
        .into_iter()
        .map(|node| {
            let since = inner.silent_since(node.id);
            (node, since)
        })
        .collect()
}

/// Whether one of them fell silent so lately that glusterd may not have noticed, and is silent still.
async fn still_noticing(inner: &Inner, silent: &[(Node, Instant)]) -> bool {
    let lately = silent.iter().filter(|(_, since)| since.elapsed() < NOTICED);
    join_all(lately.map(|(node, _)| still_away(inner, node.id)))
        .await
        .iter()
        .any(Option::is_some)
}

/// Whether `node` is among these members and connected.
pub(crate) fn is_connected(members: &[pool::Member], node: &Node) -> bool {
    members
        .iter()
        .any(|member| member.connected && member.is_called(node))
}

/// What to make of glusterd's word that members of its pool are away. Where all of them answer us, they have only not
/// found each other again yet, as in the first seconds after a node's start: the same again, a little later.
pub(crate) async fn confirm(inner: &Inner, place: &Place, verdict: Verdict) -> Verdict {
    let Verdict::Failed(mut failure) = verdict else {
        return verdict;
    };
    let Place::Pool(cluster, nodes) = place else {
        return Verdict::Failed(failure);
    };
    if failure.kind != FailureKind::Away {
        return Verdict::Failed(failure);
    }
    let mut views = views(inner, &act::healthy_first(inner, nodes)).await.into_iter();
    if let Some(members) = views.find_map(|(_, members)| members) {
        let away = away(inner, *cluster, &members).await;
        if away.is_empty() {
            failure.kind = FailureKind::Busy;
        } else {
            failure.reason = format!("{} (away: {})", failure.reason, away.join(", "));
        }
    }
    Verdict::Failed(failure)
}

/// Names of the members that are disconnected, and not only since a moment ago while they answer us.
async fn away(inner: &Inner, cluster: ClusterId, members: &[pool::Member]) -> Vec<String> {
    let batch = glusterd::ask(&inner.config.settings);
    let batch = &batch;
    let check = |member: &pool::Member| {
        let node = {
            let landscape = inner.landscape();
            let mut nodes = landscape.inventory().nodes_of(cluster);
            nodes.find(|node| member.is_called(node)).cloned()
        };
        let name = member.hosts.first().cloned().unwrap_or_default();
        async move {
            // Somebody else's member: nobody but the pool can be asked.
            let Some(node) = node else { return Some(name) };
            let report = ask(inner, node.id, batch, "ask for glusterd").await;
            if glusterd::read(&report).is_ok_and(|runs| runs) {
                inner.note_health(node.id, false, "its pool does not see it");
                return (inner.silent_since(node.id).elapsed() > NOTICED).then_some(name);
            }
            Some(name)
        }
    };
    let gone = members.iter().filter(|member| !member.connected);
    join_all(gone.map(check)).await.into_iter().flatten().collect()
}

impl Inner {
    /// Since when the node does not answer; now, if it does.
    pub(crate) fn silent_since(&self, node: NodeId) -> Instant {
        let silent = self.silent();
        silent.get(&node).copied().unwrap_or_else(Instant::now)
    }
}
