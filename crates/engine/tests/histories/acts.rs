//! What happens: requests, what breaks, and what is mended.

use mortar_model::{DevicePath, HostName};
use mortar_simulator::{Effect, Fault, Foreign, Missed, When};

use crate::asks::{self, Ask, ask, ask_again};
use crate::disk::Trouble;
use crate::life::Life;
use crate::machines;
use crate::site::MACHINES;
use crate::support::truth;

/// One thing happens.
pub(crate) async fn act(life: &Life) {
    let site = &life.site;
    match site.dice.below(100) {
        0..=49 => ask(life),
        50..=53 => {
            // Several at once.
            for _ in 0..site.dice.between(3, 8) {
                ask(life);
            }
        }
        54..=57 => ask_again(life),
        58..=72 => inject(life),
        73..=75 => write(life),
        76..=81 => disturb(life),
        82..=94 => recover(life),
        95 => jump(life),
        97 => disk(life),
        96 | 98 => by_hand(life),
        _ => {
            let limit = site.dice.millis(0, 60_000);
            site.tell(format!("nothing happens for {limit:?}"));
            tokio::time::sleep(limit).await;
        }
    }
    life.reap().await;
}

/// Something will go wrong with a command.
fn inject(life: &Life) {
    let dice = &life.site.dice;
    let commands = [
        "gluster volume create",
        "gluster volume set",
        "gluster volume start",
        "gluster volume stop",
        "gluster volume delete",
        "gluster volume add-brick",
        "gluster volume replace-brick",
        "gluster volume heal",
        "gluster volume info",
        "gluster peer probe",
        "gluster pool list",
        "mkfs.xfs",
        "mount",
        "umount",
        "lvcreate",
        "lvremove",
        "pvcreate",
        "vgcreate",
        "vgremove",
        "flock",
        "tee",
        "rmdir",
        "blkid",
        "findmnt",
    ];
    for _ in 0..dice.between(1, 3) {
        let when = if dice.percent(50) {
            When::Change(dice.between(1, 12))
        } else {
            When::Command {
                kind: (*dice.pick(&commands)).to_owned(),
                host: None,
                nth: dice.between(1, 2),
            }
        };
        let fault = Fault {
            when,
            effect: effect(life),
        };
        life.site.tell(format!("will go wrong: {fault:?}"));
        life.hosts.world(|world| world.inject(fault));
    }
}

fn effect(life: &Life) -> Effect {
    let dice = &life.site.dice;
    let text = (*dice.pick(&[
        "injected failure",
        "volume x: failed: Another transaction is in progress. Please try again after some time.",
        "umount: target is busy.",
        "No space left on device",
        "Error : Request timed out",
    ]))
    .to_owned();
    match dice.below(20) {
        0..=5 => Effect::Fail { status: 1, text },
        6..=7 => Effect::FailAfter {
            status: 1,
            text: "injected failure".to_owned(),
        },
        8..=10 => Effect::LoseAnswer,
        11..=13 => Effect::LoseRest,
        14..=15 => Effect::LoseCommand,
        16 => Effect::Hang,
        17..=18 => Effect::Late,
        _ => Effect::PowerCut,
    }
}

/// A person takes something up again, or keeps a snapshot in the way of a deletion.
fn by_hand(life: &Life) {
    let open = truth::open(&life.engine);
    if let Some(id) = life.site.dice.any(&open)
        && life.site.dice.percent(70)
        && life.engine.cancel(id)
    {
        life.site.count("cancelled by hand");
        return life.site.tell(format!("somebody cancels {id}"));
    }
    if let Some(id) = life.site.dice.any(&open)
        && life.engine.retry(id)
    {
        life.site.count("retried by hand");
        return life.site.tell(format!("somebody takes up {id}"));
    }
    let volumes: Vec<String> = life.engine.view(|landscape| {
        let volumes = landscape.inventory().volumes();
        volumes.map(|volume| volume.name.to_string()).collect()
    });
    if !volumes.is_empty() {
        let volume = life.site.dice.pick(&volumes);
        life.site.count("snapshot made");
        life.site.tell(format!("somebody makes a snapshot of {volume}"));
        life.hosts.world(|world| world.add_snapshot("n1", volume, "snap"));
    }
}

/// Somebody writes files to a volume.
fn write(life: &Life) {
    let volumes: Vec<String> = life.engine.view(|landscape| {
        let volumes = landscape.inventory().volumes();
        volumes.map(|volume| volume.name.to_string()).collect()
    });
    if volumes.is_empty() {
        return;
    }
    let volume = life.site.dice.pick(&volumes);
    let files = life.site.dice.between(1, 12);
    let written = life.hosts.world(|world| world.write_files("n1", volume, files));
    if written {
        life.site.count("files written");
        life.site
            .tell(format!("somebody writes {files} files to {volume}"));
    }
}

/// Something happens to a node.
fn disturb(life: &Life) {
    let site = &life.site;
    let host = format!("n{}", site.dice.between(1, MACHINES));
    match site.dice.below(10) {
        0..=3 if life.watch.after.is_some() && site.dice.percent(60) => kill_brick(life),
        0..=3 => {
            site.count("node off");
            site.tell(format!("{host} loses its power"));
            life.hosts.world(|world| world.kill_node(&host));
        }
        4..=5 => {
            site.count("node cut off");
            site.tell(format!("{host} is cut off"));
            life.hosts.world(|world| world.cut(&host));
        }
        6 => {
            site.count("glusterd stopped");
            site.tell(format!("glusterd of {host} stops"));
            life.hosts.world(|world| world.stop_glusterd(&host));
        }
        7 => leave_behind(life),
        8 => spoil(life, &host),
        _ => kill_brick(life),
    }
}

