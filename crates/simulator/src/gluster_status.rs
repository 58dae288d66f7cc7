//! `gluster volume status` and `heal … info`, and how far files have moved.

use mortar_argv::Output;

use crate::gluster::{Answer, Brick, Refusal, Request, State, Volume};
use crate::gluster_show::{look_up, volumes_in_order};
use crate::stamp::mix;
use crate::tool::say;
use crate::world::World;
use crate::xml::{self, Element};

/// Number of a brick's process and its port: made up from what does not change while it runs.
fn process(volume: &Volume, place: usize) -> (u64, u64) {
    let draw = mix((u64::from(volume.stamp) << 20) ^ place as u64);
    (1000 + draw % 30_000, 49_152 + (draw >> 32) % 11_848)
}

/// Members whose self-heal daemon shows up in the status of a volume: all that are connected, the asked one first.
fn heal_daemons(world: &World, node: u32, volume: &Volume) -> Vec<u32> {
    if volume.set_size() == 1 {
        return Vec::new();
    }
    let others = world.members(node).into_iter().filter(|member| *member != node);
    std::iter::once(node)
        .chain(others.filter(|member| world.connected(node, *member)))
        .collect()
}

/// `gluster volume status NAME|all`: bricks of members that are away are not listed at all.
pub(crate) fn status(world: &World, request: &Request<'_>, name: &str) -> Answer {
    let refuse = |why: String| {
        let mut refusal = Refusal::bare("", why);
        let mut tail = Element::at(1);
        tail.leaf("cliOp", "volStatus");
        tail.leaf("output", &refusal.why);
        refusal.tail = tail.finish();
        refusal
    };
    let volumes = if name == "all" {
        let mut volumes = volumes_in_order(world, request.node);
        volumes.retain(|volume| volume.state == State::Started);
        volumes
    } else {
        let found = look_up(world, request.node, name);
        let volume = found.ok_or_else(|| refuse(format!("Volume {name} does not exist")))?;
        if volume.state != State::Started {
            return Err(refuse(format!("Volume {name} is not started")));
        }
        vec![volume]
    };
    if !request.xml {
        return Ok(say(volumes
            .into_iter()
            .map(|volume| status_text(world, request.node, volume))
            .collect::<String>()));
    }
    let mut tail = Element::at(1);
    tail.node("volStatus", "", |status| {
        status.node("volumes", "", |list| {
            for volume in volumes {
                list.node("volume", "", |element| {
                    status_xml(world, request.node, volume, element);
                });
            }
        });
    });
    Ok(say(xml::reply(0, 0, "", &tail.finish())))
}

fn shown_bricks<'w>(world: &World, node: u32, volume: &'w Volume) -> Vec<(usize, &'w Brick)> {
    volume
        .bricks
        .iter()
        .enumerate()
        .filter(|(_, brick)| world.connected(node, brick.node))
        .collect()
}

fn status_xml(world: &World, node: u32, volume: &Volume, element: &mut Element) {
    let bricks = shown_bricks(world, node, volume);
    let daemons = heal_daemons(world, node, volume);
    element.leaf("volName", world.names.read(&volume.name));
    element.leaf("nodeCount", (bricks.len() + daemons.len()).to_string());
    for (place, brick) in bricks {
        let (pid, port) = process(volume, place);
        let running = brick.process.is_some();
        let port = if running { port.to_string() } else { "N/A".into() };
        let host = world.names.read_word(brick.host).to_owned();
        let path = world.names.read(&brick.path);
        let pid = if running { pid.to_string() } else { "-1".into() };
        status_node(
            element,
            &[host, path, world.peer_uuid(brick.node)],
            running,
            &port,
            &pid,
        );
    }
    for member in daemons {
        let host = if member == node {
            "localhost".to_owned()
        } else {
            world.peer_name(member).to_owned()
        };
        let pid = (500 + u64::from(world.nodes[member as usize].stamp)).to_string();
        status_node(
            element,
            &["Self-heal Daemon".into(), host, world.peer_uuid(member)],
            true,
            "N/A",
            &pid,
        );
    }
    element.node("tasks", "", |tasks| {
        for (kind, stamp) in tasks_of(volume) {
            tasks.node("task", "", |task| {
                task.leaf("type", kind);
                task.leaf("id", world.uuid(stamp));
                task.leaf("status", "3");
                task.leaf("statusStr", "completed");
            });
        }
    });
}

