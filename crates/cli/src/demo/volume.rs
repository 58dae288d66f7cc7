//! Topology and volume, asked for as the command line does.

use super::VOLUME;
use super::place::Place;
use super::server::Server;
use super::show::Show;
use crate::error::Result;
use mortar_lab::Lab;

/// Makes cluster, nodes and devices of the lab's topology.
pub(super) fn load_topology(place: &Place, lab: &Lab, server: &Server, show: &Show) -> Result<()> {
    let file = place.folder().join("topology.json");
    place.write(&file, &lab.topology_json())?;
    server.typed(&["topology", "load", &file.to_string_lossy()], show)
}

/// Makes the volume.
pub(super) fn create(server: &Server, show: &Show) -> Result<()> {
    server.typed(
        &[
            "volume",
            "create",
            "--size",
            "1",
            "--replica",
            "3",
            "--name",
            VOLUME,
        ],
        show,
    )
}
