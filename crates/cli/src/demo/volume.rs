//! Topology, asked for as the command line does; and a claim, as Kubernetes makes a volume of it.

use mortar_csi::{CallError, Claim, Provisioned, Provisioner};
use mortar_lab::Lab;

use super::CLAIM;
use super::place::Place;
use super::server::Server;
use super::show::Show;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::show::size;

/// The claim's size.
const SIZE: u64 = 1 << 30;
/// The StorageClass's parameters.
const CLASS: [(&str, &str); 1] = [("volumetype", "replicate:3")];

/// Makes cluster, nodes and devices of the lab's topology.
pub(super) fn load_topology(place: &Place, lab: &Lab, server: &Server, show: &Show) -> Result<()> {
    let file = place.folder().join("topology.json");
    place.write(&file, &lab.topology_json())?;
    server.typed(&["topology", "load", &file.to_string_lossy()], show)
}

/// Makes the volume of the claim.
pub(super) fn claim(server: &Server, show: &Show) -> Result<Provisioned> {
    let name = format!("pvc-{}", CLAIM.1);
    let claim = Claim {
        name: &name,
        of: CLAIM,
        size: SIZE,
        class: &CLASS,
    };
    show.fact(&format!(
        "claim {}/{}: {}, StorageClass parameters {}: {}",
        CLAIM.0,
        CLAIM.1,
        size(SIZE),
        CLASS[0].0,
        CLASS[0].1
    ))?;
    show.command(&format!(
        "CreateVolume {name}   (as the provisioner calls it, at {})",
        server.csi.path().display()
    ))?;
    show.say("making the volume");
    let made = server.wait(async {
        let mut provisioner = Provisioner::connect(&server.csi).await?;
        provisioner.create(&claim).await
    });
    let volume = made.map_err(called("make a volume of the claim"))?;
    show.fact(&format!(
        "volume {}, {} for the claim, id {}",
        volume.name(),
        size(u64::try_from(volume.bytes()).unwrap_or_default()),
        volume.id()
    ))?;
    Ok(volume)
}

/// What a call of CSI said, as an error of the demo's.
pub(super) fn called(attempt: &str) -> impl FnOnce(CallError) -> Error {
    move |error| Error::new(Exit::Failed, attempt, error.to_string())
}
