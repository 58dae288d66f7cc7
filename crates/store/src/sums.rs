//! The seal of a backup: a sum for each line and one for the whole, so that a turned bit and a missing end are found
//! and their place is named.
//!
//! ```text
//! …
//! },
//! "lines": "8 hex digits (CRC-32) for each line before this one",
//! "sum": "64 hex digits (SHA-256) of all bytes before this line"
//! }
//! ```
//!
//! What is sealed is compared byte for byte: there is one right form of the end, and no other is taken for it.

use std::fmt::Write as _;
use std::io;

use sha2::{Digest as _, Sha256};

const BEFORE_SUM: &str = "\"sum\": \"";
const AFTER_SUM: &str = "\"\n}\n";
const SUM_DIGITS: usize = 64;
const TAIL: usize = BEFORE_SUM.len() + SUM_DIGITS + AFTER_SUM.len();
const BEFORE_LINES: &str = "\"lines\": \"";
const AFTER_LINES: &str = "\",\n";
const LINE_DIGITS: usize = 8;

/// Passes on what is written, and keeps the sums.
pub(crate) struct Summing<W> {
    out: W,
    line: crc32fast::Hasher,
    lines: String,
    whole: Sha256,
}

impl<W: io::Write> Summing<W> {
    pub(crate) fn new(out: W) -> Self {
        Self {
            out,
            line: crc32fast::Hasher::new(),
            lines: String::new(),
            whole: Sha256::new(),
        }
    }

    /// Writes the seal behind what was written, which must end with a line end.
    pub(crate) fn seal(mut self) -> io::Result<W> {
        let lines = format!("{BEFORE_LINES}{}{AFTER_LINES}", self.lines);
        io::Write::write_all(&mut self, lines.as_bytes())?;
        let sum = hex(&self.whole.finalize());
        self.out
            .write_all(format!("{BEFORE_SUM}{sum}{AFTER_SUM}").as_bytes())?;
        Ok(self.out)
    }
}

