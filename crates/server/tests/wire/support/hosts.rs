//! Nodes that are no help at all.

use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt;
use futures::future::BoxFuture;
use mortar_argv::{Batch, Report};
use mortar_executor::{Hosts, SimHosts};

/// No node can be reached.
pub(crate) struct Nowhere;

impl Hosts for Nowhere {
    fn run<'a>(&'a self, _host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        let report = Report::not_run(batch.items().len(), "no route to host");
        async move { report }.boxed()
    }
}

/// Every node takes the commands and never answers.
pub(crate) struct Silent;

impl Hosts for Silent {
    fn run<'a>(&'a self, _host: &'a str, _batch: &'a Batch) -> BoxFuture<'a, Report> {
        futures::future::pending().boxed()
    }
}

/// Simulated nodes, of which one is cut off the moment that it is to run this program for the first time.
pub(crate) struct CutBefore {
    pub(crate) hosts: SimHosts,
    pub(crate) host: &'static str,
    pub(crate) program: &'static str,
    pub(crate) done: AtomicBool,
}

impl Hosts for CutBefore {
    fn run<'a>(&'a self, host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        let mut items = batch.items().iter();
        let meant = host == self.host && items.any(|item| item.command.program() == self.program);
        if meant && !self.done.swap(true, Ordering::Relaxed) {
            self.hosts.world(|world| world.cut(host));
        }
        self.hosts.run(host, batch)
    }
}
