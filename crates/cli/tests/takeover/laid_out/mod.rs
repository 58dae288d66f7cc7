//! What Heketi's own commands make of a database on simulated nodes.

use mortar_argv::{Batch, Command, Report};
use mortar_heketi::db::{BlockVolumeInfo, BrickEntry, Database, VolumeEntry};
use mortar_simulator::{World, WorldConfig};
use serde_json::Value;

/// Heketi's mount options.
const OPTIONS: &str = "rw,inode64,noatime,nouuid";

/// Takes a volume with its bricks out of a database, as if it had never been.
pub(crate) fn forget(database: &mut Database, name: &str) {
    let found = database
        .volumes
        .iter()
        .find(|(_, volume)| volume.info.name == name);
    let id = found.unwrap().0.clone();
    let volume = database.volumes.remove(&id).unwrap();
    for brick in volume.bricks {
        let entry = database.bricks.remove(&brick).unwrap();
        let device = database.devices.get_mut(&entry.info.device).unwrap();
        device.bricks.retain(|other| *other != brick);
        // Heketi counts none for a clone, which is in its origin's pool.
        if entry.logical_volume.is_empty() {
            device.info.storage.used -= entry.pool_size + entry.metadata_size;
            device.info.storage.free += entry.pool_size + entry.metadata_size;
        }
    }
    let cluster = database.clusters.get_mut(&volume.info.cluster).unwrap();
    cluster.info.volumes.retain(|other| *other != id);
}

/// Nodes on which Heketi has made everything that the database tells of. How initiators reach block volumes is gluster-block's to
/// say: the database is told.
pub(crate) fn world(database: &mut Database) -> World {
    let mut world = World::new(WorldConfig {
        disks_per_node: 2,
        disk_size: 100 << 30,
        ..WorldConfig::default()
    });
    let mut hosts: Vec<&String> = database
        .nodes
        .values()
        .map(|node| &node.info.hostnames.storage[0])
        .collect();
    hosts.sort();
    for host in &hosts {
        world.add_node(host);
    }
    for host in &hosts[1..] {
        run(&mut world, hosts[0], vec![gluster(&["peer", "probe", host])]);
    }
    for (id, device) in &database.devices {
        let host = &database.nodes[&device.node].info.hostnames.manage[0];
        let group = format!("vg_{id}");
        let path = device.info.name.as_str();
        // Before version 9 it was not recorded: any will do.
        let known = ["--uuid", &device.info.pv_uuid, "--norestorefile"];
        let known = known.into_iter().filter(|_| !device.info.pv_uuid.is_empty());
        run(
            &mut world,
            host,
            vec![
                Command::new("lvm").args(["pvcreate", "-qq"]).args(known).args([
                    "--metadatasize=128M",
                    "--dataalignment=256K",
                    path,
                ]),
                Command::new("lvm").args([
                    "vgcreate",
                    "-qq",
                    "--physicalextentsize=4M",
                    "--autobackup=n",
                    &group,
                    path,
                ]),
            ],
        );
    }
    // Clones are made of volumes that are there.
    let is_clone = |volume: &VolumeEntry| {
        let mut bricks = volume.bricks.iter().map(|brick| &database.bricks[brick]);
        bricks.any(|brick| !brick.logical_volume.is_empty())
    };
    let (clones, volumes): (Vec<&VolumeEntry>, Vec<&VolumeEntry>) =
        database.volumes.values().partition(|volume| is_clone(volume));
    for volume in volumes {
        for brick in &volume.bricks {
            make_brick(&mut world, database, volume, &database.bricks[brick]);
        }
        make_volume(&mut world, database, volume);
    }
    for clone in clones {
        for brick in &clone.bricks {
            make_copy(&mut world, database, &database.bricks[brick]);
        }
        make_volume(&mut world, database, clone);
    }
    for block in database.block_volumes.values_mut() {
        let hosting = &database.volumes[&block.info.blockhostingvolume].info.name;
        make_block(&mut world, hosting, &mut block.info);
    }
    world
}

fn make_block(world: &mut World, hosting: &str, block: &mut BlockVolumeInfo) {
    let hosts = &block.blockvolume.hosts;
    let create = Command::new("gluster-block").args([
        "create",
        &format!("{hosting}/{}", block.name),
        "ha",
        &hosts.len().to_string(),
        "auth",
        if block.auth { "enable" } else { "disable" },
        "prealloc",
        "full",
        &hosts.join(","),
        &format!("{}GiB", block.size),
        "--json",
    ]);
    let report = run(world, &hosts[0], vec![create]);
    let told: Value = serde_json::from_str(&report.output(0).unwrap().stdout).unwrap();
    let text = |key: &str| told[key].as_str().unwrap_or_default().to_owned();
    block.blockvolume.iqn = text("IQN");
    block.blockvolume.username = text("USERNAME");
    block.blockvolume.password = text("PASSWORD");
}

