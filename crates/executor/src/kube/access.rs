//! Where the API server is and who asks it: a service account, or an entry of a kubeconfig file.
//!
//! Tokens and certificates that are files are read again for each connection: both are replaced while Mortar runs.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::{KubeError, kubeconfig};

/// Where a pod finds its service account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// How the API server is found, and by what right it is asked.
#[derive(Clone, Debug)]
pub enum KubeAccess {
    /// As a service account: a folder with the files `token`, `ca.crt` and `namespace`.
    ServiceAccount {
        /// `https://HOST:PORT`.
        server: String,
        /// The folder.
        folder: PathBuf,
    },
    /// As a kubeconfig file says.
    Kubeconfig {
        /// The file.
        file: PathBuf,
        /// The context in it; its current one if none is named.
        context: Option<String>,
    },
}

impl KubeAccess {
    /// As the service account of the pod that this process runs in.
    ///
    /// # Errors
    /// This process does not run in a pod, or its pod has no service account.
    pub fn in_cluster() -> Result<Self, KubeError> {
        let variable = |name: &str| {
            std::env::var(name).map_err(|_| KubeError::Setup {
                what: "the pod's service account".to_owned(),
                reason: format!(
                    "{name} is not set, so this is no pod; name a kubeconfig file with kubernetes-config"
                ),
            })
        };
        let (host, port) = (
            variable("KUBERNETES_SERVICE_HOST")?,
            variable("KUBERNETES_SERVICE_PORT")?,
        );
        let host = if host.contains(':') {
            format!("[{host}]")
        } else {
            host
        };
        Ok(Self::ServiceAccount {
            server: format!("https://{host}:{port}"),
            folder: PathBuf::from(ACCOUNT),
        })
    }
}

/// Something that is in a file, or was given as it is.
#[derive(Clone)]
pub(super) enum Source {
    File(PathBuf),
    Held(Vec<u8>),
}

impl Source {
    fn read(&self) -> Result<Vec<u8>, KubeError> {
        match self {
            Self::Held(bytes) => Ok(bytes.clone()),
            Self::File(path) => std::fs::read(path).map_err(|error| setup(path, error.to_string())),
        }
    }
}

/// By what right the API server is asked.
#[derive(Clone)]
pub(super) enum Identity {
    None,
    Token(Source),
    Certificate { chain: Source, key: Source },
}

/// All that a connection needs. Neither printed nor logged: it holds secrets.
#[derive(Clone)]
pub(super) struct Access {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// What comes before `/api` in each path.
    pub(super) prefix: String,
    /// The name that the server's certificate must have, if not its host.
    pub(super) server_name: Option<String>,
    pub(super) authority: Option<Source>,
    pub(super) identity: Identity,
    pub(super) namespace: Option<String>,
}

impl Access {
    pub(super) fn new(access: &KubeAccess) -> Result<Self, KubeError> {
        match access {
            KubeAccess::Kubeconfig { file, context } => kubeconfig::read(file, context.as_deref()),
            KubeAccess::ServiceAccount { server, folder } => {
                let namespace = Source::File(folder.join("namespace")).read()?;
                let mut access = Self::to(server, "the pod's service account")?;
                access.authority = Some(Source::File(folder.join("ca.crt")));
                access.identity = Identity::Token(Source::File(folder.join("token")));
                access.namespace = Some(String::from_utf8_lossy(&namespace).trim().to_owned());
                // Told now, not at the first batch.
                access.client_config()?;
                access.bearer()?;
                Ok(access)
            }
        }
    }

    /// A server by its address, without anything to show it.
    pub(super) fn to(server: &str, what: &str) -> Result<Self, KubeError> {
        let wrong = |reason: &str| KubeError::Setup {
            what: what.to_owned(),
            reason: format!("its server {server:?} {reason}"),
        };
        let uri: hyper::Uri = server.parse().map_err(|_| wrong("is not an address"))?;
        let host = uri.host().ok_or_else(|| wrong("names no host"))?;
        let host = host.trim_matches(['[', ']']);
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_this_machine(host) => false,
            Some("http") => {
                return Err(wrong(
                    "begins with http://, and anybody on the way could read the token and change what is run on nodes: \
                     use https:// (http:// is for an address of this machine, as that of 'kubectl proxy')",
                ));
            }
            _ => return Err(wrong("does not begin with https://")),
        };
        Ok(Self {
            tls,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            prefix: uri.path().trim_end_matches('/').to_owned(),
            server_name: None,
            authority: None,
            identity: Identity::None,
            namespace: None,
        })
    }

    /// As errors and the `Host` header name the server.
    pub(super) fn name(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }

    /// The value of the `Authorization` header, read anew.
    pub(super) fn bearer(&self) -> Result<Option<String>, KubeError> {
        let Identity::Token(source) = &self.identity else {
            return Ok(None);
        };
        let token = source.read()?;
        let token = String::from_utf8_lossy(&token).trim().to_owned();
        Ok(Some(format!("Bearer {token}")))
    }

    /// What TLS is spoken with.
    pub(super) fn client_config(&self) -> Result<Arc<ClientConfig>, KubeError> {
        let mut roots = RootCertStore::empty();
        let authority = self.authority.as_ref().map(Source::read).transpose()?;
        for certificate in certificates(authority.as_deref().unwrap_or_default())? {
            roots.add(certificate).map_err(|error| unusable(&error))?;
        }
        if roots.is_empty() {
            return Err(unusable(&"the certificate authority of the API server is empty"));
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .with_root_certificates(roots);
        let config = match &self.identity {
            Identity::Certificate { chain, key } => {
                let key = PrivateKeyDer::from_pem_slice(&key.read()?).map_err(|error| unusable(&error))?;
                builder
                    .with_client_auth_cert(certificates(&chain.read()?)?, key)
                    .map_err(|error| unusable(&error))?
            }
            Identity::None | Identity::Token(_) => builder.with_no_client_auth(),
        };
        Ok(Arc::new(config))
    }
}

/// Whether what is sent to a host never leaves this machine.
fn is_this_machine(host: &str) -> bool {
    let address: Result<IpAddr, _> = host.parse();
    address.map_or(host.eq_ignore_ascii_case("localhost"), |address| {
        address.is_loopback()
    })
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, KubeError> {
    let certificates: Result<_, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.map_err(|error| unusable(&error))
}

fn unusable(reason: &impl ToString) -> KubeError {
    KubeError::Setup {
        what: "the certificates for the API server".to_owned(),
        reason: reason.to_string(),
    }
}

pub(super) fn setup(path: &Path, reason: String) -> KubeError {
    KubeError::Setup {
        what: path.display().to_string(),
        reason,
    }
}
