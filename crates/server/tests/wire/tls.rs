//! TLS: spoken where there is a certificate, and a new one is shown without dropping anybody.
//!
//! The certificates in `certificates/` (for 127.0.0.1 and localhost, of one authority whose key is gone) are good for a hundred years and
//! for nothing but tests.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use mortar_server::{HttpLimits, Tls, TlsFiles};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::{Door, Reply, Setup, read_reply};

const AUTHORITY: &str = include_str!("certificates/ca.pem");
const FIRST: (&str, &str) = (
    include_str!("certificates/first.pem"),
    include_str!("certificates/first.key"),
);
const SECOND: (&str, &str) = (
    include_str!("certificates/second.pem"),
    include_str!("certificates/second.key"),
);

/// The two files, as an administrator keeps them.
struct Files {
    folder: TempDir,
}

impl Files {
    fn of(pair: (&str, &str)) -> Self {
        let files = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        files.write(pair);
        files
    }

    fn names(&self) -> TlsFiles {
        let file = |name: &str| self.folder.path().join(name);
        TlsFiles {
            certificate: file("tls.crt"),
            key: file("tls.key"),
        }
    }

    fn write(&self, (certificate, key): (&str, &str)) {
        std::fs::write(self.names().certificate, certificate).unwrap();
        std::fs::write(self.names().key, key).unwrap();
    }

    fn open(&self) -> Arc<Tls> {
        Arc::new(Tls::open(self.names()).unwrap())
    }
}

async fn door(tls: &Arc<Tls>, limits: HttpLimits) -> Door {
    let setup = Setup {
        tls: Some(Arc::clone(tls)),
        limits,
        ..Setup::default()
    };
    setup.open().await
}

/// Limits under which a change is never seen by itself.
fn unwatched() -> HttpLimits {
    HttpLimits {
        certificate_look: Duration::from_secs(3600),
        ..HttpLimits::default()
    }
}

async fn connect(door: &Door) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate(AUTHORITY)).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, door.connect().await)
        .await
        .unwrap()
}

fn certificate(text: &str) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(text.as_bytes()).unwrap()
}

/// The certificate that the server shows to those who connect now.
async fn shown(door: &Door) -> CertificateDer<'static> {
    let stream = connect(door).await;
    let chain = stream.get_ref().1.peer_certificates().unwrap();
    chain[0].clone().into_owned()
}

/// Asks without ending the connection.
async fn hello(stream: &mut TlsStream<TcpStream>) -> Reply {
    stream
        .write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    read_reply(stream).await
}

#[tokio::test]
async fn a_new_certificate_is_seen_and_no_connection_dropped() {
    let files = Files::of(FIRST);
    let limits = HttpLimits {
        certificate_look: Duration::from_millis(10),
        ..HttpLimits::default()
    };
    let door = door(&files.open(), limits).await;
    let mut early = connect(&door).await;
    assert_eq!(hello(&mut early).await.body, "Hello from Heketi");
    assert_eq!(shown(&door).await, certificate(FIRST.0));

    files.write(SECOND);
    while shown(&door).await != certificate(SECOND.0) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(hello(&mut early).await.status, 200);
    let mut late = connect(&door).await;
    assert_eq!(hello(&mut late).await.status, 200);
    door.stop().await;
}

#[tokio::test]
async fn what_cannot_be_used_leaves_the_one_before() {
    let files = Files::of(FIRST);
    let tls = files.open();
    let door = door(&tls, unwatched()).await;
    for broken in [
        ("", FIRST.1),
        ("no certificate", SECOND.1),
        (&SECOND.0[..SECOND.0.len() / 2], SECOND.1),
        (SECOND.0, ""),
        (SECOND.0, FIRST.1),
        (FIRST.1, FIRST.0),
    ] {
        files.write(broken);
        tls.reload();
        assert_eq!(shown(&door).await, certificate(FIRST.0), "{broken:?}");
    }
    std::fs::remove_file(files.names().key).unwrap();
    tls.reload();
    assert_eq!(shown(&door).await, certificate(FIRST.0));
    files.write(SECOND);
    tls.reload();
    assert_eq!(shown(&door).await, certificate(SECOND.0));
}

#[test]
fn what_is_wrong_with_the_files_is_told_by_their_names() {
    let files = Files::of(FIRST);
    let TlsFiles { certificate, key } = files.names();
    let told = |pair| {
        files.write(pair);
        Tls::open(files.names()).unwrap_err().to_string()
    };
    let name = |file: &Path| file.display().to_string();
    assert_eq!(
        told(("", FIRST.1)),
        format!("{}: there is no certificate in it", name(&certificate))
    );
    assert!(told((FIRST.0, "")).starts_with(&name(&key)));
    assert!(
        told((FIRST.0, SECOND.1)).starts_with(&format!("{} and {}", name(&certificate), name(&key))),
        "{}",
        told((FIRST.0, SECOND.1))
    );
    std::fs::remove_file(&certificate).unwrap();
    assert!(
        Tls::open(files.names())
            .unwrap_err()
            .to_string()
            .starts_with(&name(&certificate))
    );
}

#[tokio::test]
async fn who_does_not_speak_tls_hurts_nobody() {
    let limits = HttpLimits {
        head_time: Duration::from_millis(50),
        ..unwatched()
    };
    let door = door(&Files::of(FIRST).open(), limits).await;
    let mut plain = door.connect().await;
    plain
        .write_all(b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let told = read_reply(&mut plain).await;
    assert_eq!(
        (told.status, told.body.as_str()),
        (400, "Client sent an HTTP request to an HTTPS server.\n")
    );
    // One that says nothing is cut in time.
    let mut silent = door.connect().await;
    assert_eq!(silent.read(&mut [0; 8]).await.unwrap_or_default(), 0);
    assert_eq!(hello(&mut connect(&door).await).await.status, 200);
}
