//! glusterd: trusted pools and volumes as they are kept, and the reading of a `gluster` command line.
//!
//! The state of a pool is kept once, not per member: a member that was away learns what happened when it is
//! back, which is what glusterd's handshake does. What single members have instead is in `gluster_apart`. Every text and exit status in the `gluster_*` files was seen
//! with GlusterFS 10.3 on Debian 12 (three and four members, one of them killed at times) unless a comment names
//! another source. Some of them surprise:
//!
//! * with `--xml` most failed commands end with status 0; only `opRet` tells;
//! * a create that fails on one member leaves its mark (`trusted.glusterfs.volume-id`) on the bricks that the
//!   others had checked already, and a delete leaves it too: such a folder is "already part of a volume";
//! * `start`, `set` and `stop` do without a dead member, `create`, `add-brick` (with bricks on it) and `delete` do not.

use std::collections::{BTreeMap, BTreeSet};

use mortar_argv::{Command, Output};
use serde::{Deserialize, Serialize};

use crate::slab::Slab;
use crate::text::{Names, Text};
use crate::tool::{fail, say};
use crate::world::World;
use crate::xml;

/// All trusted pools of a world.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Gluster {
    pub(crate) pools: Slab<Pool>,
    pub(crate) volumes: Slab<Volume>,
}

/// A trusted pool.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Pool {
    /// The members, in the order in which they came.
    pub(crate) members: BTreeSet<u32>,
    /// The volumes by name. Made again after loading.
    #[serde(skip)]
    pub(crate) volumes: BTreeMap<Text, u32>,
}

/// Where a volume is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Created,
    Started,
    Stopped,
}

impl State {
    /// The number and the name that gluster prints.
    pub(crate) fn shown(self) -> (u8, &'static str) {
        match self {
            Self::Created => (0, "Created"),
            Self::Started => (1, "Started"),
            Self::Stopped => (2, "Stopped"),
        }
    }
}

/// A volume.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Volume {
    pub(crate) name: Text,
    pub(crate) stamp: u32,
    pub(crate) pool: u32,
    pub(crate) state: State,
    /// 1 when not replicated.
    pub(crate) replica: u16,
    pub(crate) arbiter: u16,
    /// 0 when not dispersed.
    pub(crate) disperse: u16,
    pub(crate) redundancy: u16,
    pub(crate) bricks: Box<[Brick]>,
    /// Options set by somebody, oldest first; gluster shows the latest first.
    pub(crate) options: Vec<(u32, Text)>,
    pub(crate) rare: Option<Box<Rare>>,
    /// Changes since it was made.
    #[serde(default)]
    pub(crate) changes: u32,
}

/// What few volumes have.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Rare {
    /// Stamp of the last rebalance, which ends at once in a simulated world.
    pub(crate) rebalance: Option<u32>,
    /// Bricks on their way out, and the stamp of the task.
    pub(crate) removal: Option<(u32, Vec<u32>)>,
    /// Names of snapshots.
    pub(crate) snapshots: Vec<Box<str>>,
    /// What gluster-block keeps in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) blocks: Vec<crate::gluster_block::Block>,
    /// What was written to it, where anybody has written or a brick was replaced.
    #[serde(default)]
    pub(crate) copies: Option<crate::gluster_heal::Copies>,
}

/// A brick of a volume.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Brick {
    pub(crate) node: u32,
    /// The host as it was given to `volume create`, a word.
    pub(crate) host: u32,
    pub(crate) path: Text,
    /// The file system in which the brick's process works, while it runs.
    pub(crate) process: Option<u32>,
}

impl Volume {
    /// Bricks of one replica set or dispersed set.
    pub(crate) fn set_size(&self) -> usize {
        usize::from(self.replica.max(self.disperse).max(1))
    }

    /// The type number and name that gluster prints: 5 more for several sets.
    pub(crate) fn kind(&self) -> (u8, &'static str) {
        let several = self.bricks.len() > self.set_size();
        match (self.disperse > 0, self.replica > 1, several) {
            (true, _, false) => (4, "Disperse"),
            (true, _, true) => (9, "Distributed-Disperse"),
            (_, true, false) => (2, "Replicate"),
            (_, true, true) => (7, "Distributed-Replicate"),
            _ => (0, "Distribute"),
        }
    }

