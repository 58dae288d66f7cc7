//! A batch as one POSIX shell script, and its output read back.
//!
//! This is the only place that quotes for a shell. The script runs under plain `sh` (dash, bash, busybox) and
//! frames each item's output between marker lines that carry a token, on standard output and standard error
//! alike; the bookkeeping costs one program for each batch (`flock`, where it has a lock), else only shell built-ins. The whole script is one brace group: a
//! connection that breaks while it is sent runs nothing at all. A connection that breaks later leaves a known
//! prefix: the next marker that the script prints finds no reader and ends it.

use std::fmt::Write as _;

use crate::{Batch, Command, Guard, OnFailure, Outcome, Output, Report};

/// Folder on a node where the locks of batches live; gone after a reboot, as they should be.
const LOCK_FOLDER: &str = "/run/lock";

/// Why a batch was not run when an earlier one with the same lock is still at work on the node. That one may
/// do anything yet; this one did nothing.
pub const STILL_RUNNING: &str = "an earlier batch of the same step is still at work on the node";

/// Quotes one word for a POSIX shell.
///
/// ```
/// assert_eq!(mortar_argv::script::quote("a b;$(x)'"), r"'a b;$(x)'\'''");
/// ```
pub fn quote(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./=:,@+%".contains(&b);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The script that runs `batch`. `token` must be unguessable (it frames the output) and is made of hex digits.
pub fn render(batch: &Batch, token: &str) -> String {
    let mut script = String::from(
        "{\nexport LC_ALL=C\nm() { printf '\\n%s %s\\n' \"$1\" \"$2\"; printf '\\n%s %s\\n' \"$1\" \"$2\" >&2; }\n",
    );
    if let Some(name) = batch.lock_name() {
        // Descriptor 9 is inherited by the commands on purpose: a command that outlives its script keeps the lock.
        let _ = writeln!(
            script,
            "exec 9>{LOCK_FOLDER}/mortar-{name}.lock && flock -w {} 9 || {{ m {token} busy; exit 0; }}",
            batch.time_limit().as_secs().max(1)
        );
    }
    let _ = writeln!(script, "m {token} begin");
    for item in batch.items() {
        match &item.guard {
            Guard::Always => render_item(&mut script, &item.command, item.on_failure, token),
            Guard::Unless(test) => {
                let _ = writeln!(
                    script,
                    "if {} >/dev/null 2>&1; then m {token} skip; else",
                    shell(test)
                );
                render_item(&mut script, &item.command, item.on_failure, token);
                script.push_str("fi\n");
            }
            Guard::OnlyIf(test) => {
                let _ = writeln!(script, "if {} >/dev/null 2>&1; then", shell(test));
                render_item(&mut script, &item.command, item.on_failure, token);
                let _ = writeln!(script, "else m {token} skip; fi");
            }
        }
    }
    script.push_str("exit 0\n}\n");
    script
}

fn render_item(script: &mut String, command: &Command, on_failure: OnFailure, token: &str) {
    let _ = writeln!(script, "{}; r=$?; m {token} $r", shell(command));
    if on_failure == OnFailure::Stop {
        script.push_str("[ $r = 0 ] || exit 0\n");
    }
}

fn shell(command: &Command) -> String {
    // A process that is to live on must not keep the lock.
    let lock = if command.leaves_a_process() { " 9>&-" } else { "" };
    match command.standard_input() {
        None => format!("{command} </dev/null{lock}"),
        Some(input) => format!("printf %s {} | {command}{lock}", quote(input)),
    }
}

/// Reads back what the script of `batch` printed. `ended` tells whether the script is known to have ended by
/// itself; `why` says what cut it short otherwise.
///
/// Any text is accepted: what is not framed by `token` is part of some command's output.
pub fn parse(batch: &Batch, token: &str, stdout: &str, stderr: &str, ended: bool, why: &str) -> Report {
    let items = batch.items().len();
    let out = frames(stdout, token);
    let err = frames(stderr, token);
    let Some(first) = out.first() else {
        // Not even the first marker: if the script ended, no shell understood it; if not, we cannot know.
        let outcome = if ended { Outcome::NotRun } else { Outcome::Unknown };
        let mut report = Report::not_run(items, why_without_marker(stderr, why));
        report.outcomes.fill(outcome);
        return report;
    };
    if first.tag == "busy" {
        return Report::not_run(items, STILL_RUNNING);
    }
    let mut outcomes = Vec::with_capacity(items);
    for (index, item) in batch.items().iter().enumerate() {
        let Some(frame) = out.get(index + 1) else { break };
        let stderr = err.get(index + 1).map_or("", |frame| frame.text);
        let outcome = match (frame.tag, frame.tag.parse::<i32>()) {
            ("skip", _) => Outcome::Skipped,
            (_, Ok(status)) => Outcome::Ran(Output {
                status,
                stdout: frame.text.to_owned(),
                stderr: stderr.to_owned(),
            }),
            _ => break,
        };
        let stop = item.on_failure == OnFailure::Stop
            && matches!(&outcome, Outcome::Ran(output) if !output.success());
        outcomes.push(outcome);
        if stop {
            outcomes.resize(items, Outcome::NotRun);
            return Report {
                outcomes,
                broken: None,
            };
        }
    }
    if outcomes.len() == items {
        return Report {
            outcomes,
            broken: None,
        };
    }
    // The item after the known prefix may be running; those after it were surely not started only if the
    // script has ended, else it may go on without us.
    outcomes.push(Outcome::Unknown);
    outcomes.resize(items, if ended { Outcome::NotRun } else { Outcome::Unknown });
    Report {
        outcomes,
        broken: Some(why.to_owned()),
    }
}

fn why_without_marker(stderr: &str, why: &str) -> String {
    let stderr = stderr.trim();
    if stderr.is_empty() {
        why.to_owned()
    } else {
        format!("{why}: {stderr}")
    }
}

/// Text between the previous marker and this one, and the marker's tag.
struct Frame<'a> {
    text: &'a str,
    tag: &'a str,
}

