//! What files and folders are like: find, du, stat, chown, chgrp, chmod, sync.
//!
//! Error texts are those of GNU coreutils 9.1 and findutils 4.9 in the C locale.

use mortar_argv::Output;

use crate::block::device;
use crate::files::octal;
use crate::node::Found;
use crate::text::Names;
use crate::tool::{Parsed, Shell, done, fail, say, usage};
use crate::tree::{Body, Dir, File, Inode};

/// `du --summarize --block-size=1 PATH`: images are sparse, so only what is written counts.
pub(crate) fn du(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("--summarize", false),
        ("-s", false),
        ("--block-size", true),
        ("-B", true),
        ("-b", false),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("du", 1, option),
    };
    let (true, Some("1"), [path]) = (
        read.has(&["--summarize", "-s"]),
        read.value(&["--block-size", "-B"]),
        &read.words[..],
    ) else {
        return fail(
            1,
            "du: the simulated node needs --summarize --block-size=1 and one path",
        );
    };
    let Ok(place) = shell.node.find(shell.names, path) else {
        return fail(
            1,
            format!("du: cannot access '{path}': No such file or directory"),
        );
    };
    let bytes = match shell.node.look(&place) {
        Found::Dir(dir) => written(shell, dir),
        Found::File(file) => written_in(shell, file),
    };
    say(format!("{bytes}\t{path}\n"))
}

fn written(shell: &Shell<'_>, dir: &Dir) -> u64 {
    let inside = dir.children.iter().map(|child| match &child.what {
        Inode::Dir(dir) => written(shell, dir),
        Inode::File(file) => written_in(shell, file),
    });
    4096 + inside.sum::<u64>()
}

fn written_in(shell: &Shell<'_>, file: &File) -> u64 {
    match &file.body {
        Body::Sparse { inside, .. } => {
            let system = inside.and_then(|system| shell.node.systems.get(system));
            system.map_or(0, |system| system.written())
        }
        _ => file.size(shell.names).next_multiple_of(4096),
    }
}

/// What one `find` asks for.
struct Hunt<'a> {
    from: usize,
    to: usize,
    quit: bool,
    without: Vec<&'a str>,
    /// Prints names relative to the start (`-printf %P\n`).
    relative: bool,
}

impl<'a> Hunt<'a> {
    fn read(arguments: &'a [String]) -> Result<Self, &'a str> {
        let mut hunt = Self {
            from: 0,
            to: usize::MAX,
            quit: false,
            without: Vec::new(),
            relative: false,
        };
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "-mindepth" => hunt.from = words.next().and_then(|n| n.parse().ok()).ok_or(word)?,
                "-maxdepth" => hunt.to = words.next().and_then(|n| n.parse().ok()).ok_or(word)?,
                "!" | "-not" if words.next() == Some("-name") => hunt.without.push(words.next().ok_or(word)?),
                "-print" => {}
                "-printf" if words.next() == Some("%P\\n") => hunt.relative = true,
                "-quit" => hunt.quit = true,
                _ => return Err(word),
            }
        }
        Ok(hunt)
    }

    /// Lists what is in `dir`, which lies at `depth` and is called `prefix`.
    fn walk(&self, names: &Names, dir: &Dir, prefix: &str, depth: usize, found: &mut Vec<String>) {
        if depth >= self.to {
            return;
        }
        for child in &dir.children {
            let name = names.read(&child.name);
            let path = if prefix.is_empty() {
                name.clone()
            } else {
                format!("{prefix}/{name}")
            };
            if depth + 1 >= self.from && !self.without.contains(&name.as_str()) {
                found.push(path.clone());
            }
            if let Inode::Dir(inner) = &child.what {
                self.walk(names, inner, &path, depth + 1, found);
            }
        }
    }
}

/// `find PATH [-mindepth N] [-maxdepth N] [! -name NAME] [-print | -printf %P\n] [-quit]`, within one file system.
pub(crate) fn find(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let Some((path, rest)) = arguments.split_first().filter(|(path, _)| !path.starts_with('-')) else {
        return fail(1, "find: the simulated node needs a path first");
    };
    let hunt = match Hunt::read(rest) {
        Ok(hunt) => hunt,
        Err(word) => return fail(1, format!("find: unknown predicate `{word}'")),
    };
    if hunt.from == 0 {
        return fail(
            1,
            "find: the simulated node lists only what is in a folder (-mindepth 1)",
        );
    }
    let Ok(place) = shell.node.find(shell.names, path) else {
        return fail(1, format!("find: '{path}': No such file or directory"));
    };
    let Found::Dir(dir) = shell.node.look(&place) else {
        return done();
    };
    let mut found = Vec::new();
    hunt.walk(shell.names, dir, "", 0, &mut found);
    found.sort_unstable();
    found.truncate(if hunt.quit { 1 } else { usize::MAX });
    let start = if hunt.relative {
        String::new()
    } else {
        format!("{}/", path.trim_end_matches('/'))
    };
    say(found
        .iter()
        .map(|name| format!("{start}{name}\n"))
        .collect::<String>())
}

