//! `/db`: the records as Heketi's export, and what its own check says of them.

use axum::extract::State;
use mortar_heketi::WireError;
use mortar_heketi::db::{Database, check::check, write_export};
use mortar_heketi::json::write_indented;
use mortar_heketi::takeover::{KEPT, Kept, dump as records};

use crate::http::answer::{self, Answer, Plain};
use crate::state::{App, Shared};

/// The records in the form of Heketi's export. Changes that are under way are not in it.
#[utoipa::path(get, path = "/db/dump", operation_id = "dump_database", tag = "server", responses(
    (status = 200, description = "What 'heketi db import' takes", content_type = "application/json"),
))]
pub(crate) async fn dump(State(app): State<App>) -> Result<Answer, Plain> {
    Ok(answer::json_text(write_export(&database(&app)?)))
}

/// What Heketi's own check says of the records.
#[utoipa::path(get, path = "/db/check", operation_id = "check_database", tag = "server", responses(
    (status = 200, description = "Counts and inconsistencies", content_type = "application/json"),
))]
pub(crate) async fn checked(State(app): State<App>) -> Result<Answer, Plain> {
    Ok(answer::json_text(write_indented(&check(&database(&app)?))))
}

/// A backup of the store, taken now, read back and found sound. It is Mortar's own ('mortar db restore' takes it), and not a Bolt file.
#[utoipa::path(get, path = "/backup/db", operation_id = "back_up_database", tag = "server", responses(
    (status = 200, description = "The backup", content_type = "application/octet-stream"),
    (status = 500, description = "None can be taken; the text says why", body = String),
))]
pub(crate) async fn back_up(State(app): State<App>) -> Result<Answer, Plain> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "no backup can be handed out");
        WireError::NoBackup(error.to_string())
    };
    let taken = app.engine.back_up().await.map_err(|error| failed(&error))?;
    let name = taken.file.name;
    let file = app.engine.backup_plan().map(|plan| plan.folder.join(&name));
    let file = file.ok_or_else(|| failed(&"its folder is gone"))?;
    let read = tokio::task::spawn_blocking(move || std::fs::read(file)).await;
    let bytes = read
        .map_err(|error| failed(&error))?
        .map_err(|error| failed(&error))?;
    Ok(answer::attachment(&name, bytes))
}

pub(super) fn database(app: &Shared) -> Result<Database, WireError> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::error!(%error, "what was taken over from Heketi cannot be read");
        WireError::Internal
    };
    let kept: Option<Kept> = app.engine.note(KEPT).map_err(|error| failed(&error))?;
    app.engine
        .view(|landscape| records(landscape.inventory(), &kept.unwrap_or_default()))
        .map_err(|error| failed(&error))
}
