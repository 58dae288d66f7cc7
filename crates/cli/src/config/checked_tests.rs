//! What is taken, what is refused, and who wins.

use mortar_heketi::token::{Keys, Secret};

use super::{Config, Executor, LogFormat};
use crate::config::{ExecutorName, Settings};
use crate::exit::Exit;

fn keys(admin: &str, user: &str) -> Option<Keys> {
    Some(Keys::new(Secret::new(admin), Secret::new(user)).unwrap())
}

fn enough() -> Settings {
    Settings {
        admin_key: Some("a".into()),
        user_key: Some("u".into()),
        executor: Some(ExecutorName::Sim),
        ..Settings::default()
    }
}

#[test]
fn defaults_fill_what_is_not_given() {
    let config = Config::new(enough()).unwrap();
    assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(
        config.store.as_deref(),
        Some("/var/lib/mortar/mortar.redb".as_ref())
    );
    let Executor::Sim(sim) = config.executor else {
        panic!("{config:?}")
    };
    assert_eq!(
        (sim.seed, sim.nodes.len(), sim.disks, sim.disk_size.gib()),
        (1, 0, 2, 1024)
    );
    assert_eq!(config.log_format, LogFormat::Auto);
    assert_eq!(config.keys, keys("a", "u"));
    let backups = config.backups.unwrap();
    assert_eq!(backups.folder.to_str(), Some("/var/lib/mortar/backups"));
    assert_eq!((backups.interval.as_secs(), backups.keep), (86_400, 14));
    let named = Settings {
        sim_nodes: Some(vec!["n1".into(), "n2=10.0.0.2".into()]),
        ..enough()
    };
    let Executor::Sim(sim) = Config::new(named).unwrap().executor else {
        panic!("not simulated")
    };
    assert_eq!(sim.nodes[0].1.as_str(), "n1");
    assert_eq!(sim.nodes[1].1.as_str(), "10.0.0.2");
    let memory = Settings {
        store: Some("memory".into()),
        ..enough()
    };
    let memory = Config::new(memory).unwrap();
    assert_eq!((memory.store, memory.backups), (None, None));
    let set = Settings {
        backup_folder: Some("/b".into()),
        backup_interval: Some(0),
        backup_keep: Some(3),
        ..enough()
    };
    let backups = Config::new(set).unwrap().backups.unwrap();
    assert_eq!(backups.folder.to_str(), Some("/b"));
    assert_eq!((backups.interval.as_secs(), backups.keep), (0, 3));
}

#[test]
fn without_a_user_key_there_is_the_admin_alone() {
    let settings = Settings {
        user_key: None,
        ..enough()
    };
    let alone = Keys::of_admin(Secret::new("a")).unwrap();
    assert_eq!(Config::new(settings).unwrap().keys, Some(alone));
}

#[test]
fn what_is_missing_is_named() {
    let cases = [
        (
            Settings {
                admin_key: None,
                ..enough()
            },
            "admin-key",
        ),
        (
            Settings {
                user_key: Some(String::new()),
                ..enough()
            },
            "user-key is empty",
        ),
        (
            Settings {
                executor: None,
                ..enough()
            },
            "ssh-key",
        ),
        (
            Settings {
                executor: Some(ExecutorName::Kubernetes),
                kubernetes_context: Some("a".to_owned()),
                ..enough()
            },
            "no kubernetes-config",
        ),
        (
            Settings {
                executor: Some(ExecutorName::Kubernetes),
                kubernetes_connections: Some(0),
                ..enough()
            },
            "kubernetes-connections is 0",
        ),
        (
            Settings {
                admin_key_file: Some("/x".into()),
                ..enough()
            },
            "both admin-key and admin-key-file",
        ),
        (
            Settings {
                admin_key: None,
                admin_key_file: Some("/nowhere/x".into()),
                ..enough()
            },
            "/nowhere/x: No such file",
        ),
    ];
    for (settings, part) in cases {
        let error = Config::new(settings).unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(
            error.obstacle.contains(part),
            "{part:?} is not in {:?}",
            error.obstacle
        );
    }
}

#[test]
fn without_authorisation_no_key_is_needed() {
    let settings = Settings {
        disable_auth: Some(true),
        admin_key: None,
        user_key: None,
        ..enough()
    };
    assert_eq!(Config::new(settings).unwrap().keys, None);
    let off = Settings {
        disable_auth: Some(false),
        admin_key: None,
        ..enough()
    };
    assert!(Config::new(off).is_err());
}

#[test]
fn a_given_setting_wins_over_the_file() {
    let given = Settings {
        sim_seed: Some(1),
        ..Settings::default()
    };
    let file = Settings {
        sim_seed: Some(2),
        log: Some("debug".into()),
        ..Settings::default()
    };
    let both = given.or(file);
    assert_eq!((both.sim_seed, both.log.as_deref()), (Some(1), Some("debug")));
}

#[test]
fn secrets_come_from_the_environment_and_are_not_shown() {
    let environment = |name: &str| match name {
        "MORTAR_ADMIN_KEY" => Some("mortar's".to_owned()),
        "MORTAR_USER_KEY" => Some(String::new()),
        "HEKETI_ADMIN_KEY" | "HEKETI_USER_KEY" => Some("heketi's".to_owned()),
        _ => None,
    };
    let settings = Settings::default().with_secrets(environment);
    assert_eq!(settings.admin_key.as_deref(), Some("mortar's"));
    assert_eq!(settings.user_key.as_deref(), Some("heketi's"));
    let shown = toml::to_string(&settings.clone().without_secrets()).unwrap();
    assert!(!shown.contains("'s") && shown.contains("(set)"), "{shown}");
    let config = Config::new(Settings {
        executor: Some(ExecutorName::Local),
        ..settings
    })
    .unwrap();
    assert!(!format!("{config:?}").contains("'s"));
}

#[test]
fn a_secret_is_the_first_line_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "top\nrest\n").unwrap();
    let settings = Settings {
        admin_key: None,
        admin_key_file: Some(file.clone()),
        ..enough()
    };
    assert_eq!(Config::new(settings.clone()).unwrap().keys, keys("top", "u"));
    std::fs::write(&file, "\n").unwrap();
    assert!(
        Config::new(settings)
            .unwrap_err()
            .obstacle
            .contains("first line is empty")
    );
}
