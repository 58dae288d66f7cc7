//! Which nodes volumes can be attached to. Node plug-ins ask no server and report nowhere, so the controller is told by somebody else.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use futures::FutureExt as _;
use futures::future::BoxFuture;

/// A node that there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KnownNode {
    /// How many volumes it may have at once; any number when none.
    pub volumes_max: Option<u32>,
}

/// It is not known which nodes there are: nobody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodesError(pub String);

impl fmt::Display for NodesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Somebody who knows which nodes there are.
pub trait Nodes: Send + Sync + 'static {
    /// The node of this id, as its plug-in says it; none where there is none.
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<KnownNode>, NodesError>>;
}

/// One node of a list: `NAME`, or `NAME=NUMBER` with how many volumes it may have at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedNode {
    /// Its id, as its plug-in says it.
    pub name: String,
    /// What is known of it.
    pub node: KnownNode,
}

impl FromStr for NamedNode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, volumes_max) = match text.rsplit_once('=') {
            None => (text, None),
            Some((name, number)) => {
                let number = number.parse::<u32>().ok().filter(|number| *number > 0);
                let number = number.ok_or("behind the = is a number of volumes, 1 or more")?;
                (name, Some(number))
            }
        };
        if name.is_empty() || name.len() > 256 {
            return Err("a node's name has 1 to 256 bytes".into());
        }
        Ok(Self {
            name: name.to_owned(),
            node: KnownNode { volumes_max },
        })
    }
}

/// A list that was given, for where nobody can be asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedNodes(BTreeMap<String, KnownNode>);

impl FromIterator<NamedNode> for NamedNodes {
    fn from_iter<I: IntoIterator<Item = NamedNode>>(nodes: I) -> Self {
        Self(nodes.into_iter().map(|one| (one.name, one.node)).collect())
    }
}

impl Nodes for NamedNodes {
    fn find<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Option<KnownNode>, NodesError>> {
        futures::future::ready(Ok(self.0.get(id).copied())).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::{KnownNode, NamedNode, NamedNodes, Nodes as _};

    #[tokio::test]
    async fn a_list_knows_what_is_on_it() {
        let list = ["a", "b=3", "c=d=1"].map(|text| text.parse::<NamedNode>().unwrap());
        let list: NamedNodes = list.into_iter().collect();
        let max = |volumes_max| Some(KnownNode { volumes_max });
        for (id, wanted) in [
            ("a", max(None)),
            ("b", max(Some(3))),
            ("c=d", max(Some(1))),
            ("b=3", None),
            ("", None),
        ] {
            assert_eq!(list.find(id).await, Ok(wanted), "{id}");
        }
        for bad in ["", "=1", "a=", "a=0", "a=x", "a=-1"] {
            assert!(bad.parse::<NamedNode>().is_err(), "{bad}");
        }
    }
}
