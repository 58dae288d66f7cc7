//! How each program is called: the options that every call of it has.

use std::time::Duration;

use mortar_argv::Command;
use mortar_model::{HostName, VolumeName};

use crate::Settings;

/// How much longer a `gluster` command may take than glusterd: the time to start it and to print.
const GLUSTER_MARGIN: Duration = Duration::from_secs(30);

/// `gluster` without questions, with glusterd's time limit.
pub(crate) fn gluster(settings: &Settings) -> Command {
    Command::new("gluster")
        .arg("--mode=script")
        .arg(format!("--timeout={}", settings.gluster_timeout.as_secs().max(1)))
        .limit(settings.gluster_timeout + GLUSTER_MARGIN)
}

/// How long `gluster-block` waits for its daemon: as long as its own client does (`CLI_TIMEOUT_DEF`), and the time to start it and
/// to print.
const GLUSTER_BLOCK_LIMIT: Duration = Duration::from_secs(900 + 30);

/// `gluster-block`, which asks no questions.
pub(crate) fn gluster_block(settings: &Settings) -> Command {
    let limit = GLUSTER_BLOCK_LIMIT.max(settings.gluster_timeout + GLUSTER_MARGIN);
    Command::new("gluster-block").limit(limit)
}

/// `gluster volume VERB NAME`.
pub(crate) fn volume(settings: &Settings, verb: &str, name: &VolumeName) -> Command {
    gluster(settings).args(["volume", verb, name.as_str()])
}

/// `gluster peer VERB HOST`.
pub(crate) fn peer(settings: &Settings, verb: &str, host: &HostName) -> Command {
    gluster(settings).args(["peer", verb, host.as_str()])
}

/// Any other program, with the limit of the settings.
pub(crate) fn program(settings: &Settings, name: &str) -> Command {
    Command::new(name).limit(settings.command_limit)
}

/// `test FLAG PATH`: a shell built-in, so a guard made of it costs nothing.
pub(crate) fn test(settings: &Settings, flag: &str, path: impl Into<String>) -> Command {
    program(settings, "test").arg(flag).arg(path)
}

/// A program that changes LVM's state: quiet, without questions answered yes, without copies of the metadata on
/// the node's own disk.
pub(crate) fn lvm(settings: &Settings, name: &str) -> Command {
    program(settings, name).arg("-qq")
}

/// A question to LVM, answered as JSON with sizes in bytes.
pub(crate) fn lvm_report(settings: &Settings, name: &str, columns: &str) -> Command {
    program(settings, name).args([
        "--reportformat",
        "json",
        "--units",
        "b",
        "--nosuffix",
        "-o",
        columns,
    ])
}

/// A program that changes the file of mount entries, one at a time per node.
pub(crate) fn locked(settings: &Settings, name: &str) -> Command {
    program(settings, "flock")
        .arg(format!("{}.lock", settings.fstab))
        .arg(name)
}

/// Writes `text` to `path`, in place of what it held.
pub(crate) fn write(settings: &Settings, path: impl Into<String>, text: &str) -> Command {
    program(settings, "tee").arg(path).input(text)
}

/// Prints a file.
pub(crate) fn read(settings: &Settings, path: impl Into<String>) -> Command {
    program(settings, "cat").arg(path)
}
