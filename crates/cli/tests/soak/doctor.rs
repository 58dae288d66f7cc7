//! Interventions: what a person who looks after a trusted pool would do by hand to glusterd, done here so that a soak goes on.
//!
//! glusterd 10.3 does not survive everything that is done to it here. A member that comes back in the middle of a
//! change has no part in that change and does not hear of it: it stays behind for good, or its peers reject it. A
//! deletion that meets that moment may hang it, and a record that a power cut left half written keeps it from
//! starting. The bricks go on, but changes of the pool fail or wait, and Mortar has no cure for it yet. The known one:
//! end that member's glusterd, remove from its disk the records that it alone believes, and start it; it learns the
//! rest from its peers.
//!
//! So a soak in which this had anything to do did need somebody. Every intervention is counted and printed with the
//! numbers, and the diary tells what was found; `MORTAR_SOAK_DOCTOR=0` leaves it out.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::world::{World, Wrong};

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

/// Starts glusterd without its record of a volume; tells the end of its log when it does not start.
const START_WITHOUT: &str = r#"
rm -rf "/var/lib/glusterd/vols/$1"
glusterd -p /run/glusterd.pid && exit
tail -n 12 /var/log/glusterfs/glusterd.log
exit 1
"#;

/// Records that a power cut may leave half written: one for each client of the soak.
const MOST_UNREADABLE: usize = 4;

/// Each volume that some member differs in, with what each node believes of it; empty where it knows of none.
type Differences = BTreeMap<String, Vec<String>>;

/// Looks after all members until nobody needs them any more.
pub(crate) fn look_after(world: &World) {
    let mut since = BTreeMap::<String, (Vec<String>, Instant)>::new();
    while !world.is_finished() {
        std::thread::sleep(ROUND);
        let names: Vec<String> = world.lab.nodes().into_iter().map(|node| node.name).collect();
        for name in &names {
            if hangs(world, name) {
                world.intervened("glusterd that hung was ended and started", name);
                cure(world, name, &[]);
            }
        }
        let Some(records) = names
            .iter()
            .map(|name| records(world, name))
            .collect::<Option<Vec<_>>>()
        else {
            // With a node away, nobody can say who is right.
            since.clear();
            continue;
        };
        let now = differences(&records);
        since.retain(|volume, (believed, _)| now.get(volume) == Some(believed));
        for (volume, believed) in &now {
            since
                .entry(volume.clone())
                .or_insert_with(|| (believed.clone(), Instant::now()));
        }
        let stays = |volume: &String| {
            since
                .get(volume)
                .is_some_and(|(_, since)| since.elapsed() >= STAYS)
        };
        let for_good: Differences = now.into_iter().filter(|(volume, _)| stays(volume)).collect();
        for (name, volumes) in outvoted(&names, &for_good) {
            let why = format!("{name}, without {volumes:?}, of {for_good:?}");
            world.intervened("records that a member alone believed were removed from it", why);
            cure(world, &name, &volumes);
            since.clear();
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

fn cure(world: &World, node: &str, forget: &[String]) {
    let mut argv = vec!["sh", "-c", CURE, "sh"];
    argv.extend(forget.iter().map(String::as_str));
    match world.lab.exec(node, &argv, ANSWER) {
        Ok(output) if output.status.success() => {}
        other => world.tell("doctor", format!("{node}: {other:?}")),
    }
}

/// Starts a node that was killed. Where its glusterd cannot read a record that the power cut left half written, that
/// one is removed: its peers have it.
pub(crate) fn start(world: &World, node: &str) -> Result<(), Wrong> {
    let Err(error) = world.lab.start(node) else {
        return Ok(());
    };
    let mut complaint = error.to_string();
    for _ in 0..MOST_UNREADABLE {
        let volume = complaint.split("Unable to restore volume: ").nth(1);
        let volume = volume
            .and_then(|rest| rest.split_whitespace().next())
            .map(str::to_owned);
        let Some(volume) = volume.filter(|_| world.has_doctor) else {
            return Err(complaint);
        };
        let why = format!("{node}, {volume}");
        world.intervened("a record that kept glusterd from starting was removed", why);
        let argv = ["sh", "-c", START_WITHOUT, "sh", &volume];
        let output = world
            .lab
            .exec(node, &argv, ANSWER)
            .map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        complaint = String::from_utf8_lossy(&output.stdout).into_owned();
    }
    Err(complaint)
}
