//! The records beside what the nodes show: one question to each node and one to each pool, and what their answers mean.
//!
//! A check changes nothing and waits for no operation. One runs at a time; those who ask meanwhile share the next one,
//! so each answer tells of a time after the question.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use mortar_argv::{Batch, Report};
use mortar_command::query::survey::{self, NodeSurvey, PoolSurvey};
use mortar_model::{
    ClusterId, Device, DeviceId, DeviceKind, DevicePath, HostName, Inventory, NodeId, Volume, VolumeId,
    VolumeName,
};
use mortar_plan::TooFull;
use mortar_survey::{Drift, Fill, Finding, Limits, Scan, Severity, drift, fills};

use crate::act;
use crate::block_sight::{self, Told};
use crate::engine::{Engine, Inner};

/// Nodes that are asked side by side.
const WIDTH: usize = 16;
/// Members of a pool that are asked, one after the other, until one tells of its volumes.
const MEMBERS_ASKED: usize = 8;

/// What a check found.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Checks are numbered since the program started.
    pub number: u64,
    /// When the first node was asked, in milliseconds since 1970.
    pub began: u64,
    /// How long it took.
    pub took: Duration,
    /// Nodes that were asked, and those of them that did not answer.
    pub nodes: (usize, usize),
    /// Volumes and bricks that are recorded.
    pub recorded: (usize, usize),
    /// The differences, by kind and subject.
    pub findings: Vec<Finding>,
    /// Differences that are not among them, because operations had to do with their things meanwhile.
    pub left_out: usize,
}

impl Check {
    /// Whether nothing was found but what is only worth knowing.
    pub fn is_clean(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| finding.kind.severity() == Severity::Notice)
    }
}

/// Checks that were made.
#[derive(Default)]
pub(crate) struct Checks {
    turn: tokio::sync::Mutex<()>,
    begun: AtomicU64,
    last: Mutex<Option<Arc<Check>>>,
}

impl Checks {
    pub(crate) fn last(&self) -> Option<Arc<Check>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Engine {
    /// Compares the records with what the nodes show now.
    pub async fn check(&self) -> Arc<Check> {
        check(&self.inner).await
    }

    /// What the last check found, since the program started.
    pub fn last_check(&self) -> Option<Arc<Check>> {
        self.inner.checks.last()
    }
}

/// A check that begins after this was called; shared by all who called before it began.
pub(crate) async fn check(inner: &Inner) -> Arc<Check> {
    let checks = &inner.checks;
    let begun = checks.begun.load(Ordering::Acquire);
    let _turn = checks.turn.lock().await;
    if let Some(last) = checks.last().filter(|last| last.number > begun) {
        return last;
    }
    let number = checks.begun.fetch_add(1, Ordering::AcqRel) + 1;
    let (began, clock) = (inner.clock.now_ms(), Instant::now());
    let (scan, drift, inventory) = compare(inner).await;
    let recorded = (inventory.volumes().count(), inventory.bricks().count());
    let silent = scan.nodes.values().filter(|survey| survey.is_err()).count();
    let check = Arc::new(Check {
        number,
        began,
        took: clock.elapsed(),
        nodes: (scan.nodes.len(), silent),
        recorded,
        findings: drift.findings,
        left_out: drift.left_out,
    });
    learn_fills(inner, &fills(&inventory, &scan));
    inner.reconciler.learn(&scan, &check.findings);
    inner.metrics.show_check(&check);
    tracing::info!(
        findings = check.findings.len(),
        left_out = check.left_out,
        took_ms = check.took.as_millis(),
        "nodes checked"
    );
    *checks.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&check));
    check
}

/// From so many per cent on a device whose bricks share a thin pool takes no more, whatever else is set: all of them stop when the
/// pool is full.
const SHARED_STOP: u8 = 80;

/// Devices that are nearly full take no bricks until a check finds them less so.
fn learn_fills(inner: &Inner, fills: &BTreeMap<DeviceId, Fill>) {
    let stopped = learn_stops(inner, fills);
    inner.metrics.fills.show(fills, stopped);
}

