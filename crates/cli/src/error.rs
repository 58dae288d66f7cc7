//! Errors of the command line: what was attempted, what stood in the way, what to do next.

use std::fmt::Write as _;

use mortar_api::ErrorKind;

use crate::exit::Exit;
use crate::show::Paint;

/// Why a command did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// How the program ends.
    pub(crate) exit: Exit,
    /// What was attempted, as it goes on after "cannot".
    pub(crate) attempt: String,
    /// What stood in the way.
    pub(crate) obstacle: String,
    /// One line per further thing that stood in the way.
    pub(crate) details: Vec<String>,
    /// What to do next; empty when there is nothing to add.
    pub(crate) advice: String,
}

/// What a command returns.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error without details and advice.
    pub(crate) fn new(exit: Exit, attempt: impl Into<String>, obstacle: impl Into<String>) -> Self {
        let obstacle = obstacle.into().trim().to_owned();
        Self {
            exit,
            attempt: attempt.into(),
            obstacle,
            details: Vec::new(),
            advice: String::new(),
        }
    }

    /// An error in the command line or a file that it names.
    pub(crate) fn usage(attempt: impl Into<String>, obstacle: impl Into<String>) -> Self {
        Self::new(Exit::Usage, attempt, obstacle)
    }

    /// The same with what to do next.
    #[must_use]
    pub(crate) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = advice.into();
        self
    }

    /// The same with lines of detail.
    #[must_use]
    pub(crate) fn with_details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// The text for people.
    pub(crate) fn text(&self, paint: Paint) -> String {
        let mut text = format!("{} cannot {}\n", paint.bad("error:"), self.attempt);
        let mut lines = self.obstacle.lines();
        if let Some(first) = lines.next() {
            let _ = writeln!(text, "  because: {first}");
        }
        for line in lines {
            let _ = writeln!(text, "           {line}");
        }
        for detail in &self.details {
            let _ = writeln!(text, "    - {detail}");
        }
        for (number, line) in self.advice.lines().enumerate() {
            let _ = writeln!(
                text,
                "  {} {line}",
                if number == 0 { "next:   " } else { "        " }
            );
        }
        text
    }
}

/// What to do about a kind of error, where the server said nothing of it.
pub(crate) fn advice_for(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Unauthorized => {
            "give --user and --secret-file (or MORTAR_USER and MORTAR_SECRET) as the server knows them"
        }
        ErrorKind::Forbidden => "use the admin user",
        ErrorKind::NotFound => "see what there is: 'mortar topology show'",
        ErrorKind::NoSpace => "ask why: the same command with --dry-run",
        ErrorKind::Busy | ErrorKind::Unavailable => "try the same again, later",
        ErrorKind::NodeFailed => "see what was done: 'mortar operation list'",
        ErrorKind::NeedsAttention => "see what is asked of you: 'mortar operation list --open'",
        ErrorKind::Internal => "see the server's log",
        ErrorKind::Invalid | ErrorKind::Conflict | ErrorKind::TooLarge => "",
    }
}

#[cfg(test)]
mod tests {
    use super::Error;
    use crate::exit::Exit;
    use crate::show::Paint;

    #[test]
    fn an_error_says_attempt_obstacle_and_way_on() {
        let error = Error::new(
            Exit::NoSpace,
            "create a volume of 9 TiB",
            "no space\nin any cluster\n",
        )
        .with_details(vec!["n1:/dev/sdb: 3 GiB free".into()])
        .advise("add devices");
        assert_eq!(
            error.text(Paint::PLAIN),
            "error: cannot create a volume of 9 TiB\n  because: no space\n           in any cluster\n    \
             - n1:/dev/sdb: 3 GiB free\n  next:    add devices\n"
        );
    }
}
