//! Which member of a pool is to be cured, and how, from what all members say.
//!
//! glusterd compares what members have by version and checksum when they meet. One that missed a change while it was
//! met stays behind for good; where versions are the same and texts are not, its peers reject it. The cure of both is
//! known: without its records of those volumes it learns them anew. Which records these are is decided here, by three
//! witnesses: most members, the member's own record, and what Mortar has recorded itself. Where they do not fit
//! together, nothing is done, and why is said.

mod second;
mod way;

use std::collections::{BTreeMap, BTreeSet};

use mortar_model::work::{Goal, MemberSpec, RecordSpec, Starter, Thing};
use mortar_model::{NodeId, OperationId, VolumeName};

use crate::landscape::Landscape;
use crate::plan::{Change, Place, Plan, Stage, Step, Subject};
use crate::refusal::Refusal;

pub use second::seconded;
pub use way::{Recorded, Way, way};

/// Records that differ and are cured at once.
const MOST_RECORDS: usize = 256;

/// What a member says of its pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// Its glusterd answers.
    Tells(Account),
    /// Its glusterd does not run; what it has on disk, as far as that can be read.
    Down(BTreeMap<VolumeName, String>),
    /// The node answers, and its glusterd does not.
    Hangs(BTreeMap<VolumeName, String>),
    /// Nothing is known.
    Silent,
}

/// What a member that answers says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Checksum of each of its records.
    pub records: BTreeMap<VolumeName, String>,
    /// Members of its pool as it counts them, itself among them.
    pub members: usize,
    /// Members that it sees connected and does not count as members: it rejects them, or waits for them.
    pub rejects: BTreeSet<NodeId>,
    /// Volumes of which its glusterd says something else than it has on disk.
    pub unstored: BTreeSet<VolumeName>,
    /// Volumes about which it is believed, in a pool of two ([`seconded`]): its voice counts twice.
    pub seconded: BTreeSet<VolumeName>,
}

/// What is wrong with a member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ailment {
    /// It says of these volumes something else than most members. Each with its own checksum and theirs.
    Differs(BTreeMap<VolumeName, (Option<String>, Option<String>)>),
    /// Others reject it, or it rejects them, though they say the same.
    Rejected,
    /// Of these volumes it says something else than it has on disk: a change was lost before it was stored, with the member
    /// that was asked for it.
    Unstored(BTreeSet<VolumeName>),
    /// Its glusterd does not run.
    Down,
    /// Its glusterd does not answer.
    Hangs,
}

impl Ailment {
    /// In a few words that follow "which".
    pub fn words(&self) -> String {
        match self {
            Self::Differs(volumes) => {
                let names: Vec<&str> = volumes.keys().take(4).map(VolumeName::as_str).collect();
                let more = volumes.len().saturating_sub(names.len());
                let more = if more > 0 {
                    format!(" and {more} more")
                } else {
                    String::new()
                };
                format!("differs from most members in {}{more}", names.join(", "))
            }
            Self::Rejected => "is rejected by other members".to_owned(),
            Self::Unstored(volumes) => {
                let names: Vec<&str> = volumes.iter().take(4).map(VolumeName::as_str).collect();
                format!("has not stored what it says of {}", names.join(", "))
            }
            Self::Down => "does not run".to_owned(),
            Self::Hangs => "does not answer".to_owned(),
        }
    }
}

type Words = [(NodeId, Word)];

/// How many members make a majority of this pool: of all that anybody counts.
fn most(words: &Words) -> usize {
    let counted = words.iter().map(|(_, word)| match word {
        Word::Tells(account) => account.members,
        _ => 0,
    });
    counted.max().unwrap_or(0).max(words.len()) / 2 + 1
}

fn accounts(words: &Words) -> impl Iterator<Item = (NodeId, &Account)> {
    words.iter().filter_map(|(node, word)| match word {
        Word::Tells(account) => Some((*node, account)),
        _ => None,
    })
}

