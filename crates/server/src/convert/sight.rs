//! The chain of a volume, recorded beside seen, as `/v1/explain` shows it.

use mortar_api::{
    ExplainedBrick, ExplainedDevice, ExplainedNode, ExplainedSpace, ExplainedVolume, Explanation, FileSystem,
    Heal, Mount, Rebalance, RebalanceState, Sight, SightState, SpaceKind,
};
use mortar_engine::VolumeSight;
use mortar_engine::plan::Landscape;
use mortar_engine::query::brick_state::BrickState;
use mortar_engine::query::heal_info::BrickHeal;
use mortar_engine::query::rebalance::Progress;
use mortar_model::work::BrickAddress;
use mortar_model::{Brick, BrickSpace, Device, Durability, Node, Volume, VolumeId, layout};

use super::attachment::attachments;
use super::heal;
use super::operation::time;
use super::topology::device_kind;

/// The whole chain; none when the volume went away while it was looked at.
pub(crate) fn explanation(id: VolumeId, seen: &VolumeSight, landscape: &Landscape) -> Option<Explanation> {
    let inventory = landscape.inventory();
    let volume = inventory.volume(id)?;
    let bricks = inventory.bricks_of(id).filter_map(|brick| {
        let device = inventory.device(brick.device)?;
        let node = inventory.node(device.node)?;
        Some(of_brick(&Recorded { brick, device, node }, seen, landscape))
    });
    Some(Explanation {
        claim: claim(volume),
        volume: of_volume(volume, seen, landscape),
        bricks: bricks.collect(),
        looked_at: time(seen.looked_at),
    })
}

/// The claim of Kubernetes that a volume was made for, as kubectl names it.
fn claim(volume: &Volume) -> Option<String> {
    let mut options = volume.options.iter();
    let named = options.find(|option| option.key() == mortar_api::CLAIM_OPTION)?;
    Some(format!("pvc/{}", named.value()))
}

fn of_volume(volume: &Volume, seen: &VolumeSight, landscape: &Landscape) -> ExplainedVolume {
    let (heal, heal_unknown) = seen.heal.as_ref().map_or((None, None), heal::told);
    ExplainedVolume {
        id: volume.id.to_string(),
        name: volume.name.to_string(),
        cluster: volume.cluster.to_string(),
        size: volume.size.bytes(),
        durability: volume.durability.to_string(),
        gid: volume.gid,
        options: volume.options.iter().map(ToString::to_string).collect(),
        attachments: attachments(landscape.inventory(), volume.id),
        mount: mount(volume, landscape),
        sight: volume_sight(volume, seen, landscape),
        heal,
        heal_unknown,
        rebalance: rebalance(seen),
    }
}

/// How far files are spread; none where that was never begun.
fn rebalance(seen: &VolumeSight) -> Option<Rebalance> {
    let told = match seen.rebalance.as_ref()? {
        Ok(told) => told,
        Err(reason) => return Some(Rebalance::unknown(reason.clone())),
    };
    let state = match told.progress {
        Progress::Never => return None,
        Progress::Running => RebalanceState::Running,
        Progress::Completed => RebalanceState::Completed,
        Progress::Stopped => RebalanceState::Stopped,
        Progress::Failed => RebalanceState::Failed,
    };
    Some(Rebalance {
        state,
        reason: None,
        files: told.files,
        size: told.size.bytes(),
        scanned: told.scanned,
        failures: told.failures,
        skipped: told.skipped,
    })
}

fn mount(volume: &Volume, landscape: &Landscape) -> Mount {
    let mount = super::heketi::mount(landscape, volume);
    let options = mount.options.iter().filter(|(_, value)| !value.is_empty());
    let options: Vec<String> = options.map(|(name, value)| format!("{name}={value}")).collect();
    let flag = if options.is_empty() {
        String::new()
    } else {
        format!(" -o {}", options.join(","))
    };
    let line = format!("mount -t glusterfs{flag} {} MOUNTPOINT", mount.device);
    Mount {
        hosts: mount.hosts,
        device: mount.device,
        options: mount.options,
        line,
    }
}

/// What GlusterFS says of the volume against what is recorded.
fn volume_sight(volume: &Volume, seen: &VolumeSight, landscape: &Landscape) -> Sight {
    let info = match &seen.info {
        Ok(Some(info)) => info,
        Ok(None) => return Sight::new(SightState::Missing, "GlusterFS knows no volume of that name"),
        Err(reason) => return Sight::new(SightState::Unknown, reason.clone()),
    };
    let inventory = landscape.inventory();
    let mut recorded: Vec<String> = inventory
        .bricks_of(volume.id)
        .filter_map(|brick| inventory.node_of_brick(brick).map(|node| address(brick, node)))
        .collect();
    let mut found = info.bricks.clone();
    recorded.sort_unstable();
    found.sort_unstable();
    let mut different = Vec::new();
    if !info.started() {
        different.push(format!("its status is {}", info.status));
    }
    if recorded != found {
        different.push(format!(
            "GlusterFS names {} bricks that are not all those recorded",
            found.len()
        ));
    }
    // Of a single copy GlusterFS says that it is none.
    if (info.durability(), info.replica) != (volume.durability, volume.durability.replica())
        && volume.durability != Durability::Replicate(1)
    {
        different.push(format!("GlusterFS has it as {}", info.durability()));
    }
    verdict(&different)
}

/// As recorded, or different in these things.
pub(super) fn verdict(different: &[String]) -> Sight {
    if different.is_empty() {
        Sight::ok()
    } else {
        Sight::new(SightState::Different, different.join("; "))
    }
}

/// A brick as GlusterFS names it.
pub(crate) fn address(brick: &Brick, node: &Node) -> String {
    BrickAddress::of(brick, node).to_string()
}

