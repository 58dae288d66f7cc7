//! The block volumes that a volume holds, beside those that are recorded.
//!
//! `gluster-block` prints sizes with one digit after the point: below 1 TiB that tells whole GiB apart, above it does not. What cannot
//! be told apart is no difference.

use mortar_command::query::block_volumes::{BlockSeen, BlockTold, exactly, printed};
use mortar_model::{BlockVolume, ClusterId, HostName, Volume};
use mortar_plan::Subject as Thing;

use super::{About, Found, Ground};
use crate::blocks::read;
use crate::finding::{Finding, Proof, Remedy, Repair, Subject};
use crate::kind::Kind;

pub(super) fn compare(ground: &Ground<'_>, cluster: ClusterId, found: &mut Found<'_>) {
    for hosting in ground.inventory.volumes_of(cluster).filter(|volume| volume.block) {
        match ground.scan.blocks.get(&hosting.id) {
            // One that is not there or does not run is told of as a volume.
            None => {}
            Some(Err(reason)) => silent(ground, hosting, reason, found),
            Some(Ok(seen)) => held(ground, hosting, seen, found),
        }
    }
}

/// Nobody tells of the block volumes that are recorded.
fn silent(ground: &Ground<'_>, hosting: &Volume, reason: &str, found: &mut Found<'_>) {
    let recorded = ground.inventory.blocks_on(hosting.id).count();
    if recorded == 0 {
        return;
    }
    let finding = Finding {
        kind: Kind::BlocksSilent,
        subject: Subject {
            kind: "volume",
            id: hosting.id.to_string(),
            name: hosting.name.to_string(),
        },
        node: None,
        proof: Proof {
            recorded: format!("{recorded} block volumes"),
            seen: reason.to_owned(),
            place: format!("gluster-block list {}", hosting.name),
        },
        remedy: Remedy::ByHand(
            "see that gluster-blockd runs on a node of the cluster, and what its log says; the volume's block volumes are not \
             judged before"
                .into(),
        ),
    };
    let about = [About::Thing(Thing::Volume(hosting.id)), About::Blocks(hosting.id)];
    found.add(&about, finding);
}

fn held(ground: &Ground<'_>, hosting: &Volume, seen: &[BlockSeen], found: &mut Found<'_>) {
    for block in ground.inventory.blocks_on(hosting.id) {
        let pair = Pair { hosting, block };
        match seen.iter().find(|seen| seen.name == block.name.as_str()) {
            None => pair.missing(seen.len(), found),
            Some(seen) => pair.compare(seen, found),
        }
    }
    for stranger in seen {
        let mut recorded = ground.inventory.blocks_on(hosting.id);
        if !recorded.any(|block| block.name.as_str() == stranger.name) {
            unknown(ground, hosting, stranger, found);
        }
    }
}

/// One that is on the volume and in no record: it takes room that is promised to others.
fn unknown(ground: &Ground<'_>, hosting: &Volume, stranger: &BlockSeen, found: &mut Found<'_>) {
    let path = format!("{}/{}", hosting.name, stranger.name);
    let seen = match &stranger.told {
        Ok(told) => format!("{} on {}", told.size, told.hosts.join(", ")),
        Err(why) => why.clone(),
    };
    // What is told of it is all that a record has, where no other one of the cluster has its name or id.
    let free = |block: &BlockVolume| {
        let inventory = ground.inventory;
        inventory.block(block.id).is_none() && inventory.block_by_name(hosting.cluster, &block.name).is_none()
    };
    let whole = read(hosting, stranger)
        .ok()
        .filter(|read| read.exact && free(&read.block));
    let remedy = match whole {
        Some(read) => Remedy::OnCommand(Repair::AddBlock(Box::new(read.block))),
        None => Remedy::ByHand(format!(
            "it takes room of {} that Mortar counts as free: when nobody needs what is in it, remove it by 'gluster-block delete \
             {path}'; else lock the volume for new block volumes",
            hosting.name
        )),
    };
    let finding = Finding {
        kind: Kind::BlockUnknown,
        subject: Subject {
            kind: "block",
            id: format!("{}:{}", hosting.id, stranger.name),
            name: path.clone(),
        },
        node: None,
        proof: Proof {
            seen,
            place: format!("gluster-block info {path}"),
            ..Proof::default()
        },
        remedy,
    };
    let about = [
        About::Thing(Thing::Volume(hosting.id)),
        About::Block(hosting.id, &stranger.name),
    ];
    found.add(&about, finding);
}

/// A recorded block volume and the volume that holds it.
struct Pair<'a> {
    hosting: &'a Volume,
    block: &'a BlockVolume,
}

