//! What can stand in the way of a lab.

use std::path::PathBuf;

/// Why a lab could not do what it was asked. The text says what was attempted, what stood in the way and what
/// to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The caller may not make namespaces and mounts.
    #[error(
        "a lab makes network namespaces, mounts and loop devices, which only root may: run it as root (sudo)"
    )]
    NotRoot,

    /// Programs that a lab is made of are not installed.
    #[error(
        "cannot make a lab without {}: install with `apt-get install {}` (`make setup` does it)",
        programs.join(", "),
        packages.join(" ")
    )]
    MissingPrograms {
        /// The programs that were not found.
        programs: Vec<String>,
        /// The Debian packages that hold them.
        packages: Vec<String>,
    },

    /// The kernel lacks something.
    #[error("cannot make a lab: this kernel has no {feature}; {remedy}")]
    MissingKernel {
        /// What it lacks.
        feature: &'static str,
        /// What may bring it.
        remedy: &'static str,
    },

    /// What was asked for cannot be.
    #[error("cannot make such a lab: {why}")]
    BadSpec {
        /// The rule that is broken.
        why: String,
    },

    /// A lab of this name is there already.
    #[error(
        "the lab {name} is up already: use it, take it down with `mortar lab down`, or choose another name"
    )]
    AlreadyUp {
        /// Its name.
        name: String,
    },

    /// No lab of this name is there.
    #[error("there is no lab {name} in {}: make it with `mortar lab up`", root.display())]
    NotUp {
        /// The name asked for.
        name: String,
        /// The state folder that was looked in.
        root: PathBuf,
    },

    /// The lab was made before the machine was last started, or was never finished.
    #[error(
        "the lab {name} {what}: `mortar lab up` makes it anew, `mortar lab down` removes what is left of it"
    )]
    Stale {
        /// Its name.
        name: String,
        /// What it is instead of up.
        what: &'static str,
    },

    /// Another program works on the lab.
    #[error("another command works on the lab {name} and did not finish within {seconds} s: try again")]
    Busy {
        /// Its name.
        name: String,
        /// How long was waited.
        seconds: u64,
    },

    /// The lab has no such node.
    #[error("the lab has no node {node:?}: it has {}", known.join(", "))]
    NoSuchNode {
        /// The name asked for.
        node: String,
        /// The names there are.
        known: Vec<String>,
    },

    /// The node was killed and has not been started again.
    #[error("{node} is down: start it with `mortar lab start {node}`")]
    NodeDown {
        /// Its name.
        node: String,
    },

    /// The node runs already.
    #[error("{node} is running already: to see it start, kill it first with `mortar lab kill {node}`")]
    NodeRunning {
        /// Its name.
        node: String,
    },

    /// Something that the lab tried did not work.
    #[error("{attempt}: {obstacle}; {remedy}")]
    Failed {
        /// What was attempted.
        attempt: String,
        /// What stood in the way.
        obstacle: String,
        /// What to do next.
        remedy: String,
    },

    /// A file or folder could not be used.
    #[error("{attempt}: {source}")]
    Io {
        /// What was attempted.
        attempt: String,
        /// What the system answered.
        source: std::io::Error,
    },

    /// Making the lab failed, and then removing its parts failed too.
    #[error("{first}; removing what was made failed as well: {second}")]
    AndCleaning {
        /// Why it could not be made.
        first: Box<LabError>,
        /// Why it could not be removed.
        second: Box<LabError>,
    },
}

impl LabError {
    pub(crate) fn failed(
        attempt: impl Into<String>,
        obstacle: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::Failed {
            attempt: attempt.into(),
            obstacle: obstacle.into(),
            remedy: remedy.into(),
        }
    }
}

/// Names the attempt of an I/O call.
pub(crate) trait Attempt<T> {
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T, LabError>;
}

impl<T, E: Into<std::io::Error>> Attempt<T> for Result<T, E> {
    fn attempt(self, what: impl FnOnce() -> String) -> Result<T, LabError> {
        self.map_err(|error| LabError::Io {
            attempt: what(),
            source: error.into(),
        })
    }
}
