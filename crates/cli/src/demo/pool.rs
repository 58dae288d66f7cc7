//! The lab: three nodes that are a GlusterFS pool as soon as Mortar is told of them.

use mortar_lab::Lab;

use super::place::Place;
use super::server::typed_for_lab;
use super::show::Show;
use crate::commands::lab_error;
use crate::error::Result;

/// Makes the lab.
pub(super) fn make(place: &Place, show: &Show) -> Result<Lab> {
    typed_for_lab(&["lab", "up", "--nodes", "3", "--lab", place.name()], show)?;
    let lab = Lab::open(&place.lab_root(), place.name()).map_err(lab_error("use the lab"))?;
    let status = lab.status().map_err(lab_error("look at the lab"))?;
    for node in &status.nodes {
        let id = |pid: Option<i32>| pid.map_or_else(|| "none".to_owned(), |pid| pid.to_string());
        show.fact(&format!(
            "{}  {}  zone {}  disk {}  glusterd is process {}, sshd {}",
            node.name,
            node.address,
            node.zone,
            node.disks
                .iter()
                .map(|disk| disk.path.as_str())
                .collect::<Vec<_>>()
                .join(" "),
            id(node.glusterd),
            id(node.sshd)
        ))?;
    }
    Ok(lab)
}
