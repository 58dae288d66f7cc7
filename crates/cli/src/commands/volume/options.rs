//! `mortar volume set …`

use std::collections::BTreeMap;

use mortar_api::OptionsRequest;

use super::{Session, follow_to_volume};
use crate::error::{Error, Result};

/// An empty value gives the option back to GlusterFS.
pub(super) async fn set(session: &Session, volume: &str, options: Vec<(String, String)>) -> Result<()> {
    let attempt = format!("set options of the volume {volume}");
    let request = OptionsRequest {
        options: by_name(options).map_err(|name| {
            let error = Error::usage(&attempt, format!("{name} is named twice"));
            error.advise("say once what it is to be")
        })?,
    };
    let id = session.client.volume_id(volume, &attempt).await?;
    let accepted = session
        .client
        .patch(&format!("/v1/volumes/{id}/options"), &request, &attempt)
        .await?;
    follow_to_volume(session, accepted, &attempt).await
}

/// The options by name; else the name that is there twice.
fn by_name(options: Vec<(String, String)>) -> std::result::Result<BTreeMap<String, Option<String>>, String> {
    let mut named = BTreeMap::new();
    for (name, value) in options {
        let value = Some(value).filter(|value| !value.is_empty());
        if named.insert(name.clone(), value).is_some() {
            return Err(name);
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::by_name;

    #[test]
    fn an_empty_value_is_none_and_a_name_counts_once() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let named = by_name(vec![pair("a.b", "on"), pair("a.c", "")]).unwrap();
        assert_eq!(named["a.b"].as_deref(), Some("on"));
        assert_eq!(named["a.c"], None);
        assert_eq!(
            by_name(vec![pair("a.b", "on"), pair("a.b", "")]),
            Err("a.b".into())
        );
    }
}
