//! A node that is lost and comes back.

use mortar_command::query::volume_status;
use mortar_model::work::{Seen, Thing, Verdict};

use crate::ground::{ground, until};
use crate::things::{address, brick, name_family, volume_name, volume_spec};
use crate::twin::Twin;

#[test]
fn a_node_that_was_lost_comes_back_with_its_bricks() {
    const FAMILY: u8 = 0xf1;
    let _alone = ground().alone();
    let mut twin = Twin::with_pool();
    name_family(&mut twin, FAMILY);
    for number in 1..=3 {
        let node = usize::from(number);
        twin.prepare(node, &["mkdir", "-p", "/disks/disk1/mortar-bricks"]);
        twin.make(node, &brick(FAMILY, number));
    }
    let bricks = (1..=3)
        .map(|number| address(&twin, FAMILY, number, usize::from(number)))
        .collect();
    let volume = Thing::Volume(volume_spec(FAMILY, 3, bricks));
    assert!(matches!(twin.make(1, &volume), Verdict::Done(_)));

    twin.say("Node 3 loses its power.");
    twin.kill(3);
    assert!(matches!(twin.look(3, &brick(FAMILY, 3)), Seen::Unreached(_)));
    assert!(!matches!(twin.make(3, &brick(FAMILY, 4)), Verdict::Done(_)));
    let (name, settings) = (volume_name(FAMILY), twin.settings.clone());
    let online = |report: &mortar_argv::Report| {
        volume_status::read(report).map_or_else(
            |error| error.to_string(),
            |bricks| {
                let names: Vec<String> = bricks
                    .iter()
                    .filter(|brick| brick.online)
                    .map(|brick| brick.brick.clone())
                    .collect();
                names.join("\n")
            },
        )
    };
    let ask = volume_status::ask(&settings, &name);
    until("the others notice", || {
        online(&twin.run(1, &ask).real).lines().count() == 2
    });
    twin.ask("bricks that run", 1, &ask, online);
    assert!(matches!(twin.look(1, &volume), Seen::Present(_)));
    twin.say("Deleting needs it: the volume is stopped and stays.");
    let unmade = twin.unmake(1, &volume);
    assert!(!matches!(unmade, Verdict::Done(_)), "{unmade:?}");
    twin.look(1, &volume);

    twin.say("Node 3 is back: its brick is mounted again.");
    twin.start(3);
    assert!(matches!(twin.look(3, &brick(FAMILY, 3)), Seen::Present(_)));
    // Its glusterd answers before it has heard from the others that the volume was stopped meanwhile.
    until("node 3 knows what it missed", || twin.sees_half(3, &volume));
    let seen = twin.look(3, &volume);
    assert!(matches!(seen, Seen::Partial(_)), "{seen:?}");
    assert!(matches!(twin.resume(1, &volume), Verdict::Done(_)));
    until("its brick runs", || {
        online(&twin.run(1, &ask).real).lines().count() == 3
    });
    twin.ask("bricks that run", 1, &ask, online);
    assert!(matches!(twin.unmake(3, &volume), Verdict::Done(_)));
    for number in 1..=3 {
        let unmade = twin.unmake(usize::from(number), &brick(FAMILY, number));
        assert!(matches!(unmade, Verdict::Done(_)), "{unmade:?}");
    }
    twin.ends("loss");
}
