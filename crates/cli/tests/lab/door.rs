//! Requests to a server, with a token made for each.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use mortar_heketi::token::{Role, Secret, authorization_header};
use reqwest::Method;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::ground::LIMIT;
use crate::server::{ADMIN_KEY, Server};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) location: Option<String>,
    /// The header that says that there is no result yet.
    pub(crate) pending: bool,
    /// The header that says that it stands still until a node is back.
    pub(crate) waits: bool,
    /// The header that tells programs what kind of refusal it is.
    pub(crate) kind: Option<String>,
}

impl Said {
    /// Its body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The id in `Location: /queue/ID` of a request that was accepted.
    pub(crate) fn queue_id(&self) -> &str {
        assert_eq!(self.status, 202, "{self:?}");
        self.location
            .as_deref()
            .and_then(|place| place.strip_prefix("/queue/"))
            .unwrap()
    }
}

/// The runtime that all requests share.
fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap()
    })
}

/// The client that all requests share; none is redirected.
fn client() -> &'static reqwest::Client {
    static CLIENT: OnceLock<reqwest::Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        // reqwest brings no cryptography of its own; an error says that it is there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LIMIT)
            .build()
            .unwrap()
    })
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// The token of a request, signed with a key.
pub(crate) fn token(key: &str, method: &Method, path: &str) -> String {
    authorization_header(
        Role::Admin,
        &Secret::new(key.to_owned()),
        method.as_str(),
        path,
        now(),
    )
}

/// Sends one request to the server at this address; `None` when it is not there, or goes before all is said.
pub(crate) fn ask_at(
    address: &str,
    method: &Method,
    place: &str,
    body: Option<&Value>,
    token: Option<&str>,
) -> Option<Said> {
    let url = format!("http://{address}{place}");
    runtime().block_on(async {
        let mut request = client().request(method.clone(), url);
        if let Some(token) = token {
            request = request.header("Authorization", token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.ok()?;
        let header = |name: &str| {
            let value = answer.headers().get(name)?;
            Some(value.to_str().unwrap().to_owned())
        };
        Some(Said {
            status: answer.status().as_u16(),
            location: header("location"),
            pending: header("x-pending").is_some(),
            waits: header("mortar-phase").is_some(),
            kind: header("mortar-error-kind"),
            text: answer.text().await.ok()?,
        })
    })
}

impl Server {
    /// Sends one request as the admin; `None` when the server is not there.
    pub(crate) fn try_ask(&self, method: &Method, place: &str, body: Option<&Value>) -> Option<Said> {
        let path = place.split_once('?').map_or(place, |(path, _)| path);
        self.ask_with(method, place, body, Some(&token(ADMIN_KEY, method, path)))
    }

    /// Sends one request with a token of the caller's.
    pub(crate) fn ask_with(
        &self,
        method: &Method,
        place: &str,
        body: Option<&Value>,
        token: Option<&str>,
    ) -> Option<Said> {
        ask_at(self.address(), method, place, body, token)
    }

    fn ask(&self, method: &Method, place: &str, body: Option<&Value>) -> Said {
        self.try_ask(method, place, body)
            .unwrap_or_else(|| panic!("{method} {place}: no answer"))
    }

    /// `GET`
    pub(crate) fn get(&self, place: &str) -> Said {
        self.ask(&Method::GET, place, None)
    }

    /// `POST`
    pub(crate) fn post(&self, place: &str, body: &Value) -> Said {
        self.ask(&Method::POST, place, Some(body))
    }

    /// `DELETE`
    pub(crate) fn delete(&self, place: &str) -> Said {
        self.ask(&Method::DELETE, place, None)
    }

    /// Waits for the end of an operation, or for its need of attention; the queue's answer then.
    pub(crate) fn rest(&self, id: &str) -> Said {
        let begun = Instant::now();
        loop {
            let said = self.get(&format!("/queue/{id}?wait=30"));
            if !said.pending || said.waits {
                return said;
            }
            assert!(
                begun.elapsed() < LIMIT,
                "operation {id} does not end: {}\n{}",
                self.get(&format!("/v1/operations/{id}")).text,
                self.log()
            );
        }
    }

    /// Waits until an operation has really ended, also where it needed attention for a while.
    pub(crate) fn end(&self, id: &str) -> Said {
        let begun = Instant::now();
        loop {
            let said = self.rest(id);
            // What needed attention may have been taken up since: only an end is one.
            if matches!(self.operation(id)["phase"].as_str(), Some("done" | "undone")) {
                return self.rest(id);
            }
            assert!(
                begun.elapsed() < LIMIT,
                "operation {id} does not end: {said:?}\n{}",
                self.log()
            );
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }

    /// Follows a request to its end and where that leads.
    pub(crate) fn follow(&self, accepted: &Said) -> Said {
        let ended = self.rest(accepted.queue_id());
        match &ended.location {
            Some(place) if ended.status == 303 => self.get(place),
            _ => ended,
        }
    }

    /// `GET /v1/operations/{id}`
    pub(crate) fn operation(&self, id: &str) -> Value {
        self.get(&format!("/v1/operations/{id}")).json()
    }

    /// Waits until so many steps of an operation are done, or it is at rest; whether it still runs.
    pub(crate) fn reaches(&self, id: &str, steps: u64) -> bool {
        let begun = Instant::now();
        loop {
            let operation = self.operation(id);
            let phase = operation["phase"].as_str().unwrap().to_owned();
            if !["waiting", "running", "undoing"].contains(&phase.as_str()) {
                return false;
            }
            if phase == "running" && operation["steps_done"].as_u64().unwrap() >= steps {
                return true;
            }
            assert!(begun.elapsed() < LIMIT, "{operation}");
        }
    }
}
