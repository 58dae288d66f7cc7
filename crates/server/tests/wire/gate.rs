//! What every request passes: tokens, roles, paths, methods, bounds (heketi.md 1.1 and 2).

use std::time::Duration;

use crate::support::world::{self, C, FAILED, V};
use crate::support::{ADMIN, Setup, admin, now, read_reply, user};
use mortar_heketi::token::{Role, Secret, authorization_header};
use mortar_server::HttpLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Every route with its methods, from the document that is made of the routes themselves.
fn routes() -> Vec<(String, String)> {
    let document: serde_json::Value = serde_json::from_str(&mortar_server::openapi_document()).unwrap();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            routes.push((method.to_uppercase(), path.replace("{id}", V)));
        }
    }
    assert!(routes.len() >= 29);
    routes
}

#[tokio::test]
async fn nothing_but_hello_and_metrics_is_open() {
    let door = Setup {
        store: world::recorded(),
        ..Setup::default()
    }
    .open()
    .await;
    for (method, path) in routes() {
        let reply = door.ask_as(None, &method, &path, "{}").await;
        if path == "/hello" || path == "/metrics" {
            assert_eq!(reply.status, 200, "{path}");
        } else if path.starts_with("/v1/") {
            assert_eq!(reply.status, 401, "{method} {path}");
            assert_eq!(reply.json()["error"]["kind"], "unauthorized");
        } else {
            assert_eq!(reply.status, 401, "{method} {path}");
            assert_eq!(reply.body, "Required authorization token not found\n");
            assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
            assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
        }
    }
    // Also what is not there, and other methods of what is open.
    for (method, path) in [
        ("GET", "/nothing"),
        ("HEAD", "/hello"),
        ("POST", "/hello"),
        ("GET", "/hello/"),
    ] {
        assert_eq!(
            door.ask_as(None, method, path, "").await.status,
            401,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn a_user_may_use_volumes_and_the_queue_only() {
    let door = Setup {
        store: world::recorded(),
        ..Setup::default()
    }
    .open()
    .await;
    for (method, path) in routes() {
        let reply = door
            .ask_as(Some(&user(&method, &path)), &method, &path, "{}")
            .await;
        let own_list = method == "GET" && path == "/v1/volumes";
        let open = path == "/volumes" || path == "/hello" || path == "/metrics";
        let allowed = own_list || open || path.starts_with("/queue/");
        if allowed {
            assert_ne!(reply.status, 401, "{method} {path}");
        } else if path.starts_with("/v1/") {
            assert_eq!(reply.status, 403, "{method} {path}");
            assert_eq!(reply.json()["error"]["message"], "Administrator access required");
        } else {
            assert_eq!(
                (reply.status, reply.body.as_str()),
                (401, "Administrator access required\n"),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn texts_of_tokens() {
    let door = Setup::default().open().await;
    let sign =
        |key: &str, method, path, at| authorization_header(Role::Admin, &Secret::new(key), method, path, at);
    let cases = [
        (
            "basic dXNlcjpwYXNz".to_owned(),
            400,
            "Authorization header format must be Bearer {token}",
        ),
        (
            "bearer abc".to_owned(),
            401,
            "Invalid JWT token: token contains an invalid number of segments",
        ),
        (
            sign("wrong", "GET", "/clusters", now()),
            401,
            "Invalid JWT token: signature is invalid (client and server secrets may not match)",
        ),
        (
            sign(ADMIN, "GET", "/clusters", now() + 200),
            401,
            "Invalid JWT token: Token used before issued (client and server clocks may differ)",
        ),
        (
            sign(ADMIN, "GET", "/volumes", now()),
            401,
            "Invalid qsh claim in token",
        ),
        (
            sign(ADMIN, "POST", "/clusters", now()),
            401,
            "Invalid qsh claim in token",
        ),
    ];
    for (header, status, text) in cases {
        let reply = door.ask_as(Some(&header), "GET", "/clusters", "").await;
        assert_eq!((reply.status, reply.body), (status, format!("{text}\n")));
    }
    let reply = door
        .ask_as(
            Some(&sign(ADMIN, "GET", "/clusters", now() - 3600)),
            "GET",
            "/clusters",
            "",
        )
        .await;
    assert_eq!(reply.status, 401);
    assert!(
        reply
            .body
            .starts_with("Invalid JWT token: Token is expired by 55m"),
        "{}",
        reply.body
    );
    // The query is no part of what a token is for; the path's escapes are decoded first.
    let reply = door
        .ask_as(
            Some(&admin("GET", "/clusters")),
            "GET",
            "/clusters?x=/volumes",
            "",
        )
        .await;
    assert_eq!(reply.status, 200);
    let token = admin("GET", "/volumes/a");
    assert_eq!(
        door.ask_as(Some(&token), "GET", "/volumes/%61", "").await.body,
        "Id not found\n"
    );
}

#[tokio::test]
async fn without_keys_the_header_is_not_looked_at() {
    let door = Setup {
        keys: false,
        ..Setup::default()
    }
    .open()
    .await;
    for header in [
        None,
        Some("bearer"),
        Some("bearer x.y.z"),
        Some("nonsense at all"),
    ] {
        assert_eq!(
            door.ask_as(header, "GET", "/clusters", "").await.body,
            "{\"clusters\":[]}\n"
        );
    }
}

#[tokio::test]
async fn paths_and_methods() {
    let door = Setup {
        store: world::recorded(),
        ..Setup::default()
    }
    .open()
    .await;
    for path in [
        "/nothing",
        "/",
        "/volumes/xyz",
        "/volumes/0g",
        "/clusters/../clusters",
        "/endpoints",
        "/v2/plan",
    ] {
        let reply = door.ask("GET", path, "").await;
        assert_eq!(
            (reply.status, reply.body.as_str()),
            (404, "Invalid path or request\n"),
            "{path}"
        );
    }
    // A token is for the decoded path; routes are known by their own letters only.
    let token = admin("GET", "/volumes");
    let reply = door.ask_as(Some(&token), "GET", "/%76olumes", "").await;
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (404, "Invalid path or request\n")
    );
    let reply = door.ask("GET", "/v1/nothing", "").await;
    assert_eq!(
        (reply.status, reply.json()["error"]["kind"].as_str()),
        (404, Some("not-found"))
    );
    for (path, target) in [
        ("/volumes/", "/volumes"),
        (&format!("/clusters/{C}/"), &format!("/clusters/{C}") as &str),
    ] {
        let reply = door.ask("GET", path, "").await;
        assert_eq!(
            (reply.status, reply.header("location")),
            (301, Some(target)),
            "{path}"
        );
        assert_eq!(
            reply.body,
            format!("<a href=\"{target}\">Moved Permanently</a>.\n\n")
        );
    }
    for (method, path) in [
        ("PUT", "/volumes"),
        ("DELETE", "/clusters"),
        ("POST", "/v1/topology"),
        ("HEAD", "/volumes"),
    ] {
        let reply = door.ask(method, path, "").await;
        assert_eq!((reply.status, reply.body.as_str()), (405, ""), "{method} {path}");
    }
    let reply = door.ask_as(None, "GET", "/hello", "").await;
    assert_eq!((reply.status, reply.body.as_str()), (200, "Hello from Heketi"));
    assert_eq!(reply.header("content-type"), Some("text/plain; charset=utf-8"));
}

#[tokio::test]
async fn a_huge_body_is_refused_before_it_is_read() {
    let door = Setup::default().open().await;
    for path in ["/volumes", "/v1/plan"] {
        let token = admin("POST", path);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: 104857600\r\n\r\n{{\"size\":"
        );
        // Not one more byte is sent, and the answer is there.
        let reply = door.send(head.as_bytes()).await;
        assert_eq!(reply.status, 413, "{path}");
        assert!(
            reply.body.contains("request body is larger than 1048576 bytes"),
            "{}",
            reply.body
        );
    }
    // One whose length is not told is read up to the limit, and the client can read why it is cut off.
    let mut stream = door.connect().await;
    let head = format!(
        "POST /volumes HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nTransfer-Encoding: chunked\r\n\r\n",
        admin("POST", "/volumes")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x1_0000));
    for _ in 0..32 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    assert_eq!(read_reply(&mut stream).await.status, 413);
    assert_eq!(door.ask("GET", "/clusters", "").await.status, 200);
}

#[tokio::test]
async fn slow_clients_are_cut_and_hold_up_nobody() {
    let limits = HttpLimits {
        head_time: Duration::from_millis(200),
        body_time: Duration::from_millis(200),
        ..HttpLimits::default()
    };
    let door = Setup {
        limits,
        ..Setup::default()
    }
    .open()
    .await;
    let mut slow_head = door.connect().await;
    slow_head.write_all(b"GET /hello HTT").await.unwrap();
    let mut slow_body = door.connect().await;
    let head = format!(
        "POST /clusters HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Length: 10\r\n\r\n{{",
        admin("POST", "/clusters")
    );
    slow_body.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(door.ask("GET", "/clusters", "").await.status, 200);
    assert_eq!(read_reply(&mut slow_body).await.status, 408);
    let mut rest = Vec::new();
    slow_head.read_to_end(&mut rest).await.unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("200 OK"));
    assert_eq!(door.ask("GET", "/clusters", "").await.body, "{\"clusters\":[]}\n");
}

#[tokio::test]
async fn nonsense_on_the_connection_hurts_nobody_else() {
    let door = Setup::default().open().await;
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut stream = door.connect().await;
        stream.write_all(bytes).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        assert!(!String::from_utf8_lossy(&rest).contains(" 200 "));
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(200_000));
    let mut stream = door.connect().await;
    // The server may cut the connection before all of it is written.
    let _ = stream.write_all(long.as_bytes()).await;
    assert_eq!(door.ask("GET", "/clusters", "").await.status, 200);
}

#[tokio::test]
async fn a_stopping_server_takes_no_new_work_and_answers_questions() {
    let mut door = Setup {
        hosts: std::sync::Arc::new(crate::support::hosts::Silent),
        store: world::recorded(),
        ..Setup::default()
    }
    .open()
    .await;
    let mut kept = door.connect().await;
    let ask = |method: &str, path: &str, body: &str| {
        let token = admin(method, path);
        format!(
            "{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    // An operation that does not end keeps the server from ending at once.
    let path = format!("/volumes/{V}");
    assert_eq!(door.ask("DELETE", &path, "").await.status, 202);
    door.begin_stop();
    let refused = loop {
        kept.write_all(ask("POST", "/clusters", "{}").as_bytes())
            .await
            .unwrap();
        let reply = read_reply(&mut kept).await;
        if reply.status != 201 {
            break reply;
        }
    };
    assert_eq!(
        (refused.status, refused.body.as_str()),
        (503, "Server is stopping. Retry operation later.\n")
    );
    assert!(refused.header("retry-after").is_some());
    kept.write_all(ask("GET", &format!("/queue/{FAILED}"), "").as_bytes())
        .await
        .unwrap();
    assert_eq!(read_reply(&mut kept).await.status, 500);
    drop(kept);
    tokio::time::timeout(Duration::from_secs(20), door.stop())
        .await
        .expect("the server ends within its patience");
}

#[tokio::test]
async fn requests_are_counted_by_route() {
    let door = Setup {
        store: world::recorded(),
        ..Setup::default()
    }
    .open()
    .await;
    door.ask("GET", &format!("/volumes/{V}"), "").await;
    door.ask("GET", &format!("/volumes/{}", world::UNKNOWN), "").await;
    door.ask("GET", "/nothing/at/all", "").await;
    let page = door.ask_as(None, "GET", "/metrics", "").await;
    assert_eq!(
        page.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    for line in [
        "mortar_http_requests_total{method=\"GET\",route=\"/volumes/{id}\",status=\"200\"} 1",
        "mortar_http_requests_total{method=\"GET\",route=\"/volumes/{id}\",status=\"404\"} 1",
        "mortar_http_requests_total{method=\"GET\",route=\"\",status=\"404\"} 1",
        "mortar_http_request_duration_seconds_count{method=\"GET\",route=\"/volumes/{id}\"} 2",
        "# TYPE mortar_operations_open gauge",
        "# EOF",
    ] {
        assert!(page.body.contains(line), "{line}\n\n{}", page.body);
    }
}
