//! Things brought back to what is recorded of them: mounts, served bricks, options; and remains that go.

use mortar_command::query::volume_status;
use mortar_model::layout;
use mortar_model::work::{OptionsSpec, RemainsSpec, Seen, StartedSpec, Thing, Verdict};

use crate::ground::{ground, until};
use crate::things::{
    address, brick, brick_id, brick_spec, device_id, name_family, options, volume_id, volume_name,
    volume_spec,
};
use crate::twin::Twin;

fn started(twin: &Twin, family: u8, stopped: bool) -> Thing {
    Thing::Started(StartedSpec {
        volume: volume_id(family, 1),
        name: volume_name(family),
        bricks: vec![address(twin, family, 2, 2)],
        stopped,
    })
}

fn set(twin: &Twin, family: u8, list: &[(&str, &str)]) -> Thing {
    Thing::VolumeOptions(OptionsSpec {
        volume: volume_id(family, 1),
        name: volume_name(family),
        bricks: vec![address(twin, family, 1, 1)],
        options: options(list),
    })
}

/// Ends the process of the brick on node 2, in both worlds.
fn kill_brick(twin: &Twin, family: u8) {
    let ask = volume_status::ask(&twin.settings, &volume_name(family));
    let path = layout::brick_path(device_id(family, 1), brick_id(family, 2));
    let bricks = volume_status::read(&twin.run(1, &ask).real).unwrap();
    let process = bricks
        .iter()
        .find(|brick| brick.brick.ends_with(&path))
        .and_then(|brick| brick.pid)
        .unwrap();
    twin.ground.on("node2", &["kill", "-9", &process.to_string()]);
    assert!(twin.sim.world(|world| world.kill_brick(twin.host(2), &path)));
    until("glusterd notices", || online(twin, family) == 2);
}

/// How many bricks run in the real world.
fn online(twin: &Twin, family: u8) -> usize {
    let ask = volume_status::ask(&twin.settings, &volume_name(family));
    let bricks = volume_status::read(&twin.run(1, &ask).real).unwrap_or_default();
    bricks.iter().filter(|brick| brick.online).count()
}

#[test]
fn a_volume_is_brought_back_to_what_is_recorded() {
    const FAMILY: u8 = 0xd7;
    let _beside = ground().beside_others();
    let mut twin = Twin::with_pool();
    name_family(&mut twin, FAMILY);
    for number in 1..=3 {
        let node = usize::from(number);
        twin.prepare(node, &["mkdir", "-p", "/disks/disk1/mortar-bricks"]);
        assert!(matches!(
            twin.make(node, &brick(FAMILY, number)),
            Verdict::Done(_)
        ));
    }
    let bricks = (1..=3).map(|number| address(&twin, FAMILY, number, usize::from(number)));
    let volume = Thing::Volume(volume_spec(FAMILY, 3, bricks.collect()));
    assert!(matches!(twin.make(1, &volume), Verdict::Done(_)));
    let (served, again) = (started(&twin, FAMILY, false), started(&twin, FAMILY, true));
    until("its bricks are served", || online(&twin, FAMILY) == 3);
    assert!(matches!(twin.look(1, &served), Seen::Present(_)));

    twin.say("A brick's process ends and its file system is unmounted.");
    kill_brick(&twin, FAMILY);
    let place = layout::mount_point(device_id(FAMILY, 1), brick_id(FAMILY, 2));
    twin.prepare(2, &["umount", &place]);
    let mount = Thing::Mount(brick_spec(FAMILY, 2));
    assert!(matches!(twin.look(2, &mount), Seen::Partial(_)));
    assert!(matches!(twin.look(1, &served), Seen::Partial(_)));
    twin.say("It cannot be served before it is mounted, then it can.");
    for _ in 0..2 {
        assert!(matches!(twin.make(2, &mount), Verdict::Done(_)));
        assert!(matches!(twin.look(2, &mount), Seen::Present(_)));
    }
    for _ in 0..2 {
        assert!(matches!(twin.make(1, &served), Verdict::Done(_)));
        assert!(matches!(twin.look(3, &served), Seen::Present(_)));
    }

    twin.say("A stopped volume is started only when that is meant.");
    let name = volume_name(FAMILY).to_string();
    twin.prepare(1, &["gluster", "--mode=script", "volume", "stop", &name]);
    assert!(matches!(twin.look(1, &served), Seen::Foreign(_)));
    assert_eq!(twin.look(1, &again), Seen::Absent);
    for _ in 0..2 {
        assert!(matches!(twin.make(1, &again), Verdict::Done(_)));
        assert!(matches!(twin.look(1, &again), Seen::Present(_)));
    }

    twin.say("Options come back; they are set twice as well as once.");
    let wanted = [("performance.readdir-ahead", "off"), ("user.mortar.size", "7")];
    let as_recorded = set(&twin, FAMILY, &wanted);
    assert!(matches!(twin.look(1, &as_recorded), Seen::Partial(_)));
    for _ in 0..2 {
        assert!(matches!(twin.make(1, &as_recorded), Verdict::Done(_)));
        assert!(matches!(twin.look(2, &as_recorded), Seen::Present(_)));
    }
    twin.say("One that GlusterFS does not have is refused.");
    let strange = set(&twin, FAMILY, &[("performance.no-such-thing", "on")]);
    assert!(matches!(twin.make(1, &strange), Verdict::Failed(_)));

    twin.say("Remains that a volume uses stay.");
    let remains = Thing::Remains(RemainsSpec {
        brick: brick_id(FAMILY, 3),
        device: device_id(FAMILY, 1),
        device_path: brick_spec(FAMILY, 3).device_path,
        image: true,
    });
    assert!(matches!(twin.look(3, &remains), Seen::Unknown(_)));
    assert!(matches!(twin.unmake(3, &remains), Verdict::Failed(_)));
    assert!(matches!(twin.look(3, &brick(FAMILY, 3)), Seen::Present(_)));
    assert!(matches!(twin.unmake(1, &volume), Verdict::Done(_)));
    twin.say("Without the volume they go.");
    assert!(matches!(twin.look(3, &remains), Seen::Present(_)));
    for _ in 0..2 {
        assert!(matches!(twin.unmake(3, &remains), Verdict::Done(_)));
        assert_eq!(twin.look(3, &remains), Seen::Absent);
    }
    twin.say("What is no volume cannot be served.");
    assert!(matches!(twin.look(1, &served), Seen::Foreign(_)));
    assert!(matches!(twin.look(1, &as_recorded), Seen::Foreign(_)));
    for number in 1..=3 {
        let unmade = twin.unmake(usize::from(number), &brick(FAMILY, number));
        assert!(matches!(unmade, Verdict::Done(_)), "{unmade:?}");
    }
    twin.ends("repairs");
}
