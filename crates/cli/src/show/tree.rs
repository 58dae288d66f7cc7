//! A tree of lines with branches before them.

/// A line, or several, with what hangs below.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    lines: Vec<String>,
    children: Vec<Tree>,
}

impl Tree {
    /// A tree of one line.
    pub(crate) fn new(line: impl Into<String>) -> Self {
        Self {
            lines: vec![line.into()],
            children: Vec::new(),
        }
    }

    /// One more line of the same thing, below its first.
    #[must_use]
    pub(crate) fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// With a tree below.
    #[must_use]
    pub(crate) fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// With trees below.
    #[must_use]
    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// The tree as text, its first line without a branch.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.draw(&mut text, "", "");
        text
    }

    /// Draws with `first` before the first line and `rest` before all others.
    fn draw(&self, text: &mut String, first: &str, rest: &str) {
        let stem = if self.children.is_empty() { "  " } else { "│ " };
        for (number, line) in self.lines.iter().enumerate() {
            let lead = if number == 0 {
                first.to_owned()
            } else {
                format!("{rest}{stem}")
            };
            text.push_str(format!("{lead}{line}").trim_end());
            text.push('\n');
        }
        let last = self.children.len().saturating_sub(1);
        for (number, child) in self.children.iter().enumerate() {
            let (branch, below) = if number == last {
                ("└─ ", "   ")
            } else {
                ("├─ ", "│  ")
            };
            child.draw(text, &format!("{rest}{branch}"), &format!("{rest}{below}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Tree;

    #[test]
    fn branches_end_where_their_last_child_is() {
        let tree = Tree::new("a").line("also a").children([
            Tree::new("b").child(Tree::new("c").line("also c")),
            Tree::new("d").line("also d").child(Tree::new("e")),
        ]);
        assert_eq!(
            tree.text(),
            "a\n│ also a\n├─ b\n│  └─ c\n│       also c\n└─ d\n   │ also d\n   └─ e\n"
        );
    }
}
