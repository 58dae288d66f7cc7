//! Volumes: defined, set, started; and what is asked about them.

use mortar_argv::{Batch, Command, Report};
use mortar_command::query::volume_info::VolumeInfo;
use mortar_command::query::{glusterd, heal_info, volume_info, volume_list, volume_status};
use mortar_command::{make, unmake};
use mortar_model::work::{Seen, Thing, Verdict, VolumeSpec};
use mortar_model::{Disperse, VolumeName};

use crate::ground::{ground, until};
use crate::things::{added, address, brick, name_family, options, volume_name, volume_spec};
use crate::twin::Twin;

/// Bricks 1 to `count` of a family, on nodes 1, 2, 3, 1, 2, …
fn make_bricks(twin: &mut Twin, family: u8, count: u8) {
    for number in 1..=count {
        let node = node_of(number);
        twin.prepare(node, &["mkdir", "-p", "/disks/disk1/mortar-bricks"]);
        assert!(matches!(
            twin.make(node, &brick(family, number)),
            Verdict::Done(_)
        ));
    }
}

fn unmake_bricks(twin: &mut Twin, family: u8, count: u8) {
    for number in 1..=count {
        let unmade = twin.unmake(node_of(number), &brick(family, number));
        assert!(matches!(unmade, Verdict::Done(_)), "{unmade:?}");
    }
}

fn node_of(number: u8) -> usize {
    usize::from((number - 1) % 3) + 1
}

/// A volume over bricks 1 to `count`.
fn volume(twin: &Twin, family: u8, replica: u32, count: u8) -> Thing {
    let bricks = (1..=count)
        .map(|number| address(twin, family, number, node_of(number)))
        .collect();
    Thing::Volume(volume_spec(family, replica, bricks))
}

fn gluster(words: &[&str]) -> Command {
    Command::new("gluster")
        .arg("--mode=script")
        .args(words.iter().copied())
}

/// The definition without what GlusterFS sets by itself and chooses by chance.
fn info(report: &Report) -> String {
    match volume_info::read(report) {
        Ok(Some(VolumeInfo {
            name,
            uuid: _,
            status,
            kind,
            replica,
            arbiter,
            disperse,
            redundancy,
            snapshots,
            bricks,
            mut options,
        })) => {
            options.sort();
            let shape = match (arbiter, disperse) {
                (0, 0) => String::new(),
                (arbiter, 0) => format!("{arbiter} of them an arbiter, "),
                _ => format!("{disperse} pieces, {redundancy} of them to lose, "),
            };
            let options: Vec<String> = options
                .iter()
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            format!(
                "{name}: {status}, {kind}, {replica} copies, {shape}{snapshots} snapshots\n{}\n{}",
                bricks.join("\n"),
                options.join("\n")
            )
        }
        Ok(None) => "no such volume".into(),
        Err(error) => error.to_string(),
    }
}

fn status(report: &Report) -> String {
    match volume_status::read(report) {
        Ok(bricks) => bricks
            .iter()
            .map(|brick| {
                let (port, pid) = (brick.port.is_some(), brick.pid.is_some());
                format!("{} online={} port={port} pid={pid}", brick.brick, brick.online)
            })
            .collect::<Vec<_>>()
            .join("\n"),
        Err(error) => error.to_string(),
    }
}

fn heal(report: &Report) -> String {
    heal_info::read(report).map_or_else(|error| error.to_string(), |bricks| format!("{bricks:#?}"))
}

/// Whether this test's volume is listed: others play beside.
fn listed(name: &VolumeName, report: &Report) -> String {
    match volume_list::read(report) {
        Ok(names) => names.iter().any(|other| other == name.as_str()).to_string(),
        Err(error) => error.to_string(),
    }
}

/// All that is asked about a volume.
fn ask_all(twin: &mut Twin, family: u8) {
    let (name, settings) = (volume_name(family), twin.settings.clone());
    twin.ask("volume info", 1, &volume_info::ask(&settings, &name), info);
    twin.ask("volume status", 1, &volume_status::ask(&settings, &name), status);
    twin.ask("heal info", 1, &heal_info::ask(&settings, &name), heal);
    twin.ask("listed", 1, &volume_list::ask(&settings), |report| {
        listed(&name, report)
    });
}

