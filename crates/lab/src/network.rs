//! The lab's wire: a bridge on this machine and one pair of virtual cables per node.
//!
//! Names of links come from the folder's path (a hash), so they are found again without any record. Addresses
//! are chosen among those that no interface or route of this machine uses; one program chooses at a time.

use std::fs;
use std::net::Ipv4Addr;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Attempt as _, LabError};
use crate::process::Identity;
use crate::run::{feed, program, run, wait_until};
use crate::state::Node;

/// Name of the interface inside a node.
const INSIDE: &str = "eth0";
/// Second octets of the networks that are tried in turn: rarely used corners of the private ranges.
const CANDIDATES: [(u8, u8); 3] = [(10, 177), (10, 213), (172, 29)];
const PREFIX: u32 = 24;

/// 256 addresses for one lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Subnet(Ipv4Addr);

impl Subnet {
    pub(crate) const fn new(a: u8, b: u8, c: u8) -> Self {
        Self(Ipv4Addr::new(a, b, c, 0))
    }

    /// The address of this machine on the lab's bridge: clients and Mortar speak from it.
    pub(crate) fn host(self) -> Ipv4Addr {
        self.at(1)
    }

    /// The address of node `index`, counted from 1.
    pub(crate) fn node(self, index: u32) -> Ipv4Addr {
        self.at(10 + index)
    }

    pub(crate) fn contains(self, address: Ipv4Addr) -> bool {
        Range::new(self.0, PREFIX).overlaps(Range::new(address, 32))
    }

    fn at(self, offset: u32) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.0.to_bits() + offset)
    }
}

impl std::fmt::Display for Subnet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{PREFIX}", self.0)
    }
}

/// Addresses that are in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    base: u32,
    mask: u32,
}

impl Range {
    fn new(address: Ipv4Addr, prefix: u32) -> Self {
        let mask = u32::MAX.checked_shl(32 - prefix.min(32)).unwrap_or(0);
        Self {
            base: address.to_bits() & mask,
            mask,
        }
    }

    /// Reads `10.0.0.0/8` or `10.1.2.3`; `default` and anything else names no range.
    fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').unwrap_or((text, "32"));
        Some(Self::new(address.parse().ok()?, prefix.parse().ok()?))
    }

    fn overlaps(self, other: Self) -> bool {
        let mask = self.mask & other.mask;
        self.base & mask == other.base & mask
    }
}

/// The links of one lab.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    key: String,
    note: String,
}

