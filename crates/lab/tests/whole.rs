//! Labs on this machine, for real. Needs root and the programs of a lab; without them every test fails and says
//! what is missing.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod support;

use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, Stdio};
use std::thread;

use mortar_lab::{Lab, LabError, LabSpec};
use rustix::process::{Pid, Signal, getpid, kill_process, test_kill_process_group};
use support::{Footprint, Ground, LIMIT, assert_no_links, assert_no_mounts, on, run, until};

#[test]
fn a_lab_is_made_broken_mended_and_leaves_nothing() {
    let ground = Ground::new("life");
    let mut told = Vec::new();
    let spec = LabSpec {
        disks: 2,
        ..ground.spec()
    };
    let lab = Lab::up(spec.clone(), &mut |line| told.push(line.to_owned()))
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(
        told.iter().any(|line| line.contains("node2 is ready")),
        "{told:?}"
    );
    assert!(matches!(
        Lab::up(spec, &mut |_| {}),
        Err(LabError::AlreadyUp { .. })
    ));
    assert_eq!(Lab::list(&ground.root).unwrap(), ["life"]);

    let lab = Lab::open(&ground.root, lab.name()).unwrap();
    let status = lab.status().unwrap();
    for node in &status.nodes {
        assert!(
            node.glusterd.is_some() && node.sshd.is_some() && node.link_up,
            "{node:?}"
        );
        assert!(
            node.disks.len() == 2 && node.disks.iter().all(|disk| disk.mounted),
            "{node:?}"
        );
        assert_eq!(on(&lab, &node.name, &["uname", "-n"]).trim(), node.name);
    }
    assert_ne!(status.nodes[0].namespaces, status.nodes[1].namespaces);
    a_node_is_a_machine_of_its_own(&lab);
    ssh_takes_the_key_and_knows_the_hosts(&lab);
    a_cut_node_is_alone_until_joined(&lab);
    a_killed_node_comes_back_as_it_was(&lab);

    let footprint = Footprint::of(&lab);
    assert_eq!(footprint.loops(), 5);
    assert!(ground.down());
    footprint.assert_gone();
    assert!(!ground.root.exists());
    assert!(!ground.down());
    assert!(matches!(
        Lab::open(&ground.root, "life"),
        Err(LabError::NotUp { .. })
    ));
}

fn a_node_is_a_machine_of_its_own(lab: &Lab) {
    on(
        lab,
        "node1",
        &[
            "touch",
            "/tmp/here",
            "/var/lib/mortar/here",
            "/disks/disk2/here",
            "/root/here",
        ],
    );
    let there = |node, path| {
        lab.exec(node, &["test", "-e", path], LIMIT)
            .unwrap()
            .status
            .success()
    };
    for path in [
        "/tmp/here",
        "/var/lib/mortar/here",
        "/disks/disk2/here",
        "/root/here",
    ] {
        assert!(there("node1", path) && !there("node2", path), "{path}");
    }
    // The machine's programs cannot be harmed from inside.
    assert!(
        !lab.exec("node1", &["touch", "/usr/bin/here"], LIMIT)
            .unwrap()
            .status
            .success()
    );
    assert_eq!(on(lab, "node1", &["cat", lab.fstab()]), "");
    assert_eq!(on(lab, "node1", &["cat", "/etc/fstab"]), "");
    assert!(lab.node_root("node1").unwrap().join("disks/disk2/here").exists());
    assert!(matches!(
        lab.exec("node9", &["true"], LIMIT),
        Err(LabError::NoSuchNode { .. })
    ));
    assert!(lab.exec_attached("node1", &["false"]).unwrap().code() == Some(1));
}

fn ssh(lab: &Lab, address: &str) -> Command {
    let mut command = Command::new("ssh");
    let hosts = format!("UserKnownHostsFile={}", lab.known_hosts().display());
    command
        .arg("-i")
        .arg(lab.ssh_key())
        .args(["-F", "/dev/null", "-o", &hosts]);
    command
        .args(["-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes"])
        .arg(format!("root@{address}"));
    command
}

fn ssh_takes_the_key_and_knows_the_hosts(lab: &Lab) {
    for node in lab.nodes() {
        let answer =
            run(ssh(lab, &node.address.to_string()).arg("uname -n; gluster --mode=script pool list"));
        assert!(
            answer.starts_with(&format!("{}\n", node.name)) && answer.contains("localhost"),
            "{answer}"
        );
    }
}

fn reaches(lab: &Lab, from: &str, to: &str) -> bool {
    // The shell's own /dev/tcp needs no program that may be missing.
    let try_it = format!("timeout 1 bash -c 'exec 3<>/dev/tcp/{to}/22'");
    lab.exec(from, &["sh", "-c", &try_it], LIMIT)
        .unwrap()
        .status
        .success()
}

