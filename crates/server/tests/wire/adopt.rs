//! `/v1/adopt`.

use mortar_api::{AdoptAnswer, ErrorBody, ErrorKind};

use crate::support::Setup;

#[tokio::test]
async fn an_adoption_that_cannot_be_is_refused_before_any_node_is_asked() {
    let door = Setup::default().open().await;
    for (body, text) in [
        ("", "EOF"),
        (r#"{"nodes":[]}"#, "cannot be empty"),
        (r#"{"nodes":["a b"]}"#, "number 1: a host name"),
        (r#"{"nodes":["n1"],"volumes":[]}"#, "leave it out for all"),
        (r#"{"nodes":["n1"],"volumes":["a/b"]}"#, "number 1: a volume name"),
        (r#"{"nodes":["n1"],"do":true}"#, "unknown field `do`"),
    ] {
        let reply = door.ask("POST", "/v1/adopt", body).await;
        assert_eq!(reply.status, 400, "{body}: {}", reply.body);
        let error: ErrorBody = serde_json::from_str(&reply.body).unwrap();
        assert_eq!(error.error.kind, ErrorKind::Invalid);
        assert!(error.error.message.contains(text), "{body}: {}", reply.body);
    }
}

#[tokio::test]
async fn an_adoption_without_an_answer_tells_who_was_silent() {
    let door = Setup::default().open().await;
    let reply = door
        .ask("POST", "/v1/adopt", r#"{"nodes":["n1"],"volumes":["films"]}"#)
        .await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let answer: AdoptAnswer = serde_json::from_str(&reply.body).unwrap();
    assert!(answer.dry_run && answer.operation.is_none());
    assert!(answer.asked[0].silent.is_some());
    assert_eq!(answer.volumes[0].understanding, "not-understood");
    assert!(
        answer.remarks[0].what.contains("did not answer"),
        "{:?}",
        answer.remarks
    );
}
