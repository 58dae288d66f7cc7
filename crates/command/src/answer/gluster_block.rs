//! `gluster-block … --json`: one object, on standard output, also when it refuses.
//!
//! Keys and texts are those of its source (`rpc/block_create.c`, `block_info.c`, `block_modify.c`, `block_delete.c`, `block_replace.c`,
//! `block_list.c`, `block_version.c`, version 0.5). An answer may hold a password, so none of it is shown but what is picked out here.

use std::collections::BTreeMap;

use mortar_argv::Output;
use mortar_model::{ByteSize, Secret, Target};
use serde::Deserialize;

/// What a target's name begins with; the block volume's own id follows.
const IQN: &str = "iqn.2016-12.org.gluster-block:";

/// An answer to any of its commands. Each has some of these.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct BlockAnswer {
    #[serde(rename = "RESULT")]
    result: Option<String>,
    #[serde(rename = "errMsg")]
    error: Option<String>,
    #[serde(rename = "IQN")]
    iqn: Option<String>,
    #[serde(rename = "USERNAME")]
    username: Option<String>,
    #[serde(rename = "PASSWORD")]
    password: Secret,
    #[serde(rename = "GBID")]
    id: Option<String>,
    #[serde(rename = "SIZE")]
    size: Option<String>,
    #[serde(rename = "HA")]
    ha: Option<u32>,
    blocks: Option<Vec<String>>,
    #[serde(rename = "EXPORTED ON")]
    exported: Vec<String>,
    #[serde(rename = "FAILED ON")]
    failed: Vec<String>,
    #[serde(rename = "ROLLBACK FAILED ON")]
    left: Vec<String>,
    #[serde(rename = "ENCOUNTERED FAILURES ON")]
    broken: Vec<String>,
    #[serde(rename = "RESIZE FAILED ON")]
    smaller: BTreeMap<String, String>,
}

/// Reads an answer; none when it is not one.
pub(crate) fn read(output: &Output) -> Option<BlockAnswer> {
    // Remarks in plain words may come before it.
    let at = output.stdout.find('{')?;
    let mut answers = serde_json::Deserializer::from_str(&output.stdout[at..]).into_iter::<BlockAnswer>();
    let answer = answers.next()?.ok()?;
    (answer.result.is_some() || answer.id.is_some()).then_some(answer)
}

/// Reads the answer of `list`; none when it is not one.
///
/// # Errors
/// It refuses, in its own words.
pub(crate) fn read_names(output: &Output) -> Result<Option<Vec<String>>, String> {
    match read(output) {
        Some(answer) if !answer.success() => Err(answer.refusal().to_owned()),
        answer => Ok(answer.and_then(|answer| answer.blocks)),
    }
}

impl BlockAnswer {
    /// Whether it did what was asked. The answer of `info` says so by what it tells.
    pub(crate) fn success(&self) -> bool {
        self.result
            .as_deref()
            .map_or(self.id.is_some(), |result| result == "SUCCESS")
    }

    /// What it refuses, in its own words; empty where it has none.
    pub(crate) fn refusal(&self) -> &str {
        self.error.as_deref().unwrap_or_default().trim()
    }

    /// Whether it was so already.
    pub(crate) fn is_skipped(&self) -> bool {
        self.result.as_deref() == Some("SKIPPED")
    }

    /// Whether there is no such block volume.
    pub(crate) fn is_absent(&self) -> bool {
        !self.success() && self.refusal().starts_with("block ") && self.refusal().ends_with("doesn't exist")
    }

    /// Whether a host was not heard: nothing was done on any.
    pub(crate) fn is_away(&self) -> bool {
        self.refusal().starts_with("Version check failed [")
    }

    /// Whether it is as large as asked already.
    pub(crate) fn is_same_size(&self) -> bool {
        self.refusal().contains("is same as current size")
    }

    /// Hosts on which it did not do it.
    pub(crate) fn failed_on(&self) -> &[String] {
        &self.failed
    }

