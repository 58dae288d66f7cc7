//! glusterd as a process and as files on its node: `glusterd`, `pkill`, `pgrep`, its records, its log, its id.

use mortar_argv::Output;

use crate::gluster::Volume;
use crate::gluster_apart::Apart;
use crate::glusterd_identity;
use crate::stamp::hash;
use crate::text::{Text, hyphenated};
use crate::tool::{Shell, done, fail, no};
use crate::world::World;

/// Where glusterd keeps its records on a node.
const RECORDS: &str = "/var/lib/glusterd/vols";
/// The id of each glusterd: each node counts for itself.
const PID: &str = "4242";
const PID_FILE: &str = "/run/glusterd.pid";
const COMMAND: &str = "/proc/4242/cmdline";
const LOG: &str = "/var/log/glusterfs/glusterd.log";

/// Lines of its log, without their times.
const BEGINS: &str = "I [MSGID: 100030] [glusterfsd.c:2767:main] 0-glusterd: Started running version [{arg=glusterd}, {version=10.3}, {cmdlinestr=glusterd -p /run/glusterd.pid}]";
const ASKED_TO_END: &str = "W [glusterfsd.c:1458:cleanup_and_exit] 0-: received signum (15), shutting down";
const UNREADABLE: &str = "E [MSGID: 106201] [glusterd-store.c:3523:glusterd_store_retrieve_volumes] 0-management: Unable to restore volume: ";

/// The volume that this node has a record of, under this name.
fn recorded<'s>(shell: &'s Shell<'_>, name: &str) -> Option<&'s Volume> {
    if shell.node.wiped && shell.node.fresh.is_none() {
        return None;
    }
    let key = shell.names.seek(name)?;
    if let Some(apart) = shell.node.apart.get(&key) {
        return apart.record.as_deref();
    }
    let pool = shell.gluster.pools.get(shell.node.pool)?;
    shell.gluster.volumes.get(*pool.volumes.get(&key)?)
}

fn info(shell: &Shell<'_>, volume: &Volume) -> String {
    volume.record(shell.names, &hyphenated(&shell.stamps.uuid(volume.stamp)))
}

/// The text of the file `cksum` beside a record.
fn sum(text: &str) -> String {
    format!("info={}\n", hash(text) % 4_294_967_296)
}

/// A file at `path` that glusterd keeps, or that tells of its process.
pub(crate) fn file(shell: &Shell<'_>, path: &str) -> Option<String> {
    match path {
        // It stays when its process is gone.
        PID_FILE => Some(format!("{PID}\n")),
        COMMAND => shell.node.glusterd.then(|| format!("glusterd\0-p\0{PID_FILE}\0")),
        LOG => Some(
            shell
                .node
                .last_words
                .iter()
                .map(|why| format!("{why}\n"))
                .collect(),
        ),
        glusterd_identity::INFO => glusterd_identity::info(shell),
        _ => record(shell, path),
    }
}

fn record(shell: &Shell<'_>, path: &str) -> Option<String> {
    let (name, kind) = path.strip_prefix(RECORDS)?.strip_prefix('/')?.split_once('/')?;
    let volume = recorded(shell, name)?;
    let torn = torn(shell, name);
    match kind {
        "info" if torn => Some(String::new()),
        "info" => Some(info(shell, volume)),
        "cksum" if !torn => Some(sum(&info(shell, volume))),
        _ => None,
    }
}

fn torn(shell: &Shell<'_>, name: &str) -> bool {
    let apart = shell.names.seek(name).and_then(|key| shell.node.apart.get(&key));
    apart.is_some_and(|apart| apart.unreadable)
}

/// The name of the volume whose folder of records is at `path`.
pub(crate) fn folder<'p>(shell: &Shell<'_>, path: &'p str) -> Option<&'p str> {
    let name = path
        .strip_prefix(RECORDS)?
        .strip_prefix('/')?
        .trim_end_matches('/');
    recorded(shell, name).map(|_| name)
}

/// Path and text of each file of this name beside glusterd's records, if `path` is their folder.
pub(crate) fn files(shell: &Shell<'_>, path: &str, kind: &str) -> Option<Vec<(String, String)>> {
    if path.trim_end_matches('/') != RECORDS {
        return None;
    }
    let pool = shell.gluster.pools.get(shell.node.pool);
    let mut names: Vec<&Text> = pool.map_or(Vec::new(), |pool| pool.volumes.keys().collect());
    names.extend(shell.node.apart.keys());
    let mut names: Vec<String> = names.into_iter().map(|name| shell.names.read(name)).collect();
    names.sort_unstable();
    names.dedup();
    let file = |name: String| {
        let path = format!("{RECORDS}/{name}/{kind}");
        record(shell, &path).map(|text| (path, text))
    };
    Some(names.into_iter().filter_map(file).collect())
}

