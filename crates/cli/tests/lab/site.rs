//! A server and its pool: a cluster of nodes of a lab, each with one disk that no other test uses.

use mortar_lab::Lab;
use serde_json::{Value, json};

use crate::door::Said;
use crate::ground::until;
use crate::remains;
use crate::server::Server;

/// A server with a cluster on nodes of a lab.
pub(crate) struct Site {
    pub(crate) lab: Lab,
    pub(crate) server: Server,
    pub(crate) cluster: String,
    /// Name, id and device of each node.
    pub(crate) nodes: Vec<(String, String, String)>,
    /// Number of the disk that each node gives.
    disk: u32,
    /// What the names of its volumes begin with.
    prefix: String,
}

/// What can be seen of a site from outside, to be compared before and after.
#[derive(Debug, PartialEq)]
pub(crate) struct State {
    topology: Value,
    volumes: Vec<String>,
    members: Vec<String>,
    remains: Vec<String>,
    open: Vec<Value>,
}

impl Site {
    /// A server on a fresh store, these nodes of the lab (from 1) and this disk of each; disk 0 is none.
    pub(crate) fn new(lab: &Lab, nodes: &[usize], disk: u32, prefix: &str) -> Self {
        Self::with(lab, Server::start(lab), nodes, disk, prefix)
    }

    /// The same with a server that runs.
    pub(crate) fn with(lab: &Lab, server: Server, nodes: &[usize], disk: u32, prefix: &str) -> Self {
        let made = server.post("/clusters", &json!({"file": true, "block": false}));
        assert_eq!(made.status, 201, "{made:?}");
        let mut site = Self {
            lab: lab.clone(),
            server,
            cluster: made.json()["id"].as_str().unwrap().to_owned(),
            nodes: Vec::new(),
            disk,
            prefix: prefix.to_owned(),
        };
        for number in nodes {
            let added = site.add_node(*number);
            let node = site.server.follow(&added);
            assert_eq!(node.status, 200, "{node:?}\n{}", site.server.log());
            let id = node.json()["id"].as_str().unwrap().to_owned();
            if disk == 0 {
                site.nodes.push((format!("node{number}"), id, String::new()));
                continue;
            }
            let path = lab.disk(&format!("node{number}"), disk).unwrap();
            let added = site.add_device(&id, &path, false);
            let done = site.server.follow(&added);
            assert_eq!(done.status, 204, "{done:?}\n{}", site.server.log());
            let devices = site.server.get(&format!("/nodes/{id}")).json();
            let device = devices["devices"][0]["id"].as_str().unwrap().to_owned();
            site.nodes.push((format!("node{number}"), id, device));
        }
        site
    }

    /// A server that knows nothing yet, for a pool that it is to learn of; this disk of each node is to be its own.
    pub(crate) fn of_nobody(lab: &Lab, disk: u32, prefix: &str) -> Self {
        Self {
            lab: lab.clone(),
            server: Server::start(lab),
            cluster: String::new(),
            nodes: Vec::new(),
            disk,
            prefix: prefix.to_owned(),
        }
    }

    /// Asks for a node of the lab to be added.
    pub(crate) fn add_node(&self, number: usize) -> Said {
        let address = self.lab.nodes()[number - 1].address.to_string();
        let body = json!({
            "zone": number,
            "hostnames": {"manage": [address], "storage": [address]},
            "cluster": self.cluster,
        });
        self.server.post("/nodes", &body)
    }

    /// Asks for a device to be added.
    pub(crate) fn add_device(&self, node: &str, path: &str, destroy: bool) -> Said {
        let body = json!({"node": node, "name": path, "destroydata": destroy});
        self.server.post("/devices", &body)
    }

