//! What a rebuild restored, and what it has to tell beside that.

use std::fmt::Write as _;

use mortar_api::{BlockVolume, RebuildAnswer, RebuildFound, TopologyCluster};

use super::{Paint, fields, short, size, table, tags};

/// The whole report: first what is there again.
pub(crate) fn rebuild(answer: &RebuildAnswer, paint: Paint) -> String {
    let mut text = head(answer, paint);
    if answer.recorded > 0 {
        let things = match answer.recorded {
            1 => "One of all that was found was recorded already, and is left as it is.".to_owned(),
            many => format!("{many} of all that was found were recorded already, and are left as they are."),
        };
        let _ = writeln!(text, "{things}");
    }
    let silent = answer
        .asked
        .iter()
        .filter_map(|host| Some((&host.host, host.silent.as_ref()?)));
    for (host, why) in silent {
        let _ = writeln!(text, "{host} did not answer: {why}");
    }
    let clusters = &answer.restored.clusters;
    section(
        &mut text,
        "Nodes",
        clusters.iter().flat_map(nodes).collect(),
        &[
            "CLUSTER", "NODE", "ZONE", "STATE", ">DEVICES", ">SIZE", ">USED", "LABELS",
        ],
    );
    section(
        &mut text,
        "Volumes",
        clusters.iter().flat_map(volumes).collect(),
        &["CLUSTER", "VOLUME", ">SIZE", "DURABILITY", ">BRICKS"],
    );
    section(
        &mut text,
        "Block volumes",
        answer.block_volumes.iter().map(block_volume).collect(),
        &["CLUSTER", "BLOCK VOLUME", ">SIZE", "HOSTS", "HELD BY"],
    );
    let gaps = answer.gaps.iter().map(|gap| {
        (
            &gap.about,
            [
                ("not known", gap.unknown.clone()),
                ("recorded", gap.instead.clone()),
            ],
        )
    });
    notes(&mut text, "What the nodes do not tell", gaps, paint);
    let found = answer
        .found
        .iter()
        .map(|found| (&found.about, [("is", found.kind.clone()), ("seen", seen(found))]));
    notes(&mut text, "There, and not in the records", found, paint);
    let contradictions = answer.contradictions.iter().map(|note| {
        (
            &note.about,
            [("seen", note.found.clone()), ("decided", note.decided.clone())],
        )
    });
    notes(&mut text, "What does not fit together", contradictions, paint);
    text
}

fn head(answer: &RebuildAnswer, paint: Paint) -> String {
    let clusters = &answer.restored.clusters;
    let answered = answer.asked.iter().filter(|host| host.silent.is_none()).count();
    let nodes: usize = clusters.iter().map(|cluster| cluster.nodes.len()).sum();
    let devices: usize = clusters
        .iter()
        .flat_map(|cluster| &cluster.nodes)
        .map(|node| node.devices.len())
        .sum();
    let volumes: usize = clusters.iter().map(|cluster| cluster.volumes.len()).sum();
    let verb = if answer.dry_run {
        "Would restore"
    } else {
        "Restored"
    };
    format!(
        "{} {}, {}, {} and {}, as told by {answered} of {}.\n",
        paint.strong(verb),
        count(clusters.len(), "cluster"),
        count(nodes, "node"),
        count(devices, "device"),
        count(volumes, "volume"),
        count(answer.asked.len(), "host"),
    )
}

fn count(number: usize, what: &str) -> String {
    let end = if number == 1 { "" } else { "s" };
    format!("{number} {what}{end}")
}

fn nodes(cluster: &TopologyCluster) -> Vec<Vec<String>> {
    let row = |node: &mortar_api::TopologyNode| {
        vec![
            short(&cluster.id).to_owned(),
            node.manage.clone(),
            node.zone.to_string(),
            node.state.clone(),
            node.devices.len().to_string(),
            size(node.devices.iter().map(|device| device.size).sum()),
            size(node.devices.iter().map(|device| device.used).sum()),
            tags(&node.tags),
        ]
    };
    cluster.nodes.iter().map(row).collect()
}