/// A record is moved away: its node does not know the volume any more. Gives the text of its file `info`.
pub(crate) fn take(shell: &mut Shell<'_>, name: &str) -> Option<String> {
    let text = record(shell, &format!("{RECORDS}/{name}/info"))?;
    let key = shell.names.seek(name)?;
    let pool = shell.gluster.pools.get(shell.node.pool)?;
    if pool.volumes.contains_key(&key) {
        shell.node.apart.insert(key, Apart::default());
    } else {
        shell.node.apart.remove(&key);
    }
    Some(text)
}

/// `pgrep -x -F FILE glusterd`.
pub(crate) fn pgrep(shell: &Shell<'_>, arguments: &[String]) -> Output {
    match arguments {
        [exact, from, file, name] if exact == "-x" && from == "-F" && name == "glusterd" => {
            if file != PID_FILE {
                return fail(
                    1,
                    format!("pgrep: pidfile not valid\nTry `pgrep --help' for more information.\n{file}"),
                );
            }
            if shell.node.glusterd {
                crate::tool::say(format!("{PID}\n"))
            } else {
                no(1)
            }
        }
        _ => fail(2, "pgrep: the simulated node only looks for glusterd by its file"),
    }
}

impl World {
    /// Programs that end glusterd or start it; none of these for others.
    pub(crate) fn run_glusterd(&mut self, node: u32, program: &str, arguments: &[String]) -> Option<Output> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        Some(match (program, &words[..]) {
            ("pkill", ["-KILL", "-x", "-F", PID_FILE, "glusterd"]) => {
                let ran = self.nodes[node as usize].glusterd;
                self.end_glusterd(node);
                if ran { done() } else { no(1) }
            }
            ("pkill", ["-f", pattern]) => self.end_brick(node, pattern),
            ("pkill", _) => fail(
                2,
                "pkill: the simulated node only ends glusterd by its file, and bricks by their path",
            ),
            ("glusterd", ["-p", PID_FILE]) => {
                if self.nodes[node as usize].glusterd || !self.begin_glusterd(node) {
                    no(1)
                } else {
                    done()
                }
            }
            ("glusterd", _) => fail(1, "glusterd: the simulated node starts it with -p only"),
            ("systemctl", ["stop", "glusterd"]) => {
                self.stop_daemon(node);
                done()
            }
            ("systemctl", ["start", "glusterd"]) => {
                let started = self.nodes[node as usize].glusterd || self.begin_glusterd(node);
                if started {
                    done()
                } else {
                    fail(
                        1,
                        "Job for glusterd.service failed because the control process exited with error code.",
                    )
                }
            }
            _ => return None,
        })
    }

    /// The process of the brick that a pattern names, `brick-name PATH( |$)`, ends.
    fn end_brick(&mut self, node: u32, pattern: &str) -> Output {
        let path = pattern
            .strip_prefix("brick-name ")
            .and_then(|rest| rest.strip_suffix("( |$)"));
        let Some(path) = path else {
            return fail(2, "pkill: the simulated node only ends bricks by their path");
        };
        let host = self.names.read_word(self.nodes[node as usize].host).to_owned();
        if self.kill_brick(&host, path) {
            done()
        } else {
            no(1)
        }
    }

    /// glusterd is killed.
    pub(crate) fn end_glusterd(&mut self, node: u32) {
        self.nodes[node as usize].glusterd = false;
    }

    /// glusterd is asked to end.
    pub(crate) fn stop_daemon(&mut self, node: u32) {
        let machine = &mut self.nodes[node as usize];
        if std::mem::take(&mut machine.glusterd) {
            machine.last_words = Some(ASKED_TO_END.into());
        }
    }

    /// glusterd starts, if it can read its records: it meets the others, and its bricks start or end. Answers whether it
    /// runs.
    pub(crate) fn begin_glusterd(&mut self, node: u32) -> bool {
        self.takes_identity(node);
        let machine = &mut self.nodes[node as usize];
        let torn = machine
            .apart
            .iter()
            .find(|(_, apart)| apart.unreadable)
            .map(|(name, _)| format!("{UNREADABLE}{}", self.names.read(name)));
        let machine = &mut self.nodes[node as usize];
        if let Some(torn) = torn {
            machine.last_words = Some(torn.into());
            return false;
        }
        machine.last_words = Some(BEGINS.into());
        machine.glusterd = true;
        if machine.fresh.is_some() {
            return true;
        }
        machine.wiped = false;
        self.meets_others(node);
        self.settle_bricks(node);
        true
    }
}
