//! What the program makes of a server's answers: exit codes, waiting, tokens, JSON as it came.

use std::process::Output;

use mortar_api::{ErrorBody, ErrorKind};

use crate::fake::{Fake, Said};
use crate::transcript::mortar;

fn run(fake: &Fake, words: &[&str]) -> Output {
    mortar()
        .env("MORTAR_SERVER", fake.url())
        .args(words)
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

const ID: &str = "00112233445566778899aabbccddeeff";

#[test]
fn every_kind_of_error_ends_with_its_code() {
    for kind in ErrorKind::ALL {
        let body = serde_json::to_string(&ErrorBody::new(kind, "what stood in the way")).unwrap();
        let fake = Fake::new(move |_| Said::new(kind.status(), &body));
        let output = run(&fake, &["topology", "show"]);
        assert_eq!(output.status.code(), Some(i32::from(kind.exit_code())), "{kind}");
        let said = text(&output.stderr);
        assert!(
            said.contains("cannot show the topology\n  because: what stood in the way\n"),
            "{said}"
        );
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn heketis_plain_text_tells_its_kind_beside_it() {
    let fake = Fake::new(|_| {
        Said::new(500, "Failed to allocate new volume: No space\n").header("mortar-error-kind: no-space")
    });
    let output = run(&fake, &["volume", "create", "--size", "1"]);
    assert_eq!(output.status.code(), Some(7));
    assert!(text(&output.stderr).contains("because: Failed to allocate new volume: No space\n"));
}

#[test]
fn no_space_is_explained_by_the_plan() {
    let plan = r#"{"possible":false,"durability":"replicate 3","size":1073741824,"sets":[],
        "refusal":{"kind":"no-space","message":"No space","details":[]},
        "not_chosen":{"devices":[{"device":"d","path":"/dev/sdb","node":"a","host":"n1","zone":1,"refused":true,
        "rule":"offline","reason":"is offline"}],"more":0}}"#;
    let fake = Fake::new(move |line| match line {
        "POST /v1/plan" => Said::new(200, plan),
        _ => Said::new(500, "No space\n").header("mortar-error-kind: no-space"),
    });
    let output = run(&fake, &["volume", "create", "--size", "1"]);
    assert_eq!(output.status.code(), Some(7));
    assert!(
        text(&output.stderr).contains("    - n1:/dev/sdb: is offline\n"),
        "{}",
        text(&output.stderr)
    );
    let asked = fake.asked();
    assert_eq!(asked[0].line, "POST /volumes");
    assert_eq!(
        (asked[1].line.as_str(), &asked[1].body),
        ("POST /v1/plan", &asked[0].body)
    );
    let dry = run(&fake, &["volume", "create", "--size", "1", "--dry-run"]);
    assert_eq!(dry.status.code(), Some(7));
    assert!(text(&dry.stdout).contains("└─ n1:/dev/sdb  refused  is offline\n"));
}

#[test]
fn work_is_waited_for_until_its_end() {
    let mut left = 3;
    let fake = Fake::new(move |line| match line {
        "DELETE /v1/volumes/00112233445566778899aabbccddeeff" => {
            Said::new(202, "").header(&format!("location: /queue/{ID}"))
        }
        line if line.starts_with(&format!("GET /queue/{ID}?wait=")) => {
            left -= 1;
            if left > 0 {
                Said::new(200, "").header("x-pending: true")
            } else {
                Said::new(204, "")
            }
        }
        line => panic!("{line}"),
    });
    let output = run(&fake, &["volume", "delete", ID]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), format!("Removed volume {ID}.\n"));
    assert_eq!(fake.asked().len(), 4);
}

#[test]
fn without_waiting_the_operation_is_told() {
    let accept = |_: &str| Said::new(202, "").header(&format!("location: /queue/{ID}"));
    let fake = Fake::new(accept);
    let output = run(&fake, &["volume", "delete", ID, "--no-wait"]);
    assert!(text(&output.stdout).starts_with(&format!("Accepted as operation {ID};")));
    let json = run(&fake, &["--json", "--no-wait", "volume", "delete", ID]);
    assert_eq!(
        text(&json.stdout),
        format!("{{\"operation\":\"{ID}\",\"state\":\"accepted\"}}\n")
    );
    assert_eq!(fake.asked().len(), 2);
}

#[test]
fn work_that_needs_a_person_says_what_to_do() {
    let operation = format!(
        r#"{{"id":"{ID}","kind":"delete-volume","subject":{{"kind":"volume","id":"{ID}"}},"phase":"needs-attention",
        "started":"2026-01-02T03:04:05Z","steps_done":1,"steps_total":2,"error":"e",
        "attention":{{"reason":"n2 does not answer","command":"mortar operation retry {ID}"}}}}"#
    );
    let fake = Fake::new(move |line| {
        if line.starts_with("DELETE") {
            Said::new(202, "").header(&format!("location: /queue/{ID}"))
        } else if line.starts_with("GET /queue/") {
            Said::new(500, "the way back is blocked\n")
        } else {
            assert_eq!(line, format!("GET /v1/operations/{ID}"));
            Said::new(200, &operation)
        }
    });
    let output = run(&fake, &["volume", "delete", ID]);
    assert_eq!(output.status.code(), Some(9));
    let said = text(&output.stderr);
    let expected = format!(
        "error: cannot remove the volume {ID}\n  because: the way back is blocked\n    - n2 does not answer\n  \
         next:    mortar operation retry {ID}\n"
    );
    assert_eq!(said, expected);
}

