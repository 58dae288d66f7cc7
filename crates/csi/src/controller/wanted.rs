//! What a claim asks for, and what its volume remembers of that in options of its own.

use std::collections::BTreeMap;

use mortar_api::{CLAIM_OPTION, Volume};
use tonic::Status;

use super::mutable::Mutable;
use super::range::Range;
use super::source::{SOURCE_OPTION, Source};
use crate::capability::Access;
use crate::names::{self, FIELD};
use crate::parameters::{AtEnd, Class};
use crate::proto::CreateVolumeRequest;
use crate::room::{self, Use};
use crate::topology;
use crate::trouble::{invalid, required};

/// The claim's name, escaped.
const NAME_OPTION: &str = "user.csi.name";
/// A hash of what the class asked for.
pub(super) const DIGEST_OPTION: &str = "user.csi.request";
/// Where a volume is reached from, when not from everywhere.
pub(super) const TOPOLOGY_OPTION: &str = "user.csi.topology";
/// What becomes of the volume when its claim goes.
const AT_END_OPTION: &str = "user.csi.on-delete";

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
pub(super) struct Wanted<'a> {
    /// The claim's name.
    pub(super) claim: &'a str,
    /// The volume's name.
    pub(super) name: String,
    /// What its class asks for.
    pub(super) class: Class,
    /// What it is for.
    pub(super) kind: Use,
    /// How large it may be.
    pub(super) range: Range,
    /// Zones that it has to be reached from, the preferred ones first; any when empty.
    pub(super) zones: Vec<u32>,
    /// What it begins with; nothing when none.
    pub(super) source: Option<Source>,
    /// Options that can be changed later.
    mutable: Mutable,
    /// A hash of what is asked for.
    pub(super) digest: String,
}

impl<'a> Wanted<'a> {
    /// Reads a request.
    ///
    /// # Errors
    /// INVALID_ARGUMENT or OUT_OF_RANGE: a field is not of its form.
    pub(super) fn read(request: &'a CreateVolumeRequest) -> Result<Self, Status> {
        let claim = required(&request.name, "name")?;
        if claim.len() > FIELD {
            return Err(invalid(format!("name has more than {FIELD} bytes")));
        }
        if claim.chars().any(char::is_control) {
            return Err(invalid("name has control characters"));
        }
        let block = Access::read_all(&request.volume_capabilities)?;
        let source = Source::read(request.volume_content_source.as_ref())?;
        let class = Class::read(&request.parameters)?;
        let kind = if block { Use::Block } else { Use::Files };
        let mutable = Mutable::read(&request.mutable_parameters, kind)?;
        let range = Range::read(request.capacity_range.as_ref())?;
        let zones = if class.zonal {
            topology::zones(request.accessibility_requirements.as_ref())?
        } else {
            Vec::new()
        };
        Ok(Self {
            claim,
            name: names::volume(class.prefix.as_deref(), claim),
            digest: digest(&class, kind, &mutable, source.as_ref()),
            class,
            kind,
            range,
            zones,
            source,
            mutable,
        })
    }

    /// The volume's options.
    pub(super) fn options(&self) -> BTreeMap<String, String> {
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
        if self.class.at_end != AtEnd::Delete {
            own(AT_END_OPTION, self.class.at_end.name());
        }
        if let Some(source) = &self.source {
            own(SOURCE_OPTION, &source.to_string());
        }
        options.extend(self.mutable.set());
        if self.kind == Use::Block {
            for (key, value) in BLOCK_OPTIONS {
                // What the class says itself stands.
                options.entry(key.to_owned()).or_insert_with(|| value.to_owned());
            }
        }
        options
    }
}

/// A hash of what is asked for. What can be left out counts only where it is there: volumes keep the hash that they were made with.
fn digest(class: &Class, kind: Use, mutable: &Mutable, source: Option<&Source>) -> String {
    let mut parts = vec![kind.rule().unwrap_or_default().to_owned()];
    parts.extend(source.map(|source| format!("source {source}")));
    parts.extend(mutable.words());
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    class.digest_with(&parts)
}

/// What becomes of a volume when its claim goes, as the volume remembers it.
pub(super) fn at_end(volume: &Volume) -> AtEnd {
    let told = volume.options.get(AT_END_OPTION);
    told.and_then(|name| AtEnd::from_name(name))
        .unwrap_or(AtEnd::Delete)
}
