//! Looks, before anything is made, whether this machine can carry a lab.

use std::fs;
use std::path::Path;

use crate::error::{Attempt as _, LabError};
use crate::run::{LIMIT, PATH, finish, program};
use crate::spec::DeviceKind;

/// Programs that a lab calls, and the Debian package of each.
const PROGRAMS: [(&str, &str); 17] = [
    ("cp", "coreutils"),
    ("env", "coreutils"),
    ("getfattr", "attr"),
    ("gluster", "glusterfs-server"),
    ("glusterd", "glusterfs-server"),
    ("ip", "iproute2"),
    ("losetup", "mount"),
    ("mkfs.xfs", "xfsprogs"),
    ("mount", "mount"),
    ("mount.glusterfs", "glusterfs-client"),
    ("nsenter", "util-linux"),
    ("pivot_root", "util-linux"),
    ("setsid", "util-linux"),
    ("ssh-keygen", "openssh-client"),
    ("sshd", "openssh-server"),
    ("umount", "mount"),
    ("unshare", "util-linux"),
];

/// What LVM's disks need besides.
const LVM_PROGRAMS: [(&str, &str); 4] = [
    ("dmsetup", "dmsetup"),
    ("lvcreate", "lvm2"),
    ("thin_check", "thin-provisioning-tools"),
    ("vgchange", "lvm2"),
];

/// Refuses when the caller is not root, or when a program or a part of the kernel is missing.
pub(crate) fn check() -> Result<(), LabError> {
    check_root()?;
    check_programs(&PROGRAMS)?;
    check_kernel()
}

/// Refuses when the caller is not root.
pub(crate) fn check_root() -> Result<(), LabError> {
    if rustix::process::geteuid().is_root() {
        Ok(())
    } else {
        Err(LabError::NotRoot)
    }
}

fn check_programs(needed: &[(&str, &str)]) -> Result<(), LabError> {
    let there = |name: &str| {
        PATH.split(':')
            .any(|folder| Path::new(folder).join(name).exists())
    };
    let missing: Vec<_> = needed.iter().filter(|(name, _)| !there(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let programs = missing.iter().map(|(name, _)| (*name).to_owned()).collect();
    let mut packages: Vec<String> = missing.iter().map(|(_, package)| (*package).to_owned()).collect();
    packages.sort();
    packages.dedup();
    Err(LabError::MissingPrograms { programs, packages })
}

fn check_kernel() -> Result<(), LabError> {
    let missing = |feature, remedy| Err(LabError::MissingKernel { feature, remedy });
    if !file_system("xfs")? {
        return missing(
            "XFS file system",
            "load the module xfs or use a kernel that has it",
        );
    }
    if !file_system("fuse")? || !Path::new("/dev/fuse").exists() {
        return missing(
            "FUSE (/dev/fuse)",
            "load the module fuse or use a kernel that has it",
        );
    }
    if !Path::new("/dev/loop-control").exists() && !load("loop") {
        return missing(
            "loop devices (/dev/loop-control)",
            "load the module loop or use a kernel that has it",
        );
    }
    Ok(())
}

/// Refuses bare disks where LVM cannot make thin pools of them.
pub(crate) fn check_devices(kind: DeviceKind) -> Result<(), LabError> {
    if kind == DeviceKind::Directory {
        return Ok(());
    }
    check_programs(&LVM_PROGRAMS)?;
    let targets = || {
        finish(
            program("dmsetup").arg("targets"),
            "",
            "asking for targets of device-mapper",
            LIMIT,
        )
    };
    let thin = || Ok(String::from_utf8_lossy(&targets()?.stdout).contains("thin-pool"));
    if thin()? || (load("dm-thin-pool") && thin()?) {
        return Ok(());
    }
    Err(LabError::MissingKernel {
        feature: "thin pools of device-mapper",
        remedy: "load the module dm-thin-pool, or run this in the guest that has it (tools/guest/run)",
    })
}

fn file_system(name: &str) -> Result<bool, LabError> {
    let listed = || -> Result<bool, LabError> {
        let path = "/proc/filesystems";
        let text = fs::read_to_string(path).attempt(|| format!("reading {path}"))?;
        Ok(text
            .lines()
            .any(|line| line.split_ascii_whitespace().last() == Some(name)))
    };
    Ok(listed()? || (load(name) && listed()?))
}

/// Asks for a kernel module; false when there is none or no `modprobe` either.
fn load(module: &str) -> bool {
    finish(
        program("modprobe").args(["--quiet", module]),
        "",
        "loading a kernel module",
        LIMIT,
    )
    .is_ok_and(|output| output.status.success())
}

/// Which ssh daemon is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OpenSsh(u32, u32);

impl OpenSsh {
    /// Asks the installed daemon. Old ones do not know the question and name themselves in the complaint.
    pub(crate) fn installed() -> Result<Self, LabError> {
        let output = finish(
            program("sshd").arg("-V"),
            "",
            "asking sshd for its version",
            LIMIT,
        )?;
        let text = [output.stdout, output.stderr].concat();
        Ok(Self::parse(&String::from_utf8_lossy(&text)).unwrap_or(Self(0, 0)))
    }

    fn parse(text: &str) -> Option<Self> {
        let (_, version) = text.split_once("OpenSSH_")?;
        let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(str::parse);
        Some(Self(numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// Whether it shuts out addresses after failures (OpenSSH 9.8 and later).
    pub(crate) fn punishes(self) -> bool {
        self >= Self(9, 8)
    }
}

#[cfg(test)]
mod tests {
    use super::{OpenSsh, check_programs};

    #[test]
    fn a_missing_program_names_its_package() {
        let needed = [("sh", "dash"), ("no-such-program-here", "some-package")];
        let text = check_programs(&needed).unwrap_err().to_string();
        assert!(
            text.contains("no-such-program-here") && text.contains("apt-get install some-package"),
            "{text}"
        );
        assert!(!text.contains("dash"), "{text}");
    }

    #[test]
    fn versions_of_the_ssh_daemon() {
        let old = OpenSsh::parse("unknown option -- V\nOpenSSH_9.2p1 Debian-2+deb12u10, OpenSSL 3").unwrap();
        let new = OpenSsh::parse("OpenSSH_10.0p2 Debian-7").unwrap();
        assert!(!old.punishes() && new.punishes() && OpenSsh(9, 8).punishes());
        assert_eq!(OpenSsh::parse("nothing"), None);
    }
}
