//! What does glusterd on this node have on disk, and whom does it count as members?
//!
//! Of each volume only the checksum is read: it covers all that members compare with each other, the version included.

use std::collections::BTreeMap;
use std::time::Duration;

use mortar_argv::{Batch, Command, Report};
use mortar_model::VolumeName;

use super::pool;
use crate::answer::{self, Unreadable};
use crate::{Settings, complaint, program};

const WHAT: &str = "which records glusterd has";

/// How long glusterd may take to name its pool: one that is busy with the begin of a rebalance takes ten seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// What `grep` begins a line with, after the volume's folder.
const FILE: &str = "/cksum:";
/// What the line itself begins with.
const KEY: &str = "info=";

/// The folder of glusterd's records of volumes.
pub(crate) fn folder(settings: &Settings) -> String {
    format!("{}/vols", settings.gluster_state)
}

/// What to run.
pub fn ask(settings: &Settings) -> Batch {
    Batch::new().ask(list(settings)).then(ask_pool(settings))
}

/// The question for the records.
pub(crate) fn list(settings: &Settings) -> Command {
    program::program(settings, "grep")
        .args(["-rsHF", "--include=cksum", "-e", KEY])
        .arg(folder(settings))
}

/// The question for the pool, with less time than changes get.
pub(crate) fn ask_pool(settings: &Settings) -> Batch {
    let brief = Settings {
        gluster_timeout: PATIENCE,
        ..settings.clone()
    };
    pool::ask(&brief)
}

/// The checksum of each record. Names that Mortar would not give are left out.
///
/// # Errors
/// The node did not answer, or its records cannot be read.
pub fn read(report: &Report) -> Result<BTreeMap<VolumeName, String>, Unreadable> {
    read_at(report, 0)
}

/// Where the question for the pool is; [`pool`] reads its answer.
pub const POOL: usize = 1;

/// Whom glusterd counts as members.
///
/// # Errors
/// It does not run, or did not answer in time.
pub fn read_pool(report: &Report) -> Result<Vec<pool::Member>, Unreadable> {
    pool::read_at(report, POOL)
}

/// Whether glusterd took the question and did not answer in time.
pub fn hangs(report: &Report) -> bool {
    report
        .output(POOL)
        .is_some_and(|output| !output.success() && complaint::words(output).contains("timed out"))
}

/// Whether no glusterd runs that could be asked.
pub fn is_down(report: &Report) -> bool {
    report
        .output(POOL)
        .is_some_and(|output| !output.success() && complaint::words(output).contains("connection failed"))
}

/// The same of a batch that asks it as item `index`. `grep` finds some, or finds none.
pub(crate) fn read_at(report: &Report, index: usize) -> Result<BTreeMap<VolumeName, String>, Unreadable> {
    let output = answer::ran(report, index, WHAT)?;
    if !matches!(output.status, 0 | 1) {
        return Err(Unreadable::new(WHAT, complaint::reason(output)));
    }
    let record = |line: &str| {
        let (path, rest) = line.split_once(FILE)?;
        let name = VolumeName::new(path.rsplit('/').next()?).ok()?;
        Some((name, rest.strip_prefix(KEY)?.trim().to_owned()))
    };
    Ok(output.stdout.lines().filter_map(record).collect())
}
