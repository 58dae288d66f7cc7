//! Raw block volumes: an image file on the volume behind a loop device, with direct I/O, so that what an application writes past
//! its caches is on the bricks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use tonic::Status;

use super::failed;
use super::record::Record;

/// The image's name on the volume.
const IMAGE: &str = "image";
/// Where the kernel tells of loop devices.
const DEVICES: &str = "/sys/block";

/// The image of a staged volume.
pub(super) fn image(record: &Record) -> PathBuf {
    record.staging.join(IMAGE)
}

/// The loop device of a volume's image, attached when it is not: readers have one of their own, which cannot be written.
pub(super) fn attach(record: &Record, read_only: bool) -> Result<PathBuf, Status> {
    let image = image(record);
    grow(&image, record.size)?;
    if let Some(device) = find(&image)?
        .into_iter()
        .find(|device| device.read_only == read_only)
    {
        return Ok(device.path);
    }
    let mut command = Command::new("losetup");
    command.args(["--find", "--show", "--direct-io=on"]);
    if read_only {
        command.arg("--read-only");
    }
    let said = losetup(command.arg(&image), "attaching the image")?;
    Ok(PathBuf::from(said.trim()))
}

/// Detaches all loop devices of a volume's image. One that is in use goes with its last user.
pub(super) fn detach(record: &Record) -> Result<(), Status> {
    for device in find(&image(record))? {
        losetup(
            Command::new("losetup").arg("--detach").arg(&device.path),
            "detaching the image",
        )?;
    }
    Ok(())
}

/// Makes the image as large as this, if it is smaller, and lets its devices know.
pub(super) fn enlarge(record: &Record, size: u64) -> Result<(), Status> {
    let image = image(record);
    grow(&image, size)?;
    for device in find(&image)? {
        losetup(
            Command::new("losetup").arg("--set-capacity").arg(&device.path),
            "making the device larger",
        )?;
    }
    Ok(())
}

/// Bytes of a volume's block device; none where it has none.
pub(super) fn size(record: &Record) -> Result<Option<u64>, Status> {
    let sectors = |device: Device| {
        let name = device.path.file_name()?.to_owned();
        let text = fs::read_to_string(Path::new(DEVICES).join(name).join("size")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let found = find(&image(record))?.into_iter().find_map(sectors);
    Ok(found.map(|sectors| sectors * 512))
}

fn grow(image: &Path, size: u64) -> Result<(), Status> {
    let grown = || {
        let file = fs::File::options().create(true).append(true).open(image)?;
        if file.metadata()?.len() < size {
            file.set_len(size)?;
        }
        io::Result::Ok(())
    };
    grown().map_err(|error| failed(format!("making the image {}", image.display()), &error))
}

struct Device {
    path: PathBuf,
    read_only: bool,
}

/// The loop devices of an image that are not about to go. Read from the kernel: the image itself may be out of reach.
fn find(image: &Path) -> Result<Vec<Device>, Status> {
    let all = || {
        let mut found = Vec::new();
        for entry in fs::read_dir(DEVICES)? {
            let entry = entry?;
            let told = |name: &str| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
            let backing = told("loop/backing_file");
            // Detached while in use: it goes with its last user.
            let going = told("loop/autoclear").trim() == "1";
            if Path::new(backing.trim_end_matches('\n')) == image && !going {
                found.push(Device {
                    path: Path::new("/dev").join(entry.file_name()),
                    read_only: told("ro").trim() == "1",
                });
            }
        }
        io::Result::Ok(found)
    };
    all().map_err(|error| failed("looking for loop devices", &error))
}

fn losetup(command: &mut Command, attempt: &str) -> Result<String, Status> {
    let output = command
        .output()
        .map_err(|error| failed(format!("{attempt}: losetup"), &error))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(Status::internal(format!("{attempt}: {}", said.trim())))
}
