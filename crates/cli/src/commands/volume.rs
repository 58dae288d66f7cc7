//! `mortar volume …`

mod attachments;
mod heal;
mod look;
mod options;
mod replicas;

use mortar_api::{ExpandRequest, ExpandWay, PlanAnswer, ReplicasRequest};
use mortar_heketi::volume::{
    ARBITER_OPTION, DurabilityRequest, SnapshotRequest, VolumeCloneRequest, VolumeCreateRequest, VolumeInfo,
};

use super::Session;
use crate::args::{CreateArgs, DurabilityName, VolumeCommand, ZoneName};
use crate::client::{Answer, read};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::show;

pub(super) async fn run(session: &Session, command: VolumeCommand) -> Result<()> {
    match command {
        VolumeCommand::Create(arguments) if arguments.dry_run => dry_run(session, arguments).await,
        VolumeCommand::Create(arguments) => create(session, arguments).await,
        VolumeCommand::List => look::list(session).await,
        VolumeCommand::Info { volume } => look::info(session, &volume).await,
        VolumeCommand::Expand {
            volume,
            expand_size,
            in_place,
            add_bricks,
        } => {
            let way = match (in_place, add_bricks) {
                (true, _) => ExpandWay::InPlace,
                (_, true) => ExpandWay::AddBricks,
                _ => ExpandWay::Best,
            };
            expand(session, &volume, expand_size, way).await
        }
        VolumeCommand::Heal { volume } => heal::show(session, &volume).await,
        VolumeCommand::Set { volume, options } => options::set(session, &volume, options).await,
        VolumeCommand::Replicas {
            volume,
            replicas,
            arbiter,
        } => replicas::change(session, &volume, ReplicasRequest { replicas, arbiter }).await,
        VolumeCommand::Clone { volume, name } => clone(session, &volume, name).await,
        VolumeCommand::Detach { volume, node } => {
            attachments::detach(session, &volume, node.as_deref()).await
        }
        VolumeCommand::Delete { volume } => delete(session, &volume).await,
    }
}

/// What the arguments ask for, in Heketi's words.
fn request(arguments: CreateArgs) -> Result<VolumeCreateRequest> {
    let durability = durability(&arguments)?;
    let mut options: Vec<String> = Vec::new();
    if arguments.block {
        options.push("group gluster-block".into());
    }
    options.extend(
        arguments
            .options
            .iter()
            .map(|(key, value)| format!("{key} {value}")),
    );
    options.extend(arguments.zone.map(|zone| {
        let rule = if zone == ZoneName::Strict {
            "strict"
        } else {
            "none"
        };
        format!("user.heketi.zone-checking {rule}")
    }));
    if arguments.durability == DurabilityName::Arbiter {
        options.push(format!("{ARBITER_OPTION} true"));
        let average = arguments.average_file_size;
        options.extend(average.map(|kib| format!("user.heketi.average-file-size {kib}")));
    }
    let enable = arguments.snapshot_factor > 1.0;
    Ok(VolumeCreateRequest {
        size: i64::try_from(arguments.size).unwrap_or(i64::MAX),
        clusters: arguments.clusters,
        name: arguments.name.unwrap_or_default(),
        durability,
        gid: arguments.gid.map_or(0, i64::from),
        glustervolumeoptions: options,
        block: arguments.block,
        snapshot: SnapshotRequest {
            enable,
            factor: if enable { arguments.snapshot_factor } else { 0.0 },
        },
    })
}

/// The durability that is asked for. An option that only another one has was meant for that one.
fn durability(arguments: &CreateArgs) -> Result<DurabilityRequest> {
    let kind = arguments.durability;
    let options = [
        ("--replica", arguments.replica, DurabilityName::Replicate),
        (
            "--disperse-data",
            arguments.disperse_data,
            DurabilityName::Disperse,
        ),
        ("--redundancy", arguments.redundancy, DurabilityName::Disperse),
        (
            "--average-file-size",
            arguments.average_file_size,
            DurabilityName::Arbiter,
        ),
    ];
    let strange = options
        .into_iter()
        .find(|(_, value, of)| value.is_some() && *of != kind);
    if let Some((option, _, of)) = strange {
        let obstacle = format!("{option} goes with --durability {}", of.word());
        let error = Error::new(Exit::Usage, "make a volume", obstacle);
        return Err(error.advise(format!("add --durability {}, or leave {option} out", of.word())));
    }
    let mut request = DurabilityRequest {
        kind: kind.word().to_owned(),
        ..DurabilityRequest::default()
    };
    match kind {
        DurabilityName::None => {}
        DurabilityName::Replicate => request.replicate.replica = arguments.replica.unwrap_or(3).into(),
        DurabilityName::Arbiter => {
            request.kind = DurabilityName::Replicate.word().to_owned();
            request.replicate.replica = 3;
        }
        DurabilityName::Disperse => {
            request.disperse.data = arguments.disperse_data.unwrap_or(4).into();
            request.disperse.redundancy = arguments.redundancy.unwrap_or(2).into();
        }
    }
    Ok(request)
}