fn a_cut_node_is_alone_until_joined(lab: &Lab) {
    let nodes = lab.nodes();
    let (one, two) = (nodes[0].address.to_string(), nodes[1].address.to_string());
    assert!(reaches(lab, "node1", &two) && reaches(lab, "node2", &one));
    lab.cut("node2").unwrap();
    lab.cut("node2").unwrap();
    assert!(!lab.status().unwrap().nodes[1].link_up);
    assert!(!reaches(lab, "node1", &two) && !reaches(lab, "node2", &one));
    assert!(lab.status().unwrap().nodes[1].glusterd.is_some());
    lab.join("node2").unwrap();
    assert!(lab.status().unwrap().nodes[1].link_up);
    until("node2 is joined again", || {
        reaches(lab, "node1", &two) && reaches(lab, "node2", &one)
    });
}

/// A brick of a directory device is an image in a disk that is an image itself: both must go and come back.
fn a_killed_node_comes_back_as_it_was(lab: &Lab) {
    let make_brick = "set -e; cd /disks/disk1; truncate -s 512M brick.img; mkfs.xfs -q brick.img; \
                      mkdir -p /var/lib/mortar/mounts/a; \
                      echo /disks/disk1/brick.img /var/lib/mortar/mounts/a xfs loop,noatime 0 0 >>\"$0\"; \
                      mount --all --fstab \"$0\"; echo data >/var/lib/mortar/mounts/a/file";
    on(lab, "node2", &["sh", "-c", make_brick, lab.fstab()]);
    let mut visitor = lab.spawn("node2", &["sleep", "600"]).unwrap();
    let before = Footprint::of(lab);
    assert_eq!(before.loops(), 5);

    lab.kill("node2").unwrap();
    lab.kill("node2").unwrap();
    assert!(!visitor.wait().unwrap().success());
    let status = lab.status().unwrap();
    let dead = &status.nodes[1];
    assert!(
        dead.holder.is_none() && dead.glusterd.is_none() && dead.sshd.is_none() && !dead.link_up,
        "{dead:?}"
    );
    assert!(status.nodes[0].glusterd.is_some());
    assert_eq!(Footprint::of(lab).loops(), 2);
    assert!(matches!(
        lab.exec("node2", &["true"], LIMIT),
        Err(LabError::NodeDown { .. })
    ));
    assert!(matches!(lab.cut("node2"), Err(LabError::NodeDown { .. })));

    lab.start("node2").unwrap();
    assert!(matches!(lab.start("node2"), Err(LabError::NodeRunning { .. })));
    assert_eq!(
        on(lab, "node2", &["cat", "/var/lib/mortar/mounts/a/file"]),
        "data\n"
    );
    assert!(lab.status().unwrap().nodes[1].glusterd.is_some());
    a_node_comes_back_without_its_bricks(lab);

    // A mount entry that cannot be mounted is told, and the node is up all the same.
    on(lab, "node2", &["rm", "/disks/disk1/brick.img"]);
    lab.kill("node2").unwrap();
    let error = lab.start("node2").unwrap_err().to_string();
    assert!(
        error.contains("the node is up") && error.contains("brick.img"),
        "{error}"
    );
    let spare = "set -e; cd /disks/disk1; truncate -s 512M brick.img; mkfs.xfs -q brick.img; mount --all --fstab \"$0\"";
    on(lab, "node2", &["sh", "-c", spare, lab.fstab()]);
}

/// Disks and daemons are there, and what the mount entries name waits for somebody to mount it.
fn a_node_comes_back_without_its_bricks(lab: &Lab) {
    let entries = on(lab, "node2", &["cat", lab.fstab()]);
    lab.kill("node2").unwrap();
    lab.start_without_mounts("node2").unwrap();
    assert!(matches!(
        lab.start_without_mounts("node2"),
        Err(LabError::NodeRunning { .. })
    ));
    let node = &lab.status().unwrap().nodes[1];
    assert!(
        node.glusterd.is_some() && node.sshd.is_some() && node.disks.iter().all(|disk| disk.mounted),
        "{node:?}"
    );
    assert_eq!(Footprint::of(lab).loops(), 4);
    assert_eq!(on(lab, "node2", &["ls", "-A", "/var/lib/mortar/mounts/a"]), "");
    assert_eq!(on(lab, "node2", &["cat", lab.fstab()]), entries);
    on(lab, "node2", &["mount", "--all", "--fstab", lab.fstab()]);
    assert_eq!(
        on(lab, "node2", &["cat", "/var/lib/mortar/mounts/a/file"]),
        "data\n"
    );
}

