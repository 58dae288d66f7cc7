//! What the nodes show compared with what is recorded: drift with its proof, plans that repair it, and records that are rebuilt
//! from the nodes when there are none.
//!
//! Pure: it takes the answers of [`mortar_command::query::survey`] and the landscape of [`mortar_plan`], and says what they
//! mean together. It does not know how or when a node is asked, and changes nothing.
//!
//! | file | job |
//! |---|---|
//! | `scan` | what was answered, by node and by pool |
//! | `kind` | the kinds of drift, their names and what they mean |
//! | `finding` | one difference: its proof, and what can be done |
//! | `drift/` | the records compared with what was seen |
//! | `blocks` | block volumes as the records would have them |
//! | `fill` | how full pools and file systems of devices are |
//! | `repair` | from findings to plans that repair them |
//! | `rebuild/` | records restored from what nodes and pools show |
//! | `adopt/` | records made of pools that nobody manages |

pub mod adopt;
mod blocks;
mod drift;
mod fill;
mod finding;
mod kind;
pub mod rebuild;
mod repair;
mod scan;

pub use drift::{Drift, Limits, drift};
pub use fill::{Fill, fills, pool_fills};
pub use finding::{Finding, Proof, Remains, Remedy, Repair, Subject};
pub use kind::{Kind, Severity};
pub use repair::{Group, groups, plan};
pub use scan::Scan;