impl Pair<'_> {
    fn path(&self) -> String {
        format!("{}/{}", self.hosting.name, self.block.name)
    }

    fn add(&self, found: &mut Found<'_>, kind: Kind, recorded: String, seen: String, remedy: Remedy) {
        let (hosting, block) = (self.hosting, self.block);
        let about = [
            About::Thing(Thing::Volume(hosting.id)),
            About::Thing(Thing::Block(block.id)),
            About::Block(hosting.id, block.name.as_str()),
        ];
        let finding = Finding {
            kind,
            subject: Subject {
                kind: "block",
                id: block.id.to_string(),
                name: self.path(),
            },
            node: None,
            proof: Proof {
                recorded,
                seen,
                place: format!("gluster-block info {}", self.path()),
            },
            remedy,
        };
        found.add(&about, finding);
    }

    fn missing(&self, others: usize, found: &mut Found<'_>) {
        let block = self.block;
        let recorded = format!("{} on {}", block.size, hosts(&block.hosts));
        let seen = format!("{others} block volumes, none of that name");
        let advice = format!(
            "it was removed past Mortar, and what was in it is gone: remove it here too ('mortar block delete {}')",
            block.id
        );
        self.add(found, Kind::BlockMissing, recorded, seen, Remedy::ByHand(advice));
    }

    fn compare(&self, seen: &BlockSeen, found: &mut Found<'_>) {
        let told = match &seen.told {
            Ok(told) => told,
            Err(why) => {
                let advice = "see the log of gluster-blockd on its hosts".to_owned();
                let recorded = format!("{} on {}", self.block.size, hosts(&self.block.hosts));
                return self.add(
                    found,
                    Kind::BlockUnclear,
                    recorded,
                    why.clone(),
                    Remedy::ByHand(advice),
                );
            }
        };
        let recorded = &self.block.target.iqn;
        if !recorded.is_empty() && *recorded != told.target.iqn {
            let advice = "it was removed and made anew past Mortar: initiators do not find it by what Mortar tells them; settle whose it \
                          is, and remove it here ('mortar block delete') when it is nobody's"
                .to_owned();
            let (recorded, seen) = (recorded.clone(), told.target.iqn.clone());
            return self.add(found, Kind::BlockForeign, recorded, seen, Remedy::ByHand(advice));
        }
        self.size(told, found);
        self.hosts(told, found);
    }

    fn size(&self, told: &BlockTold, found: &mut Found<'_>) {
        let block = self.block;
        let same = [block.size, block.usable].map(printed).contains(&told.size);
        if same && told.smaller.is_empty() {
            return;
        }
        let seen = if told.smaller.is_empty() {
            told.size.clone()
        } else {
            format!("{}, and less on {}", told.size, told.smaller.join(", "))
        };
        let larger = exactly(&told.size).filter(|size| *size > block.size && told.smaller.is_empty());
        let remedy = match larger {
            // Whoever made it larger has told initiators; it does not become smaller again.
            Some(size) => Remedy::OnCommand(Repair::RecordBlock {
                block: block.id,
                size: Some(size),
                hosts: None,
            }),
            None => Remedy::ByHand(format!(
                "make it as large as recorded on all its hosts: 'gluster-block modify {} size {}GiB'",
                self.path(),
                block.size.gib()
            )),
        };
        self.add(found, Kind::BlockSize, block.size.to_string(), seen, remedy);
    }

    fn hosts(&self, told: &BlockTold, found: &mut Found<'_>) {
        let block = self.block;
        let recorded = format!("{} of {}", block.ha, hosts(&block.hosts));
        let serve = told.hosts.len() >= told.ha.min(block.ha) as usize;
        if !serve || !told.broken.is_empty() {
            let mut seen = format!(
                "{} of {} serve it: {}",
                told.hosts.len(),
                told.ha,
                told.hosts.join(", ")
            );
            if !told.broken.is_empty() {
                seen.push_str(&format!("; it failed on {}", told.broken.join(", ")));
            }
            let advice = format!(
                "see the log of gluster-blockd on the others; a host that is gone for good gives its place to another one by 'mortar block \
                 replace {} --host HOST --dead'",
                self.block.id
            );
            return self.add(found, Kind::BlockHosts, recorded, seen, Remedy::ByHand(advice));
        }
        let may = |host: &String| {
            block
                .hosts
                .iter()
                .any(|known| known.as_str().eq_ignore_ascii_case(host))
        };
        if told.hosts.iter().all(may) {
            return;
        }
        let names: Option<Vec<HostName>> = told
            .hosts
            .iter()
            .map(|host| HostName::new(host.as_str()).ok())
            .collect();
        let remedy = match names {
            Some(names) => Remedy::OnCommand(Repair::RecordBlock {
                block: block.id,
                size: None,
                hosts: Some(names),
            }),
            None => Remedy::ByHand("give it hosts that Mortar can name, by 'gluster-block replace'".into()),
        };
        let seen = told.hosts.join(", ");
        self.add(found, Kind::BlockHosts, recorded, seen, remedy);
    }
}

fn hosts(hosts: &[HostName]) -> String {
    let names: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
    names.join(", ")
}
