//! What is on the nodes of a lab: everything that a volume may leave behind.

use mortar_lab::Lab;

use crate::ground::on;

/// Lists, line by line: images, half-made images, logical volumes and pools, mounts and their folders, mount entries,
/// loop devices that serve an image. `$0` is the folder of images, the other arguments are the devices' ids.
const SEARCH: &str = r#"
find "$0" -mindepth 1 2>/dev/null
disk=$(stat --format='%Hd:%Ld' "$0" 2>/dev/null)
losetup --list --noheadings --output NAME,BACK-MAJ:MIN,BACK-FILE |
  awk -v disk="$disk" '$2 == disk && /mortar-bricks/ { print "loop", $1, $3 }'
for device; do
  ! command -v lvs >/dev/null || lvs --noheadings --options lv_full_name "vg_$device" 2>/dev/null
  grep -F "/var/lib/mortar/mounts/vg_$device" /proc/self/mountinfo | sed 's/^/mount /'
  grep -F "/var/lib/mortar/mounts/vg_$device" /var/lib/mortar/fstab | sed 's/^/entry /'
  find "/var/lib/mortar/mounts/vg_$device" -mindepth 1 -maxdepth 1 2>/dev/null
done
true
"#;

/// What of bricks is on a node's disk and of its devices.
pub(crate) fn on_node(lab: &Lab, node: &str, disk: &str, devices: &[String]) -> Vec<String> {
    let folder = format!("{disk}/mortar-bricks");
    let mut argv = vec!["sh", "-c", SEARCH, &folder];
    argv.extend(devices.iter().map(String::as_str));
    let found = on(lab, node, &argv);
    found.lines().map(|line| format!("{node}: {line}")).collect()
}

/// Names of the pool's volumes.
pub(crate) fn volumes(lab: &Lab, node: &str) -> Vec<String> {
    let list = on(lab, node, &["gluster", "--mode=script", "volume", "list"]);
    list.lines()
        .filter(|line| !line.starts_with("No volumes"))
        .map(str::to_owned)
        .collect()
}
