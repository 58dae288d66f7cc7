//! The bodies of all fuzz targets.

mod bodies;
mod heketi;
mod records;

pub use bodies::*;
pub use heketi::*;
pub use records::*;
