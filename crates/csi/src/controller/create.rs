//! `CreateVolume`: the claim's name is a key. The first call begins the work, every later one finds it: under way, done, or
//! something else that has the name.

use mortar_api::{ErrorKind, Operation, Phase, Volume, VolumeRequest};
use tonic::Status;

use super::Controller;
use crate::capability::Access;
use crate::context;
use crate::deadline::Deadline;
use crate::mortar::Work;
use crate::names::{self, FIELD};
use crate::parameters::Class;
use crate::proto::{self, CapacityRange, CreateVolumeRequest, CreateVolumeResponse};
use crate::room::{self, Use};
use crate::topology;
use crate::trouble::{Trouble, invalid, required};

/// The claim's name, escaped.
const NAME_OPTION: &str = "user.csi.name";
/// `NAMESPACE/NAME` of the claim, escaped.
const CLAIM_OPTION: &str = "user.csi.claim";
/// A hash of what the class asked for.
const DIGEST_OPTION: &str = "user.csi.request";
/// Where a volume is reached from, when not from everywhere.
pub(super) const TOPOLOGY_OPTION: &str = "user.csi.topology";
/// What becomes of the volume when its claim goes.
pub(super) const RETAIN_OPTION: &str = "user.csi.on-delete";
/// The value that keeps it.
pub(super) const RETAIN: &str = "retain";

/// The size of a claim that asks for none.
const USUAL_SIZE: u64 = 1 << 30;

/// What images of block devices need: their pieces are healed and placed by themselves, and what is written past all caches
/// is on the bricks.
const BLOCK_OPTIONS: [(&str, &str); 7] = [
    ("features.shard", "on"),
    ("features.shard-block-size", "64MB"),
    ("network.remote-dio", "disable"),
    ("performance.io-cache", "off"),
    ("performance.quick-read", "off"),
    ("performance.read-ahead", "off"),
    ("performance.strict-o-direct", "on"),
];

/// A request that is of its form.
struct Wanted<'a> {
    claim: &'a str,
    name: String,
    class: Class,
    kind: Use,
    range: Range,
    zones: Vec<u32>,
    digest: String,
}

impl Controller {
    pub(super) async fn create(
        &self,
        request: &CreateVolumeRequest,
        deadline: Deadline,
    ) -> Result<CreateVolumeResponse, Status> {
        let wanted = Wanted::read(request)?;
        let _turn = self.busy.take(&wanted.name)?;
        let attempt = "create the volume";
        let told = |trouble: Trouble| trouble.status(attempt);
        let known = self.mortar.named(&wanted.name).await.map_err(told)?;
        if let Some(volume) = known.volumes.first() {
            return wanted.found(volume);
        }
        let asked = self.asked(&wanted).await?;
        let work = match self.mortar.create_volume(&asked).await {
            Ok(work) => work,
            Err(trouble) if trouble.is(ErrorKind::Conflict) => {
                return Err(self.conflict(&wanted, &trouble).await);
            }
            Err(trouble) => return Err(told(trouble)),
        };
        self.made(&wanted, &work, deadline).await.map_err(told)
    }

    /// The request as Mortar is asked.
    async fn asked(&self, wanted: &Wanted<'_>) -> Result<VolumeRequest, Status> {
        let limits = self.mortar.limits().await;
        let limits = limits.map_err(|trouble| trouble.status("ask for the bounds of volumes"))?;
        let data = room::data_bricks(&wanted.class.durability);
        let smallest = wanted
            .kind
            .claim_size(limits.brick_min.saturating_mul(data), data);
        let largest = limits
            .brick_max
            .saturating_mul(u64::from(limits.bricks_per_volume))
            .saturating_mul(data);
        let claim = wanted
            .range
            .choose(smallest, wanted.kind.claim_size(largest, data))?;
        Ok(VolumeRequest {
            name: wanted.name.clone(),
            size: wanted.kind.volume_size(claim, data),
            durability: wanted.class.durability.clone(),
            clusters: wanted.class.clusters.clone(),
            zones: wanted.zones.clone(),
            gid: wanted.class.group(wanted.claim),
            options: wanted.options(),
            snapshot_factor: wanted.class.snapshot_factor,
        })
    }

    async fn made(
        &self,
        wanted: &Wanted<'_>,
        work: &Work,
        deadline: Deadline,
    ) -> Result<CreateVolumeResponse, Trouble> {
        let place = self.mortar.finish(work, deadline).await?;
        let id = place.as_deref().and_then(|place| place.rsplit('/').next());
        let volume = self.mortar.volume(id.unwrap_or_default()).await?;
        // Somebody else may have removed it meanwhile: the next call begins anew.
        let volume = volume.ok_or_else(|| Trouble::UnderWay("the volume was removed again".into()))?;
        Ok(wanted.answer(&volume))
    }

    /// Something has the name, or is in the way.
    async fn conflict(&self, wanted: &Wanted<'_>, trouble: &Trouble) -> Status {
        let attempt = "create the volume";
        let known = match self.mortar.named(&wanted.name).await {
            Ok(known) => known,
            Err(trouble) => return trouble.status(attempt),
        };
        if let Some(volume) = known.volumes.first() {
            return wanted
                .found(volume)
                .err()
                .unwrap_or_else(|| trouble.status(attempt));
        }
        match known.operation {
            // No name is in the way: the clusters take no more, or not such ones.
            None => Status::resource_exhausted(format!("{attempt}: {}", trouble.text())),
            Some(id) => match self.mortar.operation(&id).await {
                Ok(operation) if makes_another(&operation) => {
                    Status::already_exists(format!("{attempt}: {}", trouble.text()))
                }
                _ => trouble.status(attempt),
            },
        }
    }
}

