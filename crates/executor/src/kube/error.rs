//! What can stand between Mortar and a node's pod. Each text names the node or the API server, what was tried and
//! the way on; none holds a secret.

use std::time::Duration;

/// Why the pod of a node could not be reached through the API server. Nothing was run there.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KubeError {
    /// A file or a setting that says where the API server is cannot be used.
    #[error("cannot use {what}: {reason}")]
    Setup {
        /// The file or setting.
        what: String,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// Nothing answers there, or what answers cannot prove who it is.
    #[error(
        "cannot connect to the API server {server}: {reason}; check that it is up and can be reached from here"
    )]
    Connect {
        /// Its address.
        server: String,
        /// What the system said.
        reason: String,
    },
    /// It did not answer in time.
    #[error(
        "the API server {server} did not answer within {limit:?} ({during}); check that it can be reached"
    )]
    TimedOut {
        /// Its address.
        server: String,
        /// How long was waited.
        limit: Duration,
        /// What was being done.
        during: String,
    },
    /// It does not let this account do that.
    #[error(
        "the API server {server} refuses to {during} (status {status}{said}); Mortar's service account needs, {rights}"
    )]
    Denied {
        /// Its address.
        server: String,
        /// What was being done.
        during: String,
        /// The HTTP status, 401 or 403.
        status: u16,
        /// Which rights are needed, and where.
        rights: &'static str,
        /// What it said, with words around it; empty if nothing.
        said: String,
    },
    /// It gave an answer that does not help.
    #[error("the API server {server} answered, but to {during} failed: {reason}")]
    Answer {
        /// Its address.
        server: String,
        /// What was being done.
        during: String,
        /// What went wrong.
        reason: String,
    },
    /// No pod belongs to the node.
    #[error(
        "node {host} has no GlusterFS pod: none of the {seen} pods with the label {selector} in namespace {namespace} {rule}; check the node's management host name, its labels, and `kubectl -n {namespace} get pods -l {selector} -o wide`"
    )]
    NoPod {
        /// The node's management host name.
        host: String,
        /// Where pods were looked for.
        namespace: String,
        /// Which were looked at.
        selector: String,
        /// How many there are.
        seen: usize,
        /// The rule that none of them meets.
        rule: String,
    },
    /// Its pod does not run.
    #[error(
        "the GlusterFS pod of node {host} does not run: {pods}; see `kubectl -n {namespace} describe pod {first}`"
    )]
    NotRunning {
        /// The node's management host name.
        host: String,
        /// Where it is.
        namespace: String,
        /// The pods with what they are.
        pods: String,
        /// One of them.
        first: String,
    },
    /// More than one runs: it is not known which of them has the node's glusterd.
    #[error(
        "node {host} has {pods} for GlusterFS pods that run; only one may: delete the other, or narrow kubernetes-selector"
    )]
    Ambiguous {
        /// The node's management host name.
        host: String,
        /// The pods.
        pods: String,
    },
}
