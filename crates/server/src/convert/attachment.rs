//! Nodes that may use a volume, as `/v1` says them.

use mortar_api as api;
use mortar_engine::Attach;
use mortar_heketi::{Problems, WireError};
use mortar_model::{AccessMode, Attachment, ClientNode, Inventory, VolumeId};

use super::operation::time;
use crate::v1::page;

/// The nodes that may use a volume.
pub(crate) fn attachments(inventory: &Inventory, volume: VolumeId) -> Vec<api::Attachment> {
    inventory.attachments_of(volume).iter().map(attachment).collect()
}

fn attachment(attachment: &Attachment) -> api::Attachment {
    api::Attachment {
        node: attachment.node.to_string(),
        mode: told(attachment.mode),
        read_only: attachment.read_only,
        since: time(attachment.since),
    }
}

const fn told(mode: AccessMode) -> api::AccessMode {
    match mode {
        AccessMode::SingleNodeWriter => api::AccessMode::SingleNodeWriter,
        AccessMode::SingleNodeReaderOnly => api::AccessMode::SingleNodeReaderOnly,
        AccessMode::MultiNodeReaderOnly => api::AccessMode::MultiNodeReaderOnly,
        AccessMode::MultiNodeSingleWriter => api::AccessMode::MultiNodeSingleWriter,
        AccessMode::MultiNodeMultiWriter => api::AccessMode::MultiNodeMultiWriter,
        AccessMode::SingleNodeSingleWriter => api::AccessMode::SingleNodeSingleWriter,
        AccessMode::SingleNodeMultiWriter => api::AccessMode::SingleNodeMultiWriter,
    }
}

/// What is asked for.
///
/// # Errors
/// A field is not of its form.
pub(crate) fn request(wanted: api::AttachRequest) -> Result<Attach, WireError> {
    let mut problems = Problems::default();
    let node = ClientNode::new(wanted.node).map_err(|error| problems.add("node", error.to_string()));
    let mode = AccessMode::from_name(wanted.mode.name());
    if mode.is_none() {
        problems.add(
            "mode",
            "is none of CSI's access modes in lower case, with dashes between its words",
        );
    }
    let (Ok(node), Some(mode)) = (node, mode) else {
        return Err(problems.into());
    };
    Ok(Attach {
        node,
        mode,
        read_only: wanted.read_only,
        most: wanted.most,
    })
}

/// The node that is named in a query.
///
/// # Errors
/// It is not of its form.
pub(crate) fn node(query: api::DetachQuery) -> Result<Option<ClientNode>, WireError> {
    let node = query.node.map(ClientNode::new).transpose();
    node.map_err(|error| page::problem("node", error))
}

#[cfg(test)]
mod tests {
    use mortar_model::AccessMode;

    use super::told;

    #[test]
    fn modes_have_the_same_names_on_the_wire() {
        for mode in AccessMode::ALL {
            assert_eq!(told(mode).name(), mode.name());
            let json = serde_json::to_string(&told(mode)).unwrap();
            assert_eq!(json, format!("\"{mode}\""));
        }
    }
}
