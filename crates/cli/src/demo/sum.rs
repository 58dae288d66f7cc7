//! Checksums, made by `sha256sum`, which everybody can run again.

use std::io::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::place::failed;
use crate::error::{Error, Result};
use crate::exit::Exit;

/// How long reading a file may take. A client whose servers are gone never answers.
const LIMIT: Duration = Duration::from_secs(60);
const PROGRAM: &str = "sha256sum";

/// The checksum of bytes that are still coming.
#[derive(Debug)]
pub(super) struct Sum(Child);

impl Sum {
    /// Of nothing yet.
    pub(super) fn new() -> Result<Self> {
        Command::new(PROGRAM)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map(Self)
            .map_err(failed(format!("start {PROGRAM}")))
    }

    /// Takes more bytes.
    pub(super) fn add(&mut self, bytes: &[u8]) -> Result<()> {
        let mut pipe = self
            .0
            .stdin
            .as_ref()
            .expect("it is open until the sum is asked for");
        pipe.write_all(bytes).map_err(failed(format!("feed {PROGRAM}")))
    }

    /// The checksum of all that came.
    pub(super) fn finish(mut self) -> Result<String> {
        drop(self.0.stdin.take());
        let output = self
            .0
            .wait_with_output()
            .map_err(failed(format!("read {PROGRAM}")))?;
        first_word(&output.stdout, PROGRAM)
    }

    /// The checksum of these bytes.
    pub(super) fn of(bytes: &[u8]) -> Result<String> {
        let mut sum = Self::new()?;
        sum.add(bytes)?;
        sum.finish()
    }
}

/// The checksum of a file of this machine, which may be a stuck client's.
pub(super) fn of_file(file: &Path) -> Result<String> {
    let attempt = format!("read {}", file.display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let output = runtime.map_err(failed(&attempt))?.block_on(async {
        let mut command = tokio::process::Command::new(PROGRAM);
        let output = command
            .arg("--")
            .arg(file)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        tokio::time::timeout(LIMIT, output).await
    });
    let Ok(output) = output else {
        return Err(Error::new(
            Exit::Failed,
            attempt,
            format!("it was not read within {} s", LIMIT.as_secs()),
        )
        .advise("see the log of the client in the lab's folder"));
    };
    let output = output.map_err(failed(&attempt))?;
    if !output.status.success() {
        return Err(Error::new(
            Exit::Failed,
            attempt,
            String::from_utf8_lossy(&output.stderr),
        ));
    }
    first_word(&output.stdout, &attempt)
}

/// The arguments that make checksums of files, for another machine.
pub(super) fn argv(files: &[String]) -> Vec<String> {
    [PROGRAM, "--"]
        .map(str::to_owned)
        .into_iter()
        .chain(files.iter().cloned())
        .collect()
}

/// The checksums that `sha256sum` printed, a line each.
pub(super) fn printed(output: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(output);
    text.lines()
        .filter_map(|line| line.split_ascii_whitespace().next())
        .map(str::to_owned)
        .collect()
}

fn first_word(output: &[u8], attempt: &str) -> Result<String> {
    printed(output)
        .into_iter()
        .next()
        .ok_or_else(|| Error::new(Exit::Failed, attempt, format!("{PROGRAM} printed nothing")))
}

/// A checksum, as much of it as people compare.
pub(super) fn short(sum: &str) -> String {
    format!("{}…", sum.get(..16).unwrap_or(sum))
}

#[cfg(test)]
mod tests {
    use super::{Sum, of_file, printed, short};

    /// Of `abc`, as every table of examples has it.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn all_ways_to_a_checksum_agree() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "abc").unwrap();
        assert_eq!(of_file(file.path()).unwrap(), ABC);
        let mut sum = Sum::new().unwrap();
        sum.add(b"a").unwrap();
        sum.add(b"bc").unwrap();
        assert_eq!(sum.finish().unwrap(), ABC);
        assert_eq!(Sum::of(b"abc").unwrap(), ABC);
        assert_eq!(printed(format!("{ABC}  a b\n{ABC} *c\n").as_bytes()), [ABC, ABC]);
        assert_eq!(short(ABC), "ba7816bf8f01cfea…");
    }

    #[test]
    fn a_missing_file_is_told() {
        let error = of_file(std::path::Path::new("/nowhere/x")).unwrap_err();
        assert!(error.obstacle.contains("/nowhere/x"), "{error:?}");
    }
}
