//! Which paths there are: the same list as in the OpenAPI document.
//!
//! Heketi says 404 for an id that is not hexadecimal, before it looks at the method, and 301 for a path with a slash too
//! many: both need to know what a path would match before the router is asked.

/// All path patterns.
#[derive(Clone, Debug)]
pub(crate) struct Paths(Vec<Pattern>);

#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq)]
enum Segment {
    Word(String),
    Id,
}

/// What a path is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// It matches this pattern.
    Pattern(&'a str),
    /// It would match without the slash at its end.
    SlashTooMany,
    /// It matches nothing.
    Nothing,
}

impl Paths {
    /// The patterns, in OpenAPI's form: `/volumes/{id}/expand`.
    pub(crate) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Self {
        let pattern = |text: &str| Pattern {
            text: text.to_owned(),
            segments: segments(text)
                .map(|part| {
                    if part.starts_with('{') {
                        Segment::Id
                    } else {
                        Segment::Word(part.to_owned())
                    }
                })
                .collect(),
        };
        Self(patterns.into_iter().map(pattern).collect())
    }

    /// Finds the pattern of a path.
    pub(crate) fn find(&self, path: &str) -> Found<'_> {
        if let Some(pattern) = self.matching(path) {
            return Found::Pattern(pattern);
        }
        match path.strip_suffix('/') {
            Some(shorter) if self.matching(shorter).is_some() => Found::SlashTooMany,
            _ => Found::Nothing,
        }
    }

    fn matching(&self, path: &str) -> Option<&str> {
        path.strip_prefix('/')?;
        self.0
            .iter()
            .find(|pattern| pattern.matches(path))
            .map(|pattern| pattern.text.as_str())
    }
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').skip(1)
}

impl Pattern {
    fn matches(&self, path: &str) -> bool {
        let mut parts = segments(path);
        let fits = self.segments.iter().all(|segment| match (segment, parts.next()) {
            (Segment::Word(word), Some(part)) => word == part,
            (Segment::Id, Some(part)) => !part.is_empty() && part.bytes().all(|b| b.is_ascii_hexdigit()),
            (_, None) => false,
        });
        fits && parts.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::{Found, Paths};

    #[test]
    fn ids_are_hexadecimal_and_slashes_count() {
        let paths = Paths::new(["/volumes", "/volumes/{id}", "/volumes/{id}/expand"]);
        for (path, found) in [
            ("/volumes", Found::Pattern("/volumes")),
            ("/volumes/", Found::SlashTooMany),
            ("/volumes//", Found::Nothing),
            ("/volumes/0aF", Found::Pattern("/volumes/{id}")),
            ("/volumes/0aF/", Found::SlashTooMany),
            ("/volumes/xyz", Found::Nothing),
            ("/volumes/0a/expand", Found::Pattern("/volumes/{id}/expand")),
            ("/volumes/0a/expand/x", Found::Nothing),
            ("/volumes/../volumes", Found::Nothing),
            ("//volumes", Found::Nothing),
            ("/Volumes", Found::Nothing),
            ("/", Found::Nothing),
            ("", Found::Nothing),
            ("*", Found::Nothing),
        ] {
            assert_eq!(paths.find(path), found, "{path}");
        }
    }
}
