//! Volumes that outlived their claims and are no caller's any more. They are there for whoever looks at Mortar itself, and go by hand
//! (`mortar volume delete`).

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use mortar_api::Volume;
use tonic::Status;

use super::Controller;
use crate::deadline::Deadline;
use crate::trouble::Trouble;

/// When a volume's claim went, in seconds since 1970.
const ARCHIVED_OPTION: &str = "user.csi.archived";
/// The value that brings it back: GlusterFS takes no option of this kind away.
const NOT: &str = "none";

/// Whether a volume is no caller's any more.
pub(super) fn is_archived(volume: &Volume) -> bool {
    let told = volume.options.get(ARCHIVED_OPTION);
    told.is_some_and(|value| value != NOT)
}

impl Controller {
    /// A volume that a caller may know; none where there is none of this id.
    ///
    /// # Errors
    /// It could not be asked.
    pub(super) async fn volume(&self, id: &str) -> Result<Option<Volume>, Trouble> {
        let volume = self.mortar.volume(id).await?;
        Ok(volume.filter(|volume| !is_archived(volume)))
    }

    /// Takes a volume out of what callers see.
    pub(super) async fn archive(&self, id: &str, attempt: &str, deadline: Deadline) -> Result<(), Status> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let value = Some(now.as_secs().to_string());
        let options = BTreeMap::from([(ARCHIVED_OPTION.to_owned(), value)]);
        let work = self.mortar.set_options(id, options).await;
        let work = work.map_err(|trouble| trouble.refusal(attempt))?;
        let done = self.mortar.finish(&work, deadline).await;
        done.map(drop).map_err(|trouble| trouble.status(attempt))
    }
}
