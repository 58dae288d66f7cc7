//! Volumes that cannot be: each gets a clear answer, and pool and store are as before.

use mortar_heketi::token::{Role, Secret};
use reqwest::Method;
use serde_json::{Value, json};

use crate::door::{now, token};
use crate::ground::calm;
use crate::server::ADMIN_KEY;
use crate::site::Site;

/// Disks of node 5 and 6, which no other test uses, are the site of these tests.
fn site() -> Site {
    Site::new(calm(), &[5, 6], 1, "bad")
}

#[test]
fn volumes_that_cannot_be_change_nothing() {
    let site = site();
    let kept = site.created("kept", 1, 2);
    let before = site.state();
    let with = |key: &str, value: Value| {
        let mut request = site.request("new", 1, 2);
        request[key] = value;
        request
    };
    let name = |name: &str| with("name", json!(name));
    let option = |option: &str| with("glustervolumeoptions", json!([option]));
    let three = site.request("new", 1, 3);
    let taken = format!(
        "Volume name '{}' already in use by a volume with another size (asked 2 GiB, has 1 GiB)",
        site.name("kept")
    );
    let cases: Vec<(&str, Value, u16, &str)> = vec![
        (
            "a size of 0",
            with("size", json!(0)),
            400,
            "validation failed: size: ",
        ),
        ("a size below 0", with("size", json!(-1)), 400, "size"),
        (
            "a size that is no number",
            with("size", json!("1")),
            422,
            "request unable to be parsed",
        ),
        (
            "more than exists",
            with("size", json!(1000)),
            500,
            "Failed to allocate new volume: No space",
        ),
        (
            "three copies on two nodes",
            three,
            500,
            "Failed to allocate new volume: No space",
        ),
        ("a name that is taken", site.request("kept", 2, 2), 500, &taken),
        (
            "a name with a command",
            name(";$(touch /tmp/bad_volumes)"),
            400,
            "validation failed: name: ",
        ),
        (
            "a name with a new line",
            name("a\nb"),
            400,
            "validation failed: name: ",
        ),
        (
            "a name that climbs",
            name("../../etc"),
            400,
            "validation failed: name: ",
        ),
        (
            "a name of 300 characters",
            name(&"x".repeat(300)),
            400,
            "validation failed: name: ",
        ),
        (
            "a name like an option",
            name("-force"),
            400,
            "validation failed: name: ",
        ),
        (
            "an option with a command",
            option("user.x $(touch /tmp/bad_volumes)"),
            400,
            "glustervolumeoptions",
        ),
        (
            "an option with a semicolon",
            option("user.x 1;touch /tmp/bad_volumes"),
            400,
            "glustervolumeoptions",
        ),
        (
            "an option with a pipe",
            option("user.x |sh"),
            400,
            "glustervolumeoptions",
        ),
        (
            "an option with quotes",
            option("user.x \"'`"),
            400,
            "glustervolumeoptions",
        ),
        (
            "an option like an option",
            option("--mode script"),
            400,
            "glustervolumeoptions",
        ),
        (
            "an unknown cluster",
            with("clusters", json!(["0".repeat(32)])),
            400,
            "not found",
        ),
        (
            "too many copies",
            site.request("new", 1, 17),
            400,
            "Invalid replica value",
        ),
    ];
    for (what, request, status, text) in cases {
        let said = site.server.post("/volumes", &request);
        assert_eq!(said.status, status, "{what}: {said:?}");
        assert!(said.text.contains(text), "{what}: {said:?} lacks {text:?}");
    }
    assert_eq!(site.state(), before);
    for node in ["node5", "node6"] {
        let root = site.lab.node_root(node).unwrap();
        assert!(!root.join("tmp/bad_volumes").exists());
    }
    assert!(!std::path::Path::new("/tmp/bad_volumes").exists());

    an_option_that_glusterfs_does_not_know(&site);
    assert_eq!(site.state(), before);
    a_body_that_is_too_large(&site);
    tokens_that_are_not_right(&site);
    assert_eq!(site.state(), before);
    the_program_says_it_too(&site);
    assert_eq!(site.state(), before);
    what_is_there_is_not_made_again(&site, &kept);
    assert_eq!(site.state(), before);
    site.deleted(&kept);
    site.assert_bare();
}

/// The same request once more leads to the volume that there is, through both doors.
fn what_is_there_is_not_made_again(site: &Site, kept: &Value) {
    assert_eq!(site.created("kept", 1, 2)["id"], kept["id"]);
    let (name, cluster) = (site.name("kept"), site.cluster.as_str());
    let create = ["volume", "create", "--name", &name, "--size", "1"];
    let output = site
        .server
        .cli(&[&create[..], &["--replica", "2", "--clusters", cluster]].concat());
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success() && said.contains(kept["id"].as_str().unwrap()),
        "{said}"
    );
}

/// Only GlusterFS itself can tell: the bricks are made, the volume is refused, and all is taken back.
fn an_option_that_glusterfs_does_not_know(site: &Site) {
    let mut request = site.request("new", 1, 2);
    request["glustervolumeoptions"] = json!(["performance.no-such-option on"]);
    let ended = site.server.follow(&site.server.post("/volumes", &request));
    assert_eq!(ended.status, 500, "{ended:?}");
    assert!(
        ended.text.contains("performance.no-such-option does not exist"),
        "{ended:?}"
    );
}

/// A hundred megabytes are not read to the end: it says so, or closes the line on who goes on sending.
fn a_body_that_is_too_large(site: &Site) {
    let mut request = site.request("new", 1, 2);
    request["padding"] = json!("x".repeat(100 << 20));
    if let Some(said) = site.server.try_ask(&Method::POST, "/volumes", Some(&request)) {
        assert_eq!(said.status, 413, "{said:?}");
        assert!(said.text.contains("request body is larger than"), "{said:?}");
    }
    assert_eq!(site.server.get("/volumes").status, 200);
}

fn tokens_that_are_not_right(site: &Site) {
    let (get, place) = (Method::GET, "/volumes");
    let wrong = token("not the admin's secret", &get, place);
    let elsewhere = token(ADMIN_KEY, &get, "/clusters");
    let expired = format!(
        "bearer {}",
        mortar_heketi::token::make(
            Role::Admin,
            &Secret::new(ADMIN_KEY.to_owned()),
            "GET",
            place,
            now() - 3600,
            60
        )
    );
    let cases = [
        ("one of an hour ago", Some(expired.as_str()), "expired"),
        ("none", None, "Required authorization token not found"),
        ("a wrong key", Some(wrong.as_str()), "Invalid JWT token"),
        (
            "one for another path",
            Some(elsewhere.as_str()),
            "Invalid qsh claim in token",
        ),
    ];
    for (what, token, text) in cases {
        let said = site.server.ask_with(&get, place, None, token).unwrap();
        assert_eq!(said.status, 401, "{what}: {said:?}");
        assert!(said.text.contains(text), "{what}: {said:?}");
    }
}

/// The command line ends with the code of the table, and names the rule that refused each device.
fn the_program_says_it_too(site: &Site) {
    let cases: [(&[&str], i32, &str); 3] = [
        (&["--size", "0", "--replica", "2"], 2, "size"),
        (
            &["--size", "1", "--replica", "3"],
            7,
            "its node already has a brick of the same set",
        ),
        (&["--size", "1000", "--replica", "2"], 7, "needed"),
    ];
    for (arguments, code, text) in cases {
        let output = site.server.cli(&[&["volume", "create"], arguments].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: {said} lacks {text:?}");
    }
}
