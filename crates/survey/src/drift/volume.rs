//! The volumes of a trusted pool, beside those that are recorded.

use std::collections::{BTreeMap, BTreeSet};

use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::work::BrickAddress;
use mortar_model::{Brick, BrickId, ClusterId, Durability, Volume, VolumeOption, layout};
use mortar_plan::{Subject as Thing, brick_addresses, identity, identity_options};

use super::{About, Found, Ground};
use crate::finding::{Finding, Proof, Remedy, Repair, Subject, heal_by_hand};
use crate::kind::Kind;

pub(super) fn compare(ground: &Ground<'_>, cluster: ClusterId, found: &mut Found<'_>) {
    let infos = match ground.scan.pools.get(&cluster) {
        None => return,
        Some(Err(reason)) => return silent(ground, cluster, reason, found),
        Some(Ok(infos)) => infos,
    };
    let by_name: BTreeMap<&str, &VolumeInfo> = infos.iter().map(|info| (info.name.as_str(), info)).collect();
    let mut known = BTreeSet::new();
    for volume in ground.inventory.volumes_of(cluster) {
        known.insert(volume.name.as_str());
        let bricks = brick_addresses(ground.inventory, volume);
        let adopted = ground.inventory.bricks_of(volume.id).any(Brick::is_adopted);
        let pair = Pair {
            volume,
            bricks,
            adopted,
        };
        match by_name.get(volume.name.as_str()) {
            None => pair.missing(format!("{} volumes, none of that name", infos.len()), found),
            Some(info) => pair.compare(ground, info, found),
        }
    }
    for info in infos.iter().filter(|info| !known.contains(info.name.as_str())) {
        stranger(ground, cluster, info, found);
    }
}

/// Nobody told of the volumes, though some member's glusterd answers: where none does, that says it all.
fn silent(ground: &Ground<'_>, cluster: ClusterId, reason: &str, found: &mut Found<'_>) {
    let answers = ground.inventory.nodes_of(cluster).any(|node| {
        let survey = ground.scan.nodes.get(&node.id);
        matches!(survey, Some(Ok(survey)) if survey.members.is_ok())
    });
    if !answers {
        return;
    }
    let finding = Finding {
        kind: Kind::PoolSilent,
        subject: Subject {
            kind: "pool",
            id: cluster.to_string(),
            name: String::new(),
        },
        node: None,
        proof: Proof {
            seen: reason.to_owned(),
            place: "gluster volume info".into(),
            ..Proof::default()
        },
        remedy: Remedy::ByHand(
            "see glusterd's log on the cluster's nodes; its volumes are not judged before".into(),
        ),
    };
    found.add(&[About::Thing(Thing::Cluster(cluster))], finding);
}

/// A recorded volume with its bricks as recorded.
struct Pair<'a> {
    volume: &'a Volume,
    bricks: Vec<BrickAddress>,
    /// Whether any of its bricks is a folder that others made.
    adopted: bool,
}

