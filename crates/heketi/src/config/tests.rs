use std::collections::BTreeMap;

use super::{ConfigError, Executor, HeketiConfig, Kube, read};

fn with(text: &str, environment: &[(&str, &str)]) -> Result<HeketiConfig, ConfigError> {
    let set: BTreeMap<&str, &str> = environment.iter().copied().collect();
    read(text.as_bytes(), |name| {
        set.get(name).map(|text| (*text).to_owned())
    })
}

fn keys(config: &HeketiConfig) -> Vec<&str> {
    config.remarks.iter().map(|remark| remark.key.as_str()).collect()
}

/// As the package brings it, with comments as keys.
const SAMPLE: &str = r#"{
  "_port_comment": "Heketi Server Port Number", "port": "8081",
  "_use_auth": "", "use_auth": true,
  "jwt": { "_jwt": "x", "admin": { "key": "My Secret" }, "user": { "key": "Other" } },
  "backup_db_to_kube_secret": false, "profiling": false, "default_state": "read-only",
  "glusterfs": {
    "executor": "ssh",
    "sshexec": { "keyfile": "/k", "user": "root", "port": "2222", "fstab": "/f", "sudo": true,
                 "pv_data_alignment": "256K", "xfs_sw": 8, "gluster_cli_timeout": 900 },
    "kubeexec": { "host": "", "_sshexec_comment": "x" },
    "db": "/var/lib/heketi/heketi.db", "refresh_time_monitor_gluster_nodes": 120,
    "loglevel": "debug", "brick_max_size_gb": 100, "max_bricks_per_volume": 33, "zone_checking": "strict",
    "max_volumes_per_cluster": -1, "max_inflight_operations": 4, "post_request_volume_options": ""
  }
}"#;

#[test]
fn the_sample_is_understood() {
    let config = with(SAMPLE, &[]).unwrap();
    assert_eq!(
        (
            config.port,
            config.admin_key.as_deref(),
            config.user_key.as_deref()
        ),
        (Some(8081), Some("My Secret"), Some("Other"))
    );
    assert_eq!(config.db.as_deref(), Some("/var/lib/heketi/heketi.db"));
    assert_eq!(
        (
            config.ssh.key.as_deref(),
            config.ssh.user.as_deref(),
            config.ssh.port,
            config.ssh.sudo
        ),
        (Some("/k"), Some("root"), Some(2222), true)
    );
    assert_eq!(
        (config.brick_max, config.brick_min, config.bricks_per_volume),
        (Some(100), None, Some(33))
    );
    assert_eq!(
        (config.strict_zones, config.volumes_per_cluster, config.inflight),
        (Some(true), Some(None), Some(4))
    );
    assert_eq!(
        (
            config.fstab.as_deref(),
            config.gluster_timeout,
            config.default_state.as_deref()
        ),
        (Some("/f"), Some(900), Some("read-only"))
    );
    assert_eq!(
        keys(&config),
        [
            "glusterfs.max_inflight_operations",
            "SSH_KNOWN_HOSTS",
            "glusterfs.sshexec.xfs_sw",
            "glusterfs.refresh_time_monitor_gluster_nodes",
            "use_auth"
        ]
    );
}

