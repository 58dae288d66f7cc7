//! What is there of a brick?

use mortar_argv::{Batch, Command, Report};
use mortar_model::layout::{self, BrickPlace};
use mortar_model::{BrickId, BrickNames, ByteSize, DeviceId, DevicePath, LvmName};

use crate::answer::{self, LogicalVolume, Unreadable};
use crate::{Settings, program};

/// Which brick, and where.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The brick.
    pub brick: BrickId,
    /// Its device.
    pub device: DeviceId,
    /// The device's path.
    pub device_path: &'a DevicePath,
    /// Whether its file system is in an image file, else on a logical volume.
    pub image: bool,
    /// What it is called there, where that does not follow from the ids.
    pub names: Option<&'a BrickNames>,
    /// The thin pool that it is in, where that was made for another brick.
    pub pool: Option<&'a LvmName>,
}

impl<'a> Site<'a> {
    /// Where it is on its node.
    pub fn place(&self) -> BrickPlace<'a> {
        BrickPlace {
            device: self.device,
            brick: self.brick,
            names: self.names,
            pool: self.pool,
        }
    }
}

/// What was found of a brick.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrickState {
    /// Its image file or logical volume.
    pub space: Option<Space>,
    /// Its image, or its logical volume, begun and not whole.
    pub image_in_making: bool,
    /// Tags of its logical volume.
    pub tags: Vec<String>,
    /// Its thin pool, with or without a volume in it, be that its own or another brick's.
    pub pool: bool,
    /// Whether the node mounts it when it starts.
    pub mount_entry: bool,
    /// What is mounted at its mount point.
    pub mount: Option<Mounted>,
    /// Whether the mount point is there.
    pub mount_point: bool,
    /// Group of its folder; `None` when there is no folder.
    pub folder_gid: Option<u32>,
    /// Text of its identity file.
    pub identity: Option<String>,
}

/// The space under a brick's file system.
#[derive(Clone, Debug, PartialEq)]
pub struct Space {
    /// Image file, or logical volume as `group/volume`.
    pub name: String,
    /// Its size as its file system sees it.
    pub size: ByteSize,
    /// Bytes that are really taken of the device, when the node can tell.
    pub taken: Option<ByteSize>,
}

/// What is mounted at a brick's mount point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mounted {
    /// The block device.
    pub source: String,
    /// Whether that is the brick's own.
    pub ours: bool,
    /// Size of the file system.
    pub size: ByteSize,
    /// Space taken in it.
    pub used: ByteSize,
}

impl BrickState {
    /// Whether there is nothing of the brick at all.
    pub fn nothing(&self) -> bool {
        *self == Self::default()
    }
}

// Items of `ask`, in order.
const IDENTITY: usize = 0;
const MOUNT: usize = 1;
const FOLDERS: usize = 2;
const ENTRY: usize = 3;
const SPACE: usize = 4;
const LOOPS: usize = 5;

/// What to run.
pub fn ask(settings: &Settings, site: &Site<'_>) -> Batch {
    let folders = [site.place().mount_point(), site.place().brick_path()];
    let batch = Batch::new()
        .ask(program::read(settings, site.place().identity_file()))
        .ask(find_mount(settings, site))
        .ask(
            program::program(settings, "stat")
                .arg("--format=%n|%F|%g")
                .args(folders),
        )
        .ask(
            program::program(settings, "grep")
                .args(["-F", "-e", &mount_mark(site)])
                .arg(&settings.fstab),
        );
    space(settings, site).into_iter().fold(batch, Batch::ask)
}

/// What is mounted at its mount point.
pub(crate) fn find_mount(settings: &Settings, site: &Site<'_>) -> Command {
    program::program(settings, "findmnt")
        .args([
            "--json",
            "--bytes",
            "--output",
            "TARGET,SOURCE,FSTYPE,SIZE,USED,AVAIL",
        ])
        .args(["--mountpoint", &site.place().mount_point()])
}

fn space(settings: &Settings, site: &Site<'_>) -> Vec<Command> {
    if !site.image {
        let group = layout::volume_group(site.device);
        return vec![program::lvm_report(settings, "lvs", answer::LV_COLUMNS).arg(group)];
    }
    let find = program::program(settings, "find")
        .arg(layout::image_folder(site.device_path))
        .args(["-mindepth", "1", "-maxdepth", "1"])
        .args([
            "-name",
            &format!("brick_{}.img*", site.brick),
            "-printf",
            "%f|%s|%b\\n",
        ]);
    let loops = program::program(settings, "losetup")
        .args(["--json", "--list", "--output", "NAME,BACK-FILE", "--associated"])
        .arg(layout::image(site.device_path, site.brick));
    vec![find, loops]
}

/// The part of a brick's mount entry that no other entry has: mount point and file system, with their blanks.
pub(crate) fn mount_mark(site: &Site<'_>) -> String {
    format!(" {} xfs ", site.place().mount_point())
}

