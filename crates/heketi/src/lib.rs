//! The old language: Heketi's wire types, texts, tokens and topology file.
//!
//! This room knows, to the byte, what Heketi's clients send and what they expect to read. It does not know how
//! requests travel, who answers them, or what time it is: no I/O, no clock, no async. Where Mortar is stricter
//! than Heketi was (names that could reach a shell, a negative replica count) the rule and its text are here too.
//!
//! * [`json`]: reads bodies as leniently as Go does, writes them with Go's escapes.
//! * [`WireError`]: every error text with its status, in one table.
//! * [`Problems`]: the form of `validation failed: …`.
//! * [`cluster`], [`node`], [`device`], [`volume`]: requests, the checked form of each, and answers.
//! * [`admin`], [`operations`], [`block`], [`lists`], [`examination`]: the rest of the routes.
//! * [`token`]: making and checking the JSON web tokens of Heketi's clients.
//! * [`topology`]: the `topology.json` file.
//! * [`db`]: the database of Heketi's server, `heketi.db` and its JSON export.
//! * [`config`]: `heketi.json` and the environment variables beside it.
//! * [`takeover`]: that database as Mortar's records, and back.

pub mod admin;
pub mod block;
pub mod cluster;
pub mod config;
pub mod db;
pub mod device;
mod error;
pub mod examination;
pub mod json;
pub mod lists;
pub mod node;
pub mod operations;
mod problems;
mod tags;
pub mod takeover;
pub mod token;
pub mod topology;
pub mod volume;

pub use error::{Allocation, WireError};
pub use problems::Problems;
pub use tags::{ChangeType, TagsChange, TagsChangeRequest};
