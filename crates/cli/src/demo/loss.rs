//! A node is lost in the middle of a write, and the write goes on.

use std::time::Instant;

use mortar_lab::Lab;

use super::clients::{Clients, Written, put, verify};
use super::place::{Place, failed};
use super::server::typed_for_lab;
use super::show::Show;
use super::write::{BLOCK, Beat, Noise, Writer, bytes_between, longest_pause};
use crate::error::{Error, Result};
use crate::exit::Exit;
use crate::show::size;

/// Bytes on the disks before the node is killed.
const BEFORE: u64 = 24 * BLOCK;
/// Bytes that must come after it.
const AFTER: u64 = 48 * BLOCK;
/// Files that are made while the node is away.
const FILES: usize = 32;
/// Bytes of each of them.
const FILE: usize = 64 << 10;
/// Name of the file that is being written, and of the folder of the others.
const NAMES: (&str, &str) = ("through-the-loss", "while-it-was-away");

/// What was written around the loss.
#[derive(Debug)]
pub(super) struct Kept {
    /// The node that is down.
    pub(super) node: String,
    /// The file that was being written.
    pub(super) file: Written,
    /// Files that the node knows nothing of.
    pub(super) missed: Vec<Written>,
}

/// Kills a node while a file is being written.
pub(super) fn survive(place: &Place, lab: &Lab, clients: &Clients, show: &Show) -> Result<Kept> {
    // The node that the clients asked when they mounted: the harder case.
    let node = lab
        .nodes()
        .first()
        .map(|node| node.name.clone())
        .unwrap_or_default();
    let path = clients.first.join(NAMES.0);
    show.fact(&format!(
        "writing {} in blocks of {}, each on the disks before the next",
        path.display(),
        size(BLOCK)
    ))?;
    let mut writer = Writer::start(&path)?;
    let tell = |beat: Beat| {
        let bar = show.out().paint().bar(beat.total, BEFORE + AFTER);
        show.say(format!(
            "{bar} {} written, the last on the disks now",
            size(beat.total)
        ));
    };
    writer.until(Instant::now(), BEFORE, tell)?;
    let killed = Instant::now();
    typed_for_lab(&["lab", "kill", "--lab", place.name(), &node], show)?;
    let gone = Instant::now();
    let missed = write_others(clients)?;
    writer.until(gone, AFTER, tell)?;
    let (beats, sum) = writer.finish()?;
    report(&beats, killed, gone, &node, show)?;
    let file = Written {
        name: NAMES.0.to_owned(),
        sum,
    };
    verify(&clients.second, &file, show)?;
    Ok(Kept { node, file, missed })
}

/// Makes files of which the node that is away will know nothing.
fn write_others(clients: &Clients) -> Result<Vec<Written>> {
    let folder = clients.first.join(NAMES.1);
    std::fs::create_dir(&folder).map_err(failed(format!("make the folder {}", folder.display())))?;
    let mut noise = Noise::new(3);
    let mut bytes = vec![0; FILE];
    (1..=FILES)
        .map(|number| {
            noise.fill(&mut bytes);
            put(&clients.first, &format!("{}/{number:02}", NAMES.1), &bytes)
        })
        .collect()
}

/// Tells how the write went through the loss.
fn report(beats: &[Beat], killed: Instant, gone: Instant, node: &str, show: &Show) -> Result<()> {
    let before = bytes_between(beats, None, Some(killed));
    let between = bytes_between(beats, Some(killed), Some(gone));
    let after = bytes_between(beats, Some(gone), None);
    if after < AFTER {
        return Err(Error::new(
            Exit::Failed,
            format!("write on after {node} was lost"),
            format!("only {} came after the loss", size(after)),
        ));
    }
    show.fact(&format!(
        "{} before the kill, {} while {node} went down, {} after it: no write failed",
        size(before),
        size(between),
        size(after)
    ))?;
    let end = Instant::now();
    let first = beats.first().map_or(killed, |beat| beat.at);
    let pause = |from, to| longest_pause(beats, from, to).unwrap_or_default().as_secs_f64();
    show.fact(&format!(
        "longest pause between two blocks: {:.2} s since the kill, {:.2} s before it",
        pause(killed, end),
        pause(first, killed)
    ))?;
    show.fact(&format!("{FILES} more files were written while {node} was away"))
}
