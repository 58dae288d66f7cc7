//! `heketi.json` as settings of Mortar's own.

use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

pub(crate) use mortar_heketi::config::Remark;
use mortar_heketi::config::{self, HeketiConfig};

use super::{ExecutorName, MatchName, Settings, StateName};
use crate::args::ZoneName;
use crate::error::{Error, Result};
use crate::takeover::is_store;

/// What `heketi.json` comes to.
#[derive(Debug)]
pub(crate) struct FromHeketi {
    /// Settings, where the file says something.
    pub(crate) settings: Settings,
    /// Heketi's database, taken over where there is no store yet.
    pub(crate) database: PathBuf,
    /// What is done instead of what keys ask for.
    pub(crate) remarks: Vec<Remark>,
}

/// Reads the file, with the environment variables that override it.
///
/// # Errors
/// It cannot be read, or a value in it cannot be used: the key is named.
pub(crate) fn read_heketi(file: &Path, environment: impl Fn(&str) -> Option<String>) -> Result<FromHeketi> {
    let attempt = format!("read Heketi's configuration {}", file.display());
    let text = std::fs::read(file).map_err(|error| Error::usage(&attempt, error.to_string()))?;
    let config =
        config::read(&text, environment).map_err(|error| Error::usage(&attempt, error.to_string()))?;
    let database = PathBuf::from(config.db.as_deref().unwrap_or("heketi.db"));
    Ok(FromHeketi {
        settings: settings(&config, &database),
        database,
        remarks: config.remarks,
    })
}

fn settings(config: &HeketiConfig, database: &Path) -> Settings {
    let simulated = config.executor == config::Executor::Simulated;
    let kube = &config.kube;
    Settings {
        // Heketi listens on all addresses, those of IPv4 among them.
        listen: Some(SocketAddr::from((
            Ipv6Addr::UNSPECIFIED,
            config.port.unwrap_or(8080),
        ))),
        tls_certificate: config.tls.as_ref().map(|(certificate, _)| certificate.into()),
        tls_key: config.tls.as_ref().map(|(_, key)| key.into()),
        store: Some(store_beside(database)),
        // Other words were refused when the file was read.
        default_state: config.default_state.as_deref().map(|state| match state {
            "read-only" => StateName::ReadOnly,
            "local-client" => StateName::LocalClient,
            _ => StateName::Normal,
        }),
        admin_key: config.admin_key.clone(),
        user_key: config.user_key.clone(),
        executor: Some(match config.executor {
            config::Executor::Ssh => ExecutorName::Ssh,
            config::Executor::Kubernetes => ExecutorName::Kubernetes,
            config::Executor::Simulated => ExecutorName::Sim,
        }),
        kubernetes_namespace: kube.namespace.clone(),
        kubernetes_match: (config.executor == config::Executor::Kubernetes).then_some(found_by(kube)),
        kubernetes_connections: kube.connections,
        ssh_user: Some(config.ssh.user.clone().unwrap_or_else(|| "heketi".into())),
        ssh_port: config.ssh.port,
        ssh_key: config.ssh.key.clone().map(PathBuf::from),
        ssh_known_hosts: config.ssh.known_hosts.clone().map(PathBuf::from),
        ssh_sudo: Some(config.ssh.sudo),
        volume_options_before: Some(config.options_before.clone()).filter(|options| !options.is_empty()),
        volume_options_after: Some(config.options_after.clone()).filter(|options| !options.is_empty()),
        sim_disk_size: simulated.then(|| config.mock_disk.unwrap_or(500)),
        fstab: config.fstab.clone(),
        mount_options: config.mount_options.clone(),
        gluster_timeout: config.gluster_timeout,
        brick_min: config.brick_min,
        brick_max: config.brick_max,
        bricks_per_volume: config.bricks_per_volume,
        volumes_per_cluster: config.volumes_per_cluster.flatten(),
        block_hosting_auto: config.make_hosting.then_some(true),
        block_hosting_size: config.hosting_size,
        block_hosting_options: config.hosting_options.clone(),
        block_full: config.block_full,
        zone_checking: config
            .strict_zones
            .map(|strict| if strict { ZoneName::Strict } else { ZoneName::None }),
        operations_running: config.inflight,
        log: config.log_level.as_deref().map(log),
        ..Settings::default()
    }
}

/// How Heketi finds the pod of a node.
const fn found_by(kube: &config::Kube) -> MatchName {
    match (kube.pod_names, kube.daemonset) {
        (true, _) => MatchName::Pod,
        (false, true) => MatchName::Node,
        (false, false) => MatchName::Label,
    }
}

/// Mortar's own store stands beside Heketi's database, which is left as it is; what 'heketi db import' made is a store itself.
fn store_beside(database: &Path) -> PathBuf {
    if is_store(database) {
        return database.to_owned();
    }
    database.with_file_name("mortar.redb")
}

fn log(level: &str) -> String {
    match level {
        "none" => "off",
        "critical" | "error" => "error",
        "warning" => "warn",
        "debug" => "debug",
        _ => "info",
    }
    .into()
}

#[cfg(test)]
mod tests {
    use mortar_store::EmbeddedStore;

    use super::read_heketi;
    use crate::config::{ExecutorName, MatchName, Settings, StateName};

    #[test]
    fn only_a_store_of_mortars_is_used_as_one() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("heketi.db");
        let beside = folder.path().join("mortar.redb");
        for bytes in [&b""[..], b"\0\0damaged", b"{}"] {
            std::fs::write(&database, bytes).unwrap();
            assert_eq!(super::store_beside(&database), beside);
        }
        std::fs::remove_file(&database).unwrap();
        assert_eq!(super::store_beside(&database), beside);
        EmbeddedStore::create(&database).unwrap();
        assert_eq!(super::store_beside(&database), database);
    }

    #[test]
    fn all_addresses_are_listened_on() {
        let port = settings(r#"{"port":"8081"}"#).listen;
        assert_eq!(port, Some("[::]:8081".parse().unwrap()));
    }

    fn settings(text: &str) -> Settings {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("heketi.json");
        std::fs::write(&file, text).unwrap();
        read_heketi(&file, |_| None).unwrap().settings
    }

    #[test]
    fn pods_are_found_by_the_rule_that_is_asked_for() {
        for (keys, rule) in [
            ("", MatchName::Label),
            (r#""gluster_daemonset": true"#, MatchName::Node),
            (
                r#""use_pod_names": true, "gluster_daemonset": true"#,
                MatchName::Pod,
            ),
        ] {
            let text = format!(r#"{{"glusterfs":{{"executor":"kubernetes","kubeexec":{{{keys}}}}}}}"#);
            let settings = settings(&text);
            assert_eq!(settings.executor, Some(ExecutorName::Kubernetes));
            assert_eq!(settings.kubernetes_match, Some(rule), "{keys}");
        }
        assert_eq!(settings("{}").kubernetes_match, None);
    }

    #[test]
    fn certificates_and_the_state_are_taken_up() {
        let settings = settings(
            r#"{"enable_tls":true,"cert_file":"/c","key_file":"/k","default_state":"local-client"}"#,
        );
        assert_eq!(settings.tls_certificate.as_deref(), Some("/c".as_ref()));
        assert_eq!(settings.tls_key.as_deref(), Some("/k".as_ref()));
        assert_eq!(settings.default_state, Some(StateName::LocalClient));
    }
}
