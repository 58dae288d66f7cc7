//! Colours, and bars that show how full a thing is.

use std::fmt;

use mortar_api::{NodeHealth, Phase, SightState, StepState};

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Paint {
    colour: bool,
}

/// Cells of a bar.
const CELLS: u64 = 10;

impl Paint {
    /// Without colours.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { colour: false };

    /// With colours, or without.
    pub(crate) const fn new(colour: bool) -> Self {
        Self { colour }
    }

    fn wrap(self, code: &str, text: impl fmt::Display) -> String {
        if self.colour {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_string()
        }
    }

    /// As it should be.
    pub(crate) fn good(self, text: impl fmt::Display) -> String {
        self.wrap("32", text)
    }

    /// Worth a look.
    pub(crate) fn fair(self, text: impl fmt::Display) -> String {
        self.wrap("33", text)
    }

    /// Not as it should be.
    pub(crate) fn bad(self, text: impl fmt::Display) -> String {
        self.wrap("31", text)
    }

    /// The thing itself, among its values.
    pub(crate) fn strong(self, text: impl fmt::Display) -> String {
        self.wrap("1", text)
    }

    /// Of less weight.
    pub(crate) fn faint(self, text: impl fmt::Display) -> String {
        self.wrap("2", text)
    }

    /// Whether a node or device takes new bricks.
    pub(crate) fn state(self, state: &str) -> String {
        match state {
            "online" => self.good(state),
            "offline" => self.fair(state),
            _ => self.bad(state),
        }
    }

    /// How a node is.
    pub(crate) fn health(self, health: NodeHealth) -> String {
        match health {
            NodeHealth::Answers => self.good("answers"),
            NodeHealth::Away => self.bad("away"),
            NodeHealth::Unknown => self.fair("not told"),
        }
    }

    /// How far an operation is.
    pub(crate) fn phase(self, phase: Phase) -> String {
        match phase {
            Phase::Done => self.good(phase),
            Phase::Waiting | Phase::Running | Phase::WaitingForNode | Phase::Unknown => self.fair(phase),
            Phase::Undoing | Phase::Undone | Phase::NeedsAttention => self.bad(phase),
        }
    }

    /// How far a step is.
    pub(crate) fn step(self, state: StepState) -> String {
        match state {
            StepState::Done => self.good(state),
            StepState::Waiting => self.faint(state),
            StepState::Running | StepState::Undone | StepState::Deferred => self.fair(state),
            StepState::Failed | StepState::Unknown => self.bad(state),
        }
    }

    /// How what is seen stands to what is recorded, with a mark that needs no colour.
    pub(crate) fn sight(self, state: SightState) -> String {
        match state {
            SightState::Ok => self.good("✓ ok"),
            SightState::Missing => self.bad("✗ missing"),
            SightState::Different => self.bad("≠ different"),
            SightState::Unknown => self.fair("? not seen"),
        }
    }

    /// `used` of `total` as a bar with its percent. A thing that holds anything shows at least one cell, one
    /// that is not full shows at least one empty one.
    pub(crate) fn bar(self, used: u64, total: u64) -> String {
        if total == 0 {
            return format!("[{}]   – ", "·".repeat(CELLS as usize));
        }
        let share =
            |parts: u64| (u128::from(used) * u128::from(parts) / u128::from(total)).min(u128::from(parts));
        let percent = share(100);
        let mut cells = share(CELLS) as usize;
        if used > 0 {
            cells = cells.max(1);
        }
        if used < total {
            cells = cells.min(CELLS as usize - 1);
        }
        let full = "█".repeat(cells);
        let full = match percent {
            0..75 => self.good(full),
            75..90 => self.fair(full),
            _ => self.bad(full),
        };
        format!(
            "[{full}{}] {percent:>3}%",
            self.faint("·".repeat(CELLS as usize - cells))
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Paint;

    #[test]
    fn a_bar_shows_the_first_and_the_last_bit() {
        for (used, total, bar) in [
            (0, 100, "[··········]   0%"),
            (1, 1000, "[█·········]   0%"),
            (55, 100, "[█████·····]  55%"),
            (999, 1000, "[█████████·]  99%"),
            (100, 100, "[██████████] 100%"),
            (300, 100, "[██████████] 100%"),
            (u64::MAX - 1, u64::MAX, "[█████████·]  99%"),
            (0, 0, "[··········]   – "),
        ] {
            assert_eq!(Paint::PLAIN.bar(used, total), bar, "{used} of {total}");
        }
    }

    #[test]
    fn colour_is_there_only_when_asked_for() {
        assert_eq!(Paint::PLAIN.bad("x"), "x");
        assert_eq!(Paint::new(true).bad("x"), "\x1b[31mx\x1b[0m");
        assert!(Paint::new(true).bar(95, 100).contains("\x1b[31m"));
    }
}
