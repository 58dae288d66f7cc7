//! Mortar's own routes, below `/v1`: JSON in and out, errors too.

pub(crate) mod adopt;
pub(crate) mod attachments;
pub(crate) mod backups;
pub(crate) mod blocks;
pub(crate) mod bricks;
pub(crate) mod capacity;
pub(crate) mod check;
pub(crate) mod devices;
pub(crate) mod document;
pub(crate) mod explain;
pub(crate) mod groups;
pub(crate) mod growth;
pub(crate) mod heal;
pub(crate) mod health;
mod hindrance;
pub(crate) mod nodes;
pub(crate) mod operations;
pub(crate) mod options;
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod rebuild;
pub(crate) mod replicas;
pub(crate) mod snapshots;
pub(crate) mod topology;
pub(crate) mod volumes;
