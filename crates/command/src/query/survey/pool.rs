//! All volumes of a trusted pool, from the records of one member.

use mortar_argv::{Batch, Report};

use super::PoolSurvey;
use crate::answer::{Answer, Unreadable, gluster_answer};
use crate::query::volume_info;
use crate::{Settings, program};

const WHAT: &str = "which volumes the pool has";

/// How long the answer may be: about 4.5 KiB a volume of three bricks, so some 29,000 of them. Nobody has run as many in one pool.
const LONGEST: usize = 128 << 20;

/// What to run on one member. Its own records answer: no other member is asked, and no brick.
pub fn ask_pool(settings: &Settings) -> Batch {
    Batch::new()
        .ask(program::gluster(settings).args(["volume", "info", "--xml"]))
        .prints(LONGEST)
}

/// The volumes, by name.
///
/// # Errors
/// The node or its glusterd did not answer, or answered more than an executor takes.
pub fn read_pool(report: &Report) -> Result<PoolSurvey, Unreadable> {
    let tree = match gluster_answer(report, 0, WHAT)? {
        Answer::Yes(tree) => tree,
        Answer::No(why) => return Err(Unreadable::new(WHAT, why)),
    };
    let Some(volumes) = tree.at(&["volInfo", "volumes"]) else {
        return Err(Unreadable::new(WHAT, "glusterd's answer has no list of volumes"));
    };
    let mut found: PoolSurvey = volumes.all("volume").map(volume_info::info).collect();
    if volumes.number("count") != Some(found.len()) {
        return Err(Unreadable::new(
            WHAT,
            "glusterd's answer holds another number of volumes than it says",
        ));
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(found)
}
