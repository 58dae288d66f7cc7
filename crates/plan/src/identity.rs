//! What things say of themselves on the nodes, so that the records can be rebuilt from there.

use mortar_model::{Brick, ByteSize, Node, Volume, VolumeOption, ZoneChecking};

/// What the names of identity options begin with.
pub(crate) const PREFIX: &str = "user.mortar.";

/// Options `user.mortar.*` of a volume. GlusterFS keeps options of the `user.` namespace and does nothing with them.
pub(crate) fn volume_options(volume: &Volume, size: ByteSize) -> Vec<VolumeOption> {
    let zones = match volume.zone_checking {
        ZoneChecking::None => "none",
        ZoneChecking::Strict => "strict",
    };
    let factor = if volume.snapshots.enable {
        volume.snapshots.factor
    } else {
        0.0
    };
    [
        ("user.mortar.id", volume.id.to_string()),
        ("user.mortar.cluster", volume.cluster.to_string()),
        ("user.mortar.size", size.bytes().to_string()),
        (
            "user.mortar.durability",
            volume.durability.to_string().replace(' ', ":"),
        ),
        ("user.mortar.gid", volume.gid.to_string()),
        ("user.mortar.snapshot-factor", factor.to_string()),
        ("user.mortar.zones", zones.to_owned()),
    ]
    .into_iter()
    .map(|(key, value)| {
        VolumeOption::new(key, value).expect("identity values are made of digits, letters, colons and dots")
    })
    .collect()
}

/// Text of a brick's identity file.
pub(crate) fn brick_file(brick: &Brick, volume: &Volume, node: &Node) -> String {
    // Written by hand to keep one line per fact: an administrator reads this with cat. Every value is a number,
    // an id or a checked name, so nothing needs escaping.
    format!(
        "{{\n  \"mortar\": 1,\n  \"brick\": \"{}\",\n  \"set\": {},\n  \"position\": {},\n  \"size\": {},\n  \
         \"footprint\": {},\n  \"volume\": \"{}\",\n  \"volume_name\": \"{}\",\n  \"device\": \"{}\",\n  \
         \"node\": \"{}\",\n  \"cluster\": \"{}\"\n}}\n",
        brick.id,
        brick.set,
        brick.position,
        brick.size.bytes(),
        brick.footprint().bytes(),
        volume.id,
        volume.name,
        brick.device,
        node.id,
        volume.cluster,
    )
}
