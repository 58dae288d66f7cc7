//! What is typed on a node: argv builders for LVM, XFS, mounts and gluster, and parsers of their answers.
//!
//! For each [`Thing`] this room answers five questions, all of them by pure functions: what to run to [`look`] at it,
//! to [`make`] it, to [`resume`] one that is half made, and to [`unmake`] it; and what the answers mean
//! ([`judge_look`], [`judge`]). [`query`] has the questions that belong to no thing of a plan.
//!
//! | batch | when it is used | what it may find |
//! |---|---|---|
//! | `look` | the state is not known, or [`Thing::look_first`] | anything; changes nothing |
//! | `make` | surely absent | nothing half made; guards are shell built-ins, so a fresh brick pays for no test |
//! | `resume` | a look said [`Seen::Partial`] | every half-made and half-undone state |
//! | `unmake` | any time | every state, even if the thing is long gone |
//!
//! All names and paths come from [`mortar_model::layout`], including those of bricks that Heketi made. This room knows
//! the tools and their messages; it does not know how a batch reaches a node, why a thing is wanted, or what happens
//! next. No I/O, no clock, no async.

mod added_bricks;
mod answer;
mod block;
mod brick;
mod changed_options;
mod complaint;
mod copies;
mod copy;
mod daemon;
mod device;
mod heal;
mod identity;
mod member;
mod node_file;
mod peer;
mod program;
pub mod query;
mod rebalance;
mod seat;
mod settings;
mod started;
mod stopped;
mod volume;
mod volume_options;
mod witness;

use mortar_argv::{Batch, Report};
use mortar_model::work::{BrickAddress, Goal, Seen, Thing, Verdict};

pub use answer::Unreadable;
pub use complaint::{glusterd_down, not_served};
pub use settings::Settings;
pub use volume::Knows;
pub use witness::ROUNDS as WITNESS_ROUNDS;

/// What to run to see whether `thing` is there. Changes nothing.
pub fn look(thing: &Thing, settings: &Settings) -> Batch {
    match thing {
        Thing::Peer(_) => peer::look(settings),
        Thing::Device(spec) => device::look(spec, settings),
        Thing::Brick(spec) => brick::look(spec, settings),
        Thing::Volume(spec) => volume::look(&spec.name, settings),
        Thing::AddedBricks(spec) => volume::look(&spec.name, settings),
        Thing::Copies(spec) => volume::look(&spec.name, settings),
        Thing::Rebalance(spec) => rebalance::look(spec, settings),
        Thing::Seat(spec) => volume::look(&spec.name, settings),
        Thing::Heal(spec) => heal::look(spec, settings),
        // Each moves by an operation of its own.
        Thing::Bricks(_) => Batch::new(),
        Thing::NodeFile(_) => node_file::look(settings),
        Thing::Mount(spec) => brick::again::look(spec, settings),
        Thing::Started(spec) => started::look(spec, settings),
        Thing::VolumeOptions(spec) => volume_options::look(spec, settings),
        Thing::ChangedOptions(spec) => changed_options::look(spec, settings),
        Thing::Remains(spec) => brick::remains::look(spec, settings),
        Thing::Member(spec) => member::look(spec, settings),
        Thing::Identity(_) => identity::look(settings),
        Thing::Growth(spec) => brick::growth::look(spec, settings),
        Thing::DeviceSize(spec) => device::size::look(spec, settings),
        Thing::Copy(spec) => copy::look(spec, settings),
        Thing::Stopped(spec) => volume::look(&spec.name, settings),
        Thing::Block(spec) => block::look(spec, settings),
    }
}

