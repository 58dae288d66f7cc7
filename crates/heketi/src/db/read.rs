//! Entries out of fields.

use super::entries::{
    Action, AttributeEntry, BlockInfo, BlockVolumeEntry, BlockVolumeInfo, BrickEntry, BrickInfo,
    ClusterEntry, ClusterInfo, DeviceEntry, DeviceInfo, Disperse, Durability, GlusterFsMount, Hostnames,
    Mount, NodeEntry, NodeInfo, Pending, PendingOperation, Replicate, Snapshot, StorageSize, Target,
    VolumeEntry, VolumeInfo,
};
use super::fields::{Fields, WrongField};

/// An entry of one of the buckets.
pub(super) trait Entry: Sized {
    /// What it is called, for people.
    const KIND: &'static str;

    fn read(fields: &Fields<'_>) -> Result<Self, WrongField>;

    /// The id that it says it has, which is its key; none where it has its name as key.
    fn id(&mut self) -> Option<&mut String>;
}

fn pending(fields: &Fields<'_>) -> Result<Pending, WrongField> {
    Ok(Pending {
        id: fields.inner(&["Pending"])?.text(&["Id"])?,
    })
}

impl Entry for ClusterEntry {
    const KIND: &'static str = "cluster";

    fn id(&mut self) -> Option<&mut String> {
        Some(&mut self.info.id)
    }

    fn read(fields: &Fields<'_>) -> Result<Self, WrongField> {
        let info = fields.inner(&["Info"])?;
        Ok(Self {
            info: ClusterInfo {
                id: info.text(&["id"])?,
                nodes: info.texts(&["nodes"])?,
                volumes: info.texts(&["volumes"])?,
                block: info.bool(&["block"])?,
                file: info.bool(&["file"])?,
                blockvolumes: info.texts(&["blockvolumes"])?,
            },
        })
    }
}

impl Entry for NodeEntry {
    const KIND: &'static str = "node";

    fn id(&mut self) -> Option<&mut String> {
        Some(&mut self.info.id)
    }

    fn read(fields: &Fields<'_>) -> Result<Self, WrongField> {
        let info = fields.inner(&["Info"])?;
        let hostnames = info.inner(&["hostnames"])?;
        Ok(Self {
            state: fields.text(&["State"])?,
            info: NodeInfo {
                zone: info.int(&["zone"])?,
                hostnames: Hostnames {
                    manage: hostnames.texts(&["manage"])?,
                    storage: hostnames.texts(&["storage"])?,
                },
                cluster: info.text(&["ClusterId", "cluster"])?,
                tags: info.text_map(&["tags"])?,
                id: info.text(&["id"])?,
            },
            devices: fields.texts(&["Devices"])?,
        })
    }
}

impl Entry for DeviceEntry {
    const KIND: &'static str = "device";

    fn id(&mut self) -> Option<&mut String> {
        Some(&mut self.info.id)
    }

    fn read(fields: &Fields<'_>) -> Result<Self, WrongField> {
        let info = fields.inner(&["Info"])?;
        let storage = info.inner(&["storage"])?;
        Ok(Self {
            state: fields.text(&["State"])?,
            info: DeviceInfo {
                name: info.text(&["name"])?,
                tags: info.text_map(&["tags"])?,
                storage: StorageSize {
                    total: storage.uint(&["total"])?,
                    free: storage.uint(&["free"])?,
                    used: storage.uint(&["used"])?,
                },
                id: info.text(&["id"])?,
                paths: info.texts(&["paths"])?,
                pv_uuid: info.text(&["PvUUID", "pv_uuid"])?,
            },
            bricks: fields.texts(&["Bricks"])?,
            node: fields.text(&["NodeId"])?,
            extent_size: fields.uint(&["ExtentSize"])?,
        })
    }
}

impl Entry for BrickEntry {
    const KIND: &'static str = "brick";

    fn id(&mut self) -> Option<&mut String> {
        Some(&mut self.info.id)
    }

    fn read(fields: &Fields<'_>) -> Result<Self, WrongField> {
        let info = fields.inner(&["Info"])?;
        Ok(Self {
            info: BrickInfo {
                id: info.text(&["id"])?,
                path: info.text(&["path"])?,
                device: info.text(&["DeviceId", "device"])?,
                node: info.text(&["NodeId", "node"])?,
                volume: info.text(&["VolumeId", "volume"])?,
                size: info.uint(&["size"])?,
            },
            pool_size: fields.uint(&["TpSize"])?,
            metadata_size: fields.uint(&["PoolMetadataSize"])?,
            pending: pending(fields)?,
            thin_pool: fields.text(&["LvmThinPool"])?,
            logical_volume: fields.text(&["LvmLv"])?,
            sub_type: fields.int(&["SubType"])?,
        })
    }
}

impl Entry for VolumeEntry {
    const KIND: &'static str = "volume";

    fn id(&mut self) -> Option<&mut String> {
        Some(&mut self.info.id)
    }

