//! Settings with their defaults, checked: what the server is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mortar_engine::BackupPlan;
use mortar_heketi::admin::AdminState;
use mortar_heketi::token::Keys;
use mortar_model::{ByteSize, HostName, VolumeOption, ZoneChecking, options_of};
use mortar_server::{TlsFiles, VolumeOptions};
use mortar_store::Backups;

use super::csi::{self, Csi};
use super::keys;
use super::kubernetes::{self, Kubernetes};
use super::{ExecutorName, LogFormatName, Settings, StateName};
use crate::error::{Error, Result};

/// What the server is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Certificate and key, where https is spoken.
    pub(crate) tls: Option<TlsFiles>,
    /// Where to write the address that the server got.
    pub(crate) address_file: Option<PathBuf>,
    /// The CSI controller; `None` where there is none.
    pub(crate) csi: Option<Csi>,
    /// The store file; `None` keeps all in memory.
    pub(crate) store: Option<PathBuf>,
    /// Where the store is backed up, and how often; `None` with one in memory.
    pub(crate) backups: Option<BackupPlan>,
    /// The keys that tokens are checked with; `None` takes every request.
    pub(crate) keys: Option<Keys>,
    /// Whom the server serves from its start.
    pub(crate) default_state: AdminState,
    /// What is added to requests for volumes.
    pub(crate) volume_options: VolumeOptions,
    /// How commands get to nodes.
    pub(crate) executor: Executor,
    /// What is set of the engine's own choices.
    pub(crate) engine: Tuning,
    /// How long running operations may take to end when the server stops.
    pub(crate) patience: Duration,
    /// What to log.
    pub(crate) log: String,
    /// Form of the log.
    pub(crate) log_format: LogFormat,
}

/// How commands get to nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Executor {
    /// Over ssh.
    Ssh(Ssh),
    /// In the GlusterFS pods of a Kubernetes cluster.
    Kubernetes(Kubernetes),
    /// On this machine.
    Local,
    /// On simulated nodes.
    Sim(Sim),
}

/// What simulated nodes are like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sim {
    /// Their seed.
    pub(crate) seed: u64,
    /// Those there are, with their names in the trusted pool; empty for all that are spoken to.
    pub(crate) nodes: Vec<(HostName, HostName)>,
    /// Disks of each, and directories.
    pub(crate) disks: u16,
    /// Size of each of them.
    pub(crate) disk_size: ByteSize,
    /// Where they are kept between runs.
    pub(crate) state: Option<PathBuf>,
}

/// How to get to nodes over ssh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ssh {
    /// User on the nodes.
    pub(crate) user: String,
    /// Port of their ssh servers.
    pub(crate) port: u16,
    /// Private key.
    pub(crate) key: PathBuf,
    /// Their host keys.
    pub(crate) known_hosts: PathBuf,
    /// Whether commands run through sudo.
    pub(crate) sudo: bool,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    Auto,
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is set of the engine's own choices; where nothing is, its defaults hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tuning {
    /// File of persistent mount entries on the nodes.
    pub(crate) fstab: Option<String>,
    /// Mount options of bricks.
    pub(crate) mount_options: Option<String>,
    /// How long glusterd may work on one command.
    pub(crate) gluster_timeout: Option<Duration>,
    /// Smallest brick.
    pub(crate) brick_min: Option<ByteSize>,
    /// Largest brick.
    pub(crate) brick_max: Option<ByteSize>,
    /// Most bricks of one volume.
    pub(crate) bricks_per_volume: Option<u32>,
    /// Most volumes of one cluster.
    pub(crate) volumes_per_cluster: Option<usize>,
    /// Whether volumes for block volumes are made by themselves.
    pub(crate) block_hosting_auto: Option<bool>,
    /// Size of such a volume.
    pub(crate) block_hosting_size: Option<ByteSize>,
    /// Its options.
    pub(crate) block_hosting_options: Option<Vec<VolumeOption>>,
    /// Whether block volumes take all their room at once.
    pub(crate) block_full: Option<bool>,
    /// Zone checking where a request says nothing.
    pub(crate) zone_checking: Option<ZoneChecking>,
    /// Changes of one trusted pool side by side.
    pub(crate) pool_width: Option<usize>,
    /// How long a member of a pool must differ before it is cured; zero for never.
    pub(crate) cure_after: Option<Duration>,
    /// How long a node or device must be lost before its bricks are replaced; zero for never.
    pub(crate) replace_after: Option<Duration>,
    /// Operations that run side by side.
    pub(crate) operations_running: Option<usize>,
    /// Operations under way.
    pub(crate) operations_open: Option<usize>,
    /// How long failed drains, moves and changes of copies can be read.
    pub(crate) keep_failed: Option<Duration>,
    /// Between two checks of the nodes.
    pub(crate) check_interval: Option<Duration>,
    /// Between two passes over what volumes have to heal; zero for none.
    pub(crate) heal_interval: Option<Duration>,
    /// Whether what is found is mended by itself.
    pub(crate) automatic_repair: Option<bool>,
    /// Fill of a thin pool that is warned of, per cent.
    pub(crate) pool_fill: Option<u8>,
    /// Fill from which on a device takes no bricks, per cent.
    pub(crate) fill_stop: Option<u8>,
}

