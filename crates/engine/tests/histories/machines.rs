//! Machines that are lost: some never come back and are forgotten, some are installed anew and get their node's identity again. A
//! person does both, and keeps the word that a machine does not come back.

use std::collections::BTreeSet;

use mortar_engine::{Ended, EngineError, OperationState, Outcome};
use mortar_model::{NodeId, OperationId, OperationKind, layout};
use mortar_plan::Subject;

use crate::asks::{self, Ask};
use crate::life::Life;
use crate::site::names_of;

/// Asks for a node to be forgotten. Where its machine is away, it never comes back from now on, unless the answer is no and nothing
/// was given up for it.
pub(crate) async fn forget(life: &Life, id: NodeId) -> Result<Option<OperationId>, EngineError> {
    let Some(host) = host(life, id) else {
        return life.engine.forget_node(id).await.map(Some);
    };
    let has_devices = life
        .engine
        .view(|landscape| landscape.inventory().devices_of(id).next().is_some());
    let away = life.hosts.world(|world| !world.is_well(&host));
    if away {
        life.site.book().scrapped.insert(id, host.clone());
    }
    let answer = life.engine.forget_node(id).await;
    if life.death.is_dead() {
        return std::future::pending().await;
    }
    match &answer {
        Ok(_) if has_devices => {
            life.hosts.world(|world| world.kill_node(&host));
            life.site.book().scrapped.insert(id, host);
        }
        // Whether it is forgotten shows after the next start.
        Ok(_) | Err(EngineError::Uncertain { .. }) => {}
        Err(_) => may_return(life, id),
    }
    answer.map(Some)
}

/// The machine of a node that was not forgotten may come back, unless something was given up that only it has, or somebody else was
/// told that it will be forgotten.
fn may_return(life: &Life, id: NodeId) {
    if is_under_way(life, OperationKind::RemoveNode, Subject::Node(id)) {
        return;
    }
    let host = life.site.book().scrapped.get(&id).cloned();
    if host.is_some_and(|host| !was_given_up(life, &host)) {
        life.site.book().scrapped.remove(&id);
    }
}

/// Whether what was left on a machine was given up.
fn was_given_up(life: &Life, host: &str) -> bool {
    let names = names(host);
    let of_host = |warning: &String| {
        warning.starts_with(GIVEN_UP) && names.iter().any(|name| warning.contains(&format!(" on {name} ")))
    };
    let told = |ended: &Ended| ended.warnings.iter().any(of_host);
    let (all, _) = life.engine.operations(usize::MAX);
    let just_now = all
        .iter()
        .any(|state| matches!(state, OperationState::Ended(ended) if told(ended)));
    let book = life.site.book();
    let mut before = book.entries.values().filter_map(|entry| entry.told.as_ref());
    just_now || before.any(|(ended, _)| told(ended))
}

/// How what an operation leaves that is given up is told.
pub(crate) const GIVEN_UP: &str = "given up: ";

fn names(host: &str) -> Vec<String> {
    let mut all = (1..=crate::site::MACHINES).map(names_of);
    let own = all.find(|names| names.iter().any(|name| name.as_str() == host));
    own.iter().flatten().map(ToString::to_string).collect()
}

/// The name of a node's machine.
fn host(life: &Life, id: NodeId) -> Option<String> {
    life.engine
        .view(|landscape| Some(landscape.inventory().node(id)?.storage.to_string()))
}

/// A removal was told: of a machine that never comes back, another one has the place, with blank disks.
pub(crate) fn removal_told(life: &Life, ended: &Ended) {
    let Some(Subject::Node(id)) = ended.subject else {
        return;
    };
    if matches!(ended.outcome, Outcome::Done { .. }) {
        scrap(life, id);
    } else {
        may_return(life, id);
    }
}

fn scrap(life: &Life, id: NodeId) {
    let host = life.site.book().scrapped.remove(&id);
    if let Some(host) = host {
        life.site.count("machine forgotten");
        life.site.tell(format!("a new machine is called {host}"));
        life.hosts.world(|world| {
            world.join(&host);
            world.replace_node(&host);
            world.start_glusterd(&host);
        });
    }
}

/// Nodes whose machines are nobody.
pub(crate) fn nobodies(life: &Life) -> Vec<NodeId> {
    life.engine.view(|landscape| {
        let nodes = landscape.inventory().nodes();
        let nobody = nodes.filter(|node| life.hosts.world(|world| world.is_nobody(node.storage.as_str())));
        nobody.map(|node| node.id).collect()
    })
}

