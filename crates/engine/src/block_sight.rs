//! What `gluster-block` tells of the block volumes that volumes hold.
//!
//! It waits for whoever changes one of them, so each pool is asked about one volume at a time, and a member that was too slow is not
//! followed by others, which would wait as long. Not every node has the program: the first one that does tells of all.

use std::time::Duration;

use mortar_argv::{Batch, Outcome, Report};
use mortar_command::not_served;
use mortar_command::query::block_volumes::{self, BlockSeen, BlockTold};
use mortar_model::{BlockVolumeId, HostName, NodeId, VolumeName};

use crate::act;
use crate::engine::{Engine, Inner};
use crate::sight::VolumeSight;

/// Block volumes that one batch asks for.
const AT_ONCE: usize = 32;
/// Why nobody was asked.
const NOBODY: &str = "no member of the trusted pool answers";

/// Why nobody told.
const UNSERVED: &str = "gluster-block answers on no node of the cluster";

/// What is told of the block volumes of a volume, or why nothing is.
pub(crate) type Told = Result<Vec<BlockSeen>, String>;

/// What was seen of a block volume, and of the volume that holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockSight {
    /// What `gluster-block` tells of it, or why it tells nothing; `None` where it knows none of that name.
    pub told: Result<Option<BlockTold>, String>,
    /// What was seen of the volume that holds it.
    pub hosting: VolumeSight,
}

impl Engine {
    /// Looks at a block volume and at the volume that holds it. `None` when it is not known.
    pub async fn look_at_block(&self, id: BlockVolumeId) -> Option<BlockSight> {
        let inner = &self.inner;
        let (block, hosting, nodes) = self.view(|landscape| {
            let inventory = landscape.inventory();
            let block = inventory.block(id)?.clone();
            let hosting = inventory.volume(block.hosting)?.clone();
            let nodes = inventory.nodes_of(hosting.cluster).map(|node| node.id);
            Some((block, hosting, nodes.collect::<Vec<NodeId>>()))
        })?;
        let members = act::healthy_first(inner, &nodes);
        let members: Vec<HostName> = self.view(|landscape| {
            let nodes = members.iter().filter_map(|id| landscape.inventory().node(*id));
            nodes.map(|node| node.manage.clone()).collect()
        });
        let (told, hosting) = tokio::join!(
            tell_one(inner, &members, &hosting.name, &block.name),
            self.look_at_volume(hosting.id)
        );
        Some(BlockSight {
            told,
            hosting: hosting?,
        })
    }
}

/// Asks about one block volume. The members are asked in this order.
async fn tell_one(
    inner: &Inner,
    members: &[HostName],
    hosting: &VolumeName,
    name: &VolumeName,
) -> Result<Option<BlockTold>, String> {
    let names = std::slice::from_ref(name);
    let batch = block_volumes::ask_each(&inner.config.settings, hosting, names);
    let mut why = NOBODY.to_owned();
    for member in members {
        let asked = Asked {
            inner,
            member,
            patience: inner.config.patience,
        };
        let report = asked.run(&batch).await;
        let seen = block_volumes::read_each(names, &report).pop();
        match seen.map(|seen| seen.told).transpose() {
            Err(_) if not_served(&report) => UNSERVED.clone_into(&mut why),
            Err(silent) if elsewhere(&report) => why = silent,
            told => return told,
        }
    }
    Err(why)
}

/// Asks about the block volumes of each of these volumes of one pool. The members are asked in this order.
pub(crate) async fn tell<K>(
    inner: &Inner,
    mut members: Vec<HostName>,
    hosting: Vec<(K, VolumeName)>,
    patience: Duration,
) -> Vec<(K, Told)> {
    let mut told = Vec::with_capacity(hosting.len());
    let mut why = NOBODY.to_owned();
    for (key, volume) in hosting {
        let answer = loop {
            let Some(member) = members.first() else {
                break Err(why.clone());
            };
            let asked = Asked {
                inner,
                member,
                patience,
            };
            let report = asked
                .run(&block_volumes::ask(&inner.config.settings, &volume))
                .await;
            match block_volumes::read(&report) {
                Ok(names) => break Ok(asked.each(&volume, names).await),
                Err(error) if elsewhere(&report) => {
                    why = error.to_string();
                    members.remove(0);
                }
                Err(error) => break Err(error.to_string()),
            }
        };
        told.push((key, answer));
    }
    told
}

/// Whether another member may answer what this one did not: there is no gluster-block here, or nobody was reached.
fn elsewhere(report: &Report) -> bool {
    not_served(report) || matches!(report.outcomes.first(), Some(Outcome::NotRun) | None)
}

/// A member that is asked.
struct Asked<'a> {
    inner: &'a Inner,
    member: &'a HostName,
    patience: Duration,
}

impl Asked<'_> {
    async fn run(&self, batch: &Batch) -> Report {
        let answer = act::run_on(self.inner, self.member.as_str(), batch, "ask for block volumes");
        let patience = self.patience;
        // It may have run, or run still.
        tokio::time::timeout(patience, answer)
            .await
            .unwrap_or_else(|_| Report {
                outcomes: vec![Outcome::Unknown; batch.items().len()],
                broken: Some(format!("no answer within {patience:?}")),
            })
    }

    async fn each(&self, volume: &VolumeName, names: Vec<String>) -> Vec<BlockSeen> {
        let mut seen = Vec::with_capacity(names.len());
        let mut known = Vec::with_capacity(names.len());
        for name in names {
            match VolumeName::new(name.as_str()) {
                Ok(name) => known.push(name),
                Err(why) => seen.push(BlockSeen {
                    name,
                    told: Err(format!("it cannot be asked for: {why}")),
                }),
            }
        }
        for some in known.chunks(AT_ONCE) {
            let batch = block_volumes::ask_each(&self.inner.config.settings, volume, some);
            seen.extend(block_volumes::read_each(some, &self.run(&batch).await));
        }
        seen.sort_by(|a, b| a.name.cmp(&b.name));
        seen
    }
}
