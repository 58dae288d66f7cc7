//! The arrows between rooms: reads every manifest and fails on one that is not allowed here.
//!
//! A new arrow is a decision about the building. Change this list only together with docs/architecture.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each room with the rooms that it may know. Nothing else may be added to a manifest.
const ALLOWED: &[(&str, &[&str])] = &[
    ("api", &[]),
    ("argv", &[]),
    (
        "cli",
        &[
            "api",
            "csi",
            "engine",
            "executor",
            "heketi",
            "lab",
            "model",
            "server",
            "simulator",
            "store",
        ],
    ),
    ("command", &["argv", "model"]),
    ("csi", &["api"]),
    (
        "engine",
        &[
            "argv", "command", "executor", "journal", "model", "plan", "store", "survey",
        ],
    ),
    ("executor", &["argv", "simulator"]),
    ("heketi", &["model"]),
    ("journal", &["model", "plan"]),
    ("lab", &[]),
    ("model", &[]),
    ("plan", &["model"]),
    ("server", &["api", "engine", "heketi", "model"]),
    ("simulator", &["argv"]),
    ("store", &[]),
    ("survey", &["command", "model", "plan"]),
];

/// Rooms that decide: no I/O, no clock, no async.
const PURE: &[&str] = &[
    "api",
    "argv",
    "command",
    "heketi",
    "journal",
    "model",
    "plan",
    "simulator",
    "survey",
];

/// What never enters a pure room.
const NOT_PURE: &[&str] = &[
    "axum", "futures", "kube", "redb", "reqwest", "russh", "tokio", "tonic", "tracing",
];

