//! Files and folders: test, mkdir, rmdir, rm, mv, find, stat, truncate, chown, chgrp, chmod, sync.
//!
//! Error texts are those of GNU coreutils 9.1 in the C locale, as they were seen on Debian 12.

use mortar_argv::Output;

use crate::block::device;
use crate::glusterd;
use crate::node::{Found, Node, parts};
use crate::text::Names;
use crate::tool::{Parsed, Shell, done, fail, no, usage};
use crate::tree::{Body, Dir, File, Inode};

/// `test -e|-d|-f|-b|-s PATH`, also with a leading `!`.
pub(crate) fn test(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let mut words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let negated = words.first() == Some(&"!");
    if negated {
        words.remove(0);
    }
    let [operator, path] = words[..] else {
        return fail(2, "test: the simulated node knows one operator and one path only");
    };
    let is_device = device(shell.node, shell.names, path).is_some();
    let is_record = glusterd::folder(shell, path).is_some();
    let found = shell.node.find(shell.names, path).ok();
    let found = found.as_ref().map(|place| shell.node.look(place));
    let answer = match operator {
        "-e" => is_device || is_record || found.is_some(),
        "-d" => is_record || matches!(found, Some(Found::Dir(_))),
        "-f" => matches!(found, Some(Found::File(_))),
        "-b" => is_device,
        "-s" => match found {
            Some(Found::File(file)) => file.size(shell.names) > 0,
            other => other.is_some(),
        },
        _ => return fail(2, format!("test: {operator}: unary operator expected")),
    };
    if answer == negated { no(1) } else { done() }
}

/// `mkdir [-p] [-m MODE] PATH…`
pub(crate) fn mkdir(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("-p", false),
        ("--parents", false),
        ("-m", true),
        ("--mode", true),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("mkdir", 1, option),
    };
    let mode = match read.value(&["-m", "--mode"]).map(octal) {
        Some(None) => return fail(1, "mkdir: invalid mode"),
        other => other.flatten(),
    };
    if read.words.is_empty() {
        return fail(
            1,
            "mkdir: missing operand\nTry 'mkdir --help' for more information.",
        );
    }
    for path in &read.words {
        let made = if read.has(&["-p", "--parents"]) {
            make_all(shell, path)
        } else {
            make_one(shell, path)
        };
        if let Err((at, why)) = made {
            return fail(1, format!("mkdir: cannot create directory '{at}': {why}"));
        }
        if let (Some(mode), Ok(place)) = (mode, shell.node.find(shell.names, path)) {
            shell.node.dir_mut(&place).mode = mode;
        }
    }
    done()
}

fn make_one(shell: &mut Shell<'_>, path: &str) -> Result<(), (String, &'static str)> {
    let (place, name) = shell
        .node
        .parent(shell.names, path)
        .map_err(|error| (path.to_owned(), error.text()))?;
    if name.is_empty() || shell.node.dir_mut(&place).get(shell.names, name).is_some() {
        return Err((path.to_owned(), "File exists"));
    }
    let name = shell.names.store(name);
    shell
        .node
        .dir_mut(&place)
        .put(name, Inode::Dir(Box::new(Dir::new())));
    Ok(())
}

fn make_all(shell: &mut Shell<'_>, path: &str) -> Result<(), (String, &'static str)> {
    if shell.node.dir(shell.names, path).is_some() {
        return Ok(());
    }
    let mut made = String::new();
    for part in parts(path) {
        if !made.is_empty() || path.starts_with('/') {
            made.push('/');
        }
        made.push_str(part);
        match shell.node.find(shell.names, &made) {
            Ok(place) => {
                if let Found::File(_) = shell.node.look(&place) {
                    let why = if made.len() == path.len() {
                        "File exists"
                    } else {
                        "Not a directory"
                    };
                    return Err((made, why));
                }
            }
            Err(_) => make_one(shell, &made)?,
        }
    }
    Ok(())
}

/// `rmdir PATH…`
pub(crate) fn rmdir(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &[("--ignore-fail-on-non-empty", false)]) {
        Ok(read) => read,
        Err(option) => return usage("rmdir", 1, option),
    };
    let lenient = read.has(&["--ignore-fail-on-non-empty"]);
    for path in &read.words {
        match remove_dir(shell.node, shell.names, path) {
            Ok(()) => {}
            Err("Directory not empty") if lenient => {}
            Err(why) => return fail(1, format!("rmdir: failed to remove '{path}': {why}")),
        }
    }
    done()
}

fn remove_dir(node: &mut Node, names: &Names, path: &str) -> Result<(), &'static str> {
    let (place, name) = node.parent(names, path).map_err(|error| error.text())?;
    let folder = node.dir_mut(&place);
    match folder.get(names, name) {
        None => Err("No such file or directory"),
        Some((_, Inode::File(_))) => Err("Not a directory"),
        Some((_, Inode::Dir(dir))) if dir.covered != 0 => Err("Device or resource busy"),
        Some((_, Inode::Dir(dir))) if !dir.children.is_empty() => Err("Directory not empty"),
        Some(_) => {
            folder.take(names, name);
            Ok(())
        }
    }
}

