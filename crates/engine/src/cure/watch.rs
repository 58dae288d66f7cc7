//! Looks for members that differ, closely while there is one.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use mortar_model::{ClusterId, NodeId, VolumeName};
use mortar_plan::Subject;
use mortar_plan::cure::{Ailment, Word, ailments, is_infectious};
use tokio::time::Instant;

use super::{CurePlan, begin, words};
use crate::engine::Inner;
use crate::panics;
use crate::tries::Tries;

/// How long members are looked at closely after a node came back.
const CLOSELY: Duration = Duration::from_secs(120);
/// Records that are read in a second at most, on all nodes of a pool together.
const RECORDS_A_SECOND: usize = 10_000;
/// Members of the smallest pool in which one can be wrong. Of two, Mortar's records tell which.
const SMALLEST: usize = 2;
/// First wait after a cure of a member before the next one, if it is still not well. Each further one is twice as long.
const AGAIN: Duration = Duration::from_secs(20);
/// The longest of these waits.
const AGAIN_LONGEST: Duration = Duration::from_secs(3600);

/// Starts looking until the engine is gone or halts; not at all where cures are left to people.
pub(crate) fn spawn(inner: &Arc<Inner>) {
    if inner.config.cure.is_some() {
        panics::keep(inner, "member watch", watch);
    }
}

/// What is held against a member.
struct Suspect {
    ailment: Ailment,
    since: Instant,
    /// Since when it differs in each volume: others change all the time, and are told to it a moment later.
    volumes: BTreeMap<VolumeName, Instant>,
}

impl Suspect {
    fn new(ailment: Ailment) -> Self {
        let mut suspect = Self {
            ailment: ailment.clone(),
            since: Instant::now(),
            volumes: BTreeMap::new(),
        };
        suspect.see(ailment);
        suspect
    }

    /// It is ill in this way now.
    fn see(&mut self, ailment: Ailment) {
        if let Ailment::Differs(volumes) = &ailment {
            let since = |name: &VolumeName| self.volumes.get(name).copied().unwrap_or_else(Instant::now);
            self.volumes = volumes.keys().map(|name| (name.clone(), since(name))).collect();
        } else if self.ailment != ailment {
            self.since = Instant::now();
            self.volumes.clear();
        }
        self.ailment = ailment;
    }

    /// What has stayed for long enough.
    fn ripe(&self, plan: &CurePlan) -> Option<Ailment> {
        let Ailment::Differs(volumes) = &self.ailment else {
            let limit = if self.ailment == Ailment::Hangs {
                plan.silent
            } else {
                plan.after
            };
            return (self.since.elapsed() >= limit).then(|| self.ailment.clone());
        };
        let mut ripe = volumes.clone();
        ripe.retain(|name, _| {
            self.volumes
                .get(name)
                .is_some_and(|since| since.elapsed() >= plan.after)
        });
        (!ripe.is_empty()).then_some(Ailment::Differs(ripe))
    }
}

/// What is remembered between two looks. Nothing of it outlives the server: it is seen again.
#[derive(Default)]
struct Memory {
    suspects: BTreeMap<NodeId, Suspect>,
    /// Cures of a member that did not make it well.
    tried: Tries<NodeId>,
    /// Why a member is not cured, as it was told last.
    told: BTreeMap<NodeId, String>,
    /// When the members of each pool were looked at.
    last: BTreeMap<ClusterId, Instant>,
    closely_until: Option<Instant>,
}

async fn watch(engine: Weak<Inner>) {
    let mut memory = Memory::default();
    loop {
        let Some(inner) = engine.upgrade() else { return };
        let Some(plan) = inner.config.cure.clone() else {
            return;
        };
        for cluster in memory.due(&inner, &plan) {
            look(&inner, &plan, cluster, &mut memory).await;
        }
        let count = memory.suspects.len();
        inner
            .metrics
            .members_apart
            .set(i64::try_from(count).unwrap_or(i64::MAX));
        let (halt, may_differ) = (Arc::clone(&inner.halt), Arc::clone(&inner.may_differ));
        let halted = halt.notified();
        if inner.is_halted() {
            return;
        }
        // An engine that nobody has any more must not live on for the length of the wait.
        drop(inner);
        tokio::select! {
            biased;
            () = halted => return,
            () = may_differ.notified() => memory.closely_until = Some(Instant::now() + CLOSELY),
            () = tokio::time::sleep(plan.closely) => {}
        }
    }
}

