//! Whether nodes, store and landscape tell the same story.

use std::collections::{BTreeMap, BTreeSet};

use mortar_engine::{Engine, OperationState};
use mortar_executor::SimHosts;
use mortar_model::{
    Brick, BrickSpace, ByteSize, DeviceId, DeviceKind, Durability, Inventory, Node, OperationId, check,
    layout, taken_by,
};
use mortar_simulator::{HostView, World};
use mortar_store::{MemoryStore, Store as _};

/// What is compared.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) hosts: &'a SimHosts,
    pub(crate) store: &'a MemoryStore,
    /// Whether a resize of the device was begun and given up: its disk may be larger than its pool.
    pub(crate) resize_given_up: &'a dyn Fn(DeviceId) -> bool,
}

/// Operations that have not ended.
pub(crate) fn open(engine: &Engine) -> Vec<OperationId> {
    let (all, _) = engine.operations(0);
    all.iter()
        .filter(|operation| matches!(operation, OperationState::Open(_)))
        .map(OperationState::id)
        .collect()
}

/// Panics, with the story, where nodes (all of which have power), store and landscape do not tell the same.
pub(crate) fn assert_agreement(ground: Ground<'_>, story: &str) {
    assert_eq!(
        open(ground.engine),
        Vec::new(),
        "{story}: operations are left open"
    );
    ground.engine.view(|landscape| {
        let inventory = landscape.inventory();
        assert_eq!(
            check::check(inventory),
            Vec::new(),
            "{story}: the records break an invariant"
        );
        for device in inventory.devices() {
            assert_eq!(
                landscape.used(device.id),
                inventory.used(device.id),
                "{story}: space is still spoken for"
            );
        }
        ground.hosts.world(|world| {
            assert_eq!(
                world.violations(),
                Vec::<String>::new(),
                "{story}: the world is broken"
            );
            let apart = world.apart();
            for host in world.hosts() {
                // One that cannot read a record of its own is waited for by nobody here.
                let runs = world.host(&host).is_some_and(|view| view.glusterd);
                assert!(
                    runs || apart.iter().any(|(other, _)| *other == host),
                    "{story}: glusterd of {host} does not run"
                );
                let node = inventory.nodes().find(|node| node.storage.as_str() == host);
                assert_host(ground, inventory, node, &world.host(&host).unwrap(), story);
            }
            for cluster in inventory.clusters() {
                assert_pool(inventory, world, cluster.id, story);
            }
            assert_strangers(inventory, world, story);
        });
    });
    assert_same_after_restart(ground, story);
}

