//! A new machine in the place of a node that is lost.

use mortar_command::query::{identity, machine};
use mortar_model::work::{IdentitySpec, KnownPeer, Starter};
use mortar_model::{HostName, Node, NodeId, OperationId, OperationKind, PeerId};
use mortar_plan::{Refusal, identity as node_file};

use crate::engine::{Engine, Inner};
use crate::error::{EngineError, NodeTrouble};
use crate::{act, away, cure};

/// Most members that are asked by which id the pool knows a node.
const MEMBERS_ASKED: usize = 8;

/// What the pool knows of a node.
struct Known {
    id: PeerId,
    /// Whether it is connected right now.
    connected: bool,
    operating_version: u32,
    peers: Vec<KnownPeer>,
}

impl Engine {
    /// Gives the machine that answers under the node's name the node's identity in its trusted pool. It must be a new one: without
    /// volumes, a member of no pool.
    ///
    /// # Errors
    /// The node is unknown or being changed; the machine does not answer, or is another node or the node itself; or no member of
    /// the pool tells the identity. That the machine is no new one is told by the operation.
    pub async fn replace_node(&self, id: NodeId) -> Result<OperationId, EngineError> {
        let node = self.view(|landscape| landscape.inventory().node(id).cloned());
        let node = node.ok_or_else(|| Refusal::Unknown("node", id.to_string()))?;
        let known = known(&self.inner, &node).await?;
        let starter = stands_in(&self.inner, &node, &known).await?;
        let spec = IdentitySpec {
            node: id,
            host: node.storage,
            id: known.id,
            operating_version: known.operating_version,
            peers: known.peers,
            starter,
        };
        self.submit(OperationKind::ReplaceNode, |landscape, _| {
            mortar_plan::replace_node(landscape, spec.clone())
        })
        .await
    }
}

fn left(node: &Node, reason: impl Into<String>) -> EngineError {
    EngineError::Node(NodeTrouble::NotReplaced {
        host: node.manage.to_string(),
        reason: reason.into(),
    })
}

/// What a member that answers knows of the node and of the others.
async fn known(inner: &Inner, node: &Node) -> Result<Known, EngineError> {
    let members: Vec<Node> = {
        let landscape = inner.landscape();
        let all = landscape.inventory().nodes_of(node.cluster);
        let others = all.filter(|other| other.id != node.id && landscape.is_healthy(other.id));
        others.take(MEMBERS_ASKED).cloned().collect()
    };
    let batch = identity::ask(&inner.config.settings);
    let mut why = "no other node of its cluster answers: they alone know its identity".to_owned();
    for member in members {
        let report = away::ask(inner, member.id, &batch, "ask who is in the pool").await;
        match identity::read(&report) {
            Ok(told) => match read(node, &member, &told) {
                Some(known) => return Ok(known),
                None => {
                    why = format!(
                        "{} does not have it as a member: 'mortar check' tells how the pool is",
                        member.manage
                    );
                }
            },
            Err(unreadable) => why = format!("{} did not tell: {unreadable}", member.manage),
        }
    }
    Err(left(node, why))
}

/// None where the member does not know the node, or not in a way that can be written down.
fn read(node: &Node, member: &Node, told: &identity::Told) -> Option<Known> {
    let own = told.members.iter().find(|found| found.is_called(node))?;
    let (id, connected) = (PeerId::new(own.uuid.clone()).ok()?, own.connected);
    let others = told.members.iter().filter(|found| found.uuid != own.uuid);
    let peers = others.map(|found| {
        let hosts = if found.is_itself() {
            vec![member.storage.clone()]
        } else {
            let names = found.hosts.iter().map(|host| HostName::new(host.clone()).ok());
            names.collect::<Option<Vec<HostName>>>()?
        };
        let id = PeerId::new(found.uuid.clone()).ok()?;
        Some(KnownPeer { id, hosts })
    });
    Some(Known {
        id,
        connected,
        operating_version: told.operating_version,
        peers: peers.collect::<Option<Vec<KnownPeer>>>()?,
    })
}

/// How glusterd is started on the machine that stands in the node's place.
async fn stands_in(inner: &Inner, node: &Node, known: &Known) -> Result<Starter, EngineError> {
    let batch = machine::ask(&inner.config.settings);
    let answer = act::run_on(inner, node.manage.as_str(), &batch, "ask which machine it is");
    let report = act::patiently(inner, &batch, answer).await;
    let machine = machine::read(&report).map_err(|unreadable| {
        EngineError::Node(NodeTrouble::Unreachable {
            host: node.manage.to_string(),
            reason: report.broken.clone().unwrap_or_else(|| unreadable.to_string()),
        })
    })?;
    let filed = machine.node_file.as_deref().map(node_file::read_node_file);
    let filed = filed.and_then(Result::ok).map(|file| file.node.id);
    if let Some(other) = filed.filter(|filed| *filed != node.id) {
        return Err(EngineError::Node(NodeTrouble::OtherMachine {
            host: node.manage.to_string(),
            reason: format!("its own file says that it is node {other}"),
        }));
    }
    if known.connected && machine.glusterd.as_deref() == Some(known.id.as_str()) {
        let why =
            "what answers there is the node itself, and its pool reaches it: there is nothing to replace";
        return Err(left(node, why));
    }
    let process = cure::process(inner, node.id).await;
    process.map(|(_, starter)| starter).map_err(|why| left(node, why))
}
