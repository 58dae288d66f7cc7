//! All is calm: is everything as the clients were told, as the store says, and nothing else there?

use std::time::{Duration, Instant};

use serde_json::json;

use crate::census;
use crate::client::{Told, Volume, is_as_told};
use crate::data;
use crate::site::Site;
use crate::world::{Patience, World, Wrong};

/// How long the queue knows an answer, less a margin.
const KEPT: Duration = Duration::from_secs(3500);
/// How long nodes may take to become what they stay: a member that is behind is cured meanwhile.
const SETTLE: Duration = Duration::from_secs(180);
/// The disk of each node that bricks are on.
const DISK: &str = "/disks/disk1";

/// Compares everything, deletes all volumes and compares again; how many files were compared.
pub(crate) fn of(world: &World, site: &Site, volumes: &[Volume], told: &[Told]) -> Result<usize, Wrong> {
    answers_stay(world, told)?;
    as_told(world, volumes)?;
    nothing_but_recorded(world, site)?;
    space_is_given_back(world, site)?;
    let mut files = 0;
    for volume in volumes {
        files += data::check(&world.lab, volume)?;
    }
    healed(world, volumes)?;
    clean_log(site)?;
    for volume in volumes {
        delete(world, volume)?;
    }
    nothing_but_recorded(world, site)?;
    space_is_given_back(world, site)?;
    Ok(files)
}

/// Each queue id says what it said.
fn answers_stay(world: &World, told: &[Told]) -> Result<(), Wrong> {
    for Told { queue, said, at } in told {
        let again = world.get(&format!("/queue/{queue}"))?;
        if again != *said && at.elapsed() < KEPT {
            return Err(format!("queue id {queue} said {said:?} and now {again:?}"));
        }
    }
    Ok(())
}

/// The store has those volumes that the clients have, each as they were told.
fn as_told(world: &World, volumes: &[Volume]) -> Result<(), Wrong> {
    let list = world.get("/volumes")?.json();
    let mut known: Vec<&str> = volumes.iter().map(|volume| volume.id.as_str()).collect();
    known.sort_unstable();
    if list["volumes"] != json!(known) {
        return Err(format!(
            "the clients have {known:?}, the store {}",
            list["volumes"]
        ));
    }
    for volume in volumes {
        is_as_told(volume, &world.get(&format!("/volumes/{}", volume.id))?.json())?;
    }
    Ok(())
}

/// On the nodes is what the store says, and nothing else.
fn nothing_but_recorded(world: &World, site: &Site) -> Result<(), Wrong> {
    as_recorded(&settled(world, site)?)
}

fn as_recorded(differences: &[String]) -> Result<(), Wrong> {
    if differences.is_empty() {
        return Ok(());
    }
    let list = differences.join("\n");
    Err(format!("the nodes are not as recorded:\n{list}"))
}

/// What differs between nodes and store, once that does not change by itself any more.
fn settled(world: &World, site: &Site) -> Result<Vec<String>, Wrong> {
    let recorded = census::recorded(world, site)?;
    let begun = Instant::now();
    loop {
        let differences = census::differences(&census::counted(&world.lab, DISK), &recorded);
        // The kernel lets go of a loop device a moment after its last user, and a node that was away has its volumes
        // told by its peers a moment after it is back.
        if differences.is_empty() || begun.elapsed() > SETTLE {
            return Ok(differences);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Each device has as much taken as its bricks take.
fn space_is_given_back(world: &World, site: &Site) -> Result<(), Wrong> {
    for (_, _, device) in &site.nodes {
        let info = world.get(&format!("/devices/{device}"))?.json();
        let bricks = info["bricks"].as_array().into_iter().flatten();
        let taken: u64 = bricks.filter_map(|brick| brick["size"].as_u64()).sum();
        if info["storage"]["used"] != taken {
            return Err(format!(
                "its bricks take {taken} KiB of a device, and it says {info}"
            ));
        }
    }
    Ok(())
}

/// Each volume is seen as it is recorded, on every layer, and no file waits to be healed.
fn healed(world: &World, volumes: &[Volume]) -> Result<(), Wrong> {
    for volume in volumes.iter().filter(|volume| volume.copies > 1) {
        let patience = Patience::new(format!("all files of {} are healed", volume.name));
        loop {
            let chain = world.get(&format!("/v1/explain/volumes/{}", volume.id))?.json();
            let heal = &chain["volume"]["heal"];
            if heal["split_brain"].as_u64().is_some_and(|files| files > 0) {
                return Err(format!("files of {} are in split brain: {heal}", volume.name));
            }
            if heal["pending"] == 0 {
                break;
            }
            patience.pause(world).map_err(|why| format!("{why}: {heal}"))?;
        }
    }
    Ok(())
}

/// The server met no bug of its own.
fn clean_log(site: &Site) -> Result<(), Wrong> {
    let log = site.server.log();
    let bad: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("ERROR") || line.contains("panicked"))
        .collect();
    if bad.is_empty() {
        Ok(())
    } else {
        Err(format!("the server's log tells of errors:\n{}", bad.join("\n")))
    }
}

fn delete(world: &World, volume: &Volume) -> Result<(), Wrong> {
    let place = format!("/volumes/{}", volume.id);
    let said = world
        .try_ask(&reqwest::Method::DELETE, &place, None)
        .ok_or("the server is gone though nobody killed it")?;
    let patience = Patience::new(format!("{} is deleted", volume.name));
    loop {
        let ended = world.get(&format!("/queue/{}?wait=10", said.queue_id()))?;
        match ended.status {
            204 => return Ok(()),
            200 if ended.pending => patience.pause(world)?,
            _ => return Err(format!("{} cannot be deleted: {ended:?}", volume.name)),
        }
    }
}
