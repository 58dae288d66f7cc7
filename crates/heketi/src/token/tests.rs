//! Vectors made with another implementation. In Python 3, for each token:
//!
//! ```text
//! b = lambda x: base64.urlsafe_b64encode(x).rstrip(b"=").decode()
//! text = b(json.dumps(header, separators=(",", ":")).encode()) + "." + b(json.dumps(claims, …).encode())
//! token = text + "." + b(hmac.new(key, text.encode(), hashlib.sha256).digest())
//! ```

use proptest::prelude::*;

use super::{AuthError, Keys, Role, Secret, authorise, authorization_header, base64, make, qsh};

/// `{"typ":"JWT","alg":…}`, `{"iss":"admin","iat":1000,"exp":1001,"qsh":<of GET&/volumes/abc>}`, key `My Secret`.
const HS256: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhZG1pbiIsImlhdCI6MTAwMCwiZXhwIjoxMDAxLCJxc2giOiJmMGVkZDUxNTY5OTVjMGIyNDUxNjAzOTY1NGQyYzI0YTkwM2M3YjE0ZThjYzA0NGJkYmFiZTE3MmYxOWYyZDk3In0.IUUSZOw02xr3ReDPi6A3iM1WH7oOL9UTdmBbY6zK53o";
const HS384: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzM4NCJ9.eyJpc3MiOiJhZG1pbiIsImlhdCI6MTAwMCwiZXhwIjoxMDAxLCJxc2giOiJmMGVkZDUxNTY5OTVjMGIyNDUxNjAzOTY1NGQyYzI0YTkwM2M3YjE0ZThjYzA0NGJkYmFiZTE3MmYxOWYyZDk3In0.wAEdmZQnLHhQxcSVduESig6FsqPzMNED8kwE6CG2VfCQHaqzdYTiQQeRBlkbjylg";
const HS512: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.eyJpc3MiOiJhZG1pbiIsImlhdCI6MTAwMCwiZXhwIjoxMDAxLCJxc2giOiJmMGVkZDUxNTY5OTVjMGIyNDUxNjAzOTY1NGQyYzI0YTkwM2M3YjE0ZThjYzA0NGJkYmFiZTE3MmYxOWYyZDk3In0.ZGbLHvwRClR3c4u0SfpsW5Jtaus9s8yO8pC0X3wAKYoPKCm_E-rC-HX-0JoUEu23mSUxCEmahWLJtd0UsfPKDg";
/// The same with `"iss":"user"`, for `POST&/volumes`, key `user key`.
const USER: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ1c2VyIiwiaWF0IjoxMDAwLCJleHAiOjEwMDEsInFzaCI6IjNhOTgzMWE5OTA4OTI0ZTNmNzhmZTk0ODU4NWY0MTg0OWU5MjcyNDUyMmY1MTUzY2I5MWFmZjdmOGVhNDhlYWMifQ.PKpa9SZJboTs_H81OB3ji9bUh5wp1tUG3GSpHGv0bEA";

fn keys() -> Keys {
    Keys::new(Secret::new("My Secret"), Secret::new("user key")).unwrap()
}

/// The one volume that the user asked for.
const OWN: &str = "0d";

fn at(header: &str, method: &str, path: &str, now: i64) -> Result<Role, (u16, String)> {
    authorise(Some(header), method, path, now, &keys(), |id| id == OWN)
        .map_err(|error| (error.status(), error.to_string()))
}

#[test]
fn tokens_of_another_implementation_pass() {
    assert_eq!(
        qsh("GET", "/volumes/abc"),
        "f0edd5156995c0b24516039654d2c24a903c7b14e8cc044bdbabe172f19f2d97"
    );
    for token in [HS256, HS384, HS512] {
        assert_eq!(
            at(&format!("Bearer {token}"), "GET", "/volumes/abc", 1000),
            Ok(Role::Admin)
        );
        assert_eq!(
            at(&format!("bEARER {token}"), "GET", "/volumes/abc", 1001),
            Ok(Role::Admin),
            "exp == now"
        );
    }
    assert_eq!(
        at(&format!("bearer {USER}"), "POST", "/volumes", 1000),
        Ok(Role::User)
    );
}