/// Waits until every brick of the volume runs and can be asked what it has to heal: both take a real one a moment.
fn settled(twin: &Twin, family: u8, bricks: usize) {
    let (name, settings) = (volume_name(family), &twin.settings);
    let ask = volume_status::ask(settings, &name).then(heal_info::ask(settings, &name));
    until("the bricks run", || {
        let mut heal = twin.run(1, &ask).real;
        let status = heal.split_off_front(1);
        let online = volume_status::read(&status)
            .is_ok_and(|all| all.iter().filter(|brick| brick.online).count() == bricks);
        let asked = heal_info::read(&heal).is_ok_and(|all| all.iter().all(|brick| brick.connected));
        online && asked
    });
}

#[test]
fn replicated_volumes_come_and_go() {
    const FAMILY: u8 = 0xe1;
    let _beside = ground().beside_others();
    let mut twin = Twin::with_pool();
    name_family(&mut twin, FAMILY);
    make_bricks(&mut twin, FAMILY, 3);
    let thing = volume(&twin, FAMILY, 3, 3);

    twin.say("Before.");
    assert_eq!(twin.look(1, &thing), Seen::Absent);
    ask_all(&mut twin, FAMILY);
    twin.say("Made; made again it is not known what happened, and a look tells.");
    assert!(matches!(twin.make(1, &thing), Verdict::Done(_)));
    settled(&twin, FAMILY, 3);
    assert!(matches!(twin.look(2, &thing), Seen::Present(_)));
    ask_all(&mut twin, FAMILY);
    assert!(matches!(twin.make(1, &thing), Verdict::Unknown(_)));
    assert!(matches!(twin.look(1, &thing), Seen::Present(_)));
    assert!(matches!(twin.resume(1, &thing), Verdict::Done(_)));

    twin.say("A brick in use is not taken away.");
    let mut brick_spec = crate::things::brick_spec(FAMILY, 1);
    brick_spec.gid = 0;
    let in_use = unmake(&Thing::Brick(brick_spec), &twin.settings);
    twin.ask("unmake a brick of it", 1, &in_use, |report| {
        let (index, output) = report.first_failure().expect("it is in use");
        format!(
            "command {index} ends with {}: {}",
            output.status,
            output.complaint()
        )
    });
    assert!(matches!(twin.look(1, &brick(FAMILY, 1)), Seen::Present(_)));

    twin.say("The name is taken: the volume of another id stays as it is.");
    let Thing::Volume(mut spec) = thing.clone() else {
        unreachable!()
    };
    spec.volume = crate::things::volume_id(FAMILY, 9);
    spec.options = options(&[("user.mortar.id", &spec.volume.to_string())]);
    spec.bricks = vec![address(&twin, FAMILY, 9, 1)];
    let usurper = Thing::Volume(spec);
    assert!(matches!(twin.look(1, &usurper), Seen::Foreign(_)));
    assert!(!matches!(twin.make(1, &usurper), Verdict::Done(_)));
    assert!(matches!(twin.unmake(1, &usurper), Verdict::Unknown(_)));
    assert!(matches!(twin.look(1, &thing), Seen::Present(_)));

    twin.say("Stopped by hand: half there, and made whole again.");
    let name = volume_name(FAMILY);
    twin.ask(
        "stop",
        1,
        &Batch::new().run(gluster(&["volume", "stop", name.as_str()])),
        crate::words::report,
    );
    assert!(matches!(twin.look(1, &thing), Seen::Partial(_)));
    ask_all(&mut twin, FAMILY);
    assert!(matches!(twin.resume(1, &thing), Verdict::Done(_)));
    assert!(matches!(twin.look(1, &thing), Seen::Present(_)));

    twin.say("Unmade; the second time this node has no record of it, and a look tells.");
    assert!(matches!(twin.unmake(2, &thing), Verdict::Done(_)));
    assert_eq!(twin.look(1, &thing), Seen::Absent);
    assert!(matches!(twin.unmake(2, &thing), Verdict::Unknown(_)));
    ask_all(&mut twin, FAMILY);
    unmake_bricks(&mut twin, FAMILY, 3);
    twin.ends("volumes-replicated");
}

