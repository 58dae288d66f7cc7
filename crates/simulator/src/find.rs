//! find: what is in folders, also across mounts.
//!
//! Error texts are those of findutils 4.9 in the C locale. The real one prints a folder in whatever order its file
//! system has; this one by name.

use mortar_argv::Output;

use crate::attributes::written_in;
use crate::node::{Found, PathError};
use crate::tool::{self, Shell, fail};
use crate::tree::{Dir, Inode};

/// A test of what was found.
enum Test<'a> {
    /// `-name PATTERN`
    Name(&'a str),
    /// `-not -name PATTERN`
    NotName(&'a str),
    /// `-type d` (true) or `-type f`.
    Folder(bool),
    /// `-size -Nk`: in KiB, rounded up, less than this.
    Below(u64),
    /// `-mtime +N`: there is no time here, so nothing is old.
    Old,
}

/// What is done with what passed the tests.
enum Action<'a> {
    Print,
    Printf(&'a str),
    /// `-exec PROGRAM WORDS… {} +`
    Exec(&'a str, &'a [String]),
    Quit,
    /// What is in it is not looked at.
    Prune,
}

/// Tests and actions up to `-o`.
#[derive(Default)]
struct Part<'a> {
    tests: Vec<Test<'a>>,
    actions: Vec<Action<'a>>,
}

/// What one `find` asks for.
struct Hunt<'a> {
    starts: &'a [String],
    from: usize,
    to: usize,
    parts: Vec<Part<'a>>,
}

/// Something found.
struct Hit<'h> {
    /// Its path below the folder that was named.
    below: &'h str,
    /// The whole path.
    path: &'h str,
    name: &'h str,
    what: &'h Inode,
}

/// What a search has come to.
struct Search {
    output: Output,
    /// Paths for each program to run, in the order of its first.
    collected: Vec<(usize, usize, Vec<String>)>,
    quit: bool,
    /// Whether the last hit is not to be gone into.
    pruned: bool,
}

impl<'a> Hunt<'a> {
    fn read(arguments: &'a [String]) -> Result<Self, String> {
        let paths = arguments
            .iter()
            .take_while(|word| !word.starts_with('-') && *word != "!")
            .count();
        let (starts, expression) = arguments.split_at(paths);
        let mut hunt = Self {
            starts,
            from: 0,
            to: usize::MAX,
            parts: vec![Part::default()],
        };
        let mut rest = expression;
        while let Some((word, after)) = rest.split_first() {
            rest = hunt.take(word, after)?;
        }
        if starts.is_empty() {
            return Err("the simulated node needs a path first".into());
        }
        if hunt.from == 0 {
            return Err("the simulated node lists only what is in a folder (-mindepth 1)".into());
        }
        Ok(hunt)
    }

