//! Observations as words: what may differ between two runs, and only that, gets a name.

use mortar_argv::{Outcome, Report};
use mortar_model::work::{DeviceFacts, Facts, FailureKind, Seen, Verdict};

/// What a look saw.
pub(crate) fn seen(seen: &Seen) -> String {
    match seen {
        Seen::Absent => "absent".into(),
        Seen::Present(learnt) => format!("present{}", facts(learnt)),
        Seen::Partial(what) => format!("partial: {what}"),
        Seen::Foreign(what) => format!("foreign: {what}"),
        Seen::Unknown(why) | Seen::Unreached(why) | Seen::Away(why) => format!("unknown: {why}"),
    }
}

/// What became of a step.
pub(crate) fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Done(learnt) => format!("done{}", facts(learnt)),
        Verdict::Failed(failure) => {
            let kind = match failure.kind {
                FailureKind::Busy => "busy",
                FailureKind::Refused => "refused",
                FailureKind::NoSpace => "no space",
                FailureKind::Unreached => "unreached",
                FailureKind::Away => "away",
                FailureKind::Underway => "underway",
            };
            format!("{kind}: {}", failure.reason)
        }
        Verdict::Unknown(why) => format!("unknown: {why}"),
    }
}

fn facts(facts: &Facts) -> String {
    let Facts::Device(DeviceFacts {
        total,
        extent,
        uuid,
        paths,
    }) = facts
    else {
        return String::new();
    };
    // What a file system takes for itself differs: a GiB is as exact as two worlds can be. Further paths of a device
    // are udev's names, and a lab has no udev.
    let gib = (total.bytes() + (1 << 29)) >> 30;
    format!(
        " (about {gib} GiB, extent {extent}, uuid {uuid:?}, {})",
        paths.first().map_or("", String::as_str)
    )
}

/// A report of raw commands: status, output and complaint of each.
pub(crate) fn report(report: &Report) -> String {
    let mut lines: Vec<String> = report.outcomes.iter().map(outcome).collect();
    lines.extend(report.broken.as_ref().map(|_| "the line broke".to_owned()));
    lines.join("\n")
}

fn outcome(outcome: &Outcome) -> String {
    /// Programs that are used wrongly print all their options: the complaint stands before them.
    const LINES: usize = 3;
    let output = match outcome {
        Outcome::Ran(output) => output,
        other => return format!("{other:?}"),
    };
    let mut text = format!("status {}", output.status);
    // JSON is compared as what it says, not as it is laid out.
    let stdout = serde_json::from_str::<serde_json::Value>(&output.stdout)
        .ok()
        .filter(serde_json::Value::is_object)
        .map_or_else(|| output.stdout.clone(), |value| value.to_string());
    let said = stdout.lines().map(|line| ("|", line));
    let complained = output.stderr.lines().take(LINES).map(|line| ("!", line));
    for (mark, line) in said.chain(complained) {
        text.push_str(format!("\n{mark} {line}").trim_end());
    }
    text
}

/// Replaces UUIDs and the numbers of loop devices, which nobody chooses, and cuts off glusterd's guesses at what was
/// meant and the line's own words for why nobody answers: those are of the line and not of the node.
pub(crate) fn plain(text: &str) -> String {
    const CUT: [&str; 5] = [
        "; Did you mean",
        "simulated host ",
        "node3 port 22 ",
        "cannot connect to ",
        "Usage: ",
    ];
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    for mark in CUT {
        rest = rest.split_once(mark).map_or(rest, |(before, _)| before);
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("/dev/loop") {
            plain.push_str("/dev/loop<n>");
            rest = after.trim_start_matches(|c: char| c.is_ascii_digit());
        } else if is_uuid(rest) {
            plain.push_str("<uuid>");
            rest = &rest[36..];
        } else {
            let next = rest.chars().next().unwrap();
            plain.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    plain
}

fn is_uuid(text: &str) -> bool {
    text.len() >= 36
        && text.bytes().take(36).enumerate().all(|(at, b)| match at {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_hexdigit(),
        })
}

#[test]
fn what_nobody_chooses_gets_a_name() {
    let text = "x 0123abcd-0123-0123-0123-0123456789ab,/dev/loop12: é 0123abcd";
    assert_eq!(plain(text), "x <uuid>,/dev/loop<n>: é 0123abcd");
}
