//! A moment as it stands in the name of a backup. No clock: a moment is brought.

use std::fmt;

const DAY_MS: u64 = 86_400_000;
/// `20260102T030405.678Z`
const LENGTH: usize = 20;

/// A moment in UTC; its texts sort as it does, up to the year 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Stamp(u64);

impl Stamp {
    pub(crate) const fn from_ms(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since 1970.
    pub(crate) const fn ms(self) -> u64 {
        self.0
    }

    /// Reads the one form in which a stamp is written.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let part = |from: usize, to: usize| -> Option<u64> {
            let digits = bytes.get(from..to)?;
            let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits)?;
            std::str::from_utf8(digits).ok()?.parse().ok()
        };
        if bytes.len() != LENGTH {
            return None;
        }
        let days = days_to(part(0, 4)?, part(4, 6)?, part(6, 8)?)?;
        let seconds = part(9, 11)? * 3600 + part(11, 13)? * 60 + part(13, 15)?;
        let stamp = Self(days * DAY_MS + seconds * 1000 + part(16, 19)?);
        // Whatever is out of bounds, or in another form, comes out as another text.
        (stamp.to_string() == text).then_some(stamp)
    }
}

/// Days from 1970 to a day of the Gregorian calendar. The year begins with March, so that the odd day is its last:
/// see "chrono-Compatible Low-Level Date Algorithms" by Howard Hinnant.
fn days_to(year: u64, month: u64, day: u64) -> Option<u64> {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year.checked_sub(1)?, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    days.checked_sub(1)?.checked_sub(DAYS_BEFORE_1970)
}

/// From the first of March of the year 0.
const DAYS_BEFORE_1970: u64 = 719_468;

fn date(days: u64) -> (u64, u64, u64) {
    let days = days + DAYS_BEFORE_1970;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 {
        (0, month + 3)
    } else {
        (1, month - 9)
    };
    (era * 400 + year_of_era + year, month, day)
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, rest) = (self.0 / DAY_MS, self.0 % DAY_MS);
        let (year, month, day) = date(days);
        let (seconds, ms) = (rest / 1000, rest % 1000);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "{year:04}{month:02}{day:02}T{hours:02}{minutes:02}{seconds:02}.{ms:03}Z"
        )
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Stamp;

    #[test]
    fn known_moments() {
        for (ms, text) in [
            (0, "19700101T000000.000Z"),
            (951_782_399_999, "20000228T235959.999Z"),
            (951_782_400_000, "20000229T000000.000Z"),
            (951_868_800_000, "20000301T000000.000Z"),
            (1_767_323_045_678, "20260102T030405.678Z"),
            (4_107_542_400_000, "21000301T000000.000Z"),
        ] {
            assert_eq!(Stamp::from_ms(ms).to_string(), text);
            assert_eq!(Stamp::parse(text), Some(Stamp::from_ms(ms)));
        }
        for text in [
            "",
            "20260229T000000.000Z",
            "20260101T240000.000Z",
            "20260101T000060.000Z",
            "20260101t000000.000Z",
            "20260101T000000.000z",
            "+0260101T000000.000Z",
            "19691231T000000.000Z",
            "00000101T000000.000Z",
            "2026010éT00000.000Z",
        ] {
            assert_eq!(Stamp::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_stamp_reads_back_and_sorts_as_it_is(a in 0..253_402_300_800_000_u64, b in 0..253_402_300_800_000_u64) {
            let (a, b) = (Stamp::from_ms(a), Stamp::from_ms(b));
            prop_assert_eq!(Stamp::parse(&a.to_string()), Some(a));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
