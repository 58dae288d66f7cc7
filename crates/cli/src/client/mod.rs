//! How the command line talks to a server: only over HTTP, with a token made for each request.

mod answer;
mod failure;
mod identity;
mod lists;
mod resolve;
mod tls;
mod wait;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mortar_api::{Topology, TopologyBrick, TopologyDevice, TopologyNode};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use answer::Answer;
pub(crate) use identity::{Identity, Target};
pub(crate) use lists::{Filter, query};
pub(crate) use resolve::{devices, nodes};
pub(crate) use wait::{Finished, Work};

use crate::error::{Error, Result};
use crate::exit::Exit;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long an answer may take, long polls aside. A node's own limits are below this.
const ANSWER: Duration = Duration::from_secs(120);
/// How long an answer may take that many nodes are asked for, each of them several times, or for which GlusterFS looks at many files.
const MANY_NODES: Duration = Duration::from_secs(1800);

/// A server, and who asks it.
#[derive(Debug)]
pub(crate) struct Client {
    server: String,
    identity: Option<Identity>,
    http: reqwest::Client,
}

impl Client {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// The address is not one that can be asked.
    pub(crate) fn new(target: Target) -> Result<Self> {
        let attempt = || format!("ask the server {}", target.server);
        let url: reqwest::Url = target.server.parse().map_err(|error| {
            Error::usage(attempt(), format!("that is not an address ({error})"))
                .advise("write http://HOST:PORT or https://HOST:PORT")
        })?;
        if !["http", "https"].contains(&url.scheme()) || url.path() != "/" {
            return Err(
                Error::usage(attempt(), "only http and https without a path are spoken")
                    .advise("write http://HOST:PORT or https://HOST:PORT"),
            );
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::config(url.scheme() == "https", target.authority.as_deref())?)
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(ANSWER)
            .user_agent(concat!("mortar/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Error::new(Exit::Failed, attempt(), error.to_string()))?;
        Ok(Self {
            server: target.server.trim_end_matches('/').to_owned(),
            identity: target.identity,
            http,
        })
    }

    /// Whether it asks in the role that sees its own volumes alone.
    pub(crate) fn is_user(&self) -> bool {
        self.identity.as_ref().is_some_and(Identity::is_user)
    }

    /// Sends one request and takes what comes, whatever its status.
    async fn send(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Option<Vec<u8>>,
        attempt: &str,
    ) -> Result<Answer> {
        let request = self
            .http
            .request(method.clone(), format!("{}{path}{query}", self.server));
        self.send_request(request, &method, path, body, attempt).await
    }

    /// The same for those who judge the answer themselves.
    ///
    /// # Errors
    /// The server did not answer.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &str,
        body: Option<Vec<u8>>,
    ) -> Result<Answer> {
        self.send(method, path, query, body, "ask the server").await
    }

    async fn send_request(
        &self,
        mut request: reqwest::RequestBuilder,
        method: &Method,
        path: &str,
        body: Option<Vec<u8>>,
        attempt: &str,
    ) -> Result<Answer> {
        if let Some(identity) = &self.identity {
            request = request.header(
                "Authorization",
                identity.header(method.as_str(), path, seconds_since_1970()),
            );
        }
        if let Some(body) = body {
            request = request.header("Content-Type", "application/json").body(body);
        }
        let unreachable = |error: &reqwest::Error| failure::unreachable(&self.server, attempt, error);
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        let answer = Answer::read(response)
            .await
            .map_err(|error| unreachable(&error))?;
        if failure::wants_https(&answer) {
            return Err(failure::other_scheme(&self.server, attempt));
        }
        Ok(answer)
    }

    /// `GET`; the body of the answer as it came.
    ///
    /// # Errors
    /// The server did not answer, or refused.
    pub(crate) async fn get(&self, path: &str, attempt: &str) -> Result<Vec<u8>> {
        self.get_query(path, "", attempt).await
    }

    /// `GET` of what takes GlusterFS its time.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn get_patiently(&self, path: &str, attempt: &str) -> Result<Vec<u8>> {
        let request = self
            .http
            .get(format!("{}{path}", self.server))
            .timeout(MANY_NODES);
        let answer = self
            .send_request(request, &Method::GET, path, None, attempt)
            .await?;
        Ok(answer.success(attempt)?.body)
    }

