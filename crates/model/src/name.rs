//! Names that come from outside, checked once where they enter.
//!
//! A value of one of these types can be an argument of a command: none begins with a dash, none holds a
//! control character, white space where it would split, or anything that a shell or GlusterFS treats specially.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A name that was refused, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {reason}")]
pub struct InvalidName {
    what: &'static str,
    reason: &'static str,
}

fn invalid<T>(what: &'static str, reason: &'static str) -> Result<T, InvalidName> {
    Err(InvalidName { what, reason })
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// Checks the text and takes it as a name.
            ///
            /// # Errors
            /// Says which rule the text breaks; the text itself is not repeated.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text.into_boxed_str()))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;
            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A GlusterFS volume's name: `[a-zA-Z0-9_-]`, not starting with a dash, at most 200 characters.
    ///
    /// GlusterFS takes up to 255 bytes but makes file names out of a volume's name and a brick's path, and
    /// refuses the names `all`, `volume`, `volinfo` and those its own tools use.
    VolumeName,
    check_volume_name
);
name!(
    /// A host name or IP address, as GlusterFS and ssh take it: at most 253 characters of `[a-zA-Z0-9.:_-]`, beginning with a letter, digit or colon.
    HostName,
    check_host_name
);
name!(
    /// An absolute path of a disk or a directory on a node: `^/[a-zA-Z0-9_.:/-]+$` (Heketi's rule), without `..` parts.
    DevicePath,
    check_device_path
);

name!(
    /// A node that uses volumes, by the name that those who attach volumes have for it: 1 to 256 bytes of any text without control
    /// characters (CSI's rule for node ids). It is only a key: no command ever sees it.
    ClientNode,
    check_client_node
);

name!(
    /// Name of a volume group, logical volume or thin pool, as LVM takes it: at most 127 characters of `[a-zA-Z0-9+_.-]`, not
    /// beginning with a dash.
    LvmName,
    check_lvm_name
);

impl DevicePath {
    /// The root directory in a spelling that the rule for paths takes.
    pub const ROOT: &str = "/.";

    /// Whether both texts lead to the same place whatever the node is like: `/disks/one/` and `/disks//./one` do.
    /// Links on the node are not followed.
    pub fn is_same_place(&self, other: &Self) -> bool {
        fn parts(path: &DevicePath) -> impl Iterator<Item = &str> {
            path.as_str().split('/').filter(|part| !matches!(*part, "" | "."))
        }
        parts(self).eq(parts(other))
    }
}

