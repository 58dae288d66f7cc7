//! One page: a header, an element for each key, then keys and values.

/// Bytes of a page's header.
const HEADER: usize = 16;

/// Bytes of an element, on leaves and branches alike.
const ELEMENT: usize = 16;

/// What is wrong with a page.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PageError {
    /// Its number is none of a page with data.
    #[error("is asked for, and only pages 2 to {} hold data", .0.saturating_sub(1))]
    Outside(u64),
    /// It goes on beyond the last page.
    #[error("runs over into {0} more pages, which are beyond the last one")]
    RunsOut(u64),
    /// It is too short for its header.
    #[error("is too short for its header")]
    NoHeader,
    /// It says that it is another page.
    #[error("says that it is page {0}")]
    Number(u64),
    /// It is neither leaf nor branch.
    #[error("is neither a leaf nor a branch: its flags are {0:#06x}")]
    Kind(u16),
    /// The page inside a value is a branch.
    #[error("holds a bucket in itself that is a branch")]
    InlineBranch,
    /// It is below itself, or below two pages.
    #[error("is met twice in one bucket")]
    Twice,
    /// There are more pages above it than a tree can have.
    #[error("is deeper in its tree than any tree is")]
    Deep,
    /// An element, key or value is not inside it.
    #[error("has its key {0} or its value outside of itself")]
    Bounds(usize),
    /// A key does not come after the one before.
    #[error("has its key {0} out of order")]
    Order(usize),
    /// A value that should be a bucket is too short for one.
    #[error("has at its key {0} a bucket that is too short to be one")]
    Bucket(usize),
}

/// What a page is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Branch,
    Leaf,
}

/// A page in memory, with those that it runs over into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Page<'a> {
    bytes: &'a [u8],
}

/// An element of a leaf.
pub(super) struct Leaf<'a> {
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) is_bucket: bool,
}

pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    bytes.try_into().ok().map(u16::from_le_bytes)
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}

pub(super) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

/// How many pages the one that begins here runs over into.
pub(super) fn overflow(bytes: &[u8]) -> Result<u64, PageError> {
    u32_at(bytes, 12).map(u64::from).ok_or(PageError::NoHeader)
}

/// What the value of a bucket says: the page of its root, 0 when it is in what follows.
pub(super) fn bucket(value: &[u8], index: usize) -> Result<(u64, &[u8]), PageError> {
    let root = u64_at(value, 0).ok_or(PageError::Bucket(index))?;
    // A sequence number, of no interest here, stands between.
    let inline = value.get(16..).ok_or(PageError::Bucket(index))?;
    if root == 0 && inline.len() < HEADER {
        return Err(PageError::Bucket(index));
    }
    Ok((root, inline))
}

impl<'a> Page<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self, PageError> {
        if bytes.len() < HEADER {
            return Err(PageError::NoHeader);
        }
        Ok(Self { bytes })
    }

    /// The number that the page says it has.
    pub(super) fn number(&self) -> u64 {
        u64_at(self.bytes, 0).unwrap_or_default()
    }

    pub(super) fn kind(&self) -> Result<Kind, PageError> {
        match u16_at(self.bytes, 8).unwrap_or_default() {
            1 => Ok(Kind::Branch),
            2 => Ok(Kind::Leaf),
            other => Err(PageError::Kind(other)),
        }
    }

    pub(super) fn count(&self) -> usize {
        usize::from(u16_at(self.bytes, 10).unwrap_or_default())
    }

    /// Where an element begins; all of it is inside the page.
    fn element(&self, index: usize) -> Result<usize, PageError> {
        let at = HEADER + index * ELEMENT;
        if at + ELEMENT > self.bytes.len() {
            return Err(PageError::Bounds(index));
        }
        Ok(at)
    }

    /// Bytes that an element points at: a distance from itself, and a length.
    fn part(&self, index: usize, from: usize, distance: usize, length: u32) -> Result<&'a [u8], PageError> {
        let start = from.checked_add(distance);
        let end = start.and_then(|start| start.checked_add(length as usize));
        match (start, end) {
            // Keys and values come after all elements.
            (Some(start), Some(end)) if start >= HEADER + self.count() * ELEMENT => {
                self.bytes.get(start..end).ok_or(PageError::Bounds(index))
            }
            _ => Err(PageError::Bounds(index)),
        }
    }

    /// Key and page of a branch's element.
    pub(super) fn branch(&self, index: usize) -> Result<(&'a [u8], u64), PageError> {
        let at = self.element(index)?;
        let field = |offset| u32_at(self.bytes, at + offset).unwrap_or_default();
        let below = u64_at(self.bytes, at + 8).unwrap_or_default();
        Ok((self.part(index, at, field(0) as usize, field(4))?, below))
    }

    pub(super) fn leaf(&self, index: usize) -> Result<Leaf<'a>, PageError> {
        let at = self.element(index)?;
        let field = |offset| u32_at(self.bytes, at + offset).unwrap_or_default();
        let (flags, distance, key, value) = (field(0), field(4) as usize, field(8), field(12));
        let after = distance
            .checked_add(key as usize)
            .ok_or(PageError::Bounds(index))?;
        Ok(Leaf {
            key: self.part(index, at, distance, key)?,
            value: self.part(index, at, after, value)?,
            is_bucket: flags & 1 != 0,
        })
    }
}