fn make_brick(world: &mut World, database: &Database, volume: &VolumeEntry, brick: &BrickEntry) {
    let id = &brick.info.id;
    let group = format!("vg_{}", brick.info.device);
    let pool = match brick.thin_pool.as_str() {
        "" => format!("tp_{id}"),
        name => name.to_owned(),
    };
    let device = format!("/dev/mapper/{group}-brick_{id}");
    let at = brick.info.path.strip_suffix("/brick").unwrap();
    let kib = |size: u64| format!("{size}K");
    let mut commands = vec![
        Command::new("mkdir").args(["-p", at]),
        Command::new("lvm").args([
            "lvcreate",
            "-qq",
            "--autobackup=n",
            "--poolmetadatasize",
            &kib(brick.metadata_size),
            "--chunksize",
            "256K",
            "--size",
            &kib(brick.pool_size),
            "--thin",
            &format!("{group}/{pool}"),
            "--virtualsize",
            &kib(brick.info.size),
            "--name",
            &format!("brick_{id}"),
        ]),
        Command::new("mkfs.xfs").args(["-i", "size=512", "-n", "size=8192", &device]),
        Command::new("tee")
            .args(["-a", "/etc/fstab"])
            .input(format!("{device} {at} xfs {OPTIONS} 1 2\n")),
        Command::new("mount").args(["-o", OPTIONS, &device, at]),
        Command::new("mkdir").arg(&brick.info.path),
    ];
    if volume.info.gid != 0 {
        commands.push(Command::new("chown").args([&format!(":{}", volume.info.gid), &brick.info.path]));
        commands.push(Command::new("chmod").args(["2775", &brick.info.path]));
    }
    let host = &database.nodes[&brick.info.node].info.hostnames.manage[0];
    run(world, host, commands);
}

/// A brick of a clone as GlusterFS makes it: a copy of its origin's in the same thin pool, mounted by glusterd and in no file of entries.
fn make_copy(world: &mut World, database: &Database, brick: &BrickEntry) {
    let beside = |(id, other): &(&String, &BrickEntry)| {
        let pool = match other.thin_pool.as_str() {
            "" => format!("tp_{id}"),
            name => name.to_owned(),
        };
        other.info.device == brick.info.device && other.logical_volume.is_empty() && pool == brick.thin_pool
    };
    let (origin, original) = database.bricks.iter().find(beside).unwrap();
    let frozen = original.info.path.strip_suffix("/brick").unwrap();
    let (group, copy) = (format!("vg_{}", brick.info.device), &brick.logical_volume);
    let (device, folder) = (format!("/dev/mapper/{group}-{copy}"), &brick.info.path);
    let at = folder.strip_suffix("/brick").unwrap();
    let commands = vec![
        Command::new("xfs_freeze").args(["-f", frozen]),
        Command::new("lvm").args([
            "lvcreate",
            "-qq",
            "--snapshot",
            "--setactivationskip",
            "n",
            "--name",
            copy,
            &format!("{group}/brick_{origin}"),
        ]),
        Command::new("xfs_freeze").args(["-u", frozen]),
        Command::new("mkdir").args(["-p", at]),
        Command::new("mount").args(["-o", OPTIONS, &device, at]),
        // GlusterFS tells its snapshots' folders from their origins' by itself.
        Command::new("setfattr").args(["-x", "trusted.glusterfs.volume-id", folder]),
        Command::new("setfattr").args(["-x", "trusted.gfid", folder]),
    ];
    let host = &database.nodes[&brick.info.node].info.hostnames.manage[0];
    run(world, host, commands);
}

/// In an order that the database does not tell: by nodes, arbiters last.
fn make_volume(world: &mut World, database: &Database, volume: &VolumeEntry) {
    let mut bricks: Vec<&BrickEntry> = volume
        .bricks
        .iter()
        .map(|brick| &database.bricks[brick])
        .collect();
    bricks.sort_by_key(|brick| {
        (
            brick.sub_type,
            std::cmp::Reverse(database.nodes[&brick.info.node].info.hostnames.storage[0].clone()),
        )
    });
    let host = |brick: &BrickEntry| database.nodes[&brick.info.node].info.hostnames.storage[0].clone();
    let name = volume.info.name.as_str();
    let mut words: Vec<String> = ["volume", "create", name].map(str::to_owned).to_vec();
    let durability = &volume.info.durability;
    match durability.kind.as_str() {
        "replicate" => words.extend(["replica".into(), durability.replicate.replica.to_string()]),
        "disperse" => words.extend([
            "disperse-data".into(),
            durability.disperse.data.to_string(),
            "redundancy".into(),
            durability.disperse.redundancy.to_string(),
        ]),
        _ => {}
    }
    if bricks.iter().any(|brick| brick.sub_type == 2) {
        words.extend(["arbiter".into(), "1".into()]);
    }
    words.extend(
        bricks
            .iter()
            .map(|brick| format!("{}:{}", host(brick), brick.info.path)),
    );
    let mut commands = vec![gluster(&words.iter().map(String::as_str).collect::<Vec<_>>())];
    let own = format!("user.heketi.id {}", volume.info.id);
    // A group is a file of options that glusterd's package brings: simulated nodes have none.
    let options = volume
        .info
        .options
        .iter()
        .filter(|option| !option.is_empty() && !option.starts_with("group "));
    for option in options.chain([&own]) {
        let mut words = vec!["volume", "set", name];
        words.extend(option.split(' '));
        commands.push(gluster(&words));
    }
    commands.push(gluster(&["volume", "start", name]));
    let first = host(bricks[0]);
    run(world, &first, commands);
}

fn gluster(words: &[&str]) -> Command {
    Command::new("gluster")
        .args(["--mode=script", "--timeout=600"])
        .args(words.iter().copied())
}

fn run(world: &mut World, host: &str, commands: Vec<Command>) -> Report {
    let batch = commands.into_iter().fold(Batch::new(), Batch::run);
    let report = world.run(host, &batch);
    let failure = report.first_failure();
    assert!(
        failure.is_none() && report.broken.is_none(),
        "{host}: {failure:?} of {batch:?}"
    );
    report
}

/// A node's file of mount entries.
pub(crate) fn fstab(world: &mut World, host: &str) -> String {
    let report = world.run(host, &Batch::new().ask(Command::new("cat").arg("/etc/fstab")));
    report
        .output(0)
        .map(|output| output.stdout.clone())
        .unwrap_or_default()
}
