//! `mortar csi`: the parts of the CSI driver, each on a socket.

use std::path::Path;
use std::sync::Arc;

use mortar_csi::{ClientRunner, Endpoint, NodeOptions, Services};

use crate::args::{CsiCommand, CsiCommon, CsiControllerArgs, CsiNodeArgs, Global};
use crate::client::{Client, Target};
use crate::config::{AttachTo, LogFormat};
use crate::doors::Network;
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::{attach, log, wire};

/// Where systemd tells that it runs.
const SYSTEMD: &str = "/run/systemd/system";

/// Runs a part of the driver until it is asked to stop.
pub(super) fn run(command: CsiCommand, global: &Global) -> Result<()> {
    let (common, part) = match command {
        CsiCommand::Controller(arguments) => {
            let target = Target::new(global, |name| std::env::var(name).ok())?;
            let client = Client::new(target)?;
            let services = Services {
                controller: Some(Arc::new(Network(client))),
                attach: attach_to(&arguments)
                    .map(|to| attach::nodes(&to, "start the CSI controller"))
                    .transpose()?,
                node: None,
            };
            (arguments.common, Part::Services(services))
        }
        CsiCommand::Node(arguments) => {
            let (common, options) = node(arguments)?;
            let services = Services {
                controller: None,
                attach: None,
                node: Some(options),
            };
            (common, Part::Services(services))
        }
        CsiCommand::Mounter(arguments) => (arguments.common, Part::Mounter),
    };
    log::start(&common.log, LogFormat::Auto, "start the CSI driver")?;
    wire::runtime()?.block_on(serve(&common.endpoint, part))
}

/// Who knows the nodes that volumes are attached to, where any are.
fn attach_to(arguments: &CsiControllerArgs) -> Option<AttachTo> {
    arguments.attach.then(|| match arguments.attach_node.as_slice() {
        [] => AttachTo::Kubernetes,
        nodes => AttachTo::Listed(nodes.to_vec()),
    })
}

enum Part {
    Services(Services),
    Mounter,
}

async fn serve(endpoint: &Endpoint, part: Part) -> Result<()> {
    let stop = wire::stop_signal()?;
    let failed = |error: String| Error::new(Exit::Failed, "serve CSI", error);
    let listener = endpoint
        .listen()
        .await
        .map_err(|error| failed(error.to_string()))?;
    tracing::info!(endpoint = %endpoint.path().display(), "listening");
    match part {
        Part::Services(services) => mortar_csi::serve(listener, services, stop)
            .await
            .map_err(|error| failed(error.to_string()))?,
        Part::Mounter => tokio::select! {
            () = mortar_csi::serve_helper(listener) => {}
            () = stop => {}
        },
    }
    tracing::info!("stopped");
    Ok(())
}

fn node(arguments: CsiNodeArgs) -> Result<(CsiCommon, NodeOptions)> {
    let kubelet = folder(&arguments.kubelet)?;
    let runner = match &arguments.clients {
        Some(way) => runner(way)?,
        None if Path::new(SYSTEMD).is_dir() => ClientRunner::Systemd { outside: false },
        None => ClientRunner::Session,
    };
    let options = NodeOptions {
        node_id: arguments.node_id,
        zone: arguments.zone,
        kubelet,
        state: arguments.state,
        logs: arguments.logs,
        runner,
        volumes_max: arguments.volumes_max,
    };
    Ok((arguments.common, options))
}

/// The kubelet's folder as the kernel's table of mounts names it.
fn folder(path: &Path) -> Result<std::path::PathBuf> {
    path.canonicalize().map_err(|error| {
        Error::usage(
            "start the CSI node plug-in",
            format!("the kubelet's folder {}: {error}", path.display()),
        )
        .advise("name it with --kubelet")
    })
}

fn runner(way: &str) -> Result<ClientRunner> {
    Ok(match way {
        "session" => ClientRunner::Session,
        "systemd" => ClientRunner::Systemd { outside: false },
        "host-systemd" => ClientRunner::Systemd { outside: true },
        socket => {
            let endpoint: Endpoint = socket.parse().map_err(|_| {
                Error::usage(
                    "start the CSI node plug-in",
                    format!("--clients {way:?} is no way to start clients"),
                )
                .advise("use session, systemd, host-systemd, or unix:///PATH.sock of a 'mortar csi mounter'")
            })?;
            ClientRunner::Helper(endpoint.path().to_owned())
        }
    })
}
