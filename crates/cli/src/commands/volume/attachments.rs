//! `mortar volume detach`.

use mortar_api::AttachmentList;

use super::Session;
use crate::client::{query, read};
use crate::error::Result;
use crate::show;

/// Says that a node does not use the volume any more, or that none does.
pub(super) async fn detach(session: &Session, volume: &str, node: Option<&str>) -> Result<()> {
    let attempt = format!("detach the volume {volume}");
    let id = session.client.volume_id(volume, &attempt).await?;
    let query = query(&[("node", node)]);
    let path = format!("/v1/volumes/{id}/attachments");
    let answer = session.client.delete_query(&path, &query, &attempt).await?;
    if session.out.is_json() {
        return session.out.wire(&answer.body);
    }
    let left: AttachmentList = read(&answer.body, &attempt)?;
    session.out.text(&match left.attachments.as_slice() {
        [] => format!("Volume {volume} is attached to no node.\n"),
        left => format!(
            "Volume {volume} is still attached to:\n{}\n",
            show::attachments(left)
        ),
    })
}
