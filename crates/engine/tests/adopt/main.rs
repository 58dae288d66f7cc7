//! Pools that somebody made by hand, on simulated nodes, taken under management: nothing on a node changes, all of it is
//! recorded or nothing, and what was adopted can be worked with.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod crash;
mod ground;
mod judged;
#[path = "../support/mod.rs"]
mod support;
mod work;