impl Links {
    /// The links of the lab that lives in `folder`.
    pub(crate) fn of(folder: &Path) -> Self {
        // FNV-1a: small, and the same in every build, which the standard hasher does not promise.
        let hash = folder
            .as_os_str()
            .as_encoded_bytes()
            .iter()
            .fold(0x811c_9dc5_u32, |hash, byte| {
                (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
            });
        Self {
            key: format!("ml{hash:08x}"),
            note: format!("Mortar lab {}", folder.display()),
        }
    }

    pub(crate) fn bridge(&self) -> &str {
        &self.key
    }

    /// The end of a node's cable that stays on this machine.
    pub(crate) fn cable(&self, node: &Node) -> String {
        format!("{}n{}", self.key, node.index)
    }

    /// Makes the bridge with an address range that nobody uses; `chosen` writes the choice down before anything
    /// is made.
    pub(crate) fn make_bridge(
        &self,
        chosen: impl FnOnce(Subnet) -> Result<(), LabError>,
    ) -> Result<Subnet, LabError> {
        let claim = Claim::take()?;
        let subnet = choose(&ranges_in_use()?).ok_or_else(|| {
            LabError::failed(
                "choosing addresses for the lab",
                "every candidate range is used by an interface or route of this machine",
                "take other labs down (`mortar lab down`)",
            )
        })?;
        chosen(subnet)?;
        let bridge = self.bridge();
        let attempt = "making the lab's bridge";
        run(
            program("ip").args(["link", "add", "name", bridge, "type", "bridge"]),
            attempt,
        )?;
        run(
            program("ip").args(["link", "set", "dev", bridge, "alias", &self.note]),
            attempt,
        )?;
        let address = format!("{}/{PREFIX}", subnet.host());
        run(
            program("ip").args(["address", "add", &address, "dev", bridge]),
            attempt,
        )?;
        run(program("ip").args(["link", "set", "dev", bridge, "up"]), attempt)?;
        drop(claim);
        Ok(subnet)
    }

    /// Lays a cable from the bridge into the node whose namespaces `holder` holds.
    pub(crate) fn connect(&self, node: &Node, holder: Identity) -> Result<(), LabError> {
        let (cable, pid) = (self.cable(node), holder.pid.to_string());
        let attempt = format!("connecting {}", node.name);
        let hardware = hardware_address(node.address);
        let mut pair = program("ip");
        pair.args(["link", "add", "name", &cable, "type", "veth"]);
        pair.args(["peer", "name", INSIDE, "address", &hardware, "netns", &pid]);
        run(&mut pair, &attempt)?;
        run(
            program("ip").args(["link", "set", "dev", &cable, "master", self.bridge(), "up"]),
            &attempt,
        )?;
        let inside = format!(
            "link set dev lo up\naddress add {}/{PREFIX} dev {INSIDE}\nlink set dev {INSIDE} up\n",
            node.address
        );
        let enter = ["--target", &pid, "--net", "--", "ip", "-batch", "-"];
        feed(program("nsenter").args(enter), &inside, &attempt)?;
        Ok(())
    }

    /// Cuts or joins a node's cable.
    pub(crate) fn set_cable(&self, node: &Node, up: bool) -> Result<(), LabError> {
        let (state, attempt) = if up {
            ("up", "joining")
        } else {
            ("down", "cutting off")
        };
        let attempt = format!("{attempt} {}", node.name);
        run(
            program("ip").args(["link", "set", "dev", &self.cable(node), state]),
            &attempt,
        )?;
        Ok(())
    }

    /// Whether a node's cable is there and not cut.
    pub(crate) fn cable_up(&self, node: &Node) -> bool {
        const IFF_UP: u32 = 1;
        let text =
            fs::read_to_string(format!("/sys/class/net/{}/flags", self.cable(node))).unwrap_or_default();
        let flags = u32::from_str_radix(text.trim().trim_start_matches("0x"), 16);
        flags.is_ok_and(|flags| flags & IFF_UP != 0)
    }

    /// Removes a node's cable when it is there.
    pub(crate) fn remove_cable(&self, node: &Node) -> Result<(), LabError> {
        remove(&self.cable(node))
    }

    /// Removes all links of the lab that are there.
    pub(crate) fn remove_all(&self) -> Result<(), LabError> {
        for name in self.present()? {
            remove(&name)?;
        }
        Ok(())
    }

    /// The links of this lab that are there, cables first.
    pub(crate) fn present(&self) -> Result<Vec<String>, LabError> {
        let entries = fs::read_dir("/sys/class/net").attempt(|| "listing network links".to_owned())?;
        let names = entries
            .flatten()
            .filter_map(|entry| entry.file_name().into_string().ok());
        let mut own: Vec<String> = names.filter(|name| name.starts_with(&self.key)).collect();
        own.sort_by_key(|name| std::cmp::Reverse(name.len()));
        Ok(own)
    }
}

/// The hardware address of a node: the same after each start, as a machine's is, else its neighbours would send
/// to the old one until they forget it. Marked as locally administered; unique on its bridge.
fn hardware_address(address: Ipv4Addr) -> String {
    let [a, b, c, d] = address.octets();
    format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}")
}

fn remove(link: &str) -> Result<(), LabError> {
    let there = || Path::new("/sys/class/net").join(link).exists();
    if !there() {
        return Ok(());
    }
    match run(
        program("ip").args(["link", "delete", "dev", link]),
        "removing a network link",
    ) {
        // It vanishes by itself when the namespace at its other end does.
        Err(_) if !there() => Ok(()),
        other => other.map(drop),
    }
}

