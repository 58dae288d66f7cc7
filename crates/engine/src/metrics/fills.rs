//! How full devices are, as counted: one by one only the fullest of them, and not more than a bound.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;

use mortar_model::DeviceId;
use mortar_survey::Fill;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

/// Most devices that are named one by one.
const NAMED: usize = 100;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PartLabels {
    device: String,
    part: &'static str,
}

/// What the last check saw.
#[derive(Clone, Debug, Default)]
pub(crate) struct FillMetrics {
    percent: Family<PartLabels, Gauge<f64, AtomicU64>>,
    stopped: Gauge,
}

impl FillMetrics {
    /// Shows the fill of devices, and how many of them take no bricks for it.
    pub(crate) fn show(&self, fills: &BTreeMap<DeviceId, Fill>, stopped: usize) {
        let fullest = |fill: &Fill| fill.fullest().map_or(0.0, |(_, percent)| percent);
        let mut order: Vec<(&DeviceId, &Fill)> = fills.iter().collect();
        order.sort_by(|a, b| fullest(b.1).total_cmp(&fullest(a.1)));
        self.percent.clear();
        for (device, fill) in order.into_iter().take(NAMED) {
            for (part, percent) in [
                ("pool-data", fill.data),
                ("pool-metadata", fill.metadata),
                ("file-system", fill.directory),
            ] {
                let device = device.to_string();
                if let Some(percent) = percent {
                    self.percent
                        .get_or_create(&PartLabels { device, part })
                        .set(percent);
                }
            }
        }
        self.stopped.set(i64::try_from(stopped).unwrap_or(i64::MAX));
    }

    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "device_fill_percent",
            "How full the fullest thin pool of a device is, or the file system under it where bricks are promised more than is \
             free; of the 100 fullest devices",
            self.percent.clone(),
        );
        registry.register(
            "devices_too_full",
            "Devices that take no bricks because a part of them is nearly full",
            self.stopped.clone(),
        );
    }
}
