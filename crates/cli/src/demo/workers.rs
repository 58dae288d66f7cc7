//! Two machines that run pods: a node plug-in each, asked as a kubelet does.

use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use mortar_csi::{Endpoint, Kubelet, Provisioned};

use super::place::{Place, failed};
use super::server::{Server, background};
use super::show::Show;
use super::volume::called;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// How long a node plug-in may take until it listens.
const START: Duration = Duration::from_secs(20);

/// Starts the node plug-in of a machine and lets it mount the volume for a pod. Gives where the pod finds it.
pub(super) fn mount(
    place: &Place,
    server: &Server,
    volume: &Provisioned,
    (number, pod): (usize, &str),
    show: &Show,
) -> Result<PathBuf> {
    let folder = place.worker(number);
    place.make_folder(&folder, false)?;
    let endpoint = start(place, &folder, number, show)?;
    show.command(&format!(
        "NodeStageVolume, NodePublishVolume {} for pod {pod}   (as worker{number}'s kubelet calls them)",
        volume.name()
    ))?;
    show.say(format!("mounting at worker{number}"));
    let mounted = server.wait(async {
        let mut kubelet = Kubelet::connect(&endpoint, &folder).await?;
        kubelet.mount(volume, pod).await
    });
    let path = mounted.map_err(called("mount the volume for a pod"))?;
    show.fact(&format!("mounted at {}", path.display()))?;
    Ok(path)
}

fn start(place: &Place, folder: &Path, number: usize, show: &Show) -> Result<Endpoint> {
    let socket = folder.join("csi.sock");
    let log = folder.join("log");
    let attempt = format!("start the node plug-in of worker{number}");
    let endpoint: Endpoint = format!("unix://{}", socket.display())
        .parse()
        .map_err(|error: mortar_csi::EndpointError| Error::new(Exit::Failed, &attempt, error.to_string()))?;
    let node = format!("worker{number}");
    let words = ["csi", "node", "--node-id", &node];
    show.command(&format!(
        "mortar {} --endpoint unix://{} --kubelet {} … &",
        words.join(" "),
        socket.display(),
        folder.display()
    ))?;
    place.write(&log, "")?;
    let log = File::options().append(true).open(log).map_err(failed(&attempt))?;
    let mut command = background(place, &attempt)?;
    command
        .args(words)
        .arg("--endpoint")
        .arg(format!("unix://{}", socket.display()));
    let (state, logs) = (folder.join("state"), folder.join("logs"));
    for (option, value) in [("--kubelet", folder), ("--state", &state), ("--logs", &logs)] {
        command.arg(option).arg(value);
    }
    // As where no systemd runs, also where one does: all of the demo ends with the demo.
    command.args(["--clients", "session"]).stderr(log);
    listening(command, &socket, &attempt)?;
    Ok(endpoint)
}

fn listening(mut command: Command, socket: &Path, attempt: &str) -> Result<()> {
    let mut child: Child = command.spawn().map_err(failed(attempt))?;
    let began = Instant::now();
    while UnixStream::connect(socket).is_err() {
        if let Some(status) = child.try_wait().map_err(failed(attempt))? {
            return Err(Error::new(
                Exit::Failed,
                attempt,
                format!("it ended with {status}"),
            ));
        }
        if began.elapsed() > START {
            let why = format!("it does not listen after {} s", START.as_secs());
            return Err(Error::new(Exit::Failed, attempt, why));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}
