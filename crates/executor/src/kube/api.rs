//! Asking the API server: a question for JSON, and the change to a WebSocket.
//!
//! Each has a connection of its own: a WebSocket takes its connection with it, and pods are asked for too rarely for
//! a kept one to pay.

use std::time::Duration;

use futures::future::Either;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_tungstenite::tungstenite::Error as SocketError;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::KubeError;
use super::access::Access;
use super::frame::Protocol;

/// More than a list of 500 pods ever takes.
const LONGEST_ANSWER: usize = 64 * 1024 * 1024;

/// A stream of bytes to the API server.
pub(super) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Wire for S {}

/// A WebSocket on such a stream.
pub(super) type Socket = WebSocketStream<Box<dyn Wire>>;

/// What the API server says when it does not do what it was asked for.
#[derive(Default, Deserialize)]
struct Complaint {
    #[serde(default)]
    message: String,
}

/// The way to the API server.
pub(super) struct Api {
    access: Access,
    /// How long connecting and each answer may take.
    limit: Duration,
    /// The rights that its user needs, for the one who is told that they are missing.
    rights: &'static str,
}

/// What Mortar needs to run commands in pods.
pub(super) const FOR_PODS: &str =
    "in the namespace of the GlusterFS pods, `get` and `list` on pods, and `get` and `create` on pods/exec";

impl Api {
    pub(super) fn new(access: Access, limit: Duration, rights: &'static str) -> Self {
        Self {
            access,
            limit,
            rights,
        }
    }

    /// Asks for the JSON at `path`; `during` says what for, as in "refuses to …".
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str, during: &str) -> Result<T, KubeError> {
        let (status, body) = self.ask(path, during).await?;
        self.read(status, &body, during)
    }

    /// The same for what may not be there.
    pub(super) async fn find<T: DeserializeOwned>(
        &self,
        path: &str,
        during: &str,
    ) -> Result<Option<T>, KubeError> {
        let (status, body) = self.ask(path, during).await?;
        if status == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        self.read(status, &body, during).map(Some)
    }

    fn read<T: DeserializeOwned>(
        &self,
        status: StatusCode,
        body: &[u8],
        during: &str,
    ) -> Result<T, KubeError> {
        if status != StatusCode::OK {
            return Err(self.refused(during, status, body));
        }
        serde_json::from_slice(body).map_err(|error| self.failed(during, error.to_string()))
    }

    async fn ask(&self, path: &str, during: &str) -> Result<(StatusCode, Bytes), KubeError> {
        let request = self
            .request(format!("{}{path}", self.access.prefix))?
            .header(header::ACCEPT, "application/json")
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.failed(during, error.to_string()))?;
        let exchange = async {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(self.open().await?))
                    .await
                    .map_err(|error| self.failed(during, error.to_string()))?;
            let answer = Box::pin(async move {
                let response = sender
                    .send_request(request)
                    .await
                    .map_err(|error| error.to_string())?;
                let status = response.status();
                let body = Limited::new(response.into_body(), LONGEST_ANSWER).collect().await;
                Ok((status, body.map_err(|error| error.to_string())?.to_bytes()))
            });
            // What was read before the connection ended is still to be had.
            match futures::future::select(answer, Box::pin(connection)).await {
                Either::Left((answer, _)) => answer,
                Either::Right((_, answer)) => answer.await,
            }
            .map_err(|reason: String| self.failed(during, reason))
        };
        timeout(self.limit, exchange)
            .await
            .map_err(|_| self.timed_out(during))?
    }

    /// Makes a WebSocket at `path`, for the newest protocol that the API server knows.
    pub(super) async fn upgrade(&self, path: &str, during: &str) -> Result<(Socket, Protocol), KubeError> {
        // The WebSocket's side wants a whole address, and sends its path alone.
        let scheme = if self.access.tls { "wss" } else { "ws" };
        let request = self
            .request(format!(
                "{scheme}://{}{}{path}",
                self.access.name(),
                self.access.prefix
            ))?
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, generate_key())
            .header(header::SEC_WEBSOCKET_PROTOCOL, Protocol::OFFERED)
            .body(())
            .map_err(|error| self.failed(during, error.to_string()))?;
        let making = async {
            let wire = self.open().await?;
            client_async(request, wire).await.map_err(|error| match error {
                SocketError::Http(response) => {
                    let body = response.body().as_deref().unwrap_or_default();
                    self.refused(during, response.status(), body)
                }
                other => self.failed(during, other.to_string()),
            })
        };
        let (socket, response) = timeout(self.limit, making)
            .await
            .map_err(|_| self.timed_out(during))??;
        let chosen = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
        let protocol = chosen.and_then(|name| Protocol::named(name.as_bytes()));
        let protocol = protocol.ok_or_else(|| {
            let reason = format!("it speaks none of {} over WebSocket", Protocol::OFFERED);
            self.failed(during, reason)
        })?;
        Ok((socket, protocol))
    }

    fn request(&self, address: String) -> Result<hyper::http::request::Builder, KubeError> {
        let mut builder = Request::get(address)
            .header(header::HOST, self.access.name())
            .header(header::USER_AGENT, concat!("mortar/", env!("CARGO_PKG_VERSION")));
        if let Some(bearer) = self.access.bearer()? {
            let mut value = header::HeaderValue::from_str(&bearer).map_err(|_| KubeError::Setup {
                what: "the token for the API server".to_owned(),
                reason: "it has characters that no token has".to_owned(),
            })?;
            value.set_sensitive(true);
            builder = builder.header(header::AUTHORIZATION, value);
        }
        Ok(builder)
    }

    async fn open(&self) -> Result<Box<dyn Wire>, KubeError> {
        let access = &self.access;
        let failed = |reason: String| KubeError::Connect {
            server: access.name(),
            reason,
        };
        let stream = TcpStream::connect((access.host.as_str(), access.port))
            .await
            .map_err(|error| failed(error.to_string()))?;
        // Each message is a question that somebody waits for.
        stream
            .set_nodelay(true)
            .map_err(|error| failed(error.to_string()))?;
        if !access.tls {
            return Ok(Box::new(stream));
        }
        let name = access.server_name.as_ref().unwrap_or(&access.host).clone();
        let name = ServerName::try_from(name).map_err(|error| failed(error.to_string()))?;
        let connector = TlsConnector::from(access.client_config()?);
        let stream = connector
            .connect(name, stream)
            .await
            .map_err(|error| failed(error.to_string()))?;
        Ok(Box::new(stream))
    }

    fn refused(&self, during: &str, status: StatusCode, body: &[u8]) -> KubeError {
        let said = serde_json::from_slice(body)
            .unwrap_or(Complaint::default())
            .message;
        let (server, during) = (self.access.name(), during.to_owned());
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return KubeError::Denied {
                server,
                during,
                status: status.as_u16(),
                rights: self.rights,
                said: if said.is_empty() {
                    said
                } else {
                    format!(": {said}")
                },
            };
        }
        let reason = match said.is_empty() {
            true => format!("status {status}"),
            false => format!("status {status}: {said}"),
        };
        self.failed(&during, reason)
    }

    fn failed(&self, during: &str, reason: String) -> KubeError {
        KubeError::Answer {
            server: self.access.name(),
            during: during.to_owned(),
            reason,
        }
    }

    fn timed_out(&self, during: &str) -> KubeError {
        KubeError::TimedOut {
            server: self.access.name(),
            limit: self.limit,
            during: during.to_owned(),
        }
    }
}
