//! The places of a set: what each is for, how large its brick is, and in which order they are filled.
//!
//! Rules on arbiters are Heketi's, so that its users find their tags and options at work; but a device that is kept for
//! arbiters takes no other brick of any volume, as Heketi's documentation says and its code does for arbiter volumes only.

use mortar_model::{ByteSize, Device, Durability, Node, VolumeOption};

use crate::refusal::Rule;
use crate::space::BrickSize;

/// Tag of a device or a node (the device's counts): `required` takes arbiter bricks only, `disabled` takes none, anything
/// else takes both.
pub const ARBITER_TAG: &str = "arbiter";

/// Size of files where nothing is said (Heketi's default).
pub(crate) const AVERAGE_FILE: ByteSize = ByteSize::from_kib(64);

/// Smallest file system of an arbiter: `mkfs.xfs` makes none below 300 MiB since its version 5.19.
const ARBITER_MIN: ByteSize = ByteSize::from_mib(300);

/// What a brick is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It holds files, or pieces of them.
    Data,
    /// It holds names and states of files only.
    Arbiter,
}

/// What a set of a volume is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    durability: Durability,
    average_file: ByteSize,
}

impl Shape {
    pub(crate) const fn new(durability: Durability, average_file: ByteSize) -> Self {
        Self {
            durability,
            average_file,
        }
    }

    pub(crate) const fn bricks_per_set(&self) -> u32 {
        self.durability.bricks_per_set()
    }

    pub(crate) const fn data_bricks(&self) -> u32 {
        self.durability.data_bricks()
    }

    pub(crate) const fn role(&self, place: u32) -> Role {
        if self.durability.is_arbiter(place) {
            Role::Arbiter
        } else {
            Role::Data
        }
    }

    /// The brick at this place, where one that holds data is `data`.
    pub(crate) fn brick(&self, place: u32, data: BrickSize) -> BrickSize {
        match self.role(place) {
            Role::Data => data,
            Role::Arbiter => BrickSize {
                size: arbiter_of(data.size, self.average_file),
                ..data
            },
        }
    }

    /// Orders in which places are filled; each is tried until one works. Places other than an arbiter's are alike, so
    /// filling them one after the other finds a way where there is one. An arbiter that is placed first may take a node
    /// without which there are too few for data, and one that is placed last may find those that take arbiters used up; of
    /// the two orders one works where any does.
    pub(crate) fn orders(&self) -> Vec<Vec<u32>> {
        let places = 0..self.bricks_per_set();
        let (arbiters, data): (Vec<u32>, Vec<u32>) = places
            .clone()
            .partition(|place| self.role(*place) == Role::Arbiter);
        if arbiters.is_empty() {
            return vec![data];
        }
        vec![arbiters.into_iter().chain(data).collect(), places.collect()]
    }
}

/// Size of the arbiter beside data bricks of this size: 1 KiB for each file that they have room for (Heketi's rule; an
/// inode with GlusterFS's extended attributes is half of it), never more than a data brick.
fn arbiter_of(data: ByteSize, average_file: ByteSize) -> ByteSize {
    let files = data.kib().div_ceil(average_file.kib().max(1));
    let size = ByteSize::from_kib(files).round_up(ByteSize::from_kib(4));
    size.max(ARBITER_MIN).min(data)
}

/// Size of the arbiter of a volume with these options beside data bricks of this size.
pub fn arbiter_size(data: ByteSize, options: &[VolumeOption]) -> ByteSize {
    let said = options.iter().rev().find_map(|option| average_file(option)?.ok());
    arbiter_of(data, said.unwrap_or(AVERAGE_FILE))
}

/// What an option says of the average size of files, when it is one that does.
///
/// # Errors
/// It is no whole number of KiB from 1 on.
pub(crate) fn average_file(option: &VolumeOption) -> Option<Result<ByteSize, String>> {
    if !matches!(
        option.key(),
        "user.mortar.average-file-size" | "user.heketi.average-file-size"
    ) {
        return None;
    }
    let kib = option.value().parse::<u64>().ok().filter(|kib| *kib > 0);
    Some(kib.map(ByteSize::from_kib).ok_or_else(|| {
        format!(
            "{} is a whole number of KiB from 1 on, not {}",
            option.key(),
            option.value()
        )
    }))
}

/// The rule by which the tags of a device keep a brick away.
pub(crate) fn tag_rule(role: Role, device: &Device, node: &Node) -> Option<Rule> {
    match (arbiter_tag(device, node)?, role) {
        ("disabled", Role::Arbiter) => Some(Rule::NoArbiters),
        ("required", Role::Data) => Some(Rule::OnlyArbiters),
        _ => None,
    }
}

/// Whether the device is kept for arbiters.
pub(crate) fn only_arbiters(device: &Device, node: &Node) -> bool {
    arbiter_tag(device, node) == Some("required")
}

fn arbiter_tag<'a>(device: &'a Device, node: &'a Node) -> Option<&'a str> {
    let tag = device
        .tags
        .get(ARBITER_TAG)
        .or_else(|| node.tags.get(ARBITER_TAG));
    tag.map(String::as_str)
}

#[cfg(test)]
mod tests {
    use mortar_model::{ByteSize, VolumeOption};

    use super::arbiter_size;

    #[test]
    fn an_arbiter_has_room_for_as_many_files_as_the_data() {
        let option = |kib: &str| vec![VolumeOption::new("user.heketi.average-file-size", kib).unwrap()];
        for (gib, options, kib) in [
            (100, Vec::new(), 100 * 1024 * 1024 / 64),
            (100, option("256"), 100 * 1024 * 1024 / 256),
            (100, option("1"), 100 * 1024 * 1024),
            (1, Vec::new(), 300 * 1024),
            (4, option("1048576"), 300 * 1024),
        ] {
            let size = arbiter_size(ByteSize::from_gib(gib), &options);
            assert_eq!(size, ByteSize::from_kib(kib), "{gib} GiB, {options:?}");
        }
        let small = ByteSize::from_mib(100);
        assert_eq!(arbiter_size(small, &[]), small, "never more than a data brick");
    }
}
