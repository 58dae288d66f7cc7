//! The secrets that tokens are checked with: given, or in files.

use std::path::Path;

use mortar_heketi::token::{Keys, Secret};

use super::Settings;
use crate::error::{Error, Result};

/// What all errors here were attempting.
const ATTEMPT: &str = "start the server";

/// The keys; none where every request is taken. Without a user key there is no user role.
///
/// # Errors
/// The admin key is missing, a key is said twice, or cannot be read.
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
    let Some(admin) = admin.map(Secret::new) else {
        let obstacle = "there is no admin-key, and requests are to be authorised";
        return Err(Error::usage(ATTEMPT, obstacle)
            .advise("set admin-key-file, or start with --disable-auth where only you reach the port"));
    };
    let keys = match user.map(Secret::new) {
        Some(user) => Keys::new(admin, user),
        None => Keys::of_admin(admin),
    };
    keys.map(Some)
        .map_err(|error| Error::usage(ATTEMPT, error.to_string()))
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
