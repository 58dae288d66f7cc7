//! Texts in files: cat, tee, grep, sed.
//!
//! Error texts are those of GNU coreutils 9.1, grep 3.8 and sed 4.9 in the C locale.

use mortar_argv::Output;

use crate::glusterd;
use crate::node::Found;
use crate::tool::{Parsed, Shell, done, fail, no, say, usage};
use crate::tree::{Body, File, Inode};

/// `cat [PATH…]`; without paths, what came on standard input.
pub(crate) fn cat(shell: &mut Shell<'_>, arguments: &[String], input: &str) -> Output {
    let read = match Parsed::read(arguments, &[]) {
        Ok(read) => read,
        Err(option) => return usage("cat", 1, option),
    };
    if read.words.is_empty() {
        return say(input);
    }
    let mut output = Output::default();
    for path in &read.words {
        match read_text(shell, path) {
            Ok(text) => output.stdout.push_str(&text),
            Err(why) => {
                output.status = 1;
                output.stderr.push_str(&format!("cat: {path}: {why}\n"));
            }
        }
    }
    output
}

fn read_text(shell: &Shell<'_>, path: &str) -> Result<String, &'static str> {
    if let Some(text) = glusterd::file(shell, path) {
        return Ok(text);
    }
    let place = shell.node.find(shell.names, path).map_err(|error| error.text())?;
    match shell.node.look(&place) {
        Found::Dir(_) => Err("Is a directory"),
        Found::File(file) => Ok(file.text(shell.names)),
    }
}

/// Makes an empty file where there is none.
pub(crate) fn touch_all(shell: &mut Shell<'_>, paths: &[String]) -> Output {
    for path in paths {
        if let Err(why) = touch(shell, path) {
            return fail(1, format!("touch: cannot touch '{path}': {why}"));
        }
    }
    done()
}

/// Makes a file where there is none.
pub(crate) fn touch(shell: &mut Shell<'_>, path: &str) -> Result<(), &'static str> {
    if path.is_empty() || path.ends_with('/') {
        return Err(if path.is_empty() {
            "No such file or directory"
        } else {
            "Is a directory"
        });
    }
    let (place, name) = shell
        .node
        .parent(shell.names, path)
        .map_err(|error| error.text())?;
    match shell.node.dir_mut(&place).get(shell.names, name) {
        Some((_, Inode::Dir(_))) => Err("Is a directory"),
        Some(_) => Ok(()),
        None => {
            let empty = shell.names.store("");
            let name = shell.names.store(name);
            let file = Inode::File(Box::new(File::new(Body::Text(empty))));
            shell.node.dir_mut(&place).put(name, file);
            Ok(())
        }
    }
}

/// `tail -n COUNT PATH`
pub(crate) fn tail(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &[("-n", true), ("--lines", true)]) {
        Ok(read) => read,
        Err(option) => return usage("tail", 1, option),
    };
    let count = read
        .value(&["-n", "--lines"])
        .and_then(|count| count.parse::<usize>().ok());
    let (Some(count), [path]) = (count, &read.words[..]) else {
        return fail(1, "tail: the simulated node needs -n and one file");
    };
    match read_text(shell, path) {
        Ok(text) => {
            let lines: Vec<&str> = text.lines().collect();
            let last = lines[lines.len().saturating_sub(count)..].iter();
            say(last.map(|line| format!("{line}\n")).collect::<String>())
        }
        Err(why) => fail(1, format!("tail: cannot open '{path}' for reading: {why}")),
    }
}

/// `tee [-a] PATH…`: writes what came on standard input to files and to standard output.
pub(crate) fn tee(shell: &mut Shell<'_>, arguments: &[String], input: &str) -> Output {
    let read = match Parsed::read(arguments, &[("-a", false), ("--append", false)]) {
        Ok(read) => read,
        Err(option) => return usage("tee", 1, option),
    };
    let mut output = say(input);
    for path in &read.words {
        if let Err(why) = touch(shell, path) {
            output.status = 1;
            output.stderr.push_str(&format!("tee: {path}: {why}\n"));
            continue;
        }
        let place = shell
            .node
            .find(shell.names, path)
            .expect("the file was made above");
        let file = shell.node.file_mut(&place).expect("it is a file");
        if read.has(&["-a", "--append"]) {
            file.append(shell.names, input);
        } else {
            file.write(shell.names, input);
        }
    }
    output
}

/// `grep -F [-q] [-x] [-s] [-c] [-a] [-H] [-e TEXT]… PATH…`: fixed strings only. With `-r`, in glusterd's snapshots,
/// which a simulated node never has in its files.
pub(crate) fn grep(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("-q", false),
        ("--quiet", false),
        ("-F", false),
        ("--fixed-strings", false),
        ("-x", false),
        ("--line-regexp", false),
        ("-s", false),
        ("--no-messages", false),
        ("-c", false),
        ("--count", false),
        ("-a", false),
        ("--text", false),
        ("-H", false),
        ("--with-filename", false),
        ("-e", true),
        ("--regexp", true),
        ("-r", false),
        ("--recursive", false),
        ("--include", true),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("grep", 2, option),
    };
    if !read.has(&["-F", "--fixed-strings"]) {
        return fail(2, "grep: the simulated node searches fixed strings only (-F)");
    }
    let (mut patterns, mut paths) = (read.values(&["-e", "--regexp"]), &read.words[..]);
    if patterns.is_empty()
        && let Some((pattern, rest)) = paths.split_first()
    {
        patterns.push(pattern);
        paths = rest;
    }
    if patterns.is_empty() || paths.is_empty() {
        return fail(2, "grep: the simulated node needs texts and files");
    }
    let whole = read.has(&["-x", "--line-regexp"]);
    let hit = |line: &&str| {
        patterns
            .iter()
            .any(|text| if whole { line == text } else { line.contains(text) })
    };
    let named = paths.len() > 1 || read.has(&["-H", "--with-filename"]);
    if read.has(&["-r", "--recursive"])
        && let Some(kind) = read.values(&["--include"]).first()
        && let Some(files) = paths.first().and_then(|path| glusterd::files(shell, path, kind))
    {
        let lines = files.iter().flat_map(|(path, text)| {
            let hits = text.lines().filter(hit);
            hits.map(move |line| format!("{path}:{line}\n"))
        });
        let text: String = lines.collect();
        return match (text.is_empty(), read.has(&["-q", "--quiet"])) {
            (true, _) => no(1),
            (false, true) => done(),
            (false, false) => say(text),
        };
    }
    let mut output = no(1);
    for path in paths {
        let searched = if read.has(&["-r", "--recursive"]) {
            records(shell, path)
        } else {
            read_text(shell, path)
        };
        let text = match searched {
            Ok(text) => text,
            Err(why) => {
                output.status = 2;
                if !read.has(&["-s", "--no-messages"]) {
                    output.stderr.push_str(&format!("grep: {path}: {why}\n"));
                }
                continue;
            }
        };
        let hits: Vec<&str> = text.lines().filter(hit).collect();
        if !hits.is_empty() && output.status == 1 {
            output.status = 0;
        }
        let name = if named { format!("{path}:") } else { String::new() };
        if read.has(&["-q", "--quiet"]) {
            continue;
        } else if read.has(&["-c", "--count"]) {
            output.stdout.push_str(&format!("{name}{}\n", hits.len()));
            continue;
        }
        for line in hits {
            output.stdout.push_str(&format!("{name}{line}\n"));
        }
    }
    output
}

