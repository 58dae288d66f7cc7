//! Makes a world of 1,000 nodes with 10 disks each and 10,000 replica-3 volumes by the batches that a server
//! would send, and prints what a command costs and what the world weighs.
//!
//! `cargo run --release -p mortar-simulator --example scale [NODES [VOLUMES]]`

#![allow(clippy::print_stdout, reason = "an example tells what it found")]

use std::time::{Duration, Instant};

use mortar_argv::{Batch, Command};
use mortar_simulator::{World, WorldConfig};

const OPTIONS: &str = "rw,inode64,noatime,nouuid";

fn main() -> Result<(), String> {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse::<usize>());
    let mut number = |default| {
        numbers
            .next()
            .unwrap_or(Ok(default))
            .map_err(|error| error.to_string())
    };
    let (nodes, volumes) = (number(1000)?, number(10_000)?);
    let disks = 10;
    let before = resident();
    let config = WorldConfig {
        disks_per_node: 10,
        disk_size: 4 << 40,
        ..WorldConfig::default()
    };
    let mut run = Run {
        world: World::new(config),
        spent: Duration::ZERO,
        slowest: Duration::ZERO,
    };
    for node in 0..nodes {
        run.world.add_node(&host(node));
    }
    report("nodes", nodes, before, &mut run);
    for node in 1..nodes {
        run.batch(
            &host(0),
            &Batch::new().run(gluster(["peer", "probe", &host(node)])),
        )?;
    }
    report("peers", nodes - 1, before, &mut run);
    for node in 0..nodes {
        for disk in 0..disks {
            run.batch(&host(node), &make_device(node, disk))?;
        }
    }
    report("devices", nodes * disks, before, &mut run);
    let tenth = (volumes / 10).max(1);
    for volume in 0..volumes {
        make_volume(&mut run, volume, nodes, disks)?;
        if (volume + 1) % tenth == 0 {
            report("volumes", tenth, before, &mut run);
        }
    }
    let started = Instant::now();
    let saved = run.world.save().map_err(|error| error.to_string())?;
    let loaded = World::load(&saved).map_err(|error| error.to_string())?;
    println!(
        "save and load: {} MB of JSON in {} ms, same: {}",
        saved.len() / 1_000_000,
        started.elapsed().as_millis(),
        loaded.counts() == run.world.counts()
    );
    drop((saved, loaded));
    for volume in 0..volumes.min(1000) {
        unmake_volume(&mut run, volume, nodes, disks)?;
    }
    report("deletes", volumes.min(1000), before, &mut run);
    println!(
        "{:?}; rules broken: {:?}",
        run.world.counts(),
        run.world.violations()
    );
    Ok(())
}

/// A world, and the time that its commands took since the last report.
struct Run {
    world: World,
    spent: Duration,
    slowest: Duration,
}

impl Run {
    fn batch(&mut self, host: &str, batch: &Batch) -> Result<(), String> {
        let started = Instant::now();
        let report = self.world.run(host, batch);
        let took = started.elapsed();
        self.spent += took;
        self.slowest = self.slowest.max(took);
        if report.success() {
            Ok(())
        } else {
            Err(format!("on {host}: {report:?}"))
        }
    }
}

fn report(what: &str, things: usize, before: u64, run: &mut Run) {
    let commands = run.world.commands_run();
    println!(
        "{what:>8}: {:>8.1} us each, slowest batch {:>6} us, {commands} commands so far, {:>4} MB resident",
        run.spent.as_secs_f64() * 1e6 / things.max(1) as f64,
        run.slowest.as_micros(),
        resident().saturating_sub(before) / 1024
    );
    (run.spent, run.slowest) = (Duration::ZERO, Duration::ZERO);
}

fn host(node: usize) -> String {
    format!("node-{node:04}")
}

/// An id as Mortar makes them: 32 hex digits.
fn id(kind: u64, number: usize) -> String {
    let mut state = kind.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ number as u64;
    let mut text = String::new();
    for _ in 0..2 {
        state = (state ^ (state >> 31))
            .wrapping_mul(0xbf58_476d_1ce4_e5b9)
            .wrapping_add(number as u64);
        state ^= state >> 29;
        text.push_str(&format!("{state:016x}"));
    }
    text
}

