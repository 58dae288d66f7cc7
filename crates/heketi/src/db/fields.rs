//! One way to read entries, be they gob or JSON: both are trees of named fields. Gob has Go's names with embedded structs as
//! fields of their own; the export has JSON's. As in Go, names match whatever their case, the last of several counts, and what is not
//! there, or is null, is empty.

use std::collections::BTreeMap;

use super::gob::Value;
use crate::json::Json;

/// Structs that Go embeds: their fields count as those of the struct around them.
const EMBEDDED: [&str; 8] = [
    "Entry",
    "NodeAddRequest",
    "Device",
    "ClusterFlags",
    "VolumeCreateRequest",
    "BlockVolumeCreateRequest",
    "PendingItem",
    "PendingOperation",
];

/// A field that is of another type than its place asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("its field {field} is {found}, and {wanted} is wanted")]
pub(super) struct WrongField {
    field: String,
    found: &'static str,
    wanted: &'static str,
}

/// The fields of one struct.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    path: String,
    fields: &'a [(String, Value)],
}

/// JSON as the same kind of tree.
pub(super) fn tree(json: Json) -> Value {
    match json {
        Json::Null => Value::Nil,
        Json::Bool(value) => Value::Bool(value),
        Json::Integer(number) => Value::Int(number),
        Json::Large(number) => Value::Uint(number),
        Json::Float(number) => Value::Float(number),
        Json::Text(text) => Value::Text(text),
        Json::List(list) => Value::List(list.into_iter().map(tree).collect()),
        Json::Object(entries) => Value::Struct(
            entries
                .into_iter()
                .map(|(key, value)| (key, tree(value)))
                .collect(),
        ),
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Int(_) | Value::Uint(_) => "a whole number",
        Value::Float(_) => "a number",
        Value::Complex(..) => "a complex number",
        Value::Bytes(_) => "bytes",
        Value::Text(_) => "text",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
        Value::Struct(_) => "a struct",
        Value::Named(..) => "a value with a type of its own",
    }
}

/// A whole number that a float stands for: Heketi makes such of `Delta` when it imports an export.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

impl<'a> Fields<'a> {
    /// The fields of a value; `what` names it in errors.
    pub(super) fn of(value: &'a Value, what: &str) -> Result<Self, WrongField> {
        let fields = match value {
            Value::Struct(fields) => fields.as_slice(),
            Value::Nil => &[],
            other => return Err(wrong(what, other, "a struct")),
        };
        Ok(Self {
            path: what.to_owned(),
            fields,
        })
    }