    fn read(fields: &Fields<'_>) -> Result<Self, WrongField> {
        Ok(Self {
            info: volume_info(&fields.inner(&["Info"])?)?,
            bricks: fields.texts(&["Bricks"])?,
            options: fields.optional_texts(&["GlusterVolumeOptions"])?,
            pending: pending(fields)?,
        })
    }
}

/// A factor has Go's single precision: the shortest text that leads to it is what the export shows.
fn single(number: f64) -> f64 {
    let single = number as f32;
    let read = single.to_string().parse();
    read.ok().filter(|_| single.is_finite()).unwrap_or(number)
}

fn volume_info(info: &Fields<'_>) -> Result<VolumeInfo, WrongField> {
    let durability = info.inner(&["durability"])?;
    let disperse = durability.inner(&["disperse"])?;
    let snapshot = info.inner(&["snapshot"])?;
    let mount = info.inner(&["mount"])?.inner(&["glusterfs"])?;
    let block = info.inner(&["blockinfo"])?;
    Ok(VolumeInfo {
        size: info.int(&["size"])?,
        clusters: info.texts(&["clusters"])?,
        name: info.text(&["name"])?,
        durability: Durability {
            kind: durability.text(&["type"])?,
            replicate: Replicate {
                replica: durability.inner(&["replicate"])?.int(&["replica"])?,
            },
            disperse: Disperse {
                data: disperse.int(&["data"])?,
                redundancy: disperse.int(&["redundancy"])?,
            },
        },
        gid: info.int(&["gid"])?,
        options: info.texts(&["glustervolumeoptions"])?,
        block: info.bool(&["block"])?,
        snapshot: Snapshot {
            enable: snapshot.bool(&["enable"])?,
            factor: single(snapshot.float(&["factor"])?),
        },
        id: info.text(&["id"])?,
        cluster: info.text(&["cluster"])?,
        mount: Mount {
            glusterfs: GlusterFsMount {
                hosts: mount.texts(&["hosts"])?,
                device: mount.text(&["MountPoint", "device"])?,
                options: mount.text_map(&["options"])?,
            },
        },
        blockinfo: BlockInfo {
            freesize: block.int(&["freesize"])?,
            reservedsize: block.int(&["reservedsize"])?,
            blockvolumes: block.texts(&["BlockVolumes", "blockvolume"])?,
            restriction: block.text(&["restriction"])?,
        },
    })
}

impl Entry for BlockVolumeEntry {
    const KIND: &'static str = "block volume";

    fn id(&mut self) -> Option<&mut String> {
        Some(&mut self.info.id)
    }

    fn read(fields: &Fields<'_>) -> Result<Self, WrongField> {
        let info = fields.inner(&["Info"])?;
        let target = info.inner(&["blockvolume"])?;
        Ok(Self {
            info: BlockVolumeInfo {
                size: info.int(&["size"])?,
                clusters: info.texts(&["clusters"])?,
                name: info.text(&["name"])?,
                hacount: info.int(&["hacount"])?,
                auth: info.bool(&["auth"])?,
                id: info.text(&["id"])?,
                blockvolume: Target {
                    hosts: target.texts(&["hosts"])?,
                    iqn: target.text(&["iqn"])?,
                    lun: target.int(&["lun"])?,
                    username: target.text(&["username"])?,
                    password: target.text(&["password"])?,
                },
                cluster: info.text(&["cluster"])?,
                blockhostingvolume: info.text(&["blockhostingvolume"])?,
                usablesize: info.int(&["usablesize"])?,
            },
            pending: pending(fields)?,
        })
    }
}

impl Entry for AttributeEntry {
    const KIND: &'static str = "attribute";

    fn id(&mut self) -> Option<&mut String> {
        None
    }

    fn read(fields: &Fields<'_>) -> Result<Self, WrongField> {
        Ok(Self {
            key: fields.text(&["Key"])?,
            value: fields.text(&["Value"])?,
        })
    }
}

impl Entry for PendingOperation {
    const KIND: &'static str = "operation";

    fn id(&mut self) -> Option<&mut String> {
        Some(&mut self.id)
    }

    fn read(fields: &Fields<'_>) -> Result<Self, WrongField> {
        let actions = fields.optional_list(&["Actions"])?.unwrap_or_default();
        let action = |(index, value)| {
            let action = Fields::of(value, &format!("Actions[{index}]"))?;
            Ok(Action {
                change: action.int(&["Change"])?,
                id: action.text(&["Id"])?,
                delta: action.optional_int(&["Delta"])?,
            })
        };
        Ok(Self {
            id: fields.text(&["Id"])?,
            timestamp: fields.int(&["Timestamp"])?,
            kind: fields.int(&["Type"])?,
            actions: actions.iter().enumerate().map(action).collect::<Result<_, _>>()?,
            status: fields.text(&["Status"])?,
        })
    }
}
