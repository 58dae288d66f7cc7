//! Which nodes of Kubernetes a CSI driver runs on: the CSINode objects, which each kubelet writes for its own node when a plug-in has
//! registered there. No plug-in has to be asked, nor to report anywhere.

use std::time::Duration;

use serde::Deserialize;

use super::access::Access;
use super::api::Api;
use super::{KubeAccess, KubeError, encode};

/// How long connecting to the API server and its answer may take.
const LIMIT: Duration = Duration::from_secs(5);

/// What the asker needs.
const RIGHTS: &str = "in the whole cluster, `get` on csinodes of storage.k8s.io";

/// Longest name of a node of Kubernetes, in bytes.
const NAME: usize = 253;

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    spec: Spec,
}

#[derive(Default, Deserialize)]
struct Spec {
    // Null where no driver is left.
    #[serde(default)]
    drivers: Option<Vec<Driver>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: String,
    #[serde(rename = "nodeID")]
    node_id: String,
    #[serde(default)]
    allocatable: Option<Allocatable>,
}

#[derive(Deserialize)]
struct Allocatable {
    #[serde(default)]
    count: Option<u32>,
}

/// A node that a driver runs on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsiNode {
    /// How many volumes of the driver it may have at once; any number when none.
    pub volumes_max: Option<u32>,
}

/// The nodes of one driver.
pub struct CsiNodes {
    api: Api,
    driver: &'static str,
}

impl std::fmt::Debug for CsiNodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CsiNodes")
            .field("driver", &self.driver)
            .finish_non_exhaustive()
    }
}

impl CsiNodes {
    /// Reads what the API server is reached with. Connects to nothing yet.
    ///
    /// # Errors
    /// A file that is needed for it cannot be read or used.
    pub fn new(access: &KubeAccess, driver: &'static str) -> Result<Self, KubeError> {
        Ok(Self {
            api: Api::new(Access::new(access)?, LIMIT, RIGHTS),
            driver,
        })
    }

    /// The node whose plug-in calls itself `id`; none where there is no such node, or no plug-in of the driver on it. An id is the
    /// name of its node.
    ///
    /// # Errors
    /// The API server does not answer, or does not tell.
    pub async fn find(&self, id: &str) -> Result<Option<CsiNode>, KubeError> {
        if !is_name(id) {
            return Ok(None);
        }
        let path = format!("/apis/storage.k8s.io/v1/csinodes/{}", encode(id));
        let found: Option<Object> = self.api.find(&path, "read the CSINode of a node").await?;
        Ok(found.and_then(|object| of(object, self.driver, id)))
    }
}

/// What the object says of the driver.
fn of(object: Object, driver: &str, id: &str) -> Option<CsiNode> {
    let mut drivers = object.spec.drivers.into_iter().flatten();
    let found = drivers.find(|one| one.name == driver && one.node_id == id)?;
    Some(CsiNode {
        volumes_max: found.allocatable.and_then(|room| room.count),
    })
}

/// Whether a node of Kubernetes can have this name: a DNS subdomain.
fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
    let at_end = |b: Option<u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.len() <= NAME
        && text.bytes().all(allowed)
        && at_end(text.bytes().next())
        && at_end(text.bytes().last())
}

#[cfg(test)]
mod tests {
    use super::{CsiNode, is_name, of};

    #[test]
    fn a_node_is_one_of_the_driver_that_says_its_name() {
        let object = |drivers: &str| serde_json::from_str(&format!(r#"{{"spec":{{"drivers":{drivers}}}}}"#));
        let read = |drivers: &str| of(object(drivers).unwrap(), "csi.mortar", "n1");
        let known = |volumes_max| Some(CsiNode { volumes_max });
        for (drivers, wanted) in [
            (r#"[{"name":"csi.mortar","nodeID":"n1"}]"#, known(None)),
            (
                r#"[{"name":"csi.mortar","nodeID":"n1","topologyKeys":null,"allocatable":{"count":7}}]"#,
                known(Some(7)),
            ),
            (
                r#"[{"name":"other","nodeID":"n1"},{"name":"csi.mortar","nodeID":"n1","allocatable":{}}]"#,
                known(None),
            ),
            (r#"[{"name":"csi.mortar","nodeID":"n2"}]"#, None),
            (r#"[{"name":"other","nodeID":"n1"}]"#, None),
            ("[]", None),
            ("null", None),
        ] {
            assert_eq!(read(drivers), wanted, "{drivers}");
        }
    }

    #[test]
    fn names_are_those_of_nodes() {
        for good in ["n1", "a.b-c.d", "1"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "A", "a/b", "..", "-a", "a-", "a b", "a?x", &"a".repeat(254)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
