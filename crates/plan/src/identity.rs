//! What things say of themselves on the nodes, so that the records can be rebuilt from there: written here, and
//! read back here.
//!
//! | thing | says it in |
//! |---|---|
//! | volume | options `user.mortar.*` |
//! | brick | `mortar.json` beside its folder; tags of its thin pool |
//! | device | name and tag of its volume group, or `mortar-device.json` in its directory |
//! | snapshot | a file beside each of its copies |
//! | node, its devices' labels, its cluster | `node.json` in Mortar's folder on the node; a copy on two neighbours |
//!
//! A node that is gone for good takes its own file along. Without it nobody would know what its bricks' ids and paths
//! mean, and no volume with a brick there could be restored. So each node's file also keeps what is recorded of the two
//! nodes of its cluster whose ids come next, the last before the first. Two, not all: a change of one node
//! is written on three, however large the cluster is.
//!
//! The readers take any text: what a node shows may be old, cut short, or somebody else's.

use std::collections::BTreeMap;

use mortar_model::{
    Brick, BrickId, ByteSize, Cluster, ClusterId, Device, DeviceId, DeviceKind, Durability, Inventory, Node,
    NodeId, Origin, Snapshot, Snapshots, Volume, VolumeId, VolumeName, VolumeOption, ZoneChecking,
};
use serde::{Deserialize, Serialize};

/// What the names of identity options begin with.
pub const PREFIX: &str = "user.mortar.";

/// Neighbours of which a node keeps what is recorded.
const KEPT: usize = 2;

/// The form of identity files; raised when an older program would misread one.
const FORM: u32 = 1;

/// Longest reason, in characters: what does not read may be of any length, and is quoted.
const LONGEST: usize = 400;

/// A text on a node that does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unintelligible(String);

impl Unintelligible {
    /// One line of bounded length, whatever the node has written.
    fn new(why: &str) -> Self {
        let mut shown: String = why
            .chars()
            .take(LONGEST)
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        if shown.len() < why.len() {
            shown.push('…');
        }
        Self(shown)
    }
}

/// What a volume's options say of it.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeIdentity {
    /// Its id.
    pub id: VolumeId,
    /// The cluster it is on.
    pub cluster: ClusterId,
    /// Usable size, as asked for.
    pub size: ByteSize,
    /// How it survives the loss of bricks.
    pub durability: Durability,
    /// Group that owns its root.
    pub gid: u32,
    /// Room for snapshots.
    pub snapshots: Snapshots,
    /// Whether its sets were placed with strict zones.
    pub zone_checking: ZoneChecking,
    /// Whether it is meant to hold block volumes.
    pub block: bool,
    /// What it was cloned from.
    pub origin: Option<Origin>,
    /// Options that were asked for, as they are set now.
    pub options: Vec<VolumeOption>,
}

/// Options `user.mortar.*` of a volume. GlusterFS keeps options of the `user.` namespace and does nothing with them.
pub(crate) fn volume_options(volume: &Volume, size: ByteSize) -> Vec<VolumeOption> {
    let zones = match volume.zone_checking {
        ZoneChecking::None => "none",
        ZoneChecking::Strict => "strict",
    };
    let factor = if volume.snapshots.enable {
        volume.snapshots.factor
    } else {
        0.0
    };
    let mut facts = vec![
        ("id".to_owned(), volume.id.to_string()),
        ("cluster".to_owned(), volume.cluster.to_string()),
        ("size".to_owned(), size.bytes().to_string()),
        (
            "durability".to_owned(),
            volume.durability.to_string().replace(' ', ":"),
        ),
        ("gid".to_owned(), volume.gid.to_string()),
        ("snapshot-factor".to_owned(), factor.to_string()),
        ("zones".to_owned(), zones.to_owned()),
    ];
    if volume.block {
        facts.push(("block".to_owned(), "on".to_owned()));
    }
    if let Some(origin) = volume.origin {
        facts.push(("origin".to_owned(), origin.volume.to_string()));
        let snapshot = origin.snapshot.into_iter();
        facts.extend(snapshot.map(|id| ("origin-snapshot".to_owned(), id.to_string())));
    }
    // glusterd sets options of its own: which were asked for has to be said. The longest name is 128 bytes, the
    // longest value 1024.
    for (number, names) in volume.options.chunks(7).enumerate() {
        let names: Vec<&str> = names.iter().map(VolumeOption::key).collect();
        facts.push((format!("asked.{number}"), names.join(",")));
    }
    facts
        .into_iter()
        .map(|(key, value)| {
            VolumeOption::new(format!("{PREFIX}{key}"), value)
                .expect("identity values are made of ids, numbers, fixed words and names of options")
        })
        .collect()
}

