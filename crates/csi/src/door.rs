//! How Mortar's HTTP API is asked: over the network or from within its process. Who implements it sends what it is told, and
//! says what came back.

use std::fmt;

use futures::future::BoxFuture;

/// What is to be done at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Tell.
    Get,
    /// Begin.
    Post,
    /// Change.
    Patch,
    /// Remove.
    Delete,
}

impl Method {
    /// As HTTP writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What is to be done.
    pub method: Method,
    /// The path.
    pub path: String,
    /// The query with its `?`, or nothing.
    pub query: String,
    /// The JSON body.
    pub body: Option<Vec<u8>>,
}

/// An answer, whatever its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// Where the result is, or will be.
    pub location: Option<String>,
    /// Whether there is no result of long work yet.
    pub pending: bool,
    /// Where long work stands, while nothing happens there: it goes on by itself, and not now.
    pub phase: Option<String>,
    /// The kind of error, where it is told beside a body of plain text.
    pub kind: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// There was no answer: whether the request arrived is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable(pub String);

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A way to Mortar's HTTP API.
pub trait Door: Send + Sync + 'static {
    /// Asks, and waits for the whole answer. A long poll may take a minute.
    fn ask(&self, question: Question) -> BoxFuture<'_, Result<Reply, Unreachable>>;
}
