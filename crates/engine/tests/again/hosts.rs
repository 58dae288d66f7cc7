//! Hosts that are spoken to no more are forgotten: what is kept for them (an ssh connection each) does not add up.

use mortar_engine::Engine;
use mortar_model::{HostName, NodeId, OperationId, Tags};
use mortar_plan::AddNode;
use mortar_simulator::Fault;

use crate::ground::{Ground, done, ended};

fn node(engine: &Engine, host: &str) -> NodeId {
    let host = HostName::new(host).unwrap();
    engine.view(|landscape| landscape.inventory().node_by_host(&host).unwrap().id)
}

async fn add(engine: &Engine, host: &str) -> OperationId {
    let cluster = engine.view(|landscape| landscape.inventory().clusters().next().unwrap().id);
    let host = HostName::new(host).unwrap();
    let request = AddNode {
        cluster,
        zone: 1,
        manage: host.clone(),
        storage: host,
        tags: Tags::new(),
    };
    engine.add_node(request).await.unwrap()
}

#[tokio::test]
async fn a_node_that_leaves_or_does_not_become_one_is_forgotten() {
    let (ground, engine) = Ground::pool().await;
    assert_eq!(ground.nodes.take_forgotten(), Vec::<String>::new());
    let third = node(&engine, "n3");
    let device = engine.view(|landscape| landscape.inventory().devices_of(third).next().unwrap().id);
    done(&engine, engine.remove_device(device, false).await.unwrap()).await;
    assert_eq!(ground.nodes.take_forgotten(), Vec::<String>::new());
    done(&engine, engine.remove_node(third).await.unwrap()).await;
    assert_eq!(ground.nodes.take_forgotten(), ["n3"]);

    let world = &ground.nodes.hosts;
    world.world(|world| world.inject(Fault::fail_change(1)));
    ended(&engine, add(&engine, "n3").await).await;
    assert_eq!(ground.nodes.take_forgotten(), ["n3"], "it did not become one");
    done(&engine, add(&engine, "n3").await).await;
    assert_eq!(ground.nodes.take_forgotten(), Vec::<String>::new());
}

#[tokio::test]
async fn an_address_that_a_node_had_and_one_that_it_does_not_get_are_forgotten() {
    let (ground, engine) = Ground::pool().await;
    let first = node(&engine, "n1");
    let other = HostName::new("nowhere").unwrap();
    engine.set_node_address(first, other).await.unwrap_err();
    assert_eq!(ground.nodes.take_forgotten(), ["nowhere"]);
    let world = &ground.nodes.hosts;
    world.world(|world| world.add_alias("n1", "ten-one"));
    let other = HostName::new("ten-one").unwrap();
    engine.set_node_address(first, other).await.unwrap();
    assert_eq!(ground.nodes.take_forgotten(), ["n1"]);
}
