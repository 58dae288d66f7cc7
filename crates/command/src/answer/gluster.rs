//! The XML of `gluster --xml`, as a small tree.
//!
//! A tree and not typed records: the same facts stand in different places in different versions and commands
//! (the verdict before or after the body, text beside elements), and a tree is read without caring.

use mortar_argv::Report;
use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

use super::{Unreadable, ran};
use crate::complaint;

/// glusterd nests six deep; what nests deeper is not from it.
const DEEPEST: usize = 32;

/// An element with its text and children.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Children of that name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The first child of that name.
    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The element at the end of a path of first children.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// The trimmed text of the first child of that name; empty when there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.trim())
    }

    /// The element's own text, trimmed.
    pub(crate) fn own_text(&self) -> &str {
        self.text.trim()
    }

    /// The number that the first child of that name holds.
    pub(crate) fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.text(name).parse().ok()
    }
}

/// glusterd's answer.
pub(crate) enum Answer {
    /// It did as asked.
    Yes(Element),
    /// Its words when it says no.
    No(String),
}

/// Reads the answer of item `index` of a report.
pub(crate) fn answer(report: &Report, index: usize, what: &'static str) -> Result<Answer, Unreadable> {
    let output = ran(report, index, what)?;
    // Without glusterd, and when it is not waited for any longer, plain text stands in place of the XML.
    if !output.stdout.trim_start().starts_with('<') {
        return Err(Unreadable::new(what, complaint::reason(output)));
    }
    let tree = parse(&output.stdout).map_err(|why| Unreadable::new(what, why))?;
    match tree.number::<i64>("opRet") {
        Some(0) => Ok(Answer::Yes(tree)),
        Some(_) => Ok(Answer::No(complaint::clean(tree.text("opErrstr")))),
        None => Err(Unreadable::new(what, "glusterd's answer has no result")),
    }
}

/// Reads a document into its root element.
fn parse(document: &str) -> Result<Element, String> {
    let mut reader = Reader::from_str(document);
    let mut open: Vec<Element> = Vec::new();
    loop {
        let event = reader
            .read_event()
            .map_err(|error| format!("its XML is broken: {error}"))?;
        let (text, top) = (event, open.last_mut());
        match (text, top) {
            (Event::Start(start), _) => {
                if open.len() == DEEPEST {
                    return Err("its XML nests too deep".into());
                }
                open.push(Element {
                    name: name(start.name().as_ref()),
                    ..Element::default()
                });
            }
            (Event::Empty(start), Some(top)) => {
                top.children.push(Element {
                    name: name(start.name().as_ref()),
                    ..Element::default()
                });
            }
            (Event::End(_), Some(_)) => {
                let Some(done) = open.pop() else { break };
                match open.last_mut() {
                    Some(parent) => parent.children.push(done),
                    None => return Ok(done),
                }
            }
            (Event::Text(text), Some(top)) => {
                let text = text.xml10_content();
                // What indents elements is no text; a list of a large pool has ten thousand such pieces.
                if !(top.text.is_empty() && text.trim().is_empty()) {
                    top.text.push_str(&text);
                }
            }
            (Event::CData(text), Some(top)) => top.text.push_str(&text.xml10_content()),
            (Event::GeneralRef(reference), Some(top)) => {
                if let Ok(Some(c)) = reference.resolve_char_ref() {
                    top.text.push(c);
                } else if let Some(text) = resolve_xml_entity(&reference.xml10_content()) {
                    top.text.push_str(text);
                }
            }
            (Event::Eof, _) => break,
            _ => {}
        }
    }
    Err("its XML ends too early".into())
}

fn name(name: &str) -> String {
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;

    #[test]
    fn elements_text_and_references_are_read() {
        let tree = parse("<?xml version=\"1.0\"?><a><b>1</b><c>x &lt;&#65;<d/>y</c><b>2</b></a>").unwrap();
        assert_eq!(tree.number::<u8>("b"), Some(1));
        assert_eq!(tree.all("b").count(), 2);
        assert_eq!(tree.at(&["c"]).unwrap().own_text(), "x <Ay");
        assert!(tree.at(&["c", "d"]).is_some());
    }

    #[test]
    fn what_is_broken_or_too_deep_is_refused() {
        for bad in ["", "<a>", "<a></b>", "text", "<a", "</a>", &"<a>".repeat(100_000)] {
            assert!(parse(bad).is_err(), "{bad:.20}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "[<>/a-c&;#!\\[\\]?\" ]{0,80}") {
            let _ = parse(&text);
        }
    }
}
