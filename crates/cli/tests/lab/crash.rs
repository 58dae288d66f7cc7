//! The server ends in the middle of its work, and goes on where it was.

use reqwest::Method;
use serde_json::{Value, json};

use crate::door::Said;
use crate::ground::{calm, until};
use crate::life::Client;
use crate::site::Site;

/// Asks, waits until so many steps are done, kills the server, starts it on the same store and waits for the end.
/// The answer of the queue, under the id that was given before.
fn killed_after(site: &mut Site, steps: u64, accepted: &Said) -> Said {
    let id = accepted.queue_id().to_owned();
    let running = site.server.reaches(&id, steps);
    site.server.kill();
    assert!(
        running,
        "it had ended before the server was killed: {}",
        site.server.log()
    );
    site.server.again();
    let ended = site.server.end(&id);
    // Asked again, the queue answers the same.
    assert_eq!(site.server.get(&format!("/queue/{id}")), ended);
    ended
}

/// Made, made larger and deleted, and each time the server is killed at another place: three bricks, then the volume.
#[test]
fn a_killed_server_goes_on_where_it_was() {
    let mut site = Site::new(calm(), &[1, 2, 3], 2, "crash");
    for steps in 0..=3 {
        let name = format!("v{steps}");
        let mut request = site.request(&name, 1, 3);
        request["gid"] = json!(2001);
        let accepted = site.server.post("/volumes", &request);
        let ended = killed_after(&mut site, steps, &accepted);
        let volume = whole(&site, &ended, 3);
        assert_eq!(site.volumes(), [site.name(&name)]);
        let client = Client::mount(&site, &site.name(&name));
        std::fs::write(client.path().join("file"), "written").unwrap();

        let place = format!("/volumes/{}", volume["id"].as_str().unwrap());
        // Each time the files are spread, glusterd takes ten seconds to begin: two places are enough.
        if steps % 2 == 1 {
            let more = json!({"by": 1_u64 << 30, "way": "add-bricks"});
            let grown = site.server.post(&format!("/v1{place}/expand"), &more);
            let ended = killed_after(&mut site, steps, &grown);
            assert_eq!(whole(&site, &ended, 6)["size"], 2);
        } else {
            let grown = site
                .server
                .post(&format!("{place}/expand"), &json!({"expand_size": 1}));
            let ended = killed_after(&mut site, steps + 1, &grown);
            assert_eq!(whole(&site, &ended, 3)["size"], 2);
        }
        let came = std::fs::read_to_string(client.path().join("file")).unwrap();
        assert_eq!(came, "written");
        client.unmount();

        let gone = site.server.delete(&place);
        let ended = killed_after(&mut site, steps.min(1), &gone);
        assert_eq!(ended.status, 204, "{ended:?}\n{}", site.server.log());
        site.assert_bare();
    }
}

/// The volume to which the queue leads, with so many bricks.
fn whole(site: &Site, ended: &Said, bricks: usize) -> Value {
    assert_eq!(ended.status, 303, "{ended:?}\n{}", site.server.log());
    let volume = site.server.get(ended.location.as_deref().unwrap()).json();
    assert_eq!(volume["bricks"].as_array().unwrap().len(), bricks, "{volume}");
    volume
}

#[test]
fn a_server_that_is_asked_to_stop_ends_its_work_or_leaves_it_for_later() {
    let mut site = Site::new(calm(), &[1, 2, 3], 3, "stop");
    // With time to end its work.
    let accepted = site.create("first", 1, 3);
    let id = accepted.queue_id().to_owned();
    assert!(site.server.reaches(&id, 1));
    site.server.ask_to_stop();
    refuses_new_work(&site);
    assert!(site.server.ended().success(), "{}", site.server.log());
    site.server.again_with(&["--stop-patience", "0"]);
    let ended = site.server.get(&format!("/queue/{id}"));
    assert_eq!(ended.status, 303, "{ended:?}\n{}", site.server.log());
    let first = site.server.get(ended.location.as_deref().unwrap()).json();

    // Without: what runs is left as it is and goes on later.
    let accepted = site.create("second", 1, 3);
    let second_id = accepted.queue_id().to_owned();
    assert!(site.server.reaches(&second_id, 1));
    site.server.ask_to_stop();
    assert!(site.server.ended().success(), "{}", site.server.log());
    site.server.again();
    let ended = site.server.end(&second_id);
    assert_eq!(ended.status, 303, "{ended:?}\n{}", site.server.log());
    let second = site.server.get(ended.location.as_deref().unwrap()).json();
    assert_eq!(site.volumes().len(), 2);

    // Results outlive a restart, failures too.
    let node = site.nodes[0].1.clone();
    let failed = site.add_device(&node, "/disks/none", false);
    let failed_id = failed.queue_id().to_owned();
    let told = site.server.rest(&failed_id);
    assert_eq!(told.status, 500, "{told:?}");
    site.server.restart();
    assert_eq!(site.server.get(&format!("/queue/{failed_id}")), told);
    assert_eq!(site.server.get(&format!("/queue/{id}")).status, 303);
    assert_eq!(site.server.get(&format!("/queue/{second_id}")).status, 303);
    for volume in [&first, &second] {
        site.deleted(volume);
    }
    site.assert_bare();
}

/// A server on its way down takes no new work, and says so as long as it answers.
fn refuses_new_work(site: &Site) {
    // Refused for another reason by a server that does not know yet that it is to stop.
    let request = site.request("late", 0, 3);
    until("new work is refused", || {
        let Some(said) = site.server.try_ask(&Method::POST, "/volumes", Some(&request)) else {
            return true;
        };
        match said.status {
            400 => false,
            503 => {
                assert_eq!(said.text.trim(), "Server is stopping. Retry operation later.");
                true
            }
            other => panic!("{other}: {said:?}"),
        }
    });
}
