//! TLS from outside: the server with a certificate, and the command line that believes it or does not.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use crate::server::{ADMIN_KEY, Server};
use crate::transcript::mortar;

/// Made for the wire's tests; `alone` by the command of docs/cli.md, and `authority` by the same without its `basicConstraints`.
fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../server/tests/wire/certificates")
        .join(name)
}

fn list(url: &str, authority: Option<&Path>) -> Output {
    let mut command = mortar();
    command
        .args(["--server", url, "cluster", "list"])
        .env("MORTAR_SECRET", ADMIN_KEY);
    if let Some(file) = authority {
        command.arg("--ca-file").arg(file);
    }
    command.output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn the_server_is_believed_by_its_authority_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = (folder.path().join("crt"), folder.path().join("key"));
    let put = |name: &str| {
        std::fs::copy(kept(&format!("{name}.pem")), &certificate).unwrap();
        std::fs::copy(kept(&format!("{name}.key")), &key).unwrap();
    };
    put("first");
    let server = Server::start(&[
        "--tls-certificate",
        certificate.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ]);
    let (url, authority) = (server.https_url(), kept("ca.pem"));
    let listed = list(&url, Some(&authority));
    assert!(listed.status.success(), "{}", told(&listed));
    let named = mortar()
        .args(["--server", &url, "cluster", "list"])
        .env("MORTAR_SECRET", ADMIN_KEY)
        .env("MORTAR_CA_FILE", &authority)
        .output()
        .unwrap();
    assert!(named.status.success(), "{}", told(&named));

    let stranger = list(&url, Some(&kept("second.pem")));
    assert_eq!(stranger.status.code(), Some(3));
    assert!(told(&stranger).contains("certificate"), "{}", told(&stranger));
    assert_eq!(list(&server.url(), None).status.code(), Some(3));
    let nothing = list(&url, Some(&key));
    assert_eq!(nothing.status.code(), Some(2));
    assert!(
        told(&nothing).contains("there is no certificate in it"),
        "{}",
        told(&nothing)
    );

    put("second");
    server.signal("HUP");
    let patience = Instant::now() + Duration::from_secs(20);
    while !server.log().contains("a new certificate is shown") {
        assert!(Instant::now() < patience, "{}", server.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    std::fs::write(&certificate, "broken").unwrap();
    server.signal("HUP");
    while !server.log().contains("the one before goes on") {
        assert!(Instant::now() < patience, "{}", server.log());
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(list(&url, Some(&authority)).status.success());
}

fn serving(name: &str) -> Server {
    let file = |end: &str| kept(&format!("{name}.{end}")).display().to_string();
    Server::start(&["--tls-certificate", &file("pem"), "--tls-key", &file("key")])
}

/// That it ended with 3, saying all of this.
fn refused(output: &Output, texts: &[&str]) {
    let said = told(output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    for text in texts {
        assert!(said.contains(text), "{text} is not in {said}");
    }
}

#[test]
fn a_certificate_of_its_own_is_accepted_and_others_are_refused_with_the_reason() {
    let alone = serving("alone");
    let url = alone.https_url();
    let listed = list(&url, Some(&kept("alone.pem")));
    assert!(listed.status.success(), "{}", told(&listed));
    refused(
        &list(&url, Some(&kept("ca.pem"))),
        &[
            "is not accepted: no authority that is trusted here has signed it",
            "--ca-file",
        ],
    );
    let elsewhere = url.replace("127.0.0.1", "0.0.0.0");
    refused(
        &list(&elsewhere, Some(&kept("alone.pem"))),
        &["is not accepted: it is for other names", "subjectAltName"],
    );
    let authority = serving("authority");
    refused(
        &list(&authority.https_url(), Some(&kept("authority.pem"))),
        &["is not accepted: it is an authority's (CA:TRUE)", "docs/cli.md"],
    );
}

#[test]
fn who_asks_by_the_other_scheme_is_told_so() {
    let server = serving("first");
    let ask = format!("next:    ask {} (", server.https_url());
    refused(&list(&server.url(), None), &["speaks https, and not http", &ask]);
    let server = Server::start(&[]);
    let ask = format!("next:    ask {} (", server.url());
    refused(
        &list(&server.https_url(), Some(&kept("ca.pem"))),
        &["speaks http, and not https", &ask],
    );
}
