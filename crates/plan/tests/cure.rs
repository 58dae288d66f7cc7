//! Who is to be cured, and what is to become of its records, under random words of random pools.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use mortar_model::work::{RecordSpec, Starter, Thing};
use mortar_model::{
    Brick, BrickId, BrickSpace, ByteSize, Cluster, ClusterId, Device, DeviceId, DeviceKind, DevicePath,
    Durability, HostName, Inventory, Node, NodeId, OperationId, Snapshots, State, Tags, Volume, VolumeId,
    VolumeName, ZoneChecking, layout,
};
use mortar_plan::cure::{
    Account, Ailment, Cure, Recorded, Way, Word, ailments, cure_member, differing, disputed, heard, right,
    seconded, speaker, way,
};
use mortar_plan::{Change, Landscape, Plan, Refusal, delete_volume, expand_volume};
use proptest::prelude::*;

const CLUSTER: ClusterId = ClusterId::from_u128(1);

fn node(number: usize) -> NodeId {
    NodeId::from_u128(number as u128 + 1)
}

fn name(number: usize) -> VolumeName {
    VolumeName::new(format!("v{number}")).unwrap()
}

/// What one member says: it is silent, down, hangs, or has for each volume one of a few records.
fn word(volumes: usize) -> impl Strategy<Value = Word> {
    let records =
        proptest::collection::vec(prop_oneof![6 => Just(1_u8), 1 => Just(0), 1 => Just(2)], volumes);
    let kind = prop_oneof![12 => Just(0), 1 => Just(1), 1 => Just(2), 1 => Just(3)];
    (records, kind, proptest::collection::btree_set(0..7_usize, 0..2)).prop_map(|(records, kind, rejects)| {
        let has = records.iter().enumerate().filter(|(_, record)| **record > 0);
        let records: BTreeMap<_, _> = has.map(|(at, record)| (name(at), record.to_string())).collect();
        match kind {
            0 => Word::Tells(Account {
                records,
                members: 0,
                rejects: rejects.into_iter().map(node).collect(),
                unstored: BTreeSet::new(),
                seconded: BTreeSet::new(),
            }),
            1 => Word::Down(records),
            2 => Word::Hangs(records),
            _ => Word::Silent,
        }
    })
}

fn pool() -> impl Strategy<Value = Vec<(NodeId, Word)>> {
    (1..7_usize, 0..4_usize)
        .prop_flat_map(|(members, volumes)| proptest::collection::vec(word(volumes), members))
        .prop_map(|words| {
            let members = words.len();
            let number = |(at, mut word): (usize, Word)| {
                if let Word::Tells(account) = &mut word {
                    account.members = members;
                    account.rejects.retain(|other| *other != node(at));
                }
                (node(at), word)
            };
            words.into_iter().enumerate().map(number).collect()
        })
}

fn accounts(words: &[(NodeId, Word)]) -> Vec<(NodeId, &Account)> {
    let account = |(node, word): &'_ (NodeId, Word)| match word {
        Word::Tells(_) => Some(*node),
        _ => None,
    };
    let told: BTreeSet<NodeId> = words.iter().filter_map(account).collect();
    let all = words.iter().filter_map(|(node, word)| match word {
        Word::Tells(account) if told.contains(node) => Some((*node, account)),
        _ => None,
    });
    all.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Nobody is called ill where no strict majority answers, and nobody who says what a majority says.
    #[test]
    fn only_a_strict_majority_outvotes(words in pool()) {
        let told = accounts(&words);
        let found = ailments(&words);
        if 2 * told.len() <= words.len() {
            prop_assert!(found.is_empty());
        }
        for (ill, ailment) in &found {
            let Ailment::Differs(volumes) = ailment else { continue };
            for (volume, (own, others)) in volumes {
                prop_assert_ne!(own, others);
                let votes = told.iter().filter(|(_, account)| account.records.get(volume) == others.as_ref()).count();
                prop_assert!(2 * votes > words.len(), "{ill} is outvoted in {volume} by {votes} of {}", words.len());
            }
            prop_assert_eq!(&differing(&words, *ill), volumes);
        }
    }

    /// What is started anew hears of nothing that most members do not have.
    #[test]
    fn nothing_that_most_do_not_have_is_heard(words in pool()) {
        for (ill, _) in &words {
            let Ok(heard) = heard(&words, *ill) else { continue };
            for (other, account) in accounts(&words).into_iter().filter(|(other, _)| other != ill) {
                for (volume, own) in &account.records {
                    let most = right(&words, volume);
                    prop_assert!(most.is_some(), "{other} would tell {ill} of {volume}");
                    let named = heard.contains(&(other, volume.clone(), own.clone()));
                    prop_assert_eq!(named, most.as_ref() != Some(own));
                }
            }
        }
    }

    /// A speaker says what most say of just these volumes.
    #[test]
    fn a_speaker_says_what_most_say(words in pool()) {
        for (ill, ailment) in ailments(&words) {
            let Ailment::Differs(volumes) = ailment else { continue };
            let Some(found) = speaker(&words, ill, &volumes) else { continue };
            prop_assert_ne!(found, ill);
            let told = accounts(&words);
            let account = told.iter().find(|(node, _)| *node == found).unwrap().1;
            prop_assert!(volumes.iter().all(|(volume, (_, right))| account.records.get(volume) == right.as_ref()));
        }
    }

    /// A member that some pool counts and nobody else knows of makes the majority larger, never smaller.
    #[test]
    fn members_that_mortar_does_not_know_count(words in pool()) {
        let larger: Vec<(NodeId, Word)> = words.iter().cloned().map(|(node, mut word)| {
            if let Word::Tells(account) = &mut word {
                account.members *= 2;
            }
            (node, word)
        }).collect();
        let (few, many) = (ailments(&words), ailments(&larger));
        prop_assert!(many.keys().all(|node| few.contains_key(node)));
        if accounts(&words).len() <= words.len() {
            prop_assert!(many.is_empty(), "half of a pool is no majority of it");
        }
    }
}

