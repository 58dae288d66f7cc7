//! Any sequence of commands: no panic, and the rules of the world hold after each.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use mortar_argv::Command;
use mortar_simulator::{Foreign, World, WorldConfig};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;

const HOSTS: [&str; 3] = ["n1", "n2", "n3"];

/// One step of a random story.
#[derive(Clone, Debug)]
enum Step {
    Run(usize, Vec<String>),
    Kill(usize),
    Start(usize),
    Cut(usize),
    Join(usize),
    StopGlusterd(usize),
    StartGlusterd(usize),
    Spoil(usize),
    Reload,
}

fn line(text: impl AsRef<str>) -> Vec<String> {
    text.as_ref().split(' ').map(str::to_owned).collect()
}

/// Commands as Mortar types them, on few names, so that they meet each other.
fn command() -> impl Strategy<Value = Vec<String>> {
    let n = 0..3u8;
    let b = |number: u8| format!("/m/{number}");
    prop_oneof![
        n.clone().prop_map(|d| line(format!("pvcreate -qq --yes --metadatasize=128M /dev/sd{}", char::from(b'b' + d)))),
        n.clone().prop_map(|d| line(format!("vgcreate -qq --physicalextentsize=4M vg{d} /dev/sd{}", char::from(b'b' + d)))),
        (n.clone(), n.clone(), 1..9u8).prop_map(|(d, v, size)| line(format!(
            "lvcreate -qq --yes --poolmetadatasize 8M --size {size}00M --thin vg{d}/tp{v} --virtualsize {size}00M --name lv{v}"
        ))),
        (n.clone(), n.clone()).prop_map(|(d, v)| line(format!("lvremove -qq --yes vg{d}/lv{v}"))),
        (n.clone(), n.clone()).prop_map(|(d, v)| line(format!("lvremove -qq --yes vg{d}/tp{v}"))),
        n.clone().prop_map(|d| line(format!("vgremove -qq --yes vg{d}"))),
        n.clone().prop_map(|d| line(format!("pvremove -qq /dev/sd{}", char::from(b'b' + d)))),
        n.clone().prop_map(|d| line(format!("wipefs --all --force /dev/sd{}", char::from(b'b' + d)))),
        (n.clone(), n.clone()).prop_map(|(d, v)| line(format!("mkfs.xfs -q -f /dev/vg{d}/lv{v}"))),
        (n.clone(), n.clone(), n.clone())
            .prop_map(move |(d, v, m)| line(format!("mount -o rw /dev/vg{d}/lv{v} {}", b(m)))),
        (n.clone(), n.clone()).prop_map(move |(i, m)| line(format!("mount -o loop,rw /bricks/{i}.img {}", b(m)))),
        n.clone().prop_map(|i| line(format!("truncate --size=400M /bricks/{i}.img"))),
        n.clone().prop_map(|i| line(format!("mkfs.xfs -q -f /bricks/{i}.img"))),
        (n.clone(), n.clone()).prop_map(|(i, j)| line(format!("mv /bricks/{i}.img /bricks/{j}.img"))),
        n.clone().prop_map(|i| line(format!("rm -f /bricks/{i}.img"))),
        n.clone().prop_map(move |m| line(format!("umount {}", b(m)))),
        n.clone().prop_map(move |m| line(format!("mkdir -p {}/brick", b(m)))),
        n.clone().prop_map(move |m| line(format!("rmdir {}/brick", b(m)))),
        n.clone().prop_map(move |m| line(format!("rmdir {}", b(m)))),
        (n.clone(), n.clone()).prop_map(|(m, k)| line(format!("mv /m/{m} /m/{k}x"))),
        (n.clone(), n.clone(), n.clone()).prop_map(|(v, x, y)| line(format!(
            "gluster --mode=script volume create v{v} replica 2 {}:/m/{x}/brick {}:/m/{y}/brick force",
            HOSTS[usize::from(x)], HOSTS[usize::from(y)]
        ))),
        (n.clone(), n.clone()).prop_map(|(v, m)| line(format!(
            "gluster --mode=script volume create v{v} {}:/m/{m}/brick", HOSTS[usize::from(m)]
        ))),
        (n.clone(), n.clone()).prop_map(|(v, m)| line(format!(
            "gluster --mode=script volume add-brick v{v} n1:/m/{m}/brick n2:/m/{m}/brick"
        ))),
        (n.clone(), n.clone()).prop_map(|(v, m)| line(format!(
            "gluster --mode=script volume remove-brick v{v} n1:/m/{m}/brick n2:/m/{m}/brick force"
        ))),
        (n.clone(), prop_oneof![Just("start"), Just("start"), Just("stop"), Just("delete")])
            .prop_map(|(v, verb)| line(format!("gluster --mode=script volume {verb} v{v}"))),
        n.clone().prop_map(|v| line(format!("gluster --mode=script volume start v{v} force"))),
        n.clone().prop_map(|v| line(format!("gluster --mode=script volume status v{v} --xml"))),
        n.clone().prop_map(|h| line(format!("gluster --mode=script peer probe {}", HOSTS[usize::from(h)]))),
        n.prop_map(|h| line(format!("gluster --mode=script peer detach {}", HOSTS[usize::from(h)]))),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        30 => (0..3usize, command()).prop_map(|(host, words)| Step::Run(host, words)),
        1 => (0..3usize).prop_map(Step::Kill),
        2 => (0..3usize).prop_map(Step::Start),
        1 => (0..3usize).prop_map(Step::Cut),
        2 => (0..3usize).prop_map(Step::Join),
        1 => (0..3usize).prop_map(Step::StopGlusterd),
        2 => (0..3usize).prop_map(Step::StartGlusterd),
        1 => (0..3usize).prop_map(Step::Spoil),
        1 => Just(Step::Reload),
    ]
}

