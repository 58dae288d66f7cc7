//! What the bricks of a set tell themselves, each on its own node, where the heal summary does not tell enough.
//!
//! *Roots.* A brick that was just put in another one's place is empty. In a replicated set glusterd marks the roots of the
//! others as ahead of it, so they list it at once. In a dispersed set nobody does: the self-heal daemon heals the root of the
//! new one as soon as it sees all bricks of the set run, and until then (for ever, where no daemon runs) each brick lists
//! nothing. What tells is the version that GlusterFS keeps at each root, one number for what is in it and one for what it
//! is like: a new brick has none, and gets the others' when its root is healed. A client that looks at the root heals what
//! it is like and nothing more, so both numbers count. They are not compared: those of a volume that is in use grow between
//! two looks. The roots of a volume to which nobody ever wrote have none (all seen with 10.3).
//!
//! *Roots without a version.* A client tells the bricks the new version of a root a second after it changed something in it.
//! Where each one was gone by then, roots that hold files have no version of what is in them, and nobody heals anything from
//! them: a new brick stays empty, and gets the same version as the others with the next change. So no place is handed over before.
//!
//! *Names.* Where the old brick is out of reach, what it alone holds is what the others list differently: each lists, by
//! the id of the file, what any other one lacks, and not what it lacks itself. They are asked twice, since what is being
//! written shows up on one brick after the other: only what one lists both times and another neither time counts.

use std::collections::BTreeSet;

use mortar_argv::{Batch, Report};
use mortar_model::VolumeName;
use mortar_model::work::{BrickAddress, Facts, Failure, FailureKind, Goal, Thing, Verdict};

use crate::answer::{self, Unreadable};
use crate::{Settings, complaint, program};

const WHAT: &str = "what a brick tells itself";

/// How often each brick is asked, all of them each time before the first is asked again.
pub const ROUNDS: usize = 2;

/// What GlusterFS writes at the root of a brick of a dispersed volume.
const VERSION: &str = "trusted.ec.version";

/// What a brick told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told {
    /// The version of what is in its root, and of what the root is like; 0 where it has none.
    root: [u64; 2],
    /// Ids of files and folders that others lack.
    lists: BTreeSet<String>,
    /// Whether there is anything in its root.
    holds: bool,
}

/// The bricks that have to be asked themselves before `thing` counts as healed, or may be given up; none for most.
pub(crate) fn bricks(thing: &Thing, goal: Goal) -> Vec<BrickAddress> {
    match (thing, goal) {
        (Thing::Heal(spec), Goal::Present) if spec.pieces => spec.bricks.clone(),
        (Thing::Seat(spec), Goal::Absent) if spec.alike && spec.dead => spec.others.clone(),
        (Thing::Seat(spec), Goal::Absent) if spec.alike => {
            let old = std::iter::once(&spec.old);
            spec.others.iter().chain(old).cloned().collect()
        }
        _ => Vec::new(),
    }
}

pub(crate) fn ask(brick: &BrickAddress, settings: &Settings) -> Batch {
    let root = program::program(settings, "getfattr")
        .args(["--absolute-names", "--dump", "--encoding=hex", "--match"])
        .arg(format!("^{}$", VERSION.replace('.', "\\.")))
        .arg(&brick.path);
    let lists = program::program(settings, "find")
        .arg(format!("{}/.glusterfs/indices/xattrop", brick.path))
        .args(["-mindepth", "1", "-maxdepth", "1", "-not", "-name", "xattrop-*"])
        .args(["-printf", "%f\\n"]);
    let holds = program::program(settings, "find")
        .arg(&brick.path)
        .args(["-mindepth", "1", "-maxdepth", "1"])
        .args(["-not", "-name", ".glusterfs*", "-not", "-name", ".trashcan"])
        .args(["-print", "-quit"]);
    Batch::new().ask(root).ask(lists).ask(holds)
}

fn read(report: &Report) -> Result<Told, Unreadable> {
    let missing = || Unreadable::new(WHAT, "the brick's folder is not there");
    let root = answer::text_of(report, 0, WHAT)?.ok_or_else(missing)?;
    let lists = answer::text_of(report, 1, WHAT)?.ok_or_else(missing)?;
    let holds = answer::text_of(report, 2, WHAT)?.ok_or_else(missing)?;
    Ok(Told {
        root: version(root)?,
        lists: lists.lines().map(str::to_owned).collect(),
        holds: !holds.is_empty(),
    })
}

