//! How a volume is for those who use it: what of its bricks can be reached, and what waits to be healed.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use mortar_api::{Harm, Trouble, VolumeHealth};
use mortar_engine::plan::Landscape;
use mortar_engine::query::heal_info::BrickHeal;
use mortar_engine::{Check, Severity, VolumeSight};
use mortar_model::{Brick, BrickId, Durability, Inventory, Volume, VolumeId};

use super::sight::address;
use crate::wanted::Volumes;

/// What was just seen of a volume; `None` when it is not recorded any more.
///
/// # Errors
/// Nothing could be seen, and why.
pub(crate) fn seen(
    id: VolumeId,
    sight: &VolumeSight,
    landscape: &Landscape,
) -> Option<Result<VolumeHealth, String>> {
    let inventory = landscape.inventory();
    let volume = inventory.volume(id)?;
    let troubles = match &sight.info {
        Err(reason) => return Some(Err(reason.clone())),
        Ok(None) => vec![trouble(
            Harm::Inaccessible,
            "VolumeMissing",
            "GlusterFS does not know the volume",
        )],
        Ok(Some(info)) if !info.started() => {
            vec![trouble(
                Harm::Inaccessible,
                "VolumeStopped",
                "the volume is not started",
            )]
        }
        Ok(Some(_)) => match running(volume, sight, inventory) {
            Ok(troubles) => troubles,
            Err(reason) => return Some(Err(reason)),
        },
    };
    Some(Ok(VolumeHealth {
        id: id.to_string(),
        troubles,
    }))
}

fn running(volume: &Volume, sight: &VolumeSight, inventory: &Inventory) -> Result<Vec<Trouble>, String> {
    let status = sight.status.as_ref().map_err(Clone::clone)?;
    let up: BTreeSet<&str> = status
        .iter()
        .filter(|brick| brick.online)
        .map(|brick| brick.brick.as_str())
        .collect();
    let down = inventory.bricks_of(volume.id).filter(|brick| {
        let node = inventory.node_of_brick(brick);
        node.is_none_or(|node| !up.contains(address(brick, node).as_str()))
    });
    let mut troubles = of_bricks(volume, inventory, &down.map(|brick| brick.id).collect());
    match &sight.heal {
        Some(Ok(heals)) => troubles.extend(of_heals(heals)),
        Some(Err(reason)) => troubles.push(trouble(
            Harm::Degraded,
            "HealUnknown",
            format!("what waits to be healed could not be asked: {reason}"),
        )),
        None => {}
    }
    Ok(troubles)
}

fn trouble(harm: Harm, reason: &str, message: impl Into<String>) -> Trouble {
    Trouble {
        harm,
        reason: reason.to_owned(),
        message: message.into(),
    }
}

fn of_heals(heals: &[BrickHeal]) -> Vec<Trouble> {
    let split: u64 = heals.iter().filter_map(|heal| heal.split_brain).sum();
    let pending: u64 = heals.iter().filter_map(|heal| heal.entries).sum();
    let mut troubles = Vec::new();
    if split > 0 {
        let text =
            format!("{split} files or folders have copies that contradict each other: a person must choose");
        troubles.push(trouble(Harm::DataLoss, "SplitBrain", text));
    }
    if pending > 0 {
        let text = format!("{pending} entries wait to be healed");
        troubles.push(trouble(Harm::Degraded, "HealPending", text));
    }
    troubles
}

/// What it means that these bricks of a volume cannot be reached.
fn of_bricks(volume: &Volume, inventory: &Inventory, down: &BTreeSet<BrickId>) -> Vec<Trouble> {
    if down.is_empty() {
        return Vec::new();
    }
    let mut sets: BTreeMap<u32, (u32, Vec<&Brick>)> = BTreeMap::new();
    for brick in inventory.bricks_of(volume.id) {
        let (up, missing) = sets.entry(brick.set).or_default();
        if down.contains(&brick.id) {
            missing.push(brick);
        } else {
            *up += 1;
        }
    }
    let hurt = sets.iter().filter(|(_, (_, missing))| !missing.is_empty());
    hurt.map(|(set, (up, missing))| of_set(volume.durability, *set, *up, missing, inventory))
        .collect()
}

