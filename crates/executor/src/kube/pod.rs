//! Pods as the API server shows them, and which of them is a node's.

use std::collections::BTreeMap;

use serde::Deserialize;

/// How a node's management host name leads to its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodMatch {
    /// It is the name, or an address, of the Kubernetes node that the pod runs on (a DaemonSet).
    Node,
    /// It is the value of the pod's label that the selector names.
    Label,
    /// It is the pod's name.
    Pod,
}

/// A page of a list of pods.
#[derive(Deserialize)]
pub(super) struct PodList {
    #[serde(default)]
    pub(super) metadata: ListMeta,
    #[serde(default)]
    pub(super) items: Vec<Pod>,
}

#[derive(Default, Deserialize)]
pub(super) struct ListMeta {
    /// Where the next page begins; empty on the last.
    #[serde(default)]
    pub(super) r#continue: String,
}

/// A pod, as far as it matters.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Pod {
    pub(super) metadata: Metadata,
    #[serde(default)]
    pub(super) spec: Spec,
    #[serde(default)]
    pub(super) status: State,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata {
    pub(super) name: String,
    #[serde(default)]
    pub(super) uid: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    deletion_timestamp: Option<String>,
    #[serde(default)]
    owner_references: Vec<Owner>,
}

#[derive(Clone, Debug, Deserialize)]
struct Owner {
    kind: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) node_name: Option<String>,
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Clone, Debug, Deserialize)]
struct Container {
    name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    #[serde(default)]
    phase: String,
    #[serde(rename = "hostIP")]
    host_ip: Option<String>,
    #[serde(rename = "hostIPs", default)]
    host_ips: Vec<HostIp>,
    #[serde(default)]
    container_statuses: Vec<ContainerStatus>,
}

#[derive(Clone, Debug, Deserialize)]
struct HostIp {
    ip: String,
}

#[derive(Clone, Debug, Deserialize)]
struct ContainerStatus {
    name: String,
    #[serde(default)]
    state: ContainerState,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct ContainerState {
    running: Option<serde::de::IgnoredAny>,
    waiting: Option<Waiting>,
}

#[derive(Clone, Debug, Deserialize)]
struct Waiting {
    #[serde(default)]
    reason: String,
}

/// What stands in the way of using one of a node's pods.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoChoice {
    /// There is none.
    None,
    /// None of these runs: each with what it is.
    NotRunning(Vec<(String, String)>),
    /// All of these run.
    Ambiguous(Vec<String>),
}

/// The one pod of `host` that runs. `key` is the label of [`PodMatch::Label`].
pub(super) fn choose<'a>(
    pods: &'a [Pod],
    host: &str,
    by: PodMatch,
    key: &str,
    container: Option<&str>,
) -> Result<&'a Pod, NoChoice> {
    let mine: Vec<&Pod> = pods.iter().filter(|pod| pod.belongs_to(host, by, key)).collect();
    let running: Vec<&Pod> = mine
        .iter()
        .copied()
        .filter(|pod| pod.trouble(container).is_none())
        .collect();
    match running.as_slice() {
        [pod] => Ok(pod),
        [] if mine.is_empty() => Err(NoChoice::None),
        [] => Err(NoChoice::NotRunning(
            mine.iter()
                .map(|pod| {
                    (
                        pod.metadata.name.clone(),
                        pod.trouble(container).unwrap_or_default(),
                    )
                })
                .collect(),
        )),
        several => Err(NoChoice::Ambiguous(
            several.iter().map(|pod| pod.metadata.name.clone()).collect(),
        )),
    }
}

impl Pod {
    fn belongs_to(&self, host: &str, by: PodMatch, key: &str) -> bool {
        match by {
            PodMatch::Pod => self.metadata.name == host,
            PodMatch::Label => self.metadata.labels.get(key).is_some_and(|value| value == host),
            PodMatch::Node => {
                self.spec.node_name.as_deref() == Some(host)
                    || self.status.host_ip.as_deref() == Some(host)
                    || self.status.host_ips.iter().any(|address| address.ip == host)
            }
        }
    }

    /// The container that commands run in: the one that is named, else the first.
    pub(super) fn container<'a>(&'a self, named: Option<&'a str>) -> Option<&'a str> {
        named.or(self
            .spec
            .containers
            .first()
            .map(|container| container.name.as_str()))
    }