/// Whether a machine may be lost for good: when no other is, since of two the others of a small pool cannot know enough; and when no
/// member differs, or is about to, since of the two that a pool of three leaves nobody could tell who is right.
pub(crate) fn one_may_go(life: &Life) -> bool {
    let apart = life
        .hosts
        .world(|world| world.hosts().iter().any(|host| world.is_apart(host)));
    !apart && life.site.book().scrapped.is_empty()
}

/// The node of this machine, if nothing of a volume is on it and it may be lost for good.
pub(crate) fn bare(life: &Life, host: &str) -> Option<NodeId> {
    if !one_may_go(life) {
        return None;
    }
    life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let node = inventory.nodes().find(|node| node.storage.as_str() == host)?;
        let mut devices = inventory.devices_of(node.id);
        let bare = devices.all(|device| inventory.brick_count(device.id) == 0);
        bare.then_some(node.id)
    })
}

/// A machine that is off, which the server knows, has lost its root file system: it is installed anew, and its glusterd is nobody. Its
/// disks are as they were. One at a time, and of a pool in which others are left. Answers whether that was so.
pub(crate) fn install_anew(life: &Life, host: &str) -> bool {
    let site = &life.site;
    let members = life
        .hosts
        .world(|world| world.pool(host).unwrap_or_default().members.len());
    let is_off = life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        let mut nodes = inventory.nodes();
        let node = nodes.find(|node| node.storage.as_str() == host && !landscape.is_healthy(node.id));
        // Where bricks are, what waits for their mounts holds their volumes, and a repair waits for that.
        node.is_some_and(|node| {
            inventory.devices_of(node.id).all(|device| {
                inventory.brick_count(device.id) == 0
                    && landscape.bricks_to_come(device.id) == 0
                    && inventory.copies_on(device.id).next().is_none()
            })
        })
    });
    if members < 3 || !is_off || !nobodies(life).is_empty() {
        return false;
    }
    site.count("machine installed anew");
    site.tell(format!("{host} is installed anew"));
    life.hosts.world(|world| {
        world.reinstall_node(host);
        world.start_new_glusterd(host);
        world.join(host);
    });
    true
}

/// When all is quiet: what a person has begun with machines is brought to its end. Answers whether nothing is left of it.
pub(crate) async fn settle(life: &Life) -> bool {
    let scrapped: Vec<NodeId> = life.site.book().scrapped.keys().copied().collect();
    for id in &scrapped {
        if host(life, *id).is_none() {
            scrap(life, *id);
        } else if !is_under_way(life, OperationKind::RemoveNode, Subject::Node(*id)) {
            ask(life, Ask::Forget(*id)).await;
        }
    }
    let nobodies = nobodies(life);
    for id in &nobodies {
        if !is_under_way(life, OperationKind::ReplaceNode, Subject::Member(*id)) {
            ask(life, Ask::Replace(*id)).await;
        }
    }
    scrapped.is_empty() && nobodies.is_empty() && all_mounted(life)
}

async fn ask(life: &Life, ask: Ask) {
    life.site.tell(format!("somebody asks once more: {ask}"));
    match asks::asked(life, &ask).await {
        Ok(_) => life.adopt(),
        Err(error) => asks::refused(life, &ask, &error),
    }
}

fn is_under_way(life: &Life, kind: OperationKind, subject: Subject) -> bool {
    let (open, _) = life.engine.operations(0);
    open.iter().any(|state| match state {
        OperationState::Open(operation) => {
            operation.kind == kind && operation.plan.subject() == Some(subject)
        }
        OperationState::Ended(_) => false,
    })
}

/// Whether each brick is mounted: the server does that by itself where the mounts went with a root file system.
fn all_mounted(life: &Life) -> bool {
    life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        life.hosts.world(|world| {
            inventory.nodes().all(|node| {
                let bricks = inventory
                    .devices_of(node.id)
                    .flat_map(|device| inventory.bricks_on(device.id));
                let wanted: BTreeSet<String> = bricks
                    .map(|brick| layout::mount_point(brick.device, brick.id))
                    .collect();
                let view = world.host(node.storage.as_str()).unwrap_or_default();
                let mounted: BTreeSet<String> = view.mounts.into_iter().map(|mount| mount.target).collect();
                wanted.is_subset(&mounted)
            })
        })
    })
}
