//! The file in which a node tells what no disk of it can.

use mortar_argv::{Batch, Report};
use mortar_model::layout;
use mortar_model::work::{Facts, NodeFileSpec, Seen};

use crate::answer::{self, Unreadable};
use crate::{Settings, program};

pub(crate) fn look(settings: &Settings) -> Batch {
    Batch::new().ask(program::read(settings, layout::NODE_FILE))
}

/// Another text is one of an earlier time, or of an earlier life of the machine: it is written over.
pub(crate) fn judge_look(spec: &NodeFileSpec, report: &Report) -> Result<Seen, Unreadable> {
    Ok(match answer::text_of(report, 0, "the node's file")? {
        None => Seen::Absent,
        Some(text) if text == spec.text => Seen::Present(Facts::None),
        Some(_) => Seen::Partial("the node's file says something else".into()),
    })
}

/// Written beside, put on the disk and moved into its place, so that there is always a whole one, also after a power cut.
pub(crate) fn make(spec: &NodeFileSpec, settings: &Settings) -> Batch {
    let part = format!("{}.part", layout::NODE_FILE);
    Batch::new()
        .run(program::program(settings, "mkdir").args(["-p", layout::ROOT]))
        .run(program::write(settings, part.clone(), &spec.text))
        .run(program::program(settings, "sync").arg(part.clone()))
        .run(program::program(settings, "mv").args(["-f", &part, layout::NODE_FILE]))
        .run(program::program(settings, "sync").arg(layout::ROOT))
}

pub(crate) fn unmake(settings: &Settings) -> Batch {
    Batch::new().run(program::program(settings, "rm").args(["-f", layout::NODE_FILE]))
}
