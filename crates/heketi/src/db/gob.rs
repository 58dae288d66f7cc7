//! Go's `encoding/gob`, read without knowing the Go types: the stream describes them itself.
//!
//! A stream is messages: a length, then the number of a type, then a value; or, for a negative number, the description of
//! that type. Numbers have one byte when small, else a count and so many bytes. A struct is pairs of *how many fields
//! further* and a value, up to a zero; fields with zero values are left out.
//!
//! Trap: when a value inside an interface is of a type that was not described yet, the writer ends the message there with that
//! description and goes on inside the value in the next message.
//!
//! Bounds: no length or count is larger than what is left of the stream (each element takes a byte at least), nothing is nested deeper
//! than [`DEEPEST`], and a stream describes at most [`MOST_TYPES`] types.

mod cursor;
mod types;
mod value;

use cursor::Cursor;
use types::{Types, Wire};
pub use value::Value;

/// Values inside one another.
const DEEPEST: usize = 64;

/// Types that one stream describes.
const MOST_TYPES: usize = 512;

/// Why a stream could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at} of its value: {problem}")]
pub struct GobError {
    at: usize,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Problem {
    #[error("the value ends there, in the middle")]
    End,
    #[error("a message of {0} bytes, which is more than is left")]
    Message(u64),
    #[error("{0} elements or bytes, which is more than is left")]
    Length(u64),
    #[error("a number of more than 8 bytes")]
    Number,
    #[error("text that is not UTF-8")]
    Text,
    #[error("type {0}, which is not described")]
    UnknownType(i64),
    #[error("type {0} is described twice")]
    TypeTwice(i64),
    #[error("a description of a type that says nothing")]
    Description,
    #[error("more than {MOST_TYPES} types")]
    ManyTypes,
    #[error("field {0} of a struct that has {1}")]
    Field(u64, usize),
    #[error("values inside one another, deeper than {DEEPEST}")]
    Deep,
    #[error("a value that does not begin as one")]
    Singleton,
    #[error("an array of {0} elements that should have {1}")]
    Array(u64, u64),
    #[error("more after the value")]
    More,
}

/// Reads a stream that holds one value.
///
/// # Errors
/// Says at which byte the stream is not what gob writes.
pub fn decode(bytes: &[u8]) -> Result<Value, GobError> {
    let mut decoder = Decoder {
        cursor: Cursor::new(bytes),
        types: Types::default(),
    };
    decoder.stream().map_err(|problem| GobError {
        at: decoder.cursor.position(),
        problem,
    })
}

struct Decoder<'a> {
    cursor: Cursor<'a>,
    types: Types,
}

impl Decoder<'_> {
    fn stream(&mut self) -> Result<Value, Problem> {
        let id = self.type_of_next(false)?;
        let value = self.whole(id, 0)?;
        if self.cursor.is_at_end() {
            Ok(value)
        } else {
            Err(Problem::More)
        }
    }

    /// The type of the value that comes next, after all descriptions before it.
    fn type_of_next(&mut self, in_interface: bool) -> Result<i64, Problem> {
        loop {
            if self.cursor.is_message_over() {
                self.cursor.next_message()?;
            }
            let id = self.cursor.int()?;
            if id >= 0 {
                return Ok(id);
            }
            let id = id.checked_neg().ok_or(Problem::Description)?;
            let wire = types::read_description(&mut self.cursor)?;
            self.types.add(id, wire)?;
            if !self.cursor.is_message_over() {
                if !in_interface {
                    return Err(Problem::More);
                }
                // The length of what follows, which is told apart by its type anyway.
                self.cursor.uint()?;
            }
        }
    }

    /// A value with what is before it when it stands for itself: structs have nothing, all others a zero.
    fn whole(&mut self, id: i64, depth: usize) -> Result<Value, Problem> {
        if !matches!(*self.types.get(id)?, Wire::Struct(_)) && self.cursor.uint()? != 0 {
            return Err(Problem::Singleton);
        }
        self.value(id, depth)
    }

    fn value(&mut self, id: i64, depth: usize) -> Result<Value, Problem> {
        if depth > DEEPEST {
            return Err(Problem::Deep);
        }
        let wire = self.types.get(id)?;
        Ok(match &*wire {
            Wire::Bool => Value::Bool(self.cursor.uint()? != 0),
            Wire::Int => Value::Int(self.cursor.int()?),
            Wire::Uint => Value::Uint(self.cursor.uint()?),
            Wire::Float => Value::Float(self.cursor.float()?),
            Wire::Complex => Value::Complex(self.cursor.float()?, self.cursor.float()?),
            Wire::Bytes | Wire::Opaque => Value::Bytes(self.cursor.counted()?.to_vec()),
            Wire::Text => Value::Text(self.cursor.text()?),
            Wire::Interface => self.interface(depth)?,
            Wire::List(element) => {
                let count = self.cursor.count()?;
                self.list(*element, count, depth)?
            }
            Wire::Array(element, length) => match self.cursor.count()? {
                count if count == *length => self.list(*element, count, depth)?,
                count => return Err(Problem::Array(count, *length)),
            },
            Wire::Map(key, element) => self.map(*key, *element, depth)?,
            Wire::Struct(fields) => self.fields(fields, depth)?,
        })
    }

    fn list(&mut self, element: i64, count: u64, depth: usize) -> Result<Value, Problem> {
        // Grows as it is read: a count alone reserves nothing.
        let mut list = Vec::new();
        for _ in 0..count {
            list.push(self.value(element, depth + 1)?);
        }
        Ok(Value::List(list))
    }

    fn map(&mut self, key: i64, element: i64, depth: usize) -> Result<Value, Problem> {
        let count = self.cursor.count()?;
        let mut map = Vec::new();
        for _ in 0..count {
            map.push((self.value(key, depth + 1)?, self.value(element, depth + 1)?));
        }
        Ok(Value::Map(map))
    }

    fn fields(&mut self, fields: &[(String, i64)], depth: usize) -> Result<Value, Problem> {
        let mut read = Vec::new();
        // One before the first.
        let mut next = 0_u64;
        loop {
            let further = self.cursor.uint()?;
            if further == 0 {
                return Ok(Value::Struct(read));
            }
            next = next
                .checked_add(further)
                .ok_or(Problem::Field(further, fields.len()))?;
            let field = usize::try_from(next - 1).ok().and_then(|index| fields.get(index));
            let (name, id) = field.ok_or(Problem::Field(next, fields.len()))?;
            read.push((name.clone(), self.value(*id, depth + 1)?));
        }
    }

    fn interface(&mut self, depth: usize) -> Result<Value, Problem> {
        let name = self.cursor.text()?;
        if name.is_empty() {
            return Ok(Value::Nil);
        }
        let id = self.type_of_next(true)?;
        // The length of the value, for readers that leave it out.
        self.cursor.uint()?;
        let value = self.whole(id, depth + 1)?;
        Ok(Value::Named(name, Box::new(value)))
    }
}

#[cfg(test)]
mod tests;
