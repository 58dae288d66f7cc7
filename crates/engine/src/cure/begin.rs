//! What is proven against a member, and the operation that cures it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mortar_command::query::{brick_files, glusterd_process};
use mortar_journal::{Direction, Phase};
use mortar_model::work::{RecordSpec, Starter};
use mortar_model::{Brick, ClusterId, NodeId, OperationId, OperationKind, VolumeName};
use mortar_plan::Seed;
use mortar_plan::cure::{self, Ailment, Cure, Way, Word};

use super::words;
use crate::away;
use crate::engine::{Engine, Inner};

/// Records whose texts are compared at once; the others are looked at when these are well.
const MOST: usize = 256;
/// Longest wait for the changes of the pool that are under way.
pub(super) const TURN: Duration = Duration::from_secs(60);
/// How long the pool's turn is kept for an operation that has not come to its step: others hold what it waits for, and wait
/// for that turn.
const KEPT: Duration = Duration::from_secs(20);

/// What a record says that cannot be read.
const UNREADABLE: &str = "";

/// Makes the operation that cures a member. What is to be done is decided while nothing of the pool changes, and none
/// begins before the operation comes to its step: else, where volumes come and go all the time, it would always be about something
/// that has changed meanwhile.
///
/// # Errors
/// Says why the member is left as it is, and what settles it.
pub(super) async fn begin(
    inner: &Arc<Inner>,
    cluster: ClusterId,
    node: NodeId,
    ailment: &Ailment,
    words: &[(NodeId, Word)],
) -> Result<OperationId, String> {
    // One that hangs may be what all others wait for.
    if *ailment == Ailment::Hangs {
        let cure = decide(inner, cluster, node, ailment.clone(), words).await?;
        return enter(inner, cure).await;
    }
    let turn = tokio::time::timeout(TURN, inner.gates.alone(cluster)).await;
    let turn = turn
        .ok()
        .flatten()
        .ok_or("changes of the pool are under way: it is looked at again")?;
    let words = words::ask(inner, cluster).await;
    let ailment = still(ailment, &words, node)?;
    let cure = decide(inner, cluster, node, ailment, &words).await?;
    let number = inner.gates.keep(node, turn);
    let (engine, gone) = (Arc::downgrade(inner), KEPT);
    tokio::spawn(async move {
        tokio::time::sleep(gone).await;
        if let Some(inner) = engine.upgrade() {
            inner.gates.give_up(node, number);
        }
    });
    let entered = enter(inner, cure).await;
    if entered.is_err() {
        inner.gates.give_up(node, number);
    }
    entered
}

/// What is wrong with the member now that nothing changes, if that is what was seen before.
fn still(before: &Ailment, words: &[(NodeId, Word)], node: NodeId) -> Result<Ailment, String> {
    let now = cure::ailments(words).remove(&node);
    let same = match (before, &now) {
        (_, None) => return Err("it is well again by itself".into()),
        (Ailment::Differs(before), Some(Ailment::Differs(now))) => {
            before.keys().any(|name| now.contains_key(name))
        }
        (before, Some(now)) => std::mem::discriminant(before) == std::mem::discriminant(now),
    };
    now.filter(|_| same)
        .ok_or_else(|| "it is ill in another way now: it is looked at again".into())
}

/// What is to become of the member, and of its records.
async fn decide(
    inner: &Inner,
    cluster: ClusterId,
    node: NodeId,
    ailment: Ailment,
    words: &[(NodeId, Word)],
) -> Result<Cure, String> {
    let (process, starter) = process(inner, node).await?;
    let mut differs = match &ailment {
        Ailment::Unstored(_) => BTreeMap::new(),
        _ => cure::differing(words, node),
    };
    if ailment == Ailment::Down {
        match &process.unreadable {
            Some(name) => {
                // It says nothing, whatever the others have: without it, glusterd starts.
                let right = cure::right(words, name);
                differs.insert(name.clone(), (Some(UNREADABLE.to_owned()), right));
            }
            None if process.died => {}
            None => {
                return Err(
                    "it was stopped, not killed: start it where that is wanted (systemctl start glusterd)"
                        .into(),
                );
            }
        }
    }
    let records = ways(inner, cluster, node, words, &differs).await?;
    Ok(Cure {
        node,
        ailment,
        records,
        starter,
    })
}

