//! The GlusterFS pods, listed now and then, and the one of a node.
//!
//! A list serves all batches for a few seconds; whoever finds that it does not fit any more (no pod for a node, a pod
//! that is gone) gets a new one. Those who need one at the same time share it, a failure too.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::api::Api;
use super::pod::{NoChoice, Pod, PodList, PodMatch, choose};
use super::{KubeError, KubeOptions, encode};

/// How long a list serves.
const SERVES: Duration = Duration::from_secs(10);

/// How long a failure to list is told to all without asking anew.
const FAILURE_COUNTS: Duration = Duration::from_secs(1);

/// Pods of one page, and pages of one list: more pods than any cluster has nodes.
const PAGE: usize = 500;
const PAGES: usize = 40;

/// Where a batch runs.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) namespace: String,
    pub(super) pod: String,
    pub(super) uid: String,
    /// Name of the Kubernetes node.
    pub(super) node: String,
    pub(super) container: String,
    /// Whether the name has to be looked at again once it was reached.
    pub(super) check: bool,
}

impl Target {
    /// As texts name it.
    pub(super) fn name(&self) -> String {
        format!(
            "pod {}/{} of node {} (on {})",
            self.namespace, self.pod, self.host, self.node
        )
    }
}

/// How old a list may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Freshness {
    /// As old as lists get.
    Usual,
    /// Made after this.
    After(Instant),
}

pub(super) struct Pods {
    namespace: String,
    selector: String,
    by: PodMatch,
    container: Option<String>,
    kept: Mutex<Option<Kept>>,
}

struct Kept {
    at: Instant,
    listed: Result<Arc<Vec<Pod>>, KubeError>,
}

impl Pods {
    pub(super) fn new(namespace: String, options: &KubeOptions) -> Self {
        Self {
            namespace,
            selector: options.selector(),
            by: options.by,
            container: options.container.clone(),
            kept: Mutex::default(),
        }
    }

    /// The pod of `host`. One that an older list does not know is looked for in a new one.
    pub(super) async fn find(
        &self,
        api: &Api,
        host: &str,
        freshness: Freshness,
    ) -> Result<Target, KubeError> {
        let asked = Instant::now();
        let pods = self.list(api, freshness).await?;
        match self.target(&pods, host) {
            Err(_) if freshness == Freshness::Usual => {
                let pods = self.list(api, Freshness::After(asked)).await?;
                self.target(&pods, host)
            }
            result => result,
        }
    }

    /// Whether the target's name still means the same pod on the same node.
    pub(super) async fn is_same(&self, api: &Api, target: &Target) -> Result<bool, KubeError> {
        let path = format!("{}/{}", self.path(), encode(&target.pod));
        let pod: Pod = api.get(&path, &format!("look at {}", target.name())).await?;
        Ok(pod.metadata.uid == target.uid && pod.spec.node_name.as_deref() == Some(&target.node))
    }

    fn path(&self) -> String {
        format!("/api/v1/namespaces/{}/pods", encode(&self.namespace))
    }

    fn target(&self, pods: &[Pod], host: &str) -> Result<Target, KubeError> {
        let key = self
            .selector
            .split(['=', '!', ',', ' '])
            .next()
            .unwrap_or_default();
        let container = self.container.as_deref();
        let pod = choose(pods, host, self.by, key, container)
            .map_err(|why| self.no_pod(host, pods.len(), key, why))?;
        Ok(Target {
            host: host.to_owned(),
            namespace: self.namespace.clone(),
            pod: pod.metadata.name.clone(),
            uid: pod.metadata.uid.clone(),
            node: pod.spec.node_name.clone().unwrap_or_default(),
            container: pod.container(container).unwrap_or_default().to_owned(),
            check: !pod.name_is_its_own(),
        })
    }

    fn no_pod(&self, host: &str, seen: usize, key: &str, why: NoChoice) -> KubeError {
        let (host, namespace) = (host.to_owned(), self.namespace.clone());
        match why {
            NoChoice::None => KubeError::NoPod {
                selector: self.selector.clone(),
                seen,
                rule: match self.by {
                    PodMatch::Node => format!("runs on a Kubernetes node of that name or address ({host})"),
                    PodMatch::Label => format!("has the label {key}={host}"),
                    PodMatch::Pod => format!("is called {host}"),
                },
                host,
                namespace,
            },
            NoChoice::NotRunning(pods) => KubeError::NotRunning {
                host,
                namespace,
                first: pods.first().map(|(name, _)| name.clone()).unwrap_or_default(),
                pods: pods
                    .iter()
                    .map(|(name, what)| format!("{name} {what}"))
                    .collect::<Vec<_>>()
                    .join(", "),
            },
            NoChoice::Ambiguous(pods) => KubeError::Ambiguous {
                host,
                pods: pods.join(" and "),
            },
        }
    }

    async fn list(&self, api: &Api, freshness: Freshness) -> Result<Arc<Vec<Pod>>, KubeError> {
        // Held while asking: the others wait for this list.
        let mut kept = self.kept.lock().await;
        if let Some(kept) = kept.as_ref() {
            let serves = match (&kept.listed, freshness) {
                (Err(_), _) => kept.at.elapsed() < FAILURE_COUNTS,
                (Ok(_), Freshness::Usual) => kept.at.elapsed() < SERVES,
                (Ok(_), Freshness::After(then)) => kept.at >= then,
            };
            if serves {
                return kept.listed.clone();
            }
        }
        // What it shows is at least as new as its beginning.
        let begun = Instant::now();
        let listed = self.ask(api).await.map(Arc::new);
        let at = if listed.is_ok() { begun } else { Instant::now() };
        *kept = Some(Kept {
            at,
            listed: listed.clone(),
        });
        listed
    }

    async fn ask(&self, api: &Api) -> Result<Vec<Pod>, KubeError> {
        let base = format!(
            "{}?limit={PAGE}&labelSelector={}",
            self.path(),
            encode(&self.selector)
        );
        let (mut pods, mut from) = (Vec::new(), String::new());
        for _ in 0..PAGES {
            let path = match from.is_empty() {
                true => base.clone(),
                false => format!("{base}&continue={}", encode(&from)),
            };
            let page: PodList = api.get(&path, "list the GlusterFS pods").await?;
            pods.extend(page.items);
            from = page.metadata.r#continue;
            if from.is_empty() {
                return Ok(pods);
            }
        }
        Err(KubeError::Setup {
            what: "kubernetes-selector".to_owned(),
            reason: format!("more than {} pods have the label {}", PAGE * PAGES, self.selector),
        })
    }
}