fn frames<'a>(stream: &'a str, token: &str) -> Vec<Frame<'a>> {
    let marker = format!("\n{token} ");
    let mut frames = Vec::new();
    let mut rest = stream;
    while let Some(at) = rest.find(&marker) {
        let after = &rest[at + marker.len()..];
        let Some(end) = after.find('\n') else { break };
        frames.push(Frame {
            text: &rest[..at],
            tag: &after[..end],
        });
        rest = &after[end + 1..];
    }
    frames
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{Command as Process, Stdio};

    use proptest::prelude::*;

    use super::{parse, quote, render};
    use crate::{Batch, Command, Guard, OnFailure, Outcome, Report};

    const TOKEN: &str = "0123456789abcdef0123456789abcdef";

    fn run(batch: &Batch) -> Report {
        let mut shell = Process::new("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        shell
            .stdin
            .take()
            .unwrap()
            .write_all(render(batch, TOKEN).as_bytes())
            .unwrap();
        let output = shell.wait_with_output().unwrap();
        parse(
            batch,
            TOKEN,
            &String::from_utf8_lossy(&output.stdout),
            &String::from_utf8_lossy(&output.stderr),
            true,
            "ended",
        )
    }

    #[test]
    fn each_command_has_its_own_status_and_texts() {
        let batch = Batch::new()
            .ask(Command::new("printf").args(["%s", "one\n"]))
            .ask(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 7"]))
            .ask(Command::new("cat").input("fed $HOME 'x'"));
        let report = run(&batch);
        assert_eq!(report.output(0).unwrap().stdout, "one\n");
        let second = report.output(1).unwrap();
        assert_eq!(
            (second.status, second.stdout.as_str(), second.stderr.as_str()),
            (7, "out\n", "err\n")
        );
        assert_eq!(report.output(2).unwrap().stdout, "fed $HOME 'x'");
        assert_eq!(report.broken, None);
    }

    #[test]
    fn guards_skip_and_a_failure_stops_the_rest() {
        let batch = Batch::new()
            .unless(Command::new("true"), Command::new("false"))
            .only_if(Command::new("false"), Command::new("false"))
            .only_if(Command::new("true"), Command::new("true"))
            .run(Command::new("false"))
            .run(Command::new("true"));
        let report = run(&batch);
        assert_eq!(report.outcomes[0], Outcome::Skipped);
        assert_eq!(report.outcomes[1], Outcome::Skipped);
        assert!(report.output(2).unwrap().success());
        assert_eq!(report.first_failure().unwrap().0, 3);
        assert_eq!(report.outcomes[4], Outcome::NotRun);
        assert!(!report.success());
    }

    #[test]
    fn a_missing_program_is_a_status_not_a_lost_batch() {
        let report = run(&Batch::new()
            .ask(Command::new("no-such-program-here"))
            .ask(Command::new("true")));
        assert_eq!(report.output(0).unwrap().status, 127);
        assert!(report.output(1).unwrap().success());
    }

    #[test]
    fn a_cut_stream_leaves_a_known_prefix() {
        let batch = Batch::new()
            .run(Command::new("a"))
            .run(Command::new("b"))
            .run(Command::new("c"))
            .lock("op-1");
        let stdout = format!("\n{TOKEN} begin\nfirst\n\n{TOKEN} 0\npart of the sec");
        let report = parse(&batch, TOKEN, &stdout, "", false, "connection lost");
        assert_eq!(report.output(0).unwrap().stdout, "first\n");
        assert_eq!(report.outcomes[1..], [Outcome::Unknown, Outcome::Unknown]);
        let report = parse(&batch, TOKEN, &stdout, "", true, "killed");
        assert_eq!(report.outcomes[1..], [Outcome::Unknown, Outcome::NotRun]);
        let busy = parse(&batch, TOKEN, &format!("\n{TOKEN} busy\n"), "", true, "ended");
        assert_eq!(busy.outcomes, vec![Outcome::NotRun; 3]);
    }

    #[test]
    fn nothing_sent_by_halves_is_run() {
        let folder = std::env::temp_dir().join(format!("mortar-argv-{}", std::process::id()));
        let batch = Batch::new().run(Command::new("touch").arg(folder.to_string_lossy().into_owned()));
        let script = render(&batch, TOKEN);
        let mut shell = Process::new("sh")
            .arg("-s")
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        shell
            .stdin
            .take()
            .unwrap()
            .write_all(&script.as_bytes()[..script.len() - 3])
            .unwrap();
        shell.wait().unwrap();
        assert!(!folder.exists());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// No text in an argument, in the input or in the output is ever taken for shell or for a frame.
        #[test]
        fn any_text_goes_through_unchanged(words in proptest::collection::vec("[^\0]{0,24}", 1..4), input in "[^\0]{0,40}") {
            let mut batch = Batch::new();
            for word in &words {
                batch = batch.item(Guard::Always, Command::new("printf").arg("%s").arg(word), OnFailure::Continue);
            }
            batch = batch.ask(Command::new("cat").input(&input));
            let report = run(&batch);
            for (index, word) in words.iter().enumerate() {
                prop_assert_eq!(&report.output(index).unwrap().stdout, word);
            }
            prop_assert_eq!(&report.output(words.len()).unwrap().stdout, &input);
        }

        #[test]
        fn any_stream_is_read_without_panic(stdout in ".{0,200}", stderr in ".{0,50}", ended: bool) {
            let batch = Batch::new().run(Command::new("a")).ask(Command::new("b"));
            let report = parse(&batch, TOKEN, &stdout, &stderr, ended, "why");
            prop_assert_eq!(report.outcomes.len(), 2);
        }

        #[test]
        fn quoted_words_hold_no_bare_metacharacters(word in ".{0,30}") {
            let quoted = quote(&word);
            prop_assert!(quoted.starts_with('\'') || !quoted.contains([' ', ';', '$', '`', '\n', '&', '|', '<', '>', '*', '?']));
        }
    }
}
