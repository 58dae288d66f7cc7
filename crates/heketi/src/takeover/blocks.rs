//! Block volumes, and what volumes say of those that they hold.

use mortar_model::{
    BlockRestriction, BlockVolume, ByteSize, HostName, Secret, Target, VolumeId, VolumeName, room_for_blocks,
};

use super::{HalfMade, Taking, Weight};
use crate::db::{BlockVolumeEntry, VolumeEntry};

/// Whether a volume took new block volumes. A word that Heketi does not have says that somebody wanted none there.
pub(super) fn restriction(entry: &VolumeEntry) -> BlockRestriction {
    BlockRestriction::of_word(&entry.info.blockinfo.restriction).unwrap_or(BlockRestriction::Locked)
}

impl Taking<'_> {
    pub(super) fn block_volumes(&mut self, half_made: &HalfMade<'_>) {
        let database = self.database;
        for (id, entry) in &database.block_volumes {
            let name = entry.info.name.as_str();
            match self.block_volume(id, entry, half_made) {
                Ok(block) => {
                    self.holds_blocks(block.hosting, id);
                    let put = self.inventory.put_block(block);
                    self.put("block volume", id, name, put);
                }
                Err(why) => self.note(Weight::LeftOut, "block volume", id, name, why),
            }
        }
        self.over_full();
    }

    fn block_volume(
        &mut self,
        id: &str,
        entry: &BlockVolumeEntry,
        half_made: &HalfMade<'_>,
    ) -> Result<BlockVolume, String> {
        let info = &entry.info;
        let host = &info.blockhostingvolume;
        if let Some(operation) = half_made.get(id) {
            return Err(format!("operation {operation} was making it"));
        }
        if !self.database.volumes.contains_key(host) {
            return Err(format!("the volume that holds it, {host}, is not known"));
        }
        let hosting: Option<VolumeId> = host.parse().ok();
        let hosting = hosting.filter(|id| self.inventory.volume(*id).is_some());
        let hosting = hosting.ok_or_else(|| format!("the volume that holds it, {host}, is left out"))?;
        let gib = |size: i64| {
            u64::try_from(size)
                .ok()
                .filter(|size| *size > 0)
                .map(ByteSize::from_gib)
        };
        let size = gib(info.size).ok_or_else(|| format!("its size is {} GiB", info.size))?;
        let named = info.blockvolume.hosts.iter();
        let hosts: Vec<HostName> = named
            .filter_map(|host| HostName::new(host.as_str()).ok())
            .collect();
        if hosts.len() != info.blockvolume.hosts.len() {
            self.note(
                Weight::Fault,
                "block volume",
                id,
                &info.name,
                "one of its hosts has no host name",
            );
        }
        let all = u32::try_from(hosts.len()).unwrap_or(u32::MAX);
        let ha = u32::try_from(info.hacount).ok().filter(|count| *count > 0);
        Ok(BlockVolume {
            id: id.parse().map_err(|error| format!("{error}"))?,
            hosting,
            name: VolumeName::new(info.name.as_str()).map_err(|error| error.to_string())?,
            size,
            // Before version 10 nobody knew.
            usable: gib(info.usablesize).unwrap_or(size),
            ha: ha.unwrap_or(all),
            hosts,
            auth: info.auth || !info.blockvolume.password.is_empty(),
            target: Target {
                iqn: info.blockvolume.iqn.clone(),
                lun: info.blockvolume.lun,
                username: info.blockvolume.username.clone(),
                password: Secret::new(info.blockvolume.password.as_str()),
            },
        })
    }

    /// A volume that holds block volumes is one that is meant to.
    fn holds_blocks(&mut self, hosting: VolumeId, block: &str) {
        let Some(mut volume) = self
            .inventory
            .volume(hosting)
            .cloned()
            .filter(|volume| !volume.block)
        else {
            return;
        };
        let why = format!(
            "it says that it is for files, and holds block volume {block}: it is taken for what it holds"
        );
        self.note(
            Weight::Fault,
            "volume",
            &hosting.to_string(),
            volume.name.as_str(),
            why,
        );
        volume.block = true;
        let put = self.inventory.put_volume(volume);
        self.put("volume", &hosting.to_string(), "", put);
    }

    /// Volumes that hold more than leaves a reserve take no more, as Heketi's own upgrade says.
    fn over_full(&mut self) {
        let over = |volume: &&mortar_model::Volume| {
            self.inventory.taken_by_blocks(volume.id) > room_for_blocks(volume.size)
                && volume.block_restriction != BlockRestriction::LockedByUpdate
        };
        let over: Vec<_> = self.inventory.volumes().filter(over).cloned().collect();
        for mut volume in over {
            let id = volume.id.to_string();
            let why = "its block volumes leave no reserve: it takes no more (locked-by-update)";
            self.note(Weight::Remark, "volume", &id, volume.name.as_str(), why);
            volume.block_restriction = BlockRestriction::LockedByUpdate;
            let put = self.inventory.put_volume(volume);
            self.put("volume", &id, "", put);
        }
    }
}
