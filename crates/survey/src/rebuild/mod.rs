//! Records made again from what nodes and pools show, when there are none.
//!
//! What was heard goes in, records come out, and beside them every thing that a scan cannot know, every thing that is
//! there and not in the records, and every contradiction with what was decided. Three rules:
//!
//! * A volume comes back only when it is whole enough to be operated: each of its bricks is known with its device and
//!   size, and its sets are those of its durability. What is not restored is named and left as it is.
//! * What is there and not in the records keeps its space: the devices below it come back smaller by that much,
//!   so that nothing is promised twice.
//! * Nothing is made up but what is named as such: an id that is written nowhere is drawn, a zone that is written
//!   nowhere is 1.
//!
//! | fact | from | else from |
//! |---|---|---|
//! | cluster | its nodes' files | options of its volumes, files of its bricks |
//! | node | its own file | the file of a neighbour, which keeps a copy; files of its bricks |
//! | device | the node's file, and the volume group or directory itself | one of the two |
//! | volume | its options | files of its bricks, and what GlusterFS shows of it |
//! | snapshot | the file beside any of its copies | |
//! | block volume | what `gluster-block` keeps of it in the volume that holds it | |
//! | brick | its path and place in the volume; its logical volume or image | its file; its twins in the set |
//!
//! | file | job |
//! |---|---|
//! | `heard` | the answers; whom to ask next |
//! | `machines` | which answers are one machine, and where in a pool it is |
//! | `pools` | which machines are one pool |
//! | `nodes` | which member is which node |
//! | `devices` | the devices of a node |
//! | `traces` | what is there of each brick |
//! | `volumes` | volumes with their bricks |
//! | `listed` | the bricks that a volume lists |
//! | `taken` | bricks that were taken over, with their names |
//! | `bricks` | size and space of a brick |
//! | `snapshots` | snapshots whose volume is restored |
//! | `blocks` | block volumes whose hosting volume is restored |
//! | `remains` | what is there and not in the records, and the space it keeps |
//! | `report` | what was restored and what is to be told |

mod blocks;
mod bricks;
mod devices;
mod heard;
pub(crate) mod listed;
pub(crate) mod machines;
mod nodes;
pub(crate) mod pools;
mod remains;
pub(crate) mod report;
mod snapshots;
mod taken;
mod traces;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};

use mortar_command::query::block_volumes::BlockSeen;
use mortar_model::{ClusterId, Device, Inventory, NodeId, VolumeId, check};
use mortar_plan::{Change, Seed, identity};

pub use heard::{Heard, directories, hosting};
pub use report::{Contradiction, Found, FoundKind, Gap, Rebuilt};

use machines::Ground;
use pools::Pool;
use report::Notes;
use traces::Traces;

/// Makes records of what was heard. The same answers and seed give the same records.
pub fn rebuild(heard: &Heard, seed: &mut Seed) -> Rebuilt {
    let mut notes = Notes::default();
    let ground = Ground::of(heard, &mut notes);
    let mut work = Work {
        traces: Traces::of(&ground),
        ground: &ground,
        blocks: &heard.blocks,
        seed,
        notes,
        inventory: Inventory::new(),
        placed: BTreeMap::new(),
        drawn: BTreeSet::new(),
        left: BTreeSet::new(),
        hosting: Vec::new(),
    };
    for pool in &ground.pools {
        work.pool(pool);
    }
    work.unsound();
    work.blocks();
    work.snapshots();
    work.stray_copies();
    work.remains();
    work.unheard();
    work.unrestored();
    work.finish()
}

/// What is worked with.
struct Work<'a> {
    ground: &'a Ground<'a>,
    traces: Traces<'a>,
    seed: &'a mut Seed,
    notes: Notes,
    inventory: Inventory,
    /// Where the nodes are, and what is written of their devices.
    placed: BTreeMap<NodeId, Placed>,
    /// Nodes whose zone is written nowhere.
    drawn: BTreeSet<NodeId>,
    /// Volumes that are there and not restored.
    left: BTreeSet<VolumeId>,
    /// What is told of block volumes, by glusterd's id of the volume that holds them.
    blocks: &'a BTreeMap<String, Result<Vec<BlockSeen>, String>>,
    /// Volumes by cluster and name, with glusterd's ids.
    hosting: Vec<(ClusterId, String, String)>,
}

/// A node that was restored.
struct Placed {
    /// The machine that it is, when that answered.
    machine: Option<usize>,
    /// Names by which its pool knows it.
    names: Vec<String>,
    /// Its devices, as its own file or that of a neighbour tells.
    devices: Vec<Device>,
    /// Whether it was its own file.
    filed: bool,
}

