//! Commands as values.
//!
//! A [`Command`] is a program and its arguments, never text for a shell. A [`Batch`] is an ordered list of
//! guarded commands that one node runs in one round trip. [`script`] is the only place in Mortar that quotes
//! for a shell, and [`Report`] is what came back: for each command, whether it surely ran, surely did not run, or
//! nobody knows.
//!
//! This room knows nothing about GlusterFS or LVM, nor how a batch reaches a node. It does no I/O.

mod batch;
mod command;
mod report;
pub mod script;

pub use batch::{Batch, Guard, Item, OnFailure};
pub use command::Command;
pub use report::{Outcome, Output, Report};
