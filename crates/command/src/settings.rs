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
    /// glusterd's working folder. Read to refuse (before a volume is stopped for good, its own record there tells in a
    /// millisecond whether it is ours and has no snapshots) and to compare members. Changed only to cure a member.
    pub gluster_state: String,
    /// The file in which glusterd keeps the id of its process.
    pub glusterd_pid_file: String,
    /// The file that glusterd logs to.
    pub glusterd_log: String,
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
            glusterd_pid_file: "/run/glusterd.pid".into(),
            glusterd_log: "/var/log/glusterfs/glusterd.log".into(),
            command_limit: Duration::from_secs(120),
        }
    }
}
