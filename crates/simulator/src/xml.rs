//! The XML that gluster writes with `--xml`: two spaces a level, one element a line.

use std::borrow::Cow;

/// What a reply opens with.
const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n";

/// An element under construction, with what is in it.
pub(crate) struct Element {
    text: String,
    depth: usize,
}

impl Element {
    /// The inside of an element at `depth`.
    pub(crate) fn at(depth: usize) -> Self {
        Self {
            text: String::new(),
            depth,
        }
    }

    /// Adds `<name>value</name>`, or `<name/>` for an empty value.
    pub(crate) fn leaf(&mut self, name: &str, value: impl AsRef<str>) {
        self.indent();
        let value = value.as_ref();
        if value.is_empty() {
            self.push(&["<", name, "/>\n"]);
        } else {
            self.push(&["<", name, ">", &escape(value), "</", name, ">\n"]);
        }
    }

    /// Adds an element with others in it; `attributes` come after its name, with a blank before.
    pub(crate) fn node(&mut self, name: &str, attributes: &str, fill: impl FnOnce(&mut Self)) {
        let before = self.text.len();
        self.indent();
        self.push(&["<", name, attributes, ">\n"]);
        let inside = self.text.len();
        self.depth += 1;
        fill(self);
        self.depth -= 1;
        if self.text.len() == inside {
            self.text.truncate(before);
            self.indent();
            self.push(&["<", name, attributes, "/>\n"]);
            return;
        }
        self.indent();
        self.push(&["</", name, ">\n"]);
    }

    /// Lists of large pools are written often: nothing is put together aside.
    fn push(&mut self, parts: &[&str]) {
        for part in parts {
            self.text.push_str(part);
        }
    }

    /// Adds a line that is XML already.
    pub(crate) fn raw(&mut self, line: &str) {
        self.indent();
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// What was added.
    pub(crate) fn finish(self) -> String {
        self.text
    }

    fn indent(&mut self) {
        for _ in 0..self.depth {
            self.text.push_str("  ");
        }
    }
}

/// A whole reply: the result, then `tail`, which is indented already.
pub(crate) fn reply(ret: i32, errno: i32, error: &str, tail: &str) -> String {
    let mut result = Element::at(1);
    result.leaf("opRet", ret.to_string());
    result.leaf("opErrno", errno.to_string());
    result.leaf("opErrstr", error);
    format!(
        "{DECLARATION}<cliOutput>\n{}{tail}</cliOutput>\n",
        result.finish()
    )
}

/// A reply of `heal info`, which tells the result last.
pub(crate) fn heal_reply(ret: i32, errno: i32, error: &str, body: &str) -> String {
    let mut result = Element::at(1);
    result.leaf("opRet", ret.to_string());
    result.leaf("opErrno", errno.to_string());
    result.leaf("opErrstr", error);
    format!(
        "{DECLARATION}<cliOutput>\n{body}{}</cliOutput>\n",
        result.finish()
    )
}

/// Text as XML wants it.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"')) {
        return Cow::Borrowed(text);
    }
    let escaped = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;");
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    #[test]
    fn replies_look_like_those_of_gluster() {
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n<cliOutput>\n  <opRet>-1</opRet>\n  <opErrno>30800</opErrno>\n  <opErrstr>a &lt;b&gt;</opErrstr>\n</cliOutput>\n";
        assert_eq!(super::reply(-1, 30800, "a <b>", ""), expected);
    }
}
