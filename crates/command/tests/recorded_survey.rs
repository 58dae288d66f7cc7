//! What surveys read from answers of real nodes: Debian 12 and 13, GlusterFS 10 and 11.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod common;

use common::fixture::{GLUSTER, LVM, answer, report};
use common::{DEVICE, VOLUME, output};
use mortar_argv::{Outcome, Report};
use mortar_command::Settings;
use mortar_command::query::survey::{
    DirectorySeen, EntrySeen, NodeSurvey, VolumeSeen, ask_node, read_node, read_pool,
};
use mortar_model::{BrickId, ByteSize, DevicePath, layout};

const DEBIAN_12: &str = LVM[0];
const DEBIAN_13: &str = LVM[1];

// Where an answer is in the report of a node: see `query/survey/node.rs`.
const FSTAB: usize = 1;
const LOOPS: usize = 2;
const MEMBERS: usize = 3;
const MOUNTS: usize = 4;
const GROUPS: usize = 5;
const VOLUMES: usize = 6;
const BELOW: usize = 7;
const IDENTITIES: usize = 8;
const FIRST: usize = 9;

fn directories() -> [DevicePath; 2] {
    ["/disks/disk1", "/disks/none"].map(|path| DevicePath::new(path).unwrap())
}

/// A node on which Mortar has never been.
fn bare() -> Report {
    let names = [
        "cat-device-missing",
        "cat-device",
        "lvs-all-none",
        "lvs-all-none",
        "find-below-none",
        "pvs-all-none",
        "lvs-all-none",
        "find-below-none",
        "find-below-none",
        "cat-device-missing",
        "df-device-missing",
        "cat-device-missing",
        "df-device-missing",
        "find-images",
        "find-images",
    ];
    let mut report = report(DEBIAN_12, &names);
    report.outcomes[FSTAB] = output(0, "# none\n/dev/vda / ext4 defaults 0 1\n", "");
    report.outcomes[LOOPS] = answer(DEBIAN_13, "losetup-none");
    report.outcomes[MEMBERS] = answer("gluster-10.3", "pool-alone");
    report.outcomes[MOUNTS] = output(1, "", "");
    report.outcomes[BELOW] = gone();
    report.outcomes[IDENTITIES] = gone();
    let images = "find: '/disks/disk1/mortar-bricks': No such file or directory\nfind: '/disks/none/mortar-bricks': No such file or directory\n";
    let beside = report.outcomes.len() - 2;
    for outcome in &mut report.outcomes[beside..] {
        *outcome = output(1, "", images);
    }
    report
}

/// What the recorded `find` says, of Mortar's folder.
fn gone() -> Outcome {
    match answer(DEBIAN_12, "find-below-none") {
        Outcome::Ran(mut output) => {
            output.stderr = output.stderr.replace("/var/lib/mortar/none", layout::MOUNTS);
            Outcome::Ran(output)
        }
        outcome => outcome,
    }
}

fn with(changes: &[(usize, Outcome)]) -> NodeSurvey {
    let mut report = bare();
    for (index, outcome) in changes {
        report.outcomes[*index] = outcome.clone();
    }
    read_node(&directories(), &report).unwrap()
}

fn at(byte: u128) -> String {
    layout::mount_point(DEVICE, brick(byte))
}

fn brick(byte: u128) -> BrickId {
    BrickId::from_u128(byte * 0x0101_0101_0101_0101_0101_0101_0101_0101)
}

fn text(byte: u128) -> String {
    format!(
        "{{\n  \"mortar\": 1,\n  \"brick\": \"{}\",\n  \"set\": 0\n}}\n",
        brick(byte)
    )
}

#[test]
fn the_reports_here_are_as_long_as_the_batch() {
    let batch = ask_node(&Settings::default(), &directories());
    assert_eq!(bare().outcomes.len(), batch.items().len());
    assert_eq!(batch.items()[FIRST].command.program(), "cat");
}

#[test]
fn a_bare_node() {
    let seen = with(&[]);
    assert_eq!((seen.node_file, seen.unreadable), (Ok(None), Vec::new()));
    assert_eq!((seen.groups, seen.volumes), (Ok(Vec::new()), Ok(Vec::new())));
    assert_eq!((seen.images, seen.mounts), (Ok(Vec::new()), Ok(Vec::new())));
    assert_eq!((seen.entries, seen.loops), (Ok(Vec::new()), Ok(Vec::new())));
    assert_eq!((seen.folders, seen.identities), (Ok(Vec::new()), Ok(Vec::new())));
    assert_eq!(seen.members.unwrap().len(), 1);
    let none = directories().map(|path| DirectorySeen {
        path: path.to_string(),
        identity: None,
        space: None,
    });
    assert_eq!(seen.directories.unwrap(), none);
}

