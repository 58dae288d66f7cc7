//! `ValidateVolumeCapabilities`.

use mortar_api::Volume;
use tonic::Status;

use super::Controller;
use super::create::told;
use super::mutable::Mutable;
use crate::capability::Access;
use crate::parameters::Class;
use crate::proto::validate_volume_capabilities_response::Confirmed;
use crate::proto::{ValidateVolumeCapabilitiesRequest, ValidateVolumeCapabilitiesResponse};
use crate::room::Use;
use crate::trouble::required;

impl Controller {
    pub(super) async fn validate(
        &self,
        request: &ValidateVolumeCapabilitiesRequest,
    ) -> Result<ValidateVolumeCapabilitiesResponse, Status> {
        let id = required(&request.volume_id, "volume_id")?;
        let block = Access::read_all(&request.volume_capabilities)?;
        let volume = self.volume(id).await;
        let volume = volume.map_err(|trouble| trouble.status("look for the volume"))?;
        let volume = volume.ok_or_else(|| Status::not_found(format!("there is no volume {id}")))?;
        Ok(match objection(&volume, block, request) {
            None => ValidateVolumeCapabilitiesResponse {
                confirmed: Some(Confirmed {
                    volume_context: request.volume_context.clone(),
                    volume_capabilities: request.volume_capabilities.clone(),
                    parameters: request.parameters.clone(),
                    mutable_parameters: request.mutable_parameters.clone(),
                }),
                message: String::new(),
            },
            Some(message) => ValidateVolumeCapabilitiesResponse {
                confirmed: None,
                message,
            },
        })
    }
}

/// Why the volume is not what is asked for.
fn objection(volume: &Volume, block: bool, request: &ValidateVolumeCapabilitiesRequest) -> Option<String> {
    if (Use::of(volume) == Use::Block) != block {
        return Some("the volume was made for the other access type: mount or block".into());
    }
    match Mutable::read(&request.mutable_parameters, Use::of(volume)) {
        Err(why) => return Some(why.message().to_owned()),
        Ok(mutable) => {
            if let Some((name, _)) = mutable.missing(volume).pop_first() {
                return Some(format!("the volume has another {name}"));
            }
        }
    }
    let context = &request.volume_context;
    let has = told(volume).volume_context;
    let name = "volume";
    if !context.is_empty() && context.get(name) != has.get(name) {
        return Some("the volume context is that of another volume".into());
    }
    match Class::read(&request.parameters) {
        Err(why) => Some(why.message().to_owned()),
        Ok(class) if !request.parameters.is_empty() && class.durability != volume.durability => Some(
            format!("the volume is {}, not {}", volume.durability, class.durability),
        ),
        Ok(_) => None,
    }
}
