//! What is left of a request once it is checked.

use mortar_model::{ByteSize, Durability, Impossible, Snapshots, VolumeName, VolumeOption, options_of};

use super::request::{
    DisperseDurability, DurabilityRequest, SnapshotRequest, VolumeCreateRequest, VolumeExpandRequest,
};
use crate::WireError;
use crate::problems::{FORMAT, Problems, at_least_one, shown};

/// A checked request for a volume.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeCreate {
    /// Usable size: whole GiB.
    pub size: ByteSize,
    /// Clusters it may be on, as written; any when empty. Whether they exist is for the caller to find out
    /// (the answer is [`WireError::ClusterNotFound`] with the id as written).
    pub clusters: Vec<String>,
    /// Its name; the caller's choice when there is none.
    pub name: Option<VolumeName>,
    /// How it survives the loss of bricks.
    pub durability: Durability,
    /// Group that owns its root.
    pub gid: u32,
    /// Options to set on it; empty ones are left out.
    pub options: Vec<VolumeOption>,
    /// Whether it is meant to hold block volumes.
    pub block: bool,
    /// Room for snapshots; the factor is 1 when there is none.
    pub snapshots: Snapshots,
}

/// The option by which Heketi's users ask for arbiters.
pub const ARBITER_OPTION: &str = "user.heketi.arbiter";

impl VolumeCreateRequest {
    /// Checks the request, in Heketi's order: fields, group, durability, snapshots.
    ///
    /// # Errors
    /// [`WireError::Invalid`] with each field that breaks a rule, or the text for the first rule that is broken.
    pub fn validate(&self) -> Result<VolumeCreate, WireError> {
        let mut problems = Problems::default();
        let size = problems.take("size", at_least_one(self.size));
        let name = problems.take("name", name(&self.name));
        let options = problems.take("glustervolumeoptions", options(&self.glustervolumeoptions));
        let (Some(size), Some(name), Some(options)) = (size, name, options) else {
            return Err(problems.into());
        };
        let gid = group(self.gid)?;
        let durability = with_arbiter(self.durability.validate()?, &options)?;
        let snapshots = self.snapshot.validate()?;
        Ok(VolumeCreate {
            size: ByteSize::from_gib(size),
            clusters: self.clusters.clone(),
            name,
            durability,
            gid,
            options,
            block: self.block,
            snapshots,
        })
    }
}

/// Heketi's pattern is `^[a-zA-Z0-9_-]+$`; the rules that Mortar adds are told in words.
fn name(text: &str) -> Result<Option<VolumeName>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    {
        return Err(FORMAT.into());
    }
    VolumeName::new(text).map(Some).map_err(|error| error.to_string())
}

/// Heketi pasted each of these into a shell command line; Mortar takes one name and one value of harmless letters.
fn options(texts: &[String]) -> Result<Vec<VolumeOption>, String> {
    let given = texts.iter().filter(|text| !text.trim().is_empty());
    let parsed =
        given.map(|text| options_of(text).map_err(|error| format!("option '{}': {error}", shown(text))));
    Ok(parsed.collect::<Result<Vec<_>, _>>()?.concat())
}

/// The bound is Heketi's real one; its text says another.
fn group(gid: i64) -> Result<u32, WireError> {
    const BOUND: u32 = 2_147_483_647;
    if gid < 0 {
        return Err(WireError::GroupNegative);
    }
    u32::try_from(gid)
        .ok()
        .filter(|gid| *gid < BOUND)
        .ok_or(WireError::GroupTooLarge)
}

impl DurabilityRequest {
    fn validate(&self) -> Result<Durability, WireError> {
        const DEFAULT_REPLICA: u32 = 2;
        match self.kind.as_str() {
            "" | "none" => Ok(Durability::None),
            "replicate" => match u32::try_from(self.replicate.replica) {
                Ok(0) => Ok(Durability::Replicate(DEFAULT_REPLICA)),
                Ok(replica) => possible(Durability::Replicate(replica)),
                Err(_) => Err(WireError::InvalidReplica),
            },
            "disperse" => {
                let DisperseDurability { data, redundancy } = self.disperse;
                match (u32::try_from(data), u32::try_from(redundancy)) {
                    (Ok(data), Ok(redundancy)) => possible(Durability::disperse(data, redundancy)),
                    _ => Err(WireError::InvalidDispersion(data, redundancy)),
                }
            }
            _ => Err(WireError::UnknownDurability),
        }
    }
}

fn possible(durability: Durability) -> Result<Durability, WireError> {
    durability.check().map_err(impossible)?;
    Ok(durability)
}