#[test]
fn groups_and_volumes_of_all_kinds() {
    let seen = with(&[
        (GROUPS, answer(DEBIAN_13, "pvs-all")),
        (VOLUMES, answer(DEBIAN_13, "lvs-all")),
    ]);
    let groups = seen.groups.unwrap();
    // A disk without a group is none; a group of two disks shows with each.
    let names: Vec<_> = groups
        .iter()
        .map(|group| (group.name.as_str(), group.path.as_str()))
        .collect();
    let ours = layout::volume_group(DEVICE);
    assert_eq!(
        names,
        [
            ("system", "/dev/ubdd"),
            ("system", "/dev/ubde"),
            (&ours, "/dev/ubdb")
        ]
    );
    let group = &groups[2];
    assert_eq!(
        (group.uuid.clone(), group.tags.clone()),
        (
            layout::physical_volume_uuid(DEVICE),
            vec![layout::device_tag(DEVICE)]
        )
    );
    assert_eq!(
        (group.size.bytes(), group.free.bytes()),
        (21_470_642_176, 20_275_265_536)
    );
    assert_eq!((group.extent, groups[0].tags.len()), (ByteSize::from_mib(4), 0));

    let volumes = seen.volumes.unwrap();
    let names: Vec<_> = volumes.iter().map(|volume| volume.name.clone()).collect();
    let (one, two) = (brick(0xb1), brick(0xb2));
    let expected = [
        "home".into(),
        "swap".into(),
        layout::logical_volume(one),
        layout::logical_volume(two),
        "kept".into(),
        "stray".into(),
        layout::thin_pool(one),
        layout::thin_pool(two),
    ];
    // `home` has two segments, and still one row.
    assert_eq!(names, expected);
    let thin = VolumeSeen {
        group: ours.clone(),
        name: layout::logical_volume(one),
        size: ByteSize::from_mib(512),
        metadata: ByteSize::ZERO,
        pool: Some(layout::thin_pool(one)),
        is_pool: false,
        active: true,
        tags: Vec::new(),
        data_percent: Some(12.74),
        metadata_percent: None,
    };
    assert_eq!(volumes[2], thin);
    assert!(!volumes[3].active && volumes[3].data_percent.is_none());
    assert_eq!(volumes[4].pool, Some(layout::thin_pool(one)));
    assert_eq!(
        (volumes[5].pool.clone(), volumes[5].is_pool, volumes[5].active),
        (None, false, true)
    );
    let pool = VolumeSeen {
        name: layout::thin_pool(one),
        metadata: ByteSize::from_mib(8),
        pool: None,
        is_pool: true,
        tags: vec![layout::brick_tag(one), layout::volume_tag(VOLUME)],
        metadata_percent: Some(10.6),
        ..thin
    };
    assert_eq!(volumes[6], pool);
}

