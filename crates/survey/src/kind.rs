//! The kinds of drift. Their names are shown, counted and used in ids: a name is never changed or used again.

use std::fmt;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; nothing is wrong with what Mortar keeps.
    Notice,
    /// Nothing is lost, and something will go wrong later.
    Warning,
    /// Something that is recorded is not so.
    Error,
}

impl Severity {
    /// The name as shown.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal, $severity:ident, $means:literal;)*) => {
        /// What kind of difference between the records and the nodes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(#[doc = $means] $kind,)*
        }

        impl Kind {
            /// Every kind, in the order in which they are shown.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The name as shown, counted and used in ids.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// How much it matters.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$kind => Severity::$severity),* }
            }

            /// What it means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$kind => $means),* }
            }
        }
    };
}

kinds! {
    NodeSilent = "node_silent", Error, "A node does not answer: nothing is known of what is on it.";
    NodeUnclear = "node_unclear", Warning, "A node answers, and some of its tools do not.";
    GlusterdDown = "glusterd_down", Error, "A node has no glusterd that answers.";
    NodeFile = "node_file", Warning, "A node's own file does not say what is recorded of it.";
    PeerMissing = "peer_missing", Error, "A node is not a member of its trusted pool.";
    PeerDisconnected = "peer_disconnected", Error, "A node is a member of its trusted pool whose peers do not reach it.";
    PeerUnknown = "peer_unknown", Notice, "A member of a trusted pool is in no record.";
    PoolSilent = "pool_silent", Error, "No member of a trusted pool tells of its volumes.";
    DeviceMissing = "device_missing", Error, "A device is not there: its volume group, or its directory with its identity file.";
    DeviceForeign = "device_foreign", Error, "Something of another name is where a device should be.";
    DeviceUnreadable = "device_unreadable", Error, "A directory device cannot be read: its disk may be dead.";
    DeviceSize = "device_size", Warning, "A device has another size than recorded.";
    DeviceGrown = "device_grown", Notice, "A disk has become larger than the thin pool that its bricks share: the rest is used by none of them.";
    DevicePath = "device_path", Warning, "A disk has another path on its node than recorded: its physical volume tells that it is the same.";
    DeviceUnknown = "device_unknown", Warning, "A volume group of Mortar's or Heketi's form is in no record of its node.";
    PoolFill = "pool_fill", Warning, "A thin pool is nearly full: its data, where it promised more than it has, or its metadata.";
    BrickMissing = "brick_missing", Error, "A brick's logical volume or image is not there.";
    BrickSize = "brick_size", Error, "A brick's logical volume, thin pool or image has another size than recorded.";
    BrickUnmounted = "brick_unmounted", Error, "A brick is not mounted.";
    BrickUnreadable = "brick_unreadable", Error, "A brick is mounted and cannot be read: its disk may be dead.";
    MountWrong = "mount_wrong", Error, "Something else is mounted where a brick should be.";
    EntryMissing = "entry_missing", Error, "A brick has no mount entry: after a reboot it would not be mounted.";
    EntryWrong = "entry_wrong", Error, "A brick's mount entry names something else, or there are several.";
    EntryStray = "entry_stray", Warning, "A mount entry below Mortar's folder names no brick.";
    FolderMissing = "folder_missing", Error, "A brick is mounted and the folder with its data is not there.";
    GroupWrong = "group_wrong", Warning, "A brick's folder belongs to another group than recorded.";
    IdentityMissing = "identity_missing", Warning, "A brick's identity file, or the tag of a logical volume that was taken over, is missing or cannot be read.";
    IdentityWrong = "identity_wrong", Warning, "A brick's identity file says something else than the records.";
    BrickNotInVolume = "brick_not_in_volume", Error, "A brick is not among the bricks of its volume.";
    OrphanBrick = "orphan_brick", Warning, "What looks like a brick is in no record.";
    CopyMissing = "copy_missing", Error, "A copy of a brick, a part of a snapshot, is not there.";
    OrphanCopy = "orphan_copy", Warning, "What looks like a part of a snapshot is in no record.";
    LoopStray = "loop_stray", Warning, "A loop device serves an image of a brick that is in no record.";
    VolumeMissing = "volume_missing", Error, "GlusterFS does not know a volume.";
    VolumeUnknown = "volume_unknown", Warning, "A volume that says that it is Mortar's is in no record.";
    VolumeForeign = "volume_foreign", Notice, "A volume that is not Mortar's is on a pool of Mortar's.";
    VolumeStopped = "volume_stopped", Error, "A volume is not started.";
    VolumeBricks = "volume_bricks", Error, "A volume has bricks that are not recorded as its own, or has them in another order.";
    VolumeSets = "volume_sets", Warning, "Which bricks of a volume are one set was a guess: it was taken over from records that do not tell.";
    VolumeShape = "volume_shape", Error, "A volume is of another kind or has another number of copies than recorded.";
    VolumeIdentityMissing = "volume_identity_missing", Warning, "A volume lacks options that tell whose it is.";
    VolumeIdentityWrong = "volume_identity_wrong", Warning, "A volume's options tell something else of it than the records.";
    VolumeOption = "volume_option", Warning, "A volume's option has another value than was asked for.";
    BlocksSilent = "blocks_silent", Warning, "Nobody tells of the block volumes that a volume holds.";
    BlockMissing = "block_missing", Error, "A block volume is not on the volume that holds it.";
    BlockUnknown = "block_unknown", Warning, "A block volume on a volume of Mortar's is in no record.";
    BlockUnclear = "block_unclear", Warning, "A block volume is there, and gluster-block does not tell what there is of it.";
    BlockForeign = "block_foreign", Error, "A block volume is another one than recorded: it has another name in iSCSI.";
    BlockSize = "block_size", Error, "A block volume has another size than recorded, or not the same on all its hosts.";
    BlockHosts = "block_hosts", Error, "A block volume is served by other hosts than recorded, or by too few.";
}

impl Kind {
    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Kind;

    #[test]
    fn names_are_words_with_underscores_and_each_is_used_once() {
        let names: BTreeSet<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
        for kind in Kind::ALL {
            assert!(kind.name().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'));
            assert_eq!(Kind::named(kind.name()), Some(*kind));
            assert!(kind.meaning().ends_with('.'));
        }
    }
}