/// The lines of glusterd's records below a folder.
fn records(shell: &Shell<'_>, path: &str) -> Result<String, &'static str> {
    match path.trim_end_matches('/') {
        "/var/lib/glusterd/snaps" => Ok(snapshots(shell)),
        _ => Err("the simulated node searches folders only in glusterd's records"),
    }
}

/// Those of its snapshots that name the volume that a snapshot was taken of, one line for each snapshot.
fn snapshots(shell: &Shell<'_>) -> String {
    let pool = shell.node.pool;
    let volumes = shell
        .gluster
        .volumes
        .iter()
        .filter(|(_, volume)| volume.pool == pool);
    let parents = volumes.map(|(_, volume)| {
        let snapshots = volume.rare.as_ref().map_or(0, |rare| rare.snapshots.len());
        format!("parent_volname={}\n", shell.names.read(&volume.name)).repeat(snapshots)
    });
    parents.collect()
}

/// `sed -i [-e] /REGEX/d PATH`: deletes lines. The regex is plain text, with `\` before special characters,
/// anchors `^` and `$` at its ends, and `\cREGEXc` for another delimiter.
pub(crate) fn sed(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("-i", false),
        ("--in-place", false),
        ("-e", true),
        ("--expression", true),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("sed", 1, option),
    };
    let mut scripts = read.values(&["-e", "--expression"]);
    let mut words = &read.words[..];
    if scripts.is_empty() {
        let Some((script, rest)) = words.split_first() else {
            return fail(1, "sed: no script specified");
        };
        scripts.push(script);
        words = rest;
    }
    if !read.has(&["-i", "--in-place"]) {
        return fail(1, "sed: the simulated node only edits in place (-i)");
    }
    if scripts == ["$a\\"] {
        // Adds nothing after the last line; but the last line gets its line end.
        return end_last_line(shell, words);
    }
    let mut deletions = Vec::new();
    for (number, script) in (1..).zip(&scripts) {
        match Deletion::parse(script) {
            Ok(deletion) => deletions.push(deletion),
            Err(why) => return fail(1, format!("sed: -e expression #{number}, {why}")),
        }
    }
    for path in words {
        if let Err(why) = delete_lines(shell, path, &deletions) {
            let why = if why == "Is a directory" {
                format!("sed: couldn't edit {path}: not a regular file")
            } else {
                format!("sed: can't read {path}: {why}")
            };
            return fail(if why.contains("couldn't") { 4 } else { 2 }, why);
        }
    }
    done()
}