    /// Why no command can run in it; `None` if one can.
    fn trouble(&self, container: Option<&str>) -> Option<String> {
        if self.metadata.deletion_timestamp.is_some() {
            return Some("is being deleted".to_owned());
        }
        if self.status.phase != "Running" {
            return Some(format!("is {}", self.status.phase));
        }
        let Some(name) = self.container(container) else {
            return Some("has no container".to_owned());
        };
        let status = self
            .status
            .container_statuses
            .iter()
            .find(|status| status.name == name);
        match status {
            None => Some(format!("has no container {name}")),
            Some(status) if status.state.running.is_some() => None,
            Some(status) => {
                let waiting = status.state.waiting.as_ref();
                let reason = waiting.map_or("Terminated", |waiting| waiting.reason.as_str());
                Some(format!("has its container {name} {reason}"))
            }
        }
    }

    /// Whether its name never comes back: a DaemonSet draws a new one for each pod. With others, the pod of this
    /// name may have become one on another node.
    pub(super) fn name_is_its_own(&self) -> bool {
        self.metadata
            .owner_references
            .iter()
            .any(|owner| owner.kind == "DaemonSet")
    }
}

#[cfg(test)]
mod tests {
    use super::{NoChoice, Pod, PodMatch, choose};

    fn pod(name: &str, node: &str, more: &str) -> Pod {
        let running = r#"{"phase":"Running","hostIP":"10.0.0.1","containerStatuses":[{"name":"glusterfs","state":{"running":{}}}]}"#;
        let (metadata, status) = match more {
            "deleted" => (r#","deletionTimestamp":"2026-01-01T00:00:00Z""#, running),
            "pending" => ("", r#"{"phase":"Pending"}"#),
            "waiting" => (
                "",
                r#"{"phase":"Running","containerStatuses":[{"name":"glusterfs","state":{"waiting":{"reason":"CrashLoopBackOff"}}}]}"#,
            ),
            _ => ("", running),
        };
        serde_json::from_str(&format!(
            r#"{{"metadata":{{"name":"{name}","labels":{{"glusterfs-node":"{node}"}}{metadata}}},"spec":{{"nodeName":"{node}","containers":[{{"name":"glusterfs"}},{{"name":"side"}}]}},"status":{status}}}"#
        ))
        .unwrap()
    }

    fn chosen(pods: &[Pod], host: &str, by: PodMatch) -> Result<String, NoChoice> {
        choose(pods, host, by, "glusterfs-node", None).map(|pod| pod.metadata.name.clone())
    }

    #[test]
    fn a_node_is_found_by_each_rule() {
        let pods = [pod("g-1", "a", ""), pod("g-2", "b", "")];
        assert_eq!(chosen(&pods, "b", PodMatch::Node), Ok("g-2".into()));
        assert_eq!(chosen(&pods, "b", PodMatch::Label), Ok("g-2".into()));
        assert_eq!(chosen(&pods, "g-1", PodMatch::Pod), Ok("g-1".into()));
        assert_eq!(chosen(&pods, "c", PodMatch::Node), Err(NoChoice::None));
        assert_eq!(chosen(&pods[..1], "10.0.0.1", PodMatch::Node), Ok("g-1".into()));
        assert!(choose(&pods, "a", PodMatch::Node, "", Some("none")).is_err());
    }

    #[test]
    fn only_one_that_runs_is_taken() {
        let pods = [
            pod("old", "a", "deleted"),
            pod("new", "a", ""),
            pod("next", "a", "pending"),
        ];
        assert_eq!(chosen(&pods, "a", PodMatch::Node), Ok("new".into()));
        let two = [pod("one", "a", ""), pod("two", "a", "")];
        assert_eq!(
            chosen(&two, "a", PodMatch::Node),
            Err(NoChoice::Ambiguous(vec!["one".into(), "two".into()]))
        );
        let waiting = [pod("one", "a", "waiting")];
        let why = "has its container glusterfs CrashLoopBackOff".to_owned();
        assert_eq!(
            chosen(&waiting, "a", PodMatch::Node),
            Err(NoChoice::NotRunning(vec![("one".into(), why)]))
        );
    }
}
