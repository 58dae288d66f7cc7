//! Backups of the store: by the clock, and when somebody asks. One that fails is told and counted; the server goes on.
//!
//! The task takes no input: when the next backup is due follows from the youngest one in the folder, so a server that
//! is started often does not take one at each start, and one that was down for long takes one at once. With each
//! scheduled backup all that are there are read again: one that rotted on its disk is found while others are left.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use mortar_store::{BackupFile, Backups, Reason, StoreError};

use crate::drive::rest_or_halt;
use crate::engine::{Engine, Inner};
use crate::panics;

/// Longest wait before the clock is looked at again: it may jump.
const LOOK: Duration = Duration::from_secs(60);
/// Wait after a backup that failed, unless the interval is shorter.
const RETRY: Duration = Duration::from_secs(600);

/// Where backups go, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackupPlan {
    /// Their folder; it is made when it is not there.
    pub folder: PathBuf,
    /// Time between two scheduled backups; zero for none.
    pub interval: Duration,
    /// How many scheduled backups are kept, and how many that were asked for.
    pub keep: usize,
}

/// What is known of a backup's content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was not read yet since the server started.
    Unverified,
    /// It is what was written.
    Sound,
    /// It is not; why, with the place.
    Damaged(String),
}

/// A backup in the server's folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backup {
    /// The file.
    pub file: BackupFile,
    /// What is known of its content.
    pub verdict: Verdict,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The server has no folder for them.
    #[error("this server keeps no backups: its store is in memory")]
    Off,
    /// One is being taken.
    #[error("another backup is being taken: try again in a while")]
    Busy,
    /// It could not be taken or read.
    #[error("cannot take or read backups")]
    Store(#[from] StoreError),
    /// A bug in Mortar.
    #[error("a bug in Mortar, whose trace is in the log")]
    Bug,
}

/// What the engine knows of its backups.
pub(crate) struct Keeper {
    plan: Option<BackupPlan>,
    one_at_a_time: Arc<tokio::sync::Mutex<()>>,
    /// Verdicts by name, with the size that the file had then.
    verdicts: Mutex<BTreeMap<String, (u64, Verdict)>>,
}

impl Keeper {
    pub(crate) fn new(plan: Option<BackupPlan>) -> Self {
        Self {
            plan,
            one_at_a_time: Arc::default(),
            verdicts: Mutex::default(),
        }
    }

    fn verdicts(&self) -> MutexGuard<'_, BTreeMap<String, (u64, Verdict)>> {
        self.verdicts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verdict(&self, file: &BackupFile) -> Verdict {
        match self.verdicts().get(&file.name) {
            Some((bytes, verdict)) if *bytes == file.bytes => verdict.clone(),
            _ => Verdict::Unverified,
        }
    }

    fn note(&self, file: &BackupFile, verdict: Verdict) {
        self.verdicts().insert(file.name.clone(), (file.bytes, verdict));
    }
}

impl Engine {
    /// Backs up the store now.
    ///
    /// # Errors
    /// There is no folder for it, another is being taken, or the disk refuses.
    pub async fn back_up(&self) -> Result<Backup, BackupError> {
        take(&self.inner, Reason::Requested).await
    }

    /// All backups, the oldest first; none where none are kept.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub async fn backups(&self) -> Result<Vec<Backup>, BackupError> {
        let Some(plan) = &self.inner.backups.plan else {
            return Ok(Vec::new());
        };
        let folder = Backups::new(&plan.folder);
        let files = blocking(move || folder.list()).await?;
        let with_verdict = |file| Backup {
            verdict: self.inner.backups.verdict(&file),
            file,
        };
        Ok(files.into_iter().map(with_verdict).collect())
    }

    /// Where backups go and how often, if they are kept.
    pub fn backup_plan(&self) -> Option<&BackupPlan> {
        self.inner.backups.plan.as_ref()
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, BackupError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(BackupError::Bug),
    }
}

/// Takes a backup and removes those that are one too many.
async fn take(inner: &Arc<Inner>, reason: Reason) -> Result<Backup, BackupError> {
    let plan = inner.backups.plan.clone().ok_or(BackupError::Off)?;
    let one = Arc::clone(&inner.backups.one_at_a_time);
    let turn = one.try_lock_owned().map_err(|_| BackupError::Busy)?;
    let (engine, now) = (Arc::clone(inner), inner.clock.now_ms());
    let taken = blocking(move || {
        // Held to the end of the work, also when whoever asked goes away.
        let _turn = turn;
        let folder = Backups::new(&plan.folder);
        let taken = folder.take(&engine.store, reason, now)?;
        match folder.rotate(plan.keep, &taken.name) {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => tracing::info!(?gone, "old backups were removed"),
            Err(error) => tracing::warn!(%error, "old backups are left"),
        }
        Ok(taken)
    })
    .await;
    match taken {
        Ok(file) => {
            tracing::info!(name = file.name, bytes = file.bytes, "the store was backed up");
            inner.metrics.backup_succeeded(file.taken_ms);
            // Reading it back is part of taking it.
            inner.backups.note(&file, Verdict::Sound);
            let verdict = Verdict::Sound;
            Ok(Backup { file, verdict })
        }
        Err(error) => {
            inner.metrics.backup_failures.inc();
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, reason, "the store could not be backed up; the server goes on");
            Err(error)
        }
    }
}

