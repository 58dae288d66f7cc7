//! What a node shows, ready to be looked up by name.

use std::collections::BTreeMap;

use mortar_command::query::survey::{
    DirectorySeen, EntrySeen, FolderSeen, GroupSeen, ImageSeen, LoopSeen, MountSeen, NodeSurvey, Part,
    VolumeSeen,
};
use mortar_model::Node;

/// A node and what it shows. A part that its tools could not tell is `None`: nothing is known of it.
pub(super) struct Sight<'a> {
    pub(super) node: &'a Node,
    pub(super) survey: &'a NodeSurvey,
    /// Volume groups by name.
    pub(super) groups: Option<BTreeMap<&'a str, &'a GroupSeen>>,
    /// Logical volumes by group and name.
    pub(super) volumes: Option<BTreeMap<(&'a str, &'a str), &'a VolumeSeen>>,
    /// Directories by path.
    pub(super) directories: Option<BTreeMap<&'a str, &'a DirectorySeen>>,
    /// Images by path.
    pub(super) images: Option<BTreeMap<&'a str, &'a ImageSeen>>,
    /// Mounts by target, the uppermost last.
    pub(super) mounts: Option<BTreeMap<&'a str, Vec<&'a MountSeen>>>,
    /// Mount entries by target.
    pub(super) entries: Option<BTreeMap<&'a str, Vec<&'a EntrySeen>>>,
    /// Loop devices by name.
    pub(super) loops: Option<BTreeMap<&'a str, &'a LoopSeen>>,
    /// Brick folders by mount point.
    pub(super) folders: Option<BTreeMap<&'a str, &'a FolderSeen>>,
    /// Texts of identity files by mount point.
    pub(super) identities: Option<BTreeMap<&'a str, &'a str>>,
    /// Mount points and directories that cannot be read, with the reason.
    pub(super) unreadable: BTreeMap<&'a str, &'a str>,
}

/// The part by key, if it could be told.
fn by<'a, T, K: Ord>(part: &'a Part<Vec<T>>, key: impl Fn(&'a T) -> K) -> Option<BTreeMap<K, &'a T>> {
    let things = part.as_ref().ok()?;
    Some(things.iter().map(|thing| (key(thing), thing)).collect())
}

/// The same where several have one key.
fn all_by<'a, T>(
    part: &'a Part<Vec<T>>,
    key: impl Fn(&'a T) -> &'a str,
) -> Option<BTreeMap<&'a str, Vec<&'a T>>> {
    let mut all: BTreeMap<&str, Vec<&T>> = BTreeMap::new();
    for thing in part.as_ref().ok()? {
        all.entry(key(thing)).or_default().push(thing);
    }
    Some(all)
}

impl<'a> Sight<'a> {
    pub(super) fn new(node: &'a Node, survey: &'a NodeSurvey) -> Self {
        Self {
            node,
            survey,
            groups: by(&survey.groups, |group| group.name.as_str()),
            volumes: by(&survey.volumes, |volume| {
                (volume.group.as_str(), volume.name.as_str())
            }),
            directories: by(&survey.directories, |directory| directory.path.as_str()),
            images: by(&survey.images, |image| image.path.as_str()),
            mounts: all_by(&survey.mounts, |mount| mount.target.as_str()),
            entries: all_by(&survey.entries, |entry| entry.target.as_str()),
            loops: by(&survey.loops, |used| used.device.as_str()),
            folders: by(&survey.folders, |folder| folder.mount_point.as_str()),
            identities: survey.identities.as_ref().ok().map(|identities| {
                identities
                    .iter()
                    .map(|(mount_point, text)| (mount_point.as_str(), text.as_str()))
                    .collect()
            }),
            unreadable: survey
                .unreadable
                .iter()
                .map(|(path, why)| (path.as_str(), why.as_str()))
                .collect(),
        }
    }
}
