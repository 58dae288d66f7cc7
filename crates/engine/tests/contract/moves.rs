//! A brick in another one's place, and its heal.

use mortar_command as command;
use mortar_model::work::{Facts, Goal, HealSpec, SeatSpec, Seen, Thing, Verdict};

use crate::ground::{ground, until};
use crate::things::{address, brick, name_family, volume_id, volume_name, volume_spec};
use crate::twin::Twin;

const FAMILY: u8 = 0xe1;

#[test]
fn a_brick_takes_the_place_of_another() {
    let _beside = ground().beside_others();
    let mut twin = Twin::with_pool();
    name_family(&mut twin, FAMILY);
    for node in 1..=3_u8 {
        let number = usize::from(node);
        twin.prepare(number, &["mkdir", "-p", "/disks/disk1/mortar-bricks"]);
        assert!(matches!(
            twin.make(number, &brick(FAMILY, node)),
            Verdict::Done(_)
        ));
    }
    let at = |twin: &Twin, number: u8, node: usize| address(twin, FAMILY, number, node);
    let (others, old, new) = (
        vec![at(&twin, 1, 1), at(&twin, 2, 2)],
        at(&twin, 3, 3),
        at(&twin, 6, 3),
    );
    let bricks = |last: &mortar_model::work::BrickAddress| {
        others
            .iter()
            .chain(std::iter::once(last))
            .cloned()
            .collect::<Vec<_>>()
    };
    let volume = Thing::Volume(volume_spec(FAMILY, 3, bricks(&old)));
    let heal = Thing::Heal(HealSpec {
        volume: volume_id(FAMILY, 1),
        name: volume_name(FAMILY),
        bricks: bricks(&new),
        pieces: false,
    });
    let seat = Thing::Seat(SeatSpec {
        volume: volume_id(FAMILY, 1),
        name: volume_name(FAMILY),
        old,
        new,
        others,
        dead: false,
        alike: false,
        pieces: false,
    });
    let settings = twin.settings.clone();
    let before = command::before(&seat, Goal::Absent, &settings).unwrap();
    let may = |report: &mortar_argv::Report| format!("{:?}", command::judge_before(&seat, report));

    twin.say("Without the volume itself nothing is known.");
    assert!(matches!(twin.look(1, &seat), Seen::Unknown(_)));
    assert!(!matches!(twin.unmake(1, &seat), Verdict::Done(_)));
    twin.say("Of a volume that is not started no brick is replaced.");
    assert!(matches!(twin.make(1, &volume), Verdict::Done(_)));
    let name = volume_name(FAMILY);
    let gluster = ["gluster", "--mode=script", "volume"];
    twin.prepare(1, &[&gluster[..], &["stop", name.as_str()]].concat());
    assert!(!matches!(twin.unmake(1, &seat), Verdict::Done(_)));
    twin.prepare(1, &[&gluster[..], &["start", name.as_str()]].concat());

    twin.say("The other bricks run, and the old one holds nothing for them.");
    until("all bricks can be asked", || {
        let report = twin.run(1, &before).real;
        command::judge_before(&seat, &report) == Verdict::Done(Facts::None)
    });
    twin.ask("whether it may go", 1, &before, may);
    twin.say("The new brick's file system is not there: refused, and the volume is as it was.");
    assert!(!matches!(twin.unmake(1, &seat), Verdict::Done(_)));
    assert!(matches!(twin.look(1, &seat), Seen::Present(_)));
    assert!(matches!(twin.make(3, &brick(FAMILY, 6)), Verdict::Done(_)));
    twin.say("The place is handed over; again, it is not known what happened, and a look tells.");
    assert!(matches!(twin.unmake(1, &seat), Verdict::Done(_)));
    assert_eq!(twin.look(1, &seat), Seen::Absent);
    assert!(matches!(twin.unmake(1, &seat), Verdict::Unknown(_)));
    assert_eq!(twin.look(2, &seat), Seen::Absent);
    twin.say("It is healed, though nobody has written.");
    until("it is healed", || {
        let report = twin.run(1, &command::look(&heal, &settings)).real;
        matches!(command::judge_look(&heal, &report), Seen::Present(_))
    });
    assert!(matches!(twin.look(1, &heal), Seen::Present(_)));
    assert!(matches!(twin.make(1, &heal), Verdict::Done(_)));
    twin.say("The old one is not in use any more.");
    unmade(&mut twin, FAMILY, &volume);
    twin.ends("moves");
}

/// A volume whose third brick was replaced by the sixth goes, and all its bricks: the replaced one first.
pub(crate) fn unmade(twin: &mut Twin, family: u8, volume: &Thing) {
    assert!(matches!(twin.unmake(3, &brick(family, 3)), Verdict::Done(_)));
    assert!(matches!(twin.unmake(1, volume), Verdict::Done(_)));
    for (node, number) in [(1, 1), (2, 2), (3, 6)] {
        assert!(matches!(
            twin.unmake(node, &brick(family, number)),
            Verdict::Done(_)
        ));
    }
}
