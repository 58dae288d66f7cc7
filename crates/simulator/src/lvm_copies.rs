//! Thin volumes that begin as copies of others in their pool, and volumes that get other names: lvcreate --snapshot, lvrename.
//!
//! Texts are those of LVM 2.03.31, seen in a guest with device-mapper.

use mortar_argv::Output;

use crate::images::copied;
use crate::lvm::{Lv, LvKind, bad_option, group, is_lvm_name, no_group, with_common};
use crate::lvm_make::{has_room, not_backed_up};
use crate::text::Text;
use crate::tool::{Parsed, Shell, fail};

/// `lvcreate --snapshot --setactivationskip n [--addtag TAG]… --name NAME VG/ORIGIN`. It takes the tags itself: no pool is made.
pub(crate) fn snapshot(shell: &mut Shell<'_>, read: &Parsed<'_>) -> Output {
    if read.value(&["--setactivationskip", "-k"]) != Some("n") {
        return fail(5, "  The simulated node makes no volumes that are not active.");
    }
    let (Some(name), [word]) = (read.value(&["--name", "-n"]), &read.words[..]) else {
        return fail(
            3,
            "  The simulated node gives no names to volumes: --name is needed.",
        );
    };
    let Some((group_name, origin)) = word.split_once('/') else {
        return fail(
            3,
            "  Please specify a logical volume to act as the snapshot origin.",
        );
    };
    if !is_lvm_name(name) {
        return fail(3, "  Logical volume name is invalid.");
    }
    let Some(number) = group(shell.node, shell.names, group_name) else {
        return no_group(group_name);
    };
    let found = shell.node.groups.get(number).expect("found by its name");
    if found.position(shell.names, name).is_some() {
        return fail(
            5,
            format!("  Logical Volume \"{name}\" already exists in volume group \"{group_name}\""),
        );
    }
    let Some(at) = found.position(shell.names, origin) else {
        return fail(
            5,
            format!("  Snapshot origin LV {origin} not found in Volume group {group_name}."),
        );
    };
    let (kind, extents, system) = {
        let origin = &found.volumes[at];
        (origin.kind, origin.extents, origin.system)
    };
    let LvKind::Thin(pool) = kind else {
        return fail(5, "  The simulated node makes snapshots of thin volumes only.");
    };
    let pool = found.volumes.iter().find(|volume| volume.stamp == pool);
    let room = pool.map_or(Ok(()), |pool| has_room(shell.node, shell.names, found, pool));
    if let Err(why) = room {
        return fail(5, format!("  {why}"));
    }
    let tags: Box<[Text]> = read
        .values(&["--addtag"])
        .iter()
        .map(|tag| shell.names.store(tag))
        .collect();
    let volume = Lv {
        name: shell.names.store(name),
        stamp: shell.stamps.next(),
        extents,
        metadata: 0,
        kind,
        tags,
        system: system.and_then(|system| copied(shell.node, system)),
    };
    let found = shell.node.groups.get_mut(number).expect("found by its name");
    found.volumes.push(volume);
    changed(read, format!("  Logical volume \"{name}\" created.\n"))
}

/// `lvrename VG OLD NEW`
pub(crate) fn lvrename(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let read = match Parsed::read(arguments, &with_common(&[])) {
        Ok(read) => read,
        Err(option) => return bad_option("lvrename", option),
    };
    let [group_name, old, new] = read.words[..] else {
        return fail(3, "  Old and new logical volume names required");
    };
    let Some(number) = group(shell.node, shell.names, group_name) else {
        return no_group(group_name);
    };
    let found = shell.node.groups.get_mut(number).expect("found by its name");
    if found.position(shell.names, new).is_some() {
        return fail(
            5,
            format!("  Logical Volume \"{new}\" already exists in volume group \"{group_name}\""),
        );
    }
    let Some(at) = found.position(shell.names, old) else {
        return fail(
            5,
            format!("  Existing logical volume \"{old}\" not found in volume group \"{group_name}\""),
        );
    };
    found.volumes[at].name = shell.names.store(new);
    changed(
        &read,
        format!("  Renamed \"{old}\" to \"{new}\" in volume group \"{group_name}\"\n"),
    )
}

fn changed(read: &Parsed<'_>, said: String) -> Output {
    Output {
        status: 0,
        stdout: if read.has(&["-q", "--quiet"]) {
            String::new()
        } else {
            said
        },
        stderr: not_backed_up(read).to_owned(),
    }
}
