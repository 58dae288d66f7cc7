//! Which key a host must show: OpenSSH's known_hosts format.
//!
//! Plain and hashed names, several names and patterns with `*`, `?` and `!`, `[host]:port`, and the `@revoked`
//! marker are understood as `ssh` understands them (ssh(1), sshd(8)). Lines that cannot be read count for
//! nothing, as there. `@cert-authority` lines count for nothing either: host certificates are not asked for.

use ring::hmac;
use russh::keys::ssh_key::known_hosts::{Entry, HostPatterns, Marker};
use russh::keys::{Algorithm, PublicKey};

/// What the file says about a key that a host shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The key is the host's.
    Known,
    /// Nothing is said about keys of this type; the types about which something is said for this host.
    Unknown(Vec<Algorithm>),
    /// Another key of this type is the host's; the number of the line, from 1.
    Changed(usize),
    /// The key is revoked; the number of the line, from 1.
    Revoked(usize),
}

/// The lines of a file that concern one host.
#[derive(Clone, Debug)]
pub(super) struct HostKeys {
    known: Vec<(usize, PublicKey)>,
    revoked: Vec<(usize, PublicKey)>,
}

/// The host as the file writes it.
pub(super) fn name(host: &str, port: u16) -> String {
    let host = host.to_ascii_lowercase();
    if port == 22 {
        host
    } else {
        format!("[{host}]:{port}")
    }
}

impl HostKeys {
    /// Reads the lines of `text` that concern `host`.
    pub(super) fn of(host: &str, port: u16, text: &str) -> Self {
        let name = name(host, port);
        let mut keys = Self {
            known: Vec::new(),
            revoked: Vec::new(),
        };
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if line.starts_with('#') {
                continue;
            }
            // The parser wants single spaces; the format allows any white space.
            let words: Vec<_> = line.split_whitespace().collect();
            let Ok(entry) = words.join(" ").parse::<Entry>() else {
                continue;
            };
            if !matches(entry.host_patterns(), &name) {
                continue;
            }
            let key = (index + 1, entry.public_key().clone());
            match entry.marker() {
                None => keys.known.push(key),
                Some(Marker::Revoked) => keys.revoked.push(key),
                Some(Marker::CertAuthority) => {}
            }
        }
        keys
    }

    /// What is said about `shown`.
    pub(super) fn judge(&self, shown: &PublicKey) -> Verdict {
        // A key's comment is no part of it.
        let same = |(_, key): &&(usize, PublicKey)| key.key_data() == shown.key_data();
        if let Some((line, _)) = self.revoked.iter().find(same) {
            return Verdict::Revoked(*line);
        }
        if self.known.iter().any(|entry| same(&entry)) {
            return Verdict::Known;
        }
        match self
            .known
            .iter()
            .find(|(_, key)| key.algorithm() == shown.algorithm())
        {
            Some((line, _)) => Verdict::Changed(*line),
            None => Verdict::Unknown(self.known.iter().map(|(_, key)| key.algorithm()).collect()),
        }
    }

    /// `supported` with the types for which a key is known put first: a host that has several keys shows the
    /// first that both sides have.
    pub(super) fn preferred(&self, supported: &[Algorithm]) -> Vec<Algorithm> {
        let (mut first, rest): (Vec<_>, Vec<_>) = supported
            .iter()
            .cloned()
            .partition(|algorithm| self.known.iter().any(|(_, key)| key.algorithm() == *algorithm));
        first.extend(rest);
        first
    }
}

fn matches(patterns: &HostPatterns, name: &str) -> bool {
    match patterns {
        HostPatterns::HashedName { salt, hash } => {
            let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
            hmac::verify(&key, name.as_bytes(), hash).is_ok()
        }
        HostPatterns::Patterns(patterns) => {
            let mut found = false;
            for pattern in patterns {
                let pattern = pattern.to_ascii_lowercase();
                match pattern.strip_prefix('!') {
                    Some(not) if fits(not.as_bytes(), name.as_bytes()) => return false,
                    Some(_) => {}
                    None => found |= fits(pattern.as_bytes(), name.as_bytes()),
                }
            }
            found
        }
    }
}

/// Whether `name` fits `pattern`, in which `*` stands for any text and `?` for one character.
fn fits(pattern: &[u8], name: &[u8]) -> bool {
    let (mut at, mut in_name) = (0, 0);
    // Where to go on when what follows the last star does not fit here.
    let mut star: Option<(usize, usize)> = None;
    while in_name < name.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at + 1, in_name));
                at += 1;
            }
            Some(&c) if c == b'?' || c == name[in_name] => {
                at += 1;
                in_name += 1;
            }
            _ => match star {
                Some((after, begun)) => {
                    star = Some((after, begun + 1));
                    at = after;
                    in_name = begun + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&c| c == b'*')
}

