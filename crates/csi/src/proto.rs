//! The wire contract, made from `proto/csi.proto`: messages, and the two sides of each service.
#![allow(
    missing_docs,
    clippy::all,
    clippy::pedantic,
    reason = "made by tonic; what it means is told by the standard"
)]

tonic::include_proto!("csi.v1");