#[test]
fn volumes_go_on_from_wherever_they_were_left() {
    const FAMILY: u8 = 0xe2;
    let _beside = ground().beside_others();
    let mut twin = Twin::with_pool();
    name_family(&mut twin, FAMILY);
    make_bricks(&mut twin, FAMILY, 2);
    let thing = volume(&twin, FAMILY, 1, 2);
    let (making, unmaking) = (make(&thing, &twin.settings), unmake(&thing, &twin.settings));
    for count in 1..making.items().len() {
        twin.say(&format!("Made as far as {count} commands."));
        twin.run_part(1, &making, count);
        assert!(matches!(twin.look(1, &thing), Seen::Partial(_)));
        assert!(matches!(twin.resume(1, &thing), Verdict::Done(_)));
        assert!(matches!(twin.look(1, &thing), Seen::Present(_)));
        assert!(matches!(twin.unmake(1, &thing), Verdict::Done(_)));
        unmake_bricks(&mut twin, FAMILY, 2);
        make_bricks(&mut twin, FAMILY, 2);
    }
    twin.say("Half made and taken back.");
    twin.run_part(1, &making, 1);
    assert!(matches!(twin.unmake(1, &thing), Verdict::Done(_)));
    assert_eq!(twin.look(1, &thing), Seen::Absent);
    unmake_bricks(&mut twin, FAMILY, 2);
    make_bricks(&mut twin, FAMILY, 2);
    twin.say("Unmade as far as it is stopped; it goes on.");
    twin.make(1, &thing);
    twin.run_part(1, &unmaking, 3);
    assert!(matches!(twin.look(1, &thing), Seen::Partial(_)));
    assert!(matches!(twin.unmake(1, &thing), Verdict::Done(_)));
    assert_eq!(twin.look(1, &thing), Seen::Absent);
    unmake_bricks(&mut twin, FAMILY, 2);
    twin.ends("volumes-half-done");
}

#[test]
fn volumes_that_cannot_be_are_refused() {
    const FAMILY: u8 = 0xe3;
    let _beside = ground().beside_others();
    let mut twin = Twin::with_pool();
    name_family(&mut twin, FAMILY);
    let refused = |twin: &mut Twin, what: &str, spec| {
        twin.say(what);
        let thing = Thing::Volume(spec);
        let made = twin.make(1, &thing);
        assert!(!matches!(made, Verdict::Done(_)), "{made:?}");
        assert_eq!(twin.look(1, &thing), Seen::Absent);
    };
    let bricks = vec![address(&twin, FAMILY, 1, 1), address(&twin, FAMILY, 2, 2)];
    refused(
        &mut twin,
        "Bricks whose file systems are not there.",
        volume_spec(FAMILY, 2, bricks),
    );
    let bricks = vec![address(&twin, FAMILY, 1, 1), address(&twin, FAMILY, 2, 4)];
    make_bricks(&mut twin, FAMILY, 1);
    refused(
        &mut twin,
        "A brick on a node that is in no pool with this one.",
        volume_spec(FAMILY, 2, bricks),
    );
    let bricks = vec![address(&twin, FAMILY, 1, 1)];
    refused(
        &mut twin,
        "Fewer bricks than copies.",
        volume_spec(FAMILY, 3, bricks),
    );
    unmake_bricks(&mut twin, FAMILY, 1);

    twin.say("An option that GlusterFS does not know: the volume is there without it, and is taken back.");
    make_bricks(&mut twin, FAMILY, 1);
    let mut spec = volume_spec(FAMILY, 1, vec![address(&twin, FAMILY, 1, 1)]);
    spec.options
        .extend(options(&[("performance.no-such-option", "on")]));
    let thing = Thing::Volume(spec);
    let made = twin.make(1, &thing);
    assert!(matches!(made, Verdict::Failed(_)), "{made:?}");
    assert!(matches!(twin.look(1, &thing), Seen::Partial(_)));
    assert!(matches!(twin.unmake(1, &thing), Verdict::Done(_)));
    assert_eq!(twin.look(1, &thing), Seen::Absent);
    unmake_bricks(&mut twin, FAMILY, 1);

    twin.say("A folder that was a brick of a volume once is not taken for a new one.");
    make_bricks(&mut twin, FAMILY, 1);
    let thing = volume(&twin, FAMILY, 1, 1);
    twin.make(1, &thing);
    twin.unmake(1, &thing);
    let made = twin.make(1, &thing);
    assert!(!matches!(made, Verdict::Done(_)), "{made:?}");
    assert_eq!(twin.look(1, &thing), Seen::Absent);
    unmake_bricks(&mut twin, FAMILY, 1);
    twin.ends("volumes-refused");
}

