//! `gluster volume list|info|status|get|heal … info` and `gluster snapshot list`: what only looks.

use crate::gluster::{Answer, Refusal, Request, Volume};
use crate::tool::{fail, say};
use crate::world::World;
use crate::xml::{self, Element};

/// `gluster volume list`, sorted by name.
pub(crate) fn list(world: &World, request: &Request<'_>) -> Answer {
    let names = sorted_names(world, request.node);
    if request.xml {
        let mut tail = Element::at(1);
        tail.node("volList", "", |list| {
            list.leaf("count", names.len().to_string());
            for name in &names {
                list.leaf("volume", name);
            }
        });
        return Ok(say(xml::reply(0, 0, "", &tail.finish())));
    }
    if names.is_empty() {
        return Ok(fail(0, "No volumes present in cluster"));
    }
    Ok(say(names.join("\n") + "\n"))
}

fn sorted_names(world: &World, node: u32) -> Vec<String> {
    let pool = world.gluster.pools.get(world.nodes[node as usize].pool);
    let mut names: Vec<String> = pool.map_or(Vec::new(), |pool| {
        pool.volumes.keys().map(|name| world.names.read(name)).collect()
    });
    names.retain(|name| !world.lacks(node, name));
    names.sort_unstable();
    names
}

/// All volumes of the pool of a node, sorted by name.
pub(crate) fn volumes_in_order(world: &World, node: u32) -> Vec<&Volume> {
    let names = sorted_names(world, node);
    let numbers = names.iter().filter_map(|name| world.volume_number(node, name));
    numbers
        .filter_map(|number| world.gluster.volumes.get(number))
        .collect()
}

/// `gluster volume info`
pub(crate) fn info_all(world: &World, request: &Request<'_>) -> Answer {
    let volumes = volumes_in_order(world, request.node);
    if request.xml {
        return Ok(say(info_xml(world, &volumes)));
    }
    if volumes.is_empty() {
        return Ok(fail(0, "No volumes present"));
    }
    Ok(say(volumes
        .into_iter()
        .map(|volume| info_text(world, volume))
        .collect::<String>()))
}

/// `gluster volume info NAME`
pub(crate) fn info(world: &World, request: &Request<'_>, name: &str) -> Answer {
    let Some(volume) = look_up(world, request.node, name) else {
        if !request.xml {
            return Ok(fail(1, format!("Volume {name} does not exist")));
        }
        let mut tail = Element::at(1);
        tail.node("volInfo", "", |info| {
            info.node("volumes", "", |volumes| volumes.leaf("count", "0"));
        });
        return Ok(say(xml::reply(
            -1,
            30806,
            "Volume does not exist",
            &tail.finish(),
        )));
    };
    Ok(say(if request.xml {
        info_xml(world, &[volume])
    } else {
        info_text(world, volume)
    }))
}

/// The volume with this name in the pool of a node.
pub(crate) fn look_up<'w>(world: &'w World, node: u32, name: &str) -> Option<&'w Volume> {
    world.gluster.volumes.get(world.volume_number(node, name)?)
}

fn info_text(world: &World, volume: &Volume) -> String {
    let (sets, set) = (volume.bricks.len() / volume.set_size(), volume.set_size());
    let shape = match (set, volume.arbiter, volume.disperse) {
        (1, ..) => volume.bricks.len().to_string(),
        (_, 1, _) => format!("{sets} x (2 + 1) = {}", volume.bricks.len()),
        (_, _, disperse) if disperse > 0 => {
            format!(
                "{sets} x ({} + {}) = {}",
                disperse - volume.redundancy,
                volume.redundancy,
                volume.bricks.len()
            )
        }
        _ => format!("{sets} x {set} = {}", volume.bricks.len()),
    };
    let mut text = format!(
        " \nVolume Name: {}\nType: {}\nVolume ID: {}\nStatus: {}\nSnapshot Count: {}\nNumber of Bricks: {shape}\nTransport-type: tcp\nBricks:\n",
        world.names.read(&volume.name),
        volume.kind().1,
        world.uuid(volume.stamp),
        volume.state.shown().1,
        snapshots_of(volume),
    );
    for (number, brick) in (1..).zip(&volume.bricks) {
        let arbiter = if is_arbiter(volume, number - 1) {
            " (arbiter)"
        } else {
            ""
        };
        text.push_str(&format!("Brick{number}: {}{arbiter}\n", world.brick_name(brick)));
    }
    text.push_str("Options Reconfigured:\n");
    for (key, value) in volume.all_options(&world.names) {
        text.push_str(&format!("{key}: {value}\n"));
    }
    text
}

