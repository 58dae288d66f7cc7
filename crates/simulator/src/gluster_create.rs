//! `gluster volume create`, and the checks that a new brick passes on its node.

use crate::gluster::{Answer, Brick, Refusal, Request, State, Volume};
use crate::node::Found;
use crate::stamp::hash;
use crate::tool::{fail, say};
use crate::tree::{Dir, Inode};
use crate::world::World;
use crate::xml::{self, Element};

/// Printed after each complaint about the words of the command.
const USAGE: &str = "volume create <NEW-VOLNAME> [[replica <COUNT> [arbiter <COUNT>]]|[replica 2 thin-arbiter 1]] [disperse [<COUNT>]] [disperse-data <COUNT>] [redundancy <COUNT>] [transport <tcp|rdma|tcp,rdma>] <NEW-BRICK> <TA-BRICK>... [force]";

/// Ends the complaints about where a brick lies.
const OVERRIDE: &str = "Or use 'force' at the end of the command if you want to override this behavior.";

/// What a `create` asks for.
#[derive(Default)]
struct Plan<'a> {
    replica: u16,
    arbiter: u16,
    disperse: u16,
    redundancy: u16,
    bricks: Vec<(&'a str, &'a str)>,
    force: bool,
}

/// `gluster volume create NAME [replica N [arbiter 1]] [disperse N] [disperse-data N] [redundancy N]
/// [transport tcp] HOST:PATH… [force]`
pub(crate) fn create(world: &mut World, request: &Request<'_>, name: &str, words: &[&str]) -> Answer {
    let plan = match check_name(name).and_then(|()| read(words)) {
        Ok(plan) => plan,
        Err(why) => return Ok(fail(1, format!("{why}\n\nUsage:\n{USAGE}\n"))),
    };
    let refuse = |why: String| {
        let mut refusal = Refusal::volume("create", name, why);
        refusal.xml = (0, -1, 0);
        refusal
    };
    if world.volume_number(request.node, name).is_some() {
        return Err(refuse(format!("Volume {name} already exists")));
    }
    let stamp = world.stamps.next();
    let bricks = stage(world, request.node, &plan, stamp, "Staging failed on", "Error: ").map_err(&refuse)?;
    if bricks.len() % usize::from(plan.replica.max(1)) != 0 {
        // The marks stay on the bricks.
        return Err(refuse("Failed to create volume files".into()));
    }
    let pool = world.nodes[request.node as usize].pool;
    let volume = Volume {
        name: world.names.store(name),
        stamp,
        pool,
        state: State::Created,
        replica: plan.replica.max(1),
        arbiter: plan.arbiter,
        disperse: plan.disperse,
        redundancy: plan.redundancy,
        bricks: bricks.into(),
        options: Vec::new(),
        rare: None,
        changes: 0,
    };
    world.enter_volume(volume);
    if !request.xml {
        return Ok(say(format!(
            "volume create: {name}: success: please start the volume to access data\n"
        )));
    }
    let mut tail = Element::at(1);
    tail.node("volCreate", "", |create| {
        create.node("volume", "", |volume| {
            volume.leaf("name", name);
            volume.leaf("id", world.uuid(stamp));
        });
    });
    Ok(say(xml::reply(0, 0, "", &tail.finish())))
}

/// The rules of the command line for a name. An empty complaint is what the command line itself says.
fn check_name(name: &str) -> Result<(), String> {
    const WORDS: [&str; 6] = ["volume", "type", "subvolumes", "option", "end-volume", "all"];
    if name.starts_with('-') || name.contains('/') {
        return Err(String::new());
    }
    if WORDS.contains(&name) {
        return Err(format!("\"{name}\" cannot be the name of a volume."));
    }
    if name.len() > 255 {
        return Err("Volume name exceeds 256 characters.".into());
    }
    let strange = name
        .chars()
        .find(|letter| !letter.is_ascii_alphanumeric() && !"_-".contains(*letter));
    match strange {
        // The missing blank is gluster's.
        Some(letter) => Err(format!(
            "Volume name should not contain \"{letter}\" character.\nVolume names can onlycontain alphanumeric, '-' and '_' characters."
        )),
        None => Ok(()),
    }
}

