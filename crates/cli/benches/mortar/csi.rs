//! The CSI driver beside the floor, on a real pool of three nodes, replica 3: claims one after the other and in a burst, mounts, and
//! what the node plug-in needs for itself.
//!
//! `-- csi --claims=50 --burst=100 --mounts=50`: how many of each. A claim is three bricks, so a burst of 100 needs some 8 GiB.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::future::join_all;
use mortar_csi::{Claim, Endpoint, Kubelet, Provisioned, Provisioner};
use mortar_lab::Lab;

use crate::client::{Client, block_on};
use crate::floor::{Floor, Volume};
use crate::ground::Ground;
use crate::numbers::{Times, compare, resident};
use crate::server::Server;

/// Volumes that wait to be deleted at most: their brick processes take memory.
const KEPT: usize = 24;

/// How many of each.
#[derive(Clone, Copy)]
struct Sizes {
    claims: usize,
    burst: usize,
    mounts: usize,
}

impl Sizes {
    fn told() -> Self {
        let told = |name: &str, usual: usize| {
            let mut arguments = std::env::args();
            let value = arguments.find_map(|argument| argument.strip_prefix(name).map(str::to_owned));
            value.map_or(usual, |value| value.parse().unwrap())
        };
        Self {
            claims: told("--claims=", 50),
            burst: told("--burst=", 100),
            mounts: told("--mounts=", 50),
        }
    }
}

pub(crate) fn run() {
    let sizes = Sizes::told();
    println!("\n== csi: a real pool of 3 nodes, claims of 1 GiB, replica 3 ==");
    let ground = Ground::up(|spec| spec.disk_size = 400 << 30);
    let controller = endpoint(ground.folder(), "controller");
    let endpoint = address(&controller);
    let server = Server::start_for(ground.folder(), ground.lab(), &["--csi-endpoint", &endpoint]);
    let client = Client::new(&server.address);
    block_on(async {
        ground.pool(&client).await;
        // As in the part `lab`: a pool's first volume pays for its daemons.
        client.volume().await;
    });
    let floor = Floor::new(ground.lab());
    let machine = Machine::start(ground.folder());
    claims(&floor, &controller, sizes.claims);
    burst(&controller, sizes.burst);
    mounts(ground.lab(), &controller, &machine, sizes.mounts);
    drop(machine);
    drop(server);
}

fn endpoint(folder: &Path, name: &str) -> Endpoint {
    let path = folder.join(format!("{name}.sock"));
    format!("unix://{}", path.display()).parse().unwrap()
}

fn address(endpoint: &Endpoint) -> String {
    format!("unix://{}", endpoint.path().display())
}

async fn claim(provisioner: &mut Provisioner, number: usize, kind: &str) -> Provisioned {
    let name = format!("pvc-{kind}-{number}");
    let claim = Claim {
        name: &name,
        of: ("bench", &name),
        size: 1 << 30,
        class: &[("volumetype", "replicate:3")],
    };
    provisioner.create(&claim).await.unwrap()
}

async fn delete_all(provisioner: &Provisioner, volumes: Vec<Provisioned>) {
    for some in volumes.chunks(8) {
        join_all(some.iter().map(|volume| {
            let mut provisioner = provisioner.clone();
            async move { provisioner.delete(volume).await.unwrap() }
        }))
        .await;
    }
}

/// One after the other, in turns with the floor.
fn claims(floor: &Floor<'_>, controller: &Endpoint, count: usize) {
    let (mut of_floor, mut of_mortar) = (Vec::new(), Vec::new());
    let (mut made, mut by_hand): (Vec<Provisioned>, Vec<Volume>) = (Vec::new(), Vec::new());
    block_on(async {
        let mut provisioner = Provisioner::connect(controller).await.unwrap();
        for number in 0..count {
            let began = Instant::now();
            by_hand.push(floor.make());
            of_floor.push(began.elapsed());
            let began = Instant::now();
            made.push(claim(&mut provisioner, number, "single").await);
            of_mortar.push(began.elapsed());
            if made.len() == KEPT || number + 1 == count {
                floor.delete_all(std::mem::take(&mut by_hand), 4);
                delete_all(&provisioner, std::mem::take(&mut made)).await;
            }
        }
    });
    let (of_floor, of_mortar) = (Times::new(of_floor), Times::new(of_mortar));
    compare("CreateVolume, one claim after the other", &of_floor, &of_mortar);
    println!(
        "  p99: floor {:.0} ms, mortar {:.0} ms",
        of_floor.at(99).as_secs_f64() * 1e3,
        of_mortar.at(99).as_secs_f64() * 1e3
    );
}

