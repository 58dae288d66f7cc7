//! The form of validation errors: `<field>: <problem>; <field>: (<nested>).`

use std::collections::BTreeMap;
use std::fmt;

/// What is wrong with a request, by field. Written in the order of the fields' names, with a full stop at the end;
/// what is wrong inside an object stands in parentheses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(BTreeMap<&'static str, Problem>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Problem {
    Text(String),
    Nested(Problems),
}

/// The field was left out, empty or zero where something is needed.
pub(crate) const BLANK: &str = "cannot be blank";
/// The number is less than one.
pub(crate) const LESS_THAN_ONE: &str = "must be no less than 1";
/// The text does not have the form asked for.
pub(crate) const FORMAT: &str = "must be in a valid format";
/// The text is none of the words asked for.
pub(crate) const VALUE: &str = "must be a valid value";

impl Problems {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes what is wrong with a field.
    pub fn add(&mut self, field: &'static str, text: impl Into<String>) {
        self.0.insert(field, Problem::Text(text.into()));
    }

    /// Notes what is wrong inside a field that is an object; nothing when nothing is.
    pub fn nest(&mut self, field: &'static str, inside: Self) {
        if !inside.is_empty() {
            self.0.insert(field, Problem::Nested(inside));
        }
    }

    /// Passes a checked value on, or notes why there is none.
    pub(crate) fn take<T>(&mut self, field: &'static str, checked: Result<T, String>) -> Option<T> {
        checked.map_err(|problem| self.add(field, problem)).ok()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (field, problem)) in self.0.iter().enumerate() {
            let joint = if at == 0 { "" } else { "; " };
            match problem {
                Problem::Text(text) => write!(f, "{joint}{field}: {text}")?,
                Problem::Nested(inside) => write!(f, "{joint}{field}: ({inside})")?,
            }
        }
        f.write_str(".")
    }
}

/// A required id: 32 hex digits.
pub(crate) fn id<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    if text.is_empty() {
        return Err(BLANK.into());
    }
    text.parse()
        .map_err(|_| format!("{} is not a valid UUID", shown(text)))
}

/// A required whole number of at least one.
pub(crate) fn at_least_one(number: i64) -> Result<u64, String> {
    match u64::try_from(number) {
        Ok(0) => Err(BLANK.into()),
        Ok(number) => Ok(number),
        Err(_) => Err(LESS_THAN_ONE.into()),
    }
}

/// Text from outside, fit to be repeated in an error: control characters replaced, and not endless.
pub(crate) fn shown(text: &str) -> String {
    const MOST: usize = 200;
    let mut shown: String = text
        .chars()
        .take(MOST)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Problems, shown};

    #[test]
    fn fields_are_sorted_joined_and_nested() {
        let mut inside = Problems::default();
        inside.add("storage", "cannot be blank");
        inside.add("manage", "cannot be blank");
        let mut problems = Problems::default();
        problems.add("zone", "cannot be blank");
        problems.nest("hostnames", inside);
        problems.nest("empty", Problems::default());
        problems.add("cluster", "cannot be blank");
        assert_eq!(
            problems.to_string(),
            "cluster: cannot be blank; hostnames: (manage: cannot be blank; storage: cannot be blank.); \
             zone: cannot be blank."
        );
    }

    #[test]
    fn what_is_repeated_is_tame() {
        assert_eq!(shown("a\r\nb"), "a??b");
        assert_eq!(shown(&"é".repeat(300)).chars().count(), 201);
    }
}
