//! Keys and variables that change nothing here, each with what happens instead.

/// Keys of `glusterfs` that change nothing here, with what happens instead.
pub(super) const INSTEAD: [(&str, &str, &str); 9] = [
    ("allocator", "", "bricks are placed by free space, zones and tags"),
    (
        "db_read_only",
        "",
        "the database is only read in any case, and the server changes its own store; 'default_state' says read-only",
    ),
    (
        "disable_monitor_gluster_nodes",
        "",
        "nodes are always watched: what waits for one goes on when it is back",
    ),
    (
        "refresh_time_monitor_gluster_nodes",
        "",
        "nodes are watched at an interval of Mortar's own",
    ),
    (
        "start_time_monitor_gluster_nodes",
        "",
        "nodes are watched from the start",
    ),
    (
        "disable_background_cleaner",
        "HEKETI_DISABLE_BACKGROUND_CLEANER",
        "operations that could not end are always taken up again",
    ),
    (
        "refresh_time_background_cleaner",
        "",
        "operations that could not end are taken up at an interval of Mortar's own",
    ),
    (
        "start_time_background_cleaner",
        "",
        "operations that could not end are taken up at the start",
    ),
    (
        "operation_retry_limits",
        "",
        "steps are tried again by the kind of their failure, and bricks are not placed anew",
    ),
];

/// Keys of an executor that change nothing here, with their variable, the value that is Heketi's default, and what happens instead.
pub(super) const OF_NODES: [(&str, &str, &str, &str); 9] = [
    (
        "snapshot_limit",
        "HEKETI_SNAPSHOT_LIMIT",
        "0",
        "GlusterFS's own limit of snapshots is left as it is",
    ),
    (
        "backup_lvm_metadata",
        "",
        "false",
        "LVM makes no backups of its metadata for Mortar's changes",
    ),
    ("pv_data_alignment", "", "256K", "new disks get 256K"),
    ("vg_physicalextentsize", "", "4M", "new disks get 4M"),
    ("lv_chunksize", "", "256K", "new bricks get 256K"),
    ("xfs_sw", "", "0", "mkfs.xfs chooses for new bricks"),
    ("xfs_su", "", "0", "mkfs.xfs chooses for new bricks"),
    (
        "debug_umount_failures",
        "HEKETI_DEBUG_UMOUNT_FAILURES",
        "false",
        "a failed umount is told with what it said",
    ),
    (
        "lvm_wrapper",
        "HEKETI_LVM_WRAPPER",
        "",
        "LVM is called on the node itself: reach the node, and not a container on it",
    ),
];

/// Variables and keys outside of `glusterfs` that change nothing here.
pub(super) const BESIDE: [(&str, &str, &str); 7] = [
    (
        "use_auth",
        "",
        "requests are authorised unless the server is started with --disable-auth",
    ),
    (
        "backup_db_to_kube_secret",
        "HEKETI_BACKUP_DB_TO_KUBE_SECRET",
        "the store is backed up into files (backup-folder)",
    ),
    (
        "",
        "HEKETI_KUBE_DB_SECRET_NAME",
        "the store is backed up into files (backup-folder), and into no secret",
    ),
    ("profiling", "HEKETI_PROFILING", "there is no profiling route"),
    ("", "HEKETI_DISABLE_HEALTH_MONITOR", "nodes are always watched"),
    (
        "",
        "HEKETI_IGNORE_STALE_OPERATIONS",
        "operations never keep the server from starting",
    ),
    (
        "",
        "HEKETI_JWT_IAT_LEEWAY_SECONDS",
        "tokens may be issued 120 seconds in the future",
    ),
];
