//! How a server is put together from the other rooms: store and hosts below, the engine on them, the door above.

use std::future::Future;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use mortar_csi::Services;
use mortar_engine::{BackupPlan, CurePlan, Engine, Entropy, Parts, SystemClock, SystemEntropy};
use mortar_executor::{
    Hosts, KubeAccess, KubeHosts, KubeOptions, LocalHosts, PodMatch, SimHosts, SshHosts, SshOptions,
};
use mortar_heketi::admin::AdminState;
use mortar_server::{Admin, HttpLimits, LogDial, Options, Server, Tls, TlsFiles};
use mortar_store::{Backups, EmbeddedStore, GroupCommit, MemoryStore, Opening, Store, StoreError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::attach;
use crate::config::{Config, Csi, Executor, Kubernetes, MatchName, Ssh, Tuning};
use crate::doors::Within;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::seeded::Seeded;
use crate::simulated;
use crate::takeover::Origin;

/// What all errors here were attempting.
const ATTEMPT: &str = "start the server";

/// Runs a server until it is asked to stop.
///
/// # Errors
/// What it needs is not there: the store, a key, the port.
pub(crate) fn run(config: Config, log: LogDial, origin: Option<Origin>) -> Result<()> {
    runtime()?.block_on(serve(config, log, origin))
}

/// What a server runs on.
///
/// # Errors
/// The system gives no threads.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| failed(&error))
}

fn failed(error: &impl ToString) -> Error {
    Error::new(Exit::Failed, ATTEMPT, error.to_string())
}

async fn serve(config: Config, log: LogDial, origin: Option<Origin>) -> Result<()> {
    // Signals are listened for first: one that comes while the store is being read ends the server gracefully.
    let stop = stop_signal()?;
    let tls = config.tls.clone().map(tls).transpose()?;
    let listener = listen(config.listen).await?;
    // With the port: where another server has it, Heketi may well be that one.
    if let (Some(origin), Some(file)) = (&origin, &config.store) {
        origin.at_first_start(file)?;
    }
    let new_store = config.store.as_ref().is_none_or(|file| !file.exists());
    let store = store(config.store.as_deref(), config.backups.as_ref())?;
    if let Some(origin) = &origin {
        origin.at_each_start(config.store.as_deref(), &*store)?;
    }
    let (hosts, simulated) = hosts(&config.executor, &config.engine)?;
    let parts = Parts {
        store,
        hosts,
        clock: Arc::new(SystemClock),
        entropy: entropy(&config.executor, new_store)?,
    };
    let behaviour = mortar_engine::Config {
        backups: config.backups,
        ..engine_config(config.engine)
    };
    let engine = Engine::open(parts, behaviour).map_err(|error| failed(&error))?;
    engine.start();
    let address = listener.local_addr().map_err(|error| failed(&error))?;
    if let Some(file) = &config.address_file {
        announce(file, address)?;
    }
    match &config.keys {
        None => tracing::warn!("requests are not authorised: whoever reaches the port is admin"),
        Some(keys) => {
            for weakness in keys.weaknesses() {
                tracing::warn!("{weakness}");
            }
        }
    }
    tracing::info!(%address, tls = tls.is_some(), "listening");
    let options = Options {
        keys: config.keys,
        limits: HttpLimits::default(),
        tls,
        admin: admin(config.default_state)?,
        log: Arc::new(log),
        volume_options: config.volume_options,
    };
    let server = Server::new(engine, options);
    let csi = csi(&server, config.csi.as_ref()).await?;
    server.run(listener, stop, config.patience).await;
    // What a controller still waits for goes on after the next start.
    csi.abort();
    if let (Executor::Sim(sim), Some(hosts)) = (&config.executor, simulated)
        && let Some(file) = &sim.state
    {
        simulated::save(&hosts, file)?;
    }
    Ok(())
}

/// The server's certificate, read again on each SIGHUP.
fn tls(files: TlsFiles) -> Result<Arc<Tls>> {
    let tls = Tls::open(files).map_err(|error| Error::usage(ATTEMPT, error.to_string()))?;
    let tls = Arc::new(tls);
    let mut hangup = signal(SignalKind::hangup()).map_err(|error| failed(&error))?;
    let held = Arc::clone(&tls);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            held.reload();
        }
    });
    Ok(tls)
}

