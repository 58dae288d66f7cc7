//! Keys of `heketi.json` that nobody knows.

use std::collections::BTreeSet;

use super::Executor;
use crate::json::Json;

/// The keys that are in none of these places, each with those around it. Sections of executors that are not asked for are left out:
/// nothing in them is looked for.
pub(super) fn keys(json: &Json, known: &BTreeSet<String>, executor: Executor) -> Vec<String> {
    let mut found = Vec::new();
    walk(json, "", known, unused(executor), &mut found);
    found
}

/// Sections that belong to other executors.
const fn unused(executor: Executor) -> &'static [&'static str] {
    match executor {
        Executor::Ssh => &["glusterfs.kubeexec", "glusterfs.injectexec"],
        Executor::Kubernetes => &["glusterfs.sshexec", "glusterfs.injectexec"],
        Executor::Simulated => &["glusterfs.sshexec", "glusterfs.kubeexec", "glusterfs.injectexec"],
    }
}

fn walk(json: &Json, around: &str, known: &BTreeSet<String>, unused: &[&str], found: &mut Vec<String>) {
    let Json::Object(entries) = json else {
        return;
    };
    for (key, value) in entries.iter().filter(|(key, _)| !key.starts_with('_')) {
        let path = if around.is_empty() {
            key.clone()
        } else {
            format!("{around}.{key}")
        };
        let lower = path.to_ascii_lowercase();
        if known.contains(&lower) || unused.contains(&lower.as_str()) {
            continue;
        }
        let section = format!("{lower}.");
        let holds_known = known.range(section.clone()..).next();
        match value {
            Json::Object(_) if holds_known.is_some_and(|key| key.starts_with(&section)) => {
                walk(value, &path, known, unused, found);
            }
            _ => found.push(crate::problems::shown(&path)),
        }
    }
}
