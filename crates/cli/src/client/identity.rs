//! Which server is asked, and as whom: flags first, then Mortar's variables, then Heketi's.

use std::path::PathBuf;

use mortar_heketi::token::{Role, Secret, authorization_header};

use crate::args::Global;
use crate::config::first_line;
use crate::error::{Error, Result};

/// A server's address and who asks it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    /// The address, `http://HOST:PORT` or `https://HOST:PORT`.
    pub(crate) server: String,
    /// Certificates that the server's must lead to; `None` takes those that this machine trusts.
    pub(crate) authority: Option<PathBuf>,
    /// Who asks; `None` sends no token.
    pub(crate) identity: Option<Identity>,
}

/// Who asks.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    role: Role,
    secret: Secret,
}

impl Identity {
    /// Whether it is the role that may do little more than make volumes.
    pub(crate) fn is_user(&self) -> bool {
        self.role == Role::User
    }

    /// The header that shows it, for one request.
    pub(crate) fn header(&self, method: &str, path: &str, now: i64) -> String {
        authorization_header(self.role, &self.secret, method, path, now)
    }
}

impl Target {
    /// What the flags and the environment say.
    ///
    /// # Errors
    /// The user is not one that a server knows, has no secret, or the secret's file cannot be read.
    pub(crate) fn new(global: &Global, environment: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let first = |given: &Option<String>, names: [&str; 2]| {
            given
                .clone()
                .or_else(|| names.into_iter().find_map(&environment))
                .filter(|text| !text.is_empty())
        };
        let server = first(&global.server, ["MORTAR_SERVER", "HEKETI_CLI_SERVER"])
            .unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
        let user = first(&global.user, ["MORTAR_USER", "HEKETI_CLI_USER"]);
        let secret = secret(global, &environment)?;
        let authority = global.ca_file.clone().or_else(|| {
            let file = environment("MORTAR_CA_FILE").filter(|text| !text.is_empty());
            file.map(PathBuf::from)
        });
        Ok(Self {
            server,
            authority,
            identity: identity(user, secret)?,
        })
    }
}

fn secret(global: &Global, environment: &impl Fn(&str) -> Option<String>) -> Result<Option<String>> {
    if global.secret.is_some() {
        return Ok(global.secret.clone());
    }
    let file = global.secret_file.clone();
    let secret = |name| environment(name).filter(|text: &String| !text.is_empty());
    if file.is_none()
        && let Some(secret) = secret("MORTAR_SECRET")
    {
        return Ok(Some(secret));
    }
    match file.or_else(|| secret("MORTAR_SECRET_FILE").map(Into::into)) {
        Some(file) => first_line(&file)
            .map(Some)
            .map_err(|obstacle| Error::usage("read the secret", obstacle)),
        None => Ok(secret("HEKETI_CLI_KEY")),
    }
}

fn identity(user: Option<String>, secret: Option<String>) -> Result<Option<Identity>> {
    const ATTEMPT: &str = "show the server who asks";
    let Some(secret) = secret.map(Secret::new) else {
        return match user {
            None => Ok(None),
            Some(user) => Err(Error::usage(ATTEMPT, format!("the user {user} has no secret"))
                .advise("give --secret-file, or set MORTAR_SECRET")),
        };
    };
    match user.as_deref() {
        None | Some("admin") => Ok(Some(Identity {
            role: Role::Admin,
            secret,
        })),
        Some("user") => Ok(Some(Identity {
            role: Role::User,
            secret,
        })),
        Some(other) => {
            Err(Error::usage(ATTEMPT, format!("there is no user {other}"))
                .advise("the users are admin and user"))
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::Target;
    use crate::args::Cli;

    fn target(flags: &[&str], environment: &[(&str, &str)]) -> Result<Target, String> {
        let words = ["mortar", "topology", "show"].iter().chain(flags);
        let global = Cli::try_parse_from(words)
            .map_err(|error| error.to_string())?
            .global;
        let find = |name: &str| {
            environment
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value).to_owned())
        };
        Target::new(&global, find).map_err(|error| error.obstacle)
    }

    fn issuer(target: &Target) -> Option<&'static str> {
        target.identity.as_ref().map(|identity| identity.role.issuer())
    }

    #[test]
    fn flags_win_over_mortars_variables_and_those_over_heketis() {
        let heketi = ("HEKETI_CLI_SERVER", "http://heketi:1");
        let mortar = ("MORTAR_SERVER", "http://mortar:1");
        assert_eq!(target(&[], &[]).unwrap().server, "http://127.0.0.1:8080");
        assert_eq!(target(&[], &[heketi]).unwrap().server, "http://heketi:1");
        assert_eq!(target(&[], &[heketi, mortar]).unwrap().server, "http://mortar:1");
        assert_eq!(
            target(&["-s", "http://flag:1"], &[heketi, mortar])
                .unwrap()
                .server,
            "http://flag:1"
        );
    }

    #[test]
    fn who_asks() {
        assert_eq!(issuer(&target(&[], &[]).unwrap()), None);
        assert_eq!(issuer(&target(&["--secret", "s"], &[]).unwrap()), Some("admin"));
        assert_eq!(
            issuer(&target(&["--secret", "s", "--user", "user"], &[]).unwrap()),
            Some("user")
        );
        let heketi = [("HEKETI_CLI_USER", "user"), ("HEKETI_CLI_KEY", "k")];
        assert_eq!(issuer(&target(&[], &heketi).unwrap()), Some("user"));
        assert_eq!(
            target(&["--user", "admin"], &[]).unwrap_err(),
            "the user admin has no secret"
        );
        assert_eq!(
            target(&["--user", "eve", "--secret", "s"], &[]).unwrap_err(),
            "there is no user eve"
        );
        assert!(
            target(&["--secret-file", "/nowhere/s"], &[])
                .unwrap_err()
                .contains("/nowhere/s")
        );
    }

    #[test]
    fn a_secret_is_never_shown() {
        let target = target(&["--secret", "hush"], &[]).unwrap();
        assert!(!format!("{target:?}").contains("hush"));
    }
}
