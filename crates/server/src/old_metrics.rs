//! What Heketi's `/metrics` told, under its names: gauges of what is recorded, made anew for each page.

use std::fmt;

use mortar_engine::plan::Landscape;
use mortar_engine::{Engine, OperationState};
use mortar_model::{Cluster, Device, DeviceKind, Node};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// Shows them in `registry`.
pub(crate) fn register(registry: &mut Registry, engine: &Engine) {
    registry.register_collector(Box::new(Recorded {
        engine: engine.clone(),
    }));
}

struct Recorded {
    engine: Engine,
}

impl fmt::Debug for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recorded")
    }
}

/// A label's name and value.
type Label = (&'static str, String);

/// One gauge: its name, what it tells, and its values.
struct Gauge {
    name: &'static str,
    help: &'static str,
    values: Vec<(Vec<Label>, u64)>,
}

impl Gauge {
    fn one(name: &'static str, help: &'static str, value: u64) -> Self {
        Self {
            name,
            help,
            values: vec![(Vec::new(), value)],
        }
    }

    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut family = encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        for (labels, value) in &self.values {
            let value = ConstGauge::new(i64::try_from(*value).unwrap_or(i64::MAX));
            if labels.is_empty() {
                // Without labels there is one value.
                return value.encode(family);
            }
            value.encode(family.encode_family(labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Recorded {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut gauges = self.engine.view(recorded);
        gauges.extend(operations(&self.engine));
        gauges.iter().try_for_each(|gauge| gauge.encode(&mut encoder))
    }
}

fn recorded(landscape: &Landscape) -> Vec<Gauge> {
    let clusters = landscape.inventory().clusters().count();
    let mut gauges = vec![
        Gauge::one("heketi_up", "Is heketi running", 1),
        Gauge::one("heketi_cluster_count", "Number of clusters", count(clusters)),
    ];
    gauges.extend(of_clusters(landscape));
    gauges.push(of_nodes(landscape));
    gauges.extend(of_devices(landscape));
    gauges
}

fn of_clusters(landscape: &Landscape) -> [Gauge; 3] {
    let inventory = landscape.inventory();
    let values = |of: &dyn Fn(&Cluster) -> usize| {
        let value = |cluster: &Cluster| (vec![("cluster", cluster.id.to_string())], count(of(cluster)));
        inventory.clusters().map(value).collect()
    };
    [
        Gauge {
            name: "heketi_volumes_count",
            help: "Number of volumes on cluster",
            values: values(&|cluster| inventory.volumes_of(cluster.id).count()),
        },
        Gauge {
            name: "heketi_block_volumes_count",
            help: "Number of block volumes on cluster",
            values: values(&|cluster| inventory.blocks_of(cluster.id).count()),
        },
        Gauge {
            name: "heketi_nodes_count",
            help: "Number of nodes on cluster",
            values: values(&|cluster| inventory.nodes_of(cluster.id).count()),
        },
    ]
}

fn of_nodes(landscape: &Landscape) -> Gauge {
    let inventory = landscape.inventory();
    let value = |node: &Node| {
        let labels = vec![
            ("cluster", node.cluster.to_string()),
            ("hostname", node.manage.to_string()),
            ("storage_hostname", node.storage.to_string()),
        ];
        (labels, count(inventory.devices_of(node.id).count()))
    };
    Gauge {
        name: "heketi_device_count",
        help: "Number of devices on host",
        values: inventory.nodes().map(value).collect(),
    }
}

/// What is told of each device.
type OfDevice = (&'static str, &'static str, fn(&Landscape, &Device) -> u64);

const OF_DEVICES: [OfDevice; 7] = [
    (
        "heketi_device_brick_count",
        "Number of bricks on device",
        |landscape, device| count(landscape.inventory().brick_count(device.id)),
    ),
    (
        "heketi_device_size",
        "Total size of the device in KiB",
        |_, device| device.total.kib(),
    ),
    (
        "heketi_device_free",
        "Amount of free space in KiB",
        |landscape, device| device.total.minus(landscape.used(device.id)).kib(),
    ),
    (
        "heketi_device_used",
        "Amount of space used on the device in KiB",
        |landscape, device| landscape.used(device.id).kib(),
    ),
    (
        "heketi_device_size_bytes",
        "Total size of the device in bytes",
        |_, device| device.total.bytes(),
    ),
    (
        "heketi_device_free_bytes",
        "Amount of free space in bytes",
        |landscape, device| device.total.minus(landscape.used(device.id)).bytes(),
    ),
    (
        "heketi_device_used_bytes",
        "Amount of space used on the device in bytes",
        |landscape, device| landscape.used(device.id).bytes(),
    ),
];

fn of_devices(landscape: &Landscape) -> Vec<Gauge> {
    let inventory = landscape.inventory();
    let labelled: Vec<(&Device, Vec<Label>)> = inventory
        .devices()
        .filter_map(|device| Some((device, labels(device, inventory.node(device.node)?))))
        .collect();
    let gauge = |(name, help, of): OfDevice| Gauge {
        name,
        help,
        values: labelled
            .iter()
            .map(|(device, labels)| (labels.clone(), of(landscape, device)))
            .collect(),
    };
    OF_DEVICES.into_iter().map(gauge).collect()
}

fn labels(device: &Device, node: &Node) -> Vec<Label> {
    let uuid = match &device.kind {
        DeviceKind::Lvm { uuid, .. } => uuid.clone(),
        DeviceKind::Directory | DeviceKind::Adopted => String::new(),
    };
    vec![
        ("cluster", node.cluster.to_string()),
        ("device", device.path.to_string()),
        ("hostname", node.manage.to_string()),
        ("id", device.id.to_string()),
        ("pv_uuid", uuid),
        ("storage_hostname", node.storage.to_string()),
    ]
}

fn operations(engine: &Engine) -> [Gauge; 5] {
    let (states, _) = engine.operations(0);
    let open = states.iter().filter_map(|state| match state {
        OperationState::Open(operation) => Some(operation),
        OperationState::Ended(_) => None,
    });
    let counts = crate::heketi::operations::count(open.map(AsRef::as_ref));
    [
        Gauge::one(
            "heketi_operations_total_count",
            "Total number of operations",
            counts.total,
        ),
        Gauge::one(
            "heketi_operations_new_count",
            "Number of new operations",
            counts.new,
        ),
        Gauge::one(
            "heketi_operations_stale_count",
            "Number of stale operations",
            counts.stale,
        ),
        Gauge::one(
            "heketi_operations_failed_count",
            "Number of failed operations",
            counts.failed,
        ),
        Gauge::one(
            "heketi_operations_inFlight_count",
            "Number of in flight operations",
            counts.in_flight,
        ),
    ]
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
