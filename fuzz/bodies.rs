//! What each fuzz target does with its input. A plain test (`crates/command/tests/corpus.rs`) includes this file
//! and runs it over the corpus, so the targets are exercised where no fuzzer is.
//!
//! A body fails by panic: the readers must take any bytes, and whatever they answer must be fit to be shown.

#![allow(unreachable_pub, reason = "the targets' crate and a test share this file")]

use mortar_argv::{Batch, Command, Outcome, Output, Report, script};
use mortar_command::query::survey::{NodeSurvey, Part, ask_node, read_node, read_pool};
use mortar_command::query::{
    brick_state, device_usage, glusterd, glusterd_process, heal_info, pool, rebalance, record, records,
    volume_info, volume_list, volume_status,
};
use mortar_command::{Settings, judge, judge_look};
use mortar_model::work::{
    AddedBricksSpec, BlockPart, BlockSpec, BrickAddress, BrickSpec, DeviceSpec, Goal, OptionsSpec, PeerSpec,
    RebalanceSpec, RemainsSpec, Seen, StartedSpec, Thing, Verdict, VolumeSpec,
};
use mortar_model::{
    BlockVolumeId, BrickId, BrickSpace, ByteSize, DeviceId, DevicePath, HostName, NodeId, VolumeId,
    VolumeName, layout,
};
use mortar_plan::identity;

const DEVICE: DeviceId = DeviceId::from_u128(0xd0d0_d0d0_d0d0_d0d0_d0d0_d0d0_d0d0_d0d0);
const BRICK: BrickId = BrickId::from_u128(0xb1b1_b1b1_b1b1_b1b1_b1b1_b1b1_b1b1_b1b1);
const VOLUME: VolumeId = VolumeId::from_u128(0x0e0e_0e0e_0e0e_0e0e_0e0e_0e0e_0e0e_0e0e);

/// Room for what is said around a tool's words, which are bounded to 500 characters.
const LONGEST: usize = 1200;

fn text(data: &[u8]) -> String {
    String::from_utf8_lossy(data).into_owned()
}

fn path(path: &str) -> DevicePath {
    DevicePath::new(path).expect("a constant path is good")
}

fn ran(status: i32, stdout: &str, stderr: &str) -> Outcome {
    Outcome::Ran(Output {
        status,
        stdout: stdout.into(),
        stderr: stderr.into(),
    })
}

fn report(outcomes: Vec<Outcome>) -> Report {
    Report {
        outcomes,
        broken: None,
    }
}

fn bricks() -> Vec<BrickAddress> {
    ["node1", "node2", "node3"]
        .iter()
        .map(|host| BrickAddress {
            brick: BRICK,
            host: HostName::new(*host).expect("a constant name is good"),
            path: layout::brick_path(DEVICE, BRICK),
        })
        .collect()
}

fn devices() -> Vec<Thing> {
    let device = |at, destroy| {
        Thing::Device(DeviceSpec {
            device: DEVICE,
            path: path(at),
            destroy,
            shared: None,
        })
    };
    vec![
        device("/dev/ubdb", false),
        device("/dev/ubdb", true),
        device("/disks/1", false),
        device("/disks/1", true),
    ]
}

fn thin_or_image() -> Vec<Thing> {
    let thin = BrickSpace::ThinPool {
        pool: ByteSize::from_gib(1),
        metadata: ByteSize::from_mib(8),
    };
    [("/dev/ubdb", thin), ("/disks/1", BrickSpace::Image)]
        .into_iter()
        .map(|(at, space)| BrickSpec {
            brick: BRICK,
            volume: VOLUME,
            device: DEVICE,
            device_path: path(at),
            space,
            size: ByteSize::from_gib(1),
            arbiter: false,
            gid: 7,
            from: None,
            identity: "{}".into(),
            names: None,
            pool: None,
        })
        .flat_map(|spec| {
            let remains = RemainsSpec {
                brick: spec.brick,
                device: spec.device,
                device_path: spec.device_path.clone(),
                image: spec.space == BrickSpace::Image,
            };
            [
                Thing::Brick(spec.clone()),
                Thing::Mount(spec),
                Thing::Remains(remains),
            ]
        })
        .collect()
}

