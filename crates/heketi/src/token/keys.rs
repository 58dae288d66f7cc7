//! Who may ask, and the keys they show it with.

use std::fmt;

/// A shared key. Never shown, not even in debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a key.
    pub fn new(key: impl Into<String>) -> Self {
        Self(key.into())
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Who asks: the issuer of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// May do everything.
    Admin,
    /// May make and list volumes, and look at and delete those that it made.
    User,
}

impl Role {
    /// The role's name in a token.
    pub const fn issuer(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }

    /// What the role may do with this route. An administrator may call all. A user may call exactly `/volumes`, as with Heketi, and
    /// (unlike Heketi) read `/queue/{id}`, so that who makes a volume can learn what became of it; queue ids cannot
    /// be guessed. What became of it is a volume, which the user who asked for it may look at and delete, on `/v1` too. The list there
    /// shows it nothing but what it asked for.
    pub fn reach<'a>(self, method: &str, path: &'a str) -> Reach<'a> {
        let volume = path.strip_prefix("/v1").unwrap_or(path).strip_prefix("/volumes/");
        let volume = volume.filter(|id| !id.contains('/'));
        match (self, volume) {
            (Self::Admin, _) => Reach::Open,
            (Self::User, Some(id)) if ["GET", "DELETE"].contains(&method) => Reach::OwnVolume(id),
            (Self::User, _) if path == "/volumes" => Reach::Open,
            (Self::User, _) if method == "GET" && path == "/v1/volumes" => Reach::Open,
            (Self::User, _) if method == "GET" && path.starts_with("/queue/") => Reach::Open,
            (Self::User, _) => Reach::Closed,
        }
    }
}

/// What a role may do with a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach<'a> {
    /// All.
    Open,
    /// All, if the role asked for the volume of this id.
    OwnVolume(&'a str),
    /// Nothing.
    Closed,
}

/// The server's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    admin: Secret,
    /// `None`: there is no user role, and its tokens are those of nobody.
    user: Option<Secret>,
}

/// Keys of fewer bytes can be guessed from one token.
const SHORTEST: usize = 8;

/// A key that is missing. The text is Heketi's, with a way on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "Missing JWT information in config file: set both the admin key and the user key, or start with --disable-auth"
)]
pub struct MissingKey;

impl Keys {
    /// Takes both keys.
    ///
    /// # Errors
    /// One of them is empty: every token could then be forged.
    pub fn new(admin: Secret, user: Secret) -> Result<Self, MissingKey> {
        if user.is_empty() {
            return Err(MissingKey);
        }
        let keys = Self::of_admin(admin)?;
        Ok(Self {
            user: Some(user),
            ..keys
        })
    }

    /// Takes the administrator's key alone: there is no user role.
    ///
    /// # Errors
    /// It is empty: every token could then be forged.
    pub fn of_admin(admin: Secret) -> Result<Self, MissingKey> {
        if admin.is_empty() {
            return Err(MissingKey);
        }
        Ok(Self { admin, user: None })
    }

    /// What is weak about them, for people. Heketi took such keys, so they are no error.
    pub fn weaknesses(&self) -> Vec<&'static str> {
        let short = |secret: &Secret| secret.bytes().len() < SHORTEST;
        let said = [
            (
                self.user.as_ref() == Some(&self.admin),
                "the admin key and the user key are the same: every user is admin",
            ),
            (
                short(&self.admin),
                "the admin key has fewer than 8 bytes: it can be guessed from one token",
            ),
            (
                self.user.as_ref().is_some_and(short),
                "the user key has fewer than 8 bytes: it can be guessed from one token",
            ),
        ];
        said.into_iter()
            .filter_map(|(is_so, text)| is_so.then_some(text))
            .collect()
    }

    pub(super) fn of(&self, role: Role) -> Option<&Secret> {
        match role {
            Role::Admin => Some(&self.admin),
            Role::User => self.user.as_ref(),
        }
    }
}
