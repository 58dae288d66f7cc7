//! What a script has printed so far, within bounds, and the report that it makes.

use std::time::Duration;

use mortar_argv::{Batch, Outcome, Report, script};

/// How much of each stream is kept unless set otherwise, or unless the batch says that it prints more: without a bound one mad
/// command would take the server's memory.
pub(crate) const DEFAULT_LIMIT: usize = 16 * 1024 * 1024;

/// Where in the output the begin of a script is looked for.
const HEAD: usize = 64 * 1024;

/// How long to wait for the rest of the output once the script has ended. More than its last words can only
/// come from a process that it left behind.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);

/// Standard output and standard error of one script.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    limit: usize,
    begin: Vec<u8>,
    begun: bool,
}

/// Where some output belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

/// A stream is longer than the limit; what came until then is kept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Output {
    pub(crate) fn new(token: &str, limit: usize) -> Self {
        let begin = format!("\n{token} begin\n").into_bytes();
        Self {
            stdout: Vec::new(),
            stderr: Vec::new(),
            limit,
            begin,
            begun: false,
        }
    }

    pub(crate) fn push(&mut self, stream: Stream, data: &[u8]) -> Result<(), TooLong> {
        let kept = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
        };
        let room = self.limit - kept.len();
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room { Err(TooLong) } else { Ok(()) }
    }

    /// Whether the script has its lock and has begun with its first command. Tells so only once.
    pub(crate) fn begins_now(&mut self) -> bool {
        if self.begun {
            return false;
        }
        self.begun = self.begin_at().is_some();
        self.begun
    }

    fn begin_at(&self) -> Option<usize> {
        // Nothing but a greeting can come before it.
        let head = &self.stdout[..self.stdout.len().min(HEAD)];
        head.windows(self.begin.len()).position(|part| part == self.begin)
    }

    /// Whether the shell has printed a line.
    pub(crate) fn has_line(&self) -> bool {
        self.stdout[..self.stdout.len().min(HEAD)].contains(&b'\n')
    }

    /// The number of the shell's process, if the shell printed it as the last line before it began.
    pub(crate) fn process(&self) -> Option<u32> {
        let at = self.begin_at()?;
        let before = std::str::from_utf8(&self.stdout[..at]).ok()?;
        before.trim_end().lines().next_back()?.parse().ok()
    }

    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The report of `batch`, when no more output comes. `ended` tells that the script ended by itself *and*
    /// that its output is whole.
    pub(crate) fn report(&self, batch: &Batch, token: &str, ended: bool, why: &str) -> Report {
        let stdout = String::from_utf8_lossy(&self.stdout);
        let stderr = String::from_utf8_lossy(&self.stderr);
        script::parse(batch, token, &stdout, &stderr, ended, why)
    }

    /// Whether both streams end with a frame, and the report would be complete. Cheap while a command prints.
    pub(crate) fn ends_whole(&self, batch: &Batch, token: &str) -> bool {
        let framed = |stream: &[u8]| {
            let last = stream.strip_suffix(b"\n").unwrap_or_default();
            let from = last
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |at| at + 1);
            last[from..].starts_with(token.as_bytes())
        };
        framed(&self.stdout) && framed(&self.stderr) && self.is_whole(batch, token)
    }

    /// Whether the report would be complete already.
    pub(crate) fn is_whole(&self, batch: &Batch, token: &str) -> bool {
        self.report(batch, token, false, "").broken.is_none()
    }
}

/// A report whose script ended, as far as its output is kept: the command that printed too much was ended, and of those behind it
/// nobody knows.
pub(crate) fn within(mut report: Report, limit: usize, host: &str) -> Report {
    let mut printed = 0;
    let too_long = report.outcomes.iter().position(|outcome| {
        if let Outcome::Ran(output) = outcome {
            printed += output.stdout.len();
        }
        printed > limit
    });
    if let Some(place) = too_long {
        report.outcomes[place..].fill(Outcome::Unknown);
        report.broken = Some(format!("a command on {host} printed more than {limit} bytes"));
    }
    report
}

/// When a batch has to have ended: its commands' limits count from when it begins, and before that it may wait
/// as long for its lock.
pub(crate) struct Deadline {
    limit: Duration,
    at: tokio::time::Instant,
}

impl Deadline {
    pub(crate) fn new(batch: &Batch) -> Self {
        let limit = batch.time_limit();
        let lock = if batch.lock_name().is_some() {
            limit.max(Duration::from_secs(1))
        } else {
            Duration::ZERO
        };
        // The script's own end of the wait for the lock comes first: it tells more.
        Self {
            limit,
            at: tokio::time::Instant::now() + limit + lock,
        }
    }

    /// The batch has begun.
    pub(crate) fn begin(&mut self) {
        self.at = tokio::time::Instant::now() + self.limit;
    }

    /// When it passes.
    pub(crate) fn at(&self) -> tokio::time::Instant {
        self.at
    }

    /// What to say when it has passed.
    pub(crate) fn passed(&self, host: &str) -> String {
        format!(
            "the commands on {host} did not end within their limit of {:?}",
            self.limit
        )
    }
}

#[cfg(test)]
mod tests {
    use super::{Output, Stream, TooLong};

    #[test]
    fn each_stream_keeps_its_limit_and_no_more() {
        let mut output = Output::new("t", 10);
        assert_eq!(output.push(Stream::Stdout, b"0123456789"), Ok(()));
        assert_eq!(output.push(Stream::Stderr, b"abc"), Ok(()));
        assert_eq!(output.push(Stream::Stdout, b"x"), Err(TooLong));
        assert_eq!(output.push(Stream::Stderr, b"defghijkl"), Err(TooLong));
        assert_eq!(
            (output.stdout.as_slice(), output.stderr.as_slice()),
            (&b"0123456789"[..], &b"abcdefghij"[..])
        );
    }

    #[test]
    fn the_begin_is_found_once_though_it_comes_in_pieces() {
        let mut output = Output::new("t", 100);
        output.push(Stream::Stdout, b"motd\n123\n\nt be").unwrap();
        assert!(!output.begins_now());
        output.push(Stream::Stdout, b"gin\n").unwrap();
        assert!(output.begins_now());
        assert!(!output.begins_now());
        assert_eq!(output.process(), Some(123));
        assert_eq!(Output::new("t", 100).process(), None);
    }
}
