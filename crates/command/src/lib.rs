//! What is typed on a node: argv builders for LVM, XFS, mounts and gluster, and parsers of their answers.
