//! Long work: the answer 202 names a queue place, which is asked until the work is at its end.
//!
//! A queue id is an operation's id too, so the operation tells the progress, and after a failure the kind of
//! error and what a person must do.

use std::time::{Duration, Instant};

use mortar_api::{ErrorKind, Operation, Phase};
use reqwest::Method;

use super::{Answer, Client, read};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::parse::is_id;
use crate::progress::Progress;

/// For how many seconds the server may hold an answer back while nothing has ended.
const LONG_POLL: u64 = 30;
/// The same while a progress display wants news.
const SHORT_POLL: u64 = 1;
/// Between two questions to a server that does not hold answers back.
const PAUSE: Duration = Duration::from_millis(200);

/// How long work ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finished {
    /// It made or changed a thing, whose description this is.
    Resource(Vec<u8>),
    /// There is nothing to show.
    Nothing,
    /// It is accepted and goes on without us.
    Accepted,
}

/// Long work with its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    /// The operation's id.
    pub(crate) operation: String,
    /// How it ended.
    pub(crate) finished: Finished,
}

impl Client {
    /// Waits for the end of the work that an answer accepted, unless nobody wants to wait.
    ///
    /// # Errors
    /// The work failed, waits for a person or a node, or the server can no longer be asked.
    pub(crate) async fn finish(&self, accepted: Answer, attempt: &str, progress: &Progress) -> Result<Work> {
        if progress.waits() {
            return self.finish_always(accepted, attempt, progress).await;
        }
        Ok(Work {
            operation: queue_id(&accepted, attempt)?,
            finished: Finished::Accepted,
        })
    }

    /// Waits for the end of the work that an answer accepted: what comes next needs it.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub(crate) async fn finish_always(
        &self,
        accepted: Answer,
        attempt: &str,
        progress: &Progress,
    ) -> Result<Work> {
        let operation = queue_id(&accepted, attempt)?;
        let path = format!("/queue/{operation}");
        let seconds = if progress.is_shown() {
            SHORT_POLL
        } else {
            LONG_POLL
        };
        progress.say(attempt);
        loop {
            if progress.is_shown()
                && let Ok(news) = self.operation(&operation, attempt).await
            {
                progress.show(&news);
            }
            let asked = Instant::now();
            let answer = self
                .send(Method::GET, &path, &format!("?wait={seconds}"), None, attempt)
                .await;
            let answer = answer.inspect_err(|_| progress.end())?;
            if !answer.pending || answer.waits {
                progress.end();
                return self.ended(answer, operation, attempt).await;
            }
            if asked.elapsed() < PAUSE {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn ended(&self, answer: Answer, operation: String, attempt: &str) -> Result<Work> {
        let finished = match answer.status {
            _ if answer.waits => return Err(self.failed(&answer, &operation, attempt).await),
            303 => {
                let place = answer.location.as_deref().unwrap_or_default();
                Finished::Resource(self.get(place, attempt).await?)
            }
            200..300 => Finished::Nothing,
            _ => return Err(self.failed(&answer, &operation, attempt).await),
        };
        Ok(Work { operation, finished })
    }

    /// Why work failed, or stands still: the queue's text, with the operation's kind of error where it can be had.
    async fn failed(&self, answer: &Answer, id: &str, attempt: &str) -> Error {
        let mut error = if answer.waits {
            let text = "a node is away; it is not given up, and goes on by itself when the node is back";
            Error::new(Exit::NeedsAttention, attempt, text)
                .advise(format!("see how far it is: 'mortar operation info {id}'"))
        } else {
            answer.error(attempt)
        };
        let Ok(operation) = self.operation(id, attempt).await else {
            return error;
        };
        // Heketi's words are for its clients: what failed here may be no more than a part of what they would ask for.
        if let (Phase::Undone, Some(why)) = (operation.phase, &operation.error) {
            error.obstacle.clone_from(why);
        }
        match (operation.phase, operation.attention, operation.error_kind) {
            (Phase::NeedsAttention | Phase::WaitingForNode, Some(attention), _) => {
                error.exit = Exit::NeedsAttention;
                error.details.push(attention.reason);
                error.advice = attention.command;
                if !attention.give_up.is_empty() {
                    error.advice = format!("{}\nor give it up: {}", error.advice, attention.give_up);
                }
            }
            (_, _, Some(kind)) => error.exit = Exit::of(kind),
            _ => {}
        }
        if error.exit != Exit::NeedsAttention && error.advice == crate::error::advice_for(ErrorKind::Internal)
        {
            error.advice = format!("see its steps: 'mortar operation info {id}'");
        }
        error
    }

    /// One operation with its steps.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn operation(&self, id: &str, attempt: &str) -> Result<Operation> {
        read(
            &self.get(&format!("/v1/operations/{id}"), attempt).await?,
            attempt,
        )
    }
}

/// The id in `Location: /queue/ID`.
fn queue_id(accepted: &Answer, attempt: &str) -> Result<String> {
    let place = accepted.location.as_deref().unwrap_or_default();
    match place.rsplit_once("/queue/") {
        Some((_, id)) if accepted.status == 202 && is_id(id) => Ok(id.to_owned()),
        _ => Err(Error::new(
            Exit::Failed,
            attempt,
            format!(
                "the server answered with status {} and no place in its queue",
                accepted.status
            ),
        )
        .advise("see that a Mortar server answers there")),
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, queue_id};

    #[test]
    fn the_queue_place_names_the_operation() {
        let answer = |status, place: &str| Answer {
            status,
            location: Some(place.to_owned()),
            ..Answer::default()
        };
        let id = "0f".repeat(16);
        assert_eq!(
            queue_id(&answer(202, &format!("/queue/{id}")), "x"),
            Ok(id.clone())
        );
        assert!(queue_id(&answer(202, "/queue/1"), "x").is_err());
        assert!(queue_id(&answer(200, &format!("/queue/{id}")), "x").is_err());
        assert!(
            queue_id(
                &Answer {
                    status: 202,
                    ..Answer::default()
                },
                "x"
            )
            .is_err()
        );
    }
}
