//! Checks on simulated nodes: each accident is found with its proof, what can be mended is mended, and operations that
//! run meanwhile are never taken for drift.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accidents;
mod bed;
mod beside;
mod blocks;
mod commands;
mod cures;
mod files;
mod lost;
mod pools;
mod reconciler;
mod shell;
