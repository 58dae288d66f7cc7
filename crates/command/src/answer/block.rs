//! `lsblk`, `findmnt` and `losetup` in JSON.

use mortar_argv::{Output, Report};
use mortar_model::ByteSize;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Unreadable, ran};
use crate::complaint;

/// A block device and what is made of it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct BlockDevice {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(deserialize_with = "size")]
    pub(crate) size: ByteSize,
    #[serde(rename = "ro", default, deserialize_with = "flag")]
    pub(crate) read_only: bool,
    #[serde(
        rename = "mountpoint",
        alias = "mountpoints",
        default,
        deserialize_with = "present"
    )]
    pub(crate) mount_points: Vec<String>,
    #[serde(default)]
    pub(crate) children: Vec<BlockDevice>,
}

impl BlockDevice {
    /// The device, its parts, and theirs.
    pub(crate) fn tree(&self) -> impl Iterator<Item = &Self> {
        let mut open = vec![self];
        std::iter::from_fn(move || {
            let next = open.pop()?;
            open.extend(next.children.iter().rev());
            Some(next)
        })
    }
}

/// Numbers and flags were strings in the JSON of older versions.
fn size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .map(ByteSize::from_bytes)
    .ok_or_else(|| serde::de::Error::custom("a size is a number of bytes"))
}

fn optional_size<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    Ok(size(deserializer).unwrap_or_default())
}

fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(flag) => flag,
        Value::String(text) => text == "1",
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    })
}

/// One place, or several; `null` and `[null]` stand for "nowhere".
#[derive(Deserialize)]
#[serde(untagged)]
enum Places {
    One(Option<String>),
    Several(Vec<Option<String>>),
}

fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Ok(match Places::deserialize(deserializer)? {
        Places::One(place) => place.into_iter().collect(),
        Places::Several(places) => places.into_iter().flatten().collect(),
    })
}

fn json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(|error| Unreadable::new(what, error.to_string()))
}

#[derive(Deserialize)]
struct BlockDevices {
    blockdevices: Vec<BlockDevice>,
}

/// The device that `lsblk DEVICE` describes; `None` when there is no such block device.
pub(crate) fn block_device(report: &Report, index: usize) -> Result<Option<BlockDevice>, Unreadable> {
    const WHAT: &str = "what is on the device";
    let output = ran(report, index, WHAT)?;
    if !output.success() {
        // "not a block device" is said of a missing path too.
        return match complaint::words(output) {
            words if words.contains("not a block device") => Ok(None),
            _ => Err(Unreadable::new(WHAT, complaint::reason(output))),
        };
    }
    Ok(json::<BlockDevices>(WHAT, &output.stdout)?
        .blockdevices
        .into_iter()
        .next())
}

#[derive(Deserialize)]
struct Signatures {
    signatures: Vec<Signature>,
}

#[derive(Deserialize)]
struct Signature {
    #[serde(rename = "type")]
    kind: String,
}

/// The signatures that `wipefs` found on the device itself. `lsblk` knows them from udev alone: without it, a
/// disk full of data looks bare there (seen with util-linux 2.38 and 2.41).
pub(crate) fn signatures(report: &Report, index: usize) -> Result<Vec<String>, Unreadable> {
    const WHAT: &str = "what is on the device";
    let output = ran(report, index, WHAT)?;
    if !output.success() {
        return Err(Unreadable::new(WHAT, complaint::reason(output)));
    }
    if output.stdout.trim().is_empty() {
        return Ok(Vec::new());
    }
    let found = json::<Signatures>(WHAT, &output.stdout)?.signatures;
    Ok(found.into_iter().map(|signature| signature.kind).collect())
}

/// A signature in words.
pub(crate) fn signature(kind: &str) -> String {
    match kind {
        "LVM2_member" => "an LVM physical volume".into(),
        "linux_raid_member" => "a member of a RAID array".into(),
        "crypto_LUKS" => "an encrypted volume (LUKS)".into(),
        "swap" => "swap space".into(),
        "zfs_member" => "a member of a ZFS pool".into(),
        "gpt" | "dos" | "PMBR" | "sun" | "mac" => format!("a partition table ({kind})"),
        kind => format!("a file system ({kind})"),
    }
}

