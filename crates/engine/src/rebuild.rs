//! Records restored from the nodes: asks those that were named and those that these name, lets
//! [`mortar_survey::rebuild`] say what it means, and records it in one transaction. Nothing is changed on any node.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::stream::{self, StreamExt as _};
use mortar_argv::{Batch, Report};
use mortar_command::query::survey::{self, NodeSurvey, PoolSurvey};
use mortar_model::work::Facts;
use mortar_model::{DevicePath, HostName, Inventory, OperationId};
use mortar_plan::{Change, Landscape, Plan, Refusal, Seed};
use mortar_survey::rebuild::{Heard, Rebuilt, directories, hosting, rebuild};

use crate::act;
use crate::block_sight::{self, Told};
use crate::engine::{Engine, Inner};
use crate::error::EngineError;

/// Hosts that are asked side by side.
pub(crate) const WIDTH: usize = 16;
/// Most things of one kind that a refusal names.
pub(crate) const NAMED: usize = 20;

/// What a rebuild came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Rebuild {
    /// What was restored, or would be, and what is to be told.
    pub rebuilt: Rebuilt,
    /// The hosts that were asked, with the reason of those that did not answer.
    pub asked: Vec<(HostName, Option<String>)>,
    /// How many of the things that were found were recorded already. They are left as they are.
    pub recorded: usize,
    /// The operation that recorded it; `None` when nothing was to be recorded.
    pub operation: Option<OperationId>,
}

impl Rebuild {
    /// The records that were restored, or would be, by themselves.
    pub fn landscape(&self) -> Landscape {
        let mut landscape = Landscape::new(Inventory::new());
        for change in &self.rebuilt.changes {
            if let Err(error) = landscape.apply(change, &Facts::None) {
                tracing::error!(%error, "what was restored does not fit together");
            }
        }
        landscape
    }
}

impl Engine {
    /// Restores the records of the clusters that these hosts and the members of their pools belong to, as far as they are not
    /// there: a store of yesterday takes in what was made since. With `dry_run`, nothing is recorded.
    ///
    /// # Errors
    /// Operations are under way, all of what was found is recorded already or its names belong to others, or it could not
    /// be recorded.
    pub async fn rebuild(&self, hosts: &[HostName], dry_run: bool) -> Result<Rebuild, EngineError> {
        let inner = &self.inner;
        self.view(idle)?;
        let heard = hear(inner, hosts).await;
        let rebuilt = rebuild(&heard, &mut Seed::new(inner.entropy.draw()));
        let changes = &rebuilt.changes;
        let missing = self.view(|landscape| missing(landscape, changes))?;
        let recorded = changes.len() - missing.len();
        let operation = if dry_run || changes.is_empty() {
            None
        } else {
            let record = |landscape: &Landscape| Ok(Plan::record(self::missing(landscape, changes)?));
            Some(self.record(record).await?)
        };
        if operation.is_some() {
            self.tell(&heard, &rebuilt);
        }
        let asked = heard.hosts.into_iter();
        Ok(Rebuild {
            rebuilt,
            asked: asked.map(|(host, answer)| (host, answer.err())).collect(),
            recorded,
            operation,
        })
    }

    /// Leaves out of placement what did not answer, until it does.
    fn tell(&self, heard: &Heard, rebuilt: &Rebuilt) {
        let mut counts = [0; 4];
        for change in &rebuilt.changes {
            match change {
                Change::PutCluster(_) => counts[0] += 1,
                Change::PutNode(node) => {
                    counts[1] += 1;
                    if let Some(Err(reason)) = heard.hosts.get(&node.manage) {
                        self.inner.note_health(node.id, false, reason);
                    }
                }
                Change::PutDevice(_) => counts[2] += 1,
                Change::AddVolume(..) => counts[3] += 1,
                _ => {}
            }
        }
        let [clusters, nodes, devices, volumes] = counts;
        tracing::info!(
            clusters,
            nodes,
            devices,
            volumes,
            gaps = rebuilt.gaps.len(),
            found = rebuilt.found.len(),
            contradictions = rebuilt.contradictions.len(),
            "records were restored from the nodes"
        );
    }
}

/// Asks these hosts, and as long as new ones are named, those.
pub(crate) async fn hear(inner: &Inner, hosts: &[HostName]) -> Heard {
    let mut heard = Heard::default();
    let mut next: BTreeSet<HostName> = hosts.iter().cloned().collect();
    while !next.is_empty() {
        let answers: Vec<_> = stream::iter(next)
            .map(|host| async move {
                let answer = ask_node(inner, &host).await;
                (host, answer)
            })
            .buffer_unordered(WIDTH)
            .collect()
            .await;
        heard.hosts.extend(answers);
        next = heard.unasked().into_iter().collect();
    }
    let told: Vec<_> = stream::iter(heard.spokesmen())
        .map(|hosts| ask_pool(inner, hosts))
        .buffer_unordered(WIDTH)
        .collect()
        .await;
    heard.pools = told.into_iter().flatten().collect();
    heard.blocks = ask_blocks(inner, &heard).await;
    heard
}

/// What is told of the block volumes of volumes that say that they hold some.
async fn ask_blocks(inner: &Inner, heard: &Heard) -> BTreeMap<String, Told> {
    let pools = heard.spokesmen().into_iter().filter_map(|members| {
        let told = members
            .iter()
            .find_map(|host| heard.pools.get(host)?.as_ref().ok())?;
        Some((members, hosting(told)))
    });
    let pools: Vec<_> = pools.collect();
    let told: Vec<_> = stream::iter(pools)
        .map(|(members, volumes)| block_sight::tell(inner, members, volumes, limit(inner)))
        .buffer_unordered(WIDTH)
        .collect()
        .await;
    told.into_iter().flatten().collect()
}

