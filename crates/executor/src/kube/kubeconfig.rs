//! Kubeconfig files, as far as Mortar uses them: one context, its cluster and its user.
//!
//! Programs that make credentials (`exec`) and old plug-ins are refused by name: a server that runs for months wants
//! a service account, whose token it can read from a file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::KubeError;
use super::access::{Access, Identity, Source, setup};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    current_context: Option<String>,
    #[serde(default)]
    clusters: Vec<NamedCluster>,
    #[serde(default)]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: Cluster,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: String,
    tls_server_name: Option<String>,
    certificate_authority: Option<PathBuf>,
    certificate_authority_data: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: bool,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: String,
    namespace: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    #[serde(default)]
    user: User,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    token: Option<String>,
    // The one name that is not written with hyphens.
    #[serde(rename = "tokenFile")]
    token_file: Option<PathBuf>,
    client_certificate: Option<PathBuf>,
    client_certificate_data: Option<String>,
    client_key: Option<PathBuf>,
    client_key_data: Option<String>,
    exec: Option<serde::de::IgnoredAny>,
    auth_provider: Option<serde::de::IgnoredAny>,
    username: Option<serde::de::IgnoredAny>,
}

/// What `context` of the file says; its current context if none is named.
pub(super) fn read(path: &Path, context: Option<&str>) -> Result<Access, KubeError> {
    let wrong = |reason: String| setup(path, reason);
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    // The parser's own text shows the lines around a mistake, and they may hold a secret.
    let file: File = serde_saphyr::from_str(&text)
        .map_err(|_| wrong("it is not a kubeconfig file: `kubectl config view` tells more".to_owned()))?;
    let name = context
        .or(file.current_context.as_deref())
        .filter(|name| !name.is_empty())
        .ok_or_else(|| wrong("it has no current context; name one with kubernetes-context".to_owned()))?;
    let missing = |kind: &str, name: &str| wrong(format!("it has no {kind} {name:?}"));
    let context = &file
        .contexts
        .iter()
        .find(|entry| entry.name == name)
        .ok_or_else(|| missing("context", name))?
        .context;
    let cluster = &file
        .clusters
        .iter()
        .find(|entry| entry.name == context.cluster)
        .ok_or_else(|| missing("cluster", &context.cluster))?
        .cluster;
    let user = &file
        .users
        .iter()
        .find(|entry| entry.name == context.user)
        .ok_or_else(|| missing("user", &context.user))?
        .user;
    if cluster.insecure_skip_tls_verify {
        return Err(wrong(
            "insecure-skip-tls-verify would give the right to run anything on the nodes to whoever answers; name the certificate-authority instead".to_owned(),
        ));
    }
    let mut access = Access::to(&cluster.server, &path.display().to_string())?;
    access.server_name.clone_from(&cluster.tls_server_name);
    access.authority = source(
        path,
        cluster.certificate_authority.as_ref(),
        cluster.certificate_authority_data.as_ref(),
    )?;
    access.identity = identity(path, user)?;
    access.namespace.clone_from(&context.namespace);
    if access.tls {
        access.client_config()?;
    }
    access.bearer()?;
    Ok(access)
}

fn identity(path: &Path, user: &User) -> Result<Identity, KubeError> {
    let unknown = [
        ("exec", &user.exec),
        ("auth-provider", &user.auth_provider),
        ("username", &user.username),
    ];
    if let Some((name, _)) = unknown.iter().find(|(_, entry)| entry.is_some()) {
        let reason = format!(
            "its user logs in by {name:?}, which Mortar does not do; use a token, a tokenFile or a client certificate"
        );
        return Err(setup(path, reason));
    }
    if let Some(file) = &user.token_file {
        return Ok(Identity::Token(Source::File(beside(path, file))));
    }
    if let Some(token) = &user.token {
        return Ok(Identity::Token(Source::Held(token.clone().into_bytes())));
    }
    let chain = source(
        path,
        user.client_certificate.as_ref(),
        user.client_certificate_data.as_ref(),
    )?;
    let key = source(path, user.client_key.as_ref(), user.client_key_data.as_ref())?;
    Ok(match (chain, key) {
        (Some(chain), Some(key)) => Identity::Certificate { chain, key },
        (None, None) => Identity::None,
        _ => {
            return Err(setup(
                path,
                "its user has a client certificate without a key, or the other way round".to_owned(),
            ));
        }
    })
}

/// Data comes before a file, as with kubectl.
fn source(path: &Path, file: Option<&PathBuf>, data: Option<&String>) -> Result<Option<Source>, KubeError> {
    if let Some(data) = data.filter(|data| !data.is_empty()) {
        let bytes = base64(data).ok_or_else(|| setup(path, "it has data that is not base64".to_owned()))?;
        return Ok(Some(Source::Held(bytes)));
    }
    Ok(file.map(|file| Source::File(beside(path, file))))
}

/// Paths in the file count from its folder.
fn beside(path: &Path, file: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).join(file)
}

/// The standard alphabet of RFC 4648, padded or not, white space between.
fn base64(text: &str) -> Option<Vec<u8>> {
    let (mut bits, mut held, mut bytes) = (0_u32, 0_u32, Vec::new());
    for byte in text
        .bytes()
        .filter(|byte| !byte.is_ascii_whitespace() && *byte != b'=')
    {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(six);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{base64, read};

    #[test]
    fn base64_is_read_back() {
        assert_eq!(base64("TW9ydGFy\nIQ==").unwrap(), b"Mortar!");
        assert_eq!(base64("").unwrap(), b"");
        assert_eq!(base64("a-b"), None);
    }

    /// What is refused is refused by name, and no secret is in the text.
    #[test]
    fn what_cannot_be_used_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        let refused = |cluster: &str, user: &str, context: Option<&str>| {
            let text = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n- name: a\n  context: {{cluster: c, user: u}}\nclusters:\n- name: c\n  cluster: {{server: 'https://10.0.0.1:6443'{cluster}}}\nusers:\n- name: u\n  user: {{{user}}}\n"
            );
            std::fs::write(&path, text).unwrap();
            let Err(error) = read(&path, context) else {
                panic!("{cluster} {user} is taken")
            };
            let text = error.to_string();
            assert!(!text.contains("s3cret"), "{text}");
            text
        };
        assert!(
            refused(", insecure-skip-tls-verify: true", "token: s3cret", None)
                .contains("insecure-skip-tls-verify")
        );
        assert!(refused("", "exec: {command: login, args: [s3cret]}", None).contains("\"exec\""));
        assert!(refused("", "token: s3cret", Some("b")).contains("no context \"b\""));
        assert!(refused("", "token: s3cret", None).contains("certificate authority"));
        assert!(refused("", "token: [s3cret", None).contains("not a kubeconfig"));
    }
}