/// `trusted.ec.version=0x…`: two numbers of 16 digits each, of which GlusterFS before 3.6 had only the first.
fn version(text: &str) -> Result<[u64; 2], Unreadable> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(VERSION));
    let Some(value) = lines.next() else {
        return Ok([0, 0]);
    };
    let strange = || Unreadable::new(WHAT, format!("{VERSION}{value}"));
    let digits = value.strip_prefix("=0x").ok_or_else(strange)?;
    let number = |from: usize| {
        let part = digits.get(from..from + 16).ok_or_else(strange)?;
        u64::from_str_radix(part, 16).map_err(|_| strange())
    };
    match digits.len() {
        16 => Ok([number(0)?, 0]),
        32 => Ok([number(0)?, number(16)?]),
        _ => Err(strange()),
    }
}

/// What the answers mean. `rounds` holds, for each time they were asked, a report for each of [`bricks`] in their order.
pub(crate) fn judge(thing: &Thing, goal: Goal, rounds: &[Vec<Report>]) -> Verdict {
    let bricks = bricks(thing, goal);
    if bricks.is_empty() {
        return Verdict::Done(Facts::None);
    }
    let mut told = Vec::new();
    for round in rounds {
        let read = round
            .iter()
            .zip(&bricks)
            .map(|(report, brick)| hear(report, brick));
        match read.collect::<Result<Vec<_>, _>>() {
            Ok(round) => told.push(round),
            Err(verdict) => return verdict,
        }
    }
    let failed = match thing {
        Thing::Heal(spec) => bare(&told, bricks.len())
            .or_else(|| empty(&told))
            .map(|place| (FailureKind::Underway, bare_text(&bricks[place], &spec.name))),
        Thing::Seat(spec) => bare(&told, spec.others.len())
            .map(|place| bare_text(&bricks[place], &spec.name))
            .or_else(|| (spec.pieces && unversioned(&told)).then(|| unversioned_text(&spec.name)))
            .or_else(|| {
                apart(&told)
                    .filter(|_| spec.dead)
                    .map(|places| apart_text(&bricks, places))
            })
            .map(|reason| (FailureKind::Busy, reason)),
        _ => None,
    };
    failed.map_or(Verdict::Done(Facts::None), |(kind, reason)| {
        Verdict::Failed(Failure { kind, reason })
    })
}

fn hear(report: &Report, brick: &BrickAddress) -> Result<Told, Verdict> {
    let named = |why: &str| format!("{brick}: {why}");
    if let Some(why) = complaint::unreached(report) {
        return Err(complaint::failed(FailureKind::Unreached, named(&why)));
    }
    read(report).map_err(|why| Verdict::Unknown(named(&why.to_string())))
}

/// The first of the first `wanted` bricks whose root has nothing of what another one's has.
fn bare(told: &[Vec<Told>], wanted: usize) -> Option<usize> {
    let last = told.last()?;
    let ahead = |half: usize| last.iter().any(|told| told.root[half] > 0);
    let lacks = |told: &Told| (0..2).any(|half| told.root[half] == 0 && ahead(half));
    last.iter().take(wanted).position(lacks)
}

/// Whether bricks hold something of which none has a version.
fn unversioned(told: &[Vec<Told>]) -> bool {
    let Some(last) = told.last() else { return false };
    last.iter().any(|told| told.holds) && last.iter().all(|told| told.root[0] == 0)
}

/// The first brick that holds nothing while others do, and none has a version of it.
fn empty(told: &[Vec<Told>]) -> Option<usize> {
    let last = told.last().filter(|_| unversioned(told))?;
    last.iter().position(|told| !told.holds)
}

fn unversioned_text(name: &VolumeName) -> String {
    format!(
        "the roots of the bricks hold files, and GlusterFS has no version of that, without which it heals nothing to a new brick: each \
         client that changed something in the root of volume {name} was gone within a second (make a folder there through a mount, \
         and remove it some seconds later)"
    )
}

fn bare_text(brick: &BrickAddress, name: &VolumeName) -> String {
    format!(
        "{brick} is not healed from its root on, which a self-heal daemon does as soon as it sees all bricks of the set ('gluster \
         volume start {name} force' starts the daemons where they do not run)"
    )
}