#[test]
fn bricks_in_images() {
    let seen = with(&[
        (FSTAB, output(0, &entries(), "")),
        (LOOPS, answer(DEBIAN_13, "losetup-all")),
        (MOUNTS, answer(DEBIAN_12, "findmnt-all")),
        (BELOW, answer(DEBIAN_12, "find-below")),
        (IDENTITIES, answer(DEBIAN_12, "grep-identities")),
        (FIRST, answer(DEBIAN_12, "cat-device")),
        (FIRST + 1, answer(DEBIAN_12, "df-device")),
        (FIRST + 4, answer(DEBIAN_12, "find-images")),
    ]);
    assert_eq!(seen.unreadable, []);
    let mounts = seen.mounts.unwrap();
    assert_eq!(mounts.len(), 5);
    assert_eq!(
        (mounts[0].target.as_str(), mounts[0].source.as_str()),
        ("/disks/disk1", "/dev/loop3")
    );
    assert_eq!(
        (mounts[1].target.clone(), mounts[1].uuid.clone()),
        (at(0xb1), layout::file_system_uuid(brick(0xb1)))
    );
    assert_eq!(
        (mounts[1].size.bytes(), mounts[1].used.bytes()),
        (352_321_536, 23_961_600)
    );

    let folders: Vec<_> = seen
        .folders
        .unwrap()
        .into_iter()
        .map(|folder| folder.mount_point)
        .collect();
    assert_eq!(folders, [0xb1, 0xb2, 0xb3, 0xb4].map(at));
    let identities = seen.identities.unwrap();
    let mut expected = [0xb1, 0xb2, 0xb3, 0xb4]
        .map(|byte| (at(byte), text(byte)))
        .to_vec();
    expected.push((at(0xb5), String::new()));
    assert_eq!(identities, expected);

    let images = seen.images.unwrap();
    let image = |byte| layout::image(&directories()[0], brick(byte));
    let paths: Vec<_> = images.iter().map(|image| image.path.clone()).collect();
    let part = layout::image_in_making(&directories()[0], brick(0xb3));
    assert_eq!(
        paths,
        [image(0xb1), image(0xb2), part.clone(), image(0xb4), image(0xb5)]
    );
    assert_eq!(
        (images[0].size, images[0].taken.bytes()),
        (ByteSize::from_mib(400), 131_728 * 512)
    );

    let loops: Vec<_> = seen
        .loops
        .unwrap()
        .into_iter()
        .map(|used| (used.device, used.file))
        .collect();
    let expected = [
        ("/dev/loop0".to_owned(), image(0xb1) + " (deleted)"),
        ("/dev/loop1".to_owned(), image(0xb2)),
        ("/dev/loop2".to_owned(), part),
        ("/dev/loop3".to_owned(), image(0xb4)),
    ];
    assert_eq!(loops, expected);
    let directory = &seen.directories.unwrap()[0];
    assert_eq!(directory.identity.as_deref(), Some("{\"mortar\": 1}\n"));
    assert_eq!(
        directory.space,
        Some((
            ByteSize::from_bytes(21_407_727_616),
            ByteSize::from_bytes(20_887_371_776)
        ))
    );
    let entry = |source: String, target: &str| EntrySeen {
        source,
        target: target.into(),
    };
    assert_eq!(
        seen.entries.unwrap(),
        [entry("UUID=1-2".into(), "/srv"), entry(image(0xb1), &at(0xb1))]
    );
}

fn entries() -> String {
    format!(
        "# UUID=1 /x xfs\n\n/dev/vda / ext4 defaults 0 1\n{} {} xfs loop,rw,nofail 0 0\nUUID=1-2\t/srv  xfs\nnone\n",
        layout::image(&directories()[0], brick(0xb1)),
        at(0xb1)
    )
}

#[test]
fn a_dead_disk_is_named_and_the_others_are_seen() {
    for version in LVM {
        let seen = with(&[
            (MOUNTS, answer(version, "findmnt-all-dead")),
            (BELOW, answer(version, "find-below-dead")),
            (IDENTITIES, answer(version, "grep-identities-dead")),
        ]);
        assert_eq!(seen.unreadable, [(at(0xb4), "Input/output error".to_owned())]);
        let folders: Vec<_> = seen
            .folders
            .unwrap()
            .into_iter()
            .map(|folder| folder.mount_point)
            .collect();
        assert_eq!(folders, [0xb1, 0xb2, 0xb3].map(at));
        let identities: Vec<_> = seen.identities.unwrap().into_iter().map(|(at, _)| at).collect();
        assert_eq!(identities, [0xb1, 0xb2, 0xb3, 0xb5].map(at));
        assert!(seen.mounts.unwrap().iter().any(|mount| mount.target == at(0xb4)));
    }
    let paths = ["/disks/disk1", "/disks/dead"].map(|path| DevicePath::new(path).unwrap());
    let mut report = bare();
    report.outcomes[FIRST] = answer(DEBIAN_12, "cat-device");
    report.outcomes[FIRST + 1] = answer(DEBIAN_12, "df-device");
    report.outcomes[FIRST + 2] = answer(DEBIAN_12, "cat-device-dead");
    report.outcomes[FIRST + 3] = answer(DEBIAN_12, "df-device-dead");
    report.outcomes[FIRST + 4] = answer(DEBIAN_12, "find-images-dead");
    let seen = read_node(&paths, &report).unwrap();
    assert_eq!(
        seen.unreadable,
        [("/disks/dead".to_owned(), "Input/output error".to_owned())]
    );
    assert_eq!(seen.images.unwrap().len(), 5);
    let directories = seen.directories.unwrap();
    assert!(directories[0].identity.is_some() && directories[0].space.is_some());
    assert_eq!((&directories[1].identity, directories[1].space), (&None, None));
}

