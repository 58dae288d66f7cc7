//! A client as real ones are: it asks again when the server is away, follows the queue, and remembers what it was told.
//!
//! A request whose answer was lost may have been accepted or not. The client finds out the way real ones do: it asks
//! for the same name again, looks at the size, or deletes once more.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::data::{self, Written};
use crate::door::Said;
use crate::world::{Patience, World, Wrong, is_later, text};

/// Volumes that a client has at most: each brick is a process on a machine that also holds the nodes.
const MOST_VOLUMES: usize = 3;
/// GiB that a volume is expanded to at most.
const MOST_GIB: u64 = 3;

/// A volume that the client was told it has.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) gib: u64,
    /// Bricks of a set.
    pub(crate) copies: u64,
    pub(crate) sets: u64,
    /// Files that were written and closed without an error.
    pub(crate) files: Vec<Written>,
}

/// The answer that a queue id ended with.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) queue: String,
    pub(crate) said: Said,
    pub(crate) at: Instant,
}

/// A client with its memory.
pub(crate) struct Client<'a> {
    pub(crate) world: &'a World,
    pub(crate) name: String,
    chance: Chance,
    serial: u32,
    pub(crate) volumes: Vec<Volume>,
    pub(crate) told: Vec<Told>,
}

/// What became of a request.
enum Came {
    /// The queue's last answer.
    Ended(Said),
    /// No: nothing was begun.
    Refused(Said),
    /// An earlier try, whose answer was lost, had done it.
    DoneBefore,
}

impl<'a> Client<'a> {
    pub(crate) fn new(world: &'a World, number: u64) -> Self {
        Self {
            world,
            name: format!("client {number}"),
            chance: Chance::new(world.seed, number),
            serial: 0,
            volumes: Vec::new(),
            told: Vec::new(),
        }
    }

    /// Works until the soak is over; what goes wrong is told to the others.
    pub(crate) fn work(&mut self) {
        while !self.world.is_over() {
            if let Err(wrong) = self.act() {
                self.world.wrong(&self.name, &wrong);
            }
        }
    }

    fn tell(&self, what: impl std::fmt::Display) {
        self.world.tell(&self.name, what);
    }

    fn act(&mut self) -> Result<(), Wrong> {
        let have = self.volumes.len();
        if have == 0 || (have < MOST_VOLUMES && self.chance.percent(40)) {
            return self.create();
        }
        let number = usize::try_from(self.chance.below(have as u64)).expect("few volumes");
        match self.chance.below(10) {
            0..4 => self.write(number),
            4..6 if self.volumes[number].gib < MOST_GIB => self.expand(number),
            _ => self.delete(number),
        }
    }

    fn create(&mut self) -> Result<(), Wrong> {
        self.serial += 1;
        let number = self.name.trim_start_matches("client ");
        let name = format!("{}_{number}_{}", self.world.prefix, self.serial);
        let copies = [1, 2, 3, 3][usize::try_from(self.chance.below(4)).expect("below 4")];
        let kind = if copies == 1 { "none" } else { "replicate" };
        let body = json!({
            "size": 1,
            "name": name,
            "clusters": [self.world.cluster],
            "durability": {"type": kind, "replicate": {"replica": copies}},
        });
        self.tell(format!("create {name}, {copies} copies"));
        let before = |client: &Self| client.by_name(&name).map(|found| found.is_some());
        let ended = match self.ask(&Method::POST, "/volumes", Some(&body), &before)? {
            Came::Refused(said) if said.kind.as_deref() == Some("no-space") => {
                self.world.count("create: no space");
                return Ok(());
            }
            Came::Refused(said) => return Err(format!("create {name} was refused: {said:?}")),
            Came::DoneBefore => None,
            Came::Ended(said) => Some(said),
        };
        let found = match &ended {
            Some(said) if said.status == 303 => {
                let place = said.location.clone().unwrap_or_default();
                let info = self.world.get(&place)?;
                if info.status != 200 {
                    return Err(format!(
                        "{name} was made ({said:?}) and is not at {place}: {info:?}"
                    ));
                }
                info.json()
            }
            Some(said) => {
                if self.by_name(&name)?.is_some() {
                    return Err(format!("{name} was not made ({said:?}) and is there"));
                }
                self.world.count("create: failed");
                return Ok(());
            }
            None => self
                .by_name(&name)?
                .ok_or_else(|| format!("{name} was there and is no more"))?,
        };
        let volume = Volume {
            id: text(&found, "id"),
            name,
            gib: 1,
            copies,
            sets: 1,
            files: Vec::new(),
        };
        is_as_told(&volume, &found)?;
        self.volumes.push(volume);
        self.world.count("create: done");
        Ok(())
    }

