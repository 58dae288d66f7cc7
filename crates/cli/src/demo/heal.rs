//! What waits to be healed, watched through Mortar's own eyes until nothing does.

use std::time::{Duration, Instant};

use mortar_api::{Explanation, Heal, SightState};
use mortar_lab::Lab;

use super::CLAIM;
use super::recovery::Scene;
use super::server::typed_for_lab;
use super::show::{Show, seconds};
use crate::client::read;
use crate::error::{Error, Result};
use crate::exit::Exit;

const ATTEMPT: &str = "see the volume healed";
/// How long the heal may take.
const LIMIT: Duration = Duration::from_secs(240);
/// After how long without any change the daemons are asked to look: else they do so every ten minutes, and when
/// a brick comes back, which they can miss.
const NUDGE: Duration = Duration::from_secs(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// What waits on each brick, by the name of its node; `None` where that is not known.
type Waiting = Vec<(String, Option<u64>)>;

/// Looks at the volume until every brick is seen and nothing waits.
pub(super) fn wait(scene: &Scene<'_>, node: &str, show: &Show) -> Result<Explanation> {
    let client = scene.server.client();
    let path = format!("/v1/explain/volumes/{}", scene.volume.id());
    show.command(&format!(
        "mortar explain pvc/{}/{}   (again and again, only its heal counts here)",
        CLAIM.0, CLAIM.1
    ))?;
    let mut watch = Watch::new(show);
    loop {
        let chain: Explanation = read(&scene.server.wait(client.get(&path, ATTEMPT))?, ATTEMPT)?;
        watch.tell(waiting(&chain, scene.lab))?;
        if is_healed(&chain) {
            return Ok(chain);
        }
        watch.check_limit(scene.lab, node)?;
        watch.nudge_once(scene, node)?;
        std::thread::sleep(PAUSE);
    }
}

/// What was seen so far, and since when.
#[derive(Debug)]
struct Watch<'a> {
    show: &'a Show,
    began: Instant,
    last: Waiting,
    changed: Instant,
    most: u64,
    nudged: bool,
}

impl<'a> Watch<'a> {
    fn new(show: &'a Show) -> Self {
        let began = Instant::now();
        Self {
            show,
            began,
            last: Waiting::new(),
            changed: began,
            most: 0,
            nudged: false,
        }
    }

    /// Tells what waits, once.
    fn tell(&mut self, waiting: Waiting) -> Result<()> {
        let left = waiting.iter().filter_map(|(_, pending)| *pending).sum::<u64>();
        self.most = self.most.max(left);
        let bar = self.show.out().paint().bar(self.most - left, self.most);
        self.show.say(format!("{bar} healed"));
        if waiting == self.last {
            return Ok(());
        }
        self.show.fact(&format!(
            "after {:>6}: {}",
            seconds(self.began.elapsed()),
            sentence(&waiting)
        ))?;
        (self.last, self.changed) = (waiting, Instant::now());
        Ok(())
    }

    fn check_limit(&self, lab: &Lab, node: &str) -> Result<()> {
        if self.began.elapsed() <= LIMIT {
            return Ok(());
        }
        let obstacle = format!("after {} s {}", LIMIT.as_secs(), sentence(&self.last));
        let log = "/var/log/glusterfs/glustershd.log";
        Err(Error::new(Exit::Failed, ATTEMPT, obstacle).advise(format!(
            "see why: 'mortar lab exec --lab {} {node} -- tail {log}', also on the other nodes",
            lab.name()
        )))
    }

    /// Asks the self-heal daemons to look, once, when nothing changes.
    fn nudge_once(&mut self, scene: &Scene<'_>, node: &str) -> Result<()> {
        if self.nudged || self.changed.elapsed() <= NUDGE {
            return Ok(());
        }
        self.nudged = true;
        self.show.fact(
            "nothing changed for a while: asking the self-heal daemons to look now, not at their next round",
        )?;
        let place = ["lab", "exec", "--lab", scene.lab.name(), node, "--"];
        let command = ["gluster", "--mode=script", "volume", "heal", scene.volume.name()];
        typed_for_lab(&[&place[..], &command].concat(), self.show)
    }
}

fn waiting(chain: &Explanation, lab: &Lab) -> Waiting {
    let nodes = lab.nodes();
    let name = |address: &str| {
        let node = nodes.iter().find(|node| node.address.to_string() == address);
        node.map_or_else(|| address.to_owned(), |node| node.name.clone())
    };
    let mut waiting: Waiting = chain
        .bricks
        .iter()
        .map(|brick| (name(&brick.node.manage), brick.heal.map(|heal| heal.pending)))
        .collect();
    waiting.sort();
    waiting
}

fn sentence(waiting: &[(String, Option<u64>)]) -> String {
    if waiting.iter().all(|(_, pending)| *pending == Some(0)) {
        return "nothing waits to be healed".to_owned();
    }
    let counts = waiting.iter().map(|(node, pending)| match pending {
        Some(pending) => format!("{pending} on {node}"),
        None => format!("not known on {node}"),
    });
    format!("waiting to be healed: {}", counts.collect::<Vec<_>>().join(", "))
}

/// Whether every brick runs and was asked, and nothing waits anywhere.
fn is_healed(chain: &Explanation) -> bool {
    !chain.bricks.is_empty()
        && chain
            .bricks
            .iter()
            .all(|brick| brick.heal == Some(Heal::default()) && brick.sight.state == SightState::Ok)
}

#[cfg(test)]
mod tests {
    use super::sentence;

    #[test]
    fn what_waits_in_words() {
        let waiting =
            |counts: [Option<u64>; 2]| sentence(&[("a".into(), counts[0]), ("b".into(), counts[1])]);
        assert_eq!(waiting([Some(0), Some(0)]), "nothing waits to be healed");
        assert_eq!(
            waiting([Some(0), Some(3)]),
            "waiting to be healed: 0 on a, 3 on b"
        );
        assert_eq!(
            waiting([Some(0), None]),
            "waiting to be healed: 0 on a, not known on b"
        );
    }
}
