//! `gluster-block`: block volumes in files of a volume, served by daemons on hosts.
//!
//! What there is of one is kept with its volume, as the daemons keep it in a folder there; a deleted volume takes it along. A daemon
//! runs wherever glusterd does. Texts, keys and numbers are those of gluster-block's source (version 0.5), which is in no
//! distribution that this was tried on. Not simulated: what is written to a block volume, its room in the volume, what a host that is
//! replaced while it is away keeps, `genconfig` and `reload`, and changes without `--json`.

use mortar_argv::Output;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::gluster::State;
use crate::tool::{fail, say};
use crate::world::World;

/// A block volume.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Block {
    pub(crate) name: Box<str>,
    /// Stamp of its own id.
    stamp: u32,
    pub(crate) size: u64,
    ha: usize,
    /// Stamp of its password.
    password: Option<u32>,
    pub(crate) hosts: Vec<Host>,
    /// Hosts that gave their place to others.
    #[serde(default)]
    gone: Vec<Box<str>>,
}

impl Block {
    /// Its name, its size, and the hosts that serve it at that size.
    pub(crate) fn view(&self) -> (String, u64, Vec<String>) {
        let hosts = self.hosts.iter().filter(|host| host.size == Some(self.size));
        let names = hosts.map(|host| host.name.to_string()).collect();
        (self.name.to_string(), self.size, names)
    }
}

/// A host that is to serve one.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Host {
    pub(crate) name: Box<str>,
    /// What it serves it as, in bytes; nothing where that failed.
    pub(crate) size: Option<u64>,
}

/// A refusal: its number and text.
type Refused = (i32, String);

const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const ENODEV: i32 = 19;
const OTHER: i32 = 255;

/// Whether this is the program.
pub(crate) fn is_gluster_block(program: &str) -> bool {
    program.rsplit('/').next() == Some("gluster-block")
}

/// Whether it changes anything.
pub(crate) fn changes(arguments: &[String]) -> bool {
    let verb = arguments.first().map(String::as_str);
    matches!(verb, Some("create" | "delete" | "modify" | "replace"))
}

/// Runs it on a node.
pub(crate) fn run(world: &mut World, node: u32, arguments: &[String]) -> Output {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let [words @ .., "--json"] = &words[..] else {
        return fail(1, "gluster-block: the simulated one only answers with --json");
    };
    if !world.nodes[node as usize].glusterd {
        return fail(
            1,
            "Connection failed. Please check if gluster-block daemon is operational.",
        );
    }
    let answer = match words {
        ["create", path, rest @ ..] => create(world, node, path, rest),
        ["delete", path] => delete(world, node, path),
        ["modify", path, "size", size] => resize(world, node, path, size),
        ["replace", path, old, new] => replace(world, node, path, (old, new), false),
        ["replace", path, old, new, "force"] => replace(world, node, path, (old, new), true),
        ["info", path] => info(world, node, path),
        ["list", volume] => list(world, node, volume),
        _ => return fail(1, format!("Unknown option: {}", words.join(" "))),
    };
    let (status, answer) = answer.unwrap_or_else(|(number, text)| {
        let answer = json!({ "RESULT": "FAIL", "errCode": number, "errMsg": text });
        (number, answer)
    });
    Output {
        status,
        ..say(format!("{answer}\n"))
    }
}

type Answer = Result<(i32, Value), Refused>;

fn split(path: &str) -> Result<(&str, &str), Refused> {
    path.split_once('/').ok_or((
        OTHER,
        format!("argument '{path}'(<volname/blockname>) is incorrect"),
    ))
}

/// The volume, which must be there and started.
fn volume(world: &World, node: u32, name: &str) -> Result<u32, Refused> {
    let number = world.volume_number(node, name);
    let number = number.ok_or_else(|| (ENOENT, format!("Volume {name} does not exist")))?;
    let started = world
        .gluster
        .volumes
        .get(number)
        .is_some_and(|volume| volume.state == State::Started);
    started.then_some(number).ok_or_else(|| {
        (
            ENODEV,
            format!("Not able to Initialize volume {name} [Transport endpoint is not connected]"),
        )
    })
}

