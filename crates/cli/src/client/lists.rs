//! Lists that the server tells page by page, each with filters.

use mortar_api::{
    BlockVolume, BlockVolumeList, BrickEntry, BrickPage, DeviceEntry, DevicePage, NodeEntry, NodePage,
    Volume, VolumePage,
};
use serde::de::DeserializeOwned;

use super::{Client, read, sort_device, sort_node};
use crate::error::Result;

/// One page of a list.
trait Page: DeserializeOwned {
    type Entry;
    /// What is on it, and after which id the next one begins.
    fn turn(self) -> (Vec<Self::Entry>, Option<String>);
}

macro_rules! page {
    ($($page:ident . $field:ident of $entry:ident;)+) => {
        $(impl Page for $page {
            type Entry = $entry;
            fn turn(self) -> (Vec<$entry>, Option<String>) {
                (self.$field, self.next)
            }
        })+
    };
}

page! {
    NodePage.nodes of NodeEntry;
    DevicePage.devices of DeviceEntry;
    BrickPage.bricks of BrickEntry;
    VolumePage.volumes of Volume;
    BlockVolumeList.block_volumes of BlockVolume;
}

/// What of a list is asked for: names of parameters, and their values where there are some.
pub(crate) type Filter<'a> = &'a [(&'a str, Option<&'a str>)];

impl Client {
    async fn pages<P: Page>(&self, path: &str, filter: Filter<'_>, attempt: &str) -> Result<Vec<P::Entry>> {
        let (mut all, mut after) = (Vec::new(), None);
        loop {
            let from = [("after", after.as_deref())];
            let query = query(filter.iter().chain(&from));
            let page: P = read(&self.get_query(path, &query, attempt).await?, attempt)?;
            let (entries, next) = page.turn();
            all.extend(entries);
            if next.is_none() {
                return Ok(all);
            }
            after = next;
        }
    }

    /// Nodes, in the order of names.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn nodes(&self, filter: Filter<'_>, attempt: &str) -> Result<Vec<NodeEntry>> {
        let mut nodes = self.pages::<NodePage>("/v1/nodes", filter, attempt).await?;
        let key = |entry: &NodeEntry| (entry.cluster.clone(), entry.node.zone, entry.node.manage.clone());
        nodes.sort_by_cached_key(key);
        for entry in &mut nodes {
            sort_node(&mut entry.node);
        }
        Ok(nodes)
    }

    /// Devices, in the order of names.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn devices(&self, filter: Filter<'_>, attempt: &str) -> Result<Vec<DeviceEntry>> {
        let mut devices = self.pages::<DevicePage>("/v1/devices", filter, attempt).await?;
        devices.sort_by_cached_key(|entry| (entry.host.clone(), entry.device.path.clone()));
        for entry in &mut devices {
            sort_device(&mut entry.device);
        }
        Ok(devices)
    }

    /// Bricks, in the order of their volumes' names and their places.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn bricks(&self, filter: Filter<'_>, attempt: &str) -> Result<Vec<BrickEntry>> {
        let mut bricks = self.pages::<BrickPage>("/v1/bricks", filter, attempt).await?;
        bricks.sort_by_cached_key(|entry| {
            let brick = &entry.brick;
            (brick.volume_name.clone(), brick.set, brick.position)
        });
        Ok(bricks)
    }

    /// All volumes that whoever asks may see, by id.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn volumes(&self, attempt: &str) -> Result<Vec<Volume>> {
        self.pages::<VolumePage>("/v1/volumes", &[], attempt).await
    }

    /// Block volumes, by id.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub(crate) async fn block_volumes(&self, filter: Filter<'_>, attempt: &str) -> Result<Vec<BlockVolume>> {
        self.pages::<BlockVolumeList>("/v1/block-volumes", filter, attempt)
            .await
    }
}

/// A query of those that have a value; empty where none has.
pub(crate) fn query<'a>(parameters: impl IntoIterator<Item = &'a (&'a str, Option<&'a str>)>) -> String {
    let given = parameters.into_iter();
    let given = given.filter_map(|(name, value)| Some(format!("{name}={}", encode((*value)?))));
    match given.collect::<Vec<_>>().join("&").as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    }
}

/// A text in a query.
fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut query, byte| {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            query.push(char::from(byte));
        } else {
            query.push_str(&format!("%{byte:02X}"));
        }
        query
    })
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn any_text_fits_into_a_query() {
        let text = |value| query(&[("a", None), ("node", Some(value)), ("b", None)]);
        assert_eq!(text("node-1.example"), "?node=node-1.example");
        assert_eq!(text("a b&c=\u{fc}"), "?node=a%20b%26c%3D%C3%BC");
        assert_eq!(query(&[("a", Some("1")), ("b", Some(""))]), "?a=1&b=");
        assert_eq!(query(&[("a", None)]), "");
    }
}
