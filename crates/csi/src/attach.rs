//! What is said about an attached volume to Mortar, and by the controller to the node.

use std::collections::HashMap;

use mortar_api::{AccessMode, AttachRequest, AttachmentList};

use crate::door::Method;
use crate::mortar::{Mortar, query_text};
use crate::proto::volume_capability::access_mode::Mode;
use crate::trouble::Trouble;

/// In the publish context: whether the node may only read.
const READ_ONLY: &str = "readonly";

/// The context of a volume that is attached.
pub(crate) fn context(read_only: bool) -> HashMap<String, String> {
    let pair = (READ_ONLY.to_owned(), "true".to_owned());
    read_only.then_some(pair).into_iter().collect()
}

/// Whether a node may only read, by the context of a volume that is attached.
pub(crate) fn reads_only(context: &HashMap<String, String>) -> bool {
    context.get(READ_ONLY).is_some_and(|value| value == "true")
}

/// A mode of CSI in the language of Mortar's API.
pub(crate) const fn told(mode: Mode) -> AccessMode {
    match mode {
        Mode::Unknown => AccessMode::Unknown,
        Mode::SingleNodeWriter => AccessMode::SingleNodeWriter,
        Mode::SingleNodeReaderOnly => AccessMode::SingleNodeReaderOnly,
        Mode::MultiNodeReaderOnly => AccessMode::MultiNodeReaderOnly,
        Mode::MultiNodeSingleWriter => AccessMode::MultiNodeSingleWriter,
        Mode::MultiNodeMultiWriter => AccessMode::MultiNodeMultiWriter,
        Mode::SingleNodeSingleWriter => AccessMode::SingleNodeSingleWriter,
        Mode::SingleNodeMultiWriter => AccessMode::SingleNodeMultiWriter,
    }
}

impl Mortar {
    /// Says that a node may use a volume.
    ///
    /// # Errors
    /// It may not, or it could not be said.
    pub(crate) async fn attach(
        &self,
        volume: &str,
        wanted: &AttachRequest,
    ) -> Result<AttachmentList, Trouble> {
        let path = format!("/v1/volumes/{volume}/attachments");
        self.tell(Method::Post, &path, "", Some(wanted)).await
    }

    /// Says that a node may not use a volume any more, or that none may.
    ///
    /// # Errors
    /// It could not be said.
    pub(crate) async fn detach(&self, volume: &str, node: Option<&str>) -> Result<AttachmentList, Trouble> {
        let path = format!("/v1/volumes/{volume}/attachments");
        let query = node.map(|node| format!("?node={}", query_text(node)));
        self.tell(Method::Delete, &path, &query.unwrap_or_default(), None::<&()>)
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::{context, reads_only};

    #[test]
    fn a_node_is_told_that_it_may_only_read() {
        assert!(reads_only(&context(true)));
        assert!(!reads_only(&context(false)) && context(false).is_empty());
    }
}