fn found<'a>(world: &'a mut World, node: u32, path: &str) -> Result<(u32, &'a mut Block), Refused> {
    let (of, name) = split(path)?;
    let number = volume(world, node, of)?;
    let kept = world
        .gluster
        .volumes
        .get_mut(number)
        .and_then(|volume| volume.rare.as_mut());
    let mut blocks = kept.into_iter().flat_map(|rare| rare.blocks.iter_mut());
    let block = blocks.find(|block| *block.name == *name);
    block
        .map(|block| (number, block))
        .ok_or_else(|| (ENOENT, format!("block {of}/{name} doesn't exist")))
}

/// Whether the daemons of all these hosts answer.
fn all_answer<'a>(world: &World, node: u32, hosts: impl Iterator<Item = &'a str>) -> Result<(), Refused> {
    for host in hosts {
        let answers = world
            .named(host)
            .is_some_and(|other| world.connected(node, other));
        if !answers {
            let text = format!(
                "Version check failed [host {host} returned -107] (Hint: See if all servers are up and running gluster-blockd daemon)"
            );
            return Err((OTHER, text));
        }
    }
    Ok(())
}

fn gib(text: &str) -> Result<u64, Refused> {
    let number = text
        .strip_suffix("GiB")
        .and_then(|number| number.parse::<u64>().ok());
    let number = number.filter(|number| *number > 0).map(|number| number << 30);
    number.ok_or_else(|| (OTHER, format!("'<size>' is incorrect: {text}")))
}

fn create(world: &mut World, node: u32, path: &str, words: &[&str]) -> Answer {
    let (of, name) = split(path)?;
    let ["ha", ha, "auth", auth, "prealloc", "full" | "no", hosts, size] = words else {
        return Err((
            OTHER,
            "the simulated gluster-block wants ha, auth and prealloc in this order".into(),
        ));
    };
    let hosts: Vec<&str> = hosts.split(',').collect();
    let size = gib(size)?;
    let ha = ha
        .parse::<usize>()
        .map_err(|_| (OTHER, "'ha' option is incorrect".to_owned()))?;
    if ha == 0 || ha > hosts.len() {
        return Err((
            ENODEV,
            format!("multipath req: {ha} > block-hosts: {}\n", hosts.join(",")),
        ));
    }
    all_answer(world, node, hosts.iter().copied())?;
    let number = volume(world, node, of)?;
    if found(world, node, path).is_ok() {
        return Err((EEXIST, format!("BLOCK with name: '{name}' already EXIST\n")));
    }
    // A host keeps its targets by name, whatever volume they are on.
    if hosts[..ha].iter().any(|host| world.serves(host, name)) {
        let answer = json!({ "IQN": "", "PORTAL(S)": [], "ROLLBACK SUCCESS ON": hosts, "RESULT": "FAIL" });
        return Ok((OTHER, answer));
    }
    let stamp = world.stamps.next();
    let password = (*auth == "enable").then(|| world.stamps.next());
    let served = |host: &&str| Host {
        name: (*host).into(),
        size: Some(size),
    };
    let block = Block {
        name: name.into(),
        stamp,
        size,
        ha,
        password,
        hosts: hosts[..ha].iter().map(served).collect(),
        gone: Vec::new(),
    };
    let kept = world.gluster.volumes.get_mut(number).expect("found by its name");
    kept.rare().blocks.push(block);
    let portals: Vec<String> = hosts[..ha].iter().map(|host| format!("{host}:3260")).collect();
    let mut answer = json!({ "IQN": format!("iqn.2016-12.org.gluster-block:{}", world.uuid(stamp)) });
    if let Some(password) = password {
        answer["USERNAME"] = world.uuid(stamp).into();
        answer["PASSWORD"] = world.uuid(password).into();
    }
    answer["PORTAL(S)"] = portals.into();
    answer["RESULT"] = "SUCCESS".into();
    Ok((0, answer))
}

fn delete(world: &mut World, node: u32, path: &str) -> Answer {
    let (number, block) = found(world, node, path)?;
    let (name, hosts) = (block.name.clone(), block.hosts.clone());
    all_answer(world, node, hosts.iter().map(|host| &*host.name))?;
    let kept = world.gluster.volumes.get_mut(number).expect("found before");
    kept.rare().blocks.retain(|block| block.name != name);
    let names: Vec<&str> = hosts.iter().map(|host| &*host.name).collect();
    Ok((0, json!({ "SUCCESSFUL ON": names, "RESULT": "SUCCESS" })))
}

