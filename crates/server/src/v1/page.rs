//! What routes have in common that are asked with a query: how it is read, what is said of it, and where a page ends.

use std::fmt::Display;
use std::str::FromStr;

use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use mortar_heketi::{Problems, WireError};

/// Most things of a page.
const MOST: u32 = 1000;

/// How many things a page has, where so many are asked for.
pub(super) fn length(limit: Option<u32>) -> usize {
    limit.unwrap_or(MOST).clamp(1, MOST) as usize
}

/// What cannot be read, told of the field that it stands in.
pub(crate) fn problem(field: &'static str, why: impl Display) -> WireError {
    let mut problems = Problems::default();
    problems.add(field, why.to_string());
    problems.into()
}

/// The query of a request.
///
/// # Errors
/// A parameter is unknown or cannot be read.
pub(crate) fn query<Q>(query: Result<Query<Q>, QueryRejection>) -> Result<Q, WireError> {
    query
        .map(|Query(query)| query)
        .map_err(|error| problem("query", error.body_text()))
}

/// An id that a parameter gives, if it gives one.
///
/// # Errors
/// It is none.
pub(crate) fn id<T: FromStr<Err: Display>>(
    field: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, WireError> {
    let read = text.map(str::parse::<T>).transpose();
    read.map_err(|why| problem(field, why))
}

/// As many as are asked for, as they are shown, and after which id there are more.
pub(crate) fn cut<T, S, I: Clone>(
    mut found: impl Iterator<Item = T>,
    limit: usize,
    shown: impl FnMut(T) -> S,
    id: impl Fn(&S) -> &I,
) -> (Vec<S>, Option<I>) {
    let page: Vec<S> = found.by_ref().take(limit).map(shown).collect();
    let more = found.next().is_some();
    let next = page.last().filter(|_| more).map(|last| id(last).clone());
    (page, next)
}