fn block_volumes() -> Vec<Thing> {
    let name = |name: &str| VolumeName::new(name).expect("a constant name is good");
    let before = ByteSize::from_gib(1);
    [BlockPart::Name, BlockPart::Whole, BlockPart::Size { before }]
        .into_iter()
        .map(|part| {
            Thing::Block(BlockSpec {
                part,
                block: BlockVolumeId::from_u128(7),
                name: name("disk"),
                volume: VOLUME,
                hosting: name("vol_test"),
                size: ByteSize::from_gib(2),
                ha: 2,
                hosts: vec![HostName::new("node2").expect("a constant name is good")],
                auth: true,
                full: true,
                with_hosting: true,
            })
        })
        .collect()
}

fn pool_things() -> Vec<Thing> {
    let name = VolumeName::new("vol_test").expect("a constant name is good");
    let host = HostName::new("node2").expect("a constant name is good");
    vec![
        Thing::Peer(PeerSpec {
            node: NodeId::from_u128(1),
            host,
            force: false,
        }),
        Thing::Volume(VolumeSpec {
            volume: VOLUME,
            name: name.clone(),
            replica: 3,
            arbiter: false,
            disperse: None,
            bricks: bricks(),
            options: Vec::new(),
        }),
        Thing::AddedBricks(AddedBricksSpec {
            volume: VOLUME,
            name: name.clone(),
            replica: 3,
            bricks: bricks(),
            options: Vec::new(),
            options_back: Vec::new(),
        }),
        Thing::Rebalance(RebalanceSpec {
            volume: VOLUME,
            name: name.clone(),
        }),
        Thing::Started(StartedSpec {
            volume: VOLUME,
            name: name.clone(),
            bricks: bricks(),
            stopped: false,
        }),
        Thing::VolumeOptions(OptionsSpec {
            volume: VOLUME,
            name,
            bricks: bricks(),
            options: Vec::new(),
        }),
    ]
}

/// Fit to be shown: bounded, one line, nothing that moves a terminal's cursor.
fn showable(text: &str) {
    assert!(text.chars().count() <= LONGEST, "too long: {text}");
    assert!(
        !text.chars().any(char::is_control),
        "control characters: {text:?}"
    );
}

fn look_at(thing: &Thing, report: &Report) {
    match judge_look(thing, report) {
        Seen::Partial(text)
        | Seen::Foreign(text)
        | Seen::Unknown(text)
        | Seen::Unreached(text)
        | Seen::Away(text) => showable(&text),
        Seen::Absent | Seen::Present(_) => {}
    }
}

fn judge_both(thing: &Thing, report: &Report) {
    for goal in [Goal::Present, Goal::Absent] {
        match judge(thing, goal, report) {
            Verdict::Failed(failure) => showable(&failure.reason),
            Verdict::Unknown(text) => showable(&text),
            Verdict::Done(_) => {}
        }
    }
}

/// The XML of every question to glusterd.
pub fn gluster_xml(data: &[u8]) {
    let text = text(data);
    for status in [0, 1] {
        let one = report(vec![ran(status, &text, "")]);
        let _ = glusterd::read(&one);
        let _ = pool::read(&one);
        let _ = volume_list::read(&one);
        let _ = volume_info::read(&one);
        let _ = volume_status::read(&one);
        let _ = heal_info::read(&one);
        let _ = rebalance::read(&one);
        if let Err(error) = read_pool(&one) {
            showable(&error.to_string());
        }
        let three = report(vec![ran(0, "", ""), ran(1, "", "failed"), ran(status, &text, "")]);
        for thing in pool_things() {
            look_at(&thing, &one);
            judge_both(&thing, &three);
        }
    }
}

/// The JSON of LVM's reports.
pub fn lvm_json(data: &[u8]) {
    let text = text(data);
    let bare = r#"{"blockdevices":[{"name":"/dev/ubdb","type":"disk","size":3221225472,"ro":false,"mountpoints":[]}]}"#;
    for status in [0, 5] {
        let answer = ran(status, &text, "");
        for thing in devices() {
            let looked = vec![ran(0, bare, ""), ran(0, "", ""), answer.clone(), ran(127, "", "")];
            look_at(&thing, &report(looked));
            judge_both(
                &thing,
                &report(vec![ran(0, "", ""), answer.clone(), ran(127, "", "")]),
            );
        }
        let none = ran(1, "", "No such file or directory");
        let looked = vec![none.clone(), ran(1, "", ""), none, ran(1, "", ""), answer.clone()];
        look_at(&thin_or_image()[0], &report(looked));
        let _ = device_usage::read(&path("/dev/ubdb"), &report(vec![answer]));
    }
}