    /// What stands under one of these names.
    fn find(&self, names: &[&str]) -> Option<&'a Value> {
        let is_named = |key: &str| names.iter().any(|name| name.eq_ignore_ascii_case(key));
        let mut own = self.fields.iter().rev();
        let found = own.find(|(key, value)| is_named(key) && *value != Value::Nil);
        found.map(|(_, value)| value).or_else(|| {
            self.fields.iter().find_map(|(key, value)| match value {
                Value::Struct(fields) if EMBEDDED.contains(&key.as_str()) => Self {
                    path: String::new(),
                    fields,
                }
                .find(names),
                _ => None,
            })
        })
    }

    fn wrong<T>(&self, names: &[&str], found: &Value, wanted: &'static str) -> Result<T, WrongField> {
        let name = names.last().copied().unwrap_or_default();
        Err(wrong(&join(&self.path, name), found, wanted))
    }

    /// The struct under one of these names; an empty one when there is none.
    pub(super) fn inner(&self, names: &[&str]) -> Result<Self, WrongField> {
        let name = names.last().copied().unwrap_or_default();
        Self::of(self.find(names).unwrap_or(&Value::Nil), &join(&self.path, name))
    }

    pub(super) fn text(&self, names: &[&str]) -> Result<String, WrongField> {
        match self.find(names) {
            None => Ok(String::new()),
            Some(Value::Text(text)) => Ok(text.clone()),
            Some(other) => self.wrong(names, other, "text"),
        }
    }

    pub(super) fn bool(&self, names: &[&str]) -> Result<bool, WrongField> {
        match self.find(names) {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(other) => self.wrong(names, other, "a boolean"),
        }
    }

    pub(super) fn int(&self, names: &[&str]) -> Result<i64, WrongField> {
        match self.find(names) {
            None => Ok(0),
            Some(Value::Int(number)) => Ok(*number),
            Some(other @ Value::Uint(_)) => self.wrong(names, other, "a smaller one"),
            Some(other) => self.wrong(names, other, "a whole number"),
        }
    }

    /// A count or a size.
    pub(super) fn uint(&self, names: &[&str]) -> Result<u64, WrongField> {
        match self.find(names) {
            None => Ok(0),
            Some(Value::Uint(number)) => Ok(*number),
            Some(Value::Int(number)) if *number >= 0 => Ok(number.unsigned_abs()),
            Some(other) => self.wrong(names, other, "a whole number from 0"),
        }
    }

    pub(super) fn float(&self, names: &[&str]) -> Result<f64, WrongField> {
        match self.find(names) {
            None => Ok(0.0),
            Some(Value::Float(number)) if number.is_finite() => Ok(*number),
            Some(Value::Int(number)) => Ok(*number as f64),
            Some(Value::Uint(number)) => Ok(*number as f64),
            Some(other) => self.wrong(names, other, "a finite number"),
        }
    }

    /// A whole number inside an interface.
    pub(super) fn optional_int(&self, names: &[&str]) -> Result<Option<i64>, WrongField> {
        let value = match self.find(names) {
            Some(Value::Named(_, inner)) => Some(&**inner),
            other => other,
        };
        match value {
            None => Ok(None),
            Some(Value::Int(number)) => Ok(Some(*number)),
            Some(Value::Float(number)) if whole(*number).is_some() => Ok(whole(*number)),
            Some(other) => self.wrong(names, other, "a whole number"),
        }
    }

    /// A list; `None` when there is none.
    pub(super) fn optional_list(&self, names: &[&str]) -> Result<Option<&'a [Value]>, WrongField> {
        match self.find(names) {
            None => Ok(None),
            Some(Value::List(list)) => Ok(Some(list)),
            Some(other) => self.wrong(names, other, "a list"),
        }
    }

    pub(super) fn texts(&self, names: &[&str]) -> Result<Vec<String>, WrongField> {
        Ok(self.optional_texts(names)?.unwrap_or_default())
    }

    pub(super) fn optional_texts(&self, names: &[&str]) -> Result<Option<Vec<String>>, WrongField> {
        let Some(list) = self.optional_list(names)? else {
            return Ok(None);
        };
        let text = |value: &Value| match value {
            Value::Text(text) => Ok(text.clone()),
            other => self.wrong(names, other, "a list of texts"),
        };
        list.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// Texts by text.
    pub(super) fn text_map(&self, names: &[&str]) -> Result<BTreeMap<String, String>, WrongField> {
        let refuse = |other: &Value| self.wrong(names, other, "a map of texts");
        match self.find(names) {
            None => Ok(BTreeMap::new()),
            Some(Value::Map(entries)) => {
                let mut map = BTreeMap::new();
                for (key, value) in entries {
                    match (key, value) {
                        (Value::Text(key), Value::Text(value)) => map.insert(key.clone(), value.clone()),
                        (Value::Text(_), other) | (other, _) => return refuse(other),
                    };
                }
                Ok(map)
            }
            Some(Value::Struct(entries)) => {
                let mut map = BTreeMap::new();
                for (key, value) in entries {
                    match value {
                        Value::Text(value) => map.insert(key.clone(), value.clone()),
                        other => return refuse(other),
                    };
                }
                Ok(map)
            }
            Some(other) => refuse(other),
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn wrong(field: &str, found: &Value, wanted: &'static str) -> WrongField {
    WrongField {
        field: field.to_owned(),
        found: kind(found),
        wanted,
    }
}