/// Reads backups and keeps what is found: all, or those of which nothing is known yet.
async fn verify(inner: &Arc<Inner>, plan: &BackupPlan, all: bool) -> Result<(), BackupError> {
    let (engine, folder) = (Arc::clone(inner), Backups::new(&plan.folder));
    blocking(move || {
        let files = folder.list()?;
        for file in &files {
            if engine.is_halted() {
                return Ok(());
            }
            if all || engine.backups.verdict(file) == Verdict::Unverified {
                let verdict = look(&folder, file);
                engine.backups.note(file, verdict);
            }
        }
        let damaged = |file: &&BackupFile| matches!(engine.backups.verdict(file), Verdict::Damaged(_));
        let count = files.iter().filter(damaged).count();
        engine
            .metrics
            .backups_damaged
            .set(i64::try_from(count).unwrap_or(i64::MAX));
        let sound = |file: &&BackupFile| engine.backups.verdict(file) == Verdict::Sound;
        if let Some(youngest) = files.iter().rev().find(sound) {
            engine.metrics.backup_succeeded(youngest.taken_ms);
        }
        Ok(())
    })
    .await
}

fn look(folder: &Backups, file: &BackupFile) -> Verdict {
    match folder.verify(&file.name) {
        Ok(_) => Verdict::Sound,
        Err(StoreError::Unsound { reason, .. }) => {
            tracing::error!(name = file.name, reason, "a backup is damaged");
            Verdict::Damaged(reason)
        }
        Err(error) => {
            tracing::warn!(name = file.name, %error, "a backup cannot be read");
            Verdict::Unverified
        }
    }
}

/// Starts taking scheduled backups until the engine is gone or halts.
pub(crate) fn spawn(inner: &Arc<Inner>) {
    if let Some(plan) = inner.backups.plan.clone() {
        panics::keep(inner, "backups", move |engine| keep(engine, plan.clone()));
    }
}

async fn keep(engine: Weak<Inner>, plan: BackupPlan) {
    let interval = u64::try_from(plan.interval.as_millis()).unwrap_or(u64::MAX);
    let mut due = match engine.upgrade() {
        Some(inner) => first_due(&inner, &plan, interval).await,
        None => return,
    };
    loop {
        let Some(inner) = engine.upgrade() else { return };
        let now = inner.clock.now_ms();
        // A clock that went back must not put the next backup off for as long as it went.
        due = due.min(now.saturating_add(interval));
        if interval > 0 && now >= due {
            due = now.saturating_add(pass(&inner, &plan, interval).await);
        }
        let wait = match plan.interval {
            Duration::ZERO => LOOK,
            interval => LOOK.min(interval),
        };
        if rest_or_halt(inner, wait).await {
            return;
        }
    }
}

/// Takes a scheduled backup; answers how long to wait for the next, in milliseconds.
async fn pass(inner: &Arc<Inner>, plan: &BackupPlan, interval: u64) -> u64 {
    let retry = u64::try_from(RETRY.as_millis()).unwrap_or(u64::MAX);
    match take(inner, Reason::Scheduled).await {
        Ok(_) => {
            if let Err(error) = verify(inner, plan, true).await {
                tracing::warn!(%error, "the backups cannot be verified");
            }
            interval
        }
        // Told and counted where it happened.
        Err(_) => interval.min(retry),
    }
}

/// When the first backup of this run is due. Looks at what is there meanwhile.
async fn first_due(inner: &Arc<Inner>, plan: &BackupPlan, interval: u64) -> u64 {
    if let Err(error) = verify(inner, plan, false).await {
        tracing::warn!(%error, "the backups cannot be verified");
    }
    let folder = Backups::new(&plan.folder);
    let files = blocking(move || folder.list()).await.unwrap_or_default();
    let now = inner.clock.now_ms();
    let scheduled = |file: &&BackupFile| {
        // One that seems to come from the future, or is damaged, is no reason to wait.
        file.reason == Reason::Scheduled
            && file.taken_ms <= now
            && !matches!(inner.backups.verdict(file), Verdict::Damaged(_))
    };
    let youngest = files.iter().rev().find(scheduled);
    youngest.map_or(now, |file| file.taken_ms.saturating_add(interval))
}
