//! One script, two worlds: whatever Mortar types on nodes means the same on simulated and on real ones.
//!
//! Each test plays a script of things looked at, made, made again, resumed, unmade and refused, through the very
//! batches that the engine sends: over ssh to the nodes of a real lab, and to a simulated world of the same
//! names. What was observed must be the same in both, step by step, and is compared with a checked-in page
//! (`pages/`). `MORTAR_TRANSCRIPTS=write` writes the pages anew; where the worlds differ, a test fails all the same.
//!
//! Needs root and the programs of a lab; without them every test fails and says what is missing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and tells what it did"
)]

mod bricks;
mod copies;
mod devices;
mod disks;
mod expansion;
mod ground;
mod growth;
mod loss;
mod moves;
mod peers;
mod pieces;
mod repairs;
mod survey;
mod things;
mod tools;
mod twin;
mod volumes;
mod words;
