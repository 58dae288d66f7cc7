//! One program with its arguments.

use std::fmt;
use std::time::Duration;

/// How long a command may take unless it says otherwise.
const DEFAULT_LIMIT: Duration = Duration::from_secs(60);

/// A program and its arguments, with what it reads from standard input and how long it may take.
///
/// Arguments are passed as they are: nothing in them is ever interpreted by a shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    program: String,
    arguments: Vec<String>,
    input: Option<String>,
    limit: Duration,
    outlives: bool,
}

impl Command {
    /// A command that runs `program`, found through the node's `PATH`.
    pub fn new(program: impl Into<String>) -> Self {
        Self {
            program: program.into(),
            arguments: Vec::new(),
            input: None,
            limit: DEFAULT_LIMIT,
            outlives: false,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<I>(mut self, arguments: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Gives the command this text on standard input. Without it, standard input is empty.
    #[must_use]
    pub fn input(mut self, text: impl Into<String>) -> Self {
        self.input = Some(text.into());
        self
    }

    /// Sets how long the command may take before its outcome counts as unknown.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Says that the command leaves a process behind which is to live on, such as a daemon: it does not keep the lock of
    /// its batch.
    #[must_use]
    pub fn outlives(mut self) -> Self {
        self.outlives = true;
        self
    }

    /// Whether it leaves a process behind which is to live on.
    pub fn leaves_a_process(&self) -> bool {
        self.outlives
    }

    /// The program's name.
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The arguments, without the program.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }

    /// What the command reads from standard input.
    pub fn standard_input(&self) -> Option<&str> {
        self.input.as_deref()
    }

    /// How long the command may take.
    pub fn time_limit(&self) -> Duration {
        self.limit
    }

    /// A short name for metrics and logs: the program and, for tools with verbs, the verbs. Never holds
    /// user input: verbs are leading arguments made of lower-case letters only, two at most.
    pub fn kind(&self) -> String {
        let program = self.program.rsplit('/').next().unwrap_or(&self.program);
        if program != "gluster" {
            return program.to_owned();
        }
        let verbs = self
            .arguments
            .iter()
            .filter(|word| !word.starts_with('-'))
            .take(2);
        let mut kind = program.to_owned();
        for verb in verbs.take_while(|word| word.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')) {
            kind.push(' ');
            kind.push_str(verb);
        }
        kind
    }
}

/// The command as a person would type it: quoted for a shell.
impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::script::quote(&self.program))?;
        for argument in &self.arguments {
            write!(f, " {}", crate::script::quote(argument))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn kind_names_the_verbs_of_gluster_and_nothing_of_the_user() {
        let create = Command::new("gluster").args(["--mode=script", "volume", "create", "secret-name"]);
        assert_eq!(create.kind(), "gluster volume create");
        assert_eq!(
            Command::new("/usr/sbin/mkfs.xfs").arg("/dev/x").kind(),
            "mkfs.xfs"
        );
    }
}