    /// Hosts on which something may be left of what it did not do.
    pub(crate) fn left_on(&self) -> &[String] {
        &self.left
    }

    /// How many hosts serve it.
    pub(crate) fn hosts(&self) -> usize {
        self.exported.len()
    }

    /// Those hosts.
    pub(crate) fn served_by(&self) -> &[String] {
        &self.exported
    }

    /// How many hosts are to serve it.
    pub(crate) fn ha(&self) -> u32 {
        self.ha.unwrap_or_default()
    }

    /// Hosts on which it failed.
    pub(crate) fn broken_on(&self) -> &[String] {
        &self.broken
    }

    /// Whether some host is not as the others.
    pub(crate) fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// Hosts that serve it as smaller than it is.
    pub(crate) fn smaller_on(&self) -> impl Iterator<Item = &str> {
        self.smaller.keys().map(String::as_str)
    }

    /// Whether its size is printed so.
    pub(crate) fn is_printed(&self, size: &str) -> bool {
        self.size.as_deref() == Some(size)
    }

    /// Its size as printed.
    pub(crate) fn printed(&self) -> &str {
        self.size.as_deref().unwrap_or_default()
    }

    /// How initiators find it, as told when it is made, or by `info`.
    pub(crate) fn target(&self) -> Option<Target> {
        let asked = !self.password.is_empty();
        let iqn = match (&self.iqn, &self.id) {
            (Some(iqn), _) if !iqn.is_empty() => iqn.clone(),
            (_, Some(id)) if !id.is_empty() => format!("{IQN}{id}"),
            _ => return None,
        };
        // `info` does not tell the name, which is the id.
        let username = self.username.as_ref().or(self.id.as_ref()).filter(|_| asked);
        Some(Target {
            iqn,
            lun: 0,
            username: username.cloned().unwrap_or_default(),
            password: self.password.clone(),
        })
    }
}

/// A size as `gluster-block` prints it: one digit after the point, of the largest unit (its `glusterBlockFormatSize`).
pub(crate) fn printed(size: ByteSize) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (mut whole, mut rest, mut unit) = (size.bytes(), 0, 0);
    while whole >= 1024 {
        (rest, whole, unit) = (whole % 1024, whole / 1024, unit + 1);
    }
    #[allow(clippy::cast_precision_loss, reason = "both are below 1024")]
    let number = whole as f64 + rest as f64 / 1024.0;
    format!("{number:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use mortar_argv::Output;
    use mortar_model::ByteSize;
    use proptest::prelude::*;

    use super::{printed, read};

    fn output(stdout: &str) -> Output {
        Output {
            stdout: stdout.into(),
            ..Output::default()
        }
    }

    #[test]
    fn sizes_are_printed_as_it_prints_them() {
        for (gib, text) in [
            (1, "1.0 GiB"),
            (1023, "1023.0 GiB"),
            (1024, "1.0 TiB"),
            (1500, "1.5 TiB"),
        ] {
            assert_eq!(printed(ByteSize::from_gib(gib)), text);
        }
    }

    #[test]
    fn a_password_is_in_no_debug_print() {
        let text = r#"{ "IQN": "iqn.2016-12.org.gluster-block:1", "USERNAME": "1", "PASSWORD": "hunter2", "PORTAL(S)": [ "10.0.0.1:3260" ], "RESULT": "SUCCESS" }"#;
        let answer = read(&output(text)).unwrap();
        assert!(answer.success() && !format!("{answer:?}").contains("hunter2"));
        assert_eq!(answer.target().unwrap().password.reveal(), "hunter2");
    }

    #[test]
    fn what_is_no_answer_is_none() {
        for text in [
            "",
            "{",
            "[]",
            "{}",
            "null",
            r#"{"RESULT":1}"#,
            "Connection failed",
        ] {
            assert!(read(&output(text)).is_none(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC{0,200}") {
            let _ = read(&output(&text));
        }
    }
}
