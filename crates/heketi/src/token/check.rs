//! Checking tokens, for the server.

use super::base64::decode;
use super::{Algorithm, Keys, Reach, Role, qsh};
use crate::json::{Fields, FromJson, Json, WrongType};

/// How far ahead of the server's clock a client's may be when a token is made (Heketi's default).
const IAT_LEEWAY_SECONDS: i64 = 120;

/// Longest header that is looked at; a client's token has about 300 bytes.
const LONGEST_HEADER: usize = 8192;

/// Why a request is refused. Texts are Heketi's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// There is no token.
    #[error("Required authorization token not found")]
    Missing,
    /// The header is not the word and the token.
    #[error("Authorization header format must be Bearer {{token}}")]
    HeaderForm,
    /// The token is not one, is signed with another key, or is not valid now.
    #[error("Invalid JWT token: {0}")]
    Token(TokenError),
    /// The token is for another method or path.
    #[error("Invalid qsh claim in token")]
    OtherRequest,
    /// The role may not do this.
    #[error("Administrator access required")]
    AdminOnly,
}

impl AuthError {
    /// The HTTP status that goes with the text.
    pub const fn status(&self) -> u16 {
        match self {
            Self::HeaderForm => 400,
            Self::Missing | Self::Token(_) | Self::OtherRequest | Self::AdminOnly => 401,
        }
    }
}

/// What is wrong with a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It does not have three parts.
    #[error("token contains an invalid number of segments")]
    Segments,
    /// A part is not base64 of JSON with the claims a token has.
    #[error("token is malformed")]
    Malformed,
    /// It is not signed with a shared key.
    #[error("Unexpected signing method: {0}")]
    Algorithm(String),
    /// It does not say who made it.
    #[error("Token missing iss claim")]
    NoIssuer,
    /// Nobody of that name has a key.
    #[error("Unknown user")]
    UnknownIssuer,
    /// It was signed with another key.
    #[error("signature is invalid (client and server secrets may not match)")]
    Signature,
    /// It does not say until when it is valid.
    #[error("Token missing exp claim")]
    NoExpiry,
    /// It is too old.
    #[error("Token is expired by {}", go_duration(*.0))]
    Expired(u64),
    /// The client's clock is too far ahead.
    #[error("Token used before issued (client and server clocks may differ)")]
    BeforeIssued,
    /// It says itself that it is not valid yet.
    #[error("token is not valid yet")]
    NotYet,
}

/// Seconds as Go writes them: `3s`, `1m0s`, `26h3m4s`.
fn go_duration(seconds: u64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes) {
        (0, 0) => format!("{rest}s"),
        (0, minutes) => format!("{minutes}m{rest}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{rest}s"),
    }
}

#[derive(Default)]
struct Header {
    alg: String,
}

impl FromJson for Header {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        Ok(Self {
            alg: Fields::of(json)?.get("alg")?,
        })
    }
}

#[derive(Default)]
struct Claims {
    iss: String,
    exp: i64,
    iat: i64,
    nbf: i64,
    qsh: String,
}

impl FromJson for Claims {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            iss: fields.get("iss")?,
            exp: fields.get("exp")?,
            iat: fields.get("iat")?,
            nbf: fields.get("nbf")?,
            qsh: fields.get("qsh")?,
        })
    }
}

/// Decides whether a request may pass: its `Authorization` header, method, decoded path without the query, and the
/// time in seconds since 1970. Which routes a role may call is [`Role::reach`]'s to say; `owns` tells whether the user role asked for the
/// volume of an id.
///
/// # Errors
/// Says what is wrong with the header, the token, or the role's rights.
pub fn authorise(
    header: Option<&str>,
    method: &str,
    path: &str,
    now: i64,
    keys: &Keys,
    owns: impl FnOnce(&str) -> bool,
) -> Result<Role, AuthError> {
    let token = bearer(header)?;
    let (role, claims) = verified(token, keys).map_err(AuthError::Token)?;
    check_times(&claims, now).map_err(AuthError::Token)?;
    if claims.qsh != qsh(method, path) {
        return Err(AuthError::OtherRequest);
    }
    let may = match role.reach(method, path) {
        Reach::Open => true,
        Reach::OwnVolume(id) => owns(id),
        Reach::Closed => false,
    };
    may.then_some(role).ok_or(AuthError::AdminOnly)
}

fn bearer(header: Option<&str>) -> Result<&str, AuthError> {
    let header = header
        .filter(|header| !header.is_empty())
        .ok_or(AuthError::Missing)?;
    match header.split(' ').collect::<Vec<_>>()[..] {
        [scheme, token] if scheme.eq_ignore_ascii_case("bearer") && header.len() <= LONGEST_HEADER => {
            Ok(token)
        }
        _ => Err(AuthError::HeaderForm),
    }
}

fn verified(token: &str, keys: &Keys) -> Result<(Role, Claims), TokenError> {
    let mut segments = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (segments.next(), segments.next(), segments.next(), segments.next())
    else {
        return Err(TokenError::Segments);
    };
    let Header { alg } = part(header)?;
    let claims: Claims = part(payload)?;
    let signature = decode(signature).ok_or(TokenError::Malformed)?;
    let algorithm =
        Algorithm::by_name(&alg).ok_or_else(|| TokenError::Algorithm(crate::problems::shown(&alg)))?;
    let role = match claims.iss.as_str() {
        "admin" => Role::Admin,
        "user" => Role::User,
        "" => return Err(TokenError::NoIssuer),
        _ => return Err(TokenError::UnknownIssuer),
    };
    let secret = keys.of(role).ok_or(TokenError::UnknownIssuer)?;
    if !algorithm.verify(secret, &token[..header.len() + 1 + payload.len()], &signature) {
        return Err(TokenError::Signature);
    }
    Ok((role, claims))
}

fn part<T: FromJson>(segment: &str) -> Result<T, TokenError> {
    let bytes = decode(segment).ok_or(TokenError::Malformed)?;
    crate::json::read(&bytes).map_err(|_| TokenError::Malformed)
}

/// `exp` counts until its second is over: the Python client makes tokens that live for one second.
fn check_times(claims: &Claims, now: i64) -> Result<(), TokenError> {
    if claims.exp == 0 {
        return Err(TokenError::NoExpiry);
    }
    if now > claims.exp {
        return Err(TokenError::Expired(now.abs_diff(claims.exp)));
    }
    if claims.iat > now.saturating_add(IAT_LEEWAY_SECONDS) {
        return Err(TokenError::BeforeIssued);
    }
    if claims.nbf > now {
        return Err(TokenError::NotYet);
    }
    Ok(())
}
