//! What to try once the demo is up, to the letter.

use std::path::Path;
use std::time::Duration;

use super::CLAIM;
use super::clients::Clients;
use super::place::Place;
use super::server::Server;
use super::show::{Show, seconds};
use crate::args::{DEMO_NAME, DEMO_ROOT};
use crate::error::Result;

/// The program as it was called.
fn program() -> String {
    std::env::args_os()
        .next()
        .map_or_else(|| "mortar".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// The command that removes a demo.
pub(super) fn way_down(place: &Place) -> String {
    if place.root() == Path::new(DEMO_ROOT) && place.name() == DEMO_NAME {
        return "make demo-down".to_owned();
    }
    format!(
        "{} demo --down --name {} --state {}",
        program(),
        place.name(),
        place.root().display()
    )
}

/// Tells what stays and what may be tried with it.
pub(super) fn tell(
    place: &Place,
    server: &Server,
    clients: &Clients,
    took: Duration,
    show: &Show,
) -> Result<()> {
    let program = program();
    let client = &clients.second;
    let lines = [
        String::new(),
        format!(
            "All of this took {}. Pool, server and both pods' mounts stay up. To go on, as root:",
            seconds(took)
        ),
        String::new(),
        format!(
            "  export MORTAR_SERVER={} MORTAR_SECRET_FILE={} MORTAR_LAB={}",
            server.url,
            server.admin_key.display(),
            place.name()
        ),
        format!("  {program} topology show"),
        format!("  {program} volume create --size 2 --name films --dry-run"),
        format!("  {program} volume create --size 2 --name films"),
        format!("  mkdir -p /mnt/films && {program} lab mount films /mnt/films"),
        format!("  umount /mnt/films && {program} volume delete films"),
        format!("  {program} lab status"),
        format!("  {program} lab kill node2 && ls -l {}", client.display()),
        format!(
            "  {program} lab start node2 && {program} explain pvc/{}/{}",
            CLAIM.0, CLAIM.1
        ),
        format!("  {program} operation list"),
        String::new(),
        "And when you have seen enough:".to_owned(),
        String::new(),
        format!("  {}", way_down(place)),
    ];
    show.plain(&lines.join("\n"))
}
