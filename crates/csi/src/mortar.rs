//! What is asked of Mortar, in the language of its API.

use std::sync::Arc;
use std::time::Duration;

use mortar_api::{
    Capacity, CapacityQuery, ErrorBody, ErrorKind, ExpandRequest, Limits, Operation, Volume, VolumeHealth,
    VolumeHealthPage, VolumePage, VolumeRequest,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::deadline::Deadline;
use crate::door::{Door, Method, Question, Reply};
use crate::names;
use crate::trouble::Trouble;

/// Longest that one poll is held back: other limits on the way are longer.
const POLL: u64 = 20;

/// Between two questions to a server that does not hold answers back.
const PAUSE: Duration = Duration::from_millis(100);

/// Mortar, behind a door.
#[derive(Clone)]
pub(crate) struct Mortar {
    door: Arc<dyn Door>,
}

/// Where the result of accepted work will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Work {
    /// The operation's id.
    pub(crate) operation: String,
}

impl Mortar {
    pub(crate) fn new(door: Arc<dyn Door>) -> Self {
        Self { door }
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Reply, Trouble> {
        let question = Question {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            body,
        };
        let answer = self.door.ask(question).await;
        answer.map_err(|why| Trouble::Unknown(format!("Mortar did not answer: {why}")))
    }

    /// Reads what is at a path.
    ///
    /// # Errors
    /// It could not be asked, or is not there.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str, query: &str) -> Result<T, Trouble> {
        let reply = self.ask(Method::Get, path, query, None).await?;
        read(&success(reply)?.body)
    }

    /// Asks for what is done at once, and reads what it says.
    ///
    /// # Errors
    /// It cannot be.
    pub(crate) async fn tell<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, Trouble> {
        let body = body.map(|body| serde_json::to_vec(body).expect("wire types always have a JSON form"));
        read(&success(self.ask(method, path, query, body).await?)?.body)
    }

