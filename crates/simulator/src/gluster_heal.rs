//! Copies of files: which brick has what was written, and how one that lacks some of it is healed.
//!
//! Only how many files and folders a brick lacks is kept, not which. A brick lacks what was written while it did not run,
//! and everything when it was put in another one's place. Time is the commands that are run in the world: while a brick
//! runs and another one of its set that lacks nothing does, each command heals one entry. A brick that is down is
//! not healed.
//!
//! In a dispersed set nobody lists anything for a new brick before the self-heal daemon has healed its root, which takes some
//! commands from when all bricks of the set run. All stands still while there is no daemon. Where all that was written came from clients
//! that were gone within a second, the roots have no version, and nothing is healed from them to a new brick.

use std::collections::{BTreeMap, BTreeSet};

use mortar_argv::Output;
use serde::{Deserialize, Serialize};

use crate::gluster::{Answer, Refusal, Request, State, Volume, success};
use crate::gluster_create::{split_brick, stage_more};
use crate::tool::{done, fail, say};
use crate::world::World;

/// What was written to a volume, and who lacks some of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Copies {
    /// Files and folders that were written to each set.
    pub(crate) entries: u64,
    /// Bricks by their places, and how many of them each lacks.
    pub(crate) lacking: BTreeMap<u32, u64>,
    /// Commands that had been run when this was last brought up to date.
    since: u64,
    /// Sets that had no good copy left at some moment.
    lost: Vec<u32>,
    /// Bricks of pieces whose root is not healed yet, and how many commands that still takes.
    #[serde(default)]
    rootless: BTreeMap<u32, u64>,
    /// Whether its self-heal daemons do not run.
    #[serde(default)]
    unattended: bool,
    /// Whether the daemons have just looked: they heal nothing before somebody tells them to.
    #[serde(default)]
    asleep: bool,
    /// Whether the roots have no version of what is in them.
    #[serde(default)]
    unversioned: bool,
}

/// Commands until the daemons have healed the root of a brick of pieces.
const ROOT: u64 = 4;

/// `gluster volume replace-brick NAME OLD NEW commit force`
pub(crate) fn replace(world: &mut World, request: &Request<'_>, name: &str, words: &[&str]) -> Answer {
    let refuse = |why: String| Refusal::bare("volume replace-brick: failed: ", why);
    let [old, new, "commit", "force"] = words else {
        return Ok(fail(
            1,
            "\nUsage:\nvolume replace-brick <VOLNAME> <SOURCE-BRICK> <NEW-BRICK> {commit force}\n",
        ));
    };
    let new = match split_brick(new) {
        Ok(new) => new,
        Err(why) => return Ok(fail(1, why)),
    };
    let Some(number) = world.volume_number(request.node, name) else {
        return Err(refuse(format!("Volume {name} does not exist")));
    };
    let volume = world.gluster.volumes.get(number).expect("found by its name");
    let (stamp, state, set) = (volume.stamp, volume.state, volume.set_size());
    if set == 1 {
        return Err(refuse(
            "replace-brick is not permitted on distribute only volumes. Please use add-brick and remove-brick operations instead.".into(),
        ));
    }
    if state != State::Started {
        return Err(refuse(format!("volume: {name} is not started")));
    }
    let place = volume
        .bricks
        .iter()
        .position(|brick| world.brick_name(brick) == *old);
    let Some(place) = place else {
        return Err(refuse(format!("brick: {old} does not exist in volume: {name}")));
    };
    let mut made = stage_more(world, request.node, &[new], (0, 0), stamp, true).map_err(refuse)?;
    let mut brick = made.pop().expect("one brick was staged");
    world.enter_brick(number, &brick);
    world.start_brick(stamp, &mut brick);
    world.bring_up_to_date(number);
    let volume = world.gluster.volumes.get_mut(number).expect("found by its name");
    let mut gone = std::mem::replace(&mut volume.bricks[place], brick);
    world.stop_brick(&mut gone);
    let code = crate::stamp::hash(&world.names.read(&gone.path));
    world.nodes[gone.node as usize].bricks.remove(&(code, number));
    world.lacks_all(number, u32::try_from(place).expect("few bricks"));
    let told = "volume replace-brick: success: replace-brick commit force operation successful\n";
    Ok(success(request, told))
}

