//! The same named create, asked again: never a second volume, whatever happened between.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use mortar_model::work::Facts;
use mortar_model::{
    ByteSize, Cluster, ClusterId, Device, DeviceId, DeviceKind, DevicePath, Durability, HostName, Inventory,
    Node, NodeId, OperationId, Snapshots, State, Tags, Volume, VolumeId, VolumeName, VolumeOption,
    ZoneChecking, check,
};
use mortar_plan::{
    CreateVolume, Creation, Difference, Expansion, Known, Landscape, Limits, Plan, Refusal, Seed,
    create_volume, delete_volume, expand_volume, known_volume,
};
use proptest::prelude::*;

const CLUSTERS: u128 = 3;

/// Three clusters of two nodes, each with one large disk.
fn landscape() -> Landscape {
    let mut inventory = Inventory::new();
    for cluster in 1..=CLUSTERS {
        let id = ClusterId::from_u128(cluster);
        let (file, block) = (true, true);
        inventory.put_cluster(Cluster { id, file, block });
        for number in 1..=2 {
            let node = NodeId::from_u128(cluster * 10 + number);
            let host = HostName::new(format!("n{cluster}-{number}")).unwrap();
            inventory
                .put_node(Node {
                    id: node,
                    cluster: id,
                    zone: u32::try_from(number).unwrap(),
                    manage: host.clone(),
                    storage: host,
                    tags: Tags::new(),
                    state: State::Online,
                })
                .unwrap();
            inventory
                .put_device(Device {
                    id: DeviceId::from_u128(cluster * 10 + number),
                    node,
                    path: DevicePath::new("/disks/one").unwrap(),
                    kind: DeviceKind::Directory,
                    tags: Tags::new(),
                    state: State::Online,
                    total: ByteSize::from_gib(1000),
                })
                .unwrap();
        }
    }
    Landscape::new(inventory)
}

fn option(key: &str, value: &str) -> VolumeOption {
    VolumeOption::new(key, value).unwrap()
}

fn plain(name: &str) -> CreateVolume {
    CreateVolume {
        name: Some(VolumeName::new(name).unwrap()),
        ..CreateVolume::new(ByteSize::from_gib(2), Durability::Replicate(2))
    }
}

/// One of few names, and of few values for each parameter, so that the same is often asked again.
fn request() -> impl Strategy<Value = CreateVolume> {
    let options = prop_oneof![
        3 => Just(Vec::new()),
        1 => Just(vec![option("nfs.disable", "on"), option("a.b", "1")]),
        1 => Just(vec![option("a.b", "0"), option("a.b", "1"), option("nfs.disable", "on")]),
        1 => Just(vec![option("user.heketi.zone-checking", "strict")]),
    ];
    let zones = prop_oneof![3 => Just(None), 1 => Just(Some(ZoneChecking::None)), 1 => Just(Some(ZoneChecking::Strict))];
    let clusters = proptest::sample::subsequence(vec![1, 2, 3], 0..=3);
    let few = (0..2_u32, 0..5_u32, 0..5_u32, 0..5_u32, 0..5_u32);
    (0..2_u8, few, options, zones, clusters).prop_map(
        |(name, (size, gid, durability, snapshots, block), options, zones, clusters)| CreateVolume {
            size: ByteSize::from_gib(2 + u64::from(size)),
            durability: if durability == 0 {
                Durability::None
            } else {
                Durability::Replicate(2)
            },
            clusters: clusters.into_iter().map(ClusterId::from_u128).collect(),
            gid: u32::from(gid == 0) * 7,
            options,
            snapshots: Snapshots {
                enable: snapshots == 0,
                factor: if snapshots == 0 { 1.5 } else { 1.0 },
            },
            block: block == 0,
            zone_checking: zones,
            ..plain(&format!("v{name}"))
        },
    )
}

#[derive(Clone, Debug)]
enum Act {
    Ask(CreateVolume),
    /// The running operation of this number ends as asked.
    Finish(usize),
    /// It is undone.
    Undo(usize),
    Expand(usize),
    Delete(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => request().prop_map(Act::Ask),
        3 => any::<usize>().prop_map(Act::Finish),
        1 => any::<usize>().prop_map(Act::Undo),
        1 => any::<usize>().prop_map(Act::Expand),
        1 => any::<usize>().prop_map(Act::Delete),
    ]
}

struct Story {
    landscape: Landscape,
    limits: Limits,
    running: Vec<(OperationId, Plan)>,
    /// What each volume was made by, that is there or under way.
    made_by: BTreeMap<VolumeId, CreateVolume>,
    next: u128,
}

