//! One answer of a server, and what it means when it is not a success.

use mortar_api::{ERROR_KIND_HEADER, ErrorBody, ErrorKind, PHASE_HEADER, Phase};

use crate::error::{Error, Result, advice_for};
use crate::exit::Exit;

/// An answer, read whole.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// Where to go on.
    pub(crate) location: Option<String>,
    /// Whether the work is still under way.
    pub(crate) pending: bool,
    /// Whether it stands still until a node that is away is back.
    pub(crate) waits: bool,
    /// After how many seconds the same may be asked again.
    pub(crate) retry_after: Option<u64>,
    /// The kind of error, told beside a body of plain text.
    pub(crate) kind: Option<ErrorKind>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Reads the whole answer.
    ///
    /// # Errors
    /// The connection broke.
    pub(crate) async fn read(response: reqwest::Response) -> reqwest::Result<Self> {
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        Ok(Self {
            status: response.status().as_u16(),
            location: header("location"),
            pending: header("x-pending").is_some_and(|value| value == "true"),
            waits: header(PHASE_HEADER).is_some_and(|phase| phase == Phase::WaitingForNode.name()),
            retry_after: header("retry-after").and_then(|value| value.parse().ok()),
            kind: header(ERROR_KIND_HEADER).and_then(|name| ErrorKind::from_name(&name)),
            body: response.bytes().await?.to_vec(),
        })
    }

    /// The answer, when it is a success or a way on.
    ///
    /// # Errors
    /// What the server said, with its kind.
    pub(crate) fn success(self, attempt: &str) -> Result<Self> {
        if (200..400).contains(&self.status) {
            Ok(self)
        } else {
            Err(self.error(attempt))
        }
    }

    /// The error that it tells.
    pub(crate) fn error(&self, attempt: &str) -> Error {
        if let Ok(ErrorBody { error }) = serde_json::from_slice(&self.body) {
            return self.tell(error.kind, attempt, &error.message, error.details);
        }
        let kind = self.kind.unwrap_or_else(|| ErrorKind::from_status(self.status));
        let text = String::from_utf8_lossy(&self.body);
        let text = text.trim();
        if text.is_empty() {
            return self.tell(
                kind,
                attempt,
                &format!("the server answered with status {}", self.status),
                Vec::new(),
            );
        }
        self.tell(kind, attempt, text, Vec::new())
    }

    fn tell(&self, kind: ErrorKind, attempt: &str, message: &str, details: Vec<String>) -> Error {
        let advice = match self.retry_after {
            Some(seconds) => format!("try the same again in {seconds} s"),
            None => advice_for(kind).to_owned(),
        };
        Error::new(Exit::of(kind), attempt, message)
            .with_details(details)
            .advise(advice)
    }
}

#[cfg(test)]
mod tests {
    use mortar_api::ErrorKind;

    use super::Answer;
    use crate::exit::Exit;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            status,
            body: body.as_bytes().to_vec(),
            ..Answer::default()
        }
    }

    #[test]
    fn json_tells_its_kind() {
        let body = r#"{"error":{"kind":"no-space","message":"No space","details":["n1: offline"]}}"#;
        let error = answer(500, body).error("create");
        assert_eq!((error.exit, error.obstacle.as_str()), (Exit::NoSpace, "No space"));
        assert_eq!(error.details, ["n1: offline"]);
    }

    #[test]
    fn plain_text_tells_it_by_header_or_status() {
        assert_eq!(answer(404, "Id not found\n").error("read").exit, Exit::NotFound);
        assert_eq!(answer(500, "Failed: No space\n").error("read").exit, Exit::Failed);
        let told = Answer {
            kind: Some(ErrorKind::NoSpace),
            ..answer(500, "Failed: No space\n")
        }
        .error("read");
        assert_eq!(
            (told.exit, told.obstacle.as_str()),
            (Exit::NoSpace, "Failed: No space")
        );
    }

    #[test]
    fn an_empty_answer_tells_its_status() {
        assert_eq!(
            answer(405, "").error("x").obstacle,
            "the server answered with status 405"
        );
    }

    #[test]
    fn a_busy_server_says_when() {
        let busy = Answer {
            retry_after: Some(7),
            ..answer(429, "Server busy.")
        }
        .error("x");
        assert_eq!(
            (busy.exit, busy.advice.as_str()),
            (Exit::Busy, "try the same again in 7 s")
        );
    }
}
