//! `mortar lab …`: a thin skin over the room `lab`.

use std::time::Instant;

use mortar_lab::{Lab, LabError, LabSpec, LabStatus, NodeStatus, default_state_root};
use serde::Serialize;

use crate::args::{LabCommand, LabName};
use crate::config::{ExecutorName, Settings};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::out::Out;
use crate::progress::Progress;
use crate::show;

/// Labs on this machine.
#[derive(Serialize)]
struct List {
    labs: Vec<String>,
}

/// Runs a command; the code to end with.
pub(crate) fn run(command: LabCommand, out: Out) -> Result<u8> {
    match command {
        LabCommand::Up {
            name,
            nodes,
            disks,
            size,
            devices,
            peers,
        } => {
            let state_root = default_state_root();
            up(
                LabSpec {
                    name: name.lab,
                    nodes,
                    disks,
                    disk_size: size,
                    state_root,
                    peers,
                    devices,
                },
                out,
            )?;
        }
        LabCommand::Down { name } => down(&name.lab, out)?,
        LabCommand::List => list(out)?,
        LabCommand::Status { name } => status(&open(&name)?, out)?,
        LabCommand::Exec { name, node, command } => {
            let status = open(&name)?
                .exec_attached(&node, &command)
                .map_err(told("run a program in the lab"))?;
            // A program that a signal ended has no code of its own; shells say 128 and more.
            return Ok(status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(128));
        }
        LabCommand::Cut { name, node } => {
            open(&name)?.cut(&node).map_err(told("cut the node off"))?;
            out.line(format!("{node} is cut off."))?;
        }
        LabCommand::Join { name, node } => {
            open(&name)?.join(&node).map_err(told("join the node"))?;
            out.line(format!("{node} is joined."))?;
        }
        LabCommand::Kill { name, node } => {
            open(&name)?.kill(&node).map_err(told("kill the node"))?;
            out.line(format!("{node} is down."))?;
        }
        LabCommand::Start {
            name,
            without_mounts,
            node,
        } => {
            let lab = open(&name)?;
            let (started, note) = if without_mounts {
                (lab.start_without_mounts(&node), "; its bricks are not mounted")
            } else {
                (lab.start(&node), "")
            };
            started.map_err(told("start the node"))?;
            out.line(format!("{node} is up{note}."))?;
        }
        LabCommand::Mount { name, volume, folder } => {
            open(&name)?
                .mount(&volume, &folder)
                .map_err(told("mount the volume"))?;
            out.line(format!("{volume} is mounted at {}.", folder.display()))?;
        }
        LabCommand::Unmount { name, folder } => {
            open(&name)?
                .unmount(&folder)
                .map_err(told("unmount the volume"))?;
            out.line(format!("Nothing is mounted at {} any more.", folder.display()))?;
        }
        LabCommand::Topology { name } => out.text(&open(&name)?.topology_json())?,
        LabCommand::Config { name } => out.text(&config(&open(&name)?)?)?,
    }
    Ok(0)
}

/// The lab's errors tell attempt, obstacle and way on themselves; this adds the command's own attempt and code.
pub(crate) fn told(attempt: &'static str) -> impl Fn(LabError) -> Error {
    move |error| {
        let exit = match error {
            LabError::BadSpec { .. } | LabError::NotRoot | LabError::MissingPrograms { .. } => Exit::Usage,
            LabError::NotUp { .. } | LabError::NoSuchNode { .. } => Exit::NotFound,
            LabError::AlreadyUp { .. } | LabError::NodeDown { .. } | LabError::NodeRunning { .. } => {
                Exit::Conflict
            }
            LabError::Busy { .. } => Exit::Busy,
            _ => Exit::Failed,
        };
        Error::new(exit, attempt, error.to_string())
    }
}

fn open(name: &LabName) -> Result<Lab> {
    Lab::open(&default_state_root(), &name.lab).map_err(told("use the lab"))
}