/// What the report of [`look`] says about `thing`.
///
/// For a device, `Absent` means that it may be made: a bare disk, an empty directory, or one that the spec
/// allows to destroy. Whatever else is found there is `Foreign`, with the way on.
pub fn judge_look(thing: &Thing, report: &Report) -> Seen {
    if let Some(why) = complaint::unreached(report) {
        return Seen::Unreached(why);
    }
    let seen = match thing {
        Thing::Peer(spec) => peer::judge_look(spec, report),
        Thing::Device(spec) => device::judge_look(spec, report),
        Thing::Brick(spec) => brick::judge_look(spec, report),
        Thing::Volume(spec) => volume::judge_look(spec, report),
        Thing::AddedBricks(spec) => added_bricks::judge_look(spec, report),
        Thing::Copies(spec) => copies::judge_look(spec, report),
        Thing::Rebalance(_) => rebalance::judge_look(report),
        Thing::Seat(spec) => seat::judge_look(spec, report),
        Thing::Heal(spec) => heal::judge_look(spec, report),
        Thing::Bricks(_) => Ok(Seen::Unknown("no command tells where bricks are".into())),
        Thing::NodeFile(spec) => node_file::judge_look(spec, report),
        Thing::Mount(spec) => brick::again::judge_look(spec, report),
        Thing::Started(spec) => started::judge_look(spec, report),
        Thing::VolumeOptions(spec) => volume_options::judge_look(spec, report),
        Thing::ChangedOptions(spec) => changed_options::judge_look(spec, report),
        Thing::Remains(spec) => brick::remains::judge_look(spec, report),
        Thing::Member(spec) => member::judge_look(spec, report),
        Thing::Identity(spec) => identity::judge_look(spec, report),
        Thing::Growth(spec) => brick::growth::judge_look(spec, report),
        Thing::DeviceSize(spec) => device::size::judge_look(spec, report),
        Thing::Copy(spec) => copy::judge_look(spec, report),
        Thing::Stopped(spec) => stopped::judge_look(spec, report),
        Thing::Block(spec) => block::judge_look(spec, report),
    };
    match seen {
        Ok(Seen::Partial(text)) => Seen::Partial(complaint::shown(&text)),
        Ok(Seen::Foreign(text)) => Seen::Foreign(complaint::shown(&text)),
        Ok(Seen::Unknown(text)) => Seen::Unknown(complaint::shown(&text)),
        Ok(seen) => seen,
        Err(unreadable) => Seen::Unknown(complaint::shown(&unreadable.to_string())),
    }
}

/// What to run to make `thing` where it is surely absent.
///
/// Run again over what an earlier run left, it either succeeds or is judged `Unknown`, so that a look follows
/// and then [`resume`].
pub fn make(thing: &Thing, settings: &Settings) -> Batch {
    match thing {
        Thing::Peer(spec) => peer::make(spec, settings),
        Thing::Device(spec) => device::make(spec, settings),
        Thing::Brick(spec) => brick::make(spec, settings),
        Thing::Volume(spec) => volume::make(spec, settings),
        Thing::AddedBricks(spec) => added_bricks::make(spec, settings),
        Thing::Copies(spec) => copies::make(spec, settings),
        Thing::Rebalance(spec) => rebalance::make(spec, settings),
        // The old brick missed what was written since: it has no way back into its place.
        Thing::Seat(_) => Batch::new().run(program::program(settings, "false")),
        Thing::Heal(spec) => heal::make(spec, settings),
        Thing::Bricks(_) => Batch::new(),
        Thing::NodeFile(spec) => node_file::make(spec, settings),
        Thing::Mount(spec) => brick::again::make(spec, settings),
        Thing::Started(spec) => started::make(spec, settings),
        Thing::VolumeOptions(spec) => volume_options::make(spec, settings),
        Thing::ChangedOptions(spec) => changed_options::make(spec, settings),
        // Nothing is made of what is in no record.
        Thing::Remains(_) => Batch::new().run(program::program(settings, "false")),
        Thing::Member(spec) => member::make(spec, settings),
        Thing::Identity(spec) => identity::make(spec, settings),
        Thing::Growth(spec) => brick::growth::make(spec, settings),
        Thing::DeviceSize(spec) => device::size::make(spec, settings),
        Thing::Copy(spec) => copy::make(spec, settings),
        Thing::Stopped(spec) => stopped::make(spec, settings),
        Thing::Block(spec) => block::make(spec, settings),
    }
}