impl<W: io::Write> io::Write for Summing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.whole.update(&bytes[..written]);
        for part in bytes[..written].split_inclusive(|byte| *byte == b'\n') {
            self.line.update(part);
            if part.ends_with(b"\n") {
                self.lines.push_str(&line_digits(std::mem::take(&mut self.line)));
            }
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn line_digits(line: crc32fast::Hasher) -> String {
    format!("{:08x}", line.finalize())
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Whether the document ends as a sealed one does, sound or not.
pub(crate) fn is_sealed(document: &[u8]) -> bool {
    let start = document.len().saturating_sub(TAIL);
    document[start..].starts_with(BEFORE_SUM.as_bytes())
}

/// Whether a sealed document is byte for byte what was written.
///
/// # Errors
/// The place that is not, in words.
pub(crate) fn check(document: &[u8]) -> Result<(), String> {
    let start = document.len().saturating_sub(TAIL);
    let (body, tail) = document.split_at(start);
    let whole = hex(&Sha256::digest(body));
    let right = format!("{BEFORE_SUM}{whole}{AFTER_SUM}");
    if tail == right.as_bytes() {
        return Ok(());
    }
    if !is_sealed(document) && !document.ends_with(AFTER_SUM.as_bytes()) {
        let last = place(document, usize::MAX);
        return Err(format!(
            "there is no checksum behind {last}: it was cut off there, or is an export, which 'mortar db import' reads"
        ));
    }
    Err(locate(body))
}

/// Where the body is not what its lines' sums say.
fn locate(body: &[u8]) -> String {
    let lines: Vec<&[u8]> = body.split_inclusive(|byte| *byte == b'\n').collect();
    let Some((list, lines)) = lines.split_last() else {
        return "it holds nothing but its checksum".to_owned();
    };
    let list_place = format!("line {}, its list of checksums,", lines.len() + 1);
    let sums = list
        .strip_prefix(BEFORE_LINES.as_bytes())
        .and_then(|list| list.strip_suffix(AFTER_LINES.as_bytes()));
    let Some(sums) = sums else {
        return format!("{list_place} is damaged");
    };
    let mut sums = sums.chunks(LINE_DIGITS);
    for (number, line) in lines.iter().enumerate() {
        let mut hash = crc32fast::Hasher::new();
        hash.update(line);
        if sums.next() != Some(line_digits(hash).as_bytes()) {
            return format!("{} is not what was written", place(body, number));
        }
    }
    if sums.next().is_some() {
        return format!("lines are missing: it has {} of more", lines.len());
    }
    format!("{list_place} or the checksum behind it is damaged")
}

/// A line for people, by its number from 0 (or the last one): `line 7 (brick 0123…)`.
fn place(document: &[u8], number: usize) -> String {
    let mut kind = String::new();
    let mut last = (0, &document[..0]);
    for (at, line) in document
        .split_inclusive(|byte| *byte == b'\n')
        .enumerate()
        .take(number.saturating_add(1))
    {
        if line.ends_with(b": {\n") {
            kind = name(line);
        }
        last = (at, line);
    }
    let (at, line) = last;
    let name = name(line);
    match (kind.as_str(), name.as_str()) {
        (_, "") => format!("line {}", at + 1),
        ("", name) => format!("line {} ({name})", at + 1),
        (kind, name) if kind == name => format!("line {} ({name})", at + 1),
        (kind, name) => format!("line {} ({kind} {name})", at + 1),
    }
}

/// The name that a line begins with, if it is one that can be shown.
fn name(line: &[u8]) -> String {
    let quoted = line.strip_prefix(b"\"").unwrap_or_default();
    let end = quoted.iter().position(|byte| *byte == b'"').unwrap_or(0);
    let name = &quoted[..end];
    let plain = name.len() <= 64 && name.iter().all(u8::is_ascii_graphic);
    if plain {
        String::from_utf8_lossy(name).into_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{Summing, check, is_sealed};

    fn sealed() -> Vec<u8> {
        let mut out = Summing::new(Vec::new());
        out.write_all(b"{\n\"records\": {\n\"brick\": {\n\"0a\": {\"v\":1")
            .unwrap();
        out.write_all(b"},\n\"0b\": {\"v\":2}\n}\n},\n").unwrap();
        out.seal().unwrap()
    }

    #[test]
    fn what_was_written_is_sound_and_its_form_is_json() {
        let document = sealed();
        assert!(is_sealed(&document));
        assert_eq!(check(&document), Ok(()));
        let json: serde_json::Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(json["lines"].as_str().unwrap().len(), 7 * 8);
    }

    #[test]
    fn every_turned_bit_and_every_missing_end_is_found() {
        let document = sealed();
        for bit in 0..document.len() * 8 {
            let mut turned = document.clone();
            turned[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&turned).is_err(), "bit {bit}");
        }
        for end in 0..document.len() {
            assert!(check(&document[..end]).is_err(), "cut to {end}");
        }
    }

    #[test]
    fn the_place_is_named() {
        let text = String::from_utf8(sealed()).unwrap();
        for (from, to, told) in [
            (
                "{\"v\":2}",
                "{\"v\":3}",
                "line 5 (brick 0b) is not what was written",
            ),
            ("\"brick\"", "\"brink\"", "line 3 (brink) is not what was written"),
            (
                "\"lines\": ",
                "\"limes\": ",
                "line 8, its list of checksums, is damaged",
            ),
            ("\"0b\": {\"v\":2}\n", "", "line 5 is not what was written"),
        ] {
            let told_of = check(text.replace(from, to).as_bytes()).unwrap_err();
            assert_eq!(told_of, told);
        }
        let cut = text.find("\"0b\"").unwrap() + 6;
        assert_eq!(
            check(&text.as_bytes()[..cut]).unwrap_err(),
            "there is no checksum behind line 5 (brick 0b): it was cut off there, or is an export, which 'mortar db import' reads"
        );
        assert!(check(b"").unwrap_err().contains("behind line 1:"));
    }
}
