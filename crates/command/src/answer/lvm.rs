//! LVM's reports: JSON in which every value is a string.

use mortar_argv::Report;
use mortar_model::ByteSize;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};

use super::{Unreadable, ran};
use crate::complaint;

/// What `pvs` is asked for: the physical volume and its group in one go.
pub(crate) const PV_COLUMNS: &str =
    "pv_name,pv_uuid,pv_size,vg_name,vg_uuid,vg_size,vg_free,vg_extent_size,vg_tags";

/// What `lvs` is asked for.
pub(crate) const LV_COLUMNS: &str = "lv_name,lv_size,lv_active,pool_lv,data_percent,metadata_percent,lv_tags";

/// What `lvs` is asked for over all groups. `lv_attr` and not `segtype`: a column of segments makes a row of each.
pub(crate) const ALL_LV_COLUMNS: &str = "vg_name,lv_name,lv_size,lv_metadata_size,lv_attr,lv_active,pool_lv,data_percent,metadata_percent,lv_tags";

/// What `lvs` is asked for to see whether a volume's group has room.
pub(crate) const ROOM_COLUMNS: &str = "lv_name,vg_free";

/// A physical volume with its group; without one, the group's name is empty and its sizes are zero.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct PhysicalVolume {
    pub(crate) pv_name: String,
    pub(crate) pv_uuid: String,
    pub(crate) vg_name: String,
    #[serde(deserialize_with = "bytes")]
    pub(crate) vg_size: ByteSize,
    #[serde(deserialize_with = "bytes")]
    pub(crate) vg_free: ByteSize,
    #[serde(deserialize_with = "bytes")]
    pub(crate) vg_extent_size: ByteSize,
    #[serde(deserialize_with = "tags")]
    pub(crate) vg_tags: Vec<String>,
}

/// A logical volume.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct LogicalVolume {
    pub(crate) lv_name: String,
    #[serde(deserialize_with = "bytes")]
    pub(crate) lv_size: ByteSize,
    #[serde(default)]
    pub(crate) lv_active: String,
    /// Share of its data space that is written, in per cent; absent when it is not thin or not active.
    #[serde(default, deserialize_with = "percent")]
    pub(crate) data_percent: Option<f64>,
    #[serde(default, deserialize_with = "percent")]
    pub(crate) metadata_percent: Option<f64>,
    #[serde(default, deserialize_with = "tags")]
    pub(crate) lv_tags: Vec<String>,
}

/// A logical volume beside what is free in its group.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Room {
    pub(crate) lv_name: String,
    #[serde(deserialize_with = "bytes")]
    pub(crate) vg_free: ByteSize,
}

/// A logical volume of any group.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub(crate) struct ListedVolume {
    pub(crate) vg_name: String,
    /// Zero for what is no pool.
    #[serde(deserialize_with = "bytes")]
    pub(crate) lv_metadata_size: ByteSize,
    /// Begins with `t` for a thin pool.
    pub(crate) lv_attr: String,
    /// Empty for what is not in one.
    pub(crate) pool_lv: String,
    #[serde(flatten)]
    pub(crate) volume: LogicalVolume,
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ByteSize, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(ByteSize::ZERO);
    }
    text.trim_end_matches('B')
        .parse()
        .map(ByteSize::from_bytes)
        .map_err(serde::de::Error::custom)
}

fn tags<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    Ok(text
        .split(',')
        .filter(|tag| !tag.is_empty())
        .map(str::to_owned)
        .collect())
}

fn percent<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(String::deserialize(deserializer)?.parse().ok())
}

/// The frame of every report. Since LVM 2.03.31 (as Debian builds it) complaints stand in it, and no more on
/// standard error.
#[derive(Deserialize)]
struct Reports<R> {
    report: Vec<R>,
    #[serde(default = "Vec::new")]
    log: Vec<LogLine>,
}

#[derive(Deserialize)]
struct LogLine {
    #[serde(default)]
    log_type: String,
    #[serde(default)]
    log_message: String,
}

/// What LVM answered: rows, and its complaints wherever it wrote them.
struct Answer<R> {
    rows: Vec<R>,
    complaints: Option<String>,
}

