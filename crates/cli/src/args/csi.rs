//! Options of the CSI driver.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use mortar_csi::{Endpoint, NamedNode};

/// `mortar csi …`
#[derive(Debug, Subcommand)]
pub(crate) enum CsiCommand {
    /// Run the controller: asks the server that --server names, with the secret of its user
    Controller(CsiControllerArgs),
    /// Run the node plug-in: mounts volumes on this machine, and asks no server (Linux, root)
    Node(CsiNodeArgs),
    /// Start GlusterFS clients for a node plug-in, in a process that outlives it (Linux, root)
    #[command(
        long_about = "Start GlusterFS clients for a node plug-in, in a process that outlives it (Linux, root).\n\n\
        A container that ends takes its processes with it. In a container of its own, which is replaced only when \
        nothing is mounted, this keeps the clients of staged volumes while the plug-in is replaced. The plug-in asks \
        it with --clients unix:///PATH.sock."
    )]
    Mounter(CsiMounterArgs),
}

/// What all parts of the driver share.
#[derive(Debug, Args)]
pub(crate) struct CsiCommon {
    /// Socket to listen on, unix:///PATH.sock
    #[arg(long, value_name = "ENDPOINT", env = "CSI_ENDPOINT", value_parser = endpoint)]
    pub(crate) endpoint: Endpoint,
    /// What to log: error, warn, info, debug or trace, or a filter by room
    #[arg(long, env = "MORTAR_LOG", value_name = "FILTER", default_value = "info")]
    pub(crate) log: String,
}

/// Reads an endpoint.
pub(crate) fn endpoint(text: &str) -> Result<Endpoint, String> {
    text.parse()
        .map_err(|error: mortar_csi::EndpointError| error.to_string())
}

/// `mortar csi controller`
#[derive(Debug, Args)]
pub(crate) struct CsiControllerArgs {
    #[command(flatten)]
    pub(crate) common: CsiCommon,
    /// Attach volumes: a record of which nodes may use them, so that no two have one that one may have. It fences no node off
    #[arg(long, env = "MORTAR_CSI_ATTACH")]
    pub(crate) attach: bool,
    /// A node that volumes can be attached to, and how many it may have at once; may be repeated [default: the nodes of
    /// Kubernetes on which the node plug-in has registered]
    #[arg(
        long,
        value_name = "NAME[=NUMBER]",
        env = "MORTAR_CSI_ATTACH_NODE",
        value_delimiter = ',',
        requires = "attach"
    )]
    pub(crate) attach_node: Vec<NamedNode>,
}

/// `mortar csi mounter`
#[derive(Debug, Args)]
pub(crate) struct CsiMounterArgs {
    #[command(flatten)]
    pub(crate) common: CsiCommon,
}

/// `mortar csi node`
#[derive(Debug, Args)]
pub(crate) struct CsiNodeArgs {
    #[command(flatten)]
    pub(crate) common: CsiCommon,
    /// This node's name, as the cluster knows it
    #[arg(long, value_name = "NAME", env = "MORTAR_CSI_NODE_ID", value_parser = node_id)]
    pub(crate) node_id: String,
    /// This node's zone, a number as nodes of Mortar have it
    #[arg(long, value_name = "ZONE", env = "MORTAR_CSI_ZONE")]
    pub(crate) zone: Option<u32>,
    /// The kubelet's folder; nothing outside of it is mounted on
    #[arg(
        long,
        value_name = "FOLDER",
        env = "MORTAR_CSI_KUBELET",
        default_value = "/var/lib/kubelet"
    )]
    pub(crate) kubelet: PathBuf,
    /// Where the plug-in remembers what it staged
    #[arg(
        long,
        value_name = "FOLDER",
        env = "MORTAR_CSI_STATE",
        default_value = "/var/lib/kubelet/plugins/csi.mortar/state"
    )]
    pub(crate) state: PathBuf,
    /// Where GlusterFS clients log
    #[arg(
        long,
        value_name = "FOLDER",
        env = "MORTAR_CSI_LOGS",
        default_value = "/var/log/glusterfs"
    )]
    pub(crate) logs: PathBuf,
    /// How GlusterFS clients are started: by systemd here, or outside of this container (host-systemd), by the helper
    /// behind a socket (unix:///PATH.sock), or as processes of their own session, which end with this container
    /// [default: systemd where it runs, else session]
    #[arg(long, value_name = "WAY", env = "MORTAR_CSI_CLIENTS")]
    pub(crate) clients: Option<String>,
    /// Most volumes on this node at once [default: no limit]
    #[arg(long, value_name = "NUMBER", env = "MORTAR_CSI_VOLUMES_MAX")]
    pub(crate) volumes_max: Option<u32>,
}

/// CSI takes node names up to 256 bytes.
fn node_id(text: &str) -> Result<String, String> {
    if text.is_empty() || text.len() > 256 {
        return Err("a node's name has 1 to 256 bytes".into());
    }
    Ok(text.to_owned())
}
