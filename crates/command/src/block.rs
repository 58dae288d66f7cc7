//! A block volume, by `gluster-block` on any member of the pool: its daemons keep what there is of it in a folder of the hosting
//! volume, and set its targets up on the hosts.
//!
//! Whoever asks about one waits until nobody changes any on its hosting volume (a lock in that volume), so what is seen does not
//! change by a command whose end was lost. What a create has begun and not ended is taken away first; it has held nothing yet.

use mortar_argv::{Batch, Command, Outcome, Output, Report};
use mortar_model::work::{BlockPart, BlockSpec, Facts, FailureKind, Seen, Verdict};

use crate::answer::{self, BlockAnswer, Unreadable, block_answer, printed};
use crate::query::volume_info::{self, VolumeInfo};
use crate::{Settings, complaint, program};

fn path(spec: &BlockSpec) -> String {
    format!("{}/{}", spec.hosting, spec.name)
}

fn ask(settings: &Settings, verb: &str, of: impl Into<String>) -> Command {
    program::gluster_block(settings).arg(verb).arg(of)
}

fn info(spec: &BlockSpec, settings: &Settings) -> Command {
    ask(settings, "info", path(spec)).arg("--json")
}

fn create(spec: &BlockSpec, settings: &Settings) -> Command {
    let hosts: Vec<&str> = spec.hosts.iter().map(mortar_model::HostName::as_str).collect();
    ask(settings, "create", path(spec))
        .args(["ha".to_owned(), spec.ha.to_string()])
        .args(["auth", if spec.auth { "enable" } else { "disable" }])
        .args(["prealloc", if spec.full { "full" } else { "no" }])
        .arg(hosts.join(","))
        .arg(format!("{}GiB", spec.size.gib()))
        .arg("--json")
}

fn delete(spec: &BlockSpec, settings: &Settings) -> Command {
    ask(settings, "delete", path(spec)).arg("--json")
}

pub(crate) fn look(spec: &BlockSpec, settings: &Settings) -> Batch {
    let batch = Batch::new().ask(info(spec, settings));
    if spec.with_hosting {
        batch.then(volume_info::ask(settings, &spec.hosting))
    } else {
        batch
    }
}

/// Whether its hosting volume, which is made with it, is not there or does not run: then nothing was made on it, or all that was is
/// gone again.
fn has_no_hosting(spec: &BlockSpec, report: &Report) -> bool {
    let runs = |volume: VolumeInfo| volume.status == "Started";
    spec.with_hosting && volume_info::read_last(report).is_ok_and(|volume| !volume.is_some_and(runs))
}

pub(crate) fn judge_look(spec: &BlockSpec, report: &Report) -> Result<Seen, Unreadable> {
    const WHAT: &str = "whether the block volume is there";
    let answer = said(answer::ran(report, 0, WHAT)?, WHAT)?;
    if !answer.success() && spec.part == BlockPart::Whole && has_no_hosting(spec, report) {
        return Ok(Seen::Absent);
    }
    if !answer.success() && !answer.is_absent() {
        return Err(Unreadable::new(WHAT, answer.refusal()));
    }
    let there = answer.success();
    Ok(match &spec.part {
        BlockPart::Name if there => Seen::Foreign(taken(spec)),
        BlockPart::Name => Seen::Present(Facts::None),
        BlockPart::Whole if there => whole(spec, &answer),
        BlockPart::Whole => Seen::Absent,
        BlockPart::Size { before } if there => {
            let (before, after) = (printed(*before), printed(spec.size));
            let behind = answer.smaller_on().next().is_some();
            if behind || before == after {
                Seen::Partial(format!("whether it has {} yet cannot be told", spec.size))
            } else if answer.is_printed(&after) {
                Seen::Present(Facts::None)
            } else if answer.is_printed(&before) {
                Seen::Absent
            } else {
                Seen::Partial(format!("it has {}", answer.printed()))
            }
        }
        BlockPart::Host { old, new, .. } if there => moved(&answer, old.as_str(), new.as_str()),
        BlockPart::Size { .. } | BlockPart::Host { .. } => {
            Seen::Foreign(format!("block volume {} does not exist", path(spec)))
        }
    })
}

fn whole(spec: &BlockSpec, answer: &BlockAnswer) -> Seen {
    let short = answer.hosts() < spec.ha as usize || answer.is_broken();
    match answer.target() {
        Some(target) if !short && target.password.is_empty() != spec.auth => {
            Seen::Present(Facts::Target(target))
        }
        _ => Seen::Partial(format!(
            "{} of {} hosts serve block volume {}",
            answer.hosts(),
            spec.ha,
            path(spec)
        )),
    }
}

/// Whether the new host serves it, and the old one does not.
fn moved(answer: &BlockAnswer, old: &str, new: &str) -> Seen {
    let among = |hosts: &[String], host: &str| hosts.iter().any(|known| known.eq_ignore_ascii_case(host));
    let serves = |host| among(answer.served_by(), host);
    match (serves(old), serves(new)) {
        (false, true) if !among(answer.broken_on(), new) => Seen::Present(Facts::None),
        (true, false) => Seen::Absent,
        _ => Seen::Partial(format!("it is served by {}", answer.served_by().join(", "))),
    }
}

fn taken(spec: &BlockSpec) -> String {
    format!(
        "gluster-block has a block volume {} that Mortar did not make: choose another name, or remove that one",
        path(spec)
    )
}

