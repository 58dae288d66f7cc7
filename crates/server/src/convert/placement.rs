//! Where a volume would go, as `/v1/plan` shows it.

use mortar_api::{ErrorInfo, Existing, NotChosen, PassedOver, PlanAnswer, PlannedBrick, PlannedSet};
use mortar_engine::plan::{CreateVolume, DeviceRefusal, Known, Landscape, Plan, Refusal, Rule};
use mortar_model::{Brick, ByteSize, DeviceId};

/// The answer for a volume that could be made. `verdicts` are what was said of each device, `more` counts those
/// that are not listed.
pub(crate) fn possible(
    request: &CreateVolume,
    plan: &Plan,
    verdicts: &[DeviceRefusal],
    more: usize,
    landscape: &Landscape,
) -> PlanAnswer {
    PlanAnswer {
        possible: true,
        refusal: None,
        existing: None,
        cluster: plan.new_volume().map(|volume| volume.cluster.to_string()),
        durability: request.durability.to_string(),
        size: request.size.bytes(),
        sets: sets(plan, landscape),
        not_chosen: not_chosen(verdicts, more),
    }
}

/// The answer for a volume that was asked for before.
pub(crate) fn existing(request: &CreateVolume, known: Known) -> PlanAnswer {
    PlanAnswer {
        possible: true,
        refusal: None,
        existing: Some(Existing {
            volume: known.volume.to_string(),
            operation: known.operation.map(|operation| operation.to_string()),
        }),
        cluster: Some(known.cluster.to_string()),
        durability: request.durability.to_string(),
        size: request.size.bytes(),
        sets: Vec::new(),
        not_chosen: NotChosen::default(),
    }
}

/// The answer for a volume that could not be made.
pub(crate) fn impossible(request: &CreateVolume, refusal: &Refusal, info: ErrorInfo) -> PlanAnswer {
    let not_chosen = match refusal {
        Refusal::NoSpace(why) => not_chosen(&why.devices, why.more),
        _ => NotChosen::default(),
    };
    PlanAnswer {
        possible: false,
        refusal: Some(info),
        existing: None,
        cluster: None,
        durability: request.durability.to_string(),
        size: request.size.bytes(),
        sets: Vec::new(),
        not_chosen,
    }
}

fn sets(plan: &Plan, landscape: &Landscape) -> Vec<PlannedSet> {
    let bricks: Vec<&Brick> = plan.new_bricks().collect();
    let taken = |device: DeviceId| -> ByteSize {
        bricks
            .iter()
            .filter(|brick| brick.device == device)
            .map(|brick| brick.footprint())
            .sum()
    };
    let mut sets: Vec<PlannedSet> = Vec::new();
    for brick in &bricks {
        let Some(planned) = planned(brick, taken(brick.device), landscape) else {
            continue;
        };
        match sets.iter_mut().find(|set| set.set == brick.set) {
            Some(set) => set.bricks.push(planned),
            None => sets.push(PlannedSet {
                set: brick.set,
                bricks: vec![planned],
            }),
        }
    }
    sets
}

/// A brick of the plan; none when its device went away meanwhile.
fn planned(brick: &Brick, taken: ByteSize, landscape: &Landscape) -> Option<PlannedBrick> {
    let device = landscape.inventory().device(brick.device)?;
    let node = landscape.inventory().node(device.node)?;
    let used = landscape.used(device.id);
    Some(PlannedBrick {
        position: brick.position,
        node: node.id.to_string(),
        host: node.manage.to_string(),
        zone: node.zone,
        device: device.id.to_string(),
        path: device.path.to_string(),
        size: brick.size.bytes(),
        footprint: brick.footprint().bytes(),
        device_size: device.total.bytes(),
        used_before: used.bytes(),
        used_after: (used + taken).bytes(),
    })
}

fn not_chosen(verdicts: &[DeviceRefusal], more: usize) -> NotChosen {
    let devices = verdicts
        .iter()
        .filter(|verdict| verdict.rule != Rule::Chosen)
        .map(passed_over);
    NotChosen {
        devices: devices.collect(),
        more: u64::try_from(more).unwrap_or(u64::MAX),
    }
}

fn passed_over(verdict: &DeviceRefusal) -> PassedOver {
    PassedOver {
        device: verdict.device.to_string(),
        path: verdict.path.to_string(),
        node: verdict.node.to_string(),
        host: verdict.host.to_string(),
        zone: verdict.zone,
        refused: verdict.rule != Rule::Outranked,
        rule: rule_name(&verdict.rule).into(),
        reason: verdict.rule.to_string(),
        way: verdict.rule.way().unwrap_or_default(),
    }
}

/// Short names of the rules, for programs: never changed, only added to.
fn rule_name(rule: &Rule) -> &'static str {
    match rule {
        Rule::NodeOffline => "node-offline",
        Rule::NodeUnhealthy => "node-unreachable",
        Rule::DeviceOffline => "device-offline",
        Rule::DeviceLeaving => "device-leaving",
        Rule::TooFull(_) => "too-full",
        Rule::Tags(_) => "tags",
        Rule::NoArbiters => "no-arbiters",
        Rule::OnlyArbiters => "only-arbiters",
        Rule::Full { .. } => "no-space",
        Rule::TooLarge { .. } => "brick-too-large",
        Rule::Adopted => "adopted",
        Rule::NodeInSet => "node-in-set",
        Rule::ZoneInSet => "zone-in-set",
        Rule::Outranked => "outranked",
        Rule::Left => "left",
        Rule::Chosen => "chosen",
    }
}