fn uuid(id: &str) -> String {
    [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-")
}

fn gluster<const N: usize>(words: [&str; N]) -> Command {
    Command::new("gluster")
        .args(["--mode=script", "--timeout=600"])
        .args(words)
}

fn disk(number: usize) -> String {
    format!("/dev/sd{}", char::from(b'b' + number as u8))
}

fn make_device(node: usize, number: usize) -> Batch {
    let (id, path) = (id(1, node * 10 + number), disk(number));
    let create = Command::new("pvcreate").args(["-qq", "--metadatasize=128M", "--dataalignment=256K", &path]);
    let group = Command::new("vgcreate")
        .args(["-qq", "--physicalextentsize=4M", "--autobackup=n", "--addtag"])
        .args([format!("mortar.device={id}"), format!("vg_{id}"), path]);
    Batch::new().run(create).run(group)
}

/// Where brick `set` of a volume goes, and its names.
struct Place {
    host: String,
    group: String,
    brick: String,
    id: String,
    mount: String,
}

fn place(volume: usize, set: usize, nodes: usize, disks: usize) -> Place {
    let (node, number) = ((volume * 7 + set * 331) % nodes, (volume / nodes + set) % disks);
    let (device, id) = (id(1, node * 10 + number), id(2, volume * 3 + set));
    Place {
        host: host(node),
        group: format!("vg_{device}"),
        brick: format!("brick_{id}"),
        mount: format!("/var/lib/mortar/mounts/vg_{device}/brick_{id}"),
        id,
    }
}

fn make_volume(run: &mut Run, volume: usize, nodes: usize, disks: usize) -> Result<(), String> {
    let volume_id = id(3, volume);
    let name = format!("vol_{volume_id}");
    let places: Vec<Place> = (0..3).map(|set| place(volume, set, nodes, disks)).collect();
    for place in &places {
        run.batch(&place.host, &make_brick(place, &volume_id))?;
    }
    let bricks = places
        .iter()
        .map(|place| format!("{}:{}/brick", place.host, place.mount));
    let create = gluster(["volume", "create", &name, "replica", "3"]).args(bricks);
    let set = gluster([
        "volume",
        "set",
        &name,
        "user.mortar.id",
        &volume_id,
        "user.mortar.name",
        &name,
    ]);
    run.batch(
        &host(0),
        &Batch::new()
            .run(create)
            .run(set)
            .run(gluster(["volume", "start", &name])),
    )
}

fn make_brick(place: &Place, volume: &str) -> Batch {
    let Place {
        group,
        brick,
        id,
        mount,
        ..
    } = place;
    let device = format!("/dev/{group}/{brick}");
    let mount_line = format!("{device} {mount} xfs {OPTIONS},nofail,x-systemd.before=glusterd.service 0 0\n");
    let identity = format!(
        "{{\"brick\":\"{id}\",\"volume\":\"{volume}\",\"device\":\"{}\",\"size\":1073741824,\"gid\":0}}\n",
        &group[3..]
    );
    let folder = format!("{mount}/brick");
    let mounted = || Command::new("test").args(["-d", &folder]);
    Batch::new()
        .run(Command::new("mkdir").args(["-p", mount]))
        .unless(
            Command::new("test").args(["-e", &device]),
            Command::new("lvcreate")
                .args([
                    "-qq",
                    "--yes",
                    "--autobackup=n",
                    "--poolmetadataspare=n",
                    "--chunksize",
                    "256K",
                ])
                .args(["--poolmetadatasize", "8192K", "--size", "1048576K", "--thin"])
                .arg(format!("{group}/tp_{id}"))
                .args(["--virtualsize", "1048576K", "--name", brick])
                .args([
                    "--addtag",
                    &format!("mortar.brick={id}"),
                    "--addtag",
                    &format!("mortar.volume={volume}"),
                ]),
        )
        .unless(
            mounted(),
            Command::new("mkfs.xfs")
                .args(["-q", "-K", "-i", "size=512", "-n", "size=8192", "-m"])
                .arg(format!("uuid={}", uuid(id)))
                .arg(device.clone()),
        )
        .unless(
            mounted(),
            Command::new("flock")
                .args(["/etc/fstab.lock", "tee", "-a", "/etc/fstab"])
                .input(mount_line),
        )
        .unless(
            mounted(),
            Command::new("mount").args(["-o", OPTIONS, &device, mount]),
        )
        .run(Command::new("mkdir").args(["-p", &folder]))
        .run(
            Command::new("tee")
                .arg(format!("{mount}/mortar.json"))
                .input(identity),
        )
}

fn unmake_volume(run: &mut Run, volume: usize, nodes: usize, disks: usize) -> Result<(), String> {
    let name = format!("vol_{}", id(3, volume));
    let gone = Batch::new()
        .run(gluster(["volume", "stop", &name, "force"]))
        .run(gluster(["volume", "delete", &name]));
    run.batch(&host(0), &gone)?;
    for set in 0..3 {
        let Place {
            host,
            group,
            brick,
            id,
            mount,
        } = place(volume, set, nodes, disks);
        let remove = |path: String| Command::new("lvremove").args(["-qq", "--yes", "--autobackup=n", &path]);
        let batch = Batch::new()
            .run(Command::new("umount").arg(mount.clone()))
            .run(Command::new("flock").args([
                "/etc/fstab.lock",
                "sed",
                "-i",
                "-e",
                &format!("\\| {mount} |d"),
                "/etc/fstab",
            ]))
            .run(remove(format!("{group}/{brick}")))
            .run(remove(format!("{group}/tp_{id}")))
            .run(Command::new("rmdir").arg(mount));
        run.batch(&host, &batch)?;
    }
    Ok(())
}

/// KiB of memory that this process holds, as the kernel counts it; 0 where it does not tell.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok())
        .unwrap_or(0)
}