/// A brick that listed something each time, and one that never did.
fn apart(told: &[Vec<Told>]) -> Option<(usize, usize)> {
    let (first, again) = (told.first()?, told.last()?);
    let stays = |place: usize| first[place].lists.intersection(&again[place].lists);
    let lacks = |place: usize, name: &String| {
        !first[place].lists.contains(name) && !again[place].lists.contains(name)
    };
    (0..first.len()).find_map(|one| {
        let other = (0..first.len()).find(|other| stays(one).any(|name| lacks(*other, name)))?;
        Some((one, other))
    })
}

fn apart_text(bricks: &[BrickAddress], (one, other): (usize, usize)) -> String {
    let [one, other] = [one, other].map(|place| &bricks[place]);
    format!(
        "{other} lacks files and folders that {one} has, and perhaps the silent one alone: they must be healed first"
    )
}

#[cfg(test)]
mod tests {
    use mortar_argv::{Outcome, Output, Report};
    use mortar_model::work::{BrickAddress, FailureKind, Goal, HealSpec, SeatSpec, Thing, Verdict};
    use mortar_model::{BrickId, HostName, VolumeId, VolumeName};

    use super::judge;

    const NEW: &str = "";
    const OLD: &str = "# file: /b\ntrusted.ec.version=0x00000000000000340000000000000035\n\n";

    fn at(number: u8) -> BrickAddress {
        BrickAddress {
            brick: BrickId::from_u128(number.into()),
            host: HostName::new(format!("n{number}")).unwrap(),
            path: "/b".into(),
        }
    }

    fn heal() -> Thing {
        Thing::Heal(HealSpec {
            volume: VolumeId::from_u128(1),
            name: VolumeName::new("data").unwrap(),
            bricks: vec![at(1), at(2), at(3)],
            pieces: true,
        })
    }

    fn seat(dead: bool) -> Thing {
        Thing::Seat(SeatSpec {
            volume: VolumeId::from_u128(1),
            name: VolumeName::new("data").unwrap(),
            old: at(1),
            new: at(4),
            others: vec![at(2), at(3)],
            dead,
            alike: true,
            pieces: true,
        })
    }

    fn told(root: &str, lists: &str) -> Report {
        told_full(root, lists, "/b/file\n")
    }

    fn told_full(root: &str, lists: &str, holds: &str) -> Report {
        let ran = |stdout: &str| {
            Outcome::Ran(Output {
                stdout: stdout.into(),
                ..Output::default()
            })
        };
        Report {
            outcomes: vec![ran(root), ran(lists), ran(holds)],
            broken: None,
        }
    }

    fn roots(thing: &Thing, goal: Goal, roots: &[&str]) -> Option<FailureKind> {
        let held = |root: &str| if root.is_empty() { "" } else { "/b/file\n" };
        let roots: Vec<[&str; 2]> = roots.iter().map(|root| [*root, held(root)]).collect();
        held_roots(thing, goal, &roots)
    }

    /// The root's version and what is in it, of each brick.
    fn held_roots(thing: &Thing, goal: Goal, roots: &[[&str; 2]]) -> Option<FailureKind> {
        let round = roots.iter().map(|[root, holds]| told_full(root, "", holds));
        let round: Vec<Report> = round.collect();
        kind(judge(thing, goal, &[round.clone(), round]))
    }

    fn kind(verdict: Verdict) -> Option<FailureKind> {
        match verdict {
            Verdict::Done(_) => None,
            Verdict::Failed(failure) => Some(failure.kind),
            Verdict::Unknown(why) => panic!("{why}"),
        }
    }

    #[test]
    fn a_brick_without_what_the_roots_of_others_have_is_not_healed() {
        // As after a client looked at the root, which heals what it is like and not what is in it.
        let half = "# file: /b\ntrusted.ec.version=0x00000000000000000000000000000035\n\n";
        let newer = "# file: /b\ntrusted.ec.version=0x00000000000000440000000000000045\n\n";
        let healed = |all: &[&str]| roots(&heal(), Goal::Present, all);
        for new in [NEW, half] {
            assert_eq!(healed(&[OLD, OLD, new]), Some(FailureKind::Underway));
            assert_eq!(healed(&[new, OLD, OLD]), Some(FailureKind::Underway));
        }
        assert_eq!(healed(&[OLD, newer, OLD]), None, "somebody writes");
        assert_eq!(healed(&[NEW, NEW, NEW]), None, "nobody ever wrote");
    }