fn world() -> World {
    let mut world = World::new(WorldConfig {
        disks_per_node: 3,
        disk_size: 2 << 30,
        directories: vec![("/bricks".into(), 1 << 40)],
        ..WorldConfig::default()
    });
    for host in HOSTS {
        world.add_node(host);
        // A start on which most commands succeed: prepared disks, volumes, mounts and a pool.
        for number in 0..3u8 {
            let disk = format!("/dev/sd{}", char::from(b'b' + number));
            for text in [
                format!("pvcreate -qq --metadatasize=128M {disk}"),
                format!("vgcreate -qq vg{number} {disk}"),
                format!(
                    "lvcreate -qq --yes --poolmetadatasize 8M --size 400M --thin vg{number}/tp0 --virtualsize 400M --name lv0"
                ),
                format!("mkfs.xfs -q /dev/vg{number}/lv0"),
                format!("mkdir -p /m/{number}"),
                format!("mount -o rw /dev/vg{number}/lv0 /m/{number}"),
                format!("mkdir /m/{number}/brick"),
            ] {
                run(&mut world, host, &line(text.clone())).unwrap_or_else(|why| panic!("{text}: {why}"));
            }
        }
    }
    for host in &HOSTS[1..] {
        run(
            &mut world,
            "n1",
            &line(format!("gluster --mode=script peer probe {host}")),
        )
        .unwrap();
    }
    world
}

