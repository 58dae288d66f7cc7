//! Bricks that the engine replaces by itself: only where that was stated, only what was lost for so long, and one at a time.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use mortar_engine::OperationState;
use mortar_journal::Operation;
use mortar_model::work::BrickAddress;
use mortar_model::{Brick, ClusterId, Durability, Node, OperationId};
use mortar_plan::{Change, Subject};
use tokio::time::sleep;

use crate::book::Book;
use crate::life::Life;
use crate::site::lock;

/// How often machines are looked at.
const OFTEN: Duration = Duration::from_secs(2);
/// How long ago a loss may have ended that the engine, which looks now and then, still goes by.
const LATELY: Duration = Duration::from_secs(30);

/// What was seen of machines and bricks in a life of the server.
#[derive(Default)]
pub(crate) struct Watch {
    /// How long a node must be lost before its bricks are replaced; nothing where that is left to people.
    pub(crate) after: Option<Duration>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Machines that were not well, with the begin and the end, so far, of that.
    ill: BTreeMap<String, (Duration, Duration)>,
    /// When bricks of machines that are well did not run, last.
    down: BTreeMap<String, Duration>,
    /// The replacement that was begun last in each cluster.
    moves: BTreeMap<ClusterId, OperationId>,
}

impl Watch {
    pub(crate) fn new(after: Option<Duration>) -> Self {
        Self {
            after,
            seen: Mutex::default(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen)
    }
}

/// Looks at machines for as long as the server lives, where it replaces bricks by itself.
pub(crate) async fn watch(life: Life) {
    if life.watch.after.is_none() {
        return;
    }
    while !life.death.is_dead() {
        look(&life);
        life.adopt();
        sleep(OFTEN).await;
    }
}

fn look(life: &Life) {
    let now = life.site.time.passed();
    let pools: Vec<String> = life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let members = inventory
            .clusters()
            .filter_map(|cluster| inventory.nodes_of(cluster.id).next());
        members.map(|node| node.storage.to_string()).collect()
    });
    let seen = &mut *life.watch.seen();
    life.hosts.world(|world| {
        for host in world.hosts().into_iter().filter(|host| !world.is_well(host)) {
            let (since, last) = seen.ill.entry(host).or_insert((now, now));
            if now - *last > 2 * OFTEN {
                *since = now;
            }
            *last = now;
        }
        for pool in pools {
            for volume in world.pool(&pool).unwrap_or_default().volumes {
                let stopped = volume
                    .bricks
                    .into_iter()
                    .zip(volume.online)
                    .filter(|(_, runs)| !runs);
                let of_well = stopped.filter(|(brick, _)| {
                    let host = brick.split(':').next().unwrap_or_default();
                    world.is_well(host)
                });
                seen.down.extend(of_well.map(|(brick, _)| (brick, now)));
            }
        }
    });
}

/// Whether a move that is first seen now was asked for, or may be begun without that.
pub(crate) fn judge(life: &Life, operation: &Operation) {
    let old = operation.plan.changes.iter().find_map(|change| match change {
        Change::ReplaceBrick { old, .. } => Some(*old),
        _ => None,
    });
    let found = life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let brick = inventory.brick(old?)?;
        let volume = inventory.volume(brick.volume)?;
        let node = inventory.node_of_brick(brick)?;
        Some((brick.clone(), node.clone(), volume.durability))
    });
    let Some((brick, node, durability)) = found else {
        return;
    };
    if asked(&life.site.book(), &brick, &node) {
        return;
    }
    let site = &life.site;
    site.count("replaced by itself");
    site.tell(format!(
        "  {} replaces brick {} of {} by itself",
        operation.id, brick.id, node.storage
    ));
    if let Some(why) = may_not(life, &brick, &node, durability) {
        site.wrong(format!(
            "{} replaces brick {} by itself: {why}",
            operation.id, brick.id
        ));
    }
    life.watch.seen().moves.insert(node.cluster, operation.id);
}

/// Whether somebody asked for the brick to be moved, or for what it is on to be emptied.
fn asked(book: &Book, brick: &Brick, node: &Node) -> bool {
    let emptied = [Subject::Device(brick.device), Subject::Node(node.id)];
    book.to_move.contains(&brick.id) || emptied.iter().any(|subject| book.emptied.contains(subject))
}

fn may_not(life: &Life, brick: &Brick, node: &Node, durability: Durability) -> Option<String> {
    let now = life.site.time.passed();
    let Some(after) = life.watch.after else {
        return Some("that is left to people".to_owned());
    };
    if matches!(durability, Durability::None | Durability::Replicate(1 | 2)) {
        return Some(format!("{durability} leaves no majority"));
    }
    let seen = life.watch.seen();
    let lately = |time: Duration| now.saturating_sub(time) <= LATELY;
    let down = seen.down.get(&BrickAddress::of(brick, node).to_string());
    let lasted = seen
        .ill
        .get(node.storage.as_str())
        .filter(|(_, last)| lately(*last));
    let lasted = lasted.map(|(since, last)| *last - *since + 2 * OFTEN);
    if !down.is_some_and(|last| lately(*last)) && lasted.is_none_or(|lasted| lasted < after) {
        return Some(format!(
            "its node was lost for {lasted:?} of {after:?}, and it ran when its node did"
        ));
    }
    let other = seen.moves.get(&node.cluster)?;
    let open = matches!(life.engine.operation(*other), Some(OperationState::Open(_)));
    open.then(|| format!("{other} replaces another one of the same pool"))
}