fn volumes(cluster: &TopologyCluster) -> Vec<Vec<String>> {
    let row = |volume: &mortar_api::TopologyVolume| {
        vec![
            short(&cluster.id).to_owned(),
            volume.name.clone(),
            size(volume.size),
            volume.durability.clone(),
            volume.bricks.to_string(),
        ]
    };
    cluster.volumes.iter().map(row).collect()
}

fn block_volume(block: &BlockVolume) -> Vec<String> {
    vec![
        short(&block.cluster).to_owned(),
        block.name.clone(),
        size(block.size),
        block.hosts.join(", "),
        block.hosting_name.clone(),
    ]
}

fn section(text: &mut String, title: &str, mut rows: Vec<Vec<String>>, head: &[&str]) {
    if rows.is_empty() {
        return;
    }
    rows.sort();
    let _ = write!(text, "\n{title}:\n{}", table(head, rows));
}

fn seen(found: &RebuildFound) -> String {
    let host = found
        .host
        .as_ref()
        .map(|host| format!("on {host}: "))
        .unwrap_or_default();
    let space = match found.space {
        0 => String::new(),
        space => format!("; it keeps {}", size(space)),
    };
    format!("{host}{}{space}", found.what)
}

fn notes<'a, const N: usize>(
    text: &mut String,
    title: &str,
    notes: impl Iterator<Item = (&'a String, [(&'static str, String); N])>,
    paint: Paint,
) {
    let mut notes = notes.peekable();
    if notes.peek().is_none() {
        return;
    }
    let _ = writeln!(text, "\n{title}:");
    for (about, lines) in notes {
        let _ = writeln!(text, "  {}", paint.strong(about));
        for line in fields(lines.into_iter().collect()).lines() {
            let _ = writeln!(text, "    {line}");
        }
    }
}

#[cfg(test)]
mod tests {
    use mortar_api::{
        RebuildAnswer, RebuildContradiction, RebuildFound, RebuildGap, RebuildHost, Topology,
        TopologyCluster, TopologyVolume,
    };

    use super::super::Paint;

    #[test]
    fn everything_that_is_told_is_shown() {
        let answer = RebuildAnswer {
            dry_run: false,
            operation: None,
            asked: vec![
                RebuildHost {
                    host: "n1".into(),
                    silent: None,
                },
                RebuildHost {
                    host: "n2".into(),
                    silent: Some("no route to host".into()),
                },
            ],
            recorded: 2,
            restored: Topology {
                clusters: vec![TopologyCluster {
                    id: "0123456789abcdef".into(),
                    file: true,
                    block: true,
                    nodes: Vec::new(),
                    volumes: vec![TopologyVolume {
                        id: "v".into(),
                        name: "films".into(),
                        size: 1 << 30,
                        durability: "replicate 3".into(),
                        bricks: 3,
                    }],
                }],
            },
            block_volumes: Vec::new(),
            gaps: vec![RebuildGap {
                about: "node n2".into(),
                unknown: "its zone".into(),
                instead: "zone 1".into(),
            }],
            found: vec![RebuildFound {
                kind: "unfinished".into(),
                about: "brick b".into(),
                host: Some("n1".into()),
                what: "a create was under way".into(),
                space: 2 << 30,
            }],
            contradictions: vec![RebuildContradiction {
                about: "device d".into(),
                found: "two nodes have it".into(),
                decided: "it is that of n1".into(),
            }],
        };
        let expected = "\
Restored 1 cluster, 0 nodes, 0 devices and 1 volume, as told by 1 of 2 hosts.
2 of all that was found were recorded already, and are left as they are.
n2 did not answer: no route to host

Volumes:
CLUSTER   VOLUME   SIZE  DURABILITY   BRICKS
01234567  films   1 GiB  replicate 3       3

What the nodes do not tell:
  node n2
    not known:  its zone
    recorded:   zone 1

There, and not in the records:
  brick b
    is:    unfinished
    seen:  on n1: a create was under way; it keeps 2 GiB

What does not fit together:
  device d
    seen:     two nodes have it
    decided:  it is that of n1
";
        assert_eq!(super::rebuild(&answer, Paint::new(false)), expected);
    }
}