fn snapshots_of(volume: &Volume) -> usize {
    volume.rare.as_ref().map_or(0, |rare| rare.snapshots.len())
}

fn is_arbiter(volume: &Volume, place: usize) -> bool {
    volume.arbiter > 0 && place % volume.set_size() == volume.set_size() - 1
}

fn info_xml(world: &World, volumes: &[&Volume]) -> String {
    let mut tail = Element::at(1);
    tail.node("volInfo", "", |info| {
        info.node("volumes", "", |list| {
            for volume in volumes {
                list.node("volume", "", |element| describe(world, volume, element));
            }
            list.leaf("count", volumes.len().to_string());
        });
    });
    xml::reply(0, 0, "", &tail.finish())
}

fn describe(world: &World, volume: &Volume, element: &mut Element) {
    let (status, status_name) = volume.state.shown();
    let (kind, kind_name) = volume.kind();
    element.leaf("name", world.names.read(&volume.name));
    element.leaf("id", world.uuid(volume.stamp));
    element.leaf("status", status.to_string());
    element.leaf("statusStr", status_name);
    element.leaf("snapshotCount", snapshots_of(volume).to_string());
    element.leaf("brickCount", volume.bricks.len().to_string());
    element.leaf("distCount", (volume.bricks.len() / volume.set_size()).to_string());
    element.leaf("replicaCount", volume.replica.to_string());
    element.leaf("arbiterCount", volume.arbiter.to_string());
    element.leaf("disperseCount", volume.disperse.to_string());
    element.leaf("redundancyCount", volume.redundancy.to_string());
    element.leaf("type", kind.to_string());
    element.leaf("typeStr", kind_name);
    element.leaf("transport", "0");
    element.node("bricks", "", |bricks| {
        for (place, brick) in volume.bricks.iter().enumerate() {
            let (uuid, name) = (world.peer_uuid(brick.node), world.brick_name(brick));
            let name = xml::escape(&name);
            let arbiter = u8::from(is_arbiter(volume, place));
            bricks.raw(&format!(
                "<brick uuid=\"{uuid}\">{name}<name>{name}</name><hostUuid>{uuid}</hostUuid><isArbiter>{arbiter}</isArbiter></brick>"
            ));
        }
    });
    let options = volume.all_options(&world.names);
    element.leaf("optCount", options.len().to_string());
    element.node("options", "", |list| {
        for (key, value) in options {
            list.node("option", "", |option| {
                option.leaf("name", key);
                option.leaf("value", value);
            });
        }
    });
}

/// `gluster volume get NAME KEY`
pub(crate) fn get(world: &World, request: &Request<'_>, name: &str, key: &str) -> Answer {
    let refuse = |why: String| Refusal::bare("volume get option: failed: ", why);
    let Some(volume) = look_up(world, request.node, name) else {
        return Err(refuse(format!("Volume {name} does not exist")));
    };
    let mut options = volume.all_options(&world.names);
    options.retain(|(other, _)| key == "all" || other == key);
    if options.is_empty() {
        return Err(refuse(format!(
            "Did you mean {}?",
            crate::option_names::near(key)
        )));
    }
    let mut text = format!(
        "{:<40} {:<39}\n{:<40} {:<39}\n",
        "Option", "Value", "------", "-----"
    );
    for (key, value) in options {
        text.push_str(&format!("{key:<40} {value:<39}\n"));
    }
    Ok(say(text))
}

/// `gluster snapshot list [NAME]`
pub(crate) fn snapshots(world: &World, request: &Request<'_>, name: Option<&str>) -> Answer {
    let volumes = match name {
        None => volumes_in_order(world, request.node),
        Some(name) => match look_up(world, request.node, name) {
            Some(volume) => vec![volume],
            None => {
                let mut refusal = Refusal::bare(
                    "Snapshot list : failed: ",
                    format!("Volume ({name}) does not exist"),
                );
                refusal.xml = (0, -1, 30806);
                return Err(refusal);
            }
        },
    };
    let names: Vec<&str> = volumes
        .iter()
        .filter_map(|volume| volume.rare.as_ref())
        .flat_map(|rare| rare.snapshots.iter().map(|name| &**name))
        .collect();
    if request.xml {
        let mut tail = Element::at(1);
        tail.node("snapList", "", |list| {
            list.leaf("count", names.len().to_string());
            for name in &names {
                list.leaf("snapshot", name);
            }
        });
        return Ok(say(xml::reply(0, 0, "", &tail.finish())));
    }
    Ok(say(if names.is_empty() {
        "No snapshots present\n".to_owned()
    } else {
        names.join("\n") + "\n"
    }))
}
