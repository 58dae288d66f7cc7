//! `gluster volume add-brick|remove-brick|rebalance`.

use crate::gluster::{Answer, Rare, Refusal, Request, State, success};
use crate::gluster_copies;
use crate::gluster_create::{split_brick, stage_more};
use crate::gluster_status::progress;
use crate::tool::{fail, say};
use crate::world::World;

/// `gluster volume add-brick NAME [replica N] HOST:PATH… [force]`
pub(crate) fn add(world: &mut World, request: &Request<'_>, name: &str, words: &[&str]) -> Answer {
    let refuse = |why: String| Refusal::bare("volume add-brick: failed: ", why);
    let mut words = words;
    let mut replica = None;
    if let ["replica", count, rest @ ..] = words {
        replica = Some(
            count
                .parse::<u16>()
                .map_err(|_| refuse("wrong replica count".into()))?,
        );
        words = rest;
    }
    let mut arbiter = 0;
    if let ["arbiter", "1", rest @ ..] = words {
        arbiter = 1;
        words = rest;
    }
    let force = words.last() == Some(&"force");
    if force {
        words = &words[..words.len() - 1];
    }
    let bricks: Result<Vec<_>, String> = words.iter().map(|word| split_brick(word)).collect();
    let bricks = match bricks {
        Ok(bricks) if !bricks.is_empty() => bricks,
        Ok(_) => {
            return Ok(fail(
                1,
                "\nUsage:\nvolume add-brick <VOLNAME> [<replica> <COUNT> [arbiter <COUNT>]] <NEW-BRICK> ... [force]\n",
            ));
        }
        Err(why) => return Ok(fail(1, why)),
    };
    let Some(number) = world.volume_number(request.node, name) else {
        return Err(refuse(format!("Unable to get volinfo for volume name {name}")));
    };
    let volume = world.gluster.volumes.get(number).expect("found by its name");
    let (set, state, stamp) = (volume.set_size(), volume.state, volume.stamp);
    let counts = (volume.replica, volume.disperse);
    if let Some(count) = replica.filter(|count| usize::from(*count) != set) {
        let added =
            gluster_copies::add(world, request.node, number, (count, arbiter), &bricks).map_err(refuse);
        return added.map(|()| success(request, "volume add-brick: success\n"));
    }
    if bricks.len() % set != 0 {
        // With an explicit count the real command line only says that it failed.
        let why = format!(
            "Incorrect number of bricks supplied {} with count {set}",
            bricks.len()
        );
        return Err(refuse(if replica.is_some() {
            "Operation failed".into()
        } else {
            why
        }));
    }
    let mut made = stage_more(world, request.node, &bricks, counts, stamp, force).map_err(refuse)?;
    for brick in &mut made {
        world.enter_brick(number, brick);
        if state == State::Started {
            world.start_brick(stamp, brick);
        }
    }
    let volume = world.gluster.volumes.get_mut(number).expect("found by its name");
    let mut all = std::mem::take(&mut volume.bricks).into_vec();
    all.append(&mut made);
    volume.bricks = all.into();
    Ok(success(request, "volume add-brick: success\n"))
}

/// Files can only be moved off bricks whose nodes are connected.
fn hosts_are_up(world: &World, node: u32, number: u32, chosen: &[u32]) -> Result<(), String> {
    let volume = world.gluster.volumes.get(number).expect("found by its name");
    let bricks = chosen.iter().map(|place| &volume.bricks[*place as usize]);
    match bricks
        .into_iter()
        .find(|brick| !world.connected(node, brick.node))
    {
        Some(brick) => Err(format!(
            "Host node of the brick {} is down",
            world.brick_name(brick)
        )),
        None => Ok(()),
    }
}