/// In Heketi's words: a shape of volume that GlusterFS does not make.
pub fn impossible(why: Impossible) -> WireError {
    match why {
        Impossible::Copies(_) => WireError::InvalidReplica,
        Impossible::Pieces(pieces) => {
            WireError::InvalidDispersion(pieces.data.into(), pieces.redundancy.into())
        }
    }
}

impl SnapshotRequest {
    fn validate(self) -> Result<Snapshots, WireError> {
        if !self.enable {
            return Ok(Snapshots {
                enable: false,
                factor: 1.0,
            });
        }
        if !(1.0..=100.0).contains(&self.factor) {
            return Err(WireError::InvalidSnapshotFactor);
        }
        Ok(Snapshots {
            enable: true,
            factor: self.factor,
        })
    }
}

/// The durability, with the arbiters that an option asks for.
fn with_arbiter(durability: Durability, options: &[VolumeOption]) -> Result<Durability, WireError> {
    let asked = options.iter().rev().find(|option| option.key() == ARBITER_OPTION);
    match asked.map(VolumeOption::value) {
        None | Some("false") => Ok(durability),
        Some("true") if durability == Durability::Replicate(3) => Ok(Durability::Arbiter),
        Some("true") => Err(WireError::ArbiterShape),
        Some(other) => Err(WireError::ArbiterValue(other.to_owned())),
    }
}

/// A checked request to grow a volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeExpand {
    /// By how much: whole GiB.
    pub by: ByteSize,
}

impl VolumeExpandRequest {
    /// Checks the request.
    ///
    /// # Errors
    /// [`WireError::Invalid`] when the size is missing or less than 1.
    pub fn validate(self) -> Result<VolumeExpand, WireError> {
        let mut problems = Problems::default();
        let Some(gib) = problems.take("expand_size", at_least_one(self.expand_size)) else {
            return Err(problems.into());
        };
        Ok(VolumeExpand {
            by: ByteSize::from_gib(gib),
        })
    }
}

#[cfg(test)]
mod tests {
    use mortar_model::{ByteSize, Durability};

    use super::{VolumeCreate, VolumeCreateRequest, VolumeExpandRequest};
    use crate::json::read;

    fn create(body: &str) -> Result<VolumeCreate, (u16, String)> {
        let request = read::<VolumeCreateRequest>(body.as_bytes()).unwrap();
        request
            .validate()
            .map_err(|error| (error.status(), error.to_string()))
    }

