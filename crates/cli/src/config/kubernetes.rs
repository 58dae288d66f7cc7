//! Settings of the Kubernetes executor, checked.

use std::path::PathBuf;

use super::{MatchName, Settings};
use crate::error::{Error, Result};

/// How to get to the nodes' pods; where nothing is set, the executor's own choices hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kubernetes {
    /// Namespace of the pods.
    pub(crate) namespace: Option<String>,
    /// Label selector of the pods.
    pub(crate) selector: Option<String>,
    /// How a node's management host name leads to its pod.
    pub(crate) by: MatchName,
    /// Container of the pod.
    pub(crate) container: Option<String>,
    /// Kubeconfig file; the service account of the server's own pod if there is none.
    pub(crate) config: Option<PathBuf>,
    /// Context of that file.
    pub(crate) context: Option<String>,
    /// Batches that run at once.
    pub(crate) connections: Option<usize>,
}

/// What all errors here were attempting.
const ATTEMPT: &str = "start the server";

/// # Errors
/// Names the setting that contradicts another or cannot be.
pub(crate) fn checked(settings: &Settings) -> Result<Kubernetes> {
    if settings.kubernetes_context.is_some() && settings.kubernetes_config.is_none() {
        return Err(Error::usage(
            ATTEMPT,
            "kubernetes-context is set, and there is no kubernetes-config",
        )
        .advise("name the kubeconfig file that has the context, or leave the context out"));
    }
    if settings.kubernetes_connections == Some(0) {
        return Err(Error::usage(
            ATTEMPT,
            "kubernetes-connections is 0: no command could reach a node",
        ));
    }
    Ok(Kubernetes {
        namespace: settings.kubernetes_namespace.clone(),
        selector: settings.kubernetes_selector.clone(),
        by: settings.kubernetes_match.unwrap_or(MatchName::Node),
        container: settings.kubernetes_container.clone(),
        config: settings.kubernetes_config.clone(),
        context: settings.kubernetes_context.clone(),
        connections: settings.kubernetes_connections,
    })
}
