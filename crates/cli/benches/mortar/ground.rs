//! A real pool of three nodes for one part, which ends whatever happens.

use std::path::Path;

use mortar_lab::{Lab, LabSpec};

use crate::client::Client;

/// The lab, and a folder for what else the part needs.
pub(crate) struct Ground {
    // In this order: the lab is taken down before the folder with its state goes.
    lab: Lab,
    _down: Down,
    folder: tempfile::TempDir,
}

struct Down(LabSpec);

impl Drop for Down {
    fn drop(&mut self) {
        let _ = Lab::down(&self.0.state_root, &self.0.name);
    }
}

impl Ground {
    /// A lab with whatever `adjust` changes of a usual one.
    pub(crate) fn up(adjust: impl FnOnce(&mut LabSpec)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut spec = LabSpec::named(format!("bench{}", std::process::id() % 100_000));
        spec.state_root = folder.path().join("labs");
        adjust(&mut spec);
        let down = Down(spec.clone());
        let lab = Lab::up(spec, &mut |_| {}).unwrap();
        Self {
            lab,
            _down: down,
            folder,
        }
    }

    pub(crate) fn lab(&self) -> &Lab {
        &self.lab
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes one cluster of all nodes, each with its first disk.
    pub(crate) async fn pool(&self, client: &Client) {
        let cluster = client.cluster().await;
        for (zone, node) in (1..).zip(self.lab.nodes()) {
            let disk = self.lab.disk(&node.name, 1).unwrap();
            let address = node.address.to_string();
            client.node(&cluster, &address, zone, &[disk]).await;
        }
    }
}