    #[test]
    fn texts_of_create() {
        let long = format!(r#"{{"size":1,"name":"{}"}}"#, "x".repeat(300));
        for (body, text) in [
            ("{}", "validation failed: size: cannot be blank."),
            (r#"{"size":0}"#, "validation failed: size: cannot be blank."),
            (
                r#"{"size":-1}"#,
                "validation failed: size: must be no less than 1.",
            ),
            (
                r#"{"size":1,"name":"a b"}"#,
                "validation failed: name: must be in a valid format.",
            ),
            (
                r#"{"size":1,"name":";$(touch x)"}"#,
                "validation failed: name: must be in a valid format.",
            ),
            (
                r#"{"size":1,"name":"a\nb"}"#,
                "validation failed: name: must be in a valid format.",
            ),
            (
                r#"{"size":1,"name":"../x"}"#,
                "validation failed: name: must be in a valid format.",
            ),
            (
                r#"{"size":1,"name":"-v"}"#,
                "validation failed: name: a volume name cannot begin with a dash.",
            ),
            (
                &long,
                "validation failed: name: a volume name has at most 200 characters.",
            ),
            (
                r#"{"size":1,"glustervolumeoptions":["nfs.disable on; touch /x"]}"#,
                "validation failed: glustervolumeoptions: option 'nfs.disable on; touch /x': a volume option's \
                 value is made of letters, digits and . _ - : , / % + @ = !.",
            ),
            (
                r#"{"name":"/","glustervolumeoptions":["x"]}"#,
                "validation failed: glustervolumeoptions: option 'x': a volume option has a name and a value with \
                 a blank between; name: must be in a valid format; size: cannot be blank.",
            ),
            (r#"{"size":1,"gid":-1}"#, "Bad group id less than zero"),
            (
                r#"{"size":1,"gid":2147483647}"#,
                "Bad group id equal or greater than 2**32",
            ),
            (
                r#"{"size":1,"gid":9223372036854775807}"#,
                "Bad group id equal or greater than 2**32",
            ),
            (
                r#"{"size":1,"durability":{"type":"raid"}}"#,
                "Unknown durability type",
            ),
            (
                r#"{"size":1,"durability":{"type":"replicate","replicate":{"replica":17}}}"#,
                "Invalid replica value: 1 to 16 can be made",
            ),
            (
                r#"{"size":1,"durability":{"type":"replicate","replicate":{"replica":-1}}}"#,
                "Invalid replica value: 1 to 16 can be made",
            ),
            (
                r#"{"size":1,"durability":{"type":"disperse","disperse":{"data":3,"redundancy":-1}}}"#,
                "Invalid dispersion combination: 3+-1; data is 2 to 16, redundancy at least 1 and less than data",
            ),
            (
                r#"{"size":1,"durability":{"type":"disperse"}}"#,
                "Invalid dispersion combination: 0+0; data is 2 to 16, redundancy at least 1 and less than data",
            ),
            (
                r#"{"size":1,"durability":{"type":"disperse","disperse":{"data":17,"redundancy":2}}}"#,
                "Invalid dispersion combination: 17+2; data is 2 to 16, redundancy at least 1 and less than data",
            ),
            (
                r#"{"size":1,"glustervolumeoptions":["user.heketi.arbiter true"]}"#,
                "Arbiters are in volumes of type replicate with replica 3: ask for that, or leave out the option user.heketi.arbiter",
            ),
            (
                r#"{"size":1,"glustervolumeoptions":["user.heketi.arbiter yes"]}"#,
                "Option user.heketi.arbiter is true or false, not yes",
            ),
            (
                r#"{"size":1,"snapshot":{"enable":true}}"#,
                "Invalid snapshot factor",
            ),
            (
                r#"{"size":1,"snapshot":{"enable":true,"factor":0.5}}"#,
                "Invalid snapshot factor",
            ),
            (
                r#"{"size":1,"snapshot":{"enable":true,"factor":101}}"#,
                "Invalid snapshot factor",
            ),
        ] {
            assert_eq!(create(body), Err((400, text.to_owned())), "{body}");
        }
    }

    #[test]
    fn what_is_left_out_has_heketis_defaults() {
        let plain = create(r#"{"size":3,"glustervolumeoptions":[""," "],"snapshot":{"factor":7}}"#).unwrap();
        assert_eq!(plain.size, ByteSize::from_gib(3));
        assert_eq!(
            (plain.durability, plain.gid, plain.block),
            (Durability::None, 0, false)
        );
        assert_eq!(
            (plain.name, plain.clusters.len(), plain.options.len()),
            (None, 0, 0)
        );
        assert_eq!((plain.snapshots.enable, plain.snapshots.factor), (false, 1.0));
        for (durability, wanted) in [
            (r#"{"type":"replicate"}"#, Durability::Replicate(2)),
            (
                r#"{"type":"replicate","replicate":{"replica":1}}"#,
                Durability::Replicate(1),
            ),
            (
                r#"{"type":"replicate","replicate":{"replica":3}}"#,
                Durability::Replicate(3),
            ),
            (r#"{"type":"none","replicate":{"replica":3}}"#, Durability::None),
            (
                r#"{"type":"disperse","disperse":{"data":3,"redundancy":1}}"#,
                Durability::disperse(3, 1),
            ),
        ] {
            let body = format!(r#"{{"size":1,"durability":{durability}}}"#);
            assert_eq!(create(&body).unwrap().durability, wanted);
        }
        for (value, durability) in [("true", Durability::Arbiter), ("false", Durability::Replicate(3))] {
            let body = format!(
                r#"{{"size":1,"durability":{{"type":"replicate","replicate":{{"replica":3}}}},"glustervolumeoptions":["user.heketi.arbiter {value}"]}}"#
            );
            assert_eq!(create(&body).unwrap().durability, durability);
        }
        assert_eq!(
            create(r#"{"size":1,"gid":2147483646}"#).unwrap().gid,
            2_147_483_646
        );
    }

    #[test]
    fn texts_of_expand() {
        for (body, text) in [
            ("{}", "validation failed: expand_size: cannot be blank."),
            (
                r#"{"expand_size":-5}"#,
                "validation failed: expand_size: must be no less than 1.",
            ),
        ] {
            let request: VolumeExpandRequest = read(body.as_bytes()).unwrap();
            assert_eq!(request.validate().unwrap_err().to_string(), text);
        }
        let request: VolumeExpandRequest = read(br#"{"expand_size":2}"#).unwrap();
        assert_eq!(request.validate().unwrap().by, ByteSize::from_gib(2));
    }
}
