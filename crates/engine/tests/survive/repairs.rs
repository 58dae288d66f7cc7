//! Damage that repairs mend, done behind the engine's back, and what must be so after any operation: a check that is
//! clean.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_argv::{Batch, Command};
use mortar_command::Settings;
use mortar_engine::{Begun, EngineError, Finding, Kind};
use mortar_model::work::{BrickSpec, Thing};
use mortar_model::{BrickId, BrickSpace, ByteSize, DevicePath, OperationId, OperationKind, VolumeId, layout};

use crate::cases::{Case, Prepare, nothing, volume_on_directories, volume_on_disks};
use crate::pools;
use crate::support::bed::Bed;

type Damage = fn(&Bed);

/// What is damaged before a case is run, by the case's name.
const DAMAGES: &[(&str, Damage)] = &[
    ("repair_mount_on_disk", |bed| unmount(bed, &[2])),
    ("repair_mounts_on_directories", |bed| unmount(bed, &[1, 3])),
    ("repair_what_is_told", |bed| {
        let (host, target) = mount_point(bed, 2);
        let entry = format!("\\| {target} xfs |d");
        run(
            bed,
            &host,
            Command::new("sed").args(["-i", "-e", &entry, "/etc/fstab"]),
        );
        run(
            bed,
            &host,
            Command::new("rm").arg(format!("{target}/mortar.json")),
        );
        run(
            bed,
            &host,
            Command::new("chown").arg(":7").arg(format!("{target}/brick")),
        );
    }),
    ("repair_options", |bed| {
        let options = ["performance.readdir-ahead", "on", "user.mortar.size", "7"];
        run(bed, "n1", gluster(&["volume", "set", "data"]).args(options));
    }),
    ("repair_stopped_volume", |bed| {
        run(bed, "n1", gluster(&["volume", "stop", "data", "force"]));
    }),
    ("repair_orphan_on_disk", |bed| stray(bed, "/dev/sdb")),
    ("repair_orphan_on_directory", |bed| stray(bed, "/disks/one")),
    ("repair_unfinished_clone_in_a_pool", unfinished),
    ("replace_node", |bed| {
        bed.hosts.world(|world| {
            assert!(world.reinstall_node("n3"));
            assert!(world.start_new_glusterd("n3"));
        });
    }),
    ("repair_lost_peer", |bed| {
        run(bed, "n1", gluster(&["peer", "detach", "n3"]));
    }),
];

/// Cases of repairs.
pub(crate) const ALL: &[Case] = &[
    mends("repair_mount_on_disk", volume_on_disks),
    mends("repair_mounts_on_directories", volume_on_directories),
    mends("repair_what_is_told", volume_on_disks),
    mends("repair_options", volume_on_disks),
    mends("repair_stopped_volume", volume_on_directories),
    mends("repair_orphan_on_disk", volume_on_disks),
    mends("repair_orphan_on_directory", volume_on_directories),
    mends("repair_unfinished_clone_in_a_pool", pools::volume),
    mends("repair_lost_peer", nothing),
];

const fn mends(name: &'static str, prepare: Prepare) -> Case {
    Case {
        name,
        kind: OperationKind::Repair,
        lost: None,
        prepare,
        run: repair,
    }
}

/// Does the damage of this case, if it has one; answers whether.
pub(crate) fn damage(bed: &Bed, case: &str) -> bool {
    let damage = DAMAGES.iter().find(|(name, _)| *name == case);
    damage.inspect(|(_, damage)| damage(bed)).is_some()
}

fn gluster(words: &[&str]) -> Command {
    Command::new("gluster")
        .arg("--mode=script")
        .args(words.iter().copied())
}

fn run(bed: &Bed, host: &str, command: Command) {
    let batch = Batch::new().run(command);
    let report = bed.hosts.world(|world| world.run(host, &batch));
    assert!(report.success(), "{batch:?}: {report:?}");
}

/// Where the first brick of the node is mounted.
fn mount_point(bed: &Bed, number: u32) -> (String, String) {
    let node = bed.node(number);
    bed.inventory(|inventory| {
        let brick = inventory
            .bricks()
            .find(|brick| inventory.node_of_brick(brick).unwrap().id == node)
            .unwrap();
        (format!("n{number}"), layout::mount_point(brick.device, brick.id))
    })
}

fn unmount(bed: &Bed, nodes: &[u32]) {
    for number in nodes {
        let (host, target) = mount_point(bed, *number);
        assert!(bed.hosts.world(|world| world.lose_mount(&host, &target)));
    }
}

/// A brick that no record knows, made just as Mortar makes them.
fn stray(bed: &Bed, path: &str) {
    let size = ByteSize::from_gib(1);
    let (pool, metadata) = (size, ByteSize::from_mib(8));
    let spec = BrickSpec {
        brick: BrickId::from_u128(0xbad),
        volume: VolumeId::from_u128(0xbad),
        device: bed.device(2, path),
        device_path: DevicePath::new(path).unwrap(),
        space: if path.starts_with("/dev/") {
            BrickSpace::ThinPool { pool, metadata }
        } else {
            BrickSpace::Image
        },
        size,
        arbiter: false,
        gid: 0,
        identity: "{}\n".into(),
        from: None,
        names: None,
        pool: None,
    };
    let batch = mortar_command::make(&Thing::Brick(spec), &Settings::default());
    let report = bed.hosts.world(|world| world.run("n2", &batch));
    assert!(report.success(), "{report:?}");
}

/// What was to become a brick of a copy, and was given up.
fn unfinished(bed: &Bed) {
    let (device, brick) = (bed.device(2, "/dev/sdc"), BrickId::from_u128(0xbad));
    let pool = format!("{}/{}", layout::volume_group(device), layout::SHARED_POOL);
    let create = Command::new("lvcreate")
        .args(["--yes", "--thin", &pool, "--virtualsize", "1G", "--name"])
        .arg(layout::logical_volume_in_making(brick))
        .args(["--addtag", &layout::brick_tag(brick)]);
    run(bed, "n2", create);
}

/// The files of the nodes follow the records by themselves, which is switched off in this bed.
fn is_told(finding: &&Finding) -> bool {
    finding.kind != Kind::NodeFile
}

async fn ids(bed: &Bed) -> Vec<String> {
    let check = bed.engine.check().await;
    check.findings.iter().filter(is_told).map(Finding::id).collect()
}

/// Mends all that can be mended, on command.
pub(crate) fn repair(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    async {
        let ids = ids(bed).await;
        let run = bed.engine.repair(Some(&ids), false).await;
        let begun: Vec<OperationId> = run
            .tasks
            .iter()
            .filter_map(|task| match task.begun {
                Begun::Operation(operation) => Some(operation),
                _ => None,
            })
            .collect();
        // The damage of one case is mended by one operation; none, when the program died before.
        assert!(begun.len() <= 1, "{run:#?}");
        begun.first().copied().ok_or(EngineError::Stopping)
    }
    .boxed()
}

/// A repair that was cut short is simply begun anew.
pub(crate) async fn mend(bed: &Bed, story: &str) {
    for _ in 0..3 {
        match repair(bed).await {
            Ok(id) => bed.settle(id, story).await,
            Err(_) => return,
        }
    }
}

/// Whatever was done, and whatever went wrong meanwhile: a check finds nothing.
pub(crate) async fn assert_clean(bed: &Bed, story: &str) {
    let check = bed.engine.check().await;
    let findings: Vec<&Finding> = check.findings.iter().filter(is_told).collect();
    assert!(findings.is_empty(), "{story}: a check finds {findings:#?}");
    assert_eq!(check.left_out, 0, "{story}: something is left out");
}