fn end_last_line(shell: &mut Shell<'_>, paths: &[&str]) -> Output {
    for path in paths {
        let Ok(place) = shell.node.find(shell.names, path) else {
            return fail(2, format!("sed: can't read {path}: No such file or directory"));
        };
        let Some(file) = shell.node.file_mut(&place) else {
            return fail(4, format!("sed: couldn't edit {path}: not a regular file"));
        };
        if let Body::Text(_) = &file.body {
            let text = file.text(shell.names);
            if !text.is_empty() && !text.ends_with('\n') {
                file.write(shell.names, &(text + "\n"));
            }
        }
    }
    done()
}

fn delete_lines(shell: &mut Shell<'_>, path: &str, deletions: &[Deletion]) -> Result<(), &'static str> {
    let place = shell.node.find(shell.names, path).map_err(|error| error.text())?;
    if let Some(file) = shell.node.file_mut(&place)
        && let Body::Lines(lines) = &mut file.body
    {
        let names = &*shell.names;
        lines.retain(|line| {
            let line = names.read(line);
            !deletions.iter().any(|deletion| deletion.hits(&line))
        });
        return Ok(());
    }
    let text = read_text(shell, path)?;
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let bare = line.strip_suffix('\n').unwrap_or(line);
        if !deletions.iter().any(|deletion| deletion.hits(bare)) {
            kept.push_str(line);
        }
    }
    if kept.len() != text.len()
        && let Some(file) = shell.node.file_mut(&place)
    {
        file.write(shell.names, &kept);
    }
    Ok(())
}

/// One `/REGEX/d`.
struct Deletion {
    text: String,
    at_start: bool,
    at_end: bool,
}

impl Deletion {
    fn parse(script: &str) -> Result<Self, String> {
        let mut letters = script.char_indices();
        let delimiter = match letters.next() {
            Some((_, '/')) => '/',
            Some((_, '\\')) => letters.next().map_or('/', |(_, letter)| letter),
            _ => return Err("char 1: the simulated node only knows /REGEX/d".to_owned()),
        };
        let (mut text, mut at_start, mut at_end, mut first) = (String::new(), false, false, true);
        loop {
            let Some((at, letter)) = letters.next() else {
                return Err(format!("char {}: unterminated address regex", script.len()));
            };
            match letter {
                '\\' => match letters.next() {
                    Some((_, escaped)) if !escaped.is_ascii_alphanumeric() => text.push(escaped),
                    _ => return Err(format!("char {at}: the simulated node knows no such escape")),
                },
                _ if letter == delimiter => break,
                '^' if first => at_start = true,
                '$' if script[at + 1..].starts_with(delimiter) => at_end = true,
                '.' | '*' | '[' | ']' if !is_plain_dot(letter) => {
                    return Err(format!(
                        "char {at}: the simulated node deletes by plain text only"
                    ));
                }
                _ => text.push(letter),
            }
            first = false;
        }
        match letters.as_str() {
            "d" => Ok(Self {
                text,
                at_start,
                at_end,
            }),
            "" => Err(format!("char {}: missing command", script.len())),
            _ => Err(format!("char {}: unknown command", script.len())),
        }
    }

    fn hits(&self, line: &str) -> bool {
        match (self.at_start, self.at_end) {
            (true, true) => line == self.text,
            (true, false) => line.starts_with(&self.text),
            (false, true) => line.ends_with(&self.text),
            (false, false) => line.contains(&self.text),
        }
    }
}

/// An unescaped dot also matches itself; reading it as itself is near enough for paths and ids.
fn is_plain_dot(letter: char) -> bool {
    letter == '.'
}