impl Story {
    fn act(&mut self, act: Act) -> Result<(), TestCaseError> {
        match act {
            Act::Ask(request) => self.ask(request)?,
            Act::Finish(nth) => self.end(nth, true),
            Act::Undo(nth) => self.end(nth, false),
            Act::Expand(nth) => {
                let (by, mut seed) = (ByteSize::from_gib(1), Seed::new(self.next));
                let way = [Expansion::Best, Expansion::AddBricks][nth % 2];
                let plan = self
                    .some_volume(nth)
                    .map(|id| expand_volume(&self.landscape, &self.limits, id, by, way, &mut seed));
                plan.into_iter().flatten().for_each(|plan| self.begin(plan));
            }
            Act::Delete(nth) => {
                let plan = self.some_volume(nth).map(|id| delete_volume(&self.landscape, id));
                plan.into_iter().flatten().for_each(|plan| self.begin(plan));
            }
        }
        Ok(())
    }

    fn begin(&mut self, plan: Plan) {
        self.next += 1;
        let id = OperationId::from_u128(self.next);
        self.landscape.hold(id, &plan);
        self.running.push((id, plan));
    }

    fn end(&mut self, nth: usize, done: bool) {
        if self.running.is_empty() {
            return;
        }
        let (id, plan) = self.running.remove(nth % self.running.len());
        self.landscape.release(id);
        if done {
            for change in &plan.changes {
                self.landscape.apply(change, &Facts::None).unwrap();
            }
        }
        let made = plan.new_volume().map(|volume| volume.id);
        let gone = plan.changes.first().filter(|change| change.removes());
        let gone = gone.map(|change| change.subject().id().parse().unwrap());
        if let Some(volume) = if done { gone } else { made } {
            self.made_by.remove(&volume);
        }
    }

    fn some_volume(&self, nth: usize) -> Option<VolumeId> {
        let all: Vec<VolumeId> = self
            .landscape
            .inventory()
            .volumes()
            .map(|volume| volume.id)
            .collect();
        (!all.is_empty()).then(|| all[nth % all.len()])
    }

    /// Volumes of the request's name where it may be, made or under way.
    fn of_name(&self, request: &CreateVolume) -> Vec<Volume> {
        let name = request.name.as_ref().unwrap();
        let clusters = (1..=CLUSTERS).map(ClusterId::from_u128);
        let allowed = clusters.filter(|id| request.clusters.is_empty() || request.clusters.contains(id));
        allowed
            .filter_map(|cluster| {
                let made = self.landscape.inventory().volume_by_name(cluster, name);
                let coming = self.landscape.volume_to_come(cluster, name);
                made.or(coming.map(|(_, volume)| volume)).cloned()
            })
            .collect()
    }

    fn ask(&mut self, request: CreateVolume) -> Result<(), TestCaseError> {
        self.next += 1;
        let mut seed = Seed::new(self.next);
        let there = self.of_name(&request);
        let known = known_volume(&self.landscape, &request);
        match create_volume(&self.landscape, &self.limits, &request, &mut seed) {
            Ok(Creation::New(plan)) => {
                prop_assert_eq!(known, Ok(None));
                prop_assert!(
                    there.is_empty(),
                    "{:?} is there and {:?} makes a second one",
                    there,
                    request
                );
                self.made_by.insert(plan.new_volume().unwrap().id, request);
                self.begin(plan);
            }
            Ok(Creation::Known(one)) => {
                prop_assert_eq!(known, Ok(Some(one)));
                self.is_as_asked(one, &request, &there)?;
            }
            Err(refusal) => {
                prop_assert!(!there.is_empty(), "{}", refusal);
                prop_assert_eq!(known, Err(refusal.clone()));
                self.is_true(&refusal, &request, &there)?;
            }
        }
        Ok(())
    }

    fn is_as_asked(&self, one: Known, asked: &CreateVolume, there: &[Volume]) -> Result<(), TestCaseError> {
        let volume = there.iter().find(|volume| volume.id == one.volume).unwrap();
        prop_assert_eq!(volume.cluster, one.cluster);
        prop_assert_eq!(
            one.operation.is_none(),
            self.landscape.inventory().volume(one.volume).is_some()
        );
        prop_assert_eq!(self.landscape.remover(one.volume), None);
        let by = &self.made_by[&one.volume];
        let effective = |options: &[VolumeOption]| -> BTreeMap<String, String> {
            options
                .iter()
                .map(|option| (option.key().into(), option.value().into()))
                .collect()
        };
        prop_assert_eq!(
            (asked.size, asked.durability, asked.gid),
            (volume.size, by.durability, by.gid)
        );
        prop_assert_eq!((asked.block, asked.snapshots), (by.block, by.snapshots));
        prop_assert_eq!(effective(&asked.options), effective(&by.options));
        // An option on zones is stronger than the request's own word, and the options are the same.
        if let Some(zones) = asked
            .zone_checking
            .filter(|_| effective(&by.options).keys().all(|key| !key.contains("zone")))
        {
            prop_assert_eq!(zones, by.zone_checking.unwrap_or_default());
        }
        Ok(())
    }

