//! A pool that Heketi made, on simulated nodes: its database is taken over, and what it made is operated as it is.

#![allow(clippy::unwrap_used, reason = "a test fails by panic")]

mod laid_out;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use mortar_engine::plan::{CreateVolume, Expansion};
use mortar_engine::{Config, Engine, Kind, OperationState, Outcome, Parts, SystemClock, SystemEntropy};
use mortar_executor::SimHosts;
use mortar_heketi::db::{self, Database};
use mortar_heketi::takeover::{Terms, export, take_over};
use mortar_model::{BrickId, ByteSize, Durability, OperationId, VolumeId, VolumeName};
use mortar_store::{Durability as Kept, MemoryStore, Store as _};

const LIMIT: Duration = Duration::from_secs(30);

struct Bed {
    hosts: SimHosts,
    engine: Engine,
}

/// The database of the last version.
fn with_a_clone() -> Database {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../heketi/tests/databases/version-10.db"
    );
    db::read(&std::fs::read(file).unwrap()).unwrap()
}

/// The same without the clone: its origin has its thin pools for itself.
fn database() -> Database {
    let mut database = with_a_clone();
    laid_out::forget(&mut database, "vol_clone");
    database
}

impl Bed {
    fn new(database: &Database) -> Self {
        let mut database = database.clone();
        let hosts = SimHosts::new(laid_out::world(&mut database));
        let takeover = take_over(&database, Terms::default());
        let store = MemoryStore::new();
        let writes = mortar_engine::records_of(&takeover.inventory).unwrap();
        store.apply(&writes, Kept::Synced).unwrap();
        let quiet = Config {
            health_interval: Duration::from_secs(3600),
            recovery_interval: Duration::from_secs(3600),
            ..Config::default()
        };
        let parts = Parts {
            store: Arc::new(store),
            hosts: Arc::new(hosts.clone()),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy::open().unwrap()),
        };
        let engine = Engine::open(parts, quiet).unwrap();
        engine.start();
        Self { hosts, engine }
    }

    /// A pool whose tags are written and whose sets are known: what a server comes to by itself.
    async fn settled(database: &Database) -> Self {
        let bed = Self::new(database);
        for _ in 0..3 {
            bed.mend().await;
        }
        bed
    }

    /// Mends what is mended by itself.
    async fn mend(&self) {
        let reconciled = self.engine.reconcile().await;
        assert_eq!(format!("{:?}", reconciled.failed), "[]");
    }

    async fn kinds(&self) -> Vec<String> {
        let check = self.engine.check().await;
        check
            .findings
            .iter()
            .map(|finding| {
                format!(
                    "{finding} (recorded {}) at {}",
                    finding.proof.recorded, finding.proof.place
                )
            })
            .collect()
    }

    async fn done(&self, id: OperationId) {
        let state = self.engine.wait(id, LIMIT).await;
        let done = matches!(&state, Some(OperationState::Ended(ended))
            if matches!(ended.outcome, Outcome::Done { .. }) && ended.warnings.is_empty());
        assert!(done, "{state:?}");
    }

    fn volume(&self, name: &str) -> VolumeId {
        self.engine.view(|landscape| {
            let mut volumes = landscape.inventory().volumes();
            volumes.find(|volume| volume.name.as_str() == name).unwrap().id
        })
    }

    fn bricks(&self, name: &str) -> Vec<(BrickId, String)> {
        let id = self.volume(name);
        self.engine.view(|landscape| {
            let bricks = landscape.inventory().bricks_of(id);
            bricks
                .map(|brick| (brick.id, brick.place().brick_path()))
                .collect()
        })
    }

    async fn clean(&self) {
        assert_eq!(self.kinds().await, Vec::<String>::new());
        self.hosts
            .world(|world| assert_eq!(world.violations(), Vec::<String>::new()));
    }
}

