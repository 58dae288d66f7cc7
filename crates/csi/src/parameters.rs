//! Parameters of a StorageClass. Heketi's names mean what they meant there; Mortar's own stand beside them. A name that is not
//! known is refused: what it was to say would be lost.

use std::collections::{BTreeMap, HashMap};

use tonic::Status;

use crate::names::{digest, escape};
use crate::trouble::invalid;

/// What a provisioner adds when it is started with `--extra-create-metadata`.
const CLAIM_NAME: &str = "csi.storage.k8s.io/pvc/name";
const CLAIM_NAMESPACE: &str = "csi.storage.k8s.io/pvc/namespace";
const PV_NAME: &str = "csi.storage.k8s.io/pv/name";

/// Heketi's words for which server is asked and as whom, and what Services are called. The driver asks its own server, and
/// makes no Services.
const MEANINGLESS: [&str; 6] = [
    "resturl",
    "restauthenabled",
    "restuser",
    "secretnamespace",
    "secretname",
    "customepnameprefix",
];

/// Groups that Heketi's provisioner gave to volumes.
const GID_MIN: u32 = 2000;
const GID_MAX: u32 = 2_147_483_646;

/// Heketi's option that asks for arbiters.
const ARBITER_OPTION: &str = "user.heketi.arbiter";
/// The option that demands distinct zones.
const ZONES_OPTION: &str = "user.mortar.zone-checking";

/// What becomes of a volume when its claim goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AtEnd {
    /// It goes too.
    Delete,
    /// It stays as it is.
    Retain,
    /// It stays, and no caller of CSI sees it any more.
    Archive,
}

impl AtEnd {
    /// The name of it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Retain => "retain",
            Self::Archive => "archive",
        }
    }

    /// What a name says.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Delete, Self::Retain, Self::Archive];
        all.into_iter().find(|at_end| at_end.name() == name)
    }
}

/// What a class asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Class {
    /// How volumes survive the loss of bricks, in words (`replicate 3`).
    pub(crate) durability: String,
    /// Ids of the clusters they may be on; any when empty.
    pub(crate) clusters: Vec<String>,
    /// Groups of which one owns a volume's root, first and last; none is root's own.
    pub(crate) groups: Option<(u32, u32)>,
    /// GlusterFS options.
    pub(crate) options: BTreeMap<String, String>,
    /// Thin pool size over brick size.
    pub(crate) snapshot_factor: Option<f64>,
    /// What volumes' names begin with.
    pub(crate) prefix: Option<String>,
    /// Whether volumes are reached only from the zones of their cluster.
    pub(crate) zonal: bool,
    /// What becomes of volumes when their claims go.
    pub(crate) at_end: AtEnd,
    /// The claim, `NAMESPACE/NAME`, where it is told.
    pub(crate) claim: Option<String>,
    /// A hash of all that was asked for.
    digest: String,
}

