//! Which block volumes does a volume hold, and what is there of each? Asked of any member on which `gluster-block` answers.
//!
//! Each question waits until nobody changes a block volume of that volume: `gluster-block` keeps a lock in it.

use mortar_argv::{Batch, Outcome, Report};
use mortar_model::{ByteSize, Target, VolumeName};

use crate::answer::{self, BlockAnswer, Unreadable, block_answer, block_names};
use crate::{Settings, complaint, program};

const WHICH: &str = "which block volumes the volume holds";
const WHAT: &str = "what there is of the block volume";

/// A block volume that `gluster-block` lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockSeen {
    /// Its name.
    pub name: String,
    /// What is told of it, or why nothing is.
    pub told: Result<BlockTold, String>,
}

/// What `gluster-block info` tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockTold {
    /// Its size as printed: one digit after the point.
    pub size: String,
    /// How many hosts are to serve it.
    pub ha: u32,
    /// Hosts that serve it.
    pub hosts: Vec<String>,
    /// Hosts on which it failed.
    pub broken: Vec<String>,
    /// Hosts that serve it as smaller than it is.
    pub smaller: Vec<String>,
    /// How initiators find it.
    pub target: Target,
}

/// What to run to learn the names.
pub fn ask(settings: &Settings, hosting: &VolumeName) -> Batch {
    let list = program::gluster_block(settings).args(["list", hosting.as_str(), "--json"]);
    Batch::new().ask(list)
}

/// The names, sorted.
///
/// # Errors
/// Nobody on the node does this, or the volume could not be read.
pub fn read(report: &Report) -> Result<Vec<String>, Unreadable> {
    let output = answer::ran(report, 0, WHICH)?;
    let names = block_names(output).map_err(|why| Unreadable::new(WHICH, why))?;
    let mut names = names.ok_or_else(|| {
        let said = complaint::reason(output);
        Unreadable::new(WHICH, said)
    })?;
    names.sort_unstable();
    Ok(names)
}

/// What to run to learn what there is of each of these.
pub fn ask_each(settings: &Settings, hosting: &VolumeName, names: &[VolumeName]) -> Batch {
    let info = |name: &VolumeName| {
        program::gluster_block(settings)
            .arg("info")
            .arg(format!("{hosting}/{name}"))
            .arg("--json")
    };
    names
        .iter()
        .fold(Batch::new(), |batch, name| batch.ask(info(name)))
}

/// What there is of each of these; one that is gone by now is left out.
pub fn read_each(names: &[VolumeName], report: &Report) -> Vec<BlockSeen> {
    let one = |(place, name): (usize, &VolumeName)| {
        let told = match report.outcomes.get(place) {
            Some(Outcome::Ran(output)) => match block_answer(output) {
                Some(answer) if answer.is_absent() => return None,
                Some(answer) => told(&answer),
                // It may hold a password: nothing of it is shown.
                None => Err(Unreadable::new(WHAT, "gluster-block's answer was not understood").to_string()),
            },
            _ => {
                let why = report.broken.as_deref().unwrap_or("the node was not asked");
                Err(Unreadable::new(WHAT, why).to_string())
            }
        };
        let name = name.to_string();
        Some(BlockSeen { name, told })
    };
    names.iter().enumerate().filter_map(one).collect()
}

fn told(answer: &BlockAnswer) -> Result<BlockTold, String> {
    let target = answer.target().filter(|_| answer.success());
    let Some(target) = target else {
        return Err(Unreadable::new(WHAT, answer.refusal()).to_string());
    };
    Ok(BlockTold {
        size: answer.printed().to_owned(),
        ha: answer.ha(),
        hosts: answer.served_by().to_vec(),
        broken: answer.broken_on().to_vec(),
        smaller: answer.smaller_on().map(str::to_owned).collect(),
        target,
    })
}

/// A size as `gluster-block` prints it.
pub fn printed(size: ByteSize) -> String {
    answer::printed(size)
}

/// The size in whole GiB that is printed so, where only one can be: from 1 TiB on many are.
pub fn exactly(printed: &str) -> Option<ByteSize> {
    let whole = printed.strip_suffix(".0 GiB")?.parse().ok()?;
    Some(ByteSize::from_gib(whole))
}

/// A size in whole GiB that is printed so; the smallest one where there are many.
pub fn about(printed: &str) -> Option<ByteSize> {
    const UNITS: [(&str, u64); 3] = [("GiB", 1), ("TiB", 1 << 10), ("PiB", 1 << 20)];
    let (number, unit) = printed.split_once(' ')?;
    let (whole, tenths) = number.split_once('.')?;
    let (whole, tenths): (u64, u64) = (
        whole.parse().ok()?,
        tenths.parse().ok().filter(|tenths| *tenths < 10)?,
    );
    let (_, gib) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let least = whole
        .checked_mul(gib)?
        .checked_add((tenths * gib).saturating_sub(gib / 2).div_ceil(10))?;
    let mut sizes = (least.max(1)..=least.saturating_add(1)).map(ByteSize::from_gib);
    sizes.find(|size| answer::printed(*size) == printed)
}

#[cfg(test)]
mod tests {
    use mortar_model::ByteSize;

    use super::{about, exactly, printed};

    #[test]
    fn sizes_are_read_as_far_as_they_are_told() {
        for gib in [1, 2, 1000, 1023] {
            let size = ByteSize::from_gib(gib);
            assert_eq!(
                (exactly(&printed(size)), about(&printed(size))),
                (Some(size), Some(size))
            );
        }
        for gib in [1024, 1100, 1300, 5000, 1 << 20, 3 << 20] {
            let told = printed(ByteSize::from_gib(gib));
            assert_eq!(exactly(&told), None, "{told}");
            let size = about(&told).unwrap();
            assert!(
                printed(size) == told && size <= ByteSize::from_gib(gib),
                "{told}: {size}"
            );
        }
        for text in [
            "",
            "1",
            "1.5 GiB",
            "x.0 GiB",
            "1.10 TiB",
            "512.0 MiB",
            "99999999999999999999.0 TiB",
            "18446744073709551615.9 PiB",
        ] {
            assert_eq!((exactly(text), about(text)), (None, None), "{text}");
        }
    }
}
