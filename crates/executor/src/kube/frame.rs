//! The messages of `v5.channel.k8s.io` and `v4.channel.k8s.io`: the first byte names a channel, the rest is its data.
//!
//! Standard input can be closed by itself only with version 5 (its channel 255). A script of ours ends by itself, so
//! version 4 does as well.

use hyper::body::Bytes;
use serde::Deserialize;

const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const STATUS: u8 = 3;
const CLOSE: u8 = 255;

/// How much of the script one message carries.
const PIECE: usize = 16 * 1024;

/// What the API server chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    V5,
    V4,
}

impl Protocol {
    /// Best first, as the header has it.
    pub(super) const OFFERED: &str = "v5.channel.k8s.io, v4.channel.k8s.io";

    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"v5.channel.k8s.io" => Some(Self::V5),
            b"v4.channel.k8s.io" => Some(Self::V4),
            _ => None,
        }
    }

    /// The message that closes standard input, where there is one.
    pub(super) fn end_of_input(self) -> Option<Bytes> {
        (self == Self::V5).then(|| Bytes::from_static(&[CLOSE, STDIN]))
    }
}

/// The messages that carry `data` to standard input.
pub(super) fn input(data: &[u8]) -> impl Iterator<Item = Bytes> {
    data.chunks(PIECE).map(|piece| {
        let mut message = Vec::with_capacity(piece.len() + 1);
        message.push(STDIN);
        message.extend_from_slice(piece);
        Bytes::from(message)
    })
}

/// A message from the API server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming<'a> {
    Stdout(&'a [u8]),
    Stderr(&'a [u8]),
    Status(Status),
    /// Nothing that concerns us.
    Other,
}

/// How the command ended, as channel 3 tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Status {
    /// By itself, with this status.
    Exited(i32),
    /// The API server or the kubelet could not start it or lost it.
    Lost(String),
}

impl<'a> Incoming<'a> {
    pub(super) fn read(message: &'a [u8]) -> Self {
        match message {
            [STDOUT, data @ ..] => Self::Stdout(data),
            [STDERR, data @ ..] => Self::Stderr(data),
            [STATUS, data @ ..] => Self::Status(status(data)),
            _ => Self::Other,
        }
    }
}

/// `meta/v1.Status`, as far as it tells how a command ended.
#[derive(Deserialize)]
struct Told {
    status: Option<String>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    reason: String,
    details: Option<Details>,
}

#[derive(Deserialize)]
struct Details {
    #[serde(default)]
    causes: Vec<Cause>,
}

#[derive(Deserialize)]
struct Cause {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
}

fn status(data: &[u8]) -> Status {
    let Ok(told) = serde_json::from_slice::<Told>(data) else {
        return Status::Lost(String::from_utf8_lossy(data).trim().to_owned());
    };
    if told.status.as_deref() == Some("Success") {
        return Status::Exited(0);
    }
    let causes = told.details.map(|details| details.causes).unwrap_or_default();
    let code = causes.iter().find(|cause| cause.reason == "ExitCode");
    match code.map(|cause| cause.message.parse()) {
        Some(Ok(code)) if told.reason == "NonZeroExitCode" => Status::Exited(code),
        _ => Status::Lost(told.message),
    }
}

#[cfg(test)]
mod tests {
    use super::{Incoming, PIECE, Protocol, Status, input};

    #[test]
    fn a_status_tells_an_exit_from_a_loss() {
        let read = |text: &str| {
            let message = format!("\u{3}{text}").into_bytes();
            match Incoming::read(&message) {
                Incoming::Status(status) => status,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(read(r#"{"metadata":{},"status":"Success"}"#), Status::Exited(0));
        let failure = r#"{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code","reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"137"}]}}"#;
        assert_eq!(read(failure), Status::Exited(137));
        let dial = r#"{"metadata":{},"status":"Failure","message":"error dialing backend","reason":"InternalError","details":{"causes":[{"message":"error dialing backend"}]},"code":500}"#;
        assert_eq!(read(dial), Status::Lost("error dialing backend".into()));
        assert_eq!(read("what\n"), Status::Lost("what".into()));
    }

    #[test]
    fn channels_are_told_by_the_first_byte() {
        assert_eq!(Incoming::read(b"\x01out"), Incoming::Stdout(b"out"));
        assert_eq!(Incoming::read(b"\x02"), Incoming::Stderr(b""));
        for other in [&b""[..], b"\x00", b"\x04resize", b"\xff\x01"] {
            assert_eq!(Incoming::read(other), Incoming::Other);
        }
        assert_eq!(Protocol::V5.end_of_input().unwrap()[..], [255, 0]);
        assert_eq!(Protocol::V4.end_of_input(), None);
    }

    #[test]
    fn input_is_cut_into_pieces() {
        let data = vec![b'x'; PIECE + 1];
        let lengths: Vec<usize> = input(&data).map(|message| message.len()).collect();
        assert_eq!(lengths, [PIECE + 1, 2]);
    }
}
