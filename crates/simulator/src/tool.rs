//! What the simulated programs share: reading options, answering, and the table of programs.

use mortar_argv::Output;

use crate::gluster::Gluster;
use crate::node::Node;
use crate::stamp::Stamps;
use crate::text::Names;
use crate::{
    attributes, files, find, format, glusterd, growth, images, lines, lsblk, lvm_copies, lvm_groups,
    lvm_make, lvm_report, mount_views, mounts,
};

/// A program running on a node.
pub(crate) struct Shell<'a> {
    pub(crate) names: &'a mut Names,
    pub(crate) node: &'a mut Node,
    pub(crate) stamps: &'a mut Stamps,
    /// What glusterd keeps in files on the node.
    pub(crate) gluster: &'a Gluster,
}

/// Success, with this on standard output.
pub(crate) fn say(stdout: impl Into<String>) -> Output {
    Output {
        status: 0,
        stdout: stdout.into(),
        stderr: String::new(),
    }
}

/// Success without a word.
pub(crate) fn done() -> Output {
    Output::default()
}

/// Failure, with this line on standard error.
pub(crate) fn fail(status: i32, line: impl AsRef<str>) -> Output {
    Output {
        status,
        stdout: String::new(),
        stderr: format!("{}\n", line.as_ref()),
    }
}

/// Failure without a word, as of `test`.
pub(crate) fn no(status: i32) -> Output {
    Output {
        status,
        ..Output::default()
    }
}

/// An option that a program takes: its name and whether it has a value.
pub(crate) type Known = (&'static str, bool);

/// A program's arguments, read.
pub(crate) struct Parsed<'a> {
    options: Vec<(&'static str, &'a str)>,
    /// What is not an option.
    pub(crate) words: Vec<&'a str>,
}

impl<'a> Parsed<'a> {
    /// Reads `arguments` the way of `getopt_long`. An option that is not `known` is given back as the error.
    pub(crate) fn read(arguments: &'a [String], known: &[Known]) -> Result<Self, &'a str> {
        let mut read = Self {
            options: Vec::new(),
            words: Vec::new(),
        };
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(argument) = rest.next() {
            if argument == "--" {
                read.words.extend(rest);
                break;
            } else if let Some((name, value)) = long(argument) {
                let (name, takes) = look_up(known, name).ok_or(argument)?;
                let value = match (takes, value) {
                    (true, Some(value)) => value,
                    (true, None) => rest.next().ok_or(argument)?,
                    (false, None) => "",
                    (false, Some(_)) => return Err(argument),
                };
                read.options.push((name, value));
            } else if argument.len() > 1 && argument.starts_with('-') {
                read.cluster(argument, known, &mut rest)?;
            } else {
                read.words.push(argument);
            }
        }
        Ok(read)
    }

    /// Short options written together, the last of which may have a value.
    fn cluster(
        &mut self,
        argument: &'a str,
        known: &[Known],
        rest: &mut impl Iterator<Item = &'a str>,
    ) -> Result<(), &'a str> {
        for (at, letter) in argument.char_indices().skip(1) {
            let (name, takes) = look_up(known, &format!("-{letter}")).ok_or(argument)?;
            if takes {
                let after = &argument[at + letter.len_utf8()..];
                let value = if after.is_empty() {
                    rest.next().ok_or(argument)?
                } else {
                    after
                };
                self.options.push((name, value));
                return Ok(());
            }
            self.options.push((name, ""));
        }
        Ok(())
    }

    /// Whether an option was given, under any of its names.
    pub(crate) fn has(&self, names: &[&str]) -> bool {
        self.options.iter().any(|(name, _)| names.contains(name))
    }

    /// The last value given for an option, under any of its names.
    pub(crate) fn value(&self, names: &[&str]) -> Option<&'a str> {
        self.options
            .iter()
            .rev()
            .find(|(name, _)| names.contains(name))
            .map(|(_, value)| *value)
    }

    /// All values given for an option.
    pub(crate) fn values(&self, names: &[&str]) -> Vec<&'a str> {
        self.options
            .iter()
            .filter(|(name, _)| names.contains(name))
            .map(|(_, value)| *value)
            .collect()
    }
}

