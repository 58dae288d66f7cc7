//! Images that are copied while they are in use: cp --reflink, xfs_freeze, the watch over a freeze, xfs_admin, setfattr.
//!
//! Texts are those of coreutils 9.1, xfsprogs 6.1 and attr 2.5. There is no time here: a freeze is over when its node has been
//! given so many commands. What a file system holds that was copied while it was written to nobody knows: it is *torn*.

use mortar_argv::Output;
use serde::{Deserialize, Serialize};

use crate::block;
use crate::files;
use crate::growth;
use crate::node::{Found, Node, Place};
use crate::text::Names;
use crate::tool::{self, Parsed, Shell, done, fail, usage};
use crate::tree::{Body, Dir, File, FileSystem, FsKind, Inode};

/// Commands of its node that a freeze outlasts.
const PATIENCE: u32 = 90;

/// A process that thaws a file system after a while.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Watch {
    /// The file without which it does nothing.
    mark: String,
    /// The file system, by its mount point.
    mount_point: String,
    /// Commands that it still waits for.
    left: u32,
}

/// `cp --reflink=always FROM TO`, of a file.
pub(crate) fn cp(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &[("--reflink", true)]) {
        Ok(read) => read,
        Err(option) => return usage("cp", 1, option),
    };
    let (Some("always"), [from, to]) = (read.value(&["--reflink"]), &read.words[..]) else {
        return fail(1, "cp: the simulated node copies one file, by --reflink=always");
    };
    let (node, names) = (&mut *shell.node, &mut *shell.names);
    let Some(source) = node.file(names, from).cloned() else {
        return fail(1, format!("cp: cannot stat '{from}': No such file or directory"));
    };
    let cannot = |why: &str| fail(1, format!("cp: cannot create regular file '{to}': {why}"));
    let (place, name) = match node.parent(names, to) {
        Ok(found) => found,
        Err(error) => return cannot(error.text()),
    };
    if !shares_blocks(node, &place) {
        return fail(
            1,
            format!("cp: failed to clone '{to}' from '{from}': Operation not supported"),
        );
    }
    let body = match source.body {
        Body::Sparse {
            size,
            inside: Some(system),
        } => Body::Sparse {
            size,
            inside: copied(node, system),
        },
        other => other,
    };
    let stored = names.store(name);
    let folder = node.dir_mut(&place);
    let before = folder.take(names, name);
    folder.put(stored, Inode::File(Box::new(File::new(body))));
    if let Some(Inode::File(file)) = before
        && let Body::Sparse {
            inside: Some(system), ..
        } = file.body
    {
        node.unhold(system);
    }
    done()
}

/// Whether files of this file system can share blocks. The node's root file system stands for all that is below it, so a
/// simulated directory is what a real one has to be.
fn shares_blocks(node: &Node, place: &Place) -> bool {
    node.systems
        .get(place.system)
        .is_some_and(|found| !found.no_sharing)
}

/// A file system of its own with what the other one holds now.
pub(crate) fn copied(node: &mut Node, system: u32) -> Option<u32> {
    let found = node.systems.get(system)?;
    let in_use = found.mounts > 0;
    let copy = FileSystem {
        root: bare(&found.root),
        // What is frozen has written down all but the end of its log.
        unclean: in_use || found.unclean,
        torn: (in_use && !found.frozen) || found.torn,
        ..FileSystem::new(found.kind, found.uuid, found.size)
    };
    Some(node.systems.add(copy))
}

/// A folder with all that is in it, and nothing that is mounted over it.
fn bare(dir: &Dir) -> Dir {
    let mut copy = dir.clone();
    copy.covered = 0;
    for child in &mut copy.children {
        if let Inode::Dir(inner) = &mut child.what {
            **inner = bare(inner);
        }
    }
    copy
}

