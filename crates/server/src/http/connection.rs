//! Connections: accepted up to a bound, served with limits on every wait, ended gracefully.
//!
//! TLS stands between accepting and serving: [`serve`] takes any stream of bytes.

use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use futures::FutureExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tower::ServiceExt;

use super::limits::HttpLimits;
use crate::tls::Tls;

/// Largest request head that is read, in bytes.
const HEAD_BYTES: usize = 64 << 10;

/// How long a client may go on sending after its last answer before the connection is cut.
const LINGER: Duration = Duration::from_secs(2);

/// What a connection leads to.
#[derive(Clone)]
pub(crate) struct Way {
    /// The routes.
    pub(crate) router: Router,
    /// The certificate that is shown first, where TLS is spoken.
    pub(crate) tls: Option<Arc<Tls>>,
}

/// Where a request came from over the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) IpAddr);

/// Accepts and serves connections until `stop` becomes true, then waits for them within the limit. `panicked` is told
/// of each connection that a bug ended.
pub(crate) async fn serve_all(
    listener: &TcpListener,
    way: Way,
    limits: &HttpLimits,
    mut stop: watch::Receiver<bool>,
    panicked: impl Fn() + Clone + Send + 'static,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => break,
            accepted = accept(listener, &places) => accepted,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: some connection must end first.
                tracing::warn!(%error, "could not accept a connection; trying again");
                sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let (way, limits, stop) = (way.clone(), limits.clone(), stop.clone());
        let panicked = panicked.clone();
        tokio::spawn(async move {
            let served = AssertUnwindSafe(lead(stream, peer, way, &limits, stop));
            if served.catch_unwind().await.is_err() {
                panicked();
            }
            drop(place);
        });
    }
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    if timeout(limits.stop_time, places.acquire_many(all)).await.is_err() {
        tracing::warn!("some clients did not end their connections in time; they are cut");
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, Peer(peer.ip().to_canonical()), place))
}

/// What each TLS connection begins with: a record of the handshake.
const HANDSHAKE: u8 = 22;

/// What a client is told that speaks HTTP where TLS is spoken, in the words of Go's server, and so of Heketi's.
const PLAIN: &[u8] = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/// Agrees on TLS with a client that speaks it, and tells one that does not.
async fn agree(mut stream: TcpStream, tls: &Tls) -> io::Result<TlsStream<TcpStream>> {
    let mut first = [HANDSHAKE];
    stream.peek(&mut first).await?;
    if first[0] != HANDSHAKE {
        stream.write_all(PLAIN).await?;
        linger(stream).await;
        return Err(io::Error::other("the client did not speak TLS"));
    }
    TlsAcceptor::from(tls.current()).accept(stream).await
}

/// Serves one connection to its end, through TLS where that is spoken.
async fn lead(stream: TcpStream, peer: Peer, way: Way, limits: &HttpLimits, stop: watch::Receiver<bool>) {
    let Some(tls) = way.tls else {
        return serve(stream, peer, way.router, limits, stop).await;
    };
    match timeout(limits.head_time, agree(stream, &tls)).await {
        Ok(Ok(stream)) => serve(stream, peer, way.router, limits, stop).await,
        Ok(Err(error)) => {
            tracing::debug!(%error, peer = %peer.0, "connection ended before TLS was agreed on");
        }
        Err(_) => tracing::debug!(peer = %peer.0, "connection ended: TLS was not agreed on in time"),
    }
}

/// Serves one connection to its end.
async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    peer: Peer,
    router: Router,
    limits: &HttpLimits,
    mut stop: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        Box::pin(router.clone().oneshot(request)) as Pin<Box<_>>
    });
    let io = TokioIo::new(Patient::new(stream, limits.write_time));
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(io, service);
    let mut stopping = pin!(stop.wait_for(|stop| *stop));
    let mut told = false;
    let ended = poll_fn(|cx| {
        if !told && stopping.as_mut().poll(cx).is_ready() {
            told = true;
            Pin::new(&mut connection).graceful_shutdown();
        }
        connection.poll_without_shutdown(cx)
    })
    .await;
    match ended {
        Ok(()) => linger(connection.into_parts().io.into_inner()).await,
        Err(error) => tracing::debug!(%error, "connection ended"),
    }
}

/// Reads what the client still sends, for a moment: closing on unread bytes would reset the connection, and the
/// client might never read the answer that tells it why.
async fn linger<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) {
    let mut scrap = [0; 16 << 10];
    let drain = async {
        stream.shutdown().await?;
        while stream.read(&mut scrap).await? > 0 {}
        io::Result::Ok(())
    };
    let _ = timeout(LINGER, drain).await;
}

/// A stream whose client must take some byte of an answer now and then.
struct Patient<S> {
    stream: S,
    limit: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            stalled: None,
        }
    }

    /// Passes a write's outcome on; one that waits too long is an error.
    fn watched<T>(&mut self, cx: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let deadline = Instant::now() + self.limit;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read its answer",
        )))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watched(cx, outcome)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.watched(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watched(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
