//! `gluster volume start|stop|delete`, and brick processes coming and going.

use crate::gluster::{Answer, Brick, Refusal, Request, State, Volume, success};
use crate::node::Found;
use crate::stamp::hash;
use crate::tool::say;
use crate::world::World;
use crate::xml::{self, Element};

/// `gluster volume start NAME [force]`
pub(crate) fn start(world: &mut World, request: &Request<'_>, name: &str, force: bool) -> Answer {
    let refuse = |why: String| Refusal::volume("start", name, why);
    let Some(number) = world.volume_number(request.node, name) else {
        return Err(refuse(format!("Volume {name} does not exist")));
    };
    let volume = world.gluster.volumes.get(number).expect("found by its name");
    if volume.state == State::Started && !force {
        return Err(refuse(format!("Volume {name} already started")));
    }
    let stamp = volume.stamp;
    if !force {
        // Own bricks first; bricks of members that are away are not asked for.
        let (own, others): (Vec<&Brick>, Vec<&Brick>) =
            volume.bricks.iter().partition(|brick| brick.node == request.node);
        for brick in own {
            brick_in_order(world, brick, stamp, name).map_err(&refuse)?;
        }
        for brick in others
            .into_iter()
            .filter(|brick| world.connected(request.node, brick.node))
        {
            brick_in_order(world, brick, stamp, name).map_err(|why| {
                refuse(format!(
                    "Pre Validation failed on {}. {why}",
                    world.peer_name(brick.node)
                ))
            })?;
        }
    }
    let mut bricks = std::mem::take(
        &mut world
            .gluster
            .volumes
            .get_mut(number)
            .expect("found by its name")
            .bricks,
    );
    for brick in bricks.iter_mut().filter(|brick| brick.process.is_none()) {
        if world.connected(request.node, brick.node) {
            world.start_brick(stamp, brick);
        }
    }
    let volume = world.gluster.volumes.get_mut(number).expect("found by its name");
    volume.bricks = bricks;
    volume.state = State::Started;
    if !request.xml {
        return Ok(say(format!("volume start: {name}: success\n")));
    }
    Ok(say(named_reply(world, "volStart", name, stamp)))
}

fn named_reply(world: &World, what: &str, name: &str, stamp: u32) -> String {
    let mut tail = Element::at(1);
    tail.node(what, "", |inner| {
        inner.node("volume", "", |volume| {
            volume.leaf("name", name);
            volume.leaf("id", world.uuid(stamp));
        });
    });
    xml::reply(0, 0, "", &tail.finish())
}

/// Whether a brick's folder is there and carries the mark of its volume.
fn brick_in_order(world: &World, brick: &Brick, stamp: u32, name: &str) -> Result<(), String> {
    let path = world.names.read(&brick.path);
    let node = &world.nodes[brick.node as usize];
    let mark = match node
        .find(&world.names, &path)
        .map(|place| match node.look(&place) {
            Found::Dir(dir) => Some(dir.volume),
            Found::File(_) => None,
        }) {
        Ok(Some(mark)) => mark,
        Ok(None) | Err(_) => {
            let why = "Reason : No such file or directory";
            return Err(format!(
                "Failed to find brick directory {path} for volume {name}. {why}"
            ));
        }
    };
    match mark {
        0 => Err(format!(
            "Failed to get extended attribute trusted.glusterfs.volume-id for brick dir {path}. Reason : No data available"
        )),
        mark if mark == stamp => Ok(()),
        // Not seen: from the messages of glusterd 10.3.
        mark => Err(format!(
            "Volume id mismatch for brick {}. Expected volume id {}, volume id {} found",
            world.brick_name(brick),
            world.uuid(stamp),
            world.uuid(mark)
        )),
    }
}

/// `gluster volume stop NAME [force]`: members that are away keep their bricks running until they are back.
pub(crate) fn stop(world: &mut World, request: &Request<'_>, name: &str, force: bool) -> Answer {
    let refuse = |why: String| Refusal::volume("stop", name, why);
    let Some(number) = world.volume_number(request.node, name) else {
        return Err(refuse(format!("Volume {name} does not exist")));
    };
    let volume = world.gluster.volumes.get(number).expect("found by its name");
    let stamp = volume.stamp;
    match volume.state {
        State::Started => {}
        State::Created | State::Stopped if force => {
            return Ok(success(request, format!("volume stop: {name}: success\n")));
        }
        State::Created | State::Stopped => {
            return Err(refuse(format!("Volume {name} is not in the started state")));
        }
    }
    let mut bricks = std::mem::take(
        &mut world
            .gluster
            .volumes
            .get_mut(number)
            .expect("found by its name")
            .bricks,
    );
    for brick in &mut bricks {
        if world.connected(request.node, brick.node) {
            world.stop_brick(brick);
        }
    }
    let volume = world.gluster.volumes.get_mut(number).expect("found by its name");
    volume.bricks = bricks;
    volume.state = State::Stopped;
    if !request.xml {
        return Ok(say(format!("volume stop: {name}: success\n")));
    }
    Ok(say(named_reply(world, "volStop", name, stamp)))
}