#[test]
fn work_that_waits_for_a_node_is_not_waited_for() {
    let operation = format!(
        r#"{{"id":"{ID}","kind":"expand-volume","subject":{{"kind":"volume","id":"{ID}"}},"phase":"waiting-for-node",
        "started":"2026-01-02T03:04:05Z","steps_done":1,"steps_total":2,"waits_for":["n2"],
        "attention":{{"reason":"n2 does not answer","command":"mortar operation retry {ID}"}}}}"#
    );
    let fake = Fake::new(move |line| {
        if line.starts_with("POST") {
            Said::new(202, "").header(&format!("location: /queue/{ID}"))
        } else if line.starts_with("GET /queue/") {
            Said::new(200, "")
                .header("x-pending: true")
                .header("mortar-phase: waiting-for-node")
        } else {
            Said::new(200, &operation)
        }
    });
    let output = run(&fake, &["volume", "expand", ID, "--by", "1"]);
    assert_eq!(output.status.code(), Some(9));
    let said = text(&output.stderr);
    for part in [
        "because: a node is away; it is not given up, and goes on by itself",
        "    - n2 does not answer\n",
        &format!("next:    mortar operation retry {ID}\n"),
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_failed_operation_ends_with_its_kind() {
    let operation = format!(
        r#"{{"id":"{ID}","kind":"create-volume","subject":{{"kind":"volume","id":"{ID}"}},"phase":"undone",
        "started":"2026-01-02T03:04:05Z","steps_done":0,"steps_total":2,"error":"e","error_kind":"no-space"}}"#
    );
    let fake = Fake::new(move |line| {
        if line.starts_with("POST") {
            Said::new(202, "").header(&format!("location: /queue/{ID}"))
        } else if line.starts_with("GET /queue/") {
            Said::new(500, "n1 has no room\n")
        } else {
            Said::new(200, &operation)
        }
    });
    let output = run(&fake, &["volume", "expand", ID, "--by", "1"]);
    assert_eq!(output.status.code(), Some(7));
    assert!(text(&output.stderr).contains(&format!("mortar operation info {ID}")));
}

#[test]
fn json_is_what_the_server_said() {
    let said = "{\"clusters\":[ ],\n \"later\": {\"x\": 1}}";
    let fake = Fake::new(move |_| Said::new(200, said));
    assert_eq!(
        text(&run(&fake, &["--json", "topology", "show"]).stdout),
        format!("{said}\n")
    );
    assert!(text(&run(&fake, &["topology", "show"]).stdout).starts_with("There are no clusters"));
}

/// One request finds a volume by its name, however many there are; the whole topology is only for one that is just being removed.
#[test]
fn a_volume_is_found_by_its_name_in_one_request() {
    let page = format!(
        r#"{{"volumes":[{{"id":"{ID}","name":"data","cluster":"c","size":1,"durability":"none","servers":[],"zones":[]}}]}}"#
    );
    let asked = |answer: String, user: &str, name: &str| {
        let fake = Fake::new(move |line| match line {
            "GET /v1/volumes?name=data" => Said::new(200, &answer),
            "GET /v1/topology" => Said::new(200, r#"{"clusters":[]}"#),
            _ => Said::new(404, "Id not found\n"),
        });
        let mut command = mortar();
        command
            .env("MORTAR_SERVER", fake.url())
            .args(["volume", "heal", name]);
        command.env("MORTAR_USER", user).env("MORTAR_SECRET", "hush");
        assert_eq!(command.output().unwrap().status.code(), Some(5));
        let lines = fake.asked().into_iter().map(|asked| asked.line);
        lines.collect::<Vec<String>>()
    };
    for role in ["admin", "user"] {
        assert_eq!(
            asked(page.clone(), role, "data"),
            [
                "GET /v1/volumes?name=data".to_owned(),
                format!("GET /v1/volumes/{ID}/heal")
            ]
        );
    }
    let leaving = format!(r#"{{"volumes":[],"operation":"{ID}"}}"#);
    assert_eq!(
        asked(leaving, "admin", "data"),
        ["GET /v1/volumes?name=data", "GET /v1/topology"]
    );
    assert!(asked(String::new(), "admin", "no name").is_empty());
}

#[test]
fn an_answer_of_another_program_is_an_error() {
    let fake = Fake::new(|_| Said::new(200, "<html>"));
    let output = run(&fake, &["topology", "show"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("not understood"));
    let accepted_nothing = run(&fake, &["volume", "delete", ID]);
    assert_eq!(accepted_nothing.status.code(), Some(1));
}

#[test]
fn each_request_shows_its_own_token() {
    let fake = Fake::new(|_| Said::new(404, "Id not found\n"));
    let output = mortar()
        .env("MORTAR_SERVER", fake.url())
        .env("MORTAR_SECRET", "hush")
        .args(["volume", "info", ID])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(5));
    run(&fake, &["volume", "info", ID]);
    let asked = fake.asked();
    let token = asked[0].token.as_deref().unwrap();
    assert!(
        token.starts_with("bearer ") && token.split('.').count() == 3 && !token.contains("hush"),
        "{token}"
    );
    assert_eq!(asked[1].token, None);
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let long = format!("{{\"clusters\":[],\"pad\":\"{}\"}}", "x".repeat(1 << 20));
    let fake = Fake::new(move |_| Said::new(200, &long));
    let mut child = mortar()
        .env("MORTAR_SERVER", fake.url())
        .args(["--json", "topology", "show"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}
