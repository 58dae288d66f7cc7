//! What keeps bricks of a drain where they are, and when each of them is tried again. Nothing of it outlives the server.
//!
//! | what keeps a brick where it is | what the drain does |
//! |---|---|
//! | its volume is being healed, rebalanced or changed | waits, and looks again, at first often and then less |
//! | another brick of its set does not run, a node is away, its move failed | tries again a few times, each time after a longer pause |
//! | no device can take it, it has no copies, somebody cancelled its move | leaves it |
//! | its move needs attention | leaves that to whoever attends to it, and waits for it in the end |
//!
//! Other bricks move meanwhile. In the end everything is waited for no longer than [`DrainPlan::patience`], counted from when
//! the last brick moved.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mortar_model::{BrickId, OperationId, VolumeName};
use tokio::time::Instant;

use crate::tries::Tries;

/// How long drains wait, and how often they try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrainPlan {
    /// How often it is looked whether something has come about that is waited for. What nodes have to be asked for is asked
    /// for less and less often, at most [`Self::LOOKS`] times as long apart.
    pub look: Duration,
    /// How often a brick is tried that could not move, and may be able to later.
    pub tries: u32,
    /// Wait after the first of these tries; each further one is twice as long.
    pub pause: Duration,
    /// How long a drain waits while none of its bricks moves. Then it ends, and names those that are left.
    pub patience: Duration,
}

impl Default for DrainPlan {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(3),
            // The waits in between make about a quarter of an hour: longer than a node takes to start again.
            tries: 6,
            pause: Duration::from_secs(30),
            patience: Duration::from_secs(24 * 3600),
        }
    }
}

impl DrainPlan {
    /// The longest of the waits between two questions about the same brick, counted in looks.
    const LOOKS: u32 = 20;
    /// No wait is shorter, whatever is configured: nobody looks over and over without a pause.
    const LEAST: Duration = Duration::from_millis(1);

    /// The wait until the next look.
    pub(crate) fn look(&self) -> Duration {
        Self::at_least(self.look)
    }

    /// So long at least is waited for anything.
    pub(crate) fn at_least(wait: Duration) -> Duration {
        wait.max(Self::LEAST)
    }

    fn pause(&self) -> Duration {
        Self::at_least(self.pause)
    }
}

/// What keeps a brick where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It passes: it is waited for.
    Passes(String),
    /// It may pass: the brick is tried again, a few times.
    MayPass(String),
    /// It stays.
    Stays(String),
}

impl Hold {
    /// The same with the volume's name.
    pub(crate) fn of(self, volume: &VolumeName) -> Self {
        let named = |why: String| format!("volume {volume}: {why}");
        match self {
            Self::Passes(why) => Self::Passes(named(why)),
            Self::MayPass(why) => Self::MayPass(named(why)),
            Self::Stays(why) => Self::Stays(named(why)),
        }
    }
}

/// A move of one of its bricks that has not ended.
#[derive(Clone, Debug)]
struct Move {
    brick: BrickId,
    /// How far it is, in words.
    far: String,
    /// It needs attention now.
    waits: bool,
    /// It needed attention at some time: others do not wait for it any more.
    beside: bool,
}

/// What a drain remembers.
#[derive(Default)]
pub(crate) struct Drain {
    moves: BTreeMap<OperationId, Move>,
    holds: BTreeMap<BrickId, Hold>,
    tries: Tries<BrickId>,
    looks: Tries<BrickId>,
    /// Since when none of its bricks moves.
    idle: Option<Instant>,
}

impl Drain {
    /// Moves that have not ended, and their bricks.
    pub(crate) fn moves(&self) -> Vec<(OperationId, BrickId)> {
        let moves = self.moves.iter();
        moves.map(|(mover, found)| (*mover, found.brick)).collect()
    }

    /// Moves for which the next ones do not wait any more.
    pub(crate) fn beside(&self) -> BTreeSet<OperationId> {
        let beside = self.moves.iter().filter(|(_, found)| found.beside);
        beside.map(|(mover, _)| *mover).collect()
    }

    /// The move of one of its bricks is under way.
    pub(crate) fn begins(&mut self, mover: OperationId, brick: BrickId) {
        self.idle = None;
        self.moves.entry(mover).or_insert_with(|| Move {
            brick,
            far: "under way".into(),
            waits: false,
            beside: false,
        });
    }

    /// How far a move is.
    pub(crate) fn sees(&mut self, mover: OperationId, far: String, waits: bool) {
        if let Some(found) = self.moves.get_mut(&mover) {
            (found.far, found.waits) = (far, waits);
            found.beside |= waits;
        }
    }

