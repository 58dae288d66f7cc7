//! The real world of these tests: one lab for all of them, reached over ssh.

use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use mortar_executor::{SshHosts, SshOptions};
use mortar_lab::{Lab, LabSpec, default_state_root};
use tokio::runtime::Runtime;

/// More than anything in these tests takes on a machine that is merely busy.
pub(crate) const LIMIT: Duration = Duration::from_secs(90);
/// Storage nodes: the first three are made one trusted pool, the fourth is alone.
pub(crate) const NODES: usize = 4;
/// Size of each of a node's two disks, `/disks/disk1` and `/disks/disk2`.
pub(crate) const DISK: u64 = 4 << 30;

const JANITOR: &str = "MORTAR_TEST_JANITOR";

/// The lab and the way to its nodes.
pub(crate) struct Ground {
    pub(crate) lab: Lab,
    pub(crate) hosts: SshHosts,
    pub(crate) runtime: Runtime,
    order: RwLock<()>,
    /// Holds the pipe whose end tells the janitor that this process is gone.
    _janitor: Child,
}

/// The lab, made when the first test asks for it. When this process ends, for whatever reason, the janitor takes it
/// down; one that was killed too leaves a lab that `mortar lab down --lab NAME` removes.
pub(crate) fn ground() -> &'static Ground {
    static GROUND: OnceLock<Ground> = OnceLock::new();
    GROUND.get_or_init(Ground::new)
}

impl Ground {
    fn new() -> Self {
        let spec = LabSpec {
            nodes: u32::try_from(NODES).unwrap(),
            disks: 2,
            disk_size: DISK,
            ..LabSpec::named(format!("con-{}", std::process::id()))
        };
        let janitor = janitor(&spec);
        let lab = Lab::up(spec, &mut |_| {}).unwrap_or_else(|error| panic!("{error}"));
        let options = SshOptions::new("root", lab.ssh_key(), lab.known_hosts());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let ground = Self {
            hosts: SshHosts::new(options).unwrap(),
            lab,
            runtime,
            order: RwLock::new(()),
            _janitor: janitor,
        };
        // Scripts make disks of loop devices, which are this machine's: a lab shows LVM on its nodes none of them.
        for number in 1..=NODES {
            ground.on(
                &format!("node{number}"),
                &["truncate", "--size=0", "/etc/lvm/lvm.conf"],
            );
        }
        ground
    }

    /// Lets others play beside: for scripts that keep to their own things.
    pub(crate) fn beside_others(&self) -> RwLockReadGuard<'_, ()> {
        self.order.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps others out: for scripts that change the pool or end a node.
    pub(crate) fn alone(&self) -> RwLockWriteGuard<'_, ()> {
        self.order.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a program on a node that must succeed.
    pub(crate) fn on(&self, node: &str, argv: &[&str]) -> String {
        let output = self
            .lab
            .exec(node, argv, LIMIT)
            .unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{argv:?} on {node}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// Waits for a condition.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < LIMIT, "{what}: not within {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Starts this program once more, to wait for our end and take the lab down then. In a process group of its own: what
/// interrupts us does not interrupt it.
fn janitor(spec: &LabSpec) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "ground::janitor_of_the_lab",
            "--ignored",
            "--nocapture",
        ])
        .env(JANITOR, format!("{}:{}", spec.state_root.display(), spec.name))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap()
}

/// Takes down the lab of the process that started this one, as soon as that has ended.
#[test]
#[ignore = "is no test: the tests here start it to clean up behind them"]
fn janitor_of_the_lab() {
    let job = std::env::var(JANITOR).expect("set by the process that needs cleaning up");
    let (root, name) = job.rsplit_once(':').unwrap();
    assert_eq!(root, default_state_root().to_str().unwrap());
    // Nothing is ever written: this returns when the other end is closed.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    if let Err(error) = Lab::down(&PathBuf::from(root), name) {
        eprintln!("the lab {name} was not removed ({error}): try `mortar lab down --lab {name}`");
    }
}