/// `stat --format=FORMAT PATH` with %F, %s, %u, %g, %a and %n.
pub(crate) fn stat(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("--format", true),
        ("-c", true),
        ("-L", false),
        ("--dereference", false),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("stat", 1, option),
    };
    let (Some(format), [path]) = (read.value(&["--format", "-c"]), &read.words[..]) else {
        return fail(1, "stat: the simulated node needs --format and one path");
    };
    let mut values = Facts {
        kind: "block special file",
        size: 0,
        gid: 6,
        mode: 0o660,
    };
    if device(shell.node, shell.names, path).is_none() {
        let Ok(place) = shell.node.find(shell.names, path) else {
            return fail(
                1,
                format!("stat: cannot statx '{path}': No such file or directory"),
            );
        };
        values = match shell.node.look(&place) {
            Found::Dir(dir) => Facts {
                kind: "directory",
                size: 4096,
                gid: dir.gid,
                mode: dir.mode,
            },
            Found::File(file) => {
                let size = file.size(shell.names);
                let kind = if size == 0 {
                    "regular empty file"
                } else {
                    "regular file"
                };
                Facts {
                    kind,
                    size,
                    gid: file.gid,
                    mode: file.mode,
                }
            }
        };
    }
    match values.render(format, path) {
        Ok(line) => say(line + "\n"),
        Err(letter) => fail(1, format!("stat: the simulated node does not know %{letter}")),
    }
}

struct Facts {
    kind: &'static str,
    size: u64,
    gid: u32,
    mode: u16,
}

impl Facts {
    fn render(&self, format: &str, path: &str) -> Result<String, char> {
        let mut line = String::new();
        let mut letters = format.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                line.push(letter);
                continue;
            }
            match letters.next().unwrap_or('%') {
                'F' => line.push_str(self.kind),
                's' => line.push_str(&self.size.to_string()),
                'u' => line.push('0'),
                'g' => line.push_str(&self.gid.to_string()),
                'a' => line.push_str(&format!("{:o}", self.mode)),
                'n' => line.push_str(path),
                '%' => line.push('%'),
                other => return Err(other),
            }
        }
        Ok(line)
    }
}

/// `chown [USER]:GROUP PATH…`: the owner stays root in a simulated world.
pub(crate) fn chown(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &[]) {
        Ok(read) => read,
        Err(option) => return usage("chown", 1, option),
    };
    let [spec, paths @ ..] = &read.words[..] else {
        return fail(1, "chown: missing operand");
    };
    let Some(group) = spec
        .trim_start_matches("root")
        .trim_start_matches('0')
        .strip_prefix(':')
    else {
        return fail(1, format!("chown: invalid user: '{spec}'"));
    };
    match group_id(group) {
        Some(gid) => set_all(shell, "chown", paths, |mode| (gid, mode)),
        None => fail(1, format!("chown: invalid group: '{spec}'")),
    }
}

/// `chgrp GROUP PATH…`
pub(crate) fn chgrp(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &[]) {
        Ok(read) => read,
        Err(option) => return usage("chgrp", 1, option),
    };
    let [group, paths @ ..] = &read.words[..] else {
        return fail(1, "chgrp: missing operand");
    };
    match group_id(group) {
        Some(gid) => set_all(shell, "chgrp", paths, |mode| (gid, mode)),
        None => fail(1, format!("chgrp: invalid group: '{group}'")),
    }
}

fn group_id(group: &str) -> Option<u32> {
    if group == "root" {
        Some(0)
    } else {
        group.parse().ok()
    }
}

/// `chmod MODE PATH…` with an octal mode.
pub(crate) fn chmod(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &[]) {
        Ok(read) => read,
        Err(option) => return usage("chmod", 1, option),
    };
    let [mode, paths @ ..] = &read.words[..] else {
        return fail(1, "chmod: missing operand");
    };
    let Some(mode) = octal(mode) else {
        return fail(
            1,
            format!("chmod: invalid mode: '{mode}'\nTry 'chmod --help' for more information."),
        );
    };
    for path in paths {
        match shell.node.find(shell.names, path) {
            Err(error) => return fail(1, format!("chmod: cannot access '{path}': {}", error.text())),
            Ok(place) => match shell.node.file_mut(&place) {
                Some(file) => file.mode = mode,
                None => shell.node.dir_mut(&place).mode = mode,
            },
        }
    }
    done()
}

fn set_all(shell: &mut Shell<'_>, program: &str, paths: &[&str], set: impl Fn(u16) -> (u32, u16)) -> Output {
    for path in paths {
        match shell.node.find(shell.names, path) {
            Err(error) => return fail(1, format!("{program}: cannot access '{path}': {}", error.text())),
            Ok(place) => match shell.node.file_mut(&place) {
                Some(file) => (file.gid, file.mode) = set(file.mode),
                None => {
                    let dir = shell.node.dir_mut(&place);
                    (dir.gid, dir.mode) = set(dir.mode);
                }
            },
        }
    }
    done()
}

/// `sync [-f|-d] PATH…`: a simulated disk loses nothing, so only the paths are looked at.
pub(crate) fn sync(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("-d", false),
        ("--data", false),
        ("-f", false),
        ("--file-system", false),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("sync", 1, option),
    };
    for path in &read.words {
        if let Err(error) = shell.node.find(shell.names, path) {
            return fail(1, format!("sync: error opening '{path}': {}", error.text()));
        }
    }
    done()
}
