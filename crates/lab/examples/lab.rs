//! Makes and breaks labs from a terminal, for work on this room alone.
//!
//! `lab up|down|status|topology|list NAME`, `lab cut|join|kill|start|start-without-mounts NAME NODE`,
//! `lab exec NAME NODE CMD…`, `lab pool NAME`, `lab mount NAME VOLUME DIR`, `lab umount NAME DIR`.
#![allow(clippy::print_stdout, reason = "a program for a terminal")]

use std::path::Path;
use std::process::ExitCode;

use mortar_lab::{Lab, LabError, LabSpec, default_state_root};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(code) => code,
        Err(error) => {
            println!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<ExitCode, LabError> {
    let root = default_state_root();
    let open = |name: &str| Lab::open(&root, name);
    match words {
        ["up", name] => {
            Lab::up(LabSpec::named(*name), &mut |line| println!("{line}"))?;
        }
        ["down", name] => println!(
            "{}",
            if Lab::down(&root, name)? {
                "removed"
            } else {
                "nothing to remove"
            }
        ),
        ["list"] => println!("{}", Lab::list(&root)?.join("\n")),
        ["status", name] => println!("{:#?}", open(name)?.status()?),
        ["topology", name] => println!("{}", open(name)?.topology_json()),
        ["pool", name] => open(name)?.form_pool()?,
        ["cut", name, node] => open(name)?.cut(node)?,
        ["join", name, node] => open(name)?.join(node)?,
        ["kill", name, node] => open(name)?.kill(node)?,
        ["start", name, node] => open(name)?.start(node)?,
        ["start-without-mounts", name, node] => open(name)?.start_without_mounts(node)?,
        ["mount", name, volume, dir] => open(name)?.mount(volume, Path::new(dir))?,
        ["umount", name, dir] => open(name)?.unmount(Path::new(dir))?,
        ["exec", name, node, argv @ ..] => {
            let status = open(name)?.exec_attached(node, argv)?;
            return Ok(ExitCode::from(
                u8::try_from(status.code().unwrap_or(1)).unwrap_or(1),
            ));
        }
        _ => println!("see the head of examples/lab.rs"),
    }
    Ok(ExitCode::SUCCESS)
}
