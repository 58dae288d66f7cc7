//! Asked again: what clients may rely on when answers are lost, places are taken, or Mortar itself has a bug.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admission;
mod ground;
mod hosts;
mod log;
mod panics;
mod queue;
mod repeat;