fn long(argument: &str) -> Option<(&str, Option<&str>)> {
    argument.strip_prefix("--")?;
    Some(match argument.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (argument, None),
    })
}

fn look_up(known: &[Known], name: &str) -> Option<Known> {
    known.iter().find(|(other, _)| *other == name).copied()
}

/// A program was given an option that it does not have, or that the simulation does not know.
pub(crate) fn usage(program: &str, status: i32, argument: &str) -> Output {
    fail(
        status,
        format!("{program}: unrecognized option '{argument}'\nTry '{program} --help' for more information."),
    )
}

/// Runs any program but gluster.
pub(crate) fn run(shell: &mut Shell<'_>, program: &str, arguments: &[String], input: &str) -> Output {
    let name = program.rsplit('/').next().unwrap_or(program);
    match name {
        "true" => done(),
        "false" => no(1),
        "test" => files::test(shell, arguments),
        "mkdir" => files::mkdir(shell, arguments),
        "rmdir" => files::rmdir(shell, arguments),
        "rm" => files::rm(shell, arguments),
        "mv" => files::mv(shell, arguments),
        "find" if arguments.first().is_some_and(|start| start == "/dev") => {
            growth::find_loops(shell, arguments)
        }
        "find" => find::find(shell, arguments),
        "stat" => attributes::stat(shell, arguments),
        "cp" => images::cp(shell, arguments),
        "xfs_freeze" => images::xfs_freeze(shell, arguments),
        "sh" => images::sh(shell, arguments),
        "xfs_admin" => images::xfs_admin(shell, arguments),
        "setfattr" => images::setfattr(shell, arguments),
        "setsid" => images::setsid(shell, arguments),
        "touch" => lines::touch_all(shell, arguments),
        "truncate" => files::truncate(shell, arguments),
        "chown" => attributes::chown(shell, arguments),
        "chgrp" => attributes::chgrp(shell, arguments),
        "chmod" => attributes::chmod(shell, arguments),
        "uname" if arguments == ["-r"] => say("6.12.48+deb13-amd64\n"),
        "sync" => attributes::sync(shell, arguments),
        "cat" => lines::cat(shell, arguments, input),
        "tee" => lines::tee(shell, arguments, input),
        "tail" => lines::tail(shell, arguments),
        "pgrep" => glusterd::pgrep(shell, arguments),
        "grep" => lines::grep(shell, arguments),
        "sed" => lines::sed(shell, arguments),
        "flock" => flock(shell, arguments, input),
        "mount" => mounts::mount(shell, arguments),
        "umount" => mounts::umount(shell, arguments),
        "mountpoint" => mounts::mountpoint(shell, arguments),
        "findmnt" => mount_views::findmnt(shell, arguments),
        "losetup" => mount_views::losetup(shell, arguments),
        "du" => attributes::du(shell, arguments),
        "df" => mount_views::df(shell, arguments),
        "lsblk" => lsblk::lsblk(shell, arguments),
        "wipefs" => format::wipefs(shell, arguments),
        "blkid" => format::blkid(shell, arguments),
        "mkfs.xfs" => format::mkfs_xfs(shell, arguments),
        "udevadm" => lsblk::udevadm(shell, arguments),
        "systemctl" => systemctl(shell, arguments),
        "pvcreate" => lvm_groups::pvcreate(shell, arguments),
        "pvremove" => lvm_groups::pvremove(shell, arguments),
        "vgcreate" => lvm_groups::vgcreate(shell, arguments),
        "vgchange" => lvm_groups::vgchange(shell, arguments),
        "vgremove" => lvm_groups::vgremove(shell, arguments),
        "lvchange" => lvm_groups::lvchange(shell, arguments),
        "lvextend" => growth::lvextend(shell, arguments),
        "pvresize" => growth::pvresize(shell, arguments),
        "xfs_growfs" => growth::xfs_growfs(shell, arguments),
        "lvcreate" => lvm_make::lvcreate(shell, arguments),
        "lvrename" => lvm_copies::lvrename(shell, arguments),
        "lvremove" => lvm_make::lvremove(shell, arguments),
        "pvs" => lvm_report::pvs(shell, arguments),
        "vgs" => lvm_report::vgs(shell, arguments),
        "lvs" => lvm_report::lvs(shell, arguments),
        "lvm" => match arguments.split_first() {
            Some((verb, rest)) if is_lvm(verb) => run(shell, verb, rest, input),
            _ => fail(2, "  No such command.  Try 'help'."),
        },
        _ => fail(
            127,
            format!("sh: {program}: not found (the simulated node has no such program)"),
        ),
    }
}

