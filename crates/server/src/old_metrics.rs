//! What Heketi's `/metrics` told, under its names: gauges of what is recorded, made anew for each page.

use std::fmt;
use std::sync::Arc;

use mortar_engine::plan::Landscape;
use mortar_engine::{Engine, OperationState};
use mortar_model::{ByteSize, ClusterId, DeviceId, DeviceKind, DevicePath, HostName};
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

/// Names and values of labels; several gauges have the same.
type Labels = Arc<Vec<(&'static str, String)>>;

/// One gauge: its name, what it tells, and its values.
struct Gauge {
    name: &'static str,
    help: &'static str,
    values: Vec<(Labels, u64)>,
}

impl Gauge {
    fn one(name: &'static str, help: &'static str, value: u64) -> Self {
        Self {
            name,
            help,
            values: vec![(Labels::default(), value)],
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
            value.encode(family.encode_family(&**labels)?)?;
        }
        Ok(())
    }
}

impl Collector for Recorded {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let numbers = self.engine.view(Numbers::of);
        let mut gauges = numbers.gauges();
        gauges.extend(operations(&self.engine));
        gauges.iter().try_for_each(|gauge| gauge.encode(&mut encoder))
    }
}

/// What the gauges tell, as it is recorded. Decisions wait while it is taken, and anybody may ask for metrics: so all things
/// are gone over once, and no text is made of them before that is over.
struct Numbers {
    clusters: Vec<OfCluster>,
    nodes: Vec<OfNode>,
    devices: Vec<OfDevice>,
}

struct OfCluster {
    id: ClusterId,
    volumes: usize,
    blocks: usize,
    nodes: usize,
}

struct OfNode {
    cluster: ClusterId,
    manage: HostName,
    storage: HostName,
    devices: usize,
}

struct OfDevice {
    /// Number of its node in the list of nodes.
    node: usize,
    id: DeviceId,
    path: DevicePath,
    uuid: String,
    bricks: usize,
    total: ByteSize,
    used: ByteSize,
}

impl Numbers {
    fn of(landscape: &Landscape) -> Self {
        let inventory = landscape.inventory();
        let clusters = inventory.clusters().map(|cluster| OfCluster {
            id: cluster.id,
            volumes: inventory.volume_count(cluster.id),
            blocks: inventory.blocks_of(cluster.id).count(),
            nodes: inventory.nodes_of(cluster.id).count(),
        });
        let clusters = clusters.collect();
        let (mut nodes, mut devices) = (Vec::new(), Vec::new());
        for node in inventory.nodes() {
            let before = devices.len();
            devices.extend(inventory.devices_of(node.id).map(|device| OfDevice {
                node: nodes.len(),
                id: device.id,
                path: device.path.clone(),
                uuid: match &device.kind {
                    DeviceKind::Lvm { uuid, .. } => uuid.clone(),
                    DeviceKind::Directory | DeviceKind::Adopted => String::new(),
                },
                bricks: inventory.brick_count(device.id),
                total: device.total,
                used: landscape.used(device.id),
            }));
            nodes.push(OfNode {
                cluster: node.cluster,
                manage: node.manage.clone(),
                storage: node.storage.clone(),
                devices: devices.len() - before,
            });
        }
        Self {
            clusters,
            nodes,
            devices,
        }
    }

    fn gauges(&self) -> Vec<Gauge> {
        let mut gauges = vec![
            Gauge::one("heketi_up", "Is heketi running", 1),
            Gauge::one(
                "heketi_cluster_count",
                "Number of clusters",
                count(self.clusters.len()),
            ),
        ];
        gauges.extend(self.of_clusters());
        gauges.push(self.of_nodes());
        gauges.extend(self.of_devices());
        gauges
    }

    fn of_clusters(&self) -> [Gauge; 3] {
        let values = |of: fn(&OfCluster) -> usize| {
            let value = |cluster: &OfCluster| {
                let labels = vec![("cluster", cluster.id.to_string())];
                (Arc::new(labels), count(of(cluster)))
            };
            self.clusters.iter().map(value).collect()
        };
        [
            Gauge {
                name: "heketi_volumes_count",
                help: "Number of volumes on cluster",
                values: values(|cluster| cluster.volumes),
            },
            Gauge {
                name: "heketi_block_volumes_count",
                help: "Number of block volumes on cluster",
                values: values(|cluster| cluster.blocks),
            },
            Gauge {
                name: "heketi_nodes_count",
                help: "Number of nodes on cluster",
                values: values(|cluster| cluster.nodes),
            },
        ]
    }

    fn of_nodes(&self) -> Gauge {
        let value = |node: &OfNode| {
            let labels = vec![
                ("cluster", node.cluster.to_string()),
                ("hostname", node.manage.to_string()),
                ("storage_hostname", node.storage.to_string()),
            ];
            (Arc::new(labels), count(node.devices))
        };
        Gauge {
            name: "heketi_device_count",
            help: "Number of devices on host",
            values: self.nodes.iter().map(value).collect(),
        }
    }

    fn of_devices(&self) -> Vec<Gauge> {
        let labelled: Vec<(&OfDevice, Labels)> = self
            .devices
            .iter()
            .map(|device| (device, Arc::new(labels(device, &self.nodes[device.node]))))
            .collect();
        let gauge = |(name, help, of): Told| Gauge {
            name,
            help,
            values: labelled
                .iter()
                .map(|(device, labels)| (Arc::clone(labels), of(device)))
                .collect(),
        };
        OF_DEVICES.into_iter().map(gauge).collect()
    }
}

/// What is told of each device.
type Told = (&'static str, &'static str, fn(&OfDevice) -> u64);

const OF_DEVICES: [Told; 7] = [
    (
        "heketi_device_brick_count",
        "Number of bricks on device",
        |device| count(device.bricks),
    ),
    (
        "heketi_device_size",
        "Total size of the device in KiB",
        |device| device.total.kib(),
    ),
    ("heketi_device_free", "Amount of free space in KiB", |device| {
        device.total.minus(device.used).kib()
    }),
    (
        "heketi_device_used",
        "Amount of space used on the device in KiB",
        |device| device.used.kib(),
    ),
    (
        "heketi_device_size_bytes",
        "Total size of the device in bytes",
        |device| device.total.bytes(),
    ),
    (
        "heketi_device_free_bytes",
        "Amount of free space in bytes",
        |device| device.total.minus(device.used).bytes(),
    ),
    (
        "heketi_device_used_bytes",
        "Amount of space used on the device in bytes",
        |device| device.used.bytes(),
    ),
];

fn labels(device: &OfDevice, node: &OfNode) -> Vec<(&'static str, String)> {
    vec![
        ("cluster", node.cluster.to_string()),
        ("device", device.path.to_string()),
        ("hostname", node.manage.to_string()),
        ("id", device.id.to_string()),
        ("pv_uuid", device.uuid.clone()),
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
