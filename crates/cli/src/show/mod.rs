//! What people see: colours, tables, trees and bars. Pure: turns wire types into text and prints nothing.

mod adopt;
mod attachments;
mod backups;
mod chain;
mod drift;
mod heal;
mod operations;
mod paint;
mod placement;
mod pool;
mod rebuild;
mod table;
mod takeover;
mod tree;

pub(crate) use adopt::adopt;
pub(crate) use attachments::attachments;
pub(crate) use backups::backups;
pub(crate) use chain::{block_explanation, explanation};
pub(crate) use drift::{check, repairs};
pub(crate) use heal::last_heal;
pub(crate) use operations::{operation, operations};
pub(crate) use paint::Paint;
pub(crate) use placement::plan;
pub(crate) use pool::{device, node, topology};
pub(crate) use rebuild::rebuild;
pub(crate) use table::{fields, table};
pub(crate) use takeover::takeover;

use mortar_model::ByteSize;

/// A size for people.
pub(crate) fn size(bytes: u64) -> String {
    ByteSize::from_bytes(bytes).to_string()
}

/// The first eight digits of an id, where a whole one would hide the picture.
pub(crate) fn short(id: &str) -> &str {
    id.get(..8).unwrap_or(id)
}

/// `KEY=VALUE` of all labels.
pub(crate) fn tags(tags: &std::collections::BTreeMap<String, String>) -> String {
    tags.iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(" ")
}
