//! Labels of nodes and devices.

use std::collections::BTreeMap;

use mortar_heketi::TagsChangeRequest;
use serde::Deserialize;

use super::Session;
use crate::args::TagsArgs;
use crate::client::read;
use crate::error::Result;
use crate::show;

/// Labels in the answer about a node or a device.
#[derive(Deserialize)]
struct Labelled {
    #[serde(default)]
    tags: BTreeMap<String, String>,
}

/// Shows or changes the labels of the thing at this path.
pub(super) async fn run(session: &Session, path: &str, change: TagsArgs, attempt: &str) -> Result<()> {
    let mut tags: Option<BTreeMap<String, String>> = None;
    if !change.remove.is_empty() {
        let names = change
            .remove
            .into_iter()
            .map(|name| (name, String::new()))
            .collect();
        tags = Some(send(session, path, "delete", names, attempt).await?);
    }
    if change.exact || !change.set.is_empty() {
        let kind = if change.exact { "set" } else { "update" };
        tags = Some(send(session, path, kind, change.set.into_iter().collect(), attempt).await?);
    }
    let tags = match tags {
        Some(tags) => tags,
        None => read::<Labelled>(&session.client.get(path, attempt).await?, attempt)?.tags,
    };
    if session.out.is_json() {
        return session.out.json(&tags);
    }
    session.out.line(if tags.is_empty() {
        "There are none.".to_owned()
    } else {
        show::tags(&tags).replace(' ', "\n")
    })
}

async fn send(
    session: &Session,
    path: &str,
    kind: &str,
    tags: BTreeMap<String, String>,
    attempt: &str,
) -> Result<BTreeMap<String, String>> {
    let request = TagsChangeRequest {
        change_type: kind.to_owned(),
        tags,
    };
    let answer = session
        .client
        .post(&format!("{path}/tags"), &request, attempt)
        .await?;
    read(&answer.body, attempt)
}