fn read<'a>(words: &[&'a str]) -> Result<Plan<'a>, String> {
    let mut plan = Plan::default();
    let mut data = None;
    let mut words = words.iter().copied().peekable();
    let count = |words: &mut std::iter::Peekable<_>| -> Option<u16> {
        let next: Option<&str> = Iterator::next(words);
        next.and_then(|word| word.parse().ok())
    };
    while let Some(word) = words.next() {
        match word {
            "replica" => {
                plan.replica = count(&mut words).ok_or("wrong replica count")?;
                if plan.replica < 2 {
                    return Err("replica count should be greater than 1".into());
                }
            }
            "arbiter" => plan.arbiter = count(&mut words).ok_or("wrong arbiter count")?,
            "disperse" => plan.disperse = count(&mut words).ok_or("wrong disperse count")?,
            "disperse-data" => data = Some(count(&mut words).ok_or("wrong disperse-data count")?),
            "redundancy" => plan.redundancy = count(&mut words).ok_or("wrong redundancy count")?,
            "transport" => {
                words.next();
            }
            "force" if words.peek().is_none() => plan.force = true,
            brick => plan.bricks.push(split_brick(brick)?),
        }
    }
    if plan.arbiter > 0 && (plan.arbiter != 1 || plan.replica != 3) {
        return Err("For arbiter configuration, replica count must be 2 and arbiter count must be 1. The 3rd brick of the replica will be the arbiter".into());
    }
    if let Some(data) = data {
        plan.disperse = data + plan.redundancy.max(1);
    }
    if plan.disperse > 0 {
        let limit = plan.disperse.div_ceil(2);
        if plan.redundancy == 0 || plan.redundancy >= limit {
            let rule = "redundancy must be greater than or equal to 1 and less than";
            return Err(format!("{rule} {limit} for a disperse {} volume", plan.disperse));
        }
        if plan.bricks.len() % usize::from(plan.disperse) != 0 {
            return Err("number of bricks is not a multiple of disperse count".into());
        }
    }
    check_bricks(&plan.bricks)?;
    Ok(plan)
}

/// `HOST:PATH` in its two parts.
pub(crate) fn split_brick(brick: &str) -> Result<(&str, &str), String> {
    match brick.split_once(":/") {
        Some((host, path)) if !host.is_empty() => Ok((host, &brick[brick.len() - path.len() - 1..])),
        _ => Err(format!(
            "Wrong brick type: {brick}, use <HOSTNAME>:<export-dir-abs-path>"
        )),
    }
}

fn check_bricks(bricks: &[(&str, &str)]) -> Result<(), String> {
    if bricks.is_empty() {
        return Err(String::new());
    }
    let mut sorted: Vec<_> = bricks.iter().collect();
    sorted.sort_unstable();
    match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(format!("Found duplicate exports {}:{}", pair[0].0, pair[0].1)),
        None => Ok(()),
    }
}

/// Checks bricks for a volume with `stamp` where they lie, and marks them: first those of `node` in their order,
/// then those of the others, all at once. Marks stay when a later check fails.
fn stage(
    world: &mut World,
    node: u32,
    plan: &Plan<'_>,
    stamp: u32,
    on_peer: &str,
    error: &str,
) -> Result<Vec<Brick>, String> {
    let mut bricks = Vec::with_capacity(plan.bricks.len());
    let mut unknown = Vec::new();
    for (host, path) in &plan.bricks {
        let found = world.brick_host(node, host, path);
        if found.is_none() {
            unknown.push(*host);
        }
        let host = world.names.word(host);
        let path = world.names.store(path.trim_end_matches('/'));
        bricks.push((
            found,
            Brick {
                node: found.unwrap_or(node),
                host,
                path,
                process: None,
            },
        ));
    }
    check_spread(plan, &bricks)?;
    for (found, brick) in &bricks {
        let host = world.names.read_word(brick.host).to_owned();
        let member =
            found.filter(|found| world.nodes[*found as usize].pool == world.nodes[node as usize].pool);
        let Some(member) = member else {
            return Err(format!("Host {host} is not in 'Peer in Cluster' state"));
        };
        if !world.connected(node, member) {
            return Err(format!("Host {host} not connected"));
        }
        if member == node {
            check_brick(world, brick, stamp, plan.force)?;
        }
    }
    let mut failed = None;
    for (_, brick) in bricks.iter().filter(|(_, brick)| brick.node != node) {
        if let Err(why) = check_brick(world, brick, stamp, plan.force) {
            failed.get_or_insert(format!("{on_peer} {}. {error}{why}", world.peer_name(brick.node)));
        }
    }
    match failed {
        Some(why) => Err(why),
        None => Ok(bricks.into_iter().map(|(_, brick)| brick).collect()),
    }
}

/// The same checks for `add-brick`, whose words for a peer's failure differ.
pub(crate) fn stage_more(
    world: &mut World,
    node: u32,
    bricks: &[(&str, &str)],
    (replica, disperse): (u16, u16),
    stamp: u32,
    force: bool,
) -> Result<Vec<Brick>, String> {
    let plan = Plan {
        replica,
        disperse,
        bricks: bricks.to_vec(),
        force,
        ..Plan::default()
    };
    stage(world, node, &plan, stamp, "Pre Validation failed on", "")
}