fn check_volume_name(text: &str) -> Result<(), InvalidName> {
    const WHAT: &str = "a volume name";
    if text.is_empty() {
        return invalid(WHAT, "cannot be empty");
    }
    if text.len() > 200 {
        return invalid(WHAT, "has at most 200 characters");
    }
    if text.starts_with('-') {
        return invalid(WHAT, "cannot begin with a dash");
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    {
        return invalid(WHAT, "is made of letters, digits, _ and -");
    }
    if ["all", "volume", "volinfo", "help", "gluster_shared_storage"]
        .contains(&text.to_ascii_lowercase().as_str())
    {
        return invalid(WHAT, "cannot be a word that GlusterFS keeps for itself");
    }
    Ok(())
}

fn check_host_name(text: &str) -> Result<(), InvalidName> {
    const WHAT: &str = "a host name";
    if text.is_empty() || text.len() > 253 {
        return invalid(WHAT, "has 1 to 253 characters");
    }
    let first = text.as_bytes()[0];
    if !(first.is_ascii_alphanumeric() || first == b':') {
        return invalid(WHAT, "begins with a letter, a digit or a colon");
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b".:_-".contains(&b))
    {
        return invalid(WHAT, "is made of letters, digits, dots, colons, _ and -");
    }
    Ok(())
}

fn check_lvm_name(text: &str) -> Result<(), InvalidName> {
    const WHAT: &str = "a name of LVM";
    if text.is_empty() || text.len() > 127 {
        return invalid(WHAT, "has 1 to 127 characters");
    }
    if text.starts_with('-') || [".", ".."].contains(&text) {
        return invalid(WHAT, "cannot begin with a dash, nor be . or ..");
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"+_.-".contains(&b))
    {
        return invalid(WHAT, "is made of letters, digits and + _ . -");
    }
    Ok(())
}

fn check_device_path(text: &str) -> Result<(), InvalidName> {
    const WHAT: &str = "a device path";
    if !text.starts_with('/') || text.len() < 2 {
        return invalid(WHAT, "begins with / and names something below it");
    }
    if text.len() > 1024 {
        return invalid(WHAT, "has at most 1024 characters");
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"_.:/-".contains(&b))
    {
        return invalid(WHAT, "is made of letters, digits and _ . : / -");
    }
    if text.split('/').any(|part| part == "..") {
        return invalid(WHAT, "cannot have .. in it");
    }
    Ok(())
}

name!(
    /// The name of an option of a GlusterFS volume, see [`VolumeOption::new`].
    OptionName,
    check_option_name
);

name!(
    /// The id by which members of a trusted pool know each other's glusterd: a UUID as GlusterFS writes it.
    PeerId,
    check_peer_id
);

fn check_peer_id(text: &str) -> Result<(), InvalidName> {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let hex = |group: &&str| group.bytes().all(|byte| byte.is_ascii_hexdigit());
    if lengths != [8, 4, 4, 4, 12] || !groups.iter().all(hex) {
        return invalid(
            "a peer's id",
            "has the form of a UUID: 8, 4, 4, 4 and 12 hex digits",
        );
    }
    Ok(())
}

fn check_client_node(text: &str) -> Result<(), InvalidName> {
    const WHAT: &str = "a node name";
    if text.is_empty() || text.len() > 256 {
        return invalid(WHAT, "has 1 to 256 bytes");
    }
    if text.chars().any(char::is_control) {
        return invalid(WHAT, "cannot have control characters");
    }
    Ok(())
}

fn check_option_name(text: &str) -> Result<(), InvalidName> {
    const WHAT: &str = "a volume option's name";
    if text.is_empty() || text.len() > 128 {
        return invalid(WHAT, "has 1 to 128 characters");
    }
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return invalid(WHAT, "begins with a lower-case letter");
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
    {
        return invalid(WHAT, "is made of lower-case letters, digits and . _ -");
    }
    Ok(())
}

fn check_option_value(text: &str) -> Result<(), InvalidName> {
    const WHAT: &str = "a volume option's value";
    if text.is_empty() || text.len() > 1024 {
        return invalid(WHAT, "has 1 to 1024 characters");
    }
    if text.starts_with('-') {
        return invalid(WHAT, "cannot begin with a dash");
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-:,/%+@=!".contains(&b))
    {
        return invalid(WHAT, "is made of letters, digits and . _ - : , / % + @ = !");
    }
    Ok(())
}

/// One option of a GlusterFS volume: a key and a value that can be arguments of `gluster volume set`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "(String, String)", into = "(String, String)")]
pub struct VolumeOption {
    key: Box<str>,
    value: Box<str>,
}

impl VolumeOption {
    /// Checks an option's key (`[a-z0-9._-]`, beginning with a letter) and value (printable ASCII without
    /// white space, quotes and shell characters, not beginning with a dash).
    ///
    /// # Errors
    /// Says which rule is broken.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Result<Self, InvalidName> {
        let (key, value) = (key.into(), value.into());
        check_option_name(&key)?;
        check_option_value(&value)?;
        Ok(Self {
            key: key.into_boxed_str(),
            value: value.into_boxed_str(),
        })
    }

    /// Reads an option as Heketi's wire writes it: key and value with blanks between.
    ///
    /// # Errors
    /// Says which rule is broken; a missing value is one.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let Some((key, value)) = text.trim().split_once([' ', '\t']) else {
            return invalid("a volume option", "has a name and a value with a blank between");
        };
        Self::new(key, value.trim())
    }

    /// The option's name.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The option's value.
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Display for VolumeOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.key, self.value)
    }
}

impl TryFrom<(String, String)> for VolumeOption {
    type Error = InvalidName;
    fn try_from((key, value): (String, String)) -> Result<Self, InvalidName> {
        Self::new(key, value)
    }
}

impl From<VolumeOption> for (String, String) {
    fn from(option: VolumeOption) -> Self {
        (option.key.into(), option.value.into())
    }
}

