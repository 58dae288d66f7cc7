//! What waits to be healed, and what of it nobody tells: a brick that cannot be asked lists nothing, and is not well for that.

use mortar_api::{Heal, LastHeal};
use mortar_engine::HealSight;
use mortar_engine::query::heal_info::BrickHeal;

use super::operation::time;

/// What all bricks list together, where anybody tells; and what is missing from it, and why.
pub(crate) fn told(heals: &Result<Vec<BrickHeal>, String>) -> (Option<Heal>, Option<String>) {
    match heals {
        Ok(heals) => (Some(total(heals)), dark(heals)),
        Err(reason) => (None, Some(reason.clone())),
    }
}

/// What was told the last time.
pub(crate) fn last(seen: &HealSight) -> LastHeal {
    let (heal, unknown) = told(&seen.bricks);
    LastHeal {
        heal,
        unknown,
        looked_at: time(seen.looked_at),
    }
}

fn total(heals: &[BrickHeal]) -> Heal {
    Heal {
        pending: heals.iter().filter_map(|heal| heal.entries).sum(),
        split_brain: heals.iter().filter_map(|heal| heal.split_brain).sum(),
    }
}

fn dark(heals: &[BrickHeal]) -> Option<String> {
    let unasked = heals
        .iter()
        .filter(|heal| !heal.connected || heal.entries.is_none());
    let unasked: Vec<&str> = unasked.map(|heal| heal.brick.as_str()).collect();
    let (some, all) = (unasked.len(), heals.len());
    (some > 0).then(|| {
        format!(
            "{some} of {all} bricks could not be asked: {}",
            unasked.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use mortar_api::Heal;
    use mortar_engine::query::heal_info::BrickHeal;

    use super::told;

    fn brick(name: &str, entries: Option<u64>) -> BrickHeal {
        BrickHeal {
            brick: name.to_owned(),
            connected: entries.is_some(),
            entries,
            split_brain: entries.map(|_| 0),
        }
    }

    #[test]
    fn what_nobody_tells_is_not_nothing() {
        let heal = |pending| {
            Some(Heal {
                pending,
                split_brain: 0,
            })
        };
        let all = Ok(vec![brick("n1:/b", Some(2)), brick("n2:/b", Some(0))]);
        assert_eq!(told(&all), (heal(2), None));
        let some = Ok(vec![brick("n1:/b", Some(0)), brick("n2:/b", None)]);
        let why = "1 of 2 bricks could not be asked: n2:/b";
        assert_eq!(told(&some), (heal(0), Some(why.to_owned())));
        assert_eq!(told(&Err("why".to_owned())), (None, Some("why".to_owned())));
    }
}
