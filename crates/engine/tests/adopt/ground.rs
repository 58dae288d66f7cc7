//! A pool that somebody made by hand, and what can be seen of it.

use std::collections::BTreeSet;

use mortar_argv::{Batch, Command};
use mortar_engine::{Adopted, EngineError};
use mortar_model::{HostName, VolumeName};
use mortar_simulator::{HostView, PoolView};

use crate::support::bed::Bed;

pub(crate) const HOSTS: [&str; 3] = ["n1", "n2", "n3"];

pub(crate) fn typed(bed: &Bed, host: &str, line: &str) {
    let mut words = line.split_whitespace();
    let command = Command::new(words.next().unwrap()).args(words);
    let report = bed
        .hosts
        .world(|world| world.run(host, &Batch::new().run(command)));
    assert!(report.success(), "{host}: {line}: {report:?}");
}

pub(crate) fn gluster(bed: &Bed, line: &str) {
    typed(bed, "n1", &format!("gluster --mode=script {line}"));
}

/// Three members, and volumes in every kind of place: `whole` over file systems of its own, `rooted` on the nodes' root file systems,
/// `two` in two sets beside `whole`'s neighbours, and `single` without copies.
pub(crate) fn made_by_hand() -> Bed {
    let bed = Bed::new(100);
    gluster(&bed, "peer probe n2");
    gluster(&bed, "peer probe n3");
    for host in HOSTS {
        typed(&bed, host, "mkdir -p /disks/one/films /disks/two/deep/er /srv");
    }
    gluster(
        &bed,
        "volume create whole replica 3 n1:/disks/one/films/brick n2:/disks/one/films/brick n3:/disks/one/films/brick",
    );
    gluster(&bed, "volume set whole performance.readdir-ahead off");
    gluster(
        &bed,
        "volume create rooted replica 3 arbiter 1 n1:/srv/rooted n2:/srv/rooted n3:/srv/rooted force",
    );
    gluster(
        &bed,
        "volume create two replica 2 n1:/disks/two/deep/er/a n2:/disks/two/deep/er/a n3:/disks/two/deep/er/a \
         n1:/disks/two/deep/er/b force",
    );
    gluster(&bed, "volume create single n2:/disks/two/single");
    for name in ["whole", "rooted", "two"] {
        gluster(&bed, &format!("volume start {name}"));
    }
    bed.engine.start();
    bed
}

/// All that can be seen of the nodes and their pool, and how many commands have changed something so far.
pub(crate) fn seen(bed: &Bed) -> (Vec<HostView>, PoolView, u64) {
    bed.hosts.world(|world| {
        let hosts = world.hosts();
        let views = hosts.iter().filter_map(|host| world.host(host)).collect();
        (views, world.pool("n1").unwrap(), world.changes_run())
    })
}

pub(crate) fn names(names: &[&str]) -> BTreeSet<VolumeName> {
    names.iter().map(|name| VolumeName::new(*name).unwrap()).collect()
}

pub(crate) async fn ask(bed: &Bed, only: &[&str], dry_run: bool) -> Result<Adopted, EngineError> {
    let only = names(only);
    let only = (!only.is_empty()).then_some(&only);
    bed.engine
        .adopt(&[HostName::new("n1").unwrap()], only, dry_run)
        .await
}

pub(crate) async fn adopted(bed: &Bed) -> Adopted {
    let done = ask(bed, &[], false).await.unwrap();
    assert!(done.operation.is_some(), "{done:?}");
    done
}

/// How each volume was judged, in the order of names, with the first reason.
pub(crate) fn judged(adopted: &Adopted) -> Vec<(String, String, String)> {
    let volumes = adopted.adoption.volumes.iter();
    volumes
        .map(|judged| {
            let why = judged.why.first().cloned().unwrap_or_default();
            (judged.name.clone(), format!("{:?}", judged.understanding), why)
        })
        .collect()
}

/// What a check finds, by kind and name.
pub(crate) async fn findings(bed: &Bed) -> Vec<String> {
    let check = bed.engine.check().await;
    let findings = check.findings.iter();
    findings
        .map(|finding| {
            format!(
                "{} {}: {}",
                finding.kind, finding.subject.name, finding.proof.seen
            )
        })
        .collect()
}
