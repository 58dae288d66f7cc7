//! Batches on this machine.

use std::process::Stdio;
use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt as _};
use mortar_argv::{Batch, Report, script};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

use crate::output::{DEFAULT_LIMIT, Deadline, LAST_WORDS, Output, Stream};
use crate::{Hosts, token};

/// How many batches run at once; more wait. As for a host over ssh.
const AT_ONCE: usize = 8;

/// Runs every batch on this machine, whatever the host's name: for pools of one machine and for nodes that run
/// Mortar themselves.
#[derive(Clone, Debug)]
pub struct LocalHosts {
    output_limit: usize,
    at_once: Arc<Semaphore>,
}

impl Default for LocalHosts {
    fn default() -> Self {
        Self {
            output_limit: DEFAULT_LIMIT,
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl LocalHosts {
    /// This machine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps at most `bytes` of each stream of a batch instead of 16 MiB; a batch that prints more is ended.
    #[must_use]
    pub fn output_limit(mut self, bytes: usize) -> Self {
        self.output_limit = bytes;
        self
    }

    async fn run_here(&self, batch: &Batch) -> Report {
        let items = batch.items().len();
        if items == 0 {
            return Report::default();
        }
        // The semaphore is never closed.
        let _turn = self.at_once.acquire().await;
        let token = match token::random() {
            Ok(token) => token,
            Err(error) => return Report::not_run(items, format!("cannot draw a random token: {error}")),
        };
        let child = Command::new("sh")
            .arg("-s")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let mut child = match child {
            Ok(child) => child,
            Err(error) => {
                return Report::not_run(items, format!("cannot start a shell on this machine: {error}"));
            }
        };
        let mut output = Output::new(&token, batch.output_limit(self.output_limit));
        let (ended, why) = follow(&mut child, batch, &token, &mut output).await;
        output.report(batch, &token, ended, &why)
    }
}

impl Hosts for LocalHosts {
    fn run<'a>(&'a self, _host: &'a str, batch: &'a Batch) -> BoxFuture<'a, Report> {
        self.run_here(batch).boxed()
    }
}

/// Gives the shell its script and follows it to its end. Returns whether it ended by itself with its output
/// whole, and what to say if the report has gaps.
async fn follow(child: &mut Child, batch: &Batch, token: &str, output: &mut Output) -> (bool, String) {
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let mut feeding = std::pin::pin!(feed(child.stdin.take(), script::render(batch, token)).fuse());
    let (mut stdout, mut stderr) = (child.stdout.take(), child.stderr.take());
    let (mut of_stdout, mut of_stderr) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    let mut deadline = Deadline::new(batch);
    let mut exited: Option<String> = None;
    let mut last_words: Option<Instant> = None;
    loop {
        if exited.is_some() && stdout.is_none() && stderr.is_none() {
            return (true, exited.unwrap_or_default());
        }
        let until = last_words.unwrap_or(deadline.at());
        let pushed = tokio::select! {
            () = &mut feeding => Ok(()),
            data = read(&mut stdout, &mut of_stdout), if stdout.is_some() => output.push(Stream::Stdout, data),
            data = read(&mut stderr, &mut of_stderr), if stderr.is_some() => output.push(Stream::Stderr, data),
            status = child.wait(), if exited.is_none() => {
                exited = Some(match status {
                    Ok(status) => format!("the shell on this machine ended early ({status})"),
                    Err(error) => format!("the shell on this machine was lost: {error}"),
                });
                last_words = Some(Instant::now() + LAST_WORDS);
                Ok(())
            }
            () = sleep_until(until) => {
                if exited.is_some() {
                    // Something that it started holds its output open, and may be what we wait for.
                    return (output.is_whole(batch, token), "a process that was left behind holds the output".to_owned());
                }
                end_group(group);
                return (false, deadline.passed("this machine"));
            }
        };
        if pushed.is_err() {
            end_group(group);
            return (
                false,
                format!(
                    "a command on this machine printed more than {} bytes",
                    output.limit()
                ),
            );
        }
        if output.begins_now() {
            deadline.begin();
        }
    }
}

/// The shell reads its whole script before it runs any of it; one that ends earlier has told why on its output.
async fn feed(stdin: Option<ChildStdin>, script: String) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(script.as_bytes()).await;
    }
}

/// The next piece of a stream; at its end, the stream is taken away.
async fn read<'a>(stream: &mut Option<impl AsyncRead + Unpin>, buffer: &'a mut [u8]) -> &'a [u8] {
    let Some(open) = stream else { return &[] };
    match open.read(buffer).await {
        Ok(length) if length > 0 => &buffer[..length],
        _ => {
            *stream = None;
            &[]
        }
    }
}

/// Ends the shell and all it started. Only while it was not waited for: until then its number is its own.
fn end_group(group: Option<Pid>) {
    if let Some(group) = group {
        // Already gone is as good.
        let _ = kill_process_group(group, Signal::KILL);
    }
}