fn is_lvm(verb: &str) -> bool {
    [
        "pvcreate", "pvremove", "vgcreate", "vgchange", "vgremove", "lvcreate", "lvremove", "pvs", "vgs",
        "lvs", "lvchange", "lvextend", "lvrename", "pvresize",
    ]
    .contains(&verb)
}

/// `flock FILE PROGRAM …`: commands of a world run one after the other, so the lock is always free.
fn flock(shell: &mut Shell<'_>, arguments: &[String], input: &str) -> Output {
    let mut rest = arguments;
    loop {
        match rest.first().map(String::as_str) {
            Some("-w" | "--timeout" | "-E" | "--conflict-exit-code") => {
                rest = rest.get(2..).unwrap_or_default();
            }
            Some("-x" | "-e" | "--exclusive" | "-n" | "--nonblock" | "-o" | "--close") => rest = &rest[1..],
            Some(option) if option.starts_with('-') => return usage("flock", 64, option),
            _ => break,
        }
    }
    let Some((file, [program, words @ ..])) = rest.split_first() else {
        return fail(64, "flock: not enough arguments");
    };
    // The lock file is made where it is missing, as flock does.
    if let Err(error) = lines::touch(shell, file) {
        return fail(66, format!("flock: cannot open lock file {file}: {error}"));
    }
    run(shell, program, words, input)
}

/// `systemctl is-active|status glusterd`: only looks.
fn systemctl(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let words: Vec<&str> = arguments
        .iter()
        .map(String::as_str)
        .filter(|word| !word.starts_with('-'))
        .collect();
    match (words.as_slice(), shell.node.glusterd) {
        (["is-active", "glusterd" | "glusterd.service"], true) => say("active\n"),
        (["is-active", "glusterd" | "glusterd.service"], false) => Output {
            status: 3,
            ..say("inactive\n")
        },
        (["status", "glusterd" | "glusterd.service"], true) => say(
            "* glusterd.service - GlusterFS, a clustered file-system server\n     Active: active (running)\n",
        ),
        (["status", "glusterd" | "glusterd.service"], false) => Output {
            status: 3,
            ..say(
                "* glusterd.service - GlusterFS, a clustered file-system server\n     Active: inactive (dead)\n",
            )
        },
        _ => fail(
            1,
            "systemctl: the simulated node only answers is-active and status of glusterd",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::Parsed;

    #[test]
    fn options_are_read_the_way_of_getopt() {
        let arguments: Vec<String> = ["-qq", "--size=4M", "-an", "--name", "x", "vg", "--", "-y"]
            .map(str::to_owned)
            .to_vec();
        let known = [("-q", false), ("--size", true), ("-a", true), ("--name", true)];
        let read = Parsed::read(&arguments, &known).unwrap();
        assert_eq!(read.value(&["--size"]), Some("4M"));
        assert_eq!(
            (read.value(&["-a"]), read.value(&["--name"])),
            (Some("n"), Some("x"))
        );
        assert_eq!(read.words, ["vg", "-y"]);
        let unknown = ["--sized".to_owned()];
        assert_eq!(Parsed::read(&unknown, &known).err(), Some("--sized"));
    }
}