/// All at once, as a provisioner with a hundred workers asks.
fn burst(controller: &Endpoint, count: usize) {
    block_on(async {
        let provisioner = Provisioner::connect(controller).await.unwrap();
        let began = Instant::now();
        let made = join_all((0..count).map(|number| {
            let mut provisioner = provisioner.clone();
            async move {
                let volume = claim(&mut provisioner, number, "burst").await;
                (volume, began.elapsed())
            }
        }))
        .await;
        let took = began.elapsed();
        let times = Times::new(made.iter().map(|(_, time)| *time).collect());
        println!(
            "burst of {count} claims: all made after {:.1} s; each, from the burst's beginning: {times}",
            took.as_secs_f64()
        );
        delete_all(&provisioner, made.into_iter().map(|(volume, _)| volume).collect()).await;
    });
}

/// A machine that runs pods: a node plug-in and its kubelet's folder.
struct Machine {
    child: Child,
    folder: PathBuf,
    endpoint: Endpoint,
}

impl Machine {
    fn start(folder: &Path) -> Self {
        let endpoint = endpoint(folder, "node");
        let kubelet = folder.join("kubelet");
        std::fs::create_dir(&kubelet).unwrap();
        let kubelet = kubelet.canonicalize().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_mortar"))
            .args([
                "csi",
                "node",
                "--node-id",
                "bench",
                "--clients",
                "session",
                "--log",
                "warn",
            ])
            .args(["--endpoint", &address(&endpoint)])
            .arg("--kubelet")
            .arg(&kubelet)
            .arg("--state")
            .arg(folder.join("state"))
            .arg("--logs")
            .arg(folder.join("logs"))
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let began = Instant::now();
        while std::os::unix::net::UnixStream::connect(endpoint.path()).is_err() {
            assert!(
                began.elapsed() < Duration::from_secs(20),
                "the node plug-in does not listen"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        Self {
            child,
            folder: kubelet,
            endpoint,
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Mounts for pods, in turns with the same by hand; all stay until the memory is read.
fn mounts(lab: &Lab, controller: &Endpoint, machine: &Machine, count: usize) {
    let before = resident(machine.child.id());
    block_on(async {
        let mut provisioner = Provisioner::connect(controller).await.unwrap();
        let mut kubelet = Kubelet::connect(&machine.endpoint, &machine.folder)
            .await
            .unwrap();
        let (mut of_floor, mut of_mortar) = (Vec::new(), Vec::new());
        let mut made = Vec::new();
        for number in 0..count {
            let volume = claim(&mut provisioner, number, "mount").await;
            let by_hand = ByHand::new(&machine.folder, number);
            let began = Instant::now();
            by_hand.mount(lab, volume.name());
            of_floor.push(began.elapsed());
            by_hand.unmount();
            let began = Instant::now();
            kubelet.mount(&volume, &format!("pod-{number}")).await.unwrap();
            of_mortar.push(began.elapsed());
            made.push(volume);
        }
        compare(
            "NodeStageVolume and NodePublishVolume, beside glusterfs and mount --bind by hand",
            &Times::new(of_floor),
            &Times::new(of_mortar),
        );
        println!(
            "node plug-in: resident {before:.1} MB before, {:.1} MB with {count} volumes mounted (clients are processes of their own)",
            resident(machine.child.id())
        );
        for (number, volume) in made.iter().enumerate() {
            kubelet.unmount(volume, &format!("pod-{number}")).await.unwrap();
        }
        delete_all(&provisioner, made).await;
    });
}

/// The same mounts by hand.
struct ByHand {
    staging: PathBuf,
    target: PathBuf,
}

impl ByHand {
    fn new(folder: &Path, number: usize) -> Self {
        let made = |name: &str| {
            let path = folder.join(format!("hand-{number}-{name}"));
            std::fs::create_dir(&path).unwrap();
            path
        };
        Self {
            staging: made("staging"),
            target: made("target"),
        }
    }

    fn mount(&self, lab: &Lab, volume: &str) {
        let first = lab.nodes()[0].address.to_string();
        run_to_end(
            Command::new("glusterfs")
                .args(["--volfile-server", &first, "--volfile-id", volume])
                .arg(&self.staging),
        );
        run_to_end(
            Command::new("mount")
                .arg("--bind")
                .arg(&self.staging)
                .arg(&self.target),
        );
    }

    fn unmount(&self) {
        for path in [&self.target, &self.staging] {
            run_to_end(Command::new("umount").arg(path));
        }
    }
}

fn run_to_end(command: &mut Command) {
    let status = command.stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}
