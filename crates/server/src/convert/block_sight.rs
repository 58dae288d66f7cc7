//! The chain of a block volume, recorded beside seen, as `/v1/explain` shows it.

use mortar_api::{BlockExplanation, ExplainedBlock, ExplainedHost, Sight, SightState};
use mortar_engine::BlockSight;
use mortar_engine::plan::Landscape;
use mortar_engine::query::block_volumes::{BlockTold, printed};
use mortar_model::{BlockVolume, BlockVolumeId, HostName};

use super::sight::{explanation, verdict};

/// The whole chain; none when the block volume went away while it was looked at.
pub(crate) fn block_explanation(
    id: BlockVolumeId,
    seen: &BlockSight,
    landscape: &Landscape,
) -> Option<BlockExplanation> {
    let block = landscape.inventory().block(id)?;
    let hosts = block.hosts.iter();
    Some(BlockExplanation {
        block: ExplainedBlock {
            id: block.id.to_string(),
            name: block.name.to_string(),
            size: block.size.bytes(),
            usable: block.usable.bytes(),
            ha: block.ha,
            auth: block.auth,
            iqn: block.target.iqn.clone(),
            lun: block.target.lun,
            hosts: hosts.map(|host| of_host(host, block, seen, landscape)).collect(),
            sight: of_block(block, seen),
        },
        hosting: explanation(block.hosting, &seen.hosting, landscape)?,
    })
}

const MISSING: &str = "gluster-block knows none of that name";

fn of_block(block: &BlockVolume, seen: &BlockSight) -> Sight {
    match &seen.told {
        Err(reason) => Sight::new(SightState::Unknown, reason.clone()),
        Ok(None) => Sight::new(SightState::Missing, MISSING),
        Ok(Some(told)) => verdict(&differences(block, told)),
    }
}

/// In what it is not as recorded; the same rules as those of `mortar check`.
fn differences(block: &BlockVolume, told: &BlockTold) -> Vec<String> {
    let mut different = Vec::new();
    let iqn = &block.target.iqn;
    if !iqn.is_empty() && *iqn != told.target.iqn {
        different.push(format!("its target is {}: it was made anew", told.target.iqn));
    }
    if ![block.size, block.usable].map(printed).contains(&told.size) {
        different.push(format!("it has {}", told.size));
    }
    if told.hosts.len() < told.ha.min(block.ha) as usize {
        different.push(format!("{} of {} hosts serve it", told.hosts.len(), told.ha));
    }
    let strangers = told.hosts.iter().filter(|host| {
        let mut recorded = block.hosts.iter();
        !recorded.any(|known| is(known, host))
    });
    let strangers: Vec<&str> = strangers.map(String::as_str).collect();
    if !strangers.is_empty() {
        different.push(format!(
            "{} serve it, which are not recorded",
            strangers.join(", ")
        ));
    }
    different
}

fn is(host: &HostName, told: &str) -> bool {
    host.as_str().eq_ignore_ascii_case(told)
}

fn of_host(host: &HostName, block: &BlockVolume, seen: &BlockSight, landscape: &Landscape) -> ExplainedHost {
    let node = landscape.inventory().node_by_host(host);
    ExplainedHost {
        host: host.to_string(),
        node: node.map(|node| node.id.to_string()),
        sight: match &seen.told {
            Err(_) => Sight::new(SightState::Unknown, "gluster-block did not tell"),
            Ok(None) => Sight::new(SightState::Missing, MISSING),
            Ok(Some(told)) => serves(host, block, told),
        },
    }
}

fn serves(host: &HostName, block: &BlockVolume, told: &BlockTold) -> Sight {
    let among = |hosts: &[String]| hosts.iter().any(|told| is(host, told));
    if among(&told.broken) {
        Sight::new(SightState::Different, "gluster-block failed on it")
    } else if among(&told.smaller) {
        Sight::new(SightState::Different, "it serves it as smaller than it is")
    } else if among(&told.hosts) {
        Sight::ok()
    } else if block.hosts.len() > block.ha as usize {
        // Heketi names all hosts of the cluster, of which some serve it.
        Sight::new(SightState::Ok, "it may serve it, and does not")
    } else {
        Sight::new(SightState::Missing, "it does not serve it")
    }
}
