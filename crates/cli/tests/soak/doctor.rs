//! What somebody who looks after a trusted pool does for glusterd itself, and what is no work of Mortar's operations.
//!
//! glusterd 10.3 does not survive everything that is done to it here. A member that comes back in the middle of a
//! change has no part in that change and does not hear of it: it stays behind for good, or its peers reject it. And
//! a deletion that meets that moment may hang it. The bricks go on, but changes of the pool fail or wait. The known
//! cure: end that member's glusterd, take from it what it alone believes, and start it; it learns the rest from its
//! peers. Each cure is counted, and told in the diary with what was found.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::world::World;

/// Pause between two rounds.
const ROUND: Duration = Duration::from_secs(2);
/// Longer than glusterd is busy with anything: a rebalance that begins holds it for ten seconds.
const ANSWER: Duration = Duration::from_secs(40);
/// How long a difference must stay as it is to be more than a change that is under way.
const STAYS: Duration = Duration::from_secs(15);

/// Prints each volume that glusterd has a record of, with version and checksum.
const RECORDS: &str = r#"
cd /var/lib/glusterd/vols || exit
for each in */; do
  [ -e "$each/info" ] && echo "${each%/} $(sed -n 's/^version=//p' "$each/info") $(cat "$each/cksum")"
done
true
"#;

/// Ends glusterd for sure, forgets the volumes that the arguments name, and starts it as the lab does.
const CURE: &str = r#"
kill -s KILL "$(cat /run/glusterd.pid)"
sleep 1
for each; do rm -rf "/var/lib/glusterd/vols/$each"; done
exec glusterd -p /run/glusterd.pid
"#;

/// Each volume that some member differs in, with what each node believes of it; empty where it knows of none.
type Differences = BTreeMap<String, Vec<String>>;

/// Looks after all members until nobody needs them any more.
pub(crate) fn look_after(world: &World) {
    let mut since = Instant::now();
    let mut before = Differences::new();
    while !world.is_finished() {
        std::thread::sleep(ROUND);
        let names: Vec<String> = world.lab.nodes().into_iter().map(|node| node.name).collect();
        for name in &names {
            if hangs(world, name) {
                world.count("left by GlusterFS, cured: glusterd hung");
                cure(world, name, "it hangs", &[]);
            }
        }
        let now = names
            .iter()
            .map(|name| records(world, name))
            .collect::<Option<Vec<_>>>();
        let now = now.map(|records| differences(&records)).unwrap_or_default();
        if now != before {
            (before, since) = (now, Instant::now());
        } else if !now.is_empty() && since.elapsed() >= STAYS {
            for (name, volumes) in outvoted(&names, &now) {
                world.count("left by GlusterFS, cured: a member believed what the others did not");
                cure(
                    world,
                    &name,
                    &format!("it is alone with its records: {now:?}"),
                    &volumes,
                );
            }
            since = Instant::now();
        }
    }
}

/// Whether glusterd of a node that is up does not answer. A node that is away, or killed meanwhile, gives an error at
/// once or a status: only silence counts.
fn hangs(world: &World, node: &str) -> bool {
    let begun = Instant::now();
    let answer = world
        .lab
        .exec(node, &["gluster", "--mode=script", "pool", "list"], ANSWER);
    answer.is_err() && begun.elapsed() >= ANSWER
}

/// What glusterd of a node believes of each volume; none when the node is away.
fn records(world: &World, node: &str) -> Option<BTreeMap<String, String>> {
    let output = world.lab.exec(node, &["sh", "-c", RECORDS], ANSWER).ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let record = |line: &str| {
        line.split_once(' ')
            .map(|(name, rest)| (name.to_owned(), rest.to_owned()))
    };
    Some(text.lines().filter_map(record).collect())
}

fn differences(records: &[BTreeMap<String, String>]) -> Differences {
    let mut all: Differences = records
        .iter()
        .flat_map(BTreeMap::keys)
        .map(|name| {
            let believed = |of: &BTreeMap<String, String>| of.get(name).cloned().unwrap_or_default();
            (name.clone(), records.iter().map(believed).collect())
        })
        .collect();
    all.retain(|_, believed| believed.iter().any(|one| *one != believed[0]));
    all
}

/// The nodes that most others contradict, with the volumes in which they do. Where no two agree, the highest version is
/// taken for right.
fn outvoted(nodes: &[String], differences: &Differences) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::<String, Vec<String>>::new();
    for (volume, believed) in differences {
        let version = |one: &String| {
            let first = one.split(' ').next().unwrap_or_default();
            first.parse::<u64>().unwrap_or_default()
        };
        let votes = |one: &String| believed.iter().filter(|other| *other == one).count();
        let right = believed.iter().max_by_key(|one| (votes(one), version(one)));
        let wrong = nodes.iter().zip(believed).filter(|(_, one)| Some(*one) != right);
        for (node, _) in wrong {
            found.entry(node.clone()).or_default().push(volume.clone());
        }
    }
    found
}

fn cure(world: &World, node: &str, why: &str, forget: &[String]) {
    world.tell(
        "doctor",
        format!("glusterd on {node} is started again, without {forget:?}: {why}"),
    );
    let mut argv = vec!["sh", "-c", CURE, "sh"];
    argv.extend(forget.iter().map(String::as_str));
    match world.lab.exec(node, &argv, ANSWER) {
        Ok(output) if output.status.success() => {}
        other => world.tell("doctor", format!("{node}: {other:?}")),
    }
}
