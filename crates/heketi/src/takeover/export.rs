//! Mortar's records as Heketi's database: the way home. What Mortar made since is where Mortar puts things, and Heketi's entries say so.
//!
//! Heketi operates a brick by three names: its path, its thin pool and its logical volume. It finds Mortar's by these; it
//! removes mount entries by the name `brick_<id>`, which Mortar's entries have as well.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use mortar_model::{
    BlockVolume, Brick, BrickSpace, ByteSize, Cluster, ClusterId, Device, DeviceKind, Durability, Inventory,
    Node, Volume, VolumeOption, layout,
};

use super::{Kept, Note, Weight};
use crate::db::{
    self, AttributeEntry, BlockVolumeEntry, BlockVolumeInfo, BrickEntry, BrickInfo, ClusterEntry,
    ClusterInfo, Database, DeviceEntry, DeviceInfo, Disperse, GlusterFsMount, Hostnames, Mount, NodeEntry,
    NodeInfo, Replicate, Snapshot, StorageSize, VolumeEntry, VolumeInfo,
};
use crate::volume::{ARBITER_OPTION, GlusterFsMount as WireMount};

/// Attributes by which Heketi knows that its upgrades of older databases are done. It takes no others.
const ATTRIBUTES: [&str; 4] = [
    "DB_CLUSTER_HAS_FILE_BLOCK_FLAG",
    "DB_BRICK_HAS_SUBTYPE_FIELD",
    "DB_HAS_PENDING_OPS_BUCKET",
    "DB_DEVICE_HAS_ID_META",
];

/// Heketi's database as it would be.
#[derive(Clone, Debug, Default)]
pub struct Home {
    /// What Heketi can go on with.
    pub database: Database,
    /// What it cannot, each thing with the reason.
    pub left_out: Vec<Note>,
}

/// The way home: the records that Heketi can go on with, with what was kept beside them, as its database.
///
/// # Errors
/// What was kept cannot be read.
pub fn export(inventory: &Inventory, kept: &Kept) -> Result<Home, db::ReadError> {
    let (own, left_out) = without(inventory, no_brick_of_heketis, no_device_of_heketis);
    Ok(Home {
        database: written(&own, kept)?,
        left_out,
    })
}

/// All records in the form of Heketi's database, for those who look: what Heketi could not operate is in it, as far as its form goes.
///
/// # Errors
/// What was kept cannot be read.
pub fn dump(inventory: &Inventory, kept: &Kept) -> Result<Database, db::ReadError> {
    let (own, _) = without(inventory, adopted_brick, adopted_device);
    written(&own, kept)
}

fn written(inventory: &Inventory, kept: &Kept) -> Result<Database, db::ReadError> {
    let kept = kept.entries()?;
    let mut database = Database::default();
    for cluster in inventory.clusters() {
        database
            .clusters
            .insert(cluster.id.to_string(), self::cluster(inventory, cluster));
    }
    for node in inventory.nodes() {
        database
            .nodes
            .insert(node.id.to_string(), self::node(inventory, node));
    }
    for device in inventory.devices() {
        database
            .devices
            .insert(device.id.to_string(), self::device(inventory, device));
    }
    for volume in inventory.volumes() {
        let id = volume.id.to_string();
        let entry = self::volume(inventory, volume, kept.volumes.get(&id));
        database.volumes.insert(id, entry);
        for brick in inventory.bricks_of(volume.id) {
            if let Some(entry) = self::brick(inventory, volume, brick) {
                database.bricks.insert(brick.id.to_string(), entry);
            }
        }
    }
    for block in inventory.blocks() {
        if let Some(hosting) = inventory.volume(block.hosting) {
            let entry = self::block(block, hosting.cluster);
            database.block_volumes.insert(block.id.to_string(), entry);
        }
    }
    database.attributes = attributes(&kept);
    Ok(database)
}

