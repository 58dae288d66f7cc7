//! The chain claim → volume → bricks → logical volumes or images → devices → nodes, recorded beside seen.

use mortar_api::{
    BlockExplanation, ExplainedBlock, ExplainedBrick, ExplainedVolume, Explanation, Heal, Rebalance,
    RebalanceState, Sight, SightState, SpaceKind,
};

use super::heal::healing;
use super::tree::Tree;
use super::{Paint, attachments, size};

/// The whole chain as a tree, and a line that counts what is not as recorded.
pub(crate) fn explanation(chain: &Explanation, paint: Paint) -> String {
    let claim = match &chain.claim {
        Some(claim) => format!("{}  {claim}", paint.strong("claim")),
        None => format!(
            "{}  {}",
            paint.strong("claim"),
            paint.faint("none known: made by REST or command line")
        ),
    };
    format!(
        "{}{}\n",
        Tree::new(claim).child(below(chain, paint)).text(),
        summary(sights(chain), &chain.looked_at, paint)
    )
}

/// The chain of a block volume: its hosts, the volume that holds it, and so on down.
pub(crate) fn block_explanation(chain: &BlockExplanation, paint: Paint) -> String {
    let (block, hosting) = (&chain.block, &chain.hosting);
    let hosts = block.hosts.iter().map(|host| {
        let name = paint.strong(format!("host {}", host.host));
        Tree::new(format!("{name}  {}", seen(&host.sight, paint)))
    });
    let tree = self::block(block, paint)
        .children(hosts)
        .child(below(hosting, paint));
    let above = std::iter::once(&block.sight).chain(block.hosts.iter().map(|host| &host.sight));
    let sights = above.chain(sights(hosting));
    format!("{}{}\n", tree.text(), summary(sights, &hosting.looked_at, paint))
}

fn block(block: &ExplainedBlock, paint: Paint) -> Tree {
    let head = format!(
        "{}  {}  {}  {}",
        paint.strong(format!("block volume {}", block.name)),
        size(block.size),
        seen(&block.sight, paint),
        paint.faint(&block.id)
    );
    let auth = if block.auth {
        "initiators prove who they are"
    } else {
        "open to every initiator"
    };
    let target = format!("target: {}  lun {}  {auth}", block.iqn, block.lun);
    let tree = Tree::new(head).line(target);
    if block.usable < block.size {
        return tree.line(format!("usable: {}", paint.fair(size(block.usable))));
    }
    tree
}

/// A volume and what it rests on.
fn below(chain: &Explanation, paint: Paint) -> Tree {
    let bricks = chain.bricks.iter().map(|one| brick(one, paint));
    volume(&chain.volume, paint).children(bricks)
}

fn volume(volume: &ExplainedVolume, paint: Paint) -> Tree {
    let head = format!(
        "{}  {}  {}  {}  {}",
        paint.strong(format!("volume {}", volume.name)),
        size(volume.size),
        volume.durability,
        seen(&volume.sight, paint),
        paint.faint(&volume.id)
    );
    let mut tree = Tree::new(head).line(format!("mount: {}", volume.mount.line));
    if !volume.attachments.is_empty() {
        let nodes = attachments(&volume.attachments).replace('\n', ", ");
        tree = tree.line(format!("attached: {nodes}"));
    }
    if volume.heal.is_some() || volume.heal_unknown.is_some() {
        let healing = healing(volume.heal, volume.heal_unknown.as_deref(), paint);
        tree = tree.line(format!("heal: {healing}"));
    }
    if let Some(rebalance) = &volume.rebalance {
        let far = spreading(rebalance, &volume.name, paint);
        tree = tree.line(format!("rebalance: {far}"));
    }
    if !volume.options.is_empty() {
        tree = tree.line(format!("options: {}", volume.options.join(", ")));
    }
    tree
}

