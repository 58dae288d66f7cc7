//! The door for Kubernetes: identity, controller and node of the Container Storage Interface.
//!
//! The controller turns claims into volumes. It uses Mortar only through its HTTP API, behind a [`Door`]: over the network or
//! within the server's process; nothing here knows which. The node mounts volumes. It asks no server and has no key: all it
//! needs comes with each call.
//!
//! | file | job |
//! |---|---|
//! | `proto` | the wire contract, made from `proto/csi.proto` |
//! | `serve`, `socket` | both services on a Unix socket |
//! | `door`, `mortar`, `copies` | how Mortar is asked, and for what |
//! | `attach` | what the controller tells a node about a volume that it attached |
//! | `nodes` | which nodes volumes can be attached to |
//! | `trouble` | the one table from errors to gRPC codes |
//! | `busy`, `deadline` | only one call at a time per volume; how long a call may wait |
//! | `names`, `room`, `context` | the internal name of a claim, the size of its volume, what nodes are told |
//! | `capability`, `parameters`, `topology` | what callers may ask for |
//! | `identity` | the driver's name and what it can do |
//! | `controller/` | volumes made, removed, grown, changed, listed, attached to nodes; their snapshots, alone and in groups |
//! | `node/` | volumes mounted |
//! | `caller` | the other side: what a provisioner and a kubelet call |
//! | `helper` | a process that starts GlusterFS clients for a node plug-in, and outlives it |

mod attach;
mod busy;
mod caller;
mod capability;
mod context;
mod controller;
mod copies;
mod deadline;
mod door;
mod helper;
mod identity;
mod mortar;
mod names;
mod node;
mod nodes;
mod parameters;
pub mod proto;
mod room;
mod serve;
mod socket;
mod topology;
mod trouble;

pub use caller::{CallError, Claim, Kubelet, Provisioned, Provisioner};
pub use door::{Door, Method, Question, Reply, Unreachable};
pub use helper::serve as serve_helper;
pub use node::{ClientRunner, NodeOptions};
pub use nodes::{KnownNode, NamedNode, NamedNodes, Nodes, NodesError};
pub use serve::{Services, serve};
pub use socket::{Endpoint, EndpointError};

/// The driver's name, as StorageClasses and CSIDriver objects say it.
pub const DRIVER: &str = "csi.mortar";
