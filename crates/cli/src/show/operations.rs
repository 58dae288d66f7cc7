//! Operations: a list, and one with its stages and steps.

use mortar_api::{Load, Operation, OperationList, Phase, Step};

use super::tree::Tree;
use super::{Paint, table};

/// A list of operations.
pub(crate) fn operations(list: &OperationList, paint: Paint) -> String {
    format!("{}{}", rows(list, paint), load(&list.load))
}

fn rows(list: &OperationList, paint: Paint) -> String {
    if list.operations.is_empty() {
        return "There are none.\n".to_owned();
    }
    let row = |one: &Operation| {
        vec![
            one.id.clone(),
            one.kind.clone(),
            subject(one),
            paint.phase(one.phase),
            steps(one),
            one.started.clone(),
        ]
    };
    let head = ["ID", "KIND", "SUBJECT", "PHASE", ">STEPS", "STARTED"];
    let mut text = table(&head, list.operations.iter().map(row).collect());
    if list.more > 0 {
        text.push_str(&format!("and {} older ones\n", list.more));
    }
    for one in list.operations.iter().filter(|one| one.attention.is_some()) {
        text.push('\n');
        text.push_str(&attention(one, paint));
    }
    text
}

/// What waits, where something does.
fn load(load: &Load) -> String {
    let full = load.open > 0 && load.open >= load.open_limit;
    if load.waiting == 0 && !full {
        return String::new();
    }
    format!(
        "\n{} under way, at most {}: {} run, at most {}; {} wait for their turn\n",
        load.open, load.open_limit, load.running, load.running_limit, load.waiting
    )
}

/// One operation.
pub(crate) fn operation(one: &Operation, paint: Paint) -> String {
    let mut head = Tree::new(format!(
        "{}  {}  {}",
        paint.strong(format!("{} {}", one.kind, subject(one))),
        paint.phase(one.phase),
        paint.faint(&one.id)
    ));
    let ended = one
        .ended
        .as_ref()
        .map(|ended| format!(", ended {ended}"))
        .unwrap_or_default();
    head = head.line(format!(
        "started {}{ended}, {} of {} steps",
        one.started, one.steps_done, one.steps_total
    ));
    if let Some(error) = &one.error {
        for line in error.trim().lines() {
            head = head.line(paint.bad(line));
        }
    }
    for warning in &one.warnings {
        head = head.line(paint.fair(warning));
    }
    let stages = one.stages.iter().enumerate().map(|(number, stage)| {
        Tree::new(format!("stage {}: {}", number + 1, stage.title))
            .children(stage.steps.iter().map(|step| step_tree(step, paint)))
    });
    format!("{}{}", head.children(stages).text(), attention(one, paint))
}

fn step_tree(step: &Step, paint: Paint) -> Tree {
    let goal = if step.goal == "absent" { "remove " } else { "" };
    let said = if step.text.is_empty() {
        String::new()
    } else {
        format!("  {}", step.text)
    };
    Tree::new(format!(
        "{}  {goal}{} on {}{said}",
        paint.step(step.state),
        step.title,
        step.host
    ))
}

/// Steps done of all; a change of records alone has none.
fn steps(one: &Operation) -> String {
    match one.steps_total {
        0 => "–".to_owned(),
        total => format!("{}/{total}", one.steps_done),
    }
}

/// What the operation is about, by the name that people know.
fn subject(one: &Operation) -> String {
    let name = if one.subject.name.is_empty() {
        &one.subject.id
    } else {
        &one.subject.name
    };
    format!("{} {name}", one.subject.kind)
}

fn attention(one: &Operation, paint: Paint) -> String {
    let Some(attention) = &one.attention else {
        return String::new();
    };
    let mut text = if one.phase == Phase::WaitingForNode {
        let nodes = match one.waits_for.as_slice() {
            [] => "nodes that are away".to_owned(),
            nodes => nodes.join(", "),
        };
        format!(
            "{} {} waits for {nodes}: {}\n  it goes on by itself, or at once: {}\n",
            paint.fair("…"),
            one.id,
            attention.reason,
            attention.command
        )
    } else {
        format!(
            "{} {} waits for a person: {}\n  settle it: {}\n",
            paint.bad("!"),
            one.id,
            attention.reason,
            attention.command
        )
    };
    if !attention.give_up.is_empty() {
        text.push_str(&format!("  or leave it as it is: {}\n", attention.give_up));
    }
    text
}