/// `gluster volume heal NAME`: the daemons begin now.
pub(crate) fn launch(world: &mut World, request: &Request<'_>, name: &str) -> Answer {
    let refuse = |why: &str| {
        Refusal::bare(
            &format!(
                "Launching heal operation to perform index self heal on volume {name} has been unsuccessful:\n"
            ),
            why,
        )
    };
    let number = world.volume_number(request.node, name);
    let found = number.and_then(|number| Some((number, world.gluster.volumes.get(number)?)));
    let Some((number, volume)) = found else {
        return Err(refuse(&format!("Volume {name} does not exist")));
    };
    if volume.set_size() == 1 {
        return Err(refuse(&format!(
            "Self-heal-daemon is disabled. Heal will not be triggered on volume {name}"
        )));
    }
    if volume.state != State::Started {
        return Err(refuse(&format!("Volume {name} is not started.")));
    }
    if volume.copies().is_some() {
        world.bring_up_to_date(number);
        world.copies_mut(number).asleep = false;
    }
    Ok(say(format!(
        "Launching heal operation to perform index self heal on volume {name} has been successful \nUse heal info commands to check status.\n"
    )))
}

/// Names of what a brick lists: each of what one brick lacks has a name of its own.
fn index(volume: &Volume, place: usize, folder: &str, arguments: &[String]) -> String {
    let quits = arguments.iter().any(|word| word == "-quit");
    let bare = arguments.iter().any(|word| word == "-printf");
    let names = volume.listed_for(place).flat_map(|(other, entries)| {
        let name = move |entry: u64| format!("{other:08x}-0000-0000-0000-{entry:012x}");
        (1..=entries).map(name)
    });
    let lines = names.map(|name| if bare { name } else { format!("{folder}/{name}") });
    let shown = if quits { 1 } else { usize::MAX };
    lines.take(shown).map(|line| line + "\n").collect()
}

/// `getfattr --absolute-names --dump --encoding=hex --match PATTERN PATH`, of the one attribute that is known here.
fn root(volume: &Volume, place: usize, folder: &str, arguments: &[String]) -> Output {
    let wanted = [
        "--absolute-names",
        "--dump",
        "--encoding=hex",
        "--match",
        "^trusted\\.ec\\.version$",
    ];
    if !arguments.iter().take(wanted.len()).eq(wanted) || arguments.len() != wanted.len() + 1 {
        return fail(
            2,
            "getfattr: the simulated node tells the version of a brick's root and nothing else",
        );
    }
    volume.root_version(place).map_or_else(done, |(inside, itself)| {
        say(format!(
            "# file: {folder}\ntrusted.ec.version=0x{inside:016x}{itself:016x}\n\n"
        ))
    })
}

impl Volume {
    fn set_of(&self, place: u32) -> u32 {
        place / u32::try_from(self.set_size()).unwrap_or(1).max(1)
    }

    fn copies(&self) -> Option<&Copies> {
        self.rare.as_ref()?.copies.as_ref()
    }

    /// Bricks of a set that must lack nothing, so that all of it can be read.
    fn needed(&self) -> usize {
        usize::from(self.disperse.saturating_sub(self.redundancy)).max(1)
    }

