//! The Unix socket of a driver: its address, and how it is taken over from a process that is gone.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

/// Longest path of a socket, in bytes: the kernel takes no longer one.
const LONGEST: usize = 107;
/// How long to wait after a connection that could not be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// Where a driver listens: `unix:///path/to/csi.sock`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(PathBuf);

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum EndpointError {
    /// The address is none.
    #[error("{0:?} is no endpoint: write unix:///PATH.sock, 107 bytes at most")]
    Form(String),
    /// Something else is there.
    #[error("{} is no socket: it is left as it is; choose another endpoint, or remove it", .0.display())]
    NoSocket(PathBuf),
    /// Somebody listens there.
    #[error("another process listens at {}: end it, or choose another endpoint", .0.display())]
    InUse(PathBuf),
    /// The system refused.
    #[error("cannot listen at {}: {source}", .path.display())]
    System {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let path = text.strip_prefix("unix://").filter(|path| {
            path.starts_with('/') && path.ends_with(".sock") && path.len() <= LONGEST && !path.contains('\0')
        });
        let path = path.ok_or_else(|| EndpointError::Form(text.to_owned()))?;
        Ok(Self(PathBuf::from(path)))
    }
}

impl Endpoint {
    /// The socket's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Listens there. Only root may open it. A socket at which nobody listens is what a process left that is gone.
    ///
    /// # Errors
    /// Something else is there, somebody listens there, or the system refuses.
    pub async fn listen(&self) -> Result<UnixListener, EndpointError> {
        let path = &self.0;
        let system = |source| EndpointError::System {
            path: path.clone(),
            source,
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(system)?;
        }
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(system(error)),
            Ok(found) if !found.file_type().is_socket() => return Err(EndpointError::NoSocket(path.clone())),
            Ok(_) => match UnixStream::connect(path).await {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path).map_err(system)?;
                }
                Err(error) => return Err(system(error)),
                Ok(_) => return Err(EndpointError::InUse(path.clone())),
            },
        }
        let listener = UnixListener::bind(path).map_err(system)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(system)?;
        Ok(listener)
    }
}

/// The next connection. What keeps one from being accepted passes, and must not end whoever listens: a mounter that ends takes
/// all mounts of its node along.
pub(crate) async fn accept(listener: &UnixListener) -> UnixStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) => {
                // Out of file descriptors, most likely: some connection must end first.
                tracing::warn!(%error, "could not accept a connection; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Endpoint, EndpointError};

    #[test]
    fn only_unix_sockets_are_endpoints() {
        for good in [
            "unix:///csi/csi.sock",
            "unix:///var/lib/kubelet/plugins/csi.mortar/csi.sock",
        ] {
            assert!(good.parse::<Endpoint>().is_ok(), "{good}");
        }
        let long = format!("unix:///{}.sock", "x".repeat(107));
        for bad in [
            "",
            "/csi/csi.sock",
            "unix://csi.sock",
            "unix:///csi",
            "tcp://0.0.0.0:1",
            long.as_str(),
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn only_a_socket_that_nobody_listens_at_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sub/csi.sock");
        let endpoint: Endpoint = format!("unix://{}", path.display()).parse().unwrap();
        let listener = endpoint.listen().await.unwrap();
        assert!(matches!(endpoint.listen().await, Err(EndpointError::InUse(_))));
        drop(listener);
        assert!(path.exists());
        drop(endpoint.listen().await.unwrap());
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "precious").unwrap();
        assert!(matches!(endpoint.listen().await, Err(EndpointError::NoSocket(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    }
}
