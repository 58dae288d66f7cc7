//! The ssh side of a lab: one key for its user, one host key per node, and the file that vouches for the nodes.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Attempt as _, LabError};
use crate::preflight::OpenSsh;
use crate::run::{program, run};
use crate::state::{Folder, Node, make_folder};
use crate::tree;

/// Path of the daemon's configuration inside a node.
pub(crate) const CONFIG: &str = "/lab/ssh/sshd_config";

/// The private key that opens every node.
pub(crate) fn private_key(folder: &Folder) -> PathBuf {
    folder.keys().join("id_ed25519")
}

/// The host keys of all nodes, in the format of ssh.
pub(crate) fn known_hosts(folder: &Folder) -> PathBuf {
    folder.keys().join("known_hosts")
}

/// Makes the lab's key.
pub(crate) fn make_lab_key(folder: &Folder) -> Result<(), LabError> {
    make_folder(&folder.keys())?;
    make_key(&private_key(folder))
}

/// Makes the host key of a node and the files of its ssh daemon.
pub(crate) fn prepare_node(folder: &Folder, node: &Node, ssh: OpenSsh) -> Result<(), LabError> {
    let home = tree::root(folder, node).join("lab/ssh");
    make_key(&home.join("host_key"))?;
    let key = private_key(folder).with_extension("pub");
    let authorised = fs::read(&key).attempt(|| format!("reading {}", key.display()))?;
    for (name, text) in [
        ("authorized_keys", authorised),
        ("sshd_config", config(node, ssh).into_bytes()),
    ] {
        let path = home.join(name);
        fs::write(&path, text).attempt(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}

/// Writes down the host keys of all nodes, by address.
pub(crate) fn write_known_hosts(folder: &Folder, nodes: &[Node]) -> Result<(), LabError> {
    let mut text = String::new();
    for node in nodes {
        let path = tree::root(folder, node).join("lab/ssh/host_key.pub");
        let key = fs::read_to_string(&path).attempt(|| format!("reading {}", path.display()))?;
        let mut words = key.split_ascii_whitespace();
        if let (Some(kind), Some(base64)) = (words.next(), words.next()) {
            let _ = writeln!(text, "{} {kind} {base64}", node.address);
        }
    }
    let path = known_hosts(folder);
    fs::write(&path, text).attempt(|| format!("writing {}", path.display()))
}

fn make_key(path: &Path) -> Result<(), LabError> {
    if path.with_extension("pub").exists() {
        return Ok(());
    }
    // A private key without its public half comes from an interrupted run; the program would ask about it.
    let _ = fs::remove_file(path);
    let mut command = program("ssh-keygen");
    command
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "mortar-lab", "-f"])
        .arg(path);
    run(&mut command, "making an ssh key").map(drop)
}

/// A daemon that answers at once, takes the lab's key and nothing else, and lets many commands run side by side.
fn config(node: &Node, ssh: OpenSsh) -> String {
    let mut text = format!(
        "AddressFamily inet\n\
         ListenAddress {}:22\n\
         HostKey /lab/ssh/host_key\n\
         PidFile /run/sshd.pid\n\
         AuthorizedKeysFile /lab/ssh/authorized_keys\n\
         PermitRootLogin prohibit-password\n\
         PubkeyAuthentication yes\n\
         PasswordAuthentication no\n\
         KbdInteractiveAuthentication no\n\
         UsePAM no\n\
         UseDNS no\n\
         StrictModes no\n\
         PrintMotd no\n\
         PrintLastLog no\n\
         X11Forwarding no\n\
         MaxStartups 500\n\
         MaxSessions 500\n\
         Subsystem sftp internal-sftp\n",
        node.address
    );
    if ssh.punishes() {
        // Tests of wrong keys would lock the whole machine out for a while.
        text.push_str("PerSourcePenalties no\n");
    }
    text
}
