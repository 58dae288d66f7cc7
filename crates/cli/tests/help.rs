//! The help of all commands as one snapshot, and what is made from the same definition.

use std::collections::BTreeSet;

use crate::transcript::{check, mortar};

/// The help of a command.
fn help(words: &[String]) -> String {
    let output = mortar().args(words).arg("--help").output().unwrap();
    assert!(
        output.status.success(),
        "{words:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Names under `Commands:`, but not clap's own `help`.
fn subcommands(help: &str) -> Vec<String> {
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let lines = list.lines().take_while(|line| !line.is_empty());
    let names = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Every command with its help, the whole tree in order.
fn all() -> Vec<(Vec<String>, String)> {
    let mut found = Vec::new();
    let mut todo = vec![Vec::new()];
    while let Some(words) = todo.pop() {
        let text = help(&words);
        for name in subcommands(&text).into_iter().rev() {
            todo.push(words.iter().cloned().chain([name]).collect());
        }
        found.push((words, text));
    }
    found
}

/// Options of every command are shown once, with the program itself.
fn without_global_options(help: &str) -> &str {
    help.split("\nOptions of every command:\n").next().unwrap_or(help)
}

#[test]
fn help_of_every_command() {
    let mut text = String::new();
    for (words, help) in all() {
        let name = std::iter::once("mortar".to_owned())
            .chain(words.clone())
            .collect::<Vec<_>>()
            .join(" ");
        let help = if words.is_empty() {
            help.as_str()
        } else {
            without_global_options(&help)
        };
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        text.push_str(&format!("=== {name} ===\n{}\n\n", lines.join("\n").trim_end()));
    }
    check("help.txt", &text);
}

#[test]
fn every_command_has_a_man_page_and_completions() {
    let folder = tempfile::tempdir().unwrap();
    let status = mortar()
        .arg("man")
        .arg(folder.path().join("man1"))
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    let pages = std::fs::read_dir(folder.path().join("man1")).unwrap();
    let pages: BTreeSet<String> = pages
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    let bash = mortar().args(["completions", "bash"]).output().unwrap();
    let bash = String::from_utf8(bash.stdout).unwrap();
    for (words, _) in all() {
        let page = std::iter::once("mortar".to_owned())
            .chain(words.clone())
            .collect::<Vec<_>>()
            .join("-");
        assert!(
            pages.contains(&format!("{page}.1")),
            "{page}.1 is not in {pages:?}"
        );
        assert!(words.last().is_none_or(|word| bash.contains(word)), "{words:?}");
    }
    for shell in ["zsh", "fish", "elvish", "powershell"] {
        let output = mortar().args(["completions", shell]).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{shell}");
    }
}

#[test]
fn the_exit_codes_are_documented() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    let page = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let help = help(&[]);
    let table = help
        .split("Exit codes:\n")
        .nth(1)
        .expect("the help has the table");
    let rows: Vec<(&str, &str)> = table
        .lines()
        .filter_map(|line| line.trim().split_once("  "))
        .collect();
    assert_eq!(rows.len(), 10);
    for (code, meaning) in rows {
        assert!(
            page.contains(&format!("| {code} | {meaning} |")),
            "docs/cli.md lacks: | {code} | {meaning} |"
        );
    }
}
