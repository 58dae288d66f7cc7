//! A real GlusterFS pool on one machine.
//!
//! A [`Lab`] is a handful of nodes, each with network, mount, UTS and process namespaces of its own, its own
//! glusterd, ssh daemon and disks, on a bridge of its own. It is made to be broken: nodes are cut off, joined,
//! killed and started again. The demo, the end-to-end tests and the benchmarks run on it.
//!
//! What must stay true:
//! - Nothing of a lab is outside its folder, its namespaces and its links; [`Lab::down`] leaves nothing behind,
//!   whatever was interrupted before.
//! - Several labs do not disturb each other: names of links are derived from the folder, and free addresses are chosen.
//! - Only processes known by id and start time, or found inside the lab's namespaces, are ever ended.
//! - No init system, no udev and no name server is needed: it runs the same inside a User-Mode Linux guest.
//!
//! This room knows how GlusterFS is started and mounted. It knows nothing about Mortar's own volumes or records.

mod build;
mod clean;
mod client;
mod error;
mod healers;
mod holder;
mod keys;
mod lab;
mod loops;
mod lvm;
mod network;
mod node;
mod pool;
mod preflight;
mod process;
mod run;
mod spec;
mod state;
mod status;
mod steps;
mod topology;
mod tree;

pub use error::LabError;
pub use healers::NO_SELF_HEAL;
pub use lab::{Lab, Progress};
pub use process::Identity as Process;
pub use spec::{DEFAULT_NAME, DeviceKind, LabSpec, ROOT_VARIABLE, default_state_root};
pub use state::Node;
pub use status::{DiskStatus, LabStatus, NodeStatus};
#[doc(hidden)]
pub use steps::watch_steps;