    /// Reads what begins with `word`; gives the words after it.
    fn take(&mut self, word: &'a str, rest: &'a [String]) -> Result<&'a [String], String> {
        let unknown = || format!("unknown predicate `{word}'");
        let value = rest.first().map(String::as_str);
        let needed = || value.ok_or_else(|| format!("missing argument to `{word}'"));
        let number = |text: &str| {
            text.parse::<usize>().map_err(|_| {
                format!("Expected a positive decimal integer argument to {word}, but got '{text}'")
            })
        };
        let part = self.parts.last_mut().expect("there is always one");
        match word {
            "-mindepth" => self.from = number(needed()?)?,
            "-maxdepth" => self.to = number(needed()?)?,
            "!" | "-not" if value == Some("-name") => {
                let pattern = rest
                    .get(1)
                    .ok_or_else(|| "missing argument to `-name'".to_owned())?;
                part.tests.push(Test::NotName(pattern));
                return Ok(&rest[2..]);
            }
            "-name" => part.tests.push(Test::Name(needed()?)),
            "-type" => part.tests.push(Test::Folder(match needed()? {
                "d" => true,
                "f" => false,
                other => return Err(format!("Unknown argument to -type: {other}")),
            })),
            "-size" => part.tests.push(Test::Below(below(needed()?)?)),
            "-mtime" if needed()?.starts_with('+') => part.tests.push(Test::Old),
            "-printf" => part.actions.push(Action::Printf(needed()?)),
            "-exec" => return self.exec(rest),
            "!" | "-not" if rest.starts_with(&["-type".to_owned(), "d".to_owned()]) => {
                part.tests.push(Test::Folder(false));
                return Ok(&rest[2..]);
            }
            "-print" | "-quit" | "-prune" | "-o" => {
                match word {
                    "-prune" => part.actions.push(Action::Prune),
                    "-print" => part.actions.push(Action::Print),
                    "-quit" => part.actions.push(Action::Quit),
                    _ => self.parts.push(Part::default()),
                }
                return Ok(rest);
            }
            _ => return Err(unknown()),
        }
        Ok(&rest[1..])
    }

    /// `-exec PROGRAM WORDS… {} +`
    fn exec(&mut self, rest: &'a [String]) -> Result<&'a [String], String> {
        let end = rest.windows(2).position(|pair| pair == ["{}", "+"]);
        let Some((program, words)) = end.and_then(|end| rest[..end].split_first()) else {
            return Err("the simulated node runs programs only with {} + at the end".into());
        };
        let part = self.parts.last_mut().expect("there is always one");
        part.actions.push(Action::Exec(program, words));
        Ok(&rest[words.len() + 3..])
    }

    /// Goes through what is in `dir`, which is `depth` folders below the start.
    fn walk(
        &self,
        shell: &Shell<'_>,
        dir: &Dir,
        start: &str,
        at: &str,
        depth: usize,
        came: &mut Search,
    ) -> Result<(), String> {
        if depth >= self.to {
            return Ok(());
        }
        let mut children: Vec<(String, &Inode)> = dir
            .children
            .iter()
            .map(|child| (shell.names.read(&child.name), &child.what))
            .collect();
        children.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        for (name, what) in children {
            let below = if at.is_empty() {
                name.clone()
            } else {
                format!("{at}/{name}")
            };
            let path = format!("{}/{below}", start.trim_end_matches('/'));
            if depth + 1 >= self.from {
                let hit = Hit {
                    below: &below,
                    path: &path,
                    name: &name,
                    what,
                };
                self.judge(shell, &hit, came)?;
            }
            if came.quit {
                return Ok(());
            }
            let pruned = std::mem::take(&mut came.pruned);
            if let Inode::Dir(inner) = what
                && !pruned
            {
                match shell.node.shown(inner) {
                    Ok(inner) => self.walk(shell, inner, start, &below, depth + 1, came)?,
                    Err(_) if depth + 1 >= self.to => {}
                    Err(error) => came.complain(&path, error),
                }
            }
        }
        Ok(())
    }

    /// Does what the first part says whose tests all hold.
    fn judge(&self, shell: &Shell<'_>, hit: &Hit<'_>, came: &mut Search) -> Result<(), String> {
        let silent = self.parts.iter().all(|part| part.actions.is_empty());
        let part = (0..).zip(&self.parts).find(|(_, part)| {
            part.tests
                .iter()
                .all(|test| test.holds(shell, hit.name, hit.what))
        });
        let Some((part_number, part)) = part else {
            return Ok(());
        };
        if silent {
            came.output.stdout.push_str(&format!("{}\n", hit.path));
        }
        for (number, action) in part.actions.iter().enumerate() {
            match action {
                Action::Print => came.output.stdout.push_str(&format!("{}\n", hit.path)),
                Action::Printf(format) => came.output.stdout.push_str(&printf(shell, format, hit)?),
                Action::Exec(..) => came.collect(part_number, number, hit.path),
                Action::Quit => came.quit = true,
                Action::Prune => came.pruned = true,
            }
        }
        Ok(())
    }
}

impl Search {
    fn complain(&mut self, path: &str, error: PathError) {
        self.output.status = 1;
        let why = format!("find: '{path}': {}\n", error.text());
        self.output.stderr.push_str(&why);
    }

    fn collect(&mut self, part: usize, action: usize, path: &str) {
        let known = self
            .collected
            .iter_mut()
            .find(|(of, number, _)| (*of, *number) == (part, action));
        match known {
            Some((_, _, paths)) => paths.push(path.to_owned()),
            None => self.collected.push((part, action, vec![path.to_owned()])),
        }
    }
}

