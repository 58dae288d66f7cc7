//! Records as the wire shows them. Pure: what is looked at is handed in.

pub(crate) mod adopt;
pub(crate) mod attachment;
pub(crate) mod backup;
pub(crate) mod block;
pub(crate) mod block_sight;
pub(crate) mod check;
pub(crate) mod heal;
pub(crate) mod health;
pub(crate) mod heketi;
pub(crate) mod operation;
pub(crate) mod placement;
pub(crate) mod rebuild;
pub(crate) mod request;
pub(crate) mod sight;
pub(crate) mod snapshot;
pub(crate) mod topology;
pub(crate) mod volume;
