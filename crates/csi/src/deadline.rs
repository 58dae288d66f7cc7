//! How long a call may wait for what goes on: a little less than its caller waits, so that it is told that the work goes on
//! rather than nothing.

use std::time::{Duration, Instant};

use tonic::metadata::MetadataMap;

/// Where a caller sets no limit.
const UNLIMITED: Duration = Duration::from_secs(600);
/// What is left for the answer's way back.
const MARGIN: Duration = Duration::from_millis(500);

/// The end of a call's patience.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// The deadline that a call's metadata tell.
    pub(crate) fn of(metadata: &MetadataMap) -> Self {
        let told = metadata
            .get("grpc-timeout")
            .and_then(|value| value.to_str().ok())
            .and_then(parse);
        let patience = told.map_or(UNLIMITED, |told| {
            told.saturating_sub(MARGIN.min(told / 4)).min(UNLIMITED)
        });
        Self(Instant::now() + patience)
    }

    /// How long one may still wait.
    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// `grpc-timeout`: up to eight digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let at = text.len().checked_sub(1)?;
    if !text.is_char_boundary(at) {
        return None;
    }
    let (digits, unit) = text.split_at(at);
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::parse;

    #[test]
    fn timeouts_of_callers() {
        for (text, wanted) in [
            ("15S", Some(Duration::from_secs(15))),
            ("14999m", Some(Duration::from_millis(14_999))),
            ("1H", Some(Duration::from_secs(3600))),
            ("99999999u", Some(Duration::from_micros(99_999_999))),
            ("", None),
            ("S", None),
            ("1", None),
            ("123456789S", None),
            ("-1S", None),
            ("1ü", None),
        ] {
            assert_eq!(parse(text), wanted, "{text}");
        }
    }
}
