//! Zones, as callers name them. A node says in which zone it is; a class may say that volumes are reached only from the zones
//! in which their cluster has nodes. Without that a volume is reached from everywhere, as GlusterFS is.

use std::collections::HashMap;

use tonic::Status;

use crate::proto::{Topology, TopologyRequirement};
use crate::trouble::invalid;

/// The key of a zone.
pub(crate) const ZONE: &str = "topology.csi.mortar/zone";

/// A zone as a topology.
pub(crate) fn of(zone: u32) -> Topology {
    Topology {
        segments: HashMap::from([(ZONE.to_owned(), zone.to_string())]),
    }
}

/// The zone that a topology names; none when it names none.
///
/// # Errors
/// INVALID_ARGUMENT: the zone is no number.
pub(crate) fn zone(topology: &Topology) -> Result<Option<u32>, Status> {
    let Some(text) = topology.segments.get(ZONE) else {
        return Ok(None);
    };
    let number = text.parse().ok();
    let number = number.ok_or_else(|| invalid(format!("{ZONE} is {text:?}: zones are numbers")))?;
    Ok(Some(number))
}

/// The zones that are asked for, the preferred ones first.
///
/// # Errors
/// As [`zone`].
pub(crate) fn zones(wanted: Option<&TopologyRequirement>) -> Result<Vec<u32>, Status> {
    let Some(wanted) = wanted else {
        return Ok(Vec::new());
    };
    let mut zones = Vec::new();
    for topology in wanted.preferred.iter().chain(&wanted.requisite) {
        if let Some(zone) = zone(topology)?
            && !zones.contains(&zone)
        {
            zones.push(zone);
        }
    }
    Ok(zones)
}

#[cfg(test)]
mod tests {
    use super::{of, zones};
    use crate::proto::{Topology, TopologyRequirement};

    #[test]
    fn preferred_zones_stand_first() {
        let wanted = TopologyRequirement {
            requisite: vec![of(1), of(2), of(3)],
            preferred: vec![of(3), of(1)],
        };
        assert_eq!(zones(Some(&wanted)).unwrap(), [3, 1, 2]);
        assert!(zones(None).unwrap().is_empty());
        let mut strange: Topology = of(1);
        for value in strange.segments.values_mut() {
            *value = "east".to_owned();
        }
        let wanted = TopologyRequirement {
            requisite: vec![strange],
            preferred: Vec::new(),
        };
        assert!(zones(Some(&wanted)).is_err());
    }
}
