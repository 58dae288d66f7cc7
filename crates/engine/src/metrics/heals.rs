//! How the copies of volumes are, as counted. Volumes are named one by one only where something is wrong with them, and not
//! more than a bound of them: a pool of a million volumes must not become a million lines.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use crate::heal::HealSight;

/// Most volumes that are named one by one: those with most in split-brain first, then those with most to heal.
const NAMED: usize = 100;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct VolumeLabel {
    /// Its name, which is a checked one.
    volume: String,
}

/// What the last pass saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct HealMetrics {
    pending: Family<VolumeLabel, Gauge>,
    split_brain: Family<VolumeLabel, Gauge>,
    healing: Gauge,
    split: Gauge,
    unknown: Gauge,
    unnamed: Gauge,
    looked_at: Gauge<f64, AtomicU64>,
    seconds: Gauge<f64, AtomicU64>,
}

impl HealMetrics {
    /// Shows what a pass saw of all volumes that keep copies.
    pub(crate) fn show(&self, mut seen: Vec<(String, HealSight)>, ended: u64, took: Duration) {
        let count =
            |is: &dyn Fn(&HealSight) -> bool| whole(seen.iter().filter(|(_, sight)| is(sight)).count());
        self.healing.set(count(&|sight| sight.pending() > 0));
        self.split.set(count(&|sight| sight.split_brain() > 0));
        self.unknown.set(count(&HealSight::in_the_dark));
        seen.retain(|(_, sight)| sight.pending() > 0 || sight.split_brain() > 0);
        seen.sort_by_key(|(_, sight)| std::cmp::Reverse((sight.split_brain(), sight.pending())));
        self.unnamed.set(whole(seen.len().saturating_sub(NAMED)));
        self.pending.clear();
        self.split_brain.clear();
        for (volume, sight) in seen.into_iter().take(NAMED) {
            let label = VolumeLabel { volume };
            let set = |family: &Family<VolumeLabel, Gauge>, entries: u64| {
                family
                    .get_or_create(&label)
                    .set(i64::try_from(entries).unwrap_or(i64::MAX));
            };
            set(&self.pending, sight.pending());
            set(&self.split_brain, sight.split_brain());
        }
        self.looked_at.set(Duration::from_millis(ended).as_secs_f64());
        self.seconds.set(took.as_secs_f64());
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "volume_heal_pending",
            "Files and folders that the bricks of a volume list as to be healed; only volumes that have some, 100 at most",
            self.pending.clone(),
        );
        registry.register(
            "volume_split_brain",
            "Those of them on whose content the copies do not agree; of the same volumes",
            self.split_brain.clone(),
        );
        for (name, text, gauge) in [
            (
                "volumes_to_heal",
                "Volumes with files to be healed",
                &self.healing,
            ),
            (
                "volumes_in_split_brain",
                "Volumes with files in split-brain",
                &self.split,
            ),
            (
                "volumes_heal_unknown",
                "Volumes of which it could not be told, wholly or in part, what is to be healed",
                &self.unknown,
            ),
            (
                "volumes_to_heal_unnamed",
                "Volumes with files to be healed that are not named one by one",
                &self.unnamed,
            ),
        ] {
            registry.register(name, text, gauge.clone());
        }
        registry.register_with_unit(
            "heal_watch_last_time",
            "When all volumes were last asked what is to be healed, since 1970",
            Unit::Seconds,
            self.looked_at.clone(),
        );
        registry.register_with_unit(
            "heal_watch_last_duration",
            "How long that took",
            Unit::Seconds,
            self.seconds.clone(),
        );
    }
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mortar_command::query::heal_info::BrickHeal;
    use prometheus_client::registry::Registry;

    use super::{HealMetrics, NAMED};
    use crate::heal::HealSight;

    fn sight(entries: Option<u64>, split: u64) -> HealSight {
        HealSight {
            bricks: Ok(vec![BrickHeal {
                brick: "n1:/b".into(),
                connected: entries.is_some(),
                entries,
                split_brain: Some(split),
            }]),
            looked_at: 0,
        }
    }

    fn page(seen: Vec<(String, HealSight)>, metrics: &HealMetrics) -> String {
        metrics.show(seen, 7000, Duration::from_secs(2));
        let mut registry = Registry::default();
        metrics.register(&mut registry);
        let mut page = String::new();
        prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
        page
    }

    #[test]
    fn the_worst_are_named_and_the_rest_is_counted() {
        let metrics = HealMetrics::default();
        let mut seen: Vec<(String, HealSight)> =
            (1..=150).map(|n| (format!("v{n}"), sight(Some(n), 0))).collect();
        seen.push(("split".into(), sight(Some(1), 1)));
        seen.push(("well".into(), sight(Some(0), 0)));
        seen.push(("dark".into(), sight(None, 0)));
        let shown = page(seen, &metrics);
        let named = shown.matches("volume_heal_pending{").count();
        assert_eq!(named, NAMED);
        for line in [
            "volume_split_brain{volume=\"split\"} 1",
            "volume_heal_pending{volume=\"v150\"} 150",
            "volume_heal_pending{volume=\"v52\"} 52",
            "volumes_to_heal 151",
            "volumes_in_split_brain 1",
            "volumes_heal_unknown 1",
            "volumes_to_heal_unnamed 51",
            "heal_watch_last_time_seconds 7.0",
        ] {
            assert!(shown.contains(line), "{line}\n{shown}");
        }
        assert!(!shown.contains("\"v51\"") && !shown.contains("\"well\""));
        // What is well again is not named any more.
        let shown = page(vec![("v150".into(), sight(Some(0), 0))], &metrics);
        assert!(!shown.contains("{volume="), "{shown}");
    }
}
