//! A host that serves a block volume gives its place to another one.
//!
//! `gluster-block` makes the target on the new host, tells the others of it, and takes it off the old one. Initiators find the new one
//! by those that they know. It only goes forward: a target that has been told of is not taken away again.

use mortar_model::work::{BlockPart, Goal, Thing};
use mortar_model::{BlockVolume, BlockVolumeId, HostName, State, Volume};

use crate::block::{spec, stage, unchanged};
use crate::landscape::Landscape;
use crate::plan::{Change, Plan};
use crate::refusal::Refusal;
use crate::seed::scatter;

/// Another host for a block volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaceBlockHost {
    /// The block volume.
    pub block: BlockVolumeId,
    /// The host that serves it, by either of its node's names.
    pub old: HostName,
    /// The host that is to; the one with the fewest block volumes when none is given.
    pub new: Option<HostName>,
    /// Whether the old one is gone for good: it is not asked, and its target is left on it.
    pub dead: bool,
}

/// Plans it.
///
/// # Errors
/// The block volume is unknown or being changed, the old host does not serve it, or no other can.
pub fn replace_block_host(landscape: &Landscape, request: &ReplaceBlockHost) -> Result<Plan, Refusal> {
    let (block, hosting) = unchanged(landscape, request.block)?;
    // What Heketi recorded names all hosts of the cluster.
    if block.hosts.len() > block.ha as usize {
        return Err(Refusal::HostsUnclear {
            id: block.id,
            ha: block.ha,
            hosts: block.hosts.len(),
        });
    }
    let named = called(landscape, &request.old);
    let at = block.hosts.iter().position(|host| same(host, &named));
    let at = at.ok_or_else(|| Refusal::NotServed(request.old.clone(), block.id))?;
    let old = block.hosts[at].clone();
    let new = spare(landscape, block, hosting, request)?;
    let mut moved = block.clone();
    moved.hosts[at] = new.clone();
    let part = BlockPart::Host {
        old,
        new,
        dead: request.dead,
    };
    let thing = Thing::Block(spec(hosting, &moved, part));
    let inventory = landscape.inventory();
    Ok(Plan {
        stages: vec![stage(
            inventory,
            hosting,
            "let another host serve it",
            thing,
            Goal::Present,
        )],
        forward_from: Some(0),
        changes: vec![Change::PutBlock(moved)],
    })
}

fn same(a: &HostName, b: &HostName) -> bool {
    a.as_str().eq_ignore_ascii_case(b.as_str())
}

/// The name by which gluster-block knows a host.
fn called(landscape: &Landscape, name: &HostName) -> HostName {
    let node = landscape.inventory().node_by_host(name);
    node.map_or_else(|| name.clone(), |node| node.storage.clone())
}

/// The host that takes the place: online, answering, not on its way out, and not among those that serve it.
fn spare(
    landscape: &Landscape,
    block: &BlockVolume,
    hosting: &Volume,
    request: &ReplaceBlockHost,
) -> Result<HostName, Refusal> {
    let wanted = request.new.as_ref().map(|name| called(landscape, name));
    let fits = landscape.inventory().nodes_of(hosting.cluster).filter(|node| {
        node.state == State::Online
            && landscape.is_healthy(node.id)
            && !landscape.is_node_leaving(node.id)
            && !block.hosts.iter().any(|host| same(host, &node.storage))
            && wanted.as_ref().is_none_or(|wanted| same(wanted, &node.storage))
    });
    let order = |host: &HostName, id: u128| {
        (
            landscape.blocks_of_host(host).count(),
            scatter(id ^ block.id.as_u128()),
        )
    };
    let best = fits.min_by_key(|node| order(&node.storage, node.id.as_u128()));
    best.map(|node| node.storage.clone())
        .ok_or(Refusal::NoSpareHost(block.id))
}
