//! What clients asked for and were told, and whether it is true.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use mortar_engine::{Ended, Engine, Mark, Outcome};
use mortar_model::work::{Goal, Thing};
use mortar_model::{
    BrickId, ClusterId, DeviceId, HostName, Inventory, NodeId, OperationId, OperationKind, Overcommit, State,
    Tags, VolumeId, layout,
};
use mortar_plan::{Change, Plan, Subject};
use mortar_simulator::World;

use crate::machines::GIVEN_UP;

/// How long an answer can be asked for again.
pub(crate) const KEEP: Duration = Duration::from_secs(3600);
/// The same of an answer that a person has to read.
const KEEP_TO_READ: Duration = Duration::from_secs(7 * 86400);

/// How long this answer can be asked for again.
pub(crate) fn keep(ended: &Ended) -> Duration {
    let long = [
        OperationKind::DrainDevice,
        OperationKind::DrainNode,
        OperationKind::EvictBrick,
        OperationKind::ChangeReplicas,
    ];
    match ended.outcome {
        Outcome::Failed { .. } if long.contains(&ended.kind) => KEEP_TO_READ,
        _ => KEEP,
    }
}

/// An operation as its client knows it.
pub(crate) struct Entry {
    pub(crate) kind: OperationKind,
    pub(crate) plan: Option<Plan>,
    /// What became of it, and until when that can be asked for again.
    pub(crate) told: Option<(Ended, Duration)>,
    /// Its answer expired while nobody could ask: the machine's clock was set during a restart.
    pub(crate) expired: bool,
}

/// What of a thing can be set, and what it may be as far as clients know: nothing of what they know nothing of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) states: Vec<State>,
    pub(crate) tags: Vec<Tags>,
    /// The name under which a node is reached.
    pub(crate) hosts: Vec<HostName>,
    /// What the pool of a device may promise.
    pub(crate) promises: Vec<Overcommit>,
}

impl Settings {
    /// What they are: of a node or a device that is recorded.
    pub(crate) fn of(inventory: &Inventory, subject: Subject) -> Option<Self> {
        match subject {
            Subject::Node(id) => inventory.node(id).map(|node| Self {
                states: vec![node.state],
                tags: vec![node.tags.clone()],
                hosts: vec![node.manage.clone()],
                promises: Vec::new(),
            }),
            Subject::Device(id) => inventory.device(id).map(|device| Self {
                states: vec![device.state],
                tags: vec![device.tags.clone()],
                hosts: Vec::new(),
                promises: device.kind.shared().into_iter().collect(),
            }),
            Subject::Cluster(_)
            | Subject::Member(_)
            | Subject::Volume(_)
            | Subject::Snapshot(_)
            | Subject::Group(_)
            | Subject::Block(_)
            | Subject::Attachments(_) => None,
        }
    }

    /// Either these or those.
    pub(crate) fn or(&self, other: &Self) -> Self {
        Self {
            states: [self.states.clone(), other.states.clone()].concat(),
            tags: [self.tags.clone(), other.tags.clone()].concat(),
            hosts: [self.hosts.clone(), other.hosts.clone()].concat(),
            promises: [self.promises.clone(), other.promises.clone()].concat(),
        }
    }

    /// What nobody knew is as it is now.
    pub(crate) fn learn(&mut self, now: Self) {
        fn fill<T>(known: &mut Vec<T>, now: Vec<T>) {
            if known.is_empty() {
                *known = now;
            }
        }
        fill(&mut self.states, now.states);
        fill(&mut self.tags, now.tags);
        fill(&mut self.hosts, now.hosts);
        fill(&mut self.promises, now.promises);
    }

    /// Whether what is so now is what was told.
    fn allow(&self, now: &Self) -> bool {
        fn all<T: PartialEq>(told: &[T], now: &[T]) -> bool {
            told.is_empty() || now.iter().all(|now| told.contains(now))
        }
        all(&self.states, &now.states)
            && all(&self.tags, &now.tags)
            && all(&self.hosts, &now.hosts)
            && all(&self.promises, &now.promises)
    }
}

