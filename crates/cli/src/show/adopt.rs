//! What of a pool is understood, and what was adopted.

use std::fmt::Write as _;

use mortar_api::{ADOPT_LIMITED, ADOPT_NOT, ADOPT_RECORDED, ADOPT_UNDERSTOOD, AdoptAnswer, AdoptVolume};

use super::{Paint, size, table};

const GROUPS: [(&str, &str); 4] = [
    (ADOPT_UNDERSTOOD, "Understood"),
    (ADOPT_LIMITED, "Understood with limits"),
    (ADOPT_NOT, "Not understood, and left alone"),
    (ADOPT_RECORDED, "Under management already"),
];

/// The whole report: volumes by how well they are understood, then what is to be told of nodes.
pub(crate) fn adopt(answer: &AdoptAnswer, paint: Paint) -> String {
    let mut text = head(answer, paint);
    for (understanding, title) in GROUPS {
        let volumes = answer.volumes.iter();
        let volumes: Vec<&AdoptVolume> = volumes
            .filter(|volume| volume.understanding == understanding)
            .collect();
        group(&mut text, title, &volumes, paint);
    }
    if !answer.remarks.is_empty() {
        text.push_str("\nNodes:\n");
    }
    for remark in &answer.remarks {
        let _ = writeln!(text, "  {}: {}", paint.strong(&remark.about), remark.what);
    }
    if answer.dry_run && adopted(answer) > 0 {
        text.push_str("\nNothing was recorded: say --do.\n");
    }
    text
}

fn adopted(answer: &AdoptAnswer) -> usize {
    let volumes = answer.volumes.iter();
    volumes
        .filter(|volume| [ADOPT_UNDERSTOOD, ADOPT_LIMITED].contains(&volume.understanding.as_str()))
        .count()
}

fn head(answer: &AdoptAnswer, paint: Paint) -> String {
    let answered = answer.asked.iter().filter(|host| host.silent.is_none()).count();
    let verb = if answer.dry_run { "Would adopt" } else { "Adopted" };
    let all = answer
        .volumes
        .iter()
        .filter(|volume| volume.understanding != ADOPT_RECORDED)
        .count();
    format!(
        "{} {} of {all} volumes and {} new nodes, as told by {answered} of {} hosts. Nothing on any node is changed by it.\n",
        paint.strong(verb),
        adopted(answer),
        answer.nodes.len(),
        answer.asked.len(),
    )
}

fn group(text: &mut String, title: &str, volumes: &[&AdoptVolume], paint: Paint) {
    if volumes.is_empty() {
        return;
    }
    let row = |volume: &&AdoptVolume| {
        vec![
            volume.name.clone(),
            volume.size.map(size).unwrap_or_default(),
            volume.durability.clone().unwrap_or_else(|| volume.kind.clone()),
            volume.bricks.to_string(),
        ]
    };
    let rows = volumes.iter().map(row).collect();
    let head = ["VOLUME", ">SIZE", "DURABILITY", ">BRICKS"];
    let _ = write!(text, "\n{title}:\n{}", table(&head, rows));
    for volume in volumes {
        for why in &volume.why {
            let _ = writeln!(text, "  {}: {why}", paint.strong(&volume.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use mortar_api::{AdoptAnswer, AdoptRemark, AdoptVolume, RebuildHost};

    use super::super::Paint;

    fn volume(name: &str, understanding: &str, why: &[&str]) -> AdoptVolume {
        let adopted = ["understood", "limited"].contains(&understanding);
        AdoptVolume {
            name: name.into(),
            understanding: understanding.into(),
            why: why.iter().map(|why| (*why).to_owned()).collect(),
            kind: "Replicate".into(),
            bricks: 3,
            id: None,
            durability: adopted.then(|| "replicate 3".into()),
            size: adopted.then_some(1 << 30),
        }
    }

    #[test]
    fn everything_that_is_told_is_shown() {
        let answer = AdoptAnswer {
            dry_run: true,
            operation: None,
            asked: vec![RebuildHost {
                host: "n1".into(),
                silent: None,
            }],
            volumes: vec![
                volume("films", "understood", &[]),
                volume("music", "limited", &["it is stopped"]),
                volume("old", "not-understood", &["it has snapshots"]),
                volume("mine", "recorded", &[]),
            ],
            nodes: vec!["n1".into()],
            remarks: vec![AdoptRemark {
                about: "node n1".into(),
                what: "its zone is not known".into(),
            }],
        };
        let expected = "\
Would adopt 2 of 3 volumes and 1 new nodes, as told by 1 of 1 hosts. Nothing on any node is changed by it.

Understood:
VOLUME   SIZE  DURABILITY   BRICKS
films   1 GiB  replicate 3       3

Understood with limits:
VOLUME   SIZE  DURABILITY   BRICKS
music   1 GiB  replicate 3       3
  music: it is stopped

Not understood, and left alone:
VOLUME  SIZE  DURABILITY  BRICKS
old           Replicate        3
  old: it has snapshots

Under management already:
VOLUME  SIZE  DURABILITY  BRICKS
mine          Replicate        3

Nodes:
  node n1: its zone is not known

Nothing was recorded: say --do.
";
        assert_eq!(super::adopt(&answer, Paint::new(false)), expected);
    }
}