#[test]
fn one_changed_letter_is_another_signature() {
    let invalid = Err((
        401,
        "Invalid JWT token: signature is invalid (client and server secrets may not match)".to_owned(),
    ));
    let payload = HS256.find('.').unwrap() + 10;
    let mut forged = HS256.to_owned();
    forged.replace_range(payload..=payload, "X");
    assert!(at(&format!("bearer {forged}"), "GET", "/volumes/abc", 1000).is_err());
    for token in [
        HS256.replace(".IUUS", ".IUUT"),
        HS384.replace(".wAEd", ".wAEe"),
        HS256.replace(".IUUSZOw02xr3ReDPi6A3iM1WH7oOL9UTdmBbY6zK53o", "."),
    ] {
        assert_eq!(
            at(&format!("bearer {token}"), "GET", "/volumes/abc", 1000),
            invalid,
            "{token}"
        );
    }
    let swapped = Keys::new(Secret::new("user key"), Secret::new("My Secret")).unwrap();
    assert!(
        authorise(
            Some(&format!("bearer {HS256}")),
            "GET",
            "/volumes/abc",
            1000,
            &swapped,
            |_| false,
        )
        .is_err()
    );
}

/// A token with these claims, signed by the test itself with the admin's key.
fn signed(header: &str, claims: &str) -> String {
    use hmac::{Hmac, Mac};
    let text = format!(
        "{}.{}",
        base64::encode(header.as_bytes()),
        base64::encode(claims.as_bytes())
    );
    let mac = <Hmac<sha2::Sha256> as Mac>::new_from_slice(b"My Secret")
        .unwrap()
        .chain_update(&text);
    format!("bearer {text}.{}", base64::encode(&mac.finalize().into_bytes()))
}