/// The JSON of lsblk, wipefs, findmnt and losetup, and the plain text of the other questions about bricks and
/// devices.
pub fn block_json(data: &[u8]) {
    let text = text(data);
    for status in [0, 1] {
        let all = report(vec![ran(status, &text, ""); 7]);
        for thing in devices().iter().chain(&thin_or_image()).chain(&block_volumes()) {
            look_at(thing, &all);
            judge_both(thing, &all);
        }
        for image in [false, true] {
            let device_path = path("/disks/1");
            let site = brick_state::Site {
                brick: BRICK,
                device: DEVICE,
                device_path: &device_path,
                image,
                names: None,
                pool: None,
            };
            let _ = brick_state::read(&site, &all);
        }
        let _ = device_usage::read(&path("/disks/1"), &all);
    }
}

/// What a script printed, cut anywhere: the first zero byte parts standard output from standard error.
pub fn script_frames(data: &[u8]) {
    const TOKEN: &str = "5fd1c2b60be3e01e5e7ad1e0b1d3f7a9";
    let text = text(data);
    let (stdout, stderr) = text.split_once('\0').unwrap_or((&text, ""));
    let batch = Batch::new()
        .run(Command::new("a"))
        .unless(Command::new("b"), Command::new("c"))
        .ask(Command::new("d"))
        .only_if(Command::new("e"), Command::new("f"));
    for ended in [false, true] {
        let report = script::parse(&batch, TOKEN, stdout, stderr, ended, "why");
        assert_eq!(report.outcomes.len(), batch.items().len());
        // What is not known is never called done.
        if report.outcomes.contains(&Outcome::Unknown) {
            assert!(!report.success() && report.broken.is_some());
        }
    }
}

/// What tools complain of.
pub fn complaints(data: &[u8]) {
    let text = text(data);
    for status in [1, 5, 137] {
        let failed = report(vec![ran(status, "", &text), Outcome::NotRun, Outcome::NotRun]);
        let broken = Report {
            outcomes: vec![Outcome::Unknown],
            broken: Some(text.clone()),
        };
        let unreached = Report {
            outcomes: vec![Outcome::NotRun],
            broken: Some(text.clone()),
        };
        for thing in pool_things().iter().chain(&devices()).chain(&thin_or_image()) {
            for report in [&failed, &broken, &unreached] {
                judge_both(thing, report);
                look_at(thing, report);
            }
        }
    }
}

/// What is read of glusterd's own files on a node.
fn members(stdout: &str, stderr: &str) {
    let names = [VolumeName::new("vol_test").expect("a constant name is good")];
    for status in [0, 1, 2] {
        let all = report(vec![ran(status, stdout, stderr); 4]);
        let errors = [
            records::read(&all).err(),
            records::read_pool(&all).err(),
            record::read(&all, &names).err(),
            glusterd_process::read(&all).err(),
        ];
        for error in errors.into_iter().flatten() {
            showable(&error.to_string());
        }
        let _ = (records::hangs(&all), records::is_down(&all));
        let process = glusterd_process::read(&all).unwrap_or_default();
        let _ = glusterd_process::starter(&process, Some(&all), &Settings::default());
    }
}

/// Every answer of a survey, and of questions about members: the first zero byte parts standard output from standard error.
pub fn survey(data: &[u8]) {
    let text = text(data);
    let (stdout, stderr) = text.split_once('\0').unwrap_or((&text, ""));
    members(stdout, stderr);
    for directories in [Vec::new(), vec![path("/disks/disk1"), path("/disks/2")]] {
        let items = ask_node(&Settings::default(), &directories).items().len();
        for status in [0, 1, 5] {
            let all = report(vec![ran(status, stdout, stderr); items]);
            match read_node(&directories, &all) {
                Ok(seen) => surveyed(&seen),
                Err(error) => showable(&error.to_string()),
            }
        }
    }
}

fn surveyed(seen: &NodeSurvey) {
    fn part<T>(part: &Part<T>) {
        if let Err(why) = part {
            showable(why);
        }
    }
    part(&seen.node_file);
    part(&seen.groups);
    part(&seen.volumes);
    part(&seen.directories);
    part(&seen.images);
    part(&seen.mounts);
    part(&seen.entries);
    part(&seen.loops);
    part(&seen.folders);
    part(&seen.identities);
    part(&seen.members);
    for (_, why) in &seen.unreadable {
        showable(why);
    }
}

/// Identity files, and options of volumes as lines of `key=value`.
pub fn identities(data: &[u8]) {
    let text = text(data);
    let options: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    let errors = [
        identity::read_brick_file(&text).err(),
        identity::read_node_file(&text).err(),
        identity::read_volume_options(&options).err(),
    ];
    for error in errors.into_iter().flatten() {
        showable(&error.to_string());
    }
}
