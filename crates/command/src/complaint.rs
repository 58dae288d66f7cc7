//! What the words of a failed tool mean: the same again later, no room, a refusal, or nothing certain.
//!
//! Each phrase was seen in the output of a real tool (tests/fixtures) or is found in its messages; all are
//! compared in lower case, with `LC_ALL=C` set by the script.

use mortar_argv::{Outcome, Output, Report, script};
use mortar_model::work::{Facts, Failure, FailureKind, Verdict};

/// Longest reason, in characters.
const LONGEST: usize = 500;

/// glusterd's pool-wide and volume locks, file systems still in use, a migration or a rebalance that has to end first.
const BUSY: [&str; 12] = [
    "another transaction",
    "locking failed",
    "unable to acquire lock",
    "failed to acquire lock",
    "please try again after some time",
    "target is busy",
    "device is busy",
    "device or resource busy",
    "contains a filesystem in use",
    "is in use",
    "migration is in progress",
    "rebalance is in progress",
];

const NO_SPACE: [&str; 5] = [
    "insufficient free space",
    "insufficient suitable",
    "insufficient free extents",
    "no space left on device",
    "disk quota exceeded",
];

/// What one member of a pool says of a volume when it has not heard what the others know: it has just come back, or
/// missed a change at that moment. It tells that member's state and not the pool's, and passes (seen with 10.3).
const BEHIND: [&str; 5] = [
    "does not exist",
    "already started",
    "has been started",
    "needs to be started",
    "is not in the started state",
];

/// glusterd's refusals while another member of the pool is away (each seen with 10.3), the first of which may also be
/// one that the others have not found again yet.
const AWAY: [&str; 4] = [
    "some of the peers are down",
    "one of the peers is probably down",
    "host node of the brick",
    "quorum not met",
];

/// Complaints after which nobody can tell what was done. "Connection failed" is among them: `gluster` says the
/// same whether glusterd was not there or died in the middle of the work (seen with 10.3 and 11.1).
const UNCERTAIN: [&str; 10] = [
    "request timed out",
    "connection failed",
    "commit failed",
    "post validation failed",
    "unlocking failed",
    "already exists",
    "already mounted",
    "contain an existing filesystem",
    "contains a mounted filesystem",
    // pvcreate on what is a physical volume of a group already.
    "without -ff",
];

/// Statuses of a command that a signal ended: hang-up, interrupt, abort, bus error, kill, segmentation fault,
/// broken pipe, termination. Not all above 128: `gluster` ends with negative error numbers (255, 254, 251).
const SIGNALLED: [i32; 8] = [129, 130, 134, 135, 137, 139, 141, 143];

/// Judges a report in which every failure counts, but for those that `tolerated` knows as "already so". It gets
/// the whole complaint in lower case, and is not asked where a member of the pool is merely behind: what is so there is
/// not so elsewhere. Items whose failure may be tolerated must not stop their batch.
pub(crate) fn judge(report: &Report, tolerated: impl Fn(&str) -> bool) -> Verdict {
    if let Some(verdict) = judge_line(report) {
        return verdict;
    }
    let failures = report.outcomes.iter().filter_map(|outcome| match outcome {
        Outcome::Ran(output) if !output.success() => Some(output),
        _ => None,
    });
    let counts = |words: &str| member_behind(words) || !tolerated(words);
    let mut failures = failures.filter(|output| counts(&words(output)));
    match failures.next() {
        Some(output) => judge_failure(output),
        None if report.outcomes.contains(&Outcome::NotRun) => {
            Verdict::Unknown("some commands were not run, and none says why".into())
        }
        None => Verdict::Done(Facts::None),
    }
}

/// No failure is "already so".
pub(crate) fn nothing_tolerated(_: &str) -> bool {
    false
}

/// What the line to the node alone tells: `None` when every command is known to have run or not.
fn judge_line(report: &Report) -> Option<Verdict> {
    if let Some(why) = unreached(report) {
        return Some(failed(FailureKind::Unreached, format!("nothing was done: {why}")));
    }
    let why = report.broken.as_deref();
    if report.has_unknown() {
        return Some(Verdict::Unknown(clean(
            why.unwrap_or("the end of a command is not known"),
        )));
    }
    why.map(|why| Verdict::Unknown(clean(why)))
}

