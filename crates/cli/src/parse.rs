//! Values on the command line that are more than one word or number.

use mortar_api::PoolMode;
use mortar_lab::DeviceKind;
use mortar_model::{BadOvercommit, Overcommit};

/// Reads `KEY=VALUE`.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

/// Reads a size in whole GiB: a bare number, or a number with `G`, `GiB`, `T` or `TiB`.
pub(crate) fn gibibytes(text: &str) -> Result<u64, String> {
    const WRONG: &str = "write a whole number of GiB, or a number with GiB or TiB";
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| WRONG.to_owned())?;
    let factor = match unit {
        "" | "G" | "GiB" => 1,
        "T" | "TiB" => 1024,
        _ => return Err(WRONG.to_owned()),
    };
    number
        .checked_mul(factor)
        .ok_or_else(|| "that is more than a size can be".to_owned())
}

/// Reads a number of parts of a volume. Heketi's language takes 0 for its default, which nobody means who writes it.
pub(crate) fn parts(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(0) => Err("it is 1 at least; left out, it is the default".into()),
        Ok(count) => Ok(count),
        Err(_) => Err("write a whole number".into()),
    }
}

/// Reads what room is kept for snapshots, as a factor.
pub(crate) fn snapshot_factor(text: &str) -> Result<f64, String> {
    let factor: f64 = text.parse().map_err(|_| "write a number".to_owned())?;
    if (1.0..=100.0).contains(&factor) {
        Ok(factor)
    } else {
        Err("it is 1 (no room for snapshots) to 100: the whole of a brick with its snapshots, over the brick alone".into())
    }
}

/// Reads a name for something new. One that looks like an id could never be asked for.
pub(crate) fn new_name(text: &str) -> Result<String, String> {
    if is_id(text) {
        return Err("32 hex digits are always taken for an id: choose another name".into());
    }
    Ok(text.to_owned())
}

/// Reads what the disks of a lab are to be.
pub(crate) fn devices(text: &str) -> Result<DeviceKind, String> {
    match text {
        "directory" => Ok(DeviceKind::Directory),
        "lvm" => Ok(DeviceKind::Lvm),
        _ => Err("it is directory or lvm".into()),
    }
}

/// Reads what pools the bricks of a disk are to be in.
pub(crate) fn pool_mode(text: &str) -> Result<PoolMode, String> {
    match text {
        "own" => Ok(PoolMode::Own),
        "shared" => Ok(PoolMode::Shared),
        _ => Err("it is own or shared".into()),
    }
}

/// Reads what a pool may promise over what it has.
pub(crate) fn overcommit(text: &str) -> Result<Overcommit, String> {
    text.parse().map_err(|error: BadOvercommit| error.to_string())
}

/// Reads a size in bytes: a bare number of GiB, or a number with `MiB`, `GiB` or `TiB`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    const GIB: u64 = 1 << 30;
    let (number, unit) = match text.strip_suffix("MiB").or_else(|| text.strip_suffix('M')) {
        Some(number) => (
            number
                .parse()
                .map_err(|_| "write a whole number of MiB".to_owned()),
            1 << 20,
        ),
        None => (gibibytes(text), GIB),
    };
    number?
        .checked_mul(unit)
        .ok_or_else(|| "that is more than a size can be".to_owned())
}

/// Whether a text has the form of an id: 32 hex digits.
pub(crate) fn is_id(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{bytes, gibibytes, is_id, key_value, new_name, parts, snapshot_factor};

    #[test]
    fn sizes_are_whole_gibibytes() {
        for (text, size) in [
            ("0", 0),
            ("1", 1),
            ("7GiB", 7),
            ("7G", 7),
            ("2TiB", 2048),
            ("2T", 2048),
        ] {
            assert_eq!(gibibytes(text), Ok(size), "{text}");
        }
        for text in [
            "",
            "GiB",
            "-1",
            "+1",
            "1.5",
            "1MiB",
            "1 GiB",
            "18446744073709551615T",
            "99999999999999999999",
        ] {
            assert!(gibibytes(text).is_err(), "{text}");
        }
    }

    #[test]
    fn disks_may_be_smaller_than_a_gibibyte() {
        assert_eq!(bytes("512MiB"), Ok(512 << 20));
        assert_eq!(bytes("2"), Ok(2 << 30));
        assert_eq!(bytes("1TiB"), Ok(1 << 40));
        assert!(bytes("1KiB").is_err());
        assert!(bytes("MiB").is_err());
        assert!(bytes("99999999999TiB").is_err());
    }

    #[test]
    fn nothing_is_not_taken_for_the_default() {
        assert_eq!(parts("3"), Ok(3));
        assert!(parts("0").unwrap_err().contains("1 at least"));
        assert!(parts("-1").is_err() && parts("").is_err());
        assert_eq!(snapshot_factor("1.5"), Ok(1.5));
        assert_eq!(snapshot_factor("1"), Ok(1.0));
        for text in ["0.5", "0", "-2", "NaN", "inf", "101", ""] {
            assert!(snapshot_factor(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_name_is_no_id() {
        assert_eq!(new_name("films"), Ok("films".into()));
        assert!(new_name(&"0f".repeat(16)).is_err());
    }

    #[test]
    fn a_key_has_a_value() {
        assert_eq!(key_value("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert_eq!(key_value("a="), Ok(("a".into(), String::new())));
        assert!(key_value("a").is_err());
        assert!(key_value("=b").is_err());
    }

    #[test]
    fn ids_have_32_hex_digits() {
        assert!(is_id(&"0aF".repeat(11)[..32]));
        assert!(!is_id("vol_0"));
        assert!(!is_id(&"g".repeat(32)));
    }
}
