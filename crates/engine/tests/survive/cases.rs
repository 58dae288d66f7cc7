//! One case per kind of operation and kind of device.

use futures::FutureExt as _;
use futures::future::BoxFuture;
use mortar_engine::EngineError;
use mortar_model::{
    ByteSize, DevicePath, Durability, OperationId, OperationKind, OptionName, Snapshots, State, Tags,
    VolumeName, VolumeOption,
};
use mortar_plan::{AddDevice, CreateBlock, CreateVolume, Expansion, OptionsChange, ReplaceBlockHost};
use mortar_simulator::{Foreign, Missed};

use crate::support::bed::Bed;

/// Prepares what the operation needs.
pub(crate) type Prepare = for<'a> fn(&'a Bed) -> BoxFuture<'a, ()>;
type Run = for<'a> fn(&'a Bed) -> BoxFuture<'a, Result<OperationId, EngineError>>;

/// An operation and what it needs to be there.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) kind: OperationKind,
    /// A node that loses its power before it begins, and has it again when everything is at rest.
    pub(crate) lost: Option<&'static str>,
    pub(crate) prepare: Prepare,
    pub(crate) run: Run,
}

const PIECES: Durability = Durability::disperse(2, 1);

pub(crate) fn request(name: &str, durability: Durability, media: &str) -> CreateVolume {
    let mut request = CreateVolume::new(ByteSize::from_gib(2), durability);
    request.name = Some(VolumeName::new(name).unwrap());
    request.gid = 2000;
    request.options = vec![
        VolumeOption::new("user.mortar.device-tag-match", format!("media={media}")).unwrap(),
        VolumeOption::new("performance.readdir-ahead", "off").unwrap(),
    ];
    request
}

pub(crate) async fn make(bed: &Bed, name: &str, durability: Durability, media: &str) {
    let id = bed
        .engine
        .create_volume(request(name, durability, media))
        .await
        .unwrap();
    bed.done(id).await;
}

pub(crate) fn nothing(_: &Bed) -> BoxFuture<'_, ()> {
    async {}.boxed()
}

pub(crate) fn volume_on_disks(bed: &Bed) -> BoxFuture<'_, ()> {
    make(bed, "data", Durability::Replicate(3), "disk").boxed()
}

pub(crate) fn volume_on_directories(bed: &Bed) -> BoxFuture<'_, ()> {
    make(bed, "data", Durability::Replicate(3), "directory").boxed()
}

fn arbiter_volume(bed: &Bed) -> BoxFuture<'_, ()> {
    make(bed, "data", Durability::Arbiter, "disk").boxed()
}

fn dispersed_volume(bed: &Bed) -> BoxFuture<'_, ()> {
    make(bed, "data", PIECES, "directory").boxed()
}

fn expand(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    bed.engine
        .expand_volume(bed.volume("data"), ByteSize::from_gib(2), Expansion::AddBricks)
        .boxed()
}

/// By so much that a pool's metadata grows as well.
pub(crate) fn grow(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    bed.engine
        .expand_volume(bed.volume("data"), ByteSize::from_gib(3), Expansion::InPlace)
        .boxed()
}

/// A volume of two sets.
fn two_sets_on_directories(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        volume_on_directories(bed).await;
        bed.done(expand(bed).await.unwrap()).await;
    }
    .boxed()
}

/// The disk at `/dev/sdb` of n2 becomes larger by a half.
fn larger_disk(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        volume_on_disks(bed).await;
        assert!(
            bed.hosts
                .world(|world| world.grow_disk("n2", "/dev/sdb", 150 << 30))
        );
    }
    .boxed()
}

pub(crate) fn resize<'a>(bed: &'a Bed, path: &str) -> BoxFuture<'a, Result<OperationId, EngineError>> {
    bed.engine.resize_device(bed.device(2, path)).boxed()
}

/// More options than the volume's identity names in one of its own, one with a new value, one given back.
fn set_options(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    let set = [
        ("performance.read-ahead", "off"),
        ("performance.stat-prefetch", "off"),
        ("performance.io-cache", "on"),
        ("performance.quick-read", "off"),
        ("performance.open-behind", "off"),
        ("performance.write-behind", "off"),
        ("network.ping-timeout", "21"),
        ("user.mortar.average-file-size", "128"),
    ];
    let change = OptionsChange {
        set: set
            .map(|(key, value)| VolumeOption::new(key, value).unwrap())
            .into(),
        reset: vec![OptionName::new("performance.readdir-ahead").unwrap()],
    };
    bed.engine.set_options(bed.volume("data"), change).boxed()
}

