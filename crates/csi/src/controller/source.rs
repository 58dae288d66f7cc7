//! Volumes that begin with what a snapshot or another volume holds. They are made as large as that is, and then grow to what is
//! asked for: the size is written down with the volume, so that whoever asks next goes on where this ended.

use std::collections::BTreeMap;
use std::fmt;

use mortar_api::{CloneRequest, ErrorKind, Volume};
use tonic::Status;

use super::Controller;
use super::range::growth;
use super::wanted::Wanted;
use crate::deadline::Deadline;
use crate::mortar::Work;
use crate::proto::VolumeContentSource;
use crate::proto::volume_content_source::{SnapshotSource, Type, VolumeSource};
use crate::room::{self, Use};
use crate::trouble::{Trouble, invalid, required};

/// What a volume began with, `snapshot/ID` or `volume/ID`.
pub(super) const SOURCE_OPTION: &str = "user.csi.source";
/// The size of the claim, bytes, that a volume grows to before it is handed out.
const TARGET_OPTION: &str = "user.csi.size";

/// Options that say how files lie on bricks: those of the source stay, or its files could not be read.
const LAYOUT: [&str; 2] = ["features.shard", "features.shard-block-size"];

const ATTEMPT: &str = "create the volume";

/// What a volume begins with, by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// A snapshot.
    Snapshot(String),
    /// A volume as it is now.
    Volume(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snapshot(id) => write!(f, "snapshot/{id}"),
            Self::Volume(id) => write!(f, "volume/{id}"),
        }
    }
}

impl Source {
    /// Reads what a caller asks for.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: it names nothing.
    pub(super) fn read(source: Option<&VolumeContentSource>) -> Result<Option<Self>, Status> {
        let Some(source) = source else {
            return Ok(None);
        };
        Ok(Some(match &source.r#type {
            None => {
                return Err(invalid(
                    "volume_content_source names neither a snapshot nor a volume",
                ));
            }
            Some(Type::Snapshot(SnapshotSource { snapshot_id })) => {
                Self::Snapshot(required(snapshot_id, "volume_content_source.snapshot_id")?.to_owned())
            }
            Some(Type::Volume(VolumeSource { volume_id })) => {
                Self::Volume(required(volume_id, "volume_content_source.volume_id")?.to_owned())
            }
        }))
    }

    /// What a volume began with, as it remembers it.
    pub(super) fn of(volume: &Volume) -> Option<Self> {
        let (kind, id) = volume.options.get(SOURCE_OPTION)?.split_once('/')?;
        match kind {
            "snapshot" => Some(Self::Snapshot(id.to_owned())),
            "volume" => Some(Self::Volume(id.to_owned())),
            _ => None,
        }
    }

    /// As callers are told.
    pub(super) fn told(self) -> VolumeContentSource {
        let kind = match self {
            Self::Snapshot(snapshot_id) => Type::Snapshot(SnapshotSource { snapshot_id }),
            Self::Volume(volume_id) => Type::Volume(VolumeSource { volume_id }),
        };
        VolumeContentSource { r#type: Some(kind) }
    }
}