    /// `GET` with a query, which begins with `?`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn get_query(&self, path: &str, query: &str, attempt: &str) -> Result<Vec<u8>> {
        let answer = self.send(Method::GET, path, query, None, attempt).await?;
        Ok(answer.success(attempt)?.body)
    }

    /// `POST`; the answer when it is a success.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn post(&self, path: &str, body: &impl Serialize, attempt: &str) -> Result<Answer> {
        let body = serde_json::to_vec(body).expect("wire types always have a JSON form");
        self.send(Method::POST, path, "", Some(body), attempt)
            .await?
            .success(attempt)
    }

    /// `POST` of what asks many nodes before it is answered.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn post_patiently(
        &self,
        path: &str,
        body: &impl Serialize,
        attempt: &str,
    ) -> Result<Answer> {
        let body = serde_json::to_vec(body).expect("wire types always have a JSON form");
        let request = self
            .http
            .post(format!("{}{path}", self.server))
            .timeout(MANY_NODES);
        self.send_request(request, &Method::POST, path, Some(body), attempt)
            .await?
            .success(attempt)
    }

    /// `PATCH`; the answer when it is a success.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn patch(&self, path: &str, body: &impl Serialize, attempt: &str) -> Result<Answer> {
        let body = serde_json::to_vec(body).expect("wire types always have a JSON form");
        self.send(Method::PATCH, path, "", Some(body), attempt)
            .await?
            .success(attempt)
    }

    /// `DELETE`; the answer when it is a success.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn delete(&self, path: &str, attempt: &str) -> Result<Answer> {
        self.delete_query(path, "", attempt).await
    }

    /// `DELETE` with a query, which begins with `?`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn delete_query(&self, path: &str, query: &str, attempt: &str) -> Result<Answer> {
        self.send(Method::DELETE, path, query, None, attempt)
            .await?
            .success(attempt)
    }

    /// `DELETE` with a body.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn delete_with(
        &self,
        path: &str,
        body: &impl Serialize,
        attempt: &str,
    ) -> Result<Answer> {
        let body = serde_json::to_vec(body).expect("wire types always have a JSON form");
        self.send(Method::DELETE, path, "", Some(body), attempt)
            .await?
            .success(attempt)
    }

    /// All that exists, as recorded, in the order of names.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn topology(&self, attempt: &str) -> Result<Topology> {
        let mut topology: Topology = read(&self.get("/v1/topology", attempt).await?, attempt)?;
        sort(&mut topology);
        Ok(topology)
    }
}

/// The server's order is that of ids, which tells people nothing.
fn sort(topology: &mut Topology) {
    for cluster in &mut topology.clusters {
        cluster.volumes.sort_by(|a, b| a.name.cmp(&b.name));
        cluster
            .nodes
            .sort_by(|a, b| (a.zone, &a.manage).cmp(&(b.zone, &b.manage)));
        cluster.nodes.iter_mut().for_each(sort_node);
    }
}

fn sort_node(node: &mut TopologyNode) {
    node.devices.sort_by(|a, b| a.path.cmp(&b.path));
    node.devices.iter_mut().for_each(sort_device);
}

fn sort_device(device: &mut TopologyDevice) {
    let key = |brick: &TopologyBrick| (brick.volume_name.clone(), brick.set, brick.position);
    device.bricks.sort_by_cached_key(key);
}

/// Reads an answer.
///
/// # Errors
/// It is not what this program expects: another program answers there, or another version.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8], attempt: &str) -> Result<T> {
    serde_json::from_slice(body).map_err(|error| {
        Error::new(
            Exit::Failed,
            attempt,
            format!("the server's answer is not understood ({error})"),
        )
        .advise("see that a Mortar server of this version answers there")
    })
}

fn seconds_since_1970() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}
