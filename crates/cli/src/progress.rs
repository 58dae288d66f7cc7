//! Progress of long work, on standard error and only on a terminal.

use std::cell::RefCell;
use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use mortar_api::{Operation, StepState};

/// A line that tells how far long work is.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The line, while there is one.
    bar: RefCell<Option<ProgressBar>>,
    terminal: bool,
    waits: bool,
}

impl Progress {
    /// A line for work that is waited for, or not.
    pub(crate) fn new(waits: bool) -> Self {
        Self {
            bar: RefCell::new(None),
            terminal: std::io::stderr().is_terminal(),
            waits,
        }
    }

    /// Whether the work is waited for.
    pub(crate) const fn waits(&self) -> bool {
        self.waits
    }

    /// Whether anybody sees it.
    pub(crate) const fn is_shown(&self) -> bool {
        self.terminal
    }

    /// Shows words.
    pub(crate) fn say(&self, words: impl Into<String>) {
        if self.terminal {
            self.bar
                .borrow_mut()
                .get_or_insert_with(line)
                .set_message(words.into());
        }
    }

    /// Shows how far an operation is.
    pub(crate) fn show(&self, operation: &Operation) {
        self.say(sentence(operation));
    }

    /// Writes elsewhere while the line is out of the way.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        match self.bar.borrow().as_ref() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the line away; the next words bring it back.
    pub(crate) fn end(&self) {
        if let Some(bar) = self.bar.borrow_mut().take() {
            bar.finish_and_clear();
        }
    }
}

/// A line that moves and counts the seconds.
fn line() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(
        ProgressStyle::with_template("{spinner} {elapsed:>3} {wide_msg}")
            .expect("the template has known names only"),
    );
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// How far an operation is, in a line.
fn sentence(operation: &Operation) -> String {
    let open = |state| !matches!(state, StepState::Done | StepState::Undone | StepState::Deferred);
    let stage = operation
        .stages
        .iter()
        .position(|stage| stage.steps.iter().any(|step| open(step.state)));
    let place = match stage.and_then(|number| operation.stages.get(number).map(|stage| (number, stage))) {
        Some((number, stage)) => format!(
            ", stage {} of {}: {}",
            number + 1,
            operation.stages.len(),
            stage.title
        ),
        None => String::new(),
    };
    let name = if operation.subject.name.is_empty() {
        &operation.subject.id
    } else {
        &operation.subject.name
    };
    format!(
        "{} {name}: {}, {} of {} steps{place}",
        operation.kind, operation.phase, operation.steps_done, operation.steps_total
    )
}

#[cfg(test)]
mod tests {
    use mortar_api::{Operation, Phase, Stage, Step, StepState, Subject};

    use super::sentence;

    #[test]
    fn the_first_open_stage_is_named() {
        let stage = |title: &str, state| Stage {
            title: title.into(),
            steps: vec![Step {
                title: "t".into(),
                goal: "present".into(),
                host: "n".into(),
                state,
                text: String::new(),
            }],
        };
        let operation = Operation {
            id: "0".repeat(32),
            kind: "create-volume".into(),
            subject: Subject {
                kind: "volume".into(),
                id: "f".repeat(32),
                name: "films".into(),
            },
            phase: Phase::Running,
            started: String::new(),
            ended: None,
            steps_done: 1,
            steps_total: 2,
            stages: vec![
                stage("bricks", StepState::Done),
                stage("volume", StepState::Running),
            ],
            error: None,
            error_kind: None,
            attention: None,
            warnings: Vec::new(),
            cleanup: None,
            waits_for: Vec::new(),
        };
        assert_eq!(
            sentence(&operation),
            "create-volume films: running, 1 of 2 steps, stage 2 of 2: volume"
        );
        let done = Operation {
            stages: vec![],
            phase: Phase::Done,
            steps_done: 2,
            ..operation
        };
        assert_eq!(sentence(&done), "create-volume films: done, 2 of 2 steps");
    }
}
