//! What is set: states, tags, the name of a node, what a pool may promise; and what may be so while nobody knows whether it was.

use mortar_engine::{EngineError, Outcome};
use mortar_model::{DeviceId, HostName, NodeId, OperationId, Overcommit, State, Tags};
use mortar_plan::Subject;

use crate::asks::{Ask, asked, refused};
use crate::book::Settings;
use crate::life::Life;
use crate::site;

/// Sets something at once; while nobody knows whether it was set, both may be.
pub(crate) async fn set(life: &Life, subject: Subject, ask: &Ask) {
    let site = &life.site;
    let Some(before) = begin(life, subject) else {
        return;
    };
    let mut after = before.clone();
    match ask {
        Ask::State(_, state) => after.states = vec![*state],
        Ask::Tags(_, tags) => after.tags = vec![tags.clone()],
        Ask::Address(_, host) => after.hosts = vec![host.clone()],
        _ => return,
    }
    let either = before.or(&after);
    site.book().settings.insert(subject, either.clone());
    let answer = ask_to_set(life, subject, ask).await;
    if life.death.is_dead() {
        return std::future::pending().await;
    }
    let known = match &answer {
        Ok(()) => after,
        Err(EngineError::Uncertain { .. }) => either,
        Err(_) => before,
    };
    {
        let mut book = site.book();
        book.settings.insert(subject, known);
        book.being_set.remove(&subject);
    }
    if let Ask::Address(node, host) = ask {
        found(life, *node, host, &answer);
    }
    match answer {
        Ok(()) => {
            site.count("setting done");
            site.tell(format!("  {ask}: done"));
        }
        Err(error) => refused(life, ask, &error),
    }
    let mut wrong = Vec::new();
    life.engine.view(|landscape| {
        let inventory = landscape.inventory();
        site.book().check_settings(inventory, &mut wrong);
    });
    for what in wrong {
        site.wrong(what);
    }
}

/// No machine but its own is taken for a node.
fn found(life: &Life, node: NodeId, host: &HostName, answer: &Result<(), EngineError>) {
    let own = own_names(life, node).is_none_or(|own| own.contains(host));
    match answer {
        Ok(()) if own => life.site.count("address changed"),
        Ok(()) => life.site.wrong(format!("{host} was taken for node {node}")),
        Err(_) if !own => life.site.count("address refused"),
        Err(_) => {}
    }
}

/// Names of the machine that is this node.
pub(crate) fn own_names(life: &Life, node: NodeId) -> Option<[HostName; 2]> {
    let storage = life
        .engine
        .view(|landscape| Some(landscape.inventory().node(node)?.storage.clone()))?;
    let mut all = (1..=site::MACHINES).map(site::names_of);
    all.find(|names| names.contains(&storage))
}

/// Lets a pool promise more or less; while nobody knows whether it may, either may be.
pub(crate) async fn promise(life: &Life, device: DeviceId, wanted: Overcommit, ask: &Ask) {
    let site = &life.site;
    let subject = Subject::Device(device);
    let Some(before) = begin(life, subject) else {
        return;
    };
    let either = [before.promises.clone(), vec![wanted]].concat();
    know(life, subject, either.clone());
    let answer = asked(life, ask).await;
    if life.death.is_dead() {
        return std::future::pending().await;
    }
    let known = match answer {
        Ok(Some(id)) => {
            site.tell(format!("  {ask}: is {id}"));
            life.enter(id);
            life.clone().follow(id).await;
            match is_done(life, id) {
                Some(true) => vec![wanted],
                Some(false) => before.promises.clone(),
                None => either,
            }
        }
        Ok(None) | Err(EngineError::Uncertain { .. }) => either,
        Err(error) => {
            refused(life, ask, &error);
            before.promises.clone()
        }
    };
    if known == [wanted] && before.promises != known {
        site.count("overcommit changed");
    }
    know(life, subject, known);
    site.book().being_set.remove(&subject);
}

fn know(life: &Life, subject: Subject, promises: Vec<Overcommit>) {
    let mut book = life.site.book();
    book.settings.entry(subject).or_default().promises = promises;
}

/// How an operation was told to have ended.
fn is_done(life: &Life, id: OperationId) -> Option<bool> {
    let book = life.site.book();
    let (ended, _) = book.entries.get(&id)?.told.as_ref()?;
    Some(matches!(ended.outcome, Outcome::Done { .. }))
}

/// What is drained is `failed` at some time from now on, or stays as it is. Answers whether it may be drained: not while somebody sets
/// something of it.
pub(crate) fn may_fail(life: &Life, subject: Subject) -> bool {
    let Some(settings) = begin(life, subject) else {
        return false;
    };
    let failed = Settings {
        states: vec![State::Failed],
        ..Settings::default()
    };
    let mut book = life.site.book();
    book.settings.insert(subject, settings.or(&failed));
    book.being_set.remove(&subject);
    true
}

/// What is known of the thing's settings, which nobody else changes from now on. `None` when somebody does.
fn begin(life: &Life, subject: Subject) -> Option<Settings> {
    let now = life
        .engine
        .view(|landscape| Settings::of(landscape.inventory(), subject))?;
    let mut book = life.site.book();
    book.being_set.insert(subject).then_some(())?;
    let settings = book.settings.entry(subject).or_default();
    settings.learn(now);
    Some(settings.clone())
}

async fn ask_to_set(life: &Life, subject: Subject, ask: &Ask) -> Result<(), EngineError> {
    let engine = &life.engine;
    match (ask, subject) {
        (Ask::State(_, state), Subject::Node(id)) => engine.set_node_state(id, *state).await.map(drop),
        (Ask::State(_, state), Subject::Device(id)) => engine.set_device_state(id, *state).await.map(drop),
        (Ask::Tags(_, new), Subject::Node(id)) => {
            let change = |tags: &mut Tags| tags.clone_from(new);
            engine.set_node_tags(id, change).await.map(drop)
        }
        (Ask::Tags(_, new), Subject::Device(id)) => {
            let change = |tags: &mut Tags| tags.clone_from(new);
            engine.set_device_tags(id, change).await.map(drop)
        }
        (Ask::Address(_, host), Subject::Node(id)) => {
            engine.set_node_address(id, host.clone()).await.map(drop)
        }
        _ => Ok(()),
    }
}
