//! Making tokens, for clients.

use std::fmt::Write as _;

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use super::base64::encode;
use super::{Role, Secret};

/// The claim that ties a token to a method and a path: lower-case hex SHA-256 of `METHOD&PATH`. The path is the decoded
/// one without its query.
pub fn qsh(method: &str, path: &str) -> String {
    let digest = Sha256::digest(format!("{method}&{path}"));
    digest.iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Makes a token for one method and path, signed with HS256.
///
/// `now` is in seconds since 1970; the token is valid for `seconds`, the last one included.
pub fn make(role: Role, key: &Secret, method: &str, path: &str, now: i64, seconds: i64) -> String {
    let claims = serde_json::json!({
        "exp": now.saturating_add(seconds),
        "iat": now,
        "iss": role.issuer(),
        "qsh": qsh(method, path),
    });
    let text = format!(
        "{}.{}",
        encode(br#"{"alg":"HS256","typ":"JWT"}"#),
        encode(claims.to_string().as_bytes())
    );
    let mac = <Hmac<Sha256> as Mac>::new_from_slice(key.bytes()).expect("HMAC takes keys of every length");
    let signature = mac.chain_update(&text).finalize().into_bytes();
    format!("{text}.{}", encode(&signature))
}

/// The value of the `Authorization` header for one request, valid for five minutes as that of Heketi's own client.
pub fn authorization_header(role: Role, key: &Secret, method: &str, path: &str, now: i64) -> String {
    const FIVE_MINUTES: i64 = 300;
    format!("bearer {}", make(role, key, method, path, now, FIVE_MINUTES))
}
