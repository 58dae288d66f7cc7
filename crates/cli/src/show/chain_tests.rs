//! The chain as people see it.

use mortar_api::{
    AccessMode, Attachment, BlockExplanation, ExplainedBlock, ExplainedBrick, ExplainedDevice, ExplainedHost,
    ExplainedNode, ExplainedSpace, ExplainedVolume, Explanation, FileSystem, Heal, Mount, Rebalance,
    RebalanceState, Sight, SightState, SpaceKind,
};

use super::{Paint, block_explanation, explanation};

fn brick(position: u32, kind: SpaceKind) -> ExplainedBrick {
    let lvm = kind == SpaceKind::LogicalVolume;
    ExplainedBrick {
        id: format!("{position:032x}"),
        set: 0,
        position,
        path: format!("/var/lib/mortar/mounts/vg_d{position}/brick_{position}/brick"),
        size: 1 << 30,
        sight: Sight::ok(),
        heal: Some(Heal::default()),
        file_system: FileSystem {
            mount_point: format!("/var/lib/mortar/mounts/vg_d{position}/brick_{position}"),
            size: Some(1 << 30),
            used: Some(1 << 28),
            sight: Sight::ok(),
        },
        space: ExplainedSpace {
            kind,
            name: if lvm {
                "vg_d/brick_b".into()
            } else {
                "/disks/a/mortar-bricks/brick_b.img".into()
            },
            footprint: 1 << 30,
            thin_pool: lvm.then(|| "tp_b".into()),
            thin_pool_percent: lvm.then_some(25),
            sight: Sight::ok(),
        },
        device: ExplainedDevice {
            id: "d".repeat(32),
            path: "/dev/sdb".into(),
            kind: "lvm".into(),
            size: 100 << 30,
            used: 10 << 30,
            state: "online".into(),
            sight: Sight::ok(),
        },
        node: ExplainedNode {
            id: "a".repeat(32),
            manage: format!("n{position}"),
            storage: format!("10.0.0.{position}"),
            zone: 1,
            state: "online".into(),
            sight: Sight::ok(),
        },
    }
}

fn attachment(node: &str) -> Attachment {
    Attachment {
        node: node.into(),
        mode: AccessMode::MultiNodeMultiWriter,
        read_only: false,
        since: "2026-01-02T03:04:05Z".into(),
    }
}

fn chain() -> Explanation {
    Explanation {
        claim: None,
        volume: ExplainedVolume {
            id: "f".repeat(32),
            name: "films".into(),
            cluster: "c".repeat(32),
            size: 1 << 30,
            durability: "replicate 2".into(),
            gid: 0,
            options: vec!["nfs.disable on".into()],
            attachments: Vec::new(),
            mount: Mount {
                hosts: vec!["10.0.0.0".into()],
                device: "10.0.0.0:films".into(),
                options: Default::default(),
                line: "mount -t glusterfs 10.0.0.0:films /mnt".into(),
            },
            sight: Sight::new(SightState::Ok, "started"),
            heal: Some(Heal {
                pending: 3,
                split_brain: 1,
            }),
            heal_unknown: None,
            rebalance: None,
        },
        bricks: vec![brick(0, SpaceKind::LogicalVolume), brick(1, SpaceKind::Image)],
        looked_at: "2026-01-02T03:04:05Z".into(),
    }
}

#[test]
fn the_chain_goes_down_to_the_nodes() {
    let id = |digit: &str| digit.repeat(32);
    let expected = format!(
        "\
claim  none known: made by REST or command line
└─ volume films  1 GiB  replicate 2  ✓ ok (started)  {f}
   │ mount: mount -t glusterfs 10.0.0.0:films /mnt
   │ heal: 3 to heal, 1 in split brain
   │ options: nfs.disable on
   ├─ brick 0.0 10.0.0.0:/var/lib/mortar/mounts/vg_d0/brick_0/brick  1 GiB  ✓ ok
   │  │ mounted at /var/lib/mortar/mounts/vg_d0/brick_0  [██········]  25%  256 MiB of 1 GiB  ✓ ok
   │  └─ logical volume vg_d/brick_b  1 GiB  ✓ ok  pool tp_b [██········]  25%
   │     └─ device /dev/sdb  [█·········]  10%  10 GiB of 100 GiB  online  ✓ ok  {d}
   │        └─ node n0  zone 1  online  ✓ ok  {a}
   └─ brick 0.1 10.0.0.1:/var/lib/mortar/mounts/vg_d1/brick_1/brick  1 GiB  ✓ ok
      │ mounted at /var/lib/mortar/mounts/vg_d1/brick_1  [██········]  25%  256 MiB of 1 GiB  ✓ ok
      └─ image /disks/a/mortar-bricks/brick_b.img  1 GiB  ✓ ok
         └─ device /dev/sdb  [█·········]  10%  10 GiB of 100 GiB  online  ✓ ok  {d}
            └─ node n1  zone 1  online  ✓ ok  {a}
All is as recorded. Looked at 2026-01-02T03:04:05Z.
",
        f = id("f"),
        d = id("d"),
        a = id("a"),
    );
    assert_eq!(explanation(&chain(), Paint::PLAIN), expected);
}

