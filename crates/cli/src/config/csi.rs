//! Settings of the CSI controller inside of the server, checked.

use std::path::PathBuf;

use mortar_csi::{Endpoint, NamedNode};

use super::Settings;
use crate::error::{Error, Result};

/// What all errors here were attempting.
const ATTEMPT: &str = "start the server";

/// The CSI controller of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Csi {
    /// Where it listens.
    pub(crate) endpoint: Endpoint,
    /// Who knows the nodes that it attaches volumes to; `None` where it attaches none.
    pub(crate) attach: Option<AttachTo>,
}

/// Who knows which nodes volumes can be attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AttachTo {
    /// A list.
    Listed(Vec<NamedNode>),
    /// The Kubernetes cluster that this pod is in.
    Kubernetes,
    /// The Kubernetes cluster of a kubeconfig file.
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// The context in it; its current one if none is named.
        context: Option<String>,
    },
}

/// # Errors
/// Names the setting that contradicts another or cannot be.
pub(crate) fn checked(settings: &Settings) -> Result<Option<Csi>> {
    let wrong = |obstacle: String| Error::usage(ATTEMPT, obstacle);
    let attaches = settings.csi_attach.unwrap_or(false);
    if settings.csi_attach_node.is_some() && !attaches {
        return Err(wrong("csi-attach-node is set, and csi-attach is not".into())
            .advise("set csi-attach to attach volumes to these nodes, or leave them out"));
    }
    let Some(endpoint) = &settings.csi_endpoint else {
        if attaches {
            return Err(wrong("csi-attach is set, and there is no csi-endpoint".into())
                .advise("name the socket of the CSI controller, or leave csi-attach out"));
        }
        return Ok(None);
    };
    let endpoint = endpoint.parse::<Endpoint>();
    Ok(Some(Csi {
        endpoint: endpoint.map_err(|error| wrong(format!("csi-endpoint: {error}")))?,
        attach: attaches.then(|| attach_to(settings)).transpose()?,
    }))
}

fn attach_to(settings: &Settings) -> Result<AttachTo> {
    if let Some(nodes) = &settings.csi_attach_node {
        let read = |text: &String| {
            let node = text.parse::<NamedNode>();
            node.map_err(|why| Error::usage(ATTEMPT, format!("csi-attach-node has {text:?}: {why}")))
        };
        return Ok(AttachTo::Listed(nodes.iter().map(read).collect::<Result<_>>()?));
    }
    Ok(match &settings.kubernetes_config {
        None => AttachTo::Kubernetes,
        Some(file) => AttachTo::Kubeconfig {
            file: file.clone(),
            context: settings.kubernetes_context.clone(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::{AttachTo, Settings, checked};

    fn settings(endpoint: bool, attach: Option<bool>, nodes: Option<&[&str]>) -> Settings {
        Settings {
            csi_endpoint: endpoint.then(|| "unix:///run/csi.sock".to_owned()),
            csi_attach: attach,
            csi_attach_node: nodes.map(|nodes| nodes.iter().map(|node| (*node).to_owned()).collect()),
            ..Settings::default()
        }
    }

    #[test]
    fn what_goes_together_is_taken() {
        let attach = |settings: &Settings| checked(settings).unwrap().unwrap().attach;
        assert_eq!(checked(&settings(false, None, None)).unwrap(), None);
        assert_eq!(attach(&settings(true, None, None)), None);
        assert_eq!(attach(&settings(true, Some(false), None)), None);
        assert_eq!(
            attach(&settings(true, Some(true), None)),
            Some(AttachTo::Kubernetes)
        );
        let listed = attach(&settings(true, Some(true), Some(&["a", "b=2"])));
        let nodes = ["a", "b=2"].map(|node| node.parse().unwrap());
        assert_eq!(listed, Some(AttachTo::Listed(nodes.to_vec())));
        let outside = Settings {
            kubernetes_config: Some("/etc/kubeconfig".into()),
            ..settings(true, Some(true), None)
        };
        assert!(matches!(attach(&outside), Some(AttachTo::Kubeconfig { .. })));
    }

    #[test]
    fn what_does_not_is_refused_by_name() {
        for (wrong, name) in [
            (settings(false, Some(true), None), "no csi-endpoint"),
            (settings(true, None, Some(&["a"])), "csi-attach is not"),
            (
                settings(true, Some(true), Some(&["a=0"])),
                "csi-attach-node has \"a=0\"",
            ),
        ] {
            let error = checked(&wrong).unwrap_err();
            assert!(error.obstacle.contains(name), "{}", error.obstacle);
        }
    }
}