/// A volume for block volumes.
fn hosting_volume(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        let mut request = request("data", Durability::Replicate(3), "disk");
        request.size = ByteSize::from_gib(8);
        request.block = true;
        bed.done(bed.engine.create_volume(request).await.unwrap()).await;
    }
    .boxed()
}

fn create_block(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    let request = CreateBlock {
        name: Some(VolumeName::new("disk").unwrap()),
        size: ByteSize::from_gib(2),
        clusters: Vec::new(),
        ha: 2,
        auth: true,
    };
    bed.engine.create_block(request).boxed()
}

/// A volume that holds a block volume.
fn block_volume(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        hosting_volume(bed).await;
        bed.done(create_block(bed).await.unwrap()).await;
    }
    .boxed()
}

pub(crate) fn snapshot(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    let name = Some(VolumeName::new("monday").unwrap());
    bed.engine.create_snapshot(bed.volume("data"), name).boxed()
}

/// Two volumes of different layouts on directories; as few bricks as that takes, since every one multiplies the runs.
fn two_volumes(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        for (name, durability) in [("data", Durability::Replicate(2)), ("logs", Durability::None)] {
            let request = request(name, durability, "directory");
            let id = bed.engine.create_volume(request).await.unwrap();
            bed.done(id).await;
        }
    }
    .boxed()
}

fn snapshot_group(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    let volumes = vec![bed.volume("data"), bed.volume("logs")];
    let name = Some(VolumeName::new("monday").unwrap());
    bed.engine.create_snapshot_group(volumes, name).boxed()
}

fn with_group(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        two_volumes(bed).await;
        bed.done(snapshot_group(bed).await.unwrap()).await;
    }
    .boxed()
}

fn delete_group(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    let name = VolumeName::new("monday").unwrap();
    let id = bed.inventory(|inventory| inventory.group_by_name(&name).unwrap().id);
    bed.engine.delete_snapshot_group(id).boxed()
}

/// A volume with a snapshot.
fn with_snapshot(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        volume_on_directories(bed).await;
        bed.done(snapshot(bed).await.unwrap()).await;
    }
    .boxed()
}

/// A volume on disks whose thin pools have room for a snapshot.
fn roomy_volume_on_disks(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        let mut request = request("data", Durability::Replicate(3), "disk");
        request.snapshots = Snapshots {
            enable: true,
            factor: 2.0,
        };
        let id = bed.engine.create_volume(request).await.unwrap();
        bed.done(id).await;
    }
    .boxed()
}

fn with_snapshot_on_disks(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        roomy_volume_on_disks(bed).await;
        bed.done(snapshot(bed).await.unwrap()).await;
    }
    .boxed()
}

fn clone_volume(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    let name = Some(VolumeName::new("again").unwrap());
    bed.engine.clone_volume(bed.volume("data"), name, None).boxed()
}

/// A volume and its clone, in the same thin pools.
fn with_clone_on_disks(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        volume_on_disks(bed).await;
        bed.done(clone_volume(bed).await.unwrap()).await;
    }
    .boxed()
}

/// A clone that has its origin's thin pools for itself.
fn with_clone_alone_on_disks(bed: &Bed) -> BoxFuture<'_, ()> {
    async move {
        with_clone_on_disks(bed).await;
        bed.done(delete(bed).await.unwrap()).await;
    }
    .boxed()
}

pub(crate) fn delete(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    bed.engine.delete_volume(bed.volume("data")).boxed()
}

fn add_device<'a>(
    bed: &'a Bed,
    path: &str,
    destroy: bool,
) -> BoxFuture<'a, Result<OperationId, EngineError>> {
    let path = DevicePath::new(path).unwrap();
    bed.engine
        .add_device(AddDevice {
            node: bed.node(2),
            path,
            tags: Tags::new(),
            destroy,
            shared: None,
        })
        .boxed()
}

