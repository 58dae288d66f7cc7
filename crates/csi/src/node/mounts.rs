//! What is mounted where, as this process sees it.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The kind of a GlusterFS client's mount.
const GLUSTER: &str = "fuse.glusterfs";

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Where.
    pub(crate) target: PathBuf,
    /// What of its file system is shown there: `/` is all of it.
    pub(crate) root: String,
    /// The file system's kind.
    pub(crate) kind: String,
    /// What it was made from.
    pub(crate) source: String,
    /// Whether this mount may not be written.
    pub(crate) read_only: bool,
}

impl Mount {
    /// Whether it is a client of this volume.
    pub(crate) fn is_volume(&self, name: &str) -> bool {
        let volume = self.source.rsplit([':', '/']).next();
        self.kind == GLUSTER && volume == Some(name) && self.root == "/"
    }

    /// Whether it shows this loop device.
    pub(crate) fn is_device(&self, device: &Path) -> bool {
        let name = device.file_name().and_then(|name| name.to_str());
        self.kind == "devtmpfs" && name.is_some_and(|name| self.root == format!("/{name}"))
    }

    /// Whether it could be what this driver mounts: a GlusterFS client, or a loop device.
    pub(crate) fn could_be_ours(&self) -> bool {
        self.kind == GLUSTER || (self.kind == "devtmpfs" && self.root.starts_with("/loop"))
    }
}

/// What is mounted at a path; the last one where several are.
///
/// # Errors
/// The kernel's table cannot be read.
pub(crate) fn at(path: &Path) -> io::Result<Option<Mount>> {
    let table = table()?;
    Ok(table
        .lines()
        .filter_map(parse)
        .rfind(|mount| mount.target == path))
}

/// All paths at which something is mounted.
///
/// # Errors
/// The kernel's table cannot be read.
pub(crate) fn points() -> io::Result<BTreeSet<PathBuf>> {
    let table = table()?;
    let mounts = table.lines().filter_map(parse);
    Ok(mounts.map(|mount| mount.target).collect())
}

fn table() -> io::Result<String> {
    fs::read_to_string("/proc/self/mountinfo")
}

/// One line of mountinfo: root, target and options are fields 4 to 6; kind and source follow a lone dash.
fn parse(line: &str) -> Option<Mount> {
    let (front, back) = line.split_once(" - ")?;
    let mut front = front.split(' ').skip(3);
    let (root, target, options) = (front.next()?, front.next()?, front.next()?);
    let mut back = back.split(' ');
    Some(Mount {
        target: PathBuf::from(unescape(target)),
        root: unescape(root),
        kind: back.next()?.to_owned(),
        source: unescape(back.next()?),
        read_only: options.split(',').any(|option| option == "ro"),
    })
}

/// The kernel writes white space and backslashes as three octal digits.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::parse;

    #[test]
    fn lines_of_the_mount_table() {
        let line =
            "36 35 0:43 / /mnt/a\\040b ro,relatime shared:1 - fuse.glusterfs 10.177.0.11:/csi_1 rw,user_id=0";
        let mount = parse(line).unwrap();
        assert_eq!(mount.target, Path::new("/mnt/a b"));
        assert!(mount.read_only && mount.is_volume("csi_1") && mount.could_be_ours());
        assert!(!mount.is_volume("csi_2") && !mount.is_volume("1"));
        let device = parse("40 35 0:5 /loop3 /pods/x rw - devtmpfs udev rw").unwrap();
        assert!(device.is_device(Path::new("/dev/loop3")) && !device.is_device(Path::new("/dev/loop30")));
        let other = parse("41 35 8:1 /etc /etc rw - ext4 /dev/sda1 rw").unwrap();
        assert!(!other.could_be_ours());
        assert!(parse("nonsense").is_none());
    }
}
