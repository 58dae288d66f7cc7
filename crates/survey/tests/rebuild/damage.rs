//! Everything that can be wrong with nodes, and what must hold of a rebuild all the same.

use std::collections::BTreeSet;

use mortar_command::query::survey::{ImageSeen, NodeSurvey, VolumeSeen};
use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::{
    BrickId, ByteSize, DeviceId, DeviceKind, DevicePath, HostName, Inventory, VolumeId, layout,
};
use mortar_plan::{Landscape, identity};
use mortar_survey::rebuild::{Heard, Rebuilt};

use crate::shown::part;
use crate::world::World;

/// Hurts something; answers what.
pub(crate) fn hit(world: &mut World, heard: &mut Heard) -> String {
    let hosts: Vec<HostName> = heard.hosts.keys().cloned().collect();
    let host = hosts[index(world, hosts.len())].clone();
    let other = hosts[index(world, hosts.len())].clone();
    let kind = world.below(26);
    if kind >= 18 {
        return format!("{kind} {host}: {}", hit_pool(world, heard, &host, kind));
    }
    let (foreign_file, foreign_groups) = match heard.hosts.get(&other) {
        Some(Ok(survey)) => (survey.node_file.clone(), survey.groups.clone()),
        _ => (Ok(None), Ok(Vec::new())),
    };
    let pick = world.below(1000);
    let Some(answer) = heard.hosts.get_mut(&host) else {
        return String::new();
    };
    if kind == 0 {
        *answer = Err("no route to host".into());
        heard.pools.remove(&host);
        return format!("{host} is silent");
    }
    let Ok(survey) = answer else {
        return format!("{host} is silent already");
    };
    let what = match kind {
        1 => {
            survey.node_file = foreign_file;
            "has another's file"
        }
        2 => {
            survey.groups = foreign_groups;
            "has another's groups"
        }
        10 | 13 => {
            heard.pools.remove(&host);
            hit_node(survey, kind, pick)
        }
        14 => {
            heard.pools.insert(host.clone(), Ok(Vec::new()));
            hit_node(survey, kind, pick)
        }
        _ => hit_node(survey, kind, pick),
    };
    format!("{kind} {host} {what} {other}")
}

fn hit_node(survey: &mut NodeSurvey, kind: u64, pick: u64) -> &'static str {
    match kind {
        3 => {
            survey.node_file = Ok(None);
            "has no file"
        }
        4 => {
            survey.node_file = Err("permission denied".into());
            "has an unreadable file"
        }
        5 => {
            if let Ok(Some(text)) = &mut survey.node_file {
                text.truncate(text.len() / 2);
            }
            "has half a file"
        }
        6 => {
            take(part(&mut survey.groups), pick);
            "lost a group"
        }
        7 => {
            take(part(&mut survey.volumes), pick);
            "lost a logical volume"
        }
        8 => {
            take(part(&mut survey.images), pick);
            "lost an image"
        }
        9 => {
            take(part(&mut survey.identities), pick);
            "lost an identity"
        }
        10 => {
            survey.identities = Ok(Vec::new());
            survey.mounts = Ok(Vec::new());
            survey.folders = Ok(Vec::new());
            survey.entries = Ok(Vec::new());
            survey.node_file = Ok(None);
            survey.members = Err("glusterd does not run".into());
            "lost its root"
        }
        11 => {
            survey.volumes = Err("lvs: cannot".into());
            "has no lvs"
        }
        12 => {
            survey.groups = Err("pvs: cannot".into());
            "has no pvs"
        }
        13 => {
            survey.members = Err("glusterd does not run".into());
            "has no glusterd"
        }
        14 => {
            if let Ok(members) = &mut survey.members {
                members.retain(|member| member.hosts.contains(&"localhost".to_owned()));
                for member in members {
                    member.uuid = format!("new-uuid-{pick}");
                }
            }
            "has a glusterd without memory"
        }
        15 => more(survey, pick),
        16 => {
            for directory in survey.directories.iter_mut().flatten() {
                directory.identity = None;
            }
            "has directories without identity"
        }
        _ => {
            for (_, text) in survey.identities.iter_mut().flatten() {
                text.truncate(usize::try_from(pick).unwrap());
            }
            "has cut identities"
        }
    }
}