/// Which of these devices take no bricks; how many of all do not.
pub(crate) fn learn_stops(inner: &Inner, fills: &BTreeMap<DeviceId, Fill>) -> usize {
    let mut landscape = inner.landscape();
    let too_full = |fill: &Fill, limit: u8| {
        let (part, percent) = fill
            .fullest()
            .filter(|(_, percent)| *percent >= f64::from(limit))?;
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "held between 0 and 100"
        )]
        let percent = percent.clamp(0.0, 100.0) as u8;
        Some(TooFull { part, percent, limit })
    };
    let stops: Vec<(DeviceId, Option<TooFull>)> = fills
        .iter()
        .filter_map(|(id, fill)| {
            // It may have gone since the nodes were asked.
            let device = landscape.inventory().device(*id)?;
            let most = inner.config.fill_stop;
            let limit = device.kind.shared().map_or(most, |_| most.min(SHARED_STOP));
            Some((*id, too_full(fill, limit)))
        })
        .collect();
    landscape.set_too_full(stops);
    landscape.too_full_count()
}

/// Notes what operations have to do with, for as long as it lives: one that began and ended while nodes were asked has left
/// no other trace.
struct Watch<'a>(&'a Inner);

impl<'a> Watch<'a> {
    fn begin(inner: &'a Inner) -> Self {
        inner.landscape().begin_watch();
        Self(inner)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.0.landscape().end_watch();
    }
}

/// What the nodes show, what of it is not as recorded, and the records that it was compared with.
async fn compare(inner: &Inner) -> (Scan, Drift, Inventory) {
    let watch = Watch::begin(inner);
    let nodes = ask_nodes(inner).await;
    let pools = ask_pools(inner, &nodes).await;
    let blocks = ask_blocks(inner, &nodes, &pools).await;
    let scan = Scan {
        blocks: blocks.into_iter().flatten().collect(),
        nodes: nodes.into_iter().collect(),
        pools: pools.into_iter().collect(),
    };
    let (involved, inventory) = {
        let mut landscape = inner.landscape();
        (landscape.end_watch(), landscape.inventory().clone())
    };
    drop(watch);
    let limits = Limits {
        pool_fill: inner.config.pool_fill,
    };
    let drift = drift(&inventory, &involved, &scan, limits);
    (scan, drift, inventory)
}

type Asked<K, S> = Vec<(K, Result<S, String>)>;

async fn ask_nodes(inner: &Inner) -> Asked<NodeId, NodeSurvey> {
    let nodes: Vec<(NodeId, Vec<DevicePath>, Vec<String>)> = {
        let landscape = inner.landscape();
        let inventory = landscape.inventory();
        let of_node = |node| {
            let devices = inventory.devices_of(node);
            devices
                .flat_map(|device| directories(inventory, device))
                .collect()
        };
        inventory
            .nodes()
            .map(|node| (node.id, of_node(node.id), roots(inventory, node.id)))
            .collect()
    };
    stream::iter(nodes)
        .map(|(node, directories, roots)| async move {
            let batch = survey::ask_node_with(&inner.config.settings, &directories, &roots);
            let report = ask(inner, node, &batch, "survey the node").await;
            let survey = survey::read_node_with(&directories, &roots, &report);
            (node, survey.map_err(|unreadable| unreadable.to_string()))
        })
        .buffer_unordered(WIDTH)
        .collect()
        .await
}

/// Directories that are looked at for a device: its own, or those of bricks that were adopted.
fn directories(inventory: &Inventory, device: &Device) -> Vec<DevicePath> {
    match device.kind {
        DeviceKind::Lvm { .. } => Vec::new(),
        DeviceKind::Directory => vec![device.path.clone()],
        DeviceKind::Adopted => {
            let bricks = inventory.bricks_on(device.id);
            let names = bricks.filter_map(|brick| brick.names.as_ref());
            names.map(|names| names.folder.clone()).collect()
        }
    }
}

/// Folders below which bricks of the node are mounted that were taken over: two levels above each mount point.
fn roots(inventory: &Inventory, node: NodeId) -> Vec<String> {
    let bricks = inventory
        .devices_of(node)
        .filter(|device| device.kind != DeviceKind::Adopted)
        .flat_map(|device| inventory.bricks_on(device.id));
    let roots: BTreeSet<String> = bricks
        .filter_map(|brick| {
            let mount_point = brick.names.as_ref()?.mount_point.as_str();
            let (root, _) = mount_point.rsplit_once('/')?.0.rsplit_once('/')?;
            Some(root.to_owned()).filter(|root| root.starts_with('/'))
        })
        .collect();
    roots.into_iter().collect()
}