impl Work<'_> {
    fn pool(&mut self, pool: &Pool<'_>) {
        let Some(cluster) = self.cluster(pool) else { return };
        let volumes = match &pool.volumes {
            Ok(volumes) => volumes,
            Err(reason) => {
                self.notes.left(
                    FoundKind::Unrestored,
                    format!("cluster {cluster}"),
                    None,
                    format!(
                        "no member of its pool told of its volumes ({reason}): start glusterd there and rebuild again"
                    ),
                );
                return;
            }
        };
        self.nodes(pool, cluster);
        self.devices(cluster, volumes);
        self.volumes(cluster, volumes);
        let ids = volumes
            .iter()
            .map(|info| (cluster, info.name.clone(), info.uuid.clone()));
        self.hosting.extend(ids);
    }

    /// Names the volumes of a pool that is not restored.
    fn leave(&mut self, pool: &Pool<'_>) {
        for info in pool.volumes.iter().copied().flatten() {
            if let Ok(Some(said)) = identity::read_volume_options(&info.options) {
                self.left.insert(said.id);
            }
            self.notes.left(
                FoundKind::Unrestored,
                format!("volume {}", info.name),
                None,
                "its pool is not restored".into(),
            );
        }
    }

    /// The invariants have the last word: what breaks one is taken out again, and named.
    fn unsound(&mut self) {
        let ids: Vec<VolumeId> = self.inventory.volumes().map(|volume| volume.id).collect();
        let broken = check::check(&self.inventory);
        for id in ids {
            let about = format!("volume {id}:");
            let mut why = broken.iter().filter(|violation| violation.0.starts_with(&about));
            let Some(first) = why.next() else { continue };
            if let Ok((volume, _)) = self.inventory.remove_volume(id) {
                self.left.insert(id);
                self.notes.left(
                    FoundKind::Unrestored,
                    format!("volume {}", volume.name),
                    None,
                    first.0.clone(),
                );
            }
        }
    }

    /// Hosts that did not answer and of which no node's file tells.
    fn unheard(&mut self) {
        for (host, reason) in &self.ground.silent {
            let called = |node: &mortar_model::Node| node.manage == **host || node.storage == **host;
            // A node that answered at another address than its file tells is told of already.
            let restored = self.placed.values().filter_map(|placed| placed.machine);
            let mut restored = restored.map(|machine| &self.ground.machines[machine]);
            let elsewhere = restored.any(|machine| machine.is_called(host.as_str()));
            if !elsewhere && !self.inventory.nodes().any(called) {
                self.notes.left(
                    FoundKind::Unrestored,
                    format!("node {host}"),
                    None,
                    format!("it did not answer ({reason}), and no node's file tells of it: let it answer and rebuild again"),
                );
            }
        }
    }

    /// Machines that answered, hold something of Mortar's, and are no node of what was restored: whoever has named one
    /// learns that, whatever became of its pool.
    fn unrestored(&mut self) {
        let placed: BTreeSet<usize> = self.placed.values().filter_map(|node| node.machine).collect();
        for (index, machine) in self.ground.machines.iter().enumerate() {
            if placed.contains(&index) || (machine.file.is_none() && !self.has_devices(index)) {
                continue;
            }
            self.notes.left(
                FoundKind::Unrestored,
                format!("node {}", machine.host),
                Some(machine.host),
                "it holds something of Mortar's and is not restored, since its pool is not, or nothing says which node \
                 of it this is"
                    .into(),
            );
        }
    }

    fn finish(self) -> Rebuilt {
        let inventory = &self.inventory;
        let clusters = inventory.clusters().cloned().map(Change::PutCluster);
        let nodes = inventory.nodes().cloned().map(Change::PutNode);
        let devices = inventory.devices().cloned().map(Change::PutDevice);
        let volumes = inventory.volumes().map(|volume| {
            let bricks = inventory.bricks_of(volume.id).cloned().collect();
            Change::AddVolume(volume.clone(), bricks)
        });
        let snapshots = inventory.snapshots().cloned().map(Change::AddSnapshot);
        let blocks = inventory.blocks().cloned().map(Change::PutBlock);
        let changes = clusters
            .chain(nodes)
            .chain(devices)
            .chain(volumes)
            .chain(snapshots)
            .chain(blocks)
            .collect();
        self.notes.finish(changes)
    }

    /// Name of the cluster's node for people.
    fn host(&self, node: NodeId) -> String {
        self.inventory
            .node(node)
            .map_or_else(|| node.to_string(), |node| node.manage.to_string())
    }

    fn fresh(&mut self) -> u128 {
        self.seed.next_u128()
    }

    fn known_cluster(&self, id: ClusterId) -> bool {
        self.inventory.cluster(id).is_some()
    }
}