fn heals(seen: &VolumeSight) -> Option<&[BrickHeal]> {
    seen.heal.as_ref()?.as_deref().ok()
}

struct Recorded<'a> {
    brick: &'a Brick,
    device: &'a Device,
    node: &'a Node,
}

fn of_brick(recorded: &Recorded<'_>, seen: &VolumeSight, landscape: &Landscape) -> ExplainedBrick {
    let Recorded { brick, device, node } = recorded;
    let unseen = Err("it was not looked at".to_owned());
    let state = seen.bricks.get(&brick.id).unwrap_or(&unseen);
    let address = address(brick, node);
    let heal = heals(seen).and_then(|heals| heals.iter().find(|heal| heal.brick == address));
    ExplainedBrick {
        id: brick.id.to_string(),
        set: brick.set,
        position: brick.position,
        path: brick.place().brick_path(),
        size: brick.size.bytes(),
        sight: process(&address, seen, state),
        heal: heal.and_then(|heal| {
            Some(Heal {
                pending: heal.entries?,
                split_brain: heal.split_brain.unwrap_or(0),
            })
        }),
        file_system: file_system(brick, state),
        space: space(brick, device, state),
        device: of_device(device, state, landscape),
        node: ExplainedNode {
            id: node.id.to_string(),
            manage: node.manage.to_string(),
            storage: node.storage.to_string(),
            zone: node.zone,
            state: node.state.to_string(),
            sight: state.as_ref().map_or_else(
                |reason| Sight::new(SightState::Unknown, reason.clone()),
                |_| Sight::ok(),
            ),
        },
    }
}

type Seen = Result<BrickState, String>;

/// What is seen of a part, when its node answered.
fn of_state(state: &Seen, look: impl FnOnce(&BrickState) -> Sight) -> Sight {
    state
        .as_ref()
        .map_or_else(|_| Sight::new(SightState::Unknown, "its node was not seen"), look)
}

/// The brick's process and its folder.
fn process(address: &str, seen: &VolumeSight, state: &Seen) -> Sight {
    match seen
        .status
        .as_ref()
        .map(|bricks| bricks.iter().find(|brick| brick.brick == address))
    {
        Err(reason) => Sight::new(SightState::Unknown, reason.clone()),
        Ok(None) => Sight::new(
            SightState::Unknown,
            "GlusterFS does not list it: its node is down, or the volume stopped",
        ),
        Ok(Some(status)) if !status.online => Sight::new(SightState::Missing, "its process does not run"),
        Ok(Some(_)) => match state {
            Ok(state) if state.identity.is_none() => {
                Sight::new(SightState::Different, "its identity file is missing")
            }
            _ => Sight::ok(),
        },
    }
}

fn file_system(brick: &Brick, state: &Seen) -> FileSystem {
    let mounted = state
        .as_ref()
        .ok()
        .and_then(|state| state.mount.as_ref())
        .filter(|mounted| mounted.ours);
    FileSystem {
        mount_point: brick.place().mount_point(),
        size: mounted.map(|mounted| mounted.size.bytes()),
        used: mounted.map(|mounted| mounted.used.bytes()),
        sight: of_state(state, |state| match &state.mount {
            None => Sight::new(SightState::Missing, "not mounted"),
            Some(mounted) if !mounted.ours => Sight::new(
                SightState::Different,
                format!("{} is mounted there", mounted.source),
            ),
            Some(_) if !state.mount_entry => Sight::new(
                SightState::Different,
                "it has no mount entry: it would be gone after a restart of its node",
            ),
            Some(_) => Sight::ok(),
        }),
    }
}

fn space(brick: &Brick, device: &Device, state: &Seen) -> ExplainedSpace {
    let lvm = brick.space != BrickSpace::Image;
    let found = state.as_ref().ok().and_then(|state| state.space.as_ref());
    let percent = found.filter(|_| lvm).and_then(|space| {
        let (taken, size) = (u128::from(space.taken?.bytes()), u128::from(space.size.bytes()));
        u8::try_from(taken * 100 / size.max(1)).ok()
    });
    let folder = brick.is_adopted();
    let name = if folder {
        found.map_or_else(|| brick.place().brick_path(), |space| space.name.clone())
    } else if lvm {
        format!(
            "{}/{}",
            layout::volume_group(device.id),
            brick.place().logical_volume()
        )
    } else {
        layout::image(&device.path, brick.id)
    };
    ExplainedSpace {
        kind: if folder {
            SpaceKind::Folder
        } else if lvm {
            SpaceKind::LogicalVolume
        } else {
            SpaceKind::Image
        },
        name,
        footprint: brick.footprint().bytes(),
        thin_pool: brick.thin_pool(),
        thin_pool_percent: percent,
        sight: of_state(state, |state| match &state.space {
            Some(space) if space.size == brick.size => Sight::ok(),
            Some(space) => Sight::new(
                SightState::Different,
                format!("it is {}, recorded are {}", space.size, brick.size),
            ),
            None if state.image_in_making => {
                Sight::new(SightState::Different, "it was begun and is not whole")
            }
            None => Sight::new(SightState::Missing, ""),
        }),
    }
}

fn of_device(device: &Device, state: &Seen, landscape: &Landscape) -> ExplainedDevice {
    ExplainedDevice {
        id: device.id.to_string(),
        path: device.path.to_string(),
        kind: device_kind(&device.kind).into(),
        size: device.total.bytes(),
        used: landscape.used(device.id).bytes(),
        state: device.state.to_string(),
        // Nobody asks the device itself: that what is on it was seen is the proof of it.
        sight: of_state(state, |state| {
            if state.space.is_some() {
                Sight::ok()
            } else {
                Sight::new(SightState::Unknown, "nothing on it was seen")
            }
        }),
    }
}
