//! Streams as Go's encoder wrote them are in `tests/databases.rs`; here are the bounds.

use proptest::prelude::*;

use super::{Value, decode};

/// A stream of one message with a value of a type that needs no description.
fn plain(id: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![value.len() as u8 + 2, id << 1, 0];
    bytes.extend(value);
    bytes
}

fn problem(bytes: &[u8]) -> String {
    decode(bytes).unwrap_err().to_string()
}

#[test]
fn plain_values() {
    let cases: &[(u8, &[u8], Value)] = &[
        (1, &[1], Value::Bool(true)),
        (2, &[5], Value::Int(-3)),
        (2, &[0xfe, 0x01, 0x00], Value::Int(128)),
        (3, &[0xfc, 0x80, 0, 0, 1], Value::Uint(0x8000_0001)),
        (4, &[0xfe, 0xf8, 0x3f], Value::Float(1.5)),
        (5, &[2, 0, 255], Value::Bytes(vec![0, 255])),
        (6, b"\x02ab", Value::Text("ab".into())),
        (8, &[0], Value::Nil),
    ];
    for (id, bytes, value) in cases {
        assert_eq!(decode(&plain(*id, bytes)).as_ref(), Ok(value));
    }
}

#[test]
fn what_is_not_gob_is_told_with_its_place() {
    for (bytes, text) in [
        (vec![], "byte 0 of its value: the value ends there"),
        (vec![9, 4], "a message of 9 bytes, which is more than is left"),
        (
            plain(6, b"\x09ab"),
            "9 elements or bytes, which is more than is left",
        ),
        (plain(6, b"\x01\xff"), "text that is not UTF-8"),
        (
            plain(3, &[0xf7, 1, 1, 1, 1, 1, 1, 1, 1, 1]),
            "a number of more than 8 bytes",
        ),
        (plain(9, &[]), "type 9, which is not described"),
        (vec![4, 4, 1, 5, 5], "a value that does not begin as one"),
        ([plain(1, &[1]), vec![0]].concat(), "more after the value"),
        (vec![3, 0x81_u8, 1, 1], "a number of more than 8 bytes"),
    ] {
        let told = problem(&bytes);
        assert!(told.contains(text), "{told}");
    }
}

/// A list type of itself can be nested without end in few bytes.
#[test]
fn nesting_ends() {
    // Of type 65, a list whose elements are of type 65.
    let describe = [0xff, 0x81, 2, 2, 0xff, 0x82, 0, 0];
    let mut bytes = vec![describe.len() as u8];
    bytes.extend(describe);
    let mut value = vec![0xff, 0x82, 0];
    value.extend([1; 100]);
    value.push(0);
    bytes.push(value.len() as u8);
    bytes.extend(value);
    assert!(problem(&bytes).contains("deeper than"), "{}", problem(&bytes));
}

proptest! {
    #[test]
    fn no_stream_panics(bytes: Vec<u8>) {
        let _ = decode(&bytes);
    }

    #[test]
    fn no_message_panics(id in 0..32_u8, bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let _ = decode(&plain(id, &bytes));
    }
}
