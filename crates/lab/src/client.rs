//! This machine as a client of a lab: mounts of its volumes, and finding them again.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};

use crate::error::{Attempt as _, LabError};
use crate::network::Subnet;
use crate::process::{self, Identity};
use crate::run::{program, run, wait_until};
use crate::state::{Folder, Node, make_folder};

/// How long a client may take to write back what it holds and end.
const FAREWELL: Duration = Duration::from_secs(20);

/// Mounts `volume` at `dir`, asking `first` and then the others for its description.
pub(crate) fn mount(
    folder: &Folder,
    first: &Node,
    others: &[&Node],
    volume: &str,
    dir: &Path,
) -> Result<(), LabError> {
    check_volume(volume)?;
    make_folder(&folder.clients())?;
    let log = folder.clients().join(format!("{volume}.log"));
    let mut options = format!("log-file={}", log.display());
    if !others.is_empty() {
        let addresses: Vec<String> = others.iter().map(|node| node.address.to_string()).collect();
        options.push_str(",backup-volfile-servers=");
        options.push_str(&addresses.join(":"));
    }
    let source = format!("{}:/{volume}", first.address);
    let attempt = format!(
        "mounting the volume {volume} at {} (log: {})",
        dir.display(),
        log.display()
    );
    run(
        program("mount")
            .args(["-t", "glusterfs", "-o", &options, &source])
            .arg(dir),
        &attempt,
    )
    .map(drop)
}

/// Unmounts `dir` and waits until the client behind it has ended.
pub(crate) fn leave(subnet: Subnet, dir: &Path) -> Result<(), LabError> {
    let dir = fs::canonicalize(dir).attempt(|| format!("finding {}", dir.display()))?;
    let serving: Vec<Identity> = processes(subnet, Some(&dir));
    unmount(&dir, UnmountFlags::empty()).attempt(|| format!("unmounting {}", dir.display()))?;
    let attempt = format!("waiting for the client of {} to end", dir.display());
    wait_until(&attempt, FAREWELL, "see what it waits for in its log", || {
        Ok(if serving.iter().any(|process| process.alive()) {
            Err("it still runs".to_owned())
        } else {
            Ok(())
        })
    })
}

/// Unmounts every client of the lab, busy or not, and ends the programs behind the mounts.
pub(crate) fn leave_all(subnet: Subnet) -> Result<(), LabError> {
    for dir in mounts(subnet)? {
        let what = || format!("unmounting {}", dir.display());
        match unmount(&dir, UnmountFlags::empty()) {
            // In use, or its servers are gone: out of the way now, freed when its last user lets go.
            Err(Errno::BUSY | Errno::NOTCONN) => unmount(&dir, UnmountFlags::DETACH).attempt(what)?,
            Err(Errno::INVAL | Errno::NOENT) => {}
            other => other.attempt(what)?,
        }
    }
    let gone = wait_until("waiting for clients to end", Duration::from_secs(2), "", || {
        let left = processes(subnet, None);
        Ok(if left.is_empty() {
            Ok(())
        } else {
            Err(String::new())
        })
    });
    if gone.is_err() {
        process::end(&processes(subnet, None), FAREWELL)?;
    }
    Ok(())
}

/// Where volumes of the lab are mounted on this machine.
pub(crate) fn mounts(subnet: Subnet) -> Result<Vec<PathBuf>, LabError> {
    let own = |mount: &Mount| {
        let server = mount
            .source
            .split_once(':')
            .and_then(|(host, _)| host.parse::<Ipv4Addr>().ok());
        mount.kind == "fuse.glusterfs" && server.is_some_and(|address| subnet.contains(address))
    };
    Ok(all_mounts()?
        .into_iter()
        .filter(own)
        .map(|mount| mount.target)
        .collect())
}

/// Mounts of this machine below a folder; the last mounted first.
pub(crate) fn mounts_below(folder: &Path) -> Result<Vec<PathBuf>, LabError> {
    let mut found: Vec<PathBuf> = all_mounts()?
        .into_iter()
        .map(|mount| mount.target)
        .filter(|target| target.starts_with(folder))
        .collect();
    found.reverse();
    Ok(found)
}

/// GlusterFS clients that talk to the lab's nodes; those that serve `dir` only, when given.
fn processes(subnet: Subnet, dir: Option<&Path>) -> Vec<Identity> {
    let ours = |pid: &i32| {
        let arguments = process::arguments(*pid);
        let servers = arguments
            .iter()
            .filter_map(|argument| argument.strip_prefix("--volfile-server="));
        let mut addresses = servers.filter_map(|server| server.parse::<Ipv4Addr>().ok());
        let serves = dir.is_none_or(|dir| arguments.last().is_some_and(|last| Path::new(last) == dir));
        serves && addresses.any(|address| subnet.contains(address))
    };
    let client = |pid: &i32| process::short_name(*pid).is_some_and(|name| name.starts_with("gluster"));
    process::all()
        .into_iter()
        .filter(client)
        .filter(ours)
        .filter_map(Identity::of)
        .collect()
}

struct Mount {
    target: PathBuf,
    kind: String,
    source: String,
}

fn all_mounts() -> Result<Vec<Mount>, LabError> {
    let path = "/proc/self/mountinfo";
    let text = fs::read_to_string(path).attempt(|| format!("reading {path}"))?;
    Ok(text.lines().filter_map(parse_mount).collect())
}

/// One line of mountinfo: the mount point is field 5; type and source follow a lone dash.
fn parse_mount(line: &str) -> Option<Mount> {
    let (front, back) = line.split_once(" - ")?;
    let mut back = back.split(' ');
    Some(Mount {
        target: PathBuf::from(unescape(front.split(' ').nth(4)?)),
        kind: back.next()?.to_owned(),
        source: unescape(back.next()?),
    })
}

/// The kernel writes white space and backslashes as three octal digits.
fn unescape(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (code, plain)| text.replace(code, plain))
}

fn check_volume(volume: &str) -> Result<(), LabError> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if !volume.is_empty() && !volume.starts_with('-') && volume.bytes().all(fits) {
        return Ok(());
    }
    Err(LabError::failed(
        "mounting a volume",
        format!("{volume:?} is no name of a GlusterFS volume"),
        "use letters, digits, - and _",
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{check_volume, parse_mount};

    #[test]
    fn lines_of_the_mount_table() {
        let line = "36 35 0:43 / /mnt/a\\040b rw,relatime shared:1 - fuse.glusterfs 10.177.0.11:/v\\0401 rw,user_id=0";
        let mount = parse_mount(line).unwrap();
        assert_eq!(mount.target, Path::new("/mnt/a b"));
        assert_eq!(
            (mount.kind.as_str(), mount.source.as_str()),
            ("fuse.glusterfs", "10.177.0.11:/v 1")
        );
        assert!(parse_mount("nonsense").is_none());
    }

    #[test]
    fn names_of_volumes() {
        check_volume("vol_a-1").unwrap();
        for bad in ["", "-o", "a b", "a,b", "../a", "a;b"] {
            check_volume(bad).unwrap_err();
        }
    }
}
