//! The bodies of all fuzz targets.

mod bodies;
mod records;

pub use bodies::*;
pub use records::*;