impl Pair<'_> {
    fn add(&self, found: &mut Found<'_>, kind: Kind, proof: Proof, remedy: Remedy) {
        let volume = self.volume;
        let about = [
            About::Thing(Thing::Volume(volume.id)),
            About::Name(volume.cluster, volume.name.as_str()),
        ];
        let finding = Finding {
            kind,
            subject: Subject {
                kind: "volume",
                id: volume.id.to_string(),
                name: volume.name.to_string(),
            },
            node: None,
            proof,
            remedy,
        };
        found.add(&about, finding);
    }

    fn proof(&self, recorded: impl Into<String>, seen: impl Into<String>) -> Proof {
        Proof {
            recorded: recorded.into(),
            seen: seen.into(),
            place: format!("gluster volume info {}", self.volume.name),
        }
    }

    fn missing(&self, seen: String, found: &mut Found<'_>) {
        let recorded = format!("{} with {} bricks", self.volume.durability, self.bricks.len());
        let advice = "it was deleted past Mortar: when its data is not needed, delete it here too ('mortar volume delete'); else \
                      nothing is touched, and its bricks still hold it"
            .to_owned();
        let proof = self.proof(recorded, seen);
        self.add(found, Kind::VolumeMissing, proof, Remedy::ByHand(advice));
    }

    fn compare(&self, ground: &Ground<'_>, info: &VolumeInfo, found: &mut Found<'_>) {
        let wanted: Vec<String> = self.bricks.iter().map(ToString::to_string).collect();
        let id = info.option(layout::VOLUME_ID_OPTION);
        let other = id.is_some_and(|id| id != self.volume.id.to_string());
        if (other || id.is_none()) && !wanted.iter().any(|brick| info.bricks.contains(brick)) {
            return self.missing(
                "a volume of that name has other bricks and another id".into(),
                found,
            );
        }
        if !info.started() {
            let proof = self.proof("started", info.status.to_lowercase());
            let start = Remedy::OnCommand(Repair::Start(self.volume.id));
            self.add(found, Kind::VolumeStopped, proof, start);
        }
        // The rest follows when the order is sure.
        if self.volume.sets_guessed && self.sets(info, &wanted, found) {
            return;
        }
        self.bricks(ground, info, &wanted, found);
        self.shape(info, found);
        self.identity(info, info.bricks == wanted, found);
        self.options(info, found);
    }

    /// Which bricks are one set, as the pool tells it; whether it can: the bricks must be just those that are recorded.
    fn sets(&self, info: &VolumeInfo, wanted: &[String], found: &mut Found<'_>) -> bool {
        let at = |told: &String| wanted.iter().position(|brick| brick == told);
        let order: Option<Vec<BrickId>> = info
            .bricks
            .iter()
            .map(|told| at(told).map(|place| self.bricks[place].brick))
            .collect();
        let Some(order) = order.filter(|order| order.len() == wanted.len()) else {
            return false;
        };
        let proof = self.proof("a guess", info.bricks.join(", "));
        let record = Repair::RecordSets {
            volume: self.volume.id,
            bricks: order,
        };
        self.add(found, Kind::VolumeSets, proof, Remedy::Automatic(record));
        true
    }

    fn bricks(&self, ground: &Ground<'_>, info: &VolumeInfo, wanted: &[String], found: &mut Found<'_>) {
        let lacking = self
            .bricks
            .iter()
            .filter(|brick| !info.bricks.contains(&brick.to_string()));
        for brick in lacking {
            self.lacks(ground, brick, found);
        }
        let extra: Vec<&str> = info
            .bricks
            .iter()
            .filter(|brick| !wanted.contains(brick))
            .map(String::as_str)
            .collect();
        let advice = format!(
            "somebody changed the volume past Mortar; {}",
            heal_by_hand(&self.volume.name)
        );
        if !extra.is_empty() {
            let proof = self.proof(
                format!("{} bricks", wanted.len()),
                format!("also {}", extra.join(", ")),
            );
            self.add(found, Kind::VolumeBricks, proof, Remedy::ByHand(advice));
        } else if info.bricks.len() == wanted.len() && info.bricks != wanted {
            let proof = self.proof(wanted.join(", "), info.bricks.join(", "));
            self.add(found, Kind::VolumeBricks, proof, Remedy::ByHand(advice));
        }
    }

    fn lacks(&self, ground: &Ground<'_>, brick: &BrickAddress, found: &mut Found<'_>) {
        let node = ground.inventory.node_by_host(&brick.host).map(|node| node.id);
        let about = [
            About::Brick(brick.brick),
            About::Thing(Thing::Volume(self.volume.id)),
        ];
        let advice = format!(
            "it was taken out past Mortar, and its files may be old: nothing is put back by itself; {}",
            heal_by_hand(&self.volume.name)
        );
        let finding = Finding {
            kind: Kind::BrickNotInVolume,
            subject: Subject {
                kind: "brick",
                id: brick.brick.to_string(),
                name: format!("{} of volume {}", brick.host, self.volume.name),
            },
            node,
            proof: self.proof(brick.to_string(), "not among its bricks"),
            remedy: Remedy::ByHand(advice),
        };
        found.add(&about, finding);
    }

    fn shape(&self, info: &VolumeInfo, found: &mut Found<'_>) {
        let durability = self.volume.durability;
        let sets = self.bricks.len() / (durability.bricks_per_set().max(1) as usize);
        let kind = match (durability, sets) {
            (Durability::None | Durability::Replicate(0 | 1), _) => "Distribute",
            (Durability::Replicate(_) | Durability::Arbiter, 0 | 1) => "Replicate",
            (Durability::Replicate(_) | Durability::Arbiter, _) => "Distributed-Replicate",
            (Durability::Disperse(_), 0 | 1) => "Disperse",
            (Durability::Disperse(_), _) => "Distributed-Disperse",
        };
        // Where bricks are missing or too many the kind follows from that.
        let same_bricks = info.bricks.len() == self.bricks.len();
        let single = |durability| matches!(durability, Durability::None | Durability::Replicate(0 | 1));
        let same = info.durability() == durability || (single(info.durability()) && single(durability));
        if !same || (same_bricks && info.kind != kind) {
            let proof = self.proof(
                format!("{kind}, {durability}"),
                format!("{}, {}", info.kind, info.durability()),
            );
            let advice =
                "somebody changed it past Mortar: bring it back, or keep it as it is and do not expand it"
                    .to_owned();
            self.add(found, Kind::VolumeShape, proof, Remedy::ByHand(advice));
        }
    }

    /// What is missing is written by itself, when the bricks are just those that are recorded. What says something
    /// else may be newer than the records: that needs a word.
    ///
    /// One that was adopted says nothing until it is changed: taking it under management changes nothing of it.
    fn identity(&self, info: &VolumeInfo, same_bricks: bool, found: &mut Found<'_>) {
        if self.adopted && info.option(layout::VOLUME_ID_OPTION).is_none() {
            return;
        }
        let wanted = identity_options(self.volume);
        let missing: Vec<VolumeOption> = wanted
            .iter()
            .filter(|option| info.option(option.key()).is_none())
            .cloned()
            .collect();
        let wrong: Vec<VolumeOption> = differing(&wanted, info)
            .filter(|option| info.option(option.key()).is_some())
            .cloned()
            .collect();
        let set = |options: Vec<VolumeOption>| Repair::SetOptions {
            volume: self.volume.id,
            options,
        };
        if !missing.is_empty() {
            let proof = self.proof(told(&missing), format!("{} of them are not set", missing.len()));
            let remedy = if same_bricks {
                Remedy::Automatic(set(missing))
            } else {
                Remedy::OnCommand(set(missing))
            };
            self.add(found, Kind::VolumeIdentityMissing, proof, remedy);
        }
        if !wrong.is_empty() {
            let proof = self.proof(told(&wrong), seen(&wrong, info));
            let remedy = if same_bricks {
                Remedy::OnCommand(set(wrong))
            } else {
                Remedy::ByHand("settle first whose bricks these are".into())
            };
            self.add(found, Kind::VolumeIdentityWrong, proof, remedy);
        }
    }

    fn options(&self, info: &VolumeInfo, found: &mut Found<'_>) {
        // A group is a file of options on the nodes: GlusterFS sets those, and remembers no group.
        let others: Vec<VolumeOption> = differing(&self.volume.options, info)
            .filter(|option| option.key() != "group")
            .cloned()
            .collect();
        if others.is_empty() {
            return;
        }
        let proof = self.proof(told(&others), seen(&others, info));
        let set = Repair::SetOptions {
            volume: self.volume.id,
            options: others,
        };
        self.add(found, Kind::VolumeOption, proof, Remedy::OnCommand(set));
    }
}