/// All that clients know.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) entries: BTreeMap<OperationId, Entry>,
    pub(crate) settings: BTreeMap<Subject, Settings>,
    /// Clusters that were told to be there, or to be gone.
    pub(crate) clusters: BTreeMap<ClusterId, bool>,
    /// Things whose settings are being changed.
    pub(crate) being_set: BTreeSet<Subject>,
    /// Machines of nodes that never come back, by their names.
    pub(crate) scrapped: BTreeMap<NodeId, String>,
    /// The node of each device that was ever recorded.
    pub(crate) nodes_of_devices: BTreeMap<DeviceId, NodeId>,
    /// Bricks that somebody asked to be moved.
    pub(crate) to_move: BTreeSet<BrickId>,
    /// Devices and nodes that somebody asked to be emptied.
    pub(crate) emptied: BTreeSet<Subject>,
    /// What there was before anybody asked for anything.
    pub(crate) first: Option<BTreeSet<Subject>>,
    /// What was found to be not as it should be.
    pub(crate) wrong: Vec<String>,
}

impl Book {
    /// Operations that ended, with this kind and as asked.
    fn done(&self, kind: OperationKind) -> impl Iterator<Item = &Entry> {
        self.entries.values().filter(move |entry| {
            entry.kind == kind
                && matches!(&entry.told, Some((ended, _)) if matches!(ended.outcome, Outcome::Done { .. }))
        })
    }

    fn subjects(&self, kind: OperationKind) -> BTreeSet<Subject> {
        let subjects = self
            .done(kind)
            .filter_map(|entry| entry.told.as_ref().and_then(|(ended, _)| ended.subject));
        subjects.collect()
    }

    /// Whether anybody asked for something of this kind to be done to the thing.
    pub(crate) fn asked(&self, kind: OperationKind, subject: Subject) -> bool {
        let is_it = |entry: &Entry| {
            let of_plan = entry.plan.as_ref().and_then(Plan::subject);
            let of_end = entry.told.as_ref().and_then(|(ended, _)| ended.subject);
            entry.kind == kind && (of_plan == Some(subject) || of_end == Some(subject))
        };
        self.entries.values().any(is_it)
    }

    /// Whether a resize of this device was begun and is not told to be done.
    pub(crate) fn resize_was_undone(&self, device: &str) -> bool {
        let of_device = |entry: &&Entry| {
            let of_plan = entry.plan.as_ref().and_then(Plan::subject);
            let of_end = entry.told.as_ref().and_then(|(ended, _)| ended.subject);
            entry.kind == OperationKind::ResizeDevice
                && of_plan.or(of_end).is_some_and(|subject| subject.id() == device)
        };
        let mut resizes = self.entries.values().filter(of_device);
        resizes.any(|entry| {
            let ended = entry.told.as_ref().map(|(ended, _)| &ended.outcome);
            !matches!(ended, Some(Outcome::Done { .. }))
        })
    }

    /// Compares what exists with all that was told, when everything has ended.
    pub(crate) fn check(&self, inventory: &Inventory) -> Vec<String> {
        let mut wrong = Vec::new();
        if self.entries.values().any(|entry| entry.expired) {
            // Some answers are not known any more, so nothing can be foretold.
            return wrong;
        }
        let all = [
            (
                vec![OperationKind::CreateVolume, OperationKind::CloneVolume],
                OperationKind::DeleteVolume,
                "volume",
            ),
            (
                vec![OperationKind::CreateSnapshot],
                OperationKind::DeleteSnapshot,
                "snapshot",
            ),
            (
                vec![OperationKind::CreateSnapshotGroup],
                OperationKind::DeleteSnapshotGroup,
                "snapshot group",
            ),
            (
                vec![OperationKind::CreateBlock],
                OperationKind::DeleteBlock,
                "block volume",
            ),
            (
                vec![OperationKind::AddDevice],
                OperationKind::RemoveDevice,
                "device",
            ),
            (vec![OperationKind::AddNode], OperationKind::RemoveNode, "node"),
        ];
        let there = things(inventory);
        for (made, removed, what) in all {
            let of_kind = |subject: &Subject| subject.kind() == what;
            let mut expected: BTreeSet<Subject> =
                self.first.iter().flatten().copied().filter(of_kind).collect();
            expected.extend(made.into_iter().flat_map(|made| self.subjects(made)));
            if what == "volume" {
                expected.extend(self.hosting_volumes(inventory));
            }
            for gone in self.subjects(removed) {
                expected.remove(&gone);
            }
            expected.retain(|subject| !self.was_forgotten(*subject));
            let found: BTreeSet<Subject> = there.iter().copied().filter(of_kind).collect();
            for lost in expected.difference(&found) {
                wrong.push(format!("{what} {} was told to exist, and does not", lost.id()));
            }
            for extra in found.difference(&expected) {
                wrong.push(format!(
                    "{what} {} exists, and was told to be gone or not made",
                    extra.id()
                ));
            }
        }
        for (id, there) in &self.clusters {
            if inventory.cluster(*id).is_some() != *there {
                wrong.push(format!("cluster {id}: told was that it is there: {there}"));
            }
        }
        self.check_sizes(inventory, &mut wrong);
        self.check_settings(inventory, &mut wrong);
        wrong
    }