fn title(request: &VolumeCreateRequest) -> String {
    let name = if request.name.is_empty() {
        String::new()
    } else {
        format!(" {}", request.name)
    };
    format!("the volume{name} of {} GiB", request.size)
}

async fn dry_run(session: &Session, arguments: CreateArgs) -> Result<()> {
    let request = request(arguments)?;
    let attempt = format!("plan {}", title(&request));
    let answer = session.client.post("/v1/plan", &request, &attempt).await?;
    let plan: PlanAnswer = read(&answer.body, &attempt)?;
    if session.out.is_json() {
        session.out.wire(&answer.body)?;
    } else {
        session.out.text(&show::plan(&plan, session.out.paint()))?;
    }
    match plan.refusal {
        Some(refusal) => Err(Error::new(
            Exit::of(refusal.kind),
            format!("make {}", title(&request)),
            refusal.message,
        )),
        None => Ok(()),
    }
}

async fn create(session: &Session, arguments: CreateArgs) -> Result<()> {
    let request = request(arguments)?;
    let attempt = format!("make {}", title(&request));
    let accepted = match session.client.post("/volumes", &request, &attempt).await {
        Err(error) if error.exit == Exit::NoSpace => return Err(why_no_space(session, &request, error).await),
        other => other?,
    };
    follow_to_volume(session, accepted, &attempt).await
}

/// The same error with the rule that refused each device, as far as the server tells.
async fn why_no_space(session: &Session, request: &VolumeCreateRequest, error: Error) -> Error {
    let Ok(answer) = session.client.post("/v1/plan", request, &error.attempt).await else {
        return error;
    };
    let Ok(plan) = read::<PlanAnswer>(&answer.body, &error.attempt) else {
        return error;
    };
    let refused = plan.not_chosen.devices.iter().filter(|device| device.refused);
    let mut rules: Vec<String> = refused
        .map(|device| {
            let way = Some(&device.way).filter(|way| !way.is_empty());
            let way = way.map(|way| format!(" ({way})")).unwrap_or_default();
            format!("{}:{}: {}{way}", device.host, device.path, device.reason)
        })
        .collect();
    let mut details = Vec::new();
    if let Some(refusal) = plan.refusal {
        if !error.obstacle.contains(&refusal.message) {
            details.push(refusal.message);
        }
        if !refusal.details.is_empty() {
            rules = refusal.details;
        }
    }
    details.append(&mut rules);
    error
        .with_details(details)
        .advise("add nodes or devices, or ask for less; --dry-run shows all of this as a picture")
}

/// Waits until the volume is made or changed, and shows it.
pub(super) async fn follow_to_volume(session: &Session, accepted: Answer, attempt: &str) -> Result<()> {
    session.follow_to(accepted, attempt, description).await
}

fn description(info: &VolumeInfo) -> String {
    show::fields(rows(info))
}

/// The row that counts bricks.
const BRICKS: &str = "Bricks";

fn rows(info: &VolumeInfo) -> Vec<(&'static str, String)> {
    let arbiter = format!("{ARBITER_OPTION} true");
    let durability = match info.durability.kind.as_str() {
        "replicate" if info.glustervolumeoptions.contains(&arbiter) => "arbiter".to_owned(),
        "disperse" => format!(
            "disperse {}+{}",
            info.durability.disperse.data, info.durability.disperse.redundancy
        ),
        "replicate" => format!("replicate {}", info.durability.replicate.replica),
        "" => "none".to_owned(),
        other => other.to_owned(),
    };
    let mount = &info.mount.glusterfs;
    let options: Vec<String> = mount
        .options
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    let options = if options.is_empty() {
        String::new()
    } else {
        format!("-o {} ", options.join(","))
    };
    let set: Vec<&str> = info
        .glustervolumeoptions
        .iter()
        .map(String::as_str)
        .filter(|text| !text.is_empty())
        .collect();
    let mut rows = vec![
        ("Volume", info.name.clone()),
        ("Id", info.id.to_string()),
        ("Cluster", info.cluster.to_string()),
        ("Size", format!("{} GiB", info.size)),
        ("Durability", durability),
    ];
    if info.gid != 0 {
        rows.push(("Group", info.gid.to_string()));
    }
    if info.snapshot.enable {
        rows.push((
            "Snapshots",
            format!("room for a factor of {}", info.snapshot.factor),
        ));
    }
    if !set.is_empty() {
        rows.push(("Options", set.join("\n")));
    }
    rows.push((BRICKS, info.bricks.len().to_string()));
    if info.block {
        let (held, left) = (info.blockinfo.blockvolume.len(), info.blockinfo.freesize);
        rows.push(("Block volumes", format!("{held}, with room for {left} GiB more")));
    }
    rows.push((
        "Mount",
        format!("mount -t glusterfs {options}{} /mnt", mount.device),
    ));
    rows
}