    /// Options that `volume create` sets by itself, in the order shown; those set since come before them.
    pub(crate) fn given_options(&self) -> &'static [(&'static str, &'static str)] {
        const ALL: [(&str, &str); 5] = [
            ("cluster.granular-entry-heal", "on"),
            ("storage.fips-mode-rchecksum", "on"),
            ("transport.address-family", "inet"),
            ("nfs.disable", "on"),
            ("performance.client-io-threads", "off"),
        ];
        if self.replica > 1 { &ALL } else { &ALL[1..4] }
    }

    /// All options with their values, as gluster lists them.
    pub(crate) fn all_options(&self, names: &Names) -> Vec<(String, String)> {
        let given = self.given_options();
        let set = |(key, value): &(u32, Text)| (names.read_word(*key).to_owned(), names.read(value));
        let mut all: Vec<(String, String)> = self
            .options
            .iter()
            .rev()
            .map(set)
            .filter(|(key, _)| !given.iter().any(|(other, _)| other == key))
            .collect();
        for (key, value) in given {
            let own = self.options.iter().find(|(set, _)| names.read_word(*set) == *key);
            all.push((
                (*key).to_owned(),
                own.map_or((*value).to_owned(), |(_, value)| names.read(value)),
            ));
        }
        all
    }

    /// The file `vols/NAME/info` that glusterd keeps on every member.
    pub(crate) fn record(&self, names: &Names, uuid: &str) -> String {
        let mut text = format!(
            "type={}\ncount={}\nstatus={}\nsub_count={}\nreplica_count={}\ndisperse_count={}\nredundancy_count={}\nversion={}\ntransport-type=0\nvolume-id={uuid}\nparent_volname=N/A\n",
            self.kind().0 % 5,
            self.bricks.len(),
            self.state.shown().0,
            if self.set_size() > 1 { self.set_size() } else { 0 },
            self.replica,
            self.disperse,
            self.redundancy,
            u64::from(self.changes) + 1,
        );
        for (key, value) in self.all_options(names) {
            text.push_str(&format!("{key}={value}\n"));
        }
        for (number, brick) in self.bricks.iter().enumerate() {
            let path = names.read(&brick.path).replace('/', "-");
            text.push_str(&format!(
                "brick-{number}={}:{path}\n",
                names.read_word(brick.host)
            ));
        }
        text
    }

    /// The rarely used part, made when it is needed.
    pub(crate) fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }
}

/// How a command ends: said on success, or a complaint.
pub(crate) type Answer = Result<Output, Refusal>;

/// A failed gluster command.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    /// What stands before the complaint when it is told in plain text.
    pub(crate) head: String,
    pub(crate) why: String,
    pub(crate) status: i32,
    /// How it is told with `--xml`: exit status, `opRet`, `opErrno` and what stands after `opErrstr`.
    pub(crate) xml: (i32, i32, i32),
    pub(crate) tail: String,
}

impl Refusal {
    /// A refusal of `volume VERB NAME`, told the usual way.
    pub(crate) fn volume(verb: &str, name: &str, why: impl Into<String>) -> Self {
        let head = format!("volume {verb}: {name}: failed: ");
        Self {
            head,
            why: why.into(),
            status: 1,
            xml: (0, -1, 30800),
            tail: String::new(),
        }
    }

    /// A refusal told without a volume's name.
    pub(crate) fn bare(head: &str, why: impl Into<String>) -> Self {
        let why = why.into();
        Self {
            head: head.to_owned(),
            why,
            status: 1,
            xml: (0, -1, 30800),
            tail: String::new(),
        }
    }

    fn tell(self, as_xml: bool) -> Output {
        if !as_xml {
            return fail(self.status, format!("{}{}", self.head, self.why));
        }
        let (status, ret, errno) = self.xml;
        Output {
            status,
            ..say(xml::reply(ret, errno, &self.why, &self.tail))
        }
    }
}

/// A `gluster` command line on its way: the words after the options.
pub(crate) struct Request<'a> {
    pub(crate) node: u32,
    pub(crate) words: Vec<&'a str>,
    pub(crate) xml: bool,
}

