//! The simulated glusterd says what the real one said.
//!
//! Each file in `recorded/` is a session with real nodes: `$ NODE COMMAND`, then its standard output (`>`), its
//! standard error (`?`) and its status (`=`). Lines with `!` tell what was done to the nodes in between. UUIDs are
//! replaced; process numbers, ports and times are here.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

use mortar_argv::{Command, Output};
use mortar_simulator::{World, WorldConfig};

const DISK: u64 = 4 << 30;

fn host(node: &str) -> String {
    format!("10.0.0.{node}")
}

fn run(world: &mut World, node: &str, line: &str) -> Output {
    run_with(world, node, line, "")
}

fn run_with(world: &mut World, node: &str, line: &str, input: &str) -> Output {
    let mut words = line.split(' ').map(|word| if word == "''" { "" } else { word });
    let program = words.next().unwrap();
    let mut command = Command::new(program);
    if program == "gluster" {
        command = command.arg("--mode=script").arg("--timeout=60");
    }
    world.run_one(&host(node), &command.args(words).input(input))
}

fn must(world: &mut World, node: &str, line: &str) {
    let output = run(world, node, line);
    assert!(output.success(), "{line} on node {node}: {}", output.complaint());
}

/// Four nodes, each with six mounted file systems that hold a folder for a brick.
fn four_nodes(bare: &[&str]) -> World {
    let mut world = World::new(WorldConfig {
        seed: 1,
        disks_per_node: 6,
        disk_size: DISK,
        ..WorldConfig::default()
    });
    for node in ["1", "2", "3", "4"] {
        world.add_node(&host(node));
        for brick in 1..=6 {
            if !bare.contains(&node) {
                must(&mut world, node, &format!("mkfs.xfs -q {}", disk(brick)));
                must(&mut world, node, &format!("mkdir -p /bricks/{brick}"));
                must(
                    &mut world,
                    node,
                    &format!("mount {} /bricks/{brick}", disk(brick)),
                );
            }
            must(&mut world, node, &format!("mkdir -p /bricks/{brick}/brick"));
        }
    }
    world
}

fn disk(brick: u8) -> String {
    format!("/dev/sd{}", char::from(b'a' + brick))
}

/// What was done to the nodes between two commands.
fn direct(world: &mut World, words: &str) {
    let words: Vec<&str> = words.split(' ').collect();
    match words[..] {
        ["pool", first, ref others @ ..] => {
            for other in others {
                must(world, first, &format!("gluster peer probe {}", host(other)));
            }
        }
        ["bare", ref nodes @ ..] => *world = four_nodes(nodes),
        ["disks", count, size] => {
            let config = WorldConfig {
                seed: 1,
                disks_per_node: count.parse().unwrap(),
                disk_size: size.parse().unwrap(),
                ..WorldConfig::default()
            };
            *world = World::new(config);
            world.add_node(&host("1"));
        }
        ["do", node, ref command @ ..] => must(world, node, &command.join(" ")),
        ["clean", ref bricks @ ..] => {
            for node in ["1", "2", "3"] {
                for brick in bricks {
                    let disk = disk(brick.parse().unwrap());
                    must(world, node, &format!("umount /bricks/{brick}"));
                    must(world, node, &format!("mkfs.xfs -q -f {disk}"));
                    must(world, node, &format!("mount {disk} /bricks/{brick}"));
                    must(world, node, &format!("mkdir /bricks/{brick}/brick"));
                }
            }
        }
        ["kill", node] => {
            for brick in 1..=6 {
                world.kill_brick(&host(node), &format!("/bricks/{brick}/brick"));
            }
            world.stop_glusterd(&host(node));
        }
        ["revive", node] => world.start_glusterd(&host(node)),
        ["revive", node, "but", brick] => {
            must(world, node, &format!("umount /bricks/{brick}"));
            world.start_glusterd(&host(node));
        }
        _ => panic!("unknown direction: {words:?}"),
    }
}

/// A session's command with what was said.
#[derive(Default)]
struct Said {
    node: String,
    line: String,
    input: &'static str,
    out: Vec<String>,
    err: Vec<String>,
    status: i32,
}

