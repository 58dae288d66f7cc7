//! Is a device still at its path, or is something else there by now?

use mortar_argv::{Batch, Report};
use mortar_model::{Device, DeviceKind, DevicePath, layout};

use crate::answer::{self, Unreadable};
use crate::{Settings, program};

const WHAT: &str = "what is at the path of the device";

/// What to run.
pub fn ask(settings: &Settings, path: &DevicePath) -> Batch {
    if DeviceKind::is_block_path(path) {
        return Batch::new().ask(program::lvm_report(settings, "pvs", answer::PV_COLUMNS).arg(path.as_str()));
    }
    Batch::new()
        .ask(program::program(settings, "mountpoint").args(["-q", path.as_str()]))
        .ask(program::read(settings, layout::device_identity_file(path)))
}

/// Whether something else is there for sure: another disk or none; or another file system, mounted. A directory where nothing is mounted
/// may only wait for its disk.
///
/// # Errors
/// The node did not answer, or cannot tell.
pub fn is_gone(device: &Device, report: &Report) -> Result<bool, Unreadable> {
    match &device.kind {
        DeviceKind::Lvm { uuid, .. } => {
            let found = answer::physical_volume(report, 0)?;
            Ok(found.is_none_or(|found| found.pv_uuid != *uuid))
        }
        DeviceKind::Directory => {
            let is_mounted = answer::ran(report, 0, WHAT)?.success();
            let identity = answer::text_of(report, 1, WHAT)?;
            let names_it = identity.is_some_and(|text| text.contains(&device.id.to_string()));
            Ok(is_mounted && !names_it)
        }
        DeviceKind::Adopted => Ok(false),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use mortar_argv::{Outcome, Output, Report};
    use mortar_model::{ByteSize, Device, DeviceId, DeviceKind, DevicePath, NodeId, State, Tags};

    use super::is_gone;

    fn device(kind: DeviceKind) -> Device {
        Device {
            id: DeviceId::from_u128(0xd),
            node: NodeId::from_u128(1),
            path: DevicePath::new("/disks/one").unwrap(),
            kind,
            tags: Tags::new(),
            state: State::Online,
            total: ByteSize::from_gib(1),
        }
    }

    fn report(answers: &[(i32, &str, &str)]) -> Report {
        let ran = |(status, stdout, stderr): &(i32, &str, &str)| {
            Outcome::Ran(Output {
                status: *status,
                stdout: (*stdout).to_owned(),
                stderr: (*stderr).to_owned(),
            })
        };
        Report {
            outcomes: answers.iter().map(ran).collect(),
            broken: None,
        }
    }

    const NO_FILE: (i32, &str, &str) = (
        1,
        "",
        "cat: /disks/one/mortar-device.json: No such file or directory",
    );

    #[test]
    fn a_directory_is_gone_only_under_another_file_system() {
        let device = device(DeviceKind::Directory);
        let own = format!("{{\"mortar\": 1, \"device\": \"{}\"}}", device.id);
        let gone = |answers: &[_]| is_gone(&device, &report(answers));
        assert_eq!(gone(&[(0, "", ""), NO_FILE]), Ok(true));
        assert_eq!(gone(&[(0, "", ""), (0, "{\"device\": \"e\"}", "")]), Ok(true));
        assert_eq!(gone(&[(0, "", ""), (0, &own, "")]), Ok(false));
        // Its disk may only not be mounted.
        assert_eq!(gone(&[(32, "", ""), NO_FILE]), Ok(false));
        assert!(gone(&[(0, "", ""), (1, "", "cat: Input/output error")]).is_err());
    }

    #[test]
    fn a_disk_is_gone_when_lvm_finds_another_or_none() {
        let device = device(DeviceKind::Lvm {
            extent: ByteSize::from_mib(4),
            uuid: "own".into(),
            paths: Vec::new(),
            shared: None,
        });
        let listed = |uuid: &str| {
            format!(
                r#"{{"report": [{{"pv": [{{"pv_name": "/dev/sdb", "pv_uuid": "{uuid}", "pv_size": "1", "vg_name": "", "vg_uuid": "", "vg_size": "0", "vg_free": "0", "vg_extent_size": "0", "vg_tags": ""}}]}}]}}"#
            )
        };
        let gone = |answer: (i32, &str, &str)| is_gone(&device, &report(&[answer]));
        assert_eq!(gone((0, &listed("own"), "")), Ok(false));
        assert_eq!(gone((0, &listed("other"), "")), Ok(true));
        assert_eq!(
            gone((
                5,
                r#"{"report": [{"pv": []}]}"#,
                "  Failed to find physical volume \"/dev/sdb\"."
            )),
            Ok(true)
        );
        assert!(gone((5, "", "  /run/lock/lvm/P_global: open failed: Permission denied")).is_err());
    }
}
