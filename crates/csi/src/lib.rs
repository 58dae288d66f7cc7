//! The door for Kubernetes: identity, controller and node of the Container Storage Interface.
//!
//! The controller turns claims into volumes. It knows Mortar only by its HTTP API, asked through a [`Door`]: over the network,
//! or from within the server's process; nothing here tells which. The node mounts volumes. It asks no server and holds no key:
//! what it needs comes with each call.
//!
//! | file | job |
//! |---|---|
//! | `proto` | the wire contract, made from `proto/csi.proto` |
//! | `serve`, `socket` | both services on a Unix socket |
//! | `door`, `mortar`, `copies` | how Mortar is asked, and what |
//! | `attach` | what the controller tells a node of a volume that it attached |
//! | `nodes` | which nodes volumes can be attached to |
//! | `trouble` | the one table from what went wrong to gRPC codes |
//! | `busy`, `deadline` | one call at a time about a volume; how long one may wait |
//! | `names`, `room`, `context` | what a claim is called inside, how large its volume is, what is told to nodes |
//! | `capability`, `parameters`, `topology` | what callers may ask for |
//! | `identity` | who answers |
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