impl Class {
    /// Reads parameters.
    ///
    /// # Errors
    /// INVALID_ARGUMENT, with the name of the parameter.
    pub(crate) fn read(parameters: &HashMap<String, String>) -> Result<Self, Status> {
        let mut class = Self {
            durability: "replicate 3".to_owned(),
            clusters: Vec::new(),
            groups: None,
            options: BTreeMap::new(),
            snapshot_factor: None,
            prefix: None,
            zonal: false,
            at_end: AtEnd::Delete,
            claim: claim(parameters),
            digest: String::new(),
        };
        let mut bounds = (None, None);
        let sorted: BTreeMap<String, &str> = parameters
            .iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim()))
            .collect();
        let mut counted = Vec::new();
        for (name, value) in &sorted {
            let known = class.take(name, value, &mut bounds);
            let counts = known.map_err(|why| invalid(format!("parameter {name}: {why}")))?;
            if counts {
                counted.extend([name.as_str(), value]);
            }
        }
        if let Some(low) = bounds.0.or(bounds.1.map(|_| GID_MIN)) {
            let high = bounds.1.unwrap_or(GID_MAX);
            if low > high {
                return Err(invalid("parameter gidmin: is more than gidmax"));
            }
            class.groups = Some((low, high));
        }
        class.arbiters()?;
        class.digest = digest(counted);
        Ok(class)
    }

    /// Takes one parameter; whether it says something of the volume.
    fn take(
        &mut self,
        name: &str,
        value: &str,
        gids: &mut (Option<u32>, Option<u32>),
    ) -> Result<bool, String> {
        match name {
            CLAIM_NAME | CLAIM_NAMESPACE | PV_NAME => return Ok(false),
            name if MEANINGLESS.contains(&name) => return Ok(false),
            "restuserkey" => {
                return Err(
                    "a key in plain text does not belong here: take it out, the driver needs none".into(),
                );
            }
            "volumetype" => self.durability = durability(value)?,
            "volumeoptions" => self.options.extend(options(value)?),
            "clusterid" => self.clusters = list(value).map(str::to_owned).collect(),
            "gid" => {
                let gid = value.parse().map_err(|_| "is a number".to_owned())?;
                *gids = (Some(gid), Some(gid));
            }
            "gidmin" => gids.0 = Some(gid(value)?),
            "gidmax" => gids.1 = Some(gid(value)?),
            "snapfactor" => self.snapshot_factor = Some(factor(value)?),
            "volumenameprefix" => self.prefix = Some(prefix(value)?),
            "zonechecking" if ["none", "strict"].contains(&value) => {
                self.options.insert(ZONES_OPTION.into(), value.into());
            }
            "zonechecking" => return Err("is none or strict".into()),
            "topology" => self.zonal = one_of(value, "zone", "any")?,
            "ondelete" => {
                let at_end = AtEnd::from_name(value);
                self.at_end = at_end.ok_or_else(|| "is delete, retain or archive".to_owned())?;
            }
            _ => return Err("is not known".into()),
        }
        Ok(true)
    }

    /// Heketi asked for arbiters by an option.
    fn arbiters(&mut self) -> Result<(), Status> {
        match self.options.get(ARBITER_OPTION).map(String::as_str) {
            None => return Ok(()),
            Some("false") => {}
            Some("true") if ["replicate 3", "arbiter"].contains(&self.durability.as_str()) => {
                self.durability = "arbiter".into();
            }
            Some("true") => {
                let why = format!("{ARBITER_OPTION} goes with volumetype replicate:3");
                return Err(invalid(format!("parameter volumeoptions: {why}")));
            }
            Some(_) => {
                return Err(invalid(format!(
                    "parameter volumeoptions: {ARBITER_OPTION} is true or false"
                )));
            }
        }
        self.options.remove(ARBITER_OPTION);
        Ok(())
    }

    /// The group of the volume of this claim. One of the class's range, the same each time.
    pub(crate) fn group(&self, claim: &str) -> u32 {
        let Some((low, high)) = self.groups else {
            return 0;
        };
        let drawn = u64::from_str_radix(&digest(["group", claim])[..12], 16).unwrap_or(0);
        let width = u64::from(high - low) + 1;
        low + u32::try_from(drawn % width).unwrap_or(0)
    }

    /// A hash of what was asked for, with what else tells one request from another.
    pub(crate) fn digest_with(&self, more: &[&str]) -> String {
        let parts = std::iter::once(self.digest.as_str()).chain(more.iter().copied());
        digest(parts)[..32].to_owned()
    }
}