/// The records without devices of some kinds, and without volumes that have bricks there. Most pools have none of them.
fn without(
    inventory: &Inventory,
    no_brick: impl Fn(BrickSpace) -> Option<&'static str>,
    no_device: impl Fn(&DeviceKind) -> Option<&'static str>,
) -> (Cow<'_, Inventory>, Vec<Note>) {
    if inventory
        .devices()
        .all(|device| no_device(&device.kind).is_none())
    {
        return (Cow::Borrowed(inventory), Vec::new());
    }
    let (mut own, mut left_out) = (inventory.clone(), Vec::new());
    let mut leave = |kind: &str, id: String, name: &str, why: String| {
        left_out.push(Note {
            weight: Weight::LeftOut,
            kind: kind.into(),
            id,
            name: name.into(),
            why,
        });
    };
    for volume in inventory.volumes() {
        let mut bricks = inventory.bricks_of(volume.id);
        let Some(what) = bricks.find_map(|brick| no_brick(brick.space)) else {
            continue;
        };
        for block in inventory.blocks_on(volume.id) {
            let why = format!("the volume that holds it, {}, is left out", volume.name);
            leave("block volume", block.id.to_string(), block.name.as_str(), why);
            let _ = own.remove_block(block.id);
        }
        // Heketi knows of no snapshots: those of volumes that it can operate stay in GlusterFS, as well.
        for snapshot in inventory.snapshots_of(volume.id) {
            let _ = own.remove_snapshot(snapshot.id);
        }
        let why = format!("it has bricks that are {what}, and Heketi operates none such");
        leave("volume", volume.id.to_string(), volume.name.as_str(), why);
        let _ = own.remove_volume(volume.id);
    }
    for device in inventory.devices() {
        if let Some(what) = no_device(&device.kind) {
            let why = format!("it is {what}, and Heketi operates none such");
            leave("device", device.id.to_string(), device.path.as_str(), why);
            let _ = own.remove_device(device.id);
        }
    }
    (Cow::Owned(own), left_out)
}

fn adopted_brick(space: BrickSpace) -> Option<&'static str> {
    no_brick_of_heketis(space).filter(|_| space == BrickSpace::Folder)
}

fn adopted_device(kind: &DeviceKind) -> Option<&'static str> {
    no_device_of_heketis(kind).filter(|_| *kind == DeviceKind::Adopted)
}

/// Heketi knows disks that are its own, with a thin pool for each brick.
const fn no_brick_of_heketis(space: BrickSpace) -> Option<&'static str> {
    match space {
        BrickSpace::ThinPool { .. } => None,
        BrickSpace::Shared => Some("in a thin pool that all of their device share"),
        BrickSpace::Image => Some("image files on a directory"),
        BrickSpace::Folder => Some("folders that somebody else made"),
    }
}

const fn no_device_of_heketis(kind: &DeviceKind) -> Option<&'static str> {
    match kind {
        DeviceKind::Lvm { shared: None, .. } => None,
        DeviceKind::Lvm { shared: Some(_), .. } => Some("a disk with one thin pool for all bricks"),
        DeviceKind::Directory => Some("a directory"),
        DeviceKind::Adopted => Some("a place for folders that somebody else made"),
    }
}

fn sorted<T: ToString>(ids: impl Iterator<Item = T>) -> Vec<String> {
    let ids: BTreeSet<String> = ids.map(|id| id.to_string()).collect();
    ids.into_iter().collect()
}

fn cluster(inventory: &Inventory, cluster: &Cluster) -> ClusterEntry {
    ClusterEntry {
        info: ClusterInfo {
            id: cluster.id.to_string(),
            nodes: sorted(inventory.nodes_of(cluster.id).map(|node| node.id)),
            volumes: sorted(inventory.volumes_of(cluster.id).map(|volume| volume.id)),
            block: cluster.block,
            file: cluster.file,
            blockvolumes: sorted(inventory.blocks_of(cluster.id).map(|block| block.id)),
        },
    }
}

