//! Simulated nodes: LVM, XFS, mounts and glusterd in memory, with faults and a seed.
//!
//! A [`World`] reads the same batches that real nodes run and answers as the real programs do, down to their
//! error texts: it is a run mode of Mortar for people who evaluate it, the base of most tests, and the way to plan for
//! more than one machine. It interprets the tools independently: it shares no code with the room that builds the
//! commands, so contract tests can compare both with the real thing. A program or an option that it does not know is
//! a clear failure, never a silent success.
//!
//! A world of 1,000 nodes with 10,000 replicated volumes fits into some tens of megabytes, and a command on one
//! of them costs microseconds: texts are kept as sentences with ids cut out (`text`), UUIDs as counters (`stamp`),
//! and nothing looks at all volumes to find one.
//!
//! This room does no I/O, knows no clock and has no threads. The look-alikes:
//!
//! | file | what it stands for |
//! |---|---|
//! | `tree`, `node` | file systems, folders, mounts, how a path is followed |
//! | `files`, `attributes`, `find`, `lines` | coreutils, findutils, grep, sed |
//! | `mounts`, `mount_views`, `block`, `lsblk`, `format` | util-linux, xfsprogs, udevadm |
//! | `lvm`, `lvm_copies`, `lvm_groups`, `lvm_make`, `lvm_report` | LVM |
//! | `images` | copies that share blocks with their origin, and file systems that are frozen for them |
//! | `growth` | what makes volumes, disks and file systems larger |
//! | `gluster_block` | gluster-block |
//! | other `gluster_*`, `glusterd`, `option_names`, `xml` | glusterd and the gluster command |
//! | `world`, `scripts`, `drills`, `damage`, `faults`, `observe` | batches, what goes wrong, what can be seen |
//!
//! Not simulated: data (volumes are never written to, so nothing waits for healing or rebalancing), time (but a caller that has a
//! clock can let it pass between the turns of a script: [`World::begin`]), GlusterFS's own snapshots (except that they block a
//! deletion), quorum, pools split into halves that diverge, and glusterd's lock over a whole pool (the locks over volumes
//! are simulated; the other is a [`Fault`]).

mod attributes;
mod block;
mod config;
mod damage;
mod drills;
mod faults;
mod files;
mod find;
mod format;
mod gluster;
mod gluster_apart;
mod gluster_block;
mod gluster_bricks;
mod gluster_copies;
mod gluster_create;
mod gluster_heal;
mod gluster_life;
mod gluster_options;
mod gluster_peer;
mod gluster_show;
mod gluster_status;
mod glusterd;
mod glusterd_identity;
mod growth;
mod images;
mod lines;
mod lsblk;
mod lvm;
mod lvm_copies;
mod lvm_groups;
mod lvm_make;
mod lvm_report;
mod mount_views;
mod mounts;
mod node;
mod observe;
mod option_names;
mod scripts;
mod slab;
mod stamp;
mod text;
mod tool;
mod tree;
mod world;
mod xml;

pub use config::WorldConfig;
pub use faults::{Effect, Fault, Struck, When};
pub use gluster_apart::Missed;
pub use observe::{
    Counts, DeviceView, GroupView, HostView, LogicalVolumeView, MountView, PoolView, VolumeView,
};
pub use scripts::{ScriptId, Turn};
pub use world::{Foreign, World};
