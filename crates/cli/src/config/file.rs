//! The configuration file.

use std::path::Path;

use super::Settings;
use crate::error::{Error, Result};

/// Reads a configuration file.
///
/// # Errors
/// The file cannot be read, is not TOML, or has a key that is not known: the key and its line are named.
pub(crate) fn read(path: &Path) -> Result<Settings> {
    let attempt = || format!("read the configuration file {}", path.display());
    let text = std::fs::read_to_string(path).map_err(|error| Error::usage(attempt(), error.to_string()))?;
    parse(&text).map_err(|obstacle| {
        Error::usage(attempt(), obstacle)
            .advise("every key is an option of 'mortar serve --help' without its dashes")
    })
}

fn parse(text: &str) -> std::result::Result<Settings, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::config::{ExecutorName, Settings};

    #[test]
    fn an_unknown_key_is_refused_by_name_and_line() {
        let told = parse("store = \"memory\"\nlisen = \"127.0.0.1:1\"\n").unwrap_err();
        assert!(
            told.contains("`lisen`") && told.contains("line 2") && told.contains("`listen`"),
            "{told}"
        );
    }

    #[test]
    fn a_wrong_value_is_refused_by_line() {
        for text in [
            "listen = \"here\"",
            "executor = \"pigeon\"",
            "ssh-port = 70000",
            "disable-auth = \"yes\"",
            "a = [",
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.contains("line 1"), "{told}");
        }
    }

    #[test]
    fn keys_are_the_flags_without_dashes() {
        let read =
            parse("listen = \"[::1]:0\"\nexecutor = \"sim\"\nsim-seed = 7\nadmin-key = \"s\"\n").unwrap();
        let expected = Settings {
            listen: Some("[::1]:0".parse().unwrap()),
            executor: Some(ExecutorName::Sim),
            sim_seed: Some(7),
            admin_key: Some("s".into()),
            ..Settings::default()
        };
        assert_eq!(read, expected);
    }
}