/// What all errors here were attempting.
const ATTEMPT: &str = "start the server";

impl Config {
    /// Adds defaults, reads secrets from their files and checks what belongs together.
    ///
    /// # Errors
    /// Names the setting that is missing, or the two that contradict each other.
    pub(crate) fn new(settings: Settings) -> Result<Self> {
        let keys = keys::checked(&settings)?;
        let engine = tuning(&settings)?;
        let executor = match settings.executor.unwrap_or(ExecutorName::Ssh) {
            ExecutorName::Ssh => Executor::Ssh(ssh(&settings)?),
            ExecutorName::Kubernetes => Executor::Kubernetes(kubernetes::checked(&settings)?),
            ExecutorName::Local => Executor::Local,
            ExecutorName::Sim => Executor::Sim(sim(&settings)?),
        };
        let store = settings
            .store
            .clone()
            .unwrap_or_else(|| PathBuf::from("/var/lib/mortar/mortar.redb"));
        let store = (store != Path::new("memory")).then_some(store);
        Ok(Self {
            backups: store.as_deref().map(|store| backups(&settings, store)),
            listen: settings
                .listen
                .unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080))),
            tls: tls(&settings)?,
            volume_options: volume_options(&settings)?,
            csi: csi::checked(&settings)?,
            address_file: settings.address_file,
            default_state: match settings.default_state {
                None | Some(StateName::Normal) => AdminState::Normal,
                Some(StateName::ReadOnly) => AdminState::ReadOnly,
                Some(StateName::LocalClient) => AdminState::LocalClient,
            },
            store,
            keys,
            executor,
            engine,
            patience: Duration::from_secs(settings.stop_patience.unwrap_or(30)),
            log: settings.log.unwrap_or_else(|| "info".to_owned()),
            log_format: match settings.log_format {
                None => LogFormat::Auto,
                Some(LogFormatName::Text) => LogFormat::Text,
                Some(LogFormatName::Json) => LogFormat::Json,
            },
        })
    }
}

fn volume_options(settings: &Settings) -> Result<VolumeOptions> {
    let checked = |name: &str, options: &Option<Vec<String>>| -> Result<Vec<String>> {
        let options = options.iter().flatten();
        let checked = options.map(|text| match VolumeOption::parse(text) {
            Ok(_) => Ok(text.clone()),
            Err(error) => Err(Error::usage(ATTEMPT, format!("{name} has {text:?}: {error}"))),
        });
        checked.collect()
    };
    Ok(VolumeOptions {
        before: checked("volume-options-before", &settings.volume_options_before)?,
        after: checked("volume-options-after", &settings.volume_options_after)?,
    })
}

fn tls(settings: &Settings) -> Result<Option<TlsFiles>> {
    let missing = match (&settings.tls_certificate, &settings.tls_key) {
        (None, None) => return Ok(None),
        (Some(certificate), Some(key)) => {
            return Ok(Some(TlsFiles {
                certificate: certificate.clone(),
                key: key.clone(),
            }));
        }
        (None, Some(_)) => "tls-certificate",
        (Some(_), None) => "tls-key",
    };
    let obstacle = format!("of tls-certificate and tls-key, {missing} is not set");
    Err(Error::usage(ATTEMPT, obstacle).advise("set both for https, or neither for http"))
}

fn backups(settings: &Settings, store: &Path) -> BackupPlan {
    let beside = || Backups::beside(store).folder().to_owned();
    BackupPlan {
        folder: settings.backup_folder.clone().unwrap_or_else(beside),
        interval: Duration::from_secs(settings.backup_interval.unwrap_or(24 * 3600)),
        keep: settings.backup_keep.unwrap_or(14),
    }
}