    /// A name for a volume.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{}_{name}", self.prefix)
    }

    /// Asks for a volume; `replica` 0 is none.
    pub(crate) fn create(&self, name: &str, size: u64, replica: u64) -> Said {
        self.server.post("/volumes", &self.request(name, size, replica))
    }

    /// What is asked for a volume.
    pub(crate) fn request(&self, name: &str, size: u64, replica: u64) -> Value {
        let kind = if replica == 0 { "none" } else { "replicate" };
        json!({
            "size": size,
            "name": self.name(name),
            "clusters": [self.cluster],
            "durability": {"type": kind, "replicate": {"replica": replica}},
        })
    }

    /// Makes a volume and gives its description.
    pub(crate) fn created(&self, name: &str, size: u64, replica: u64) -> Value {
        let made = self.server.follow(&self.create(name, size, replica));
        assert_eq!(made.status, 200, "{made:?}\n{}", self.server.log());
        made.json()
    }

    /// Deletes a volume.
    pub(crate) fn deleted(&self, volume: &Value) {
        let id = volume["id"].as_str().unwrap();
        let gone = self.server.delete(&format!("/volumes/{id}"));
        let ended = self.server.end(gone.queue_id());
        assert_eq!(ended.status, 204, "{ended:?}\n{}", self.server.log());
        assert_eq!(self.server.get(&format!("/volumes/{id}")).status, 404);
    }

    /// Names of the server's volumes in the pool, as its first node tells.
    pub(crate) fn volumes(&self) -> Vec<String> {
        let mut names = remains::volumes(&self.lab, &self.nodes[0].0);
        names.retain(|name| name.starts_with(&format!("{}_", self.prefix)));
        names
    }

    /// Everything that volumes of the site have on its nodes.
    pub(crate) fn remains(&self) -> Vec<String> {
        let devices: Vec<String> = self.nodes.iter().map(|(_, _, device)| device.clone()).collect();
        self.nodes
            .iter()
            .flat_map(|(name, _, _)| {
                let disk = self.lab.disk(name, self.disk.max(1)).unwrap();
                remains::on_node(&self.lab, name, &disk, &devices)
            })
            .collect()
    }

    /// Nothing of any volume is left: on the nodes, in the pool, in the records.
    pub(crate) fn assert_bare(&self) {
        assert_eq!(self.volumes(), [] as [&str; 0]);
        assert_eq!(self.server.get("/volumes").json()["volumes"], json!([]));
        // The last user of an image lets go of its loop device a moment after the mount is gone.
        let mut left = Vec::new();
        let begun = std::time::Instant::now();
        while begun.elapsed() < std::time::Duration::from_secs(10) {
            left = self.remains();
            if left.is_empty() {
                break;
            }
        }
        assert!(
            left.is_empty(),
            "left on the nodes: {left:#?}\n{}",
            self.server.log()
        );
        for (_, _, device) in &self.nodes {
            let info = self.server.get(&format!("/devices/{device}")).json();
            assert_eq!(
                (&info["bricks"], &info["storage"]["used"]),
                (&json!([]), &json!(0)),
                "{info}"
            );
        }
    }

    /// The site as it is, once nothing is under way.
    pub(crate) fn state(&self) -> State {
        let open = |server: &Server| {
            let list = server.get("/v1/operations?open=true").json();
            list["operations"].as_array().unwrap().clone()
        };
        until("nothing is under way", || open(&self.server).is_empty());
        let members = crate::ground::on(
            &self.lab,
            &self.nodes[0].0,
            &["gluster", "--mode=script", "pool", "list"],
        );
        let mut members: Vec<String> = members
            .lines()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        members.sort();
        State {
            topology: self.server.get("/v1/topology").json(),
            volumes: self.volumes(),
            members,
            remains: self.remains(),
            open: open(&self.server),
        }
    }
}

impl Drop for Site {
    /// A test that fails tells how its pool looked; the server tells what it did.
    fn drop(&mut self) {
        const LOOK: &str = "gluster --mode=script peer status; cat /var/lib/glusterd/peers/*; \
            cd /var/lib/glusterd/vols && head -n 30 */cksum */info";
        if !std::thread::panicking() {
            return;
        }
        for (name, ..) in &self.nodes {
            match self.lab.exec(name, &["sh", "-c", LOOK], crate::ground::LIMIT) {
                Ok(output) => eprintln!("{name}:\n{}", String::from_utf8_lossy(&output.stdout)),
                Err(error) => eprintln!("{name}: {error}"),
            }
        }
    }
}
