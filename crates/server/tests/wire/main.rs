//! The wire: a server in this process, asked over a socket, byte by byte.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod addresses;
mod adopt;
mod attachments;
mod block_volumes;
mod blocks;
mod burst;
mod check;
mod flow;
mod gate;
mod groups;
mod heketi_answers;
mod heketi_errors;
mod heketi_lists;
mod heketi_routes;
mod openapi;
mod options;
mod pools;
mod queue;
mod repeat;
mod replicas;
mod snapshots;
mod support;
mod tls;
mod user;
mod v1;
