//! Records as the planner makes them, and what nodes show that are just as recorded.

use std::collections::BTreeMap;

use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::work::{DeviceFacts, Facts, Thing};
use mortar_model::{
    BlockVolume, BlockVolumeId, Brick, BrickId, ByteSize, Cluster, ClusterId, Device, DevicePath, Durability,
    HostName, Inventory, Node, Secret, Snapshots, State, Tags, Target, Volume, VolumeId, VolumeName,
    VolumeOption, ZoneChecking, layout,
};
use mortar_plan::{
    AddDevice, AddNode, Change, CreateVolume, Creation, Expansion, Landscape, Limits, Plan, Seed, add_device,
    add_node, create_volume, expand_volume,
};
use mortar_survey::rebuild::Heard;

use crate::shown::{block_seen, info, survey};

/// Records, and what making them wrote on the nodes.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) landscape: Landscape,
    identities: BTreeMap<BrickId, String>,
    options: BTreeMap<VolumeId, Vec<(String, String)>>,
    seed: Seed,
}

const SHAPES: [Durability; 6] = [
    Durability::None,
    Durability::Replicate(1),
    Durability::Replicate(2),
    Durability::Replicate(3),
    Durability::Arbiter,
    Durability::disperse(2, 1),
];

impl World {
    /// One or two pools of up to five nodes, and volumes of every shape.
    pub(crate) fn random(seed: u64, volumes: usize) -> Self {
        Self::of_shapes(seed, volumes, SHAPES.len())
    }

    /// With volumes of only the first of the shapes: a seed that showed something before there were more still shows it.
    pub(crate) fn of_shapes(seed: u64, volumes: usize, shapes: usize) -> Self {
        let mut world = Self {
            landscape: Landscape::new(Inventory::new()),
            identities: BTreeMap::new(),
            options: BTreeMap::new(),
            seed: Seed::new(u128::from(seed) + 1),
        };
        for pool in 0..=world.below(2) {
            world.pool(pool);
        }
        for number in 0..volumes {
            world.volume(number, &SHAPES[..shapes]);
        }
        world
    }

    pub(crate) fn inventory(&self) -> &Inventory {
        self.landscape.inventory()
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.seed.next_u64() % bound
    }

    fn state(&mut self) -> State {
        if self.below(8) == 0 {
            State::Offline
        } else {
            State::Online
        }
    }

    fn tags(&mut self) -> Tags {
        let count = self.below(3);
        (0..count)
            .map(|number| (format!("key{number}"), format!("value \"{}\"", self.below(9))))
            .collect()
    }

    fn apply(&mut self, plan: &Plan, facts: &Facts) {
        for (_, step) in plan.steps() {
            match &step.thing {
                Thing::Brick(spec) => {
                    self.identities.insert(spec.brick, spec.identity.clone());
                }
                Thing::Volume(spec) => {
                    let options = spec.options.iter().cloned().map(Into::into).collect();
                    self.options.insert(spec.volume, options);
                }
                Thing::Growth(spec) => {
                    self.identities
                        .insert(spec.brick.brick, spec.brick.identity.clone());
                }
                Thing::VolumeOptions(spec) => self.set_options(spec.volume, &spec.options),
                Thing::AddedBricks(spec) => self.set_options(spec.volume, &spec.options),
                _ => {}
            }
        }
        for change in &plan.changes {
            self.landscape.apply(change, facts).unwrap();
        }
    }

    fn set_options(&mut self, volume: VolumeId, options: &[VolumeOption]) {
        let set = self.options.get_mut(&volume).unwrap();
        for (key, value) in options.iter().cloned().map(<(String, String)>::from) {
            set.retain(|(known, _)| *known != key);
            set.push((key, value));
        }
    }

    fn record(&mut self, change: Change) {
        self.apply(&Plan::record(vec![change]), &Facts::None);
    }

