use proptest::prelude::*;

use super::TopologyFile;

const GOOD: &str = r#"
{ "clusters": [ { "file": true, "nodes": [
    { "node": { "hostnames": { "manage": ["n1"], "storage": ["10.0.0.1"] }, "zone": 1 },
      "devices": ["/dev/sdb", { "name": "/dev/sdc", "tags": { "fast": "yes" }, "destroydata": true }] },
    { "node": { "hostnames": { "manage": ["10.0.0.2"], "storage": ["10.0.0.2", "ignored"] }, "zone": 2, "tags": null },
      "devices": [ { "name": "/dev/sdb" } ] },
    { "node": { "Hostnames": { "manage": ["n3"], "storage": ["n3-s"] }, "ZONE": 2, "tags": { "rack": "7" } } }
] } ] }"#;

#[test]
fn heketis_file_is_read_as_it_is() {
    let file = TopologyFile::read(GOOD).unwrap();
    let cluster = &file.clusters[0];
    assert_eq!((cluster.file, cluster.block), (Some(true), None));
    let shown: Vec<String> = cluster
        .nodes
        .iter()
        .map(|node| {
            format!(
                "{} {} {} {:?} {}",
                node.manage,
                node.storage,
                node.zone,
                node.tags,
                node.devices.len()
            )
        })
        .collect();
    assert_eq!(
        shown,
        [
            "n1 10.0.0.1 1 {} 2",
            "10.0.0.2 10.0.0.2 2 {} 1",
            "n3 n3-s 2 {\"rack\": \"7\"} 0"
        ]
    );
    let second = &cluster.nodes[0].devices[1];
    assert_eq!(
        (second.path.as_str(), second.destroy, second.tags["fast"].as_str()),
        ("/dev/sdc", true, "yes")
    );
}

#[test]
fn what_is_written_is_read_back() {
    let file = TopologyFile::read(GOOD).unwrap();
    assert_eq!(TopologyFile::read(&file.write()), Ok(file));
}

/// One node `n1`, with `rest` in place of the closing of its entry.
fn with_node(node: &str, devices: &str) -> String {
    format!(r#"{{"clusters":[{{"nodes":[{{"node":{{{node}}},"devices":[{devices}]}}]}}]}}"#)
}

#[test]
fn errors_name_the_place() {
    const HOSTS: &str = r#""hostnames":{"manage":["n1"],"storage":["s1"]}"#;
    let node = |rest: &str| with_node(&format!("{HOSTS},{rest}"), "");
    let device = |devices: &str| with_node(&format!(r#"{HOSTS},"zone":1"#), devices);
    let twice = |second: &str| {
        let one = format!(r#"{{"node":{{{HOSTS},"zone":1}}}}"#);
        format!(r#"{{"clusters":[{{"nodes":[{one}]}},{{"nodes":[{{"node":{{{second},"zone":1}}}}]}}]}}"#)
    };
    let cases: Vec<(String, &str)> = vec![
        (
            String::new(),
            "topology: not JSON: EOF while parsing a value at line 1 column 0",
        ),
        (
            "{\n}x".into(),
            "topology: not JSON: trailing characters at line 2 column 2",
        ),
        ("[]".into(), "topology: an object is wanted, this is a list"),
        ("{}".into(), "topology: key \"clusters\" is missing"),
        (
            r#"{"cluster":[]}"#.into(),
            "topology: unknown key \"cluster\" (known here: clusters)",
        ),
        (
            r#"{"clusters":{}}"#.into(),
            "clusters: a list is wanted, this is an object",
        ),
        (
            r#"{"clusters":[],"Clusters":[]}"#.into(),
            "topology: key \"clusters\" is there twice",
        ),
        (
            r#"{"clusters":[{"file":1}]}"#.into(),
            "clusters[0].file: true or false is wanted, this is a whole number",
        ),
        (
            r#"{"clusters":[{"nodes":[{"devices":[]}]}]}"#.into(),
            "clusters[0].nodes[0]: key \"node\" is missing",
        ),
        (
            with_node("", ""),
            "clusters[0].nodes[0].node: key \"hostnames\" is missing",
        ),
        (
            node(r#""zoen":1"#),
            "clusters[0].nodes[0].node: unknown key \"zoen\" (known here: hostnames, zone, tags)",
        ),
        (
            with_node(HOSTS, ""),
            "clusters[0].nodes[0].node: key \"zone\" is missing",
        ),
        (
            node(r#""zone":0"#),
            "clusters[0].nodes[0].node.zone: cannot be blank",
        ),
        (
            node(r#""zone":"1""#),
            "clusters[0].nodes[0].node.zone: a whole number is wanted, this is a string",
        ),
        (
            node(r#""zone":1,"tags":{"a b":""}"#),
            "clusters[0].nodes[0].node.tags: invalid characters in tag name a b",
        ),
        (
            node(r#""zone":1,"tags":{"a":1}"#),
            "clusters[0].nodes[0].node.tags: an object of texts is wanted",
        ),
        (
            with_node(r#""hostnames":{"manage":[],"storage":["s"]},"zone":1"#, ""),
            "clusters[0].nodes[0].node.hostnames.manage: cannot be empty",
        ),
        (
            with_node(r#""hostnames":{"manage":["-x"],"storage":["s"]},"zone":1"#, ""),
            "clusters[0].nodes[0].node.hostnames.manage[0]: a host name begins with a letter, a digit or a colon",
        ),
        (
            twice(r#""hostnames":{"manage":["n1"],"storage":["s2"]}"#),
            "clusters[1].nodes[0].node.hostnames.manage: host n1 is there twice: it is also that of \
             clusters[0].nodes[0].node",
        ),
        (
            twice(r#""hostnames":{"manage":["n2"],"storage":["s1"]}"#),
            "clusters[1].nodes[0].node.hostnames.storage: host s1 is there twice: it is also that of \
             clusters[0].nodes[0].node",
        ),
        (
            device(r#""/dev/sdb","/dev/sdc",{"name":"/dev/sdb"}"#),
            "clusters[0].nodes[0].devices[2]: device /dev/sdb is there twice: it is also \
             clusters[0].nodes[0].devices[0]",
        ),
        (
            device("7"),
            "clusters[0].nodes[0].devices[0]: a path or an object is wanted, this is a whole number",
        ),
        (
            device(r#""sdb""#),
            "clusters[0].nodes[0].devices[0]: a device path begins with / and names something below it",
        ),
        (
            device("{}"),
            "clusters[0].nodes[0].devices[0]: key \"name\" is missing",
        ),
        (
            device(r#"{"name":"/dev/sdb","destroy":true}"#),
            "clusters[0].nodes[0].devices[0]: unknown key \"destroy\" (known here: name, tags, destroydata)",
        ),
    ];
    for (text, problem) in cases {
        assert_eq!(
            TopologyFile::read(&text).map_err(|error| error.to_string()),
            Err(problem.to_owned()),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn no_file_panics(text: String) {
        let _ = TopologyFile::read(&text);
    }
}
