//! `/blockvolumes` on the wire.

use mortar_model::VolumeName;
use serde::Serialize;
use utoipa::ToSchema;

use crate::db;
use crate::json::{Fields, FromJson, Json, WrongType, is_zero};
use crate::problems::{FORMAT, LESS_THAN_ONE, VALUE, at_least_one};
use crate::{Problems, WireError};

/// Body of `POST /blockvolumes`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToSchema)]
pub struct BlockVolumeCreateRequest {
    /// GiB, at least 1.
    pub size: i64,
    /// Clusters that may hold it; all when empty.
    pub clusters: Vec<String>,
    /// Its name; made of its id when empty.
    pub name: String,
    /// Hosts that serve it; all when 0.
    pub hacount: i64,
    /// Whether initiators must say who they are.
    pub auth: bool,
}

impl FromJson for BlockVolumeCreateRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            size: fields.get("size")?,
            clusters: fields.get("clusters")?,
            name: fields.get("name")?,
            hacount: fields.get("hacount")?,
            auth: fields.get("auth")?,
        })
    }
}

impl BlockVolumeCreateRequest {
    /// Checks the fields.
    ///
    /// # Errors
    /// Names each that breaks a rule.
    pub fn validate(&self) -> Result<(), WireError> {
        let mut problems = Problems::default();
        problems.take("size", at_least_one(self.size));
        let harmless = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if !self.name.bytes().all(harmless) {
            problems.add("name", FORMAT);
        }
        if self.hacount < 0 {
            problems.add("hacount", LESS_THAN_ONE);
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems.into())
        }
    }
}

impl BlockVolumeCreateRequest {
    /// Its name, if it has one.
    ///
    /// # Errors
    /// It is none that a block volume can have.
    pub fn named(&self) -> Result<Option<VolumeName>, WireError> {
        if self.name.is_empty() {
            return Ok(None);
        }
        VolumeName::new(self.name.as_str()).map(Some).map_err(|_| {
            let mut problems = Problems::default();
            problems.add("name", FORMAT);
            problems.into()
        })
    }
}

/// Body of `POST /blockvolumes/{id}/expand`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToSchema)]
pub struct BlockVolumeExpandRequest {
    /// GiB that it has afterwards, at least 1.
    pub new_size: i64,
}

impl FromJson for BlockVolumeExpandRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            new_size: fields.get("new_size")?,
        })
    }
}

impl BlockVolumeExpandRequest {
    /// Checks the field.
    ///
    /// # Errors
    /// It breaks a rule.
    pub fn validate(&self) -> Result<u64, WireError> {
        let mut problems = Problems::default();
        let size = problems.take("new_size", at_least_one(self.new_size));
        size.ok_or_else(|| problems.into())
    }
}

/// Body of `POST /volumes/{id}/block-restriction`.
#[derive(Clone, Debug, Default, PartialEq, Eq, ToSchema)]
pub struct BlockRestrictionRequest {
    /// Empty, or `locked`.
    pub restriction: String,
}

impl FromJson for BlockRestrictionRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            restriction: fields.get("restriction")?,
        })
    }
}

impl BlockRestrictionRequest {
    /// Checks the field.
    ///
    /// # Errors
    /// It is another word.
    pub fn validate(&self) -> Result<(), WireError> {
        if ["", "locked"].contains(&self.restriction.as_str()) {
            return Ok(());
        }
        let mut problems = Problems::default();
        problems.add("restriction", VALUE);
        Err(problems.into())
    }
}

/// Answer of `GET /blockvolumes`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlockVolumeList {
    /// All block volumes, sorted.
    pub blockvolumes: Vec<String>,
}

/// Answer of `GET /blockvolumes/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct BlockVolumeInfo {
    /// GiB.
    pub size: i64,
    /// Its name.
    pub name: String,
    /// Hosts that serve it; left out when all do.
    #[serde(skip_serializing_if = "is_zero")]
    pub hacount: i64,
    /// Its id.
    pub id: String,
    /// How initiators reach it.
    pub blockvolume: db::Target,
    /// Its cluster.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cluster: String,
    /// The volume that holds it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub blockhostingvolume: String,
    /// GiB that can be used; less than the size where an expansion was done in part only.
    #[serde(skip_serializing_if = "is_zero")]
    pub usablesize: i64,
}
