//! How a batch of commands gets to a node: on this machine, over ssh, through Kubernetes, or simulated.
//!
//! This room knows hosts and batches. It does not know GlusterFS, LVM or what a batch is for. Because it can ask Kubernetes, it
//! also knows on which nodes a CSI driver runs ([`CsiNodes`]).
//!
//! [`LocalHosts`], [`SshHosts`], [`KubeHosts`] and [`SimHosts`] all give the same [`Report`] for the same batch on the same kind
//! of machine; one contract test covers them. They also promise:
//!
//! * a report covers the whole batch: for each command, whether it surely ran, surely did not run, or nobody knows;
//! * every wait has a limit: for a connection, for its answer, for the batch (the sum of its commands' limits);
//! * a command whose limit has passed is ended where that is possible;
//! * dropping the future of a run lets the running command end and starts none after it (in a pod only if the container
//!   runtime closes the output when nobody reads it any more; otherwise the script runs to its end under its lock).

mod kube;
mod local;
mod measured;
mod output;
mod sim;
mod ssh;
mod token;

use futures::future::BoxFuture;
use mortar_argv::{Batch, Report};

pub use kube::{CsiNode, CsiNodes, KubeAccess, KubeError, KubeHosts, KubeOptions, PodMatch};
pub use local::LocalHosts;
pub use measured::{CommandEnd, Measured, Measurement};
pub use sim::{Pace, SimHosts, Wait};
pub use ssh::{SshError, SshHosts, SshOptions};

/// The seam between the engine and the nodes: runs a batch on a host.
///
/// Never fails as such: a host that cannot be reached gives a [`Report`] whose items are `NotRun` (surely
/// nothing reached it) or `Unknown` (something may have), with the reason in `broken`.
pub trait Hosts: Send + Sync + 'static {
    /// Runs `batch` on `host` (a management host name or address) and waits for its end or its limit.
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report>;

    /// The host is not spoken to any more, as far as anybody knows: what is kept for it may go. It can be spoken to again.
    fn forget(&self, _host: &str) {}
}

impl<H: Hosts + ?Sized> Hosts for std::sync::Arc<H> {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        (**self).run(host, batch)
    }

    fn forget(&self, host: &str) {
        (**self).forget(host);
    }
}
