//! What people see of the demo: numbered steps, what each did, and how long it took.

use std::time::{Duration, Instant};

use crate::error::Result;
use crate::out::Out;
use crate::progress::Progress;

/// Steps of the whole demo.
pub(super) const STEPS: usize = 9;
/// Before every line of a step.
const INDENT: &str = "      ";

/// The display.
#[derive(Debug)]
pub(super) struct Show {
    out: Out,
    progress: Progress,
    begun: usize,
}

impl Show {
    /// A display on standard output, with a moving line on standard error when that is a terminal.
    pub(super) fn new(out: Out) -> Self {
        Self {
            out: out.indented(INDENT),
            progress: Progress::new(true),
            begun: 0,
        }
    }

    /// Where the commands of steps write.
    pub(super) const fn out(&self) -> Out {
        self.out
    }

    /// One of the numbered steps.
    pub(super) fn step<T>(&mut self, title: &str, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.begun += 1;
        let number = format!("[{}/{STEPS}]", self.begun);
        self.timed(&number, title, work)
    }

    /// Work that is none of the steps.
    pub(super) fn aside<T>(&mut self, title: &str, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        self.timed("[...]", title, work)
    }

    fn timed<T>(&self, number: &str, title: &str, work: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        let paint = self.out.paint();
        self.plain(&format!("{number} {}", paint.strong(title)))?;
        let began = Instant::now();
        self.say(title);
        let done = work(self);
        self.quiet();
        let took = seconds(began.elapsed());
        match &done {
            Ok(_) => self.fact(&format!("{} {took}", paint.good("✓ done in")))?,
            Err(_) => self.fact(&format!("{} {took}", paint.bad("✗ failed after")))?,
        }
        done
    }

    /// A line that stays, below the step's title.
    pub(super) fn fact(&self, line: &str) -> Result<()> {
        self.progress.aside(|| self.out.line(line))
    }

    /// A line that stays, at the left.
    pub(super) fn plain(&self, line: &str) -> Result<()> {
        self.progress.aside(|| self.out.indented("").line(line))
    }

    /// A command that is about to be run.
    pub(super) fn command(&self, line: &str) -> Result<()> {
        self.fact(&self.out.paint().faint(format!("$ {line}")))
    }

    /// Words for the moving line, which nobody sees but on a terminal.
    pub(super) fn say(&self, words: impl Into<String>) {
        self.progress.say(words);
    }

    /// Takes the moving line away: somebody else writes.
    pub(super) fn quiet(&self) {
        self.progress.end();
    }
}

/// A time span for people.
pub(super) fn seconds(span: Duration) -> String {
    format!("{:.1} s", span.as_secs_f64())
}