fn brick(brick: &ExplainedBrick, paint: Paint) -> Tree {
    let (space, device, node, files) = (&brick.space, &brick.device, &brick.node, &brick.file_system);
    let node_tree = Tree::new(format!(
        "{}  zone {}  {}  {}  {}",
        paint.strong(format!("node {}", node.manage)),
        node.zone,
        paint.state(&node.state),
        seen(&node.sight, paint),
        paint.faint(&node.id)
    ));
    let device_tree = Tree::new(format!(
        "{}  {}  {} of {}  {}  {}  {}",
        paint.strong(format!("device {}", device.path)),
        paint.bar(device.used, device.size),
        size(device.used),
        size(device.size),
        paint.state(&device.state),
        seen(&device.sight, paint),
        paint.faint(&device.id)
    ));
    let mut space_line = format!(
        "{}  {}  {}",
        paint.strong(format!("{} {}", space_name(space.kind), space.name)),
        size(space.footprint),
        seen(&space.sight, paint)
    );
    if let (Some(pool), Some(percent)) = (&space.thin_pool, space.thin_pool_percent) {
        space_line.push_str(&format!("  pool {pool} {}", paint.bar(u64::from(percent), 100)));
    }
    let filled = match (files.used, files.size) {
        (Some(used), Some(total)) => {
            format!("  {}  {} of {}", paint.bar(used, total), size(used), size(total))
        }
        _ => String::new(),
    };
    let mounted = format!(
        "mounted at {}{filled}  {}",
        files.mount_point,
        seen(&files.sight, paint)
    );
    let mut head = format!(
        "{}  {}  {}",
        paint.strong(format!(
            "brick {}.{} {}:{}",
            brick.set, brick.position, node.storage, brick.path
        )),
        size(brick.size),
        seen(&brick.sight, paint)
    );
    if let Some(heal) = brick.heal.filter(|heal| *heal != Heal::default()) {
        head.push_str(&format!("  {}", healing(Some(heal), None, paint)));
    }
    let below = Tree::new(space_line).child(device_tree.child(node_tree));
    Tree::new(head).line(mounted).child(below)
}

fn space_name(kind: SpaceKind) -> &'static str {
    match kind {
        SpaceKind::LogicalVolume => "logical volume",
        SpaceKind::Image => "image",
        SpaceKind::Folder => "folder",
        SpaceKind::Unknown => "space",
    }
}

/// The mark, and what was seen when that says more.
fn seen(sight: &Sight, paint: Paint) -> String {
    let mark = paint.sight(sight.state);
    match sight.text.as_str() {
        "" => mark,
        text => format!("{mark} ({text})"),
    }
}

/// How far files are spread over all bricks, and what a person can do where they are not.
fn spreading(rebalance: &Rebalance, volume: &str, paint: Paint) -> String {
    let again = || format!("'gluster volume rebalance {volume} start' begins it again");
    let counts = || {
        let (files, bytes, scanned) = (rebalance.files, size(rebalance.size), rebalance.scanned);
        let mut text = format!("{files} files of {bytes} moved, {scanned} looked at");
        if rebalance.skipped > 0 {
            text.push_str(&format!(", {} left where they are", rebalance.skipped));
        }
        if rebalance.failures > 0 {
            text.push_str(&format!(
                ", {}",
                paint.bad(format!("{} could not move", rebalance.failures))
            ));
        }
        text
    };
    match rebalance.state {
        RebalanceState::Running => format!("{}, {}", paint.fair("under way"), counts()),
        RebalanceState::Completed if rebalance.failures > 0 => {
            format!("{}, {}; {}", paint.fair("ended"), counts(), again())
        }
        RebalanceState::Completed => format!("{}, {}", paint.good("ended"), counts()),
        RebalanceState::Stopped => format!("{}, {}; {}", paint.fair("stopped"), counts(), again()),
        RebalanceState::Failed => format!(
            "{}, {}; /var/log/glusterfs/{volume}-rebalance.log on each node tells why, and {}",
            paint.bad("failed"),
            counts(),
            again()
        ),
        RebalanceState::Unknown => {
            let why = rebalance.reason.as_deref().unwrap_or_default();
            paint.fair(format!("not known ({why})"))
        }
    }
}

/// Everything that was looked at, node by node once for each brick.
fn sights(chain: &Explanation) -> impl Iterator<Item = &Sight> {
    let bricks = chain.bricks.iter().flat_map(|brick| {
        [
            &brick.sight,
            &brick.file_system.sight,
            &brick.space.sight,
            &brick.device.sight,
            &brick.node.sight,
        ]
    });
    std::iter::once(&chain.volume.sight).chain(bricks)
}

fn summary<'a>(sights: impl Iterator<Item = &'a Sight>, looked_at: &str, paint: Paint) -> String {
    let states: Vec<SightState> = sights.map(|sight| sight.state).collect();
    let number = |wanted: SightState| states.iter().filter(|state| **state == wanted).count();
    let (wrong, unseen) = (
        number(SightState::Missing) + number(SightState::Different),
        number(SightState::Unknown),
    );
    let verdict = match (wrong, unseen) {
        (0, 0) => paint.good("All is as recorded."),
        (0, _) => paint.fair(format!("{unseen} not seen; the rest is as recorded.")),
        (_, 0) => paint.bad(format!("{wrong} not as recorded.")),
        _ => paint.bad(format!("{wrong} not as recorded, {unseen} not seen.")),
    };
    format!("{verdict} {}", paint.faint(format!("Looked at {looked_at}.")))
}

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