/// The volumes in which the two members of a pool of two differ, with both; none for larger pools, and while one says nothing.
pub fn disputed(words: &Words) -> Option<([NodeId; 2], Vec<VolumeName>)> {
    let [(one, Word::Tells(own)), (other, Word::Tells(theirs))] = words else {
        return None;
    };
    if most(words) != 2 || own.members != 2 || theirs.members != 2 {
        return None;
    }
    let names: BTreeSet<&VolumeName> = own.records.keys().chain(theirs.records.keys()).collect();
    let differs = names
        .into_iter()
        .filter(|name| own.records.get(*name) != theirs.records.get(*name));
    Some(([*one, *other], differs.take(MOST_RECORDS).cloned().collect()))
}

/// What most members say of each volume that anybody has; none of those on which no majority agrees.
fn agreed(words: &Words) -> BTreeMap<VolumeName, Option<String>> {
    let names: BTreeSet<&VolumeName> = accounts(words)
        .flat_map(|(_, account)| account.records.keys())
        .collect();
    let most = most(words);
    let right = |name: &VolumeName| {
        let mut votes = BTreeMap::<Option<&String>, usize>::new();
        for (_, account) in accounts(words) {
            *votes.entry(account.records.get(name)).or_default() +=
                1 + usize::from(account.seconded.contains(name));
        }
        let (right, _) = votes.into_iter().find(|(_, votes)| *votes >= most)?;
        Some((name.clone(), right.cloned()))
    };
    names.into_iter().filter_map(right).collect()
}

/// What is wrong with each member, where most members say the same of what it differs in.
pub fn ailments(words: &Words) -> BTreeMap<NodeId, Ailment> {
    let (right, most) = (agreed(words), most(words));
    if accounts(words).count() < most {
        return BTreeMap::new();
    }
    let outcast = outcast(words);
    let ailment = |(node, word): &(NodeId, Word)| {
        let ailment = match word {
            Word::Tells(account) => {
                let differs = differences(&account.records, &right);
                if !differs.is_empty() {
                    Ailment::Differs(differs)
                } else if !account.unstored.is_empty() {
                    Ailment::Unstored(account.unstored.clone())
                } else if outcast == Some(*node) {
                    Ailment::Rejected
                } else {
                    return None;
                }
            }
            Word::Down(_) => Ailment::Down,
            Word::Hangs(_) => Ailment::Hangs,
            Word::Silent => return None,
        };
        Some((*node, ailment))
    };
    words.iter().filter_map(ailment).collect()
}

/// The member that others reject, or that rejects others, most often. Of two that reject each other and nobody else,
/// either may be started anew: they meet once more then. Whom nothing is heard of is in nobody's disfavour: all reject a new machine
/// under a lost node's name, and rightly.
fn outcast(words: &Words) -> Option<NodeId> {
    let tells = |node: &NodeId| accounts(words).any(|(other, _)| other == *node);
    let times = |node: NodeId, own: &Account| {
        let others = accounts(words).filter(|(_, other)| other.rejects.contains(&node));
        own.rejects.iter().filter(|other| tells(other)).count() + others.count()
    };
    let counted = accounts(words).map(|(node, own)| (times(node, own), node));
    let (times, node) = counted.max()?;
    (times > 0).then_some(node)
}

fn differences(
    own: &BTreeMap<VolumeName, String>,
    right: &BTreeMap<VolumeName, Option<String>>,
) -> BTreeMap<VolumeName, (Option<String>, Option<String>)> {
    let differs = right
        .iter()
        .filter(|(name, right)| own.get(*name) != right.as_ref());
    differs
        .map(|(name, right)| (name.clone(), (own.get(name).cloned(), right.clone())))
        .collect()
}

/// What this member has on disk and most members say otherwise. Each with its own checksum and theirs.
pub fn differing(words: &Words, node: NodeId) -> BTreeMap<VolumeName, (Option<String>, Option<String>)> {
    let on_disk = words
        .iter()
        .find(|(other, _)| *other == node)
        .map(|(_, word)| match word {
            Word::Tells(account) => account.records.clone(),
            Word::Down(records) | Word::Hangs(records) => records.clone(),
            Word::Silent => BTreeMap::new(),
        });
    on_disk
        .map(|own| differences(&own, &agreed(words)))
        .unwrap_or_default()
}