/// What is left to make after a look said `seen`: nothing when present, all when absent, the rest when partial.
/// A foreign or unknown thing is not touched: its batch changes nothing and fails.
pub fn resume(thing: &Thing, settings: &Settings, seen: &Seen) -> Batch {
    match seen {
        Seen::Present(_) => return present(thing, settings),
        Seen::Absent => return make(thing, settings),
        Seen::Partial(_) => {}
        Seen::Foreign(_) | Seen::Unknown(_) | Seen::Unreached(_) | Seen::Away(_) => {
            return Batch::new().run(program::program(settings, "false"));
        }
    }
    match thing {
        Thing::Peer(spec) => peer::make(spec, settings),
        Thing::Device(spec) => device::resume(spec, settings),
        Thing::Brick(spec) => brick::resume(spec, settings),
        Thing::Volume(spec) => volume::resume(spec, settings),
        Thing::AddedBricks(spec) => added_bricks::resume(spec, settings),
        Thing::Copies(spec) => copies::make(spec, settings),
        Thing::Rebalance(spec) => rebalance::make(spec, settings),
        // The old brick missed what was written since: it has no way back into its place.
        Thing::Seat(_) => Batch::new().run(program::program(settings, "false")),
        Thing::Heal(spec) => heal::make(spec, settings),
        Thing::Bricks(_) => Batch::new(),
        Thing::NodeFile(spec) => node_file::make(spec, settings),
        Thing::Mount(spec) => brick::again::make(spec, settings),
        Thing::Started(spec) => started::make(spec, settings),
        Thing::VolumeOptions(spec) => volume_options::make(spec, settings),
        Thing::ChangedOptions(spec) => changed_options::make(spec, settings),
        // Nothing is made of what is in no record.
        Thing::Remains(_) => Batch::new().run(program::program(settings, "false")),
        Thing::Member(spec) => member::make(spec, settings),
        Thing::Identity(spec) => identity::resume(spec, settings),
        Thing::Growth(spec) => brick::growth::resume(spec, settings),
        Thing::DeviceSize(spec) => device::size::make(spec, settings),
        Thing::Copy(spec) => copy::make(spec, settings),
        Thing::Stopped(spec) => stopped::make(spec, settings),
        Thing::Block(spec) => block::resume(spec, settings),
    }
}

/// Nothing is left to make: only the facts are asked for again.
fn present(thing: &Thing, settings: &Settings) -> Batch {
    match thing {
        Thing::Device(spec) => device::facts(spec, settings),
        _ => Batch::new(),
    }
}

/// What to run to remove `thing`, in whatever state it is. What is gone already stays gone.
pub fn unmake(thing: &Thing, settings: &Settings) -> Batch {
    match thing {
        Thing::Peer(spec) => peer::unmake(spec, settings),
        Thing::Device(spec) => device::unmake(spec, settings),
        Thing::Brick(spec) => brick::unmake(spec, settings),
        Thing::Volume(spec) => volume::unmake(spec, settings),
        Thing::AddedBricks(spec) => added_bricks::unmake(spec, settings),
        // Files that have moved are where they belong: there is nothing to take back.
        Thing::Rebalance(_) => Batch::new(),
        Thing::Copies(spec) => copies::unmake(spec, settings),
        Thing::Seat(spec) => seat::unmake(spec, settings),
        // Copies that are alike are left so.
        Thing::Heal(_) | Thing::Bricks(_) => Batch::new(),
        Thing::NodeFile(_) => node_file::unmake(settings),
        // What was mended stays so: nothing here was made that could be in the way.
        Thing::Mount(_) | Thing::Started(_) | Thing::VolumeOptions(_) => Batch::new(),
        Thing::ChangedOptions(spec) => changed_options::unmake(spec, settings),
        Thing::Remains(spec) => brick::remains::unmake(spec, settings),
        Thing::Member(spec) => member::unmake(spec, settings),
        Thing::Identity(spec) => identity::unmake(spec, settings),
        Thing::Growth(spec) => brick::growth::unmake(spec, settings),
        // It has what its disk has.
        Thing::DeviceSize(_) => Batch::new(),
        Thing::Copy(spec) => copy::unmake(spec, settings),
        Thing::Stopped(spec) => stopped::unmake(spec, settings),
        Thing::Block(spec) => block::unmake(spec, settings),
    }
}