/// Whom the server serves: all, again, on each SIGUSR2. There is that way out of every state, as with Heketi.
fn admin(state: AdminState) -> Result<Arc<Admin>> {
    let admin = Arc::new(Admin::new(state));
    let mut normal = signal(SignalKind::user_defined2()).map_err(|error| failed(&error))?;
    let held = Arc::clone(&admin);
    tokio::spawn(async move {
        while normal.recv().await.is_some() {
            held.set(AdminState::Normal);
        }
    });
    Ok(admin)
}

/// The CSI controller inside of the server, where one is wanted.
async fn csi(server: &Server, csi: Option<&Csi>) -> Result<tokio::task::JoinHandle<()>> {
    let Some(Csi { endpoint, attach }) = csi else {
        return Ok(tokio::spawn(async {}));
    };
    let attach = attach.as_ref().map(|to| attach::nodes(to, ATTEMPT)).transpose()?;
    let listener = endpoint.listen().await.map_err(|error| failed(&error))?;
    tracing::info!(endpoint = %endpoint.path().display(), "the CSI controller listens");
    let services = Services {
        controller: Some(Within::door(server.inside())),
        attach,
        node: None,
    };
    Ok(tokio::spawn(async move {
        if let Err(error) = mortar_csi::serve(listener, services, std::future::pending()).await {
            tracing::error!(%error, "the CSI controller ended");
        }
    }))
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let bound = match TcpListener::bind(address).await {
        // Whoever wants all addresses wants those there are: without IPv6 in the kernel the others.
        Err(error) if address.ip() == Ipv6Addr::UNSPECIFIED && error.kind() != ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, address.port())).await
        }
        bound => bound,
    };
    bound.map_err(|error| {
        Error::new(
            Exit::Failed,
            ATTEMPT,
            format!("cannot listen on {address}: {error}"),
        )
        .advise("end the program that has the port, or choose another with --listen")
    })
}

fn store(file: Option<&Path>, backups: Option<&BackupPlan>) -> Result<Arc<dyn Store>> {
    let Some(file) = file else {
        tracing::warn!("the store is in memory: all is forgotten when the server ends");
        return Ok(Arc::new(MemoryStore::new()));
    };
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let told = |error| failed(&format!("cannot make the folder {}: {error}", folder.display()));
        std::fs::create_dir_all(folder).map_err(told)?;
    }
    let told = |error: StoreError| {
        let exit = match error {
            StoreError::InUse { .. } => Exit::Conflict,
            StoreError::Full { .. } => Exit::NoSpace,
            _ => Exit::Failed,
        };
        Error::new(exit, ATTEMPT, error.to_string())
    };
    let backups = backups.map_or_else(|| Backups::beside(file), |plan| Backups::new(&plan.folder));
    let store = EmbeddedStore::open_or_create_with(file, Opening::with(backups)).map_err(told)?;
    let group = GroupCommit::new(store)
        .map_err(|error| failed(&format!("cannot start the writer of the store: {error}")))?;
    Ok(Arc::new(group))
}

/// How nodes are reached; simulated ones are also handed out themselves, to be kept at the end.
fn hosts(executor: &Executor, tuning: &Tuning) -> Result<(Arc<dyn Hosts>, Option<SimHosts>)> {
    Ok(match executor {
        Executor::Local => (Arc::new(LocalHosts::new()), None),
        Executor::Ssh(ssh) => (Arc::new(ssh_hosts(ssh)?), None),
        Executor::Kubernetes(kubernetes) => (Arc::new(kube_hosts(kubernetes)?), None),
        Executor::Sim(sim) => {
            let hosts = simulated::hosts(sim, tuning)?;
            (Arc::new(hosts.clone()), Some(hosts))
        }
    })
}

