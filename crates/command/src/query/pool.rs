//! Who is a member of the node's trusted pool?

use mortar_argv::{Batch, Command, Report};
use mortar_model::Node;

use crate::answer::{Answer, Element, Unreadable, gluster_answer};
use crate::{Settings, program};

const WHAT: &str = "who is in the trusted pool";

/// A member, as the asked node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// glusterd's id of it.
    pub uuid: String,
    /// Every name the asked node knows it by; the asked node itself is `localhost`.
    pub hosts: Vec<String>,
    /// Whether its glusterd is connected right now.
    pub connected: bool,
    /// Whether it is a member for good, not still joining or leaving.
    pub settled: bool,
    /// glusterd's words for how far it has come.
    pub state: String,
}

/// How glusterd calls the node that is asked.
pub const ITSELF: &str = "localhost";

impl Member {
    /// Whether it is the node that was asked.
    pub fn is_itself(&self) -> bool {
        self.hosts.iter().any(|host| host == ITSELF)
    }

    /// Whether it goes by one of the node's names.
    pub fn is_called(&self, node: &Node) -> bool {
        let names = [node.storage.as_str(), node.manage.as_str()];
        let mut hosts = self.hosts.iter();
        hosts.any(|host| names.iter().any(|name| name.eq_ignore_ascii_case(host)))
    }
}

/// glusterd's id of the node that was asked.
pub fn own_id(members: &[Member]) -> Option<&str> {
    let own = members.iter().find(|member| member.is_itself())?;
    Some(own.uuid.as_str())
}

/// What to run.
pub fn ask(settings: &Settings) -> Batch {
    Batch::new().ask(command(settings))
}

pub(crate) fn command(settings: &Settings) -> Command {
    program::gluster(settings).args(["pool", "list", "--xml"])
}

/// The members, the asked node among them.
///
/// # Errors
/// The node or its glusterd did not answer.
pub fn read(report: &Report) -> Result<Vec<Member>, Unreadable> {
    read_at(report, 0)
}

/// The same of a batch that ends with this question.
pub(crate) fn read_last(report: &Report) -> Result<Vec<Member>, Unreadable> {
    read_at(report, report.outcomes.len().saturating_sub(1))
}

/// The same of a batch that asks it as item `index`.
pub(crate) fn read_at(report: &Report, index: usize) -> Result<Vec<Member>, Unreadable> {
    match gluster_answer(report, index, WHAT)? {
        Answer::Yes(tree) => Ok(tree
            .child("peerStatus")
            .map(|peers| peers.all("peer").map(member).collect())
            .unwrap_or_default()),
        Answer::No(why) => Err(Unreadable::new(WHAT, why)),
    }
}

fn member(peer: &Element) -> Member {
    let first = peer.text("hostname").to_owned();
    let others = peer
        .child("hostnames")
        .into_iter()
        .flat_map(|names| names.all("hostname"));
    let mut hosts: Vec<String> = std::iter::once(first)
        .chain(others.map(|name| name.own_text().to_owned()))
        .collect();
    hosts.dedup();
    let state = peer.text("stateStr").to_owned();
    Member {
        uuid: peer.text("uuid").to_owned(),
        connected: peer.text("connected") == "1",
        // The asked node itself has no state.
        settled: state.is_empty() || peer.text("state") == "3",
        hosts,
        state,
    }
}
