//! Parameters of a VolumeAttributesClass: GlusterFS options that may change while a volume is in use. The set is closed, since
//! other options say how files lie on bricks, who may mount a volume, or are Mortar's own.

use std::collections::{BTreeMap, HashMap};

use mortar_api::Volume;
use tonic::Status;

use crate::room::Use;
use crate::trouble::invalid;

/// Options that may change, by the names of `gluster volume set`.
const KNOWN: [&str; 40] = [
    "client.event-threads",
    "cluster.choose-local",
    "cluster.favorite-child-policy",
    "cluster.heal-timeout",
    "cluster.lookup-optimize",
    "cluster.min-free-disk",
    "cluster.read-hash-mode",
    "cluster.self-heal-window-size",
    "cluster.shd-max-threads",
    "diagnostics.brick-log-level",
    "diagnostics.client-log-level",
    "diagnostics.count-fop-hits",
    "diagnostics.latency-measurement",
    "disperse.background-heals",
    "disperse.read-policy",
    "disperse.shd-max-threads",
    "features.cache-invalidation",
    "features.cache-invalidation-timeout",
    "network.frame-timeout",
    "network.inode-lru-limit",
    "network.ping-timeout",
    "performance.cache-invalidation",
    "performance.cache-size",
    "performance.client-io-threads",
    "performance.flush-behind",
    "performance.io-cache",
    "performance.io-thread-count",
    "performance.md-cache-timeout",
    "performance.nl-cache",
    "performance.open-behind",
    "performance.parallel-readdir",
    "performance.quick-read",
    "performance.read-ahead",
    "performance.readdir-ahead",
    "performance.stat-prefetch",
    "performance.strict-o-direct",
    "performance.write-behind",
    "performance.write-behind-window-size",
    "server.event-threads",
    "server.outstanding-rpc-limit",
];

/// Options that keep what is written to a block device from being lost in caches: they stay as they are.
const KEPT_OF_BLOCK: [&str; 4] = [
    "performance.io-cache",
    "performance.quick-read",
    "performance.read-ahead",
    "performance.strict-o-direct",
];

/// Names of what sidecars tell of the claim.
const ABOUT_CLAIM: &str = "csi.storage.k8s.io/pv";

/// The value that gives an option back to GlusterFS.
const DEFAULT: &str = "default";

/// What is to be changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Mutable(BTreeMap<String, Option<String>>);

impl Mutable {
    /// Reads parameters for a volume of this use.
    ///
    /// # Errors
    /// INVALID_ARGUMENT, with the name of the parameter.
    pub(super) fn read(parameters: &HashMap<String, String>, kind: Use) -> Result<Self, Status> {
        let mut read = BTreeMap::new();
        for (name, value) in parameters {
            let told = |why: &str| Err(invalid(format!("mutable parameter {name}: {why}")));
            // What a resizer adds when it is started with `--extra-modify-metadata`.
            if name.starts_with(ABOUT_CLAIM) {
                continue;
            }
            let value = value.trim();
            if !KNOWN.contains(&name.as_str()) {
                return told("is not one that can be changed");
            }
            if kind == Use::Block && KEPT_OF_BLOCK.contains(&name.as_str()) {
                return told("keeps its value on block volumes: what is written must be on the bricks");
            }
            if value.is_empty() {
                return told("has no value: GlusterFS's own is called default");
            }
            read.insert(name.clone(), (value != DEFAULT).then(|| value.to_owned()));
        }
        Ok(Self(read))
    }

    /// What is to be set when a volume is made.
    pub(super) fn set(&self) -> impl Iterator<Item = (String, String)> {
        let set = self.0.iter();
        set.filter_map(|(name, value)| Some((name.clone(), value.clone()?)))
    }

    /// The same for a hash.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        let word = |(name, value): (&String, &Option<String>)| {
            format!("{name} {}", value.as_deref().unwrap_or(DEFAULT))
        };
        self.0.iter().map(word)
    }

    /// What a volume does not have yet.
    pub(super) fn missing(&self, volume: &Volume) -> BTreeMap<String, Option<String>> {
        let differs =
            |(name, value): &(&String, &Option<String>)| volume.options.get(*name) != value.as_ref();
        let missing = self.0.iter().filter(differs);
        missing
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{KEPT_OF_BLOCK, KNOWN, Mutable};
    use crate::room::Use;

    fn read(pairs: &[(&str, &str)], kind: Use) -> Result<Mutable, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parameters: HashMap<String, String> = pairs.iter().map(own).collect();
        Mutable::read(&parameters, kind).map_err(|status| status.message().to_owned())
    }

    #[test]
    fn what_can_be_changed_is_a_closed_set() {
        assert!(KNOWN.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(KEPT_OF_BLOCK.iter().all(|name| KNOWN.contains(name)));
        let good = read(
            &[
                ("network.ping-timeout", " 10 "),
                ("performance.cache-size", "default"),
                ("csi.storage.k8s.io/pvc/name", "data"),
            ],
            Use::Files,
        )
        .unwrap();
        let set: Vec<_> = good.set().collect();
        assert_eq!(set, [("network.ping-timeout".to_owned(), "10".to_owned())]);
        for (name, value) in [
            ("features.shard", "off"),
            ("auth.allow", "*"),
            ("user.csi.room", "x"),
            ("Network.Ping-Timeout", "10"),
            ("network.ping-timeout", ""),
        ] {
            assert!(read(&[(name, value)], Use::Files).unwrap_err().contains(name));
        }
        read(&[("performance.io-cache", "on")], Use::Files).unwrap();
        read(&[("performance.io-cache", "on")], Use::Block).unwrap_err();
    }
}
