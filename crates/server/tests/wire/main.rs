//! The wire: a server in this process, asked over a socket, byte by byte.

mod gate;
mod heketi;
mod openapi;
mod support;
mod v1;
