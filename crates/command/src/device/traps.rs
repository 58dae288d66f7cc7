//! What keeps a disk from being used, in words that tell the way on.

use mortar_model::DevicePath;

use crate::answer::{self, BlockDevice, PhysicalVolume};

/// Who uses the device or a part of it right now, and how it is freed; `group` is the volume group that is on it.
pub(super) fn in_use(block: &BlockDevice, group: Option<&str>) -> Option<String> {
    block.tree().find_map(|part| {
        if let Some(at) = part.mount_points.first() {
            return Some(match at.as_str() {
                "[SWAP]" => format!("{0} is swap space ('swapoff {0}' ends that)", part.name),
                at => format!("{} is mounted at {at}: unmount it first", part.name),
            });
        }
        let holder = part.children.iter().find(|child| child.kind != "part")?;
        Some(format!(
            "{} ({}) is made of it{}",
            holder.name,
            holder.kind,
            way(holder, group)
        ))
    })
}

/// How a device is freed of what is made of it, or what is to be used instead.
fn way(holder: &BlockDevice, group: Option<&str>) -> String {
    match holder.kind.as_str() {
        "lvm" => match group {
            Some(group) => format!(": remove that logical volume and its group first (vgremove {group})"),
            None => ": remove that logical volume and its group first".into(),
        },
        "mpath" => format!(
            ", it is one of several paths to a disk: add {} instead",
            holder.name
        ),
        "crypt" => format!(": close it first ('cryptsetup close {}')", short(&holder.name)),
        kind if kind.starts_with("raid") || kind == "linear" || kind == "md" => {
            format!(
                ": add {0} instead, or stop that array first ('mdadm --stop {0}')",
                holder.name
            )
        }
        _ => ": free it first".into(),
    }
}

