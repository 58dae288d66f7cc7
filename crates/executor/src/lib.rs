//! How a batch of commands gets to a node: on this machine, over ssh, or simulated.
//!
//! This room knows hosts and batches. It does not know GlusterFS, LVM or what a batch is for.

use futures::future::BoxFuture;
use mortar_argv::{Batch, Report};

/// The seam between the engine and the nodes: runs a batch on a host.
///
/// Never fails as such: a host that cannot be reached gives a [`Report`] whose items are `NotRun` (surely
/// nothing reached it) or `Unknown` (something may have), with the reason in `broken`.
pub trait Hosts: Send + Sync + 'static {
    /// Runs `batch` on `host` (a management host name or address) and waits for its end or its limit.
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report>;
}
