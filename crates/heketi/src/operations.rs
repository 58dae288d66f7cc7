//! `/operations` on the wire.

use mortar_model::OperationId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::json::{Fields, FromJson, Json, WrongType};
use crate::problems::id;
use crate::{Problems, WireError};

/// Answer of `GET /operations`: how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperationCounts {
    /// All.
    pub total: u64,
    /// Those that are at work.
    pub in_flight: u64,
    /// Those of an earlier life of the server that nobody takes up: none, here.
    pub stale: u64,
    /// Those that wait for a person.
    pub failed: u64,
    /// All others.
    pub new: u64,
}

/// One operation of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingOperation {
    /// Its id.
    pub id: String,
    /// What it does.
    pub type_name: String,
    /// Empty, or `failed` when it waits for a person.
    pub status: String,
    /// `in-flight`, or empty when it waits.
    pub sub_status: String,
}

/// Answer of `GET /operations/pending`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingList {
    /// All, by id.
    pub pendingoperations: Vec<PendingOperation>,
}

/// A change that is part of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingChange {
    /// The thing.
    pub id: String,
    /// What becomes of it, in Heketi's words.
    pub description: String,
}

/// Answer of `GET /operations/pending/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PendingDetails {
    /// The operation.
    #[serde(flatten)]
    pub operation: PendingOperation,
    /// What it changes.
    pub changes: Vec<PendingChange>,
}

/// Most operations that one request may name.
const MOST: usize = 32;

/// Body of `POST /operations/pending/cleanup`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToSchema)]
pub struct CleanupRequest {
    /// Which; all that wait, when empty.
    pub operations: Vec<String>,
}

impl FromJson for CleanupRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            operations: fields.get("operations")?,
        })
    }
}

impl CleanupRequest {
    /// Checks the ids.
    ///
    /// # Errors
    /// There are too many, or one is none.
    pub fn validate(&self) -> Result<Vec<OperationId>, WireError> {
        let mut problems = Problems::default();
        let count = self.operations.len();
        if count > MOST {
            let text = format!("too many ids specified ({count}), up to {MOST} supported");
            problems.add("operations", text);
            return Err(problems.into());
        }
        let ids = self.operations.iter().map(|text| id(text));
        let ids = problems.take("operations", ids.collect());
        ids.ok_or_else(|| problems.into())
    }
}

/// What Heketi calls an operation; what it never did keeps Mortar's name.
pub fn type_name(kind: &str) -> &str {
    match kind {
        "drain-device" | "drain-node" => "remove-device",
        "create-block" => "create-block-volume",
        "expand-block" => "expand-block-volume",
        "delete-block" => "delete-block-volume",
        other => other,
    }
}
