//! One exec of the stand-in: channels 0 to 4 and 255, status at the end.

use std::process::Stdio;
use std::sync::atomic::Ordering;

use futures::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::{ChildStdin, Command};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Behaviour;

/// Whether the connection lives on after a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    Whole,
    Cut,
    Silent,
}

/// Counts one message of the protocol, and says what becomes of the connection before it passes.
fn pass(does: &Behaviour) -> Line {
    let before = does.messages.fetch_add(1, Ordering::SeqCst);
    if does
        .cut_after
        .lock()
        .unwrap()
        .is_some_and(|limit| before >= limit)
    {
        return Line::Cut;
    }
    if does
        .silent_after
        .lock()
        .unwrap()
        .is_some_and(|limit| before >= limit)
    {
        return Line::Silent;
    }
    Line::Whole
}

pub(super) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    command: &[String],
    input: bool,
    protocol: &str,
    does: &Behaviour,
) {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    does.messages.store(0, Ordering::SeqCst);
    let refusal = does.cannot_start.lock().unwrap().clone();
    if let Some(message) = refusal {
        let status = json!({"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500});
        let _ = socket.send(on_channel(3, status.to_string().as_bytes())).await;
        let _ = socket.close(None).await;
        return;
    }
    if does.never_starts.load(Ordering::SeqCst) {
        while socket.next().await.is_some() {}
        return;
    }
    run(&mut socket, command, input, protocol == "v5.channel.k8s.io", does).await;
}

fn on_channel(channel: u8, data: &[u8]) -> Message {
    let mut message = vec![channel];
    message.extend_from_slice(data);
    Message::Binary(message.into())
}

async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    socket: &mut WebSocketStream<S>,
    command: &[String],
    input: bool,
    half_closes: bool,
    does: &Behaviour,
) {
    let mut child = Command::new(&command[0])
        .args(&command[1..])
        .stdin(if input { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take();
    let (outbox, mut output) = mpsc::channel(1);
    let streams = [
        tokio::spawn(forward(child.stdout.take().unwrap(), 1, outbox.clone())),
        tokio::spawn(forward(child.stderr.take().unwrap(), 2, outbox)),
    ];
    let mut line = Line::Whole;
    while line == Line::Whole {
        tokio::select! {
            message = output.recv() => match message {
                Some(message) => {
                    line = pass(does);
                    if line == Line::Whole && socket.send(message).await.is_err() {
                        line = Line::Cut;
                    }
                }
                None => {
                    // All output was passed on: only then the status is told, then the connection ends.
                    let code = child.wait().await.unwrap().code();
                    line = pass(does);
                    if line == Line::Whole {
                        let _ = socket.send(on_channel(3, status(code).as_bytes())).await;
                        let _ = socket.close(None).await;
                        return;
                    }
                }
            },
            message = socket.next() => match message {
                Some(Ok(Message::Binary(data))) => {
                    line = pass(does);
                    if line == Line::Whole {
                        feed(&mut stdin, &data, half_closes, does).await;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => line = Line::Cut,
                Some(Ok(_)) => {}
            },
        }
    }
    if line == Line::Silent {
        std::future::pending::<()>().await;
    }
    // As a runtime that closes its ends of the pipes; what runs goes on.
    for stream in streams {
        stream.abort();
    }
}

async fn feed(stdin: &mut Option<ChildStdin>, data: &[u8], half_closes: bool, does: &Behaviour) {
    match data {
        [0, data @ ..] => {
            if let Some(stdin) = stdin {
                let _ = stdin.write_all(data).await;
            }
        }
        [255, 0] => {
            assert!(half_closes, "version 4 knows no channel 255");
            does.closed_inputs.fetch_add(1, Ordering::SeqCst);
            drop(stdin.take());
        }
        other => panic!("nobody may send {other:?}"),
    }
}

async fn forward(mut stream: impl AsyncRead + Unpin, channel: u8, outbox: mpsc::Sender<Message>) {
    let mut buffer = vec![0; 32 * 1024];
    while let Ok(length) = stream.read(&mut buffer).await {
        if length == 0 || outbox.send(on_channel(channel, &buffer[..length])).await.is_err() {
            return;
        }
    }
}

fn status(code: Option<i32>) -> String {
    let code = code.unwrap_or(137);
    if code == 0 {
        return json!({"metadata": {}, "status": "Success"}).to_string();
    }
    json!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode",
        "message": format!("command terminated with non-zero exit code: exit status {code}"),
        "details": {"causes": [{"reason": "ExitCode", "message": code.to_string()}]},
    })
    .to_string()
}
