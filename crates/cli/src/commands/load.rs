//! `mortar topology load`: makes what a topology file names and what is not there yet.
//!
//! The file is read and checked whole before anything is sent. Nodes are added one after the other, as a pool
//! takes them; devices of all nodes side by side. What is printed keeps the order of the file.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read as _;
use std::path::Path;

use mortar_api::{Topology, TopologyNode};
use mortar_heketi::cluster::{ClusterFlags, ClusterInfo};
use mortar_heketi::device::DeviceAddRequest;
use mortar_heketi::node::{HostAddresses, NodeAddRequest, NodeInfo};
use mortar_heketi::topology::{ClusterEntry, DeviceEntry, NodeEntry, TopologyFile};
use serde::Serialize;

use super::Session;
use crate::client::{Answer, Finished, nodes, read};
use crate::error::{Error, Result};
use crate::exit::Exit;

/// Devices that are being added at the same time.
const SIDE_BY_SIDE: usize = 16;

/// What became of a file, for programs.
#[derive(Default, Serialize)]
struct Report {
    clusters: Vec<ClusterReport>,
}

/// What became of a cluster.
#[derive(Serialize)]
struct ClusterReport {
    id: String,
    created: bool,
    nodes: Vec<NodeReport>,
}

/// What became of a node.
#[derive(Serialize)]
struct NodeReport {
    host: String,
    id: Option<String>,
    created: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    devices: Vec<DeviceReport>,
}

/// What became of a device.
#[derive(Serialize)]
struct DeviceReport {
    path: String,
    created: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Loads a file.
pub(super) async fn run(session: &Session, file: &Path) -> Result<()> {
    let attempt = format!("load the topology file {}", file.display());
    let wanted = read_file(file, &attempt)?;
    let mut loader = Loader {
        session,
        there: session.client.topology(&attempt).await?,
        failed: Vec::new(),
    };
    let mut report = Report::default();
    for cluster in &wanted.clusters {
        report.clusters.push(loader.cluster(cluster, &attempt).await?);
    }
    session.progress.end();
    if session.out.is_json() {
        session.out.json(&report)?;
    }
    match loader.failed.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Error::new(
            first.exit,
            attempt,
            format!("{} of its parts failed", loader.failed.len()),
        )
        .with_details(
            loader
                .failed
                .iter()
                .map(|error| format!("{}: {}", error.attempt, error.obstacle))
                .collect(),
        )
        .advise("put right what stood in the way and load the file again: what is there is kept")),
    }
}

fn read_file(file: &Path, attempt: &str) -> Result<TopologyFile> {
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|mut file| file.read_to_string(&mut text))
    };
    read.map_err(|error| Error::usage(attempt, error.to_string()))?;
    TopologyFile::read(&text).map_err(|error| {
        Error::usage(attempt, error.to_string()).advise("correct the file; nothing was sent to the server")
    })
}

/// A node of the file with what is known of it.
struct Place<'a> {
    wanted: &'a NodeEntry,
    report: NodeReport,
    there: Option<TopologyNode>,
}

struct Loader<'a> {
    session: &'a Session,
    there: Topology,
    failed: Vec<Error>,
}

