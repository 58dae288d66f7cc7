//! Texts kept small.
//!
//! A world of tens of thousands of bricks holds the same few sentences over and over: names, paths, mount
//! lines and identity files that differ only in their ids. [`Names`] keeps each sentence once, with its ids
//! cut out; a [`Text`] is the number of its sentence and the ids. Nothing else in this room may rely on the
//! order of texts: it is an order for look-ups, not the alphabet.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Sentences kept at most. Beyond it texts are kept whole, so that a stream of unique texts stays bounded.
const SENTENCES: usize = 8192;
/// Stands for 32 hex digits in a sentence.
const ID: char = '\u{1}';
/// Stands for a hyphenated UUID in a sentence.
const UUID: char = '\u{2}';

type Id = [u8; 16];

/// A text as it is stored. Made and read through [`Names`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Text {
    /// Kept whole.
    Whole(Box<str>),
    /// A sentence with one id.
    One(u32, Id),
    /// A sentence with several ids, or none.
    Many(u32, Box<[Id]>),
}

/// The sentences of a world.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    sentences: Vec<Box<str>>,
    numbers: BTreeMap<Box<str>, u32>,
}

impl Names {
    /// The number of a word of a small vocabulary (hosts, option keys, mount options): kept for ever.
    pub(crate) fn word(&mut self, word: &str) -> u32 {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = u32::try_from(self.sentences.len()).expect("memory ends before 2^32 words");
        self.sentences.push(word.into());
        self.numbers.insert(word.into(), number);
        number
    }

    /// The word with this number.
    pub(crate) fn read_word(&self, number: u32) -> &str {
        self.sentences.get(number as usize).map_or("", |word| word)
    }

    /// Stores a text.
    pub(crate) fn store(&mut self, text: &str) -> Text {
        let Some((sentence, ids)) = cut(text) else {
            return Text::Whole(text.into());
        };
        if self.sentences.len() >= SENTENCES && !self.numbers.contains_key(sentence.as_str()) {
            return Text::Whole(text.into());
        }
        assemble(self.word(&sentence), &ids)
    }

    /// The stored form of a text when some text like it was ever stored; `None` means that it is surely not
    /// in any table of this world.
    pub(crate) fn seek(&self, text: &str) -> Option<Text> {
        let Some((sentence, ids)) = cut(text) else {
            return Some(Text::Whole(text.into()));
        };
        match self.numbers.get(sentence.as_str()) {
            Some(number) => Some(assemble(*number, &ids)),
            // Kept whole when the table of sentences was full.
            None if self.sentences.len() >= SENTENCES => Some(Text::Whole(text.into())),
            None => None,
        }
    }

    /// The text itself.
    pub(crate) fn read(&self, text: &Text) -> String {
        match text {
            Text::Whole(text) => text.to_string(),
            Text::One(number, id) => self.fill(*number, std::slice::from_ref(id)),
            Text::Many(number, ids) => self.fill(*number, ids),
        }
    }

    fn fill(&self, number: u32, ids: &[Id]) -> String {
        let sentence = self.read_word(number);
        let mut text = String::with_capacity(sentence.len() + ids.len() * 36);
        let mut ids = ids.iter();
        for character in sentence.chars() {
            match character {
                ID => push_hex(&mut text, ids.next().map_or(&[][..], |id| id)),
                UUID => {
                    let id = ids.next().copied().unwrap_or_default();
                    text.push_str(&hyphenated(&id));
                }
                _ => text.push(character),
            }
        }
        text
    }
}

/// The world's snapshot holds the sentences; the look-up table is made again from them.
impl Serialize for Names {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.sentences.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let sentences = Vec::<Box<str>>::deserialize(deserializer)?;
        let numbers = (0u32..)
            .zip(&sentences)
            .map(|(number, sentence)| (sentence.clone(), number))
            .collect();
        Ok(Self { sentences, numbers })
    }
}

/// One string per text in the snapshot: `=` and the whole text, or the sentence's number, `:` and hex digits.
impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut out = String::new();
        let (number, ids) = match self {
            Self::Whole(text) => {
                out.push('=');
                out.push_str(text);
                return serializer.serialize_str(&out);
            }
            Self::One(number, id) => (number, std::slice::from_ref(id)),
            Self::Many(number, ids) => (number, &ids[..]),
        };
        let _ = write!(out, "{number}:");
        for id in ids {
            push_hex(&mut out, id);
        }
        serializer.serialize_str(&out)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = String::deserialize(deserializer)?;
        if let Some(whole) = stored.strip_prefix('=') {
            return Ok(Self::Whole(whole.into()));
        }
        let wrong = || serde::de::Error::custom("a stored text is neither whole nor a sentence with ids");
        let (number, hex) = stored.split_once(':').ok_or_else(wrong)?;
        let number: u32 = number.parse().map_err(|_| wrong())?;
        let digits = hex.as_bytes();
        if digits.len() % 32 != 0 {
            return Err(wrong());
        }
        let ids: Option<Vec<Id>> = digits.chunks(32).map(read_hex).collect();
        Ok(assemble(number, &ids.ok_or_else(wrong)?))
    }
}

