//! The two worlds side by side: every step is done in both and observed in both.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::OnceLock;
use std::time::Duration;

use mortar_argv::{Batch, Command, Report};
use mortar_command::{Settings, judge, judge_look, look, make, resume, unmake};
use mortar_executor::{Hosts as _, SimHosts};
use mortar_model::work::{FailureKind, Goal, Seen, Thing, Verdict};
use mortar_simulator::{World, WorldConfig};

use crate::ground::{DISK, Ground, ground, until};
use crate::words;

/// Tries while a world says that it is busy, as the engine has them.
const BUSY_TRIES: u32 = 40;

/// What one world answered.
pub(crate) struct Both<T> {
    pub(crate) real: T,
    pub(crate) simulated: T,
}

/// A real and a simulated world, and what was observed so far.
pub(crate) struct Twin {
    pub(crate) ground: &'static Ground,
    pub(crate) sim: SimHosts,
    pub(crate) settings: Settings,
    /// Addresses of the nodes, the same in both worlds.
    hosts: Vec<String>,
    /// Texts that tests choose, with the names that stand for them on the page.
    names: Vec<(String, String)>,
    /// What has another name in the simulated world.
    others: Vec<(String, String)>,
    page: String,
    differences: usize,
}

impl Twin {
    /// Four nodes, of which nobody is in a pool with another in the simulated world.
    pub(crate) fn new() -> Self {
        let ground = ground();
        let nodes = ground.lab.nodes();
        let fstab = ground.lab.fstab();
        let mut world = World::new(WorldConfig {
            disks_per_node: 0,
            directories: vec![
                ("/disks/disk1".into(), DISK),
                ("/disks/disk2".into(), DISK),
                ("/disks/small".into(), 600 << 20),
            ],
            mount_tables: vec![fstab.into()],
            ..WorldConfig::default()
        });
        let (mut hosts, mut names) = (Vec::new(), Vec::new());
        for node in &nodes {
            let host = node.address.to_string();
            world.add_node(&host);
            world.run_one(&host, &Command::new("tee").arg(fstab).input(""));
            names.push((host.clone(), node.name.clone()));
            hosts.push(host);
        }
        // Longer texts first: no address is taken for the beginning of another.
        names.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        Self {
            ground,
            sim: SimHosts::new(world),
            settings: Settings {
                fstab: fstab.into(),
                ..Settings::default()
            },
            hosts,
            names,
            others: Vec::new(),
            page: String::new(),
            differences: 0,
        }
    }

    /// The same with the first three nodes in one trusted pool, in both worlds.
    pub(crate) fn with_pool() -> Self {
        static POOL: OnceLock<()> = OnceLock::new();
        let twin = Self::new();
        let probe =
            |to: usize| Command::new("gluster").args(["--mode=script", "peer", "probe", twin.host(to)]);
        POOL.get_or_init(|| {
            for to in [2, 3] {
                let report = twin.real_run(1, &Batch::new().run(probe(to)));
                assert!(report.success(), "{report:?}");
            }
            for node in 1..=3 {
                until("the pool is settled", || twin.connected(node) == 3);
            }
        });
        for to in [2, 3] {
            let made = twin.sim.world(|world| world.run_one(twin.host(1), &probe(to)));
            assert!(made.success(), "{made:?}");
        }
        twin
    }

    /// How many members a real node sees connected, itself included.
    pub(crate) fn connected(&self, node: usize) -> usize {
        let report = self.real_run(node, &mortar_command::query::pool::ask(&self.settings));
        mortar_command::query::pool::read(&report).map_or(0, |members| {
            members
                .iter()
                .filter(|member| member.connected && member.settled)
                .count()
        })
    }

    /// Whether a real node sees a thing half made by now; the page does not hear of it.
    pub(crate) fn sees_half(&self, node: usize, thing: &Thing) -> bool {
        let report = self.real_run(node, &look(thing, &self.settings));
        matches!(judge_look(thing, &report), Seen::Partial(_))
    }

    /// A node's address; nodes count from 1.
    pub(crate) fn host(&self, node: usize) -> &str {
        &self.hosts[node - 1]
    }

    /// Gives a text that the test chose a name on the page.
    pub(crate) fn name(&mut self, text: &impl ToString, name: &str) {
        self.names.insert(0, (text.to_string(), name.to_owned()));
    }

    /// Something that the real world calls one way is called another in the simulated one.
    pub(crate) fn called(&mut self, real: &str, simulated: &str) {
        self.others.insert(0, (real.to_owned(), simulated.to_owned()));
    }

    fn otherwise(&self, text: &str) -> String {
        self.others
            .iter()
            .fold(text.to_owned(), |text, (real, simulated)| {
                text.replace(real, simulated)
            })
    }

