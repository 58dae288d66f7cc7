//! JSON as Go's `encoding/json` reads and writes it, which is what Heketi's clients were tested against.
//!
//! Reading: unknown keys are ignored, keys match whatever their case, `null` is the same as an absent key, the
//! last of several equal keys wins, and anything of a wrong type is an error, as are an empty body and data
//! after the value. Writing: one line, a newline at its end, and `<`, `>` and `&` as escapes.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::WireError;

/// A JSON value with its keys in the order they were written, repeated ones included.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without fraction or exponent that fits.
    Integer(i64),
    /// A whole number above those. None of the wire is so large; a size that Heketi counted below zero is, in an export.
    Large(u64),
    /// Any other number.
    Float(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// What the value is, for errors.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Large(_) => "a whole number",
            Self::Float(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(JsonVisitor)
    }
}

struct JsonVisitor;

impl<'de> Visitor<'de> for JsonVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Large(value), Json::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Float(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            object.push(entry);
        }
        Ok(Json::Object(object))
    }
}

/// A value that is not of the type its place asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongType;

/// Something that can be read from a body. `null` leaves it at its default, as in Go.
pub trait FromJson: Default {
    /// Reads a value that is not `null`.
    ///
    /// # Errors
    /// The value is of another type.
    fn from_json(json: &Json) -> Result<Self, WrongType>;
}

fn from_nullable<T: FromJson>(json: &Json) -> Result<T, WrongType> {
    if *json == Json::Null {
        Ok(T::default())
    } else {
        T::from_json(json)
    }
}

impl FromJson for bool {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        if let Json::Bool(value) = json {
            Ok(*value)
        } else {
            Err(WrongType)
        }
    }
}

impl FromJson for i64 {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        if let Json::Integer(value) = json {
            Ok(*value)
        } else {
            Err(WrongType)
        }
    }
}

impl FromJson for f64 {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        match json {
            Json::Integer(value) => Ok(*value as f64),
            Json::Large(value) => Ok(*value as f64),
            Json::Float(value) => Ok(*value),
            _ => Err(WrongType),
        }
    }
}

impl FromJson for String {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        if let Json::Text(value) = json {
            Ok(value.clone())
        } else {
            Err(WrongType)
        }
    }
}

impl<T: FromJson> FromJson for Vec<T> {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let Json::List(items) = json else {
            return Err(WrongType);
        };
        items.iter().map(from_nullable).collect()
    }
}

impl<T: FromJson> FromJson for BTreeMap<String, T> {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let Json::Object(entries) = json else {
            return Err(WrongType);
        };
        entries
            .iter()
            .map(|(key, value)| Ok((key.clone(), from_nullable(value)?)))
            .collect()
    }
}

/// The fields of an object, found by name whatever their case.
pub(crate) struct Fields<'a>(&'a [(String, Json)]);

impl<'a> Fields<'a> {
    pub(crate) fn of(json: &'a Json) -> Result<Self, WrongType> {
        if let Json::Object(entries) = json {
            Ok(Self(entries))
        } else {
            Err(WrongType)
        }
    }

    /// The field's value; the default when it is absent or `null`.
    pub(crate) fn get<T: FromJson>(&self, name: &str) -> Result<T, WrongType> {
        let mut found = T::default();
        for (_, value) in self.0.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)) {
            if *value != Json::Null {
                found = T::from_json(value)?;
            }
        }
        Ok(found)
    }
}

/// Reads a request's body.
///
/// # Errors
/// [`WireError::Unreadable`]: it is empty, not JSON, has a value of a wrong type or data after the value.
pub fn read<T: FromJson>(body: &[u8]) -> Result<T, WireError> {
    let json: Json = serde_json::from_slice(body).map_err(|_| WireError::Unreadable)?;
    from_nullable(&json).map_err(|WrongType| WireError::Unreadable)
}

/// Reads a body on the routes where Heketi says why it cannot.
///
/// # Errors
/// As [`read`], with the reason.
pub fn read_or_tell<T: FromJson>(body: &[u8]) -> Result<T, WireError> {
    let told = |why: &str| WireError::UnreadableBecause(why.to_owned());
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(told("unexpected end of JSON input"));
    }
    let json: Json = serde_json::from_slice(body).map_err(|error| told(&error.to_string()))?;
    from_nullable(&json).map_err(|WrongType| told("a value is of a wrong type"))
}

/// Reads a body that may be left out (`DELETE`).
///
/// # Errors
/// As [`read`], except that an empty body is the default.
pub fn read_optional<T: FromJson>(body: &[u8]) -> Result<T, WireError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        Ok(T::default())
    } else {
        read(body)
    }
}

/// Writes an answer's body: one line with its newline, escaped as Go escapes it.
pub fn write<T: Serialize>(value: &T) -> String {
    // The wire types have text keys only and no map or number that JSON lacks.
    escaped(serde_json::to_string(value).expect("wire types can always be written as JSON"))
}

/// Writes what Heketi indents by four blanks: exports of its database, and what its check found.
pub fn write_indented<T: Serialize>(value: &T) -> String {
    let mut plain = Vec::new();
    let form = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut plain, form);
    value
        .serialize(&mut serializer)
        .expect("wire types can always be written as JSON");
    escaped(String::from_utf8(plain).expect("JSON is written as UTF-8"))
}

