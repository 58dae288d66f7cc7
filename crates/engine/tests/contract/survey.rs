//! Surveys: everything of a node, all volumes of a pool.

use mortar_argv::Report;
use mortar_command::query::survey::{NodeSurvey, ask_node, ask_pool, read_node, read_pool};
use mortar_model::work::{Seen, Thing, Verdict};
use mortar_model::{ByteSize, DevicePath, layout};

use crate::disks::Loop;
use crate::ground::{ground, until};
use crate::things::{
    address, brick, brick_id, brick_spec, device, device_id, name_family, node_file, options, volume_name,
    volume_spec,
};
use crate::twin::Twin;

const FAMILY: u8 = 0x51;

fn directories() -> [DevicePath; 2] {
    ["/disks/disk1", "/disks/none"].map(|path| DevicePath::new(path).unwrap())
}

/// What a survey shows of this test's things: others play beside, and all loop devices are those of one machine.
fn shown(report: &Report, node: usize, bricks: &[u8]) -> String {
    let survey = match read_node(&directories(), report) {
        Ok(survey) => survey,
        Err(error) => return error.to_string(),
    };
    let mut lines = vec![format!("node file: {:?}", survey.node_file)];
    lines.extend(members(&survey));
    lines.extend(disks(&survey, node));
    let of_ours = |text: &str| {
        bricks
            .iter()
            .any(|number| text.contains(&brick_id(FAMILY, *number).to_string()))
    };
    lines.extend(bricks_seen(&survey, &of_ours));
    lines.join("\n")
}

fn members(survey: &NodeSurvey) -> Vec<String> {
    let Ok(members) = &survey.members else {
        return vec!["no members".into()];
    };
    let mut names: Vec<_> = members
        .iter()
        .map(|member| format!("member {} connected={}", member.hosts.join(" "), member.connected))
        .collect();
    names.sort();
    names
}

/// What file systems take for themselves differs between the worlds, so sizes are only held against each other. The
/// disk is node 1's; as a loop device, all nodes of the lab see it.
fn disks(survey: &NodeSurvey, node: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for group in survey.groups.as_ref().unwrap() {
        if node != 1 || group.name != layout::volume_group(device_id(FAMILY, 2)) {
            continue;
        }
        let (tags, extent) = (&group.tags, group.extent);
        lines.push(format!(
            "group {} on {} {} {tags:?}, {} of {} free, extent {extent}",
            group.name, group.path, group.uuid, group.free, group.size
        ));
    }
    for directory in survey.directories.as_ref().unwrap() {
        let space = directory
            .space
            .map(|(size, free)| size > free && free > ByteSize::ZERO);
        lines.push(format!(
            "directory {} identity={} space={space:?}",
            directory.path,
            directory.identity.is_some()
        ));
    }
    lines
}

fn bricks_seen(survey: &NodeSurvey, ours: &dyn Fn(&str) -> bool) -> Vec<String> {
    let mut lines = Vec::new();
    for image in survey.images.as_ref().unwrap() {
        let sparse = image.taken < image.size && image.taken > ByteSize::ZERO;
        lines.push(format!("image {} of {} sparse={sparse}", image.path, image.size));
    }
    for mount in survey.mounts.as_ref().unwrap() {
        let fits = mount.used > ByteSize::ZERO && mount.used < mount.size;
        let looped = mount.source.starts_with("/dev/loop");
        lines.push(format!(
            "mount {} {} loop={looped} fits={fits}",
            mount.target, mount.uuid
        ));
    }
    for entry in survey.entries.as_ref().unwrap() {
        lines.push(format!("entry {} {}", entry.source, entry.target));
    }
    for used in survey.loops.as_ref().unwrap() {
        lines.push(format!("loop device of {}", used.file));
    }
    for folder in survey.folders.as_ref().unwrap() {
        lines.push(format!("folder of {} gid {}", folder.mount_point, folder.gid));
    }
    for (mount_point, text) in survey.identities.as_ref().unwrap() {
        lines.push(format!("identity of {mount_point}: {text:?}"));
    }
    for (path, why) in &survey.unreadable {
        lines.push(format!("unreadable {path}: {why}"));
    }
    lines.retain(|line| ours(line));
    lines.sort();
    lines
}

/// The family's volumes of the pool.
fn volumes(report: &Report) -> String {
    let volumes = match read_pool(report) {
        Ok(volumes) => volumes,
        Err(error) => return error.to_string(),
    };
    let mut lines = Vec::new();
    for volume in volumes {
        if volume.name != volume_name(FAMILY).as_str() {
            continue;
        }
        lines.push(format!("{}: {}, {}", volume.name, volume.status, volume.kind));
        lines.extend(volume.bricks);
        let mut options = volume.options;
        options.sort();
        lines.extend(options.iter().map(|(key, value)| format!("{key}={value}")));
    }
    lines.join("\n")
}

fn ask(twin: &mut Twin, node: usize, bricks: &[u8]) {
    let batch = ask_node(&twin.settings, &directories());
    twin.ask(&format!("survey of node{node}"), node, &batch, |report| {
        shown(report, node, bricks)
    });
    let batch = ask_pool(&twin.settings);
    twin.ask(
        &format!("survey of the pool by node{node}"),
        node,
        &batch,
        volumes,
    );
}