fn status_node(element: &mut Element, who: &[String; 3], running: bool, port: &str, pid: &str) {
    element.node("node", "", |node| {
        node.leaf("hostname", &who[0]);
        node.leaf("path", &who[1]);
        node.leaf("peerid", &who[2]);
        node.leaf("status", if running { "1" } else { "0" });
        node.leaf("port", port);
        node.node("ports", "", |ports| {
            ports.leaf("tcp", port);
            ports.leaf("rdma", "N/A");
        });
        node.leaf("pid", pid);
    });
}

fn tasks_of(volume: &Volume) -> Vec<(&'static str, u32)> {
    let Some(rare) = &volume.rare else {
        return Vec::new();
    };
    let removal = rare.removal.as_ref().map(|(stamp, _)| ("Remove brick", *stamp));
    removal
        .or(rare.rebalance.map(|stamp| ("Rebalance", stamp)))
        .into_iter()
        .collect()
}

fn status_text(world: &World, node: u32, volume: &Volume) -> String {
    const LINE: &str = "------------------------------------------------------------------------------";
    let name = world.names.read(&volume.name);
    let mut text = format!(
        "Status of volume: {name}\nGluster process                             TCP Port  RDMA Port  Online  Pid\n{LINE}\n"
    );
    for (place, brick) in shown_bricks(world, node, volume) {
        let (pid, port) = process(volume, place);
        let title = format!("Brick {}", world.brick_name(brick));
        text.push_str(&match brick.process {
            Some(_) => format!("{title:<43} {port:<9} {:<10} {:<7} {pid:<5}\n", 0, "Y"),
            None => format!("{title:<43} {:<9} {:<10} {:<7} {:<5}\n", "N/A", "N/A", "N", "N/A"),
        });
    }
    for member in heal_daemons(world, node, volume) {
        let host = if member == node {
            "localhost"
        } else {
            world.peer_name(member)
        };
        let pid = 500 + world.nodes[member as usize].stamp;
        let title = format!("Self-heal Daemon on {host}");
        text.push_str(&format!(
            "{title:<43} {:<9} {:<10} {:<7} {pid:<5}\n",
            "N/A", "N/A", "Y"
        ));
    }
    text.push_str(&format!(" \nTask Status of Volume {name}\n{LINE}\n"));
    let tasks = tasks_of(volume);
    if tasks.is_empty() {
        text.push_str("There are no active volume tasks\n");
    }
    for (kind, stamp) in tasks {
        let id = world.uuid(stamp);
        text.push_str(&format!("Task                 : {kind:<20}\nID                   : {id:<20}\nStatus               : {:<20}\n", "completed"));
    }
    text + " \n"
}

/// `gluster volume heal NAME info [summary]`
pub(crate) fn heal(world: &mut World, request: &Request<'_>, name: &str, summary: bool) -> Answer {
    if let Some(number) = world.volume_number(request.node, name) {
        world.bring_up_to_date(number);
    }
    let world = &*world;
    let refuse = |status: i32, errno: i32, why: String| {
        let mut empty = Element::at(1);
        empty.node("healInfo", "", |info| info.node("bricks", "", |_| {}));
        if request.xml {
            return Output {
                status,
                ..say(xml::heal_reply(-1, errno, &why, &empty.finish()))
            };
        }
        Output {
            status,
            ..say(format!("{why}\nVolume heal failed.\n"))
        }
    };
    let Some(volume) = look_up(world, request.node, name) else {
        return Ok(refuse(254, 2, format!("Volume {name} does not exist")));
    };
    if volume.set_size() == 1 {
        return Ok(refuse(
            234,
            22,
            format!(
                "This command is supported for only volumes of replicate/disperse type. Volume {name} is not of type replicate/disperse"
            ),
        ));
    }
    if volume.state != State::Started {
        return Ok(refuse(
            251,
            5,
            format!("{name}: Not able to fetch volfile from glusterd"),
        ));
    }
    if request.xml {
        return Ok(say(heal_xml(world, request.node, volume, summary)));
    }
    let mut text = String::new();
    for (place, brick) in volume.bricks.iter().enumerate() {
        let (state, count) = if is_healthy(world, request.node, brick) {
            ("Connected", volume.listed_by(place).to_string())
        } else {
            (AWAY, "-".into())
        };
        text.push_str(&format!(
            "Brick {}\nStatus: {state}\nNumber of entries: {count}\n\n",
            world.brick_name(brick)
        ));
    }
    Ok(say(text))
}

