//! `heketi.json`, with the environment variables that override it: every key that Heketi's server knows, and what becomes of it here.
//!
//! A key is honoured, or it is named in a [`Remark`] that says what happens instead. Keys that nobody knows are named too: one of them may
//! be mistyped. Those that begin with `_` are comments. What could not be done without harm (nodes reached by an executor that is not
//! there) is an error.

mod instead;
mod unknown;

use std::cell::RefCell;
use std::collections::BTreeSet;

use instead::{BESIDE, INSTEAD, OF_NODES};
use mortar_model::options_of;

use crate::json::Json;

/// What is asked for, after the environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeketiConfig {
    /// Port, on all addresses.
    pub port: Option<u16>,
    /// Secret of the admin user.
    pub admin_key: Option<String>,
    /// Secret of the plain user.
    pub user_key: Option<String>,
    /// Certificate and key, where TLS is on.
    pub tls: Option<(String, String)>,
    /// `normal`, `read-only` or `local-client`.
    pub default_state: Option<String>,
    /// How nodes are reached.
    pub executor: Executor,
    /// The Bolt file.
    pub db: Option<String>,
    /// `none`, `critical`, `error`, `warning`, `info` or `debug`.
    pub log_level: Option<String>,
    /// GiB.
    pub brick_max: Option<u64>,
    /// GiB.
    pub brick_min: Option<u64>,
    /// Most bricks of a volume.
    pub bricks_per_volume: Option<u32>,
    /// Most volumes of a cluster; `None` inside for no limit.
    pub volumes_per_cluster: Option<Option<usize>>,
    /// Whether zones are strict.
    pub strict_zones: Option<bool>,
    /// Whether volumes for block volumes are made where none has the room.
    pub make_hosting: bool,
    /// GiB of such a volume.
    pub hosting_size: Option<u64>,
    /// Options of such a volume; none where the key is not there.
    pub hosting_options: Option<Vec<String>>,
    /// Whether block volumes take all their room at once.
    pub block_full: Option<bool>,
    /// Operations side by side.
    pub inflight: Option<usize>,
    /// Of nodes reached by ssh.
    pub ssh: Ssh,
    /// Of nodes that are pods.
    pub kube: Kube,
    /// File of mount entries on the nodes.
    pub fstab: Option<String>,
    /// Mount options of bricks.
    pub mount_options: Option<String>,
    /// Seconds.
    pub gluster_timeout: Option<u64>,
    /// Options that come before those of each request for a volume.
    pub options_before: Vec<String>,
    /// Options that come after them.
    pub options_after: Vec<String>,
    /// GiB of a simulated disk.
    pub mock_disk: Option<u64>,
    /// What is done instead, by key.
    pub remarks: Vec<Remark>,
}

/// How nodes are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Executor {
    /// Over ssh.
    #[default]
    Ssh,
    /// In pods.
    Kubernetes,
    /// On simulated nodes: Heketi's mock, with a memory.
    Simulated,
}

/// How nodes are reached over ssh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ssh {
    /// Private key.
    pub key: Option<String>,
    /// User; Heketi's default is `heketi`.
    pub user: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Whether commands run through sudo.
    pub sudo: bool,
    /// Host keys.
    pub known_hosts: Option<String>,
}

/// How nodes that are pods are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kube {
    /// Their namespace; that of the server's own pod when none is said.
    pub namespace: Option<String>,
    /// Whether they are one on each Kubernetes node, which has the management host name.
    pub daemonset: bool,
    /// Whether the management host name is the pod's.
    pub pod_names: bool,
    /// Commands that run at once.
    pub connections: Option<usize>,
}

/// A key that is not honoured as it stands, and what happens instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// The key with those around it, or the environment variable.
    pub key: String,
    /// What happens.
    pub instead: String,
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// It is not JSON.
    #[error("it is no JSON object: {0}")]
    Json(String),
    /// A value cannot be used.
    #[error("{key} {problem}")]
    Value {
        /// The key with those around it, or the environment variable.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

fn wrong<T>(key: &str, problem: impl Into<String>) -> Result<T, ConfigError> {
    Err(ConfigError::Value {
        key: key.to_owned(),
        problem: problem.into(),
    })
}

/// Reads a configuration. `environment` gives the variables that are set.
///
/// # Errors
/// It is not JSON, or a value cannot be used: the key is named.
pub fn read(text: &[u8], environment: impl Fn(&str) -> Option<String>) -> Result<HeketiConfig, ConfigError> {
    let json: Json = serde_json::from_slice(text).map_err(|error| ConfigError::Json(error.to_string()))?;
    if !matches!(json, Json::Object(_)) {
        return Err(ConfigError::Json("something else stands there".into()));
    }
    let mut reader = Reader {
        json,
        environment: &environment,
        remarks: Vec::new(),
        looked_for: RefCell::default(),
    };
    let mut config = reader.server()?;
    reader.limits(&mut config)?;
    reader.nodes(&mut config)?;
    reader.instead();
    for key in unknown::keys(&reader.json, &reader.looked_for.borrow(), config.executor) {
        reader.remarks.push(Remark {
            key,
            instead: "nothing: no key of this name is known, see that it is not mistyped".into(),
        });
    }
    config.remarks = reader.remarks;
    Ok(config)
}

struct Reader<'a> {
    json: Json,
    environment: &'a dyn Fn(&str) -> Option<String>,
    remarks: Vec<Remark>,
    /// The keys that are known, with those around them, in lower case: all that were asked for.
    looked_for: RefCell<BTreeSet<String>>,
}

