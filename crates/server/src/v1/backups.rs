//! `/v1/backups`

use axum::extract::State;
use axum::http::StatusCode;
use mortar_api::{Backup, BackupList, ErrorBody};

use crate::convert::backup;
use crate::http::answer::{self, Answer, Rich};
use crate::refusal;
use crate::state::App;

/// The backups of the store that the server keeps, the youngest first.
#[utoipa::path(get, path = "/v1/backups", operation_id = "list_backups", tag = "v1", responses(
    (status = 200, description = "The backups, and how often one is taken; none when the store is in memory", body = BackupList),
    (status = 503, description = "Their folder cannot be read now", body = ErrorBody),
))]
pub(crate) async fn list(State(app): State<App>) -> Result<Answer, Rich> {
    let found = app.engine.backups().await;
    let found = found.map_err(|error| refusal::no_backup(&error))?;
    let list = backup::list(&found, app.engine.backup_plan());
    Ok(answer::json(StatusCode::OK, &list))
}

/// Backs up the store now, into the server's folder of backups. Changes go on meanwhile.
#[utoipa::path(post, path = "/v1/backups", operation_id = "take_backup", tag = "v1", responses(
    (status = 201, description = "Taken, read back and found sound", body = Backup),
    (status = 409, description = "The store is in memory, where there is nothing to back up", body = ErrorBody),
    (status = 429, description = "Another one is being taken", body = ErrorBody),
    (status = 503, description = "It cannot be taken now; the server's log tells why", body = ErrorBody),
))]
pub(crate) async fn take(State(app): State<App>) -> Result<Answer, Rich> {
    let taken = app.engine.back_up().await;
    let taken = taken.map_err(|error| refusal::no_backup(&error))?;
    Ok(answer::json(StatusCode::CREATED, &backup::one(&taken)))
}