fn node(inventory: &Inventory, node: &Node) -> NodeEntry {
    NodeEntry {
        state: node.state.to_string(),
        info: NodeInfo {
            zone: i64::from(node.zone),
            hostnames: Hostnames {
                manage: vec![node.manage.to_string()],
                storage: vec![node.storage.to_string()],
            },
            cluster: node.cluster.to_string(),
            tags: node.tags.clone(),
            id: node.id.to_string(),
        },
        devices: sorted(inventory.devices_of(node.id).map(|device| device.id)),
    }
}

fn device(inventory: &Inventory, device: &Device) -> DeviceEntry {
    let (paths, pv_uuid) = match &device.kind {
        DeviceKind::Lvm { uuid, paths, .. } => (paths.clone(), uuid.clone()),
        DeviceKind::Directory | DeviceKind::Adopted => (Vec::new(), String::new()),
    };
    let used = inventory.used(device.id);
    DeviceEntry {
        state: device.state.to_string(),
        info: DeviceInfo {
            name: device.path.to_string(),
            tags: device.tags.clone(),
            storage: StorageSize {
                total: device.total.kib(),
                free: device.total.minus(used).kib(),
                used: used.kib(),
            },
            id: device.id.to_string(),
            paths,
            pv_uuid,
        },
        bricks: sorted(inventory.bricks_on(device.id).map(|brick| brick.id)),
        node: device.node.to_string(),
        extent_size: device.kind.extent().kib(),
    }
}

fn brick(inventory: &Inventory, volume: &Volume, brick: &Brick) -> Option<BrickEntry> {
    let place = brick.place();
    let (pool, metadata) = match brick.space {
        BrickSpace::ThinPool { pool, metadata } => (pool, metadata),
        BrickSpace::Shared | BrickSpace::Image | BrickSpace::Folder => (brick.size, ByteSize::ZERO),
    };
    // Heketi leaves out what follows from the id.
    let unless = |name: String, usual: String| if name == usual { String::new() } else { name };
    Some(BrickEntry {
        info: BrickInfo {
            id: brick.id.to_string(),
            path: place.brick_path(),
            device: brick.device.to_string(),
            node: inventory.device(brick.device)?.node.to_string(),
            volume: brick.volume.to_string(),
            size: brick.size.kib(),
        },
        pool_size: pool.kib(),
        metadata_size: metadata.kib(),
        pending: db::Pending::default(),
        thin_pool: unless(
            brick.thin_pool().unwrap_or_else(|| place.thin_pool()),
            layout::thin_pool(brick.id),
        ),
        logical_volume: unless(place.logical_volume(), layout::logical_volume(brick.id)),
        sub_type: if volume.durability.is_arbiter(brick.position) {
            2
        } else {
            1
        },
    })
}

fn volume(inventory: &Inventory, volume: &Volume, kept: Option<&VolumeEntry>) -> VolumeEntry {
    let hosts = inventory
        .nodes_of(volume.cluster)
        .map(|node| node.storage.to_string());
    let mount = WireMount::new(volume.name.as_str(), hosts.collect());
    let (asked, set) = options(volume, kept);
    VolumeEntry {
        info: VolumeInfo {
            size: gib(volume.size),
            clusters: kept.map(|kept| kept.info.clusters.clone()).unwrap_or_default(),
            name: volume.name.to_string(),
            durability: durability(volume.durability),
            gid: i64::from(volume.gid),
            options: asked,
            block: volume.block,
            snapshot: Snapshot {
                enable: volume.snapshots.enable,
                factor: if volume.snapshots.enable {
                    volume.snapshots.factor
                } else {
                    1.0
                },
            },
            id: volume.id.to_string(),
            cluster: volume.cluster.to_string(),
            mount: Mount {
                glusterfs: GlusterFsMount {
                    hosts: mount.hosts,
                    device: mount.device,
                    options: mount.options,
                },
            },
            blockinfo: blockinfo(inventory, volume),
        },
        bricks: sorted(inventory.bricks_of(volume.id).map(|brick| brick.id)),
        options: set,
        pending: db::Pending::default(),
    }
}

