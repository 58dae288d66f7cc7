//! `mortar volume heal …`

use mortar_api::{BrickHeal, VolumeHeal};

use super::Session;
use crate::client::read;
use crate::error::Result;
use crate::show;

pub(super) async fn show(session: &Session, volume: &str) -> Result<()> {
    let attempt = format!("show what is to be healed in the volume {volume}");
    let id = session.client.volume_id(volume, &attempt).await?;
    let body = session
        .client
        .get_patiently(&format!("/v1/volumes/{id}/heal"), &attempt)
        .await?;
    if session.out.is_json() {
        return session.out.wire(&body);
    }
    session.out.text(&text(&read(&body, &attempt)?))
}

fn text(heal: &VolumeHeal) -> String {
    let verdict = verdict(heal);
    if heal.bricks.is_empty() {
        return format!("{verdict}\n");
    }
    let rows = heal.bricks.iter().map(row).collect();
    let head = ["BRICK", ">TO HEAL", ">SPLIT-BRAIN", "STATE"];
    format!("{}{verdict}\n", show::table(&head, rows))
}

fn row(brick: &BrickHeal) -> Vec<String> {
    let number = |of: fn(&mortar_api::Heal) -> u64| {
        let heal = brick.heal.as_ref();
        heal.map_or_else(|| "?".to_owned(), |heal| of(heal).to_string())
    };
    vec![
        brick.brick.clone(),
        number(|heal| heal.pending),
        number(|heal| heal.split_brain),
        if brick.connected { "runs" } else { "not reached" }.to_owned(),
    ]
}

fn verdict(heal: &VolumeHeal) -> String {
    if !heal.heals {
        return format!("Volume {} keeps no copies: there is nothing to heal.", heal.name);
    }
    if let Some(why) = &heal.unknown {
        return format!(
            "What is to be healed in volume {} cannot be told: {why}",
            heal.name
        );
    }
    let (pending, split) = heal.heal.map_or((0, 0), |heal| (heal.pending, heal.split_brain));
    let dark = heal.bricks.iter().filter(|brick| brick.heal.is_none()).count();
    let mut verdict = match pending {
        0 if dark == 0 => "All copies are alike.".to_owned(),
        0 => "Nothing is listed as to be healed.".to_owned(),
        some => format!("{some} files and folders are listed as to be healed."),
    };
    if split > 0 {
        verdict.push_str(&format!(
            " The copies disagree on {split} of them: choose a copy for each ('gluster volume heal {} info split-brain').",
            heal.name
        ));
    }
    if dark > 0 {
        verdict.push_str(&format!(" {dark} bricks could not be asked."));
    }
    verdict
}

#[cfg(test)]
mod tests {
    use mortar_api::{BrickHeal, Heal, VolumeHeal};

    use super::text;

    fn volume(bricks: &[Option<(u64, u64)>]) -> VolumeHeal {
        let heal = |(pending, split_brain): (u64, u64)| Heal { pending, split_brain };
        let total = bricks
            .iter()
            .flatten()
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        VolumeHeal {
            id: "0".repeat(32),
            name: "data".into(),
            heals: true,
            heal: Some(heal(total)),
            unknown: None,
            bricks: bricks
                .iter()
                .map(|one| BrickHeal {
                    brick: "n1:/b".into(),
                    connected: one.is_some(),
                    heal: one.map(heal),
                })
                .collect(),
            looked_at: String::new(),
        }
    }

    #[test]
    fn what_is_not_known_is_not_called_alike() {
        let last = |heal: &VolumeHeal| text(heal).lines().last().unwrap().to_owned();
        assert_eq!(last(&volume(&[Some((0, 0)); 2])), "All copies are alike.");
        assert_eq!(
            last(&volume(&[Some((0, 0)), None])),
            "Nothing is listed as to be healed. 1 bricks could not be asked."
        );
        let split = last(&volume(&[Some((3, 1)), Some((1, 1))]));
        assert!(
            split.starts_with("4 files and folders are listed as to be healed. The copies disagree on 2")
        );
        let dark = VolumeHeal {
            heal: None,
            unknown: Some("no route".into()),
            ..volume(&[])
        };
        assert_eq!(
            last(&dark),
            "What is to be healed in volume data cannot be told: no route"
        );
    }
}