async fn ask(inner: &Inner, node: NodeId, batch: &Batch, what: &str) -> Report {
    let patience = inner.config.check_patience;
    let answer = act::run(inner, node, batch, what);
    tokio::time::timeout(patience, answer)
        .await
        .unwrap_or_else(|_| Report::not_run(batch.items().len(), format!("no answer within {patience:?}")))
}

async fn ask_pools(inner: &Inner, nodes: &Asked<NodeId, NodeSurvey>) -> Asked<ClusterId, PoolSurvey> {
    let pools: Vec<(ClusterId, Vec<NodeId>)> = {
        let landscape = inner.landscape();
        let inventory = landscape.inventory();
        let clusters = inventory.clusters().map(|cluster| cluster.id);
        let of = |cluster| {
            inventory
                .nodes_of(cluster)
                .map(|node| node.id)
                .collect::<Vec<_>>()
        };
        clusters
            .map(|cluster| (cluster, tellers(&of(cluster), nodes)))
            .filter(|(cluster, _)| inventory.nodes_of(*cluster).next().is_some())
            .collect()
    };
    let batch = survey::ask_pool(&inner.config.settings);
    let batch = &batch;
    stream::iter(pools)
        .map(|(cluster, members)| async move {
            let mut told = Err("no member of the trusted pool answers".to_owned());
            for member in members {
                let report = ask(inner, member, batch, "survey the pool").await;
                told = survey::read_pool(&report).map_err(|unreadable| unreadable.to_string());
                if told.is_ok() {
                    break;
                }
            }
            (cluster, told)
        })
        .buffer_unordered(WIDTH)
        .collect()
        .await
}

/// Volumes that are meant for block volumes.
type Hosting = Vec<(VolumeId, VolumeName)>;

/// What is told of the block volumes of all volumes that are meant for some and run.
async fn ask_blocks(
    inner: &Inner,
    nodes: &Asked<NodeId, NodeSurvey>,
    pools: &Asked<ClusterId, PoolSurvey>,
) -> Vec<Vec<(VolumeId, Told)>> {
    let asked: Vec<(Vec<HostName>, Hosting)> = {
        let landscape = inner.landscape();
        let inventory = landscape.inventory();
        let runs = |told: &PoolSurvey, volume: &Volume| {
            let mut told = told.iter();
            told.any(|info| info.name == volume.name.as_str() && info.started())
        };
        let of_pool = |(cluster, told): &(ClusterId, Result<PoolSurvey, String>)| {
            let told = told.as_ref().ok()?;
            let volumes = inventory
                .volumes_of(*cluster)
                .filter(|volume| volume.block && runs(told, volume));
            let members: Vec<NodeId> = inventory.nodes_of(*cluster).map(|node| node.id).collect();
            let members = tellers(&members, nodes).into_iter();
            let hosts = members.filter_map(|id| Some(inventory.node(id)?.manage.clone()));
            Some((
                hosts.collect(),
                volumes.map(|volume| (volume.id, volume.name.clone())).collect(),
            ))
        };
        pools.iter().filter_map(of_pool).collect()
    };
    let patience = inner.config.check_patience;
    stream::iter(asked)
        .map(|(members, volumes)| block_sight::tell(inner, members, volumes, patience))
        .buffer_unordered(WIDTH)
        .collect()
        .await
}

/// Members whose glusterd answers, those that reach most of the others first: one that just came back may not have
/// heard yet what changed meanwhile.
fn tellers(of: &[NodeId], nodes: &Asked<NodeId, NodeSurvey>) -> Vec<NodeId> {
    let mut tellers: Vec<(usize, NodeId)> = nodes
        .iter()
        .filter(|(node, _)| of.contains(node))
        .filter_map(|(node, survey)| {
            let members = survey.as_ref().ok()?.members.as_ref().ok()?;
            Some((members.iter().filter(|member| member.connected).count(), *node))
        })
        .collect();
    tellers.sort_by(|a, b| (b.0, a.1).cmp(&(a.0, b.1)));
    tellers.truncate(MEMBERS_ASKED);
    tellers.into_iter().map(|(_, node)| node).collect()
}