/// A value with where it stands.
struct Given {
    key: String,
    text: String,
}

impl Reader<'_> {
    /// A value as text: from the environment, else from the file. Heketi takes numbers and booleans from both as well.
    fn given(&self, path: &str, variable: &str) -> Result<Option<Given>, ConfigError> {
        let there = self.find(path);
        if !variable.is_empty()
            && let Some(text) = (self.environment)(variable).filter(|text| !text.is_empty())
        {
            return Ok(Some(Given {
                key: variable.to_owned(),
                text,
            }));
        }
        let text = match there {
            None | Some(Json::Null) => return Ok(None),
            Some(Json::Text(text)) => text.clone(),
            Some(Json::Integer(number)) => number.to_string(),
            Some(Json::Large(number)) => number.to_string(),
            Some(Json::Bool(value)) => value.to_string(),
            Some(Json::Float(number)) => number.to_string(),
            Some(other) => return wrong(path, format!("is {}", other.kind())),
        };
        Ok(Some(Given {
            key: path.to_owned(),
            text,
        }))
    }

    /// What stands under keys with dots between, whatever their case.
    fn find(&self, path: &str) -> Option<&Json> {
        if path.is_empty() {
            return None;
        }
        self.looked_for.borrow_mut().insert(path.to_ascii_lowercase());
        path.split('.').try_fold(&self.json, |json, key| match json {
            Json::Object(entries) => entries
                .iter()
                .rev()
                .find(|(other, _)| other.eq_ignore_ascii_case(key))
                .map(|(_, value)| value),
            _ => None,
        })
    }

    fn text(&self, path: &str, variable: &str) -> Result<Option<String>, ConfigError> {
        let given = self.given(path, variable)?;
        Ok(given.map(|given| given.text).filter(|text| !text.is_empty()))
    }

    fn number<T: std::str::FromStr>(&self, path: &str, variable: &str) -> Result<Option<T>, ConfigError> {
        match self.given(path, variable)?.filter(|given| !given.text.is_empty()) {
            None => Ok(None),
            Some(given) => match given.text.trim().parse() {
                Ok(number) => Ok(Some(number)),
                Err(_) => wrong(
                    &given.key,
                    format!("is {:?}, which is no number that fits", given.text),
                ),
            },
        }
    }

    fn flag(&self, path: &str, variable: &str) -> Result<bool, ConfigError> {
        match self.given(path, variable)? {
            None => Ok(false),
            Some(given) => match given.text.to_ascii_lowercase().as_str() {
                "" | "false" | "0" => Ok(false),
                "true" | "1" => Ok(true),
                // Where Heketi looks at the first letter only.
                "n" | "no" => Ok(false),
                "y" | "yes" => Ok(true),
                other => wrong(&given.key, format!("is {other:?}, and true or false is wanted")),
            },
        }
    }

    fn remark(&mut self, key: &str, instead: &str) {
        self.remarks.push(Remark {
            key: key.to_owned(),
            instead: instead.to_owned(),
        });
    }

    fn server(&mut self) -> Result<HeketiConfig, ConfigError> {
        let pair = (self.text("cert_file", "")?, self.text("key_file", "")?);
        let tls = match self.flag("enable_tls", "")? {
            false => None,
            true => match pair {
                (Some(certificate), Some(key)) => Some((certificate, key)),
                _ => {
                    return wrong(
                        "enable_tls",
                        "is true, and cert_file and key_file are not both given",
                    );
                }
            },
        };
        let state = self.given("default_state", "HEKETI_DEFAULT_STATE")?;
        if let Some(state) = &state
            && !["", "normal", "read-only", "local-client"].contains(&state.text.as_str())
        {
            return wrong(&state.key, format!("is {:?}", state.text));
        }
        Ok(HeketiConfig {
            port: self.number("port", "HEKETI_HTTP_PORT")?,
            admin_key: self.text("jwt.admin.key", "HEKETI_ADMIN_KEY")?,
            user_key: self.text("jwt.user.key", "HEKETI_USER_KEY")?,
            tls,
            default_state: state.map(|state| state.text).filter(|text| !text.is_empty()),
            ..HeketiConfig::default()
        })
    }

    fn limits(&mut self, config: &mut HeketiConfig) -> Result<(), ConfigError> {
        config.db = self.text("glusterfs.db", "HEKETI_DB_PATH")?;
        config.log_level = self.text("glusterfs.loglevel", "HEKETI_GLUSTERAPP_LOGLEVEL")?;
        // Heketi takes 0 for its default.
        config.brick_max = self
            .number("glusterfs.brick_max_size_gb", "")?
            .filter(|size| *size > 0);
        config.brick_min = self
            .number("glusterfs.brick_min_size_gb", "")?
            .filter(|size| *size > 0);
        config.bricks_per_volume = self
            .number("glusterfs.max_bricks_per_volume", "")?
            .filter(|count| *count > 0);
        let volumes: Option<i64> = self.number(
            "glusterfs.max_volumes_per_cluster",
            "HEKETI_GLUSTER_MAX_VOLUMES_PER_CLUSTER",
        )?;
        config.volumes_per_cluster = volumes
            .filter(|count| *count != 0)
            .map(|count| usize::try_from(count).ok());
        config.options_before =
            self.options("pre_request_volume_options", "HEKETI_PRE_REQUEST_VOLUME_OPTIONS")?;
        config.options_after = self.options(
            "post_request_volume_options",
            "HEKETI_POST_REQUEST_VOLUME_OPTIONS",
        )?;
        config.make_hosting = self.flag(
            "glusterfs.auto_create_block_hosting_volume",
            "HEKETI_AUTO_CREATE_BLOCK_HOSTING_VOLUME",
        )?;
        config.hosting_size = self
            .number(
                "glusterfs.block_hosting_volume_size",
                "HEKETI_BLOCK_HOSTING_VOLUME_SIZE",
            )?
            .filter(|size| *size > 0);
        let options = self.options(
            "block_hosting_volume_options",
            "HEKETI_BLOCK_HOSTING_VOLUME_OPTIONS",
        )?;
        config.hosting_options = Some(options).filter(|options| !options.is_empty());
        config.strict_zones = match self.given("glusterfs.zone_checking", "HEKETI_ZONE_CHECKING")? {
            None => None,
            Some(given) => match given.text.as_str() {
                "" => None,
                "none" => Some(false),
                "strict" => Some(true),
                other => return wrong(&given.key, format!("is {other:?}, and none or strict is wanted")),
            },
        };
        config.inflight = self
            .number(
                "glusterfs.max_inflight_operations",
                "HEKETI_MAX_INFLIGHT_OPERATIONS",
            )?
            .filter(|count| *count > 0);
        if config.inflight.is_some() {
            self.remark(
                "glusterfs.max_inflight_operations",
                "so many operations run side by side; more wait for their turn, and are not refused with 429",
            );
        }
        let average: Option<u64> = self.number("glusterfs.average_file_size_kb", "")?;
        if average.is_some_and(|kib| kib != 0 && kib != 64) {
            self.remark(
                "glusterfs.average_file_size_kb",
                "arbiters are sized for files of 64 KiB, unless a volume says user.heketi.average-file-size",
            );
        }
        Ok(())
    }

    /// Volume options with commas between.
    fn options(&self, key: &str, variable: &str) -> Result<Vec<String>, ConfigError> {
        let given = self.given(&format!("glusterfs.{key}"), variable)?;
        let Some(given) = given else {
            return Ok(Vec::new());
        };
        let texts = given
            .text
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty());
        let checked = texts.map(|text| match options_of(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => wrong(&given.key, format!("has the option {text:?}: {error}")),
        });
        checked.collect()
    }

    fn nodes(&mut self, config: &mut HeketiConfig) -> Result<(), ConfigError> {
        let executor = self.given("glusterfs.executor", "HEKETI_EXECUTOR")?;
        let name = executor.as_ref().map_or("", |given| given.text.as_str());
        config.executor = match name {
            "" | "ssh" => Executor::Ssh,
            "kube" | "kubernetes" => Executor::Kubernetes,
            "mock" => Executor::Simulated,
            "inject/mock" => {
                self.remark(
                    "glusterfs.injectexec",
                    "nodes are simulated, and no faults are injected",
                );
                Executor::Simulated
            }
            other => {
                let key = executor
                    .as_ref()
                    .map_or("glusterfs.executor", |given| given.key.as_str());
                return wrong(
                    key,
                    format!(
                        "is {other:?}: nodes are reached over ssh, in pods (kubernetes), or simulated (mock)"
                    ),
                );
            }
        };
        config.mock_disk = self.number("", "HEKETI_MOCK_DEVICE_SIZE_GB")?;
        config.kube = self.kube(config.executor)?;
        let section = match config.executor {
            Executor::Kubernetes => "kubeexec",
            Executor::Ssh | Executor::Simulated => "sshexec",
        };
        let of = |key: &str| format!("glusterfs.{section}.{key}");
        config.ssh = Ssh {
            key: self.text(&of("keyfile"), "HEKETI_SSH_KEYFILE")?,
            user: self.text(&of("user"), "HEKETI_SSH_USER")?,
            port: self.number(&of("port"), "HEKETI_SSH_PORT")?,
            sudo: self.flag(&of("sudo"), "")?,
            known_hosts: self.text("", "SSH_KNOWN_HOSTS")?,
        };
        if config.executor == Executor::Ssh && config.ssh.known_hosts.is_none() {
            self.remark(
                "SSH_KNOWN_HOSTS",
                "host keys are always checked, against /etc/ssh/ssh_known_hosts: put the nodes' keys there (ssh-keyscan)",
            );
        }
        config.block_full = match self.given(&of("block_prealloc"), "HEKETI_BLOCK_VOLUME_DEFAULT_PREALLOC")? {
            None => None,
            Some(given) => match given.text.as_str() {
                "" => None,
                "full" => Some(true),
                "no" => Some(false),
                other => return wrong(&given.key, format!("is {other:?}, and full or no is wanted")),
            },
        };
        config.fstab = self.text(&of("fstab"), "HEKETI_FSTAB")?;
        config.mount_options = self.text(&of("mountopts"), "HEKETI_MOUNT_OPTS")?;
        config.gluster_timeout = self
            .number(&of("gluster_cli_timeout"), "HEKETI_GLUSTER_CLI_TIMEOUT")?
            .filter(|seconds| *seconds > 0);
        for (key, variable, usual, instead) in OF_NODES {
            let given = self.given(&of(key), variable)?;
            if let Some(given) = given.filter(|given| given.text != usual && !given.text.is_empty()) {
                self.remark(&given.key, instead);
            }
        }
        Ok(())
    }

    fn kube(&mut self, executor: Executor) -> Result<Kube, ConfigError> {
        if executor != Executor::Kubernetes {
            return Ok(Kube::default());
        }
        let of = |key: &str| format!("glusterfs.kubeexec.{key}");
        self.named(&of("sudo"), "", "commands run as the user of the pod's container");
        self.named(
            &of("disable_timeout_prefix"),
            "",
            "commands end in time by themselves",
        );
        Ok(Kube {
            namespace: self.text(&of("namespace"), "HEKETI_KUBE_NAMESPACE")?,
            daemonset: self.flag(&of("gluster_daemonset"), "HEKETI_KUBE_GLUSTER_DAEMONSET")?,
            pod_names: self.flag(&of("use_pod_names"), "HEKETI_KUBE_USE_POD_NAMES")?,
            connections: self
                .number(&of("max_connections"), "")?
                .filter(|count| *count > 0),
        })
    }

    /// Keys that are there, and change nothing.
    fn instead(&mut self) {
        for (key, variable, instead) in INSTEAD {
            self.named(&format!("glusterfs.{key}"), variable, instead);
        }
        for (key, variable, instead) in BESIDE {
            self.named(key, variable, instead);
        }
        let executors =
            ["sshexec", "kubeexec"].map(|name| format!("glusterfs.{name}.rebalance_on_expansion"));
        let said: Vec<&String> = executors.iter().filter(|key| self.find(key).is_some()).collect();
        self.named(
            said.first().map_or("", |key| key.as_str()),
            "HEKETI_GLUSTERAPP_REBALANCE_ON_EXPANSION",
            "files are spread over new bricks after each expansion by bricks",
        );
    }

    fn named(&mut self, key: &str, variable: &str, instead: &str) {
        let set = !variable.is_empty() && (self.environment)(variable).is_some_and(|text| !text.is_empty());
        let there = !key.is_empty()
            && self.find(key).is_some_and(|value| {
                !matches!(value, Json::Null | Json::Bool(false)) && *value != Json::Text(String::new())
            });
        if set {
            self.remark(variable, instead);
        } else if there {
            self.remark(key, instead);
        }
    }
}

#[cfg(test)]
mod tests;