fn read<R: DeserializeOwned>(
    report: &Report,
    index: usize,
    what: &'static str,
) -> Result<Answer<R>, Unreadable> {
    let output = ran(report, index, what)?;
    let reports: Reports<R> = match serde_json::from_str(&output.stdout) {
        Ok(reports) => reports,
        Err(_) if !output.success() => return Err(Unreadable::new(what, complaint::reason(output))),
        Err(error) => return Err(Unreadable::new(what, error.to_string())),
    };
    let complaints = (!output.success()).then(|| {
        let logged = reports
            .log
            .iter()
            .filter(|line| line.log_type == "error")
            .map(|line| line.log_message.as_str());
        std::iter::once(output.stderr.trim())
            .chain(logged)
            .collect::<Vec<_>>()
            .join("\n")
    });
    Ok(Answer {
        rows: reports.report,
        complaints,
    })
}

/// Rows, unless LVM complained of something else than `harmless`.
fn rows<R>(
    answer: Answer<R>,
    what: &'static str,
    harmless: impl Fn(&str) -> bool,
) -> Result<Vec<R>, Unreadable> {
    match answer.complaints {
        Some(complaints) if !harmless(&complaints.to_ascii_lowercase()) => {
            Err(Unreadable::new(what, complaints))
        }
        _ => Ok(answer.rows),
    }
}

#[derive(Deserialize)]
struct PhysicalVolumes {
    #[serde(default)]
    pv: Vec<PhysicalVolume>,
}

#[derive(Deserialize)]
struct LogicalVolumes<V> {
    #[serde(default = "Vec::new")]
    lv: Vec<V>,
}

/// All physical volumes that `pvs` lists.
pub(crate) fn physical_volumes(report: &Report, index: usize) -> Result<Vec<PhysicalVolume>, Unreadable> {
    const WHAT: &str = "which volume groups there are";
    let answer = read::<PhysicalVolumes>(report, index, WHAT)?;
    let rows = rows(answer, WHAT, |_| false)?;
    Ok(rows.into_iter().flat_map(|report| report.pv).collect())
}

/// All logical volumes that `lvs` lists.
pub(crate) fn listed_volumes(report: &Report, index: usize) -> Result<Vec<ListedVolume>, Unreadable> {
    const WHAT: &str = "which logical volumes there are";
    let answer = read::<LogicalVolumes<ListedVolume>>(report, index, WHAT)?;
    let rows = rows(answer, WHAT, |_| false)?;
    Ok(rows.into_iter().flat_map(|report| report.lv).collect())
}

/// What is free in a group beside each of its logical volumes; none when there is no such group.
pub(crate) fn rooms(report: &Report, index: usize) -> Result<Vec<Room>, Unreadable> {
    const WHAT: &str = "what is free in the volume group";
    let answer = read::<LogicalVolumes<Room>>(report, index, WHAT)?;
    let rows = rows(answer, WHAT, no_group)?;
    Ok(rows.into_iter().flat_map(|report| report.lv).collect())
}

/// Whether these words say that there is no such volume group: none was made, or its disk was lost or given back.
pub(crate) fn no_group(words: &str) -> bool {
    words.contains("volume group") && words.contains("not found")
}

/// The physical volume that `pvs DEVICE` describes; `None` when the device is not one.
pub(crate) fn physical_volume(report: &Report, index: usize) -> Result<Option<PhysicalVolume>, Unreadable> {
    const WHAT: &str = "what LVM knows of the device";
    let unknown = [
        "failed to find physical volume",
        "failed to find device",
        "cannot use",
    ];
    let answer = read::<PhysicalVolumes>(report, index, WHAT)?;
    let rows = rows(answer, WHAT, |words| {
        unknown.iter().any(|phrase| words.contains(phrase))
    })?;
    Ok(rows.into_iter().flat_map(|report| report.pv).next())
}

/// Why LVM leaves the device out that `pvs DEVICE` was asked about; `None` where it does not, or is not what it is about.
pub(crate) fn left_out(report: &Report, index: usize) -> Option<String> {
    let output = report.output(index)?;
    let mut lines = output.stderr.lines().chain(output.stdout.lines());
    let line = lines.find(|line| line.contains("Cannot use "))?;
    let (_, reason) = line.split_once(": ")?;
    Some(complaint::clean(reason))
}

/// The logical volumes that `lvs GROUP` lists; none when there is no such group.
pub(crate) fn logical_volumes(report: &Report, index: usize) -> Result<Vec<LogicalVolume>, Unreadable> {
    const WHAT: &str = "which logical volumes there are";
    let answer = read::<LogicalVolumes<LogicalVolume>>(report, index, WHAT)?;
    let rows = rows(answer, WHAT, no_group)?;
    Ok(rows.into_iter().flat_map(|report| report.lv).collect())
}