    /// A move has ended; its brick may still be there.
    pub(crate) fn ends(&mut self, mover: OperationId, hold: Option<Hold>, plan: &DrainPlan) {
        if let Some(ended) = self.moves.remove(&mover)
            && let Some(hold) = hold
        {
            self.holds(ended.brick, hold, plan);
        }
    }

    /// A brick could not move.
    pub(crate) fn holds(&mut self, brick: BrickId, hold: Hold, plan: &DrainPlan) {
        match hold {
            Hold::Passes(_) => {
                let longest = plan.look().saturating_mul(DrainPlan::LOOKS);
                self.looks.begin(brick, plan.look(), longest);
            }
            Hold::MayPass(_) => self.tries.begin(brick, plan.pause(), Duration::MAX),
            Hold::Stays(_) => {}
        }
        self.holds.insert(brick, hold);
    }

    /// Forgets bricks that are not there any more, and notes whether one moves now.
    pub(crate) fn settle(&mut self, left: &BTreeSet<BrickId>) {
        self.holds.retain(|brick, _| left.contains(brick));
        self.tries.retain(|brick| left.contains(brick));
        self.looks.retain(|brick| left.contains(brick));
        if self.mover().is_some() {
            self.idle = None;
        } else {
            self.idle.get_or_insert_with(Instant::now);
        }
    }

    /// The move for which the next one waits.
    fn mover(&self) -> Option<(&OperationId, &Move)> {
        self.moves.iter().find(|(_, found)| !found.beside)
    }

    /// How far the move is for which the next one waits, in words.
    pub(crate) fn moving(&self) -> Option<String> {
        let told = self.mover().map(|(mover, found)| found.told(*mover))?;
        let waits: Vec<_> = self.moves.iter().filter(|(_, found)| found.waits).collect();
        Some(match waits.as_slice() {
            [] => told,
            [(one, _)] => format!("{told}; operation {one} needs attention"),
            more => format!("{told}; {} other moves need attention", more.len()),
        })
    }

    /// How far one of the moves is that go on, whether others wait for it or not.
    pub(crate) fn going_on(&self) -> Option<String> {
        let mut moves = self.moves.iter().filter(|(_, found)| !found.waits);
        moves.next().map(|(mover, found)| found.told(*mover))
    }

    /// Whether the brick may be tried now.
    pub(crate) fn is_due(&self, brick: BrickId, plan: &DrainPlan) -> bool {
        let moves = self.moves.values().any(|found| found.brick == brick);
        !moves
            && match self.holds.get(&brick) {
                None => true,
                Some(Hold::Passes(_)) => self.looks.may(&brick),
                Some(Hold::MayPass(_)) => self.tries_left(brick, plan) && self.tries.may(&brick),
                Some(Hold::Stays(_)) => false,
            }
    }

    fn tries_left(&self, brick: BrickId, plan: &DrainPlan) -> bool {
        self.tries.times(&brick) < plan.tries
    }

    /// Whether nothing is waited for any more.
    pub(crate) fn is_over(&self, plan: &DrainPlan) -> bool {
        self.idle.is_some_and(|since| since.elapsed() >= plan.patience)
    }

    /// What is waited for on behalf of this brick, in words; nothing where that is over.
    pub(crate) fn waits(&self, brick: BrickId, plan: &DrainPlan) -> Option<String> {
        if self.is_over(plan) {
            return None;
        }
        if let Some((mover, found)) = self.moves.iter().find(|(_, found)| found.brick == brick) {
            return Some(found.told(*mover));
        }
        match self.holds.get(&brick) {
            None => Some(format!("brick {brick} is to be moved")),
            Some(Hold::Passes(why)) => Some(format!("brick {brick} waits: {why}")),
            Some(Hold::MayPass(why)) => self.tries_left(brick, plan).then(|| {
                let tries = self.tries.times(&brick);
                format!("brick {brick} is tried again ({tries} of {}): {why}", plan.tries)
            }),
            Some(Hold::Stays(_)) => None,
        }
    }

    /// Why the brick is still there when the drain ends, and what to do where that does not say it.
    pub(crate) fn verdict(&self, brick: BrickId, plan: &DrainPlan) -> String {
        if let Some((mover, found)) = self.moves.iter().find(|(_, found)| found.brick == brick) {
            return format!(
                "{}. 'mortar operation info {mover}' tells more; drain it again when that has ended",
                found.told(*mover)
            );
        }
        match self.holds.get(&brick) {
            None => "it came meanwhile: drain it again".to_owned(),
            Some(Hold::Stays(why)) => why.clone(),
            Some(Hold::MayPass(why)) => format!(
                "{why}. It was tried {} times; drain it again when that is mended",
                self.tries.times(&brick)
            ),
            Some(Hold::Passes(why)) => format!(
                "{why}. That did not pass within {} while no other brick moved; drain it again when it has",
                in_words(plan.patience)
            ),
        }
    }
}