/// Bricks of one set lie on different nodes, unless forced.
fn check_spread(plan: &Plan<'_>, bricks: &[(Option<u32>, Brick)]) -> Result<(), String> {
    let set = usize::from(plan.replica.max(plan.disperse));
    if plan.force || set < 2 || !bricks.len().is_multiple_of(set) {
        return Ok(());
    }
    let kind = if plan.disperse > 0 {
        "disperse"
    } else {
        "replicate"
    };
    for set in bricks.chunks(set) {
        let mut nodes: Vec<u32> = set.iter().filter_map(|(found, _)| *found).collect();
        let all = nodes.len();
        nodes.sort_unstable();
        nodes.dedup();
        if nodes.len() < all {
            return Err(format!(
                "Multiple bricks of a {kind} volume are present on the same server. This setup is not optimal. Bricks should be on different nodes to have best fault tolerant configuration. Use 'force' at the end of the command if you want to override this behavior. "
            ));
        }
    }
    Ok(())
}

/// One brick on its node: free, a folder (made where only it is missing), not a mount point, not on the root
/// file system, not marked; then it is marked.
fn check_brick(world: &mut World, brick: &Brick, stamp: u32, force: bool) -> Result<(), String> {
    let path = world.names.read(&brick.path);
    let shown = format!("{}:{path}", world.names.read_word(brick.host));
    if !is_available(world, brick.node, &path) {
        return Err(format!(
            "Brick: {shown} not available. Brick may be containing or be contained by an existing brick."
        ));
    }
    let World { names, nodes, .. } = world;
    let node = &mut nodes[brick.node as usize];
    let place = match node.find(names, &path) {
        Ok(place) => place,
        Err(_) => {
            let no_folder =
                |why: &str| format!("Failed to create brick directory for brick {shown}. Reason : {why} ");
            let (parent, name) = node
                .parent(names, &path)
                .map_err(|error| no_folder(error.text()))?;
            let name = names.store(name);
            node.dir_mut(&parent).put(name, Inode::Dir(Box::new(Dir::new())));
            node.find(names, &path).map_err(|error| no_folder(error.text()))?
        }
    };
    if let Found::File(_) = node.look(&place) {
        return Err(format!(
            "The provided path {path} which is already present, is not a directory"
        ));
    }
    if !force && place.is_root() {
        return Err(format!(
            "The brick {shown} is a mount point. Please create a sub-directory under the mount point and use that as the brick directory. {OVERRIDE}"
        ));
    }
    if !force && place.system == 0 {
        return Err(format!(
            "The brick {shown} is being created in the root partition. It is recommended that you don't use the system's root partition for storage backend. {OVERRIDE}"
        ));
    }
    if !force {
        for (at, _) in path.match_indices('/').skip(1).chain([(path.len(), "")]) {
            if node.dir(names, &path[..at]).is_some_and(|dir| dir.volume != 0) {
                let who = if at == path.len() {
                    String::new()
                } else {
                    "parent directory ".into()
                };
                return Err(format!("{who}{} is already part of a volume", &path[..at]));
            }
        }
    }
    node.dir_mut(&place).volume = stamp;
    Ok(())
}

/// Whether no brick of the pool lies at `path`, above it or below it.
fn is_available(world: &World, node: u32, path: &str) -> bool {
    let machine = &world.nodes[node as usize];
    let used = |path: &str| {
        let code = hash(path);
        machine
            .bricks
            .range((code, 0)..=(code, u32::MAX))
            .any(|(_, number)| {
                let volume = world.gluster.volumes.get(*number);
                volume.is_some_and(|volume| {
                    volume
                        .bricks
                        .iter()
                        .any(|brick| brick.node == node && world.names.read(&brick.path) == path)
                })
            })
    };
    let above = path.match_indices('/').skip(1).map(|(at, _)| &path[..at]);
    if machine.bricks.is_empty() {
        return true;
    }
    !used(path)
        && !above.into_iter().any(used)
        && !machine
            .dir(&world.names, path)
            .is_some_and(|dir| below(dir, path, &world.names, &used))
}

/// Whether a folder in `dir` is a brick.
fn below(dir: &Dir, path: &str, names: &crate::text::Names, used: &impl Fn(&str) -> bool) -> bool {
    dir.children.iter().any(|child| match &child.what {
        Inode::Dir(inner) => {
            let inner_path = format!("{path}/{}", names.read(&child.name));
            used(&inner_path) || below(inner, &inner_path, names, used)
        }
        Inode::File(_) => false,
    })
}
