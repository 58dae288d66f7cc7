//! Findings mended on command: a fresh check, the plans that mend what was chosen, and, when told so, their operations.

use std::collections::BTreeSet;
use std::sync::Arc;

use mortar_model::work::{Goal, NodeFileSpec, Thing};
use mortar_model::{NodeId, OperationId, OperationKind};
use mortar_plan::{Place, Plan, Stage, Step, identity};
use mortar_survey::{Finding, Group, Repair, groups, plan};

use crate::check::Check;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::files;

/// What became of a repair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is only shown.
    Planned,
    /// It runs as this operation.
    Operation(OperationId),
    /// It is done: a copy of the records was written.
    Written,
    /// It cannot be, or not now: why.
    Refused(String),
}

/// Repairs of one thing, which are carried out together.
#[derive(Clone, Debug, PartialEq)]
pub struct RepairTask {
    /// Ids of the findings that it mends.
    pub findings: Vec<String>,
    /// What is done; nothing when that could not be planned.
    pub plan: Plan,
    /// What became of it.
    pub begun: Begun,
}

/// Repairs that were asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct RepairRun {
    /// The check that they rest on.
    pub check: Arc<Check>,
    /// The repairs.
    pub tasks: Vec<RepairTask>,
    /// Ids that were asked for and are not among the findings any more.
    pub not_found: Vec<String>,
}

impl Engine {
    /// Checks, and mends what was chosen by the ids of findings (`None`: all that can be mended); with `dry_run`, only
    /// plans it. What a person must mend is in the check, with the way on.
    pub async fn repair(&self, items: Option<&[String]>, dry_run: bool) -> RepairRun {
        let check = self.check().await;
        let wanted: Option<BTreeSet<&str>> = items.map(|items| items.iter().map(String::as_str).collect());
        let chosen: Vec<&Finding> = check
            .findings
            .iter()
            .filter(|finding| {
                wanted
                    .as_ref()
                    .is_none_or(|wanted| wanted.contains(finding.id().as_str()))
            })
            .collect();
        let found: BTreeSet<String> = chosen.iter().map(|finding| finding.id()).collect();
        let not_found = wanted
            .into_iter()
            .flatten()
            .filter(|id| !found.contains(*id))
            .map(str::to_owned)
            .collect();
        let mut tasks = Vec::new();
        for finding in &chosen {
            if let Some(Repair::WriteNodeFile(node)) = finding.remedy.repair() {
                tasks.push(self.write_file(*node, finding.id(), dry_run).await);
            }
        }
        for group in groups(chosen.iter().copied()) {
            tasks.push(self.mend(group, dry_run).await);
        }
        RepairRun {
            check,
            tasks,
            not_found,
        }
    }

    async fn mend(&self, group: Group, dry_run: bool) -> RepairTask {
        let planned = self.view(|landscape| plan(landscape, &group));
        let (plan, begun) = match planned {
            Err(refusal) => (Plan::default(), Begun::Refused(refusal.to_string())),
            Ok(plan) if dry_run => (plan, Begun::Planned),
            Ok(plan) => match self.begin_repair(&group).await {
                Ok(operation) => (plan, Begun::Operation(operation)),
                Err(error) => (plan, Begun::Refused(error.to_string())),
            },
        };
        RepairTask {
            findings: group.findings,
            plan,
            begun,
        }
    }

    /// Carries the repairs of one thing out, as an operation of their own.
    pub(crate) async fn begin_repair(&self, group: &Group) -> Result<OperationId, EngineError> {
        self.submit(OperationKind::Repair, |landscape, _| plan(landscape, group))
            .await
    }

    async fn write_file(&self, node: NodeId, finding: String, dry_run: bool) -> RepairTask {
        let text = self.view(|landscape| identity::node_file(landscape.inventory(), node));
        let spec = NodeFileSpec {
            node,
            text: text.unwrap_or_default(),
        };
        let step = Step {
            place: Place::Node(node),
            thing: Thing::NodeFile(spec),
            goal: Goal::Present,
            needed: false,
        };
        let stage = Stage {
            title: "write the node's file".into(),
            steps: vec![step],
        };
        let begun = if dry_run {
            Begun::Planned
        } else {
            match files::write(&self.inner, node).await {
                Ok(()) => Begun::Written,
                Err(why) => Begun::Refused(why),
            }
        };
        RepairTask {
            findings: vec![finding],
            plan: Plan {
                stages: vec![stage],
                ..Plan::default()
            },
            begun,
        }
    }
}
