//! One history: lives of the server, one after the other, and what is found when all is over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

use mortar_engine::{Finding, Kind};
use mortar_simulator::World;
use tokio::runtime::{Builder, Runtime};

use crate::life::{End, Life};
use crate::site::{MACHINES, Site, Tally, names_of};
use crate::support::bed::{self, Bed, Saved};
use crate::support::truth::{self, Ground};

/// GiB of each disk and directory: so little that space runs out at times.
const DISK: u64 = 24;
/// Lives that a history has at most before it is mended.
const LIVES: u64 = 4;

/// What became of a history.
#[derive(PartialEq, Debug)]
pub(crate) struct Told {
    pub(crate) story: Vec<String>,
    pub(crate) tally: Tally,
    /// What went wrong.
    pub(crate) wrong: Option<String>,
    /// Nodes and store at the end.
    world: String,
    store: Vec<u8>,
}

/// The pool that all histories begin with.
fn saved() -> &'static Saved {
    static SAVED: OnceLock<Saved> = OnceLock::new();
    SAVED.get_or_init(|| {
        bed::run(async {
            let bed = Bed::new(DISK);
            bed.make_pool().await;
            bed.hosts.world(|world| {
                for number in 1..=MACHINES {
                    let [name, other] = names_of(number);
                    world.add_alias(name.as_str(), other.as_str());
                }
            });
            bed.save()
        })
    })
}

/// Plays the history of this seed.
pub(crate) fn play(seed: u64, wordy: bool) -> Told {
    let site = Site::new(seed, saved(), wordy);
    let panicked = catch_unwind(AssertUnwindSafe(|| lives(&site))).err();
    let mut wrong = site.book().wrong.first().cloned();
    if let Some(panic) = panicked {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        wrong.get_or_insert(text.unwrap_or_else(|| "a panic".to_owned()));
    }
    let mut store = Vec::new();
    mortar_store::export(site.store.as_ref(), &mut store).unwrap();
    Told {
        story: site.story(),
        tally: site.tally(),
        wrong,
        world: site.hosts.world(|world| World::save(world).unwrap()),
        store,
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap()
}

fn lives(site: &Arc<Site>) {
    let many = site.dice.between(1, LIVES);
    let mut number = 0;
    loop {
        number += 1;
        site.tell(format!("life {number} of the server begins"));
        let acts = site.dice.between(5, 30);
        let end = live(site, |life| async move {
            let end = if number > many {
                crate::acts::mend(&life);
                life.rest().await
            } else {
                life.clone().run(acts, number == many).await
            };
            if end == End::Over {
                compare(&life, "at the end").await;
            }
            end
        });
        if end == End::Over || !site.book().wrong.is_empty() {
            break;
        }
    }
    if site.book().wrong.is_empty() {
        site.tell("one more start");
        live(site, |life| async move {
            compare(&life, "after one more start").await;
            End::Stopped
        });
    }
}

/// Clients, records, nodes and pool tell the same.
async fn compare(life: &Life, when: &str) {
    let site = &life.site;
    if !site.book().wrong.is_empty() {
        return;
    }
    let wrong = life.engine.view(|landscape| {
        let book = site.book();
        book.check(landscape.inventory())
    });
    for what in wrong {
        site.wrong(format!("{when}: {what}"));
    }
    if life.panics() > 0 {
        site.wrong(format!("{when}: the engine met a bug"));
    }
    let ground = Ground {
        engine: &life.engine,
        hosts: &life.hosts,
        store: &site.store,
        resize_given_up: &|device| site.book().resize_was_undone(&device.to_string()),
    };
    truth::assert_agreement(ground, when);
    // The nodes' own files follow a little later; all else is as recorded already.
    let check = life.engine.check().await;
    for finding in check
        .findings
        .iter()
        .filter(|finding| finding.kind != Kind::NodeFile && !is_left(site, finding))
    {
        site.wrong(format!("{when}: a check finds {finding:?}"));
    }
    life.engine.reconcile().await;
    let check = life.engine.check().await;
    for finding in check.findings.iter().filter(|finding| !is_left(site, finding)) {
        site.wrong(format!("{when}: a check finds, after one pass, {finding:?}"));
    }
}

/// Whether this is what a resize leaves that was undone after all: LVM knows more of a disk than the records, and asking
/// again mends that.
fn is_left(site: &Site, finding: &Finding) -> bool {
    let kinds = [Kind::DeviceSize, Kind::DeviceGrown];
    kinds.contains(&finding.kind) && site.book().resize_was_undone(&finding.subject.id)
}

/// One life, on a runtime of its own: whatever it left under way is gone with that.
fn live<F: Future<Output = End>>(site: &Arc<Site>, work: impl FnOnce(Life) -> F) -> End {
    let runtime = runtime();
    let end = runtime.block_on(async {
        site.time.begin();
        let life = Life::begin(site);
        let end = work(life).await;
        site.time.end();
        end
    });
    drop(runtime);
    let lazy = site.store.unsynced();
    let kept = match end {
        End::Died => usize::try_from(site.dice.below(lazy as u64 + 1)).unwrap(),
        End::Stopped | End::Over => lazy,
    };
    site.store.crash_keeping(kept);
    end
}
