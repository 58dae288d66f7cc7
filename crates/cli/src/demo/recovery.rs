//! The node comes back, the self-heal daemons bring it what it missed, and all files are compared.

use std::time::Duration;

use mortar_api::Explanation;
use mortar_csi::Provisioned;
use mortar_lab::Lab;

use super::clients::{Clients, Written, same, verify};
use super::heal;
use super::loss::Kept;
use super::server::{Server, typed_for_lab};
use super::show::Show;
use super::sum;
use crate::commands::lab_error;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// How long reading the files on a node may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Who takes part.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) lab: &'a Lab,
    pub(super) server: &'a Server,
    pub(super) clients: &'a Clients,
    pub(super) volume: &'a Provisioned,
}

/// Starts the node that is down and waits until nothing waits to be healed, then compares all files.
pub(super) fn recover(scene: &Scene<'_>, kept: &Kept, greeting: &Written, show: &Show) -> Result<()> {
    typed_for_lab(&["lab", "start", "--lab", scene.lab.name(), &kept.node], show)?;
    let chain = heal::wait(scene, &kept.node, show)?;
    for client in [&scene.clients.first, &scene.clients.second] {
        verify(client, &kept.file, show)?;
    }
    compare_brick(scene, &chain, kept, greeting, show)
}

/// Reads the files on the returned node's own brick, past GlusterFS.
fn compare_brick(
    scene: &Scene<'_>,
    chain: &Explanation,
    kept: &Kept,
    greeting: &Written,
    show: &Show,
) -> Result<()> {
    let attempt = format!("read the files on the brick of {}", kept.node);
    let node = scene.lab.nodes().into_iter().find(|node| node.name == kept.node);
    let address = node.map(|node| node.address.to_string()).unwrap_or_default();
    let brick = chain.bricks.iter().find(|brick| brick.node.manage == address);
    let brick = brick.ok_or_else(|| Error::new(Exit::Failed, &attempt, "the volume has none there"))?;
    let written: Vec<&Written> = [&kept.file, greeting].into_iter().chain(&kept.missed).collect();
    let files: Vec<String> = written
        .iter()
        .map(|file| format!("{}/{}", brick.path, file.name))
        .collect();
    show.command(&format!(
        "mortar lab exec --lab {} {} -- sha256sum {}",
        scene.lab.name(),
        kept.node,
        files[0]
    ))?;
    show.say(&attempt);
    let output = scene
        .lab
        .exec(&kept.node, &sum::argv(&files), LIMIT)
        .map_err(lab_error("read the files on the returned node's brick"))?;
    let sums = sum::printed(&output.stdout);
    if !output.status.success() || sums.len() != files.len() {
        return Err(Error::new(
            Exit::Failed,
            attempt,
            String::from_utf8_lossy(&output.stderr),
        ));
    }
    for ((file, came), written) in files.iter().zip(&sums).zip(&written) {
        same(&format!("{file} on {}", kept.node), came, &written.sum)?;
    }
    show.fact(&format!("{}  as written", sum::short(&sums[0])))?;
    show.fact(&format!(
        "so are the other {} files there: {} has all that it missed",
        files.len() - 1,
        kept.node
    ))
}