impl Loader<'_> {
    async fn cluster(&mut self, wanted: &ClusterEntry, attempt: &str) -> Result<ClusterReport> {
        let known = wanted.nodes.iter().find_map(|node| self.known(node));
        let (id, created) = match known {
            Some((cluster, _)) => (cluster, false),
            None => (self.create_cluster(wanted, attempt).await?, true),
        };
        let mut places = Vec::new();
        for node in &wanted.nodes {
            places.push(self.node(node, &id).await?);
        }
        self.devices(&mut places).await?;
        Ok(ClusterReport {
            id,
            created,
            nodes: places.into_iter().map(|place| place.report).collect(),
        })
    }

    /// The cluster and the record of a node that is there already, by its management host name.
    fn known(&self, wanted: &NodeEntry) -> Option<(String, TopologyNode)> {
        let hit = nodes(&self.there).find(|hit| hit.node.manage == wanted.manage.as_str())?;
        Some((hit.cluster.to_owned(), hit.node.clone()))
    }

    async fn create_cluster(&self, wanted: &ClusterEntry, attempt: &str) -> Result<String> {
        let flags = ClusterFlags {
            file: wanted.file.unwrap_or(true),
            block: wanted.block.unwrap_or(true),
        };
        let answer = self.session.client.post("/clusters", &flags, attempt).await?;
        let info: ClusterInfo = read(&answer.body, attempt)?;
        self.say(format!("Creating cluster ... ID: {}", info.id))?;
        for (allowed, kind) in [(flags.file, "file"), (flags.block, "block")] {
            if allowed {
                self.say(format!("\tAllowing {kind} volumes on cluster."))?;
            }
        }
        Ok(info.id.to_string())
    }

    async fn node<'f>(&mut self, wanted: &'f NodeEntry, cluster: &str) -> Result<Place<'f>> {
        let host = wanted.manage.to_string();
        let mut report = NodeReport {
            host,
            id: None,
            created: false,
            error: None,
            devices: Vec::new(),
        };
        if let Some((_, node)) = self.known(wanted) {
            report.id = Some(node.id.clone());
            return Ok(Place {
                wanted,
                report,
                there: Some(node),
            });
        }
        match self.add_node(wanted, cluster).await {
            Ok(id) => (report.id, report.created) = (Some(id), true),
            Err(error) => report.error = Some(self.keep(error)?),
        }
        Ok(Place {
            wanted,
            report,
            there: None,
        })
    }

    async fn add_node(&self, wanted: &NodeEntry, cluster: &str) -> Result<String> {
        let attempt = format!("add the node {}", wanted.manage);
        self.session
            .progress
            .say(format!("adding node {}", wanted.manage));
        let hostnames = HostAddresses {
            manage: vec![wanted.manage.to_string()],
            storage: vec![wanted.storage.to_string()],
        };
        let (zone, tags) = (i64::from(wanted.zone), wanted.tags.clone());
        let request = NodeAddRequest {
            zone,
            hostnames,
            cluster: cluster.to_owned(),
            tags,
        };
        let accepted = self.session.client.post("/nodes", &request, &attempt).await?;
        let work = self
            .session
            .client
            .finish_always(accepted, &attempt, &self.session.progress)
            .await?;
        match work.finished {
            Finished::Resource(body) => Ok(read::<NodeInfo>(&body, &attempt)?.id.to_string()),
            _ => Err(Error::new(
                Exit::Failed,
                attempt,
                "the server did not tell the node's id",
            )),
        }
    }

    /// Adds the devices of all these nodes, and tells of nodes and devices in the order of the file.
    async fn devices(&mut self, places: &mut [Place<'_>]) -> Result<()> {
        let mut waiting: VecDeque<(usize, &DeviceEntry, String)> = VecDeque::new();
        for (number, place) in places.iter().enumerate() {
            let Some(node) = place.report.id.clone() else {
                continue;
            };
            let new = place.wanted.devices.iter().filter(|device| !place.has(device));
            waiting.extend(new.map(|device| (number, device, node.clone())));
        }
        let mut started: BTreeMap<(usize, String), Result<Answer>> = BTreeMap::new();
        for number in 0..places.len() {
            self.tell_node(&places[number])?;
            if places[number].report.id.is_none() {
                continue;
            }
            let wanted: &[DeviceEntry] = &places[number].wanted.devices;
            for device in wanted {
                if places[number].has(device) {
                    self.say(format!("\t\tFound device {}", device.path))?;
                    places[number]
                        .report
                        .devices
                        .push(DeviceReport::new(device, false, None));
                    continue;
                }
                while started.len() < SIDE_BY_SIDE
                    && let Some((number, device, node)) = waiting.pop_front()
                {
                    let answer = self.start_device(places[number].wanted, device, &node).await;
                    // A busy server takes more once those that it has are done.
                    if !started.is_empty() && answer.as_ref().is_err_and(|error| error.exit == Exit::Busy) {
                        waiting.push_front((number, device, node));
                        break;
                    }
                    started.insert((number, device.path.to_string()), answer);
                }
                let host = places[number].report.host.clone();
                let answer = started.remove(&(number, device.path.to_string()));
                let report = self.end_device(&host, device, answer).await?;
                places[number].report.devices.push(report);
            }
        }
        Ok(())
    }

    async fn start_device(&self, node: &NodeEntry, device: &DeviceEntry, id: &str) -> Result<Answer> {
        let request = DeviceAddRequest {
            node: id.to_owned(),
            name: device.path.to_string(),
            tags: device.tags.clone(),
            destroydata: device.destroy,
        };
        self.session
            .client
            .post(
                "/devices",
                &request,
                &device_attempt(node.manage.as_str(), device),
            )
            .await
    }

    async fn end_device(
        &mut self,
        host: &str,
        device: &DeviceEntry,
        answer: Option<Result<Answer>>,
    ) -> Result<DeviceReport> {
        let attempt = device_attempt(host, device);
        self.session
            .progress
            .say(format!("adding device {host}:{}", device.path));
        let ended = match answer {
            Some(Ok(accepted)) => self
                .session
                .client
                .finish_always(accepted, &attempt, &self.session.progress)
                .await
                .map(|_| ()),
            Some(Err(error)) => Err(error),
            None => Err(Error::new(Exit::Failed, attempt, "it was never begun")),
        };
        match ended {
            Ok(()) => {
                self.say(format!("\t\tAdding device {} ... OK", device.path))?;
                Ok(DeviceReport::new(device, true, None))
            }
            Err(error) => {
                let text = self.keep(error)?;
                self.say(format!(
                    "\t\tAdding device {} ... Unable to add device: {text}",
                    device.path
                ))?;
                Ok(DeviceReport::new(device, false, Some(text)))
            }
        }
    }

    fn tell_node(&self, place: &Place<'_>) -> Result<()> {
        let report = &place.report;
        match (&report.error, &report.id) {
            (Some(error), _) => self.say(format!(
                "\tCreating node {} ... Unable to create node: {error}",
                report.host
            )),
            (None, Some(id)) if report.created => {
                self.say(format!("\tCreating node {} ... ID: {id}", report.host))
            }
            _ => {
                let cluster = self
                    .known(place.wanted)
                    .map(|(cluster, _)| cluster)
                    .unwrap_or_default();
                self.say(format!("\tFound node {} on cluster {cluster}", report.host))
            }
        }
    }

    /// Keeps an error for the end and goes on, unless going on has no sense.
    fn keep(&mut self, error: Error) -> Result<String> {
        if matches!(error.exit, Exit::Unreachable | Exit::Refused) {
            return Err(error);
        }
        let text = error.obstacle.clone();
        self.failed.push(error);
        Ok(text)
    }

    fn say(&self, line: String) -> Result<()> {
        if self.session.out.is_json() {
            return Ok(());
        }
        self.session.progress.aside(|| self.session.out.line(line))
    }
}

impl Place<'_> {
    /// Whether the device is there already, by its path.
    fn has(&self, device: &DeviceEntry) -> bool {
        let there = self.there.iter().flat_map(|node| &node.devices);
        there.into_iter().any(|known| known.path == device.path.as_str())
    }
}

impl DeviceReport {
    fn new(device: &DeviceEntry, created: bool, error: Option<String>) -> Self {
        Self {
            path: device.path.to_string(),
            created,
            error,
        }
    }
}

fn device_attempt(host: &str, device: &DeviceEntry) -> String {
    format!("add the device {host}:{}", device.path)
}