    /// Places of a set whose bricks lack nothing and hold data.
    fn good(&self, set: u32) -> impl Iterator<Item = usize> + '_ {
        let size = self.set_size();
        let first = set as usize * size;
        let data = first..first + size - usize::from(self.arbiter > 0);
        data.filter(|place| {
            let lacking = self.copies().map(|copies| &copies.lacking);
            !lacking
                .is_some_and(|lacking| u32::try_from(*place).is_ok_and(|place| lacking.contains_key(&place)))
        })
    }

    /// What a brick lists as split-brain: where no brick that `runs` has all of a set, those that do blame each other.
    pub(crate) fn split_by(&self, place: usize, runs: impl Fn(usize) -> bool) -> u64 {
        let (Some(copies), Ok(place)) = (self.copies(), u32::try_from(place)) else {
            return 0;
        };
        let good = self.good(self.set_of(place)).filter(|place| runs(*place)).count();
        match copies.lacking.get(&place) {
            Some(lacking) if good < self.needed() => *lacking,
            _ => 0,
        }
    }

    /// What a brick lists for others of its set: what each of them lacks and it has.
    pub(crate) fn listed_by(&self, place: usize) -> u64 {
        self.listed_for(place).map(|(_, entries)| entries).sum()
    }

    /// The others that it lists something for, and how much.
    fn listed_for(&self, place: usize) -> impl Iterator<Item = (u32, u64)> + '_ {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        let copies = self
            .copies()
            .filter(|copies| !copies.lacking.contains_key(&place));
        let set = self.set_of(place);
        copies.into_iter().flat_map(move |copies| {
            let others = copies.lacking.iter().map(|(other, entries)| (*other, *entries));
            others
                .filter(move |(other, _)| self.set_of(*other) == set && !copies.rootless.contains_key(other))
        })
    }

    /// The version at the root of a brick of pieces: of what is in it, and of what the root is like. None where it has none.
    fn root_version(&self, place: usize) -> Option<(u64, u64)> {
        let copies = self.copies()?;
        let place = u32::try_from(place).ok()?;
        let has = self.disperse > 0 && copies.entries > 0 && !copies.rootless.contains_key(&place);
        (has && !copies.unversioned).then_some((copies.entries, 1))
    }

    /// Whether there is anything in the root of a brick of pieces.
    fn holds(&self, place: usize) -> bool {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        self.copies()
            .is_some_and(|copies| copies.entries > 0 && !copies.rootless.contains_key(&place))
    }
}

impl World {
    /// Writes so many files to each set of a started volume. Bricks that do not run lack them from then on. Answers
    /// whether they were written: more than half of a set, one that lacks nothing among them, must take them.
    pub fn write_files(&mut self, host: &str, volume: &str, files: u64) -> bool {
        let Some(number) = self.named(host).and_then(|node| self.volume_number(node, volume)) else {
            return false;
        };
        self.bring_up_to_date(number);
        let found = self.gluster.volumes.get(number).expect("found by its name");
        let size = found.set_size();
        let sets = u32::try_from(found.bricks.len() / size).unwrap_or(0);
        let running = |place: usize| self.runs(number, place);
        let taken = (0..sets).all(|set| {
            let first = set as usize * size;
            let up = (first..first + size).filter(|place| running(*place)).count();
            2 * up > size && found.good(set).filter(|place| running(*place)).count() >= found.needed()
        });
        if found.state != State::Started || !taken {
            return false;
        }
        let down: Vec<u32> = (0u32..)
            .take(found.bricks.len())
            .filter(|place| !running(*place as usize))
            .collect();
        let copies = self.copies_mut(number);
        copies.entries += files;
        // A brick that was empty by now gets the version of the others and stays empty, which nobody sees: as bad as before.
        copies.unversioned &= !copies.rootless.is_empty();
        for place in down {
            *copies.lacking.entry(place).or_default() += files;
        }
        true
    }

    /// The same by clients that are gone within a second. Answers whether they were written.
    pub fn write_and_leave(&mut self, host: &str, volume: &str, files: u64) -> bool {
        let Some(number) = self.named(host).and_then(|node| self.volume_number(node, volume)) else {
            return false;
        };
        let copies = self.copies_mut(number);
        let unversioned = copies.entries == 0 || copies.unversioned;
        let written = self.write_files(host, volume, files);
        self.copies_mut(number).unversioned = unversioned;
        written
    }

    /// The self-heal daemons of a volume run, or do not.
    pub fn attend(&mut self, host: &str, volume: &str, run: bool) {
        let Some(number) = self.named(host).and_then(|node| self.volume_number(node, volume)) else {
            return;
        };
        self.bring_up_to_date(number);
        self.copies_mut(number).unattended = !run;
    }