/// Whether an operation is on its way to make a volume, and not back or about to remove one.
fn makes_another(operation: &Operation) -> bool {
    operation.kind == "create-volume" && matches!(operation.phase, Phase::Waiting | Phase::Running)
}

impl<'a> Wanted<'a> {
    fn read(request: &'a CreateVolumeRequest) -> Result<Self, Status> {
        let claim = required(&request.name, "name")?;
        if claim.len() > FIELD {
            return Err(invalid(format!("name has more than {FIELD} bytes")));
        }
        if claim.chars().any(char::is_control) {
            return Err(invalid("name has control characters"));
        }
        let block = Access::read_all(&request.volume_capabilities)?;
        if request.volume_content_source.is_some() {
            return Err(invalid(
                "volume_content_source is not a capability of this driver",
            ));
        }
        if !request.mutable_parameters.is_empty() {
            return Err(invalid("mutable_parameters are not a capability of this driver"));
        }
        let class = Class::read(&request.parameters)?;
        let kind = if block { Use::Block } else { Use::Files };
        let range = Range::read(request.capacity_range.as_ref())?;
        let zones = if class.zonal {
            topology::zones(request.accessibility_requirements.as_ref())?
        } else {
            Vec::new()
        };
        Ok(Self {
            claim,
            name: names::volume(class.prefix.as_deref(), claim),
            digest: class.digest_with(&[kind.rule().unwrap_or_default()]),
            class,
            kind,
            range,
            zones,
        })
    }

    fn options(&self) -> std::collections::BTreeMap<String, String> {
        let mut options = self.class.options.clone();
        let mut own = |key: &str, value: &str| options.insert(key.to_owned(), value.to_owned());
        own(NAME_OPTION, &names::escape(self.claim));
        own(DIGEST_OPTION, &self.digest);
        if let Some(rule) = self.kind.rule() {
            own(room::RULE_OPTION, rule);
        }
        if let Some(claim) = &self.class.claim {
            own(CLAIM_OPTION, claim);
        }
        if self.class.zonal {
            own(TOPOLOGY_OPTION, "zone");
        }
        if self.class.retain {
            own(RETAIN_OPTION, RETAIN);
        }
        if self.kind == Use::Block {
            for (key, value) in BLOCK_OPTIONS {
                // What the class says itself stands.
                options.entry(key.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
        options
    }

    /// A volume has the name: it is this claim's, or something else.
    fn found(&self, volume: &Volume) -> Result<CreateVolumeResponse, Status> {
        let size = room::claim_size(volume);
        let same = volume.options.get(DIGEST_OPTION) == Some(&self.digest);
        if !same {
            return Err(Status::already_exists(
                "a volume of this name was made from other parameters, or for another use",
            ));
        }
        if !self.range.holds(size) {
            return Err(Status::already_exists(format!(
                "a volume of this name has {size} bytes, which is not what is asked for"
            )));
        }
        Ok(self.answer(volume))
    }

    fn answer(&self, volume: &Volume) -> CreateVolumeResponse {
        CreateVolumeResponse {
            volume: Some(told(volume)),
        }
    }
}

/// A volume as callers are told of it.
pub(super) fn told(volume: &Volume) -> proto::Volume {
    let size = room::claim_size(volume);
    let zonal = volume.options.contains_key(TOPOLOGY_OPTION);
    let zones = volume.zones.iter().copied().filter(|_| zonal);
    proto::Volume {
        capacity_bytes: i64::try_from(size).unwrap_or(i64::MAX),
        volume_id: volume.id.clone(),
        volume_context: context::of(volume, size),
        content_source: None,
        accessible_topology: zones.map(topology::of).collect(),
    }
}

/// How large a claim may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// At least; 0 where nothing is asked.
    pub(crate) least: u64,
    /// At most; none where there is no bound.
    pub(crate) most: Option<u64>,
}

impl Range {
    /// Reads what is asked.
    ///
    /// # Errors
    /// INVALID_ARGUMENT or OUT_OF_RANGE: it is no range.
    pub(crate) fn read(range: Option<&CapacityRange>) -> Result<Self, Status> {
        let Some(range) = range else {
            return Ok(Self { least: 0, most: None });
        };
        let number = |value: i64, name: &str| {
            u64::try_from(value).map_err(|_| invalid(format!("capacity_range.{name} is less than nothing")))
        };
        let least = number(range.required_bytes, "required_bytes")?;
        let most = Some(number(range.limit_bytes, "limit_bytes")?).filter(|most| *most > 0);
        if most.is_some_and(|most| most < least) {
            return Err(Status::out_of_range(format!(
                "at least {least} bytes are asked for, and at most {}",
                most.unwrap_or_default()
            )));
        }
        Ok(Self { least, most })
    }

    /// Whether a size is within it.
    pub(crate) fn holds(self, size: u64) -> bool {
        size >= self.least && self.most.is_none_or(|most| size <= most)
    }

    /// The size that is made: what is asked for, and no less than the smallest.
    fn choose(self, smallest: u64, largest: u64) -> Result<u64, Status> {
        let size = if self.least == 0 {
            USUAL_SIZE.min(self.most.unwrap_or(USUAL_SIZE))
        } else {
            self.least
        };
        let size = size.max(smallest);
        if self.holds(size) && size <= largest {
            return Ok(size);
        }
        let text = format!("volumes of this kind have {smallest} to {largest} bytes");
        Err(Status::out_of_range(text))
    }
}