/// `xfs_freeze -f|-u PATH`: the file system that the path is on, whatever it is.
pub(crate) fn xfs_freeze(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let [way @ ("-f" | "-u"), path] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        return fail(2, "Usage: xfs_freeze -f | -u <mountpoint>");
    };
    let Ok(place) = shell.node.find(shell.names, path) else {
        return fail(1, format!("{path}: No such file or directory"));
    };
    let Some(found) = shell.node.systems.get_mut(place.system) else {
        return fail(1, format!("{path}: No such file or directory"));
    };
    match (way, found.frozen) {
        ("-f", true) => fail(
            1,
            format!("xfs_freeze: cannot freeze filesystem at {path}: Device or resource busy"),
        ),
        ("-u", false) => fail(
            1,
            format!("xfs_freeze: cannot unfreeze filesystem mounted at {path}: Invalid argument"),
        ),
        _ => {
            found.frozen = way == "-f";
            done()
        }
    }
}

/// `sh -c SCRIPT NAME MARK MOUNTPOINT`: freezes, and takes the mark away when somebody else has; or thaws, and takes it away unless
/// that failed.
pub(crate) fn sh(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let ["-c", script, "mortar-rescan", path] = words[..] {
        return growth::rescan(shell, script, path);
    }
    let ["-c", script, _, mark, mount_point] = words[..] else {
        return fail(
            127,
            "sh: the simulated node knows only the scripts about freezes and rescans",
        );
    };
    let freezes = script.starts_with("words=$(xfs_freeze -f \"$2\"")
        && script.contains("*\"resource busy\") rm -f \"$1\"")
        && script.ends_with("exit 1");
    let thaws = script.starts_with("words=$(xfs_freeze -u \"$2\"")
        && script.contains("*\"Invalid argument\" | *\"No such file or directory\")")
        && script.ends_with("rm -f \"$1\"");
    let (way, ends): (&str, &[&str]) = match (freezes, thaws) {
        (true, _) => ("-f", &["resource busy"]),
        (_, true) => ("-u", &["Invalid argument", "No such file or directory"]),
        _ => return fail(127, "sh: the simulated node does not know this script"),
    };
    let done = xfs_freeze(shell, &[way.into(), mount_point.into()]);
    let words = done.stderr.trim_end();
    let is_not_ours = !done.success() && ends.iter().any(|end| words.ends_with(end));
    if is_not_ours || (thaws && done.success()) {
        let _gone = files::rm(shell, &["-f".into(), mark.into()]);
    }
    if done.success() || (thaws && is_not_ours) {
        return tool::done();
    }
    fail(1, words)
}

/// `setsid --fork sh -c SCRIPT NAME SECONDS MARK MOUNTPOINT`: a process that thaws a file system when its time is over.
pub(crate) fn setsid(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let ["--fork", "sh", "-c", script, _, seconds, mark, mount_point] = words[..] else {
        return fail(
            127,
            "setsid: the simulated node leaves only the watch over a freeze behind",
        );
    };
    let watches = script.contains("sleep \"$1\"")
        && script.contains("rm \"$2\"")
        && script.contains("xfs_freeze -u \"$3\"");
    if !watches || seconds.parse::<u32>().is_err() {
        return fail(127, "setsid: the simulated node does not know this script");
    }
    shell.node.watches.push(Watch {
        mark: mark.to_owned(),
        mount_point: mount_point.to_owned(),
        left: PATIENCE,
    });
    done()
}

/// One more command on the node: whose time is over thaws its file system, if its mark is still there.
pub(crate) fn pass(node: &mut Node, names: &Names) {
    if node.watches.is_empty() {
        return;
    }
    for watch in &mut node.watches {
        watch.left = watch.left.saturating_sub(1);
    }
    let over: Vec<Watch> = node.watches.extract_if(.., |watch| watch.left == 0).collect();
    for watch in over {
        let Ok((place, name)) = node.parent(names, &watch.mark) else {
            continue;
        };
        if node.dir_mut(&place).take(names, name).is_none() {
            continue;
        }
        if let Ok(place) = node.find(names, &watch.mount_point)
            && let Some(found) = node.systems.get_mut(place.system)
        {
            found.frozen = false;
        }
    }
}

