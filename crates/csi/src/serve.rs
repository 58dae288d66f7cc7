//! Services on a socket.

use std::future::Future;
use std::io;
use std::sync::Arc;

use futures::stream;
use tokio::net::UnixListener;
use tonic::transport::Server;

use crate::controller::Controller;
use crate::door::Door;
use crate::identity::Identity;
use crate::mortar::Mortar;
use crate::node::{Node, NodeOptions};
use crate::nodes::Nodes;
use crate::proto::controller_server::ControllerServer;
use crate::proto::group_controller_server::GroupControllerServer;
use crate::proto::identity_server::IdentityServer;
use crate::proto::node_server::NodeServer;
use crate::socket;

/// Which services are on a socket. Identity always is.
#[derive(Default)]
pub struct Services {
    /// The way to Mortar, for the controller.
    pub controller: Option<Arc<dyn Door>>,
    /// Which nodes there are, where the controller attaches volumes to them.
    pub attach: Option<Arc<dyn Nodes>>,
    /// What the node plug-in needs.
    pub node: Option<NodeOptions>,
}

/// Serves until `stop` completes; calls that are under way then are answered.
///
/// # Errors
/// The socket broke.
pub async fn serve(
    listener: UnixListener,
    services: Services,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let mortar = services.controller.map(Mortar::new);
    let identity = Identity {
        mortar: mortar.clone(),
    };
    let nodes = services.attach;
    let controller = mortar.map(|mortar| Arc::new(Controller::new(mortar, nodes)));
    let groups = controller.clone().map(GroupControllerServer::from_arc);
    let controller = controller.map(ControllerServer::from_arc);
    let node = services.node.map(|options| NodeServer::new(Node::new(options)));
    let incoming = stream::unfold(listener, |listener| async {
        // An error here would end the server.
        let stream = socket::accept(&listener).await;
        Some((io::Result::Ok(stream), listener))
    });
    Server::builder()
        .add_service(IdentityServer::new(identity))
        .add_optional_service(controller)
        .add_optional_service(groups)
        .add_optional_service(node)
        .serve_with_incoming_shutdown(incoming, stop)
        .await
        .map_err(io::Error::other)
}
