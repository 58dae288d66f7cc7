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
    /// be guessed. What became of it is a volume, which the user who asked for it may look at and delete.
    pub fn reach<'a>(self, method: &str, path: &'a str) -> Reach<'a> {
        let volume = path.strip_prefix("/volumes/").filter(|id| !id.contains('/'));
        match (self, volume) {
            (Self::Admin, _) => Reach::Open,
            (Self::User, Some(id)) if ["GET", "DELETE"].contains(&method) => Reach::OwnVolume(id),
            (Self::User, _) if path == "/volumes" => Reach::Open,
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
    user: Secret,
}

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
        if admin.is_empty() || user.is_empty() {
            return Err(MissingKey);
        }
        Ok(Self { admin, user })
    }

    pub(super) fn of(&self, role: Role) -> &Secret {
        match role {
            Role::Admin => &self.admin,
            Role::User => &self.user,
        }
    }
}