/// What is wrong on a node: a freeze that nothing ends, or a file system with a name that nobody can rely on.
pub(crate) fn check(node: &Node, names: &Names, host: &str, wrong: &mut Vec<String>) {
    for (_, system) in node.systems.iter() {
        if system.frozen && node.powered && node.watches.is_empty() {
            wrong.push(format!("{host}: a file system is frozen, and nothing thaws it"));
        }
    }
    for group in node.groups.iter().map(|(_, group)| group) {
        for volume in &group.volumes {
            let system = volume.system.and_then(|system| node.systems.get(system));
            let name = names.read(&volume.name);
            if system.is_some_and(|found| found.torn) && !name.ends_with(".part") {
                wrong.push(format!("{host}: {name} was copied while it was written to"));
            }
        }
    }
    let Ok(place) = node.find(names, "/") else { return };
    if let Found::Dir(dir) = node.look(&place) {
        check_names(node, names, dir, host, wrong);
    }
}

fn check_names(node: &Node, names: &Names, dir: &Dir, host: &str, wrong: &mut Vec<String>) {
    for child in &dir.children {
        match &child.what {
            Inode::Dir(inner) => check_names(node, names, inner, host, wrong),
            Inode::File(file) => {
                let Body::Sparse {
                    inside: Some(system), ..
                } = file.body
                else {
                    continue;
                };
                let name = names.read(&child.name);
                let torn = node.systems.get(system).is_some_and(|found| found.torn);
                if torn && !name.ends_with(".part") {
                    wrong.push(format!("{host}: {name} was copied while it was written to"));
                }
            }
        }
    }
}

/// `xfs_admin [-f] -U UUID FILE|DEVICE`: only of a file system that was unmounted in good order.
pub(crate) fn xfs_admin(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &[("-f", false), ("-U", true)]) {
        Ok(read) => read,
        Err(option) => return usage("xfs_admin", 2, option),
    };
    let (Some(uuid), [path]) = (read.value(&["-U"]), &read.words[..]) else {
        return fail(2, "Usage: xfs_admin [-f] [-U uuid] device");
    };
    let Ok(Some(uuid)) = crate::format::uuid_of(&format!("uuid={uuid}")) else {
        return fail(1, format!("invalid uuid {uuid}"));
    };
    let held = match block::device(shell.node, shell.names, path) {
        Some(device) => block::system_on(shell.node, device),
        None => match shell.node.file(shell.names, path).map(|file| &file.body) {
            Some(Body::Sparse { inside, .. }) => *inside,
            _ => None,
        },
    };
    let Some(system) = held else {
        return fail(
            1,
            format!("xfs_admin: {path}: cannot be read as an XFS file system"),
        );
    };
    let Some(found) = shell
        .node
        .systems
        .get_mut(system)
        .filter(|found| found.kind == FsKind::Xfs)
    else {
        return fail(1, format!("xfs_admin: {path} is not a valid XFS filesystem"));
    };
    if found.unclean || found.mounts > 0 {
        return fail(
            2,
            "ERROR: The filesystem has valuable metadata changes in a log which needs to\nbe replayed.  Mount the \
             filesystem to replay the log, and unmount it before\nre-running xfs_admin.",
        );
    }
    found.uuid = uuid;
    done()
}

/// `setfattr -x NAME PATH`: the two attributes by which GlusterFS knows a brick's folder.
pub(crate) fn setfattr(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &[("-x", true), ("--remove", true)]) {
        Ok(read) => read,
        Err(option) => return usage("setfattr", 2, option),
    };
    let (Some(name), [path]) = (read.value(&["-x", "--remove"]), &read.words[..]) else {
        return fail(
            2,
            "setfattr: the simulated node removes one attribute of one path",
        );
    };
    let place = match shell.node.find(shell.names, path) {
        Ok(place) => place,
        Err(error) => return fail(1, format!("setfattr: {path}: {}", error.text())),
    };
    match (name, shell.node.look(&place)) {
        ("trusted.glusterfs.volume-id", Found::Dir(dir)) if dir.volume != 0 => {
            shell.node.dir_mut(&place).volume = 0;
            done()
        }
        // GlusterFS gives it to each brick's folder when it first runs, and again to one without it.
        ("trusted.gfid", Found::Dir(_)) => done(),
        _ => fail(1, format!("setfattr: {path}: No such attribute")),
    }
}

impl FileSystem {
    /// It is mounted: its log is replayed.
    pub(crate) fn note_mount(&mut self) {
        self.unclean = false;
    }
}