#[cfg(test)]
mod tests {
    use russh::keys::ssh_key::private::Ed25519Keypair;
    use russh::keys::{Algorithm, EcdsaCurve, PublicKey};

    use super::{HostKeys, Verdict, fits};

    fn key(seed: u8) -> PublicKey {
        PublicKey::from(Ed25519Keypair::from_seed(&[seed; 32]).public)
    }

    fn line(hosts: &str, seed: u8) -> String {
        format!("{hosts} {}", key(seed).to_openssh().unwrap())
    }

    fn judge(text: &str, host: &str, port: u16, seed: u8) -> Verdict {
        HostKeys::of(host, port, text).judge(&key(seed))
    }

    #[test]
    fn names_lists_ports_and_patterns() {
        let text = format!(
            "# a comment\n\n{}\n{}\n{}\nno sense at all\n",
            line("node1,192.0.2.1", 1),
            line("[node1]:2222", 2),
            line("*.lab.example,!bad.lab.example,n?", 3).replace(' ', "\t"),
        );
        assert_eq!(judge(&text, "node1", 22, 1), Verdict::Known);
        assert_eq!(judge(&text, "NODE1", 22, 1), Verdict::Known);
        assert_eq!(judge(&text, "192.0.2.1", 22, 1), Verdict::Known);
        assert_eq!(judge(&text, "node1", 2222, 2), Verdict::Known);
        assert_eq!(judge(&text, "node1", 2222, 1), Verdict::Changed(4));
        assert_eq!(judge(&text, "node1", 23, 1), Verdict::Unknown(vec![]));
        assert_eq!(judge(&text, "node2", 22, 1), Verdict::Unknown(vec![]));
        assert_eq!(judge(&text, "a.lab.example", 22, 3), Verdict::Known);
        assert_eq!(judge(&text, "bad.lab.example", 22, 3), Verdict::Unknown(vec![]));
        assert_eq!(judge(&text, "n7", 22, 3), Verdict::Known);
        assert_eq!(judge(&text, "node1", 22, 9), Verdict::Changed(3));
    }

    /// Lines as `ssh-keygen -H` makes them, of "node1" and of "[node1]:2222".
    #[test]
    fn hashed_names() {
        let text = format!(
            "{}\n{}\n",
            line("|1|AAECAwQFBgcICQoLDA0ODxAREhM=|HASH1", 1),
            line("|1|AAECAwQFBgcICQoLDA0ODxAREhM=|HASH2", 2),
        );
        let hash = |name: &str| {
            let salt: Vec<u8> = (0..20).collect();
            let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
            base64(ring::hmac::sign(&key, name.as_bytes()).as_ref())
        };
        let text = text
            .replace("HASH1", &hash("node1"))
            .replace("HASH2", &hash("[node1]:2222"));
        assert_eq!(judge(&text, "node1", 22, 1), Verdict::Known);
        assert_eq!(judge(&text, "node1", 2222, 2), Verdict::Known);
        assert_eq!(judge(&text, "node1", 2222, 1), Verdict::Changed(2));
        assert_eq!(judge(&text, "node2", 22, 1), Verdict::Unknown(vec![]));
    }

    fn base64(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        bytes
            .chunks(3)
            .flat_map(|part| {
                let value = part.iter().fold(0, |value, &byte| value << 8 | usize::from(byte))
                    << (8 * (3 - part.len()));
                (0..4).map(move |n| {
                    if n > part.len() {
                        '='
                    } else {
                        DIGITS[value >> (18 - 6 * n) & 63] as char
                    }
                })
            })
            .collect()
    }

    #[test]
    fn a_revoked_key_is_refused_whatever_else_is_said() {
        let text = format!(
            "{}\n@revoked {}\n@cert-authority {}\n",
            line("node1", 1),
            line("*", 1),
            line("node2", 2)
        );
        assert_eq!(judge(&text, "node1", 22, 1), Verdict::Revoked(2));
        assert_eq!(judge(&text, "node2", 22, 2), Verdict::Unknown(vec![]));
    }

    #[test]
    fn known_types_are_asked_for_first() {
        let keys = HostKeys::of("node1", 22, &line("node1", 1));
        let ecdsa = Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP256,
        };
        assert_eq!(
            keys.preferred(&[ecdsa.clone(), Algorithm::Ed25519]),
            [Algorithm::Ed25519, ecdsa]
        );
    }

    #[test]
    fn stars_and_marks() {
        for (pattern, name, fitting) in [
            ("*", "", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("**x", "yx", true),
            ("", "a", false),
            ("ab", "abc", false),
        ] {
            assert_eq!(
                fits(pattern.as_bytes(), name.as_bytes()),
                fitting,
                "{pattern} {name}"
            );
        }
    }
}