    /// Lets the volume's self-heal daemons wait for their next round, ten minutes from now, unless somebody tells them to begin.
    pub fn doze(&mut self, host: &str, volume: &str) {
        let Some(number) = self.named(host).and_then(|node| self.volume_number(node, volume)) else {
            return;
        };
        self.bring_up_to_date(number);
        self.copies_mut(number).asleep = true;
    }

    /// Files and folders that bricks of a volume still lack, all together; `None` when there is no such volume.
    pub fn to_be_healed(&self, host: &str, volume: &str) -> Option<u64> {
        let number = self.volume_number(self.named(host)?, volume)?;
        let copies = self.gluster.volumes.get(number)?.copies();
        Some(copies.map_or(0, |copies| copies.lacking.values().sum()))
    }

    /// What GlusterFS keeps on bricks: `find BRICK/.glusterfs/indices/xattrop …` names files that others of the set lack, and
    /// `getfattr … --match=^trusted\.ec\.version$ BRICK` tells how new the root is, `find BRICK … -not -name .glusterfs* …` whether anything
    /// is in it.
    pub(crate) fn ask_brick(&mut self, node: u32, program: &str, arguments: &[String]) -> Option<Output> {
        const INDEX: &str = "/.glusterfs/indices/xattrop";
        let (folder, missing) = match program {
            "find" => {
                let searched = arguments.first()?.as_str();
                let missing = format!("find: '{searched}': No such file or directory");
                let in_root = arguments.iter().any(|word| word == ".glusterfs*");
                (
                    searched.strip_suffix(INDEX).or(in_root.then_some(searched))?,
                    missing,
                )
            }
            "getfattr" => {
                let folder = arguments.last()?;
                (
                    folder.as_str(),
                    format!("getfattr: {folder}: No such file or directory"),
                )
            }
            _ => return None,
        };
        let code = crate::stamp::hash(folder);
        let mut bricks = self.nodes[node as usize].bricks.iter();
        let Some(number) = bricks
            .find(|(other, _)| *other == code)
            .map(|(_, number)| *number)
        else {
            return Some(fail(1, missing));
        };
        self.bring_up_to_date(number);
        let volume = self.gluster.volumes.get(number)?;
        let place = volume
            .bricks
            .iter()
            .position(|brick| brick.node == node && self.names.read(&brick.path) == folder)?;
        Some(if program == "getfattr" {
            root(volume, place, folder, arguments)
        } else if arguments.first().is_some_and(|searched| searched != folder) {
            say(index(volume, place, &format!("{folder}{INDEX}"), arguments))
        } else if volume.holds(place) {
            say(format!("{folder}/file\n"))
        } else {
            done()
        })
    }

    /// Heals what the commands since the last time have left time for.
    pub(crate) fn bring_up_to_date(&mut self, number: u32) {
        let now = self.commands;
        let Some(volume) = self.gluster.volumes.get(number) else {
            return;
        };
        let Some(copies) = volume.copies() else { return };
        let passed = now.saturating_sub(copies.since);
        let started = volume.state == State::Started && !copies.unattended && !copies.asleep;
        let all_run = |place: u32| {
            let (set, size) = (volume.set_of(place) as usize, volume.set_size());
            (set * size..set * size + size).all(|place| self.runs(number, place))
        };
        let rootless = copies.rootless.keys().copied();
        let from = started && !copies.unversioned;
        let begun: BTreeSet<u32> = rootless.filter(|place| from && all_run(*place)).collect();
        let healing: Vec<u32> = copies
            .lacking
            .keys()
            .copied()
            .filter(|place| {
                let sources = volume.good(volume.set_of(*place));
                let sources = sources.filter(|source| self.runs(number, *source)).count();
                started && self.runs(number, *place as usize) && sources >= volume.needed()
            })
            .collect();
        let copies = self.copies_mut(number);
        copies.since = now;
        for place in begun {
            let left = copies.rootless.entry(place).or_default();
            *left = left.saturating_sub(passed);
            if *left == 0 {
                copies.rootless.remove(&place);
            }
        }
        for place in healing {
            if copies.rootless.contains_key(&place) {
                continue;
            }
            let left = copies.lacking.get_mut(&place).expect("listed above");
            *left = left.saturating_sub(passed);
            if *left == 0 {
                copies.lacking.remove(&place);
            }
        }
    }