#[tokio::test]
async fn a_check_knows_everything_again() {
    let bed = Bed::new(&database());
    let check = bed.engine.check().await;
    let kinds: std::collections::BTreeSet<Kind> = check.findings.iter().map(|finding| finding.kind).collect();
    // Files beside bricks tell their places, and so wait for those; the one of a volume with one brick does not.
    let wanted = [
        Kind::NodeFile,
        Kind::IdentityMissing,
        Kind::VolumeIdentityMissing,
        Kind::VolumeSets,
    ];
    assert_eq!(kinds, wanted.into(), "{:#?}", bed.kinds().await);
    let by_itself =
        |finding: &mortar_engine::Finding| matches!(finding.remedy, mortar_engine::Remedy::Automatic(_));
    assert!(
        check.findings.iter().all(by_itself),
        "all of it is tagged without a word"
    );
    for _ in 0..3 {
        bed.mend().await;
    }
    bed.clean().await;
}

#[tokio::test]
async fn sets_become_what_the_pool_says() {
    let bed = Bed::settled(&database()).await;
    let wide = bed.bricks("vol_wide");
    let told = bed.hosts.world(|world| {
        let pool = world.pool("n1").unwrap();
        let volume = pool
            .volumes
            .iter()
            .find(|volume| volume.name == "vol_wide")
            .unwrap();
        volume.bricks.clone()
    });
    let recorded: Vec<&str> = wide.iter().map(|(_, path)| path.as_str()).collect();
    let told: Vec<&str> = told
        .iter()
        .map(|brick| brick.rsplit_once(':').unwrap().1)
        .collect();
    assert_eq!(recorded, told);
    let guessed = bed.engine.view(|landscape| {
        landscape
            .inventory()
            .volumes()
            .filter(|volume| volume.sets_guessed)
            .count()
    });
    assert_eq!(guessed, 0);
}

#[tokio::test]
async fn a_brick_of_guessed_sets_does_not_move() {
    let bed = Bed::new(&database());
    let (brick, _) = bed.bricks("vol_wide")[0].clone();
    let refused = bed.engine.evict_brick(brick, false).await.unwrap_err();
    assert!(refused.to_string().contains("'mortar check' asks"), "{refused}");
}

#[tokio::test]
async fn volumes_of_heketis_are_deleted_to_the_last_line() {
    let bed = Bed::settled(&database()).await;
    let hosting = bed.engine.delete_volume(bed.volume("vol_blockhost")).await;
    assert!(hosting.is_err(), "its block volumes go first");
    let blocks: Vec<_> = bed
        .engine
        .view(|landscape| landscape.inventory().blocks().map(|block| block.id).collect());
    assert!(!blocks.is_empty());
    for block in blocks {
        let id = bed.engine.delete_block(block).await.unwrap();
        bed.done(id).await;
    }
    for name in [
        "vol_data",
        "vol_arbiter",
        "vol_wide",
        "vol_disperse",
        "plain",
        "vol_blockhost",
    ] {
        let id = bed.engine.delete_volume(bed.volume(name)).await.unwrap();
        bed.done(id).await;
    }
    bed.clean().await;
    bed.hosts.world(|world| {
        for node in 1..=6 {
            let host = format!("n{node}");
            let view = world.host(&host).unwrap();
            let volumes = view.logical_volumes.iter();
            let left: Vec<&str> = volumes.map(|volume| volume.name.as_str()).collect();
            assert!(
                left.iter().all(|name| name.contains("pmspare")),
                "{host}: {left:?}"
            );
            assert!(
                view.mounts.iter().all(|mount| !mount.target.contains("brick_")),
                "{host}"
            );
            assert!(!laid_out::fstab(world, &host).contains("brick_"), "{host}");
        }
    });
}

#[tokio::test]
async fn a_volume_of_heketis_grows_where_it_is_and_by_more_bricks() {
    let bed = Bed::settled(&database()).await;
    let before = bed.bricks("vol_data");
    let id = bed
        .engine
        .expand_volume(bed.volume("vol_data"), ByteSize::from_gib(2), Expansion::InPlace)
        .await
        .unwrap();
    bed.done(id).await;
    assert_eq!(bed.bricks("vol_data"), before);
    let id = bed
        .engine
        .expand_volume(
            bed.volume("vol_data"),
            ByteSize::from_gib(1),
            Expansion::AddBricks,
        )
        .await
        .unwrap();
    bed.done(id).await;
    let after = bed.bricks("vol_data");
    assert_eq!(after.len(), 6);
    assert!(
        after[..3]
            .iter()
            .all(|(_, path)| path.starts_with("/var/lib/heketi/"))
    );
    assert!(
        after[3..]
            .iter()
            .all(|(_, path)| path.starts_with("/var/lib/mortar/"))
    );
    bed.clean().await;
}

