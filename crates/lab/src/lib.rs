//! A real GlusterFS pool on one machine.
