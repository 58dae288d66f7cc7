//! What steers placement beside space: zones, tags and the size of arbiters, as a request or a volume's own options say.

use mortar_model::{ByteSize, ClusterId, Durability, Volume, VolumeOption, ZoneChecking};

use crate::limits::Limits;
use crate::placement::Needs;
use crate::refusal::Refusal;
use crate::request::{CreateVolume, STEERING_OPTIONS, TagRule};
use crate::shape::{AVERAGE_FILE, Shape, average_file};

/// What steers placement beside space.
pub(crate) struct Steering {
    pub(crate) zones: ZoneChecking,
    tag_rules: Vec<TagRule>,
    average_file: ByteSize,
}

impl Steering {
    /// Reads the request and those volume options that steer placement.
    pub(crate) fn of(limits: &Limits, request: &CreateVolume) -> Result<Self, Refusal> {
        let mut steering = Self {
            zones: request.zone_checking.unwrap_or(limits.zone_checking),
            tag_rules: Vec::new(),
            average_file: AVERAGE_FILE,
        };
        for option in &request.options {
            steering.read(option)?;
        }
        Ok(steering)
    }

    /// What the request itself says of zones.
    pub(crate) fn asked_zones(request: &CreateVolume) -> Result<Option<ZoneChecking>, Refusal> {
        let mut zones = request.zone_checking;
        for option in &request.options {
            zones = zones_of(option)?.or(zones);
        }
        Ok(zones)
    }

    /// The steering that a volume was made with, for its later sets.
    pub(crate) fn of_volume(volume: &Volume) -> Result<Self, Refusal> {
        let mut steering = Self {
            zones: volume.zone_checking,
            tag_rules: Vec::new(),
            average_file: AVERAGE_FILE,
        };
        for option in &volume.options {
            steering.read(option)?;
        }
        Ok(steering)
    }

    fn read(&mut self, option: &VolumeOption) -> Result<(), Refusal> {
        if !STEERING_OPTIONS.contains(&option.key()) {
            return Ok(());
        }
        if let Some(zones) = zones_of(option)? {
            self.zones = zones;
            return Ok(());
        }
        if let Some(average) = average_file(option) {
            self.average_file = average.map_err(Refusal::BadOption)?;
            return Ok(());
        }
        for text in option.value().split(',') {
            let rule = TagRule::parse(text).ok_or_else(|| {
                Refusal::BadOption(format!(
                    "Invalid tag matching rule: Invalid tag match rule: {text}"
                ))
            })?;
            self.tag_rules.push(rule);
        }
        Ok(())
    }

    pub(crate) fn needs(&self, cluster: ClusterId, durability: Durability) -> Needs<'_> {
        Needs {
            cluster,
            shape: Shape::new(durability, self.average_file),
            zones: self.zones,
            tag_rules: &self.tag_rules,
        }
    }
}

/// What an option says of zones, when it is one that does.
pub(crate) fn zones_of(option: &VolumeOption) -> Result<Option<ZoneChecking>, Refusal> {
    if !STEERING_OPTIONS.contains(&option.key()) || !option.key().ends_with("zone-checking") {
        return Ok(None);
    }
    match option.value() {
        "none" => Ok(Some(ZoneChecking::None)),
        "strict" => Ok(Some(ZoneChecking::Strict)),
        other => Err(Refusal::BadOption(format!(
            "{} is none or strict, not {other}",
            option.key()
        ))),
    }
}