/// The size that a volume's claim has before it is handed out; 0 where that is the size that it was made with.
pub(super) fn target(volume: &Volume) -> u64 {
    let told = volume.options.get(TARGET_OPTION);
    told.and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

/// What is known of a source, whichever kind it is.
struct Origin {
    path: String,
    size: u64,
    durability: String,
    cluster: String,
    gid: u32,
    options: BTreeMap<String, String>,
    snapshot_factor: Option<f64>,
    zones: Vec<u32>,
    operation: Option<String>,
}

impl Controller {
    async fn origin(&self, source: &Source) -> Result<Origin, Status> {
        let told = |trouble: Trouble| trouble.status(ATTEMPT);
        let missing = || Status::not_found(format!("{ATTEMPT}: there is no {source}"));
        Ok(match source {
            Source::Snapshot(id) => {
                let snapshot = self.mortar.snapshot(id).await.map_err(told)?;
                let snapshot = snapshot.ok_or_else(missing)?;
                Origin {
                    path: format!("/v1/snapshots/{id}"),
                    size: snapshot.size,
                    durability: snapshot.durability,
                    cluster: snapshot.cluster,
                    gid: snapshot.gid,
                    options: snapshot.options,
                    snapshot_factor: snapshot.snapshot_factor,
                    zones: snapshot.zones,
                    operation: snapshot.operation,
                }
            }
            Source::Volume(id) => {
                let volume = self.volume(id).await.map_err(told)?;
                let volume = volume.ok_or_else(missing)?;
                Origin {
                    path: format!("/v1/volumes/{id}"),
                    size: volume.size,
                    durability: volume.durability,
                    cluster: volume.cluster,
                    gid: volume.gid,
                    options: volume.options,
                    snapshot_factor: volume.snapshot_factor,
                    zones: volume.zones,
                    operation: volume.operation,
                }
            }
        })
    }

    /// Asks for the volume, as large as what it begins with.
    pub(super) async fn clone_of(
        &self,
        wanted: &Wanted<'_>,
        source: &Source,
    ) -> Result<Result<Work, Trouble>, Status> {
        let origin = self.origin(source).await?;
        origin.fits(wanted)?;
        let mut options = wanted.options();
        origin.keep_layout(&mut options)?;
        options.insert(TARGET_OPTION.into(), origin.target(wanted)?.to_string());
        let request = CloneRequest {
            name: Some(wanted.name.clone()),
            options: Some(options),
        };
        Ok(self.mortar.clone_of(&origin.path, &request).await)
    }

    /// The status for a source that was refused, while nothing has the volume's name.
    pub(super) async fn unusable(&self, source: &Source, trouble: &Trouble) -> Status {
        match self.origin(source).await {
            Err(status) => status,
            Ok(origin) if origin.operation.is_some() => trouble.status(ATTEMPT),
            Ok(_) => invalid(format!("{ATTEMPT}: {}", trouble.text())),
        }
    }

    /// The volume with the size that it is to have. Where it cannot have that, it is removed again.
    pub(super) async fn grown(&self, mut volume: Volume, deadline: Deadline) -> Result<Volume, Status> {
        let target = target(&volume);
        while room::claim_size(&volume) < target {
            match volume.operation.take() {
                // Most likely an earlier call's way to make it larger.
                Some(operation) => match self.mortar.finish(&Work { operation }, deadline).await {
                    Err(trouble) if !trouble.is_final() => return Err(trouble.status(ATTEMPT)),
                    _ => {}
                },
                None => self.grow(&volume, target, deadline).await?,
            }
            let again = self.mortar.volume(&volume.id).await;
            let again = again.map_err(|trouble| trouble.status(ATTEMPT))?;
            let gone = || Status::aborted(format!("{ATTEMPT}: the volume was removed again"));
            volume = again.ok_or_else(gone)?;
        }
        Ok(volume)
    }

    async fn grow(&self, volume: &Volume, target: u64, deadline: Deadline) -> Result<(), Status> {
        let data = room::data_bricks(&volume.durability);
        let (by, _) = growth(Use::of(volume), volume.size, data, target);
        let grown = match self.mortar.expand_volume(&volume.id, volume.size, by).await {
            Ok(work) => self.mortar.finish(&work, deadline).await,
            Err(trouble) => Err(trouble),
        };
        match grown {
            Ok(_) => Ok(()),
            Err(trouble) => Err(self.given_up(&volume.id, &trouble, deadline).await),
        }
    }

    /// What is told of a volume that did not grow. It was not handed out, and after a final code nobody would ask for it again.
    async fn given_up(&self, id: &str, trouble: &Trouble, deadline: Deadline) -> Status {
        // A node that has a part of it is away: it grows when that is back.
        if trouble.is(ErrorKind::NodeFailed) {
            return trouble.refusal(ATTEMPT);
        }
        if !trouble.is_final() {
            return trouble.status(ATTEMPT);
        }
        let removed = match self.mortar.delete_volume(id).await {
            Ok(work) => self.mortar.finish(&work, deadline).await.map(|_| ()),
            Err(trouble) => Err(trouble),
        };
        match removed {
            Ok(()) => trouble.status(ATTEMPT),
            Err(left) => {
                tracing::warn!(
                    volume = id,
                    why = left.text(),
                    "a volume that could not grow is still there"
                );
                Trouble::UnderWay(trouble.text().to_owned()).status(ATTEMPT)
            }
        }
    }
}

impl Origin {
    /// Whether a volume of it can be what is asked for.
    fn fits(&self, wanted: &Wanted<'_>) -> Result<(), Status> {
        let class = &wanted.class;
        let no = |why: String| Err(invalid(format!("volume_content_source: {why}")));
        if class.durability != self.durability {
            return no(format!("it is {}, not {}", self.durability, class.durability));
        }
        if !class.clusters.is_empty() && !class.clusters.contains(&self.cluster) {
            return no(format!(
                "it is on cluster {}, where the volume may not be",
                self.cluster
            ));
        }
        let kind = Use::named(&self.options);
        if kind != wanted.kind && (kind, wanted.kind) != (Use::Plain, Use::Files) {
            return no("it is for the other access type: mount or block".into());
        }
        if class
            .groups
            .is_some_and(|(low, high)| !(low..=high).contains(&self.gid))
        {
            return no(format!(
                "its files are of group {}, which the class does not give",
                self.gid
            ));
        }
        if class.snapshot_factor.is_some() && class.snapshot_factor != self.snapshot_factor {
            return no("it has another snapfactor".into());
        }
        if !wanted.zones.is_empty() && !wanted.zones.iter().any(|zone| self.zones.contains(zone)) {
            return Err(Status::resource_exhausted(
                "volume_content_source: it is in none of the zones that are asked for",
            ));
        }
        Ok(())
    }

    /// Takes over how files lie on bricks.
    fn keep_layout(&self, options: &mut BTreeMap<String, String>) -> Result<(), Status> {
        for key in LAYOUT {
            let (asked, has) = (options.get(key), self.options.get(key));
            // What its class leaves open follows the source.
            if asked.is_some() && asked != has {
                return Err(invalid(format!(
                    "volume_content_source: it has {key} {}, and its files are not read with another",
                    has.map_or("as GlusterFS has it", String::as_str)
                )));
            }
            if let Some(has) = has {
                options.insert(key.to_owned(), has.clone());
            }
        }
        Ok(())
    }

    /// The size that the claim will have, bytes: no less than the source's.
    fn target(&self, wanted: &Wanted<'_>) -> Result<u64, Status> {
        let data = room::data_bricks(&self.durability);
        let has = wanted.kind.claim_size(self.size, data);
        let target = if has >= wanted.range.least {
            has
        } else {
            growth(wanted.kind, self.size, data, wanted.range.least).1
        };
        if wanted.range.holds(target) {
            return Ok(target);
        }
        Err(Status::out_of_range(format!(
            "the source has {has} bytes, and the next size that a volume of it can have is {target}"
        )))
    }
}