impl Move {
    fn told(&self, mover: OperationId) -> String {
        format!("operation {mover} moves brick {}: {}", self.brick, self.far)
    }
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 3600 => format!("{} h", seconds / 3600),
        seconds => format!("{seconds} s"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use mortar_model::{BrickId, OperationId};
    use tokio::time::advance;

    use super::{Drain, DrainPlan, Hold};

    const BRICK: BrickId = BrickId::from_u128(1);
    const MOVER: OperationId = OperationId::from_u128(2);

    /// How long the brick is not due, in steps of a second.
    async fn pause(drain: &Drain, plan: &DrainPlan) -> u64 {
        let mut seconds = 0;
        while !drain.is_due(BRICK, plan) {
            advance(Duration::from_secs(1)).await;
            seconds += 1;
            assert!(seconds < 10_000, "never again");
        }
        seconds
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_pass_is_tried_a_few_times_and_less_and_less_often() {
        let plan = DrainPlan::default();
        let mut drain = Drain::default();
        let hold = || Hold::MayPass("it is down".into());
        for wait in [30, 60, 120, 240, 480] {
            drain.holds(BRICK, hold(), &plan);
            assert!(
                drain
                    .waits(BRICK, &plan)
                    .is_some_and(|told| told.contains("it is down"))
            );
            assert_eq!(pause(&drain, &plan).await, wait);
        }
        drain.holds(BRICK, hold(), &plan);
        advance(Duration::from_secs(100_000)).await;
        assert!(!drain.is_due(BRICK, &plan));
        assert_eq!(drain.waits(BRICK, &plan), None);
        let why = drain.verdict(BRICK, &plan);
        assert!(
            why.contains("it is down") && why.contains("tried 6 times"),
            "{why}"
        );
    }

    /// It is asked for less and less often, not more rarely than once a minute, and not for ever.
    #[tokio::test(start_paused = true)]
    async fn what_passes_is_looked_at_until_patience_ends() {
        let plan = DrainPlan::default();
        let mut drain = Drain::default();
        drain.settle(&BTreeSet::from([BRICK]));
        for wait in [3, 6, 12, 24, 48, 60, 60] {
            drain.holds(BRICK, Hold::Passes("it is healed".into()), &plan);
            assert_eq!(pause(&drain, &plan).await, wait);
            assert!(drain.waits(BRICK, &plan).is_some());
        }
        // Another brick moves: from its end on it is waited anew.
        advance(plan.patience).await;
        drain.begins(MOVER, BrickId::from_u128(3));
        drain.ends(MOVER, None, &plan);
        drain.settle(&BTreeSet::from([BRICK]));
        assert!(drain.waits(BRICK, &plan).is_some());
        advance(plan.patience).await;
        assert_eq!(drain.waits(BRICK, &plan), None);
        let why = drain.verdict(BRICK, &plan);
        assert!(
            why.contains("it is healed") && why.contains("within 24 h"),
            "{why}"
        );
    }

    /// A move that needed attention is not what the next one waits for, even when it goes on; nor does it keep the drain for ever.
    #[tokio::test(start_paused = true)]
    async fn a_move_that_needs_attention_holds_up_nobody() {
        let plan = DrainPlan::default();
        let mut drain = Drain::default();
        let left = BTreeSet::from([BRICK]);
        drain.begins(MOVER, BRICK);
        drain.settle(&left);
        assert!(drain.moving().is_some() && !drain.is_due(BRICK, &plan));
        for waits in [true, false, true] {
            drain.sees(MOVER, "how far".into(), waits);
            drain.settle(&left);
            assert_eq!((drain.moving(), drain.is_due(BRICK, &plan)), (None, false));
            assert_eq!(drain.going_on().is_some(), !waits);
            assert!(
                drain
                    .waits(BRICK, &plan)
                    .is_some_and(|told| told.contains("how far"))
            );
        }
        advance(plan.patience).await;
        assert_eq!(drain.waits(BRICK, &plan), None);
        let why = drain.verdict(BRICK, &plan);
        assert!(
            why.contains("how far") && why.contains("mortar operation info"),
            "{why}"
        );
    }
}
