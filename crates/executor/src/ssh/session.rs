//! One batch in one session.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::FutureExt as _;
use mortar_argv::{Batch, Report, script};
use russh::client::Msg;
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::time::{Instant, sleep_until, timeout};

use super::SshOptions;
use super::connection::Connection;
use crate::output::{Deadline, LAST_WORDS, Output, Stream};

/// The number that the protocol gives to standard error (RFC 4254, section 5.2).
const STDERR: u32 = 1;

/// An open session on a connection.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) host: String,
    pub(super) channel: Channel<Msg>,
    pub(super) connection: Arc<Connection>,
}

/// How following a session ended.
enum End {
    /// No command was run: why.
    NotRun(String),
    /// The output tells what was run. Whether the script ended by itself with its output whole, and what to say
    /// about gaps in the report.
    Run(bool, String),
    /// As [`End::Run`], but the script runs on: nobody waits for it any more, because of this.
    Abandoned(String),
}

impl Session {
    /// Runs `batch` and follows it to its end, its limit or the end of the connection.
    pub(super) async fn run(self, batch: &Batch, token: &str, options: &SshOptions) -> Report {
        let Self {
            host,
            channel,
            connection,
        } = self;
        let (mut incoming, outgoing) = channel.split();
        let outgoing = CloseOnDrop(Some(outgoing));
        let mut output = Output::new(token, batch.output_limit(options.output_limit));
        let following = Following {
            host: &host,
            batch,
            token,
            connection: &connection,
            output: &mut output,
        };
        let end = following
            .until_end(&mut incoming, &outgoing, &shell("-s", options))
            .await;
        if let End::Abandoned(_) = end
            && let Some(process) = output.process()
        {
            // Best effort, within a limit: what happened is looked at later anyway.
            let _ = timeout(options.connect_timeout, end_group(&connection, process, options)).await;
        }
        outgoing.close().await;
        match end {
            End::NotRun(why) => Report::not_run(batch.items().len(), why),
            End::Run(ended, why) => output.report(batch, token, ended, &why),
            End::Abandoned(why) => output.report(batch, token, false, &why),
        }
    }
}

/// The command that starts `sh` in the place of the user's own shell, whatever that is.
fn shell(arguments: &str, options: &SshOptions) -> String {
    let sudo = if options.sudo { "sudo -n " } else { "" };
    format!("exec {sudo}sh {arguments}")
}

/// Ends the process group of a shell on the node. ssh can ask for that itself, but OpenSSH refuses it for root.
async fn end_group(connection: &Connection, process: u32, options: &SshOptions) -> Result<(), russh::Error> {
    // The shell was there a moment ago. Should another process have its number by now, it is no shell.
    let end = format!(
        "-c 'read -r number name state parent group rest </proc/{process}/stat && \
         [ \"$name\" = \"(sh)\" ] && kill -s KILL -- -$group'"
    );
    let mut channel = connection.handle.channel_open_session().await?;
    channel.exec(true, shell(&end, options)).await?;
    while let Some(message) = channel.wait().await {
        if matches!(message, ChannelMsg::Close | ChannelMsg::Failure) {
            break;
        }
    }
    channel.close().await
}

struct Following<'a> {
    host: &'a str,
    batch: &'a Batch,
    token: &'a str,
    connection: &'a Connection,
    output: &'a mut Output,
}

impl Following<'_> {
    async fn until_end(self, incoming: &mut ChannelReadHalf, outgoing: &CloseOnDrop, shell: &str) -> End {
        let whole = AtomicBool::new(false);
        // The number of the shell's process comes first: by it the shell can be ended.
        let script = format!("echo $$\n{}", script::render(self.batch, self.token));
        let mut sending = std::pin::pin!(outgoing.send(shell, script, &whole).fuse());
        let mut deadline = Deadline::new(self.batch);
        let mut exit: Option<String> = None;
        let mut last_words: Option<Instant> = None;
        loop {
            let message = tokio::select! {
                // What fails here shows as the end of the session.
                () = &mut sending => continue,
                message = incoming.wait() => message,
                () = sleep_until(last_words.unwrap_or(deadline.at())) => {
                    if exit.is_some() {
                        // Something that it started holds its output open, and may be what we wait for.
                        let why = format!("a process that was left behind on {} holds the output", self.host);
                        return End::Run(self.output.is_whole(self.batch, self.token), why);
                    }
                    return self.cut_off(&whole, End::Abandoned(deadline.passed(self.host)));
                }
            };
            let pushed = match message {
                Some(ChannelMsg::Data { data }) => self.output.push(Stream::Stdout, &data),
                Some(ChannelMsg::ExtendedData { data, ext: STDERR }) => {
                    self.output.push(Stream::Stderr, &data)
                }
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    exit = Some(format!(
                        "the shell on {} ended early with status {exit_status}",
                        self.host
                    ));
                    Ok(())
                }
                Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                    exit = Some(format!(
                        "the shell on {} was ended by signal {signal_name:?}",
                        self.host
                    ));
                    Ok(())
                }
                Some(ChannelMsg::Failure) => {
                    return End::NotRun(format!("{} refused to start a shell", self.host));
                }
                Some(ChannelMsg::Close) if let Some(why) = exit => return End::Run(true, why),
                Some(ChannelMsg::Close) | None => {
                    let why = format!(
                        "lost {} while its batch ran: {}",
                        self.host,
                        self.connection.end()
                    );
                    return self.cut_off(&whole, End::Run(false, why));
                }
                Some(_) => Ok(()),
            };
            if pushed.is_err() {
                let limit = self.output.limit();
                return End::Abandoned(format!(
                    "a command on {} printed more than {limit} bytes",
                    self.host
                ));
            }
            if self.output.begins_now() {
                deadline.begin();
            }
            if exit.is_some() {
                last_words = Some(Instant::now() + LAST_WORDS);
            }
        }
    }

    /// The session ended before the script did: that is `end`, unless the node never had the whole script.
    fn cut_off(&self, whole: &AtomicBool, end: End) -> End {
        match end {
            End::Run(_, why) | End::Abandoned(why) if !whole.load(Ordering::Relaxed) => End::NotRun(why),
            end => end,
        }
    }
}

/// Closes the session when dropped: the running command goes on, and the script ends at its next marker.
struct CloseOnDrop(Option<ChannelWriteHalf<Msg>>);

impl CloseOnDrop {
    /// Starts the shell and gives it the script. `whole` is set when the node may have all of it from then on:
    /// the last piece of the script is the brace without which nothing of it runs.
    async fn send(&self, shell: &str, mut script: String, whole: &AtomicBool) {
        let Some(outgoing) = &self.0 else { return };
        let brace = script.split_off(script.trim_end().len() - 1);
        // One round trip: the answer to the first is not waited for before the rest is sent.
        if outgoing.exec(true, shell).await.is_err() || outgoing.data_bytes(script).await.is_err() {
            return;
        }
        whole.store(true, Ordering::Relaxed);
        if outgoing.data_bytes(brace).await.is_ok() {
            let _ = outgoing.eof().await;
        }
    }

    async fn close(mut self) {
        if let Some(outgoing) = self.0.take() {
            // Where the connection is gone there is nothing to close.
            let _ = outgoing.close().await;
        }
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(outgoing) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move { outgoing.close().await });
        }
    }
}