#[tokio::test]
async fn a_brick_of_heketis_moves_to_where_mortar_puts_bricks() {
    let bed = Bed::settled(&database()).await;
    assert!(bed.hosts.world(|world| world.write_files("n1", "vol_data", 20)));
    for name in ["vol_data", "vol_wide"] {
        let (brick, old) = bed.bricks(name)[0].clone();
        let id = bed.engine.evict_brick(brick, false).await.unwrap();
        bed.done(id).await;
        let paths: Vec<String> = bed.bricks(name).into_iter().map(|(_, path)| path).collect();
        assert!(
            !paths.contains(&old) && paths[0].starts_with("/var/lib/mortar/"),
            "{paths:?}"
        );
    }
    bed.clean().await;
}

/// Its origin keeps the thin pool that both are in, and the last of the two takes it along.
#[tokio::test]
async fn a_clone_of_heketis_is_deleted_and_its_origin_stays() {
    let bed = Bed::settled(&with_a_clone()).await;
    bed.clean().await;
    let pools = |bed: &Bed| {
        bed.hosts.world(|world| {
            let view = world.host("n1").unwrap();
            let volumes = view.logical_volumes.iter();
            volumes.filter(|volume| volume.name.starts_with("tp_")).count()
        })
    };
    let before = pools(&bed);
    for (name, left) in [("vol_clone", before), ("vol_data", before - 1)] {
        let id = bed.engine.delete_volume(bed.volume(name)).await.unwrap();
        bed.done(id).await;
        assert_eq!(pools(&bed), left, "{name}");
        bed.clean().await;
    }
}

#[tokio::test]
async fn a_brick_of_a_clone_of_heketis_moves_and_the_clone_gets_more_bricks() {
    let bed = Bed::settled(&with_a_clone()).await;
    let (brick, old) = bed.bricks("vol_clone")[0].clone();
    let id = bed.engine.evict_brick(brick, false).await.unwrap();
    bed.done(id).await;
    let id = bed
        .engine
        .expand_volume(
            bed.volume("vol_clone"),
            ByteSize::from_gib(1),
            Expansion::AddBricks,
        )
        .await
        .unwrap();
    bed.done(id).await;
    let paths: Vec<String> = bed
        .bricks("vol_clone")
        .into_iter()
        .map(|(_, path)| path)
        .collect();
    assert!(paths.len() == 6 && !paths.contains(&old), "{paths:?}");
    let stay = paths
        .iter()
        .filter(|path| path.starts_with("/run/gluster/snaps/"));
    assert_eq!(stay.count(), 2, "{paths:?}");
    bed.clean().await;
}

#[tokio::test]
async fn new_volumes_and_old_ones_live_side_by_side_and_go_home() {
    let bed = Bed::settled(&database()).await;
    let mut request = CreateVolume::new(ByteSize::from_gib(1), Durability::Replicate(3));
    request.name = Some(VolumeName::new("fresh").unwrap());
    let id = bed.engine.create_volume(request).await.unwrap();
    bed.done(id).await;
    bed.clean().await;
    let kept = take_over(&database(), Terms::default()).kept;
    let home = bed
        .engine
        .view(|landscape| export(landscape.inventory(), &kept).unwrap().database);
    let checked = db::check::check(&home);
    let faults: Vec<&str> = checked.faults().collect();
    assert!(faults.is_empty(), "{faults:#?}");
    let fresh = home
        .volumes
        .values()
        .find(|volume| volume.info.name == "fresh")
        .unwrap();
    let path = &home.bricks[&fresh.bricks[0]].info.path;
    assert!(path.starts_with("/var/lib/mortar/mounts/"), "{path}");
}

#[tokio::test]
async fn a_reboot_and_a_lost_mount_are_mended_as_heketi_left_them() {
    let bed = Bed::settled(&database()).await;
    let (_, path) = bed.bricks("plain")[0].clone();
    let mount_point = path.strip_suffix("/brick").unwrap().to_owned();
    assert!(bed.hosts.world(|world| world.lose_mount("n5", &mount_point)));
    assert!(
        bed.kinds()
            .await
            .iter()
            .any(|kind| kind.contains("brick_unmounted"))
    );
    bed.mend().await;
    bed.clean().await;
}
