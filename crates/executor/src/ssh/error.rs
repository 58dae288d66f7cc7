//! What can stand between Mortar and a node. Each text names the host, what was tried and the way on; none
//! holds a secret.

use std::path::PathBuf;
use std::time::Duration;

/// Why a host could not be reached over ssh. Nothing was run there.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SshError {
    /// The private key file cannot be used.
    #[error("cannot use the ssh key {path}: {reason}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        reason: String,
    },
    /// The file of known hosts cannot be read.
    #[error(
        "cannot check the key of {host}: cannot read the known_hosts file {path} ({reason}); make it with `ssh-keyscan -p {port} {host} >> {path}` and compare the fingerprints"
    )]
    KnownHosts {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The host's name has no address.
    #[error("cannot find the address of {host}: {reason}; check the node's management host name")]
    Resolve {
        /// The host.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The host answered that nothing listens there, or could not be reached at all.
    #[error("cannot connect to {host} port {port}: {reason}; check that the node is up and runs sshd there")]
    Connect {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
        /// What the system said.
        reason: String,
    },
    /// The host did not answer in time.
    #[error(
        "{host} port {port} did not answer within {limit:?} ({during}); check that the node is up and can be reached"
    )]
    TimedOut {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
        /// How long was waited.
        limit: Duration,
        /// What was being done.
        during: &'static str,
    },
    /// What answers there does not speak ssh as it should, or ended the connection.
    #[error("{host} port {port} answered, but ssh failed while {during}: {reason}")]
    Protocol {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
        /// What was being done.
        during: &'static str,
        /// What went wrong.
        reason: String,
    },
    /// No line of known_hosts is for this host, or only lines for other types of keys.
    #[error(
        "the key of {host} port {port} is not known: it shows {fingerprint}{others}; if that is the node's key, add it: `ssh-keyscan -p {port} {host} >> {path}`"
    )]
    UnknownHostKey {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
        /// Type and fingerprint of the key that it shows.
        fingerprint: String,
        /// The types that are known, with words around them; empty if none is.
        others: String,
        /// The file.
        path: PathBuf,
    },
    /// Another key of the same type is known for this host.
    #[error(
        "THE KEY OF {host} port {port} HAS CHANGED: it shows {fingerprint}, {path} line {line} says otherwise; somebody may be in between, or the node was set up anew; if it was, replace the line: `ssh-keygen -R '{name}' -f {path}` and `ssh-keyscan -p {port} {host} >> {path}`"
    )]
    ChangedHostKey {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
        /// The host as the file writes it.
        name: String,
        /// Type and fingerprint of the key that it shows.
        fingerprint: String,
        /// The file.
        path: PathBuf,
        /// The line with the other key, from 1.
        line: usize,
    },
    /// The key that the host shows is marked as revoked.
    #[error(
        "the key of {host} port {port} is revoked: {path} line {line} marks {fingerprint}; give the node a new host key"
    )]
    RevokedHostKey {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
        /// Type and fingerprint of the key that it shows.
        fingerprint: String,
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The host does not let the user in with this key.
    #[error(
        "{host} port {port} does not let {user} in with the key {key_file} ({fingerprint}); add its public half to that user's authorized_keys on the node"
    )]
    Refused {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
        /// The user.
        user: String,
        /// The private key's file.
        key_file: PathBuf,
        /// Type and fingerprint of the key.
        fingerprint: String,
    },
    /// The host refused one more session on the connection.
    #[error(
        "{host} port {port} refused a session ({reason}); at most {sessions} are used at once: check MaxSessions in its sshd_config"
    )]
    NoSession {
        /// The host.
        host: String,
        /// Its port.
        port: u16,
        /// How the refusal was worded.
        reason: String,
        /// How many are used.
        sessions: usize,
    },
}