/// Why nothing of the batch came to the node, if that is sure. Where an earlier batch of ours is still at work, this
/// one did nothing, and that one may do anything.
pub(crate) fn unreached(report: &Report) -> Option<String> {
    let why = report.broken.as_deref()?;
    let nothing_ran = report.outcomes.iter().all(|outcome| *outcome == Outcome::NotRun);
    (nothing_ran && why != script::STILL_RUNNING).then(|| clean(why))
}

/// Whether glusterd refused because another member of the pool is away.
pub(crate) fn members_away(output: &Output) -> bool {
    let words = words(output);
    let host = words.split_once("host ").map_or("", |(_, rest)| rest);
    AWAY.iter().any(|phrase| words.contains(phrase))
        || host.split(' ').skip(1).take(2).eq(["not", "connected"])
}

/// Whether the complaint is one of a member that knows less of a volume than the node that was asked.
fn member_behind(words: &str) -> bool {
    words
        .split_once(" failed on ")
        .and_then(|(_, member)| member.split_once("volume "))
        .is_some_and(|(_, said)| BEHIND.iter().any(|phrase| said.contains(phrase)))
}

/// What one failed command tells.
pub(crate) fn judge_failure(output: &Output) -> Verdict {
    let words = words(output);
    let said = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    // Ended by a signal (a time limit, the machine going down): in the middle of something.
    if SIGNALLED.contains(&output.status) || said(&UNCERTAIN) {
        return Verdict::Unknown(reason(output));
    }
    let kind = if members_away(output) {
        FailureKind::Away
    } else if said(&BUSY) || member_behind(&words) {
        FailureKind::Busy
    } else if said(&NO_SPACE) {
        FailureKind::NoSpace
    } else {
        FailureKind::Refused
    };
    failed(kind, reason(output))
}

pub(crate) fn failed(kind: FailureKind, reason: impl Into<String>) -> Verdict {
    Verdict::Failed(Failure {
        kind,
        reason: reason.into(),
    })
}

pub(crate) fn refused(reason: impl Into<String>) -> Verdict {
    failed(FailureKind::Refused, reason)
}

/// The complaint in lower case, for comparing.
pub(crate) fn words(output: &Output) -> String {
    output.complaint().to_ascii_lowercase()
}

/// Why a command failed, in a line or two of its own words.
pub(crate) fn reason(output: &Output) -> String {
    let text = clean(output.complaint());
    if text.is_empty() {
        format!("it ended with status {} and said nothing", output.status)
    } else {
        text
    }
}

/// Whether a `gluster` command of the report found no glusterd to talk to.
pub fn glusterd_down(report: &Report) -> bool {
    report.first_failure().is_some_and(|(_, output)| {
        let words = words(output);
        words.contains("connection failed") && !words.contains("gluster-block daemon")
    })
}

/// Whether the first command that failed found nobody on the node who does this, neither glusterd nor gluster-block or its daemon:
/// another member may be asked instead.
pub fn not_served(report: &Report) -> bool {
    report.first_failure().is_some_and(|(_, output)| {
        let words = words(output);
        words.contains("connection failed") || (output.status == 127 && words.contains("gluster-block"))
    })
}

/// The first two lines that say something, without control characters, of bounded length.
pub(crate) fn clean(text: &str) -> String {
    let lines = || {
        text.lines()
            .map(|line| line.trim().trim_end_matches(['.', ' ']))
            .filter(|line| !line.is_empty())
    };
    let mut joined = lines()
        .filter(|line| !remark(line))
        .take(2)
        .collect::<Vec<_>>()
        .join("; ");
    if joined.is_empty() {
        joined = lines().take(2).collect::<Vec<_>>().join("; ");
    }
    let mut clean: String = joined
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST + 1)
        .collect();
    if clean.chars().count() > LONGEST {
        clean = clean.chars().take(LONGEST - 1).collect();
        clean.push('…');
    }
    clean
}

