//! What the nodes show beside what is recorded: drift with its proof, plans that repair it, and records that are
//! rebuilt from the nodes when there are none.
//!
//! Pure: it takes the answers of [`mortar_command::query::survey`] and the landscape of [`mortar_plan`], and
//! says what they mean together. It does not know how or when a node is asked, and changes nothing.
//!
//! | file | job |
//! |---|---|
//! | `scan` | what was answered, by node and by pool |
//! | `place` | names on nodes read back into ids |
//! | `rebuild/` | records made again from what nodes and pools show |

mod place;
pub mod rebuild;
mod scan;

pub use scan::Scan;