/// n3 misses a change that somebody makes of the volume.
fn member_left_behind(bed: &Bed, how: Missed) -> BoxFuture<'_, ()> {
    async move {
        make(bed, "data", Durability::Replicate(3), "disk").await;
        let words = ["--mode=script", "volume", "set", "data", "user.note", "new"];
        let set = mortar_argv::Command::new("gluster").args(words);
        bed.hosts.world(|world| {
            world.misses_next_change("n3", how);
            assert!(world.run_one("n1", &set).success());
            assert_eq!(world.apart(), [("n3".to_owned(), "data".to_owned())]);
        });
    }
    .boxed()
}

fn cure(bed: &Bed) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    bed.engine.cure_member(bed.node(3)).boxed()
}

/// A volume with files, and a fourth node with room for any of its bricks.
async fn make_with_spare(bed: &Bed, durability: Durability, media: &str, path: &str) {
    let spare = bed.add_node(bed.cluster(), 4).await;
    make(bed, "data", durability, media).await;
    bed.add_device(spare, path, media).await;
    assert!(bed.hosts.world(|world| world.write_files("n1", "data", 12)));
}

/// The same with a second volume.
pub(crate) async fn make_two_with_spare(bed: &Bed) {
    make_with_spare(bed, Durability::Replicate(3), "disk", "/dev/sdb").await;
    let request = request("more", Durability::Replicate(2), "disk");
    let id = bed.engine.create_volume(request).await.unwrap();
    bed.done(id).await;
    assert!(bed.hosts.world(|world| world.write_files("n1", "more", 5)));
}

pub(crate) fn evict<'a>(
    bed: &'a Bed,
    host: &'a str,
    dead: bool,
) -> BoxFuture<'a, Result<OperationId, EngineError>> {
    let brick = bed.inventory(|inventory| {
        let mut bricks = inventory.bricks();
        let found = bricks.find(|brick| {
            let node = inventory.node_of_brick(brick);
            node.is_some_and(|node| node.manage.as_str() == host)
        });
        found.unwrap().id
    });
    bed.engine.evict_brick(brick, dead).boxed()
}

fn copies(bed: &Bed, wanted: Durability) -> BoxFuture<'_, Result<OperationId, EngineError>> {
    bed.engine.change_replicas(bed.volume("data"), wanted).boxed()
}

/// A volume with files, of two sets.
async fn make_two_sets(bed: &Bed, durability: Durability, media: &str) {
    make(bed, "data", durability, media).await;
    bed.done(expand(bed).await.unwrap()).await;
    assert!(bed.hosts.world(|world| world.write_files("n1", "data", 6)));
}

