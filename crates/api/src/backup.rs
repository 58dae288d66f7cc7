//! `/v1/backups`: backups of the server's store.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The backups that a server keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BackupList {
    /// The backups, the youngest first.
    pub backups: Vec<Backup>,
    /// Seconds between two scheduled ones; 0 when none are taken by the clock.
    pub interval_seconds: u64,
    /// How many scheduled ones are kept, and how many that were asked for; 0 when none are.
    pub keep: u32,
}

/// One backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Backup {
    /// The file's name in the server's folder of backups.
    pub name: String,
    /// Why it was taken.
    pub reason: BackupReason,
    /// When it was taken, RFC 3339 in UTC.
    pub taken: String,
    /// Size of the file, bytes.
    pub size: u64,
    /// The version of the store's schema in it; absent when the file does not tell it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<u32>,
    /// What is known of its content.
    pub state: BackupState,
    /// What is wrong with it, and where; absent when nothing is known to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Why a backup was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackupReason {
    /// By the clock.
    Scheduled,
    /// Somebody asked.
    Requested,
    /// The store was about to be brought to a newer schema; it is never removed.
    Schema,
    /// One of a later server.
    #[serde(other)]
    Unknown,
}

/// What is known of a backup's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum BackupState {
    /// It was read whole and is what was written.
    Verified,
    /// It was not read yet since the server started.
    Unverified,
    /// It is not what was written.
    Damaged,
    /// One of a later server.
    #[serde(other)]
    Unknown,
}
