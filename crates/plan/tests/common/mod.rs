//! A cluster for the tests of plans.

use mortar_model::{
    ByteSize, Cluster, ClusterId, Device, DeviceId, DeviceKind, DevicePath, HostName, Inventory, Node,
    NodeId, State, Tags,
};
use mortar_plan::Landscape;

/// Nodes with one LVM disk of this size each; the number of a node gives its ids, and its zone.
pub(crate) fn disks(nodes: u128, zone: impl Fn(u128) -> u32, total: ByteSize) -> Landscape {
    let cluster = ClusterId::from_u128(1);
    let mut inventory = Inventory::new();
    inventory.put_cluster(Cluster {
        id: cluster,
        file: true,
        block: false,
    });
    for number in 1..=nodes {
        let host = HostName::new(format!("n{number}")).unwrap();
        let node = Node {
            id: NodeId::from_u128(number),
            cluster,
            zone: zone(number),
            manage: host.clone(),
            storage: host,
            tags: Tags::new(),
            state: State::Online,
        };
        inventory.put_node(node).unwrap();
        let device = Device {
            id: DeviceId::from_u128(number),
            node: NodeId::from_u128(number),
            path: DevicePath::new("/dev/sdb").unwrap(),
            kind: DeviceKind::Lvm {
                extent: ByteSize::from_mib(4),
                uuid: String::new(),
                paths: Vec::new(),
                shared: None,
            },
            tags: Tags::new(),
            state: State::Online,
            total,
        };
        inventory.put_device(device).unwrap();
    }
    Landscape::new(inventory)
}