/// Labels of a node or a device, by name. The wire checks their form.
pub type Tags = BTreeMap<String, String>;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ClientNode, DevicePath, HostName, LvmName, OptionName, VolumeName, VolumeOption};

    #[test]
    fn hostile_volume_names_are_refused() {
        for bad in [
            "",
            ";$(touch x)",
            "a\nb",
            "../x",
            "-v",
            &"x".repeat(300),
            "a b",
            "all",
            "ü",
        ] {
            assert!(VolumeName::new(bad).is_err(), "{bad:?}");
        }
        for good in ["vol_0f", "a-b", "A", "9"] {
            assert_eq!(VolumeName::new(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn a_path_is_known_by_its_other_spellings() {
        let path = |text: &str| DevicePath::new(text).unwrap();
        for other in ["/disks/one", "/disks/one/", "//disks/./one", "/disks//one/."] {
            assert!(path("/disks/one").is_same_place(&path(other)), "{other}");
        }
        for other in ["/disks", "/disks/one/two", "/disks/One", "/disks/on"] {
            assert!(!path("/disks/one").is_same_place(&path(other)), "{other}");
        }
    }

    #[test]
    fn hostile_hosts_and_paths_are_refused() {
        for bad in ["", "-oProxyCommand=x", "a b", "a;b", "a/b"] {
            assert!(HostName::new(bad).is_err(), "{bad:?}");
        }
        for good in ["10.0.0.1", "node-1.example", "fd00::1"] {
            assert!(HostName::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", "/", "dev/sdb", "/dev/../etc", "/dev/sd b", "/dev/$x"] {
            assert!(DevicePath::new(bad).is_err(), "{bad:?}");
        }
        assert!(DevicePath::new("/dev/disk/by-id/x_1:2").is_ok());
    }

    #[test]
    fn options_with_shell_characters_are_refused() {
        assert_eq!(
            VolumeOption::parse("  nfs.disable   on ").unwrap().to_string(),
            "nfs.disable on"
        );
        for bad in [
            "",
            "nfs.disable",
            "a b;c",
            "a $(x)",
            "-x y",
            "a -y",
            "a b c",
            "A b",
            "a `x`",
            "a 'x'",
            "a b\nc d",
        ] {
            assert!(VolumeOption::parse(bad).is_err(), "{bad:?}");
        }
    }

    /// Of several rules, the one that is broken is told.
    #[test]
    fn the_broken_rule_is_told() {
        let value = |text: &str| VolumeOption::new("a", text).map(drop);
        for (refused, rule) in [
            (
                HostName::new("-a").map(drop),
                "a host name begins with a letter, a digit or a colon",
            ),
            (
                OptionName::new("A").map(drop),
                "a volume option's name begins with a lower-case letter",
            ),
            (
                OptionName::new("a".repeat(129)).map(drop),
                "a volume option's name has 1 to 128 characters",
            ),
            (
                OptionName::new("a b").map(drop),
                "a volume option's name is made of lower-case letters, digits and . _ -",
            ),
            (value("-a"), "a volume option's value cannot begin with a dash"),
            (
                value(&"a".repeat(1025)),
                "a volume option's value has 1 to 1024 characters",
            ),
            (
                value("a b"),
                "a volume option's value is made of letters, digits and . _ - : , / % + @ = !",
            ),
            (ClientNode::new("").map(drop), "a node name has 1 to 256 bytes"),
            (
                ClientNode::new("a\n").map(drop),
                "a node name cannot have control characters",
            ),
        ] {
            assert_eq!(refused.unwrap_err().to_string(), rule);
        }
        assert!(HostName::new(":a").is_ok());
    }

    proptest! {
        /// What is accepted can stand as an argument: no option position, nothing that splits or expands.
        #[test]
        fn accepted_names_are_harmless(text in ".{0,40}") {
            let harmless = |text: &str| {
                !text.starts_with('-') && text.chars().all(|c| c.is_ascii_graphic() && !"'\"`$;&|<>()*?[]{}\\~#^".contains(c))
            };
            if let Ok(name) = VolumeName::new(text.clone()) { prop_assert!(harmless(name.as_str())); }
            if let Ok(name) = HostName::new(text.clone()) { prop_assert!(harmless(name.as_str())); }
            if let Ok(name) = LvmName::new(text.clone()) { prop_assert!(harmless(name.as_str())); }
            if let Ok(path) = DevicePath::new(text.clone()) { prop_assert!(harmless(path.as_str())); }
            if let Ok(option) = VolumeOption::parse(&text) {
                prop_assert!(harmless(option.key()) && harmless(option.value()));
            }
        }
    }
}
