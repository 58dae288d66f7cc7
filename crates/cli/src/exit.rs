//! Exit codes: the one table. `--help` prints it, `docs/cli.md` repeats it, scripts rely on it.

use mortar_api::ErrorKind;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All was done, or was so already.
    Done,
    /// What was asked for failed.
    Failed,
    /// The command line, a file it names or the request itself is wrong.
    Usage,
    /// The server did not answer.
    Unreachable,
    /// The server does not know this user, secret or role.
    Refused,
    /// The thing is not known.
    NotFound,
    /// The thing's present state forbids it, or a name is taken.
    Conflict,
    /// No place satisfies the request.
    NoSpace,
    /// The server is busy or stopping.
    Busy,
    /// An operation waits for a person.
    NeedsAttention,
    /// A check found differences between the records and the nodes.
    Differences,
}

impl Exit {
    /// Every way to end, by code.
    const ALL: [Self; 11] = [
        Self::Done,
        Self::Failed,
        Self::Usage,
        Self::Unreachable,
        Self::Refused,
        Self::NotFound,
        Self::Conflict,
        Self::NoSpace,
        Self::Busy,
        Self::NeedsAttention,
        Self::Differences,
    ];

    const fn row(self) -> (u8, &'static str) {
        match self {
            Self::Done => (0, "done, or it was so already"),
            Self::Failed => (1, "what was asked for failed; what was begun was undone"),
            Self::Usage => (
                2,
                "the command line, a file that it names or the request is wrong",
            ),
            Self::Unreachable => (3, "the server did not answer"),
            Self::Refused => (4, "the server does not take this user, secret or role"),
            Self::NotFound => (5, "the thing is not known"),
            Self::Conflict => (6, "its present state forbids it, or the name is taken"),
            Self::NoSpace => (7, "no place satisfies the request"),
            Self::Busy => (8, "the server is busy or stopping: the same again, later"),
            Self::NeedsAttention => (9, "an operation waits for a person: see 'mortar operation list'"),
            Self::Differences => (10, "a check found differences between the records and the nodes"),
        }
    }

    /// The code.
    pub(crate) const fn code(self) -> u8 {
        self.row().0
    }

    /// The way to end that goes with a kind of error of the server.
    pub(crate) fn of(kind: ErrorKind) -> Self {
        Self::ALL
            .into_iter()
            .find(|exit| exit.code() == kind.exit_code())
            .unwrap_or(Self::Failed)
    }
}

/// The table as text, for help and documentation.
pub(crate) fn table() -> String {
    let rows: Vec<String> = Exit::ALL
        .iter()
        .map(|exit| format!("  {:<2} {}", exit.code(), exit.row().1))
        .collect();
    format!("Exit codes:\n{}", rows.join("\n"))
}

#[cfg(test)]
mod tests {
    use mortar_api::ErrorKind;

    use super::Exit;

    #[test]
    fn codes_are_the_places_in_the_table() {
        for (place, exit) in Exit::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(exit.code()), place);
        }
    }

    #[test]
    fn every_kind_of_error_has_its_code_in_the_table() {
        for kind in ErrorKind::ALL {
            assert_eq!(Exit::of(kind).code(), kind.exit_code(), "{kind}");
        }
    }
}