fn play(session: &str) {
    let mut world = four_nodes(&[]);
    let mut said = Said::default();
    let (mut compared, mut wrong) = (0, Vec::new());
    for line in session.lines() {
        let (mark, rest) = line.split_at(line.len().min(2));
        match mark.trim_end() {
            "#" => {}
            "!" => direct(&mut world, rest),
            // "$<": with a line on standard input.
            "$" | "$<" => {
                let rest = rest.trim_start();
                let (node, command) = rest.split_once(' ').unwrap();
                let input = if mark == "$<" { "hello\n" } else { "" };
                said = Said {
                    node: node.into(),
                    line: command.into(),
                    input,
                    ..Said::default()
                };
            }
            ">" => said.out.push(rest.into()),
            "?" if rest.starts_with("Usage: mkfs.xfs") => {}
            "?" => said.err.push(rest.into()),
            "=" => {
                said.status = rest.parse().unwrap();
                let output = run_with(&mut world, &said.node, &said.line, said.input);
                wrong.extend(compare(&said, &output));
                assert_eq!(world.violations(), Vec::<String>::new(), "after {}", said.line);
                compared += 1;
            }
            _ => panic!("unknown line: {line}"),
        }
    }
    assert!(compared >= 29, "only {compared} commands were compared");
    assert!(
        wrong.is_empty(),
        "{} of {compared} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn compare(said: &Said, output: &Output) -> Option<String> {
    // Members come in the order of glusterd's hash tables.
    let unordered = [
        "pool list",
        "peer status",
        "volume status",
        "rebalance",
        "remove-brick",
    ];
    let unordered = unordered.iter().any(|words| said.line.contains(words));
    let shape = |lines: Vec<String>| {
        let mut lines: Vec<String> = lines.iter().map(|line| general(line)).collect();
        while lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        if unordered {
            lines.sort();
        }
        lines
    };
    // The usage texts of mkfs.xfs are a page long.
    let page = |line: &&str| !line.starts_with("Usage: mkfs.xfs");
    let lines = |text: &str| shape(text.lines().take_while(page).map(str::to_owned).collect());
    let real = (said.status, shape(said.out.clone()), shape(said.err.clone()));
    let simulated = (output.status, lines(&output.stdout), lines(&output.stderr));
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    let (real_json, simulated_json) = (json(&said.out.join("\n")), json(&output.stdout));
    if real_json.is_some() && real_json == simulated_json && (real.0, &real.2) == (simulated.0, &simulated.2)
    {
        return None;
    }
    let diff = |name, real: &[String], simulated: &[String]| {
        if real == simulated {
            return String::new();
        }
        format!(
            "  {name} real:\n    {}\n  {name} simulated:\n    {}\n",
            real.join("\n    "),
            simulated.join("\n    ")
        )
    };
    (real != simulated).then(|| {
        format!(
            "[{}] {}\n  status real {} simulated {}\n{}{}",
            said.node,
            said.line,
            real.0,
            simulated.0,
            diff("out", &real.1, &simulated.1),
            diff("err", &real.2, &simulated.2)
        )
    })
}

/// A line without what differs from run to run.
fn general(line: &str) -> String {
    if line.starts_with("Did you mean") {
        // The nearest names are a matter of taste.
        return "Did you mean".to_owned();
    }
    let mut words = Vec::new();
    for word in line.trim_end().split(' ').filter(|word| !word.is_empty()) {
        let digits = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
        let is_uuid = word.len() == 36 && word.bytes().filter(|byte| *byte == b'-').count() == 4;
        let word = if is_lvm_uuid(word) { "\"LVM-UUID\"," } else { word };
        words.push(if is_uuid {
            "UUID".to_owned()
        } else if (line.starts_with("Brick ") || line.starts_with("Self-heal")) && digits(word) && word != "0"
        {
            "N".to_owned()
        } else if word.starts_with("0:00:0") {
            "TIME".to_owned()
        } else {
            word.to_owned()
        });
    }
    let mut line = words.join(" ");
    for name in ["pid", "port", "tcp", "runtime"] {
        line = without_number(&line, name);
    }
    without_uuids(&line)
        .replace('\t', " ")
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// A UUID of LVM as a JSON value of a report.
fn is_lvm_uuid(word: &str) -> bool {
    let inner = word
        .split_once(":\"")
        .map_or(word, |(_, value)| value)
        .trim_matches(['"', ',', '}']);
    inner == "LVM-UUID" || inner.split('-').map(str::len).eq([6, 4, 4, 4, 4, 4, 6])
}

fn without_number(line: &str, name: &str) -> String {
    let open = format!("<{name}>");
    match line.split_once(&open) {
        Some((before, after)) if after.starts_with(|letter: char| letter.is_ascii_digit()) => {
            let end = after.find('<').unwrap_or(after.len());
            format!("{before}{open}N{}", &after[end..])
        }
        _ => line.to_owned(),
    }
}

fn without_uuids(line: &str) -> String {
    let mut line = line.to_owned();
    let mut at = 0;
    while let Some(part) = line.get(at..at + 36).map(str::to_owned) {
        let dashes = [8, 13, 18, 23];
        let is_uuid = part.bytes().enumerate().all(|(index, byte)| {
            if dashes.contains(&index) {
                byte == b'-'
            } else {
                byte.is_ascii_hexdigit()
            }
        });
        if is_uuid {
            line.replace_range(at..at + 36, "UUID");
        }
        at += 1;
        while at < line.len() && !line.is_char_boundary(at) {
            at += 1;
        }
    }
    line
}

#[test]
fn lvm_on_two_disks() {
    play(include_str!("recorded/lvm.txt"));
}

#[test]
fn a_disk_made_mounted_and_wiped() {
    play(include_str!("recorded/block.txt"));
}

#[test]
fn files_folders_and_loop_mounts() {
    play(include_str!("recorded/files.txt"));
}

#[test]
fn the_life_of_a_volume() {
    play(include_str!("recorded/life.txt"));
}

#[test]
fn a_member_that_dies_and_comes_back() {
    play(include_str!("recorded/member.txt"));
}

#[test]
fn kinds_of_volumes_with_a_member_lost() {
    play(include_str!("recorded/kinds.txt"));
}

#[test]
fn bricks_taken_out_and_odd_requests() {
    play(include_str!("recorded/bricks.txt"));
}
