//! Settings of the server: one definition that is flags, environment and file at once.
//!
//! A flag wins over the environment, the environment over the file, the file over the default. clap settles the
//! first two; [`Settings::or`] the third; [`Config::new`] the last, and refuses what cannot work.

mod checked;
mod csi;
mod file;
mod heketi;
mod keys;
mod kubernetes;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::args::ZoneName;

pub(crate) use checked::{Config, Executor, LogFormat, Sim, Ssh, Tuning};
pub(crate) use csi::{AttachTo, Csi};
pub(crate) use file::read;
pub(crate) use heketi::read_heketi;
pub(crate) use keys::first_line;
pub(crate) use kubernetes::Kubernetes;

/// Declares the settings once; every field is a flag, an environment variable and a key of the file.
macro_rules! settings {
    ($($(#[$attribute:meta])* $field:ident: $kind:ty,)*) => {
        /// Settings as given, before defaults. Keys of the file are the names with dashes.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Args, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, rename_all = "kebab-case")]
        pub(crate) struct Settings {
            $(
                $(#[$attribute])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub(crate) $field: Option<$kind>,
            )*
        }

        impl Settings {
            /// These, and where one is not given, the other's.
            pub(crate) fn or(self, other: Self) -> Self {
                Self { $($field: self.$field.or(other.$field),)* }
            }
        }
    };
}

settings! {
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "MORTAR_LISTEN", value_name = "ADDRESS:PORT")]
    listen: SocketAddr,
    /// File to write the address into that the server got, once it listens
    #[arg(long, env = "MORTAR_ADDRESS_FILE", value_name = "FILE")]
    address_file: PathBuf,
    /// The server's certificate (PEM), and behind it those that lead to an authority; with it, https is spoken and nothing else. Read
    /// again when it changes, and on SIGHUP [default: none, http is spoken]
    #[arg(long, env = "MORTAR_TLS_CERTIFICATE", value_name = "FILE")]
    tls_certificate: PathBuf,
    /// Private key of the certificate (PEM, without a passphrase)
    #[arg(long, env = "MORTAR_TLS_KEY", value_name = "FILE")]
    tls_key: PathBuf,
    /// Socket for the CSI controller, unix:///PATH.sock [default: none, there is no controller in this server]
    #[arg(long, env = "MORTAR_CSI_ENDPOINT", value_name = "ENDPOINT")]
    csi_endpoint: String,
    /// Let the CSI controller attach volumes: a record of which nodes may use them, so that no two have one that one may have
    /// [default: false]
    #[arg(long, env = "MORTAR_CSI_ATTACH", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    csi_attach: bool,
    /// Nodes that volumes can be attached to, NAME or NAME=MOST-VOLUMES, with commas between [default: those of Kubernetes on
    /// which the node plug-in has registered]
    #[arg(long, env = "MORTAR_CSI_ATTACH_NODE", value_name = "NODES", value_delimiter = ',')]
    csi_attach_node: Vec<String>,
    /// Store file, made when it is not there; 'memory' keeps nothing [default: /var/lib/mortar/mortar.redb]
    #[arg(long, env = "MORTAR_STORE", value_name = "FILE")]
    store: PathBuf,
    /// Folder of the store's backups [default: 'backups' beside the store file]
    #[arg(long, env = "MORTAR_BACKUP_FOLDER", value_name = "FOLDER")]
    backup_folder: PathBuf,
    /// Seconds between two backups of the store; 0 takes one only when it is asked for [default: 86400]
    #[arg(long, env = "MORTAR_BACKUP_INTERVAL", value_name = "SECONDS")]
    backup_interval: u64,
    /// Backups that are kept: the youngest so many by the clock, and as many that were asked for [default: 14]
    #[arg(long, env = "MORTAR_BACKUP_KEEP", value_name = "NUMBER")]
    backup_keep: usize,
    /// Take requests without a token: whoever reaches the port is admin
    #[arg(long, env = "MORTAR_DISABLE_AUTH", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    disable_auth: bool,
    /// Whom the server serves from its start: all, those who only look, or all on this machine and elsewhere those who only
    /// look; POST /admin and SIGUSR2 (normal) change it [default: normal]
    #[arg(long, env = "MORTAR_DEFAULT_STATE", value_name = "STATE")]
    default_state: StateName,
    /// Secret of the admin user (no flag, so that nobody sees it in the list of processes)
    #[arg(skip)]
    admin_key: String,
    /// File whose first line is the secret of the admin user; MORTAR_ADMIN_KEY may hold the secret itself
    #[arg(long, env = "MORTAR_ADMIN_KEY_FILE", value_name = "FILE")]
    admin_key_file: PathBuf,
    /// Secret of the plain user
    #[arg(skip)]
    user_key: String,
    /// File whose first line is the secret of the plain user; MORTAR_USER_KEY may hold the secret itself [default: none, there is no
    /// plain user]
    #[arg(long, env = "MORTAR_USER_KEY_FILE", value_name = "FILE")]
    user_key_file: PathBuf,
    /// How commands get to nodes [default: ssh]
    #[arg(long, env = "MORTAR_EXECUTOR", value_name = "KIND")]
    executor: ExecutorName,
    /// User on the nodes [default: root]
    #[arg(long, env = "MORTAR_SSH_USER", value_name = "NAME")]
    ssh_user: String,
    /// Port of the nodes' ssh servers [default: 22]
    #[arg(long, env = "MORTAR_SSH_PORT", value_name = "PORT")]
    ssh_port: u16,
    /// Private key, in OpenSSH's form, without a passphrase
    #[arg(long, env = "MORTAR_SSH_KEY", value_name = "FILE")]
    ssh_key: PathBuf,
    /// Host keys of the nodes; a node that is not in it is not talked to [default: /etc/ssh/ssh_known_hosts]
    #[arg(long, env = "MORTAR_SSH_KNOWN_HOSTS", value_name = "FILE")]
    ssh_known_hosts: PathBuf,
    /// Run commands through 'sudo -n' [default: false]
    #[arg(long, env = "MORTAR_SSH_SUDO", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    ssh_sudo: bool,
    /// Namespace of the GlusterFS pods [default: the service account's, or the kubeconfig context's]
    #[arg(long, env = "MORTAR_KUBERNETES_NAMESPACE", value_name = "NAME")]
    kubernetes_namespace: String,
    /// Label selector of the GlusterFS pods [default: glusterfs-node=pod; glusterfs-node unless matched by node]
    #[arg(long, env = "MORTAR_KUBERNETES_SELECTOR", value_name = "SELECTOR")]
    kubernetes_selector: String,
    /// How a node's management host name leads to its pod [default: node]
    #[arg(long, env = "MORTAR_KUBERNETES_MATCH", value_name = "RULE")]
    kubernetes_match: MatchName,
    /// Container of the pod that commands run in [default: the first]
    #[arg(long, env = "MORTAR_KUBERNETES_CONTAINER", value_name = "NAME")]
    kubernetes_container: String,
    /// Kubeconfig file [default: none, the service account of the server's own pod]
    #[arg(long, env = "MORTAR_KUBERNETES_CONFIG", value_name = "FILE")]
    kubernetes_config: PathBuf,
    /// Context of the kubeconfig file [default: its current one]
    #[arg(long, env = "MORTAR_KUBERNETES_CONTEXT", value_name = "NAME")]
    kubernetes_context: String,
    /// Batches that run in pods at once, on all nodes together [default: 64]
    #[arg(long, env = "MORTAR_KUBERNETES_CONNECTIONS", value_name = "NUMBER")]
    kubernetes_connections: usize,
    /// Seed of the simulated nodes [default: 1]
    #[arg(long, env = "MORTAR_SIM_SEED", value_name = "NUMBER")]
    sim_seed: u64,
    /// Simulated nodes, HOST or HOST=STORAGE-HOST, with commas between [default: every host that is spoken to]
    #[arg(long, env = "MORTAR_SIM_NODES", value_name = "NAMES", value_delimiter = ',')]
    sim_nodes: Vec<String>,
    /// Disks (/dev/sdb and on) and directories (/disks/disk1 and on) of each simulated node [default: 2]
    #[arg(long, env = "MORTAR_SIM_DISKS", value_name = "NUMBER")]
    sim_disks: u16,
    /// Size of each of them, GiB [default: 1024]
    #[arg(long, env = "MORTAR_SIM_DISK_SIZE", value_name = "GIB")]
    sim_disk_size: u64,
    /// File that keeps the simulated nodes between runs of the server [default: none, they start blank]
    #[arg(long, env = "MORTAR_SIM_STATE", value_name = "FILE")]
    sim_state: PathBuf,
    /// File of persistent mount entries on the nodes [default: /etc/fstab]
    #[arg(long, env = "MORTAR_FSTAB", value_name = "PATH")]
    fstab: String,
    /// Mount options of bricks, with commas between [default: rw,inode64,noatime,nouuid]
    #[arg(long, env = "MORTAR_MOUNT_OPTIONS", value_name = "OPTIONS")]
    mount_options: String,
    /// Seconds that glusterd may work on one command [default: 600]
    #[arg(long, env = "MORTAR_GLUSTER_TIMEOUT", value_name = "SECONDS")]
    gluster_timeout: u64,
    /// Smallest brick, GiB [default: 1]
    #[arg(long, env = "MORTAR_BRICK_MIN", value_name = "GIB")]
    brick_min: u64,
    /// Largest brick, GiB [default: 4096]
    #[arg(long, env = "MORTAR_BRICK_MAX", value_name = "GIB")]
    brick_max: u64,
    /// Most bricks of one volume [default: 32]
    #[arg(long, env = "MORTAR_BRICKS_PER_VOLUME", value_name = "NUMBER")]
    bricks_per_volume: u32,
    /// Most volumes of one cluster [default: no limit]
    #[arg(long, env = "MORTAR_VOLUMES_PER_CLUSTER", value_name = "NUMBER")]
    volumes_per_cluster: usize,
    /// Make a volume for block volumes where none has the room for a new one [default: false]
    #[arg(long, env = "MORTAR_BLOCK_HOSTING_AUTO", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    block_hosting_auto: bool,
    /// Size of such a volume, GiB [default: 1024]
    #[arg(long, env = "MORTAR_BLOCK_HOSTING_SIZE", value_name = "GIB")]
    block_hosting_size: u64,
    /// Options of such a volume, NAME VALUE, with commas between [default: group gluster-block]
    #[arg(long, env = "MORTAR_BLOCK_HOSTING_OPTIONS", value_name = "OPTIONS", value_delimiter = ',')]
    block_hosting_options: Vec<String>,
    /// Let a block volume take all its room at once, else as it is written [default: true]
    #[arg(long, env = "MORTAR_BLOCK_FULL", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    block_full: bool,
    /// Options that come before those of each request for a volume on Heketi's route, NAME VALUE, with commas between [default: none]
    #[arg(long, env = "MORTAR_VOLUME_OPTIONS_BEFORE", value_name = "OPTIONS", value_delimiter = ',')]
    volume_options_before: Vec<String>,
    /// Options that come after them, and win over equal names [default: none]
    #[arg(long, env = "MORTAR_VOLUME_OPTIONS_AFTER", value_name = "OPTIONS", value_delimiter = ',')]
    volume_options_after: Vec<String>,
    /// Whether copies must be in distinct zones where a request says nothing [default: none]
    #[arg(long, env = "MORTAR_ZONE_CHECKING", value_name = "RULE")]
    zone_checking: ZoneName,
    /// Changes of one trusted pool that are sent to glusterd side by side [default: 4]
    #[arg(long, env = "MORTAR_POOL_WIDTH", value_name = "NUMBER")]
    pool_width: usize,
    /// Seconds for which a member of a trusted pool must differ from most others before its glusterd is started anew
    /// without what it alone believes; 0 leaves that to people [default: 20]
    #[arg(long, env = "MORTAR_CURE_AFTER", value_name = "SECONDS")]
    cure_after: u64,
    /// Seconds after which bricks of a node that does not answer or of a device that is not there, and bricks that cannot be
    /// read or do not run, are replaced from their other copies, where a majority of these is left; 0 leaves that to people
    /// [default: 0]
    #[arg(long, env = "MORTAR_REPLACE_AFTER", value_name = "SECONDS")]
    replace_after: u64,
    /// Operations that run side by side [default: 64]
    #[arg(long, env = "MORTAR_OPERATIONS_RUNNING", value_name = "NUMBER")]
    operations_running: usize,
    /// Operations that may be under way, those that wait for their turn included [default: 1024]
    #[arg(long, env = "MORTAR_OPERATIONS_OPEN", value_name = "NUMBER")]
    operations_open: usize,
    /// Seconds for which a drain, a move of a brick or a change of copies that failed can be read; other operations can for an
    /// hour [default: 604800]
    #[arg(long, env = "MORTAR_KEEP_FAILED", value_name = "SECONDS")]
    keep_failed: u64,
    /// Seconds between two checks of the nodes against the records [default: 600]
    #[arg(long, env = "MORTAR_CHECK_INTERVAL", value_name = "SECONDS")]
    check_interval: u64,
    /// Seconds between two passes that ask one volume after the other what is to be healed in it; 0 asks nobody [default: 300]
    #[arg(long, env = "MORTAR_HEAL_INTERVAL", value_name = "SECONDS")]
    heal_interval: u64,
    /// Mend by itself what a check finds, where that is proven safe: mount bricks again, write entries and identities
    /// [default: true]
    #[arg(long, env = "MORTAR_AUTOMATIC_REPAIR", value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    automatic_repair: bool,
    /// Fill of a thin pool in per cent from which a check warns [default: 80]
    #[arg(long, env = "MORTAR_POOL_FILL", value_name = "PERCENT")]
    pool_fill: u8,
    /// Fill in per cent of a thin pool, or of the file system under a directory, from which on its device takes no bricks [default: 90]
    #[arg(long, env = "MORTAR_FILL_STOP", value_name = "PERCENT")]
    fill_stop: u8,
    /// Seconds that running operations may take to end when the server stops; what is left then goes on after
    /// the next start [default: 30]
    #[arg(long, env = "MORTAR_STOP_PATIENCE", value_name = "SECONDS")]
    stop_patience: u64,
    /// What to log: error, warn, info, debug or trace, or a filter by room [default: info]
    #[arg(long, env = "MORTAR_LOG", value_name = "FILTER")]
    log: String,
    /// Form of the log [default: text on a terminal, JSON otherwise]
    #[arg(long, env = "MORTAR_LOG_FORMAT", value_name = "FORM")]
    log_format: LogFormatName,
}

/// How commands get to nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ExecutorName {
    /// Over ssh.
    Ssh,
    /// In the GlusterFS pods of a Kubernetes cluster.
    Kubernetes,
    /// On this machine.
    Local,
    /// On simulated nodes, in memory.
    Sim,
}

