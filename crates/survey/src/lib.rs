//! What the nodes show, and what it means: records that are rebuilt from the nodes when there are none.
//!
//! Pure: it takes the answers of [`mortar_command::query::survey`], and says what they mean together by the records and
//! identities of [`mortar_plan`]. It does not know how or when a node is asked, and changes nothing.
//!
//! | file | job |
//! |---|---|
//! | `place` | names on nodes read back into ids |
//! | `rebuild/` | records made again from what nodes and pools show |

mod place;
pub mod rebuild;
