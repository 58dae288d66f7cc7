//! How large a claim may be, and by how much volumes become larger for it.

use tonic::Status;

use crate::proto::CapacityRange;
use crate::room::Use;
use crate::trouble::invalid;

/// The size of a claim that asks for none.
const USUAL_SIZE: u64 = 1 << 30;

/// The least by which a volume becomes larger, in bytes per data brick of a set: XFS leaves smaller pieces unused.
const LEAST: u64 = 8 << 20;

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
    pub(super) fn choose(self, smallest: u64, largest: u64) -> Result<u64, Status> {
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

/// By how many bytes a volume of `size` becomes larger for a claim of `least` bytes, and what the claim has then; `data` is how
/// many bricks of a set hold data.
pub(super) fn growth(kind: Use, size: u64, data: u64, least: u64) -> (u64, u64) {
    let by = kind.volume_size(least, data).saturating_sub(size);
    let by = by.max(LEAST.saturating_mul(data));
    (by, kind.claim_size(size.saturating_add(by), data))
}
