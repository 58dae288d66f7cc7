//! What a claim is called inside. Outside names hold any text and are only keys: GlusterFS, paths and logical volumes see a
//! short hash of it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// Longest text of a field, in bytes, where the standard does not say otherwise.
pub(crate) const FIELD: usize = 128;

/// Hex digits of a hash that stands for a name: 128 bits, so that two names never share one.
const DIGITS: usize = 32;

/// What stands before the hash where a class names no prefix.
const PREFIX: &str = "csi";

/// The name of the GlusterFS volume for a claim of this name.
pub(crate) fn volume(prefix: Option<&str>, claim: &str) -> String {
    format!("{}_{}", prefix.unwrap_or(PREFIX), &digest([claim])[..DIGITS])
}

/// The name of the snapshot of this name.
pub(crate) fn snapshot(name: &str) -> String {
    format!("{PREFIX}_{}", &digest(["snapshot", name])[..DIGITS])
}

/// The name of the group of snapshots of this name.
pub(crate) fn group(name: &str) -> String {
    format!("{PREFIX}_{}", &digest(["group", name])[..DIGITS])
}

/// A hash of several texts, in hex.
pub(crate) fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut sum = Sha256::new();
    for part in parts {
        // The length before each keeps two lists of the same letters apart.
        sum.update((part.len() as u64).to_be_bytes());
        sum.update(part.as_bytes());
    }
    sum.finalize().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A text with everything but letters, digits and `. _ - /` as percent escapes: what a volume option can hold.
pub(crate) fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut escaped, byte| {
        // A dash in front would be an option of a command.
        let plain =
            byte.is_ascii_alphanumeric() || b"._/".contains(&byte) || (byte == b'-' && !escaped.is_empty());
        if plain {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}");
        }
        escaped
    })
}

/// Whether a text is an id of Mortar's: 32 lower-case hex digits.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

#[cfg(test)]
mod tests {
    use super::{digest, escape, is_id, volume};

    #[test]
    fn any_text_becomes_a_short_name() {
        let long = "ü".repeat(64);
        for claim in ["pvc-1", " ", long.as_str(), "a/b;$(x)"] {
            let name = volume(None, claim);
            assert_eq!(name.len(), 36, "{name}");
            assert!(name.starts_with("csi_") && is_id(&name[4..]), "{name}");
            assert_eq!(name, volume(None, claim));
        }
        assert_ne!(volume(None, "a"), volume(None, "b"));
        assert!(volume(Some("team"), "a").starts_with("team_"));
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
    }

    #[test]
    fn escapes_are_what_an_option_can_hold() {
        assert_eq!(escape("team-a/data.1"), "team-a/data.1");
        assert_eq!(escape("-x y\u{fc}"), "%2Dx%20y%C3%BC");
    }
}