    fn pool(&mut self, pool: u64) {
        let cluster = Cluster {
            id: ClusterId::from_u128(self.seed.next_u128()),
            file: true,
            block: self.below(2) == 0,
        };
        self.record(Change::PutCluster(cluster.clone()));
        for number in 0..=self.below(5) {
            self.node(cluster.id, pool, number);
        }
    }

    fn node(&mut self, cluster: ClusterId, pool: u64, number: u64) {
        let host = |kind: &str| HostName::new(format!("p{pool}n{number}{kind}")).unwrap();
        let apart = self.below(2) == 0;
        let request = AddNode {
            cluster,
            zone: 1 + u32::try_from(self.below(4)).unwrap(),
            manage: host(".manage"),
            storage: host(if apart { ".storage" } else { ".manage" }),
            tags: self.tags(),
        };
        let mut seed = self.seed.clone();
        let plan = add_node(&self.landscape, &request, &mut seed).unwrap();
        self.seed = seed;
        self.apply(&plan, &Facts::None);
        let node = self.inventory().node_by_host(&request.manage).unwrap().clone();
        for disk in 0..=self.below(3) {
            let path = if self.below(2) == 0 {
                format!("/disks/disk{disk}")
            } else {
                format!("/dev/sd{}", ["b", "c", "d", "e"][usize::try_from(disk).unwrap()])
            };
            self.device(&node, &path);
        }
        let state = self.state();
        self.record(Change::PutNode(Node { state, ..node }));
    }

    fn device(&mut self, node: &Node, path: &str) {
        let request = AddDevice {
            node: node.id,
            path: DevicePath::new(path).unwrap(),
            tags: self.tags(),
            destroy: false,
            shared: None,
        };
        let mut seed = self.seed.clone();
        let plan = add_device(&self.landscape, &request, None, &mut seed).unwrap();
        self.seed = seed;
        let Some(Change::AddDevice(device)) = plan.changes.first().cloned() else {
            panic!("a device is added")
        };
        let facts = DeviceFacts {
            total: ByteSize::from_gib(50 + self.below(100)),
            extent: ByteSize::from_mib(4),
            uuid: layout::physical_volume_uuid(device.id),
            paths: vec![path.to_owned(), format!("/dev/disk/by-id/{}", device.id)],
        };
        self.apply(&plan, &Facts::Device(facts));
        let known = self.inventory().device(device.id).unwrap().clone();
        let state = self.state();
        self.record(Change::PutDevice(Device { state, ..known }));
    }

    fn volume(&mut self, number: usize, shapes: &[Durability]) {
        let pick = self.below(u64::try_from(shapes.len()).unwrap());
        let durability = shapes[usize::try_from(pick).unwrap()];
        let size = ByteSize::from_mib(1024 + self.below(6 * 1024));
        let mut request = CreateVolume::new(size, durability);
        if self.below(2) == 0 {
            request.name = Some(VolumeName::new(format!("vol-{number}")).unwrap());
        }
        request.gid = if self.below(2) == 0 { 2000 } else { 0 };
        request.block = self.below(4) == 0;
        if self.below(2) == 0 {
            request.options = vec![
                VolumeOption::new("performance.readdir-ahead", "off").unwrap(),
                VolumeOption::new("user.note", "a,b").unwrap(),
            ];
        }
        if self.below(3) == 0 {
            request.snapshots = Snapshots {
                enable: true,
                factor: 1.5,
            };
        }
        if self.below(3) == 0 {
            request.zone_checking = Some(ZoneChecking::Strict);
        }
        let limits = Limits {
            brick_max: ByteSize::from_gib(3),
            ..Limits::default()
        };
        let mut seed = self.seed.clone();
        // Not every pool has room for every shape.
        let Ok(Creation::New(plan)) = create_volume(&self.landscape, &limits, &request, &mut seed) else {
            self.below(2);
            return;
        };
        self.seed = seed;
        self.apply(&plan, &Facts::None);
        let id = plan.new_volume().unwrap().id;
        self.blocks(id);
        if self.below(3) == 0 {
            let mut seed = self.seed.clone();
            let by = ByteSize::from_gib(1 + self.below(3));
            let way = [Expansion::AddBricks, Expansion::InPlace][usize::from(by == ByteSize::from_gib(3))];
            if let Ok(plan) = expand_volume(&self.landscape, &limits, id, by, way, &mut seed) {
                self.seed = seed;
                self.apply(&plan, &Facts::None);
            }
        }
    }