/// Where chance comes from. On simulated nodes it repeats with them, but only over a new store: over one that has
/// records, the same ids would be drawn again.
fn entropy(executor: &Executor, new_store: bool) -> Result<Arc<dyn Entropy>> {
    Ok(match executor {
        Executor::Sim(sim) if new_store => Arc::new(Seeded::new(sim.seed)),
        _ => Arc::new(SystemEntropy::open().map_err(|error| failed(&error))?),
    })
}

fn ssh_hosts(ssh: &Ssh) -> Result<SshHosts> {
    let mut options = SshOptions::new(&ssh.user, &ssh.key, &ssh.known_hosts);
    options.port = ssh.port;
    options.sudo = ssh.sudo;
    SshHosts::new(options).map_err(|error| Error::usage(ATTEMPT, error.to_string()))
}

fn kube_hosts(kubernetes: &Kubernetes) -> Result<KubeHosts> {
    let wrong = |error: mortar_executor::KubeError| Error::usage(ATTEMPT, error.to_string());
    let access = match &kubernetes.config {
        None => KubeAccess::in_cluster().map_err(wrong)?,
        Some(file) => KubeAccess::Kubeconfig {
            file: file.clone(),
            context: kubernetes.context.clone(),
        },
    };
    let mut options = KubeOptions::new(access);
    options.namespace.clone_from(&kubernetes.namespace);
    options.selector.clone_from(&kubernetes.selector);
    options.container.clone_from(&kubernetes.container);
    options.by = match kubernetes.by {
        MatchName::Node => PodMatch::Node,
        MatchName::Label => PodMatch::Label,
        MatchName::Pod => PodMatch::Pod,
    };
    options.connections = kubernetes.connections.unwrap_or(options.connections);
    KubeHosts::new(options).map_err(wrong)
}

/// The engine's own choices with what is set of them.
fn engine_config(tuning: Tuning) -> mortar_engine::Config {
    fn set<T>(place: &mut T, value: Option<T>) {
        if let Some(value) = value {
            *place = value;
        }
    }
    let mut config = mortar_engine::Config::default();
    set(&mut config.settings.fstab, tuning.fstab);
    set(&mut config.settings.mount_options, tuning.mount_options);
    set(&mut config.settings.gluster_timeout, tuning.gluster_timeout);
    set(&mut config.limits.brick_min, tuning.brick_min);
    set(&mut config.limits.brick_max, tuning.brick_max);
    set(&mut config.limits.bricks_per_volume, tuning.bricks_per_volume);
    set(
        &mut config.limits.volumes_per_cluster,
        tuning.volumes_per_cluster.map(Some),
    );
    set(&mut config.limits.zone_checking, tuning.zone_checking);
    let blocks = &mut config.limits.blocks;
    set(&mut blocks.make_hosting, tuning.block_hosting_auto);
    set(&mut blocks.hosting_size, tuning.block_hosting_size);
    set(&mut blocks.hosting_options, tuning.block_hosting_options);
    set(&mut blocks.full, tuning.block_full);
    set(&mut config.pool_width, tuning.pool_width);
    set(
        &mut config.cure,
        tuning
            .cure_after
            .map(|after| (!after.is_zero()).then(|| CurePlan::after(after))),
    );
    set(
        &mut config.replace_after,
        tuning
            .replace_after
            .map(|after| (!after.is_zero()).then_some(after)),
    );
    set(&mut config.running_max, tuning.operations_running);
    set(&mut config.open_max, tuning.operations_open);
    set(&mut config.keep_failed, tuning.keep_failed);
    set(&mut config.check_interval, tuning.check_interval);
    set(
        &mut config.heal_interval,
        tuning
            .heal_interval
            .map(|interval| (!interval.is_zero()).then_some(interval)),
    );
    set(&mut config.automatic, tuning.automatic_repair);
    set(&mut config.pool_fill, tuning.pool_fill.map(f64::from));
    set(&mut config.fill_stop, tuning.fill_stop);
    config
}

/// Writes the address into a file, whole or not at all: whoever waits for the file may read it at once.
fn announce(file: &Path, address: SocketAddr) -> Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(format!(".new-{}", std::process::id()));
    std::fs::write(&name, format!("{address}\n"))
        .and_then(|()| std::fs::rename(&name, file))
        .map_err(|error| {
            failed(&format!(
                "cannot write the address file {}: {error}",
                file.display()
            ))
        })
}

