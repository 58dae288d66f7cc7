//! Where a volume would go, and why not elsewhere.

use mortar_api::{PassedOver, PlanAnswer};

use super::tree::Tree;
use super::{Paint, size};

/// A plan's answer as text.
pub(crate) fn plan(answer: &PlanAnswer, paint: Paint) -> String {
    let mut text = String::new();
    let what = format!("A volume of {}, {},", size(answer.size), answer.durability);
    let cluster = answer.cluster.as_deref().unwrap_or("?");
    match (&answer.refusal, &answer.existing) {
        (None, Some(existing)) => {
            let how = match &existing.operation {
                Some(operation) => format!("is being made by operation {operation}"),
                None => "is there".to_owned(),
            };
            text.push_str(&format!(
                "{what} {} on cluster {cluster}, as {}: nothing would be made\n",
                paint.good(how),
                existing.volume
            ));
        }
        (None, None) => {
            let head = format!("{what} {} on cluster {cluster}:", paint.good("can be made"));
            text.push_str(
                &Tree::new(head)
                    .children(answer.sets.iter().map(|one| set(one, paint)))
                    .text(),
            );
        }
        (Some(refusal), _) => {
            text.push_str(&format!(
                "{what} {}: {}\n",
                paint.bad("cannot be made"),
                refusal.message.trim()
            ));
            // Where each device is told with its rule, the details would say the same again.
            let details = if answer.not_chosen.devices.is_empty() {
                refusal.details.as_slice()
            } else {
                &[]
            };
            for detail in details {
                text.push_str(&format!("  - {detail}\n"));
            }
        }
    }
    text.push_str(&passed_over(answer, paint));
    text
}

fn set(set: &mortar_api::PlannedSet, paint: Paint) -> Tree {
    Tree::new(format!("set {}", set.set)).children(set.bricks.iter().map(|brick| {
        Tree::new(format!(
            "{}  zone {}  {} taking {}  {} → {}",
            paint.strong(format!("{}:{}", brick.host, brick.path)),
            brick.zone,
            size(brick.size),
            size(brick.footprint),
            paint.bar(brick.used_before, brick.device_size),
            paint.bar(brick.used_after, brick.device_size)
        ))
    }))
}

fn passed_over(answer: &PlanAnswer, paint: Paint) -> String {
    if answer.not_chosen.devices.is_empty() {
        return String::new();
    }
    let line = |device: &PassedOver| {
        let mark = if device.refused {
            paint.bad("refused")
        } else {
            paint.fair("came later")
        };
        Tree::new(format!(
            "{}:{}  {mark}  {}{}",
            device.host,
            device.path,
            device.reason,
            way(device)
        ))
    };
    let more = answer.not_chosen.more;
    Tree::new("Not elsewhere, because:")
        .children(answer.not_chosen.devices.iter().map(line))
        .children((more > 0).then(|| Tree::new(format!("and {more} more"))))
        .text()
}

/// What would let the device be taken.
fn way(device: &PassedOver) -> String {
    if device.way.is_empty() {
        return String::new();
    }
    format!(" ({})", device.way)
}

#[cfg(test)]
mod tests {
    use mortar_api::{
        ErrorInfo, ErrorKind, Existing, NotChosen, PassedOver, PlanAnswer, PlannedBrick, PlannedSet,
    };

    use super::{Paint, plan};

    fn passed(refused: bool, reason: &str) -> PassedOver {
        PassedOver {
            device: "d".repeat(32),
            path: "/dev/sdc".into(),
            node: "a".repeat(32),
            host: "n2".into(),
            zone: 2,
            refused,
            rule: "rule".into(),
            reason: reason.into(),
            way: String::new(),
        }
    }

    fn answer() -> PlanAnswer {
        let brick = PlannedBrick {
            position: 0,
            node: "a".repeat(32),
            host: "n1".into(),
            zone: 1,
            device: "d".repeat(32),
            path: "/dev/sdb".into(),
            size: 1 << 30,
            footprint: 3 << 29,
            device_size: 10 << 30,
            used_before: 0,
            used_after: 3 << 29,
        };
        PlanAnswer {
            possible: true,
            refusal: None,
            existing: None,
            cluster: Some("c".repeat(32)),
            durability: "none".into(),
            size: 1 << 30,
            sets: vec![PlannedSet {
                set: 0,
                bricks: vec![brick],
            }],
            not_chosen: NotChosen {
                devices: vec![passed(false, "is fuller: 20% of it is taken")],
                more: 3,
            },
        }
    }

    #[test]
    fn a_volume_that_was_asked_for_before_is_named() {
        let mut answer = answer();
        (answer.sets, answer.not_chosen) = (Vec::new(), NotChosen::default());
        let mut told = |operation: Option<&str>| {
            answer.existing = Some(Existing {
                volume: "v1".into(),
                operation: operation.map(str::to_owned),
            });
            plan(&answer, Paint::PLAIN)
        };
        let cluster = "c".repeat(32);
        assert_eq!(
            told(None),
            format!("A volume of 1 GiB, none, is there on cluster {cluster}, as v1: nothing would be made\n")
        );
        assert_eq!(
            told(Some("o1")),
            format!(
                "A volume of 1 GiB, none, is being made by operation o1 on cluster {cluster}, as v1: nothing would be \
                 made\n"
            )
        );
    }

    #[test]
    fn a_plan_shows_devices_before_and_after() {
        assert_eq!(
            plan(&answer(), Paint::PLAIN),
            "\
A volume of 1 GiB, none, can be made on cluster cccccccccccccccccccccccccccccccc:
└─ set 0
   └─ n1:/dev/sdb  zone 1  1 GiB taking 1.5 GiB  [··········]   0% → [█·········]  15%
Not elsewhere, because:
├─ n2:/dev/sdc  came later  is fuller: 20% of it is taken
└─ and 3 more
"
        );
    }

    #[test]
    fn a_refusal_shows_the_rule_of_each_device() {
        let refusal = ErrorInfo {
            kind: ErrorKind::NoSpace,
            message: "No space".into(),
            details: vec!["n2:/dev/sdc: is offline".into()],
        };
        let (cluster, sets) = (None, vec![]);
        let mut answer = PlanAnswer {
            possible: false,
            refusal: Some(refusal),
            cluster,
            sets,
            ..answer()
        };
        answer.not_chosen = NotChosen {
            devices: vec![passed(true, "is offline")],
            more: 0,
        };
        let head = "A volume of 1 GiB, none, cannot be made: No space\n";
        assert_eq!(
            plan(&answer, Paint::PLAIN),
            format!("{head}Not elsewhere, because:\n└─ n2:/dev/sdc  refused  is offline\n")
        );
        answer.not_chosen = NotChosen::default();
        assert_eq!(
            plan(&answer, Paint::PLAIN),
            format!("{head}  - n2:/dev/sdc: is offline\n")
        );
    }
}
