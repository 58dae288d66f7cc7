//! Nodes that cannot join: each gets a clear answer, and pool and store are as before.

use std::sync::PoisonError;

use serde_json::json;

use crate::ground::{NODE_4, calm, on, until};
use crate::site::Site;

#[test]
fn nodes_that_cannot_join_change_nothing() {
    let lab = calm();
    let _node4 = NODE_4.lock().unwrap_or_else(PoisonError::into_inner);
    let site = Site::new(lab, &[1], 0, "nodes");
    let before = site.state();
    let refused = |number: usize, text: &str| {
        let said = site.add_node(number);
        assert_eq!(said.status, 400, "{said:?}");
        assert!(said.text.contains(text), "{said:?} lacks {text:?}");
    };
    refused(5, "belongs to another trusted pool, with ");

    on(lab, "node4", &["sh", "-c", "kill $(cat /run/glusterd.pid)"]);
    until("glusterd has ended on node4", || {
        lab.status().unwrap().nodes[3].glusterd.is_none()
    });
    refused(4, "New Node doesn't have glusterd running");
    on(lab, "node4", &["glusterd", "-p", "/run/glusterd.pid"]);

    lab.cut("node4").unwrap();
    refused(4, " does not answer: ");
    lab.join("node4").unwrap();

    // An address that nobody has; and one whose key nobody vouches for.
    let nobody = |address: &str| {
        let body = json!({
            "zone": 1,
            "hostnames": {"manage": [address], "storage": [address]},
            "cluster": site.cluster,
        });
        let said = site.server.post("/nodes", &body);
        assert_eq!(said.status, 400, "{said:?}");
        assert!(said.text.contains(" does not answer: "), "{said:?}");
    };
    let address = lab.nodes()[0].address.to_string();
    nobody(&format!("{}.250", address.rsplit_once('.').unwrap().0));
    nobody("no-such-host.invalid");

    // A name that another node has, and a zone that is none.
    let said = site.add_node(1);
    assert_eq!(said.status, 409, "{said:?}");
    assert!(said.text.contains("already used by node with id"), "{said:?}");
    let said = site.server.post(
        "/nodes",
        &json!({"zone": 0, "hostnames": {"manage": ["a"], "storage": ["a"]}, "cluster": site.cluster}),
    );
    assert_eq!(said.status, 400, "{said:?}");
    assert_eq!(site.state(), before);
}