fn claim(parameters: &HashMap<String, String>) -> Option<String> {
    let namespace = parameters.get(CLAIM_NAMESPACE)?;
    let name = parameters.get(CLAIM_NAME)?;
    Some(escape(&format!("{namespace}/{name}")))
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn one_of(value: &str, yes: &str, no: &str) -> Result<bool, String> {
    match value {
        value if value == yes => Ok(true),
        value if value == no => Ok(false),
        _ => Err(format!("is {no} or {yes}")),
    }
}

/// `replicate[:N]`, `arbiter`, `disperse:DATA:REDUNDANCY` or `none`, in Mortar's words.
fn durability(value: &str) -> Result<String, String> {
    let parts: Vec<&str> = value.split(':').collect();
    let number = |text: &str| text.parse::<u32>().is_ok_and(|number| number > 0);
    match parts.as_slice() {
        ["none"] => Ok("none".into()),
        ["arbiter"] => Ok("arbiter".into()),
        ["replicate"] => Ok("replicate 3".into()),
        ["replicate", copies] if number(copies) => Ok(format!("replicate {copies}")),
        ["disperse", data, redundancy] if number(data) && number(redundancy) => {
            Ok(format!("disperse {data}+{redundancy}"))
        }
        _ => Err("is replicate:N, arbiter, disperse:DATA:REDUNDANCY or none".into()),
    }
}

fn options(value: &str) -> Result<BTreeMap<String, String>, String> {
    let option = |text: &str| {
        let (key, value) = text
            .split_once([' ', '\t'])
            .ok_or_else(|| format!("{text:?} has no value: write NAME VALUE, with commas between several"))?;
        if key.starts_with("user.csi.") {
            return Err(format!("{key} is the driver's own"));
        }
        Ok((key.to_owned(), value.trim().to_owned()))
    };
    list(value).map(option).collect()
}

fn gid(value: &str) -> Result<u32, String> {
    let number = value.parse().ok();
    number
        .filter(|gid| (GID_MIN..=GID_MAX + 1).contains(gid))
        .map(|gid: u32| gid.min(GID_MAX))
        .ok_or_else(|| format!("is {GID_MIN} to {}", GID_MAX + 1))
}

fn factor(value: &str) -> Result<f64, String> {
    let number = value.parse().ok().filter(|factor| (1.0..=100.0).contains(factor));
    number.ok_or_else(|| "is 1 to 100".to_owned())
}

fn prefix(value: &str) -> Result<String, String> {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let good = !value.is_empty() && value.len() <= 100 && !value.starts_with('-') && value.bytes().all(fits);
    good.then(|| value.to_owned())
        .ok_or_else(|| "is 1 to 100 letters, digits and dashes".to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{AtEnd, Class};

    fn read(pairs: &[(&str, &str)]) -> Result<Class, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let parameters: HashMap<String, String> = pairs.iter().map(own).collect();
        Class::read(&parameters).map_err(|status| status.message().to_owned())
    }

    #[test]
    fn heketis_names_mean_what_they_meant() {
        let class = read(&[
            ("resturl", "http://heketi:8080"),
            ("restuser", "admin"),
            ("secretName", "s"),
            ("secretNamespace", "n"),
            ("volumetype", "disperse:4:2"),
            ("volumeoptions", "client.ssl on, nfs.disable off"),
            ("clusterid", "a, b"),
            ("gidMin", "3000"),
            ("gidMax", "3001"),
            ("snapfactor", "1.5"),
            ("volumenameprefix", "team-a"),
        ])
        .unwrap();
        assert_eq!(class.durability, "disperse 4+2");
        assert_eq!(class.options["client.ssl"], "on");
        assert_eq!(class.clusters, ["a", "b"]);
        assert!((3000..=3001).contains(&class.group("x")));
        assert_eq!(class.group("x"), class.group("x"));
        assert_eq!(class.snapshot_factor, Some(1.5));
        assert_eq!(class.prefix.as_deref(), Some("team-a"));
        assert!(!class.zonal && class.at_end == AtEnd::Delete);
        assert_eq!(read(&[]).unwrap().durability, "replicate 3");
        assert_eq!(read(&[]).unwrap().group("x"), 0);
        let arbiter = read(&[
            ("volumetype", "replicate:3"),
            ("volumeoptions", "user.heketi.arbiter true"),
        ]);
        let arbiter = arbiter.unwrap();
        assert_eq!(
            (arbiter.durability.as_str(), arbiter.options.len()),
            ("arbiter", 0)
        );
    }

    #[test]
    fn what_is_wrong_is_told_by_its_name() {
        for (name, value) in [
            ("colour", "red"),
            ("restuserkey", "secret"),
            ("volumetype", "raid:5"),
            ("volumetype", "replicate:0"),
            ("volumeoptions", "nfs.disable"),
            ("volumeoptions", "user.csi.room x"),
            ("volumeoptions", "user.heketi.arbiter maybe"),
            ("gidmin", "5"),
            ("gid", "root"),
            ("snapfactor", "0.5"),
            ("volumenameprefix", "a_b"),
            ("zonechecking", "maybe"),
            ("topology", "rack"),
            ("ondelete", "burn"),
            ("csi.storage.k8s.io/other", "x"),
        ] {
            let text = read(&[(name, value)]).unwrap_err();
            assert!(text.contains(name) && !text.contains("secret"), "{text}");
        }
        assert!(read(&[("gidmin", "3000"), ("gidmax", "2500")]).is_err());
    }

    #[test]
    fn a_request_is_told_from_another_by_what_it_asks() {
        let digest = |pairs: &[(&str, &str)], more: &str| read(pairs).unwrap().digest_with(&[more]);
        let plain = digest(&[("volumetype", "none")], "");
        assert_eq!(plain, digest(&[("volumeType", "none"), ("resturl", "x")], ""));
        assert_eq!(
            plain,
            digest(&[("volumetype", "none"), ("csi.storage.k8s.io/pv/name", "x")], "")
        );
        assert_ne!(plain, digest(&[("volumetype", "arbiter")], ""));
        assert_ne!(plain, digest(&[("volumetype", "none")], "block"));
    }
}
