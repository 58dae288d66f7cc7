//! What is seen of a volume on its nodes, beside what is recorded. Asked for one volume at a time: glusterd's
//! answer about all volumes at once takes seconds in a large pool.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{OptionFuture, join_all};
use mortar_argv::{Batch, Report};
use mortar_command::query::brick_state::{BrickState, Site};
use mortar_command::query::heal_info::BrickHeal;
use mortar_command::query::rebalance::Rebalance;
use mortar_command::query::volume_info::VolumeInfo;
use mortar_command::query::volume_status::BrickStatus;
use mortar_command::query::{brick_state, folder, heal_info, rebalance, volume_info, volume_status};
use mortar_model::{Brick, BrickId, BrickSpace, ByteSize, Device, DevicePath, NodeId, Volume, VolumeId};

use crate::act::{self, patiently, within};
use crate::engine::{Engine, Inner};

/// What was seen of a volume; each part is an error text where nothing could be seen.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeSight {
    /// What GlusterFS says it is; `None` when GlusterFS does not know it.
    pub info: Result<Option<VolumeInfo>, String>,
    /// Which of its brick processes run.
    pub status: Result<Vec<BrickStatus>, String>,
    /// What waits to be healed, per brick; only of volumes that keep copies.
    pub heal: Option<Result<Vec<BrickHeal>, String>>,
    /// How far its last rebalance is; only of volumes with several sets.
    pub rebalance: Option<Result<Rebalance, String>>,
    /// Its bricks, as their nodes show them.
    pub bricks: BTreeMap<BrickId, Result<BrickState, String>>,
    /// When the look ended, in milliseconds since 1970.
    pub looked_at: u64,
}

impl Engine {
    /// Looks at a volume and its bricks, on all its nodes at once. `None` when it is not known.
    pub async fn look_at_volume(&self, id: VolumeId) -> Option<VolumeSight> {
        let inner = &self.inner;
        let (volume, bricks) = recorded(inner, id)?;
        let mut members: Vec<NodeId> = bricks.iter().map(|(_, device)| device.node).collect();
        members.sort_unstable();
        members.dedup();
        let settings = &inner.config.settings;
        let ask = |what, batch| ask_pool(inner, &members, what, batch, inner.config.patience);
        let heals = volume.durability.heals();
        let spread = bricks.iter().any(|(brick, _)| brick.set > 0);
        let (info, status, heal, rebalance, bricks) = tokio::join!(
            ask("ask for volume info", volume_info::ask(settings, &volume.name)),
            ask(
                "ask for volume status",
                volume_status::ask(settings, &volume.name)
            ),
            OptionFuture::from(
                heals.then(|| ask("ask for heal info", heal_info::ask(settings, &volume.name)))
            ),
            OptionFuture::from(
                spread.then(|| ask("ask for the rebalance", rebalance::ask(settings, &volume.name)))
            ),
            join_all(
                bricks
                    .iter()
                    .map(|(brick, device)| look_at_brick(inner, brick, device))
            ),
        );
        Some(VolumeSight {
            info: volume_info::read(&info).map_err(|error| error.to_string()),
            status: volume_status::read(&status).map_err(|error| error.to_string()),
            heal: heal.map(|report| heal_info::read(&report).map_err(|error| error.to_string())),
            rebalance: rebalance.map(|report| rebalance::read(&report).map_err(|error| error.to_string())),
            bricks: bricks.into_iter().collect(),
            looked_at: inner.clock.now_ms(),
        })
    }
}

fn recorded(inner: &Inner, id: VolumeId) -> Option<(Volume, Vec<(Brick, Device)>)> {
    let landscape = inner.landscape();
    let inventory = landscape.inventory();
    let volume = inventory.volume(id)?.clone();
    let bricks = inventory.bricks_of(id);
    let bricks = bricks.filter_map(|brick| {
        inventory
            .device(brick.device)
            .map(|device| (brick.clone(), device.clone()))
    });
    Some((volume, bricks.collect()))
}

/// Asks the first member that answers, no longer than this in all.
pub(crate) async fn ask_pool(
    inner: &Inner,
    members: &[NodeId],
    what: &str,
    batch: Batch,
    patience: Duration,
) -> Report {
    let asked = async {
        let mut report = Report::not_run(batch.items().len(), "the volume has no node to ask");
        for member in act::healthy_first(inner, members) {
            report = act::run(inner, member, &batch, what).await;
            if report.broken.is_none() && !mortar_command::glusterd_down(&report) {
                break;
            }
        }
        report
    };
    within(patience, &batch, asked).await
}

async fn look_at_brick(
    inner: &Inner,
    brick: &Brick,
    device: &Device,
) -> (BrickId, Result<BrickState, String>) {
    if let Some(names) = brick.names.as_ref().filter(|_| brick.is_adopted()) {
        return (
            brick.id,
            look_at_folder(inner, brick.size, device, &names.folder).await,
        );
    }
    let image = brick.space == BrickSpace::Image;
    let site = Site {
        brick: brick.id,
        device: device.id,
        device_path: &device.path,
        image,
        names: brick.names.as_deref(),
        pool: brick.pool.as_deref(),
    };
    let batch = brick_state::ask(&inner.config.settings, &site);
    let report = patiently(
        inner,
        &batch,
        act::run(inner, device.node, &batch, "look at brick"),
    )
    .await;
    (
        brick.id,
        brick_state::read(&site, &report).map_err(|error| error.to_string()),
    )
}

/// A brick that was adopted has its folder and the file system below that, and nothing of Mortar's own.
async fn look_at_folder(
    inner: &Inner,
    size: ByteSize,
    device: &Device,
    path: &DevicePath,
) -> Result<BrickState, String> {
    let folders = std::slice::from_ref(path);
    let batch = folder::ask(&inner.config.settings, folders);
    let asked = act::run(inner, device.node, &batch, "look at a brick's folder");
    let report = patiently(inner, &batch, asked).await;
    let place = folder::read(folders, &report).pop().transpose();
    let place = place.map_err(|error| error.to_string())?;
    Ok(folder::state(size, place.flatten()))
}