/// Completes when the server is asked to stop, by SIGTERM or by the terminal. Asked a second time, it ends the
/// program at once: the store allows that at any time.
pub(crate) fn stop_signal() -> Result<impl Future<Output = ()> + Send> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| failed(&error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| failed(&error))?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tracing::warn!("asked to stop a second time: ending at once");
            std::process::exit(i32::from(Exit::Failed.code()));
        });
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mortar_engine::CurePlan;
    use mortar_model::{ByteSize, ZoneChecking};

    use super::{announce, engine_config};
    use crate::config::Tuning;

    #[test]
    fn what_is_set_reaches_the_engine_and_nothing_else_changes() {
        let default = format!("{:?}", mortar_engine::Config::default());
        assert_eq!(format!("{:?}", engine_config(Tuning::default())), default);
        let config = engine_config(Tuning {
            fstab: Some("/lab/fstab".into()),
            mount_options: Some("rw".into()),
            gluster_timeout: Some(Duration::from_secs(7)),
            brick_min: Some(ByteSize::from_gib(2)),
            brick_max: Some(ByteSize::from_gib(3)),
            bricks_per_volume: Some(6),
            volumes_per_cluster: Some(9),
            block_hosting_auto: Some(true),
            block_hosting_size: Some(ByteSize::from_gib(8)),
            block_hosting_options: Some(Vec::new()),
            block_full: Some(false),
            zone_checking: Some(ZoneChecking::Strict),
            pool_width: Some(11),
            cure_after: Some(Duration::from_secs(10)),
            replace_after: Some(Duration::from_secs(16)),
            operations_running: Some(12),
            operations_open: Some(13),
            keep_failed: Some(Duration::from_secs(18)),
            check_interval: Some(Duration::from_secs(14)),
            heal_interval: Some(Duration::from_secs(17)),
            automatic_repair: Some(false),
            pool_fill: Some(15),
            fill_stop: Some(17),
        });
        assert_eq!(
            (
                config.settings.fstab.as_str(),
                config.settings.mount_options.as_str()
            ),
            ("/lab/fstab", "rw")
        );
        assert_eq!(config.settings.gluster_timeout, Duration::from_secs(7));
        assert_eq!(
            (config.limits.brick_min.gib(), config.limits.brick_max.gib()),
            (2, 3)
        );
        assert_eq!(
            (config.limits.bricks_per_volume, config.limits.volumes_per_cluster),
            (6, Some(9))
        );
        let blocks = &config.limits.blocks;
        assert_eq!(
            (blocks.make_hosting, blocks.hosting_size.gib(), blocks.full),
            (true, 8, false)
        );
        assert!(blocks.hosting_options.is_empty());
        assert_eq!(config.limits.zone_checking, ZoneChecking::Strict);
        assert_eq!(
            (config.pool_width, config.running_max, config.open_max),
            (11, 12, 13)
        );
        assert_eq!(
            (
                config.check_interval.as_secs(),
                config.automatic,
                config.pool_fill
            ),
            (14, false, 15.0)
        );
        assert_eq!(config.cure, Some(CurePlan::after(Duration::from_secs(10))));
        assert_eq!(config.replace_after, Some(Duration::from_secs(16)));
        assert_eq!(config.heal_interval, Some(Duration::from_secs(17)));
        assert_eq!(config.keep_failed, Duration::from_secs(18));
        let never = engine_config(Tuning {
            cure_after: Some(Duration::ZERO),
            replace_after: Some(Duration::ZERO),
            heal_interval: Some(Duration::ZERO),
            ..Tuning::default()
        });
        assert_eq!(
            (never.cure, never.replace_after, never.heal_interval),
            (None, None, None)
        );
    }

    #[test]
    fn the_address_file_is_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("address");
        std::fs::write(&file, "old and longer than the new one").unwrap();
        announce(&file, "127.0.0.1:7".parse().unwrap()).unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "127.0.0.1:7\n");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(announce(&folder.path().join("no/address"), "127.0.0.1:7".parse().unwrap()).is_err());
    }
}
