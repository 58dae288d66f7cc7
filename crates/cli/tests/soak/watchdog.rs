//! What an init system does for glusterd on a node: one that does not answer any more is ended and started again.
//!
//! glusterd 10.3 may hang for good when a deletion meets the moment in which it hears from its peers what it missed. Its
//! bricks go on, but every change of the pool waits for it, for ten minutes each. That is no work for Mortar: it is
//! done here, and counted.

use std::time::{Duration, Instant};

use crate::world::World;

/// Pause between two rounds.
const ROUND: Duration = Duration::from_secs(3);
/// Longer than glusterd is busy with anything: a rebalance that begins holds it for ten seconds.
const ANSWER: Duration = Duration::from_secs(40);

/// Ends glusterd for sure, and starts it as the lab does.
const RESTART: &str = "kill -s KILL $(cat /run/glusterd.pid); sleep 1; exec glusterd -p /run/glusterd.pid";

/// Looks after the glusterd of one node until the soak is over.
pub(crate) fn watch(world: &World, node: &str) {
    while !world.is_finished() {
        std::thread::sleep(ROUND);
        let begun = Instant::now();
        let question = ["gluster", "--mode=script", "pool", "list"];
        // A node that is away, or killed meanwhile, gives an error at once or with a status: only silence counts.
        let answer = world.lab.exec(node, &question, ANSWER);
        if answer.is_ok() || begun.elapsed() < ANSWER {
            continue;
        }
        world.tell(
            "watchdog",
            format!("glusterd on {node} hangs and is started again"),
        );
        world.count("left by GlusterFS: glusterd hung and was started again");
        if let Err(error) = world.lab.exec(node, &["sh", "-c", RESTART], ANSWER) {
            world.tell("watchdog", format!("{node}: {error}"));
        }
    }
}
