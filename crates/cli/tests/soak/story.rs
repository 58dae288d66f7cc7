//! What is told at the end: the numbers, or the story of what went wrong.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::recovery::{Killed, Recoveries};
use crate::site::Site;
use crate::storm::Kills;
use crate::world::World;

/// Lines of the server's log and of the diary that are told; all of them are kept in files.
const LAST_LINES: usize = 120;

/// The numbers of a soak that went well.
pub(crate) fn numbers(
    world: &World,
    killed: Kills,
    recoveries: &Recoveries,
    answers: usize,
    files: usize,
) -> String {
    let mut text = format!(
        "seed {}: {} kills of the server and {} of a node survived in {:.0} s\n",
        world.seed,
        killed.server,
        killed.node,
        world.elapsed().as_secs_f64()
    );
    for (kind, what) in [
        (Killed::Server, "after a kill of the server, all nodes up"),
        (
            Killed::ServerAndNode,
            "after a kill of the server while a node was away",
        ),
        (Killed::Node, "after a node came back"),
    ] {
        let _ = writeln!(text, "recovered {what}: {}", recoveries.times(kind));
    }
    // A soak with orphans, or with an operation that did not end, has a story instead.
    let _ = writeln!(text, "orphans on the nodes: none");
    let _ = writeln!(text, "operations that needed a person: none");
    let cures = world.cures();
    let _ = writeln!(text, "members of the pool that the server cured: {}", cures.len());
    for (id, node) in cures {
        let _ = writeln!(text, "  {node}: {}", cure(world, &id));
    }
    let _ = writeln!(
        text,
        "queue ids that were asked again at the end: {answers}; files compared: {files}"
    );
    for (what, count) in world.counts() {
        let _ = writeln!(text, "{what}: {count}");
    }
    text
}

/// What a cure was for, and what became of it, while the server still knows.
fn cure(world: &World, id: &str) -> String {
    let said = world.try_ask(&reqwest::Method::GET, &format!("/v1/operations/{id}"), None);
    let Some(said) = said.filter(|said| said.status == 200) else {
        return "not known any more".to_owned();
    };
    let operation = said.json();
    let why = operation["stages"][0]["steps"][0]["title"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let error = operation["error"]
        .as_str()
        .map(|error| format!(" ({error})"))
        .unwrap_or_default();
    format!(
        "{why}: {}{error}",
        operation["phase"].as_str().unwrap_or_default()
    )
}

/// The story of what went wrong. The whole of it is kept in a folder that the story names.
pub(crate) fn of_failure(world: &World, site: &Site, killed: Kills, wrongs: &[String]) -> String {
    let kept = keep(world, site);
    let mut story = format!(
        "seed {}, after {} kills of the server and {} of a node, {:.1} s:\n",
        world.seed,
        killed.server,
        killed.node,
        world.elapsed().as_secs_f64()
    );
    for wrong in wrongs {
        let _ = writeln!(story, "* {wrong}");
    }
    let _ = writeln!(story, "\noperations that are open:\n{}", open_operations(world));
    let _ = writeln!(story, "diary:\n{}", last(&world.diary()));
    let log: Vec<String> = site.server.log().lines().map(str::to_owned).collect();
    let _ = writeln!(story, "\nserver log:\n{}", last(&log));
    let _ = writeln!(
        story,
        "\nall of it, with the nodes' logs and records: {}",
        kept.display()
    );
    story
}

fn last(lines: &[String]) -> String {
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

/// Open operations with their stages and steps.
fn open_operations(world: &World) -> String {
    let Some(open) = world.try_open() else {
        return "the server does not answer".to_owned();
    };
    let whole = |id: &String| {
        let place = format!("/v1/operations/{id}");
        let said = world.try_ask(&reqwest::Method::GET, &place, None);
        said.map_or_else(String::new, |said| format!("{:#}\n", said.json()))
    };
    open.iter().map(whole).collect()
}

/// Copies diary, server log, store and the nodes' own records to a folder that outlives the lab.
fn keep(world: &World, site: &Site) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("soak-{}", world.seed));
    let copy = || -> std::io::Result<()> {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("diary"), world.diary().join("\n"))?;
        std::fs::write(folder.join("server.log"), site.server.log())?;
        std::fs::copy(site.server.store(), folder.join("store.redb"))?;
        for node in site.lab.nodes() {
            let Ok(root) = site.lab.node_root(&node.name) else {
                continue;
            };
            let there = folder.join(&node.name);
            std::fs::create_dir_all(&there)?;
            for part in [
                "var/log/glusterfs",
                "var/lib/glusterd/vols",
                "var/lib/mortar/fstab",
            ] {
                // A copy with holes beats none.
                let _ = std::process::Command::new("cp")
                    .args(["--recursive", "--no-dereference"])
                    .arg(root.join(part))
                    .arg(&there)
                    .status()?;
            }
        }
        Ok(())
    };
    if let Err(error) = copy() {
        eprintln!("not all could be kept in {}: {error}", folder.display());
    }
    folder
}