/// What a node had a part in, fit to be shown: one line of bounded length, whatever names and paths it holds.
pub(crate) fn shown(text: &str) -> String {
    text.chars()
        .take(2 * LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Lines that rarely say why: LVM's warnings, and its remarks on inherited descriptors.
fn remark(line: &str) -> bool {
    line.starts_with("File descriptor ") || line.starts_with("WARNING: ")
}

#[cfg(test)]
mod tests {
    use mortar_argv::{Outcome, Output, Report, script};
    use mortar_model::work::{Facts, FailureKind, Verdict};
    use proptest::prelude::*;

    use super::{LONGEST, clean, judge, judge_failure, nothing_tolerated};

    fn output(status: i32, stderr: &str) -> Output {
        Output {
            status,
            stdout: String::new(),
            stderr: stderr.into(),
        }
    }

    #[test]
    fn words_of_the_tools_have_a_kind() {
        let kind = |text: &str| match judge_failure(&output(1, text)) {
            Verdict::Failed(failure) => Some(failure.kind),
            _ => None,
        };
        let busy = "volume set: failed: Another transaction is in progress for v1. Please try again after some time.";
        assert_eq!(kind(busy), Some(FailureKind::Busy));
        assert_eq!(
            kind("volume start: v: failed: Locking failed on node2. Please check log file for details."),
            Some(FailureKind::Busy)
        );
        assert_eq!(kind("umount: /x: target is busy."), Some(FailureKind::Busy));
        assert_eq!(
            kind("  Volume group \"vg\" has insufficient free space (10 extents): 100 required."),
            Some(FailureKind::NoSpace)
        );
        assert_eq!(
            kind("volume create: v: failed: Host node9 is not in 'Peer in Cluster' state"),
            Some(FailureKind::Refused)
        );
        for behind in [
            "volume set: failed: Staging failed on 10.0.0.3. Error: Volume v does not exist",
            "volume stop: v: failed: Pre Validation failed on 10.0.0.3. Volume v does not exist",
            "volume start: v: failed: Pre Validation failed on 10.0.0.3. Volume v already started",
            "volume delete: v: failed: Staging failed on 10.0.0.3. Error: Volume v has been started.Volume needs to be stopped before deletion.",
        ] {
            assert_eq!(kind(behind), Some(FailureKind::Busy), "{behind}");
        }
        assert_eq!(
            kind("volume create: v: failed: Staging failed on node3. Error: The brick node3:/b is not there"),
            Some(FailureKind::Refused)
        );
        for away in [
            "volume create: v: failed: Host node3 not connected",
            "volume add-brick: failed: Host node3 not connected",
            "volume remove-brick start: failed: Host node of the brick node3:/b/brick is down",
            "volume stop: v: failed: Quorum not met. Volume operation not allowed.",
            "volume delete: v: failed: Some of the peers are down",
        ] {
            assert_eq!(kind(away), Some(FailureKind::Away), "{away}");
        }
        assert_eq!(
            kind("peer probe: failed: Probe returned with Transport endpoint is not connected"),
            Some(FailureKind::Refused)
        );
        for uncertain in [
            "Error : Request timed out",
            "volume create: v: failed: Volume v already exists",
            "volume start: v: failed: Commit failed on node2.",
        ] {
            assert_eq!(kind(uncertain), None, "{uncertain}");
        }
        assert!(matches!(judge_failure(&output(137, "")), Verdict::Unknown(_)));
    }

    #[test]
    fn a_lost_line_is_not_a_failure() {
        let ok = Outcome::Ran(Output::default());
        let report = |outcomes: Vec<Outcome>, broken: Option<&str>| Report {
            outcomes,
            broken: broken.map(Into::into),
        };
        let judge = |report: &Report| judge(report, nothing_tolerated);
        assert_eq!(
            judge(&report(vec![ok.clone(), Outcome::Skipped], None)),
            Verdict::Done(Facts::None)
        );
        assert!(matches!(
            judge(&report(vec![ok.clone(), Outcome::Unknown], Some("cut"))),
            Verdict::Unknown(_)
        ));
        assert!(matches!(
            judge(&report(vec![Outcome::NotRun], Some("no route"))),
            Verdict::Failed(failure) if failure.kind == FailureKind::Unreached
        ));
        assert!(matches!(
            judge(&report(vec![Outcome::NotRun], Some(script::STILL_RUNNING))),
            Verdict::Unknown(_)
        ));
        assert!(matches!(
            judge(&report(vec![Outcome::NotRun], None)),
            Verdict::Unknown(_)
        ));
    }

    #[test]
    fn reasons_are_short_and_hold_no_remarks() {
        let text = "File descriptor 9 (/run/lock/x) leaked on lvcreate invocation. Parent PID 1: sh\n  WARNING: x\n  \u{1b}[31mno.\n\nb\nc";
        assert_eq!(clean(text), " [31mno; b");
        assert_eq!(clean(&"x".repeat(900)).chars().count(), LONGEST);
    }

    proptest! {
        #[test]
        fn any_text_gives_a_bounded_reason(text in ".{0,900}") {
            let clean = clean(&text);
            prop_assert!(clean.chars().count() <= LONGEST && !clean.chars().any(char::is_control));
        }
    }
}
