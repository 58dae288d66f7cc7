//! A new machine in the place of a lost one: under the same name, with the same identity in the trusted pool.

use mortar_model::work::{Goal, IdentitySpec, Thing};

use crate::landscape::Landscape;
use crate::plan::{Change, Place, Plan, Stage, Step, Subject};
use crate::refusal::Refusal;

/// Plans how the machine that answers under a node's name gets the node's identity. The records of the node stay as they are: devices
/// that went with the old machine are emptied afterwards, as dead ones.
///
/// # Errors
/// The node is unknown, or its place in the pool is being changed.
pub fn replace_node(landscape: &Landscape, identity: IdentitySpec) -> Result<Plan, Refusal> {
    let id = identity.node;
    landscape
        .inventory()
        .node(id)
        .ok_or_else(|| Refusal::Unknown("node", id.to_string()))?;
    if let Some(operation) = landscape.holder(Subject::Member(id)) {
        return Err(Refusal::Busy("node", id.to_string(), operation));
    }
    let step = Step {
        place: Place::Node(id),
        thing: Thing::Identity(identity),
        goal: Goal::Present,
        needed: true,
    };
    Ok(Plan {
        stages: vec![Stage {
            title: "give the machine the node's identity in the trusted pool".into(),
            steps: vec![step],
        }],
        forward_from: None,
        changes: vec![Change::Keep(Subject::Member(id))],
    })
}
