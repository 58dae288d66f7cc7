//! HTTP itself: connections, the gate that every request passes, bodies and answers.
//!
//! Knows sockets, limits, tokens and texts; does not know what any route does.

pub(crate) mod answer;
pub(crate) mod body;
pub(crate) mod connection;
pub(crate) mod failure;
pub(crate) mod gate;
pub(crate) mod limits;
pub(crate) mod paths;