/// What the client behind `heal info` sees of a brick without a process.
const AWAY: &str = "Transport endpoint is not connected";

fn is_healthy(world: &World, node: u32, brick: &Brick) -> bool {
    brick.process.is_some() && (brick.node == node || world.nodes[brick.node as usize].answers())
}

fn heal_xml(world: &World, node: u32, volume: &Volume, summary: bool) -> String {
    let counts: &[&str] = if summary {
        &[
            "totalNumberOfEntries",
            "numberOfEntriesInHealPending",
            "numberOfEntriesInSplitBrain",
            "numberOfEntriesPossiblyHealing",
        ]
    } else {
        &["numberOfEntries"]
    };
    let mut body = Element::at(1);
    body.node("healInfo", "", |info| {
        info.node("bricks", "", |bricks| {
            for (place, brick) in volume.bricks.iter().enumerate() {
                let healthy = is_healthy(world, node, brick);
                let split = volume.split_by(place, |other| is_healthy(world, node, &volume.bricks[other]));
                let waiting = volume.listed_by(place);
                let shown = [waiting + split, waiting, split, 0];
                let uuid = if healthy {
                    world.peer_uuid(brick.node)
                } else {
                    "-".into()
                };
                bricks.node("brick", &format!(" hostUuid=\"{uuid}\""), |element| {
                    element.leaf("name", world.brick_name(brick));
                    if summary && !healthy {
                        // The summary's words run together, and its counts are missing: seen with 10.3 and 11.1.
                        let words = "Failed to process entries completely.";
                        element.leaf("status", format!("{words} ({AWAY})totalNumberOfEntries0"));
                        return;
                    }
                    element.leaf("status", if healthy { "Connected" } else { AWAY });
                    for (count, shown) in counts.iter().zip(shown) {
                        let shown = shown.to_string();
                        element.leaf(count, if healthy { shown.as_str() } else { "-" });
                    }
                });
            }
        });
    });
    xml::heal_reply(0, 0, "", &body.finish())
}

/// Nodes that took part in moving files: those with bricks, the asked one last and by the name localhost.
fn movers(world: &World, node: u32, number: u32) -> Vec<(String, u32)> {
    let volume = world.gluster.volumes.get(number).expect("given by its number");
    let mut nodes: Vec<u32> = volume.bricks.iter().map(|brick| brick.node).collect();
    nodes.sort_unstable();
    nodes.dedup();
    nodes.retain(|member| world.connected(node, *member));
    nodes.sort_by_key(|member| *member == node);
    let name = |member: u32| {
        if member == node {
            "localhost"
        } else {
            world.peer_name(member)
        }
    };
    nodes
        .into_iter()
        .map(|member| (name(member).to_owned(), member))
        .collect()
}

/// The table of `rebalance status` and `remove-brick status`.
pub(crate) fn progress(world: &World, node: u32, number: u32) -> String {
    let mut text = String::from(
        "                                    Node Rebalanced-files          size       scanned      failures       skipped               status  run time in h:m:s\n                               ---------      -----------   -----------   -----------   -----------   -----------         ------------     --------------\n",
    );
    for (name, _) in movers(world, node, number) {
        text.push_str(&format!(
            "{name:>40} {:>16} {:>13} {:>13} {:>13} {:>13} {:>20} {:>14}\n",
            0, "0Bytes", 0, 0, 0, "completed", "0:00:01"
        ));
    }
    text
}

/// `rebalance status --xml`
pub(crate) fn progress_xml(world: &World, node: u32, number: u32, stamp: u32) -> String {
    let counts = |element: &mut Element| {
        for name in ["files", "size", "lookups", "failures", "skipped"] {
            element.leaf(name, "0");
        }
        element.leaf("status", "3");
        element.leaf("statusStr", "completed");
        element.leaf("runtime", "1.00");
    };
    let movers = movers(world, node, number);
    let mut tail = Element::at(1);
    tail.node("volRebalance", "", |element| {
        element.leaf("task-id", world.uuid(stamp));
        element.leaf("op", "3");
        element.leaf("nodeCount", movers.len().to_string());
        for (name, member) in &movers {
            element.node("node", "", |row| {
                row.leaf("nodeName", name);
                row.leaf("id", world.peer_uuid(*member));
                counts(row);
            });
        }
        element.node("aggregate", "", counts);
    });
    xml::reply(0, 0, "", &tail.finish())
}
