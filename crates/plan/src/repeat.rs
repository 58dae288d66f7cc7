//! The same request again: which volume a name stands for already, and whether that is what is asked for.
//!
//! A client whose answer was lost asks again, by name. It must get the volume that its first request made or is
//! making, never a second one. So a name is looked for on every cluster that the request may use before any of them
//! is chosen: where one volume of that name is as asked, it is the answer; where none is, the request is refused,
//! even when another cluster has the name free. Only clusters that the request leaves out are not looked at.

use std::collections::BTreeMap;
use std::fmt;

use mortar_model::{
    ClusterId, OperationId, Snapshots, Volume, VolumeId, VolumeName, VolumeOption, ZoneChecking,
};

use crate::landscape::Landscape;
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::request::CreateVolume;

/// What becomes of a request for a volume.
#[derive(Clone, Debug, PartialEq)]
pub enum Creation {
    /// It is new, and this makes it.
    New(Plan),
    /// It is there, or just being made.
    Known(Known),
}

impl Creation {
    /// The plan of a new one.
    pub fn plan(self) -> Option<Plan> {
        match self {
            Self::New(plan) => Some(plan),
            Self::Known(_) => None,
        }
    }
}

/// A volume that is as a request asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The volume.
    pub volume: VolumeId,
    /// Its cluster.
    pub cluster: ClusterId,
    /// The operation that is just making it; none when it is made.
    pub operation: Option<OperationId>,
}

/// A parameter in which a volume is not as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The parameter.
    pub what: String,
    /// What the request asks.
    pub asked: String,
    /// What the volume has.
    pub has: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, asked, has } = self;
        write!(f, "another {what} (asked {asked}, has {has})")
    }
}

/// Finds the volume that the request's name stands for on these clusters, if that is what it asks for.
///
/// # Errors
/// The name is another volume's, or that of one that is being removed.
pub(crate) fn known(
    landscape: &Landscape,
    request: &CreateVolume,
    asked_zones: Option<ZoneChecking>,
    clusters: &[ClusterId],
) -> Result<Option<Known>, Refusal> {
    let Some(name) = &request.name else {
        return Ok(None);
    };
    let mut refused = None;
    for cluster in clusters {
        match on_cluster(landscape, request, asked_zones, *cluster, name) {
            Ok(None) => {}
            Ok(known) => return Ok(known),
            Err(refusal) => refused = refused.or(Some(refusal)),
        }
    }
    refused.map_or(Ok(None), Err)
}

fn on_cluster(
    landscape: &Landscape,
    request: &CreateVolume,
    asked_zones: Option<ZoneChecking>,
    cluster: ClusterId,
    name: &VolumeName,
) -> Result<Option<Known>, Refusal> {
    let made = landscape.inventory().volume_by_name(cluster, name);
    let coming = landscape.volume_to_come(cluster, name);
    let (volume, operation) = match (made, coming) {
        (Some(volume), _) => (volume, None),
        (None, Some((operation, volume))) => (volume, Some(operation)),
        (None, None) => {
            let leaving = landscape.name_leaving(cluster, name);
            return leaving.map_or(Ok(None), |operation| {
                Err(Refusal::NameLeaving(name.clone(), operation))
            });
        }
    };
    if let Some(operation) = landscape.remover(volume.id) {
        return Err(Refusal::NameLeaving(name.clone(), operation));
    }
    let differences = differences(request, asked_zones, volume);
    if !differences.is_empty() {
        return Err(Refusal::NameTaken {
            name: name.clone(),
            cluster,
            differences,
        });
    }
    Ok(Some(Known {
        volume: volume.id,
        cluster,
        operation,
    }))
}

/// In what the volume is not as asked. Zones count only when the request itself says something of them: what it left to
/// the server's setting is as the setting was then.
fn differences(
    request: &CreateVolume,
    asked_zones: Option<ZoneChecking>,
    volume: &Volume,
) -> Vec<Difference> {
    let mut found = Differences(Vec::new());
    // Only expansion changes a volume after it was made, and it only adds.
    let has = if volume.size > request.size {
        format!("{}: it may have been expanded", volume.size)
    } else {
        volume.size.to_string()
    };
    found.compare("size", request.size == volume.size, request.size, has);
    let (asked, has) = (request.durability, volume.durability);
    found.compare("durability", asked == has, asked, has);
    found.compare("group", request.gid == volume.gid, request.gid, volume.gid);
    options(&mut found, &request.options, &volume.options);
    let (asked, has) = (snapshots(request.snapshots), snapshots(volume.snapshots));
    found.compare("room for snapshots", asked == has, &asked, &has);
    let kind = |block| if block { "block" } else { "file" };
    let (asked, has) = (kind(request.block), kind(volume.block));
    found.compare("type", asked == has, asked, has);
    if let Some(asked) = asked_zones {
        let words = |zones| match zones {
            ZoneChecking::None => "none",
            ZoneChecking::Strict => "strict",
        };
        let has = volume.zone_checking;
        found.compare("zone checking", asked == has, words(asked), words(has));
    }
    let origin = volume
        .origin
        .map_or("nothing".to_owned(), |origin| origin.volume.to_string());
    found.compare(
        "origin",
        volume.origin.is_none(),
        "nothing",
        format!("volume {origin}"),
    );
    found.0
}

struct Differences(Vec<Difference>);

impl Differences {
    fn compare(&mut self, what: &str, same: bool, asked: impl fmt::Display, has: impl fmt::Display) {
        if !same {
            self.0.push(Difference {
                what: what.to_owned(),
                asked: asked.to_string(),
                has: has.to_string(),
            });
        }
    }
}

/// In which options a volume is not as asked.
pub(crate) fn option_differences(asked: &[VolumeOption], has: &[VolumeOption]) -> Vec<Difference> {
    let mut found = Differences(Vec::new());
    options(&mut found, asked, has);
    found.0
}

/// Options are set one after the other, so of a key that is named twice the last value counts, and order does not.
fn options(found: &mut Differences, asked: &[VolumeOption], has: &[VolumeOption]) {
    let effective = |options: &[VolumeOption]| -> BTreeMap<String, String> {
        let pair = |option: &VolumeOption| (option.key().to_owned(), option.value().to_owned());
        options.iter().map(pair).collect()
    };
    let (asked, has) = (effective(asked), effective(has));
    let mut keys: Vec<&String> = asked.keys().chain(has.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        let (asked, has) = (asked.get(key), has.get(key));
        let word = |value: Option<&String>| value.map_or("nothing", String::as_str).to_owned();
        found.compare(&format!("option {key}"), asked == has, word(asked), word(has));
    }
}

fn snapshots(snapshots: Snapshots) -> String {
    if snapshots.enable {
        format!("a factor of {}", snapshots.factor)
    } else {
        "none".to_owned()
    }
}