fn resize(world: &mut World, node: u32, path: &str, size: &str) -> Answer {
    let size = gib(size)?;
    let (_, block) = found(world, node, path)?;
    let behind = block.hosts.iter().any(|host| host.size != Some(block.size));
    let now = block.size;
    if size == now && !behind {
        let text = format!("request size ({0}) is same as current size ({0}) ]", printed(now));
        return Err((OTHER, text));
    }
    if size < now {
        let (now, asked) = (printed(now), printed(size));
        let text = format!("Shrink size ?\nuse 'force' option [current size {now}, request size {asked}]");
        return Err((OTHER, text));
    }
    if block.hosts.iter().filter(|host| host.size.is_some()).count() != block.ha {
        let text = format!(
            "Some of the nodes are missing configuration, please look at logs for recent operations on the {}.",
            block.name
        );
        return Err((ENOENT, text));
    }
    let (stamp, hosts) = (block.stamp, block.hosts.clone());
    all_answer(world, node, hosts.iter().map(|host| &*host.name))?;
    let (_, block) = found(world, node, path)?;
    block.size = size;
    for host in &mut block.hosts {
        host.size = Some(size);
    }
    let names: Vec<&str> = hosts.iter().map(|host| &*host.name).collect();
    let iqn = format!("iqn.2016-12.org.gluster-block:{}", world.uuid(stamp));
    Ok((
        0,
        json!({ "IQN": iqn, "SIZE": printed(size), "SUCCESSFUL ON": names, "RESULT": "SUCCESS" }),
    ))
}

/// The target is made on the new host, told of to the others, and taken off the old one.
fn replace(world: &mut World, node: u32, path: &str, (old, new): (&str, &str), force: bool) -> Answer {
    let (of, name) = split(path)?;
    let (number, block) = found(world, node, path)?;
    let (block, size) = (block.clone(), block.size);
    let serves = |host: &str| block.hosts.iter().any(|served| *served.name == *host);
    let others: Vec<&str> = block
        .hosts
        .iter()
        .map(|host| &*host.name)
        .filter(|host| *host != old)
        .collect();
    let asked = others
        .iter()
        .copied()
        .chain((!force && serves(old)).then_some(old));
    all_answer(world, node, asked.chain([new]))?;
    let known = serves(old) || block.gone.iter().any(|gone| **gone == *old);
    if !known {
        let text = format!("block '{name}' is not configured on node '{old}' for volume '{of}'");
        return Err((OTHER, text));
    }
    if serves(new) && !serves(old) {
        return Ok((0, json!({ "NAME": name, "RESULT": "SKIPPED" })));
    }
    if serves(new) {
        let text = format!("block '{name}' was already configured on node '{new}' for volume '{of}'");
        return Err((OTHER, text));
    }
    // A host keeps its targets by name, whatever volume they are on.
    if world.serves(new, name) {
        return Ok((
            OTHER,
            json!({ "NAME": name, "CREATE FAILED": new, "RESULT": "FAIL" }),
        ));
    }
    let away = all_answer(world, node, std::iter::once(old)).is_err();
    let kept = world.gluster.volumes.get_mut(number).expect("found before");
    let mut blocks = kept.rare().blocks.iter_mut();
    let block = blocks.find(|block| *block.name == *name).expect("found before");
    for host in block.hosts.iter_mut().filter(|host| *host.name == *old) {
        *host = Host {
            name: new.into(),
            size: Some(size),
        };
    }
    block.gone.retain(|gone| **gone != *new);
    block.gone.push(old.into());
    let deleted = if away {
        "DELETE FAILED (ignored)"
    } else {
        "DELETE SUCCESS"
    };
    let mut answer = json!({ "NAME": name, "CREATE SUCCESS": new });
    answer[deleted] = old.into();
    answer["REPLACE PORTAL SUCCESS ON"] = others.into();
    answer["RESULT"] = "SUCCESS".into();
    Ok((0, answer))
}

