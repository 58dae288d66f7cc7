//! The two ways from the CSI controller to Mortar's API: over the network, and from within the server's process.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_api::Phase;
use mortar_csi::{Door, Method, Question, Reply, Unreachable};
use mortar_server::Inside;

use crate::client::Client;

/// A server somewhere else.
pub(crate) struct Network(pub(crate) Client);

impl Door for Network {
    fn ask(&self, question: Question) -> BoxFuture<'_, Result<Reply, Unreachable>> {
        async move {
            let method = match question.method {
                Method::Get => reqwest::Method::GET,
                Method::Post => reqwest::Method::POST,
                Method::Patch => reqwest::Method::PATCH,
                Method::Delete => reqwest::Method::DELETE,
            };
            let answer = self
                .0
                .ask(method, &question.path, &question.query, question.body)
                .await
                .map_err(|error| Unreachable(error.obstacle))?;
            Ok(Reply {
                status: answer.status,
                location: answer.location,
                pending: answer.pending,
                phase: answer.waits.then(|| Phase::WaitingForNode.name().to_owned()),
                kind: answer.kind.map(|kind| kind.name().to_owned()),
                body: answer.body,
            })
        }
        .boxed()
    }
}

/// The server of this process.
pub(crate) struct Within(Inside);

impl Within {
    /// A door that the CSI controller takes.
    pub(crate) fn door(inside: Inside) -> Arc<dyn Door> {
        Arc::new(Self(inside))
    }
}

impl Door for Within {
    fn ask(&self, question: Question) -> BoxFuture<'_, Result<Reply, Unreachable>> {
        async move {
            let target = format!("{}{}", question.path, question.query);
            let answer = self.0.ask(question.method.name(), &target, question.body).await;
            let answer = answer.map_err(Unreachable)?;
            Ok(Reply {
                status: answer.status,
                location: answer.location,
                pending: answer.pending,
                phase: answer.phase,
                kind: answer.kind,
                body: answer.body,
            })
        }
        .boxed()
    }
}