/// `rm [-f] PATH…`, and `rm -r --one-file-system PATH…`: trees only where no other file system is in the way.
pub(crate) fn rm(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("-f", false),
        ("--force", false),
        ("-r", false),
        ("-R", false),
        ("--recursive", false),
        ("--one-file-system", false),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("rm", 1, option),
    };
    let trees = read.has(&["-r", "-R", "--recursive"]);
    if trees && !read.has(&["--one-file-system"]) {
        return fail(
            1,
            "rm: the simulated node removes trees only with --one-file-system",
        );
    }
    for path in &read.words {
        let mut removed = remove_file(shell.node, shell.names, path);
        if trees && removed == Err("Is a directory") {
            removed = remove_tree(shell.node, shell.names, path);
        }
        if let Err(why) = removed {
            let absent = why == "No such file or directory" || why == "Not a directory";
            if !(absent && read.has(&["-f", "--force"])) {
                return fail(1, format!("rm: cannot remove '{path}': {why}"));
            }
        }
    }
    done()
}

/// Removes a folder with all that is in it, but for mounts and the folders above them.
fn remove_tree(node: &mut Node, names: &Names, path: &str) -> Result<(), &'static str> {
    let (place, name) = node.parent(names, path).map_err(|error| error.text())?;
    let folder = node.dir_mut(&place);
    let Some(Inode::Dir(mut tree)) = folder.take(names, name) else {
        return Err("No such file or directory");
    };
    let mut dropped = Vec::new();
    prune(&mut tree, &mut dropped);
    if tree.holds_mounts() {
        let name = names.seek(name).expect("it was found by this name");
        folder.put(name, Inode::Dir(tree));
    }
    for file in &dropped {
        drop_body(node, file);
    }
    let left = matches!(node.parent(names, path), Ok((place, name)) if node.dir_mut(&place).get(names, name).is_some());
    if left {
        Err("it holds a mount; skipping it, since it's on a different device")
    } else {
        Ok(())
    }
}

/// Takes everything out of a folder but what leads to mounts; gives the files that were in it.
fn prune(dir: &mut Dir, dropped: &mut Vec<File>) {
    if dir.covered != 0 {
        return;
    }
    for child in std::mem::take(&mut dir.children) {
        match child.what {
            Inode::File(file) => dropped.push(*file),
            Inode::Dir(mut inner) => {
                prune(&mut inner, dropped);
                if inner.holds_mounts() {
                    dir.children.push(crate::tree::Child {
                        name: child.name,
                        what: Inode::Dir(inner),
                    });
                }
            }
        }
    }
}

fn remove_file(node: &mut Node, names: &Names, path: &str) -> Result<(), &'static str> {
    let (place, name) = node.parent(names, path).map_err(|error| error.text())?;
    let folder = node.dir_mut(&place);
    match folder.get(names, name) {
        None => return Err("No such file or directory"),
        Some((_, Inode::Dir(_))) => return Err("Is a directory"),
        Some(_) => {}
    }
    if let Some(Inode::File(file)) = folder.take(names, name) {
        drop_body(node, &file);
    }
    Ok(())
}

/// A file that loses its last name lets go of the file system in it.
fn drop_body(node: &mut Node, file: &File) {
    if let Body::Sparse {
        inside: Some(system), ..
    } = file.body
    {
        node.unhold(system);
    }
}

/// `mv [-f|-n|-T] FROM TO`
pub(crate) fn mv(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("-f", false),
        ("--force", false),
        ("-T", false),
        ("--no-target-directory", false),
        ("-n", false),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("mv", 1, option),
    };
    let [from, to] = read.words[..] else {
        return fail(1, "mv: missing file operand");
    };
    if let Some(name) = glusterd::folder(shell, from) {
        return set_aside(shell, name, to);
    }
    let (node, names) = (&mut *shell.node, &mut *shell.names);
    let Ok((from_place, from_name)) = node.parent(names, from) else {
        return fail(1, format!("mv: cannot stat '{from}': No such file or directory"));
    };
    match node.dir_mut(&from_place).get(names, from_name) {
        None => return fail(1, format!("mv: cannot stat '{from}': No such file or directory")),
        Some((_, Inode::Dir(dir))) if dir.holds_mounts() => {
            return fail(
                1,
                format!("mv: cannot move '{from}' to '{to}': Device or resource busy"),
            );
        }
        Some(_) => {}
    }
    let target = match node.dir(names, to) {
        Some(_) if !read.has(&["-T", "--no-target-directory"]) => {
            format!("{}/{from_name}", to.trim_end_matches('/'))
        }
        _ => to.to_owned(),
    };
    if target.ends_with('/') {
        return fail(1, format!("mv: cannot move '{from}' to '{to}': Not a directory"));
    }
    let (to_place, to_name) = match node.parent(names, &target) {
        Ok(found) => found,
        Err(error) => return fail(1, format!("mv: cannot move '{from}' to '{to}': {}", error.text())),
    };
    let to_is_dir = match node.dir_mut(&to_place).get(names, to_name) {
        Some((_, Inode::Dir(_))) => true,
        Some(_) if read.has(&["-n"]) => return done(),
        _ => false,
    };
    if to_is_dir {
        return fail(1, format!("mv: cannot overwrite directory '{target}'"));
    }
    let stored = names.store(to_name);
    let Some(moved) = node.dir_mut(&from_place).take(names, from_name) else {
        return done();
    };
    // The steps of the place may have shifted by the name that was taken out: look again.
    let Ok((to_place, _)) = node.parent(names, &target) else {
        let back = names.store(from_name);
        node.dir_mut(&from_place).put(back, moved);
        return fail(
            1,
            format!("mv: cannot move '{from}' to a subdirectory of itself, '{target}'"),
        );
    };
    if let Inode::File(file) = &moved
        && let Body::Sparse {
            inside: Some(system), ..
        } = file.body
    {
        // The kernel tells the name that the file has now.
        let file = names.store(&target);
        for entry in node.loops.values_mut().filter(|entry| entry.system == system) {
            entry.file = file.clone();
        }
    }
    let folder = node.dir_mut(&to_place);
    let replaced = folder.take(names, to_name);
    folder.put(stored, moved);
    if let Some(Inode::File(file)) = replaced {
        drop_body(node, &file);
    }
    done()
}

