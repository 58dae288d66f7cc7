//! Who tells the CSI controller which nodes there are: a list, or the API server of Kubernetes.

use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_csi::{KnownNode, NamedNodes, Nodes, NodesError};
use mortar_executor::{CsiNodes, KubeAccess, KubeError};

use crate::config::AttachTo;
use crate::error::{Error, Result};

/// The nodes that the driver's plug-in has registered on.
struct Registered(CsiNodes);

impl Nodes for Registered {
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, std::result::Result<Option<KnownNode>, NodesError>> {
        async move {
            let found = self.0.find(id).await;
            let found = found.map_err(|error| NodesError(error.to_string()))?;
            Ok(found.map(|node| KnownNode {
                volumes_max: node.volumes_max,
            }))
        }
        .boxed()
    }
}

/// Who is asked.
///
/// # Errors
/// Kubernetes is to be asked, and nothing here tells how.
pub(crate) fn nodes(attach: &AttachTo, attempt: &'static str) -> Result<Arc<dyn Nodes>> {
    let wrong = |error: KubeError| {
        Error::usage(
            attempt,
            format!("volumes are to be attached, and which nodes there are is not known: {error}"),
        )
        .advise("outside of Kubernetes, name each node (--attach-node, or csi-attach-node of a server)")
    };
    let access = match attach {
        AttachTo::Listed(nodes) => return Ok(Arc::new(nodes.iter().cloned().collect::<NamedNodes>())),
        AttachTo::Kubernetes => KubeAccess::in_cluster().map_err(wrong)?,
        AttachTo::Kubeconfig { file, context } => KubeAccess::Kubeconfig {
            file: file.clone(),
            context: context.clone(),
        },
    };
    let nodes = CsiNodes::new(&access, mortar_csi::DRIVER).map_err(wrong)?;
    Ok(Arc::new(Registered(nodes)))
}
