//! `mortar import`: Heketi's database taken over into a store that is made for it.

use mortar_heketi::takeover::{Faulty, Note, Takeover, Terms, Weight};
use mortar_model::ZoneChecking;
use mortar_store::EmbeddedStore;
use serde::Serialize;

use super::db::told;
use crate::args::ImportArgs;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Out;
use crate::takeover;

/// What was, or would be, taken over.
#[derive(Serialize)]
struct Answer<'a> {
    dry_run: bool,
    clusters: usize,
    nodes: usize,
    devices: usize,
    volumes: usize,
    bricks: usize,
    block_volumes: usize,
    notes: &'a [Note],
    /// In the words of Heketi's own check.
    inconsistencies: &'a [String],
}

impl<'a> Answer<'a> {
    fn new(takeover: &'a Takeover, dry_run: bool) -> Self {
        let inventory = &takeover.inventory;
        let kept = takeover.kept.entries().unwrap_or_default();
        Self {
            dry_run,
            clusters: inventory.clusters().count(),
            nodes: inventory.nodes().count(),
            devices: inventory.devices().count(),
            volumes: inventory.volumes().count(),
            bricks: inventory.bricks().count(),
            block_volumes: kept.block_volumes.len(),
            notes: &takeover.kept.notes,
            inconsistencies: &takeover.kept.inconsistencies,
        }
    }
}

pub(super) fn run(arguments: &ImportArgs, out: Out) -> Result<()> {
    let faulty = if arguments.leave_out_faulty {
        Faulty::LeaveOut
    } else {
        Faulty::Take
    };
    let terms = Terms {
        faulty,
        zones: arguments
            .zone_checking
            .map(ZoneChecking::from)
            .unwrap_or_default(),
    };
    let takeover = takeover::read(&arguments.file, terms)?;
    let attempt = format!("take over {}", arguments.file.display());
    if !arguments.dry_run {
        let store = arguments.store.as_ref().ok_or_else(|| {
            Error::usage(&attempt, "there is no store to take it into")
                .advise("name one with --store, or try --dry-run")
        })?;
        let told = told(attempt.clone());
        let writes = takeover::writes(&takeover).map_err(&told)?;
        EmbeddedStore::restore(store, &writes).map_err(&told)?;
    }
    let answer = Answer::new(&takeover, arguments.dry_run);
    if out.is_json() {
        out.json(&answer)?;
    } else {
        out.text(&text(&answer, &takeover))?;
    }
    if answer.clusters == 0 {
        return Err(Error::new(
            Exit::NotFound,
            attempt,
            "it holds no cluster that could be taken over",
        ));
    }
    Ok(())
}

fn text(answer: &Answer<'_>, takeover: &Takeover) -> String {
    let mut text = format!(
        "{} {} clusters, {} nodes, {} devices, {} volumes with {} bricks, {} block volumes.\n",
        if answer.dry_run {
            "Would take over"
        } else {
            "Took over"
        },
        answer.clusters,
        answer.nodes,
        answer.devices,
        answer.volumes,
        answer.bricks,
        answer.block_volumes
    );
    for (weight, title) in [
        (Weight::LeftOut, "Left out"),
        (Weight::Fault, "Taken over with faults"),
        (Weight::Remark, "To know"),
    ] {
        let notes: Vec<String> = takeover.notes(weight).map(|note| format!("  {note}\n")).collect();
        if !notes.is_empty() {
            text.push_str(&format!("\n{title}:\n{}", notes.concat()));
        }
    }
    if !answer.inconsistencies.is_empty() {
        text.push_str("\nWhat Heketi's own check says of it:\n");
        for fault in answer.inconsistencies {
            text.push_str(&format!("  {fault}\n"));
        }
    }
    if !answer.dry_run {
        text.push_str("\nThe file was not changed. When the server runs, 'mortar check' compares this with the nodes.\n");
    }
    text
}
