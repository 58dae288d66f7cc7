//! `GET /hello`: the server is there.

use crate::http::answer::{self, Answer};

/// The server is there.
#[utoipa::path(get, path = "/hello", operation_id = "hello", tag = "server", security(()), responses(
    (status = 200, description = "`Hello from Heketi`, without a newline: old clients look for it", body = String),
))]
pub(crate) async fn hello() -> Answer {
    answer::text("Hello from Heketi")
}