/// Things that nobody recorded.
fn more(survey: &mut NodeSurvey, pick: u64) -> &'static str {
    let brick = BrickId::from_u128(u128::from(pick) << 64);
    let size = ByteSize::from_gib(1);
    if let Some(group) = survey
        .groups
        .iter_mut()
        .flatten()
        .find(|group| group.free >= ByteSize::from_gib(2))
    {
        let metadata = ByteSize::from_mib(8);
        group.free = group.free.minus(size + metadata);
        let (group, tags) = (
            group.name.clone(),
            vec![layout::volume_tag(VolumeId::from_u128(7))],
        );
        part(&mut survey.volumes).push(VolumeSeen {
            group,
            name: layout::thin_pool(brick),
            size,
            metadata,
            pool: None,
            is_pool: true,
            active: true,
            tags,
            data_percent: None,
            metadata_percent: None,
        });
    }
    let directory = survey
        .directories
        .iter()
        .flatten()
        .map(|seen| seen.path.clone())
        .next();
    if let Some(path) = directory {
        let path = DevicePath::new(path).unwrap();
        let path = [layout::image(&path, brick), layout::image_in_making(&path, brick)]
            [usize::try_from(pick % 2).unwrap()]
        .clone();
        part(&mut survey.images).push(ImageSeen {
            path,
            size,
            taken: ByteSize::ZERO,
        });
    }
    "has more than is recorded"
}

fn hit_pool(world: &mut World, heard: &mut Heard, host: &HostName, kind: u64) -> String {
    let pick = world.below(1000);
    let mut told = heard
        .pools
        .get(host)
        .cloned()
        .unwrap_or_else(|| Err("nothing".into()));
    let was = told.clone();
    let what = match (&mut told, kind) {
        (told, 18) => {
            *told = Err("volume info: timed out".into());
            "no volumes are told".to_owned()
        }
        (Ok(volumes), _) if !volumes.is_empty() => {
            let at = usize::try_from(pick).unwrap() % volumes.len();
            hit_volume(volumes, at, kind)
        }
        _ => "nothing".to_owned(),
    };
    // Every member of a pool tells the same.
    for answer in heard.pools.values_mut() {
        if *answer == was {
            *answer = told.clone();
        }
    }
    what
}

fn hit_volume(volumes: &mut Vec<VolumeInfo>, at: usize, kind: u64) -> String {
    let name = volumes[at].name.clone();
    let what = match kind {
        19 => {
            volumes[at].options.clear();
            "lost its options"
        }
        20 => {
            volumes[at].options.retain(|(key, _)| key != "user.mortar.size");
            "lost its size"
        }
        21 => {
            volumes[at].bricks.pop();
            "lost a brick"
        }
        22 => {
            let copy = VolumeInfo {
                name: format!("{name}-copy"),
                ..volumes[at].clone()
            };
            volumes.insert(at, copy);
            "has a copy"
        }
        23 => {
            for (key, value) in &mut volumes[at].options {
                if key == "user.mortar.size" {
                    *value = "1099511627776".into();
                }
            }
            "says that it is huge"
        }
        24 => {
            volumes[at].bricks.reverse();
            "lists its bricks backwards"
        }
        _ => {
            volumes.remove(at);
            "is gone"
        }
    };
    format!("{name} {what}")
}

fn take<T>(list: &mut Vec<T>, pick: u64) {
    if !list.is_empty() {
        let at = usize::try_from(pick).unwrap() % list.len();
        list.remove(at);
    }
}

fn index(world: &mut World, length: usize) -> usize {
    usize::try_from(world.below(length as u64)).unwrap()
}

/// Every record is one that was there before, or one that a pool or a node shows now.
pub(crate) fn nothing_made_up(world: &World, heard: &Heard, records: &Inventory, story: &[String]) {
    let before = world.inventory();
    for volume in records.volumes() {
        let known = before
            .volume(volume.id)
            .unwrap_or_else(|| panic!("{volume:?} is made up: {story:?}"));
        assert_eq!(
            volume.durability,
            known.durability_as_shown(volume.durability),
            "{story:?}"
        );
        let bricks: Vec<String> = records
            .bricks_of(volume.id)
            .map(|brick| layout::brick_path(brick.device, brick.id))
            .collect();
        let listed = heard.pools.values().flatten().flatten().any(|info| {
            info.name == volume.name.as_str()
                && info
                    .bricks
                    .iter()
                    .map(|brick| brick.split_once(':').unwrap().1)
                    .eq(bricks.iter().map(String::as_str))
        });
        assert!(listed, "{} has bricks that no pool lists: {story:?}", volume.name);
    }
    for brick in records.bricks() {
        assert!(
            before.brick(brick.id).is_some(),
            "brick {} is made up: {story:?}",
            brick.id
        );
    }
    for device in records.devices() {
        assert!(
            before.device(device.id).is_some(),
            "device {} is made up: {story:?}",
            device.id
        );
    }
    for node in records.nodes() {
        let known = before.node_by_host(&node.manage);
        assert!(known.is_some(), "node {} is made up: {story:?}", node.manage);
    }
}

/// A volume without options shows only its copies: one that asked for a single one is not told from one that asked
/// for none.
trait Shown {
    fn durability_as_shown(&self, read: mortar_model::Durability) -> mortar_model::Durability;
}

impl Shown for mortar_model::Volume {
    fn durability_as_shown(&self, read: mortar_model::Durability) -> mortar_model::Durability {
        if self.durability.bricks_per_set() == 1 && read == mortar_model::Durability::None {
            read
        } else {
            self.durability
        }
    }
}

