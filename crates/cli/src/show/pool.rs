//! Clusters, nodes, devices and bricks as a tree.

use mortar_api::{NodeHealth, Topology, TopologyBrick, TopologyCluster, TopologyDevice, TopologyNode};

use super::tree::Tree;
use super::{Paint, short, size, tags};

/// Bricks drawn below one device; the rest are counted.
const BRICKS_DRAWN: usize = 12;

/// All clusters.
pub(crate) fn topology(topology: &Topology, paint: Paint) -> String {
    if topology.clusters.is_empty() {
        return "There are no clusters yet. Make one: 'mortar topology load FILE'\n".to_owned();
    }
    topology
        .clusters
        .iter()
        .map(|one| cluster(one, paint).text())
        .collect::<Vec<_>>()
        .join("\n")
}

fn cluster(cluster: &TopologyCluster, paint: Paint) -> Tree {
    let devices = || cluster.nodes.iter().flat_map(|node| &node.devices);
    let (used, total) = (devices().map(|d| d.used).sum(), devices().map(|d| d.size).sum());
    let takes = match (cluster.file, cluster.block) {
        (true, true) => "file and block volumes",
        (true, false) => "file volumes",
        (false, true) => "block volumes",
        (false, false) => "no volumes",
    };
    let head = format!(
        "{}  {}  {} of {}  takes {takes}",
        paint.strong(format!("cluster {}", cluster.id)),
        paint.bar(used, total),
        size(used),
        size(total)
    );
    let volumes = cluster.volumes.iter().map(|volume| {
        Tree::new(format!(
            "{}  {}  {}  {}  {}",
            paint.strong(&volume.name),
            size(volume.size),
            volume.durability,
            count(volume.bricks as usize, "brick"),
            paint.faint(&volume.id)
        ))
    });
    Tree::new(head)
        .child(Tree::new(count(cluster.volumes.len(), "volume")).children(volumes))
        .children(cluster.nodes.iter().map(|node| self::node_tree(node, paint)))
}

fn node_tree(node: &TopologyNode, paint: Paint) -> Tree {
    let mut head = format!(
        "{}  zone {}  {}",
        paint.strong(format!("node {}", node.manage)),
        node.zone,
        { paint.state(&node.state) }
    );
    // Nobody has to be told of each node that it answers.
    if node.health == NodeHealth::Away {
        head.push_str(&format!("  {}", paint.health(node.health)));
    }
    if node.storage != node.manage {
        head.push_str(&format!("  storage {}", node.storage));
    }
    if !node.tags.is_empty() {
        head.push_str(&format!("  {}", tags(&node.tags)));
    }
    head.push_str(&format!("  {}", paint.faint(&node.id)));
    Tree::new(head).children(node.devices.iter().map(|device| device_tree(device, paint)))
}

fn device_tree(device: &TopologyDevice, paint: Paint) -> Tree {
    let mut head = format!(
        "{}  {}  {} of {}  {}  {}",
        paint.strong(&device.path),
        paint.bar(device.used, device.size),
        size(device.used),
        size(device.size),
        device.kind,
        paint.state(&device.state)
    );
    if let Some(percent) = device.overcommit_percent {
        head.push_str(&format!(
            "  one pool, overcommit {}.{:02}",
            percent / 100,
            percent % 100
        ));
    }
    if !device.tags.is_empty() {
        head.push_str(&format!("  {}", tags(&device.tags)));
    }
    if !device.too_full.is_empty() {
        head.push_str(&format!("  {}", paint.bad(&device.too_full)));
    }
    head.push_str(&format!("  {}", paint.faint(&device.id)));
    let left_out = device.bricks.len().saturating_sub(BRICKS_DRAWN);
    Tree::new(head)
        .children(
            device
                .bricks
                .iter()
                .take(BRICKS_DRAWN)
                .map(|brick| brick_tree(brick, paint)),
        )
        .children(
            (left_out > 0).then(|| Tree::new(format!("and {left_out} more {}", noun(left_out, "brick")))),
        )
}

