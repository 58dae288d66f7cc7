//! Bricks that were taken over: a tag says which a logical volume is, and what is mounted says where it is.

use mortar_command::query::brick_state::{Site, sources};
use mortar_command::query::survey::{MountSeen, NodeSurvey, VolumeSeen};
use mortar_model::layout::read;
use mortar_model::{BrickId, BrickNames, DeviceId, DevicePath, LvmName, NodeId};

use super::Work;

/// One of them.
pub(super) struct Taken {
    pub(super) device: DeviceId,
    pub(super) brick: BrickId,
    pub(super) names: BrickNames,
}

impl Work<'_> {
    /// The brick that GlusterFS knows by this path on the node.
    pub(super) fn taken_at(&self, node: NodeId, path: &str) -> Option<Taken> {
        let mut all = self.taken(node).into_iter();
        all.find(|taken| taken.names.folder.as_str() == path)
    }

    /// What the brick is called on the node, where its ids do not say it.
    pub(super) fn names_of(&self, node: NodeId, brick: BrickId) -> Option<BrickNames> {
        let mut all = self.taken(node).into_iter();
        all.find(|taken| taken.brick == brick).map(|taken| taken.names)
    }

    fn taken(&self, node: NodeId) -> Vec<Taken> {
        let machine = self.placed.get(&node).and_then(|placed| placed.machine);
        let survey = machine.map(|machine| self.ground.machines[machine].survey);
        survey.map(mounted).unwrap_or_default()
    }
}

/// Tagged logical volumes that are mounted.
fn mounted(survey: &NodeSurvey) -> Vec<Taken> {
    let (Ok(volumes), Ok(mounts)) = (&survey.volumes, &survey.mounts) else {
        return Vec::new();
    };
    let tagged = volumes
        .iter()
        .filter_map(|volume| Some((volume, read::taken(&volume.tags)?)));
    tagged
        .filter_map(|(volume, brick)| {
            mounts
                .iter()
                .find_map(|mount| taken(volumes, volume, brick, mount))
        })
        .collect()
}

/// The brick, if it is what is mounted there.
fn taken(volumes: &[VolumeSeen], volume: &VolumeSeen, brick: BrickId, mount: &MountSeen) -> Option<Taken> {
    let device = read::volume_group(&volume.group)?;
    let pool = volume.pool.as_deref()?;
    let beside = volumes
        .iter()
        .filter(|other| other.group == volume.group && other.pool.as_deref() == Some(pool));
    let names = BrickNames {
        mount_point: DevicePath::new(mount.target.as_str()).ok()?,
        // As Heketi makes them, and GlusterFS's clones of them.
        folder: DevicePath::new(format!("{}/brick", mount.target)).ok()?,
        volume: Some(LvmName::new(volume.name.as_str()).ok()?),
        pool: Some(LvmName::new(pool).ok()?),
        shared: beside.count() > 1,
    };
    let site = Site {
        brick,
        device,
        device_path: &names.mount_point,
        image: false,
        names: Some(&names),
        pool: None,
    };
    let here = sources(&site).contains(&mount.source);
    here.then_some(Taken { device, brick, names })
}
