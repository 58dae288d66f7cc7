//! What is asked of Mortar about snapshots, groups of them, volumes that are made of others, and options.

use std::collections::BTreeMap;

use mortar_api::{
    CloneRequest, OptionsRequest, Snapshot, SnapshotGroup, SnapshotGroupList, SnapshotGroupRequest,
    SnapshotList, SnapshotRequest,
};

use crate::door::Method;
use crate::mortar::{Mortar, Work};
use crate::names;
use crate::trouble::Trouble;

impl Mortar {
    /// Asks for a snapshot of a volume.
    ///
    /// # Errors
    /// It cannot be.
    pub(crate) async fn create_snapshot(&self, volume: &str, name: &str) -> Result<Work, Trouble> {
        let wanted = SnapshotRequest {
            volume: volume.to_owned(),
            name: Some(name.to_owned()),
        };
        self.begin(Method::Post, "/v1/snapshots", Some(&wanted)).await
    }

    /// A snapshot; none where there is none of this id.
    ///
    /// # Errors
    /// It could not be asked.
    pub(crate) async fn snapshot(&self, id: &str) -> Result<Option<Snapshot>, Trouble> {
        if !names::is_id(id) {
            return Ok(None);
        }
        match self.get(&format!("/v1/snapshots/{id}"), "").await {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(trouble) if trouble.is_not_found() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// What there is of a snapshot's name.
    ///
    /// # Errors
    /// It could not be asked.
    pub(crate) async fn snapshot_named(&self, name: &str) -> Result<SnapshotList, Trouble> {
        self.get("/v1/snapshots", &format!("?name={name}")).await
    }

    /// A page of snapshots, of all volumes or of one, and where the next page begins.
    ///
    /// # Errors
    /// It could not be asked.
    pub(crate) async fn snapshots(
        &self,
        volume: Option<&str>,
        after: Option<&str>,
        limit: Option<u32>,
    ) -> Result<SnapshotList, Trouble> {
        let parts = [
            volume.map(|volume| format!("volume={volume}")),
            after.map(|after| format!("after={after}")),
            limit.map(|limit| format!("limit={limit}")),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        self.get("/v1/snapshots", &format!("?{}", parts.join("&"))).await
    }

    /// Asks for a snapshot's end.
    ///
    /// # Errors
    /// It cannot be.
    pub(crate) async fn delete_snapshot(&self, id: &str) -> Result<Work, Trouble> {
        self.begin(Method::Delete, &format!("/v1/snapshots/{id}"), None::<&()>)
            .await
    }

    /// Asks for snapshots of several volumes at one moment.
    ///
    /// # Errors
    /// They cannot be.
    pub(crate) async fn create_group(&self, volumes: &[&str], name: &str) -> Result<Work, Trouble> {
        let wanted = SnapshotGroupRequest {
            volumes: volumes.iter().map(|id| (*id).to_owned()).collect(),
            name: Some(name.to_owned()),
        };
        self.begin(Method::Post, "/v1/snapshot-groups", Some(&wanted))
            .await
    }

    /// A group; none where there is none of this id.
    ///
    /// # Errors
    /// It could not be asked.
    pub(crate) async fn group(&self, id: &str) -> Result<Option<SnapshotGroup>, Trouble> {
        if !names::is_id(id) {
            return Ok(None);
        }
        match self.get(&format!("/v1/snapshot-groups/{id}"), "").await {
            Ok(group) => Ok(Some(group)),
            Err(trouble) if trouble.is_not_found() => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// What there is of a group's name.
    ///
    /// # Errors
    /// It could not be asked.
    pub(crate) async fn group_named(&self, name: &str) -> Result<SnapshotGroupList, Trouble> {
        self.get("/v1/snapshot-groups", &format!("?name={name}")).await
    }

    /// Asks for the end of a group and its snapshots.
    ///
    /// # Errors
    /// It cannot be.
    pub(crate) async fn delete_group(&self, id: &str) -> Result<Work, Trouble> {
        self.begin(Method::Delete, &format!("/v1/snapshot-groups/{id}"), None::<&()>)
            .await
    }

    /// Asks for a volume that begins with what is at this path: a snapshot or a volume.
    ///
    /// # Errors
    /// It cannot be.
    pub(crate) async fn clone_of(&self, path: &str, wanted: &CloneRequest) -> Result<Work, Trouble> {
        self.begin(Method::Post, &format!("{path}/clone"), Some(wanted))
            .await
    }

    /// Asks for other options of a volume; none is GlusterFS's own value.
    ///
    /// # Errors
    /// It cannot be.
    pub(crate) async fn set_options(
        &self,
        id: &str,
        options: BTreeMap<String, Option<String>>,
    ) -> Result<Work, Trouble> {
        let wanted = OptionsRequest { options };
        self.begin(Method::Patch, &format!("/v1/volumes/{id}/options"), Some(&wanted))
            .await
    }
}
