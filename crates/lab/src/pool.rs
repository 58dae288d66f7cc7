//! Joining nodes to one trusted pool, for users of the lab that bring no Mortar.

use std::time::Duration;

use crate::error::LabError;
use crate::holder::{self, enter};
use crate::process::Identity;
use crate::run::{LIMIT, finish, run, wait_until};
use crate::state::{Folder, Node};

const READY: Duration = Duration::from_secs(60);

/// Probes all nodes from the first one, then waits until each sees every other connected.
pub(crate) fn form(folder: &Folder, nodes: &[Node]) -> Result<(), LabError> {
    let running = |node: &Node| {
        holder::find(folder, node).ok_or_else(|| LabError::NodeDown {
            node: node.name.clone(),
        })
    };
    let holders: Vec<Identity> = nodes.iter().map(running).collect::<Result<_, _>>()?;
    for node in nodes.iter().skip(1) {
        let attempt = format!("adding {} to the pool", node.name);
        let probe = ["--mode=script", "peer", "probe", &node.address.to_string()];
        run(enter(holders[0], "gluster").args(probe), &attempt)?;
    }
    for (node, holder) in nodes.iter().zip(&holders) {
        let attempt = format!("waiting until {} sees the whole pool", node.name);
        wait_until(&attempt, READY, "see the log of its glusterd", || {
            let list = ["--mode=script", "pool", "list"];
            let output = finish(enter(*holder, "gluster").args(list), "", &attempt, LIMIT)?;
            let connected = connected(&String::from_utf8_lossy(&output.stdout));
            Ok(if connected == nodes.len() {
                Ok(())
            } else {
                Err(format!("{connected} are connected"))
            })
        })?;
    }
    Ok(())
}

/// Counts members in the table of `gluster pool list`; the last column says `Connected` or `Disconnected`.
fn connected(table: &str) -> usize {
    table
        .lines()
        .filter(|line| line.split_ascii_whitespace().last() == Some("Connected"))
        .count()
}

#[cfg(test)]
mod tests {
    use super::connected;

    #[test]
    fn only_connected_members_count() {
        let table = "UUID\t\t\tHostname\tState\n\
                     5f4c\t10.177.0.12\tConnected \n6a\t10.177.0.13\tDisconnected \n7b\tlocalhost\tConnected \n";
        assert_eq!(connected(table), 2);
    }
}
