//! Sizes in bytes, as a type of their own.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

/// A number of bytes. Heketi's wire speaks GiB for volumes and KiB for devices and bricks: conversions are
/// named, never implied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(u64);

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

impl ByteSize {
    /// No bytes.
    pub const ZERO: Self = Self(0);

    /// This many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// This many KiB; the largest size there is when that does not fit.
    pub const fn from_kib(kib: u64) -> Self {
        Self(kib.saturating_mul(KIB))
    }

    /// This many MiB; the largest size there is when that does not fit.
    pub const fn from_mib(mib: u64) -> Self {
        Self(mib.saturating_mul(MIB))
    }

    /// This many GiB; the largest size there is when that does not fit.
    pub const fn from_gib(gib: u64) -> Self {
        Self(gib.saturating_mul(GIB))
    }

    /// The size in bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Whole KiB, rounded down.
    pub const fn kib(self) -> u64 {
        self.0 / KIB
    }

    /// Whole GiB, rounded down.
    pub const fn gib(self) -> u64 {
        self.0 / GIB
    }

    /// Rounded up to a multiple of `unit`; unchanged when `unit` is zero.
    #[must_use]
    pub const fn round_up(self, unit: Self) -> Self {
        if unit.0 == 0 {
            return self;
        }
        match self.0.checked_next_multiple_of(unit.0) {
            Some(bytes) => Self(bytes),
            None => Self(u64::MAX - u64::MAX % unit.0),
        }
    }

    /// Divided into `parts` equal parts, rounded up. `parts` of zero counts as one.
    #[must_use]
    pub const fn divide_up(self, parts: u64) -> Self {
        Self(self.0.div_ceil(if parts == 0 { 1 } else { parts }))
    }

    /// Multiplied by `factor`; the largest size there is when that does not fit.
    #[must_use]
    pub const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    /// `self - other`, or zero.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for ByteSize {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for ByteSize {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for ByteSize {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::ZERO, Add::add)
    }
}

/// For people: the largest binary unit that leaves at least 1, with up to two decimals.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, name) = match self.0 {
            bytes if bytes >= 1 << 40 => (1_u64 << 40, "TiB"),
            bytes if bytes >= GIB => (GIB, "GiB"),
            bytes if bytes >= MIB => (MIB, "MiB"),
            bytes if bytes >= KIB => (KIB, "KiB"),
            bytes => return write!(f, "{bytes} B"),
        };
        let hundredths = u128::from(self.0) * 100 / u128::from(unit);
        let (whole, part) = (hundredths / 100, hundredths % 100);
        match part {
            0 => write!(f, "{whole} {name}"),
            part if part % 10 == 0 => write!(f, "{whole}.{} {name}", part / 10),
            part => write!(f, "{whole}.{part:02} {name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ByteSize;

    #[test]
    fn people_read_the_largest_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (1 << 30, "1 GiB"),
            (1 << 41, "2 TiB"),
        ] {
            assert_eq!(ByteSize::from_bytes(bytes).to_string(), text);
        }
        assert_eq!(ByteSize::from_mib(1100).to_string(), "1.07 GiB");
    }

    #[test]
    fn arithmetic_never_wraps() {
        let most = ByteSize::from_bytes(u64::MAX);
        assert_eq!(most + most, most);
        assert_eq!(ByteSize::from_gib(u64::MAX), most);
        assert_eq!(ByteSize::ZERO.minus(most), ByteSize::ZERO);
        assert_eq!(
            ByteSize::from_bytes(5).round_up(ByteSize::from_bytes(4)).bytes(),
            8
        );
        assert!(most.round_up(ByteSize::from_mib(4)) <= most);
        assert_eq!(ByteSize::from_bytes(5).divide_up(0).bytes(), 5);
    }
}
