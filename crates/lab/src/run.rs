//! Running other programs, each with a limit, and waiting for conditions.

use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::{Attempt as _, LabError};
use crate::steps::step;

/// Where programs are looked for, on this machine and in the nodes.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// How long a small program may take. Generous, since a busy machine or an emulated one is slow; no step of a
/// healthy lab comes near it.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

const SHORTEST_NAP: Duration = Duration::from_millis(1);
const LONGEST_NAP: Duration = Duration::from_millis(20);

/// A program of this machine, with a plain environment.
pub(crate) fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command
        .env_clear()
        .env("PATH", PATH)
        .env("HOME", "/root")
        .env("LC_ALL", "C.UTF-8");
    command
}

/// Runs a program to its end and takes its success for granted: a failure is an error with its complaint.
pub(crate) fn run(command: &mut Command, attempt: &str) -> Result<Output, LabError> {
    feed(command, "", attempt)
}

/// As [`run`], with text on standard input.
pub(crate) fn feed(command: &mut Command, input: &str, attempt: &str) -> Result<Output, LabError> {
    let output = finish(command, input, attempt, LIMIT)?;
    if output.status.success() {
        return Ok(output);
    }
    Err(LabError::failed(
        attempt,
        format!(
            "{} ended with {}: {}",
            name(command),
            output.status,
            complaint(&output)
        ),
        "see the message of that program",
    ))
}

/// Runs a program until it ends or `limit` passes; any exit status is an answer.
///
/// Output goes through unnamed files, not pipes: a daemon that keeps them open does not keep us waiting.
pub(crate) fn finish(
    command: &mut Command,
    input: &str,
    attempt: &str,
    limit: Duration,
) -> Result<Output, LabError> {
    let what = || attempt.to_owned();
    let mut stdin = tempfile::tempfile().attempt(what)?;
    stdin
        .write_all(input.as_bytes())
        .and_then(|()| stdin.rewind())
        .attempt(what)?;
    let (stdout, stderr) = (
        tempfile::tempfile().attempt(what)?,
        tempfile::tempfile().attempt(what)?,
    );
    let mut child = command
        .stdin(stdin)
        .stdout(stdout.try_clone().attempt(what)?)
        .stderr(stderr.try_clone().attempt(what)?)
        .spawn()
        .attempt(|| format!("{attempt}: starting {}", name(command)))?;
    step();
    let status = wait_child(&mut child, limit).attempt(what)?;
    step();
    let output = |file| contents(file).attempt(what);
    match status {
        Some(status) => Ok(Output {
            status,
            stdout: output(stdout)?,
            stderr: output(stderr)?,
        }),
        None => Err(LabError::failed(
            attempt,
            format!(
                "{} did not end within {} s and was stopped ({})",
                name(command),
                limit.as_secs(),
                String::from_utf8_lossy(&output(stderr)?).trim()
            ),
            "look for a stuck mount or an overloaded machine, then try again",
        )),
    }
}

/// A command whose standard streams go nowhere.
pub(crate) fn silent(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

/// What a failed program said: standard error, or standard output where a tool complains there.
pub(crate) fn complaint(output: &Output) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let text = if stderr.trim().is_empty() {
        String::from_utf8_lossy(&output.stdout)
    } else {
        stderr
    };
    text.trim().to_owned()
}

/// Waits until `look` finds what it looks for.
///
/// # Errors
/// Those of `look`, and [`LabError::Failed`] when `limit` passes first, with what `look` last found missing.
pub(crate) fn wait_until<T>(
    attempt: &str,
    limit: Duration,
    remedy: &str,
    mut look: impl FnMut() -> Result<Result<T, String>, LabError>,
) -> Result<T, LabError> {
    let begun = Instant::now();
    let mut nap = SHORTEST_NAP;
    loop {
        match look()? {
            Ok(found) => return Ok(found),
            Err(missing) if begun.elapsed() >= limit => {
                let obstacle = format!("after {} s {missing}", limit.as_secs());
                return Err(LabError::failed(attempt, obstacle, remedy));
            }
            Err(_) => sleep(nap),
        }
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

fn wait_child(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let begun = Instant::now();
    let mut nap = SHORTEST_NAP;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if begun.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        sleep(nap);
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

fn contents(mut file: File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{finish, program, run};

    #[test]
    fn a_daemon_that_keeps_the_streams_open_does_not_keep_us_waiting() {
        let begun = Instant::now();
        let mut command = program("sh");
        let output = run(command.args(["-c", "echo ready; sleep 5 & echo $!"]), "starting").unwrap();
        assert!(begun.elapsed() < Duration::from_secs(4));
        let text = String::from_utf8(output.stdout).unwrap();
        let mut lines = text.lines();
        assert_eq!(lines.next(), Some("ready"));
        run(program("kill").arg(lines.next().unwrap()), "ending the sleep").unwrap();
    }

    #[test]
    fn failures_tell_what_the_program_said() {
        let mut command = program("sh");
        let error = run(
            command.args(["-c", "echo no such luck >&2; exit 3"]),
            "trying luck",
        )
        .unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("trying luck: ") && text.contains("no such luck"),
            "{text}"
        );
        let error = run(&mut program("no-such-program-here"), "trying")
            .unwrap_err()
            .to_string();
        assert!(error.contains("no-such-program-here"), "{error}");
    }

    #[test]
    fn the_limit_holds() {
        let mut command = program("sleep");
        let error = finish(command.arg("60"), "", "waiting", Duration::from_millis(50)).unwrap_err();
        assert!(error.to_string().contains("did not end"), "{error}");
    }
}
