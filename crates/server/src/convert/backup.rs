//! Backups as `/v1` shows them.

use mortar_api::{self as api, BackupState};
use mortar_engine::{Backup, BackupPlan, BackupReason, Verdict};

use super::operation::time;

/// All backups, given the oldest first, and the plan by which they are taken.
pub(crate) fn list(backups: &[Backup], plan: Option<&BackupPlan>) -> api::BackupList {
    api::BackupList {
        backups: backups.iter().rev().map(one).collect(),
        interval_seconds: plan.map_or(0, |plan| plan.interval.as_secs()),
        keep: plan.map_or(0, |plan| u32::try_from(plan.keep).unwrap_or(u32::MAX)),
    }
}

/// One backup.
pub(crate) fn one(backup: &Backup) -> api::Backup {
    let (state, problem) = match &backup.verdict {
        Verdict::Unverified => (BackupState::Unverified, None),
        Verdict::Sound => (BackupState::Verified, None),
        Verdict::Damaged(reason) => (BackupState::Damaged, Some(reason.clone())),
    };
    api::Backup {
        name: backup.file.name.clone(),
        reason: match backup.file.reason {
            BackupReason::Scheduled => api::BackupReason::Scheduled,
            BackupReason::Requested => api::BackupReason::Requested,
            BackupReason::Schema(_) => api::BackupReason::Schema,
        },
        taken: time(backup.file.taken_ms),
        size: backup.file.bytes,
        schema: backup.file.schema,
        state,
        problem,
    }
}
