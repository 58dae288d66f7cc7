//! Questions that belong to no thing of a plan: each is a module with `ask`, what to run, and `read`, what the
//! answers say.
//!
//! `read` takes the report of a batch of `ask` alone; a batch that was joined from several is cut first with
//! [`mortar_argv::Report::split_off_front`].

pub mod block_volumes;
pub mod brick_files;
pub mod brick_state;
pub mod device_at;
pub mod device_usage;
pub mod folder;
pub mod glusterd;
pub mod glusterd_process;
pub mod heal_info;
pub mod identity;
pub mod machine;
pub mod pool;
pub mod rebalance;
pub mod record;
pub mod records;
pub mod survey;
pub mod volume_info;
pub mod volume_list;
pub mod volume_status;