    /// Volumes that were made to hold block volumes, by their operations.
    fn hosting_volumes(&self, inventory: &Inventory) -> BTreeSet<Subject> {
        let made = self.done(OperationKind::CreateBlock);
        let told = made.filter_map(|entry| Some(entry.plan.as_ref()?.new_volume()?.id));
        let mut all: BTreeSet<Subject> = told.map(Subject::Volume).collect();
        all.extend(self.guessed_hosting_volumes(inventory));
        all
    }

    /// Of operations at which nobody looked while they went on: what their block volumes are on, or, where those are gone, any volume
    /// that is for block volumes.
    fn guessed_hosting_volumes(&self, inventory: &Inventory) -> BTreeSet<Subject> {
        let made = self.done(OperationKind::CreateBlock);
        let mut all = BTreeSet::new();
        for entry in made.filter(|entry| entry.plan.is_none()) {
            match hosting(inventory, entry) {
                Some(volume) => all.extend([Subject::Volume(volume)]),
                None => {
                    let any = inventory.volumes().filter(|volume| volume.block);
                    all.extend(any.map(|volume| Subject::Volume(volume.id)));
                }
            }
        }
        all
    }

    /// Whether it is a device that went with its node.
    fn was_forgotten(&self, subject: Subject) -> bool {
        let Subject::Device(id) = subject else {
            return false;
        };
        let node = self.nodes_of_devices.get(&id);
        node.is_some_and(|node| {
            self.subjects(OperationKind::RemoveNode)
                .contains(&Subject::Node(*node))
        })
    }

    fn check_sizes(&self, inventory: &Inventory, wrong: &mut Vec<String>) {
        let mut sizes = BTreeMap::new();
        let mut unknown = self.guessed_hosting_volumes(inventory);
        for kind in [
            OperationKind::CreateVolume,
            OperationKind::CloneVolume,
            OperationKind::ExpandVolume,
            OperationKind::CreateBlock,
        ] {
            // What a client asked for who went away is known no more once it has ended.
            let forgotten = || self.done(kind).filter(|entry| entry.plan.is_none());
            unknown.extend(forgotten().filter_map(|entry| entry.told.as_ref()?.0.subject));
            for change in self
                .done(kind)
                .filter_map(|entry| entry.plan.as_ref())
                .flat_map(|plan| &plan.changes)
            {
                match change {
                    Change::AddVolume(volume, _) => {
                        *sizes.entry(volume.id).or_insert(0) += volume.size.bytes();
                    }
                    Change::GrowVolume { volume, by, .. } | Change::GrowBricks { volume, by, .. } => {
                        *sizes.entry(*volume).or_insert(0) += by.bytes();
                    }
                    _ => {}
                }
            }
        }
        for volume in inventory.volumes() {
            let told = sizes.get(&volume.id).copied().unwrap_or(0);
            if told != volume.size.bytes() && !unknown.contains(&Subject::Volume(volume.id)) {
                wrong.push(format!(
                    "volume {} is {} bytes large, told were {told}",
                    volume.id,
                    volume.size.bytes()
                ));
            }
        }
    }

    /// Compares what can be set with what was told of it.
    pub(crate) fn check_settings(&self, inventory: &Inventory, wrong: &mut Vec<String>) {
        for (subject, settings) in &self.settings {
            let now = Settings::of(inventory, *subject);
            if let Some(now) = now.filter(|now| !settings.allow(now)) {
                wrong.push(format!(
                    "{} {} has {now:?}, told was {settings:?}",
                    subject.kind(),
                    subject.id(),
                ));
            }
        }
    }
}

/// The volume that holds the block volume which an operation was about.
fn hosting(inventory: &Inventory, entry: &Entry) -> Option<VolumeId> {
    match entry.told.as_ref()?.0.subject? {
        Subject::Block(id) => inventory.block(id).map(|block| block.hosting),
        _ => None,
    }
}

/// Nodes, devices, volumes, snapshots, groups and block volumes that are recorded; a snapshot of a group comes and goes with it.
pub(crate) fn things(inventory: &Inventory) -> BTreeSet<Subject> {
    let nodes = inventory.nodes().map(|node| Subject::Node(node.id));
    let devices = inventory.devices().map(|device| Subject::Device(device.id));
    let volumes = inventory.volumes().map(|volume| Subject::Volume(volume.id));
    let snapshots = inventory
        .snapshots()
        .filter(|snapshot| snapshot.group.is_none())
        .map(|snapshot| Subject::Snapshot(snapshot.id));
    let blocks = inventory.blocks().map(|block| Subject::Block(block.id));
    let groups = inventory.groups_after(None);
    let groups = groups.map(|group| Subject::Group(group.id));
    nodes
        .chain(devices)
        .chain(volumes)
        .chain(snapshots)
        .chain(groups)
        .chain(blocks)
        .collect()
}

