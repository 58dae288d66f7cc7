//! The file format of Bolt (and bbolt), read from bytes that somebody else wrote: pages of one size, two meta pages of
//! which the newer valid one counts, and a B+ tree of buckets.
//!
//! Nothing is taken on trust: every position and length is held to the page that it is on, every page says its own number and
//! kind, keys rise over the whole of a bucket, and no page is met twice. Only meta pages carry a checksum: a bit that turned inside
//! a value is not seen here, but by who reads the value. Which pages are free is of no interest to a reader.

mod meta;
mod page;

use std::collections::BTreeSet;

pub use page::PageError;
use page::{Kind, Page};

/// Pages below one another: a tree of the smallest pages with the most keys that a file can hold is not as deep.
const DEEPEST: usize = 32;

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoltError {
    /// Neither meta page is one.
    #[error("it is no Bolt file: page 0 {first}, and page 1 {second}")]
    NoMeta {
        /// What is wrong with page 0.
        first: String,
        /// What is wrong with page 1.
        second: String,
    },
    /// The file ends before its last page.
    #[error("it is cut short: its meta page tells of {pages} pages, and page {missing} is not whole in it")]
    Short {
        /// Pages that there should be.
        pages: u64,
        /// The first that is not there.
        missing: u64,
    },
    /// A page is not what it should be.
    #[error("page {page} {problem}")]
    Page {
        /// Its number.
        page: u64,
        /// What is wrong with it.
        problem: PageError,
    },
}

/// A file in memory.
#[derive(Clone, Copy, Debug)]
pub struct Bolt<'a> {
    bytes: &'a [u8],
    page_size: usize,
    root: u64,
    pages: u64,
}

/// A bucket: keys with values, or with buckets.
#[derive(Clone, Copy, Debug)]
pub struct Bucket<'a> {
    file: Bolt<'a>,
    root: Root<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Root<'a> {
    /// On a page of its own.
    Page(u64),
    /// Inside the value of the bucket above, which is on this page.
    Inline(&'a [u8], u64),
}

/// What a key of a bucket holds.
#[derive(Clone, Copy, Debug)]
pub enum Item<'a> {
    /// Bytes.
    Value(&'a [u8]),
    /// A bucket.
    Bucket(Bucket<'a>),
}

impl<'a> Bolt<'a> {
    /// Whether bytes begin as a Bolt file does, be it whole or not.
    pub fn is_one(bytes: &[u8]) -> bool {
        meta::has_magic(bytes)
    }

    /// Takes the bytes of a whole file.
    ///
    /// # Errors
    /// No meta page is valid, or the file is shorter than the one that counts says.
    pub fn new(bytes: &'a [u8]) -> Result<Self, BoltError> {
        let meta = meta::newest(bytes)?;
        let there = bytes.len() as u64 / meta.page_size as u64;
        if there < meta.pages {
            return Err(BoltError::Short {
                pages: meta.pages,
                missing: there,
            });
        }
        Ok(Self {
            bytes,
            page_size: meta.page_size,
            root: meta.root,
            pages: meta.pages,
        })
    }

    /// The bucket that holds all others.
    pub fn root(&self) -> Bucket<'a> {
        Bucket {
            file: *self,
            root: Root::Page(self.root),
        }
    }

    /// A page with those that it runs over into.
    fn page(&self, number: u64) -> Result<Page<'a>, BoltError> {
        let fail = |problem| BoltError::Page {
            page: number,
            problem,
        };
        if number < 2 || number >= self.pages {
            return Err(fail(PageError::Outside(self.pages)));
        }
        // Both fit: the number is below `pages`, all of which are in the bytes.
        let start = number as usize * self.page_size;
        let more = page::overflow(&self.bytes[start..]).map_err(fail)?;
        if number + 1 + more > self.pages {
            return Err(fail(PageError::RunsOut(more)));
        }
        let end = start + (more as usize + 1) * self.page_size;
        let page = Page::new(&self.bytes[start..end]).map_err(fail)?;
        match page.number() {
            said if said != number => Err(fail(PageError::Number(said))),
            _ => Ok(page),
        }
    }
}

impl<'a> Bucket<'a> {
    /// All keys with what they hold, in their order.
    ///
    /// # Errors
    /// Names the page that is not what it should be.
    pub fn items(&self) -> Result<Vec<(&'a [u8], Item<'a>)>, BoltError> {
        let mut walk = Walk {
            file: self.file,
            met: BTreeSet::new(),
            items: Vec::new(),
        };
        match self.root {
            Root::Page(number) => walk.page(number, None, 0)?,
            Root::Inline(value, on) => {
                let inline = Page::new(value).and_then(|page| match page.kind()? {
                    Kind::Leaf => Ok(page),
                    Kind::Branch => Err(PageError::InlineBranch),
                });
                walk.leaf(
                    &inline.map_err(|problem| BoltError::Page { page: on, problem })?,
                    on,
                )?;
            }
        }
        Ok(walk.items)
    }

    /// The bucket of this name inside; `None` when there is none.
    ///
    /// # Errors
    /// Names the page that is not what it should be.
    pub fn bucket(&self, name: &[u8]) -> Result<Option<Bucket<'a>>, BoltError> {
        let items = self.items()?;
        Ok(items.into_iter().find_map(|(key, item)| match item {
            Item::Bucket(bucket) if key == name => Some(bucket),
            _ => None,
        }))
    }
}

/// A walk over one bucket's pages.
struct Walk<'a> {
    file: Bolt<'a>,
    met: BTreeSet<u64>,
    items: Vec<(&'a [u8], Item<'a>)>,
}

impl<'a> Walk<'a> {
    /// A page and all below it; its first key is the one that the page above has for it.
    fn page(&mut self, number: u64, first: Option<&'a [u8]>, depth: usize) -> Result<(), BoltError> {
        let fail = |problem| BoltError::Page {
            page: number,
            problem,
        };
        if !self.met.insert(number) {
            return Err(fail(PageError::Twice));
        }
        if depth > DEEPEST {
            return Err(fail(PageError::Deep));
        }
        let page = self.file.page(number)?;
        if page.kind().map_err(fail)? == Kind::Leaf {
            let before = self.items.len();
            self.leaf(&page, number)?;
            let key = self.items.get(before).map(|(key, _)| *key);
            // A leaf may begin later than the page above says: its first keys were deleted.
            return match (first, key) {
                (Some(first), Some(key)) if key < first => Err(fail(PageError::Order(0))),
                _ => Ok(()),
            };
        }
        let mut last: Option<&[u8]> = None;
        for index in 0..page.count() {
            let (key, below) = page.branch(index).map_err(fail)?;
            if last.is_some_and(|last| last >= key) {
                return Err(fail(PageError::Order(index)));
            }
            last = Some(key);
            self.page(below, Some(key), depth + 1)?;
        }
        Ok(())
    }

    fn leaf(&mut self, page: &Page<'a>, number: u64) -> Result<(), BoltError> {
        let fail = |problem| BoltError::Page {
            page: number,
            problem,
        };
        for index in 0..page.count() {
            let element = page.leaf(index).map_err(fail)?;
            if self.items.last().is_some_and(|(last, _)| *last >= element.key) {
                return Err(fail(PageError::Order(index)));
            }
            let item = if element.is_bucket {
                let (root, inline) = page::bucket(element.value, index).map_err(fail)?;
                Item::Bucket(Bucket {
                    file: self.file,
                    root: match root {
                        0 => Root::Inline(inline, number),
                        page => Root::Page(page),
                    },
                })
            } else {
                Item::Value(element.value)
            };
            self.items.push((element.key, item));
        }
        Ok(())
    }
}