fn info(world: &mut World, node: u32, path: &str) -> Answer {
    let (_, block) = found(world, node, path)?;
    let block = block.clone();
    let (of, _) = split(path)?;
    let names = |wanted: &dyn Fn(&Host) -> bool| -> Vec<String> {
        let hosts = block.hosts.iter().filter(|host| wanted(host));
        hosts.map(|host| host.name.to_string()).collect()
    };
    let mut answer = json!({
        "NAME": block.name, "VOLUME": of, "GBID": world.uuid(block.stamp), "SIZE": printed(block.size),
        "HA": block.ha, "IOTIMEOUT": "43 Seconds",
        "PASSWORD": block.password.map(|stamp| world.uuid(stamp)).unwrap_or_default(),
        "EXPORTED ON": names(&|host| host.size.is_some()),
    });
    let behind = names(&|host| host.size.is_some_and(|size| size != block.size));
    if !behind.is_empty() {
        let sizes = block.hosts.iter().filter_map(|host| {
            let size = host.size.filter(|size| *size != block.size)?;
            Some((host.name.to_string(), Value::from(printed(size))))
        });
        answer["RESIZE FAILED ON"] = Value::Object(sizes.collect());
    }
    let broken = names(&|host| host.size.is_none());
    if !broken.is_empty() {
        answer["ENCOUNTERED FAILURES ON"] = broken.into();
    }
    Ok((0, answer))
}

fn list(world: &mut World, node: u32, of: &str) -> Answer {
    let number = volume(world, node, of)?;
    let kept = world
        .gluster
        .volumes
        .get(number)
        .and_then(|volume| volume.rare.as_ref());
    let names: Vec<&str> = kept
        .iter()
        .flat_map(|rare| &rare.blocks)
        .map(|block| &*block.name)
        .collect();
    Ok((0, json!({ "blocks": names, "RESULT": "SUCCESS" })))
}

fn printed(bytes: u64) -> String {
    let (mut size, mut unit) = (bytes, 0);
    let mut rest = 0;
    while size >= 1024 {
        rest = size % 1024;
        size /= 1024;
        unit += 1;
    }
    let tenths = size * 10 + (rest * 10 + 512) / 1024;
    let unit = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"][unit];
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

impl World {
    /// Whether a host has a target of this name.
    fn serves(&self, host: &str, name: &str) -> bool {
        let kept = self
            .gluster
            .volumes
            .iter()
            .filter_map(|(_, volume)| volume.rare.as_ref());
        let mut blocks = kept
            .flat_map(|rare| &rare.blocks)
            .filter(|block| *block.name == *name);
        blocks.any(|block| block.hosts.iter().any(|served| *served.name == *host))
    }

    /// Lets a host not serve a block volume, as a creation does that ended before its time. Returns whether there is such a one.
    pub fn break_block(&mut self, volume: &str, name: &str, host: &str) -> bool {
        self.change_block(volume, name, |block| {
            let mut hosts = block.hosts.iter_mut();
            hosts
                .find(|served| *served.name == *host)
                .map(|served| served.size = None)
        })
    }

    /// Lets a block volume be larger, but for one host. Returns whether there is such a one.
    pub fn half_grow_block(&mut self, volume: &str, name: &str, host: &str, size: u64) -> bool {
        self.change_block(volume, name, |block| {
            block.size = size;
            let others = block.hosts.iter_mut().filter(|served| *served.name != *host);
            others.for_each(|served| served.size = Some(size));
            Some(())
        })
    }

    fn change_block(
        &mut self,
        volume: &str,
        name: &str,
        change: impl FnOnce(&mut Block) -> Option<()>,
    ) -> bool {
        let word = volume.to_owned();
        let numbers: Vec<u32> = self.gluster.volumes.iter().map(|(number, _)| number).collect();
        let number = numbers.into_iter().find(|number| {
            let found = self.gluster.volumes.get(*number);
            found.is_some_and(|found| self.names.read(&found.name) == word)
        });
        let kept = number.and_then(|number| self.gluster.volumes.get_mut(number));
        let mut blocks = kept
            .into_iter()
            .flat_map(|volume| volume.rare().blocks.iter_mut());
        let block = blocks.find(|block| *block.name == *name);
        block.and_then(change).is_some()
    }
}