/// What a host shows. Which directories may be devices is learned from its first answer; where there are some, it is
/// asked a second time with them.
async fn ask_node(inner: &Inner, host: &HostName) -> Result<NodeSurvey, String> {
    let first = survey_of(inner, host, &[]).await?;
    let directories = directories(&first);
    if directories.is_empty() {
        return Ok(first);
    }
    survey_of(inner, host, &directories).await
}

async fn survey_of(inner: &Inner, host: &HostName, directories: &[DevicePath]) -> Result<NodeSurvey, String> {
    let batch = survey::ask_node(&inner.config.settings, directories);
    let report = ask(inner, host, &batch, "survey a node").await;
    survey::read_node(directories, &report).map_err(|error| error.to_string())
}

/// What the first of these tells of the volumes of its pool; those before it with their reasons.
async fn ask_pool(inner: &Inner, hosts: Vec<HostName>) -> Vec<(HostName, Result<PoolSurvey, String>)> {
    let batch = survey::ask_pool(&inner.config.settings);
    let mut told = Vec::new();
    for host in hosts {
        let report = ask(inner, &host, &batch, "survey a pool").await;
        let answer = survey::read_pool(&report).map_err(|error| error.to_string());
        let done = answer.is_ok();
        told.push((host, answer));
        if done {
            break;
        }
    }
    told
}

fn limit(inner: &Inner) -> Duration {
    inner.config.settings.command_limit + inner.config.patience
}

/// One tool that hangs must not cost the answers of the others: it is given up before the whole is.
pub(crate) async fn ask(inner: &Inner, host: &HostName, batch: &Batch, what: &str) -> Report {
    let limit = limit(inner);
    let answer = act::run_on(inner, host.as_str(), batch, what);
    tokio::time::timeout(limit, answer)
        .await
        .unwrap_or_else(|_| Report::not_run(batch.items().len(), format!("no answer within {limit:?}")))
}

pub(crate) fn idle(landscape: &Landscape) -> Result<(), Refusal> {
    match landscape.holders() {
        0 => Ok(()),
        count => Err(Refusal::UnderWay(count)),
    }
}

/// What of it is not recorded: what is there already is compared by a check, and never made over.
fn missing(landscape: &Landscape, changes: &[Change]) -> Result<Vec<Change>, Refusal> {
    idle(landscape)?;
    let inventory = landscape.inventory();
    let new = |change: &&Change| !is_recorded(inventory, change);
    let missing: Vec<Change> = changes.iter().filter(new).cloned().collect();
    if missing.is_empty() && !changes.is_empty() {
        return Err(refusal(changes.iter().filter_map(title).collect()));
    }
    fits(landscape, &missing)?;
    Ok(missing)
}

/// Whether the records take what is not in them.
pub(crate) fn fits(landscape: &Landscape, changes: &[Change]) -> Result<(), Refusal> {
    let mut others: Vec<String> = changes
        .iter()
        .flat_map(|change| taken(landscape.inventory(), change))
        .collect();
    if others.is_empty() {
        let mut trial = landscape.clone();
        let applied = changes
            .iter()
            .try_for_each(|change| trial.apply(change, &Facts::None));
        others.extend(applied.err().map(|error| error.to_string()));
    }
    if others.is_empty() {
        Ok(())
    } else {
        Err(refusal(others))
    }
}

fn refusal(mut known: Vec<String>) -> Refusal {
    if known.len() > NAMED {
        let more = known.len() - NAMED;
        known.truncate(NAMED);
        known.push(format!("and {more} more"));
    }
    Refusal::Recorded(known)
}

fn is_recorded(inventory: &Inventory, change: &Change) -> bool {
    match change {
        Change::PutCluster(cluster) => inventory.cluster(cluster.id).is_some(),
        Change::PutNode(node) => inventory.node(node.id).is_some(),
        Change::PutDevice(device) => inventory.device(device.id).is_some(),
        Change::AddVolume(volume, _) => inventory.volume(volume.id).is_some(),
        Change::AddSnapshot(snapshot) => inventory.snapshot(snapshot.id).is_some(),
        Change::PutBlock(block) => inventory.block(block.id).is_some(),
        _ => false,
    }
}

/// What it is, for people.
fn title(change: &Change) -> Option<String> {
    Some(match change {
        Change::PutCluster(cluster) => format!("cluster {}", cluster.id),
        Change::PutNode(node) => format!("node {} ({})", node.id, node.manage),
        Change::PutDevice(device) => format!("device {} ({})", device.id, device.path),
        Change::AddVolume(volume, _) => format!("volume {} ({})", volume.id, volume.name),
        Change::AddSnapshot(snapshot) => format!("snapshot {} ({})", snapshot.id, snapshot.name),
        Change::PutBlock(block) => format!("block volume {} ({})", block.id, block.name),
        _ => return None,
    })
}

/// What something that is not recorded would need, and others have.
fn taken(inventory: &Inventory, change: &Change) -> Vec<String> {
    match change {
        Change::PutNode(node) => {
            let hosts = BTreeSet::from([&node.manage, &node.storage]);
            let taken = hosts.into_iter().filter_map(|host| {
                let other = inventory.node_by_host(host)?;
                Some(format!("host name {host}, of node {}", other.id))
            });
            taken.collect()
        }
        Change::AddVolume(volume, bricks) => {
            let name = inventory
                .volume_by_name(volume.cluster, &volume.name)
                .map(|other| format!("volume {} ({})", other.name, other.id));
            let bricks = bricks.iter().filter(|brick| inventory.brick(brick.id).is_some());
            name.into_iter()
                .chain(bricks.map(|brick| format!("brick {}", brick.id)))
                .collect()
        }
        _ => Vec::new(),
    }
}
