//! How full the room is that devices have given away: thin pools that could run over, and the file systems under directories.
//!
//! A thin pool that is full stops all that is on it, and a file system without room turns bricks that still had space of their
//! own into ones that fail their writes. Both are mended with room of the same device, so what is free there must not be given
//! away before.

use std::collections::BTreeMap;

use mortar_command::query::survey::{NodeSurvey, VolumeSeen};
use mortar_model::{ByteSize, Device, DeviceId, DeviceKind, Inventory, layout};

use crate::Scan;

/// How full a device's fullest parts are, in per cent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Fill {
    /// Data of its fullest thin pool, of those that have promised more than they have.
    pub data: Option<f64>,
    /// Metadata of its fullest thin pool.
    pub metadata: Option<f64>,
    /// The file system under a directory, where bricks are promised more than is free there.
    pub directory: Option<f64>,
}

impl Fill {
    /// The fullest part, in words, and how full it is.
    pub fn fullest(&self) -> Option<(&'static str, f64)> {
        let parts = [
            ("the data of a thin pool", self.data),
            ("the metadata of a thin pool", self.metadata),
            ("its file system", self.directory),
        ];
        let known = parts.into_iter().filter_map(|(what, fill)| Some((what, fill?)));
        known.max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// The fill of each device of which its node told.
pub fn fills(inventory: &Inventory, scan: &Scan) -> BTreeMap<DeviceId, Fill> {
    let mut fills = BTreeMap::new();
    for (node, survey) in &scan.nodes {
        let Ok(survey) = survey else { continue };
        let pools = Pools::of(survey);
        for device in inventory.devices_of(*node) {
            let fill = match device.kind {
                DeviceKind::Lvm { .. } => pools.as_ref().map(|pools| pools.fill(device)),
                DeviceKind::Directory => of_directory(inventory, device, survey),
                DeviceKind::Adopted => None,
            };
            fills.extend(fill.map(|fill| (device.id, fill)));
        }
    }
    fills
}

/// The fill of the thin pools of these devices, by all logical volumes of their node.
pub fn pool_fills<'d>(
    devices: impl Iterator<Item = &'d Device>,
    volumes: &[VolumeSeen],
) -> BTreeMap<DeviceId, Fill> {
    let pools = Pools::among(volumes);
    devices.map(|device| (device.id, pools.fill(device))).collect()
}

/// The thin pools of a node.
struct Pools<'a> {
    /// By volume group.
    pools: BTreeMap<&'a str, Vec<&'a VolumeSeen>>,
    /// What the thin volumes of a pool are to hold together, by volume group and pool.
    promised: BTreeMap<(&'a str, &'a str), ByteSize>,
}

impl<'a> Pools<'a> {
    /// None when the node could not tell.
    fn of(survey: &'a NodeSurvey) -> Option<Self> {
        survey.volumes.as_ref().ok().map(|volumes| Self::among(volumes))
    }

    fn among(volumes: &'a [VolumeSeen]) -> Self {
        let (mut pools, mut promised) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, ByteSize>::new());
        for volume in volumes {
            let group = volume.group.as_str();
            if volume.is_pool {
                pools.entry(group).or_default().push(volume);
            }
            if let Some(pool) = &volume.pool {
                *promised.entry((group, pool.as_str())).or_default() += volume.size;
            }
        }
        Self { pools, promised }
    }

    fn fill(&self, device: &Device) -> Fill {
        let group = layout::volume_group(device.id);
        let mut fill = Fill::default();
        for pool in self.pools.get(group.as_str()).into_iter().flatten() {
            let promised = self.promised.get(&(group.as_str(), pool.name.as_str()));
            // A pool that has promised no more than it has can be full without harm, unless it goes on promising.
            let over = promised.is_some_and(|promised| *promised > pool.size) || device.kind.promises_more();
            fill.data = fuller(fill.data, pool.data_percent.filter(|_| over));
            fill.metadata = fuller(fill.metadata, pool.metadata_percent);
        }
        fill
    }
}

fn fuller(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.max(other)),
        (one, other) => one.or(other),
    }
}

/// What bricks were promised and have not written yet must still be free: only where it is not does the fill of the file system
/// count. A copy shares its blocks with its brick until that is written to again: what it is to hold is all still to come.
fn of_directory(inventory: &Inventory, device: &Device, survey: &NodeSurvey) -> Option<Fill> {
    let mut directories = survey.directories.as_ref().ok()?.iter();
    let seen = directories.find(|seen| seen.path == device.path.as_str())?;
    let (size, free) = seen.space?;
    let folder = format!("{}/", layout::image_folder(&device.path));
    let images = survey.images.as_ref().ok()?.iter();
    let written: ByteSize = images
        .filter(|image| image.path.starts_with(&folder) && layout::read::copy(&image.path).is_none())
        .map(|image| image.taken)
        .sum();
    let unwritten = inventory.used(device.id).minus(written);
    let used = size.minus(free).bytes();
    #[allow(
        clippy::cast_precision_loss,
        reason = "a share in per cent needs no more than 52 bits"
    )]
    let percent = 100.0 * used as f64 / size.bytes().max(1) as f64;
    Some(Fill {
        directory: (free < unwritten).then_some(percent),
        ..Fill::default()
    })
}