/// Reads what the options of a volume say of it; `None` when they do not say that it is Mortar's.
///
/// # Errors
/// They say so, and a part is missing or cannot be read.
pub fn read_volume_options(options: &[(String, String)]) -> Result<Option<VolumeIdentity>, Unintelligible> {
    let all: BTreeMap<&str, &str> = options
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let own = |key: &str| all.get(format!("{PREFIX}{key}").as_str()).copied();
    let Some(id) = own("id") else {
        return Ok(None);
    };
    let factor: f64 = part("snapshot-factor", own("snapshot-factor"))?;
    let enable = factor >= 1.0;
    let asked = (0..)
        .map_while(|number| own(&format!("asked.{number}")))
        .flat_map(|names| names.split(','));
    let options = asked.filter_map(|key| Some((key, *all.get(key)?)));
    Ok(Some(VolumeIdentity {
        id: part("id", Some(id))?,
        cluster: part("cluster", own("cluster"))?,
        size: ByteSize::from_bytes(part("size", own("size"))?),
        durability: durability(own("durability"))?,
        gid: part("gid", own("gid"))?,
        snapshots: Snapshots {
            enable,
            factor: if enable { factor } else { 1.0 },
        },
        zone_checking: match own("zones") {
            Some("strict") => ZoneChecking::Strict,
            Some("none") => ZoneChecking::None,
            other => return Err(strange("zones", other)),
        },
        block: own("block") == Some("on"),
        origin: origin(own("origin"), own("origin-snapshot"))?,
        options: options
            .map(|(key, value)| VolumeOption::new(key, value))
            .collect::<Result<_, _>>()
            .map_err(|error| Unintelligible::new(&error.to_string()))?,
    }))
}

/// Why an option that begins with [`PREFIX`] cannot be set.
pub(crate) fn own_text(name: &str) -> String {
    format!(
        "{name} cannot be set: what begins with {PREFIX} tells whose the volume is, and Mortar sets it by itself"
    )
}

fn origin(volume: Option<&str>, snapshot: Option<&str>) -> Result<Option<Origin>, Unintelligible> {
    let Some(volume) = volume else {
        return Ok(None);
    };
    let snapshot = snapshot.map(|id| part("origin-snapshot", Some(id))).transpose()?;
    let volume = part("origin", Some(volume))?;
    Ok(Some(Origin { volume, snapshot }))
}

fn strange(key: &str, value: Option<&str>) -> Unintelligible {
    Unintelligible::new(&match value {
        None => format!("option {PREFIX}{key} is missing"),
        Some(value) => format!("option {PREFIX}{key} is {value:?}, which says nothing"),
    })
}

fn part<T: std::str::FromStr>(key: &str, value: Option<&str>) -> Result<T, Unintelligible> {
    value
        .and_then(|value| value.parse().ok())
        .ok_or_else(|| strange(key, value))
}

fn durability(value: Option<&str>) -> Result<Durability, Unintelligible> {
    let read = |value: &str| value.replacen(':', " ", 1).parse().ok();
    value.and_then(read).ok_or_else(|| strange("durability", value))
}

/// What the identity file beside a brick says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrickIdentity {
    /// Form of the file.
    mortar: u32,
    /// The brick.
    pub brick: BrickId,
    /// Which set of the volume it belongs to, from 0.
    pub set: u32,
    /// Its place in the set, from 0.
    pub position: u32,
    /// Bytes of its file system.
    pub size: u64,
    /// Bytes that it takes of its device.
    pub footprint: u64,
    /// The volume it is a part of.
    pub volume: VolumeId,
    /// That volume's name.
    pub volume_name: VolumeName,
    /// Its device.
    pub device: DeviceId,
    /// Its node.
    pub node: NodeId,
    /// Its cluster.
    pub cluster: ClusterId,
}

