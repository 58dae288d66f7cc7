//! `GetCapacity`: what one claim could get, per kind of volume and zone.

use mortar_api::CapacityQuery;
use tonic::Status;

use super::Controller;
use crate::capability::Access;
use crate::parameters::Class;
use crate::proto::{GetCapacityRequest, GetCapacityResponse};
use crate::room::{self, Use};
use crate::topology;

impl Controller {
    pub(super) async fn capacity(&self, request: &GetCapacityRequest) -> Result<GetCapacityResponse, Status> {
        let class = Class::read(&request.parameters)?;
        let block =
            !request.volume_capabilities.is_empty() && Access::read_all(&request.volume_capabilities)?;
        let kind = if block { Use::Block } else { Use::Files };
        let zone = request
            .accessible_topology
            .as_ref()
            .map(topology::zone)
            .transpose()?;
        let query = CapacityQuery {
            durability: class.durability.clone(),
            clusters: Some(class.clusters.join(",")).filter(|clusters| !clusters.is_empty()),
            zones: zone
                .flatten()
                .filter(|_| class.zonal)
                .map(|zone| zone.to_string()),
            snapshot_factor: class.snapshot_factor,
        };
        let found = self.mortar.capacity(&query).await;
        let found = found.map_err(|trouble| trouble.status("ask how much room there is"))?;
        let data = room::data_bricks(&class.durability);
        let bytes = |size: u64| i64::try_from(kind.claim_size(size, data)).unwrap_or(i64::MAX);
        Ok(GetCapacityResponse {
            available_capacity: bytes(found.available),
            maximum_volume_size: Some(bytes(found.largest)),
            minimum_volume_size: Some(bytes(found.smallest)),
        })
    }
}