/// `gluster volume remove-brick NAME HOST:PATH… start|status|stop|commit|force`
pub(crate) fn remove(world: &mut World, request: &Request<'_>, name: &str, words: &[&str]) -> Answer {
    let Some((verb, bricks)) = words.split_last().filter(|(_, bricks)| !bricks.is_empty()) else {
        return Ok(fail(
            1,
            "\nUsage:\nvolume remove-brick <VOLNAME> [replica <COUNT>] <BRICK> ... <start|stop|status|commit|force>\n",
        ));
    };
    if let (["replica", count, bricks @ ..], "force") = (bricks, *verb) {
        let head = "volume remove-brick commit force: failed: ";
        let removed = gluster_copies::remove(world, request.node, name, count, bricks);
        return removed
            .map(|()| success(request, "volume remove-brick commit force: success\n"))
            .map_err(|why| Refusal::bare(head, why));
    }
    let told = match *verb {
        "force" => "commit force",
        "start" | "status" | "stop" | "commit" => verb,
        _ => return Ok(fail(1, format!("Invalid option {verb}"))),
    };
    let head = format!("volume remove-brick {told}: failed: ");
    let refuse = |why: String| Refusal::bare(&head, why);
    let Some(number) = world.volume_number(request.node, name) else {
        return Err(refuse(format!("Volume {name} does not exist")));
    };
    let chosen = choose(world, number, bricks, name).map_err(&refuse)?;
    let removal = world
        .gluster
        .volumes
        .get(number)
        .and_then(|volume| volume.rare.as_ref()?.removal.clone());
    match (*verb, removal) {
        ("start", Some(_)) => Err(refuse(format!(
            "An earlier remove-brick task exists for volume {name}. Either commit it or stop it before starting a new task."
        ))),
        ("start", None) => {
            let volume = world.gluster.volumes.get(number).expect("found by its name");
            if volume.state != State::Started {
                return Err(refuse(format!(
                    "Volume {name} needs to be started before remove-brick (you can use 'force' or 'commit' to override this behavior)"
                )));
            }
            hosts_are_up(world, request.node, number, &chosen).map_err(&refuse)?;
            let stamp = world.stamps.next();
            world
                .gluster
                .volumes
                .get_mut(number)
                .expect("found by its name")
                .rare()
                .removal = Some((stamp, chosen));
            Ok(success(
                request,
                format!("volume remove-brick start: success\nID: {}\n", world.uuid(stamp)),
            ))
        }
        ("commit" | "stop", None) => Err(refuse(format!(
            "Brick {} is not decommissioned. Use start or force option",
            bricks[0]
        ))),
        ("stop", Some(_)) => {
            world
                .gluster
                .volumes
                .get_mut(number)
                .expect("found by its name")
                .rare()
                .removal = None;
            Ok(success(request, "volume remove-brick stop: success\n"))
        }
        ("status", Some(_)) => Ok(say(progress(world, request.node, number))),
        ("status", None) => Err(refuse(format!("remove-brick not started for volume {name}."))),
        ("commit", Some((_, leaving))) if leaving != chosen => Err(refuse(format!(
            "Brick {} is not decommissioned. Use start or force option",
            bricks[0]
        ))),
        _ => {
            if *verb == "commit" {
                hosts_are_up(world, request.node, number, &chosen).map_err(&refuse)?;
            }
            world.drop_bricks(number, &chosen);
            let after = if *verb == "commit" {
                "\nCheck the removed bricks to ensure all files are migrated.\nIf files with data are found on the brick path, copy them via a gluster mount point before re-purposing the removed brick. "
            } else {
                ""
            };
            Ok(success(
                request,
                format!("volume remove-brick {told}: success{after}\n"),
            ))
        }
    }
}