/// Runs `gluster …` on a node.
pub(crate) fn run(world: &mut World, node: u32, arguments: &[String]) -> Output {
    let mut words = Vec::new();
    let (mut as_xml, mut script) = (false, false);
    for argument in arguments {
        match argument.as_str() {
            "--xml" => as_xml = true,
            "--mode=script" => script = true,
            "--version" => return say("glusterfs 10.3\n"),
            option if option.starts_with("--timeout=") => {}
            option if option.starts_with("--") => return unrecognized(option, words.len()),
            word => words.push(word),
        }
    }
    if !world.nodes[node as usize].glusterd {
        return Output {
            status: 1,
            ..say("Connection failed. Please check if gluster daemon is operational.\n")
        };
    }
    let request = Request {
        node,
        words,
        xml: as_xml,
    };
    if !script && asks_a_question(&request.words) {
        // Without --mode=script the command line asks; with an empty standard input it takes no for an answer.
        return Output {
            status: 1,
            ..say("Do you want to continue? (y/n) ")
        };
    }
    match change(world, &request) {
        Ok(output) => output,
        Err(refusal) => refusal.tell(as_xml),
    }
}

/// Runs it, and keeps what each member has of it that takes no part in a change.
fn change(world: &mut World, request: &Request<'_>) -> Answer {
    const CHANGES: [&str; 9] = [
        "create",
        "start",
        "stop",
        "delete",
        "set",
        "reset",
        "add-brick",
        "remove-brick",
        "rebalance",
    ];
    let ["volume", verb, name, ..] = request.words[..] else {
        return dispatch(world, request);
    };
    if !CHANGES.contains(&verb) || request.words.last() == Some(&"status") {
        return dispatch(world, request);
    }
    if let Some(refusal) = world.objection(request.node, verb, name) {
        return Err(refusal);
    }
    let missed = world.before_change(request.node, name);
    let answer = dispatch(world, request);
    if answer.is_ok() {
        world.count_change(request.node, name);
    }
    world.after_change(request.node, name, missed);
    answer
}

/// The volume that a `gluster` command is about.
pub(crate) fn volume_of(command: &Command) -> Option<&str> {
    let mut words = words_of(command);
    (words.next() == Some("volume")).then_some(())?;
    words.nth(1)
}

/// The answer to a command that meets another one's lock over its volume.
pub(crate) fn locked(command: &Command, volume: &str) -> Output {
    let verb = words_of(command).nth(1).unwrap_or_default();
    let head = match verb {
        "set" | "reset" => format!("volume {verb}"),
        verb => format!("volume {verb}: {volume}"),
    };
    let why = "Please try again after some time.";
    fail(
        1,
        format!("{head}: failed: Another transaction is in progress for {volume}. {why}"),
    )
}

fn words_of(command: &Command) -> impl Iterator<Item = &str> {
    let program = command.program();
    let all = command.arguments().iter().map(String::as_str);
    all.filter(|word| !word.starts_with("--"))
        .take(if is_gluster(program) { usize::MAX } else { 0 })
}

/// Whether this is the `gluster` program.
pub(crate) fn is_gluster(program: &str) -> bool {
    program == "gluster" || program.ends_with("/gluster")
}

fn asks_a_question(words: &[&str]) -> bool {
    matches!(
        words,
        ["volume", "stop" | "delete" | "remove-brick", ..] | ["peer", "detach", ..]
    )
}

