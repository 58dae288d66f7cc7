//! Which volumes does the pool have?

use mortar_argv::{Batch, Report};

use crate::answer::{Answer, Unreadable, gluster_answer};
use crate::{Settings, program};

const WHAT: &str = "which volumes there are";

/// What to run.
pub fn ask(settings: &Settings) -> Batch {
    Batch::new().ask(program::gluster(settings).args(["volume", "list", "--xml"]))
}

/// Their names.
///
/// # Errors
/// The node or its glusterd did not answer.
pub fn read(report: &Report) -> Result<Vec<String>, Unreadable> {
    match gluster_answer(report, 0, WHAT)? {
        Answer::Yes(tree) => {
            let names = tree.child("volList").map(|list| {
                list.all("volume")
                    .map(|name| name.own_text().to_owned())
                    .collect()
            });
            Ok(names.unwrap_or_default())
        }
        Answer::No(why) => Err(Unreadable::new(WHAT, why)),
    }
}