    fn is_true(
        &self,
        refusal: &Refusal,
        asked: &CreateVolume,
        there: &[Volume],
    ) -> Result<(), TestCaseError> {
        match refusal {
            Refusal::NameTaken {
                cluster, differences, ..
            } => {
                let volume = there.iter().find(|volume| volume.cluster == *cluster).unwrap();
                let by = &self.made_by[&volume.id];
                prop_assert!(!differences.is_empty());
                for Difference { what, asked, has } in differences {
                    prop_assert!(asked != has, "{what}: {asked}");
                }
                // The very request that made it is refused for its size alone, after the volume has grown.
                let anywhere = |request: &CreateVolume| CreateVolume {
                    clusters: Vec::new(),
                    ..request.clone()
                };
                if anywhere(by) == anywhere(asked) {
                    let all: Vec<&str> = differences.iter().map(|one| one.what.as_str()).collect();
                    prop_assert_eq!(all, ["size"]);
                    prop_assert!(volume.size > asked.size);
                }
            }
            Refusal::NameLeaving(_, operation) => {
                prop_assert!(
                    there
                        .iter()
                        .any(|volume| self.landscape.remover(volume.id) == Some(*operation))
                );
            }
            other => prop_assert!(false, "{other}"),
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_history_of_requests_makes_no_volume_twice(acts in proptest::collection::vec(act(), 1..40)) {
        let mut story = Story {
            landscape: landscape(),
            limits: Limits::default(),
            running: Vec::new(),
            made_by: BTreeMap::new(),
            next: 0,
        };
        for act in acts {
            story.act(act)?;
        }
        prop_assert_eq!(check::check(story.landscape.inventory()), Vec::new());
    }
}

fn make(landscape: &mut Landscape, request: &CreateVolume, seed: u128) -> Volume {
    let made = create_volume(landscape, &Limits::default(), request, &mut Seed::new(seed)).unwrap();
    let plan = made.plan().unwrap();
    for change in &plan.changes {
        landscape.apply(change, &Facts::None).unwrap();
    }
    plan.new_volume().unwrap().clone()
}

#[test]
fn a_refusal_says_what_was_asked_and_what_is() {
    let mut landscape = landscape();
    let volume = make(&mut landscape, &plain("films"), 1);
    let asked = CreateVolume {
        size: ByteSize::from_gib(1),
        durability: Durability::None,
        gid: 5,
        options: vec![option("nfs.disable", "on")],
        snapshots: Snapshots {
            enable: true,
            factor: 1.5,
        },
        block: true,
        zone_checking: Some(ZoneChecking::Strict),
        ..plain("films")
    };
    let refused = create_volume(&landscape, &Limits::default(), &asked, &mut Seed::new(2)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!(
            "volume name films is already in use on cluster {} by a volume with another size (asked 1 GiB, has 2 GiB: \
             it may have been expanded), another durability (asked none, has replicate 2), another group (asked 5, has \
             0), another option nfs.disable (asked on, has nothing), another room for snapshots (asked a factor of \
             1.5, has none), another type (asked block, has file), another zone checking (asked strict, has none)",
            volume.cluster
        )
    );
}

/// What the request leaves to the server's setting is no reason: the setting may have changed since.
#[test]
fn a_changed_default_does_not_make_another_request() {
    let mut landscape = landscape();
    let volume = make(&mut landscape, &plain("films"), 1);
    let limits = Limits {
        zone_checking: ZoneChecking::Strict,
        brick_min: ByteSize::from_gib(50),
        ..Limits::default()
    };
    let again = create_volume(&landscape, &limits, &plain("films"), &mut Seed::new(2));
    let known = Known {
        volume: volume.id,
        cluster: volume.cluster,
        operation: None,
    };
    assert_eq!(again, Ok(Creation::Known(known)));
}

/// A full or a differing cluster must not send the repetition to the next one; a cluster that is not asked for may
/// have the name all the same.
#[test]
fn a_name_is_looked_for_everywhere_it_may_be_and_nowhere_else() {
    let mut landscape = landscape();
    let (first, second) = (ClusterId::from_u128(1), ClusterId::from_u128(2));
    let on = |clusters: &[ClusterId]| CreateVolume {
        clusters: clusters.to_vec(),
        ..plain("films")
    };
    let there = make(&mut landscape, &on(&[second]), 1);
    let ask = |landscape: &Landscape, request: &CreateVolume| {
        create_volume(landscape, &Limits::default(), request, &mut Seed::new(2))
    };
    let known = Ok(Creation::Known(Known {
        volume: there.id,
        cluster: second,
        operation: None,
    }));
    assert_eq!(ask(&landscape, &on(&[])), known);
    assert_eq!(ask(&landscape, &on(&[first, second])), known);
    let other = CreateVolume {
        gid: 5,
        ..on(&[first, second])
    };
    assert!(matches!(ask(&landscape, &other), Err(Refusal::NameTaken { cluster, .. }) if cluster == second));
    // With a volume of the name on each, the one that is as asked is meant.
    let other = make(
        &mut landscape,
        &CreateVolume {
            gid: 5,
            ..on(&[first])
        },
        3,
    );
    assert_eq!(ask(&landscape, &on(&[])), known);
    assert_ne!(other.id, there.id);
}