async fn expand(session: &Session, volume: &str, by: u64, way: ExpandWay) -> Result<()> {
    let attempt = format!("make the volume {volume} larger by {by} GiB");
    let id = session.client.volume_id(volume, &attempt).await?;
    let request = ExpandRequest {
        by: by.saturating_mul(1 << 30),
        from: None,
        way,
    };
    let accepted = session
        .client
        .post(&format!("/v1/volumes/{id}/expand"), &request, &attempt)
        .await?;
    follow_to_volume(session, accepted, &attempt).await
}

async fn clone(session: &Session, volume: &str, name: Option<String>) -> Result<()> {
    let attempt = format!("clone the volume {volume}");
    let id = session.client.volume_id(volume, &attempt).await?;
    let request = VolumeCloneRequest {
        name: name.unwrap_or_default(),
    };
    let accepted = session
        .client
        .post(&format!("/volumes/{id}/clone"), &request, &attempt)
        .await?;
    follow_to_volume(session, accepted, &attempt).await
}

async fn delete(session: &Session, volume: &str) -> Result<()> {
    let attempt = format!("remove the volume {volume}");
    let id = session.client.volume_id(volume, &attempt).await?;
    let path = format!("/v1/volumes/{id}");
    let accepted = session.client.delete(&path, &attempt).await;
    let accepted = accepted.map_err(|error| match error.details.is_empty() {
        false if error.exit == Exit::Conflict => error.advise("remove what is named, then the volume"),
        _ => error,
    })?;
    session
        .follow(accepted, &attempt, format!("Removed volume {volume}."))
        .await
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use mortar_heketi::volume::VolumeCreateRequest;

    use super::request;
    use crate::args::{Cli, Command, VolumeCommand};
    use crate::error::Result;

    fn asked(flags: &[&str]) -> Result<VolumeCreateRequest> {
        let words = ["mortar", "volume", "create", "--size"].iter().chain(flags);
        match Cli::try_parse_from(words).unwrap().command {
            Command::Volume(VolumeCommand::Create(arguments)) => request(arguments),
            other => panic!("{other:?}"),
        }
    }

    fn body(flags: &[&str]) -> String {
        serde_json::to_string(&asked(flags).unwrap()).unwrap()
    }

    #[test]
    fn a_size_is_enough() {
        assert_eq!(
            body(&["1"]),
            r#"{"size":1,"name":"","durability":{"type":"replicate","replicate":{"replica":3},"disperse":{}},"snapshot":{"enable":false,"factor":0}}"#
        );
    }

    #[test]
    fn every_flag_is_sent() {
        let flags = "2TiB --name v --durability none --gid 5 -o nfs.disable=on -o a=b=c --zone strict \
                     --snapshot-factor 1.5 --clusters x,y";
        let flags: Vec<&str> = flags.split_whitespace().collect();
        assert_eq!(
            body(&flags),
            r#"{"size":2048,"clusters":["x","y"],"name":"v","durability":{"type":"none","replicate":{},"disperse":{}},"gid":5,"glustervolumeoptions":["nfs.disable on","a b=c","user.heketi.zone-checking strict"],"snapshot":{"enable":true,"factor":1.5}}"#
        );
    }

    #[test]
    fn every_shape_is_sent_in_heketis_words() {
        for (flags, wanted) in [
            (
                "1 --durability arbiter --average-file-size 1024",
                r#"{"size":1,"name":"","durability":{"type":"replicate","replicate":{"replica":3},"disperse":{}},"glustervolumeoptions":["user.heketi.arbiter true","user.heketi.average-file-size 1024"],"snapshot":{"enable":false,"factor":0}}"#,
            ),
            (
                "1 --durability disperse --redundancy 1",
                r#"{"size":1,"name":"","durability":{"type":"disperse","replicate":{},"disperse":{"data":4,"redundancy":1}},"snapshot":{"enable":false,"factor":0}}"#,
            ),
        ] {
            let flags: Vec<&str> = flags.split_whitespace().collect();
            assert_eq!(body(&flags), wanted);
        }
    }

    #[test]
    fn an_option_of_another_shape_is_not_ignored() {
        for (flags, obstacle) in [
            (
                "1 --disperse-data 8",
                "--disperse-data goes with --durability disperse",
            ),
            (
                "1 --durability arbiter --replica 2",
                "--replica goes with --durability replicate",
            ),
            (
                "1 --durability none --average-file-size 4",
                "--average-file-size goes with --durability arbiter",
            ),
        ] {
            let flags: Vec<&str> = flags.split_whitespace().collect();
            assert_eq!(asked(&flags).unwrap_err().obstacle, obstacle);
        }
    }
}
