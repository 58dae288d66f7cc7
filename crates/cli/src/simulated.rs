//! The simulated nodes of a server: made as its settings say, kept in a file between runs where asked.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use mortar_executor::SimHosts;
use mortar_simulator::{World, WorldConfig};

use crate::config::{Sim, Tuning};
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Simulated nodes: those of the state file when there is one, else blank ones.
///
/// # Errors
/// The state file cannot be read, or is none.
pub(crate) fn hosts(sim: &Sim, tuning: &Tuning) -> Result<SimHosts> {
    let saved = match &sim.state {
        Some(file) => {
            let saved = load(file)?;
            mark(file)?;
            saved
        }
        None => None,
    };
    Ok(SimHosts::new(saved.unwrap_or_else(|| blank(sim, tuning))))
}

/// Stands beside the state file while a server runs on it.
fn marker(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".running");
    name.into()
}

/// Marks the state as that of a run that has not ended; one that is marked already was never written at its end.
fn mark(file: &Path) -> Result<()> {
    let marker = marker(file);
    if marker.exists() {
        tracing::warn!(
            file = %file.display(),
            "the last server on these simulated nodes did not stop in order: the nodes are as they were before that run, the store is not. \
             Remove both files to begin anew, or see what differs with 'mortar check'"
        );
    }
    std::fs::write(&marker, "").map_err(|error| {
        let obstacle = format!("cannot write {}: {error}", marker.display());
        Error::new(Exit::Failed, "start the server", obstacle)
    })
}

fn blank(sim: &Sim, tuning: &Tuning) -> World {
    let directories = (1..=sim.disks).map(|number| (format!("/disks/disk{number}"), sim.disk_size.bytes()));
    let defaults = WorldConfig::default();
    let mut world = World::new(WorldConfig {
        seed: sim.seed,
        disks_per_node: sim.disks,
        disk_size: sim.disk_size.bytes(),
        directories: directories.collect(),
        auto_nodes: sim.nodes.is_empty(),
        // What the server writes its mount entries into, a simulated node reads when it starts.
        mount_tables: tuning
            .fstab
            .clone()
            .map_or(defaults.mount_tables, |table| vec![table]),
        first_disk: defaults.first_disk,
        root_size: defaults.root_size,
        aliases: defaults.aliases,
    });
    for (manage, storage) in &sim.nodes {
        world.add_node(manage.as_str());
        if manage != storage {
            world.add_alias(manage.as_str(), storage.as_str());
        }
    }
    world
}

fn load(file: &Path) -> Result<Option<World>> {
    let told = |error: String| {
        Error::usage(
            "start the server",
            format!("the simulated nodes in {}: {error}", file.display()),
        )
        .advise("give another sim-state file; an absent one is made")
    };
    match std::fs::read_to_string(file) {
        Ok(text) => World::load(&text)
            .map(Some)
            .map_err(|error| told(error.to_string())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(told(error.to_string())),
    }
}

/// Keeps the simulated nodes for the next run.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn save(hosts: &SimHosts, file: &Path) -> Result<()> {
    let told = |error: String| {
        let obstacle = format!("cannot write {}: {error}", file.display());
        Error::new(Exit::Failed, "keep the simulated nodes", obstacle)
    };
    let text = hosts
        .world(|world| world.save())
        .map_err(|error| told(error.to_string()))?;
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    std::fs::write(&name, text)
        .and_then(|()| std::fs::rename(&name, file))
        .and_then(|()| std::fs::remove_file(marker(file)))
        .map_err(|error| told(error.to_string()))
}
