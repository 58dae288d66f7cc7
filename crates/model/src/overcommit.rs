//! How much more than it has a thin pool may promise to the bricks in it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ByteSize;

/// What a shared pool may promise over what it has, from 1.00 to 10.00, in hundredths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u32", into = "u32")]
pub struct Overcommit(u32);

/// A ratio that no pool may have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no overcommit: it is a number from 1.0 to 10.0 with two digits at most behind the point")]
pub struct BadOvercommit(String);

impl Overcommit {
    /// Nothing is promised that is not there.
    pub const NONE: Self = Self(100);

    const MOST: u32 = 1000;

    /// So many hundredths.
    ///
    /// # Errors
    /// It is below 1.00 or above 10.00.
    pub fn from_hundredths(hundredths: u32) -> Result<Self, BadOvercommit> {
        if (Self::NONE.0..=Self::MOST).contains(&hundredths) {
            Ok(Self(hundredths))
        } else {
            Err(BadOvercommit(format!(
                "{}.{:02}",
                hundredths / 100,
                hundredths % 100
            )))
        }
    }

    /// The ratio in hundredths.
    pub const fn hundredths(self) -> u32 {
        self.0
    }

    /// What a pool of this size may promise, in whole extents.
    pub fn of(self, pool: ByteSize, extent: ByteSize) -> ByteSize {
        let promised = u128::from(pool.bytes()) * u128::from(self.0) / 100;
        let extent = u128::from(extent.bytes().max(1));
        let whole = promised / extent * extent;
        ByteSize::from_bytes(u64::try_from(whole).unwrap_or(u64::MAX))
    }
}

impl TryFrom<u32> for Overcommit {
    type Error = BadOvercommit;

    fn try_from(hundredths: u32) -> Result<Self, BadOvercommit> {
        Self::from_hundredths(hundredths)
    }
}

impl From<Overcommit> for u32 {
    fn from(overcommit: Overcommit) -> Self {
        overcommit.0
    }
}

impl FromStr for Overcommit {
    type Err = BadOvercommit;

    fn from_str(text: &str) -> Result<Self, BadOvercommit> {
        let bad = || BadOvercommit(text.chars().take(32).collect());
        let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str, most: usize| {
            (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 2) || !digits(part, 2) {
            return Err(bad());
        }
        let read = |text: &str| text.parse::<u32>().map_err(|_| bad());
        let tenths = if part.len() == 1 { 10 } else { 1 };
        Self::from_hundredths(read(whole)? * 100 + read(part)? * tenths).map_err(|_| bad())
    }
}

impl fmt::Display for Overcommit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 100, self.0 % 100);
        if part.is_multiple_of(10) {
            write!(f, "{whole}.{}", part / 10)
        } else {
            write!(f, "{whole}.{part:02}")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::Overcommit;
    use crate::ByteSize;

    #[test]
    fn ratios_are_read_and_shown_alike() {
        for (text, hundredths, shown) in [
            ("1", 100, "1.0"),
            ("1.5", 150, "1.5"),
            ("2.25", 225, "2.25"),
            ("10.00", 1000, "10.0"),
        ] {
            let read: Overcommit = text.parse().unwrap();
            assert_eq!(
                (read.hundredths(), read.to_string().as_str()),
                (hundredths, shown)
            );
            assert_eq!(shown.parse::<Overcommit>().unwrap(), read);
        }
        for bad in [
            "", "0.99", "10.01", "1.", ".5", "1.234", "-1", "1e1", "NaN", "111",
        ] {
            assert!(bad.parse::<Overcommit>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_promised_is_whole_extents() {
        let (pool, extent) = (ByteSize::from_mib(100), ByteSize::from_mib(4));
        let promised = |hundredths| Overcommit::from_hundredths(hundredths).unwrap().of(pool, extent);
        assert_eq!(promised(100), pool);
        assert_eq!(promised(150), ByteSize::from_mib(148));
        assert_eq!(promised(1000), ByteSize::from_mib(1000));
    }
}