/// Reads the answers.
///
/// # Errors
/// The node did not answer, or not in a way that is understood.
pub fn read(site: &Site<'_>, report: &Report) -> Result<BrickState, Unreadable> {
    let mut state = BrickState {
        identity: answer::text_of(report, IDENTITY, "the brick's identity file")?.map(str::to_owned),
        mount_entry: mount_entry(report)?,
        ..BrickState::default()
    };
    read_folders(site, report, &mut state)?;
    let ours = if site.image {
        read_image(site, report, &mut state)?
    } else {
        read_volume(site, report, &mut state)?
    };
    state.mount = answer::mount(report, MOUNT)?.map(|mount| Mounted {
        ours: ours.contains(&mount.source),
        source: mount.source,
        size: mount.size,
        used: mount.used,
    });
    Ok(state)
}

/// `grep` ends with 1 when it finds nothing and with 2 when the file is not there.
fn mount_entry(report: &Report) -> Result<bool, Unreadable> {
    const WHAT: &str = "the brick's mount entry";
    let output = answer::ran(report, ENTRY, WHAT)?;
    match output.status {
        0 => Ok(true),
        1 => Ok(false),
        _ => answer::text_of(report, ENTRY, WHAT).map(|_| false),
    }
}

/// `stat` prints what is there and complains of what is not.
fn read_folders(site: &Site<'_>, report: &Report, state: &mut BrickState) -> Result<(), Unreadable> {
    const WHAT: &str = "the brick's folders";
    answer::text_of(report, FOLDERS, WHAT)?;
    let output = answer::ran(report, FOLDERS, WHAT)?;
    let folder = site.place().brick_path();
    for line in output.stdout.lines() {
        let mut fields = line.split('|');
        let (name, kind, gid) = (fields.next(), fields.next(), fields.next());
        if name == Some(folder.as_str()) {
            state.folder_gid = gid
                .and_then(|gid| gid.trim().parse().ok())
                .filter(|_| kind == Some("directory"));
        } else {
            state.mount_point = true;
        }
    }
    Ok(())
}

/// Image and half-made image; answers which loop devices serve it.
fn read_image(site: &Site<'_>, report: &Report, state: &mut BrickState) -> Result<Vec<String>, Unreadable> {
    let name = layout::image(site.device_path, site.brick);
    for line in answer::text_of(report, SPACE, "the brick's image")?
        .unwrap_or_default()
        .lines()
    {
        let mut fields = line.split('|');
        let (file, size, blocks) = (fields.next().unwrap_or_default(), fields.next(), fields.next());
        let number = |field: Option<&str>| field.and_then(|field| field.trim().parse::<u64>().ok());
        if !name.ends_with(&format!("/{file}")) {
            state.image_in_making = true;
        } else if let Some(size) = number(size) {
            // `find` counts blocks of 512 bytes.
            let taken = number(blocks).map(|blocks| ByteSize::from_bytes(blocks.saturating_mul(512)));
            state.space = Some(Space {
                name: name.clone(),
                size: ByteSize::from_bytes(size),
                taken,
            });
        }
    }
    Ok(answer::loop_devices(report, LOOPS)?
        .into_iter()
        .map(|used| used.device)
        .collect())
}

/// Pool and logical volume; answers the names under which the volume can be mounted.
fn read_volume(site: &Site<'_>, report: &Report, state: &mut BrickState) -> Result<Vec<String>, Unreadable> {
    let (group, volume) = (layout::volume_group(site.device), site.place().logical_volume());
    let pool = site.place().thin_pool();
    let making = layout::logical_volume_in_making(site.brick);
    for found in answer::logical_volumes(report, SPACE)? {
        if found.lv_name == volume {
            state.space = Some(Space {
                name: format!("{group}/{volume}"),
                size: found.lv_size,
                taken: taken(&found),
            });
            state.tags = found.lv_tags;
        } else if found.lv_name == pool {
            state.pool = true;
        } else if found.lv_name == making {
            state.image_in_making = true;
        }
    }
    Ok(volume_paths(site))
}

/// The names under which a brick's logical volume can be mounted. Device-mapper doubles a dash of a name.
pub(crate) fn volume_paths(site: &Site<'_>) -> Vec<String> {
    let (group, volume) = (layout::volume_group(site.device), site.place().logical_volume());
    vec![
        format!(
            "/dev/mapper/{}-{}",
            group.replace('-', "--"),
            volume.replace('-', "--")
        ),
        format!("/dev/{group}/{volume}"),
    ]
}

/// What a mount entry of the brick may name: its image or logical volume, or its file system by UUID.
pub fn sources(site: &Site<'_>) -> Vec<String> {
    let mut sources = if site.image {
        vec![layout::image(site.device_path, site.brick)]
    } else {
        volume_paths(site)
    };
    if site.place().has_own_uuid() {
        sources.push(format!("UUID={}", layout::file_system_uuid(site.brick)));
    }
    sources
}

fn taken(volume: &LogicalVolume) -> Option<ByteSize> {
    let percent = volume.data_percent?;
    // Per cents have two decimals: the error is a ten-thousandth of the size.
    let hundredths = (percent * 100.0).clamp(0.0, 10_000.0) as u64;
    u64::try_from(u128::from(volume.lv_size.bytes()) * u128::from(hundredths) / 10_000)
        .ok()
        .map(ByteSize::from_bytes)
}