/// Exactly the devices and bricks of the node are on its host.
fn assert_host(ground: Ground<'_>, inventory: &Inventory, node: Option<&Node>, host: &HostView, story: &str) {
    let name = node.map_or("a host that is no node", |node| node.manage.as_str());
    let devices: Vec<_> = node
        .map(|node| inventory.devices_of(node.id).collect())
        .unwrap_or_default();
    let bricks: Vec<_> = devices
        .iter()
        .flat_map(|device| inventory.bricks_on(device.id))
        .collect();

    let groups = devices
        .iter()
        .filter(|device| matches!(device.kind, DeviceKind::Lvm { .. }));
    let groups: BTreeSet<String> = groups.map(|device| layout::volume_group(device.id)).collect();
    let found: BTreeSet<String> = host
        .devices
        .iter()
        .filter_map(|device| device.group.as_ref())
        .map(|group| group.name.clone())
        .collect();
    assert_eq!(found, groups, "{story}: volume groups on {name}");

    let thin = bricks
        .iter()
        .filter(|brick| matches!(brick.space, BrickSpace::ThinPool { .. }));
    let expected: BTreeSet<String> = thin
        .flat_map(|brick| [layout::logical_volume(brick.id), brick.place().thin_pool()])
        .collect();
    let on_disks = devices.iter().flat_map(|device| {
        let copies = inventory.copies_on(device.id);
        copies.filter(|(copy, _)| copy.brick.space != BrickSpace::Image)
    });
    let copies = on_disks.map(|(copy, _)| layout::copy_volume(copy.id));
    let shared = bricks.iter().filter(|brick| brick.space == BrickSpace::Shared);
    let shared = shared.map(|brick| layout::logical_volume(brick.id));
    let pools = devices.iter().filter(|device| device.kind.shared().is_some());
    let pools = pools.map(|_| layout::SHARED_POOL.to_owned());
    let expected: BTreeSet<String> = expected
        .into_iter()
        .chain(copies)
        .chain(shared)
        .chain(pools)
        .collect();
    let found: BTreeSet<String> = host
        .logical_volumes
        .iter()
        .map(|volume| volume.name.clone())
        .collect();
    assert_eq!(found, expected, "{story}: logical volumes on {name}");

    let images = bricks.iter().filter(|brick| brick.space == BrickSpace::Image);
    let expected: BTreeSet<String> = images
        .filter_map(|brick| {
            inventory
                .device(brick.device)
                .map(|device| layout::image(&device.path, brick.id))
        })
        .collect();
    let copies = devices.iter().flat_map(|device| {
        let copies = inventory.copies_on(device.id);
        let images = copies.filter(|(copy, _)| copy.brick.space == BrickSpace::Image);
        images.map(|(copy, _)| layout::copy_image(&device.path, copy.id))
    });
    let expected: BTreeSet<String> = expected.into_iter().chain(copies).collect();
    let found: BTreeSet<String> = host.images.iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(found, expected, "{story}: images on {name}");

    let expected: BTreeSet<String> = bricks
        .iter()
        .map(|brick| layout::mount_point(brick.device, brick.id))
        .collect();
    let found: BTreeSet<String> = host.mounts.iter().map(|mount| mount.target.clone()).collect();
    assert_eq!(found, expected, "{story}: mounts on {name}");

    let about_sizes = format!("{story}: sizes on {name}");
    assert_sizes(ground, inventory, &bricks, host, &about_sizes);

    let listed: BTreeSet<String> = host
        .mount_entries
        .iter()
        .filter_map(|line| line.split_whitespace().nth(1))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, expected, "{story}: mount entries on {name}");
    assert_eq!(
        host.mount_entries.len(),
        expected.len(),
        "{story}: mount entries on {name} are single"
    );
}

/// Each brick, and what is under it, is as large as recorded; and nothing else takes room of a volume group.
fn assert_sizes(ground: Ground<'_>, inventory: &Inventory, bricks: &[&Brick], host: &HostView, story: &str) {
    let size_of = |name: &str| {
        let mut volumes = host.logical_volumes.iter();
        let volume = volumes.find(|volume| volume.name == name);
        volume.map(|volume| (volume.size, volume.metadata))
    };
    for brick in bricks {
        let size = brick.size.bytes();
        match brick.space {
            // Nothing of it is Mortar's.
            BrickSpace::Folder => continue,
            BrickSpace::ThinPool { pool, metadata } => {
                let seen = (
                    size_of(&layout::logical_volume(brick.id)),
                    size_of(&brick.place().thin_pool()),
                );
                let recorded = (Some((size, 0)), Some((pool.bytes(), metadata.bytes())));
                assert_eq!(seen, recorded, "{story}: volume and pool of brick {}", brick.id);
                assert_cloned(brick, host, story);
            }
            BrickSpace::Shared => {
                let name = layout::logical_volume(brick.id);
                let volume = host.logical_volumes.iter().find(|volume| volume.name == name);
                let seen = volume.map(|volume| (volume.size, volume.pool.as_deref()));
                assert_eq!(seen, Some((size, Some(layout::SHARED_POOL))), "{story}: {name}");
                let tags = &volume.unwrap().tags;
                assert!(
                    tags.contains(&layout::brick_tag(brick.id))
                        && tags.contains(&layout::volume_tag(brick.volume)),
                    "{story}: {name} has {tags:?}"
                );
            }
            BrickSpace::Image => {
                let device = inventory.device(brick.device).unwrap();
                let image = (layout::image(&device.path, brick.id), size);
                assert!(host.images.contains(&image), "{story}: {image:?}");
            }
        }
        let target = layout::mount_point(brick.device, brick.id);
        let mount = host.mounts.iter().find(|mount| mount.target == target);
        assert_eq!(
            mount.map(|mount| mount.size),
            Some(size),
            "{story}: file system of brick {}",
            brick.id
        );
    }
    for group in host.devices.iter().filter_map(|device| device.group.as_ref()) {
        let mut devices = inventory.devices();
        let device = devices.find(|device| layout::volume_group(device.id) == group.name);
        if let Some(overcommit) = device.and_then(|device| device.kind.shared()) {
            let mut volumes = host.logical_volumes.iter();
            let pool =
                volumes.find(|volume| volume.group == group.name && volume.name == layout::SHARED_POOL);
            let pool = ByteSize::from_bytes(pool.unwrap().size);
            let device = device.unwrap();
            assert_eq!(
                device.total,
                overcommit.of(pool, device.kind.extent()),
                "{story}: {}",
                group.name
            );
            assert!(
                pool.bytes() > group.size / 100 * 97 || (ground.resize_given_up)(device.id),
                "{story}: pool of {}",
                group.name
            );
            continue;
        }
        let own = bricks
            .iter()
            .filter(|brick| layout::volume_group(brick.device) == group.name);
        let taken = taken_by(own.copied()).bytes();
        assert_eq!(group.size - group.free, taken, "{story}: taken of {}", group.name);
        assert_promised(inventory, bricks, &group.name, story);
    }
}

