//! TLS: the server's certificate, read from two files, and read again when they change.
//!
//! Whoever replaces the files does so one after the other, so for a moment they may not fit together. A pair that cannot be used is
//! refused, and the one before goes on; connections that are open keep what they began with.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Where certificate and key are, in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The server's certificate, and behind it those that lead to an authority.
    pub certificate: PathBuf,
    /// Its private key, without a passphrase.
    pub key: PathBuf,
}

/// Why a certificate and a key cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsError(String);

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TlsError {}

/// The certificate that the server shows.
pub struct Tls {
    files: TlsFiles,
    held: Mutex<Held>,
}

struct Held {
    config: Arc<ServerConfig>,
    /// What was looked at last, whether it could be used or not.
    seen: Result<Pair, TlsError>,
}

/// What the two files hold.
#[derive(Clone, PartialEq, Eq)]
struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl fmt::Debug for Tls {
    /// The files only: what is in them is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// One of them cannot be read, is not what it should be, or they do not fit together.
    pub fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let pair = Pair::read(&files)?;
        let config = pair.config(&files)?;
        let held = Held {
            config,
            seen: Ok(pair),
        };
        Ok(Self {
            files,
            held: Mutex::new(held),
        })
    }

    /// Reads the files anew, and shows what is in them from now on, where that can be used.
    pub fn reload(&self) {
        self.take(Pair::read(&self.files), true);
    }

    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.held().config)
    }

    /// Looks for a change at this interval, without an end.
    pub(crate) async fn watch(self: Arc<Self>, interval: Duration) {
        loop {
            tokio::time::sleep(interval).await;
            let tls = Arc::clone(&self);
            // The files may be on a file system that is slow to answer.
            let looked = tokio::task::spawn_blocking(move || tls.take(Pair::read(&tls.files), false)).await;
            if let Err(error) = looked {
                tracing::error!(%error, "a bug in Mortar kept it from looking for a new certificate");
            }
        }
    }

    fn take(&self, pair: Result<Pair, TlsError>, even_unchanged: bool) {
        let mut held = self.held();
        if held.seen == pair && !even_unchanged {
            return;
        }
        held.seen.clone_from(&pair);
        let certificate = self.files.certificate.display();
        match pair.and_then(|pair| pair.config(&self.files)) {
            Ok(config) => {
                held.config = config;
                tracing::info!(%certificate, "a new certificate is shown to those who connect from now on");
            }
            Err(error) => {
                tracing::warn!(%error, "the new certificate cannot be used; the one before goes on");
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Whatever a thread panicked at, what is held is whole: each part is replaced in one assignment.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pair {
    fn read(files: &TlsFiles) -> Result<Self, TlsError> {
        let read = |file: &Path| std::fs::read(file).map_err(|error| wrong(file, error));
        Ok(Self {
            certificate: read(&files.certificate)?,
            key: read(&files.key)?,
        })
    }

    fn config(&self, files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&self.certificate)
            .collect::<Result<_, _>>()
            .map_err(|error| wrong(&files.certificate, error))?;
        if chain.is_empty() {
            return Err(wrong(&files.certificate, "there is no certificate in it"));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|error| wrong(&files.key, error))?;
        let together = |error| {
            let files = format!("{} and {}", files.certificate.display(), files.key.display());
            TlsError(format!("{files} cannot be used together: {error}"))
        };
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(together)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(together)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn wrong(file: &Path, problem: impl fmt::Display) -> TlsError {
    TlsError(format!("{}: {problem}", file.display()))
}
