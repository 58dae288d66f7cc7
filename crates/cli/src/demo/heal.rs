//! The node comes back, and the self-heal daemons bring it what it missed. Watched through Mortar's own eyes.

use std::time::{Duration, Instant};

use mortar_api::{Explanation, Heal, SightState};
use mortar_lab::Lab;

use super::VOLUME;
use super::clients::{Clients, Written, same, verify};
use super::loss::Kept;
use super::server::{Server, typed_for_lab};
use super::show::{Show, seconds};
use super::sum;
use crate::client::read;
use crate::commands::lab_error;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// How long the heal may take.
const LIMIT: Duration = Duration::from_secs(240);
/// After how long without any change the daemons are asked to look: else they do so every ten minutes, and when
/// a brick comes back, which they can miss.
const NUDGE: Duration = Duration::from_secs(20);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(250);

/// Who takes part.
#[derive(Debug)]
pub(super) struct Scene<'a> {
    pub(super) lab: &'a Lab,
    pub(super) server: &'a Server,
    pub(super) clients: &'a Clients,
}

/// What waits on each brick, by the name of its node; `None` where that is not known.
type Waiting = Vec<(String, Option<u64>)>;

/// Starts the node that is down and waits until nothing waits to be healed, then compares all files.
pub(super) fn recover(scene: &Scene<'_>, kept: &Kept, greeting: &Written, show: &Show) -> Result<()> {
    typed_for_lab(&["lab", "start", "--lab", scene.lab.name(), &kept.node], show)?;
    let chain = healed(scene, kept, show)?;
    for client in [&scene.clients.first, &scene.clients.second] {
        verify(client, &kept.file, show)?;
    }
    compare_brick(scene, &chain, kept, greeting, show)
}

/// Looks at the volume until every brick is seen and nothing waits.
fn healed(scene: &Scene<'_>, kept: &Kept, show: &Show) -> Result<Explanation> {
    const ATTEMPT: &str = "see the volume healed";
    let began = Instant::now();
    let id = scene
        .server
        .wait(scene.server.client().volume_id(VOLUME, ATTEMPT))?;
    let path = format!("/v1/explain/volumes/{id}");
    show.command(&format!(
        "mortar explain volume {VOLUME}   (again and again, only its heal counts here)"
    ))?;
    let (mut last, mut changed, mut nudged) = (Waiting::new(), Instant::now(), false);
    loop {
        show.say("looking at what waits to be healed");
        let body = scene.server.wait(scene.server.client().get(&path, ATTEMPT))?;
        let chain: Explanation = read(&body, ATTEMPT)?;
        let waiting = waiting(&chain, scene.lab);
        if waiting != last {
            show.fact(&format!(
                "after {:>6}: {}",
                seconds(began.elapsed()),
                sentence(&waiting)
            ))?;
            (last, changed) = (waiting, Instant::now());
        }
        if is_healed(&chain) {
            return Ok(chain);
        }
        if began.elapsed() > LIMIT {
            return Err(Error::new(
                Exit::Failed,
                ATTEMPT,
                format!("after {} s {}", LIMIT.as_secs(), sentence(&last)),
            )
            .advise(format!(
                "see /var/log/glusterfs/glustershd.log in the nodes: 'mortar lab exec --lab {} {} -- tail …'",
                scene.lab.name(),
                kept.node
            )));
        }
        if !nudged && changed.elapsed() > NUDGE {
            show.fact("nothing changed for a while: asking the self-heal daemons to look now, not at their next hour")?;
            let nudge = [
                "lab",
                "exec",
                "--lab",
                scene.lab.name(),
                &kept.node,
                "--",
                "gluster",
            ];
            typed_for_lab(
                &[&nudge[..], &["--mode=script", "volume", "heal", VOLUME]].concat(),
                show,
            )?;
            nudged = true;
        }
        std::thread::sleep(PAUSE);
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

/// Reads the files on the returned node's own brick, past GlusterFS.
fn compare_brick(
    scene: &Scene<'_>,
    chain: &Explanation,
    kept: &Kept,
    greeting: &Written,
    show: &Show,
) -> Result<()> {
    let attempt = format!("read the files on the brick of {}", kept.node);
    let node = scene.lab.nodes().into_iter().find(|node| node.name == kept.node);
    let address = node.map(|node| node.address.to_string()).unwrap_or_default();
    let brick = chain.bricks.iter().find(|brick| brick.node.manage == address);
    let brick = brick.ok_or_else(|| Error::new(Exit::Failed, &attempt, "the volume has none there"))?;
    let written: Vec<&Written> = [&kept.file, greeting].into_iter().chain(&kept.missed).collect();
    let files: Vec<String> = written
        .iter()
        .map(|file| format!("{}/{}", brick.path, file.name))
        .collect();
    show.command(&format!(
        "mortar lab exec --lab {} {} -- sha256sum {}",
        scene.lab.name(),
        kept.node,
        files[0]
    ))?;
    show.say(&attempt);
    let output = scene
        .lab
        .exec(&kept.node, &sum::argv(&files), LIMIT)
        .map_err(lab_error("read the files on the returned node's brick"))?;
    let sums = sum::printed(&output.stdout);
    if !output.status.success() || sums.len() != files.len() {
        return Err(Error::new(
            Exit::Failed,
            attempt,
            String::from_utf8_lossy(&output.stderr),
        ));
    }
    for ((file, came), written) in files.iter().zip(&sums).zip(&written) {
        same(&format!("{file} on {}", kept.node), came, &written.sum)?;
    }
    show.fact(&format!("{}  as written", sum::short(&sums[0])))?;
    show.fact(&format!(
        "so are the other {} files there: {} has all that it missed",
        files.len() - 1,
        kept.node
    ))
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
