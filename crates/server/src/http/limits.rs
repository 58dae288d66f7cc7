//! Bounds on what a client may ask of the server: every wait ends, every amount is bounded.

use std::time::Duration;

/// Bounds of the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Largest request body that is read, in bytes.
    pub body: usize,
    /// Longest time for a whole request body to arrive.
    pub body_time: Duration,
    /// Longest time for a request's head to arrive; also how long an idle connection is kept.
    pub head_time: Duration,
    /// Longest time in which a client takes no byte of an answer.
    pub write_time: Duration,
    /// Longest time that a poll of the queue may wait for an operation.
    pub long_poll: Duration,
    /// Most connections at once; more wait in the kernel's backlog.
    pub connections: usize,
    /// How long a certificate that was replaced may go unseen.
    pub certificate_look: Duration,
    /// How long connections may still take to end when the server stops.
    pub stop_time: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            body: 1 << 20,
            body_time: Duration::from_secs(30),
            head_time: Duration::from_secs(60),
            write_time: Duration::from_secs(30),
            long_poll: Duration::from_secs(60),
            connections: 4096,
            certificate_look: Duration::from_secs(10),
            stop_time: Duration::from_secs(5),
        }
    }
}
