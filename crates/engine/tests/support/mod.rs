//! What the tests on simulated nodes share: a pool to begin from, and the comparison of nodes, store and landscape.

#![allow(dead_code, reason = "each test binary uses a part of it")]

pub(crate) mod bed;
pub(crate) mod truth;