/// A brick in the pool that was made for another one says itself whose it is.
fn assert_cloned(brick: &Brick, host: &HostView, story: &str) {
    if brick.pool.is_none() {
        return;
    }
    let name = layout::logical_volume(brick.id);
    let volume = host.logical_volumes.iter().find(|volume| volume.name == name);
    let pool = brick.place().thin_pool();
    assert_eq!(
        volume.unwrap().pool.as_deref(),
        Some(pool.as_str()),
        "{story}: {name}"
    );
    let tags = &volume.unwrap().tags;
    assert!(
        tags.contains(&layout::brick_tag(brick.id)) && tags.contains(&layout::volume_tag(brick.volume)),
        "{story}: {name} has {tags:?}"
    );
}

/// Whatever is in a pool fits into it, should it come to share nothing.
fn assert_promised(inventory: &Inventory, bricks: &[&Brick], group: &str, story: &str) {
    for brick in bricks {
        let BrickSpace::ThinPool { pool, .. } = brick.space else {
            continue;
        };
        if layout::volume_group(brick.device) != group {
            continue;
        }
        let name = brick.place().thin_pool();
        let held: ByteSize = inventory
            .bricks_in(brick.device, &name)
            .map(|brick| brick.size)
            .sum();
        let copies = inventory.copies_in(brick.device, &name);
        let held = held + copies.map(|copy| copy.brick.size).sum();
        assert!(
            held <= pool,
            "{story}: {held} are promised of {pool} of {group}/{name}"
        );
    }
}

/// The trusted pool has the cluster's nodes as members and the cluster's volumes, started, with their bricks.
fn assert_pool(inventory: &Inventory, world: &World, cluster: mortar_model::ClusterId, story: &str) {
    let Some(first) = inventory.nodes_of(cluster).next() else {
        return;
    };
    let pool = world.pool(first.manage.as_str()).unwrap();
    let members: BTreeSet<String> = inventory
        .nodes_of(cluster)
        .map(|node| node.storage.to_string())
        .collect();
    assert_eq!(
        pool.members.iter().cloned().collect::<BTreeSet<_>>(),
        members,
        "{story}: members of the pool"
    );
    let expected: BTreeSet<(String, Vec<String>)> = inventory
        .volumes_of(cluster)
        .map(|volume| {
            let bricks = inventory.bricks_of(volume.id).filter_map(|brick| {
                let node = inventory.node_of_brick(brick)?;
                Some(format!(
                    "{}:{}",
                    node.storage,
                    layout::brick_path(brick.device, brick.id)
                ))
            });
            (volume.name.to_string(), bricks.collect())
        })
        .collect();
    let found: BTreeSet<(String, Vec<String>)> = pool
        .volumes
        .iter()
        .map(|volume| (volume.name.clone(), volume.bricks.clone()))
        .collect();
    assert_eq!(found, expected, "{story}: volumes of the pool");
    for (volume, seen) in inventory.volumes_of(cluster).filter_map(|volume| {
        pool.volumes
            .iter()
            .find(|seen| seen.name == volume.name.as_str())
            .map(|seen| (volume, seen))
    }) {
        assert_eq!(seen.status, "Started", "{story}: {}", volume.name);
        assert_blocks(inventory, volume.id, &seen.blocks, story);
        let durability = volume.durability;
        let pieces = durability
            .pieces()
            .map(|pieces| (pieces.data + pieces.redundancy, pieces.redundancy));
        let (disperse, redundancy) = pieces.unwrap_or_default();
        let arbiter = u32::from(durability == Durability::Arbiter);
        assert_eq!(
            [seen.replica, seen.arbiter, seen.disperse, seen.redundancy].map(u32::from),
            [durability.replica(), arbiter, disperse, redundancy],
            "{story}: shape of {}",
            volume.name
        );
        let option = |key: &str| {
            seen.options
                .iter()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.clone())
        };
        assert_eq!(
            option("user.mortar.id"),
            Some(volume.id.to_string()),
            "{story}: identity of {}",
            volume.name
        );
        // GlusterFS takes back none that
        // begins with user.
        let kept = |(name, _): &&(String, String)| !name.starts_with("user.");
        let set: BTreeMap<&str, &str> = seen
            .options
            .iter()
            .filter(kept)
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let asked = volume
            .options
            .iter()
            .filter(|option| !option.key().starts_with("user."));
        let asked: BTreeMap<&str, &str> = asked.map(|option| (option.key(), option.value())).collect();
        assert_eq!(set, asked, "{story}: options of {}", volume.name);
        let size = Some(volume.size.bytes().to_string());
        assert_eq!(
            option("user.mortar.size"),
            size,
            "{story}: size that {} tells",
            volume.name
        );
    }
}

