//! One batch in one exec.
//!
//! The API server agrees to a WebSocket before it has spoken to the node. So the last brace of the script, without
//! which nothing of it runs, is held back until the shell on the node has answered: what fails before that surely
//! did nothing, and a node that is away is known to be away.

use futures::stream::{SplitSink, SplitStream};
use futures::{FutureExt as _, SinkExt as _, StreamExt as _};
use mortar_argv::{Batch, Report, script};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};

use super::api::{Api, Socket};
use super::frame::{self, Incoming, Protocol, Status};
use super::pods::{Pods, Target};
use super::{KubeError, KubeOptions, encode};
use crate::output::{Deadline, LAST_WORDS, Output, Stream};

/// How many signs of life may be asked for without an answer.
const UNANSWERED: u32 = 2;

/// What a session needs around it.
pub(super) struct Session<'a> {
    pub(super) api: &'a Api,
    pub(super) pods: &'a Pods,
    pub(super) options: &'a KubeOptions,
    pub(super) target: &'a Target,
    pub(super) batch: &'a Batch,
    pub(super) token: &'a str,
}

/// How following an exec ended.
enum End {
    /// No command was run: why.
    NotRun(String),
    /// The output tells what was run. Whether the script ended by itself with its output whole, and what to say
    /// about gaps in the report.
    Run(bool, String),
    /// As [`End::Run`], but the script runs on: nobody waits for it any more, because of this.
    Abandoned(String),
}

/// Nothing was run, and another pod may have taken this one's place.
pub(super) struct NotStarted(pub(super) String);

impl Session<'_> {
    /// Runs the batch and follows it to its end, its limit or the end of the connection.
    pub(super) async fn run(&self) -> Result<Report, NotStarted> {
        let opened = self.open(&["sh", "-s"], true).await;
        let (socket, protocol) = opened.map_err(|error| NotStarted(error.to_string()))?;
        let mut output = Output::new(self.token, self.batch.output_limit(self.options.output_limit));
        let end = self.follow(socket, protocol, &mut output).await;
        if let End::Abandoned(_) = end
            && let Some(process) = output.process()
        {
            // Best effort, within a limit: what happened is looked at later anyway.
            let _ = timeout(self.options.start_timeout, self.end_group(process)).await;
        }
        match end {
            End::NotRun(why) => Err(NotStarted(why)),
            End::Run(ended, why) => Ok(output.report(self.batch, self.token, ended, &why)),
            End::Abandoned(why) => Ok(output.report(self.batch, self.token, false, &why)),
        }
    }

    async fn open(&self, command: &[&str], input: bool) -> Result<(Socket, Protocol), KubeError> {
        let target = self.target;
        let mut path = format!(
            "/api/v1/namespaces/{}/pods/{}/exec?container={}&stdin={input}&stdout=true&stderr=true",
            encode(&target.namespace),
            encode(&target.pod),
            encode(&target.container)
        );
        for word in command {
            path.push_str("&command=");
            path.push_str(&encode(word));
        }
        let during = format!("run a shell in {}", target.name());
        self.api.upgrade(&path, &during).await
    }

    /// Ends the shell on the node and, if it leads a process group of its own, all that it started. The number of
    /// another process's group could be that of the pod's first.
    async fn end_group(&self, process: u32) -> Result<(), KubeError> {
        let end = format!(
            "read -r number name state parent group rest </proc/{process}/stat && [ \"$name\" = \"(sh)\" ] && \
             if [ \"$group\" = {process} ]; then kill -s KILL -- -{process}; else kill -s KILL {process}; fi"
        );
        let (mut socket, _) = self.open(&["sh", "-c", &end], false).await?;
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Binary(data) = message
                && let Incoming::Status(_) = Incoming::read(&data)
            {
                break;
            }
        }
        Ok(())
    }

    async fn follow(&self, socket: Socket, protocol: Protocol, output: &mut Output) -> End {
        let (sink, incoming) = socket.split();
        // The number of the shell's process comes first: by it the shell can be ended, and it says that there is one.
        let mut script = format!("echo $$\n{}", script::render(self.batch, self.token));
        let brace = script.split_off(script.trim_end().len() - 1);
        let (outbox, letters) = mpsc::unbounded_channel();
        for piece in frame::input(script.as_bytes()) {
            post(&outbox, Message::Binary(piece));
        }
        let following = Following {
            session: self,
            brace,
            protocol,
            outbox,
            output,
            whole: false,
            heard: Instant::now(),
        };
        let mut sending = std::pin::pin!(send(sink, letters).fuse());
        let mut followed = std::pin::pin!(following.until_end(incoming));
        loop {
            tokio::select! {
                // What fails here shows as the end of what comes in.
                () = &mut sending => {}
                end = &mut followed => return end,
            }
        }
    }
}

/// What is to be sent, in order. The other end is only gone together with the connection, which is seen elsewhere.
fn post(outbox: &mpsc::UnboundedSender<Message>, message: Message) {
    let _ = outbox.send(message);
}

async fn send(mut sink: SplitSink<Socket, Message>, mut letters: mpsc::UnboundedReceiver<Message>) {
    while let Some(letter) = letters.recv().await {
        if sink.send(letter).await.is_err() {
            return;
        }
    }
}

