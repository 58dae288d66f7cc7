//! Bricks of a dispersed set, asked themselves: what their roots tell before one takes another's place, before it is healed,
//! and after.

use std::path::Path;

use mortar_argv::{Outcome, Report};
use mortar_command as command;
use mortar_command::query::heal_info::{self, BrickHeal};
use mortar_model::Disperse;
use mortar_model::work::{BrickAddress, Goal, HealSpec, SeatSpec, Seen, Thing, Verdict};

use crate::ground::{ground, until};
use crate::moves::unmade;
use crate::things::{address, brick, name_family, volume_id, volume_name, volume_spec};
use crate::twin::{Both, Twin};
use crate::words;

const FAMILY: u8 = 0xe8;

/// What a brick tells of itself: no two worlds have the same numbers and names.
fn told(report: &Report) -> String {
    let text = |place: usize| match report.outcomes.get(place) {
        Some(Outcome::Ran(output)) if output.status == 0 => output.stdout.clone(),
        other => panic!("{other:?}"),
    };
    let some = |there: bool| if there { "some" } else { "none" };
    let version = text(0);
    let version = version
        .lines()
        .find_map(|line| line.strip_prefix("trusted.ec.version=0x"));
    let inside = version.is_some_and(|version| !version.starts_with("0000000000000000"));
    format!(
        "version of what is in its root: {}, in its root: {}",
        some(inside),
        some(!text(2).is_empty())
    )
}

/// The number of the node that a brick is on.
fn node_of(twin: &Twin, brick: &BrickAddress) -> usize {
    (1..=3)
        .find(|node| twin.host(*node) == brick.host.as_str())
        .unwrap()
}

/// What those say who have to be asked before `thing` counts as it is to be, each for itself and all together.
fn witnesses(twin: &mut Twin, thing: &Thing, goal: Goal) {
    let bricks = command::witnesses(thing, goal);
    let mut rounds = Both {
        real: Vec::new(),
        simulated: Vec::new(),
    };
    for _ in 0..command::WITNESS_ROUNDS {
        let (mut real, mut simulated) = (Vec::new(), Vec::new());
        for brick in &bricks {
            let batch = command::ask_witness(brick, &twin.settings);
            let both = twin.run(node_of(twin, brick), &batch);
            real.push(both.real);
            simulated.push(both.simulated);
        }
        rounds.real.push(real);
        rounds.simulated.push(simulated);
    }
    for (place, brick) in bricks.iter().enumerate() {
        let came = Both {
            real: told(&rounds.real[0][place]),
            simulated: told(&rounds.simulated[0][place]),
        };
        twin.note(&format!("brick {}", brick.brick), &came);
    }
    let came = Both {
        real: words::verdict(&command::judge_witnesses(thing, goal, &rounds.real)),
        simulated: words::verdict(&command::judge_witnesses(thing, goal, &rounds.simulated)),
    };
    twin.note(&format!("all of them, of {}", thing.title()), &came);
}

/// How many entries the bricks list, all together.
fn entries(report: &Report) -> String {
    heal_info::read(report).map_or_else(
        |error| error.to_string(),
        |bricks| {
            let entries = bricks.iter().map(|brick| brick.entries.unwrap_or(u64::MAX));
            entries.sum::<u64>().to_string()
        },
    )
}