/// The places of `words` among the bricks of a volume, in order; whole sets only, and not the last set.
fn choose(world: &World, number: u32, words: &[&str], name: &str) -> Result<Vec<u32>, String> {
    let volume = world.gluster.volumes.get(number).expect("found by its name");
    let set = volume.set_size();
    if set > 1 && !words.len().is_multiple_of(set) {
        let kind = if volume.disperse > 0 {
            "disperse"
        } else {
            "replica"
        };
        return Err(format!(
            "Remove brick incorrect brick count of {} for {kind} {set}",
            words.len()
        ));
    }
    if set > 1 && volume.bricks.len() == set {
        let kind = if volume.disperse > 0 {
            "disperse"
        } else {
            "replicate"
        };
        return Err(format!(
            "Removing bricks from {kind} configuration is not allowed without reducing replica count explicitly."
        ));
    }
    let mut chosen = Vec::with_capacity(words.len());
    for word in words {
        let at = volume
            .bricks
            .iter()
            .position(|brick| world.brick_name(brick) == *word);
        let at = at.ok_or_else(|| format!("Incorrect brick {word} for volume {name}"))?;
        chosen.push(u32::try_from(at).expect("a volume has fewer than 2^32 bricks"));
    }
    chosen.sort_unstable();
    chosen.dedup();
    let whole = chosen.chunks(set).all(|chunk| {
        (chunk[0] as usize).is_multiple_of(set) && chunk.windows(2).all(|pair| pair[1] == pair[0] + 1)
    });
    if !whole {
        return Err(format!(
            "Bricks not from same subvol for {}",
            if volume.disperse > 0 {
                "disperse"
            } else {
                "replica"
            }
        ));
    }
    if chosen.len() == volume.bricks.len() {
        return Err("Deleting all the bricks of the volume is not allowed".into());
    }
    Ok(chosen)
}

/// `gluster volume rebalance NAME start|status|stop`: files of a simulated volume have moved at once.
pub(crate) fn rebalance(world: &mut World, request: &Request<'_>, name: &str, verb: &str) -> Answer {
    let refuse = |why: String| {
        let mut refusal = Refusal::volume("rebalance", name, why);
        let mut tail = crate::xml::Element::at(1);
        tail.leaf("cliOp", "volRebalance");
        tail.leaf("output", &refusal.why);
        refusal.tail = tail.finish();
        refusal.xml = (1, -1, 30800);
        refusal
    };
    let Some(number) = world.volume_number(request.node, name) else {
        return Err(refuse(format!("Volume {name} does not exist")));
    };
    let volume = world.gluster.volumes.get(number).expect("found by its name");
    if volume.bricks.len() <= volume.set_size() {
        return Err(refuse(format!(
            "Volume {name} is not a distribute volume or contains only 1 brick.\nNot performing rebalance"
        )));
    }
    let rare = volume.rare.as_deref();
    if rare.is_some_and(|rare| rare.removal.is_some()) {
        return Err(refuse(format!(
            "A remove-brick task on volume {name} is not yet committed. Either commit or stop the remove-brick task."
        )));
    }
    let running = rare.and_then(|rare: &Rare| rare.rebalance);
    match (verb, running) {
        ("start", _) if volume.state != State::Started => Err(refuse(format!(
            "Volume {name} needs to be started to perform rebalance"
        ))),
        ("start", _) => {
            let stamp = world.stamps.next();
            world
                .gluster
                .volumes
                .get_mut(number)
                .expect("found by its name")
                .rare()
                .rebalance = Some(stamp);
            Ok(success(
                request,
                format!(
                    "volume rebalance: {name}: success: Rebalance on {name} has been started successfully. Use rebalance status command to check status of the rebalance process.\nID: {}\n",
                    world.uuid(stamp)
                ),
            ))
        }
        (_, None) => Err(refuse(format!("Rebalance not started for volume {name}."))),
        ("stop", Some(_)) if !request.xml => Ok(say(format!(
            "{}volume rebalance: {name}: success: rebalance process may be in the middle of a file migration.\nThe process will be fully stopped once the migration of the file is complete.\nPlease check rebalance process for completion before doing any further brick related tasks on the volume.\n\n",
            progress(world, request.node, number)
        ))),
        (_, Some(_)) if !request.xml => Ok(say(format!(
            "{}volume rebalance: {name}: success\n",
            progress(world, request.node, number)
        ))),
        (_, Some(stamp)) => Ok(say(crate::gluster_status::progress_xml(
            world,
            request.node,
            number,
            stamp,
        ))),
    }
}