    /// Block volumes on a volume that is meant for some, as many as it has room for or one less.
    fn blocks(&mut self, hosting: VolumeId) {
        let volume = self.inventory().volume(hosting).unwrap().clone();
        let nodes = self.inventory().nodes_of(volume.cluster);
        let hosts: Vec<HostName> = nodes.map(|node| node.storage.clone()).collect();
        for place in 0..volume.room_for_blocks().gib() {
            let auth = place % 2 == 0;
            // Not of this world's dice: what a seed showed before there were block volumes it shows still.
            let id = BlockVolumeId::from_u128(hosting.as_u128() ^ u128::from(place + 1));
            let name = format!("blockvol_{id}");
            let word = |word: &str| if auth { word.to_owned() } else { String::new() };
            self.record(Change::PutBlock(BlockVolume {
                id,
                hosting,
                name: VolumeName::new(name).unwrap(),
                size: ByteSize::from_gib(1),
                usable: ByteSize::from_gib(1),
                ha: u32::try_from(hosts.len()).unwrap(),
                hosts: hosts.clone(),
                auth,
                target: Target {
                    iqn: format!("iqn.2016-12.org.gluster-block:{}", dashed(id)),
                    lun: 0,
                    username: word(&dashed(id)),
                    password: Secret::new(word("secret")),
                },
            }));
        }
    }

    /// What is heard when everything is as recorded.
    pub(crate) fn heard(&self) -> Heard {
        let inventory = self.inventory();
        let mut heard = Heard::default();
        let identity = |brick: &Brick| self.identities[&brick.id].clone();
        for node in inventory.nodes() {
            heard
                .hosts
                .insert(node.manage.clone(), Ok(survey(inventory, node, identity)));
        }
        for cluster in inventory.clusters() {
            let volumes = inventory.volumes_of(cluster.id);
            let told = |volume: &Volume| info(inventory, volume, self.options[&volume.id].clone());
            let mut infos: Vec<VolumeInfo> = volumes.map(told).collect();
            infos.sort_by(|a, b| a.name.cmp(&b.name));
            for node in inventory.nodes_of(cluster.id) {
                heard.pools.insert(node.manage.clone(), Ok(infos.clone()));
            }
            for volume in inventory.volumes_of(cluster.id).filter(|volume| volume.block) {
                let seen = inventory.blocks_on(volume.id).map(block_seen).collect();
                heard.blocks.insert(format!("uuid-of-{}", volume.id), Ok(seen));
            }
        }
        heard
    }
}

/// All records, to be compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Records {
    blocks: Vec<BlockVolume>,
    clusters: Vec<Cluster>,
    nodes: Vec<Node>,
    devices: Vec<Device>,
    volumes: Vec<Volume>,
    bricks: Vec<Brick>,
}

impl Records {
    pub(crate) fn of(inventory: &Inventory) -> Self {
        Self {
            blocks: inventory.blocks().cloned().collect(),
            clusters: inventory.clusters().cloned().collect(),
            nodes: inventory.nodes().cloned().collect(),
            devices: inventory.devices().cloned().collect(),
            volumes: inventory.volumes().cloned().collect(),
            bricks: inventory.bricks().cloned().collect(),
        }
    }
}

fn dashed(id: BlockVolumeId) -> String {
    let digits = id.to_string();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    parts.join("-")
}

/// The records that changes make.
pub(crate) fn made(changes: &[Change]) -> Landscape {
    let mut landscape = Landscape::new(Inventory::new());
    for change in changes {
        landscape
            .apply(change, &Facts::None)
            .unwrap_or_else(|error| panic!("{change:?}: {error}"));
    }
    landscape
}
