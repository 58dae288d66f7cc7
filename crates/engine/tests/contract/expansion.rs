//! More bricks for a volume, and its files spread over them.

use mortar_command::query::rebalance as progress;
use mortar_model::work::{Seen, Thing, Verdict};

use crate::ground::{ground, until};
use crate::things::{added, address, brick, name_family, rebalance, volume_name, volume_spec};
use crate::twin::Twin;

fn node_of(number: u8) -> usize {
    usize::from((number - 1) % 3) + 1
}

fn bricks(twin: &mut Twin, family: u8, numbers: std::ops::RangeInclusive<u8>) {
    for number in numbers {
        let node = node_of(number);
        twin.prepare(node, &["mkdir", "-p", "/disks/disk1/mortar-bricks"]);
        assert!(matches!(
            twin.make(node, &brick(family, number)),
            Verdict::Done(_)
        ));
    }
}

fn expand(family: u8, replica: u32, before: u8, after: u8, page: &str) {
    let _beside = ground().beside_others();
    let mut twin = Twin::with_pool();
    name_family(&mut twin, family);
    bricks(&mut twin, family, 1..=before);
    let addresses = |twin: &Twin, numbers: std::ops::RangeInclusive<u8>| {
        numbers
            .map(|number| address(twin, family, number, node_of(number)))
            .collect::<Vec<_>>()
    };
    let old = addresses(&twin, 1..=before);
    let volume = Thing::Volume(volume_spec(family, replica, old));
    let more = added(family, replica, addresses(&twin, before + 1..=after));
    let spread = rebalance(family);

    twin.say("Without the volume itself.");
    assert!(matches!(twin.look(1, &more), Seen::Foreign(_)));
    assert!(!matches!(twin.make(1, &more), Verdict::Done(_)));
    assert!(matches!(twin.look(1, &spread), Seen::Unknown(_)));
    twin.say("The volume as it was.");
    assert!(matches!(twin.make(1, &volume), Verdict::Done(_)));
    assert_eq!(twin.look(1, &more), Seen::Absent);
    assert_eq!(twin.look(1, &spread), Seen::Absent);
    assert!(matches!(
        twin.make(1, &spread),
        Verdict::Done(_) | Verdict::Failed(_)
    ));

    twin.say("More bricks whose file systems are not there: refused, and the volume is as it was.");
    assert!(!matches!(twin.make(1, &more), Verdict::Done(_)));
    assert_eq!(twin.look(1, &more), Seen::Absent);
    bricks(&mut twin, family, before + 1..=after);
    twin.say("More bricks; added again it is not known what happened, and a look tells.");
    assert!(matches!(twin.make(1, &more), Verdict::Done(_)));
    assert!(matches!(twin.look(1, &more), Seen::Present(_)));
    assert!(matches!(twin.make(1, &more), Verdict::Unknown(_)));
    assert!(matches!(twin.look(2, &more), Seen::Present(_)));
    assert!(matches!(twin.look(1, &volume), Seen::Present(_)));
    twin.say("Their options are old.");
    let name = volume_name(family);
    twin.prepare(
        1,
        &[
            "gluster",
            "--mode=script",
            "volume",
            "set",
            name.as_str(),
            "user.mortar.size",
            "1",
        ],
    );
    assert!(matches!(twin.look(1, &more), Seen::Partial(_)));
    assert!(matches!(twin.resume(1, &more), Verdict::Done(_)));
    assert!(matches!(twin.look(1, &more), Seen::Present(_)));
    if replica == 1 {
        // The rest takes its time in the real world (each begin of a rebalance ten seconds): once is enough.
        assert!(matches!(twin.unmake(1, &volume), Verdict::Done(_)));
        return leave(twin, family, after, page);
    }
    twin.say("The files are spread.");
    assert!(matches!(twin.make(1, &spread), Verdict::Done(_)));
    let settings = twin.settings.clone();
    until("the rebalance has ended", || {
        let report = twin.run(1, &progress::ask(&settings, &name)).real;
        progress::read(&report).is_ok_and(|told| told.progress == progress::Progress::Completed)
    });
    assert_eq!(twin.look(1, &spread), Seen::Absent);

    twin.say("The new bricks are taken out; taken out twice is fine.");
    for _ in 0..2 {
        let unmade = twin.unmake(1, &more);
        assert!(matches!(unmade, Verdict::Done(_)), "{unmade:?}");
        assert_eq!(twin.look(1, &more), Seen::Absent);
    }
    assert!(matches!(twin.look(1, &volume), Seen::Present(_)));
    assert!(matches!(twin.unmake(1, &volume), Verdict::Done(_)));
    twin.say("The volume is gone: so are they.");
    assert!(matches!(twin.unmake(1, &more), Verdict::Done(_)));
    leave(twin, family, after, page);
}

fn leave(mut twin: Twin, family: u8, bricks: u8, page: &str) {
    for number in 1..=bricks {
        let unmade = twin.unmake(node_of(number), &brick(family, number));
        assert!(matches!(unmade, Verdict::Done(_)), "{unmade:?}");
    }
    twin.ends(page);
}

#[test]
fn plain_volumes_grow() {
    expand(0xa1, 1, 1, 2, "expansion-plain");
}

#[test]
fn replicated_volumes_grow_and_shrink() {
    expand(0xa2, 3, 3, 6, "expansion-replicated");
}