fn up(spec: LabSpec, out: Out) -> Result<()> {
    let began = Instant::now();
    let progress = Progress::new(true);
    let made = Lab::up(spec, &mut |line| progress.say(line));
    progress.end();
    let lab = made.map_err(told("make the lab"))?;
    if out.is_json() {
        return out.json(&lab.status().map_err(told("look at the lab"))?);
    }
    let addresses = lab
        .nodes()
        .iter()
        .map(|node| format!("{} {}", node.name, node.address))
        .collect::<Vec<_>>();
    out.line(format!(
        "The lab {} is up after {:.1} s: {}.",
        lab.name(),
        began.elapsed().as_secs_f64(),
        addresses.join(", ")
    ))
}

fn down(name: &str, out: Out) -> Result<()> {
    let found = Lab::down(&default_state_root(), name).map_err(told("remove the lab"))?;
    out.line(if found {
        format!("The lab {name} is gone.")
    } else {
        format!("There was no lab {name}.")
    })
}

fn list(out: Out) -> Result<()> {
    let labs = Lab::list(&default_state_root()).map_err(told("list labs"))?;
    if out.is_json() {
        return out.json(&List { labs });
    }
    if labs.is_empty() {
        out.line("There are none.")
    } else {
        out.line(labs.join("\n"))
    }
}

fn status(lab: &Lab, out: Out) -> Result<()> {
    let status = lab.status().map_err(told("look at the lab"))?;
    if out.is_json() {
        return out.json(&status);
    }
    out.text(&picture(&status, out.paint()))
}

fn picture(status: &LabStatus, paint: show::Paint) -> String {
    let lines = |paths: &[std::path::PathBuf]| match paths {
        [] => "none".to_owned(),
        paths => paths
            .iter()
            .map(|path| path.display().to_string())
            .collect::<Vec<_>>()
            .join("\n"),
    };
    let head = show::fields(vec![
        ("Lab", status.name.clone()),
        ("Folder", status.folder.display().to_string()),
        ("Network", format!("{} on {}", status.subnet, status.bridge)),
        ("Mounts", lines(&status.mounts)),
    ]);
    let running = |pid: Option<i32>| pid.map_or_else(|| paint.bad("down"), |pid| paint.good(pid));
    let row = |node: &NodeStatus| {
        let disk = |disk: &mortar_lab::DiskStatus| {
            let mark = if disk.mounted { "" } else { " not mounted" };
            format!(
                "{} {} of {}{mark}",
                disk.path,
                show::size(disk.used_bytes),
                show::size(disk.bytes)
            )
        };
        vec![
            node.name.clone(),
            node.address.to_string(),
            node.zone.to_string(),
            if node.link_up {
                paint.good("joined")
            } else {
                paint.bad("cut")
            },
            running(node.holder),
            running(node.glusterd),
            running(node.sshd),
            node.bricks.len().to_string(),
            node.disks.iter().map(disk).collect::<Vec<_>>().join("\n"),
        ]
    };
    let names = [
        "NODE", "ADDRESS", ">ZONE", "CABLE", "HOLDER", "GLUSTERD", "SSHD", ">BRICKS", "DISKS",
    ];
    format!(
        "{head}\n{}",
        show::table(&names, status.nodes.iter().map(row).collect())
    )
}

/// The settings by which a server reaches the lab.
pub(crate) fn settings(lab: &Lab) -> Settings {
    Settings {
        executor: Some(ExecutorName::Ssh),
        ssh_user: Some("root".to_owned()),
        ssh_key: Some(lab.ssh_key()),
        ssh_known_hosts: Some(lab.known_hosts()),
        fstab: Some(lab.fstab().to_owned()),
        ..Settings::default()
    }
}

fn config(lab: &Lab) -> Result<String> {
    toml::to_string(&settings(lab))
        .map_err(|error| Error::new(Exit::Failed, "write the lab's settings", error.to_string()))
}
