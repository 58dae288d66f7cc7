//! Where answers go: standard output, as text or as JSON.

use std::io::{ErrorKind, IsTerminal as _, Write as _};

use serde::Serialize;

use crate::args::{ColorChoice, Global};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::show::Paint;

/// Standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    json: bool,
    paint: Paint,
    indent: &'static str,
}

impl Out {
    /// As the flags and the terminal want it.
    pub(crate) fn new(global: &Global) -> Self {
        Self {
            json: global.json,
            paint: paint(global.color, std::io::stdout().is_terminal()),
            indent: "",
        }
    }

    /// The same as text, each line after this.
    pub(crate) const fn indented(self, indent: &'static str) -> Self {
        Self {
            json: false,
            indent,
            ..self
        }
    }

    /// Whether JSON is wanted.
    pub(crate) const fn is_json(&self) -> bool {
        self.json
    }

    /// Colours for text.
    pub(crate) const fn paint(&self) -> Paint {
        self.paint
    }

    /// Writes text.
    ///
    /// # Errors
    /// The text cannot be written. A reader that went away is no error: it had enough.
    pub(crate) fn text(&self, text: &str) -> Result<()> {
        if self.indent.is_empty() {
            return self.bytes(text.as_bytes());
        }
        let lines = text
            .split_inclusive('\n')
            .map(|line| format!("{}{line}", self.indent));
        self.bytes(lines.collect::<String>().as_bytes())
    }

    /// Writes a line.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub(crate) fn line(&self, line: impl AsRef<str>) -> Result<()> {
        self.text(&format!("{}\n", line.as_ref()))
    }

    /// Writes JSON as the server said it, with a line end.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub(crate) fn wire(&self, json: &[u8]) -> Result<()> {
        let mut line = json.trim_ascii_end().to_vec();
        line.push(b'\n');
        self.bytes(&line)
    }

    /// Writes a value as JSON.
    ///
    /// # Errors
    /// As [`Self::text`].
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<()> {
        self.wire(&serde_json::to_vec(value).expect("wire types always have a JSON form"))
    }

    fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::new(
                Exit::Failed,
                "write the answer to standard output",
                error.to_string(),
            )),
            _ => Ok(()),
        }
    }
}

/// Whether to colour what goes to a terminal, or not to one. See <https://no-color.org>.
pub(crate) fn paint(choice: ColorChoice, terminal: bool) -> Paint {
    Paint::new(match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    })
}