#[test]
fn of_two_that_reject_each_other_one_is_started_anew() {
    let tells = |rejects: &[usize]| {
        Word::Tells(Account {
            members: 3,
            rejects: rejects.iter().map(|at| node(*at)).collect(),
            ..Account::default()
        })
    };
    let pair = [
        (node(0), tells(&[1])),
        (node(1), tells(&[0])),
        (node(2), tells(&[])),
    ];
    let found = ailments(&pair);
    assert_eq!(found.len(), 1);
    assert_eq!(found.values().next(), Some(&Ailment::Rejected));
    let outcast = [
        (node(0), tells(&[1])),
        (node(1), tells(&[0, 2])),
        (node(2), tells(&[1])),
    ];
    assert_eq!(ailments(&outcast), BTreeMap::from([(node(1), Ailment::Rejected)]));
    // A new machine under a lost node's name: it is none of them, and they are well.
    let stranger = [
        (node(0), tells(&[2])),
        (node(1), tells(&[2])),
        (node(2), Word::Silent),
    ];
    assert_eq!(ailments(&stranger), BTreeMap::new());
}

#[test]
fn of_two_that_differ_the_one_that_is_believed_is_the_majority() {
    let tells = |record: Option<&str>, seconded: bool| {
        let records = record.map(|record| (name(0), record.to_owned()));
        Word::Tells(Account {
            members: 2,
            records: records.into_iter().collect(),
            seconded: seconded.then(|| name(0)).into_iter().collect(),
            ..Account::default()
        })
    };
    let pool = |first: (Option<&str>, bool), second: (Option<&str>, bool)| {
        [
            (node(0), tells(first.0, first.1)),
            (node(1), tells(second.0, second.1)),
        ]
    };
    let equals = pool((Some("a"), false), (Some("b"), false));
    assert!(ailments(&equals).is_empty());
    assert_eq!(disputed(&equals), Some(([node(0), node(1)], vec![name(0)])));
    let ill = |words: &[(NodeId, Word)]| ailments(words).into_keys().collect::<Vec<_>>();
    assert_eq!(ill(&pool((Some("a"), true), (Some("b"), false))), [node(1)]);
    assert_eq!(ill(&pool((Some("a"), false), (None, true))), [node(0)]);
    assert_eq!(right(&pool((Some("a"), false), (None, true)), &name(0)), None);
    // Somebody counts a third, who may say otherwise.
    let mut larger = pool((Some("a"), false), (None, false));
    if let Word::Tells(account) = &mut larger[0].1 {
        account.members = 3;
    }
    assert_eq!(disputed(&larger), None);
}

