//! Clients of a life: they follow what they asked for, and hold what they are told against what is so.

use std::time::Duration;

use mortar_engine::{Clock as _, Ended, OperationState, Outcome};
use mortar_model::{OperationId, OperationKind, check};
use mortar_plan::Subject;
use tokio::time::sleep;

use crate::book::{Entry, check_nodes, keep};
use crate::life::Life;
use crate::machines;
use crate::replacing;

impl Life {
    /// Clients come back: they ask again for what they were told, and for what they have not heard of yet. Operations
    /// whose client got no answer are followed by nobody else, so they are now.
    pub(crate) fn remember(&self) {
        let (all, _) = self.engine.operations(usize::MAX);
        let now = self.site.time.now_ms();
        let mut left = Vec::new();
        for state in &all {
            match state {
                OperationState::Ended(ended) => {
                    let ago = Duration::from_millis(now.saturating_sub(ended.ended));
                    self.told(ended, self.site.time.passed() + keep(ended).saturating_sub(ago));
                }
                OperationState::Open(operation) => {
                    self.enter(operation.id);
                    left.push(operation.id);
                }
            }
        }
        let known: Vec<OperationId> = all.iter().map(OperationState::id).collect();
        let mut book = self.site.book();
        let mut vanished = Vec::new();
        for (id, entry) in &mut book.entries {
            match &mut entry.told {
                // Not asked for above: its time was over when the server started.
                Some((_, until)) if !known.contains(id) => *until = Duration::ZERO,
                None if !known.contains(id) => vanished.push(*id),
                _ => {}
            }
        }
        for id in vanished {
            let entry = book.entries.get_mut(&id).unwrap();
            entry.expired = true;
            let excused = self.site.time.jumped_far();
            if !excused {
                drop(book);
                self.site
                    .wrong(format!("operation {id} is not known after a restart"));
                book = self.site.book();
            }
        }
        drop(book);
        for id in left {
            self.spawn(self.clone().follow(id));
        }
    }

    /// Enters an operation that was accepted.
    pub(crate) fn enter(&self, id: OperationId) {
        let (kind, plan) = match self.engine.operation(id) {
            Some(OperationState::Open(operation)) => (operation.kind, Some(operation.plan)),
            Some(OperationState::Ended(ended)) => (ended.kind, None),
            None => {
                return self
                    .site
                    .wrong(format!("operation {id} was accepted and is not known"));
            }
        };
        let entry = || Entry {
            kind,
            plan,
            told: None,
            expired: false,
        };
        self.site.book().entries.entry(id).or_insert_with(entry);
    }

    /// Follows operations whose client went away.
    pub(crate) fn adopt(&self) {
        let (all, _) = self.engine.operations(usize::MAX);
        for state in all {
            let known = self.site.book().entries.contains_key(&state.id());
            match state {
                _ if known => {}
                OperationState::Ended(ended) => self.told(&ended, self.site.time.passed() + keep(&ended)),
                OperationState::Open(operation) => {
                    if operation.kind == OperationKind::EvictBrick {
                        replacing::judge(self, &operation);
                    }
                    self.enter(operation.id);
                    self.spawn(self.clone().follow(operation.id));
                }
            }
        }
    }

    /// Runs something for a client.
    pub(crate) fn spawn(&self, client: impl Future<Output = ()> + Send + 'static) {
        self.clients
            .try_lock()
            .expect("nobody holds it while others run")
            .spawn(client);
    }

    /// Asks for an operation until it has ended.
    pub(crate) async fn follow(self, id: OperationId) {
        let mut parked = false;
        loop {
            let state = self.engine.wait(id, Duration::from_secs(20)).await;
            if self.death.is_dead() {
                return std::future::pending().await;
            }
            match state {
                None => return self.site.wrong(format!("operation {id} is not known any more")),
                Some(OperationState::Ended(ended)) => {
                    return self.told(&ended, self.site.time.passed() + keep(&ended));
                }
                Some(OperationState::Open(operation)) if operation.needs_attention() => {
                    if !parked {
                        self.site.count("needed attention");
                        self.site
                            .tell(format!("  {id} needs attention: {:?}", operation.phase));
                    }
                    parked = true;
                    sleep(Duration::from_secs(5)).await;
                }
                Some(OperationState::Open(_)) => parked = false,
            }
        }
    }