/// A folder of records of glusterd is moved into another folder.
fn set_aside(shell: &mut Shell<'_>, name: &str, to: &str) -> Output {
    let folder = format!("{}/{name}", to.trim_end_matches('/'));
    if shell.node.dir(shell.names, to).is_none() || shell.node.dir(shell.names, &folder).is_some() {
        return fail(
            1,
            format!("mv: cannot move '{name}' to '{to}': Directory not empty"),
        );
    }
    let Some(text) = glusterd::take(shell, name) else {
        return fail(1, format!("mv: cannot stat '{name}': No such file or directory"));
    };
    if let Err(error) = shell.node.make_dirs(shell.names, &folder) {
        return fail(1, format!("mv: cannot move '{name}' to '{to}': {}", error.text()));
    }
    crate::lines::tee(shell, &[format!("{folder}/info")], &text);
    done()
}

/// `truncate [--no-create] --size [>]SIZE PATH`: makes a sparse file, or sets the size of one; with `>` it never becomes
/// smaller.
pub(crate) fn truncate(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let known = [
        ("--size", true),
        ("-s", true),
        ("--no-create", false),
        ("-c", false),
    ];
    let read = match Parsed::read(arguments, &known) {
        Ok(read) => read,
        Err(option) => return usage("truncate", 1, option),
    };
    let (Some(size), [path]) = (read.value(&["--size", "-s"]), &read.words[..]) else {
        return fail(1, "truncate: you must specify either '--size' or '--reference'");
    };
    let (at_least, digits) = match size.strip_prefix('>') {
        Some(digits) => (true, digits),
        None => (false, size),
    };
    let Some(bytes) = bytes(digits) else {
        return fail(1, format!("truncate: Invalid number: '{size}'"));
    };
    if path.ends_with('/') {
        return fail(
            1,
            format!("truncate: cannot open '{path}' for writing: Is a directory"),
        );
    }
    let (place, name) = match shell.node.parent(shell.names, path) {
        Ok(found) => found,
        Err(error) => {
            return fail(
                1,
                format!("truncate: cannot open '{path}' for writing: {}", error.text()),
            );
        }
    };
    match shell.node.dir_mut(&place).get(shell.names, name) {
        Some((_, Inode::Dir(_))) => {
            return fail(
                1,
                format!("truncate: cannot open '{path}' for writing: Is a directory"),
            );
        }
        Some((_, Inode::File(_))) => {
            let place = shell
                .node
                .find(shell.names, path)
                .expect("the name was found above");
            let file = shell.node.file_mut(&place).expect("it is a file");
            if let Body::Sparse { size, .. } = &mut file.body {
                *size = if at_least { bytes.max(*size) } else { bytes };
            } else {
                file.body = Body::Sparse {
                    size: bytes,
                    inside: None,
                };
            }
        }
        None if read.has(&["--no-create", "-c"]) => {}
        None => {
            let name = shell.names.store(name);
            let file = File::new(Body::Sparse {
                size: bytes,
                inside: None,
            });
            shell.node.dir_mut(&place).put(name, Inode::File(Box::new(file)));
        }
    }
    done()
}

/// A number of bytes as coreutils read it: digits, or digits with K, M, G, T (powers of 1024).
pub(crate) fn bytes(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor: u64 = match &text[digits.len()..] {
        "" => 1,
        "K" | "KiB" => 1 << 10,
        "M" | "MiB" => 1 << 20,
        "G" | "GiB" => 1 << 30,
        "T" | "TiB" => 1 << 40,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

/// A mode in octal digits.
pub(crate) fn octal(mode: &str) -> Option<u16> {
    u16::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777)
}
