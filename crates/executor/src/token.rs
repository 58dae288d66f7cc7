//! The token that frames a script's output: nothing that a command prints may be taken for a frame.

use std::fmt::Write as _;
use std::fs::File;
use std::io::Read as _;

/// 32 random hex digits from the kernel.
pub(crate) fn random() -> std::io::Result<String> {
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    let mut token = String::with_capacity(32);
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(token, "{byte:02x}");
    }
    Ok(token)
}
