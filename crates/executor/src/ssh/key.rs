//! Reading the private key.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use russh::keys::{Algorithm, PrivateKey};

use super::SshError;

/// Keys are small; what is larger is something else.
const LARGEST: u64 = 64 * 1024;

/// Reads the key in `path` and refuses what must not or cannot be used.
pub(super) fn load(path: &Path) -> Result<PrivateKey, SshError> {
    let refused = |reason: String| SshError::Key {
        path: path.to_owned(),
        reason,
    };
    let mut file = File::open(path)
        .map_err(|error| refused(format!("{error}; make one with `ssh-keygen -t ed25519`")))?;
    let about = file.metadata().map_err(|error| refused(error.to_string()))?;
    if !about.is_file() || about.len() > LARGEST {
        return Err(refused("it is not a file with a key".to_owned()));
    }
    let mode = about.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(refused(format!(
            "others may read it (mode {mode:04o}); `chmod 600` it"
        )));
    }
    let mut text = String::new();
    file.read_to_string(&mut text)
        .map_err(|_| refused("it is not a text file".to_owned()))?;
    // The error of the parser is not told: it could hold a part of the key.
    let key = PrivateKey::from_openssh(&text)
        .map_err(|_| refused("it is not a private key in OpenSSH's format".to_owned()))?;
    if key.is_encrypted() {
        return Err(refused(
            "it is encrypted, and there is nobody to ask; use a key without a passphrase".to_owned(),
        ));
    }
    match key.algorithm() {
        Algorithm::Ed25519 | Algorithm::Ecdsa { .. } => Ok(key),
        other => Err(refused(format!(
            "{other} keys are not supported; use ed25519 or ecdsa"
        ))),
    }
}
