//! The OpenAPI document that is checked in is that of the routes.

use std::path::Path;

/// Set to write the document instead of comparing it.
const BLESS: &str = "MORTAR_BLESS";

#[test]
fn the_document_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let fresh = mortar_server::openapi_document();
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &fresh).unwrap();
        return;
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == fresh,
        "docs/openapi.json is not that of the routes. Write it anew with\n\n    {BLESS}=1 cargo test -p mortar-server --test wire\n\nand look at the difference: fields and routes may be added, never changed or removed."
    );
}

/// Every route says what it answers, and every answer of `/v1` that is JSON has a schema.
#[test]
fn every_route_is_described() {
    let document: serde_json::Value = serde_json::from_str(&mortar_server::openapi_document()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let place = format!("{method} {path}");
            assert!(
                names.insert(operation["operationId"].as_str().unwrap()),
                "{place}: its name is not its own"
            );
            assert!(
                operation["summary"].as_str().is_some_and(|text| !text.is_empty()),
                "{place}"
            );
            let responses = operation["responses"].as_object().unwrap();
            assert!(!responses.is_empty(), "{place}");
            for (status, response) in responses {
                assert!(
                    response["description"]
                        .as_str()
                        .is_some_and(|text| !text.is_empty()),
                    "{place} {status}"
                );
            }
        }
    }
    assert!(names.len() >= 29, "only {} routes", names.len());
}