fn assemble(number: u32, ids: &[Id]) -> Text {
    match ids {
        [id] => Text::One(number, *id),
        ids => Text::Many(number, ids.into()),
    }
}

/// Cuts the ids out of a text; `None` when there are none or when it holds the characters that stand for them.
fn cut(text: &str) -> Option<(String, Vec<Id>)> {
    if text.len() < 32 || text.contains([ID, UUID]) {
        return None;
    }
    let bytes = text.as_bytes();
    let mut sentence = String::with_capacity(text.len());
    let mut ids = Vec::new();
    let (mut at, mut kept) = (0, 0);
    while at < bytes.len() {
        let fresh = at == 0 || !bytes[at - 1].is_ascii_hexdigit();
        let found = if fresh && is_digit(bytes[at]) {
            id_at(bytes, at)
        } else {
            None
        };
        let Some((id, mark, length)) = found else {
            at += 1;
            continue;
        };
        sentence.push_str(&text[kept..at]);
        sentence.push(mark);
        ids.push(id);
        at += length;
        kept = at;
    }
    sentence.push_str(&text[kept..]);
    (!ids.is_empty()).then_some((sentence, ids))
}

fn id_at(bytes: &[u8], at: usize) -> Option<(Id, char, usize)> {
    let run = bytes[at..]
        .iter()
        .take(33)
        .take_while(|byte| is_digit(**byte))
        .count();
    if run == 32 {
        return read_hex(&bytes[at..at + 32]).map(|id| (id, ID, 32));
    }
    let uuid = bytes.get(at..at + 36)?;
    if run != 8 || [8, 13, 18, 23].iter().any(|dash| uuid[*dash] != b'-') {
        return None;
    }
    let digits: Vec<u8> = uuid.iter().copied().filter(|byte| *byte != b'-').collect();
    (digits.len() == 32)
        .then(|| read_hex(&digits))
        .flatten()
        .map(|id| (id, UUID, 36))
}

/// Lower case only: what is read back must be what was stored.
fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte)
}

fn read_hex(digits: &[u8]) -> Option<Id> {
    let mut id = [0; 16];
    for (slot, pair) in id.iter_mut().zip(digits.chunks(2)) {
        if !pair.iter().all(|byte| is_digit(*byte)) {
            return None;
        }
        *slot = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(id)
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
}

/// The usual text form of a UUID.
pub(crate) fn hyphenated(id: &Id) -> String {
    let mut hex = String::with_capacity(36);
    for (index, byte) in id.iter().enumerate() {
        if [4, 6, 8, 10].contains(&index) {
            hex.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(digit), 16).expect("half a byte is below 16"));
        }
    }
    hex
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Names, Text};

    #[test]
    fn ids_are_cut_out_and_sentences_kept_once() {
        let mut names = Names::default();
        let (a, b) = ("0123456789abcdef".repeat(2), "fedcba9876543210".repeat(2));
        let first = format!("/m/vg_{a}/brick_{b}/brick");
        let second = format!("/m/vg_{b}/brick_{a}/brick");
        let stored = names.store(&first);
        assert!(matches!(stored, Text::Many(..)));
        assert_eq!(names.read(&stored), first);
        let second_stored = names.store(&second);
        assert_eq!(names.read(&second_stored), second);
        assert_eq!(names.sentences.len(), 1);
        assert_eq!(names.seek(&first), Some(stored));
        assert_eq!(names.seek(&format!("/other/{a}")), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_as_stored(parts in proptest::collection::vec(
            prop_oneof!["[0-9a-f]{32}", "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", ".{0,6}", "[0-9a-fA-F]{30,34}"], 0..6)) {
            let text = parts.concat();
            let mut names = Names::default();
            let stored = names.store(&text);
            prop_assert_eq!(names.read(&stored), text.as_str());
            prop_assert_eq!(names.seek(&text), Some(stored.clone()));
            let saved = serde_json::to_string(&stored).unwrap();
            prop_assert_eq!(serde_json::from_str::<Text>(&saved).unwrap(), stored);
        }
    }
}