impl Test<'_> {
    fn holds(&self, shell: &Shell<'_>, name: &str, what: &Inode) -> bool {
        match self {
            Self::Name(pattern) => fits(pattern, name),
            Self::NotName(pattern) => !fits(pattern, name),
            Self::Folder(folder) => matches!(what, Inode::Dir(_)) == *folder,
            Self::Old => false,
            Self::Below(kib) => size(shell, what).div_ceil(1024) < *kib,
        }
    }
}

/// The number in `-Nk`.
fn below(text: &str) -> Result<u64, String> {
    text.strip_prefix('-')
        .and_then(|text| text.strip_suffix('k'))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| format!("the simulated node knows sizes only as -Nk, not {text}"))
}

fn size(shell: &Shell<'_>, what: &Inode) -> u64 {
    match what {
        Inode::Dir(_) => 4096,
        Inode::File(file) => file.size(shell.names),
    }
}

/// Shell patterns as far as Mortar uses them: texts with `*` between.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut left) = name.strip_prefix(start) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(end)
}

/// What `-printf` makes of a hit.
fn printf(shell: &Shell<'_>, format: &str, hit: &Hit<'_>) -> Result<String, String> {
    let unknown = |letter: Option<char>| {
        format!(
            "the simulated node does not know %{}",
            letter.map_or(String::new(), String::from)
        )
    };
    let (blocks, gid) = match hit.what {
        Inode::Dir(dir) => (8, shell.node.shown(dir).map_or(0, |dir| dir.gid)),
        Inode::File(file) => (written_in(shell, file) / 512, file.gid),
    };
    let mut line = String::new();
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n') => line.push('\n'),
                Some('t') => line.push('\t'),
                other => return Err(unknown(other)),
            },
            '%' => match letters.next() {
                Some('P') => line.push_str(hit.below),
                Some('p') => line.push_str(hit.path),
                Some('f') => line.push_str(hit.name),
                Some('s') => line.push_str(&size(shell, hit.what).to_string()),
                Some('b') => line.push_str(&blocks.to_string()),
                Some('G') => line.push_str(&gid.to_string()),
                other => return Err(unknown(other)),
            },
            letter => line.push(letter),
        }
    }
    Ok(line)
}

/// `find PATH… [-mindepth N] [-maxdepth N] TESTS ACTIONS [-o TESTS ACTIONS]…` with `-name`, `-not -name`, `-type d|f`
/// , `-size -Nk` and `-mtime +N`; `-print`, `-printf`, `-prune`, `-exec PROGRAM … {} +` and `-quit`.
pub(crate) fn find(shell: &mut Shell<'_>, arguments: &[String]) -> Output {
    let hunt = match Hunt::read(arguments) {
        Ok(hunt) => hunt,
        Err(why) => return fail(1, format!("find: {why}")),
    };
    let mut came = Search {
        output: Output::default(),
        collected: Vec::new(),
        quit: false,
        pruned: false,
    };
    for start in hunt.starts {
        let place = match shell.node.find(shell.names, start) {
            Ok(place) => place,
            Err(error) => {
                came.complain(start, error);
                continue;
            }
        };
        if came.quit {
            break;
        }
        if let Err(error) = shell.node.alive(place.system) {
            came.complain(start, error);
            continue;
        }
        let Found::Dir(dir) = shell.node.look(&place) else {
            continue;
        };
        if let Err(why) = hunt.walk(shell, dir, start, "", 0, &mut came) {
            return fail(1, format!("find: {why}"));
        }
    }
    let mut output = came.output;
    for (part, action, paths) in came.collected {
        let Action::Exec(program, words) = &hunt.parts[part].actions[action] else {
            continue;
        };
        let words: Vec<String> = words.iter().chain(&paths).cloned().collect();
        let ran = tool::run(shell, program, &words, "");
        output.stdout.push_str(&ran.stdout);
        output.stderr.push_str(&ran.stderr);
        if !ran.success() {
            output.status = 1;
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn stars_stand_for_anything() {
        for (pattern, name, fit) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("a*", "ab", true),
            ("brick_*.img*", "brick_1.img", true),
            ("brick_*.img*", "brick_1.img.part", true),
            ("brick_*.img*", "brick_1.im", false),
            ("a*a", "a", false),
            ("a*a", "aba", true),
        ] {
            assert_eq!(fits(pattern, name), fit, "{pattern} {name}");
        }
    }
}
