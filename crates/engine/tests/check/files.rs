//! The nodes' own files follow the records.

use std::time::Duration;

use mortar_engine::{Begun, Config};
use mortar_model::{HostName, State, Tags, layout};
use mortar_plan::AddNode;
use mortar_simulator::{Effect, Fault, When};

use crate::bed::{Bed, DIRECTORY, eventually, quiet};

/// The nodes' files follow the records within seconds, and go with the node.
#[tokio::test]
async fn files_of_nodes_follow_the_records() {
    let config = Config {
        recovery_interval: Duration::from_millis(50),
        ..quiet()
    };
    let bed = Bed::new(config, Duration::ZERO).await;
    let says = |host: &str, text: &str| bed.node_file(host).is_some_and(|file| file.contains(text));
    eventually("every node has its file", || {
        ["n1", "n2", "n3"].iter().all(|host| says(host, DIRECTORY))
    })
    .await;
    bed.engine
        .set_node_state(bed.node(2), State::Offline)
        .await
        .unwrap();
    eventually("its state is told", || says("n2", "offline")).await;
    bed.engine
        .set_node_state(bed.node(2), State::Online)
        .await
        .unwrap();
    eventually("its state is told again", || !says("n2", "offline")).await;

    bed.hosts.world(|world| world.add_node("n4"));
    let host = HostName::new("n4").unwrap();
    let cluster = bed
        .engine
        .view(|landscape| landscape.inventory().clusters().next().unwrap().id);
    let request = AddNode {
        cluster,
        zone: 7,
        manage: host.clone(),
        storage: host,
        tags: Tags::new(),
    };
    bed.done(bed.engine.add_node(request).await.unwrap()).await;
    eventually("a new node has its file", || says("n4", "\"zone\": 7")).await;
    bed.done(bed.engine.remove_node(bed.node(4)).await.unwrap()).await;
    assert_eq!(bed.node_file("n4"), None, "a node that left says nothing");
}

/// The neighbours of a node that never comes back tell of it no more, long before the next check.
#[tokio::test]
async fn a_forgotten_node_is_told_of_no_more() {
    let config = Config {
        recovery_interval: Duration::from_millis(50),
        ..quiet()
    };
    let bed = Bed::new(config, Duration::ZERO).await;
    bed.hosts.world(|world| world.add_node("n4"));
    let host = HostName::new("n4").unwrap();
    let request = AddNode {
        cluster: bed.engine.view(|landscape| {
            let mut clusters = landscape.inventory().clusters();
            clusters.next().unwrap().id
        }),
        zone: 7,
        manage: host.clone(),
        storage: host,
        tags: Tags::new(),
    };
    bed.done(bed.engine.add_node(request).await.unwrap()).await;
    let node = bed.node(4).to_string();
    let telling = || {
        let hosts = ["n1", "n2", "n3"].into_iter();
        hosts
            .filter(|host| bed.node_file(host).is_some_and(|file| file.contains(&node)))
            .count()
    };
    eventually("its neighbours tell of it", || telling() == 2).await;
    bed.hosts.world(|world| world.kill_node("n4"));
    bed.done(bed.engine.forget_node(bed.node(4)).await.unwrap()).await;
    eventually("its neighbours tell of it no more", || telling() == 0).await;
}

/// A file that could not be written is tried again soon, not at the next check.
#[tokio::test]
async fn a_file_that_could_not_be_written_is_tried_again() {
    let config = Config {
        recovery_interval: Duration::from_millis(50),
        ..quiet()
    };
    let bed = Bed::new(config, Duration::ZERO).await;
    let says = |text: &str| bed.node_file("n2").is_some_and(|file| file.contains(text));
    eventually("it has its file", || says(DIRECTORY)).await;
    let passed = bed.engine.last_check().map(|check| check.number);
    bed.hosts.world(|world| {
        world.inject(Fault {
            when: When::Command {
                kind: "mv".into(),
                host: Some("n2".into()),
                nth: 1,
            },
            effect: Effect::Fail {
                status: 1,
                text: "not now".into(),
            },
        });
    });
    bed.engine
        .set_node_state(bed.node(2), State::Offline)
        .await
        .unwrap();
    eventually("its state is told", || says("offline")).await;
    assert!(bed.engine.last_check().map(|check| check.number) > passed);
}

/// A file that tells of more than the records, as after an old store was restored, is not written over by itself.
#[tokio::test]
async fn a_file_that_knows_more_is_left_alone() {
    let bed = Bed::quiet().await;
    bed.engine.reconcile().await;
    let (mine, other) = (bed.node(2), bed.node(3));
    let text = bed
        .node_file("n2")
        .unwrap()
        .replace(&mine.to_string(), &other.to_string());
    let write = mortar_argv::Command::new("tee")
        .arg(layout::NODE_FILE)
        .input(text.clone());
    let batch = mortar_argv::Batch::new().run(write);
    assert!(bed.hosts.world(|world| world.run("n2", &batch)).success());
    let passed = bed.engine.reconcile().await;
    assert_eq!((passed.files, bed.node_file("n2")), (0, Some(text)));
    bed.engine.set_node_state(mine, State::Offline).await.unwrap();
    // It is told of in the files of its neighbours, and not in its own.
    assert_eq!(bed.engine.reconcile().await.files, 2);
    assert!(!bed.node_file("n2").unwrap().contains("offline"));
    // Told so, it is written.
    let run = bed.engine.repair(None, false).await;
    assert!(
        matches!(run.tasks[..], [ref task] if task.begun == Begun::Written),
        "{run:?}"
    );
    assert_eq!(bed.kinds().await, []);
    assert!(bed.node_file("n2").unwrap().contains("offline"));
}
