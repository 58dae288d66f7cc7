//! Request bodies: read whole, within bounds of size and time.

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use futures::StreamExt;
use mortar_heketi::json::{self, FromJson};
use mortar_heketi::{Problems, WireError};

use crate::state::App;

/// The body of a request.
#[derive(Debug)]
pub(crate) struct Payload(Vec<u8>);

impl Payload {
    /// Reads it as JSON, as Heketi does.
    pub(crate) fn read<T: FromJson>(&self) -> Result<T, WireError> {
        json::read(&self.0)
    }

    /// The same where Heketi says why it cannot be read.
    pub(crate) fn read_or_tell<T: FromJson>(&self) -> Result<T, WireError> {
        json::read_or_tell(&self.0)
    }

    /// Whether it was left out.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads it as JSON of Mortar's own language. A name that is not known is refused: what it was to say would be lost.
    pub(crate) fn read_strictly<T: serde::de::DeserializeOwned>(&self) -> Result<T, WireError> {
        serde_json::from_slice(&self.0).map_err(|error| {
            let mut problems = Problems::default();
            problems.add("body", error.to_string());
            problems.into()
        })
    }

    /// Reads it as JSON; one that was left out is the default.
    pub(crate) fn read_optional<T: FromJson>(&self) -> Result<T, WireError> {
        json::read_optional(&self.0)
    }
}

/// A body that could not be had.
#[derive(Debug)]
pub(crate) struct BodyError(WireError);

impl From<BodyError> for WireError {
    fn from(error: BodyError) -> Self {
        error.0
    }
}

impl From<BodyError> for super::failure::Failure {
    fn from(error: BodyError) -> Self {
        error.0.into()
    }
}

impl axum::response::IntoResponse for BodyError {
    fn into_response(self) -> super::answer::Answer {
        super::answer::plain_failure(&self.0.into())
    }
}

impl FromRequest<App> for Payload {
    type Rejection = BodyError;

    async fn from_request(request: Request, app: &App) -> Result<Self, BodyError> {
        let (limit, time) = (app.limits.body, app.limits.body_time);
        match tokio::time::timeout(time, collect(request.into_body(), limit)).await {
            Ok(body) => body.map(Self).map_err(BodyError),
            Err(_) => Err(BodyError(WireError::TooSlow(time.as_secs()))),
        }
    }
}

/// Reads at most `limit` bytes; a body that says it has more is refused before its first byte.
async fn collect(body: Body, limit: usize) -> Result<Vec<u8>, WireError> {
    let said = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if said > limit {
        return Err(WireError::TooLarge(limit));
    }
    let mut bytes = Vec::with_capacity(said);
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        // The connection broke off: nobody will read the answer.
        let chunk = chunk.map_err(|_| WireError::Unreadable)?;
        if bytes.len() + chunk.len() > limit {
            return Err(WireError::TooLarge(limit));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use mortar_heketi::WireError;

    use super::collect;

    fn endless() -> Body {
        Body::from_stream(futures::stream::repeat_with(|| {
            Ok::<_, std::io::Error>(vec![b' '; 1000])
        }))
    }

    #[tokio::test]
    async fn a_body_is_read_up_to_the_limit() {
        assert_eq!(collect(Body::from("abc"), 3).await, Ok(b"abc".to_vec()));
        assert_eq!(collect(Body::from("abcd"), 3).await, Err(WireError::TooLarge(3)));
        assert_eq!(
            collect(endless(), 1 << 20).await,
            Err(WireError::TooLarge(1 << 20))
        );
    }
}
