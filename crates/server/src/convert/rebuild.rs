//! What a rebuild came to, as `/v1/rebuild` says it.

use mortar_api::{RebuildAnswer, RebuildContradiction, RebuildFound, RebuildGap, RebuildHost};
use mortar_engine::{Contradiction, Found, Gap, Rebuild};

use super::block::block;
use super::topology::topology;

/// The whole report.
pub(crate) fn answer(done: &Rebuild, dry_run: bool) -> RebuildAnswer {
    let asked = done.asked.iter().map(|(host, silent)| RebuildHost {
        host: host.to_string(),
        silent: silent.clone(),
    });
    let landscape = done.landscape();
    let blocks = landscape.inventory().blocks();
    RebuildAnswer {
        dry_run,
        operation: done.operation.map(|id| id.to_string()),
        asked: asked.collect(),
        restored: topology(&landscape, None),
        recorded: u64::try_from(done.recorded).unwrap_or(u64::MAX),
        block_volumes: blocks.map(|found| block(&landscape, found)).collect(),
        gaps: done.rebuilt.gaps.iter().map(gap).collect(),
        found: done.rebuilt.found.iter().map(found).collect(),
        contradictions: done.rebuilt.contradictions.iter().map(contradiction).collect(),
    }
}

fn gap(gap: &Gap) -> RebuildGap {
    RebuildGap {
        about: gap.about.clone(),
        unknown: gap.unknown.clone(),
        instead: gap.instead.clone(),
    }
}

fn found(found: &Found) -> RebuildFound {
    RebuildFound {
        kind: found.kind.name().to_owned(),
        about: found.about.clone(),
        host: found.host.as_ref().map(ToString::to_string),
        what: found.what.clone(),
        space: found.space.bytes(),
    }
}

fn contradiction(note: &Contradiction) -> RebuildContradiction {
    RebuildContradiction {
        about: note.about.clone(),
        found: note.found.clone(),
        decided: note.decided.clone(),
    }
}