fn of_set(durability: Durability, set: u32, up: u32, missing: &[&Brick], inventory: &Inventory) -> Trouble {
    let named = |brick: &&Brick| inventory.node_of_brick(brick).map(|node| address(brick, node));
    let bricks: Vec<String> = missing.iter().filter_map(named).collect();
    let all = durability.bricks_per_set();
    let words = format!(
        "set {set} has {up} of {all} bricks; not reached: {}",
        bricks.join(", ")
    );
    if up == 0 {
        trouble(Harm::Inaccessible, "BricksDown", words)
    } else if up < needed(durability) {
        trouble(Harm::Inaccessible, "QuorumLost", words)
    } else {
        trouble(Harm::Degraded, "BrickDown", words)
    }
}

/// Bricks of a set that have to run for it to be written: GlusterFS's client quorum is on from three copies on.
const fn needed(durability: Durability) -> u32 {
    match durability {
        Durability::None => 1,
        Durability::Replicate(copies) if copies < 3 => 1,
        Durability::Replicate(copies) => copies / 2 + 1,
        Durability::Arbiter => 2,
        Durability::Disperse(pieces) => pieces.data,
    }
}

/// Those of the wanted volumes of which something bad is known without asking.
pub(crate) fn known(landscape: &Landscape, check: Option<&Check>, wanted: &Volumes) -> Vec<VolumeHealth> {
    let inventory = landscape.inventory();
    let down = bricks_known_down(landscape, check);
    let mut troubles: BTreeMap<VolumeId, Vec<Trouble>> = BTreeMap::new();
    for (volume, bricks) in &down {
        if let Some(volume) = inventory.volume(*volume) {
            let found = of_bricks(volume, inventory, bricks);
            troubles.entry(volume.id).or_default().extend(found);
        }
    }
    for finding in bad(check).filter(|finding| finding.subject.kind == "volume") {
        let id = finding.subject.id.parse::<VolumeId>().ok();
        if let Some(id) = id.filter(|id| inventory.volume(*id).is_some()) {
            let found = trouble(
                Harm::Inaccessible,
                &camel(finding.kind.name()),
                finding.kind.meaning(),
            );
            troubles.entry(id).or_default().push(found);
        }
    }
    let from = wanted.after.map_or(Bound::Unbounded, Bound::Excluded);
    let rest = troubles.range((from, Bound::Unbounded));
    let rest = rest.filter(|(id, _)| inventory.volume(**id).is_some_and(|volume| wanted.has(volume)));
    rest.map(|(id, troubles)| VolumeHealth {
        id: id.to_string(),
        troubles: troubles.clone(),
    })
    .collect()
}

fn bad(check: Option<&Check>) -> impl Iterator<Item = &mortar_engine::Finding> {
    let findings = check.map_or(&[][..], |check| &check.findings);
    findings
        .iter()
        .filter(|finding| finding.kind.severity() == Severity::Error)
}

fn bricks_known_down(landscape: &Landscape, check: Option<&Check>) -> BTreeMap<VolumeId, BTreeSet<BrickId>> {
    let inventory = landscape.inventory();
    let devices = landscape.unhealthy().flat_map(|node| inventory.devices_of(node));
    let silent = devices.flat_map(|device| inventory.bricks_on(device.id));
    let found = bad(check)
        .filter(|finding| finding.subject.kind == "brick")
        .filter_map(|finding| inventory.brick(finding.subject.id.parse().ok()?));
    let mut down: BTreeMap<VolumeId, BTreeSet<BrickId>> = BTreeMap::new();
    for brick in silent.chain(found) {
        down.entry(brick.volume).or_default().insert(brick.id);
    }
    down
}

/// `volume_stopped` as `VolumeStopped`.
fn camel(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    name.split('_').map(word).collect()
}

#[cfg(test)]
mod tests {
    use mortar_model::Durability;

    use super::{camel, needed};

    #[test]
    fn quorum_is_more_than_half_from_three_copies_on() {
        for (durability, bricks) in [
            (Durability::None, 1),
            (Durability::Replicate(2), 1),
            (Durability::Replicate(3), 2),
            (Durability::Replicate(4), 3),
            (Durability::Arbiter, 2),
            (Durability::disperse(4, 2), 4),
        ] {
            assert_eq!(needed(durability), bricks, "{durability}");
        }
        assert_eq!(camel("volume_stopped"), "VolumeStopped");
    }
}
