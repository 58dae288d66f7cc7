//! Transcripts: commands with their whole output, checked in and compared to the letter.
//!
//! A line that begins with `$ ` is a command; what follows is its output, standard error with `2> ` before each
//! line, and at the end `? CODE` when the code is not 0. Ids and times differ from run to run: each id gets a
//! name like `<id-1>` in the order of appearance, which later commands may use. Files of `transcripts/files`
//! lie in the folder where commands run. A line that begins with `#` says why. `MORTAR_TRANSCRIPTS=write` writes what came instead of comparing.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs the commands of a transcript and makes it anew.
pub(crate) struct Player {
    folder: tempfile::TempDir,
    environment: Vec<(String, String)>,
    /// Texts that differ from run to run, with the names that stand for them.
    names: Vec<(String, String)>,
    ids: Vec<String>,
}

fn transcripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts")
}

/// The program under test, with an environment of its own.
pub(crate) fn mortar() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mortar"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null());
    command
}

/// Compares a text with a checked-in file, or writes the file.
pub(crate) fn check(name: &str, came: &str) {
    let path = transcripts().join(name);
    if std::env::var("MORTAR_TRANSCRIPTS").is_ok_and(|value| value == "write") {
        std::fs::write(&path, came).unwrap();
        return;
    }
    let expected =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    if let Some(number) = first_difference(&expected, came) {
        let line = |text: &str| text.lines().nth(number).unwrap_or("(the end)").to_owned();
        panic!(
            "{name} differs from line {}:\n  expected: {}\n  came:     {}\nIf the change is wanted, write it with \
             MORTAR_TRANSCRIPTS=write and read the difference. The whole text that came:\n{came}",
            number + 1,
            line(&expected),
            line(came)
        );
    }
}

fn first_difference(a: &str, b: &str) -> Option<usize> {
    if a == b {
        return None;
    }
    let same = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
    Some(same)
}

impl Player {
    /// A player in a folder of its own.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(transcripts().join("files")).unwrap() {
            let file = file.unwrap().path();
            std::fs::copy(&file, folder.path().join(file.file_name().unwrap())).unwrap();
        }
        let names = vec![(folder.path().display().to_string(), "<folder>".to_owned())];
        Self {
            folder,
            environment: Vec::new(),
            names,
            ids: Vec::new(),
        }
    }

    /// With a variable that commands see.
    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With a name for a text that differs from run to run.
    pub(crate) fn named(mut self, text: &str, name: &str) -> Self {
        self.names.push((text.to_owned(), name.to_owned()));
        self
    }

    /// Plays a transcript and compares it with what came.
    pub(crate) fn play(&mut self, name: &str) {
        let script = std::fs::read_to_string(transcripts().join(name)).unwrap();
        let mut came = String::new();
        for line in script.lines() {
            let blank = if came.is_empty() { "" } else { "\n" };
            if let Some(command) = line.strip_prefix("$ ") {
                let _ = write!(came, "{blank}$ {command}\n{}", self.run(command));
            } else if line.starts_with('#') {
                let _ = writeln!(came, "{blank}{}", line.trim_end());
            }
        }
        check(name, &came);
    }

    fn run(&mut self, line: &str) -> String {
        let mut words = split(&self.unname(line)).into_iter();
        let mut command = mortar();
        command
            .current_dir(self.folder.path())
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        let program = loop {
            let word = words.next().expect("a command");
            match word.split_once('=') {
                Some((name, value)) => command.env(name, value),
                None => break word,
            };
        };
        assert_eq!(program, "mortar", "{line}");
        let output = command.args(words).output().unwrap();
        let mut text = String::from_utf8(output.stdout).unwrap();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push_str("(no line end)\n");
        }
        for said in String::from_utf8(output.stderr).unwrap().lines() {
            let _ = writeln!(text, "{}", format!("2> {said}").trim_end());
        }
        match output.status.code() {
            Some(0) => {}
            Some(code) => text.push_str(&format!("? {code}\n")),
            None => text.push_str("? ended by a signal\n"),
        }
        self.name(&text)
    }

    /// Names for what differs from run to run.
    fn name(&mut self, text: &str) -> String {
        let mut text = text.to_owned();
        for (value, name) in &self.names {
            text = text.replace(value, name);
        }
        let mut named = String::new();
        let mut rest = text.as_str();
        while let Some((before, found, after)) = next_varying(rest) {
            named.push_str(before);
            match found {
                Varying::Time => named.push_str("<time>"),
                Varying::Short => named.push_str("<short id>"),
                Varying::Id(id) => {
                    let known = self.ids.iter().position(|other| other == id);
                    let number = known.unwrap_or_else(|| {
                        self.ids.push(id.to_owned());
                        self.ids.len() - 1
                    });
                    let _ = write!(named, "<id-{}>", number + 1);
                }
            }
            rest = after;
        }
        named.push_str(rest);
        named
    }

    /// What the names in a command stand for.
    fn unname(&self, line: &str) -> String {
        let mut line = line.to_owned();
        for (number, id) in self.ids.iter().enumerate() {
            line = line.replace(&format!("<id-{}>", number + 1), id);
        }
        for (value, name) in &self.names {
            line = line.replace(name, value);
        }
        line
    }
}

