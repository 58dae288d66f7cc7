//! Nodes that are no help at all.

use futures::FutureExt;
use futures::future::BoxFuture;
use mortar_argv::{Batch, Report};
use mortar_executor::Hosts;

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
