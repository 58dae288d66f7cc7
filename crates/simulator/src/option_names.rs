//! The options that `gluster volume set` of GlusterFS 10 knows.

/// One name a line, sorted.
const NAMES: &str = include_str!("option_names.txt");

/// Options whose values are on or off. Not all there are: those that people set most.
const SWITCHES: [&str; 21] = [
    "cluster.data-self-heal",
    "cluster.entry-self-heal",
    "cluster.granular-entry-heal",
    "cluster.lookup-optimize",
    "cluster.metadata-self-heal",
    "cluster.self-heal-daemon",
    "features.bitrot",
    "features.cache-invalidation",
    "features.shard",
    "nfs.disable",
    "performance.client-io-threads",
    "performance.flush-behind",
    "performance.io-cache",
    "performance.open-behind",
    "performance.parallel-readdir",
    "performance.quick-read",
    "performance.read-ahead",
    "performance.readdir-ahead",
    "performance.stat-prefetch",
    "performance.strict-o-direct",
    "performance.write-behind",
];

/// The full name of an option: `stat-prefetch` is `performance.stat-prefetch`; `None` when there is none.
///
/// Any name below `user.` is an option.
pub(crate) fn full(name: &str) -> Option<String> {
    if name.strip_prefix("user.").is_some_and(|rest| !rest.is_empty()) {
        return Some(name.to_owned());
    }
    let hit = |known: &&str| {
        *known == name || (!name.contains('.') && known.split_once('.').is_some_and(|(_, rest)| rest == name))
    };
    NAMES.lines().find(hit).map(str::to_owned)
}

/// Two names to suggest instead of an unknown one.
pub(crate) fn near(name: &str) -> String {
    let shared = |known: &str| {
        known
            .bytes()
            .zip(name.bytes())
            .take_while(|(a, b)| a == b)
            .count()
    };
    let mut names: Vec<&str> = NAMES.lines().collect();
    names.sort_by_key(|known| std::cmp::Reverse(shared(known)));
    let second = names
        .get(1)
        .and_then(|name| name.split_once('.'))
        .map_or("", |(_, rest)| rest);
    format!("{} or ...{second}", names.first().unwrap_or(&""))
}

/// Whether an option is on or off.
pub(crate) fn is_switch(name: &str) -> bool {
    SWITCHES.contains(&name)
}

/// Whether gluster reads `value` as on or off.
pub(crate) fn is_switch_value(value: &str) -> bool {
    let value = value.to_ascii_lowercase();
    [
        "on", "off", "yes", "no", "true", "false", "enable", "disable", "1", "0",
    ]
    .contains(&value.as_str())
}

#[cfg(test)]
mod tests {
    use super::{NAMES, SWITCHES, full, near};

    #[test]
    fn the_table_is_sorted_and_holds_all_switches() {
        let names: Vec<&str> = NAMES.lines().collect();
        assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
        for switch in SWITCHES {
            assert_eq!(full(switch).as_deref(), Some(switch));
        }
    }

    #[test]
    fn short_and_user_names_are_options_and_nonsense_is_not() {
        assert_eq!(
            full("stat-prefetch").as_deref(),
            Some("performance.stat-prefetch")
        );
        assert_eq!(full("user.mortar.id").as_deref(), Some("user.mortar.id"));
        assert_eq!(full("nonsense.option"), None);
        assert!(near("performance.stat-prefetsh").starts_with("performance.stat-prefetch"));
    }
}