impl Memory {
    /// Clusters whose members are to be looked at now.
    fn due(&self, inner: &Inner, plan: &CurePlan) -> Vec<ClusterId> {
        let now = Instant::now();
        let closely = self.closely_until.is_some_and(|until| now < until) || !self.suspects.is_empty();
        let landscape = inner.landscape();
        let inventory = landscape.inventory();
        let is_due = |cluster: &ClusterId| {
            let nodes = inventory.nodes_of(*cluster).count();
            let records = nodes * inventory.volume_count(*cluster);
            let calm = plan
                .interval
                .max(Duration::from_secs((records / RECORDS_A_SECOND) as u64));
            let pace = if closely {
                plan.closely.max(calm / 12)
            } else {
                calm
            };
            let last = self.last.get(cluster);
            nodes >= SMALLEST && last.is_none_or(|last| now.duration_since(*last) >= pace)
        };
        inventory
            .clusters()
            .map(|cluster| cluster.id)
            .filter(is_due)
            .collect()
    }

    /// Takes in what was seen of the members of a pool.
    fn note(&mut self, words: &[(NodeId, Word)]) {
        let mut found = ailments(words);
        for (node, word) in words {
            let Some(ailment) = found.remove(node) else {
                self.suspects.remove(node);
                if matches!(word, Word::Tells(_)) {
                    self.tried.forget(node);
                    self.told.remove(node);
                }
                continue;
            };
            match self.suspects.get_mut(node) {
                Some(suspect) => suspect.see(ailment),
                None => {
                    tracing::debug!(%node, "glusterd {}", ailment.words());
                    self.suspects.insert(*node, Suspect::new(ailment));
                }
            }
        }
    }

    /// A member that has been ill for long enough, and was not cured a moment ago.
    fn ripe(&self, plan: &CurePlan, words: &[(NodeId, Word)]) -> Option<(NodeId, Ailment)> {
        let is_ripe = |node: &NodeId| {
            let again = self.tried.may(node);
            let ripe = self.suspects.get(node).filter(|_| again)?.ripe(plan)?;
            Some((*node, ripe))
        };
        // What is under way waits for one that hangs, and the other cures wait for what is under way.
        let hangs = |node: &NodeId| {
            let suspect = self.suspects.get(node);
            suspect.is_some_and(|suspect| suspect.ailment == Ailment::Hangs)
        };
        let any_hangs = words.iter().any(|(node, _)| hangs(node));
        let ripe = words.iter().filter_map(|(node, _)| is_ripe(node));
        // Of several, first one from which the others would take over what they should not have.
        ripe.filter(|(node, _)| !any_hangs || hangs(node))
            .min_by_key(|(node, _)| !is_infectious(words, *node))
    }
}

async fn look(inner: &Arc<Inner>, plan: &CurePlan, cluster: ClusterId, memory: &mut Memory) {
    let words = words::ask(inner, cluster).await;
    memory.last.insert(cluster, Instant::now());
    memory.note(&words);
    let known: Vec<NodeId> = inner
        .landscape()
        .inventory()
        .nodes()
        .map(|node| node.id)
        .collect();
    memory.suspects.retain(|node, _| known.contains(node));
    let Some((node, ailment)) = memory.ripe(plan, &words) else {
        return;
    };
    // A cure that waits for what is under way must not keep one from being cured that all of it waits for.
    let changing = match ailment {
        Ailment::Hangs => inner.landscape().holder(Subject::Member(node)).is_some(),
        _ => is_changing(inner, cluster),
    };
    if changing {
        return;
    }
    match begin::begin(inner, cluster, node, &ailment, &words).await {
        Ok(operation) => {
            memory.tried.begin(node, AGAIN, AGAIN_LONGEST);
            tracing::warn!(%node, %operation, "glusterd {}; it is started anew", ailment.words());
        }
        Err(why) => {
            if memory.told.get(&node) != Some(&why) {
                tracing::warn!(%node, reason = %why, "glusterd {}, and is not cured", ailment.words());
                memory.told.insert(node, why);
            }
        }
    }
}

/// Whether somebody joins the pool, leaves it, or is cured.
fn is_changing(inner: &Inner, cluster: ClusterId) -> bool {
    let landscape = inner.landscape();
    let mut nodes = landscape.inventory().nodes_of(cluster);
    landscape.nodes_to_come(cluster).is_some()
        || nodes.any(|node| landscape.holder(Subject::Member(node.id)).is_some())
}