/// The checksum that most members have of this volume.
pub fn right(words: &Words, name: &VolumeName) -> Option<String> {
    agreed(words).remove(name).flatten()
}

/// A member, other than this one, that says of these volumes what most members say.
pub fn speaker(
    words: &Words,
    but: NodeId,
    differs: &BTreeMap<VolumeName, (Option<String>, Option<String>)>,
) -> Option<NodeId> {
    let says = |account: &Account| {
        differs
            .iter()
            .all(|(name, (_, right))| account.records.get(name) == right.as_ref())
    };
    let mut others = accounts(words).filter(|(node, _)| *node != but);
    others.find(|(_, account)| says(account)).map(|(node, _)| node)
}

/// What this member, started anew, would hear from those that differ as well: the others' volumes, each with the checksum
/// that it has there and the one that most members have. What is older there, it tells them; what is newer it would take over.
///
/// # Errors
/// Another one has a volume that most members do not have, so it would come back; or no majority says the same of some
/// volume.
pub fn heard(words: &Words, node: NodeId) -> Result<Vec<(NodeId, VolumeName, String)>, String> {
    let right = agreed(words);
    let all = accounts(words).flat_map(|(_, account)| account.records.keys());
    if let Some(name) = all.filter(|name| !right.contains_key(*name)).min() {
        return Err(format!("no majority of the pool says the same of volume {name}"));
    }
    let mut heard = Vec::new();
    for (other, account) in accounts(words).filter(|(other, _)| *other != node) {
        for (name, (own, right)) in differences(&account.records, &right) {
            match (own, right) {
                (Some(_), None) => {
                    return Err(format!(
                        "it would hear of volume {name} from another one, which most members do not have"
                    ));
                }
                (Some(own), Some(_)) => heard.push((other, name, own)),
                (None, _) => {}
            }
        }
    }
    Ok(heard)
}

/// Whether others would take over from this member what most of them do not have.
pub fn is_infectious(words: &Words, node: NodeId) -> bool {
    differing(words, node)
        .values()
        .any(|(own, right)| own.is_some() && right.is_none())
}

/// What a cure needs to be planned.
#[derive(Clone, Debug)]
pub struct Cure {
    /// The member.
    pub node: NodeId,
    /// What is wrong with it.
    pub ailment: Ailment,
    /// What it has on disk of volumes that are to be set aside or learned anew.
    pub records: Vec<RecordSpec>,
    /// How its glusterd is started.
    pub starter: Starter,
}

/// Whether the others learn it.
fn spreads(record: &RecordSpec) -> bool {
    !record.aside && record.said.is_some()
}

/// Plans the cure of a member.
///
/// # Errors
/// The node is unknown or being changed, or leaves its pool.
pub fn cure_member(landscape: &Landscape, operation: OperationId, cure: Cure) -> Result<Plan, Refusal> {
    let id = cure.node;
    let node = landscape.inventory().node(id);
    let node = node.ok_or_else(|| Refusal::Unknown("node", id.to_string()))?;
    if let Some(holder) = landscape.holder(Subject::Member(id)) {
        return Err(Refusal::Busy("node", id.to_string(), holder));
    }
    let mut records = cure.records;
    records.truncate(MOST_RECORDS);
    let spec = MemberSpec {
        node: id,
        host: node.storage.clone(),
        why: cure.ailment.words(),
        hangs: cure.ailment == Ailment::Hangs,
        anew: matches!(cure.ailment, Ailment::Unstored(_)) || records.iter().any(spreads),
        records,
        folder: operation.to_string(),
        starter: cure.starter,
    };
    let step = Step {
        place: Place::Node(id),
        thing: Thing::Member(spec),
        goal: Goal::Present,
        needed: true,
    };
    let title = "start glusterd anew without what it alone believes".to_owned();
    Ok(Plan {
        stages: vec![Stage {
            title,
            steps: vec![step],
        }],
        forward_from: None,
        changes: vec![Change::Keep(Subject::Member(id))],
    })
}