    /// The thing as the simulated world calls it.
    fn twin_of(&self, thing: &Thing) -> Thing {
        serde_json::from_str(&self.otherwise(&serde_json::to_string(thing).unwrap())).unwrap()
    }

    fn real_run(&self, node: usize, batch: &Batch) -> Report {
        self.ground
            .runtime
            .block_on(self.ground.hosts.run(self.host(node), batch))
    }

    fn sim_run(&self, node: usize, batch: &Batch) -> Report {
        self.sim.world(|world| world.run(self.host(node), batch))
    }

    /// Runs a batch in both worlds.
    pub(crate) fn run(&self, node: usize, batch: &Batch) -> Both<Report> {
        Both {
            real: self.real_run(node, batch),
            simulated: self.sim_run(node, batch),
        }
    }

    /// Prepares something in both worlds with programs that both know; it must succeed.
    pub(crate) fn prepare(&self, node: usize, argv: &[&str]) {
        self.prepare_with(node, argv, "");
    }

    /// The same with standard input.
    pub(crate) fn prepare_with(&self, node: usize, argv: &[&str], input: &str) {
        let batch = |argv: &[String]| {
            let command = Command::new(argv[0].as_str()).args(argv[1..].iter().cloned());
            Batch::new().run(command.input(input))
        };
        let real: Vec<String> = argv.iter().map(|word| (*word).to_owned()).collect();
        let other: Vec<String> = argv.iter().map(|word| self.otherwise(word)).collect();
        let both = Both {
            real: self.real_run(node, &batch(&real)),
            simulated: self.sim_run(node, &batch(&other)),
        };
        assert!(both.real.success(), "{argv:?}: {:?}", both.real);
        assert!(both.simulated.success(), "{argv:?}: {:?}", both.simulated);
    }

    /// A heading on the page.
    pub(crate) fn say(&mut self, text: &str) {
        let gap = if self.page.is_empty() { "" } else { "\n" };
        let _ = writeln!(self.page, "{gap}# {text}");
    }

    /// Notes what both worlds answered to the same question.
    pub(crate) fn note(&mut self, what: &str, came: &Both<String>) {
        let (real, simulated) = (self.tame(&came.real), self.tame(&came.simulated));
        let what = self.tame(what);
        if real == simulated {
            let _ = writeln!(self.page, "{what}: {}", indented(&real));
        } else {
            self.differences += 1;
            let _ = writeln!(
                self.page,
                "{what}:\n  REAL      {}\n  SIMULATED {}",
                indented(&real),
                indented(&simulated)
            );
        }
    }

    fn tame(&self, text: &str) -> String {
        let named = self
            .names
            .iter()
            .fold(text.to_owned(), |text, (value, name)| text.replace(value, name));
        words::plain(&named)
    }

    /// Looks at a thing from a node; gives what the real world showed.
    pub(crate) fn look(&mut self, node: usize, thing: &Thing) -> Seen {
        let other = self.twin_of(thing);
        let both = Both {
            real: judge_look(thing, &self.real_run(node, &look(thing, &self.settings))),
            simulated: judge_look(&other, &self.sim_run(node, &look(&other, &self.settings))),
        };
        let came = Both {
            real: words::seen(&both.real),
            simulated: words::seen(&both.simulated),
        };
        self.note(&format!("look at {}", thing.title()), &came);
        both.real
    }

    /// Makes a thing.
    pub(crate) fn make(&mut self, node: usize, thing: &Thing) -> Verdict {
        self.act("make", node, thing, Goal::Present, make)
    }

    /// Goes on with a half-made thing.
    pub(crate) fn resume(&mut self, node: usize, thing: &Thing) -> Verdict {
        let half =
            |thing: &Thing, settings: &Settings| resume(thing, settings, &Seen::Partial("some of it".into()));
        self.act("resume", node, thing, Goal::Present, half)
    }

    /// Unmakes a thing.
    pub(crate) fn unmake(&mut self, node: usize, thing: &Thing) -> Verdict {
        self.act("unmake", node, thing, Goal::Absent, unmake)
    }

    /// Unmakes a thing that something else than GlusterFS uses in the real world, until the thing was found busy: then it is dropped.
    pub(crate) fn unmake_in_use(&mut self, node: usize, thing: &Thing, user: impl Sized) -> Verdict {
        let mut user = Some(user);
        let verdict = self.act_beside("unmake", node, thing, Goal::Absent, unmake, &mut || user = None);
        assert!(user.is_none(), "nothing met its user: {verdict:?}");
        verdict
    }

    fn act(
        &mut self,
        verb: &str,
        node: usize,
        thing: &Thing,
        goal: Goal,
        batch: impl Fn(&Thing, &Settings) -> Batch,
    ) -> Verdict {
        self.act_beside(verb, node, thing, goal, batch, &mut || {})
    }