/// A node whose glusterd does not run says so to everything that is asked of it, and nothing is done.
#[test]
fn without_glusterd_nothing_is_known() {
    const FAMILY: u8 = 0xe4;
    let _alone = ground().alone();
    let mut twin = Twin::new();
    name_family(&mut twin, FAMILY);
    let settings = twin.settings.clone();
    let runs = |report: &Report| format!("{:?}", glusterd::read(report));
    twin.ask("glusterd", 4, &glusterd::ask(&settings), runs);
    twin.stop_glusterd(4);
    twin.say("glusterd is stopped.");
    twin.ask("glusterd", 4, &glusterd::ask(&settings), runs);
    let thing = Thing::Volume(volume_spec(FAMILY, 1, vec![address(&twin, FAMILY, 1, 4)]));
    assert!(matches!(twin.look(4, &thing), Seen::Unknown(_)));
    assert!(!matches!(twin.make(4, &thing), Verdict::Done(_)));
    let peer = crate::things::peer(&twin, 1);
    assert!(matches!(twin.look(4, &peer), Seen::Unknown(_)));
    assert!(!matches!(twin.make(4, &peer), Verdict::Done(_)));
    let name = volume_name(FAMILY);
    twin.ask("volume info", 4, &volume_info::ask(&settings, &name), info);
    twin.ask("volume status", 4, &volume_status::ask(&settings, &name), status);
    twin.ask("heal info", 4, &heal_info::ask(&settings, &name), heal);
    twin.ask("listed", 4, &volume_list::ask(&settings), |report| {
        listed(&name, report)
    });
    twin.start_glusterd(4);
    twin.say("glusterd is started.");
    twin.ask("glusterd", 4, &glusterd::ask(&settings), runs);
    assert_eq!(twin.look(4, &thing), Seen::Absent);
    twin.ends("without-glusterd");
}

/// A volume of three bricks that is no plain replica; then it gets three bricks more.
fn shape_comes_and_goes(family: u8, page: &str, form: impl FnOnce(&mut VolumeSpec)) {
    let _beside = ground().beside_others();
    let mut twin = Twin::with_pool();
    name_family(&mut twin, family);
    make_bricks(&mut twin, family, 6);
    let addresses = |twin: &Twin, numbers: std::ops::RangeInclusive<u8>| -> Vec<_> {
        let address = |number| address(twin, family, number, node_of(number));
        numbers.map(address).collect()
    };
    let mut spec = volume_spec(family, 1, addresses(&twin, 1..=3));
    form(&mut spec);
    let more = added(family, spec.replica, addresses(&twin, 4..=6));
    let (thing, all) = (
        Thing::Volume(spec.clone()),
        Thing::Volume(VolumeSpec {
            bricks: addresses(&twin, 1..=6),
            ..spec
        }),
    );

    twin.say("Made, and asked about.");
    assert!(matches!(twin.make(1, &thing), Verdict::Done(_)));
    settled(&twin, family, 3);
    assert!(matches!(twin.look(2, &thing), Seen::Present(_)));
    ask_all(&mut twin, family);
    twin.say("A second set.");
    assert!(matches!(twin.make(1, &more), Verdict::Done(_)));
    settled(&twin, family, 6);
    assert!(matches!(twin.look(2, &more), Seen::Present(_)));
    assert!(matches!(twin.look(1, &thing), Seen::Present(_)));
    ask_all(&mut twin, family);
    twin.say("Unmade.");
    assert!(matches!(twin.unmake(2, &all), Verdict::Done(_)));
    assert_eq!(twin.look(1, &all), Seen::Absent);
    unmake_bricks(&mut twin, family, 6);
    twin.ends(page);
}

#[test]
fn volumes_with_arbiters_come_and_go() {
    shape_comes_and_goes(0xe5, "volumes-arbiter", |spec| {
        spec.replica = 3;
        spec.arbiter = true;
    });
}

#[test]
fn dispersed_volumes_come_and_go() {
    shape_comes_and_goes(0xe6, "volumes-dispersed", |spec| {
        spec.disperse = Some(Disperse {
            data: 2,
            redundancy: 1,
        });
    });
}
