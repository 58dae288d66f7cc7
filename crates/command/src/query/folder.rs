//! Where is the folder of a brick that others made: on which file system, of what size, in whose group?

use mortar_argv::{Batch, Report};
use mortar_model::{ByteSize, DevicePath};

use crate::answer::{self, Unreadable};
use crate::query::brick_state::{BrickState, Mounted, Space};
use crate::{Settings, program};

const WHAT: &str = "where a brick's folder is";

/// Commands of [`ask`] for each folder.
const ITEMS: usize = 2;

/// A folder, and the file system that it is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FolderPlace {
    /// Where the file system is mounted.
    pub mount_point: String,
    /// What is mounted there.
    pub source: String,
    /// Its kind, as `df` calls it.
    pub kind: String,
    /// Its size.
    pub size: ByteSize,
    /// Space taken in it.
    pub used: ByteSize,
    /// The folder's group.
    pub gid: u32,
}

/// What to run. Nothing of it changes anything.
pub fn ask(settings: &Settings, folders: &[DevicePath]) -> Batch {
    folders.iter().fold(Batch::new(), |batch, folder| {
        let columns = ["--block-size=1", "--output=size,used,fstype,source,target"];
        let df = program::program(settings, "df")
            .args(columns)
            .arg(folder.as_str());
        let stat = program::program(settings, "stat")
            .arg("--format=%F|%g")
            .arg(folder.as_str());
        batch.ask(df).ask(stat)
    })
}

/// The answers in the order of the folders; `None` where there is no folder.
pub fn read(folders: &[DevicePath], report: &Report) -> Vec<Result<Option<FolderPlace>, Unreadable>> {
    (0..folders.len()).map(|number| place(report, number)).collect()
}

fn place(report: &Report, number: usize) -> Result<Option<FolderPlace>, Unreadable> {
    let (df, stat) = (ITEMS * number, ITEMS * number + 1);
    let (Some(space), Some(folder)) = (
        answer::text_of(report, df, WHAT)?,
        answer::text_of(report, stat, WHAT)?,
    ) else {
        return Ok(None);
    };
    let Some(("directory", gid)) = folder.trim().split_once('|') else {
        return Ok(None);
    };
    let strange = || Unreadable::new(WHAT, space);
    let line = space.lines().nth(1).ok_or_else(strange)?;
    let mut fields = line.split_whitespace();
    let mut next = || fields.next().ok_or_else(strange);
    let size = |text: &str| text.parse().map(ByteSize::from_bytes).map_err(|_| strange());
    let (total, used, kind, source, target) = (next()?, next()?, next()?, next()?, next()?);
    if fields.next().is_some() {
        return Err(Unreadable::new(WHAT, format!("a path in it has blanks: {line}")));
    }
    Ok(Some(FolderPlace {
        mount_point: target.to_owned(),
        source: source.to_owned(),
        kind: kind.to_owned(),
        size: size(total)?,
        used: size(used)?,
        gid: gid.parse().map_err(|_| Unreadable::new(WHAT, folder))?,
    }))
}

/// What is there of an adopted brick of this size, in the words in which that of others is told.
pub fn state(size: ByteSize, place: Option<FolderPlace>) -> BrickState {
    let Some(place) = place else {
        return BrickState::default();
    };
    BrickState {
        space: Some(Space {
            name: format!("{} on {}", place.kind, place.source),
            size,
            taken: None,
        }),
        // What mounts it is others' business.
        mount_entry: true,
        mount: Some(Mounted {
            source: place.source,
            ours: true,
            size: place.size,
            used: place.used,
        }),
        mount_point: true,
        folder_gid: Some(place.gid),
        identity: Some(String::new()),
        ..BrickState::default()
    }
}

#[cfg(test)]
mod tests {
    use mortar_argv::{Outcome, Output, Report};
    use mortar_model::{ByteSize, DevicePath};

    fn said(status: i32, stdout: &str, stderr: &str) -> Outcome {
        Outcome::Ran(Output {
            status,
            stdout: stdout.into(),
            stderr: stderr.into(),
        })
    }

    fn read(outcomes: Vec<Outcome>) -> Result<Option<super::FolderPlace>, String> {
        let folders = [DevicePath::new("/data/b").unwrap()];
        let report = Report {
            outcomes,
            broken: None,
        };
        let mut all = super::read(&folders, &report);
        all.pop().unwrap().map_err(|error| error.to_string())
    }

    const DF: &str = "  1B-blocks     Used Type Filesystem            Mounted on\n1063256064 39923712 xfs  /dev/mapper/vg-b     /data\n";

    #[test]
    fn a_folder_is_placed() {
        let place = read(vec![said(0, DF, ""), said(0, "directory|1000\n", "")]);
        let place = place.unwrap().unwrap();
        assert_eq!(
            (
                place.mount_point.as_str(),
                place.source.as_str(),
                place.kind.as_str()
            ),
            ("/data", "/dev/mapper/vg-b", "xfs")
        );
        assert_eq!(
            (place.size, place.gid),
            (ByteSize::from_bytes(1_063_256_064), 1000)
        );
    }

    #[test]
    fn what_is_not_there_is_not_unreadable_and_the_other_way_round() {
        let missing = "df: /data/b: No such file or directory";
        assert_eq!(read(vec![said(1, "", missing), said(1, "", missing)]), Ok(None));
        assert_eq!(
            read(vec![said(0, DF, ""), said(0, "regular file|0\n", "")]),
            Ok(None)
        );
        let dead = read(vec![
            said(1, "", "df: /data/b: Input/output error"),
            said(1, "", "stat: Input/output error"),
        ]);
        assert!(dead.unwrap_err().contains("Input/output error"));
        let odd = "h\n1 2 xfs /dev/a /with blanks\n";
        assert!(read(vec![said(0, odd, ""), said(0, "directory|0\n", "")]).is_err());
        assert!(read(vec![said(0, "", ""), said(0, "directory|0\n", "")]).is_err());
    }
}
