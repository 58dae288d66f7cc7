//! What a site may choose about the commands.

use std::time::Duration;

/// Choices that hold for every command on every node of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The file of persistent mount entries.
    pub fstab: String,
    /// Mount options of bricks, separated by commas, without white space.
    pub mount_options: String,
    /// How long glusterd may work on one command; `gluster` gives up after it.
    pub gluster_timeout: Duration,
    /// glusterd's working folder. Only read, and only to refuse: before a volume is stopped for good, its own
    /// record there tells in a millisecond whether it is ours and has no snapshots.
    pub gluster_state: String,
    /// How long any other command may take before its outcome counts as unknown.
    pub command_limit: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            fstab: "/etc/fstab".into(),
            mount_options: "rw,inode64,noatime,nouuid".into(),
            gluster_timeout: Duration::from_secs(600),
            gluster_state: "/var/lib/glusterd".into(),
            command_limit: Duration::from_secs(120),
        }
    }
}