fn brick_tree(brick: &TopologyBrick, paint: Paint) -> Tree {
    Tree::new(format!(
        "brick {}  {}  of {}  set {} place {}",
        paint.faint(short(&brick.id)),
        size(brick.size),
        brick.volume_name,
        brick.set,
        brick.position
    ))
}

/// One node.
pub(crate) fn node(node: &TopologyNode, paint: Paint) -> String {
    node_tree(node, paint).text()
}

/// One device.
pub(crate) fn device(device: &TopologyDevice, paint: Paint) -> String {
    device_tree(device, paint).text()
}

/// A number with its noun.
fn count(number: usize, word: &str) -> String {
    format!("{number} {}", noun(number, word))
}

/// A noun for so many.
fn noun(number: usize, word: &str) -> String {
    format!("{word}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use mortar_api::{
        NodeHealth, Topology, TopologyBrick, TopologyCluster, TopologyDevice, TopologyNode, TopologyVolume,
    };

    use super::{Paint, topology};

    fn sample() -> Topology {
        let brick = |number: u32| TopologyBrick {
            id: format!("{number:032x}"),
            volume: "f".repeat(32),
            volume_name: "films".into(),
            set: number,
            position: 0,
            size: 1 << 30,
            footprint: 1 << 30,
        };
        let device = TopologyDevice {
            id: "d".repeat(32),
            path: "/dev/sdb".into(),
            kind: "lvm".into(),
            state: "online".into(),
            tags: [("disk".to_owned(), "ssd".to_owned())].into(),
            overcommit_percent: None,
            size: 20 << 30,
            too_full: String::new(),
            used: 14 << 30,
            bricks: (0..14).map(brick).collect(),
        };
        let node = TopologyNode {
            id: "a".repeat(32),
            zone: 1,
            manage: "n1".into(),
            storage: "10.0.0.1".into(),
            state: "offline".into(),
            health: NodeHealth::Answers,
            tags: Default::default(),
            devices: vec![device],
        };
        let volume = TopologyVolume {
            id: "f".repeat(32),
            name: "films".into(),
            size: 14 << 30,
            durability: "none".into(),
            bricks: 14,
        };
        let cluster = TopologyCluster {
            id: "c".repeat(32),
            file: true,
            block: false,
            nodes: vec![node],
            volumes: vec![volume],
        };
        Topology {
            clusters: vec![cluster],
        }
    }

    #[test]
    fn the_pyramid_is_a_tree() {
        let text = topology(&sample(), Paint::PLAIN);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "cluster cccccccccccccccccccccccccccccccc  [███████···]  70%  14 GiB of 20 GiB  takes file volumes"
        );
        assert_eq!(lines[1], "├─ 1 volume");
        assert_eq!(
            lines[2],
            "│  └─ films  14 GiB  none  14 bricks  ffffffffffffffffffffffffffffffff"
        );
        assert_eq!(
            lines[3],
            "└─ node n1  zone 1  offline  storage 10.0.0.1  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
        );
        assert_eq!(
            lines[4],
            "   └─ /dev/sdb  [███████···]  70%  14 GiB of 20 GiB  lvm  online  disk=ssd  \
             dddddddddddddddddddddddddddddddd"
        );
        assert_eq!(
            lines[5],
            "      ├─ brick 00000000  1 GiB  of films  set 0 place 0"
        );
        assert_eq!(lines[17], "      └─ and 2 more bricks");
        assert_eq!(lines.len(), 18);
    }

    #[test]
    fn a_node_that_is_away_is_marked() {
        let mut topology = sample();
        topology.clusters[0].nodes[0].health = NodeHealth::Away;
        let text = super::topology(&topology, Paint::PLAIN);
        assert!(
            text.contains("node n1  zone 1  offline  away  storage 10.0.0.1"),
            "{text}"
        );
    }

    #[test]
    fn nothing_is_said_in_words() {
        assert!(topology(&Topology::default(), Paint::PLAIN).contains("no clusters"));
    }
}
