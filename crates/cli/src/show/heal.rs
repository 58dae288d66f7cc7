//! What waits to be healed, in a line. What nobody tells is never shown as well.

use mortar_api::{Heal, LastHeal};

use super::Paint;

/// What is listed, and what of it is not known.
pub(crate) fn healing(heal: Option<Heal>, unknown: Option<&str>, paint: Paint) -> String {
    let Some(heal) = heal else {
        let why = unknown.map(|why| format!(": {why}")).unwrap_or_default();
        return paint.fair(format!("not known{why}"));
    };
    match (heal == Heal::default(), unknown) {
        (true, None) => paint.good("nothing waits"),
        (true, Some(why)) => paint.fair(format!("nothing is listed, but {why}")),
        (false, None) => listed(heal, paint),
        (false, Some(why)) => format!("{}; {}", listed(heal, paint), paint.fair(why)),
    }
}

fn listed(heal: Heal, paint: Paint) -> String {
    let mut text = paint.fair(format!("{} to heal", heal.pending));
    if heal.split_brain > 0 {
        let split = paint.bad(format!("{} in split brain", heal.split_brain));
        text.push_str(&format!(", {split}"));
    }
    text
}

/// The same of the last time that it was asked for; the volume is named as people write it.
pub(crate) fn last_heal(last: Option<&LastHeal>, volume: &str, paint: Paint) -> String {
    match last {
        None => paint.fair(format!(
            "not asked for yet: 'mortar volume heal {volume}' asks now"
        )),
        Some(last) => format!(
            "{}  {}",
            healing(last.heal, last.unknown.as_deref(), paint),
            paint.faint(format!("as of {}", last.looked_at))
        ),
    }
}

#[cfg(test)]
mod tests {
    use mortar_api::{Heal, LastHeal};

    use super::{Paint, healing, last_heal};

    #[test]
    fn what_is_not_known_is_not_called_well() {
        let heal = |pending, split_brain| Some(Heal { pending, split_brain });
        let why = Some("1 of 3 bricks could not be asked: n2:/b");
        for (heal, unknown, wanted) in [
            (heal(0, 0), None, "nothing waits"),
            (
                heal(0, 0),
                why,
                "nothing is listed, but 1 of 3 bricks could not be asked: n2:/b",
            ),
            (heal(4, 1), None, "4 to heal, 1 in split brain"),
            (
                heal(4, 0),
                why,
                "4 to heal; 1 of 3 bricks could not be asked: n2:/b",
            ),
            (None, Some("no route"), "not known: no route"),
        ] {
            assert_eq!(healing(heal, unknown, Paint::PLAIN), wanted);
        }
        let green = Paint::new(true).good("nothing waits");
        assert!(!healing(heal(0, 0), why, Paint::new(true)).contains(&green[..5]));
    }

    #[test]
    fn the_last_time_is_told_with_its_time() {
        assert_eq!(
            last_heal(None, "data", Paint::PLAIN),
            "not asked for yet: 'mortar volume heal data' asks now"
        );
        let last = LastHeal {
            heal: Some(Heal::default()),
            unknown: None,
            looked_at: "2026-01-02T03:04:05Z".into(),
        };
        assert_eq!(
            last_heal(Some(&last), "data", Paint::PLAIN),
            "nothing waits  as of 2026-01-02T03:04:05Z"
        );
    }
}