/// Text of a brick's identity file.
pub(crate) fn brick_file(brick: &Brick, volume: &Volume, node: &Node) -> String {
    file(&BrickIdentity {
        mortar: FORM,
        brick: brick.id,
        set: brick.set,
        position: brick.position,
        size: brick.size.bytes(),
        footprint: brick.footprint().bytes(),
        volume: volume.id,
        volume_name: volume.name.clone(),
        device: brick.device,
        node: node.id,
        cluster: volume.cluster,
    })
}

/// Reads a brick's identity file.
///
/// # Errors
/// It is none, or of a newer form.
pub fn read_brick_file(text: &str) -> Result<BrickIdentity, Unintelligible> {
    read_file(text, "a brick's identity file")
}

/// What the file beside a brick's copy says: all of the snapshot that it is a part of, so that any one of its copies tells of
/// all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct SnapshotIdentity {
    /// Form of the file.
    mortar: u32,
    /// The snapshot.
    snapshot: Snapshot,
}

/// Text of the file beside each copy of a snapshot. On one line: a look at a node asks for all of them, line by line with
/// their paths, and a snapshot of many bricks has many lines.
pub(crate) fn snapshot_file(snapshot: &Snapshot) -> String {
    let identity = SnapshotIdentity {
        mortar: FORM,
        snapshot: snapshot.clone(),
    };
    let text = serde_json::to_string(&identity);
    text.expect("records of ids, names and numbers have a JSON form") + "\n"
}

/// Reads the file beside a brick's copy.
///
/// # Errors
/// It is none, or of a newer form.
pub fn read_snapshot_file(text: &str) -> Result<Snapshot, Unintelligible> {
    read_file::<SnapshotIdentity>(text, "a snapshot's file").map(|identity| identity.snapshot)
}

/// What a node's file says: everything of it that no disk can tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeIdentity {
    /// Form of the file.
    mortar: u32,
    /// Its cluster.
    pub cluster: Cluster,
    /// The node.
    pub node: Node,
    /// Its devices, by id.
    pub devices: Vec<Device>,
    /// What it keeps of its neighbours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub neighbours: Vec<Neighbour>,
}

/// What a node keeps of another node of its cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// The node.
    pub node: Node,
    /// Its devices, by id.
    pub devices: Vec<Device>,
}

/// Text of a node's file; `None` when the node is not known, or has none because nothing there is Mortar's.
pub fn node_file(inventory: &Inventory, id: NodeId) -> Option<String> {
    let node = inventory.node(id)?;
    if is_adopted(inventory, node) {
        return None;
    }
    any_node_file(inventory, node)
}

/// Text of a node's file, whether it has one or not.
pub(crate) fn any_node_file(inventory: &Inventory, node: &Node) -> Option<String> {
    Some(file(&NodeIdentity {
        mortar: FORM,
        cluster: inventory.cluster(node.cluster)?.clone(),
        node: node.clone(),
        devices: own_devices(inventory, node.id),
        neighbours: neighbours(inventory, node),
    }))
}

/// Whether nothing on the node is Mortar's: it came with a pool that was adopted, and has no device of Mortar's own since.
pub fn is_adopted(inventory: &Inventory, node: &Node) -> bool {
    let adopted = |device: &Device| device.kind == DeviceKind::Adopted;
    let mut members = inventory.nodes_of(node.cluster);
    let mut own = inventory.devices_of(node.id);
    own.all(adopted) && members.any(|member| inventory.devices_of(member.id).any(adopted))
}

/// The devices that a file tells of. What was adopted is in none: it is others', and is adopted again where records are lost.
fn own_devices(inventory: &Inventory, node: NodeId) -> Vec<Device> {
    let devices = inventory.devices_of(node);
    devices
        .filter(|device| device.kind != DeviceKind::Adopted)
        .cloned()
        .collect()
}

