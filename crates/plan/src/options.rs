//! Options of a volume, set or given back after it was made.
//!
//! GlusterFS 10 takes back any option but those of its `user.` namespace ("Option user.x does not exist"). So those can only
//! get another value; what Mortar itself keeps there and needs no more says that it names nothing.

use std::collections::{BTreeMap, BTreeSet};

use mortar_model::work::{ChangedOptionsSpec, Goal, Thing};
use mortar_model::{Brick, OptionName, Volume, VolumeId, VolumeOption, ZoneChecking};

use crate::create::{addresses, own_option, pool_step};
use crate::identity;
use crate::landscape::Landscape;
use crate::limits::Limits;
use crate::plan::{Change, Plan, Stage};
use crate::refusal::Refusal;
use crate::request::{OptionsChange, STEERING_OPTIONS};
use crate::steering::{Steering, zones_of};

/// Options that follow from what a volume was made as, and why they stay.
const KEPT: [(&str, &str); 3] = [
    (
        "user.heketi.arbiter",
        "whether a volume has arbiters shows in its bricks",
    ),
    ("storage.owner-gid", "the group is kept on each brick's folder"),
    ("storage.owner-uid", "the owner is kept on each brick's folder"),
];

/// What an option of Mortar's own says that is not needed any more and cannot be taken away.
const NOTHING: &str = "none";

/// Options as GlusterFS has them set, by name.
pub type SetNow = BTreeMap<String, String>;

/// Plans how options of a volume are changed. `now` is what the pool says is set, asked while the volume was recorded as
/// `asked_of`; without it only the request is checked.
///
/// # Errors
/// The volume is unknown, being changed, or not as it was when the pool was asked; an option is not to be changed, or cannot
/// be read.
pub fn set_options(
    landscape: &Landscape,
    limits: &Limits,
    id: VolumeId,
    change: &OptionsChange,
    now: Option<(&Volume, &SetNow)>,
) -> Result<Plan, Refusal> {
    let inventory = landscape.inventory();
    let volume = landscape.unchanged_volume(id)?;
    if now.is_some_and(|(asked_of, _)| asked_of != volume) {
        return Err(Refusal::Stale("volume", id.to_string()));
    }
    check(change)?;
    let after = changed(volume, change, limits)?;
    let nothing = SetNow::new();
    let (set, reset) = (to_set(volume, &after, change), to_reset(change));
    let bricks: Vec<Brick> = inventory.bricks_of(id).cloned().collect();
    let spec = ChangedOptionsSpec {
        volume: id,
        name: volume.name.clone(),
        bricks: addresses(inventory, &bricks),
        back: back(&set, &reset, now.map_or(&nothing, |(_, now)| now))?,
        set,
        reset,
    };
    let thing = Thing::ChangedOptions(spec);
    Ok(Plan {
        stages: vec![Stage {
            title: "set its options".into(),
            steps: vec![pool_step(
                inventory,
                volume.cluster,
                &bricks,
                thing,
                Goal::Present,
            )],
        }],
        forward_from: None,
        changes: vec![Change::PutVolume(after)],
    })
}

/// Whether each option may be changed, and is named once.
fn check(change: &OptionsChange) -> Result<(), Refusal> {
    let refuse = |text: String| Err(Refusal::BadOption(text));
    let names = || {
        let set = change.set.iter().map(VolumeOption::key);
        set.chain(change.reset.iter().map(OptionName::as_str))
    };
    let mut seen = BTreeSet::new();
    for name in names() {
        if !seen.insert(name) {
            return refuse(format!("{name} is named twice: say once what it is to be"));
        }
        if own_option(name) {
            return refuse(identity::own_text(name));
        }
        if let Some((_, why)) = KEPT.iter().find(|(kept, _)| *kept == name) {
            return refuse(format!("{name} cannot be changed: {why}"));
        }
        if !name.contains('.') {
            return refuse(format!(
                "{name} is not the full name of an option: write it as 'gluster volume set help' does, such as \
                 performance.{name}"
            ));
        }
    }
    if seen.is_empty() {
        return refuse("no option is named: say which, and its value".into());
    }
    let mut reset = change.reset.iter().map(OptionName::as_str);
    if let Some(name) = reset.find(|name| of_user(name) && !STEERING_OPTIONS.contains(name)) {
        return refuse(format!(
            "{name} cannot be reset: GlusterFS takes no option back that begins with user.; give it another value"
        ));
    }
    Ok(())
}

fn of_user(name: &str) -> bool {
    name.starts_with("user.")
}

/// The volume as it is recorded then.
fn changed(volume: &Volume, change: &OptionsChange, limits: &Limits) -> Result<Volume, Refusal> {
    let mut after = volume.clone();
    let named = |option: &VolumeOption| {
        let set = change.set.iter().any(|other| other.key() == option.key());
        set || change.reset.iter().any(|name| name.as_str() == option.key())
    };
    after.options.retain(|option| !named(option));
    after.options.extend(change.set.iter().cloned());
    let is_zones = |name: &str| STEERING_OPTIONS.contains(&name) && name.ends_with("zone-checking");
    if change.reset.iter().any(|name| is_zones(name.as_str())) {
        after.zone_checking = limits.zone_checking;
    }
    let mut zones: Option<ZoneChecking> = None;
    for option in &after.options {
        zones = zones_of(option)?.or(zones);
    }
    after.zone_checking = zones.unwrap_or(after.zone_checking);
    // Whether rules and sizes can be read.
    Steering::of_volume(&after)?;
    Ok(after)
}

/// What is asked for, and of the volume's identity what says something else then.
fn to_set(before: &Volume, after: &Volume, change: &OptionsChange) -> Vec<VolumeOption> {
    let said = identity::volume_options(before, before.size);
    let says = identity::volume_options(after, after.size);
    let surplus = said
        .iter()
        .filter(|option| says.iter().all(|other| other.key() != option.key()))
        .filter_map(|option| VolumeOption::new(option.key(), NOTHING).ok());
    let news = says.iter().filter(|option| !said.contains(option)).cloned();
    change.set.iter().cloned().chain(news).chain(surplus).collect()
}

/// A rule of Mortar's own is only forgotten: GlusterFS does nothing with it.
fn to_reset(change: &OptionsChange) -> Vec<OptionName> {
    let names = change.reset.iter();
    names.filter(|name| !of_user(name.as_str())).cloned().collect()
}

/// What these are now, as far as they are set.
fn back(set: &[VolumeOption], reset: &[OptionName], now: &SetNow) -> Result<Vec<VolumeOption>, Refusal> {
    let names = set.iter().map(VolumeOption::key);
    let names = names.chain(reset.iter().map(OptionName::as_str));
    let mut back = Vec::new();
    for name in names {
        match now.get(name) {
            Some(value) => back.push(VolumeOption::new(name, value).map_err(|_| {
                Refusal::BadOption(format!(
                    "{name} was set past Mortar to a value that it could not set back: change it with 'gluster volume set'"
                ))
            })?),
            None if name.starts_with(identity::PREFIX) && own_option(name) => {
                back.extend(VolumeOption::new(name, NOTHING));
            }
            None => {}
        }
    }
    Ok(back)
}
