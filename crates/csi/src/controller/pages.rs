//! Lists page by page. Pages go by id: what is made or removed meanwhile moves nothing else.

use tonic::Status;

use crate::names;
use crate::trouble::{Trouble, invalid};

/// Which page a caller wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// After which id.
    after: Option<String>,
    /// How many; none for all.
    limit: Option<u32>,
}

impl Page {
    /// Reads what a caller wants.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for less than nothing, ABORTED for a token that was not given out.
    pub(super) fn read(max_entries: i32, token: &str) -> Result<Self, Status> {
        let limit = u32::try_from(max_entries).map_err(|_| invalid("max_entries is less than nothing"))?;
        if !token.is_empty() && !names::is_id(token) {
            return Err(Status::aborted(
                "starting_token is not one that was given out: begin anew",
            ));
        }
        Ok(Self {
            after: (!token.is_empty()).then(|| token.to_owned()),
            limit: Some(limit).filter(|limit| *limit > 0),
        })
    }

    /// What is on it, and the token of the next one; empty after the last. `ask` answers with what is after an id, at most so
    /// many, and the id that more is after.
    ///
    /// # Errors
    /// What `ask` says.
    pub(super) async fn fill<T, F>(
        self,
        ask: impl Fn(Option<String>, Option<u32>) -> F,
    ) -> Result<(Vec<T>, String), Trouble>
    where
        F: Future<Output = Result<(Vec<T>, Option<String>), Trouble>>,
    {
        let mut found = Vec::new();
        let mut next = self.after;
        loop {
            let left = self
                .limit
                .map(|limit| limit - u32::try_from(found.len()).unwrap_or(limit));
            let (more, after) = ask(next, left).await?;
            found.extend(more);
            next = after;
            let full = self.limit.is_some_and(|limit| found.len() >= limit as usize);
            if next.is_none() || full {
                return Ok((found, next.unwrap_or_default()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;

    use super::Page;

    #[tokio::test]
    async fn a_page_is_filled_from_smaller_ones() {
        // Answers two at a time, of the numbers 1 to 5.
        let ask = |after: Option<String>, left: Option<u32>| async move {
            let from = after.map_or(0, |after| u32::from_str_radix(&after, 16).unwrap());
            let upto = (from + left.unwrap_or(2).min(2)).min(5);
            let next = (upto < 5).then(|| format!("{upto:032x}"));
            Ok(((from + 1..=upto).collect::<Vec<_>>(), next))
        };
        let token = |number: u32| format!("{number:032x}");
        for (entries, from, wanted, next) in [
            (0, String::new(), vec![1, 2, 3, 4, 5], String::new()),
            (3, String::new(), vec![1, 2, 3], token(3)),
            (2, token(3), vec![4, 5], String::new()),
        ] {
            let page = Page::read(entries, &from).unwrap();
            assert_eq!(page.fill(ask).await.unwrap(), (wanted, next));
        }
    }

    #[test]
    fn what_is_no_page_is_refused() {
        assert_eq!(Page::read(-1, "").unwrap_err().code(), Code::InvalidArgument);
        assert_eq!(Page::read(0, "5").unwrap_err().code(), Code::Aborted);
    }
}
