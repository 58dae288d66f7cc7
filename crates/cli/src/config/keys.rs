//! The secrets that tokens are checked with: given, or in files.

use std::path::Path;

use mortar_heketi::token::{Keys, Secret};

use super::Settings;
use crate::error::{Error, Result};

/// What all errors here were attempting.
const ATTEMPT: &str = "start the server";

/// The keys; none where every request is taken.
///
/// # Errors
/// One is missing, is said twice, or cannot be read.
pub(super) fn checked(settings: &Settings) -> Result<Option<Keys>> {
    let admin = secret(
        "admin-key",
        settings.admin_key.as_ref(),
        settings.admin_key_file.as_deref(),
    )?;
    let user = secret(
        "user-key",
        settings.user_key.as_ref(),
        settings.user_key_file.as_deref(),
    )?;
    if settings.disable_auth == Some(true) {
        return Ok(None);
    }
    let missing = match (admin, user) {
        (Some(admin), Some(user)) => {
            let keys = Keys::new(Secret::new(admin), Secret::new(user));
            return keys
                .map(Some)
                .map_err(|error| Error::usage(ATTEMPT, error.to_string()));
        }
        (None, _) => "admin-key",
        (_, None) => "user-key",
    };
    Err(Error::usage(
        ATTEMPT,
        format!("there is no {missing}, and requests are to be authorised"),
    )
    .advise(format!(
        "set {missing}-file, or start with --disable-auth where only you reach the port"
    )))
}

fn secret(name: &str, given: Option<&String>, file: Option<&Path>) -> Result<Option<String>> {
    let secret = match (given, file) {
        (Some(_), Some(_)) => {
            return Err(
                Error::usage(ATTEMPT, format!("both {name} and {name}-file are set"))
                    .advise("set one of them"),
            );
        }
        (None, None) => return Ok(None),
        (Some(given), None) => given.clone(),
        (None, Some(file)) => first_line(file).map_err(|obstacle| Error::usage(ATTEMPT, obstacle))?,
    };
    if secret.is_empty() {
        return Err(Error::usage(ATTEMPT, format!("{name} is empty")));
    }
    Ok(Some(secret))
}

/// The first line of a file that holds a secret.
///
/// # Errors
/// Says why the file cannot be read, or that it is empty.
pub(crate) fn first_line(file: &Path) -> std::result::Result<String, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(format!("{}: its first line is empty", file.display())),
    }
}