/// Its options: those that were asked for, and all that Heketi set. Where nothing has changed since, in the words of Heketi's entry.
fn options(volume: &Volume, kept: Option<&VolumeEntry>) -> (Vec<String>, Option<Vec<String>>) {
    let is_arbiter = volume.durability == Durability::Arbiter;
    if let Some(kept) = kept {
        let asked = super::volumes::asked_options(kept);
        let said: Vec<VolumeOption> = asked
            .iter()
            .filter_map(|text| VolumeOption::parse(text).ok())
            .collect();
        let was_arbiter = said.iter().any(says_arbiter);
        if said == volume.options && (is_arbiter || !was_arbiter) {
            return (kept.info.options.clone(), kept.options.clone());
        }
    }
    let own = volume
        .options
        .iter()
        .filter(|option| option.key() != ARBITER_OPTION);
    let arbiter = is_arbiter.then(|| format!("{ARBITER_OPTION} true"));
    // What Mortar does not give to `gluster` is as Heketi set it.
    let foreign = kept.map(super::volumes::asked_options).unwrap_or_default();
    let foreign = foreign
        .iter()
        .filter(|text| !text.trim().is_empty() && VolumeOption::parse(text).is_err());
    let all = foreign
        .cloned()
        .chain(own.map(ToString::to_string))
        .chain(arbiter);
    let list = crate::volume::VolumeInfo::option_list(all);
    (list.clone(), Some(list))
}

fn says_arbiter(option: &VolumeOption) -> bool {
    option.key() == ARBITER_OPTION && option.value() == "true"
}

fn durability(durability: Durability) -> db::Durability {
    let mut said = db::Durability::default();
    match durability {
        Durability::None => said.kind = "none".into(),
        Durability::Replicate(_) | Durability::Arbiter => {
            said.kind = "replicate".into();
            said.replicate = Replicate {
                replica: i64::from(durability.replica()),
            };
        }
        Durability::Disperse(pieces) => {
            said.kind = "disperse".into();
            said.disperse = Disperse {
                data: i64::from(pieces.data),
                redundancy: i64::from(pieces.redundancy),
            };
        }
    }
    said
}

/// What a volume says of the block volumes that it holds.
fn blockinfo(inventory: &Inventory, volume: &Volume) -> db::BlockInfo {
    if !volume.block {
        return db::BlockInfo::default();
    }
    let room = volume.room_for_blocks();
    db::BlockInfo {
        freesize: gib(room.minus(inventory.taken_by_blocks(volume.id))),
        reservedsize: gib(volume.size.minus(room)),
        blockvolumes: sorted(inventory.blocks_on(volume.id).map(|block| block.id)),
        restriction: volume.block_restriction.word().to_owned(),
    }
}

fn block(block: &BlockVolume, cluster: ClusterId) -> BlockVolumeEntry {
    let target = &block.target;
    BlockVolumeEntry {
        info: BlockVolumeInfo {
            size: gib(block.size),
            clusters: Vec::new(),
            name: block.name.to_string(),
            hacount: i64::from(block.ha),
            auth: block.auth,
            id: block.id.to_string(),
            blockvolume: db::Target {
                hosts: block.hosts.iter().map(ToString::to_string).collect(),
                iqn: target.iqn.clone(),
                lun: target.lun,
                username: target.username.clone(),
                password: target.password.reveal().to_owned(),
            },
            cluster: cluster.to_string(),
            blockhostingvolume: block.hosting.to_string(),
            usablesize: gib(block.usable),
        },
        pending: db::Pending::default(),
    }
}

fn gib(size: ByteSize) -> i64 {
    i64::try_from(size.gib()).unwrap_or(i64::MAX)
}

fn attributes(kept: &Database) -> BTreeMap<String, AttributeEntry> {
    let done = ATTRIBUTES.map(|key| {
        let entry = AttributeEntry {
            key: key.into(),
            value: "yes".into(),
        };
        (key.to_owned(), entry)
    });
    let mut attributes: BTreeMap<String, AttributeEntry> = done.into();
    let generation = kept.attributes.get_key_value("DB_GENERATION_ID");
    attributes.extend(generation.map(|(key, entry)| (key.clone(), entry.clone())));
    attributes
}
