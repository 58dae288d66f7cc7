//! Why a server did not answer, and what to do about it.

use std::error::Error as _;
use std::io;

use rustls::{CertificateError, Error as TlsError};

use super::Answer;
use crate::error::Error;
use crate::exit::Exit;

/// What a server says that speaks https and was asked by http.
const WANTS_HTTPS: &str = "Client sent an HTTP request to an HTTPS server.";

/// Whether the answer is that of a server that speaks nothing but https.
pub(super) fn wants_https(answer: &Answer) -> bool {
    answer.status == 400 && answer.body.trim_ascii() == WANTS_HTTPS.as_bytes()
}

/// The server speaks https and was asked by http, or the other way round.
pub(super) fn other_scheme(server: &str, attempt: &str) -> Error {
    let (speaks, other) = match server.strip_prefix("https://") {
        Some(place) => ("http, and not https", format!("http://{place}")),
        None => ("https, and not http", server.replacen("http://", "https://", 1)),
    };
    let obstacle = format!("the server {server} speaks {speaks}");
    Error::new(Exit::Unreachable, attempt, obstacle)
        .advise(format!("ask {other} (--server or MORTAR_SERVER)"))
}

/// Why no answer came.
pub(super) fn unreachable(server: &str, attempt: &str, error: &reqwest::Error) -> Error {
    match tls_error(error) {
        Some(TlsError::InvalidMessage(_)) => return other_scheme(server, attempt),
        Some(TlsError::InvalidCertificate(why)) => return not_believed(server, attempt, why),
        _ => {}
    }
    let mut reason = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        reason = cause.to_string();
        source = cause.source();
    }
    if error.is_timeout() {
        reason = "no answer in time".to_owned();
    }
    // A connection that was made shows that a server is there.
    let advice = if error.is_connect() {
        "start it with 'mortar serve', or give its address with --server or MORTAR_SERVER"
    } else {
        "see the server's log, and what it works on: 'mortar operation list --open'"
    };
    let obstacle = format!("the server {server} did not answer: {reason}");
    Error::new(Exit::Unreachable, attempt, obstacle).advise(advice)
}

/// What went wrong with TLS.
fn tls_error(error: &reqwest::Error) -> Option<&TlsError> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(found) = within(cause) {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

/// What an error is, below the I/O errors that it is wrapped in: they hide it from those who ask for their source.
fn within<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a TlsError> {
    if let Some(found) = error.downcast_ref::<TlsError>() {
        return Some(found);
    }
    within(error.downcast_ref::<io::Error>()?.get_ref()?)
}

/// A server is there, and its certificate does not show that it is the one that is meant.
fn not_believed(server: &str, attempt: &str, why: &CertificateError) -> Error {
    let (reason, advice) = match why {
        CertificateError::UnknownIssuer => (
            "no authority that is trusted here has signed it".to_owned(),
            "name the file with its authority's certificate, or with its own where it has none: --ca-file or MORTAR_CA_FILE",
        ),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => (
            format!("it is for other names ({why})"),
            "ask the server by a name or address that stands in the certificate, or make one with this name (subjectAltName)",
        ),
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => (
            why.to_string(),
            "give the server a new certificate, or set the clock of this machine right",
        ),
        // rustls has no word of its own for it.
        CertificateError::Other(other) if other.to_string().contains("CaUsedAsEndEntity") => (
            "it is an authority's (CA:TRUE), and not a server's".to_owned(),
            "make one with basicConstraints=CA:FALSE: docs/cli.md has the command",
        ),
        other => (
            other.to_string(),
            "see that --ca-file (or MORTAR_CA_FILE) is of the server's authority, and that the server shows its own certificate",
        ),
    };
    let obstacle = format!("the certificate of the server {server} is not accepted: {reason}");
    Error::new(Exit::Unreachable, attempt, obstacle).advise(advice)
}