/// Writes in the real world, by a client that is gone when `gone` says so.
fn write(twin: &Twin, write: impl FnOnce(&Path), gone: impl FnOnce()) {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    twin.ground
        .lab
        .mount(volume_name(FAMILY).as_str(), folder)
        .unwrap_or_else(|error| panic!("{error}"));
    write(folder);
    gone();
    twin.ground
        .lab
        .unmount(folder)
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_piece_takes_the_place_of_another() {
    let _beside = ground().alone();
    let mut twin = Twin::with_pool();
    name_family(&mut twin, FAMILY);
    for (node, number) in [(1, 1), (2, 2), (3, 3), (3, 6)] {
        twin.prepare(node, &["mkdir", "-p", "/disks/disk1/mortar-bricks"]);
        let made = twin.make(node, &brick(FAMILY, number));
        assert!(matches!(made, Verdict::Done(_)), "{made:?}");
    }
    let at = |twin: &Twin, number: u8, node: usize| address(twin, FAMILY, number, node);
    let others = vec![at(&twin, 1, 1), at(&twin, 2, 2)];
    let (old, new) = (at(&twin, 3, 3), at(&twin, 6, 3));
    let set = |last: &BrickAddress| [&others[..], std::slice::from_ref(last)].concat();
    let mut spec = volume_spec(FAMILY, 1, set(&old));
    spec.disperse = Some(Disperse {
        data: 2,
        redundancy: 1,
    });
    let volume = Thing::Volume(spec);
    let heal = Thing::Heal(HealSpec {
        volume: volume_id(FAMILY, 1),
        name: volume_name(FAMILY),
        bricks: set(&new),
        pieces: true,
    });
    let seat = SeatSpec {
        volume: volume_id(FAMILY, 1),
        name: volume_name(FAMILY),
        old: old.clone(),
        new: new.clone(),
        others: others.clone(),
        dead: false,
        alike: true,
        pieces: true,
    };
    let next = Thing::Seat(SeatSpec {
        old: others[0].clone(),
        new: at(&twin, 7, 1),
        others: vec![others[1].clone(), new.clone()],
        ..seat.clone()
    });
    let seat = Thing::Seat(seat);
    let (name, settings) = (volume_name(FAMILY), twin.settings.clone());
    let ask = heal_info::ask(&settings, &name);
    let settled = |twin: &Twin| {
        until("nothing is to be healed", || {
            // What a client left half told is healed at the daemons' next round in ten minutes, or when asked; where none runs, not.
            twin.ground.on(
                "node1",
                &["sh", "-c", &format!("gluster volume heal {name} || true")],
            );
            let both = twin.run(1, &ask);
            [both.real, both.simulated].iter().all(|report| {
                let bricks = heal_info::read(report).unwrap_or_default();
                let clean = |brick: &BrickHeal| brick.connected && brick.entries == Some(0);
                bricks.len() == 3 && bricks.iter().all(clean)
            })
        });
    };
    let gluster = |twin: &Twin, words: &[&str]| {
        let argv = [&["gluster", "--mode=script", "volume"], words].concat();
        twin.ground.on("node1", &argv);
    };
    let daemons = |twin: &Twin, script: &str| {
        for node in ["node1", "node2", "node3"] {
            twin.ground.on(node, &["sh", "-c", script]);
        }
    };

    twin.say("Nobody has written: the roots have no version, and there is nothing to lose.");
    assert!(matches!(twin.make(1, &volume), Verdict::Done(_)));
    settled(&twin);
    witnesses(&mut twin, &seat, Goal::Absent);

    twin.say(
        "A client wrote and was gone within a second: there is something to lose, and no version of it.",
    );
    let files = |folder: &Path| {
        for number in 0..20 {
            std::fs::write(folder.join(format!("file{number}")), number.to_string()).unwrap();
        }
    };
    write(&twin, files, || {});
    // Whether it was gone in time depends on how busy this machine is.
    for brick in &set(&old) {
        let node = format!("node{}", node_of(&twin, brick));
        let remove =
            "setfattr --remove=trusted.ec.version \"$0\" || ! getfattr --name=trusted.ec.version \"$0\"";
        twin.ground.on(&node, &["sh", "-c", remove, &brick.path]);
    }
    assert!(
        twin.sim
            .world(|world| world.write_and_leave(twin.host(1), name.as_str(), 20))
    );
    witnesses(&mut twin, &seat, Goal::Absent);

    twin.say("A client made a folder there and stayed for a while: now they have one.");
    let versioned = || {
        until("the roots have a version", || {
            let batch = command::ask_witness(&old, &settings);
            told(&twin.run(3, &batch).real).starts_with("version of what is in its root: some")
        });
    };
    write(
        &twin,
        |folder| std::fs::create_dir(folder.join("folder")).unwrap(),
        versioned,
    );
    assert!(
        twin.sim
            .world(|world| world.write_files(twin.host(1), name.as_str(), 1))
    );
    settled(&twin);
    witnesses(&mut twin, &seat, Goal::Absent);

    twin.say("The place is handed over while no self-heal daemon works: nobody lists anything for the new brick, which is empty.");
    daemons(&twin, mortar_lab::NO_SELF_HEAL);
    twin.sim
        .world(|world| world.attend(twin.host(1), name.as_str(), false));
    assert!(matches!(twin.unmake(1, &seat), Verdict::Done(_)));
    settled(&twin);
    twin.ask("entries to be healed", 1, &ask, entries);
    assert!(matches!(twin.look(1, &heal), Seen::Present(_)));
    witnesses(&mut twin, &heal, Goal::Present);
    twin.say("No other one of its set gives up its place.");
    witnesses(&mut twin, &next, Goal::Absent);

    twin.say("A daemon works: it is healed.");
    daemons(&twin, "umount --lazy /usr/sbin");
    gluster(&twin, &["start", name.as_str(), "force"]);
    twin.sim
        .world(|world| world.attend(twin.host(1), name.as_str(), true));
    until("it is healed in both worlds", || {
        let asked = |brick: &BrickAddress| {
            let both = twin.run(node_of(&twin, brick), &command::ask_witness(brick, &settings));
            [both.real, both.simulated].map(|report| told(&report))
        };
        let whole = "version of what is in its root: some, in its root: some";
        set(&new).iter().all(|brick| asked(brick) == [whole, whole])
    });
    settled(&twin);
    twin.ask("entries to be healed", 1, &ask, entries);
    witnesses(&mut twin, &heal, Goal::Present);
    assert!(matches!(twin.make(1, &heal), Verdict::Done(_)));
    witnesses(&mut twin, &next, Goal::Absent);

    twin.say("Unmade.");
    unmade(&mut twin, FAMILY, &volume);
    twin.ends("pieces");
}