/// An answer of `gluster-block`, whatever it says.
fn said(output: &Output, what: &'static str) -> Result<BlockAnswer, Unreadable> {
    block_answer(output).ok_or_else(|| Unreadable::new(what, complaint::reason(&outspoken(output))))
}

/// What may be shown of an output: its complaints, and not what it printed.
fn outspoken(output: &Output) -> Output {
    Output {
        stdout: String::new(),
        ..output.clone()
    }
}

pub(crate) fn make(spec: &BlockSpec, settings: &Settings) -> Batch {
    Batch::new().run(match &spec.part {
        BlockPart::Name => return Batch::new().ask(info(spec, settings)),
        BlockPart::Whole => create(spec, settings),
        BlockPart::Size { .. } => ask(settings, "modify", path(spec))
            .arg("size")
            .arg(format!("{}GiB", spec.size.gib()))
            .arg("--json"),
        BlockPart::Host { old, new, dead } => ask(settings, "replace", path(spec))
            .args([old.as_str(), new.as_str()])
            .args(dead.then_some("force"))
            .arg("--json"),
    })
}

pub(crate) fn resume(spec: &BlockSpec, settings: &Settings) -> Batch {
    match spec.part {
        BlockPart::Whole => Batch::new()
            .ask(delete(spec, settings))
            .run(create(spec, settings)),
        _ => make(spec, settings),
    }
}

pub(crate) fn unmake(spec: &BlockSpec, settings: &Settings) -> Batch {
    match &spec.part {
        BlockPart::Name => Batch::new(),
        BlockPart::Whole => Batch::new().ask(delete(spec, settings)),
        // What initiators have seen as larger is not made smaller under them.
        BlockPart::Size { .. } | BlockPart::Host { .. } => {
            Batch::new().run(program::program(settings, "false"))
        }
    }
}

pub(crate) fn judge_made(spec: &BlockSpec, report: &Report) -> Verdict {
    let Some(last) = report.outcomes.len().checked_sub(1) else {
        return Verdict::Done(Facts::None);
    };
    // What was half there is taken away first. What that did not do, the create says of the same name.
    let (output, answer) = match answered(report, last) {
        Ok(answered) => answered,
        Err(verdict) => return verdict,
    };
    match spec.part {
        BlockPart::Name if answer.is_absent() => Verdict::Done(Facts::None),
        BlockPart::Name if answer.success() => complaint::refused(taken(spec)),
        BlockPart::Whole if answer.success() => match answer.target() {
            Some(target) => Verdict::Done(Facts::Target(target)),
            None => Verdict::Unknown("gluster-block does not tell how initiators find it".into()),
        },
        BlockPart::Size { .. } if answer.success() || answer.is_same_size() => Verdict::Done(Facts::None),
        BlockPart::Host { .. } if answer.success() || answer.is_skipped() => Verdict::Done(Facts::None),
        // Somebody's, by a race with hands; or what an earlier try of this step made.
        BlockPart::Whole if answer.refusal().contains("already EXIST") => {
            Verdict::Unknown(answer.refusal().into())
        }
        _ => refused(&answer, &output),
    }
}

pub(crate) fn judge_unmade(report: &Report) -> Verdict {
    if report.outcomes.is_empty() {
        return Verdict::Done(Facts::None);
    }
    match answered(report, 0) {
        Ok((_, answer)) if answer.success() || answer.is_absent() => Verdict::Done(Facts::None),
        Ok((output, answer)) => refused(&answer, &output),
        Err(verdict) => verdict,
    }
}

/// The answer of this item, else what the report comes to without one.
fn answered(report: &Report, item: usize) -> Result<(Output, BlockAnswer), Verdict> {
    if let Some(Outcome::Ran(output)) = report.outcomes.get(item)
        && let Some(answer) = block_answer(output)
    {
        return Ok((outspoken(output), answer));
    }
    let quiet = Report {
        outcomes: report.outcomes.iter().map(quiet).collect(),
        broken: report.broken.clone(),
    };
    Err(match complaint::judge(&quiet, complaint::nothing_tolerated) {
        Verdict::Done(_) => Verdict::Unknown("gluster-block gave no answer".into()),
        verdict => verdict,
    })
}

fn quiet(outcome: &Outcome) -> Outcome {
    match outcome {
        Outcome::Ran(output) => Outcome::Ran(outspoken(output)),
        other => other.clone(),
    }
}

/// What a refusal means.
fn refused(answer: &BlockAnswer, output: &Output) -> Verdict {
    let hosts =
        |what: &str, hosts: &[String]| (!hosts.is_empty()).then(|| format!("{what} {}", hosts.join(", ")));
    if answer.is_away() {
        return complaint::failed(FailureKind::Away, answer.refusal());
    }
    if !answer.refusal().is_empty() {
        let output = Output {
            stderr: answer.refusal().to_owned(),
            ..output.clone()
        };
        return complaint::judge_failure(&Output { status: 1, ..output });
    }
    let told =
        hosts("it failed on", answer.failed_on()).or_else(|| hosts("something is left on", answer.left_on()));
    complaint::refused(format!(
        "gluster-block did not do it{} (the log of gluster-blockd on the hosts tells more)",
        told.map(|told| format!(": {told}")).unwrap_or_default()
    ))
}