#[test]
fn labs_side_by_side_do_not_disturb_each_other() {
    // The same name below two state folders is two labs.
    let grounds = [Ground::new("twin"), Ground::new("twin")];
    let labs: Vec<Lab> = thread::scope(|scope| {
        let started: Vec<_> = grounds
            .iter()
            .map(|ground| scope.spawn(|| ground.up(ground.spec())))
            .collect();
        started.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (one, two) = (labs[0].status().unwrap(), labs[1].status().unwrap());
    assert_ne!((&one.subnet, &one.bridge), (&two.subnet, &two.bridge));
    assert_ne!(one.subnet, two.subnet);
    assert!(!reaches(&labs[0], "node1", &two.nodes[0].address.to_string()));
    let footprint = Footprint::of(&labs[0]);
    grounds[0].down();
    footprint.assert_gone();
    assert_eq!(labs[1].status().unwrap(), two);
    assert_eq!(on(&labs[1], "node1", &["uname", "-n"]).trim(), "node1");
}

/// The program that [`an_interrupted_up_can_be_removed_or_done_again`] interrupts.
#[test]
#[ignore = "makes a lab and leaves it: another test runs it as a child"]
fn child_that_makes_a_lab() {
    let told = |name| std::env::var(name).expect("set by the parent");
    let last: u32 = told("MORTAR_LAB_TEST_STEP").parse().unwrap();
    let spec = LabSpec {
        nodes: told("MORTAR_LAB_TEST_NODES").parse().unwrap(),
        disk_size: 2 << 30,
        state_root: told("MORTAR_LAB_TEST_ROOT").into(),
        ..LabSpec::named("cut-short")
    };
    mortar_lab::watch_steps(move |step| {
        if step == last {
            kill_process(getpid(), Signal::KILL).unwrap();
        }
    });
    Lab::up(spec, &mut |_| {}).unwrap();
}

/// Makes a lab in a child that is killed at this step; false when it was made before. What the child had begun has ended.
fn interrupted_up(ground: &Ground, nodes: u32, step: u32) -> bool {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_makes_a_lab", "--ignored"])
        .env("MORTAR_LAB_TEST_ROOT", &ground.root)
        .env("MORTAR_LAB_TEST_NODES", nodes.to_string())
        .env("MORTAR_LAB_TEST_STEP", step.to_string())
        .process_group(0)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let group = Pid::from_child(&child);
    let status = child.wait().unwrap();
    // Daemons of nodes have left the group.
    until("what it had begun has ended", || {
        test_kill_process_group(group).is_err()
    });
    assert!(
        status.success() || status.signal() == Some(Signal::KILL.as_raw()),
        "{status}"
    );
    !status.success()
}

#[test]
fn an_interrupted_up_can_be_removed_or_done_again() {
    let ground = Ground::new("cut-short");
    let bridge = {
        let lab = ground.up(LabSpec {
            nodes: 1,
            ..ground.spec()
        });
        let bridge = lab.status().unwrap().bridge;
        ground.down();
        bridge
    };
    // From the first folder to the last word: whatever step it is cut off at, nothing may be left.
    for nodes in [1, 2] {
        let mut step = 1;
        while interrupted_up(&ground, nodes, step) {
            assert!(Lab::open(&ground.root, "cut-short").is_err(), "step {step}");
            ground.down();
            assert_no_links(&bridge);
            assert_no_mounts(&ground.folder());
            assert!(!ground.root.exists(), "files are left after step {step}");
            // Two nodes take the same steps, beside each other.
            step += if nodes == 1 { 1 } else { 20 };
        }
        assert!(step > 20, "it was cut off only {step} times");
        assert!(ground.down());
    }
    assert!(interrupted_up(&ground, 2, 20));
    let lab = ground.up(ground.spec());
    assert!(
        lab.status()
            .unwrap()
            .nodes
            .iter()
            .all(|node| node.glusterd.is_some())
    );
    let footprint = Footprint::of(&lab);
    ground.down();
    footprint.assert_gone();
}

#[test]
fn what_does_not_outlive_the_machine_is_told_and_removed() {
    let ground = Ground::new("stale");
    let lab = ground.up(LabSpec {
        nodes: 1,
        ..ground.spec()
    });
    let footprint = Footprint::of(&lab);
    let record = ground.folder().join("lab.json");
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let text = std::fs::read_to_string(&record).unwrap();
    assert!(text.contains(boot.trim()));
    std::fs::write(&record, text.replace(boot.trim(), "another start of the machine")).unwrap();
    assert!(matches!(
        Lab::open(&ground.root, "stale"),
        Err(LabError::Stale { .. })
    ));

    // The record is lost altogether, and a node was killed besides: all the same, nothing stays.
    lab.kill("node1").unwrap();
    std::fs::write(&record, "{ \"version\": 1, \"sp").unwrap();
    assert!(matches!(
        Lab::open(&ground.root, "stale"),
        Err(LabError::Stale { .. })
    ));
    ground.down();
    footprint.assert_gone();
}

#[test]
fn an_up_that_fails_says_why_and_removes_what_it_made() {
    let ground = Ground::new("fails");
    let spec = LabSpec {
        disk_size: 1 << 62,
        ..ground.spec()
    };
    let error = Lab::up(spec, &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("making the disk"), "{error}");
    assert!(!ground.root.exists());
    assert_no_mounts(&ground.folder());
}

#[test]
fn a_pool_of_three_keeps_a_volume_through_the_loss_of_a_node() {
    let ground = Ground::new("pool");
    let lab = ground.up(LabSpec {
        nodes: 3,
        peers: true,
        ..ground.spec()
    });
    let gluster = |argv: &[&str]| on(&lab, "node1", &[&["gluster", "--mode=script"], argv].concat());
    let bricks: Vec<String> = lab
        .nodes()
        .iter()
        .map(|node| format!("{}:/disks/disk1/bricks/one", node.address))
        .collect();
    for node in lab.nodes() {
        on(&lab, &node.name, &["mkdir", "/disks/disk1/bricks"]);
    }
    let mut create = vec!["volume", "create", "one", "replica", "3"];
    create.extend(bricks.iter().map(String::as_str));
    gluster(&create);
    gluster(&["volume", "start", "one"]);

    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (folder.path().join("here"), folder.path().join("there"));
    for dir in [&here, &there] {
        std::fs::create_dir(dir).unwrap();
        lab.mount("one", dir).unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(lab.status().unwrap().mounts.len(), 2);
    std::fs::write(here.join("first"), "before").unwrap();
    assert_eq!(std::fs::read_to_string(there.join("first")).unwrap(), "before");

    lab.kill("node3").unwrap();
    std::fs::write(here.join("second"), "while it was away").unwrap();
    assert!(to_heal(&lab).iter().any(|count| *count != Some(0)));
    lab.start("node3").unwrap();
    until("the heal is done", || to_heal(&lab) == [Some(0); 3]);
    let brick = lab
        .node_root("node3")
        .unwrap()
        .join("disks/disk1/bricks/one/second");
    assert_eq!(std::fs::read_to_string(brick).unwrap(), "while it was away");
    assert_eq!(lab.status().unwrap().nodes[2].bricks.len(), 1);
    let node3 = SocketAddr::from((lab.nodes()[2].address, 24007));
    TcpStream::connect_timeout(&node3, LIMIT).unwrap();

    lab.unmount(&there).unwrap();
    assert!(lab.unmount(&there).is_err());
    assert!(std::fs::read_dir(&there).unwrap().next().is_none());
    // The other client stays mounted and in use: taking the lab down does not wait for it.
    let footprint = Footprint::of(&lab);
    let open = std::fs::File::open(here.join("first")).unwrap();
    ground.down();
    drop(open);
    footprint.assert_gone();
    assert!(std::fs::read_dir(&here).unwrap().next().is_none());
}

/// Entries that wait to be healed, per brick; none for a brick that is away.
fn to_heal(lab: &Lab) -> Vec<Option<u32>> {
    let output = lab
        .exec(
            "node1",
            &["gluster", "--mode=script", "volume", "heal", "one", "info"],
            LIMIT,
        )
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let counts = text
        .lines()
        .filter_map(|line| line.strip_prefix("Number of entries: "));
    counts.map(|count| count.trim().parse().ok()).collect()
}

#[test]
fn the_topology_names_each_node_and_disk() {
    let ground = Ground::new("map");
    let lab = ground.up(LabSpec {
        nodes: 1,
        disks: 2,
        ..ground.spec()
    });
    let topology: serde_json::Value = serde_json::from_str(&lab.topology_json()).unwrap();
    let address = lab.nodes()[0].address.to_string();
    let expected = serde_json::json!({"clusters": [{"nodes": [{
        "node": {"hostnames": {"manage": [address], "storage": [address]}, "zone": 1},
        "devices": ["/disks/disk1", "/disks/disk2"],
    }]}]});
    assert_eq!(topology, expected);
    assert!(matches!(
        lab.mount("no such volume", &ground.root),
        Err(LabError::Failed { .. })
    ));
}
