//! `mortar device …`

use mortar_api::{
    DeviceEntry, DevicePage, DeviceRequest, OvercommitRequest, PoolMode, Topology, TopologyDevice,
};
use mortar_heketi::device::{DeviceAddRequest, DeviceDeleteRequest, DeviceInfo};
use mortar_heketi::node::StateRequest;
use mortar_model::{Overcommit, State};

use super::{Session, hindrance, tags};
use crate::args::DeviceCommand;
use crate::client::{Filter, Finished, devices, read};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::show;

const LIST: &str = "list devices";

pub(super) async fn run(session: &Session, command: DeviceCommand) -> Result<()> {
    match command {
        DeviceCommand::Add {
            node,
            name,
            pool,
            overcommit,
            destroy_existing_data,
            tags,
        } => {
            let request = DeviceRequest {
                node: node.clone(),
                name,
                tags: tags.into_iter().collect(),
                destroy: destroy_existing_data,
                pool,
                overcommit_percent: overcommit.map(Overcommit::hundredths),
            };
            add(session, &node, request).await
        }
        DeviceCommand::List {
            cluster,
            node,
            state,
            tag,
        } => {
            let node = match node {
                Some(node) => Some(session.client.node_id(&node, LIST).await?),
                None => None,
            };
            let filter = [
                ("cluster", cluster.as_deref()),
                ("node", node.as_deref()),
                ("state", state.as_deref()),
                ("tag", tag.as_deref()),
            ];
            list(session, &filter).await
        }
        DeviceCommand::Info { device } => info(session, &device).await,
        DeviceCommand::Drain { device, dead } => {
            let attempt = format!("drain the device {device}");
            let id = session.client.device_id(&device, &attempt).await?;
            let done = format!("Device {device} has no bricks any more and takes none.");
            super::brick::drain(session, &format!("/v1/devices/{id}"), dead, &attempt, done).await
        }
        DeviceCommand::Resize { device } => resize(session, &device).await,
        DeviceCommand::SetOvercommit { device, overcommit } => {
            set_overcommit(session, &device, overcommit).await
        }
        DeviceCommand::Delete { device, force_forget } => delete(session, &device, force_forget).await,
        DeviceCommand::Enable { device } => set_state(session, &device, "online").await,
        DeviceCommand::Disable { device } => set_state(session, &device, "offline").await,
        DeviceCommand::Tags { device, change } => {
            let attempt = format!("change the labels of the device {device}");
            let id = session.client.device_id(&device, &attempt).await?;
            tags::run(session, &format!("/devices/{id}"), change, &attempt).await
        }
    }
}

/// What Heketi's language can say is said in it.
async fn add(session: &Session, node: &str, request: DeviceRequest) -> Result<()> {
    let place = format!("{node}:{}", request.name);
    let attempt = format!("add the device {place}");
    let node = session.client.node_id(node, &attempt).await?;
    let accepted = if request.pool == PoolMode::Own && request.overcommit_percent.is_none() {
        let old = DeviceAddRequest {
            node,
            name: request.name,
            tags: request.tags,
            destroydata: request.destroy,
        };
        session.client.post("/devices", &old, &attempt).await?
    } else {
        let request = DeviceRequest { node, ..request };
        session.client.post("/v1/devices", &request, &attempt).await?
    };
    let done = format!("Device {place} is ready for bricks.");
    session.follow(accepted, &attempt, done).await
}

async fn list(session: &Session, filter: Filter<'_>) -> Result<()> {
    let devices = session.client.devices(filter, LIST).await?;
    if session.out.is_json() {
        return session.out.json(&DevicePage { devices, next: None });
    }
    let paint = session.out.paint();
    let row = |DeviceEntry { host, device, .. }: DeviceEntry| {
        vec![
            device.id,
            format!("{host}:{}", device.path),
            device.kind,
            paint.state(&device.state),
            paint.bar(device.used, device.size),
            show::size(device.used),
            show::size(device.size),
            device.bricks.len().to_string(),
        ]
    };
    let head = [
        "ID", "DEVICE", "KIND", "STATE", "FILL", ">USED", ">SIZE", ">BRICKS",
    ];
    session
        .out
        .text(&show::table(&head, devices.into_iter().map(row).collect()))
}