    /// Sets have `many` bricks instead of `few`, the new ones behind the others and empty.
    pub(crate) fn sets_grew(&mut self, number: u32, few: u32, many: u32) {
        let volume = self.gluster.volumes.get_mut(number).expect("given by its number");
        let sets = u32::try_from(volume.bricks.len()).expect("few bricks") / many;
        if let Some(copies) = volume.rare.as_mut().and_then(|rare| rare.copies.as_mut()) {
            let kept = std::mem::take(&mut copies.lacking).into_iter();
            copies.lacking = kept
                .map(|(place, entries)| (place / few * many + place % few, entries))
                .collect();
        }
        for set in 0..sets {
            for position in few..many {
                self.lacks_all(number, set * many + position);
            }
        }
    }

    /// Bricks have left their sets: whether one that has all of it is left in each.
    pub(crate) fn sets_shrank(&mut self, number: u32) {
        let volume = self.gluster.volumes.get(number).expect("given by its number");
        let sets = u32::try_from(volume.bricks.len() / volume.set_size()).expect("few bricks");
        let lost: Vec<u32> = (0..sets)
            .filter(|set| volume.good(*set).count() < volume.needed())
            .collect();
        if !lost.is_empty() {
            self.copies_mut(number).lost.extend(lost);
        }
    }

    /// The brick at that place is empty: it lacks what was written, and its root.
    fn lacks_all(&mut self, number: u32, place: u32) {
        let now = self.commands;
        let pieces = self
            .gluster
            .volumes
            .get(number)
            .is_some_and(|volume| volume.disperse > 0);
        let copies = self.copies_mut(number);
        copies.since = now;
        if pieces && copies.entries == 0 {
            // The roots of the others have no version either: there is nothing to heal.
            return;
        }
        copies.lacking.insert(place, copies.entries + 1);
        if pieces {
            copies.rootless.insert(place, ROOT);
        }
        let volume = self.gluster.volumes.get(number).expect("given by its number");
        let set = volume.set_of(place);
        if volume.good(set).count() < volume.needed() {
            self.copies_mut(number).lost.push(set);
        }
    }

    /// Bricks, by their places in ascending order, have left the volume.
    pub(crate) fn forget_places(&mut self, number: u32, places: &[u32]) {
        let volume = self.gluster.volumes.get_mut(number).expect("given by its number");
        let Some(copies) = volume.rare.as_mut().and_then(|rare| rare.copies.as_mut()) else {
            return;
        };
        for of_places in [&mut copies.lacking, &mut copies.rootless] {
            let kept = std::mem::take(of_places).into_iter();
            *of_places = kept
                .filter(|(place, _)| places.binary_search(place).is_err())
                .map(|(place, count)| {
                    let before = places.partition_point(|gone| *gone < place);
                    (place - u32::try_from(before).unwrap_or(0), count)
                })
                .collect();
        }
    }

    /// Volumes that have lost what was written to them: at some moment no brick of a set had all of it.
    pub(crate) fn check_copies(&self, wrong: &mut Vec<String>) {
        for (_, volume) in self.gluster.volumes.iter() {
            for set in volume.copies().into_iter().flat_map(|copies| &copies.lost) {
                wrong.push(format!(
                    "volume {}: the last good copy of set {set} was thrown away",
                    self.names.read(&volume.name)
                ));
            }
        }
    }

    fn runs(&self, number: u32, place: usize) -> bool {
        let volume = self.gluster.volumes.get(number);
        let brick = volume.and_then(|volume| volume.bricks.get(place));
        brick.is_some_and(|brick| brick.process.is_some() && self.nodes[brick.node as usize].answers())
    }

    fn copies_mut(&mut self, number: u32) -> &mut Copies {
        let volume = self.gluster.volumes.get_mut(number).expect("given by its number");
        volume.rare().copies.get_or_insert_default()
    }
}
