//! Tags of nodes and devices: their rules, and the request that changes them.

use mortar_model::Tags;
use serde::Serialize;
use utoipa::ToSchema;

use crate::WireError;
use crate::json::{Fields, FromJson, Json, WrongType};
use crate::problems::{BLANK, Problems, VALUE, shown};

const MOST_TAGS: usize = 32;
const LONGEST_NAME: usize = 32;
const LONGEST_VALUE: usize = 64;

/// What the tag that steers arbiters may say; nothing, as a request that deletes it may, is `supported`.
const ARBITER_VALUES: [&str; 4] = ["required", "supported", "disabled", ""];

/// Checks tags by Heketi's rules, one problem at a time.
pub(crate) fn check(tags: &Tags) -> Result<Tags, String> {
    if tags.len() > MOST_TAGS {
        return Err(format!(
            "too many tags specified ({}), up to {MOST_TAGS} supported",
            tags.len()
        ));
    }
    for (name, value) in tags {
        if name.is_empty() {
            return Err("tag names may not be empty".into());
        }
        if name.chars().count() > LONGEST_NAME {
            return Err(format!(
                "tag name {}: the length must be between 1 and {LONGEST_NAME}",
                shown(name)
            ));
        }
        if !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
        {
            return Err(format!("invalid characters in tag name {}", shown(name)));
        }
        if value.chars().count() > LONGEST_VALUE {
            return Err(format!(
                "value of tag {name}: the length must be no more than {LONGEST_VALUE}"
            ));
        }
        if name == "arbiter" && !ARBITER_VALUES.contains(&value.as_str()) {
            return Err("value of tag arbiter: must be required, supported or disabled".into());
        }
    }
    Ok(tags.clone())
}

/// How a request changes tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeType {
    /// The given tags replace all.
    Set,
    /// The given tags are added, or replace those of their names.
    Update,
    /// The tags of the given names go; values do not matter.
    Delete,
}

/// Body of `POST /nodes/{id}/tags` and `POST /devices/{id}/tags`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct TagsChangeRequest {
    /// `set`, `update` or `delete`.
    pub change_type: String,
    /// The tags; for `delete` only their names count.
    pub tags: Tags,
}

impl FromJson for TagsChangeRequest {
    fn from_json(json: &Json) -> Result<Self, WrongType> {
        let fields = Fields::of(json)?;
        Ok(Self {
            change_type: fields.get("change_type")?,
            tags: fields.get("tags")?,
        })
    }
}

/// A checked change of tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagsChange {
    /// How.
    pub change: ChangeType,
    /// With which tags.
    pub tags: Tags,
}

impl TagsChangeRequest {
    /// Checks the request.
    ///
    /// # Errors
    /// [`WireError::Invalid`] with each field that breaks a rule.
    pub fn validate(&self) -> Result<TagsChange, WireError> {
        let mut problems = Problems::default();
        let change = match self.change_type.as_str() {
            "set" => Ok(ChangeType::Set),
            "update" => Ok(ChangeType::Update),
            "delete" => Ok(ChangeType::Delete),
            "" => Err(BLANK.to_owned()),
            _ => Err(VALUE.to_owned()),
        };
        let change = problems.take("change_type", change);
        let tags = problems.take("tags", check(&self.tags));
        let (Some(change), Some(tags)) = (change, tags) else {
            return Err(problems.into());
        };
        Ok(TagsChange { change, tags })
    }
}

impl TagsChange {
    /// Changes the tags in place; leaves them as they are and says why in `refused` when there would be too many.
    pub fn apply_to(&self, tags: &mut Tags, refused: &mut Option<WireError>) {
        match self.apply(tags) {
            Ok(changed) => *tags = changed,
            Err(error) => *refused = Some(error),
        }
    }

    /// The tags after the change.
    ///
    /// # Errors
    /// [`WireError::Invalid`]: with those that stay there are too many.
    pub fn apply(&self, old: &Tags) -> Result<Tags, WireError> {
        let mut tags = old.clone();
        match self.change {
            ChangeType::Set => tags.clone_from(&self.tags),
            ChangeType::Update => tags.extend(self.tags.clone()),
            ChangeType::Delete => tags.retain(|name, _| !self.tags.contains_key(name)),
        }
        check(&tags).map_err(|problem| {
            let mut problems = Problems::default();
            problems.add("tags", problem);
            problems.into()
        })
    }
}

#[cfg(test)]
mod tests {
    use mortar_model::Tags;

    use super::{TagsChangeRequest, check};
    use crate::json::read;

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn rules_of_tags() {
        let many: Tags = (0..33).map(|n| (format!("t{n}"), String::new())).collect();
        let cases: Vec<(Tags, &str)> = vec![
            (many, "too many tags specified (33), up to 32 supported"),
            (tags(&[("", "x")]), "tag names may not be empty"),
            (
                tags(&[("abcdefghijklmnopqrstuvwxyz0123456", "")]),
                "tag name abcdefghijklmnopqrstuvwxyz0123456: the length must be between 1 and 32",
            ),
            (
                tags(&[("x", &"é".repeat(65))]),
                "value of tag x: the length must be no more than 64",
            ),
            (tags(&[("a b", "")]), "invalid characters in tag name a b"),
        ];
        for (tags, problem) in cases {
            assert_eq!(check(&tags), Err(problem.to_owned()));
        }
        let good = tags(&[("arbiter", "required"), ("A.b-c_9", &"é".repeat(64))]);
        assert_eq!(check(&good), Ok(good.clone()));
    }

    #[test]
    fn changes_of_tags() {
        let old = tags(&[("a", "1"), ("b", "2")]);
        for (body, wanted) in [
            (r#"{"change_type":"set","tags":{"c":"3"}}"#, tags(&[("c", "3")])),
            (r#"{"change_type":"set"}"#, tags(&[])),
            (
                r#"{"change_type":"update","tags":{"b":"3","c":"4"}}"#,
                tags(&[("a", "1"), ("b", "3"), ("c", "4")]),
            ),
            (
                r#"{"change_type":"delete","tags":{"b":"any","z":""}}"#,
                tags(&[("a", "1")]),
            ),
        ] {
            let request: TagsChangeRequest = read(body.as_bytes()).unwrap();
            assert_eq!(request.validate().unwrap().apply(&old), Ok(wanted), "{body}");
        }
        for (body, text) in [
            ("{}", "validation failed: change_type: cannot be blank."),
            (
                r#"{"change_type":"x"}"#,
                "validation failed: change_type: must be a valid value.",
            ),
            (
                r#"{"change_type":"x","tags":{"":""}}"#,
                "validation failed: change_type: must be a valid value; tags: tag names may not be empty.",
            ),
        ] {
            let request: TagsChangeRequest = read(body.as_bytes()).unwrap();
            assert_eq!(request.validate().unwrap_err().to_string(), text);
        }
    }

    #[test]
    fn an_update_cannot_pass_the_limit() {
        let old: Tags = (0..32).map(|n| (format!("t{n}"), String::new())).collect();
        let request: TagsChangeRequest = read(br#"{"change_type":"update","tags":{"more":""}}"#).unwrap();
        assert_eq!(
            request.validate().unwrap().apply(&old).unwrap_err().to_string(),
            "validation failed: tags: too many tags specified (33), up to 32 supported."
        );
    }
}
