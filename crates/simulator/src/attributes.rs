//! What files and folders are like: du, stat, chown, chgrp, chmod, sync.
//!
//! Error texts are those of GNU coreutils 9.1 in the C locale.

use mortar_argv::Output;

use crate::block::device;
use crate::files::octal;
use crate::node::Found;
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
    let place = match shell.node.find(shell.names, path) {
        Ok(place) => place,
        Err(error) => return fail(1, format!("du: cannot access '{path}': {}", error.text())),
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

/// Bytes of a file that are really written.
pub(crate) fn written_in(shell: &Shell<'_>, file: &File) -> u64 {
    match &file.body {
        Body::Sparse { inside, .. } => {
            let system = inside.and_then(|system| shell.node.systems.get(system));
            system.map_or(0, |system| system.written())
        }
        _ => file.size(shell.names).next_multiple_of(4096),
    }
}

/// `stat --format=FORMAT PATH…` with %F, %s, %u, %g, %a and %n.
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
    let Some(format) = read.value(&["--format", "-c"]).filter(|_| !read.words.is_empty()) else {
        return fail(1, "stat: the simulated node needs --format and a path");
    };
    let mut output = Output::default();
    for path in &read.words {
        match facts(shell, path).map(|facts| facts.render(format, path)) {
            Ok(Ok(line)) => output.stdout.push_str(&format!("{line}\n")),
            Ok(Err(letter)) => return fail(1, format!("stat: the simulated node does not know %{letter}")),
            Err(why) => {
                output.status = 1;
                output
                    .stderr
                    .push_str(&format!("stat: cannot statx '{path}': {why}\n"));
            }
        }
    }
    output
}

fn facts(shell: &Shell<'_>, path: &str) -> Result<Facts, &'static str> {
    if device(shell.node, shell.names, path).is_some() {
        return Ok(Facts {
            kind: "block special file",
            size: 0,
            gid: 6,
            mode: 0o660,
        });
    }
    let place = shell.node.find(shell.names, path).map_err(|error| error.text())?;
    Ok(match shell.node.look(&place) {
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
    })
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
