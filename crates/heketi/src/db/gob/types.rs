//! Descriptions of types.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::cursor::Cursor;
use super::{MOST_TYPES, Problem};

/// How values of a type are written.
#[derive(Debug)]
pub(super) enum Wire {
    Bool,
    Int,
    Uint,
    Float,
    Bytes,
    Text,
    Complex,
    Interface,
    List(i64),
    Array(i64, u64),
    Map(i64, i64),
    /// Names of fields and their types.
    Struct(Vec<(String, i64)>),
    /// Types that write themselves: bytes of their own.
    Opaque,
}

/// The types that a stream has described so far.
#[derive(Debug, Default)]
pub(super) struct Types(BTreeMap<i64, Rc<Wire>>);

impl Types {
    pub(super) fn add(&mut self, id: i64, wire: Wire) -> Result<(), Problem> {
        if self.0.len() >= MOST_TYPES {
            return Err(Problem::ManyTypes);
        }
        match self.0.insert(id, Rc::new(wire)) {
            None => Ok(()),
            Some(_) => Err(Problem::TypeTwice(id)),
        }
    }

    pub(super) fn get(&self, id: i64) -> Result<Rc<Wire>, Problem> {
        let known = match id {
            1 => Wire::Bool,
            2 => Wire::Int,
            3 => Wire::Uint,
            4 => Wire::Float,
            5 => Wire::Bytes,
            6 => Wire::Text,
            7 => Wire::Complex,
            8 => Wire::Interface,
            _ => return self.0.get(&id).cloned().ok_or(Problem::UnknownType(id)),
        };
        Ok(Rc::new(known))
    }
}

/// Fields of one struct of a description, told by their numbers from 0.
fn struct_of(
    cursor: &mut Cursor<'_>,
    mut field: impl FnMut(&mut Cursor<'_>, u64) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let mut next = 0_u64;
    loop {
        let further = cursor.uint()?;
        if further == 0 {
            return Ok(());
        }
        next = next.checked_add(further).ok_or(Problem::Description)?;
        field(cursor, next - 1)?;
    }
}

/// Reads the description of a type: one of seven kinds, each a struct of its own.
pub(super) fn read_description(cursor: &mut Cursor<'_>) -> Result<Wire, Problem> {
    let mut wire = None;
    struct_of(cursor, |cursor, kind| {
        wire = Some(match kind {
            0 => {
                let [element, length] = numbers(cursor)?;
                let length = u64::try_from(length).map_err(|_| Problem::Description)?;
                Wire::Array(element, length)
            }
            1 => {
                let [element, _] = numbers(cursor)?;
                Wire::List(element)
            }
            2 => Wire::Struct(fields(cursor)?),
            3 => {
                let [key, element] = numbers(cursor)?;
                Wire::Map(key, element)
            }
            4..=6 => {
                numbers(cursor)?;
                Wire::Opaque
            }
            _ => return Err(Problem::Description),
        });
        Ok(())
    })?;
    wire.ok_or(Problem::Description)
}

/// The two numbers that follow the common part of a description; 0 where they are left out.
fn numbers(cursor: &mut Cursor<'_>) -> Result<[i64; 2], Problem> {
    let mut numbers = [0; 2];
    struct_of(cursor, |cursor, field| {
        match field {
            0 => common(cursor)?,
            1 => numbers[0] = cursor.int()?,
            2 => numbers[1] = cursor.int()?,
            _ => return Err(Problem::Description),
        }
        Ok(())
    })?;
    Ok(numbers)
}

/// Name and number of the type, which nothing here needs.
fn common(cursor: &mut Cursor<'_>) -> Result<(), Problem> {
    struct_of(cursor, |cursor, field| match field {
        0 => cursor.text().map(drop),
        1 => cursor.int().map(drop),
        _ => Err(Problem::Description),
    })
}

fn fields(cursor: &mut Cursor<'_>) -> Result<Vec<(String, i64)>, Problem> {
    let mut fields = Vec::new();
    struct_of(cursor, |cursor, part| match part {
        0 => common(cursor),
        1 => {
            let count = cursor.count()?;
            for _ in 0..count {
                fields.push(field(cursor)?);
            }
            Ok(())
        }
        _ => Err(Problem::Description),
    })?;
    Ok(fields)
}

fn field(cursor: &mut Cursor<'_>) -> Result<(String, i64), Problem> {
    let (mut name, mut id) = (String::new(), 0);
    struct_of(cursor, |cursor, part| {
        match part {
            0 => name = cursor.text()?,
            1 => id = cursor.int()?,
            _ => return Err(Problem::Description),
        }
        Ok(())
    })?;
    Ok((name, id))
}