impl Inner {
    /// Whether an operation is on its way back.
    pub(super) fn is_undone(&self, id: OperationId) -> bool {
        let handle = self.operations().open.get(&id).cloned();
        handle.is_some_and(|handle| match handle.snapshot().phase {
            Phase::Back { .. } | Phase::Undone { .. } => true,
            Phase::Attention { direction, .. } => direction == Direction::Back,
            Phase::Forward | Phase::Done => false,
        })
    }
}

async fn enter(inner: &Arc<Inner>, cure: Cure) -> Result<OperationId, String> {
    let engine = Engine {
        inner: Arc::clone(inner),
    };
    let place = inner.admit().map_err(|error| error.to_string())?;
    let id = OperationId::from_u128(Seed::new(inner.entropy.draw()).next_u128());
    let intent = {
        let mut landscape = inner.landscape();
        let plan = cure::cure_member(&landscape, id, cure).map_err(|refusal| refusal.to_string())?;
        engine.intend(&mut landscape, place, id, OperationKind::CureMember, plan)
    };
    engine.enter(intent).await.map_err(|error| error.to_string())
}

/// How glusterd was started on a node, and how it is started again.
pub(crate) async fn process(
    inner: &Inner,
    node: NodeId,
) -> Result<(glusterd_process::Process, Starter), String> {
    let settings = &inner.config.settings;
    let batch = glusterd_process::ask(settings);
    let report = away::ask(inner, node, &batch, "ask how glusterd was started").await;
    let process = glusterd_process::read(&report).map_err(|error| error.to_string())?;
    let command = match process.pid {
        Some(pid) if !process.by_systemd => {
            let batch = glusterd_process::ask_command(settings, pid);
            Some(away::ask(inner, node, &batch, "ask how glusterd was started").await)
        }
        _ => None,
    };
    let starter = glusterd_process::starter(&process, command.as_ref(), settings);
    Ok((process, starter))
}

type Differences = BTreeMap<VolumeName, (Option<String>, Option<String>)>;

/// What is to become of each record that differs.
async fn ways(
    inner: &Inner,
    cluster: ClusterId,
    node: NodeId,
    words: &[(NodeId, Word)],
    differs: &Differences,
) -> Result<Vec<RecordSpec>, String> {
    let names: Vec<VolumeName> = differs.keys().take(MOST).cloned().collect();
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let speaker = cure::speaker(words, node, differs)
        .ok_or("no member says of all these volumes what most members say: it is looked at again")?;
    let own = words::recorded(inner, node, &names).await?;
    let right = words::recorded(inner, speaker, &names).await?;
    let mut records = Vec::with_capacity(names.len());
    for name in names {
        let (said, rightly) = differs.get(&name).cloned().unwrap_or_default();
        let way = if said.as_deref() == Some(UNREADABLE) {
            Way::Aside
        } else {
            let texts = (own.get(&name), right.get(&name));
            cure::way(&inner.landscape(), cluster, &name, texts, |id| {
                inner.is_undone(id)
            })?
        };
        if let Way::AsideIfUnused(bricks) = &way {
            are_unused(inner, &name, bricks).await?;
        }
        records.push(RecordSpec {
            name,
            said,
            right: rightly,
            aside: matches!(way, Way::Aside | Way::AsideIfUnused(_)),
        });
    }
    Ok(records)
}

/// Whether no client has written to these bricks, which an operation gives to the volume.
async fn are_unused(inner: &Inner, name: &VolumeName, bricks: &[Brick]) -> Result<(), String> {
    for brick in bricks {
        let node = inner
            .landscape()
            .inventory()
            .node_of_brick(brick)
            .map(|node| node.id);
        let path = brick.place().brick_path();
        let Some(node) = node else {
            return Err(format!("the node of {path} is not known any more"));
        };
        let batch = brick_files::ask(&inner.config.settings, &path);
        let report = away::ask(inner, node, &batch, "ask for files on a brick").await;
        let file = brick_files::read(&report).map_err(|error| error.to_string())?;
        if let Some(file) = file {
            return Err(format!(
                "only this member counts {path} to volume {name}, and there is a file on it: {file:?}"
            ));
        }
    }
    Ok(())
}