#[cfg(test)]
mod tests {
    use mortar_api::{Attention, Load, Operation, OperationList, Phase, Stage, Step, StepState, Subject};

    use super::{Paint, operation, operations};

    fn sample() -> Operation {
        let step = |host: &str, state, text: &str| Step {
            title: "brick 12ab".into(),
            goal: "present".into(),
            host: host.into(),
            state,
            text: text.into(),
        };
        Operation {
            id: "0".repeat(32),
            kind: "create-volume".into(),
            subject: Subject {
                kind: "volume".into(),
                id: "f".repeat(32),
                name: "films".into(),
            },
            phase: Phase::NeedsAttention,
            started: "2026-01-02T03:04:05Z".into(),
            ended: None,
            steps_done: 1,
            steps_total: 2,
            stages: vec![Stage {
                title: "bricks".into(),
                steps: vec![
                    step("n1", StepState::Done, ""),
                    step("n2", StepState::Failed, "disk full"),
                ],
            }],
            error: Some("no room on n2".into()),
            error_kind: None,
            attention: Some(Attention {
                reason: "n2 does not answer".into(),
                command: "mortar x".into(),
                give_up: "mortar y".into(),
            }),
            warnings: Vec::new(),
            cleanup: None,
            waits_for: Vec::new(),
        }
    }

    #[test]
    fn one_that_waits_for_a_node_asks_nobody() {
        let one = Operation {
            phase: Phase::WaitingForNode,
            stages: Vec::new(),
            error: None,
            warnings: vec!["one thing is left".into()],
            waits_for: vec!["n2".into(), "n3".into()],
            ..sample()
        };
        assert_eq!(
            operation(&one, Paint::PLAIN),
            "\
create-volume volume films  waiting-for-node  00000000000000000000000000000000
  started 2026-01-02T03:04:05Z, 1 of 2 steps
  one thing is left
… 00000000000000000000000000000000 waits for n2, n3: n2 does not answer
  it goes on by itself, or at once: mortar x
  or leave it as it is: mortar y
"
        );
    }

    #[test]
    fn one_operation_shows_its_steps() {
        assert_eq!(
            operation(&sample(), Paint::PLAIN),
            "\
create-volume volume films  needs-attention  00000000000000000000000000000000
│ started 2026-01-02T03:04:05Z, 1 of 2 steps
│ no room on n2
└─ stage 1: bricks
   ├─ done  brick 12ab on n1
   └─ failed  brick 12ab on n2  disk full
! 00000000000000000000000000000000 waits for a person: n2 does not answer
  settle it: mortar x
  or leave it as it is: mortar y
"
        );
    }

    #[test]
    fn a_list_counts_what_it_leaves_out() {
        let list = OperationList {
            operations: vec![sample()],
            more: 7,
            load: Load::default(),
        };
        assert_eq!(
            operations(&list, Paint::PLAIN),
            "\
ID                                KIND           SUBJECT       PHASE            STEPS  STARTED
00000000000000000000000000000000  create-volume  volume films  needs-attention    1/2  2026-01-02T03:04:05Z
and 7 older ones

! 00000000000000000000000000000000 waits for a person: n2 does not answer
  settle it: mortar x
  or leave it as it is: mortar y
"
        );
        assert_eq!(
            operations(&OperationList::default(), Paint::PLAIN),
            "There are none.\n"
        );
    }

    #[test]
    fn what_waits_is_told_where_something_does() {
        let told = |open, waiting| {
            let load = Load {
                open,
                open_limit: 9,
                running: 4,
                running_limit: 4,
                waiting,
                ..Load::default()
            };
            let list = OperationList {
                load,
                ..OperationList::default()
            };
            operations(&list, Paint::PLAIN)
        };
        assert_eq!(told(4, 0), "There are none.\n");
        let line = "under way, at most 9: 4 run, at most 4;";
        assert_eq!(
            told(7, 3),
            format!("There are none.\n\n7 {line} 3 wait for their turn\n")
        );
        assert_eq!(
            told(9, 0),
            format!("There are none.\n\n9 {line} 0 wait for their turn\n")
        );
    }
}
