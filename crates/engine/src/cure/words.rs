//! What all members of a pool say.

use std::collections::{BTreeMap, BTreeSet};

use futures::FutureExt as _;
use futures::stream::{self, StreamExt as _};
use mortar_command::query::{pool, record, records, volume_info};
use mortar_journal::Mark;
use mortar_model::work::Thing;
use mortar_model::{ClusterId, Node, NodeId, VolumeName};
use mortar_plan::Place;
use mortar_plan::cure::{self, Account, Recorded, Word};

use crate::engine::Inner;
use crate::{act, away};

/// Members that are asked side by side.
const WIDTH: usize = 16;

/// Asks all nodes of a cluster, in the order of their ids.
pub(super) async fn ask(inner: &Inner, cluster: ClusterId) -> Vec<(NodeId, Word)> {
    let nodes: Vec<Node> = {
        let landscape = inner.landscape();
        let nodes = landscape.inventory().nodes_of(cluster);
        nodes
            .filter(|node| !landscape.is_node_leaving(node.id))
            .cloned()
            .collect()
    };
    let names = doubtful(inner, cluster);
    let questions: Vec<_> = nodes
        .iter()
        .map(|node| ask_one(inner, node, &nodes, &names).boxed())
        .collect();
    let mut words: Vec<(NodeId, Word)> = stream::iter(questions).buffer_unordered(WIDTH).collect().await;
    words.sort_unstable_by_key(|(node, _)| *node);
    second(inner, cluster, &mut words).await;
    words
}

/// In a pool of two, finds out which of them is believed in what they differ.
async fn second(inner: &Inner, cluster: ClusterId, words: &mut [(NodeId, Word)]) {
    let Some(([one, other], names)) = cure::disputed(words) else {
        return;
    };
    if names.is_empty() {
        return;
    }
    let (Ok(own), Ok(theirs)) = (
        recorded(inner, one, &names).await,
        recorded(inner, other, &names).await,
    ) else {
        return;
    };
    for name in names {
        let records = [own.get(&name), theirs.get(&name)];
        let believed = cure::seconded(&inner.landscape(), cluster, &name, records, |id| {
            inner.is_undone(id)
        });
        if let Some((_, Word::Tells(account))) = believed.and_then(|which| words.get_mut(which)) {
            account.seconded.insert(name);
        }
    }
}

async fn ask_one(inner: &Inner, node: &Node, all: &[Node], names: &[VolumeName]) -> (NodeId, Word) {
    let mut word = word(inner, node, all).await;
    if let Word::Tells(account) = &mut word {
        for name in names {
            if is_unstored(inner, node.id, name).await {
                account.unstored.insert(name.clone());
            }
        }
    }
    (node.id, word)
}

/// Volumes that open operations add bricks to, and it is not known whether they have. Others are not asked for: the answer
/// costs glusterd some milliseconds for each.
fn doubtful(inner: &Inner, cluster: ClusterId) -> Vec<VolumeName> {
    let open = inner.operations();
    let operations = open.open.values().map(|handle| handle.snapshot());
    let names = operations.flat_map(|operation| {
        let steps = operation.plan.steps().zip(&operation.steps);
        let touched = steps.filter(|(_, state)| state.mark == Mark::Touched);
        let names: Vec<VolumeName> = touched
            .filter_map(|((_, step), _)| match (&step.thing, &step.place) {
                (Thing::AddedBricks(spec), Place::Pool(pool, _)) if *pool == cluster => {
                    Some(spec.name.clone())
                }
                _ => None,
            })
            .collect();
        names
    });
    names.collect()
}

/// Whether a member surely says of a volume's bricks something else than it has on disk.
async fn is_unstored(inner: &Inner, node: NodeId, name: &VolumeName) -> bool {
    let (settings, names) = (&inner.config.settings, std::slice::from_ref(name));
    let said = away::ask(inner, node, &volume_info::ask(settings, name), "ask for a volume").await;
    let (Ok(Some(info)), Ok(stored)) = (volume_info::read(&said), recorded(inner, node, names).await) else {
        return false;
    };
    let said: Vec<String> = info.bricks.iter().map(|brick| brick.replace('/', "-")).collect();
    stored.get(name).is_some_and(|stored| stored.bricks != said)
}

async fn word(inner: &Inner, node: &Node, all: &[Node]) -> Word {
    let batch = records::ask(&inner.config.settings);
    // glusterd itself is given less time than the batch: that it does not answer is an answer.
    let answer = act::run(inner, node.id, &batch, "ask for records");
    let Ok(report) = tokio::time::timeout(batch.time_limit(), answer).await else {
        return Word::Silent;
    };
    let (Ok(on_disk), hangs) = (records::read(&report), records::hangs(&report)) else {
        return Word::Silent;
    };
    match records::read_pool(&report) {
        // One that stands alone says nothing of a pool in which it is none of the members: a new machine under a lost node's name.
        Ok(members) if members.len() == 1 && all.len() > 1 => Word::Silent,
        Ok(members) => Word::Tells(account(on_disk, &members, all)),
        Err(_) if hangs => Word::Hangs(on_disk),
        Err(_) if records::is_down(&report) => Word::Down(on_disk),
        Err(_) => Word::Silent,
    }
}

fn account(records: BTreeMap<VolumeName, String>, members: &[pool::Member], all: &[Node]) -> Account {
    let rejected = members
        .iter()
        .filter(|member| member.connected && !member.settled);
    let known = |member: &pool::Member| all.iter().find(|node| member.is_called(node)).map(|node| node.id);
    let rejects: BTreeSet<NodeId> = rejected.filter_map(known).collect();
    Account {
        records,
        members: members.len(),
        rejects,
        unstored: BTreeSet::new(),
        seconded: BTreeSet::new(),
    }
}

/// What a member has on disk of these volumes.
pub(super) async fn recorded(
    inner: &Inner,
    node: NodeId,
    names: &[VolumeName],
) -> Result<BTreeMap<VolumeName, Recorded>, String> {
    let batch = record::ask(&inner.config.settings, names);
    let report = away::ask(inner, node, &batch, "ask for a record").await;
    let all = record::read(&report, names).map_err(|error| error.to_string())?;
    let own = |record: record::Record| Recorded {
        version: record.version,
        id: record.id,
        bricks: record.bricks,
    };
    Ok(all
        .into_iter()
        .map(|(name, record)| (name, own(record)))
        .collect())
}