struct Following<'a> {
    session: &'a Session<'a>,
    brace: String,
    protocol: Protocol,
    outbox: mpsc::UnboundedSender<Message>,
    output: &'a mut Output,
    /// Whether the node may have all of the script.
    whole: bool,
    /// When something came last.
    heard: Instant,
}

impl Following<'_> {
    async fn until_end(mut self, mut incoming: SplitStream<Socket>) -> End {
        let options = self.session.options;
        let start = Instant::now() + options.start_timeout;
        let mut deadline = Deadline::new(self.session.batch);
        let mut ping = Instant::now() + options.keepalive;
        let mut last_words: Option<(Instant, String)> = None;
        loop {
            let limit = if self.whole { deadline.at() } else { start };
            let limit = last_words.as_ref().map_or(limit, |(at, _)| *at);
            let message = tokio::select! {
                message = incoming.next() => message,
                () = sleep_until(ping.min(limit)) => {
                    if Instant::now() >= limit {
                        return match last_words {
                            Some((_, why)) => End::Run(true, why),
                            None => self.out_of_time(&deadline),
                        };
                    }
                    if self.heard.elapsed() > options.keepalive * UNANSWERED {
                        return self.lost(&format!("no sign of life for {:?}", self.heard.elapsed()));
                    }
                    post(&self.outbox, Message::Ping(Vec::new().into()));
                    ping = Instant::now() + options.keepalive;
                    continue;
                }
            };
            self.heard = Instant::now();
            match self.take(message) {
                Taken::More => {}
                Taken::Exited(why) => last_words = Some((Instant::now() + LAST_WORDS, why)),
                Taken::End(_) if last_words.is_some() => {
                    return End::Run(true, last_words.map(|(_, why)| why).unwrap_or_default());
                }
                Taken::End(end) => return end,
            }
            if !self.whole && self.output.has_line() {
                if let Err(why) = self.still_the_same().await {
                    return End::NotRun(why);
                }
                self.complete();
                deadline = Deadline::new(self.session.batch);
            }
            if self.output.begins_now() {
                deadline.begin();
            }
            if self.output.ends_whole(self.session.batch, self.session.token) {
                return End::Run(true, String::new());
            }
        }
    }

    /// Gives the node the rest of its script.
    fn complete(&mut self) {
        self.whole = true;
        for piece in frame::input(self.brace.as_bytes()) {
            post(&self.outbox, Message::Binary(piece));
        }
        if let Some(end) = self.protocol.end_of_input() {
            post(&self.outbox, Message::Binary(end));
        }
    }

    /// A pod whose name could come back is looked at again now that a shell in it has answered.
    async fn still_the_same(&self) -> Result<(), String> {
        let Session {
            api, pods, target, ..
        } = self.session;
        if !target.check {
            return Ok(());
        }
        match pods.is_same(api, target).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!("{} was replaced by another", target.name())),
            Err(error) => Err(error.to_string()),
        }
    }

    fn take(&mut self, message: Option<Result<Message, SocketError>>) -> Taken {
        let data = match message {
            Some(Ok(Message::Binary(data))) => data,
            Some(Ok(Message::Close(frame))) => {
                let reason = frame.map(|frame| format!(" ({}: {})", frame.code, frame.reason));
                let why = format!(
                    "the API server ended the connection{}",
                    reason.unwrap_or_default()
                );
                return Taken::End(self.lost(&why));
            }
            Some(Ok(_)) => return Taken::More,
            Some(Err(error)) => return Taken::End(self.lost(&error.to_string())),
            None => return Taken::End(self.lost("the connection ended")),
        };
        let pushed = match Incoming::read(&data) {
            Incoming::Stdout(data) => self.output.push(Stream::Stdout, data),
            Incoming::Stderr(data) => self.output.push(Stream::Stderr, data),
            Incoming::Status(Status::Exited(status)) => {
                let why = format!("the shell in {} ended early with status {status}", self.place());
                return Taken::Exited(why);
            }
            Incoming::Status(Status::Lost(why)) => return Taken::End(self.lost(&why)),
            Incoming::Other => Ok(()),
        };
        match pushed {
            Ok(()) => Taken::More,
            Err(_) => Taken::End(self.abandoned(format!(
                "a command in {} printed more than {} bytes",
                self.place(),
                self.output.limit()
            ))),
        }
    }

    fn out_of_time(&self, deadline: &Deadline) -> End {
        if self.whole {
            return End::Abandoned(deadline.passed(&self.place()));
        }
        let limit = self.session.options.start_timeout;
        End::NotRun(format!(
            "no shell in {} answered within {limit:?}; check that its node is up: `kubectl get node {}`",
            self.place(),
            self.session.target.node
        ))
    }

    /// The connection ended before the script did: nothing ran, unless the node had the whole script.
    fn lost(&self, why: &str) -> End {
        match self.whole {
            true => End::Run(false, format!("lost {} while its batch ran: {why}", self.place())),
            false => End::NotRun(format!("cannot run a shell in {}: {why}", self.place())),
        }
    }

    fn abandoned(&self, why: String) -> End {
        match self.whole {
            true => End::Abandoned(why),
            false => End::NotRun(why),
        }
    }

    fn place(&self) -> String {
        self.session.target.name()
    }
}

/// What a message meant.
enum Taken {
    /// There is more to come.
    More,
    /// The shell has ended: what to say if the report has gaps.
    Exited(String),
    /// Nothing more comes.
    End(End),
}