fn dispatch(world: &mut World, request: &Request<'_>) -> Answer {
    use crate::{
        gluster_bricks, gluster_create, gluster_heal, gluster_life, gluster_options, gluster_peer,
        gluster_show, gluster_status,
    };
    match request.words[..] {
        ["pool", "list"] => gluster_peer::pool_list(world, request),
        ["peer", "status"] => gluster_peer::status(world, request),
        ["peer", "probe", host] => gluster_peer::probe(world, request, host),
        ["peer", "detach", host] => gluster_peer::detach(world, request, host, false),
        ["peer", "detach", host, "force"] => gluster_peer::detach(world, request, host, true),
        ["volume", "list"] => gluster_show::list(world, request),
        ["volume", "info"] | ["volume", "info", "all"] => gluster_show::info_all(world, request),
        ["volume", "info", name] => gluster_show::info(world, request, name),
        ["volume", "status", name] => gluster_status::status(world, request, name),
        ["volume", "get", name, key] => gluster_show::get(world, request, name, key),
        ["volume", "heal", name] => gluster_heal::launch(world, request, name),
        ["volume", "replace-brick", name, ref rest @ ..] => gluster_heal::replace(world, request, name, rest),
        ["volume", "heal", name, "info"] => gluster_status::heal(world, request, name, false),
        ["volume", "heal", name, "info", "summary"] => gluster_status::heal(world, request, name, true),
        ["volume", "create", name, ref rest @ ..] => gluster_create::create(world, request, name, rest),
        ["volume", "add-brick", name, ref rest @ ..] => gluster_bricks::add(world, request, name, rest),
        ["volume", "remove-brick", name, ref rest @ ..] => gluster_bricks::remove(world, request, name, rest),
        ["volume", "start", name] => gluster_life::start(world, request, name, false),
        ["volume", "start", name, "force"] => gluster_life::start(world, request, name, true),
        ["volume", "stop", name] => gluster_life::stop(world, request, name, false),
        ["volume", "stop", name, "force"] => gluster_life::stop(world, request, name, true),
        ["volume", "delete", name] => gluster_life::delete(world, request, name),
        ["volume", "set", name, ref rest @ ..] => gluster_options::set(world, request, name, rest),
        ["volume", "reset", name, key] => gluster_options::reset(world, request, name, key),
        ["volume", "rebalance", name, verb @ ("start" | "status" | "stop")] => {
            gluster_bricks::rebalance(world, request, name, verb)
        }
        ["snapshot", "list"] => gluster_show::snapshots(world, request, None),
        ["snapshot", "list", name] => gluster_show::snapshots(world, request, Some(name)),
        ["snapshot", "config", "snap-max-hard-limit", limit] if limit.parse::<u8>().is_ok() => Ok(say(
            "snapshot config: snap-max-hard-limit for System set successfully\n",
        )),
        _ => {
            let known = ["volume", "peer", "pool", "snapshot"]
                .iter()
                .position(|word| request.words.first() == Some(word));
            let position = usize::from(known.is_some());
            Ok(unrecognized(
                request.words.get(position).copied().unwrap_or(""),
                position,
            ))
        }
    }
}

fn unrecognized(word: &str, position: usize) -> Output {
    let usage = "\n Usage: gluster [options] <help> <peer> <pool> <volume>\n Options:\n --help  Shows the help information\n --version  Shows the version\n --print-logdir  Shows the log directory\n --print-statedumpdir Shows the state dump directory\n\n";
    Output {
        status: 1,
        ..say(format!(
            "unrecognized word: {word} (position {position})\n{usage}"
        ))
    }
}

/// The answer to a changing command that went well: plain words, or a bare XML reply.
pub(crate) fn success(request: &Request<'_>, words: impl Into<String>) -> Output {
    if request.xml {
        say(xml::reply(0, 0, "", ""))
    } else {
        say(words)
    }
}

/// Looking up, for the files of the `gluster` commands.
impl World {
    /// The volume with this name in the pool of `node`, if that one knows it.
    pub(crate) fn volume_number(&self, node: u32, name: &str) -> Option<u32> {
        (!self.lacks(node, name)).then(|| self.pool_volume(node, name))?
    }

    /// The members of the pool of `node`, itself included.
    pub(crate) fn members(&self, node: u32) -> Vec<u32> {
        let pool = self.gluster.pools.get(self.nodes[node as usize].pool);
        pool.map_or(Vec::new(), |pool| pool.members.iter().copied().collect())
    }

    /// Whether the glusterd of `other` talks to that of `node`.
    pub(crate) fn connected(&self, node: u32, other: u32) -> bool {
        node == other
            || (self.nodes[other as usize].glusterd_answers()
                && self.nodes[node as usize].reachable
                // A glusterd that is nobody is connected to nobody by the UUIDs that the others know.
                && self.nodes[node as usize].fresh.is_none()
                && self.nodes[other as usize].fresh.is_none())
    }

    /// The UUID of a stamp, with hyphens.
    pub(crate) fn uuid(&self, stamp: u32) -> String {
        crate::text::hyphenated(&self.stamps.uuid(stamp))
    }

    /// The UUID of a node's glusterd.
    pub(crate) fn peer_uuid(&self, node: u32) -> String {
        self.uuid(self.nodes[node as usize].stamp)
    }

    /// The name by which the others of the pool know a node.
    pub(crate) fn peer_name(&self, node: u32) -> &str {
        self.names.read_word(self.nodes[node as usize].known_as)
    }

    /// A brick as gluster writes it.
    pub(crate) fn brick_name(&self, brick: &Brick) -> String {
        format!(
            "{}:{}",
            self.names.read_word(brick.host),
            self.names.read(&brick.path)
        )
    }
}