/// The volume holds exactly its block volumes, as large as recorded and served by their hosts.
fn assert_blocks(
    inventory: &Inventory,
    hosting: mortar_model::VolumeId,
    seen: &[(String, u64, Vec<String>)],
    story: &str,
) {
    let recorded: BTreeMap<String, (u64, BTreeSet<String>)> = inventory
        .blocks_on(hosting)
        .map(|block| {
            let hosts: BTreeSet<String> = block.hosts.iter().map(ToString::to_string).collect();
            assert_eq!(hosts.len(), block.ha as usize, "{story}: hosts of {}", block.name);
            (block.name.to_string(), (block.size.bytes(), hosts))
        })
        .collect();
    let served: BTreeMap<String, (u64, BTreeSet<String>)> = seen
        .iter()
        .map(|(name, size, hosts)| (name.clone(), (*size, hosts.iter().cloned().collect())))
        .collect();
    assert_eq!(served, recorded, "{story}: block volumes of {hosting}");
    for block in inventory.blocks_on(hosting) {
        let told = block.target.iqn.starts_with("iqn.2016-12.org.gluster-block:");
        let asked = !block.target.username.is_empty() && !block.target.password.is_empty();
        assert!(told && asked == block.auth, "{story}: target of {}", block.name);
    }
}

/// Hosts that are no nodes are in nobody's pool.
fn assert_strangers(inventory: &Inventory, world: &World, story: &str) {
    for host in world.hosts() {
        if inventory.nodes().all(|node| node.storage.as_str() != host) {
            assert_eq!(
                world.pool(&host).unwrap().members.len(),
                1,
                "{story}: {host} belongs to a pool"
            );
        }
    }
}

/// What is on disk is what is in memory.
fn assert_same_after_restart(ground: Ground<'_>, story: &str) {
    use mortar_store::Kind;
    ground.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let counts = [
            (Kind::Cluster, inventory.clusters().count()),
            (Kind::Node, inventory.nodes().count()),
            (Kind::Device, inventory.devices().count()),
            (Kind::Volume, inventory.volumes().count()),
            (Kind::Brick, inventory.bricks().count()),
            (Kind::Snapshot, inventory.snapshots().count()),
            (Kind::BlockVolume, inventory.blocks().count()),
            (Kind::Attachment, inventory.attachments().count()),
            (Kind::Operation, 0),
        ];
        for (kind, expected) in counts {
            let mut found = 0;
            ground
                .store
                .scan(kind, None, &mut |_, _| {
                    found += 1;
                    Ok(())
                })
                .unwrap();
            assert_eq!(found, expected, "{story}: records of kind {kind}");
        }
    });
}
