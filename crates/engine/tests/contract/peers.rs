//! Members of the trusted pool.

use mortar_argv::Report;
use mortar_command::query::pool;
use mortar_model::HostName;
use mortar_model::work::{FailureKind, PeerSpec, Seen, Thing, Verdict};

use crate::ground::{ground, until};
use crate::things::peer;
use crate::twin::Twin;

/// The members in the order of their names, as the asked node knows them.
fn members(report: &Report) -> String {
    match pool::read(report) {
        Ok(mut members) => {
            members.sort_by(|a, b| a.hosts.cmp(&b.hosts));
            members
                .iter()
                .map(|member| {
                    format!(
                        "{} connected={} settled={} ({})",
                        member.hosts.join(" "),
                        member.connected,
                        member.settled,
                        member.state
                    )
                })
                .collect::<Vec<_>>()
                .join("\n")
        }
        Err(error) => error.to_string(),
    }
}

fn ask(twin: &mut Twin, node: usize) {
    let batch = pool::ask(&twin.settings);
    twin.ask(
        &format!("members, as node{node} sees them"),
        node,
        &batch,
        members,
    );
}

fn settled(twin: &Twin, node: usize, count: usize) {
    let batch = pool::ask(&twin.settings);
    until("the members are connected", || {
        pool::read(&twin.run(node, &batch).real).is_ok_and(|members| {
            members.len() == count && members.iter().all(|member| member.connected && member.settled)
        })
    });
}

#[test]
fn peers_come_and_go() {
    let _alone = ground().alone();
    let mut twin = Twin::with_pool();
    twin.say("A member, and one that is not.");
    let (member, newcomer) = (peer(&twin, 2), peer(&twin, 4));
    assert!(matches!(twin.look(1, &member), Seen::Present(_)));
    assert_eq!(twin.look(1, &newcomer), Seen::Absent);
    ask(&mut twin, 1);
    ask(&mut twin, 4);
    twin.say("It joins; joining twice is fine.");
    assert!(matches!(twin.make(1, &newcomer), Verdict::Done(_)));
    settled(&twin, 4, 4);
    settled(&twin, 2, 4);
    assert!(matches!(twin.look(2, &newcomer), Seen::Present(_)));
    assert!(matches!(twin.make(2, &newcomer), Verdict::Done(_)));
    ask(&mut twin, 1);
    ask(&mut twin, 4);
    twin.say("It leaves; leaving twice is fine.");
    for _ in 0..2 {
        assert!(matches!(twin.unmake(1, &newcomer), Verdict::Done(_)));
        assert_eq!(twin.look(1, &newcomer), Seen::Absent);
    }
    settled(&twin, 4, 1);
    ask(&mut twin, 4);
    twin.say("A node that is alone joins itself and leaves itself: there is nothing to do.");
    assert!(matches!(twin.make(4, &newcomer), Verdict::Done(_)));
    assert!(matches!(twin.unmake(4, &newcomer), Verdict::Done(_)));
    twin.say("One of several cannot leave by itself.");
    assert!(matches!(twin.unmake(1, &peer(&twin, 1)), Verdict::Failed(_)));
    twin.say("A node of one pool is refused by another.");
    let refused = twin.make(4, &member);
    assert!(
        matches!(&refused, Verdict::Failed(failure) if failure.kind == FailureKind::Refused),
        "{refused:?}"
    );
    ask(&mut twin, 4);
    twin.ends("peers");
}

#[test]
fn peers_that_cannot_be_reached_are_refused() {
    let _alone = ground().alone();
    let mut twin = Twin::with_pool();
    // An address of the lab's own network that no node has.
    let address = format!("{}.250", twin.host(4).rsplit_once('.').unwrap().0);
    let nobody = Thing::Peer(PeerSpec {
        node: mortar_model::NodeId::from_u128(9),
        host: HostName::new(address.as_str()).unwrap(),
        force: false,
    });
    twin.name(&address, "nobody");
    twin.say("Nobody is there.");
    assert_eq!(twin.look(1, &nobody), Seen::Absent);
    assert!(!matches!(twin.make(1, &nobody), Verdict::Done(_)));
    assert_eq!(twin.look(1, &nobody), Seen::Absent);
    assert!(matches!(twin.unmake(1, &nobody), Verdict::Done(_)));
    twin.say("It is there and has no glusterd.");
    let silent = peer(&twin, 4);
    twin.stop_glusterd(4);
    assert!(!matches!(twin.make(1, &silent), Verdict::Done(_)));
    assert_eq!(twin.look(1, &silent), Seen::Absent);
    twin.start_glusterd(4);
    twin.ends("peers-refused");
}