    /// As [`Self::act`]; `when_busy` is called each time that the real world is found busy.
    fn act_beside(
        &mut self,
        verb: &str,
        node: usize,
        thing: &Thing,
        goal: Goal,
        batch: impl Fn(&Thing, &Settings) -> Batch,
        when_busy: &mut dyn FnMut(),
    ) -> Verdict {
        // Each world at its own pace: a real one is busy for moments, as long as a process or a lock lasts.
        let patient = |thing: &Thing, run: &dyn Fn(&Batch) -> Report, when_busy: &mut dyn FnMut()| {
            let batch = batch(thing, &self.settings);
            let mut verdict = judge(thing, goal, &run(&batch));
            for _ in 1..BUSY_TRIES {
                if !matches!(&verdict, Verdict::Failed(failure) if failure.kind == FailureKind::Busy) {
                    break;
                }
                when_busy();
                std::thread::sleep(Duration::from_millis(100));
                verdict = judge(thing, goal, &run(&batch));
            }
            verdict
        };
        let real = patient(thing, &|batch| self.real_run(node, batch), when_busy);
        let simulated = patient(
            &self.twin_of(thing),
            &|batch| self.sim_run(node, batch),
            &mut || {},
        );
        let came = Both {
            real: words::verdict(&real),
            simulated: words::verdict(&simulated),
        };
        self.note(&format!("{verb} {}", thing.title()), &came);
        real
    }

    /// The disk below a mounted XFS file system dies.
    pub(crate) fn break_mount(&self, node: usize, target: &str) {
        let shut_down = ["xfs_io", "-x", "-c", "shutdown", target];
        self.ground.on(&format!("node{node}"), &shut_down);
        let broken = self.sim.world(|world| world.break_mount(self.host(node), target));
        assert!(broken);
    }

    /// A node loses its power.
    pub(crate) fn kill(&self, node: usize) {
        self.ground.lab.kill(&format!("node{node}")).unwrap();
        self.sim.world(|world| world.kill_node(self.host(node)));
    }

    /// A node starts again.
    pub(crate) fn start(&self, node: usize) {
        self.ground.lab.start(&format!("node{node}")).unwrap();
        self.sim.world(|world| world.start_node(self.host(node)));
    }

    /// glusterd ends on a node.
    pub(crate) fn stop_glusterd(&self, node: usize) {
        let name = format!("node{node}");
        self.ground
            .on(&name, &["sh", "-c", "kill $(cat /run/glusterd.pid)"]);
        until("glusterd has ended", || {
            let status = self.ground.lab.status().unwrap();
            status.nodes[node - 1].glusterd.is_none()
        });
        self.sim.world(|world| world.stop_glusterd(self.host(node)));
    }

    /// glusterd starts on a node.
    pub(crate) fn start_glusterd(&self, node: usize) {
        let name = format!("node{node}");
        self.ground.on(&name, &["glusterd", "-p", "/run/glusterd.pid"]);
        until("glusterd answers", || self.connected(node) > 0);
        self.sim.world(|world| world.start_glusterd(self.host(node)));
    }

    /// Does only the first `count` commands of a batch, whatever they answer: what an interrupted run leaves.
    pub(crate) fn run_part(&mut self, node: usize, batch: &Batch, count: usize) {
        let part = batch.items().iter().take(count).fold(Batch::new(), |part, item| {
            part.item(item.guard.clone(), item.command.clone(), item.on_failure)
        });
        if count > 0 {
            self.run(node, &part);
        }
    }

    /// Asks a question in both worlds and notes what `read` makes of the answers.
    pub(crate) fn ask(&mut self, what: &str, node: usize, batch: &Batch, read: impl Fn(&Report) -> String) {
        let both = self.run(node, batch);
        let came = Both {
            real: read(&both.real),
            simulated: read(&both.simulated),
        };
        self.note(what, &came);
    }

    /// Ends the script: both worlds must have agreed throughout, and the page must be the one that is checked in.
    pub(crate) fn ends(self, name: &str) {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/contract/pages")
            .join(format!("{name}.txt"));
        assert_eq!(
            self.differences, 0,
            "{name}: the real and the simulated world differ:\n{}",
            self.page
        );
        if std::env::var("MORTAR_TRANSCRIPTS").is_ok_and(|value| value == "write") {
            std::fs::write(&path, &self.page).unwrap();
            return;
        }
        let expected =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if expected != self.page {
            let differs = expected
                .lines()
                .zip(self.page.lines())
                .take_while(|(a, b)| a == b)
                .count();
            panic!(
                "{name} differs from line {}: if the change is wanted, write it with MORTAR_TRANSCRIPTS=write and read \
                 the difference. What came:\n{}",
                differs + 1,
                self.page
            );
        }
    }
}

fn indented(text: &str) -> String {
    text.replace('\n', "\n    ")
}