/// With a newline, and with the characters escaped that Go escapes; they stand only inside strings. Most answers have none of them,
/// and those about a whole pool are megabytes long: what needs no escape is not copied.
fn escaped(mut plain: String) -> String {
    let bytes = plain.as_bytes();
    if memchr::memchr3(b'<', b'>', b'&', bytes).is_none() && memchr::memchr(SEPARATOR[0], bytes).is_none() {
        plain.push('\n');
        return plain;
    }
    let mut text = String::with_capacity(plain.len() + 64);
    for c in plain.chars() {
        match c {
            '<' => text.push_str("\\u003c"),
            '>' => text.push_str("\\u003e"),
            '&' => text.push_str("\\u0026"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            c => text.push(c),
        }
    }
    text.push('\n');
    text
}

/// How the line and paragraph separators begin in UTF-8.
const SEPARATOR: &[u8] = "\u{2028}".as_bytes();

/// Writes a number as Go does: without a fraction when it has none.
pub(crate) fn go_float<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        serializer.serialize_i64(*value as i64)
    } else {
        serializer.serialize_f64(*value)
    }
}

/// For `skip_serializing_if`: Go's `omitempty` on a number.
pub(crate) fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// For `skip_serializing_if`: Go's `omitempty` on a boolean.
pub(crate) fn is_false(value: &bool) -> bool {
    !*value
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Fields, FromJson, Json, WrongType, read, read_optional, write};
    use crate::WireError;

    #[derive(Debug, Default, PartialEq)]
    struct Sample {
        size: i64,
        names: Vec<String>,
        tags: BTreeMap<String, String>,
        factor: f64,
    }

    impl FromJson for Sample {
        fn from_json(json: &Json) -> Result<Self, WrongType> {
            let fields = Fields::of(json)?;
            Ok(Self {
                size: fields.get("size")?,
                names: fields.get("names")?,
                tags: fields.get("tags")?,
                factor: fields.get("factor")?,
            })
        }
    }

    #[test]
    fn bodies_are_read_as_go_reads_them() {
        let size = |size| {
            Ok(Sample {
                size,
                ..Sample::default()
            })
        };
        let cases: &[(&str, Result<Sample, WireError>)] = &[
            ("{}", size(0)),
            ("null", size(0)),
            (" \n{\"size\":3}\t\n", size(3)),
            (r#"{"SIZE":3}"#, size(3)),
            (r#"{"size":3,"Size":4}"#, size(4)),
            (r#"{"size":3,"Size":null}"#, size(3)),
            (r#"{"size":3,"sise":"x","more":{"a":[1,{}]}}"#, size(3)),
            (
                r#"{"names":["a",null]}"#,
                Ok(Sample {
                    names: vec!["a".into(), String::new()],
                    ..Sample::default()
                }),
            ),
            (
                r#"{"tags":{"A":"1","a":"2"}}"#,
                Ok(Sample {
                    tags: [("A".into(), "1".into()), ("a".into(), "2".into())].into(),
                    ..Sample::default()
                }),
            ),
            (
                r#"{"factor":2}"#,
                Ok(Sample {
                    factor: 2.0,
                    ..Sample::default()
                }),
            ),
        ];
        for (body, wanted) in cases {
            assert_eq!(&read::<Sample>(body.as_bytes()), wanted, "{body}");
        }
    }

    #[test]
    fn anything_else_is_unreadable() {
        let deep = "[".repeat(200_000);
        for body in [
            "",
            " ",
            "{",
            "[]",
            "3",
            "\"{}\"",
            "{} x",
            "{}{}",
            "{'size':3}",
            r#"{"size":"3"}"#,
            r#"{"size":3.5}"#,
            r#"{"size":3.0}"#,
            r#"{"size":1e2}"#,
            r#"{"size":9223372036854775808}"#,
            r#"{"size":true}"#,
            r#"{"size":"x","Size":4}"#,
            r#"{"names":"a"}"#,
            r#"{"names":[1]}"#,
            r#"{"tags":{"a":1}}"#,
            r#"{"tags":[]}"#,
            r#"{"factor":"1"}"#,
            r#"{"factor":1e999}"#,
            deep.as_str(),
        ] {
            assert_eq!(
                read::<Sample>(body.as_bytes()),
                Err(WireError::Unreadable),
                "{body:.40}"
            );
        }
        assert_eq!(
            read::<Sample>(b"{\"names\":[\"\xff\"]}"),
            Err(WireError::Unreadable)
        );
        assert_eq!(read_optional::<Sample>(b""), Ok(Sample::default()));
        assert_eq!(read_optional::<Sample>(b"[]"), Err(WireError::Unreadable));
    }

    #[test]
    fn answers_are_escaped_as_go_escapes_them() {
        let text = write(&["<a href=\"x\">&\u{2028}ü\n"]);
        assert_eq!(text, "[\"\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u2028ü\\n\"]\n");
        assert_eq!(
            serde_json::from_str::<Vec<String>>(&text).unwrap(),
            ["<a href=\"x\">&\u{2028}ü\n"]
        );
    }

    proptest! {
        #[test]
        fn no_body_panics(body: Vec<u8>) {
            let _ = read::<Sample>(&body);
        }

        #[test]
        fn what_is_written_is_read_back(texts: Vec<String>) {
            prop_assert_eq!(read::<Vec<String>>(write(&texts).as_bytes()), Ok(texts));
        }
    }
}
