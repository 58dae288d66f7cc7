//! Records of a trusted pool that nobody manages, made of what its nodes show: volumes that somebody made by hand.
//!
//! Nothing on any node is changed for it, then or later: a brick is a folder on a file system that others made
//! ([`BrickSpace::Folder`](mortar_model::BrickSpace)), and stays one. A volume is taken only when it is understood whole: every brick
//! is on a member that answered, in a folder that is there, and the sets are those of a durability that Mortar knows. What is not
//! understood is named with the reason, and left alone.
//!
//! | fact | from |
//! |---|---|
//! | member | glusterd's list; its name to store by, from the bricks of its volumes |
//! | volume | `gluster volume info`: name, durability, options |
//! | device | the file system below a brick's folder |
//! | brick | its folder; its size is its share of the file system, as GlusterFS counts it for its clients |
//! | ids | drawn |
//!
//! | file | job |
//! |---|---|
//! | `report` | what was understood |
//! | `seats` | the members of a pool as nodes |
//! | `judge` | whether a volume is understood, and what it is |
//! | `ground` | the file systems below bricks |

mod ground;
mod judge;
mod report;
mod seats;

use std::collections::{BTreeMap, BTreeSet};

use mortar_command::query::folder::FolderPlace;
use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::{DevicePath, HostName, Inventory, VolumeName, check};
use mortar_plan::{Change, Seed};

pub use report::{Adoption, Judged, Remark, Understanding};

use crate::rebuild::Heard;
use crate::rebuild::machines::Ground;
use crate::rebuild::pools::Pool;
use crate::rebuild::report::Notes;
use ground::Shares;
use judge::Found;
use seats::Seats;

/// What hosts told of folders, by the name under which they were asked.
pub type Places = BTreeMap<(HostName, DevicePath), Result<Option<FolderPlace>, String>>;

/// Folders of bricks that have to be looked at, by host.
pub fn folders(heard: &Heard) -> BTreeMap<HostName, BTreeSet<DevicePath>> {
    let ground = Ground::of(heard, &mut Notes::default());
    let mut wanted: BTreeMap<HostName, BTreeSet<DevicePath>> = BTreeMap::new();
    for pool in &ground.pools {
        for brick in pool.bricks() {
            let Some((machine, path)) = seats::machine_of(&ground, pool, brick) else {
                continue;
            };
            let host = ground.machines[machine].host.clone();
            wanted.entry(host).or_default().insert(path);
        }
    }
    wanted
}

/// Judges every volume of the pools that were heard, or those of these names only, beside what is recorded. The same answers and seed
/// give the same records.
pub fn adopt(
    heard: &Heard,
    places: &Places,
    recorded: &Inventory,
    only: Option<&BTreeSet<VolumeName>>,
    seed: &mut Seed,
) -> Adoption {
    let ground = Ground::of(heard, &mut Notes::default());
    let mut work = Work {
        ground: &ground,
        places,
        only,
        seed,
        inventory: recorded.clone(),
        adoption: Adoption::default(),
    };
    work.unheard();
    for pool in &ground.pools {
        work.pool(pool);
    }
    work.not_there();
    work.finish(recorded)
}

struct Work<'a> {
    ground: &'a Ground<'a>,
    places: &'a Places,
    only: Option<&'a BTreeSet<VolumeName>>,
    seed: &'a mut Seed,
    /// What is recorded, and what is adopted beside it.
    inventory: Inventory,
    adoption: Adoption,
}