/// What to run right before `thing` is made or unmade, however often that is tried: only when [`judge_before`] says that
/// it is done, the other may be begun. `None` where nothing has to hold.
pub fn before(thing: &Thing, goal: Goal, settings: &Settings) -> Option<Batch> {
    match (thing, goal) {
        (Thing::Seat(spec), Goal::Absent) => Some(seat::before(spec, settings)),
        (Thing::Copies(spec), Goal::Absent) => Some(copies::before(spec, settings)),
        _ => None,
    }
}

/// What the report of [`before`] says.
pub fn judge_before(thing: &Thing, report: &Report) -> Verdict {
    let verdict = match thing {
        Thing::Seat(spec) => seat::judge_before(spec, report),
        Thing::Copies(spec) => copies::judge_before(spec, report),
        _ => complaint::judge(report, complaint::nothing_tolerated),
    };
    clean(verdict)
}

/// The bricks that have to be asked on their own nodes before `thing` counts as it is to be, or may become so: what a member
/// of the pool tells is not enough there. None for most things.
pub fn witnesses(thing: &Thing, goal: Goal) -> Vec<BrickAddress> {
    witness::bricks(thing, goal)
}

/// What to run on such a brick's node. All are asked [`WITNESS_ROUNDS`] times, one round after the other. Changes nothing.
pub fn ask_witness(brick: &BrickAddress, settings: &Settings) -> Batch {
    witness::ask(brick, settings)
}

/// What the answers say: for each round a report of each of [`witnesses`], in their order.
pub fn judge_witnesses(thing: &Thing, goal: Goal, rounds: &[Vec<Report>]) -> Verdict {
    clean(witness::judge(thing, goal, rounds))
}

/// What to run on each member of a pool to see whether it still has a record of its own of `thing`, from which the others
/// would take it over; `None` for things that no member could bring back.
pub fn record(thing: &Thing, settings: &Settings) -> Option<Batch> {
    match thing {
        Thing::Volume(spec) => Some(volume::record(spec, settings)),
        Thing::Peer(_) => Some(peer::look(settings)),
        _ => None,
    }
}

/// What the report of [`record`] says.
///
/// # Errors
/// The member did not answer, or not in a way that is understood.
pub fn judge_record(thing: &Thing, report: &Report) -> Result<Knows, Unreadable> {
    match thing {
        Thing::Peer(spec) => peer::judge_record(spec, report),
        _ => volume::judge_record(report),
    }
}

/// Whether the report of a [`make`] says that the peer is a member which others reject: then it is in its pool, and to be
/// cured.
pub fn is_rejected(thing: &Thing, report: &Report) -> bool {
    matches!(thing, Thing::Peer(spec) if peer::is_rejected(spec, report))
}

/// Whether a member that was asked for its [`record`] of a peer reaches it. Of anything else it is not asked.
pub fn is_connected(thing: &Thing, report: &Report) -> bool {
    matches!(thing, Thing::Peer(spec) if peer::is_connected(spec, report))
}

/// What to run before what failed in this way, or the look [`before`] it, is tried again; `None` where nothing is. What it says
/// does not count: whether it helped shows at the next try.
pub fn amends(thing: &Thing, goal: Goal, verdict: &Verdict, settings: &Settings) -> Option<Batch> {
    match (thing, goal) {
        (Thing::AddedBricks(spec), Goal::Absent) => added_bricks::amends(spec, verdict, settings),
        (Thing::Seat(spec), Goal::Absent) => heal::hasten(&spec.name, verdict, settings),
        (Thing::Copies(spec), Goal::Absent) => heal::hasten(&spec.name, verdict, settings),
        (Thing::Copy(spec), Goal::Present) => heal::hasten(spec.name.as_ref()?, verdict, settings),
        _ => None,
    }
}