#[test]
fn what_is_not_as_recorded_is_marked_and_counted() {
    let mut chain = chain();
    chain.claim = Some("default/films".into());
    chain.volume.attachments = ["one", "two"].map(attachment).into();
    chain.bricks[0].space.sight = Sight::new(SightState::Missing, "no such logical volume");
    chain.bricks[1].space.sight = Sight::new(SightState::Different, "2 GiB");
    chain.bricks[1].node.sight = Sight::new(SightState::Unknown, "no answer in 5 s");
    chain.bricks[1].file_system.used = None;
    chain.bricks[1].heal = Some(Heal {
        pending: 2,
        split_brain: 0,
    });
    let text = explanation(&chain, Paint::PLAIN);
    for part in [
        "claim  default/films\n",
        "attached: one (multi-node-multi-writer) since 2026-01-02T03:04:05Z, two (",
        "✗ missing (no such logical volume)",
        "≠ different (2 GiB)",
        "? not seen (no answer in 5 s)",
        "brick_1  ✓ ok\n",
        "✓ ok  2 to heal\n",
        "\n2 not as recorded, 1 not seen. Looked at",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    chain.volume.heal = Some(Heal::default());
    chain.volume.heal_unknown = Some("1 of 2 bricks could not be asked: n1:/b".into());
    let text = explanation(&chain, Paint::PLAIN);
    assert!(
        text.contains("heal: nothing is listed, but 1 of 2 bricks could not be asked: n1:/b\n"),
        "{text}"
    );
    chain.volume.heal = None;
    chain.volume.heal_unknown = Some("heal info failed".into());
    let text = explanation(&chain, Paint::PLAIN);
    assert!(text.contains("heal: not known: heal info failed\n"), "{text}");
    let coloured = explanation(&chain, Paint::new(true));
    assert!(coloured.contains("\x1b[31m✗ missing\x1b[0m"), "{coloured}");
}

#[test]
fn a_block_volume_stands_on_its_hosts_and_on_the_volume_that_holds_it() {
    let host = |name: &str, sight: Sight| ExplainedHost {
        host: name.into(),
        node: None,
        sight,
    };
    let missing = Sight::new(SightState::Missing, "it does not serve it");
    let chain = BlockExplanation {
        block: ExplainedBlock {
            id: "b".repeat(32),
            name: "disk".into(),
            size: 3 << 30,
            usable: 2 << 30,
            ha: 2,
            auth: true,
            iqn: "iqn.2016-12.org.gluster-block:x".into(),
            lun: 0,
            hosts: vec![host("10.0.0.0", Sight::ok()), host("10.0.0.1", missing)],
            sight: Sight::new(SightState::Different, "1 of 2 hosts serve it"),
        },
        hosting: chain(),
    };
    let text = block_explanation(&chain, Paint::PLAIN);
    let expected = "\
block volume disk  3 GiB  ≠ different (1 of 2 hosts serve it)  bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb
│ target: iqn.2016-12.org.gluster-block:x  lun 0  initiators prove who they are
│ usable: 2 GiB
├─ host 10.0.0.0  ✓ ok
├─ host 10.0.0.1  ✗ missing (it does not serve it)
└─ volume films  1 GiB  replicate 2  ✓ ok (started)  ffffffffffffffffffffffffffffffff
   │ mount: mount -t glusterfs 10.0.0.0:films /mnt
";
    assert!(text.starts_with(expected), "{text}");
    assert!(
        text.ends_with("\n2 not as recorded. Looked at 2026-01-02T03:04:05Z.\n"),
        "{text}"
    );
}

#[test]
fn how_far_files_are_spread_is_told() {
    let told = |state, failures, skipped| {
        let mut chain = chain();
        chain.volume.rebalance = Some(Rebalance {
            state,
            reason: None,
            files: 7,
            size: 7 << 20,
            scanned: 40,
            failures,
            skipped,
        });
        let text = explanation(&chain, Paint::PLAIN);
        let mut lines = text.lines().filter_map(|line| line.split_once("rebalance: "));
        lines.next().unwrap().1.to_owned()
    };
    assert_eq!(
        told(RebalanceState::Running, 0, 0),
        "under way, 7 files of 7 MiB moved, 40 looked at"
    );
    assert_eq!(
        told(RebalanceState::Completed, 0, 2),
        "ended, 7 files of 7 MiB moved, 40 looked at, 2 left where they are"
    );
    assert_eq!(
        told(RebalanceState::Completed, 3, 0),
        "ended, 7 files of 7 MiB moved, 40 looked at, 3 could not move; 'gluster volume rebalance films start' begins it again"
    );
    let failed = told(RebalanceState::Failed, 3, 0);
    assert!(
        failed.starts_with("failed, 7 files") && failed.contains("films-rebalance.log"),
        "{failed}"
    );
    let mut chain = chain();
    chain.volume.rebalance = Some(Rebalance::unknown("nobody answers".into()));
    let text = explanation(&chain, Paint::PLAIN);
    assert!(text.contains("rebalance: not known (nobody answers)\n"), "{text}");
}
