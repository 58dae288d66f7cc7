//! What is particular to batches through Kubernetes: which pod is a node's, the exec protocol, and what is known when
//! any of it breaks.

#![allow(clippy::unwrap_used)] // Helpers of tests fail as tests do.

mod apiserver;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use apiserver::{ApiServer, pod};
use mortar_argv::{Batch, Command, Outcome, Report};
use mortar_executor::{CsiNode, CsiNodes, Hosts as _, KubeAccess, KubeHosts, KubeOptions, PodMatch};

const NODE: &str = "node-1";

async fn run(hosts: &KubeHosts, node: &str, batch: &Batch) -> Report {
    tokio::time::timeout(Duration::from_secs(60), hosts.run(node, batch))
        .await
        .unwrap()
}

fn hello() -> Batch {
    Batch::new().run(Command::new("echo").arg("hello"))
}

fn assert_not_run(report: &Report, words: &[&str]) {
    assert_eq!(report.outcomes, [Outcome::NotRun], "{report:?}");
    let broken = report.broken.as_deref().unwrap();
    for word in words {
        assert!(broken.contains(word), "{word} is not in: {broken}");
    }
}

#[tokio::test]
async fn both_versions_of_the_protocol_are_spoken() {
    for (protocol, closed) in [("v5.channel.k8s.io", 1), ("v4.channel.k8s.io", 0)] {
        let server = ApiServer::start().await;
        *server.does.protocols.lock().unwrap() = vec![protocol];
        let report = run(&server.hosts(), NODE, &hello()).await;
        assert!(report.success(), "{protocol}: {report:?}");
        assert_eq!(report.output(0).unwrap().stdout, "hello\n");
        // A report may be whole before the end of the input was read.
        let read = || server.does.closed_inputs.load(Ordering::SeqCst);
        wait(|| read() == closed).await;
    }
    let server = ApiServer::start().await;
    *server.does.protocols.lock().unwrap() = vec!["portforward.k8s.io"];
    assert_not_run(
        &run(&server.hosts(), NODE, &hello()).await,
        &["glusterfs-abcde", NODE],
    );
}

