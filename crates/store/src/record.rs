//! Records and their versioned JSON form.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// The version that [`encode`] writes. Raised when a value's shape changes so that an older program would
/// misread it; fields that may be absent do not need that.
const VALUE_VERSION: u32 = 1;

/// What a record is of. Each kind is kept apart: the same key may stand under several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A trusted pool.
    Cluster,
    /// A member of a pool.
    Node,
    /// A disk, or a directory that stands for one.
    Device,
    /// A brick.
    Brick,
    /// A volume.
    Volume,
    /// A snapshot of a volume.
    Snapshot,
    /// A block volume.
    BlockVolume,
    /// Which nodes may use a volume.
    Attachment,
    /// A change that was asked for, with how far it got.
    Operation,
    /// A change that has ended, in few words, for those who come to ask.
    Ended,
    /// What the engine notes about itself (counters, seeds, last runs).
    Meta,
}

impl Kind {
    /// All kinds, in the order of an export.
    pub const ALL: [Self; 11] = [
        Self::Cluster,
        Self::Node,
        Self::Device,
        Self::Brick,
        Self::Volume,
        Self::Snapshot,
        Self::BlockVolume,
        Self::Attachment,
        Self::Operation,
        Self::Ended,
        Self::Meta,
    ];

    /// The kind's name in the store file and in exports; never changes.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Node => "node",
            Self::Device => "device",
            Self::Brick => "brick",
            Self::Volume => "volume",
            Self::Snapshot => "snapshot",
            Self::BlockVolume => "block-volume",
            Self::Attachment => "attachment",
            Self::Operation => "operation",
            Self::Ended => "ended",
            Self::Meta => "meta",
        }
    }

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One remembered thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What it is of.
    pub kind: Kind,
    /// Its id as text.
    pub key: String,
    /// JSON as [`encode`] makes it.
    pub value: Vec<u8>,
}

/// One change of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// The record is there from now on, in place of one with the same kind and key.
    Put(Record),
    /// There is no such record from now on; not an error when there was none.
    Delete {
        /// What the record is of.
        kind: Kind,
        /// Its id as text.
        key: String,
    },
}

impl Write {
    /// Puts `value`, encoded, under `kind` and `key`.
    pub fn put<T: Serialize>(
        kind: Kind,
        key: &(impl ToString + ?Sized),
        value: &T,
    ) -> Result<Self, StoreError> {
        let key = key.to_string();
        let value = encode(kind, &key, value)?;
        Ok(Self::Put(Record { kind, key, value }))
    }

    /// Deletes what is under `kind` and `key`.
    pub fn delete(kind: Kind, key: &(impl ToString + ?Sized)) -> Self {
        Self::Delete {
            kind,
            key: key.to_string(),
        }
    }

    /// What the write is of.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Put(record) => record.kind,
            Self::Delete { kind, .. } => *kind,
        }
    }

    /// The key of the record that it changes.
    pub fn key(&self) -> &str {
        match self {
            Self::Put(record) => &record.key,
            Self::Delete { key, .. } => key,
        }
    }

    /// What stands under kind and key once the write is made.
    pub fn value(&self) -> Option<&[u8]> {
        match self {
            Self::Put(record) => Some(&record.value),
            Self::Delete { .. } => None,
        }
    }

    /// About how much the write adds to a transaction, in bytes.
    pub(crate) fn size(&self) -> usize {
        self.key().len() + self.value().map_or(0, <[u8]>::len)
    }
}

/// When a write counts as made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it survives the end of the process and a power cut.
    Synced,
    /// When readers of this process see it. It reaches the disk with the next synced write, and is lost if the
    /// process or the machine ends before that.
    Lazy,
}

#[derive(Serialize)]
struct Envelope<'a, T> {
    v: u32,
    is: &'a T,
}

#[derive(Deserialize)]
struct Version {
    v: u32,
}

#[derive(Deserialize)]
struct Opened<T> {
    is: T,
}

/// The value of a record: `{"v":1,"is":…}`.
pub fn encode<T: Serialize>(kind: Kind, key: &str, value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(&Envelope {
        v: VALUE_VERSION,
        is: value,
    })
    .map_err(|source| StoreError::Record {
        kind: kind.to_string(),
        key: key.to_owned(),
        reason: format!("it has no JSON form: {source}"),
    })
}

/// Reads what [`encode`] wrote. `kind` and `key` are for the error only.
pub fn decode<T: DeserializeOwned>(kind: Kind, key: &str, value: &[u8]) -> Result<T, StoreError> {
    let unreadable = |source: serde_json::Error| StoreError::Record {
        kind: kind.to_string(),
        key: key.to_owned(),
        reason: source.to_string(),
    };
    let Version { v } = serde_json::from_slice(value).map_err(unreadable)?;
    if v != VALUE_VERSION {
        return Err(StoreError::Record {
            kind: kind.to_string(),
            key: key.to_owned(),
            reason: format!(
                "it has version {v} and this program reads version {VALUE_VERSION}; use the program that wrote it"
            ),
        });
    }
    let Opened { is } = serde_json::from_slice(value).map_err(unreadable)?;
    Ok(is)
}

#[cfg(test)]
mod tests {
    use super::{Kind, decode, encode};

    #[test]
    fn a_value_comes_back_and_another_version_is_refused_by_number() {
        let bytes = encode(Kind::Volume, "a", &vec![1_u64, 2]).unwrap();
        assert_eq!(bytes, br#"{"v":1,"is":[1,2]}"#);
        assert_eq!(decode::<Vec<u64>>(Kind::Volume, "a", &bytes).unwrap(), [1, 2]);
        let error = decode::<Vec<u64>>(Kind::Volume, "a", br#"{"v":2,"is":{"new":1}}"#)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("volume a") && error.contains("version 2") && error.contains("version 1"),
            "{error}"
        );
        assert!(decode::<Vec<u64>>(Kind::Volume, "a", b"{").is_err());
    }

    #[test]
    fn names_of_kinds_are_unique_and_read_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.name()), Some(kind));
        }
        assert_eq!(Kind::from_name("Volume"), None);
    }
}
