//! `GET /v1/capacity` and `GET /v1/limits`

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mortar_api::{Capacity, CapacityQuery, ErrorBody, ErrorKind, Limits};

use super::page::{self, problem};
use crate::convert::volume;
use crate::http::answer::{self, Answer, Rich};
use crate::state::App;

/// How much room there is for volumes of a kind. Nothing is reserved: what is told may be taken in the next moment.
#[utoipa::path(get, path = "/v1/capacity", operation_id = "get_capacity", tag = "v1", params(CapacityQuery), responses(
    (status = 200, description = "The room; nothing where no cluster is in the zones", body = Capacity),
    (status = 400, description = "A parameter cannot be read, or a cluster is not known", body = ErrorBody),
))]
pub(crate) async fn show(
    State(app): State<App>,
    query: Result<Query<CapacityQuery>, QueryRejection>,
) -> Result<Answer, Rich> {
    let query = page::query(query)?;
    let clusters: Vec<String> = parts(query.clusters.as_deref()).map(str::to_owned).collect();
    let zones: Result<Vec<u32>, _> = parts(query.zones.as_deref()).map(str::parse).collect();
    let zones = zones.map_err(|_| problem("zones", "are numbers with commas between"))?;
    let kind = app.engine.view(|landscape| {
        volume::kind(
            &query.durability,
            query.snapshot_factor,
            &clusters,
            &zones,
            landscape,
        )
    });
    let capacity = match kind {
        Ok(kind) => {
            let found = app.engine.capacity(&kind);
            Capacity {
                available: found.available.bytes(),
                largest: found.largest.bytes(),
                smallest: found.smallest.bytes(),
            }
        }
        Err(failure) if failure.kind == ErrorKind::NoSpace => Capacity::default(),
        Err(failure) => return Err(Rich(failure)),
    };
    Ok(answer::json(StatusCode::OK, &capacity))
}

fn parts(text: Option<&str>) -> impl Iterator<Item = &str> {
    text.unwrap_or_default()
        .split(',')
        .filter(|part| !part.is_empty())
}

/// Bounds that placement keeps. They change only with the server's settings.
#[utoipa::path(get, path = "/v1/limits", operation_id = "get_limits", tag = "v1", responses(
    (status = 200, description = "The bounds", body = Limits),
))]
pub(crate) async fn limits(State(app): State<App>) -> Answer {
    let limits = app.engine.limits();
    let limits = Limits {
        brick_min: limits.brick_min.bytes(),
        brick_max: limits.brick_max.bytes(),
        bricks_per_volume: limits.bricks_per_volume,
    };
    answer::json(StatusCode::OK, &limits)
}
