//! The JSON web tokens of Heketi's clients: made and checked.
//!
//! A token is signed with one of two shared keys, for one method and one path: its claim `qsh` is the SHA-256 of
//! `METHOD&PATH`, without the query. The body is not covered, and a token can be used again until it expires;
//! that is Heketi's protocol, and TLS is what makes it safe on a network.

mod base64;
mod check;
mod keys;
mod make;

pub use check::{AuthError, authorise};
pub use keys::{Keys, MissingKey, Reach, Role, Secret};
pub use make::{authorization_header, make, qsh};

/// Algorithms that a token may be signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Hs256,
    Hs384,
    Hs512,
}

impl Algorithm {
    fn by_name(name: &str) -> Option<Self> {
        match name {
            "HS256" => Some(Self::Hs256),
            "HS384" => Some(Self::Hs384),
            "HS512" => Some(Self::Hs512),
            _ => None,
        }
    }

    /// Whether `signature` is that of `text`; takes the same time wherever they differ.
    fn verify(self, key: &Secret, text: &str, signature: &[u8]) -> bool {
        use hmac::{Hmac, Mac};
        fn fits<M: Mac + hmac::digest::KeyInit>(key: &[u8], text: &str, signature: &[u8]) -> bool {
            <M as Mac>::new_from_slice(key)
                .is_ok_and(|mac| mac.chain_update(text).verify_slice(signature).is_ok())
        }
        match self {
            Self::Hs256 => fits::<Hmac<sha2::Sha256>>(key.bytes(), text, signature),
            Self::Hs384 => fits::<Hmac<sha2::Sha384>>(key.bytes(), text, signature),
            Self::Hs512 => fits::<Hmac<sha2::Sha512>>(key.bytes(), text, signature),
        }
    }
}

#[cfg(test)]
mod tests;
