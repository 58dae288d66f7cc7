//! `ControllerPublishVolume` and `ControllerUnpublishVolume`: a record of which nodes may use a volume. It keeps two nodes from a
//! volume that one may have, and cuts off no client that runs.

use mortar_api::{AttachRequest, ErrorKind, Volume};
use tonic::Status;

use super::Controller;
use crate::attach::{context, told};
use crate::capability::Access;
use crate::nodes::{KnownNode, Nodes};
use crate::proto::{
    ControllerPublishVolumeRequest, ControllerPublishVolumeResponse, ControllerUnpublishVolumeRequest,
    ControllerUnpublishVolumeResponse,
};
use crate::room::Use;
use crate::trouble::{Trouble, invalid, required};

const ATTACH: &str = "attach the volume";
const DETACH: &str = "detach the volume";

/// Longest id of a node, bytes.
const NODE_ID: usize = 256;

impl Controller {
    /// Who knows which nodes there are.
    ///
    /// # Errors
    /// UNIMPLEMENTED: nothing is attached here.
    fn attaching(&self) -> Result<&dyn Nodes, Status> {
        let text = "attaching volumes is not switched on here (--attach)";
        self.nodes.as_deref().ok_or_else(|| Status::unimplemented(text))
    }

    /// The nodes that a volume is attached to.
    pub(super) fn published(&self, volume: &Volume) -> Vec<String> {
        let all = volume.attachments.iter().filter(|_| self.nodes.is_some());
        all.map(|has| has.node.clone()).collect()
    }

    pub(super) async fn attach(
        &self,
        request: &ControllerPublishVolumeRequest,
    ) -> Result<ControllerPublishVolumeResponse, Status> {
        let nodes = self.attaching()?;
        let id = required(&request.volume_id, "volume_id")?;
        let node = node_id(required(&request.node_id, "node_id")?)?;
        let access = Access::read(request.volume_capability.as_ref())?;
        let volume = self.volume(id).await.map_err(|trouble| trouble.status(ATTACH))?;
        let volume = volume.ok_or_else(|| Status::not_found(format!("there is no volume {id}")))?;
        if (Use::of(&volume) == Use::Block) != access.block {
            return Err(invalid(
                "the volume was made for the other access type: mount or block",
            ));
        }
        let wanted = AttachRequest {
            node: node.to_owned(),
            mode: told(access.mode),
            read_only: request.readonly,
            most: known(nodes, node).await?.volumes_max,
        };
        match self.mortar.attach(id, &wanted).await {
            Ok(_) => Ok(ControllerPublishVolumeResponse {
                publish_context: context(request.readonly),
            }),
            Err(trouble) if trouble.is(ErrorKind::Conflict) => Err(self.taken(id, &wanted, &trouble).await),
            Err(trouble) => Err(trouble.status(ATTACH)),
        }
    }

    /// The status for a volume that this node or others have, or that is being removed.
    async fn taken(&self, id: &str, wanted: &AttachRequest, trouble: &Trouble) -> Status {
        let volume = match self.volume(id).await {
            Ok(volume) => volume,
            Err(trouble) => return trouble.status(ATTACH),
        };
        let attachments = volume.map(|volume| volume.attachments).unwrap_or_default();
        let text = format!("{ATTACH}: {}", trouble.text());
        if attachments.iter().any(|has| has.node == wanted.node) {
            Status::already_exists(text)
        } else if attachments.is_empty() {
            // Another one had it, or it is being removed: the next call finds out.
            trouble.status(ATTACH)
        } else {
            Status::failed_precondition(text)
        }
    }

    pub(super) async fn detach(
        &self,
        request: &ControllerUnpublishVolumeRequest,
    ) -> Result<ControllerUnpublishVolumeResponse, Status> {
        self.attaching()?;
        let id = required(&request.volume_id, "volume_id")?;
        let node = node_id(&request.node_id)?;
        if !crate::names::is_id(id) {
            return Ok(ControllerUnpublishVolumeResponse {});
        }
        let node = Some(node).filter(|node| !node.is_empty());
        match self.mortar.detach(id, node).await {
            Ok(_) => Ok(ControllerUnpublishVolumeResponse {}),
            Err(trouble) if trouble.is_not_found() => Ok(ControllerUnpublishVolumeResponse {}),
            Err(trouble) => Err(trouble.status(DETACH)),
        }
    }
}

/// A node's id of the standard's form, or nothing.
fn node_id(id: &str) -> Result<&str, Status> {
    if id.len() > NODE_ID {
        return Err(invalid(format!("node_id has more than {NODE_ID} bytes")));
    }
    if id.chars().any(char::is_control) {
        return Err(invalid("node_id has control characters"));
    }
    Ok(id)
}

/// What is known of a node.
///
/// # Errors
/// NOT_FOUND: there is none of this id. UNAVAILABLE: nobody can be asked.
async fn known(nodes: &dyn Nodes, id: &str) -> Result<KnownNode, Status> {
    let found = nodes.find(id).await;
    let found = found.map_err(|error| Status::unavailable(format!("look for node {id}: {error}")))?;
    found.ok_or_else(|| Status::not_found(format!("there is no node {id}")))
}