/// The right to choose addresses: a name in the abstract socket space, which belongs to this network namespace
/// (the thing that is chosen for), leaves no file, and is given back by the kernel when the program dies.
struct Claim(#[expect(dead_code, reason = "held for its name")] UnixDatagram);

impl Claim {
    fn take() -> Result<Self, LabError> {
        let name =
            SocketAddr::from_abstract_name("mortar-lab-addresses").attempt(|| "naming a lock".to_owned())?;
        wait_until(
            "waiting for another lab to choose its addresses",
            Duration::from_secs(30),
            "try again",
            || {
                Ok(UnixDatagram::bind_addr(&name)
                    .map(Self)
                    .map_err(|error| format!("it still does ({error})")))
            },
        )
    }
}

fn choose(used: &[Range]) -> Option<Subnet> {
    let candidates = CANDIDATES
        .into_iter()
        .flat_map(|(a, b)| (0..=255).map(move |c| Subnet::new(a, b, c)));
    candidates.into_iter().find(|subnet| {
        let range = Range::new(subnet.0, PREFIX);
        !used.iter().any(|other| range.overlaps(*other))
    })
}

/// Everything that an interface or a route of this machine covers, default routes aside.
fn ranges_in_use() -> Result<Vec<Range>, LabError> {
    let attempt = "listing the addresses in use";
    let list = |arguments: &[&str]| -> Result<Vec<serde_json::Value>, LabError> {
        let output = run(program("ip").args(arguments), attempt)?;
        serde_json::from_slice(&output.stdout).attempt(|| attempt.to_owned())
    };
    let routes = list(&["-json", "-4", "route", "show", "table", "all"])?;
    let mut ranges: Vec<Range> = routes
        .iter()
        .filter_map(|route| Range::parse(route.get("dst")?.as_str()?))
        .collect();
    for link in list(&["-json", "-4", "address", "show"])? {
        let addresses = link
            .get("addr_info")
            .and_then(|info| info.as_array().cloned())
            .unwrap_or_default();
        ranges.extend(addresses.iter().filter_map(|address| {
            let prefix = u32::try_from(address.get("prefixlen")?.as_u64()?).ok()?;
            Some(Range::new(address.get("local")?.as_str()?.parse().ok()?, prefix))
        }));
    }
    Ok(ranges)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Links, Range, Subnet, choose};

    fn ranges(texts: &[&str]) -> Vec<Range> {
        texts.iter().filter_map(|text| Range::parse(text)).collect()
    }

    #[test]
    fn used_addresses_are_never_chosen() {
        assert_eq!(choose(&[]), Some(Subnet::new(10, 177, 0)));
        let used = ranges(&[
            "default",
            "10.177.0.7",
            "10.177.1.128/25",
            "10.177.2.0/23",
            "192.168.0.0/16",
        ]);
        assert_eq!(choose(&used), Some(Subnet::new(10, 177, 4)));
        assert_eq!(choose(&ranges(&["10.0.0.0/8"])), Some(Subnet::new(172, 29, 0)));
        assert_eq!(choose(&ranges(&["10.0.0.0/8", "172.16.0.0/12"])), None);
        assert_eq!(choose(&ranges(&["0.0.0.0/0"])), None);
    }

    #[test]
    fn a_subnet_knows_its_own() {
        let subnet = Subnet::new(10, 177, 9);
        assert!(subnet.contains(subnet.host()) && subnet.contains(subnet.node(64)));
        assert!(!subnet.contains(Subnet::new(10, 177, 10).host()));
        assert_eq!(subnet.to_string(), "10.177.9.0/24");
    }

    #[test]
    fn names_of_links_fit_the_kernel_and_differ_by_folder() {
        let (one, two) = (
            Links::of(Path::new("/a/default")),
            Links::of(Path::new("/b/default")),
        );
        assert_ne!(one.bridge(), two.bridge());
        assert_eq!(one.bridge(), Links::of(Path::new("/a/default")).bridge());
        // 15 characters are the kernel's limit; a cable adds "n" and at most two digits.
        assert!(one.bridge().len() + 3 <= 15);
    }
}
