//! Joining nodes to one trusted pool, for users of the lab that bring no Mortar.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::error::LabError;
use crate::holder::enter;
use crate::process::Identity;
use crate::run::{LIMIT, finish, run, wait_until};

const READY: Duration = Duration::from_secs(60);

/// Probes all members from the first one, then waits until each sees every other connected.
pub(crate) fn form(members: &[(Ipv4Addr, Identity)]) -> Result<(), LabError> {
    let Some(((_, first), others)) = members.split_first() else {
        return Ok(());
    };
    for (address, _) in others {
        let attempt = format!("adding {address} to the pool");
        run(
            enter(*first, "gluster").args(["--mode=script", "peer", "probe", &address.to_string()]),
            &attempt,
        )?;
    }
    for (address, holder) in members {
        let attempt = format!("waiting until {address} sees the whole pool");
        wait_until(&attempt, READY, "see the log of its glusterd", || {
            let output = finish(
                enter(*holder, "gluster").args(["--mode=script", "pool", "list"]),
                "",
                &attempt,
                LIMIT,
            )?;
            let connected = connected(&String::from_utf8_lossy(&output.stdout));
            Ok(if connected == members.len() {
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