fn run(world: &mut World, host: &str, words: &[String]) -> Result<String, String> {
    let output = world.run_one(host, &Command::new(&words[0]).args(&words[1..]));
    if output.success() {
        Ok(output.stdout)
    } else {
        Err(output.complaint().to_owned())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_sequence_of_commands_breaks_the_world(steps in proptest::collection::vec(step(), 1..80)) {
        let mut world = world();
        for step in steps {
            match &step {
                Step::Run(host, words) => {
                    let before = world.host(HOSTS[*host]).unwrap();
                    let answer = run(&mut world, HOSTS[*host], words);
                    check(&before, &world, HOSTS[*host], words, &answer)?;
                }
                Step::Kill(host) => world.kill_node(HOSTS[*host]),
                Step::Start(host) => world.start_node(HOSTS[*host]),
                Step::Cut(host) => world.cut(HOSTS[*host]),
                Step::Join(host) => world.join(HOSTS[*host]),
                Step::StopGlusterd(host) => world.stop_glusterd(HOSTS[*host]),
                Step::StartGlusterd(host) => world.start_glusterd(HOSTS[*host]),
                Step::Spoil(host) => {
                    world.add_disk(HOSTS[*host], "/dev/sdx", 1 << 30);
                    world.spoil_disk(HOSTS[*host], "/dev/sdx", Foreign::Partitions(1));
                }
                Step::Reload => {
                    let saved = world.save().unwrap();
                    world = World::load(&saved).unwrap();
                    prop_assert_eq!(world.save().unwrap(), saved);
                }
            }
            prop_assert_eq!(world.violations(), Vec::<String>::new(), "after {:?}", step);
        }
    }

    #[test]
    fn no_words_make_a_program_panic(program in prop_oneof![
        Just("gluster"), Just("lvcreate"), Just("lvremove"), Just("vgcreate"), Just("pvcreate"), Just("mount"),
        Just("umount"), Just("lsblk"), Just("blkid"), Just("wipefs"), Just("mkfs.xfs"), Just("sed"), Just("grep"),
        Just("tee"), Just("find"), Just("stat"), Just("df"), Just("du"), Just("mv"), Just("test"), Just("flock"),
        Just("findmnt"), Just("losetup"), Just("lvs"), Just("vgs"), Just("pvs"), Just("truncate"), Just("chown"),
    ], words in proptest::collection::vec(prop_oneof![
        "[ -~]{0,12}", "-{1,2}[a-z]{1,8}", "/[a-z]{0,4}/[a-z0-9.]{0,6}", "\\PC{0,6}",
        Just("/dev/sdb".to_owned()), Just("volume".to_owned()), Just("create".to_owned()), Just("v".to_owned()),
        Just("--mode=script".to_owned()), Just("n1:/m/0/brick".to_owned()), Just("replica".to_owned()),
        Just("vg0/lv0".to_owned()), Just("--select".to_owned()), Just("--size".to_owned()), Just("0".to_owned()),
        Just("-o".to_owned()), Just("/m/0".to_owned()), Just("-e".to_owned()), Just("/dev/vg0/lv0".to_owned()),
    ], 0..8)) {
        let mut world = world();
        let mut all = vec![program.to_owned()];
        all.extend(words);
        let _ = run(&mut world, "n1", &all);
        prop_assert_eq!(world.violations(), Vec::<String>::new());
    }
}

/// The stories above prove something only while a good part of their commands does something.
#[test]
fn random_stories_are_not_all_refusals() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut world, mut succeeded) = (world(), 0);
    for round in 0..600 {
        if round % 50 == 0 {
            world = self::world();
        }
        let words = command().new_tree(&mut runner).unwrap().current();
        succeeded += u32::from(run(&mut world, HOSTS[round % 3], &words).is_ok());
    }
    assert!(succeeded > 120, "only {succeeded} of 600 commands succeeded");
}

/// What no single command may do.
fn check(
    before: &mortar_simulator::HostView,
    world: &World,
    host: &str,
    words: &[String],
    answer: &Result<String, String>,
) -> Result<(), TestCaseError> {
    let after = world.host(host).unwrap();
    let mounted = |source: &str| before.mounts.iter().any(|mount| mount.source == source);
    for volume in &before.logical_volumes {
        let device = format!("/dev/mapper/{}-{}", volume.group, volume.name);
        let gone = !after
            .logical_volumes
            .iter()
            .any(|other| (&other.group, &other.name) == (&volume.group, &volume.name));
        // A forced wipe of the disk below is the one way, as it is on a real machine.
        prop_assert!(
            !(gone && mounted(&device)) || words[0] == "wipefs",
            "{device} was mounted and is gone"
        );
    }
    for mount in before.mounts.iter().filter(|mount| mount.users > 0) {
        let there = after.mounts.iter().any(|other| other.target == mount.target);
        // Users are told per file system: one that is mounted twice may be in use through its other mount.
        let twice = before
            .mounts
            .iter()
            .filter(|other| other.source == mount.source)
            .count()
            > 1;
        prop_assert!(
            there || twice,
            "{} was in use by a brick and is gone",
            mount.target
        );
    }
    if answer.is_err() && words[0] != "gluster" {
        // gluster marks bricks before it fails; all the others do all or nothing.
        prop_assert_eq!(&after.logical_volumes, &before.logical_volumes);
        prop_assert_eq!(&after.mounts, &before.mounts);
        prop_assert_eq!(&after.devices, &before.devices);
    }
    Ok(())
}
