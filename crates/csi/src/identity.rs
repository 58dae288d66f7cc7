//! Who answers.

use tonic::{Request, Response, Status};

use crate::mortar::Mortar;
use crate::proto::plugin_capability::service::Type as ServiceType;
use crate::proto::plugin_capability::volume_expansion::Type as ExpansionType;
use crate::proto::plugin_capability::{Service, Type, VolumeExpansion};
use crate::proto::{
    GetPluginCapabilitiesRequest, GetPluginCapabilitiesResponse, GetPluginInfoRequest, GetPluginInfoResponse,
    PluginCapability, ProbeRequest, ProbeResponse, identity_server,
};

/// What both parts of the driver say of themselves.
pub(crate) struct Identity {
    /// Where this part asks Mortar; none on nodes.
    pub(crate) mortar: Option<Mortar>,
}

fn service(kind: ServiceType) -> PluginCapability {
    PluginCapability {
        r#type: Some(Type::Service(Service { r#type: kind.into() })),
    }
}

#[tonic::async_trait]
impl identity_server::Identity for Identity {
    async fn get_plugin_info(
        &self,
        _: Request<GetPluginInfoRequest>,
    ) -> Result<Response<GetPluginInfoResponse>, Status> {
        Ok(Response::new(GetPluginInfoResponse {
            name: crate::DRIVER.to_owned(),
            vendor_version: env!("CARGO_PKG_VERSION").to_owned(),
            ..GetPluginInfoResponse::default()
        }))
    }

    async fn get_plugin_capabilities(
        &self,
        _: Request<GetPluginCapabilitiesRequest>,
    ) -> Result<Response<GetPluginCapabilitiesResponse>, Status> {
        let online = PluginCapability {
            r#type: Some(Type::VolumeExpansion(VolumeExpansion {
                r#type: ExpansionType::Online.into(),
            })),
        };
        Ok(Response::new(GetPluginCapabilitiesResponse {
            capabilities: vec![
                service(ServiceType::ControllerService),
                service(ServiceType::GroupControllerService),
                service(ServiceType::VolumeAccessibilityConstraints),
                service(ServiceType::SnapshotAccessibilityConstraints),
                online,
            ],
        }))
    }

    async fn probe(&self, _: Request<ProbeRequest>) -> Result<Response<ProbeResponse>, Status> {
        let ready = match &self.mortar {
            None => true,
            Some(mortar) => match mortar.limits().await {
                Ok(_) => true,
                Err(trouble) => {
                    tracing::warn!(reason = trouble.text(), "Mortar does not answer");
                    false
                }
            },
        };
        Ok(Response::new(ProbeResponse { ready: Some(ready) }))
    }
}