#[test]
fn of_two_the_one_is_believed_that_has_what_mortar_recorded_or_what_is_newer() {
    let (mut landscape, volume) = landscape();
    let recorded = |version| Recorded {
        version,
        ..Recorded::default()
    };
    let (old, new) = (recorded(3), recorded(4));
    let believed = |landscape: &Landscape, name: &VolumeName, records| {
        seconded(landscape, CLUSTER, name, records, |_| false)
    };
    let has = |landscape: &Landscape| believed(landscape, &name(0), [Some(&old), None]);
    assert_eq!(has(&landscape), Some(0));
    assert_eq!(believed(&landscape, &name(0), [None, Some(&old)]), Some(1));
    assert_eq!(believed(&landscape, &name(0), [Some(&old), Some(&new)]), Some(1));
    assert_eq!(believed(&landscape, &name(0), [Some(&new), Some(&old)]), Some(0));
    assert_eq!(believed(&landscape, &name(0), [Some(&old), Some(&old)]), None);
    assert_eq!(
        believed(&landscape, &name(9), [Some(&old), None]),
        None,
        "nobody's volume is left to people"
    );
    let plan = delete_volume(&landscape, volume).unwrap();
    landscape.hold(OperationId::from_u128(5), &plan);
    assert_eq!(has(&landscape), Some(1), "what is being deleted is to be gone");
}

/// Three nodes with a device each, and a volume of one set.
fn landscape() -> (Landscape, VolumeId) {
    let mut inventory = Inventory::default();
    inventory.put_cluster(Cluster {
        id: CLUSTER,
        file: true,
        block: false,
    });
    for at in 0..3 {
        let host = HostName::new(format!("n{at}")).unwrap();
        inventory
            .put_node(Node {
                id: node(at),
                cluster: CLUSTER,
                zone: 1,
                manage: host.clone(),
                storage: host,
                tags: Tags::new(),
                state: State::Online,
            })
            .unwrap();
        inventory
            .put_device(Device {
                id: DeviceId::from_u128(at as u128 + 1),
                node: node(at),
                path: DevicePath::new("/disks/one").unwrap(),
                kind: DeviceKind::Directory,
                tags: Tags::new(),
                state: State::Online,
                total: ByteSize::from_gib(100),
            })
            .unwrap();
    }
    let id = VolumeId::from_u128(0x77);
    inventory
        .put_volume(Volume {
            id,
            cluster: CLUSTER,
            name: name(0),
            size: ByteSize::from_gib(1),
            durability: Durability::Replicate(3),
            gid: 0,
            snapshots: Snapshots::default(),
            zone_checking: ZoneChecking::None,
            sets_guessed: false,
            by_user: false,
            block_restriction: mortar_model::BlockRestriction::None,
            block: false,
            options: Vec::new(),
            origin: None,
        })
        .unwrap();
    for at in 0..3_u32 {
        inventory
            .add_brick(Brick {
                id: BrickId::from_u128(u128::from(at) + 1),
                volume: id,
                device: DeviceId::from_u128(u128::from(at) + 1),
                size: ByteSize::from_gib(1),
                space: BrickSpace::Image,
                set: 0,
                position: at,
                names: None,
                pool: None,
            })
            .unwrap();
    }
    (Landscape::new(inventory), id)
}

fn shown<'a>(landscape: &Landscape, bricks: impl Iterator<Item = &'a Brick>) -> Vec<String> {
    let inventory = landscape.inventory();
    bricks
        .map(|brick| {
            let host = &inventory.node_of_brick(brick).unwrap().storage;
            let path = layout::brick_path(brick.device, brick.id).replace('/', "-");
            format!("{host}:{path}")
        })
        .collect()
}

fn recorded(landscape: &Landscape, id: VolumeId, version: u64, more: &[String]) -> Recorded {
    let mut bricks = shown(landscape, landscape.inventory().bricks_of(id));
    bricks.extend_from_slice(more);
    Recorded {
        version,
        id: id.to_string(),
        bricks,
    }
}

fn decide(
    landscape: &Landscape,
    own: Option<&Recorded>,
    right: Option<&Recorded>,
    undone: bool,
) -> Result<Way, String> {
    way(landscape, CLUSTER, &name(0), (own, right), |_| undone)
}

