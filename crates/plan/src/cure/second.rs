//! Which of two members is believed where a pool has no more.
//!
//! Neither outvotes the other. What Mortar has recorded gives one of them a second voice where only one has the volume;
//! where both have it, the version does, as it does when they meet: the newer one has a change that the other missed.

use std::cmp::Ordering;

use mortar_model::{ClusterId, OperationId, VolumeName};

use super::way::Recorded;
use crate::landscape::Landscape;

/// The one of two members that is believed about a volume in which they differ; none where nothing tells.
/// `is_undone` tells whether an operation is on its way back.
pub fn seconded(
    landscape: &Landscape,
    cluster: ClusterId,
    name: &VolumeName,
    records: [Option<&Recorded>; 2],
    is_undone: impl Fn(OperationId) -> bool,
) -> Option<usize> {
    let is_to_be = is_to_be(landscape, cluster, name, is_undone)?;
    match records {
        [Some(one), Some(other)] => match one.version.cmp(&other.version) {
            Ordering::Greater => Some(0),
            Ordering::Less => Some(1),
            Ordering::Equal => None,
        },
        [Some(_), None] => Some(usize::from(!is_to_be)),
        [None, Some(_)] => Some(usize::from(is_to_be)),
        [None, None] => None,
    }
}

/// Whether there is to be a volume of that name, as far as Mortar knows.
fn is_to_be(
    landscape: &Landscape,
    cluster: ClusterId,
    name: &VolumeName,
    is_undone: impl Fn(OperationId) -> bool,
) -> Option<bool> {
    if let Some(volume) = landscape.inventory().volume_by_name(cluster, name) {
        return Some(landscape.remover(volume.id).is_none());
    }
    if let Some((maker, _)) = landscape.volume_to_come(cluster, name) {
        return Some(!is_undone(maker));
    }
    landscape.name_leaving(cluster, name).map(|_| false)
}
