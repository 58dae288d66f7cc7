//! Volumes with their bricks: what a pool lists, beside what volume and bricks say of themselves.

use std::collections::BTreeSet;

use mortar_command::query::volume_info::VolumeInfo;
use mortar_model::layout::read;
use mortar_model::{Brick, ByteSize, ClusterId, Durability, Volume, VolumeId, VolumeName, ZoneChecking};
use mortar_plan::identity::{self, VolumeIdentity};

use super::Work;
use super::listed::address;
use super::report::FoundKind;
use super::traces::Trace;

impl<'a> Work<'a> {
    /// Restores the volumes of a pool that are whole.
    pub(super) fn volumes(&mut self, cluster: ClusterId, volumes: &[VolumeInfo]) {
        for info in volumes {
            let about = format!("volume {}", info.name);
            let said = identity::read_volume_options(&info.options);
            let id = self.said_id(&said, info);
            let result = match said {
                Ok(Some(identity)) => self.volume(cluster, info, identity),
                Ok(None) if self.names_our_bricks(info) => {
                    self.nameless(cluster, info, "its options do not say whose it is")
                }
                Ok(None) => {
                    self.foreign(info);
                    continue;
                }
                Err(error) => self.nameless(cluster, info, &error.to_string()),
            };
            if let Err((kind, why)) = result {
                self.left.extend(id);
                self.notes.left(kind, about, None, why);
            }
        }
    }

    fn said_id(
        &self,
        said: &Result<Option<VolumeIdentity>, identity::Unintelligible>,
        info: &VolumeInfo,
    ) -> Option<VolumeId> {
        match said {
            Ok(Some(identity)) => Some(identity.id),
            Ok(None) => None,
            Err(_) => info.option(mortar_model::layout::VOLUME_ID_OPTION)?.parse().ok(),
        }
    }

    fn names_our_bricks(&self, info: &VolumeInfo) -> bool {
        let mut bricks = info.bricks.iter();
        bricks.any(|brick| address(brick).is_some_and(|(_, path)| read::brick_path(path).is_some()))
    }

    fn foreign(&mut self, info: &VolumeInfo) {
        let heketi = |brick: &String| brick.contains(":/var/lib/heketi/mounts/vg_");
        let (kind, what) = if info.bricks.iter().any(heketi) {
            (FoundKind::Heketi, "its bricks are where Heketi makes them")
        } else {
            (FoundKind::Foreign, "nothing of it says that it is Mortar's")
        };
        let what = format!("{what}; it is left alone ({} bricks)", info.bricks.len());
        self.notes.left(kind, format!("volume {}", info.name), None, what);
    }