    /// The second of two answers to the same request is another operation: only where the first was undone, was removed
    /// since, or has ended as asked and the second says so.
    pub(crate) fn leads_to_the_same(&self, first: OperationId, second: OperationId) {
        let subject = |id| match self.engine.operation(id) {
            Some(OperationState::Ended(ended)) if matches!(ended.outcome, Outcome::Failed { .. }) => None,
            Some(OperationState::Ended(ended)) => ended.subject,
            Some(OperationState::Open(operation)) => operation.plan.subject(),
            None => None,
        };
        let Some(made) = subject(first) else { return };
        let removed = self.site.book().asked(OperationKind::DeleteVolume, made);
        if subject(second) != Some(made) && !removed {
            self.site.wrong(format!(
                "{first} and {second} answer the same request and are two volumes"
            ));
        }
    }

    /// A client is told how an operation ended: is it true?
    pub(crate) fn told(&self, ended: &Ended, until: Duration) {
        let site = &self.site;
        let (plan, before, asked) = {
            let mut book = site.book();
            let asked = book.entries.contains_key(&ended.id);
            let entry = book.entries.entry(ended.id).or_insert_with(|| Entry {
                kind: ended.kind,
                plan: None,
                told: None,
                expired: false,
            });
            let before = entry.told.replace((ended.clone(), until));
            (entry.plan.clone(), before, asked)
        };
        if let Some((before, _)) = before {
            if before != *ended {
                site.wrong(format!("an answer has changed: {before:?} became {ended:?}"));
            }
            return;
        }
        let done = matches!(ended.outcome, Outcome::Done { .. });
        let outcome = match &ended.outcome {
            Outcome::Done { .. } => "done".to_owned(),
            Outcome::Failed { reason } => format!("undone: {reason}"),
        };
        site.tell_faults();
        if ended.kind != OperationKind::Record && asked {
            site.tell(format!("  {} {} is {outcome}", ended.kind, ended.id));
            site.count(format!("{} {}", ended.kind, if done { "done" } else { "undone" }));
        }
        if ended.kind == OperationKind::RemoveNode {
            machines::removal_told(self, ended);
        }
        if ended.kind == OperationKind::CureMember && done {
            site.count("member cured");
        }
        let changed_since = ended
            .subject
            .is_some_and(|subject| self.changed_since(ended, subject));
        // What is gone by now was looked at when its removal was told; what was never made stays so.
        if let Some(plan) = plan.filter(|_| !changed_since) {
            let wrong = self
                .hosts
                .world(|world| check_nodes(&self.engine, world, &plan, ended));
            for what in wrong {
                site.wrong(format!(
                    "{} {} was told to be {outcome}: {what}",
                    ended.kind, ended.id
                ));
            }
        }
        self.sound();
    }

    /// Whether something was done to the thing since, or is under way.
    fn changed_since(&self, ended: &Ended, subject: Subject) -> bool {
        let holder = self.engine.view(|landscape| landscape.holder(subject));
        let made =
            ended.kind == OperationKind::CreateVolume && matches!(ended.outcome, Outcome::Failed { .. });
        let removed = ended.kind != OperationKind::DeleteVolume
            && self.site.book().asked(OperationKind::DeleteVolume, subject);
        !made && (removed || holder.is_some())
    }

    /// Space is not promised twice, and the records hold together.
    pub(crate) fn sound(&self) {
        self.engine.view(|landscape| {
            let devices = landscape
                .inventory()
                .devices()
                .map(|device| (device.id, device.node));
            self.site.book().nodes_of_devices.extend(devices);
        });
        let wrong: Vec<String> = self.engine.view(|landscape| {
            let inventory = landscape.inventory();
            let mut wrong: Vec<String> = check::check(inventory)
                .into_iter()
                .map(|violation| violation.0)
                .collect();
            for device in inventory.devices() {
                if landscape.used(device.id) > device.total {
                    wrong.push(format!(
                        "device {} has {} and promised {}",
                        device.id,
                        device.total,
                        landscape.used(device.id)
                    ));
                }
            }
            wrong
        });
        for what in wrong {
            self.site.wrong(what);
        }
    }

    /// Clients whose task met a bug of the test.
    pub(crate) async fn reap(&self) {
        let mut clients = self.clients.lock().await;
        while let Some(ended) = clients.try_join_next() {
            if let Err(error) = ended
                && error.is_panic()
            {
                std::panic::resume_unwind(error.into_panic());
            }
        }
    }
}