#[test]
fn keys_that_nobody_knows_are_named() {
    let unknown = |text: &str| {
        let config = with(text, &[("SSH_KNOWN_HOSTS", "/k")]).unwrap();
        let of_none = |remark: &&super::Remark| remark.instead.starts_with("nothing:");
        let named = config.remarks.iter().filter(of_none);
        named.map(|remark| remark.key.clone()).collect::<Vec<_>>()
    };
    let none: [&str; 0] = [];
    assert_eq!(unknown(SAMPLE), none);
    assert_eq!(
        unknown(
            r#"{"Port":1,"cert_file":"c","JWT":{"admin":{"Key":"k"},"kexs":1},"glusterfs":{"brick_max_size_db":10}}"#
        ),
        ["JWT.kexs", "glusterfs.brick_max_size_db"]
    );
    // Those of an executor that is not asked for do nothing in any case.
    let sections = r#""sshexec":{"keyfil":"x"},"kubeexec":{"hots":"x"},"injectexec":{"a":{}}"#;
    assert_eq!(
        unknown(&format!(r#"{{"glusterfs":{{"executor":"ssh",{sections}}}}}"#)),
        ["glusterfs.sshexec.keyfil"]
    );
    assert_eq!(
        unknown(&format!(
            r#"{{"glusterfs":{{"executor":"kubernetes",{sections}}}}}"#
        )),
        ["glusterfs.kubeexec.hots"]
    );
    assert_eq!(unknown(r#"{"glusterfss":{"db":"/d","_c":1}}"#), ["glusterfss"]);
}

#[test]
fn what_is_not_done_here_is_named() {
    let config = with(
        r#"{"glusterfs":{"db_read_only":true}}"#,
        &[
            ("HEKETI_KUBE_DB_SECRET_NAME", "backup"),
            ("SSH_KNOWN_HOSTS", "/k"),
        ],
    )
    .unwrap();
    assert_eq!(
        keys(&config),
        ["glusterfs.db_read_only", "HEKETI_KUBE_DB_SECRET_NAME"]
    );
    assert!(
        config
            .remarks
            .iter()
            .all(|remark| !remark.instead.starts_with("nothing:"))
    );
}

#[test]
fn the_environment_wins() {
    let config = with(
        SAMPLE,
        &[
            ("HEKETI_HTTP_PORT", "9"),
            ("HEKETI_ADMIN_KEY", "a"),
            ("HEKETI_EXECUTOR", "mock"),
            ("HEKETI_DB_PATH", "/other.db"),
            ("HEKETI_FSTAB", "/var/lib/heketi/fstab"),
            ("HEKETI_ZONE_CHECKING", "none"),
            ("HEKETI_SNAPSHOT_LIMIT", "14"),
            ("HEKETI_IGNORE_STALE_OPERATIONS", "true"),
            ("HEKETI_USER_KEY", ""),
        ],
    )
    .unwrap();
    assert_eq!(
        (
            config.port,
            config.admin_key.as_deref(),
            config.user_key.as_deref()
        ),
        (Some(9), Some("a"), Some("Other"))
    );
    assert_eq!(
        (config.executor, config.db.as_deref()),
        (Executor::Simulated, Some("/other.db"))
    );
    assert_eq!(
        (config.fstab.as_deref(), config.strict_zones),
        (Some("/var/lib/heketi/fstab"), Some(false))
    );
    let remarks = keys(&config);
    assert!(
        remarks.contains(&"HEKETI_SNAPSHOT_LIMIT") && remarks.contains(&"HEKETI_IGNORE_STALE_OPERATIONS"),
        "{remarks:?}"
    );
    assert!(!remarks.contains(&"SSH_KNOWN_HOSTS"), "{remarks:?}");
}

#[test]
fn options_of_all_volumes_are_split() {
    let config = with(
        r#"{"glusterfs":{"pre_request_volume_options":"user.heketi.zone-checking strict, nfs.disable on"}}"#,
        &[("HEKETI_POST_REQUEST_VOLUME_OPTIONS", "features.shard on")],
    )
    .unwrap();
    assert_eq!(
        config.options_before,
        ["user.heketi.zone-checking strict", "nfs.disable on"]
    );
    assert_eq!(config.options_after, ["features.shard on"]);
}

/// As the manifests of gluster-kubernetes start it.
#[test]
fn pods_are_found_as_heketi_finds_them() {
    let text = r#"{"glusterfs":{"executor":"kubernetes","kubeexec":{"rebalance_on_expansion":true,"sudo":true,
        "fstab":"/other","namespace":"storage","max_connections":10,"snapshot_limit":14,"gluster_cli_timeout":900}}}"#;
    let config = with(
        text,
        &[
            ("HEKETI_FSTAB", "/var/lib/heketi/fstab"),
            ("HEKETI_KUBE_GLUSTER_DAEMONSET", "y"),
        ],
    )
    .unwrap();
    let wanted = Kube {
        namespace: Some("storage".into()),
        daemonset: true,
        pod_names: false,
        connections: Some(10),
    };
    assert_eq!((config.executor, &config.kube), (Executor::Kubernetes, &wanted));
    assert_eq!(
        (config.fstab.as_deref(), config.gluster_timeout),
        (Some("/var/lib/heketi/fstab"), Some(900))
    );
    assert_eq!(
        keys(&config),
        [
            "glusterfs.kubeexec.sudo",
            "glusterfs.kubeexec.snapshot_limit",
            "glusterfs.kubeexec.rebalance_on_expansion"
        ]
    );
    // What stands under another executor's name is not asked.
    let ssh = with(r#"{"glusterfs":{"kubeexec":{"namespace":"storage"}}}"#, &[]).unwrap();
    assert_eq!(ssh.kube, Kube::default());
}

#[test]
fn what_cannot_be_used_is_named() {
    for (text, environment, told) in [
        ("[]", &[][..], "it is no JSON object"),
        ("{", &[], "it is no JSON object"),
        (
            r#"{"port":"x"}"#,
            &[],
            "port is \"x\", which is no number that fits",
        ),
        (r#"{"port":{}}"#, &[], "port is an object"),
        (
            r#"{"glusterfs":{"executor":"pigeon"}}"#,
            &[],
            "glusterfs.executor is \"pigeon\"",
        ),
        (
            "{}",
            &[("HEKETI_EXECUTOR", "inject/ssh")],
            "HEKETI_EXECUTOR is \"inject/ssh\"",
        ),
        (
            r#"{"enable_tls":true,"cert_file":"/c"}"#,
            &[],
            "enable_tls is true, and cert_file and key_file are not both given",
        ),
        (
            r#"{"glusterfs":{"zone_checking":"soft"}}"#,
            &[],
            "glusterfs.zone_checking is \"soft\"",
        ),
        (
            r#"{"glusterfs":{"post_request_volume_options":"nfs.disable on,x; reboot"}}"#,
            &[],
            "glusterfs.post_request_volume_options has the option \"x; reboot\"",
        ),
        (r#"{"default_state":"off"}"#, &[], "default_state is \"off\""),
    ] {
        let error = with(text, environment).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn nothing_is_needed() {
    let config = with("{}", &[]).unwrap();
    assert_eq!(keys(&config), ["SSH_KNOWN_HOSTS"]);
    assert_eq!(
        HeketiConfig {
            remarks: Vec::new(),
            ..config
        },
        HeketiConfig::default()
    );
}

/// Heketi's keys for block volumes, also from the environment.
#[test]
fn hosting_volumes_are_made_as_heketi_makes_them() {
    let text = r#"{"glusterfs":{"auto_create_block_hosting_volume":true,"block_hosting_volume_size":500,
        "block_hosting_volume_options":"group gluster-block, nfs.disable on","sshexec":{"block_prealloc":"no"}}}"#;
    let config = with(text, &[]).unwrap();
    assert_eq!(
        (config.make_hosting, config.hosting_size, config.block_full),
        (true, Some(500), Some(false))
    );
    assert_eq!(
        config.hosting_options.unwrap(),
        ["group gluster-block", "nfs.disable on"]
    );
    let remarks: Vec<&str> = config.remarks.iter().map(|remark| remark.key.as_str()).collect();
    assert!(!remarks.iter().any(|key| key.contains("block")), "{remarks:?}");
    let named = [("HEKETI_BLOCK_HOSTING_VOLUME_SIZE", "200")];
    assert_eq!(with(text, &named).unwrap().hosting_size, Some(200));
    let bad = r#"{"glusterfs":{"sshexec":{"block_prealloc":"half"}}}"#;
    assert!(with(bad, &[]).unwrap_err().to_string().contains("block_prealloc"));
}
