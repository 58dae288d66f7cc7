//! A process that starts GlusterFS clients for a node plug-in. In a container of its own it goes on while the plug-in's is
//! replaced, and with it the clients. It knows one request, one line of JSON, and answers with one.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::node::client::{self, ClientSpec};
use crate::socket;

/// Longest request and answer, in bytes.
const LINE: u64 = 64 << 10;
/// How long a request may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(5);

/// How a client came up.
#[derive(Debug, Serialize, Deserialize)]
struct Answer {
    /// Why it did not; none when it did.
    error: Option<String>,
}

/// Starts clients for whoever may open the socket, until the process ends.
pub async fn serve(listener: UnixListener) {
    loop {
        let stream = socket::accept(&listener).await;
        tokio::spawn(async move {
            if let Err(error) = answer(stream).await {
                tracing::warn!(%error, "a request for a client broke off");
            }
        });
    }
}

async fn answer(stream: UnixStream) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    let mut reader = BufReader::new(reader.take(LINE));
    tokio::time::timeout(ARRIVAL, reader.read_line(&mut line)).await??;
    let started = match serde_json::from_str::<ClientSpec>(&line) {
        Ok(spec) => {
            let started = client::run(&spec.argv(), &spec).await;
            tracing::info!(volume = %spec.volume, path = %spec.path.display(), ?started, "asked for a client");
            started
        }
        Err(error) => Err(format!("the request is not understood: {error}")),
    };
    let mut text = serde_json::to_vec(&Answer { error: started.err() })?;
    text.push(b'\n');
    writer.write_all(&text).await
}

/// Asks the helper behind a socket for a client.
///
/// # Errors
/// Why there is none.
pub(crate) async fn ask(socket: &Path, spec: &ClientSpec) -> Result<(), String> {
    let asked = async {
        let stream = UnixStream::connect(socket).await?;
        let (reader, mut writer) = stream.into_split();
        let mut text = serde_json::to_vec(spec)?;
        text.push(b'\n');
        writer.write_all(&text).await?;
        let mut line = String::new();
        BufReader::new(reader.take(LINE)).read_line(&mut line).await?;
        serde_json::from_str::<Answer>(&line).map_err(io::Error::from)
    };
    let answer = asked.await;
    let answer =
        answer.map_err(|error| format!("the helper at {} did not answer: {error}", socket.display()))?;
    answer.error.map_or(Ok(()), Err)
}
