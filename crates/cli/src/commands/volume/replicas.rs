//! `mortar volume replicas …`

use mortar_api::ReplicasRequest;

use super::{Session, follow_to_volume};
use crate::error::Result;

pub(super) async fn change(session: &Session, volume: &str, request: ReplicasRequest) -> Result<()> {
    let attempt = format!(
        "give each file of the volume {volume} {} copies",
        request.replicas
    );
    let id = session.client.volume_id(volume, &attempt).await?;
    let accepted = session
        .client
        .post(&format!("/v1/volumes/{id}/replicas"), &request, &attempt)
        .await?;
    follow_to_volume(session, accepted, &attempt).await
}
