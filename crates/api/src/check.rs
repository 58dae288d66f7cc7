//! `/v1/check` and `/v1/repair`: the records beside what the nodes show, and what mends the differences.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Stage, Subject};

/// What is known of the nodes beside the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckAnswer {
    /// The check; absent when none was made since the server started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Check>,
    /// What was mended by itself the last time; absent when nothing was tried since the server started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reconciled: Option<Reconciled>,
    /// What a takeover of Heketi's database left behind; absent where there was none, or all went over just as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takeover: Option<Takeover>,
}

/// What did not go over just as it was when Heketi's database was taken over. It stays as it was written then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Takeover {
    /// One for each thing.
    pub notes: Vec<TakeoverNote>,
    /// What Heketi's own check found in its database.
    pub inconsistencies: Vec<String>,
}

/// A thing that did not go over just as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TakeoverNote {
    /// How much it matters.
    pub weight: TakeoverWeight,
    /// What it is about.
    pub subject: Subject,
    /// What is wrong, or to be known.
    pub why: String,
}

/// How much a note of a takeover matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TakeoverWeight {
    /// It was not taken over.
    LeftOut,
    /// It was taken over, and does not add up.
    Fault,
    /// It was taken over, with something to know of it.
    Remark,
    /// Something this program is too old to know.
    #[serde(other)]
    Unknown,
}

/// A check: every node and every pool was asked once, and compared with the records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Check {
    /// Checks are numbered since the server started.
    pub number: u64,
    /// When the first node was asked, RFC 3339.
    pub began: String,
    /// How long it took, milliseconds.
    pub took_ms: u64,
    /// Nodes that were asked.
    pub nodes: u64,
    /// Those of them that did not answer: what is on them is not known.
    pub silent: u64,
    /// Volumes that are recorded.
    pub volumes: u64,
    /// Bricks that are recorded.
    pub bricks: u64,
    /// Whether nothing was found but what is only worth knowing.
    pub clean: bool,
    /// The differences, by kind.
    pub findings: Vec<Finding>,
    /// Differences that are not among them, because operations were at work on their things.
    #[serde(default)]
    pub left_out: u64,
}

/// One difference between the records and the nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Its id, the same in every check that finds it: the kind, a slash, and what tells its subject from others.
    pub id: String,
    /// Its kind (`brick_unmounted`, `orphan_brick`, …).
    pub kind: String,
    /// What the kind means, in a sentence.
    pub meaning: String,
    /// `error`, `warning` or `notice`.
    pub severity: String,
    /// What it is about.
    pub subject: Subject,
    /// The node where it was seen; absent for what a whole pool tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// That node's name where commands reach it; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// What is recorded; empty when nothing is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub recorded: String,
    /// What was seen.
    pub seen: String,
    /// Where: a path, an option, a command that shows it; empty when the node says enough.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// What can be done.
    pub remedy: Remedy,
}

/// What can be done about a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Remedy {
    /// Who does it.
    pub by: RemedyBy,
    /// What is done, or what a person is to do.
    pub text: String,
}

/// Who mends a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RemedyBy {
    /// Mortar, by itself.
    Itself,
    /// Mortar, when it is told to.
    Command,
    /// A person.
    Hand,
    /// Something this program is too old to know.
    #[serde(other)]
    Unknown,
}

/// What was mended by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reconciled {
    /// When that ended, RFC 3339.
    pub ended: String,
    /// Number of the check that tells whether it helped.
    pub check: u64,
    /// Ids of the differences that were mended.
    pub mended: Vec<String>,
    /// What was tried and failed.
    pub failed: Vec<FailedRepair>,
    /// Nodes' own files that were written.
    pub files: u64,
    /// Nodes' own files that could not be written, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files_failed: Vec<String>,
}

/// A repair that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FailedRepair {
    /// Ids of the differences that it was to mend.
    pub findings: Vec<String>,
    /// Why.
    pub reason: String,
}

/// Which differences to mend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RepairRequest {
    /// Whether to only show what would be done; so it is unless this says `false`.
    #[serde(default = "yes")]
    pub dry_run: bool,
    /// Ids of differences; absent for all that Mortar can mend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<Vec<String>>,
}

const fn yes() -> bool {
    true
}

impl Default for RepairRequest {
    fn default() -> Self {
        Self {
            dry_run: yes(),
            items: None,
        }
    }
}

/// What would be done, or is being done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RepairAnswer {
    /// Whether it is only shown.
    pub dry_run: bool,
    /// The check that it rests on, made for it.
    pub check: Check,
    /// The repairs, one for each thing.
    pub tasks: Vec<RepairTask>,
    /// Ids that were asked for and are not among the differences any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_found: Vec<String>,
}

/// Repairs of one thing, which are carried out together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RepairTask {
    /// Ids of the differences that it mends.
    pub findings: Vec<String>,
    /// What is done, stage by stage; empty when that could not be planned.
    pub stages: Vec<Stage>,
    /// What became of it.
    pub state: RepairState,
    /// The operation that does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Why it cannot be done, or not now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What became of a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RepairState {
    /// It is only shown.
    Planned,
    /// An operation does it.
    Begun,
    /// It is done.
    Done,
    /// It cannot be done, or not now.
    Refused,
    /// Something this program is too old to know.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::RepairRequest;

    #[test]
    fn nothing_is_done_unless_it_is_said() {
        let read = |text| serde_json::from_str::<RepairRequest>(text).unwrap();
        assert!(read("{}").dry_run);
        assert_eq!(read("{}").items, None);
        assert!(!read(r#"{"dry_run":false}"#).dry_run);
        assert!(serde_json::from_str::<RepairRequest>(r#"{"dryrun":false}"#).is_err());
    }
}
