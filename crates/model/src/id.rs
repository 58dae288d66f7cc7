//! Short inside names: 16 random bytes, written as 32 lower-case hex digits as Heketi does.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A text that is not 32 hex digits.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id has 32 hex digits")]
pub struct ParseIdError;

fn parse(text: &str) -> Result<u128, ParseIdError> {
    // from_str_radix would also take a sign.
    if text.len() != 32 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(ParseIdError);
    }
    u128::from_str_radix(text, 16).map_err(|_| ParseIdError)
}

/// The 32 digits of an id, without the detours of formatting: answers about a whole pool hold tens of thousands of ids.
struct Digits([u8; 32]);

impl Digits {
    fn of(value: u128) -> Self {
        let mut digits = [b'0'; 32];
        for (pair, byte) in digits.chunks_exact_mut(2).zip(value.to_be_bytes()) {
            pair.copy_from_slice(&[hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
        Self(digits)
    }

    fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("hex digits are ASCII")
    }
}

const fn hex_digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0' + value,
        _ => b'a' + value - 10,
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u128);

        impl $name {
            /// The id with this value; callers draw it from their random source.
            pub const fn from_u128(value: u128) -> Self {
                Self(value)
            }

            /// The id as a number.
            pub const fn as_u128(self) -> u128 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(Digits::of(self.0).as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:032x})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                parse(text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(Digits::of(self.0).as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// One trusted pool.
    ClusterId
);
id!(
    /// A member of a trusted pool.
    NodeId
);
id!(
    /// A disk, or a directory that stands for one, on a node.
    DeviceId
);
id!(
    /// A brick: one file system on one device that holds a part of a volume.
    BrickId
);
id!(
    /// A GlusterFS volume.
    VolumeId
);
id!(
    /// A snapshot: a volume as it was at one moment.
    SnapshotId
);
id!(
    /// A group of snapshots that show the same moment.
    GroupId
);
id!(
    /// A block volume: a file in a volume that is served as a disk.
    BlockVolumeId
);
id!(
    /// A change that was asked for. Also its queue id on the REST door.
    OperationId
);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{NodeId, ParseIdError};

    #[test]
    fn only_32_hex_digits_are_an_id() {
        assert_eq!(
            "0f".repeat(16).parse::<NodeId>().unwrap().to_string(),
            "0f".repeat(16)
        );
        assert_eq!(
            "0F".repeat(16).parse::<NodeId>().unwrap().to_string(),
            "0f".repeat(16)
        );
        for bad in [
            "",
            "0f",
            "+0000000000000000000000000000000",
            &"0g".repeat(16),
            &"0".repeat(33),
        ] {
            assert_eq!(bad.parse::<NodeId>(), Err(ParseIdError), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn text_form_round_trips(value: u128) {
            let id = NodeId::from_u128(value);
            prop_assert_eq!(id.to_string(), format!("{value:032x}"));
            prop_assert_eq!(id.to_string().parse::<NodeId>(), Ok(id));
            let json = serde_json::to_string(&id).unwrap();
            prop_assert_eq!(serde_json::from_str::<NodeId>(&json).unwrap(), id);
        }
    }
}