async fn info(session: &Session, device: &str) -> Result<()> {
    let attempt = format!("show the device {device}");
    let id = session.client.device_id(device, &attempt).await?;
    if session.out.is_json() {
        return session
            .out
            .wire(&session.client.get(&format!("/devices/{id}"), &attempt).await?);
    }
    let topology = session.client.topology(&attempt).await?;
    session.out.text(&show::device(
        found(&topology, &id, &attempt)?,
        session.out.paint(),
    ))
}

fn found<'a>(topology: &'a Topology, id: &str, attempt: &str) -> Result<&'a TopologyDevice> {
    let hit = devices(topology)
        .find(|hit| hit.device.id == id)
        .map(|hit| hit.device);
    hit.ok_or_else(|| {
        Error::new(Exit::NotFound, attempt, format!("there is no device {id}"))
            .advise("see them: 'mortar device list'")
    })
}

/// A device must be out of use before the server gives it back; the way there is gone here. One that has bricks
/// is left as it is: the server says so.
async fn delete(session: &Session, device: &str, forceforget: bool) -> Result<()> {
    let attempt = format!("remove the device {device}");
    let id = session.client.device_id(device, &attempt).await?;
    let path = format!("/devices/{id}");
    let now: DeviceInfo = read(&session.client.get(&path, &attempt).await?, &attempt)?;
    let way: &[&str] = match now.state {
        _ if !now.bricks.is_empty() => &[],
        State::Online => &["offline", "failed"],
        State::Offline => &["failed"],
        State::Failed => &[],
    };
    for state in way {
        let request = StateRequest {
            state: (*state).to_owned(),
            healcheck: String::new(),
        };
        let accepted = session
            .client
            .post(&format!("{path}/state"), &request, &attempt)
            .await?;
        session
            .client
            .finish_always(accepted, &attempt, &session.progress)
            .await?;
    }
    let accepted = session
        .client
        .delete_with(&path, &DeviceDeleteRequest { forceforget }, &attempt)
        .await;
    let accepted = match accepted {
        Err(error) if error.exit == Exit::Conflict => {
            return Err(hindrance::of_device(session, device, &id, error).await);
        }
        other => other?,
    };
    session
        .follow(accepted, &attempt, format!("Removed device {device}."))
        .await
}

async fn resize(session: &Session, device: &str) -> Result<()> {
    let attempt = format!("take up the size of the device {device}");
    let id = session.client.device_id(device, &attempt).await?;
    let before = found(&session.client.topology(&attempt).await?, &id, &attempt)?.size;
    let path = format!("/v1/devices/{id}/resize");
    let accepted = session.client.post(&path, &(), &attempt).await?;
    let work = session
        .client
        .finish(accepted, &attempt, &session.progress)
        .await?;
    if matches!(work.finished, Finished::Accepted) {
        return session.tell(&work, format!("Device {device} is being looked at."));
    }
    let topology = session.client.topology(&attempt).await?;
    let now = found(&topology, &id, &attempt)?.size;
    let size = show::size(now);
    if now == before {
        // The node's kernel was asked to look again, which it does for SCSI and NVMe disks only.
        let told = format!(
            "Device {device} is unchanged: it has {size}. If its disk has grown, what is between them (a partition, a \
             multipath map, an encrypted volume) must be made larger on the node first: see 'lsblk' there."
        );
        return session.tell(&work, told);
    }
    session.tell(&work, format!("Device {device} has {size}."))
}

async fn set_overcommit(session: &Session, device: &str, overcommit: Overcommit) -> Result<()> {
    let attempt = format!("change what the device {device} may promise");
    let id = session.client.device_id(device, &attempt).await?;
    let request = OvercommitRequest {
        overcommit_percent: overcommit.hundredths(),
    };
    let path = format!("/v1/devices/{id}/overcommit");
    let accepted = session.client.post(&path, &request, &attempt).await?;
    let done = format!("Device {device} may promise {overcommit} times what its pool has.");
    session.follow(accepted, &attempt, done).await
}

async fn set_state(session: &Session, device: &str, state: &str) -> Result<()> {
    let attempt = format!("set the device {device} {state}");
    let id = session.client.device_id(device, &attempt).await?;
    let request = StateRequest {
        state: state.to_owned(),
        healcheck: String::new(),
    };
    let accepted = session
        .client
        .post(&format!("/devices/{id}/state"), &request, &attempt)
        .await?;
    session
        .follow(accepted, &attempt, format!("Device {device} is {state}."))
        .await
}