/// What one tool cannot tell leaves the other parts as they are; and nothing that is missing is taken for nothing.
#[test]
fn each_part_stands_alone() {
    let parts = |seen: &NodeSurvey| {
        [
            seen.node_file.is_ok(),
            seen.entries.is_ok(),
            seen.loops.is_ok(),
            seen.members.is_ok(),
            seen.mounts.is_ok(),
            seen.groups.is_ok(),
            seen.volumes.is_ok(),
            seen.folders.is_ok(),
            seen.identities.is_ok(),
            seen.directories.is_ok(),
            seen.images.is_ok(),
            seen.copies.is_ok(),
        ]
    };
    let count = bare().outcomes.len();
    for index in 0..count {
        for outcome in [
            Outcome::Unknown,
            Outcome::NotRun,
            output(127, "", "sh: not found"),
            output(137, "", ""),
            output(1, "", "something else: broken"),
            output(0, "{ ] not|one|line", ""),
        ] {
            let seen = with(&[(index, outcome.clone())]);
            let mut expected = [true; 12];
            let part = match index {
                _ if index == count - 1 => 11,
                _ if index == count - 2 => 10,
                FIRST.. => 9,
                index => index,
            };
            expected[part] = false;
            // Whose file is empty is known only where it is known which files there are.
            expected[8] &= index != BELOW;
            let anything = matches!(&outcome, Outcome::Ran(output) if output.success());
            let is_text = index < LOOPS || (part == 9 && (index - FIRST).is_multiple_of(2));
            if anything && is_text {
                expected[part] = true;
            }
            // A directory's tool that says no speaks of this directory alone.
            if part == 9 && matches!(&outcome, Outcome::Ran(output) if output.status == 1) {
                assert_eq!(seen.unreadable.len(), 1);
                expected[part] = true;
            }
            assert_eq!(parts(&seen), expected, "{index} {outcome:?} {seen:#?}");
        }
    }
}

#[test]
fn a_node_that_does_not_answer_is_no_bare_node() {
    let count = bare().outcomes.len();
    let report = Report::not_run(count, "no route to host");
    let error = read_node(&directories(), &report).unwrap_err().to_string();
    assert_eq!(error, "cannot tell what is on the node: no route to host");
    let mut cut = bare();
    cut.outcomes[BELOW..].fill(Outcome::Unknown);
    cut.broken = Some("a command on node1 printed more than 16777216 bytes".into());
    let seen = read_node(&directories(), &cut).unwrap();
    assert!(seen.groups.is_ok() && seen.mounts.is_ok());
    for why in [
        seen.folders.unwrap_err(),
        seen.identities.unwrap_err(),
        seen.images.unwrap_err(),
    ] {
        assert!(why.contains("printed more than"), "{why}");
    }
}

#[test]
fn all_volumes_of_a_pool() {
    for version in GLUSTER {
        let read = |name| read_pool(&report(version, &[name]));
        assert_eq!(read("volume-info-all-empty"), Ok(Vec::new()));
        let volumes = read("volume-info-all").unwrap();
        let names: Vec<_> = volumes.iter().map(|volume| volume.name.as_str()).collect();
        let ours = volumes.iter().find(|volume| volume.name == "vol_test").unwrap();
        assert!(ours.started());
        assert_eq!(ours.option("user.mortar.id"), Some(&*VOLUME.to_string()));
        assert_eq!(ours.option("auth.allow"), Some("10.*,192.168.0.1"));
        assert_eq!(ours.option("user.note"), Some("a & <b> \"c\" é"));
        let ec = volumes.iter().find(|volume| volume.name == "ec").unwrap();
        assert_eq!((ec.kind.as_str(), ec.bricks.len()), ("Disperse", 3));
        if version == GLUSTER[0] {
            assert_eq!(names, ["by_hand", "ec", "vol_plain", "vol_test"]);
            assert_eq!((volumes[0].status.as_str(), volumes[0].replica), ("Stopped", 3));
            assert_eq!(
                (volumes[2].status.as_str(), volumes[2].kind.as_str()),
                ("Created", "Distribute")
            );
            let path = layout::brick_path(DEVICE, brick(0xb1));
            assert_eq!(ours.bricks[0], format!("10.177.1.11:{path}"));
        } else {
            assert_eq!(names, ["by_hand", "ec", "vol_test"]);
            assert_eq!(ec.status, "Stopped");
        }
        assert!(read("glusterd-down").is_err());
        // One volume of a name is no list of all, and a cut answer is no shorter list.
        assert!(read("volume-info-missing").is_err());
        let Outcome::Ran(whole) = answer(version, "volume-info-all") else {
            unreachable!()
        };
        let from = whole.stdout.find("      <volume>").unwrap();
        let to = whole.stdout.find("</volume>").unwrap() + "</volume>".len();
        let without = whole.stdout[..from].to_owned() + &whole.stdout[to..];
        for text in [&without, &whole.stdout[..from]] {
            let report = Report {
                outcomes: vec![output(0, text, "")],
                broken: None,
            };
            assert!(read_pool(&report).is_err());
        }
    }
}