fn tuning(settings: &Settings) -> Result<Tuning> {
    plain(
        "fstab",
        settings.fstab.as_deref(),
        |text| text.starts_with('/'),
        "an absolute path",
    )?;
    plain(
        "mount-options",
        settings.mount_options.as_deref(),
        |text| !text.starts_with('-'),
        "words with commas between",
    )?;
    let zero = [
        ("gluster-timeout", settings.gluster_timeout == Some(0)),
        ("brick-min", settings.brick_min == Some(0)),
        ("bricks-per-volume", settings.bricks_per_volume == Some(0)),
        ("block-hosting-size", settings.block_hosting_size == Some(0)),
        ("pool-width", settings.pool_width == Some(0)),
        ("operations-running", settings.operations_running == Some(0)),
        ("operations-open", settings.operations_open == Some(0)),
        ("check-interval", settings.check_interval == Some(0)),
        ("pool-fill", settings.pool_fill == Some(0)),
        ("fill-stop", settings.fill_stop == Some(0)),
    ];
    if settings.backup_keep == Some(0) {
        let obstacle = "backup-keep is 0: no backup would be kept";
        return Err(
            Error::usage(ATTEMPT, obstacle).advise("set backup-interval to 0 for no scheduled backups")
        );
    }
    if let Some((name, _)) = zero.into_iter().find(|(_, is_zero)| *is_zero) {
        return Err(Error::usage(
            ATTEMPT,
            format!("{name} is 0: nothing could ever be done"),
        ));
    }
    if let (Some(min), Some(max)) = (settings.brick_min, settings.brick_max)
        && min > max
    {
        return Err(Error::usage(
            ATTEMPT,
            format!("brick-min ({min}) is more than brick-max ({max})"),
        ));
    }
    Ok(Tuning {
        fstab: settings.fstab.clone(),
        mount_options: settings.mount_options.clone(),
        gluster_timeout: settings.gluster_timeout.map(Duration::from_secs),
        brick_min: settings.brick_min.map(ByteSize::from_gib),
        brick_max: settings.brick_max.map(ByteSize::from_gib),
        bricks_per_volume: settings.bricks_per_volume,
        volumes_per_cluster: settings.volumes_per_cluster,
        block_hosting_auto: settings.block_hosting_auto,
        block_hosting_size: settings.block_hosting_size.map(ByteSize::from_gib),
        block_hosting_options: hosting_options(settings)?,
        block_full: settings.block_full,
        zone_checking: settings.zone_checking.map(ZoneChecking::from),
        pool_width: settings.pool_width,
        cure_after: settings.cure_after.map(Duration::from_secs),
        replace_after: settings.replace_after.map(Duration::from_secs),
        operations_running: settings.operations_running,
        operations_open: settings.operations_open,
        keep_failed: settings.keep_failed.map(Duration::from_secs),
        check_interval: settings.check_interval.map(Duration::from_secs),
        heal_interval: settings.heal_interval.map(Duration::from_secs),
        automatic_repair: settings.automatic_repair,
        pool_fill: settings.pool_fill,
        fill_stop: settings.fill_stop,
    })
}

/// Options of volumes for block volumes.
fn hosting_options(settings: &Settings) -> Result<Option<Vec<VolumeOption>>> {
    let Some(texts) = &settings.block_hosting_options else {
        return Ok(None);
    };
    let parsed = texts.iter().map(|text| {
        options_of(text).map_err(|error| Error::usage(ATTEMPT, format!("block-hosting-options: {error}")))
    });
    Ok(Some(parsed.collect::<Result<Vec<_>>>()?.concat()))
}

/// Texts that become a word of a command or of a mount entry on a node.
fn plain(name: &str, text: Option<&str>, fits: impl Fn(&str) -> bool, form: &str) -> Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"/._-,=:+@%".contains(&b);
    match text {
        Some(text) if text.is_empty() || !text.bytes().all(allowed) || !fits(text) => Err(Error::usage(
            ATTEMPT,
            format!("{name} is not {form}, without white space and shell characters"),
        )),
        _ => Ok(()),
    }
}

fn sim(settings: &Settings) -> Result<Sim> {
    let host = |name: &str| {
        HostName::new(name).map_err(|error| Error::usage(ATTEMPT, format!("sim-nodes: {name:?}: {error}")))
    };
    let pair = |text: &String| {
        let (manage, storage) = text.split_once('=').unwrap_or((text, text));
        Ok((host(manage)?, host(storage)?))
    };
    let disks = settings.sim_disks.unwrap_or(2);
    if !(1..=64).contains(&disks) {
        return Err(Error::usage(
            ATTEMPT,
            format!("sim-disks is {disks}: a simulated node has 1 to 64"),
        ));
    }
    Ok(Sim {
        seed: settings.sim_seed.unwrap_or(1),
        nodes: settings
            .sim_nodes
            .iter()
            .flatten()
            .map(pair)
            .collect::<Result<_>>()?,
        disks,
        disk_size: ByteSize::from_gib(settings.sim_disk_size.unwrap_or(1024)),
        state: settings.sim_state.clone(),
    })
}

fn ssh(settings: &Settings) -> Result<Ssh> {
    let Some(key) = settings.ssh_key.clone() else {
        return Err(
            Error::usage(ATTEMPT, "nodes are reached over ssh, and there is no ssh-key")
                .advise("set ssh-key to a private key that the nodes accept, or choose another --executor"),
        );
    };
    Ok(Ssh {
        user: settings.ssh_user.clone().unwrap_or_else(|| "root".to_owned()),
        port: settings.ssh_port.unwrap_or(22),
        sudo: settings.ssh_sudo.unwrap_or(false),
        key,
        known_hosts: settings
            .ssh_known_hosts
            .clone()
            .unwrap_or_else(|| PathBuf::from("/etc/ssh/ssh_known_hosts")),
    })
}

#[cfg(test)]
#[path = "checked_tests.rs"]
mod tests;
