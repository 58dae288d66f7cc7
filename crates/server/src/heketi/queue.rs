//! `GET /queue/{id}`: what became of a request that was answered with 202.
//!
//! Heketi gave a result once and forgot it with the process. Here it can be read again for an hour, also after a
//! restart: the queue's ids are those of operations. With `?wait=SECONDS` the answer is held back until there is a
//! result, which no old client asks for.
//!
//! What waits for a node that is away has no result: it goes on by itself, and whoever was told that it failed would ask again for
//! what is under way. It stays pending, and a header tells those who know it that nothing happens for now.

use std::time::Duration;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use mortar_api::{ErrorKind, PHASE_HEADER};
use mortar_engine::plan::{NoSpace, Subject};
use mortar_engine::{Direction, Ended, Operation, OperationState, Outcome, Phase};
use mortar_heketi::WireError;
use mortar_model::{OperationId, OperationKind};

use super::{Id, cleanup};
use crate::http::answer::{self, Answer, Plain};
use crate::http::failure::Failure;
use crate::state::App;
use crate::v1::page;

/// Present only while there is no result: the Python client takes its mere presence as pending.
const PENDING: HeaderName = HeaderName::from_static("x-pending");

/// What became of a request.
#[utoipa::path(get, path = "/queue/{id}", operation_id = "poll_queue", tag = "queue",
    params(
        ("id" = String, Path, description = "From the Location of the 202; also the operation's id on /v1"),
        ("wait" = Option<u64>, Query, description = "Seconds that the answer may be held back until there is a result; at most 60"),
    ),
    responses(
        (status = 200, description = "No result yet: `X-Pending: true`, no body. `mortar-phase: waiting-for-node` where it goes on by \
                                      itself when a node that is away is back; that is not held back"),
        (status = 204, description = "Done, and there is nothing to show"),
        (status = 303, description = "Done: Location names the thing"),
        (status = 404, description = "Unknown, or ended more than an hour ago"),
        (status = 500, description = "Failed, and undone; or it needs attention. The text says why", body = String),
    ))]
pub(crate) async fn poll(State(app): State<App>, id: Id, RawQuery(query): RawQuery) -> Result<Answer, Plain> {
    let id: OperationId = id.of()?;
    let wait = wait(query.as_deref())?.min(app.limits.long_poll);
    if let Some(ended) = cleanup::ended(&app, id, wait).await {
        return Ok(if ended {
            answer::bare(StatusCode::NO_CONTENT)
        } else {
            pending()
        });
    }
    let state = if wait.is_zero() {
        app.engine.operation(id)
    } else {
        tokio::select! {
            state = app.engine.wait(id, wait) => state,
            () = app.end() => app.engine.operation(id),
        }
    };
    match state.ok_or(WireError::IdNotFound)? {
        OperationState::Open(operation) => under_way(&operation),
        OperationState::Ended(ended) => result(ended),
    }
}

/// Pending, unless it is known that what was asked for does not come, or comes only when a person has done something.
fn under_way(operation: &Operation) -> Result<Answer, Plain> {
    let Phase::Attention {
        reason,
        because,
        direction,
        waits,
    } = &operation.phase
    else {
        return Ok(pending());
    };
    if *waits && *direction == Direction::Forward {
        let mut answer = pending();
        let phase = HeaderValue::from_static(mortar_api::Phase::WaitingForNode.name());
        answer.headers_mut().insert(PHASE_HEADER, phase);
        return Ok(answer);
    }
    Err(attention(operation.id, because.as_deref(), reason, *waits))
}

/// The seconds of `wait=SECONDS`; none when it is absent. Other parameters are ignored.
fn wait(query: Option<&str>) -> Result<Duration, WireError> {
    let value = query
        .unwrap_or_default()
        .split('&')
        .find_map(|pair| pair.strip_prefix("wait="));
    match value.map(str::parse) {
        None => Ok(Duration::ZERO),
        Some(Ok(seconds)) => Ok(Duration::from_secs(seconds)),
        Some(Err(_)) => Err(page::problem("wait", "must be a number of seconds")),
    }
}

fn pending() -> Answer {
    let mut answer = answer::bare(StatusCode::OK);
    answer
        .headers_mut()
        .insert(PENDING, HeaderValue::from_static("true"));
    answer
}

