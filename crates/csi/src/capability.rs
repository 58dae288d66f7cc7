//! How volumes may be used: as files or as a block device, and by whom at once.

use tonic::Status;

use crate::proto::VolumeCapability;
use crate::proto::volume_capability::AccessType;
use crate::proto::volume_capability::access_mode::Mode;
use crate::trouble::invalid;

/// What a caller wants to do with a volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Access {
    /// By whom at once.
    pub(crate) mode: Mode,
    /// Whether as a block device.
    pub(crate) block: bool,
    /// Options of the mount.
    pub(crate) flags: Vec<String>,
}

/// Options of a mount that a GlusterFS client takes, and its own names for them. A name with `=` takes a value.
const FLAGS: [(&str, &str); 12] = [
    ("acl", "--acl"),
    ("selinux", "--selinux"),
    ("log-level=", "--log-level="),
    ("direct-io-mode=", "--direct-io-mode="),
    ("attribute-timeout=", "--attribute-timeout="),
    ("entry-timeout=", "--entry-timeout="),
    ("negative-timeout=", "--negative-timeout="),
    ("gid-timeout=", "--gid-timeout="),
    ("background-qlen=", "--background-qlen="),
    ("congestion-threshold=", "--congestion-threshold="),
    ("reader-thread-count=", "--reader-thread-count="),
    ("lru-limit=", "--lru-limit="),
];

impl Access {
    /// Reads a capability.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: it is missing, or asks for what there is not.
    pub(crate) fn read(capability: Option<&VolumeCapability>) -> Result<Self, Status> {
        let capability = capability.ok_or_else(|| invalid("volume_capability is missing"))?;
        let mode = capability.access_mode.as_ref().map(|mode| mode.mode());
        let mode = mode
            .filter(|mode| *mode != Mode::Unknown)
            .ok_or_else(|| invalid("the access mode is missing, or not one that is known"))?;
        match &capability.access_type {
            None => Err(invalid("the access type is missing: mount or block")),
            Some(AccessType::Block(_)) => Ok(Self {
                mode,
                block: true,
                flags: Vec::new(),
            }),
            Some(AccessType::Mount(mount)) => {
                if !["", "glusterfs", "fuse.glusterfs"].contains(&mount.fs_type.as_str()) {
                    let text = format!(
                        "file system type {:?} is not what volumes have: leave it out",
                        mount.fs_type
                    );
                    return Err(invalid(text));
                }
                if !mount.volume_mount_group.is_empty() {
                    return Err(invalid("volume_mount_group is not a capability of this driver"));
                }
                arguments(&mount.mount_flags)?;
                Ok(Self {
                    mode,
                    block: false,
                    flags: mount.mount_flags.clone(),
                })
            }
        }
    }

    /// Reads several that are to hold together; whether they are for a block device.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: there is none, one is not one, or files and block device are asked for at once.
    pub(crate) fn read_all(capabilities: &[VolumeCapability]) -> Result<bool, Status> {
        if capabilities.is_empty() {
            return Err(invalid("volume_capabilities is missing"));
        }
        let all: Vec<Self> = capabilities
            .iter()
            .map(|capability| Self::read(Some(capability)))
            .collect::<Result<_, _>>()?;
        let block = all[0].block;
        if all.iter().any(|access| access.block != block) {
            return Err(invalid("a volume is either files or a block device, not both"));
        }
        Ok(block)
    }

    /// Whether nothing may be written.
    pub(crate) const fn reads_only(&self) -> bool {
        matches!(self.mode, Mode::SingleNodeReaderOnly | Mode::MultiNodeReaderOnly)
    }

    /// Whether one target on one node has the volume to itself.
    pub(crate) const fn is_exclusive(&self) -> bool {
        matches!(self.mode, Mode::SingleNodeSingleWriter)
    }
}

/// Options of a mount as arguments of a GlusterFS client; `ro` and `rw` are none, bind mounts see to them.
///
/// # Errors
/// INVALID_ARGUMENT: one is not known.
pub(crate) fn arguments(flags: &[String]) -> Result<Vec<String>, Status> {
    let mut arguments = Vec::new();
    for flag in flags.iter().flat_map(|flags| flags.split(',')) {
        if ["ro", "rw", ""].contains(&flag) {
            continue;
        }
        let known = FLAGS.iter().find_map(|(name, argument)| {
            let value = flag.strip_prefix(name)?;
            let harmless = value.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
            (name.ends_with('=') != value.is_empty() && harmless).then(|| format!("{argument}{value}"))
        });
        arguments.push(known.ok_or_else(|| invalid(format!("mount option {flag:?} is not known")))?);
    }
    Ok(arguments)
}

#[cfg(test)]
mod tests {
    use super::arguments;

    #[test]
    fn options_of_mounts_are_a_closed_set() {
        let read = |flag: &str| arguments(&[flag.to_owned()]);
        assert_eq!(
            read("acl,log-level=DEBUG,ro").unwrap(),
            ["--acl", "--log-level=DEBUG"]
        );
        for bad in [
            "volfile-server=x",
            "acl=1",
            "log-level=",
            "log-level=a/b",
            "-x",
            "log-file=/etc/passwd",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