/// The nodes whose ids come next, as recorded.
fn neighbours(inventory: &Inventory, node: &Node) -> Vec<Neighbour> {
    let next = inventory.nodes_after(node.cluster, node.id).take(KEPT);
    next.map(|other| Neighbour {
        node: other.clone(),
        devices: own_devices(inventory, other.id),
    })
    .collect()
}

/// Reads a node's file.
///
/// # Errors
/// It is none, or of a newer form.
pub fn read_node_file(text: &str) -> Result<NodeIdentity, Unintelligible> {
    read_file(text, "a node's file")
}

/// Reads the file that tells whose a directory is.
///
/// # Errors
/// It is none, or of a newer form.
pub fn read_device_file(text: &str) -> Result<DeviceId, Unintelligible> {
    #[derive(Deserialize)]
    struct DeviceIdentity {
        device: DeviceId,
    }
    read_file::<DeviceIdentity>(text, "a device's identity file").map(|identity| identity.device)
}

/// One line per fact: an administrator reads this with cat.
fn file<T: Serialize>(identity: &T) -> String {
    let mut text =
        serde_json::to_string_pretty(identity).expect("records of ids, names and numbers have a JSON form");
    text.push('\n');
    text
}

fn read_file<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T, Unintelligible> {
    #[derive(Deserialize)]
    struct Form {
        mortar: u32,
    }
    let unreadable = |error: serde_json::Error| Unintelligible::new(&format!("it is not {what}: {error}"));
    let Form { mortar } = serde_json::from_str(text).map_err(unreadable)?;
    if mortar > FORM {
        return Err(Unintelligible::new(&format!(
            "{what} has form {mortar}, this program reads {FORM}: a newer mortar wrote it"
        )));
    }
    serde_json::from_str(text).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use mortar_model::{HostName, State, Tags};
    use proptest::prelude::*;

    use super::*;

    fn volume(options: Vec<VolumeOption>, strict: bool, factor: Option<f64>) -> Volume {
        Volume {
            id: VolumeId::from_u128(7),
            cluster: ClusterId::from_u128(1),
            name: VolumeName::new("data").unwrap(),
            size: ByteSize::from_gib(3),
            durability: Durability::Replicate(3),
            gid: 2000,
            options,
            snapshots: Snapshots {
                enable: factor.is_some(),
                factor: factor.unwrap_or(1.0),
            },
            block: strict,
            zone_checking: if strict {
                ZoneChecking::Strict
            } else {
                ZoneChecking::None
            },
            origin: None,
            sets_guessed: false,
            by_user: false,
            block_restriction: mortar_model::BlockRestriction::None,
        }
    }

    fn set(volume: &Volume) -> Vec<(String, String)> {
        let own = volume_options(volume, volume.size);
        own.into_iter()
            .chain(volume.options.clone())
            .map(Into::into)
            .collect()
    }

    #[test]
    fn a_volume_is_known_again_by_its_options() {
        let asked = vec![
            VolumeOption::new("performance.readdir-ahead", "off").unwrap(),
            VolumeOption::new("user.mortar.device-tag-match", "a=b,c=d").unwrap(),
        ]
        .into_iter()
        .chain((0..20).map(|n| VolumeOption::new(format!("user.{}{n}", "x".repeat(120)), "on").unwrap()))
        .collect();
        for (options, strict, factor) in [(asked, true, Some(1.5)), (Vec::new(), false, None)] {
            let volume = volume(options, strict, factor);
            let mut shown = set(&volume);
            shown.push(("nfs.disable".into(), "on".into()));
            let read = read_volume_options(&shown).unwrap().unwrap();
            let expected = VolumeIdentity {
                id: volume.id,
                cluster: volume.cluster,
                size: volume.size,
                durability: volume.durability,
                gid: volume.gid,
                snapshots: volume.snapshots,
                zone_checking: volume.zone_checking,
                block: volume.block,
                origin: volume.origin,
                options: volume.options,
            };
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_volume_of_somebody_else_says_nothing_and_a_damaged_one_what_is_wrong() {
        assert_eq!(
            read_volume_options(&[("nfs.disable".into(), "on".into())]),
            Ok(None)
        );
        let mut shown = set(&volume(Vec::new(), false, None));
        shown.retain(|(key, _)| key != "user.mortar.size");
        let error = read_volume_options(&shown).unwrap_err().to_string();
        assert!(error.contains("user.mortar.size is missing"), "{error}");
    }

    #[test]
    fn a_node_is_known_again_by_its_file() {
        let mut inventory = Inventory::new();
        let cluster = Cluster {
            id: ClusterId::from_u128(1),
            file: true,
            block: false,
        };
        inventory.put_cluster(cluster.clone());
        let host = |name: &str| HostName::new(name).unwrap();
        let node = Node {
            id: NodeId::from_u128(2),
            cluster: cluster.id,
            zone: 4,
            manage: host("m"),
            storage: host("s"),
            tags: Tags::from([("a".to_owned(), "\"quoted\"\n".to_owned())]),
            state: State::Offline,
        };
        inventory.put_node(node.clone()).unwrap();
        let text = node_file(&inventory, node.id).unwrap();
        let read = read_node_file(&text).unwrap();
        assert_eq!(
            (read.cluster, read.node, read.devices),
            (cluster, node, Vec::new())
        );
        let newer = text.replace("\"mortar\": 1", "\"mortar\": 2");
        assert!(
            read_node_file(&newer)
                .unwrap_err()
                .to_string()
                .contains("newer mortar")
        );
        assert!(read_brick_file(&text).is_err());
        assert_eq!(node_file(&inventory, NodeId::from_u128(9)), None);
    }

    #[test]
    fn reasons_are_short_and_one_line() {
        for text in [
            format!("\"{}\"", "x".repeat(9000)),
            "\"\\u001b[31m\\n\"".to_owned(),
        ] {
            let why = read_node_file(&text).unwrap_err().to_string();
            assert!(why.chars().count() <= LONGEST + 1, "{why}");
            assert!(!why.chars().any(char::is_control), "{why:?}");
        }
    }

    #[test]
    fn every_node_is_known_by_two_others() {
        let mut inventory = Inventory::new();
        for (cluster, nodes) in [(1, 5_u128), (2, 2), (3, 1)] {
            let id = ClusterId::from_u128(cluster);
            inventory.put_cluster(Cluster {
                id,
                file: true,
                block: false,
            });
            for number in 1..=nodes {
                let host = HostName::new(format!("c{cluster}n{number}")).unwrap();
                let node = Node {
                    id: NodeId::from_u128(number * 10 + cluster),
                    cluster: id,
                    zone: 1,
                    manage: host.clone(),
                    storage: host,
                    tags: Tags::new(),
                    state: State::Online,
                };
                inventory.put_node(node).unwrap();
            }
        }
        let mut kept: BTreeMap<NodeId, usize> = BTreeMap::new();
        for node in inventory.nodes() {
            let file = read_node_file(&node_file(&inventory, node.id).unwrap()).unwrap();
            for neighbour in file.neighbours {
                assert_eq!(neighbour.node.cluster, node.cluster);
                assert_ne!(neighbour.node.id, node.id);
                *kept.entry(neighbour.node.id).or_default() += 1;
            }
        }
        let counts: Vec<usize> = kept.values().copied().collect();
        assert_eq!(counts, [2, 1, 2, 1, 2, 2, 2]);
    }

    #[test]
    fn a_directory_says_whose_it_is() {
        let id = DeviceId::from_u128(5);
        let text = format!("{{\n  \"mortar\": 1,\n  \"device\": \"{id}\"\n}}\n");
        assert_eq!(read_device_file(&text), Ok(id));
        assert!(read_device_file("").is_err());
        assert!(read_device_file(&text.replace("\": 1", "\": 2")).is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in ".{0,300}", key in "[a-z.]{0,20}") {
            let _ = read_node_file(&text);
            let _ = read_brick_file(&text);
            let _ = read_device_file(&text);
            let _ = read_snapshot_file(&text);
            let options = [("user.mortar.id".to_owned(), text.clone()), (key, text)];
            let _ = read_volume_options(&options);
        }
    }
}
