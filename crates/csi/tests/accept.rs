//! A process that has no file descriptor left goes on listening. Alone in its process, whose limit it lowers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::File;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use mortar_csi::proto::GetPluginInfoRequest;
use mortar_csi::proto::identity_client::IdentityClient;
use mortar_csi::{Endpoint, Services};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tracing::span;

/// File descriptors that the process may have.
const FEW: u64 = 64;
/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(20);

/// Counts the warnings of this driver's socket.
#[derive(Clone, Default)]
struct Warnings(Arc<AtomicU32>);

impl Warnings {
    fn taken(&self) -> u32 {
        self.0.swap(0, Ordering::SeqCst)
    }
}

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target() == "mortar_csi::socket" && *metadata.level() == tracing::Level::WARN
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Begins to serve when a caller waits and no file descriptor is left; gives the caller once that was noticed.
async fn starved<S>(
    path: &Path,
    warnings: &Warnings,
    serve: impl FnOnce(UnixListener) -> S,
) -> (JoinHandle<()>, UnixStream)
where
    S: Future<Output = ()> + Send + 'static,
{
    let endpoint: Endpoint = format!("unix://{}", path.display()).parse().unwrap();
    let listener = endpoint.listen().await.unwrap();
    let caller = UnixStream::connect(path).await.unwrap();
    let mut held = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        held.push(file);
    }
    warnings.taken();
    let server = tokio::spawn(serve(listener));
    let noticed = async {
        while warnings.taken() == 0 && !server.is_finished() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LIMIT, noticed).await.unwrap();
    assert!(!server.is_finished(), "it ended with the file descriptors");
    (server, caller)
}

#[tokio::test]
async fn a_socket_outlives_a_shortage_of_file_descriptors() {
    let warnings = Warnings::default();
    let _counted = tracing::subscriber::set_default(warnings.clone());
    let most = getrlimit(Resource::Nofile);
    let few = Rlimit {
        current: Some(FEW),
        ..most
    };
    setrlimit(Resource::Nofile, few).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { folder.path().join(name) };

    let (server, mut caller) = starved(&path("mounter.sock"), &warnings, mortar_csi::serve_helper).await;
    caller.write_all(b"nonsense\n").await.unwrap();
    let mut answer = String::new();
    let answered = caller.read_to_string(&mut answer);
    tokio::time::timeout(LIMIT, answered).await.unwrap().unwrap();
    assert!(answer.contains("not understood"), "{answer}");
    server.abort();

    let driver = |listener| async {
        let served = mortar_csi::serve(listener, Services::default(), std::future::pending());
        served.await.unwrap();
    };
    let (server, _caller) = starved(&path("csi.sock"), &warnings, driver).await;
    let uri = format!("unix://{}", path("csi.sock").display());
    let endpoint = tonic::transport::Endpoint::try_from(uri).unwrap();
    let channel = tokio::time::timeout(LIMIT, endpoint.connect()).await;
    let channel = channel.unwrap().unwrap();
    let mut identity = IdentityClient::new(channel);
    let asked = identity.get_plugin_info(GetPluginInfoRequest {});
    tokio::time::timeout(LIMIT, asked).await.unwrap().unwrap();
    server.abort();
}
