//! What `find`, `grep` and the file of mount entries say: one thing a line, and a complaint a path.
//!
//! A path that is gone by the time it is looked at is not there; one that cannot be read (a dead disk) hurts only
//! itself. Any other complaint makes the whole answer unreadable.

use std::collections::BTreeMap;

use mortar_argv::Report;
use mortar_model::{ByteSize, DevicePath, layout};

use super::{EntrySeen, FolderSeen, ImageSeen};
use crate::answer::{self, Unreadable};
use crate::complaint;

/// Format of `find` for a brick's folder.
pub(super) const FOLDER: &str = "brick|%G|%P\\n";
/// Format of `find` for an identity file.
pub(super) const IDENTITY: &str = "identity|%s|%P\\n";
/// Format of `find` for an image.
pub(super) const IMAGE: &str = "%s|%b|%p\\n";
/// Identity files of more KiB are not read: they are none.
pub(super) const LONGEST_IDENTITY: u64 = 64;

/// Paths that cannot be read, with the reason.
pub(super) type Troubles = BTreeMap<String, String>;

/// What is below a folder in which bricks are mounted.
#[derive(Default)]
pub(super) struct Below {
    pub(super) folders: Vec<FolderSeen>,
    /// Sizes of identity files in bytes, by mount point.
    identities: BTreeMap<String, u64>,
}

/// Reads brick folders and names of identity files.
pub(super) fn below(
    report: &Report,
    index: usize,
    root: &str,
    troubles: &mut Troubles,
) -> Result<Below, Unreadable> {
    const WHAT: &str = "which bricks' folders there are";
    let mut found = Below::default();
    for line in searched(
        report,
        index,
        WHAT,
        root,
        &|path| mount_point_of(root, path),
        troubles,
    )?
    .lines()
    {
        let strange = || Unreadable::new(WHAT, format!("find printed {line:?}"));
        let mut fields = line.splitn(3, '|');
        let (kind, number, path) = (fields.next(), fields.next(), fields.next());
        let number = number.and_then(|number| number.parse::<u64>().ok());
        let place = path.and_then(|path| path.rsplit_once('/'));
        let (Some(number), Some((mount_point, _))) = (number, place) else {
            return Err(strange());
        };
        let mount_point = format!("{root}/{mount_point}");
        match (kind, u32::try_from(number)) {
            (Some("brick"), Ok(gid)) => found.folders.push(FolderSeen { mount_point, gid }),
            (Some("identity"), _) => {
                found.identities.insert(mount_point, number);
            }
            _ => return Err(strange()),
        }
    }
    found.folders.sort_by(|a, b| a.mount_point.cmp(&b.mount_point));
    Ok(found)
}

/// Reads the lines of identity files, each with the path of its file before it. A last line without an end gets one.
pub(super) fn identities(
    report: &Report,
    index: usize,
    root: &str,
    below: &Below,
    troubles: &mut Troubles,
) -> Result<Vec<(String, String)>, Unreadable> {
    const WHAT: &str = "what the bricks' identity files say";
    // Nothing is printed of a file without text; and one with text that is not printed is gone meanwhile.
    let without_text = |(_, size): &(&String, &u64)| **size == 0 || **size > LONGEST_IDENTITY * 1024;
    let mut texts: BTreeMap<String, String> = below
        .identities
        .iter()
        .filter(without_text)
        .map(|(mount_point, _)| (mount_point.clone(), String::new()))
        .collect();
    let printed = searched(
        report,
        index,
        WHAT,
        root,
        &|path| mount_point_of(root, path),
        troubles,
    )?;
    for line in printed.split_terminator('\n') {
        let (mount_point, text) = line
            .split_once("/mortar.json:")
            .filter(|(path, _)| mount_point_of(root, path).as_deref() == Some(*path))
            .ok_or_else(|| Unreadable::new(WHAT, format!("grep printed {line:?}")))?;
        let known = texts.entry(mount_point.to_owned()).or_default();
        known.push_str(text);
        known.push('\n');
    }
    Ok(texts.into_iter().collect())
}