    fn expand(&mut self, number: usize) -> Result<(), Wrong> {
        let Volume { id, name, gib, .. } = self.volumes[number].clone();
        self.tell(format!("expand {name}"));
        // One like the other: by larger bricks, and by more of them.
        let adds = gib % 2 == 0;
        let way = if adds { "add-bricks" } else { "in-place" };
        let place = format!("/v1/volumes/{id}/expand");
        let before = |client: &Self| {
            client.settled(&id)?;
            let info = client.world.get(&format!("/volumes/{id}"))?;
            Ok(info.status == 200 && info.json()["size"] == gib + 1)
        };
        let done = match self.ask(
            &Method::POST,
            &place,
            Some(&json!({"by": 1_u64 << 30, "way": way})),
            &before,
        )? {
            Came::Refused(said) if said.kind.as_deref() == Some("no-space") => {
                self.world.count("expand: no space");
                return Ok(());
            }
            Came::Refused(said) if said.kind.as_deref() == Some("node-failed") => {
                self.world.count("expand: a node is away");
                return Ok(());
            }
            Came::Refused(said) => return Err(format!("expand of {name} was refused: {said:?}")),
            Came::DoneBefore => true,
            Came::Ended(said) => said.status == 303,
        };
        if done {
            let volume = &mut self.volumes[number];
            volume.gib += 1;
            volume.sets += u64::from(adds);
        }
        self.world
            .count(if done { "expand: done" } else { "expand: failed" });
        self.is_there(number)
    }

    fn delete(&mut self, number: usize) -> Result<(), Wrong> {
        let Volume { id, name, .. } = self.volumes[number].clone();
        self.tell(format!("delete {name}"));
        let place = format!("/volumes/{id}");
        // Not there for anybody while it is being deleted: only a delete that is refused with "no such thing" tells.
        let before = |client: &Self| {
            client.settled(&id)?;
            Ok(client.world.get(&place)?.status == 404)
        };
        match self.ask(&Method::DELETE, &place, None, &before)? {
            Came::Refused(said) => return Err(format!("delete of {name} was refused: {said:?}")),
            // It could not be deleted and is as it was; later again.
            Came::Ended(said) if said.status == 500 => {
                self.world.count("delete: failed");
                return self.is_there(number);
            }
            Came::Ended(_) | Came::DoneBefore => {}
        }
        let info = self.world.get(&place)?;
        if info.status != 404 {
            return Err(format!("{name} was deleted and is there: {info:?}"));
        }
        self.volumes.remove(number);
        self.world.count("delete: done");
        Ok(())
    }

    fn write(&mut self, number: usize) -> Result<(), Wrong> {
        let volume = &self.volumes[number];
        match data::write(&self.world.lab, volume, &mut self.chance) {
            Ok(written) => {
                self.tell(format!("wrote {} to {}", written.name, volume.name));
                self.volumes[number].files.push(written);
                self.world.count("write: done");
            }
            // With a node away that is as it must be; whether what was written before is still there is checked at
            // the end.
            Err(error) => {
                self.tell(format!("could not write to {}: {error}", volume.name));
                self.world.count("write: failed");
            }
        }
        Ok(())
    }

