//! Differences between the records and the nodes, by kind with their proof, and what mends them.

use std::fmt::Write as _;

use mortar_api::{Check, CheckAnswer, Finding, Reconciled, RemedyBy, RepairAnswer, RepairState, RepairTask};

use super::Paint;
use super::tree::Tree;

/// What a check found, and what was mended by itself.
pub(crate) fn check(answer: &CheckAnswer, paint: Paint) -> String {
    let Some(check) = &answer.check else {
        return "No check was made since the server started.\n".to_owned();
    };
    let mut text = head(check, paint);
    let mut last = "";
    for finding in &check.findings {
        if finding.kind != last {
            last = &finding.kind;
            let _ = writeln!(
                text,
                "\n{}  {}: {}",
                paint.strong(&finding.kind),
                severity(finding, paint),
                finding.meaning
            );
        }
        text.push_str(&one(finding, paint));
    }
    if let Some(reconciled) = &answer.reconciled {
        text.push_str(&by_itself(reconciled, paint));
    }
    text.push_str(&super::takeover::reminder(answer.takeover.as_ref()));
    text
}

/// How much was compared, and how much differs.
fn head(check: &Check, paint: Paint) -> String {
    let found = match check.findings.len() {
        0 => paint.good("no differences"),
        1 => paint.bad("1 difference"),
        number => paint.bad(format!("{number} differences")),
    };
    // Of less than a second nobody needs to be told.
    let took = match check.took_ms {
        0..1000 => String::new(),
        took => format!(" in {} s", took.div_ceil(1000)),
    };
    let mut text = format!(
        "{} nodes, {} volumes and {} bricks compared{took}: {found}\n",
        check.nodes, check.volumes, check.bricks
    );
    if check.silent > 0 {
        let _ = writeln!(
            text,
            "{} of the nodes did not answer: what is on them is not known",
            check.silent
        );
    }
    if check.left_out > 0 {
        let _ = writeln!(
            text,
            "{} more left out: operations are at work on their things",
            check.left_out
        );
    }
    text
}

fn severity(finding: &Finding, paint: Paint) -> String {
    match finding.severity.as_str() {
        "error" => paint.bad(&finding.severity),
        "warning" => paint.fair(&finding.severity),
        _ => paint.faint(&finding.severity),
    }
}

/// One difference: where, its proof, what can be done, its id.
fn one(finding: &Finding, paint: Paint) -> String {
    let mut text = String::from("  ");
    if !finding.host.is_empty() {
        let _ = write!(text, "{}  ", finding.host);
    }
    let subject = &finding.subject;
    let name = if subject.name.is_empty() {
        &subject.id
    } else {
        &subject.name
    };
    let _ = writeln!(text, "{} {name}", subject.kind);
    let who = match finding.remedy.by {
        RemedyBy::Itself => "by itself: ",
        RemedyBy::Command => "on command: ",
        RemedyBy::Hand | RemedyBy::Unknown => "by hand: ",
    };
    let remedy = format!("{who}{}", finding.remedy.text);
    let lines = [
        ("recorded", finding.recorded.as_str()),
        ("seen", &finding.seen),
        ("at", &finding.place),
        ("remedy", &remedy),
        ("id", &finding.id),
    ];
    for (name, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "    {} {value}", paint.faint(format!("{name:<9}")));
    }
    text
}

fn by_itself(reconciled: &Reconciled, paint: Paint) -> String {
    let mut text = String::new();
    if reconciled.mended.is_empty() && reconciled.failed.is_empty() && reconciled.files_failed.is_empty() {
        return text;
    }
    let _ = writeln!(text, "\nBy itself, until {}:", reconciled.ended);
    for id in &reconciled.mended {
        let _ = writeln!(text, "  {} {id}", paint.good("mended"));
    }
    for failed in &reconciled.failed {
        let ids = failed.findings.join(", ");
        let _ = writeln!(text, "  {} {ids}: {}", paint.bad("failed"), failed.reason);
    }
    for failed in &reconciled.files_failed {
        let _ = writeln!(text, "  {} {failed}", paint.bad("failed"));
    }
    text
}

