//! The nodes' own files, kept as the records are.
//!
//! They are copies of the records, written as a whole, and nobody waits for them: so they are written without an operation, and
//! hold nothing. Whatever comes in between, the next pass writes what is recorded then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use mortar_command as command;
use mortar_model::NodeId;
use mortar_model::work::{Failure, Goal, NodeFileSpec, Thing, Verdict};
use mortar_plan::identity;
use mortar_survey::{Finding, Kind, Remedy, Scan};

use crate::act;
use crate::engine::Inner;

/// What is known of a node's file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    /// Its text; empty when there is none.
    Says(String),
    /// It tells of things that are in no record: it is not written over without being told.
    LeftAlone,
}

/// What is known of the nodes' files.
#[derive(Default)]
pub(crate) struct Files {
    known: Mutex<BTreeMap<NodeId, Known>>,
    /// Nodes that answered the last check: it may be ahead of what is known of their health.
    answered: Mutex<BTreeSet<NodeId>>,
}

impl Files {
    fn known(&self) -> MutexGuard<'_, BTreeMap<NodeId, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answered(&self) -> MutexGuard<'_, BTreeSet<NodeId>> {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in what a check saw.
    pub(crate) fn learn(&self, scan: &Scan, findings: &[Finding]) {
        let left_alone: BTreeSet<Option<NodeId>> = findings
            .iter()
            .filter(|finding| finding.kind == Kind::NodeFile)
            .filter(|finding| !matches!(finding.remedy, Remedy::Automatic(_)))
            .map(|finding| finding.node)
            .collect();
        let mut known = self.known();
        for (node, survey) in &scan.nodes {
            let file = survey
                .as_ref()
                .ok()
                .and_then(|survey| survey.node_file.as_ref().ok());
            let Some(file) = file else { continue };
            let state = if left_alone.contains(&Some(*node)) {
                Known::LeftAlone
            } else {
                Known::Says(file.clone().unwrap_or_default())
            };
            known.insert(*node, state);
        }
        let answered = scan.nodes.iter().filter(|(_, survey)| survey.is_ok());
        *self.answered() = answered.map(|(node, _)| *node).collect();
    }

    /// A node has just joined: whatever its file says is of an earlier life of the machine.
    pub(crate) fn joined(&self, node: NodeId) {
        self.known().insert(node, Known::Says(String::new()));
    }

    /// Whether the node's file is to be written so that it says this; `None` when nobody has read it yet: nothing is
    /// written over before that.
    fn is_due(&self, node: NodeId, text: &str) -> Option<bool> {
        self.known().get(&node).map(|known| match known {
            Known::Says(known) => known != text,
            Known::LeftAlone => false,
        })
    }
}

/// What a pass over the nodes' files came to.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    /// Files that were written.
    pub(crate) written: usize,
    /// Files that could not be, and why.
    pub(crate) failed: Vec<String>,
    /// Whether there are nodes whose file nobody has read yet: a check does.
    pub(crate) unread: bool,
}

/// Which nodes are taken to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Those that did when they were last asked for their health.
    Health,
    /// Those that answered a check just now.
    Check,
}

/// Writes every file that does not say what is recorded. Nodes that do not answer, or that are just being changed, are left
/// for a later pass.
pub(crate) async fn follow(inner: &Inner, trust: Trust) -> Followed {
    let nodes: Vec<NodeId> = {
        let landscape = inner.landscape();
        let answers = |node: &NodeId| match trust {
            Trust::Health => landscape.is_healthy(*node),
            Trust::Check => inner.reconciler.files.answered().contains(node),
        };
        let nodes = landscape.inventory().nodes().map(|node| node.id);
        nodes.filter(answers).collect()
    };
    let mut followed = Followed::default();
    for node in nodes {
        // One node at a time under the lock: decisions must not wait for the texts of all.
        let text = {
            let landscape = inner.landscape();
            let stays = !landscape.is_node_leaving(node);
            stays
                .then(|| identity::node_file(landscape.inventory(), node))
                .flatten()
        };
        let Some(text) = text else { continue };
        if inner.is_halted() {
            break;
        }
        match inner.reconciler.files.is_due(node, &text) {
            Some(false) => {}
            None => followed.unread = true,
            Some(true) => match write(inner, node).await {
                Ok(()) => followed.written += 1,
                Err(why) => followed.failed.push(format!("file of node {node}: {why}")),
            },
        }
    }
    followed
}

/// Writes the node's file, whatever it says.
pub(crate) async fn write(inner: &Inner, node: NodeId) -> Result<(), String> {
    let recorded = {
        let landscape = inner.landscape();
        let inventory = landscape.inventory();
        inventory
            .node(node)
            .map(|known| known.manage.clone())
            .zip(identity::node_file(inventory, node))
    };
    let Some((host, text)) = recorded else {
        return Err("the node is not known any more".into());
    };
    let spec = NodeFileSpec { node, text };
    let thing = Thing::NodeFile(spec.clone());
    let settings = &inner.config.settings;
    let batch = command::make(&thing, settings);
    let answer = act::run(inner, node, &batch, "write the node's file");
    let report = act::patiently(inner, &batch, answer).await;
    if let Verdict::Failed(Failure { reason, .. }) | Verdict::Unknown(reason) =
        command::judge(&thing, Goal::Present, &report)
    {
        return Err(reason);
    }
    let leaves = {
        let landscape = inner.landscape();
        landscape.inventory().node(node).is_none() || landscape.is_node_leaving(node)
    };
    let said = if leaves {
        // It may have taken its file back just before this one came: a node in no record must not say that it is in one.
        let batch = command::unmake(&thing, settings);
        let answer = act::run_on(inner, host.as_str(), &batch, "remove the node's file");
        act::patiently(inner, &batch, answer).await;
        String::new()
    } else {
        spec.text
    };
    inner.reconciler.files.known().insert(node, Known::Says(said));
    Ok(())
}
