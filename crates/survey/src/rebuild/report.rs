//! What was restored, and what has to be told beside it.

use std::fmt;

use mortar_model::{ByteSize, HostName};
use mortar_plan::Change;

/// What came of a rebuild.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rebuilt {
    /// The records, in an order in which they can be made.
    pub changes: Vec<Change>,
    /// What a scan cannot know.
    pub gaps: Vec<Gap>,
    /// What is there and not in the records.
    pub found: Vec<Found>,
    /// What does not fit together.
    pub contradictions: Vec<Contradiction>,
}

/// Something that is not written where it could be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// The thing: its kind and its name.
    pub about: String,
    /// What of it is not known, and why.
    pub unknown: String,
    /// What is recorded in its place.
    pub instead: String,
}

/// What kind of thing stands beside the records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundKind {
    /// Mortar's, and in the middle of being made or removed.
    Unfinished,
    /// Mortar's, and not whole enough to be restored.
    Unrestored,
    /// Heketi's.
    Heketi,
    /// Somebody else's.
    Foreign,
}

impl FoundKind {
    /// Its name, as shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unfinished => "unfinished",
            Self::Unrestored => "unrestored",
            Self::Heketi => "heketi",
            Self::Foreign => "foreign",
        }
    }
}

impl fmt::Display for FoundKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Something that is there and not in the records. It is left as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// What kind of thing.
    pub kind: FoundKind,
    /// The thing: its kind and its name.
    pub about: String,
    /// The host that shows it, when it is one host's.
    pub host: Option<HostName>,
    /// What is seen of it, and what to do about it.
    pub what: String,
    /// Bytes of a device that are kept from new bricks for it.
    pub space: ByteSize,
}

/// Two answers that cannot both be true.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Contradiction {
    /// The thing: its kind and its name.
    pub about: String,
    /// What says what.
    pub found: String,
    /// What was decided.
    pub decided: String,
}

/// A report in the making.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    gaps: Vec<Gap>,
    found: Vec<Found>,
    contradictions: Vec<Contradiction>,
}

impl Notes {
    pub(super) fn gap(
        &mut self,
        about: impl Into<String>,
        unknown: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.gaps.push(Gap {
            about: about.into(),
            unknown: unknown.into(),
            instead: instead.into(),
        });
    }

    pub(super) fn left(&mut self, kind: FoundKind, about: String, host: Option<&HostName>, what: String) {
        self.keeps(kind, about, host, what, ByteSize::ZERO);
    }

    pub(super) fn keeps(
        &mut self,
        kind: FoundKind,
        about: String,
        host: Option<&HostName>,
        what: String,
        space: ByteSize,
    ) {
        self.found.push(Found {
            kind,
            about,
            host: host.cloned(),
            what,
            space,
        });
    }

    pub(super) fn contradiction(
        &mut self,
        about: impl Into<String>,
        found: impl Into<String>,
        decided: impl Into<String>,
    ) {
        self.contradictions.push(Contradiction {
            about: about.into(),
            found: found.into(),
            decided: decided.into(),
        });
    }

    pub(super) fn finish(mut self, changes: Vec<Change>) -> Rebuilt {
        self.gaps.sort();
        self.gaps.dedup();
        self.found.sort();
        self.found.dedup();
        self.contradictions.sort();
        self.contradictions.dedup();
        Rebuilt {
            changes,
            gaps: self.gaps,
            found: self.found,
            contradictions: self.contradictions,
        }
    }
}
