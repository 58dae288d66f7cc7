//! A node that is reached under another name from now on.
//!
//! Only the way of Mortar's own commands changes. The name in the trusted pool stays: GlusterFS keeps it in every volume and
//! on every member, and has no way to change it (decision 18).

use mortar_command::query::{machine, pool};
use mortar_model::{HostName, Node, NodeId, OperationId};
use mortar_plan::{Change, Landscape, Plan, Refusal, Subject, identity};

use crate::act;
use crate::away;
use crate::engine::{Engine, Inner, free};
use crate::error::{EngineError, NodeTrouble};

/// Most members that are asked by which id the pool knows a node.
const MEMBERS_ASKED: usize = 8;

impl Engine {
    /// Records the name or address under which a node's commands reach it, once the node itself was found there.
    ///
    /// # Errors
    /// The node is unknown or being changed, the name is another node's, nothing answers there, or it cannot be proven to
    /// be this node.
    pub async fn set_node_address(&self, id: NodeId, host: HostName) -> Result<OperationId, EngineError> {
        let node = self.view(|landscape| may_be_called(landscape, id, &host))?;
        if let Err(trouble) = is_the_node(&self.inner, &node, &host).await {
            if node.manage != host {
                self.inner.hosts.forget(host.as_str());
            }
            return Err(trouble);
        }
        self.record(|landscape| {
            let node = may_be_called(landscape, id, &host)?;
            Ok(Plan::record(vec![Change::PutNode(Node {
                manage: host.clone(),
                ..node
            })]))
        })
        .await
    }
}

fn may_be_called(landscape: &Landscape, id: NodeId, host: &HostName) -> Result<Node, Refusal> {
    free(landscape, Subject::Node(id))?;
    let inventory = landscape.inventory();
    let node = inventory.node(id);
    let node = node.ok_or_else(|| Refusal::Unknown("node", id.to_string()))?;
    if let Some(other) = inventory.node_by_host(host).filter(|other| other.id != id) {
        return Err(Refusal::HostTaken(host.clone(), other.id));
    }
    match landscape.host_holder(host) {
        Some(operation) => Err(Refusal::Busy("host", host.to_string(), operation)),
        None => Ok(node.clone()),
    }
}

/// Whether the node itself answers under this name: its file says so, or glusterd has the id there by which the others know
/// it. Neither must say that it is another.
async fn is_the_node(inner: &Inner, node: &Node, host: &HostName) -> Result<(), EngineError> {
    let batch = machine::ask(&inner.config.settings);
    let answer = act::run_on(inner, host.as_str(), &batch, "ask which machine it is");
    let report = act::patiently(inner, &batch, answer).await;
    let machine = machine::read(&report).map_err(|unreadable| {
        EngineError::Node(NodeTrouble::Unreachable {
            host: host.to_string(),
            reason: report.broken.clone().unwrap_or_else(|| unreadable.to_string()),
        })
    })?;
    let filed = machine.node_file.as_deref().map(identity::read_node_file);
    let filed = filed.and_then(Result::ok).map(|file| file.node.id);
    let known = known_as(inner, node).await;
    let same = match (&machine.glusterd, &known) {
        (Some(own), Some(known)) => Some(own == known),
        _ => None,
    };
    let reason = match (filed, same) {
        (Some(filed), _) if filed != node.id => format!("its own file says that it is node {filed}"),
        (_, Some(false)) => "its glusterd has another id than the one by which the other members know the node".into(),
        (Some(_), _) | (None, Some(true)) => return Ok(()),
        (None, None) => {
            "it has no node file, and its glusterd and those of the other members do not tell its id: start glusterd \
             there, then try again"
                .into()
        }
    };
    Err(EngineError::Node(NodeTrouble::OtherMachine {
        host: host.to_string(),
        reason,
    }))
}

/// The id by which another member that answers knows the node.
async fn known_as(inner: &Inner, node: &Node) -> Option<String> {
    let members: Vec<NodeId> = {
        let landscape = inner.landscape();
        let all = landscape.inventory().nodes_of(node.cluster);
        let others = all.filter(|other| other.id != node.id && landscape.is_healthy(other.id));
        others.map(|other| other.id).take(MEMBERS_ASKED).collect()
    };
    let batch = pool::ask(&inner.config.settings);
    for member in members {
        let report = away::ask(inner, member, &batch, "ask for the pool").await;
        let Ok(seen) = pool::read(&report) else { continue };
        let found = seen.into_iter().find(|member| member.is_called(node));
        if let Some(found) = found {
            return Some(found.uuid);
        }
    }
    None
}
