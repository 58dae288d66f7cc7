//! The two meta pages. A change writes them in turn, so that one is whole whatever happens; the newer valid one counts.

use super::BoltError;
use super::page::{u16_at, u32_at, u64_at};

const MAGIC: u32 = 0xED0C_DAED;
const VERSION: u32 = 2;

/// Flag of a page that is a meta page.
const FLAG: u16 = 4;

/// Where the meta data begin on their page, and how far their checksum reaches.
const START: usize = 16;
const SUMMED: usize = 56;

/// What a meta page says.
pub(super) struct Meta {
    pub(super) page_size: usize,
    /// Page of the root bucket.
    pub(super) root: u64,
    /// Pages there are, numbers from 0.
    pub(super) pages: u64,
    transaction: u64,
}

/// Whether the magic number stands where page 0 has it.
pub(super) fn has_magic(bytes: &[u8]) -> bool {
    u32_at(bytes, START) == Some(MAGIC)
}

/// Where page 1 begins is known from page 0 only; when that is damaged, page 1 is where one stands that gives its own place as
/// the size of a page.
pub(super) fn newest(bytes: &[u8]) -> Result<Meta, BoltError> {
    let first = read(bytes, 0);
    let sizes = match &first {
        Ok(meta) => vec![meta.page_size],
        Err(_) => (9..=16).map(|power| 1_usize << power).collect(),
    };
    let found: Vec<_> = sizes.into_iter().map(|size| second_at(bytes, size)).collect();
    let second = found.into_iter().min_by_key(|found| match found {
        Ok(_) => 0,
        // A damaged page 1 says more than that none is at another place.
        Err(why) if why != NO_MAGIC && why != NOT_WHOLE => 1,
        Err(_) => 2,
    });
    let second = second.unwrap_or_else(|| Err(NOT_WHOLE.into()));
    match (first, second) {
        (Ok(first), Ok(second)) if second.transaction > first.transaction => Ok(second),
        (Ok(meta), _) | (Err(_), Ok(meta)) => Ok(meta),
        (Err(first), Err(second)) => Err(BoltError::NoMeta { first, second }),
    }
}

const NO_MAGIC: &str = "lacks the magic number";
const NOT_WHOLE: &str = "is not whole";

/// Page 1, if pages have this size.
fn second_at(bytes: &[u8], size: usize) -> Result<Meta, String> {
    match read(bytes, size)? {
        meta if meta.page_size == size => Ok(meta),
        meta => Err(format!("says that pages have {} bytes", meta.page_size)),
    }
}

fn read(bytes: &[u8], page: usize) -> Result<Meta, String> {
    let bytes = bytes.get(page..).unwrap_or_default();
    let too_short = || NOT_WHOLE.to_owned();
    let meta = bytes.get(START..START + SUMMED + 8).ok_or_else(too_short)?;
    let (magic, version) = (u32_at(meta, 0), u32_at(meta, 4));
    if magic != Some(MAGIC) {
        return Err(NO_MAGIC.into());
    }
    if version != Some(VERSION) {
        return Err(format!(
            "has version {} of the format, and {VERSION} is read",
            version.unwrap_or_default()
        ));
    }
    if u64_at(meta, SUMMED) != Some(fnv64a(&meta[..SUMMED])) {
        return Err("has a wrong checksum".into());
    }
    if u16_at(bytes, 8) != Some(FLAG) {
        return Err("is not marked as a meta page".into());
    }
    let page_size = u32_at(meta, 8).unwrap_or_default();
    if !page_size.is_power_of_two() || !(512..=65536).contains(&page_size) {
        return Err(format!("says that pages have {page_size} bytes"));
    }
    Ok(Meta {
        page_size: page_size as usize,
        root: u64_at(meta, 16).unwrap_or_default(),
        pages: u64_at(meta, 40).unwrap_or_default(),
        transaction: u64_at(meta, 48).unwrap_or_default(),
    })
}

fn fnv64a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