/// What the report of [`make`], [`resume`] (goal present) or [`unmake`] (goal absent) says about `thing`.
pub fn judge(thing: &Thing, goal: Goal, report: &Report) -> Verdict {
    clean(verdict(thing, goal, report))
}

/// What came from a node, fit to be shown.
fn clean(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Failed(failure) => complaint::failed(failure.kind, complaint::shown(&failure.reason)),
        Verdict::Unknown(text) => Verdict::Unknown(complaint::shown(&text)),
        done @ Verdict::Done(_) => done,
    }
}

fn verdict(thing: &Thing, goal: Goal, report: &Report) -> Verdict {
    match (thing, goal) {
        (Thing::Peer(spec), Goal::Present) => peer::judge_made(spec, report),
        (Thing::Peer(spec), Goal::Absent) => peer::judge_unmade(spec, report),
        (Thing::Device(spec), Goal::Present) => device::judge_made(spec, report),
        (Thing::Device(_), Goal::Absent) => device::judge_unmade(report),
        (Thing::Brick(_), Goal::Present) => brick::judge_made(report),
        (Thing::Brick(_), Goal::Absent) => brick::judge_unmade(report),
        (Thing::Volume(_), Goal::Present) => volume::judge_made(report),
        (Thing::Volume(spec), Goal::Absent) => volume::judge_unmade(spec, report),
        (Thing::AddedBricks(_), Goal::Present) => added_bricks::judge_made(report),
        (Thing::AddedBricks(spec), Goal::Absent) => added_bricks::judge_unmade(spec, report),
        (Thing::Copies(_), Goal::Present) => copies::judge_made(report),
        (Thing::Copies(_), Goal::Absent) => copies::judge_unmade(report),
        (Thing::Rebalance(_), Goal::Present) => rebalance::judge_made(report),
        (Thing::Seat(_), Goal::Absent) => seat::judge_unmade(report),
        (Thing::Heal(spec), Goal::Present) => heal::judge_made(spec, report),
        (Thing::Mount(spec), Goal::Present) => brick::again::judge_made(spec, report),
        (Thing::Started(spec), Goal::Present) => started::judge_made(spec, report),
        (Thing::VolumeOptions(_), Goal::Present) => volume_options::judge_made(report),
        (Thing::ChangedOptions(_), Goal::Present) => changed_options::judge_made(report),
        (Thing::ChangedOptions(spec), Goal::Absent) => changed_options::judge_unmade(spec, report),
        (Thing::Remains(spec), Goal::Absent) => brick::remains::judge_unmade(spec, report),
        (Thing::Member(spec), Goal::Present) => member::judge_made(spec, report),
        (Thing::Member(_), Goal::Absent) => member::judge_unmade(report),
        (Thing::Identity(spec), Goal::Present) => identity::judge_made(spec, report),
        (Thing::Identity(_), Goal::Absent) => identity::judge_unmade(report),
        (Thing::Growth(spec), Goal::Present) => brick::growth::judge_made(spec, report),
        (Thing::DeviceSize(spec), Goal::Present) => device::size::judge_made(spec, report),
        (Thing::Copy(spec), Goal::Present) => copy::judge_made(spec, report),
        (Thing::Copy(_), Goal::Absent) => copy::judge_unmade(report),
        (Thing::Stopped(_), Goal::Present) => stopped::judge_made(report),
        (Thing::Stopped(spec), Goal::Absent) => started::judge_made(spec, report),
        (Thing::Block(spec), Goal::Present) => block::judge_made(spec, report),
        (Thing::Block(_), Goal::Absent) => block::judge_unmade(report),
        (
            Thing::Rebalance(_)
            | Thing::Heal(_)
            | Thing::Mount(_)
            | Thing::Started(_)
            | Thing::VolumeOptions(_)
            | Thing::Growth(_)
            | Thing::DeviceSize(_),
            Goal::Absent,
        )
        | (Thing::Seat(_), Goal::Present)
        | (Thing::Bricks(_) | Thing::NodeFile(_), _)
        | (Thing::Remains(_), Goal::Present) => complaint::judge(report, complaint::nothing_tolerated),
    }
}
