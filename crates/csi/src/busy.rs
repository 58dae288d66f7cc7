//! One call at a time about a volume: a second one is told so, and comes again.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tonic::Status;

/// What calls are about just now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Busy(Arc<Mutex<BTreeSet<String>>>);

/// A volume that a call has to itself, until it is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    all: Busy,
    key: String,
}

impl Busy {
    /// Takes a volume, by its name or id.
    ///
    /// # Errors
    /// Another call is about it: ABORTED.
    pub(crate) fn take(&self, key: &str) -> Result<Turn, Status> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.insert(key.to_owned()) {
            return Err(Status::aborted(
                "another call about this is under way: ask again when it has ended",
            ));
        }
        Ok(Turn {
            all: self.clone(),
            key: key.to_owned(),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut all = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::Busy;

    #[test]
    fn a_volume_is_taken_once() {
        let busy = Busy::default();
        let turn = busy.take("a").unwrap();
        assert_eq!(busy.take("a").unwrap_err().code(), tonic::Code::Aborted);
        busy.take("b").unwrap();
        drop(turn);
        busy.take("a").unwrap();
    }
}