/// `gluster volume delete NAME`: refused while any member is away. The marks stay on the bricks.
pub(crate) fn delete(world: &mut World, request: &Request<'_>, name: &str) -> Answer {
    let refuse = |why: String| Refusal::volume("delete", name, why);
    let Some(number) = world.volume_number(request.node, name) else {
        return Err(refuse(format!("Volume {name} does not exist")));
    };
    let volume = world.gluster.volumes.get(number).expect("found by its name");
    let (stamp, snapshots) = (
        volume.stamp,
        volume.rare.as_ref().map_or(0, |rare| rare.snapshots.len()),
    );
    if volume.state == State::Started {
        return Err(refuse(format!(
            "Volume {name} has been started.Volume needs to be stopped before deletion."
        )));
    }
    if snapshots > 0 {
        // Not seen: from the messages of glusterd 10.3.
        return Err(refuse(format!(
            "Cannot delete Volume {name} ,as it has {snapshots} snapshots. To delete the volume, first delete all the snapshots under it."
        )));
    }
    let members = world.members(request.node);
    if !members
        .into_iter()
        .all(|member| world.connected(request.node, member))
    {
        return Err(refuse("Some of the peers are down".into()));
    }
    world.drop_volume(number);
    if !request.xml {
        return Ok(say(format!("volume delete: {name}: success\n")));
    }
    Ok(say(named_reply(world, "volDelete", name, stamp)))
}

/// Changes to volumes and to the processes of their bricks.
impl World {
    /// Enters a new volume into its pool and its bricks into their nodes.
    pub(crate) fn enter_volume(&mut self, volume: Volume) {
        let (name, pool) = (volume.name.clone(), volume.pool);
        let places: Vec<(u32, u64)> = volume
            .bricks
            .iter()
            .map(|brick| (brick.node, hash(&self.names.read(&brick.path))))
            .collect();
        let number = self.gluster.volumes.add(volume);
        self.gluster
            .pools
            .get_mut(pool)
            .expect("every node has a pool")
            .volumes
            .insert(name, number);
        for (node, code) in places {
            self.nodes[node as usize].bricks.insert((code, number));
        }
    }

    /// Enters one more brick of a volume into its node.
    pub(crate) fn enter_brick(&mut self, number: u32, brick: &Brick) {
        let code = hash(&self.names.read(&brick.path));
        self.nodes[brick.node as usize].bricks.insert((code, number));
    }

    /// Takes bricks, given by their places in ascending order, out of a volume; ends its removal task.
    pub(crate) fn drop_bricks(&mut self, number: u32, places: &[u32]) {
        let volume = self.gluster.volumes.get_mut(number).expect("given by its number");
        if let Some(rare) = &mut volume.rare {
            rare.removal = None;
        }
        self.forget_places(number, places);
        let volume = self.gluster.volumes.get_mut(number).expect("given by its number");
        let all = std::mem::take(&mut volume.bricks).into_vec();
        let mut kept = Vec::with_capacity(all.len());
        for (place, mut brick) in (0u32..).zip(all) {
            if places.binary_search(&place).is_err() {
                kept.push(brick);
                continue;
            }
            self.stop_brick(&mut brick);
            let code = hash(&self.names.read(&brick.path));
            self.nodes[brick.node as usize].bricks.remove(&(code, number));
        }
        self.gluster
            .volumes
            .get_mut(number)
            .expect("given by its number")
            .bricks = kept.into();
    }

    /// Takes a volume out of its pool.
    pub(crate) fn drop_volume(&mut self, number: u32) {
        let Some(mut volume) = self.gluster.volumes.remove(number) else {
            return;
        };
        for brick in &mut volume.bricks {
            self.stop_brick(brick);
            let code = hash(&self.names.read(&brick.path));
            self.nodes[brick.node as usize].bricks.remove(&(code, number));
        }
        let pool = self
            .gluster
            .pools
            .get_mut(volume.pool)
            .expect("a volume is in a pool");
        pool.volumes.remove(&volume.name);
    }

    /// Starts a brick's process where its folder is in order; else it stays down.
    pub(crate) fn start_brick(&mut self, stamp: u32, brick: &mut Brick) {
        let path = self.names.read(&brick.path);
        let node = &mut self.nodes[brick.node as usize];
        let Ok(place) = node.find(&self.names, &path) else {
            return;
        };
        let marked = matches!(node.look(&place), Found::Dir(dir) if dir.volume == stamp);
        if marked && node.powered {
            node.systems
                .get_mut(place.system)
                .expect("a place lies in a file system")
                .users += 1;
            brick.process = Some(place.system);
        }
    }

    /// Ends a brick's process.
    pub(crate) fn stop_brick(&mut self, brick: &mut Brick) {
        if let Some(system) = brick.process.take()
            && let Some(found) = self.nodes[brick.node as usize].systems.get_mut(system)
        {
            found.users -= 1;
        }
    }

    /// Goes over the bricks of a node: `change` gets each with its volume's stamp and whether that is started.
    pub(crate) fn each_brick_of(
        &mut self,
        node: u32,
        mut change: impl FnMut(&mut Self, &mut Brick, u32, bool),
    ) {
        let volumes: std::collections::BTreeSet<u32> = self.nodes[node as usize]
            .bricks
            .iter()
            .map(|(_, number)| *number)
            .collect();
        for number in volumes {
            let Some(volume) = self.gluster.volumes.get_mut(number) else {
                continue;
            };
            let (stamp, started) = (volume.stamp, volume.state == State::Started);
            let mut bricks = std::mem::take(&mut volume.bricks);
            for brick in bricks.iter_mut().filter(|brick| brick.node == node) {
                change(self, brick, stamp, started);
            }
            self.gluster.volumes.get_mut(number).expect("taken above").bricks = bricks;
        }
    }
}