enum Varying<'a> {
    Id(&'a str),
    /// The first digits of an id.
    Short,
    Time,
}

/// The next id (32 hex digits, or their first eight after `brick `) or time in a text.
fn next_varying(text: &str) -> Option<(&str, Varying<'_>, &str)> {
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut at = 0;
    while let Some(start) = text[at..].find(hex).map(|found| at + found) {
        let run = text[start..]
            .find(|c| !hex(c))
            .map_or(text.len(), |length| start + length);
        let fresh = !text[..start].ends_with(|c: char| c.is_ascii_alphanumeric());
        if fresh && run - start == 32 {
            return Some((&text[..start], Varying::Id(&text[start..run]), &text[run..]));
        }
        if text[..start].ends_with("brick ") && run - start == 8 {
            return Some((&text[..start], Varying::Short, &text[run..]));
        }
        if fresh && let Some(end) = time_end(text, start) {
            return Some((&text[..start], Varying::Time, &text[end..]));
        }
        at = run;
    }
    None
}

/// The end of a time like `2026-01-02T03:04:05.678Z`, or `20260102T030405.678Z` in the name of a file, that begins here.
fn time_end(text: &str, start: usize) -> Option<usize> {
    let end = text[start..].find('Z').map(|length| start + length + 1)?;
    let time = &text[start..end];
    let form: String = time
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let of_file = form == "00000000T000000.000Z";
    (of_file || form.starts_with("0000-00-00T00:00:00") && time.len() <= 30).then_some(end)
}

/// Words of a command: blanks part them, quotes keep them together.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.get_or_insert_default().push(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, ' ') => words.extend(word.take()),
            (None, c) => word.get_or_insert_default().push(c),
        }
    }
    assert!(quote.is_none(), "a quote is open in {line}");
    words.extend(word);
    words
}

#[test]
fn what_varies_gets_a_name() {
    let mut player = Player::new();
    let (a, b) = ("0a".repeat(16), "0b".repeat(16));
    let text = format!("{a} vg_{b}/x 2026-01-02T03:04:05Z {a} {a}00 1234 2026-01-02");
    assert_eq!(
        player.name(&text),
        format!("<id-1> vg_<id-2>/x <time> <id-1> {a}00 1234 2026-01-02")
    );
    assert_eq!(player.unname("info <id-2>"), format!("info {b}"));
}

#[test]
fn words_are_split_as_a_shell_does() {
    assert_eq!(split("a 'b c' \"\" d'e'"), ["a", "b c", "", "de"]);
}