/// Repairs that are shown or begun; of a dry run also what a person has to do.
pub(crate) fn repairs(answer: &RepairAnswer, paint: Paint) -> String {
    let mut text = head(&answer.check, paint);
    for id in &answer.not_found {
        let _ = writeln!(text, "{} {id} is not among them any more", paint.fair("!"));
    }
    for task in &answer.tasks {
        text.push('\n');
        text.push_str(&of_task(task, paint));
    }
    let by_hand: Vec<&Finding> = answer
        .check
        .findings
        .iter()
        .filter(|finding| matches!(finding.remedy.by, RemedyBy::Hand | RemedyBy::Unknown))
        .collect();
    if !by_hand.is_empty() && answer.dry_run {
        text.push_str("\nFor a person to do:\n");
        for finding in by_hand {
            text.push_str(&one(finding, paint));
        }
    }
    if answer.dry_run && !answer.tasks.is_empty() {
        text.push_str("\nNothing was done. The same with --do does it; --item ID chooses.\n");
    }
    text
}

fn of_task(task: &RepairTask, paint: Paint) -> String {
    let state = match task.state {
        RepairState::Planned => paint.fair("would be done"),
        RepairState::Begun => paint.fair("begun"),
        RepairState::Done => paint.good("done"),
        RepairState::Refused => paint.bad("refused"),
        RepairState::Unknown => paint.bad("unknown"),
    };
    let mut head = Tree::new(format!("{state}  {}", task.findings.join(", ")));
    if let Some(operation) = &task.operation {
        head = head.line(format!("operation {operation}"));
    }
    if let Some(reason) = &task.reason {
        head = head.line(paint.bad(reason));
    }
    let stages = task.stages.iter().map(|stage| {
        let steps = stage.steps.iter().map(|step| {
            let goal = if step.goal == "absent" { "remove " } else { "" };
            Tree::new(format!("{goal}{} on {}", step.title, step.host))
        });
        Tree::new(&stage.title).children(steps)
    });
    head.children(stages).text()
}

#[cfg(test)]
mod tests {
    use mortar_api::{
        Check, CheckAnswer, Finding, Remedy, RemedyBy, RepairAnswer, RepairState, RepairTask, Stage, Step,
        StepState, Subject,
    };

    use super::{Paint, check, repairs};

    fn sample() -> Check {
        Check {
            number: 3,
            began: "2026-01-02T03:04:05Z".into(),
            took_ms: 1042,
            nodes: 3,
            silent: 0,
            volumes: 2,
            bricks: 6,
            clean: false,
            findings: vec![Finding {
                id: "brick_unmounted/12".into(),
                kind: "brick_unmounted".into(),
                meaning: "A brick is not mounted.".into(),
                severity: "error".into(),
                subject: Subject {
                    kind: "brick".into(),
                    id: "12".into(),
                    name: "/dev/sdb of volume films".into(),
                },
                node: Some("f".repeat(32)),
                host: "n2".into(),
                recorded: "/dev/vg/brick".into(),
                seen: "nothing is mounted there".into(),
                place: "/mnt".into(),
                remedy: Remedy {
                    by: RemedyBy::Itself,
                    text: "mount it".into(),
                },
            }],
            left_out: 2,
        }
    }

    #[test]
    fn a_difference_is_shown_with_its_proof() {
        let answer = CheckAnswer {
            check: Some(sample()),
            ..CheckAnswer::default()
        };
        assert_eq!(
            check(&answer, Paint::PLAIN),
            "\
3 nodes, 2 volumes and 6 bricks compared in 2 s: 1 difference
2 more left out: operations are at work on their things

brick_unmounted  error: A brick is not mounted.
  n2  brick /dev/sdb of volume films
    recorded  /dev/vg/brick
    seen      nothing is mounted there
    at        /mnt
    remedy    by itself: mount it
    id        brick_unmounted/12
"
        );
        let none = CheckAnswer::default();
        assert_eq!(
            check(&none, Paint::PLAIN),
            "No check was made since the server started.\n"
        );
    }

    #[test]
    fn a_dry_run_says_that_nothing_was_done() {
        let answer = RepairAnswer {
            dry_run: true,
            check: sample(),
            tasks: vec![RepairTask {
                findings: vec!["brick_unmounted/12".into()],
                stages: vec![Stage {
                    title: "mount the bricks again".into(),
                    steps: vec![Step {
                        title: "mount of brick 12".into(),
                        goal: "present".into(),
                        host: "n2".into(),
                        state: StepState::Waiting,
                        text: String::new(),
                    }],
                }],
                state: RepairState::Planned,
                operation: None,
                reason: None,
            }],
            not_found: vec!["x/y".into()],
        };
        assert_eq!(
            repairs(&answer, Paint::PLAIN),
            "\
3 nodes, 2 volumes and 6 bricks compared in 2 s: 1 difference
2 more left out: operations are at work on their things
! x/y is not among them any more

would be done  brick_unmounted/12
└─ mount the bricks again
   └─ mount of brick 12 on n2

Nothing was done. The same with --do does it; --item ID chooses.
"
        );
    }
}