/// Whom the server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StateName {
    /// All.
    Normal,
    /// Those who only look.
    ReadOnly,
    /// All on this machine; elsewhere those who only look.
    LocalClient,
}

/// How a node's management host name leads to its pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MatchName {
    /// It is the name or an address of the Kubernetes node that the pod runs on.
    Node,
    /// It is the value of the pod's label that the selector names first.
    Label,
    /// It is the pod's name.
    Pod,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormatName {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Settings {
    /// Secrets from the environment, which have no flags. Heketi's names are understood too.
    pub(crate) fn with_secrets(mut self, environment: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&str; 2]| {
            let mut given = names.into_iter().filter_map(&environment);
            given.find(|text| !text.is_empty())
        };
        if self.admin_key_file.is_none() {
            self.admin_key = self
                .admin_key
                .or_else(|| first(["MORTAR_ADMIN_KEY", "HEKETI_ADMIN_KEY"]));
        }
        if self.user_key_file.is_none() {
            self.user_key = self
                .user_key
                .or_else(|| first(["MORTAR_USER_KEY", "HEKETI_USER_KEY"]));
        }
        self
    }

    /// The same with every secret that is given replaced, to be shown.
    pub(crate) fn without_secrets(mut self) -> Self {
        for key in [&mut self.admin_key, &mut self.user_key] {
            if key.is_some() {
                *key = Some("(set)".to_owned());
            }
        }
        self
    }
}