/// Heavy things and the only rooms that may have them.
const HOMES: &[(&str, &[&str])] = &[
    ("axum", &["server"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("kube", &[]),
    ("rustls", &["cli"]),
    ("rustls-platform-verifier", &["cli"]),
    ("tokio-rustls", &["executor", "server"]),
    ("tokio-tungstenite", &["executor"]),
    ("serde-saphyr", &["executor"]),
    ("prometheus-client", &["engine", "server"]),
    ("quick-xml", &["command"]),
    ("redb", &["store"]),
    ("reqwest", &["cli"]),
    ("russh", &["executor"]),
    ("protox", &["csi"]),
    ("rustix", &["csi", "executor", "lab", "store"]),
    ("tonic", &["csi"]),
    ("tonic-prost", &["csi"]),
    ("tonic-prost-build", &["csi"]),
    ("tower", &["server"]),
    ("tower-http", &["server"]),
    ("utoipa", &["api", "heketi", "server"]),
    ("utoipa-axum", &["server"]),
];

/// One room's manifest, as far as arrows go.
struct Room {
    name: String,
    dependencies: BTreeSet<String>,
}

impl Room {
    fn read(manifest: &Path) -> Self {
        let text = std::fs::read_to_string(manifest).unwrap();
        let table: toml::Table =
            toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", manifest.display()));
        let name = table["package"]["name"].as_str().expect("a package has a name");
        let name = name
            .strip_prefix("mortar-")
            .unwrap_or_else(|| panic!("{name} is not called mortar-…"))
            .to_owned();
        let mut dependencies = names(table.get("dependencies"));
        for target in table
            .get("target")
            .and_then(toml::Value::as_table)
            .into_iter()
            .flat_map(toml::Table::values)
        {
            dependencies.extend(names(target.get("dependencies")));
        }
        dependencies.extend(names(table.get("build-dependencies")));
        Self { name, dependencies }
    }

    fn rooms(&self) -> BTreeSet<&str> {
        self.dependencies
            .iter()
            .filter_map(|name| name.strip_prefix("mortar-"))
            .collect()
    }
}

/// Names of the packages that a table of dependencies brings in, also under another name.
fn names(table: Option<&toml::Value>) -> BTreeSet<String> {
    let table = table.and_then(toml::Value::as_table);
    let real = |(name, value): (&String, &toml::Value)| {
        value
            .get("package")
            .and_then(toml::Value::as_str)
            .unwrap_or(name)
            .to_owned()
    };
    table.into_iter().flatten().map(real).collect()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn rooms() -> Vec<Room> {
    let folders = std::fs::read_dir(root().join("crates")).unwrap();
    let manifests = folders.map(|folder| folder.unwrap().path().join("Cargo.toml"));
    let mut rooms: Vec<Room> = manifests
        .filter(|path| path.is_file())
        .map(|path| Room::read(&path))
        .collect();
    rooms.sort_by(|a, b| a.name.cmp(&b.name));
    rooms
}

/// What is wrong with these rooms, one line each.
fn wrongs(rooms: &[Room]) -> Vec<String> {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ALLOWED
        .iter()
        .map(|(room, known)| (*room, known.iter().copied().collect()))
        .collect();
    let mut wrongs = Vec::new();
    for room in rooms {
        let name = room.name.as_str();
        match allowed.get(name) {
            None => wrongs.push(format!("the room {name} is not in the list of rooms")),
            Some(known) => wrongs.extend(
                room.rooms()
                    .difference(known)
                    .map(|other| format!("{name} may not know {other}")),
            ),
        }
        if PURE.contains(&name) {
            let heavy = NOT_PURE
                .iter()
                .filter(|heavy| room.dependencies.contains(**heavy));
            wrongs.extend(heavy.map(|heavy| format!("{name} is pure and may not have {heavy}")));
        }
        for (heavy, homes) in HOMES {
            if room.dependencies.contains(*heavy) && !homes.contains(&name) {
                wrongs.push(format!("{heavy} lives in {homes:?} and not in {name}"));
            }
        }
    }
    wrongs
}

#[test]
fn every_arrow_is_allowed() {
    let rooms = rooms();
    assert!(rooms.len() >= 14, "only {} manifests were found", rooms.len());
    assert_eq!(wrongs(&rooms), Vec::<String>::new());
}

#[test]
fn every_listed_room_exists() {
    let there: BTreeSet<String> = rooms().into_iter().map(|room| room.name).collect();
    let gone: Vec<&str> = ALLOWED
        .iter()
        .map(|(room, _)| *room)
        .filter(|room| !there.contains(*room))
        .collect();
    assert_eq!(
        gone,
        Vec::<&str>::new(),
        "these are in the list and not in crates/"
    );
}

#[test]
fn allowed_arrows_never_lead_back() {
    fn reaches(from: &str, to: &str) -> bool {
        let known = ALLOWED
            .iter()
            .find(|(room, _)| *room == from)
            .map_or(&[][..], |(_, known)| *known);
        known.iter().any(|next| *next == to || reaches(next, to))
    }
    for (room, _) in ALLOWED {
        assert!(!reaches(room, room), "{room} would know itself");
    }
}

#[test]
fn the_check_sees_wrong_arrows() {
    let room = |name: &str, dependencies: &[&str]| Room {
        name: name.to_owned(),
        dependencies: dependencies.iter().map(|name| (*name).to_owned()).collect(),
    };
    let rooms = [
        room("model", &["mortar-plan", "tokio"]),
        room("attic", &[]),
        room("server", &["redb", "mortar-store"]),
    ];
    assert_eq!(
        wrongs(&rooms),
        [
            "model may not know plan",
            "model is pure and may not have tokio",
            "the room attic is not in the list of rooms",
            "server may not know store",
            r#"redb lives in ["store"] and not in server"#,
        ]
    );
    let renamed: toml::Value = toml::from_str::<toml::Table>("x = { package = \"redb\" }")
        .unwrap()
        .into();
    assert_eq!(names(Some(&renamed)), BTreeSet::from(["redb".to_owned()]));
}

#[test]
fn the_architecture_page_names_every_room() {
    let page = root().join("docs/architecture.md");
    let text = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let words: BTreeSet<&str> = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .collect();
    let unnamed: Vec<&str> = ALLOWED
        .iter()
        .map(|(room, _)| *room)
        .filter(|room| !words.contains(room))
        .collect();
    assert_eq!(
        unnamed,
        Vec::<&str>::new(),
        "docs/architecture.md does not name these rooms"
    );
}