    #[test]
    fn none_is_given_up_while_another_is_empty() {
        // In the order of those that stay, then the old one.
        let may = |all: &[&str]| roots(&seat(false), Goal::Absent, all);
        assert_eq!(may(&[OLD, OLD, OLD]), None);
        assert_eq!(may(&[OLD, OLD, NEW]), None, "the empty one itself");
        assert_eq!(may(&[OLD, NEW, OLD]), Some(FailureKind::Busy));
        assert_eq!(may(&[NEW, NEW, OLD]), Some(FailureKind::Busy));
        let dead = |all: &[&str]| roots(&seat(true), Goal::Absent, all);
        assert_eq!(dead(&[OLD, OLD]), None);
        assert_eq!(dead(&[OLD, NEW]), Some(FailureKind::Busy));
    }

    #[test]
    fn no_place_is_handed_over_while_roots_hold_what_has_no_version() {
        let half = "# file: /b\ntrusted.ec.version=0x00000000000000000000000000000035\n\n";
        let (full, busy) = ("/b/file\n", Some(FailureKind::Busy));
        let may = |all: &[[&str; 2]]| held_roots(&seat(false), Goal::Absent, all);
        for root in [NEW, half] {
            assert_eq!(may(&[[root, full]; 3]), busy, "{root}");
            assert_eq!(may(&[[root, ""]; 3]), None, "{root}: there is nothing to lose");
            let dead = held_roots(&seat(true), Goal::Absent, &[[root, full]; 2]);
            assert_eq!(dead, busy, "{root}");
        }
        assert_eq!(may(&[[OLD, full]; 3]), None);
        // An arbiter and the copies beside it have no versions.
        let Thing::Seat(mut spec) = seat(false) else {
            unreachable!()
        };
        spec.pieces = false;
        assert_eq!(
            held_roots(&Thing::Seat(spec), Goal::Absent, &[[NEW, full]; 3]),
            None
        );
        // As a move may have been left that began before this was looked at.
        let healed = |all: &[[&str; 2]]| held_roots(&heal(), Goal::Present, all);
        let underway = Some(FailureKind::Underway);
        assert_eq!(healed(&[[NEW, full], [NEW, full], [NEW, ""]]), underway);
        assert_eq!(healed(&[[NEW, ""]; 3]), None);
    }

    /// What two bricks list beside a dead one, each time they are asked.
    fn lists(rounds: [[&str; 2]; 2]) -> Option<FailureKind> {
        let rounds = rounds.map(|round| round.map(|names| told(OLD, names)).to_vec());
        kind(judge(&seat(true), Goal::Absent, &rounds))
    }

    #[test]
    fn what_others_list_beside_a_dead_one_is_compared_by_name() {
        assert_eq!(lists([["a\nb\n", "b\na\n"]; 2]), None);
        let busy = Some(FailureKind::Busy);
        assert_eq!(lists([["a\n", "b\n"]; 2]), busy, "as many, and others");
        assert_eq!(lists([["a\n", ""]; 2]), busy);
        assert_eq!(lists([["", "a\n"]; 2]), busy);
        assert_eq!(lists([["a\n", ""], ["a\n", "a\n"]]), None, "it was just written");
        assert_eq!(lists([["a\nb\n", "a\n"], ["a\n", "a\n"]]), None, "it is gone");
    }

    #[test]
    fn what_is_not_known_is_not_taken_for_healed() {
        let garbled = told("# file: /b\ntrusted.ec.version=0x12\n", "");
        let other = told(OLD, "");
        let round = vec![other.clone(), garbled, other.clone()];
        let verdict = judge(&heal(), Goal::Present, &[round.clone(), round]);
        assert!(matches!(verdict, Verdict::Unknown(_)), "{verdict:?}");
        let round = vec![other.clone(), Report::not_run(3, "no route"), other];
        let verdict = judge(&heal(), Goal::Present, &[round.clone(), round]);
        assert_eq!(kind(verdict), Some(FailureKind::Unreached));
    }
}