#[test]
fn what_mortar_has_recorded_is_a_witness_too() {
    let (mut landscape, id) = landscape();
    let known = recorded(&landscape, id, 3, &[]);
    let older = Recorded {
        version: 2,
        ..known.clone()
    };
    let strange = Recorded {
        version: 9,
        bricks: vec!["n0:-elsewhere".into()],
        ..known.clone()
    };
    assert_eq!(
        decide(&landscape, Some(&older), Some(&known), false),
        Ok(Way::Aside)
    );
    assert_eq!(decide(&landscape, None, Some(&known), false), Ok(Way::Learn));
    assert_eq!(
        decide(&landscape, Some(&strange), Some(&known), false),
        Ok(Way::Aside)
    );
    // Most have lost it, or have something else: nobody forgets what is recorded.
    assert!(decide(&landscape, Some(&known), None, false).is_err());
    assert!(decide(&landscape, Some(&older), Some(&strange), false).is_err());
    assert!(decide(&landscape, None, Some(&strange), false).is_err());
    let newer = Recorded {
        version: 10,
        ..known.clone()
    };
    assert_eq!(
        decide(&landscape, Some(&newer), Some(&strange), false),
        Ok(Way::Spread)
    );

    let operation = OperationId::from_u128(5);
    let plan = delete_volume(&landscape, id).unwrap();
    landscape.hold(operation, &plan);
    assert_eq!(
        decide(&landscape, Some(&known), None, false),
        Ok(Way::Aside),
        "it is being deleted"
    );
    landscape.release(operation);
    landscape
        .apply(&Change::RemoveVolume(id), &mortar_model::work::Facts::None)
        .unwrap();
    assert_eq!(
        decide(&landscape, Some(&known), None, false),
        Ok(Way::Aside),
        "it was deleted"
    );
    let by_hand = Recorded {
        id: String::new(),
        bricks: vec!["n0:-data".into()],
        version: 1,
    };
    assert!(
        decide(&landscape, Some(&by_hand), None, false).is_err(),
        "it is somebody else's"
    );
    assert_eq!(
        decide(&landscape, Some(&by_hand), Some(&by_hand), false),
        Ok(Way::Aside)
    );
}

#[test]
fn what_an_operation_is_about_to_find_done_is_not_taken_from_it() {
    let (mut landscape, id) = landscape();
    let (before, operation) = (recorded(&landscape, id, 3, &[]), OperationId::from_u128(5));
    let plan = expand_volume(
        &landscape,
        &mortar_plan::Limits::default(),
        id,
        ByteSize::from_gib(1),
        mortar_plan::Expansion::AddBricks,
        &mut mortar_plan::Seed::new(1),
    )
    .unwrap();
    landscape.hold(operation, &plan);
    let more = shown(&landscape, plan.new_bricks());
    let newer = recorded(&landscape, id, 4, &more);
    let twisted = recorded(&landscape, id, 3, &more);
    assert_eq!(
        decide(&landscape, Some(&before), Some(&newer), false),
        Ok(Way::Aside)
    );
    assert_eq!(
        decide(&landscape, Some(&newer), Some(&before), false),
        Ok(Way::Spread)
    );
    assert!(decide(&landscape, Some(&twisted), Some(&before), false).is_err());
    let Ok(Way::AsideIfUnused(to_come)) = decide(&landscape, Some(&twisted), Some(&before), true) else {
        panic!("the operation is on its way back")
    };
    assert_eq!(shown(&landscape, to_come.iter()), more);
    landscape.release(operation);
    // A create: the member that alone has it tells the others, unless it is being undone.
    landscape
        .apply(&Change::RemoveVolume(id), &mortar_model::work::Facts::None)
        .unwrap();
    let volume = Volume {
        id,
        ..landscape_volume()
    };
    let made = Plan::record(vec![Change::AddVolume(volume, Vec::new())]);
    landscape.hold(operation, &made);
    let empty = Recorded {
        version: 1,
        id: id.to_string(),
        bricks: Vec::new(),
    };
    assert_eq!(decide(&landscape, Some(&empty), None, false), Ok(Way::Spread));
    assert_eq!(decide(&landscape, Some(&empty), None, true), Ok(Way::Aside));
}

fn landscape_volume() -> Volume {
    let (landscape, id) = landscape();
    landscape.inventory().volume(id).unwrap().clone()
}

#[test]
fn a_node_is_cured_by_one_operation_at_a_time_and_cannot_leave_meanwhile() {
    let (mut landscape, _) = landscape();
    let operation = OperationId::from_u128(9);
    let cure = Cure {
        node: node(1),
        ailment: Ailment::Differs(BTreeMap::from([(name(0), (Some("1".into()), None))])),
        records: vec![RecordSpec {
            name: name(0),
            said: Some("1".into()),
            right: None,
            aside: true,
        }],
        starter: Starter::Systemd,
    };
    let plan = cure_member(&landscape, operation, cure.clone()).unwrap();
    let (_, step) = plan.steps().next().unwrap();
    let Thing::Member(spec) = &step.thing else {
        panic!("{step:?}")
    };
    assert_eq!(spec.folder, operation.to_string());
    assert!(!spec.anew && !spec.hangs);
    landscape.hold(operation, &plan);
    assert!(matches!(
        cure_member(&landscape, OperationId::from_u128(10), cure.clone()),
        Err(Refusal::Busy(..))
    ));
    assert!(mortar_plan::remove_node(&landscape, node(1)).is_err());
    landscape.release(operation);
    let gone = Cure {
        node: node(8),
        ..cure
    };
    assert!(cure_member(&landscape, operation, gone).is_err());
}