fn result(ended: Ended) -> Result<Answer, Plain> {
    match ended.outcome {
        Outcome::Done { .. } => Ok(match place(ended.kind, ended.subject) {
            Some(place) => answer::redirect(StatusCode::SEE_OTHER, &place),
            None => answer::bare(StatusCode::NO_CONTENT),
        }),
        Outcome::Failed { reason } => {
            let text = in_heketis_words(ended.kind, ended.subject, reason);
            Err(Plain(failed(text, ErrorKind::NodeFailed)))
        }
    }
}

/// The words that Heketi's clients look for come first, where it had some.
fn in_heketis_words(kind: OperationKind, subject: Option<Subject>, reason: String) -> String {
    match (kind, subject) {
        (OperationKind::DrainDevice, Some(Subject::Device(id))) if reason.contains(NoSpace::WORDS) => {
            WireError::NoReplacement(id.to_string(), reason).to_string()
        }
        // GlusterFS's own snapshots: which step met them stands before.
        (OperationKind::DeleteVolume, _) => match reason.find("Unable to delete volume ") {
            Some(at) => reason[at..].to_owned(),
            None => reason,
        },
        _ => reason,
    }
}

/// Where the thing is that the operation made or changed, for those kinds for which Heketi says it: adding a
/// device is answered with 204 all the same.
fn place(kind: OperationKind, subject: Option<Subject>) -> Option<String> {
    match (kind, subject) {
        (OperationKind::AddNode, Some(Subject::Node(id))) => Some(format!("/nodes/{id}")),
        (
            OperationKind::CreateVolume
            | OperationKind::ExpandVolume
            | OperationKind::SetOptions
            | OperationKind::ChangeReplicas
            | OperationKind::CloneVolume,
            Some(Subject::Volume(id)),
        ) => Some(format!("/volumes/{id}")),
        (OperationKind::CreateSnapshotGroup, Some(Subject::Group(id))) => {
            Some(format!("/v1/snapshot-groups/{id}"))
        }
        // Whether it takes block volumes: nothing else of a volume is only recorded.
        (OperationKind::Record, Some(Subject::Volume(id))) => Some(format!("/volumes/{id}")),
        (
            OperationKind::CreateBlock | OperationKind::ExpandBlock | OperationKind::ReplaceBlockHost,
            Some(Subject::Block(id)),
        ) => Some(format!("/blockvolumes/{id}")),
        (OperationKind::CreateSnapshot, Some(Subject::Snapshot(id))) => Some(format!("/v1/snapshots/{id}")),
        _ => None,
    }
}

/// An operation that stands still until somebody looks, or has failed and waits for a node on its way back: a client that polls must not
/// wait for ever.
fn attention(id: OperationId, because: Option<&str>, reason: &str, waits: bool) -> Plain {
    let because = because.filter(|because| *because != reason);
    let because = because
        .map(|because| format!("{because}; on the way back: "))
        .unwrap_or_default();
    let (state, retry) = if waits {
        ("goes on when the node is back", "at once")
    } else {
        ("needs attention", "again")
    };
    Plain(failed(
        format!(
            "{because}{reason} (operation {id} {state}; 'mortar operation retry {id}' tries it {retry}, 'mortar operation \
             abandon {id}' ends it as it stands)"
        ),
        ErrorKind::NeedsAttention,
    ))
}

fn failed(text: String, kind: ErrorKind) -> Failure {
    Failure {
        status: 500,
        text,
        kind,
        message: None,
        details: Vec::new(),
        retry_after: None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::wait;

    #[test]
    fn seconds_to_wait() {
        for (query, seconds) in [
            (None, 0),
            (Some(""), 0),
            (Some("wait=30"), 30),
            (Some("x=1&wait=2"), 2),
            (Some("waiting=5"), 0),
        ] {
            assert_eq!(wait(query), Ok(Duration::from_secs(seconds)), "{query:?}");
        }
        for query in ["wait=", "wait=-1", "wait=1s", "wait=99999999999999999999"] {
            assert_eq!(
                wait(Some(query)).unwrap_err().to_string(),
                "validation failed: wait: must be a number of seconds.",
                "{query}"
            );
        }
    }
}
