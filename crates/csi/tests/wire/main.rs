//! The driver on its socket, over a server with simulated nodes: every code that callers branch on.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod attach;
mod controller;
mod copies;
mod groups;
mod node;
mod slow;
mod story;
mod support;