/// Reads the images in the folders of `directories`.
pub(super) fn images(
    report: &Report,
    index: usize,
    directories: &[DevicePath],
    troubles: &mut Troubles,
) -> Result<Vec<ImageSeen>, Unreadable> {
    const WHAT: &str = "which images there are";
    let owner = |path: &str| {
        let holds = |directory: &&DevicePath| path.starts_with(&layout::image_folder(directory));
        directories.iter().find(holds).map(ToString::to_string)
    };
    let mut found = Vec::new();
    for line in searched(report, index, WHAT, "", &owner, troubles)?.lines() {
        let mut fields = line.splitn(3, '|');
        let (size, blocks, path) = (fields.next(), fields.next(), fields.next());
        let number = |field: Option<&str>| field.and_then(|field| field.parse::<u64>().ok());
        let (Some(size), Some(blocks), Some(path)) = (number(size), number(blocks), path) else {
            return Err(Unreadable::new(WHAT, format!("find printed {line:?}")));
        };
        found.push(ImageSeen {
            path: path.to_owned(),
            size: ByteSize::from_bytes(size),
            // `find` counts blocks of 512 bytes.
            taken: ByteSize::from_bytes(blocks.saturating_mul(512)),
        });
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Reads the lines of the files of copies, each with the path of its file before it.
pub(super) fn copies(
    report: &Report,
    index: usize,
    directories: &[DevicePath],
    troubles: &mut Troubles,
) -> Result<Vec<(String, String)>, Unreadable> {
    const WHAT: &str = "what the files of copies say";
    const END: &str = ".json";
    let owner = |path: &str| {
        let holds = |directory: &&DevicePath| path.starts_with(&layout::image_folder(directory));
        directories.iter().find(holds).map(ToString::to_string)
    };
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    let printed = searched(report, index, WHAT, layout::COPIES, &owner, troubles)?;
    for line in printed.split_terminator('\n') {
        let strange = || Unreadable::new(WHAT, format!("grep printed {line:?}"));
        let at = line.find(&format!("{END}:")).ok_or_else(strange)? + END.len();
        let (path, text) = (&line[..at], &line[at + 1..]);
        if layout::read::thin_copy(path).is_none() {
            owner(path).ok_or_else(strange)?;
        }
        let known = texts.entry(path.to_owned()).or_default();
        known.push_str(text);
        known.push('\n');
    }
    Ok(texts.into_iter().collect())
}

/// What a search printed. That `root` is not there is as well; `owner` tells whose a path is of which it complains; nobody's
/// makes it all unreadable.
fn searched<'a>(
    report: &'a Report,
    index: usize,
    what: &'static str,
    root: &str,
    owner: &dyn Fn(&str) -> Option<String>,
    troubles: &mut Troubles,
) -> Result<&'a str, Unreadable> {
    let output = answer::ran(report, index, what)?;
    // 1 says that it complained, or that the last program it ran found nothing.
    if output.status > 1 || output.status < 0 {
        return Err(Unreadable::new(what, complaint::reason(output)));
    }
    for line in output.stderr.lines().filter(|line| !line.trim().is_empty()) {
        let (path, why) = complained_of(line).ok_or_else(|| Unreadable::new(what, line))?;
        let gone = ["No such file or directory", "Not a directory"].contains(&why);
        match owner(path) {
            Some(place) if !gone => {
                troubles.insert(place, complaint::clean(why));
            }
            Some(_) => {}
            None if gone && path == root => {}
            None => return Err(Unreadable::new(what, line)),
        }
    }
    Ok(&output.stdout)
}

/// The path and the reason in `find: 'PATH': REASON` or `grep: PATH: REASON`.
fn complained_of(line: &str) -> Option<(&str, &str)> {
    let (_, rest) = line.split_once(": ")?;
    let (path, why) = rest.rsplit_once(": ")?;
    let quoted = path.strip_prefix('\'').and_then(|path| path.strip_suffix('\''));
    Some((quoted.unwrap_or(path), why))
}

/// The mount point that a path below such a folder belongs to; for one above it, itself.
fn mount_point_of(root: &str, path: &str) -> Option<String> {
    let below = path.strip_prefix(root)?.strip_prefix('/')?;
    let names: Vec<&str> = below.split('/').take(2).collect();
    names
        .iter()
        .all(|name| !name.is_empty())
        .then(|| format!("{root}/{}", names.join("/")))
}

/// The XFS entries of a file of mount entries. It writes blanks as `\040`, which no path of Mortar's has.
pub(super) fn entries(text: &str) -> Vec<EntrySeen> {
    let mut found: Vec<EntrySeen> = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let (source, target, kind) = (fields.next()?, fields.next()?, fields.next()?);
            (kind == "xfs").then(|| EntrySeen {
                source: source.to_owned(),
                target: target.to_owned(),
            })
        })
        .collect();
    found.sort_by(|a, b| (&a.target, &a.source).cmp(&(&b.target, &b.source)));
    found
}
