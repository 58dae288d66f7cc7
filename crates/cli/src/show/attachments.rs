//! Nodes that may use a volume.

use mortar_api::Attachment;

/// One node a line.
pub(crate) fn attachments(all: &[Attachment]) -> String {
    let lines: Vec<String> = all.iter().map(line).collect();
    lines.join("\n")
}

/// A node with what it may do, and since when.
fn line(has: &Attachment) -> String {
    let read_only = if has.read_only { ", read-only" } else { "" };
    format!(
        "{} ({}{read_only}) since {}",
        has.node,
        has.mode.name(),
        has.since
    )
}

#[cfg(test)]
mod tests {
    use mortar_api::{AccessMode, Attachment};

    use super::attachments;

    #[test]
    fn each_node_is_a_line() {
        let has = |node: &str, read_only| Attachment {
            node: node.into(),
            mode: AccessMode::MultiNodeSingleWriter,
            read_only,
            since: "2026-01-01T00:00:00Z".into(),
        };
        assert_eq!(
            attachments(&[has("a", false), has("b", true)]),
            "a (multi-node-single-writer) since 2026-01-01T00:00:00Z\n\
             b (multi-node-single-writer, read-only) since 2026-01-01T00:00:00Z"
        );
    }
}