async fn wait(condition: impl Fn() -> bool) {
    tokio::time::timeout(Duration::from_secs(20), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

/// A script of more than one message, and output of more.
#[tokio::test]
async fn long_scripts_and_long_output_come_through_whole() {
    let server = ApiServer::start().await;
    let text = "0123456789abcde\n".repeat(20_000);
    let batch = Batch::new().run(Command::new("cat").input(text.as_str()));
    let report = run(&server.hosts(), NODE, &batch).await;
    assert_eq!(report.output(0).unwrap().stdout.len(), text.len());
    assert_eq!(report.output(0).unwrap().stdout, text);
    let mut options = server.options();
    options.output_limit = 100_000;
    let report = run(&KubeHosts::new(options).unwrap(), NODE, &batch).await;
    assert_eq!(report.outcomes, [Outcome::Unknown]);
    assert!(report.broken.unwrap().contains("more than 100000 bytes"));
}

/// Whatever message the connection breaks at, the report says of no command what is not so.
#[tokio::test]
async fn a_connection_may_break_at_any_message() {
    let server = ApiServer::start().await;
    let hosts = server.hosts();
    let (mut not_run, mut unknown) = (0, 0);
    for limit in 0.. {
        *server.does.cut_after.lock().unwrap() = Some(limit);
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| folder.path().join(name).display().to_string();
        let mut batch = Batch::new().lock(&format!("kube-{limit}-{}", std::process::id()));
        for name in ["a", "b", "c"] {
            batch = batch.run(Command::new("touch").arg(file(name)));
        }
        let report = run(&hosts, NODE, &batch).await;
        // The lock is free when nothing of the script is left.
        *server.does.cut_after.lock().unwrap() = None;
        let after = Batch::new()
            .run(Command::new("true"))
            .lock(&format!("kube-{limit}-{}", std::process::id()));
        assert!(run(&hosts, NODE, &after).await.success());
        for (outcome, name) in report.outcomes.iter().zip(["a", "b", "c"]) {
            let there = Path::new(&file(name)).exists();
            match outcome {
                Outcome::Ran(output) => assert!(there && output.success(), "{limit}: {report:?}"),
                Outcome::NotRun => assert!(!there, "{limit}: {name} was made: {report:?}"),
                Outcome::Unknown | Outcome::Skipped => {}
            }
        }
        not_run += usize::from(report.outcomes == vec![Outcome::NotRun; 3]);
        unknown += usize::from(report.has_unknown());
        if report.success() {
            break;
        }
        let broken = report.broken.unwrap();
        assert!(
            broken.contains("glusterfs-abcde") && broken.contains(NODE),
            "{broken}"
        );
    }
    assert!(not_run > 0 && unknown > 0, "{not_run} not run, {unknown} unknown");
}

/// The API server agrees to the WebSocket and only then finds that the node does not answer.
#[tokio::test]
async fn a_node_that_is_away_surely_ran_nothing() {
    let server = ApiServer::start().await;
    let dial = "error dialing backend: dial tcp 10.0.0.1:10250: i/o timeout";
    *server.does.cannot_start.lock().unwrap() = Some(dial.to_owned());
    assert_not_run(
        &run(&server.hosts(), NODE, &hello()).await,
        &["10.0.0.1:10250", NODE, "glusterfs-abcde"],
    );
    *server.does.cannot_start.lock().unwrap() = None;
    server.does.never_starts.store(true, Ordering::SeqCst);
    let mut options = server.options();
    options.start_timeout = Duration::from_millis(300);
    assert_not_run(
        &run(&KubeHosts::new(options).unwrap(), NODE, &hello()).await,
        &["answered within 300ms", "kubectl get node node-1"],
    );
}

/// Pings tell that nobody is there any more, long before the command's limit.
#[tokio::test]
async fn an_api_server_that_falls_silent_is_seen() {
    let server = ApiServer::start().await;
    *server.does.silent_after.lock().unwrap() = Some(5);
    let mut options = server.options();
    options.keepalive = Duration::from_millis(100);
    let batch = Batch::new()
        .run(Command::new("sleep").arg("30"))
        .run(Command::new("true"));
    let start = Instant::now();
    let report = run(&KubeHosts::new(options).unwrap(), NODE, &batch).await;
    assert!(start.elapsed() < Duration::from_secs(10));
    assert!(report.broken.unwrap().contains("no sign of life"));
}

#[tokio::test]
async fn a_pod_that_was_replaced_is_found_again() {
    let server = ApiServer::start().await;
    let hosts = server.hosts();
    for round in 0..5 {
        assert!(run(&hosts, NODE, &hello()).await.success());
        assert_eq!(server.does.lists.load(Ordering::SeqCst), 1 + round);
        server.set_pods([pod(&format!("glusterfs-new{round}"), NODE)]);
    }
    // One that is away for a while is waited for by those who ask, not by us.
    server.set_pods([]);
    assert_not_run(
        &run(&hosts, NODE, &hello()).await,
        &["no GlusterFS pod", NODE, "kubectl -n storage get pods"],
    );
    server.set_pods([pod("glusterfs-back", NODE)]);
    assert!(run(&hosts, NODE, &hello()).await.success());
}

/// A pod of a StatefulSet may come back under its name on another node between the list and the exec.
#[tokio::test]
async fn a_name_that_moved_to_another_node_is_not_believed() {
    let server = ApiServer::start().await;
    let mut named = pod("glusterfs-0", NODE);
    named["metadata"]["ownerReferences"] = serde_json::json!([{"kind": "StatefulSet"}]);
    server.set_pods([named.clone()]);
    let hosts = server.hosts();
    assert!(run(&hosts, NODE, &hello()).await.success());
    named["spec"]["nodeName"] = "node-2".into();
    named["status"]["hostIP"] = "127.0.0.2".into();
    named["metadata"]["uid"] = "another".into();
    server.set_pods([named]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("made");
    let batch = Batch::new().run(Command::new("touch").arg(file.display().to_string()));
    assert_not_run(
        &run(&hosts, NODE, &batch).await,
        &["was replaced by another", NODE],
    );
    assert!(!file.exists());
    assert!(run(&hosts, "node-2", &batch).await.success());
    assert!(file.exists());
}

#[tokio::test]
async fn nodes_are_found_by_label_and_by_name() {
    let server = ApiServer::start().await;
    let mut labelled = pod("one", "k8s-a");
    labelled["metadata"]["labels"]["glusterfs-node"] = "store-a".into();
    let mut other = pod("two", "k8s-b");
    other["metadata"]["labels"]["glusterfs-node"] = "store-b".into();
    server.set_pods([labelled, other]);
    server.does.page.store(1, Ordering::SeqCst);
    let hosts = |by: PodMatch| {
        let options = KubeOptions {
            by,
            selector: None,
            ..server.options()
        };
        KubeHosts::new(options).unwrap()
    };
    assert!(run(&hosts(PodMatch::Label), "store-b", &hello()).await.success());
    assert!(run(&hosts(PodMatch::Pod), "two", &hello()).await.success());
    assert_not_run(
        &run(&hosts(PodMatch::Label), "k8s-a", &hello()).await,
        &["none of the 2 pods", "glusterfs-node=k8s-a"],
    );
}

#[tokio::test]
async fn tokens_are_read_again_and_refusals_say_what_to_do() {
    let server = ApiServer::start().await;
    let hosts = server.hosts();
    assert!(run(&hosts, NODE, &hello()).await.success());
    *server.does.token.lock().unwrap() = "token-2".to_owned();
    assert_not_run(&run(&hosts, NODE, &hello()).await, &["status 401"]);
    server.write("token", "token-2");
    assert!(run(&server.hosts(), NODE, &hello()).await.success());
    server.does.forbids_exec.store(true, Ordering::SeqCst);
    let report = run(&server.hosts(), NODE, &hello()).await;
    assert_not_run(&report, &["status 403", "`get` and `create` on pods/exec", NODE]);
    assert!(!report.broken.unwrap().contains("token-2"));
}

#[tokio::test]
async fn a_kubeconfig_file_leads_to_the_same_pods() {
    let server = ApiServer::start().await;
    let context = "contexts:\n- name: here\n  context: {cluster: c, user: u, namespace: storage}\n";
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: here\n{context}clusters:\n- name: c\n  cluster:\n    server: {}\n    certificate-authority: ca.crt\nusers:\n- name: u\n  user: {{tokenFile: token}}\n",
        server.server()
    );
    let file = server.write("config", &text);
    let access = KubeAccess::Kubeconfig { file, context: None };
    let hosts = KubeHosts::new(KubeOptions::new(access)).unwrap();
    assert!(run(&hosts, NODE, &hello()).await.success());
}

/// Whoever cannot prove to be the API server gets neither token nor script.
#[tokio::test]
async fn another_authority_is_not_believed() {
    let server = ApiServer::start().await;
    let other = include_str!("apiserver/server.pem");
    server.write("ca.crt", other);
    assert_not_run(
        &run(&server.hosts(), NODE, &hello()).await,
        &["cannot connect to the API server", "ertificate"],
    );
    assert_eq!(server.does.lists.load(Ordering::SeqCst), 0);
    let nobody = KubeOptions::new(KubeAccess::ServiceAccount {
        server: "https://127.0.0.1:1".to_owned(),
        folder: server.account.path().to_owned(),
    });
    assert_not_run(
        &run(&KubeHosts::new(nobody).unwrap(), NODE, &hello()).await,
        &["127.0.0.1:1", "cannot connect"],
    );
}

/// Tokens and commands leave this machine through TLS only.
#[tokio::test]
async fn nothing_leaves_this_machine_in_the_clear() {
    let server = ApiServer::start().await;
    let to = |address: &str| {
        KubeHosts::new(KubeOptions::new(KubeAccess::ServiceAccount {
            server: address.to_owned(),
            folder: server.account.path().to_owned(),
        }))
    };
    for address in [
        "https://api.example:6443",
        "https://127.0.0.1:6443",
        "http://127.0.0.1:8001",
        "http://[::1]:8001/prefix",
        "http://localhost:8001",
    ] {
        assert!(to(address).is_ok(), "{address}");
    }
    for address in [
        "http://api.example:8080",
        "http://10.0.0.1",
        "http://[fd00::1]:8001",
        "http://localhost.example",
        "http://127.0.0.1.example",
        "ftp://127.0.0.1",
        "127.0.0.1:8001",
    ] {
        let refused = to(address).err().map(|error| error.to_string());
        assert!(refused.is_some_and(|text| text.contains("https://")), "{address}");
    }
}

#[tokio::test]
async fn batches_wait_for_their_turn() {
    let server = ApiServer::start().await;
    let mut options = server.options();
    (options.sessions, options.connections) = (3, 4);
    server.set_pods([pod("one", "a"), pod("two", "b")]);
    let hosts = KubeHosts::new(options).unwrap();
    // Each counts those that run beside it.
    let folder = tempfile::tempdir().unwrap();
    let count = format!(
        "own=$(mktemp -d {0}/XXXXXX) && sleep 0.1 && ls {0} | wc -l && sleep 0.1 && rmdir $own",
        folder.path().display()
    );
    let batch = Batch::new().run(Command::new("sh").args(["-c", &count]));
    let mut most = 0;
    let runs = (0..16).map(|number| run(&hosts, if number % 2 == 0 { "a" } else { "b" }, &batch));
    for report in futures::future::join_all(runs).await {
        assert!(report.success(), "{report:?}");
        let beside: usize = report.output(0).unwrap().stdout.trim().parse().unwrap();
        assert!(beside <= 4, "{beside} at once");
        most = most.max(beside);
    }
    assert!(most > 1);
    assert_eq!(server.does.lists.load(Ordering::SeqCst), 1);
}

/// A node is one on which the driver's plug-in has registered: an answer that says no, and none at all, are kept apart.
#[tokio::test]
async fn nodes_of_a_driver_are_those_of_csi_node_objects() {
    let server = ApiServer::start().await;
    let nodes = CsiNodes::new(&server.access(), "csi.mortar").unwrap();
    let object = |name: &str, driver: &str| {
        serde_json::json!({
            "metadata": {"name": name},
            "spec": {"drivers": [
                {"name": driver, "nodeID": name, "topologyKeys": null, "allocatable": {"count": 7}},
            ]},
        })
    };
    *server.does.csi_nodes.lock().unwrap() = vec![object("n1", "csi.mortar"), object("n2", "other")];
    let known = nodes.find("n1").await.unwrap();
    assert_eq!(known, Some(CsiNode { volumes_max: Some(7) }));
    for unknown in ["n2", "n3", "", "../n1", "no name of a node"] {
        assert_eq!(nodes.find(unknown).await.unwrap(), None, "{unknown}");
    }
    server.does.forbids_csi_nodes.store(true, Ordering::SeqCst);
    let denied = nodes.find("n1").await.unwrap_err().to_string();
    assert!(denied.contains("`get` on csinodes"), "{denied}");
    let access = server.access();
    drop(server);
    let nodes = CsiNodes::new(&access, "csi.mortar");
    // The account's folder went with the server.
    assert!(nodes.is_err());
}