    /// Asks for a change until it is known what became of it. `before` tells whether an earlier try did it after all.
    fn ask(
        &mut self,
        method: &Method,
        place: &str,
        body: Option<&Value>,
        before: &dyn Fn(&Self) -> Result<bool, Wrong>,
    ) -> Result<Came, Wrong> {
        let patience = Patience::new(format!("{method} {place} is accepted"));
        let mut lost = false;
        loop {
            match self.world.try_ask(method, place, body) {
                None => {
                    self.tell(format!("{method} {place}: no answer"));
                    lost = true;
                }
                Some(said) if said.status == 202 => return self.follow(said.queue_id()).map(Came::Ended),
                Some(said) if is_later(&said) => {}
                Some(said) => {
                    if !lost {
                        return Ok(Came::Refused(said));
                    }
                    self.tell(format!("{method} {place}: after a lost answer: {said:?}"));
                }
            }
            if lost && before(self)? {
                self.world.count("answers lost, and it was done");
                return Ok(Came::DoneBefore);
            }
            patience.pause(self.world)?;
        }
    }

    /// Follows a queue id to its end. That an operation needs attention is no end here: while a node is away there is
    /// nothing else to say, and it is asked again.
    fn follow(&mut self, queue: &str) -> Result<Said, Wrong> {
        let patience = Patience::new(format!("queue id {queue} comes to an end"));
        let mut attention = false;
        loop {
            let said = self.world.get(&format!("/queue/{queue}?wait=5"))?;
            match (said.status, said.kind.as_deref()) {
                (200, _) if said.pending => {}
                (500, Some("needs-attention")) => {
                    if !attention {
                        self.tell(format!("queue id {queue}: {said:?}"));
                        self.world.count("operations that stood still for a while");
                    }
                    attention = true;
                    std::thread::sleep(Duration::from_millis(200));
                }
                (204 | 303 | 500, _) => {
                    self.tell(format!("queue id {queue}: {} {}", said.status, said.text.trim()));
                    self.told.push(Told {
                        queue: queue.to_owned(),
                        said: said.clone(),
                        at: Instant::now(),
                    });
                    return Ok(said);
                }
                _ => return Err(format!("queue id {queue}, which was given, says {said:?}")),
            }
            patience.pause(self.world)?;
        }
    }

    /// Waits until nothing works on a volume.
    fn settled(&self, id: &str) -> Result<(), Wrong> {
        let patience = Patience::new(format!("nothing works on volume {id} any more"));
        while self
            .world
            .open_operations()?
            .iter()
            .any(|operation| operation["subject"]["id"] == id)
        {
            patience.pause(self.world)?;
        }
        Ok(())
    }

    /// The volume of this name.
    fn by_name(&self, name: &str) -> Result<Option<Value>, Wrong> {
        let list = self.world.get("/volumes")?.json();
        for id in list["volumes"].as_array().into_iter().flatten() {
            let info = self
                .world
                .get(&format!("/volumes/{}", id.as_str().unwrap_or_default()))?;
            // Another client may have deleted it in between.
            if info.status == 200 && info.json()["name"] == name {
                return Ok(Some(info.json()));
            }
        }
        Ok(None)
    }

    /// The volume is there, just as the client was told.
    fn is_there(&self, number: usize) -> Result<(), Wrong> {
        let volume = &self.volumes[number];
        let info = self.world.get(&format!("/volumes/{}", volume.id))?;
        if info.status != 200 {
            return Err(format!("{} is not there: {info:?}", volume.name));
        }
        is_as_told(volume, &info.json())
    }
}

/// A description says what the client was told.
pub(crate) fn is_as_told(volume: &Volume, info: &Value) -> Result<(), Wrong> {
    let bricks = info["bricks"].as_array().map_or(0, Vec::len) as u64;
    let as_told = info["id"] == volume.id.as_str()
        && info["name"] == volume.name.as_str()
        && info["size"] == volume.gib
        && bricks == volume.copies * volume.sets;
    if as_told {
        Ok(())
    } else {
        Err(format!("told of {volume:?}, and it is {info}"))
    }
}