    /// Asks for work.
    ///
    /// # Errors
    /// It cannot be.
    pub(crate) async fn begin(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Work, Trouble> {
        let body = body.map(|body| serde_json::to_vec(body).expect("wire types always have a JSON form"));
        let reply = success(self.ask(method, path, "", body).await?)?;
        work(&reply)
    }

    /// Asks for a volume.
    ///
    /// # Errors
    /// It cannot be.
    pub(crate) async fn create_volume(&self, wanted: &VolumeRequest) -> Result<Work, Trouble> {
        self.begin(Method::Post, "/v1/volumes", Some(wanted)).await
    }

    /// A volume; none where there is none of this id.
    ///
    /// # Errors
    /// It could not be asked.
    pub(crate) async fn volume(&self, id: &str) -> Result<Option<Volume>, Trouble> {
        if !names::is_id(id) {
            return Ok(None);
        }
        match self.get(&format!("/v1/volumes/{id}"), "").await {
            Ok(volume) => Ok(Some(volume)),
            Err(trouble) if trouble.is_not_found() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// What there is of a name.
    ///
    /// # Errors
    /// It could not be asked.
    pub(crate) async fn named(&self, name: &str) -> Result<VolumePage, Trouble> {
        self.get("/v1/volumes", &format!("?name={name}")).await
    }

    /// A page of volumes, and where the next one begins.
    ///
    /// # Errors
    /// It could not be asked.
    pub(crate) async fn volumes(
        &self,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<VolumePage, Trouble> {
        self.get("/v1/volumes", &page(after, limit)).await
    }

    /// Asks for a volume's end.
    ///
    /// # Errors
    /// It cannot be.
    pub(crate) async fn delete_volume(&self, id: &str) -> Result<Work, Trouble> {
        self.begin(Method::Delete, &format!("/v1/volumes/{id}"), None::<&()>)
            .await
    }

    /// Asks for a larger volume than one of `from` bytes.
    ///
    /// # Errors
    /// It cannot be, or the volume has another size by now.
    pub(crate) async fn expand_volume(&self, id: &str, from: u64, by: u64) -> Result<Work, Trouble> {
        let request = ExpandRequest {
            by,
            from: Some(from),
            way: mortar_api::ExpandWay::Best,
        };
        self.begin(Method::Post, &format!("/v1/volumes/{id}/expand"), Some(&request))
            .await
    }

    /// Bounds of volumes.
    ///
    /// # Errors
    /// It could not be asked.
    pub(crate) async fn limits(&self) -> Result<Limits, Trouble> {
        self.get("/v1/limits", "").await
    }

    /// How much room there is.
    ///
    /// # Errors
    /// It could not be asked, or a cluster is not known.
    pub(crate) async fn capacity(&self, kind: &CapacityQuery) -> Result<Capacity, Trouble> {
        let mut query = format!(
            "?durability={}",
            kind.durability.replace(' ', "%20").replace('+', "%2B")
        );
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={value}"));
            }
        };
        add("clusters", kind.clusters.as_deref().map(query_text));
        add("zones", kind.zones.clone());
        add(
            "snapshot_factor",
            kind.snapshot_factor.map(|factor| factor.to_string()),
        );
        self.get("/v1/capacity", &query).await
    }

    /// How a volume is.
    ///
    /// # Errors
    /// It could not be asked, or there is none of this id.
    pub(crate) async fn health(&self, id: &str) -> Result<VolumeHealth, Trouble> {
        self.get(&format!("/v1/volumes/{id}/health"), "").await
    }

    /// A page of the volumes that are not well.
    ///
    /// # Errors
    /// It could not be asked.
    pub(crate) async fn unwell(
        &self,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<VolumeHealthPage, Trouble> {
        self.get("/v1/health/volumes", &page(after, limit)).await
    }

    /// An operation.
    ///
    /// # Errors
    /// It could not be asked, or is not known any more.
    pub(crate) async fn operation(&self, id: &str) -> Result<Operation, Trouble> {
        self.get(&format!("/v1/operations/{id}"), "").await
    }

    /// Waits for the end of work; the path of what it made, where it made something.
    ///
    /// # Errors
    /// It failed and is undone, or is not at its end in time, or stands still: then it is said to be under way.
    pub(crate) async fn finish(&self, work: &Work, deadline: Deadline) -> Result<Option<String>, Trouble> {
        let (id, path) = (&work.operation, format!("/queue/{}", work.operation));
        loop {
            let left = deadline.left();
            if left.is_zero() {
                return Err(Trouble::UnderWay(format!("operation {id} is under way")));
            }
            let query = format!("?wait={}", left.as_secs().min(POLL));
            let asked = std::time::Instant::now();
            let reply = tokio::time::timeout(left, self.ask(Method::Get, &path, &query, None)).await;
            let Ok(reply) = reply else { continue };
            let reply = reply?;
            if reply.phase.is_some() {
                return Err(self.stands_still(id).await);
            }
            if !reply.pending {
                return self.ended(&reply, id).await;
            }
            if asked.elapsed() < PAUSE {
                tokio::time::sleep(PAUSE.min(left)).await;
            }
        }
    }

    /// What is said of work that goes on by itself when a node is back: nobody's deadline is as far away as that may be.
    async fn stands_still(&self, id: &str) -> Trouble {
        let operation = self.operation(id).await.ok();
        let why = operation.and_then(|operation| operation.attention);
        let why = why.map_or_else(String::new, |attention| format!(": {}", attention.reason));
        Trouble::UnderWay(format!("operation {id} waits for a node that is away{why}"))
    }

    async fn ended(&self, reply: &Reply, id: &str) -> Result<Option<String>, Trouble> {
        match reply.status {
            303 => return Ok(reply.location.clone()),
            200..300 => return Ok(None),
            _ => {}
        }
        let trouble = refusal(reply);
        if trouble.is(ErrorKind::NeedsAttention) {
            return Err(Trouble::UnderWay(trouble.text().to_owned()));
        }
        if trouble.is_not_found() {
            return Err(Trouble::Unknown(format!("operation {id} is not known any more")));
        }
        // The queue's status says too little: the operation tells what kind of failure it was.
        let kind = self
            .operation(id)
            .await
            .ok()
            .and_then(|operation| operation.error_kind);
        Err(match (kind, trouble) {
            (Some(kind), Trouble::Refused { text, .. }) => Trouble::Refused { kind, text },
            (_, other) => other,
        })
    }
}

fn page(after: Option<&str>, limit: Option<u32>) -> String {
    let after = after.map(|after| format!("after={after}"));
    let limit = limit.map(|limit| format!("limit={limit}"));
    let parts: Vec<String> = after.into_iter().chain(limit).collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("?{}", parts.join("&"))
    }
}

/// A text in a query: letters, digits and commas stay.
pub(crate) fn query_text(text: &str) -> String {
    text.bytes().fold(String::new(), |mut query, byte| {
        if byte.is_ascii_alphanumeric() || byte == b',' {
            query.push(char::from(byte));
        } else {
            query.push_str(&format!("%{byte:02X}"));
        }
        query
    })
}

fn success(reply: Reply) -> Result<Reply, Trouble> {
    if (200..400).contains(&reply.status) {
        Ok(reply)
    } else {
        Err(refusal(&reply))
    }
}

/// What an answer that is no success says.
fn refusal(reply: &Reply) -> Trouble {
    if let Ok(ErrorBody { error }) = serde_json::from_slice(&reply.body) {
        let text = std::iter::once(error.message).chain(error.details);
        return Trouble::Refused {
            kind: error.kind,
            text: text.collect::<Vec<_>>().join("; "),
        };
    }
    let kind = reply.kind.as_deref().and_then(ErrorKind::from_name);
    Trouble::Refused {
        kind: kind.unwrap_or_else(|| ErrorKind::from_status(reply.status)),
        text: String::from_utf8_lossy(&reply.body).trim().to_owned(),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Trouble> {
    serde_json::from_slice(body).map_err(|error| {
        Trouble::Unknown(format!(
            "Mortar's answer is not understood ({error}): see that a server of this version answers there"
        ))
    })
}

fn work(reply: &Reply) -> Result<Work, Trouble> {
    let place = reply.location.as_deref().unwrap_or_default();
    match place.strip_prefix("/queue/") {
        Some(id) if reply.status == 202 && names::is_id(id) => Ok(Work {
            operation: id.to_owned(),
        }),
        _ => Err(Trouble::Unknown(format!(
            "Mortar answered with status {} and no place in its queue",
            reply.status
        ))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use futures::FutureExt as _;
    use futures::future::BoxFuture;

    use tonic::metadata::MetadataMap;

    use super::{Mortar, Work};
    use crate::deadline::Deadline;
    use crate::door::{Door, Question, Reply, Unreachable};
    use crate::trouble::Trouble;

    /// A server whose only operation waits for a node.
    struct Waiting;

    impl Door for Waiting {
        fn ask(&self, question: Question) -> BoxFuture<'_, Result<Reply, Unreachable>> {
            let reply = if question.path.starts_with("/queue/") {
                Reply {
                    status: 200,
                    pending: true,
                    phase: Some("waiting-for-node".into()),
                    ..Reply::default()
                }
            } else {
                let body = r#"{"id":"1","kind":"expand-volume","subject":{"kind":"volume","id":"2"},"phase":"waiting-for-node",
                    "started":"2026-01-02T03:04:05Z","steps_done":1,"steps_total":2,
                    "attention":{"reason":"n2 does not answer","command":"mortar operation retry 1"}}"#;
                Reply {
                    status: 200,
                    body: body.into(),
                    ..Reply::default()
                }
            };
            async move { Ok(reply) }.boxed()
        }
    }

    #[tokio::test]
    async fn what_waits_for_a_node_is_said_to_be_under_way_at_once() {
        let work = Work {
            operation: "1".into(),
        };
        let mortar = Mortar::new(Arc::new(Waiting));
        let deadline = Deadline::of(&MetadataMap::new());
        let told = tokio::time::timeout(Duration::from_secs(30), mortar.finish(&work, deadline)).await;
        let why = "operation 1 waits for a node that is away: n2 does not answer".to_owned();
        let told = told.unwrap().unwrap_err();
        assert!(
            matches!(&told, Trouble::UnderWay(text) if *text == why),
            "{told:?}"
        );
    }
}
