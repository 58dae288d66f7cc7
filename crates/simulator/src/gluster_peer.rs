//! `gluster peer probe|detach|status` and `gluster pool list`.

use crate::gluster::{Answer, Pool, Refusal, Request, success};
use crate::node::Node;
use crate::tool::say;
use crate::world::World;
use crate::xml::{self, Element};

/// `gluster pool list`
pub(crate) fn pool_list(world: &World, request: &Request<'_>) -> Answer {
    if request.xml {
        return Ok(say(peers_xml(world, request.node, true)));
    }
    let mut rows: Vec<(String, String, bool)> = Vec::new();
    for member in others(world, request.node) {
        let connected = listed_connected(world, request.node, member);
        rows.push((
            world.peer_uuid(member),
            world.peer_name(member).to_owned(),
            connected,
        ));
    }
    rows.push((world.own_uuid(request.node), "localhost".into(), true));
    // The host column is as wide as its longest name, and at least as wide as its title and a blank.
    let width = rows.iter().map(|(_, host, _)| host.len()).max().unwrap_or(0);
    let mut text = format!("UUID\t\t\t\t\t{:<width$}\tState\n", "Hostname");
    for (uuid, host, connected) in rows {
        let state = if connected { "Connected" } else { "Disconnected" };
        text.push_str(&format!("{uuid}\t{host:<width$}\t{state} \n"));
    }
    Ok(say(text))
}

/// `gluster peer status`
pub(crate) fn status(world: &World, request: &Request<'_>) -> Answer {
    if request.xml {
        return Ok(say(peers_xml(world, request.node, false)));
    }
    let others = others(world, request.node);
    let mut text = format!("Number of Peers: {}\n", others.len());
    for member in others {
        let state = if listed_connected(world, request.node, member) {
            "Connected"
        } else {
            "Disconnected"
        };
        let (_, counted) = counted(world, request.node, member);
        text.push_str(&format!(
            "\nHostname: {}\nUuid: {}\nState: {counted} ({state})\n",
            world.peer_name(member),
            world.peer_uuid(member)
        ));
    }
    Ok(say(text))
}

/// What a member counts another one as: number and words.
fn counted(world: &World, node: u32, other: u32) -> (&'static str, &'static str) {
    if world.rejects(node, other) || world.meets_nobody(node, other) {
        ("6", "Peer Rejected")
    } else {
        ("3", "Peer in Cluster")
    }
}

/// A glusterd that is nobody is connected, and rejected, by its old UUID (seen with 10.3); no change of the pool reaches it.
fn listed_connected(world: &World, node: u32, other: u32) -> bool {
    world.connected(node, other) || world.meets_nobody(node, other)
}

fn others(world: &World, node: u32) -> Vec<u32> {
    let mut members = world.members(node);
    members.retain(|member| *member != node);
    members
}

fn peers_xml(world: &World, node: u32, with_self: bool) -> String {
    let mut body = Element::at(1);
    body.node("peerStatus", "", |peers| {
        for member in others(world, node) {
            peers.node("peer", "", |peer| {
                let connected = listed_connected(world, node, member);
                peer.leaf("uuid", world.peer_uuid(member));
                peer.leaf("hostname", world.peer_name(member));
                peer.node("hostnames", "", |names| {
                    names.leaf("hostname", world.peer_name(member));
                });
                peer.leaf("connected", if connected { "1" } else { "0" });
                let (state, words) = counted(world, node, member);
                peer.leaf("state", state);
                peer.leaf("stateStr", words);
            });
        }
        if with_self {
            peers.node("peer", "", |peer| {
                peer.leaf("uuid", world.own_uuid(node));
                peer.leaf("hostname", "localhost");
                peer.leaf("connected", "1");
            });
        }
    });
    xml::reply(0, 0, "", &body.finish())
}

/// `gluster peer probe HOST`
pub(crate) fn probe(world: &mut World, request: &Request<'_>, host: &str) -> Answer {
    let refuse = |errno: i32, why: String| {
        let mut refusal = Refusal::bare("peer probe: failed: ", why);
        refusal.xml = (0, -1, errno);
        refusal
    };
    let unreachable = || {
        refuse(
            107,
            "Probe returned with Transport endpoint is not connected".into(),
        )
    };
    let Some(other) = world.peer_named(request.node, host) else {
        return Err(unreachable());
    };
    let note = |errno: i32, why: String| {
        let mut tail = Element::at(1);
        tail.leaf("output", &why);
        let xml = xml::reply(0, errno, "", &tail.finish());
        Ok(say(if request.xml {
            xml
        } else {
            format!("peer probe: {why}\n")
        }))
    };
    if other == request.node {
        return note(1, "Probe on localhost not needed".into());
    }
    let (mine, theirs) = (
        world.nodes[request.node as usize].pool,
        world.nodes[other as usize].pool,
    );
    // One that it has in its list is not asked who it is by now.
    if mine == world.home(other) {
        return note(2, format!("Host {host} port 24007 already in peer list"));
    }
    if !world.connected(request.node, other) {
        return Err(unreachable());
    }
    let their_pool = world.gluster.pools.get(theirs).expect("every node has a pool");
    if their_pool.members.len() > 1 || !their_pool.volumes.is_empty() {
        return Err(refuse(
            3,
            format!("{host} is either already part of another cluster or having volumes configured"),
        ));
    }
    world.gluster.pools.remove(theirs);
    world
        .gluster
        .pools
        .get_mut(mine)
        .expect("every node has a pool")
        .members
        .insert(other);
    let word = world.names.word(host);
    let node = &mut world.nodes[other as usize];
    node.pool = mine;
    node.known_as = word;
    Ok(success(request, "peer probe: success\n"))
}

/// `gluster peer detach HOST [force]`
pub(crate) fn detach(world: &mut World, request: &Request<'_>, host: &str, force: bool) -> Answer {
    let refuse = |why: String| Refusal::bare("peer detach: failed: ", why);
    let member = world
        .named(host)
        .filter(|other| world.home(*other) == world.nodes[request.node as usize].pool);
    let Some(other) = member else {
        return Err(refuse(format!("{host} is not part of cluster")));
    };
    if other == request.node {
        return Err(refuse(format!("{host} is localhost")));
    }
    if !world.nodes[other as usize].bricks.is_empty() {
        let mut refusal = refuse(format!(
            "Peer {host} hosts one or more bricks. If the peer is in not recoverable state then use either replace-brick or remove-brick command with force to remove all bricks from the peer and attempt the peer detach again."
        ));
        refusal.status = 255;
        refusal.xml = (0, 1, 3);
        return Err(refusal);
    }
    let all_up = others(world, request.node)
        .into_iter()
        .all(|member| world.connected(request.node, member));
    if !force && !all_up {
        // Not seen: from the messages of glusterd 10.3.
        return Err(refuse(
            "One of the peers is probably down. Check with 'peer status'".into(),
        ));
    }
    let pool = world.home(other);
    world.is_old_again(other);
    world
        .gluster
        .pools
        .get_mut(pool)
        .expect("every node has a pool")
        .members
        .remove(&other);
    // A member that was away learns of it when it is back; here at once.
    let mut own = Pool::default();
    own.members.insert(other);
    let own = world.gluster.pools.add(own);
    let node: &mut Node = &mut world.nodes[other as usize];
    node.pool = own;
    node.apart.clear();
    node.misses = None;
    node.known_as = node.host;
    Ok(success(request, "peer detach: success\n"))
}
