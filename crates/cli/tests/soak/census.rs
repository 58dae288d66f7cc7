//! What is on the nodes, counted from the nodes themselves, and what the store says should be there.

use std::collections::BTreeMap;

use mortar_lab::Lab;
use serde_json::Value;

use crate::site::Site;
use crate::world::{World, Wrong, text};

/// Prints, one thing a line: volumes with their state, identity and bricks as glusterd tells them; its records of
/// volumes; brick processes; images with their sizes; loop devices; mounts; mount entries; folders of bricks; identity
/// files. `$0` is the folder of images.
const COUNT: &str = r#"
gluster --mode=script volume info | awk '
  /^Volume Name: / { v = $3; print "volume " v }
  /^Status: / { print "status " v " " $2 }
  /^Brick[0-9]+: / { print "brick " v " " $2 }
  /^user.mortar.(id|size): / { print "option " v " " $1 " " $2 }'
ls /var/lib/glusterd/vols | sed 's/^/record /'
for each in /proc/[0-9]*/cmdline; do
  tr '\0' '\n' <"$each" 2>/dev/null | awk '
    NR == 1 && !/glusterfsd$/ { exit }
    name { print "process " $0; exit }
    /^--brick-name$/ { name = 1 }'
done
find "$0" -mindepth 1 -printf 'image %f %s\n' 2>/dev/null
disk=$(stat --format='%Hd:%Ld' "$0" 2>/dev/null)
losetup --list --noheadings --output BACK-MAJ:MIN,BACK-FILE |
  awk -v disk="$disk" '$1 == disk && /mortar-bricks/ { sub(".*/", "", $2); print "loop", $2, $3 }'
awk '$5 ~ "^/var/lib/mortar/mounts/" { print "mount " $5 }' /proc/self/mountinfo
awk 'NF { print "entry " $2 }' /var/lib/mortar/fstab
find /var/lib/mortar/mounts -mindepth 2 -maxdepth 2 -printf 'folder %p\n' 2>/dev/null
for each in /var/lib/mortar/mounts/*/*/mortar.json; do
  [ -e "$each" ] && printf 'identity %s %s\n' "$each" "$(tr -d ' \n' <"$each")"
done
true
"#;

/// Things on each node, sorted: one line each, and as often as they are there.
pub(crate) type Census = BTreeMap<String, Vec<String>>;

/// Counts what is on the nodes.
pub(crate) fn counted(lab: &Lab, disk: &str) -> Census {
    let folder = format!("{disk}/mortar-bricks");
    lab.nodes()
        .iter()
        .map(|node| {
            let found = crate::ground::on(lab, &node.name, &["sh", "-c", COUNT, &folder]);
            let mut lines: Vec<String> = found.lines().map(plain).collect();
            lines.sort();
            (node.name.clone(), lines)
        })
        .collect()
}

/// A line without what may differ: of an identity file, whose it is.
fn plain(line: &str) -> String {
    let parts: Vec<&str> = line.splitn(3, ' ').collect();
    let ["identity", path, json] = parts.as_slice() else {
        return line.trim_end().to_owned();
    };
    let identity: Value = serde_json::from_str(json).unwrap_or_default();
    format!(
        "identity {path} {} {} {}",
        text(&identity, "brick"),
        text(&identity, "volume"),
        identity["size"]
    )
}

/// What the store says should be there.
pub(crate) fn recorded(world: &World, site: &Site) -> Result<Census, Wrong> {
    let mut census: Census = site
        .nodes
        .iter()
        .map(|(name, _, _)| (name.clone(), Vec::new()))
        .collect();
    let list = world.get("/volumes")?.json();
    for id in list["volumes"].as_array().into_iter().flatten() {
        let volume = world
            .get(&format!("/volumes/{}", id.as_str().unwrap_or_default()))?
            .json();
        of_volume(site, &volume, &mut census)?;
    }
    for lines in census.values_mut() {
        lines.sort();
    }
    Ok(census)
}

fn of_volume(site: &Site, volume: &Value, census: &mut Census) -> Result<(), Wrong> {
    let (name, id) = (text(volume, "name"), text(volume, "id"));
    let size = volume["size"].as_u64().unwrap_or_default() << 30;
    let everywhere = [
        format!("volume {name}"),
        format!("status {name} Started"),
        format!("record {name}"),
        format!("option {name} user.mortar.id: {id}"),
        format!("option {name} user.mortar.size: {size}"),
    ];
    for lines in census.values_mut() {
        lines.extend(everywhere.clone());
    }
    for brick in volume["bricks"].as_array().into_iter().flatten() {
        let (path, node) = (text(brick, "path"), text(brick, "node"));
        let node = site
            .nodes
            .iter()
            .position(|(_, known, _)| *known == node)
            .ok_or_else(|| format!("a brick on a node that nobody added: {brick}"))?;
        let host = site.lab.nodes()[node].address;
        for lines in census.values_mut() {
            lines.push(format!("brick {name} {host}:{path}"));
        }
        let lines = census.entry(site.nodes[node].0.clone()).or_default();
        lines.extend(of_brick(brick, &path, &id));
    }
    Ok(())
}

fn of_brick(brick: &Value, path: &str, volume: &str) -> [String; 7] {
    let id = text(brick, "id");
    let bytes = brick["size"].as_u64().unwrap_or_default() << 10;
    let point = path.trim_end_matches("/brick");
    [
        format!("process {path}"),
        format!("image brick_{id}.img {bytes}"),
        format!("loop brick_{id}.img"),
        format!("mount {point}"),
        format!("entry {point}"),
        format!("folder {point}"),
        format!("identity {point}/mortar.json {id} {volume} {bytes}"),
    ]
}

/// What differs, a line each: what is on a node and not in the store (an orphan), and what is not there but should be.
pub(crate) fn differences(counted: &Census, recorded: &Census) -> Vec<String> {
    let mut differences = Vec::new();
    for (node, found) in counted {
        let mut wanted = recorded.get(node).cloned().unwrap_or_default();
        for line in found {
            match wanted.iter().position(|other| other == line) {
                Some(place) => drop(wanted.swap_remove(place)),
                None => differences.push(format!("{node}: orphan: {line}")),
            }
        }
        differences.extend(wanted.iter().map(|line| format!("{node}: missing: {line}")));
    }
    differences
}