/// What the records count as free on a device is free there.
pub(crate) fn nothing_promised_twice(heard: &Heard, landscape: &Landscape, story: &[String]) {
    let records = landscape.inventory();
    for device in records.devices() {
        let node = records.node(device.node).unwrap();
        let Some(Ok(survey)) = heard.hosts.get(&node.manage) else {
            continue;
        };
        let free = device.total.minus(landscape.used(device.id));
        match device.kind {
            DeviceKind::Adopted => {}
            DeviceKind::Lvm { .. } => {
                let name = layout::volume_group(device.id);
                let Some(group) = survey.groups.iter().flatten().find(|group| group.name == name) else {
                    continue;
                };
                // A brick whose space is gone is counted all the same.
                assert!(
                    free <= group.free,
                    "{}: {free} of {}: {story:?}",
                    device.path,
                    group.free
                );
            }
            DeviceKind::Directory => {
                let folder = layout::image_folder(&device.path);
                let images = survey
                    .images
                    .iter()
                    .flatten()
                    .filter(|image| image.path.starts_with(&folder));
                let promised: ByteSize = images.map(|image| image.size).sum();
                let Some(seen) = survey
                    .directories
                    .iter()
                    .flatten()
                    .find(|seen| seen.path == device.path.as_str())
                else {
                    continue;
                };
                let Some((size, _)) = seen.space else { continue };
                assert!(
                    free <= size.minus(promised),
                    "{}: {free} of {size} with {promised}: {story:?}",
                    device.path
                );
            }
        }
    }
}

/// Whatever was there before and is not restored is spoken of.
pub(crate) fn missing_is_named(
    world: &World,
    heard: &Heard,
    records: &Inventory,
    rebuilt: &Rebuilt,
    story: &[String],
) {
    let mut said: Vec<String> = Vec::new();
    said.extend(
        rebuilt
            .gaps
            .iter()
            .map(|gap| format!("{} {}", gap.about, gap.unknown)),
    );
    said.extend(
        rebuilt
            .found
            .iter()
            .map(|found| format!("{} {}", found.about, found.what)),
    );
    said.extend(
        rebuilt
            .contradictions
            .iter()
            .map(|note| format!("{} {} {}", note.about, note.found, note.decided)),
    );
    let named = |text: &str| said.iter().any(|line| line.contains(text));
    let before = world.inventory();
    for cluster in before
        .clusters()
        .filter(|cluster| records.cluster(cluster.id).is_none())
    {
        let mut nodes = before.nodes_of(cluster.id);
        assert!(
            named(&cluster.id.to_string())
                || nodes.all(|node| named(node.manage.as_str()) || named(node.storage.as_str())),
            "cluster {} is not spoken of: {story:?}\n{said:#?}",
            cluster.id
        );
    }
    for node in before.nodes() {
        let restored = records.node_by_host(&node.manage).is_some();
        let cluster = node.cluster.to_string();
        assert!(
            restored || named(node.manage.as_str()) || named(node.storage.as_str()) || named(&cluster),
            "node {} is not spoken of: {story:?}\n{said:#?}",
            node.manage
        );
    }
    let listed: BTreeSet<&str> = heard
        .pools
        .values()
        .flatten()
        .flatten()
        .map(|info| info.name.as_str())
        .collect();
    for volume in before
        .volumes()
        .filter(|volume| records.volume(volume.id).is_none())
    {
        let cluster = records.cluster(volume.cluster).is_none();
        assert!(
            cluster || !listed.contains(volume.name.as_str()) || named(volume.name.as_str()),
            "volume {} is not spoken of: {story:?}\n{said:#?}",
            volume.name
        );
    }
    for device in before
        .devices()
        .filter(|device| records.device(device.id).is_none())
    {
        let id: DeviceId = device.id;
        let node = records.node(device.node);
        let shown = heard
            .hosts
            .values()
            .flatten()
            .any(|survey| shows(survey, device, before));
        assert!(
            node.is_none() || !shown || named(&id.to_string()),
            "device {id} is not spoken of: {story:?}\n{said:#?}"
        );
    }
}

fn shows(survey: &NodeSurvey, device: &mortar_model::Device, before: &Inventory) -> bool {
    let file = survey.node_file.iter().flatten().any(|text| {
        identity::read_node_file(text)
            .is_ok_and(|file| file.devices.iter().any(|known| known.id == device.id))
    });
    let group = layout::volume_group(device.id);
    let groups = survey.groups.iter().flatten().any(|seen| seen.name == group);
    let id = device.id.to_string();
    let directories = survey
        .directories
        .iter()
        .flatten()
        .any(|seen| seen.identity.as_ref().is_some_and(|text| text.contains(&id)));
    let _ = before;
    file || groups || directories
}