/// Whether a thin pool has another volume than this one.
fn is_lived_in(world: &World, pool: &str, own: &str) -> bool {
    let hosts = world.hosts();
    let mut hosts = hosts.iter().filter_map(|host| world.host(host));
    hosts.any(|host| {
        let mut volumes = host.logical_volumes.iter();
        volumes.any(|volume| volume.pool.as_deref() == Some(pool) && volume.name != own)
    })
}

/// Whether what an operation did, or did not, is so on the nodes: bricks and volumes of its plan, but for those that it
/// left, as it said, to another for when their nodes are back.
pub(crate) fn check_nodes(engine: &Engine, world: &World, plan: &Plan, ended: &Ended) -> Vec<String> {
    let mut wrong = Vec::new();
    let done = matches!(ended.outcome, Outcome::Done { .. });
    let marks: Vec<Mark> = ended
        .steps
        .stages
        .iter()
        .flat_map(|stage| &stage.steps)
        .map(|step| step.mark)
        .collect();
    // What was given up stays as it is.
    let given_up = ended.warnings.iter().any(|warning| warning.starts_with(GIVEN_UP));
    for ((_, step), mark) in plan.steps().zip(marks) {
        if given_up && mark != Mark::Reached && mark != Mark::Returned {
            continue;
        }
        if mark == Mark::Deferred {
            assert!(ended.cleanup.is_some(), "what is left is left to somebody");
            continue;
        }
        let present = (step.goal == Goal::Present) == done;
        match &step.thing {
            Thing::Brick(spec) => {
                let mut there = places_of(world, &spec.brick.to_string());
                // Its thin pool stays while anything else is in it: a clone, or what a cleanup has still to remove of one.
                let pool = layout::thin_pool(spec.brick);
                if is_lived_in(world, &pool, &layout::logical_volume(spec.brick)) {
                    there.retain(|place| !place.ends_with(&pool));
                }
                if !present && !there.is_empty() {
                    wrong.push(format!("brick {} should be gone: {there:?}", spec.brick));
                }
                let space = [
                    layout::logical_volume(spec.brick),
                    format!("{}.img", layout::logical_volume(spec.brick)),
                ];
                if present
                    && !there
                        .iter()
                        .any(|place| space.iter().any(|name| place.ends_with(name.as_str())))
                {
                    wrong.push(format!("brick {} should have its space: {there:?}", spec.brick));
                }
            }
            Thing::Volume(spec) => {
                let hosts = engine.view(|landscape| {
                    let nodes = landscape.inventory().nodes();
                    nodes.map(|node| node.manage.to_string()).collect::<Vec<_>>()
                });
                let id = spec.volume.to_string();
                let seen = hosts
                    .iter()
                    .filter_map(|host| world.volume(host, spec.name.as_str()))
                    .find(|volume| {
                        volume
                            .options
                            .iter()
                            .any(|(key, value)| key == layout::VOLUME_ID_OPTION && *value == id)
                    });
                match seen {
                    Some(_) if !present => {
                        wrong.push(format!("volume {} should be gone from its pool", spec.name));
                    }
                    None if present => wrong.push(format!("volume {} should be in its pool", spec.name)),
                    Some(volume) if volume.status != "Started" => {
                        wrong.push(format!(
                            "volume {} should be started, and is {}",
                            spec.name, volume.status
                        ));
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }
    wrong
}

/// Where a brick is on the nodes.
fn places_of(world: &World, brick: &str) -> Vec<String> {
    let mut places = Vec::new();
    for host in world.hosts() {
        let Some(view) = world.host(&host) else { continue };
        let volumes = view
            .logical_volumes
            .iter()
            .map(|volume| format!("{}/{}", volume.group, volume.name));
        let images = view.images.iter().map(|(path, _)| path.clone());
        let mounts = view.mounts.iter().map(|mount| format!("mount {}", mount.target));
        let entries = view.mount_entries.iter().map(|line| format!("entry {line}"));
        let all = volumes.chain(images).chain(mounts).chain(entries);
        places.extend(
            all.filter(|place| place.contains(brick))
                .map(|place| format!("{host}:{place}")),
        );
    }
    places
}