    /// A volume that says what it is.
    fn volume(
        &mut self,
        cluster: ClusterId,
        info: &VolumeInfo,
        identity: VolumeIdentity,
    ) -> Result<(), (FoundKind, String)> {
        let name = VolumeName::new(info.name.as_str()).map_err(unrestored)?;
        let about = format!("volume {name}");
        let own = |trace: &Trace<'_>| {
            trace
                .identity
                .as_ref()
                .is_none_or(|brick| brick.volume_name.as_str() == info.name)
        };
        let listed = self.listed(cluster, info, identity.durability)?;
        if let Some(twin) = self.inventory.volume(identity.id) {
            return Err(unrestored(format!(
                "volume {} has the same id {}: one is a copy of the other, and only that is restored; the bricks of this one {}",
                twin.name,
                identity.id,
                if listed.iter().any(|brick| self.trace(*brick).is_some_and(own)) {
                    "name it"
                } else {
                    "name the other"
                },
            )));
        }
        if identity.cluster != cluster {
            self.notes.contradiction(
                &about,
                format!("it says that it is of cluster {}", identity.cluster),
                format!("it is of the cluster whose pool it is on, {cluster}"),
            );
        }
        let mut volume = Volume {
            id: identity.id,
            cluster,
            name,
            size: identity.size,
            durability: identity.durability,
            gid: identity.gid,
            options: identity.options,
            snapshots: identity.snapshots,
            block: identity.block,
            zone_checking: identity.zone_checking,
            origin: identity.origin,
            sets_guessed: false,
            by_user: false,
            block_restriction: mortar_model::BlockRestriction::None,
        };
        let bricks = self.bricks(&volume, &listed)?;
        self.size(&mut volume, &bricks, info);
        self.put_volume(volume, &bricks)?;
        self.unstarted(info);
        Ok(())
    }

    /// A volume whose options were taken away: what its bricks' files say, and what can be seen of it.
    fn nameless(
        &mut self,
        cluster: ClusterId,
        info: &VolumeInfo,
        why: &str,
    ) -> Result<(), (FoundKind, String)> {
        if info.status == "Created" {
            return Err((
                FoundKind::Unfinished,
                format!("it was never started, and {why}: the create of it was under way"),
            ));
        }
        let name = VolumeName::new(info.name.as_str()).map_err(unrestored)?;
        let durability = info.durability();
        let listed = self.listed(cluster, info, durability)?;
        let traces: Vec<&Trace<'_>> = listed.iter().filter_map(|brick| self.trace(*brick)).collect();
        let said: BTreeSet<(VolumeId, &VolumeName)> = traces
            .iter()
            .filter_map(|trace| trace.identity.as_ref())
            .map(|identity| (identity.volume, &identity.volume_name))
            .collect();
        let id = match said.iter().collect::<Vec<_>>().as_slice() {
            [(id, said)] if **said == name => *id,
            [] => return Err(unrestored(format!("{why}, and no file of its bricks does"))),
            _ => {
                return Err(unrestored(format!(
                    "{why}, and its bricks' files say that they are of other volumes"
                )));
            }
        };
        if let Some(twin) = self.inventory.volume(id) {
            return Err(unrestored(format!(
                "its bricks' files name the id of volume {}",
                twin.name
            )));
        }
        let gid = traces.iter().find_map(|trace| trace.gid).unwrap_or(0);
        let mut volume = Volume {
            gid,
            ..Volume::bare(id, cluster, name, durability)
        };
        let bricks = self.bricks(&volume, &listed)?;
        volume.size = usable(durability, &bricks);
        self.notes.gap(
            format!("volume {}", volume.name),
            format!("its size, options, snapshot factor and zone checking as they were asked for: {why}"),
            format!(
                "{}, which its sets hold; group {gid}, which its bricks have; no options, no room for snapshots",
                volume.size
            ),
        );
        self.put_volume(volume, &bricks)?;
        self.unstarted(info);
        Ok(())
    }

    /// A volume cannot be larger than its sets; one that is smaller by a whole set was being made larger.
    fn size(&mut self, volume: &mut Volume, bricks: &[Brick], info: &VolumeInfo) {
        let about = format!("volume {}", volume.name);
        let durability = volume.durability;
        let holds = usable(durability, bricks);
        if holds < volume.size {
            self.notes.contradiction(
                about,
                format!("it says that it is {}, and its sets hold {holds}", volume.size),
                format!("{holds}; an expand may have been under way"),
            );
            volume.size = holds;
            return;
        }
        let per_set = volume.durability.bricks_per_set() as usize;
        let before = bricks.len().saturating_sub(per_set);
        if before > 0 && usable(durability, &bricks[..before]) >= volume.size {
            self.notes.left(
                FoundKind::Unfinished,
                about,
                None,
                format!(
                    "it says that it is {}, and its {} sets hold {holds}: an expand was under way, and its bricks are in; it is \
                     restored with its bricks and the size that it says",
                    volume.size,
                    info.bricks.len() / per_set.max(1)
                ),
            );
        }
    }

    /// Strict zones are a rule that a volume keeps with zones that are known.
    fn zones(&mut self, volume: &mut Volume, bricks: &[Brick]) {
        if volume.zone_checking != ZoneChecking::Strict {
            return;
        }
        let node = |brick: &Brick| self.inventory.device(brick.device).map(|device| device.node);
        let zone = |brick: &Brick| Some(self.inventory.node(node(brick)?)?.zone);
        let per_set = volume.durability.bricks_per_set() as usize;
        let broken = bricks.chunks(per_set.max(1)).any(|set| {
            let zones: BTreeSet<_> = set.iter().map(zone).collect();
            zones.len() != set.len()
        });
        if !broken {
            return;
        }
        let about = format!("volume {}", volume.name);
        let drawn = bricks
            .iter()
            .filter_map(node)
            .any(|node| self.drawn.contains(&node));
        if drawn {
            self.notes.gap(
                about,
                "whether its zones are distinct, as it demands: zones of its nodes are not known",
                "zone checking is none",
            );
        } else {
            self.notes.contradiction(
                about,
                "it demands distinct zones, and a set of it has two bricks in one",
                "zone checking is none",
            );
        }
        volume.zone_checking = ZoneChecking::None;
    }

    fn put_volume(&mut self, mut volume: Volume, bricks: &[Brick]) -> Result<(), (FoundKind, String)> {
        self.zones(&mut volume, bricks);
        let id = volume.id;
        self.inventory.put_volume(volume).map_err(unrestored)?;
        for brick in bricks {
            if let Err(error) = self.inventory.add_brick(brick.clone()) {
                let _ = self.inventory.remove_volume(id);
                return Err(unrestored(error));
            }
        }
        Ok(())
    }

    fn unstarted(&mut self, info: &VolumeInfo) {
        let what = match info.status.as_str() {
            "Started" => return,
            "Created" => "it was never started: the create of it was under way",
            _ => "it is stopped: a delete of it was under way, or somebody stopped it",
        };
        self.notes.left(
            FoundKind::Unfinished,
            format!("volume {}", info.name),
            None,
            format!("{what}; it is whole and restored: start it with 'gluster volume start {0}', or delete it with 'mortar volume delete {0}'", info.name),
        );
    }
}

/// What sets of bricks hold together.
pub(super) fn usable(durability: Durability, bricks: &[Brick]) -> ByteSize {
    let sets: BTreeSet<u32> = bricks.iter().map(|brick| brick.set).collect();
    let holds = |set: &u32| {
        let bricks = bricks.iter().filter(|brick| brick.set == *set);
        durability.usable(bricks.map(|brick| (brick.position, brick.size)))
    };
    sets.iter().map(holds).sum()
}

#[allow(clippy::needless_pass_by_value, reason = "used as a function of an error")]
pub(super) fn unrestored(why: impl ToString) -> (FoundKind, String) {
    (FoundKind::Unrestored, why.to_string())
}