/// All cases but repairs, which need something to mend. A new kind of operation is one entry more.
pub(crate) const ALL: &[Case] = &[
    Case {
        name: "create_on_disks",
        kind: OperationKind::CreateVolume,
        lost: None,
        prepare: nothing,
        run: |bed| {
            bed.engine
                .create_volume(request("data", Durability::Replicate(3), "disk"))
                .boxed()
        },
    },
    Case {
        name: "create_on_directories",
        kind: OperationKind::CreateVolume,
        lost: None,
        prepare: nothing,
        run: |bed| {
            bed.engine
                .create_volume(request("data", Durability::Replicate(2), "directory"))
                .boxed()
        },
    },
    Case {
        name: "create_unreplicated",
        kind: OperationKind::CreateVolume,
        lost: None,
        prepare: volume_on_disks,
        run: |bed| {
            bed.engine
                .create_volume(request("more", Durability::None, "disk"))
                .boxed()
        },
    },
    Case {
        name: "create_arbiter",
        kind: OperationKind::CreateVolume,
        lost: None,
        prepare: nothing,
        run: |bed| {
            bed.engine
                .create_volume(request("data", Durability::Arbiter, "directory"))
                .boxed()
        },
    },
    Case {
        name: "create_dispersed",
        kind: OperationKind::CreateVolume,
        lost: None,
        prepare: nothing,
        run: |bed| bed.engine.create_volume(request("data", PIECES, "disk")).boxed(),
    },
    Case {
        name: "expand_arbiter",
        kind: OperationKind::ExpandVolume,
        lost: None,
        prepare: arbiter_volume,
        run: expand,
    },
    Case {
        name: "expand_dispersed",
        kind: OperationKind::ExpandVolume,
        lost: None,
        prepare: dispersed_volume,
        run: expand,
    },
    Case {
        name: "delete_arbiter",
        kind: OperationKind::DeleteVolume,
        lost: None,
        prepare: arbiter_volume,
        run: delete,
    },
    Case {
        name: "delete_dispersed",
        kind: OperationKind::DeleteVolume,
        lost: None,
        prepare: dispersed_volume,
        run: delete,
    },
    Case {
        name: "expand_on_disks",
        kind: OperationKind::ExpandVolume,
        lost: None,
        prepare: volume_on_disks,
        run: expand,
    },
    Case {
        name: "expand_on_directories",
        kind: OperationKind::ExpandVolume,
        lost: None,
        prepare: volume_on_directories,
        run: expand,
    },
    Case {
        name: "grow_on_disks",
        kind: OperationKind::ExpandVolume,
        lost: None,
        prepare: volume_on_disks,
        run: grow,
    },
    Case {
        name: "grow_on_directories",
        kind: OperationKind::ExpandVolume,
        lost: None,
        prepare: volume_on_directories,
        run: grow,
    },
    Case {
        name: "grow_arbiter",
        kind: OperationKind::ExpandVolume,
        lost: None,
        prepare: arbiter_volume,
        run: grow,
    },
    Case {
        name: "grow_two_sets",
        kind: OperationKind::ExpandVolume,
        lost: None,
        prepare: two_sets_on_directories,
        run: grow,
    },
    Case {
        name: "resize_disk",
        kind: OperationKind::ResizeDevice,
        lost: None,
        prepare: larger_disk,
        run: |bed| resize(bed, "/dev/sdb"),
    },
    Case {
        name: "resize_directory",
        kind: OperationKind::ResizeDevice,
        lost: None,
        prepare: |bed| {
            async move {
                volume_on_directories(bed).await;
                let grown = bed
                    .hosts
                    .world(|world| world.resize_device("n2", "/disks/one", 150 << 30));
                assert!(grown);
            }
            .boxed()
        },
        run: |bed| resize(bed, "/disks/one"),
    },
    Case {
        name: "create_block",
        kind: OperationKind::CreateBlock,
        lost: None,
        prepare: hosting_volume,
        run: create_block,
    },
    Case {
        name: "create_block_and_its_hosting_volume",
        kind: OperationKind::CreateBlock,
        lost: None,
        prepare: nothing,
        run: create_block,
    },
    Case {
        name: "expand_block",
        kind: OperationKind::ExpandBlock,
        lost: None,
        prepare: block_volume,
        run: |bed| {
            bed.engine
                .expand_block(bed.block("disk"), ByteSize::from_gib(5))
                .boxed()
        },
    },
    Case {
        name: "replace_block_host",
        kind: OperationKind::ReplaceBlockHost,
        lost: None,
        prepare: block_volume,
        run: |bed| {
            let block = bed.block("disk");
            let old = bed.inventory(|inventory| inventory.block(block).unwrap().hosts[0].clone());
            let request = ReplaceBlockHost {
                block,
                old,
                new: None,
                dead: false,
            };
            bed.engine.replace_block_host(request).boxed()
        },
    },
    Case {
        name: "delete_block",
        kind: OperationKind::DeleteBlock,
        lost: None,
        prepare: block_volume,
        run: |bed| bed.engine.delete_block(bed.block("disk")).boxed(),
    },
    Case {
        name: "set_options",
        kind: OperationKind::SetOptions,
        lost: None,
        prepare: volume_on_disks,
        run: set_options,
    },
    Case {
        name: "copies_from_one_to_three",
        kind: OperationKind::ChangeReplicas,
        lost: None,
        prepare: |bed| make_two_sets(bed, Durability::None, "disk").boxed(),
        run: |bed| copies(bed, Durability::Replicate(3)),
    },
    Case {
        name: "copies_from_two_to_an_arbiter",
        kind: OperationKind::ChangeReplicas,
        lost: None,
        prepare: |bed| make_two_sets(bed, Durability::Replicate(2), "directory").boxed(),
        run: |bed| copies(bed, Durability::Arbiter),
    },
    Case {
        name: "copies_from_three_to_two",
        kind: OperationKind::ChangeReplicas,
        lost: None,
        prepare: |bed| make_two_sets(bed, Durability::Replicate(3), "directory").boxed(),
        run: |bed| copies(bed, Durability::Replicate(2)),
    },
    Case {
        name: "copies_without_an_arbiter",
        kind: OperationKind::ChangeReplicas,
        lost: None,
        prepare: arbiter_volume,
        run: |bed| copies(bed, Durability::Replicate(2)),
    },
    Case {
        name: "create_snapshot",
        kind: OperationKind::CreateSnapshot,
        lost: None,
        prepare: volume_on_directories,
        run: snapshot,
    },
    Case {
        name: "create_snapshot_of_two_sets",
        kind: OperationKind::CreateSnapshot,
        lost: None,
        prepare: two_sets_on_directories,
        run: snapshot,
    },
    Case {
        name: "create_snapshot_dispersed",
        kind: OperationKind::CreateSnapshot,
        lost: None,
        prepare: dispersed_volume,
        run: snapshot,
    },
    Case {
        name: "create_snapshot_group",
        kind: OperationKind::CreateSnapshotGroup,
        lost: None,
        prepare: two_volumes,
        run: snapshot_group,
    },
    Case {
        name: "delete_snapshot_group",
        kind: OperationKind::DeleteSnapshotGroup,
        lost: None,
        prepare: with_group,
        run: delete_group,
    },
    Case {
        name: "delete_snapshot_group_without_a_node",
        kind: OperationKind::Cleanup,
        lost: Some("n2"),
        prepare: with_group,
        run: delete_group,
    },
    Case {
        name: "delete_snapshot",
        kind: OperationKind::DeleteSnapshot,
        lost: None,
        prepare: with_snapshot,
        run: |bed| bed.engine.delete_snapshot(bed.snapshot("monday")).boxed(),
    },
    Case {
        name: "delete_snapshot_without_a_node",
        kind: OperationKind::Cleanup,
        lost: Some("n2"),
        prepare: with_snapshot,
        run: |bed| bed.engine.delete_snapshot(bed.snapshot("monday")).boxed(),
    },
    Case {
        name: "restore_snapshot",
        kind: OperationKind::RestoreSnapshot,
        lost: None,
        prepare: with_snapshot,
        run: |bed| bed.engine.restore_snapshot(bed.snapshot("monday")).boxed(),
    },
    Case {
        name: "create_snapshot_on_disks",
        kind: OperationKind::CreateSnapshot,
        lost: None,
        prepare: roomy_volume_on_disks,
        run: snapshot,
    },
    Case {
        name: "delete_snapshot_on_disks",
        kind: OperationKind::DeleteSnapshot,
        lost: None,
        prepare: with_snapshot_on_disks,
        run: |bed| bed.engine.delete_snapshot(bed.snapshot("monday")).boxed(),
    },
    Case {
        name: "delete_snapshot_without_a_node_on_disks",
        kind: OperationKind::Cleanup,
        lost: Some("n2"),
        prepare: with_snapshot_on_disks,
        run: |bed| bed.engine.delete_snapshot(bed.snapshot("monday")).boxed(),
    },
    Case {
        name: "restore_snapshot_on_disks",
        kind: OperationKind::RestoreSnapshot,
        lost: None,
        prepare: with_snapshot_on_disks,
        run: |bed| bed.engine.restore_snapshot(bed.snapshot("monday")).boxed(),
    },
    Case {
        name: "clone_snapshot",
        kind: OperationKind::CloneVolume,
        lost: None,
        prepare: with_snapshot,
        run: |bed| {
            let name = Some(VolumeName::new("again").unwrap());
            bed.engine
                .clone_snapshot(bed.snapshot("monday"), name, None)
                .boxed()
        },
    },
    Case {
        name: "clone_volume",
        kind: OperationKind::CloneVolume,
        lost: None,
        prepare: volume_on_directories,
        run: |bed| {
            let name = Some(VolumeName::new("again").unwrap());
            bed.engine.clone_volume(bed.volume("data"), name, None).boxed()
        },
    },
    Case {
        name: "create_snapshot_in_pools_that_grow",
        kind: OperationKind::CreateSnapshot,
        lost: None,
        prepare: volume_on_disks,
        run: snapshot,
    },
    Case {
        name: "clone_volume_on_disks",
        kind: OperationKind::CloneVolume,
        lost: None,
        prepare: volume_on_disks,
        run: clone_volume,
    },
    Case {
        name: "clone_snapshot_on_disks",
        kind: OperationKind::CloneVolume,
        lost: None,
        prepare: with_snapshot_on_disks,
        run: |bed| {
            let name = Some(VolumeName::new("again").unwrap());
            bed.engine
                .clone_snapshot(bed.snapshot("monday"), name, None)
                .boxed()
        },
    },
    Case {
        name: "delete_the_origin_of_a_clone",
        kind: OperationKind::DeleteVolume,
        lost: None,
        prepare: with_clone_on_disks,
        run: delete,
    },
    Case {
        name: "delete_the_origin_of_a_clone_without_a_node",
        kind: OperationKind::Cleanup,
        lost: Some("n2"),
        prepare: with_clone_on_disks,
        run: delete,
    },
    Case {
        name: "delete_the_last_clone",
        kind: OperationKind::DeleteVolume,
        lost: None,
        prepare: with_clone_alone_on_disks,
        run: |bed| bed.engine.delete_volume(bed.volume("again")).boxed(),
    },
    Case {
        name: "grow_beside_a_clone",
        kind: OperationKind::ExpandVolume,
        lost: None,
        prepare: with_clone_on_disks,
        run: grow,
    },
    Case {
        name: "delete_on_disks",
        kind: OperationKind::DeleteVolume,
        lost: None,
        prepare: volume_on_disks,
        run: delete,
    },
    Case {
        name: "delete_on_directories",
        kind: OperationKind::DeleteVolume,
        lost: None,
        prepare: volume_on_directories,
        run: delete,
    },
    Case {
        name: "delete_without_a_node_on_disks",
        kind: OperationKind::Cleanup,
        lost: Some("n3"),
        prepare: volume_on_disks,
        run: delete,
    },
    Case {
        name: "delete_without_a_node_on_directories",
        kind: OperationKind::Cleanup,
        lost: Some("n1"),
        prepare: volume_on_directories,
        run: delete,
    },
    Case {
        name: "cure_a_member_that_is_behind",
        kind: OperationKind::CureMember,
        lost: None,
        prepare: |bed| member_left_behind(bed, Missed::Behind),
        run: cure,
    },
    Case {
        name: "cure_a_member_that_is_rejected",
        kind: OperationKind::CureMember,
        lost: None,
        prepare: |bed| member_left_behind(bed, Missed::Rejected),
        run: cure,
    },
    Case {
        name: "cure_a_member_that_does_not_start",
        kind: OperationKind::CureMember,
        lost: None,
        prepare: |bed| {
            async {
                make(bed, "data", Durability::Replicate(3), "disk").await;
                bed.hosts.world(|world| {
                    world.kill_glusterd("n3");
                    world.tear_record("n3", "data");
                    world.start_glusterd("n3");
                });
            }
            .boxed()
        },
        run: cure,
    },
    Case {
        name: "replace_node",
        kind: OperationKind::ReplaceNode,
        lost: None,
        // Not on n3, which loses all that is not on its disks.
        prepare: |bed| {
            async {
                bed.engine
                    .set_node_state(bed.node(3), State::Offline)
                    .await
                    .unwrap();
                make(bed, "data", Durability::Replicate(2), "disk").await;
                bed.engine
                    .set_node_state(bed.node(3), State::Online)
                    .await
                    .unwrap();
            }
            .boxed()
        },
        run: |bed| bed.engine.replace_node(bed.node(3)).boxed(),
    },
    Case {
        name: "evict_on_disks",
        kind: OperationKind::EvictBrick,
        lost: None,
        prepare: |bed| make_with_spare(bed, Durability::Replicate(3), "disk", "/dev/sdb").boxed(),
        run: |bed| evict(bed, "n2", false),
    },
    Case {
        name: "evict_on_directories",
        kind: OperationKind::EvictBrick,
        lost: None,
        prepare: |bed| make_with_spare(bed, Durability::Replicate(3), "directory", "/disks/one").boxed(),
        run: |bed| evict(bed, "n2", false),
    },
    Case {
        name: "evict_from_a_dead_node",
        kind: OperationKind::EvictBrick,
        lost: Some("n3"),
        prepare: |bed| make_with_spare(bed, Durability::Replicate(3), "disk", "/dev/sdb").boxed(),
        run: |bed| evict(bed, "n3", true),
    },
    Case {
        name: "evict_with_an_arbiter",
        kind: OperationKind::EvictBrick,
        lost: Some("n2"),
        prepare: |bed| make_with_spare(bed, Durability::Arbiter, "directory", "/disks/one").boxed(),
        run: |bed| evict(bed, "n2", true),
    },
    Case {
        name: "evict_dispersed",
        kind: OperationKind::EvictBrick,
        lost: None,
        prepare: |bed| make_with_spare(bed, PIECES, "directory", "/disks/one").boxed(),
        run: |bed| evict(bed, "n2", false),
    },
    Case {
        name: "drain_device",
        kind: OperationKind::DrainDevice,
        lost: None,
        prepare: |bed| make_two_with_spare(bed).boxed(),
        run: |bed| bed.engine.drain_device(bed.device(2, "/dev/sdb"), false).boxed(),
    },
    Case {
        name: "drain_dead_node",
        kind: OperationKind::DrainNode,
        lost: Some("n3"),
        prepare: |bed| make_two_with_spare(bed).boxed(),
        run: |bed| bed.engine.drain_node(bed.node(3), true).boxed(),
    },
    Case {
        name: "forget_dead_node",
        kind: OperationKind::RemoveNode,
        lost: Some("n5"),
        prepare: |bed| {
            async {
                bed.add_node(bed.cluster(), 5).await;
            }
            .boxed()
        },
        run: |bed| bed.engine.forget_node(bed.node(5)).boxed(),
    },
    Case {
        name: "add_disk",
        kind: OperationKind::AddDevice,
        lost: None,
        prepare: nothing,
        run: |bed| add_device(bed, "/dev/sdc", false),
    },
    Case {
        name: "add_used_disk",
        kind: OperationKind::AddDevice,
        lost: None,
        prepare: |bed| {
            assert!(
                bed.hosts
                    .world(|world| world.spoil_disk("n2", "/dev/sdc", Foreign::Ext4))
            );
            nothing(bed)
        },
        run: |bed| add_device(bed, "/dev/sdc", true),
    },
    Case {
        name: "add_directory",
        kind: OperationKind::AddDevice,
        lost: None,
        prepare: nothing,
        run: |bed| add_device(bed, "/disks/two", false),
    },
    Case {
        name: "remove_disk",
        kind: OperationKind::RemoveDevice,
        lost: None,
        prepare: |bed| bed.add_device(bed.node(2), "/dev/sdc", "disk").boxed(),
        run: |bed| bed.engine.remove_device(bed.device(2, "/dev/sdc"), false).boxed(),
    },
    Case {
        name: "remove_directory",
        kind: OperationKind::RemoveDevice,
        lost: None,
        prepare: |bed| bed.add_device(bed.node(2), "/disks/two", "directory").boxed(),
        run: |bed| {
            bed.engine
                .remove_device(bed.device(2, "/disks/two"), false)
                .boxed()
        },
    },
    Case {
        name: "add_first_node",
        kind: OperationKind::AddNode,
        lost: None,
        prepare: |bed| {
            async {
                bed.engine.create_cluster(true, false).await.unwrap();
            }
            .boxed()
        },
        run: |bed| {
            let empty = bed.inventory(|inventory| {
                inventory
                    .clusters()
                    .map(|cluster| cluster.id)
                    .find(|id| inventory.nodes_of(*id).next().is_none())
                    .unwrap()
            });
            bed.engine.add_node(Bed::node_request(empty, 5)).boxed()
        },
    },
    Case {
        name: "add_node",
        kind: OperationKind::AddNode,
        lost: None,
        prepare: nothing,
        run: |bed| bed.engine.add_node(Bed::node_request(bed.cluster(), 4)).boxed(),
    },
    Case {
        name: "remove_node",
        kind: OperationKind::RemoveNode,
        lost: None,
        prepare: |bed| {
            async {
                bed.add_node(bed.cluster(), 4).await;
            }
            .boxed()
        },
        run: |bed| bed.engine.remove_node(bed.node(4)).boxed(),
    },
];