/// What is mounted somewhere.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Mount {
    pub(crate) source: String,
    #[serde(default, deserialize_with = "optional_size")]
    pub(crate) size: ByteSize,
    #[serde(default, deserialize_with = "optional_size")]
    pub(crate) used: ByteSize,
}

#[derive(Deserialize)]
struct FileSystems {
    filesystems: Vec<Mount>,
}

/// `findmnt` says "nothing" by status 1 and silence; one that was ended in the middle is silent too.
fn nothing(output: &Output) -> bool {
    matches!(output.status, 0 | 1) && output.stdout.trim().is_empty() && output.stderr.trim().is_empty()
}

/// The uppermost mount that `findmnt --mountpoint` found; it prints nothing and fails when there is none.
pub(crate) fn mount(report: &Report, index: usize) -> Result<Option<Mount>, Unreadable> {
    const WHAT: &str = "what is mounted";
    let output = ran(report, index, WHAT)?;
    if nothing(output) {
        return Ok(None);
    }
    if !output.success() {
        return Err(Unreadable::new(WHAT, complaint::reason(output)));
    }
    Ok(json::<FileSystems>(WHAT, &output.stdout)?.filesystems.pop())
}

/// A mount of a list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct ListedMount {
    pub(crate) target: String,
    /// UUID of the file system; `null` when nobody knows it.
    #[serde(default)]
    pub(crate) uuid: Option<String>,
    #[serde(flatten)]
    pub(crate) mount: Mount,
}

#[derive(Deserialize)]
struct List<M> {
    filesystems: Vec<M>,
}

/// Where `findmnt --list` says that something is mounted.
pub(crate) fn mount_points(report: &Report, index: usize) -> Result<Vec<String>, Unreadable> {
    #[derive(Deserialize)]
    struct Target {
        target: String,
    }
    let mounts = listed::<Target>(report, index)?;
    Ok(mounts.into_iter().map(|mount| mount.target).collect())
}

/// What `findmnt --list` says of each mount.
pub(crate) fn mounts(report: &Report, index: usize) -> Result<Vec<ListedMount>, Unreadable> {
    listed(report, index)
}

/// `findmnt --list` prints nothing and fails when nothing is mounted.
fn listed<M: DeserializeOwned>(report: &Report, index: usize) -> Result<Vec<M>, Unreadable> {
    const WHAT: &str = "what is mounted";
    let output = ran(report, index, WHAT)?;
    if nothing(output) {
        return Ok(Vec::new());
    }
    if !output.success() {
        return Err(Unreadable::new(WHAT, complaint::reason(output)));
    }
    Ok(json::<List<M>>(WHAT, &output.stdout)?.filesystems)
}

/// A loop device and the file it serves.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct LoopDevice {
    #[serde(rename = "name")]
    pub(crate) device: String,
    #[serde(rename = "back-file")]
    pub(crate) file: String,
}

#[derive(Deserialize)]
struct LoopDevices {
    loopdevices: Vec<LoopDevice>,
}

/// The loop devices that `losetup --json --list` lists; some versions print nothing when there are none.
pub(crate) fn loop_devices(report: &Report, index: usize) -> Result<Vec<LoopDevice>, Unreadable> {
    const WHAT: &str = "which loop devices there are";
    let output = ran(report, index, WHAT)?;
    if output.stdout.trim().is_empty() && output.success() {
        return Ok(Vec::new());
    }
    if !output.success() {
        return match complaint::words(output) {
            // Asked for the devices of a file that is not there.
            words if words.contains("no such file or directory") => Ok(Vec::new()),
            _ => Err(Unreadable::new(WHAT, complaint::reason(output))),
        };
    }
    Ok(json::<LoopDevices>(WHAT, &output.stdout)?.loopdevices)
}