fn short(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What stands in LVM's way by its devices file alone: `pvcreate` enters the disk there by itself (seen with 2.03.16).
const NOT_LISTED: &str = "devices file";

/// Why LVM leaves the disk out, and how it comes to use it. What shows on the disk itself, as partitions do, is told of that.
pub(super) fn left_out(path: &DevicePath, reason: &str) -> Option<String> {
    let way = match reason {
        reason if reason.contains("partitioned") || reason.contains("has a signature") => return None,
        reason if reason.contains(NOT_LISTED) => return None,
        reason if reason.contains("filter") => {
            "let the lines 'filter' and 'global_filter' of /etc/lvm/lvm.conf on the node accept it".to_owned()
        }
        reason if reason.contains("multipath") => {
            "it is one of several paths to a disk: add the multipath device (below /dev/mapper) instead"
                .to_owned()
        }
        reason if reason.contains("md component") || reason.contains("RAID component") => {
            "it is a member of a RAID array: add the array instead".to_owned()
        }
        _ => "LVM must be able to use it first".to_owned(),
    };
    Some(format!("LVM on the node leaves {path} out ({reason}): {way}"))
}

/// A physical volume that LVM does not show: whose it is, and whether it is in use, nobody can tell.
pub(super) fn hidden(
    path: &DevicePath,
    pv: Option<&PhysicalVolume>,
    signatures: &[String],
) -> Option<String> {
    let is_there = signatures.iter().any(|kind| kind == "LVM2_member");
    (is_there && pv.is_none()).then(|| {
        format!(
            "{path} holds an LVM physical volume that LVM on the node does not show, and not even destroydata wipes it: \
             'lvmdevices --adddev {path}' there shows whose it is; where nobody wants it, 'wipefs --all {path}' there"
        )
    })
}

/// What is on the device that somebody may want to keep.
pub(super) fn contents(
    block: &BlockDevice,
    pv: Option<&PhysicalVolume>,
    signatures: &[String],
) -> Option<String> {
    if let Some(pv) = pv {
        return Some(match pv.vg_name.as_str() {
            "" => "holds an LVM physical volume".into(),
            group => format!("holds an LVM physical volume of volume group {group}"),
        });
    }
    match block.children.len() {
        0 => {
            let mut kinds: Vec<String> = signatures.iter().map(|kind| answer::signature(kind)).collect();
            kinds.dedup();
            (!kinds.is_empty()).then(|| format!("holds {}", kinds.join(" and ")))
        }
        1 => Some("has a partition".into()),
        count => Some(format!("has {count} partitions")),
    }
}

#[cfg(test)]
mod tests {
    use mortar_model::{ByteSize, DevicePath};

    use super::{contents, hidden, in_use, left_out};
    use crate::answer::BlockDevice;

    fn block(name: &str, kind: &str, children: Vec<BlockDevice>) -> BlockDevice {
        BlockDevice {
            name: name.into(),
            kind: kind.into(),
            size: ByteSize::from_gib(9),
            read_only: false,
            mount_points: Vec::new(),
            children,
        }
    }

    #[test]
    fn what_is_made_of_a_disk_is_named_with_the_way_on() {
        for (name, kind, words) in [
            ("/dev/mapper/mpatha", "mpath", "add /dev/mapper/mpatha instead"),
            ("/dev/md0", "raid1", "add /dev/md0 instead"),
            ("/dev/mapper/secret", "crypt", "cryptsetup close secret"),
            ("/dev/mapper/vg-lv", "lvm", "remove that logical volume"),
            ("/dev/mapper/x", "dm", "free it first"),
        ] {
            let told = in_use(
                &block("/dev/sdb", "disk", vec![block(name, kind, Vec::new())]),
                None,
            )
            .unwrap();
            assert!(told.starts_with(name) && told.contains(words), "{told}");
        }
        // On a partition of it as well.
        let part = block("/dev/sdb1", "part", vec![block("/dev/md0", "raid1", Vec::new())]);
        assert!(
            in_use(&block("/dev/sdb", "disk", vec![part]), None)
                .unwrap()
                .contains("/dev/md0")
        );
        let mut swap = block("/dev/sdb", "disk", Vec::new());
        swap.mount_points.push("[SWAP]".into());
        assert!(in_use(&swap, None).unwrap().contains("swapoff /dev/sdb"));
        let volume = block("/dev/mapper/vg-lv", "lvm", Vec::new());
        let told = in_use(&block("/dev/sdb", "disk", vec![volume]), Some("vg")).unwrap();
        assert!(told.contains("vgremove vg"), "{told}");
    }

    #[test]
    fn what_lvm_leaves_out_is_told_with_the_way_on() {
        let path = DevicePath::new("/dev/sdb").unwrap();
        let told = |reason: &str| left_out(&path, reason);
        for (reason, words) in [
            ("device is rejected by filter config", "global_filter"),
            ("device is a multipath component", "multipath device"),
            ("device is an md component", "add the array"),
            ("device is not in a usable state", "must be able to use it"),
        ] {
            let told = told(reason).unwrap();
            assert!(told.contains(words) && told.contains(reason), "{told}");
        }
        assert_eq!(told("device is partitioned"), None);
        assert_eq!(told("device is not in devices file"), None);
    }

    #[test]
    fn a_physical_volume_that_lvm_does_not_show_is_left() {
        let path = DevicePath::new("/dev/sdb").unwrap();
        let told = hidden(&path, None, &["LVM2_member".to_owned()]).unwrap();
        assert!(told.contains("lvmdevices --adddev /dev/sdb"), "{told}");
        assert_eq!(hidden(&path, None, &["xfs".to_owned()]), None);
    }

    #[test]
    fn all_that_is_on_a_disk_is_named() {
        let disk = |count: usize| {
            let parts = (1..=count).map(|n| block(&format!("/dev/sdb{n}"), "part", Vec::new()));
            block("/dev/sdb", "disk", parts.collect())
        };
        let of = |count, kinds: &[&str]| {
            let kinds: Vec<String> = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            contents(&disk(count), None, &kinds)
        };
        assert_eq!(of(0, &[]), None);
        assert_eq!(of(0, &["xfs"]).unwrap(), "holds a file system (xfs)");
        assert_eq!(
            of(0, &["gpt", "gpt", "PMBR"]).unwrap(),
            "holds a partition table (gpt) and a partition table (PMBR)"
        );
        assert_eq!(of(1, &["dos"]).unwrap(), "has a partition");
        assert_eq!(of(6, &["gpt"]).unwrap(), "has 6 partitions");
    }
}