#[test]
fn every_text_of_the_table() {
    const HS: &str = r#"{"alg":"HS256","typ":"JWT"}"#;
    let qsh = qsh("GET", "/clusters");
    let claims = |rest: &str| signed(HS, &format!(r#"{{"qsh":"{qsh}",{rest}}}"#));
    let cases: Vec<(String, u16, &str)> = vec![
        (String::new(), 401, "Required authorization token not found"),
        (
            "bearer".into(),
            400,
            "Authorization header format must be Bearer {token}",
        ),
        (
            "basic dXNlcg==".into(),
            400,
            "Authorization header format must be Bearer {token}",
        ),
        (
            "bearer a b".into(),
            400,
            "Authorization header format must be Bearer {token}",
        ),
        (
            format!("bearer {}", "x".repeat(9000)),
            400,
            "Authorization header format must be Bearer {token}",
        ),
        (
            "bearer abc".into(),
            401,
            "Invalid JWT token: token contains an invalid number of segments",
        ),
        (
            "bearer a.b.c.d".into(),
            401,
            "Invalid JWT token: token contains an invalid number of segments",
        ),
        (
            "bearer a.b.c".into(),
            401,
            "Invalid JWT token: token is malformed",
        ),
        (signed(HS, "[]"), 401, "Invalid JWT token: token is malformed"),
        (
            claims(r#""iss":"admin","exp":1.5"#),
            401,
            "Invalid JWT token: token is malformed",
        ),
        (
            signed(r#"{"alg":"none"}"#, r#"{"iss":"admin","exp":2000}"#),
            401,
            "Invalid JWT token: Unexpected signing method: none",
        ),
        (
            signed(r#"{"alg":"RS256"}"#, r#"{"iss":"admin","exp":2000}"#),
            401,
            "Invalid JWT token: Unexpected signing method: RS256",
        ),
        (
            claims(r#""exp":2000"#),
            401,
            "Invalid JWT token: Token missing iss claim",
        ),
        (
            claims(r#""iss":"root","exp":2000"#),
            401,
            "Invalid JWT token: Unknown user",
        ),
        (
            claims(r#""iss":"user","exp":2000"#),
            401,
            "Invalid JWT token: signature is invalid (client and server secrets may not match)",
        ),
        (
            claims(r#""iss":"admin""#),
            401,
            "Invalid JWT token: Token missing exp claim",
        ),
        (
            claims(r#""iss":"admin","exp":1197"#),
            401,
            "Invalid JWT token: Token is expired by 3s",
        ),
        (
            claims(r#""iss":"admin","exp":1077"#),
            401,
            "Invalid JWT token: Token is expired by 2m3s",
        ),
        (
            claims(r#""iss":"admin","iat":1321,"exp":2000"#),
            401,
            "Invalid JWT token: Token used before issued (client and server clocks may differ)",
        ),
        (
            claims(r#""iss":"admin","nbf":1201,"exp":2000"#),
            401,
            "Invalid JWT token: token is not valid yet",
        ),
        (
            signed(HS, r#"{"iss":"admin","exp":2000}"#),
            401,
            "Invalid qsh claim in token",
        ),
        (
            signed(HS, r#"{"iss":"admin","exp":2000,"qsh":"x"}"#),
            401,
            "Invalid qsh claim in token",
        ),
    ];
    for (header, status, text) in cases {
        assert_eq!(
            at(&header, "GET", "/clusters", 1200),
            Err((status, text.to_owned())),
            "{header}"
        );
    }
    assert_eq!(
        authorise(None, "GET", "/clusters", 1200, &keys(), |_| false),
        Err(AuthError::Missing)
    );
    assert_eq!(
        at(
            &claims(r#""iss":"admin","iat":1320,"exp":2000"#),
            "GET",
            "/clusters",
            1200
        ),
        Ok(Role::Admin)
    );
    assert_eq!(
        at(
            &claims(r#""iss":"admin","nbf":1200,"exp":2000"#),
            "GET",
            "/clusters",
            1200
        ),
        Ok(Role::Admin)
    );
}

#[test]
fn a_token_is_for_one_method_and_path() {
    let header = authorization_header(Role::Admin, &Secret::new("My Secret"), "GET", "/nodes/a", 1000);
    assert_eq!(at(&header, "GET", "/nodes/a", 1300), Ok(Role::Admin));
    for (method, path) in [
        ("DELETE", "/nodes/a"),
        ("GET", "/nodes/b"),
        ("GET", "/nodes/a/"),
        ("get", "/nodes/a"),
    ] {
        assert_eq!(
            at(&header, method, path, 1000),
            Err((401, "Invalid qsh claim in token".into()))
        );
    }
    assert!(at(&header, "GET", "/nodes/a", 1301).is_err());
}

#[test]
fn what_a_user_may_do() {
    let try_it = |method, path| {
        let header = authorization_header(Role::User, &Secret::new("user key"), method, path, 1000);
        at(&header, method, path, 1000)
    };
    for (method, path) in [
        ("GET", "/volumes"),
        ("POST", "/volumes"),
        ("GET", "/queue/0f"),
        ("GET", "/volumes/0d"),
        ("DELETE", "/volumes/0d"),
        ("GET", "/v1/volumes"),
        ("GET", "/v1/volumes/0d"),
        ("DELETE", "/v1/volumes/0d"),
    ] {
        assert_eq!(try_it(method, path), Ok(Role::User));
    }
    for (method, path) in [
        ("GET", "/volumes/0f"),
        ("DELETE", "/volumes/0f"),
        ("POST", "/volumes/0d"),
        ("POST", "/volumes/0d/expand"),
        ("DELETE", "/volumes/0d/"),
        ("POST", "/v1/volumes"),
        ("GET", "/v1/volumes/0f"),
        ("DELETE", "/v1/volumes/0f"),
        ("GET", "/v1/volumes/0d/heal"),
        ("POST", "/v1/volumes/0d"),
        ("GET", "/v1/v1/volumes/0d"),
        ("DELETE", "/queue/0f"),
        ("GET", "/clusters"),
        ("POST", "/v1/plan"),
        ("GET", "/v1/operations"),
        ("GET", "/volumesx"),
    ] {
        assert_eq!(
            try_it(method, path),
            Err((401, "Administrator access required".into()))
        );
    }
}

#[test]
fn keys_cannot_be_empty_and_are_never_shown() {
    assert!(Keys::new(Secret::new(""), Secret::new("x")).is_err());
    assert!(Keys::new(Secret::new("x"), Secret::new("")).is_err());
    assert!(!format!("{:?}", keys()).contains("My Secret"));
}

#[test]
fn without_a_user_key_there_is_no_user() {
    let keys = Keys::of_admin(Secret::new("My Secret")).unwrap();
    let asked = |role: Role, key: &str| {
        let header = authorization_header(role, &Secret::new(key), "GET", "/volumes", 1000);
        authorise(Some(&header), "GET", "/volumes", 1000, &keys, |_| true).map_err(|error| error.to_string())
    };
    assert_eq!(asked(Role::Admin, "My Secret"), Ok(Role::Admin));
    for key in ["My Secret", "user key", "x"] {
        assert_eq!(
            asked(Role::User, key),
            Err("Invalid JWT token: Unknown user".into()),
            "{key}"
        );
    }
    assert!(Keys::of_admin(Secret::new("")).is_err());
}

#[test]
fn weak_keys_are_named() {
    let both = |admin: &str, user: &str| Keys::new(Secret::new(admin), Secret::new(user)).unwrap();
    let count = |keys: Keys| keys.weaknesses().len();
    assert_eq!(count(both("My Secret", "user key")), 0);
    assert_eq!(both("1234567", "user key").weaknesses().len(), 1);
    assert!(both("1234567", "user key").weaknesses()[0].starts_with("the admin key has fewer"));
    assert!(both("My Secret", "1234567").weaknesses()[0].starts_with("the user key has fewer"));
    assert!(both("My Secret", "My Secret").weaknesses()[0].contains("the same"));
    assert_eq!(count(both("s", "s")), 3);
    assert_eq!(count(Keys::of_admin(Secret::new("My Secret")).unwrap()), 0);
}

proptest! {
    #[test]
    fn no_header_panics(header: String, now: i64) {
        prop_assert!(authorise(Some(&header), "GET", "/x", now, &keys(), |_| false).is_err());
    }

    #[test]
    fn no_token_panics(header: Vec<u8>, claims: Vec<u8>, signature: Vec<u8>, now: i64) {
        let parts = [header, claims, signature].map(|part| base64::encode(&part));
        let header = format!("bearer {}", parts.join("."));
        prop_assert!(authorise(Some(&header), "GET", "/x", now, &keys(), |_| false).is_err());
    }

    #[test]
    fn no_claims_panic(exp: i64, iat: i64, nbf: i64, now: i64) {
        let claims = format!(r#"{{"iss":"admin","exp":{exp},"iat":{iat},"nbf":{nbf},"qsh":"{}"}}"#, qsh("GET", "/x"));
        let answer = authorise(Some(&signed(r#"{"alg":"HS256"}"#, &claims)), "GET", "/x", now, &keys(), |_| false);
        prop_assert_eq!(answer.is_ok(), exp != 0 && now <= exp && iat <= now.saturating_add(120) && nbf <= now);
    }

    #[test]
    fn what_is_made_passes(key in ".{1,40}", method in "[A-Z]{3,7}", path in "/[a-z0-9/]{0,40}", now in 0_i64..1 << 40) {
        let keys = Keys::new(Secret::new(key.clone()), Secret::new("other")).unwrap();
        let header = format!("bearer {}", make(Role::Admin, &Secret::new(key), &method, &path, now, 1));
        prop_assert_eq!(authorise(Some(&header), &method, &path, now + 1, &keys, |_| false), Ok(Role::Admin));
    }
}