impl Work<'_> {
    fn pool(&mut self, pool: &Pool<'_>) {
        let volumes = match &pool.volumes {
            Ok(volumes) => *volumes,
            Err(reason) => {
                let about = format!("pool of {}", self.told_by(pool));
                return self.remark(about, format!("no member told of its volumes: {reason}"));
            }
        };
        let volumes: Vec<&VolumeInfo> = volumes.iter().filter(|info| self.is_wanted(info)).collect();
        // Of a pool of which nothing is adopted, nothing is recorded: its nodes can be added like any others.
        let mut trial = self.inventory.clone();
        let seats = match Seats::of(self.ground, pool, &mut trial, self.seed) {
            Ok(seats) => seats,
            Err(why) => {
                let judged = volumes.iter().map(|info| Judged::not(info, why.clone()));
                return self.adoption.volumes.extend(judged);
            }
        };
        let shares = Shares::of(self.ground, pool, self.places);
        let mut judged = Vec::new();
        for info in volumes {
            let found = Found {
                ground: self.ground,
                places: self.places,
                seats: &seats,
                shares: &shares,
                info,
            };
            judged.push(found.judge(&mut trial, self.seed));
        }
        unsound(&mut trial, &mut judged);
        if judged.iter().any(Judged::is_adopted) {
            seats.tell(self.ground, &mut self.adoption.remarks);
            self.inventory = trial;
        }
        self.adoption.volumes.extend(judged);
    }

    fn is_wanted(&self, info: &VolumeInfo) -> bool {
        self.only
            .is_none_or(|only| only.iter().any(|name| name.as_str() == info.name))
    }

    fn told_by(&self, pool: &Pool<'_>) -> String {
        let hosts = pool
            .tellers
            .iter()
            .map(|machine| self.ground.machines[*machine].host);
        let hosts: Vec<String> = hosts.map(ToString::to_string).collect();
        hosts.join(", ")
    }

    fn remark(&mut self, about: String, what: String) {
        self.adoption.remarks.push(Remark { about, what });
    }

    /// Hosts of which nothing is known: those that did not answer, and those whose glusterd does not.
    fn unheard(&mut self) {
        for (host, reason) in &self.ground.silent {
            let what = format!("it did not answer: {reason}");
            self.adoption.remarks.push(Remark {
                about: format!("node {host}"),
                what,
            });
        }
        for machine in &self.ground.machines {
            if let Err(reason) = &machine.survey.members {
                let what = format!("its glusterd does not answer: {reason}");
                self.adoption.remarks.push(Remark {
                    about: format!("node {}", machine.host),
                    what,
                });
            }
        }
    }

    /// Volumes that were asked for by name and are on no pool that was heard.
    fn not_there(&mut self) {
        for name in self.only.into_iter().flatten() {
            if self
                .adoption
                .volumes
                .iter()
                .all(|judged| judged.name != name.as_str())
            {
                self.adoption.volumes.push(Judged::missing(name));
            }
        }
    }

    fn finish(mut self, recorded: &Inventory) -> Adoption {
        let new = &self.inventory;
        let clusters = new.clusters().filter(|one| recorded.cluster(one.id).is_none());
        let nodes = new.nodes().filter(|one| recorded.node(one.id).is_none());
        // One without bricks was that of a volume that was not understood in the end.
        let devices = new
            .devices()
            .filter(|one| recorded.device(one.id).is_none() && new.brick_count(one.id) > 0);
        let volumes = new.volumes().filter(|one| recorded.volume(one.id).is_none());
        self.adoption.changes = clusters
            .cloned()
            .map(Change::PutCluster)
            .chain(nodes.cloned().map(Change::PutNode))
            .chain(devices.cloned().map(Change::PutDevice))
            .chain(volumes.map(|volume| {
                let bricks = new.bricks_of(volume.id).cloned().collect();
                Change::AddVolume(volume.clone(), bricks)
            }))
            .collect();
        self.adoption.volumes.sort_by(|a, b| a.name.cmp(&b.name));
        self.adoption.remarks.sort();
        self.adoption.remarks.dedup();
        self.adoption
    }
}

/// The invariants have the last word: a volume that breaks one is taken out again.
fn unsound(trial: &mut Inventory, judged: &mut [Judged]) {
    let broken = check::check(trial);
    for one in judged.iter_mut() {
        let Some(id) = one.id else { continue };
        let about = format!("volume {id}: ");
        let why = broken
            .iter()
            .find_map(|violation| violation.0.strip_prefix(&about));
        let Some(why) = why else { continue };
        one.refuse(format!("it {why}"));
        if let Err(error) = trial.remove_volume(id) {
            one.why.push(error.to_string());
        }
    }
}
