//! Whom the command line believes to be the server, where https is spoken.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use rustls_platform_verifier::BuilderVerifierExt as _;

use crate::error::{Error, Result};
use crate::exit::Exit;

/// For https: servers whose certificate leads to one in this file; without a file, to one that this machine trusts.
///
/// # Errors
/// The file cannot be read, or holds no certificate.
pub(super) fn config(https: bool, authority: Option<&Path>) -> Result<ClientConfig> {
    if !https {
        // It is not used, and a machine without certificates speaks http as well as any.
        let nobody = builder().with_root_certificates(RootCertStore::empty());
        return Ok(nobody.with_no_client_auth());
    }
    let Some(file) = authority else {
        let config = builder().with_platform_verifier().map_err(broken)?;
        return Ok(config.with_no_client_auth());
    };
    let roots = read(file).map_err(|obstacle| {
        let attempt = "read the certificates that the server's must lead to";
        Error::usage(attempt, format!("{}: {obstacle}", file.display()))
    })?;
    Ok(builder().with_root_certificates(roots).with_no_client_auth())
}

fn builder() -> ConfigBuilder<ClientConfig, WantsVerifier> {
    ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring knows the versions of TLS that are safe")
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn broken(error: rustls::Error) -> Error {
    Error::new(
        Exit::Failed,
        "find the certificates that this machine trusts",
        error.to_string(),
    )
    .advise("name the server's authority with --ca-file or MORTAR_CA_FILE")
}

fn read(file: &Path) -> std::result::Result<RootCertStore, String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    if roots.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    Ok(roots)
}
