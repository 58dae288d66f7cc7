//! What is asked of a node before it joins a cluster. Answered with the request itself, as Heketi does.

use mortar_command::query;
use mortar_model::{ClusterId, HostName, NodeId};
use mortar_plan::AddNode;

use crate::act;
use crate::engine::Inner;
use crate::error::{EngineError, NodeTrouble};

/// Whether the node answers, runs glusterd, and belongs to no other pool; and whether its cluster has a member that
/// can take it in.
pub(crate) async fn can_join(inner: &Inner, request: &AddNode) -> Result<(), EngineError> {
    let host = request.manage.as_str();
    let batch = query::pool::ask(&inner.config.settings);
    let answer = act::run_on(inner, host, &batch, "ask for the pool");
    let report = act::patiently(inner, &batch, answer).await;
    if let Some(reason) = &report.broken {
        return trouble(NodeTrouble::Unreachable {
            host: host.into(),
            reason: reason.clone(),
        });
    }
    let members = match query::pool::read(&report) {
        Ok(members) => members,
        Err(unreadable) => {
            let reason = unreadable.to_string();
            return trouble(NodeTrouble::NoGlusterd {
                host: host.into(),
                reason,
            });
        }
    };
    let others = members.into_iter().filter(|member| !member.is_itself());
    let peers: Vec<String> = others.flat_map(|member| member.hosts).collect();
    check_pool(inner, request.cluster, host, &peers)?;
    check_member(inner, request.cluster).await
}

/// Most members that are asked whether they can take a node in.
const MEMBERS_ASKED: usize = 8;

/// A cluster that has nodes needs one that answers: it is the members who take a node in.
async fn check_member(inner: &Inner, cluster: ClusterId) -> Result<(), EngineError> {
    let members: Vec<NodeId> = {
        let landscape = inner.landscape();
        let (mut first, last): (Vec<NodeId>, Vec<NodeId>) = landscape
            .inventory()
            .nodes_of(cluster)
            .map(|node| node.id)
            .partition(|node| landscape.is_healthy(*node));
        first.extend(last);
        first.truncate(MEMBERS_ASKED);
        first
    };
    let batch = query::glusterd::ask(&inner.config.settings);
    for member in &members {
        let answer = act::run(inner, *member, &batch, "ask for glusterd");
        let Ok(report) = tokio::time::timeout(inner.config.patience, answer).await else {
            // It may be at work for many operations; the operation itself will tell.
            return Ok(());
        };
        if query::glusterd::read(&report).is_ok_and(|running| running) {
            return Ok(());
        }
    }
    if members.is_empty() {
        Ok(())
    } else {
        trouble(NodeTrouble::NoMember)
    }
}

/// A node may already be a peer of the pool that it is to join (probed by hand, or by an earlier try), but of no other.
fn check_pool(inner: &Inner, cluster: ClusterId, host: &str, peers: &[String]) -> Result<(), EngineError> {
    let landscape = inner.landscape();
    let inventory = landscape.inventory();
    let cluster_of = |peer: &String| {
        let host = HostName::new(peer.clone()).ok()?;
        inventory.node_by_host(&host).map(|node| node.cluster)
    };
    let mut members = inventory.nodes_of(cluster).peekable();
    let others: Vec<String> = if members.peek().is_none() {
        // The first node of a cluster brings its pool along, unless that is the pool of another cluster.
        peers
            .iter()
            .filter(|peer| cluster_of(peer).is_some())
            .cloned()
            .collect()
    } else if peers.iter().any(|peer| cluster_of(peer) == Some(cluster)) {
        Vec::new()
    } else {
        peers.to_vec()
    };
    if others.is_empty() {
        return Ok(());
    }
    trouble(NodeTrouble::OtherPool {
        host: host.into(),
        peers: others,
    })
}

fn trouble(trouble: NodeTrouble) -> Result<(), EngineError> {
    Err(EngineError::Node(trouble))
}