/// Alone: it stops a glusterd, and a node has one file of its own.
#[test]
fn surveys_see_the_same() {
    let _alone = ground().alone();
    let mut twin = Twin::with_pool();
    name_family(&mut twin, FAMILY);
    twin.say("Before.");
    ask(&mut twin, 1, &[1, 4]);

    twin.say("A node's file, two devices, two bricks, a volume.");
    let file = node_file("{\n  \"mortar\": 1\n}\n");
    assert_eq!(twin.look(1, &file), Seen::Absent);
    for _ in 0..2 {
        assert!(matches!(twin.make(1, &file), Verdict::Done(_)));
        assert!(matches!(twin.look(1, &file), Seen::Present(_)));
    }
    assert!(matches!(twin.look(1, &node_file("{}\n")), Seen::Partial(_)));
    let directory = device(device_id(FAMILY, 1), "/disks/disk1", true);
    assert!(matches!(twin.make(1, &directory), Verdict::Done(_)));
    let disk = Loop::new(&mut twin, 9);
    let disk_device = device(device_id(FAMILY, 2), &disk.path, false);
    assert!(matches!(twin.make(1, &disk_device), Verdict::Done(_)));
    for number in 1..=3 {
        twin.prepare(
            usize::from(number),
            &["mkdir", "-p", "/disks/disk1/mortar-bricks"],
        );
        let made = twin.make(usize::from(number), &brick(FAMILY, number));
        assert!(matches!(made, Verdict::Done(_)), "{made:?}");
    }
    let mut grouped = brick_spec(FAMILY, 4);
    grouped.gid = 2001;
    let grouped = Thing::Brick(grouped);
    assert!(matches!(twin.make(1, &grouped), Verdict::Done(_)));
    let bricks = (1..=3)
        .map(|number| address(&twin, FAMILY, number, usize::from(number)))
        .collect();
    let mut spec = volume_spec(FAMILY, 3, bricks);
    spec.options.extend(options(&[("nfs.disable", "off")]));
    let volume = Thing::Volume(spec);
    assert!(matches!(twin.make(1, &volume), Verdict::Done(_)));
    ask(&mut twin, 1, &[1, 4]);
    ask(&mut twin, 2, &[2]);

    things_happen(&mut twin);

    twin.say("All is taken back.");
    for thing in [&volume, &grouped, &disk_device] {
        assert!(matches!(twin.unmake(1, thing), Verdict::Done(_)));
    }
    for number in 1..=3 {
        let unmade = twin.unmake(usize::from(number), &brick(FAMILY, number));
        assert!(matches!(unmade, Verdict::Done(_)), "{unmade:?}");
    }
    assert!(matches!(twin.unmake(1, &directory), Verdict::Done(_)));
    for _ in 0..2 {
        assert!(matches!(twin.unmake(1, &file), Verdict::Done(_)));
        assert_eq!(twin.look(1, &file), Seen::Absent);
    }
    ask(&mut twin, 1, &[1, 4]);
    twin.ends("survey");
}

/// What users do behind Mortar's back.
fn things_happen(twin: &mut Twin) {
    let at = |number| layout::mount_point(device_id(FAMILY, 1), brick_id(FAMILY, number));
    twin.say("The disk of a brick dies.");
    twin.break_mount(1, &at(4));
    ask(twin, 1, &[1, 4]);

    twin.say("A brick is unmounted by hand, its image removed, and a damaged identity is left below its mount point.");
    twin.prepare(1, &["umount", &at(4)]);
    let image = layout::image(&directories()[0], brick_id(FAMILY, 4));
    twin.prepare(1, &["rm", &image]);
    twin.prepare(1, &["truncate", "--size=0", &format!("{}/mortar.json", at(4))]);
    ask(twin, 1, &[1, 4]);
    twin.prepare(1, &["rm", "-f", &format!("{}/mortar.json", at(4))]);

    twin.say("An image that is mounted loses its name; one is left half made.");
    let image = layout::image(&directories()[0], brick_id(FAMILY, 2));
    twin.prepare(2, &["mv", &image, &format!("{image}.part")]);
    ask(twin, 2, &[2]);
    twin.prepare(2, &["mv", &format!("{image}.part"), &image]);

    twin.say("An option is set and the volume stopped by hand.");
    let name = volume_name(FAMILY);
    let gluster = |words: &[&'static str]| {
        let mut argv = vec!["gluster", "--mode=script", "volume", words[0]];
        argv.push(Box::leak(name.to_string().into_boxed_str()));
        argv.extend(&words[1..]);
        argv
    };
    twin.prepare(1, &gluster(&["set", "performance.quick-read", "off"]));
    twin.prepare(1, &gluster(&["stop"]));
    ask(twin, 3, &[3]);
    twin.prepare(1, &gluster(&["start"]));

    twin.say("glusterd is stopped: the node answers all the same.");
    twin.stop_glusterd(2);
    ask(twin, 2, &[2]);
    twin.start_glusterd(2);
    until("the pool is whole again", || {
        twin.connected(1) == 3 && twin.connected(2) == 3
    });
}
