//! Simulated nodes: LVM, XFS, mounts and glusterd in memory, with faults and a seed.