/// A member of the pool takes no part in the next change of a volume. One at a time: of two that say different things,
/// nobody could tell who is right.
fn leave_behind(life: &Life) {
    let site = &life.site;
    let members: Vec<String> = life
        .hosts
        .world(|world| world.pool("n1").unwrap_or_default().members);
    let taken = life
        .hosts
        .world(|world| members.iter().any(|member| world.is_apart(member)));
    if members.len() < 3 || taken {
        return;
    }
    let host = site.dice.pick(&members);
    let how = *site
        .dice
        .pick(&[Missed::Behind, Missed::Behind, Missed::Rejected]);
    site.count("member left behind");
    site.tell(format!("{host} will miss the next change: {how:?}"));
    life.hosts.world(|world| world.misses_next_change(host, how));
}

fn spoil(life: &Life, host: &str) {
    let path = *life.site.dice.pick(&["/dev/sdb", "/dev/sdc"]);
    let blank = life.hosts.world(|world| {
        let host = world.host(host);
        host.is_some_and(|host| {
            host.devices
                .iter()
                .any(|device| device.path == path && device.contents == "blank")
        })
    });
    // Only while nothing of ours is or comes there: nobody writes over a disk in use.
    let free = life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let host = HostName::new(host).unwrap();
        inventory.node_by_host(&host).is_none_or(|node| {
            let path = DevicePath::new(path).unwrap();
            landscape.path_holder(node.id, &path).is_none()
        })
    });
    if blank && free {
        life.site.count("disk spoiled");
        life.site.tell(format!("somebody puts ext4 on {path} of {host}"));
        life.hosts
            .world(|world| world.spoil_disk(host, path, Foreign::Ext4));
    }
}

fn kill_brick(life: &Life) {
    let bricks: Vec<(String, String)> = life.hosts.world(|world| {
        let pool = world.pool("n1").unwrap_or_default();
        let all = pool.volumes.iter().flat_map(|volume| volume.bricks.iter());
        all.filter_map(|brick| {
            brick
                .split_once(':')
                .map(|(host, path)| (host.to_owned(), path.to_owned()))
        })
        .collect()
    });
    if bricks.is_empty() {
        return;
    }
    let (host, path) = life.site.dice.pick(&bricks);
    if life.hosts.world(|world| world.kill_brick(host, path)) {
        life.site.count("brick killed");
        life.site
            .tell(format!("the process of brick {host}:{path} is killed"));
    }
}

/// A node that is not well is well again, or lost for good; a machine that is nobody gets its node's identity.
fn recover(life: &Life) {
    let dice = &life.site.dice;
    let nobodies = machines::nobodies(life);
    if let Some(node) = dice.any(&nobodies).filter(|_| dice.percent(60)) {
        return asks::ask_for(life, Ask::Replace(node));
    }
    let scrapped: Vec<String> = life.site.book().scrapped.values().cloned().collect();
    let ill: Vec<u64> = life.hosts.world(|world| {
        let all = (1..=MACHINES).map(|number| (number, format!("n{number}")));
        let ill = all.filter(|(_, host)| !world.is_well(host) && !scrapped.contains(host));
        ill.map(|(number, _)| number).collect()
    });
    let Some(number) = life.site.dice.any(&ill) else {
        return;
    };
    let host = format!("n{number}");
    if let Some(node) = machines::bare(life, &host).filter(|_| dice.percent(30)) {
        return asks::ask_for(life, Ask::Forget(node));
    }
    if dice.percent(60) && machines::install_anew(life, &host) {
        return;
    }
    life.site.tell(format!("{host} is mended"));
    life.site.count("node mended");
    life.hosts.world(|world| {
        world.start_node(&host);
        world.join(&host);
        world.start_glusterd(&host);
    });
}

/// The machine's clock is set.
fn jump(life: &Life) {
    let dice = &life.site.dice;
    let by = i64::try_from(dice.between(1, if dice.percent(50) { 90 } else { 3 * 86_400 })).unwrap() * 1000;
    let by = if dice.percent(50) { by } else { -by };
    life.site
        .count(if by > 0 { "clock forward" } else { "clock back" });
    life.site.tell(format!("the clock is set by {by} ms"));
    life.site.time.jump(by);
}

fn disk(life: &Life) {
    let dice = &life.site.dice;
    let trouble = if life.disk.trouble() == Trouble::None {
        *dice.pick(&[Trouble::Full, Trouble::Full, Trouble::Failing])
    } else {
        Trouble::None
    };
    life.site.count(format!("disk {trouble:?}"));
    life.site
        .tell(format!("trouble with the server's disk: {trouble:?}"));
    life.disk.set_trouble(trouble);
}

/// Everything that is broken is mended.
pub(crate) fn mend(life: &Life) {
    life.site.tell_faults();
    life.site.tell("everything is mended");
    life.disk.set_trouble(Trouble::None);
    let scrapped: Vec<String> = life.site.book().scrapped.values().cloned().collect();
    life.hosts.world(|world| {
        world.clear_faults();
        for host in world.hosts().into_iter().filter(|host| !scrapped.contains(host)) {
            world.start_node(&host);
            world.join(&host);
            world.start_glusterd(&host);
        }
    });
}