/// The options that the volume does not have with these values. The last of several with one key counts.
fn differing<'a>(wanted: &'a [VolumeOption], info: &'a VolumeInfo) -> impl Iterator<Item = &'a VolumeOption> {
    let last: BTreeMap<&str, &VolumeOption> = wanted.iter().map(|option| (option.key(), option)).collect();
    last.into_values()
        .filter(|option| info.option(option.key()) != Some(option.value()))
}

fn told(options: &[VolumeOption]) -> String {
    let pairs: Vec<String> = options
        .iter()
        .map(|option| format!("{}={}", option.key(), option.value()))
        .collect();
    pairs.join(", ")
}

fn seen(options: &[VolumeOption], info: &VolumeInfo) -> String {
    let pairs: Vec<String> = options
        .iter()
        .map(|option| match info.option(option.key()) {
            Some(value) => format!("{}={value}", option.key()),
            None => format!("{} is not set", option.key()),
        })
        .collect();
    pairs.join(", ")
}

fn stranger(ground: &Ground<'_>, cluster: ClusterId, info: &VolumeInfo, found: &mut Found<'_>) {
    let id = info.option(layout::VOLUME_ID_OPTION);
    let said = id.and_then(|id| id.parse().ok());
    let recorded = said.and_then(|id| ground.inventory.volume(id));
    let mut about = vec![About::Name(cluster, info.name.as_str())];
    about.extend(said.map(|id| About::Thing(Thing::Volume(id))));
    let finding = Finding {
        kind: if id.is_some() {
            Kind::VolumeUnknown
        } else {
            Kind::VolumeForeign
        },
        subject: Subject {
            kind: "volume",
            id: format!("{cluster}:{}", info.name),
            name: info.name.clone(),
        },
        node: None,
        proof: Proof {
            recorded: recorded.map_or(String::new(), |volume| {
                format!("volume {} has the id that it tells", volume.name)
            }),
            seen: match identity::read_volume_options(&info.options) {
                Ok(Some(said)) => format!("volume {} of {}, {}", said.id, said.size, said.durability),
                Ok(None) => format!("{} with {} bricks", info.kind, info.bricks.len()),
                Err(unintelligible) => unintelligible.to_string(),
            },
            place: format!("gluster volume info {}", info.name),
        },
        remedy: Remedy::ByHand(if id.is_some() {
            "it is Mortar's by what it says, so its data is somebody's: rebuild the records to take it in again".into()
        } else {
            "it is left alone, and its name cannot be used here; 'mortar adopt' takes it under management as it is".into()
        }),
    };
    found.add(&about, finding);
}
