//! The floor: the commands that a volume needs, run by plain scripts inside the nodes, with nothing around them.
//!
//! No ssh, no guards, no locks of ours, no records: what a person would paste who knew exactly what is missing.

use std::process::Child;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use mortar_argv::{Batch, Guard, OnFailure};
use mortar_command::Settings;
use mortar_lab::Lab;
use mortar_model::work::{BrickAddress, BrickSpec, GrowthPart, GrowthSpec, Thing, VolumeSpec};
use mortar_model::{
    BrickId, BrickSpace, ByteSize, DeviceId, DevicePath, HostName, VolumeId, VolumeName, VolumeOption, layout,
};

/// The device of all bricks.
const DEVICE: DeviceId = DeviceId::from_u128(0xf100);

/// More than a heal takes in a guest on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);

/// A volume of the floor: one brick on each node.
pub(crate) struct Volume {
    bricks: Vec<BrickSpec>,
    spec: VolumeSpec,
}

pub(crate) struct Floor<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) settings: Settings,
    /// Whether bricks are thin volumes, in a group of the floor's own; else images on each node's first directory.
    thin: bool,
    counter: Mutex<u128>,
}

/// What a brick of so many GiB takes of its group, as Mortar reckons it.
fn thin_space(gib: u64) -> BrickSpace {
    BrickSpace::ThinPool {
        pool: ByteSize::from_gib(gib),
        metadata: ByteSize::from_mib(4 * gib + 4),
    }
}

impl<'a> Floor<'a> {
    pub(crate) fn new(lab: &'a Lab) -> Self {
        let settings = Settings {
            fstab: lab.fstab().to_owned(),
            ..Settings::default()
        };
        Self {
            lab,
            settings,
            thin: false,
            counter: Mutex::new(0xf100 << 64),
        }
    }

    /// With thin volumes, in a group that is made of this disk of each node.
    pub(crate) fn thin(lab: &'a Lab, disk: u32) -> Self {
        for node in lab.nodes() {
            let (group, path) = (layout::volume_group(DEVICE), lab.disk(&node.name, disk).unwrap());
            let script = format!("vgcreate -qq {group} {path}");
            let made = lab.exec(&node.name, &["sh", "-c", &script], LIMIT).unwrap();
            assert!(made.status.success(), "{made:?}");
        }
        Self {
            thin: true,
            ..Self::new(lab)
        }
    }

    fn id(&self) -> u128 {
        let mut counter = self.counter.lock().unwrap();
        *counter += 1;
        *counter
    }

    fn volume(&self) -> Volume {
        let (volume, name) = (
            VolumeId::from_u128(self.id()),
            VolumeName::new(format!("floor_{:x}", self.id())).unwrap(),
        );
        let disk = DevicePath::new("/disks/disk1").unwrap();
        let bricks: Vec<BrickSpec> = (0..self.lab.nodes().len())
            .map(|_| self.brick(volume, &disk))
            .collect();
        let addresses = bricks
            .iter()
            .zip(self.lab.nodes())
            .map(|(brick, node)| BrickAddress {
                brick: brick.brick,
                host: HostName::new(node.address.to_string()).unwrap(),
                path: layout::brick_path(brick.device, brick.brick),
            });
        // As many options as Mortar sets: one transaction, whatever their number.
        let options = (0..7)
            .map(|number| VolumeOption::new(format!("user.floor.{number}"), "1").unwrap())
            .collect();
        let spec = VolumeSpec {
            volume,
            name,
            replica: 3,
            arbiter: false,
            disperse: None,
            bricks: addresses.collect(),
            options,
        };
        Volume { bricks, spec }
    }

    fn brick(&self, volume: VolumeId, disk: &DevicePath) -> BrickSpec {
        BrickSpec {
            brick: BrickId::from_u128(self.id()),
            volume,
            device: DEVICE,
            device_path: disk.clone(),
            space: if self.thin {
                thin_space(1)
            } else {
                BrickSpace::Image
            },
            size: ByteSize::from_gib(1),
            arbiter: false,
            gid: 0,
            identity: "{}\n".into(),
            from: None,
            names: None,
            pool: None,
        }
    }

    /// Makes the bricks of a volume larger by 1 GiB where they are, all nodes at once, and writes its new size down as Mortar does.
    pub(crate) fn grow(&self, volume: &Volume) {
        let script = |brick: &BrickSpec| {
            let part = |part| {
                let spec = GrowthSpec {
                    part,
                    brick: BrickSpec {
                        space: thin_space(2),
                        size: ByteSize::from_gib(2),
                        ..brick.clone()
                    },
                    space_before: brick.space,
                };
                plain(&mortar_command::make(&Thing::Growth(spec), &self.settings))
            };
            format!("{} && {}", part(GrowthPart::Space), part(GrowthPart::FileSystem))
        };
        self.on_all(volume.bricks.iter().map(script));
        let name = &volume.spec.name;
        let options: String = (0..7).map(|number| format!(" user.floor.{number} 2")).collect();
        self.on_first(&format!(
            "gluster --mode=script volume set {name}{options} >/dev/null"
        ));
    }

    /// Moves the volume's brick of the first node to a new one in the same group; how long its heal took, and all of it.
    pub(crate) fn replace(&self, volume: &mut Volume) -> (Duration, Duration) {
        let begun = Instant::now();
        let old = volume.bricks[0].clone();
        let new = self.brick(old.volume, &old.device_path);
        let make = plain(&mortar_command::make(&Thing::Brick(new.clone()), &self.settings));
        self.on_all(std::iter::once(make));
        let (name, host) = (&volume.spec.name, &volume.spec.bricks[0].host);
        let path = |brick: &BrickSpec| layout::brick_path(brick.device, brick.brick);
        let healing = Instant::now();
        self.on_first(&format!(
            "gluster --mode=script volume replace-brick {name} {host}:{} {host}:{} commit force >/dev/null",
            path(&old),
            path(&new)
        ));
        // Asked for again and again: what is asked before the self-heal daemon has seen the new brick is lost, and by itself it looks
        // every ten minutes.
        self.on_first(&format!(
            "until gluster volume heal {name} info summary | awk '/Total Number of entries/ {{ n += $NF; c++ }} END {{ exit n > 0 || c < 3 }}'; \
             do gluster volume heal {name} >/dev/null || :; sleep 0.2; done"
        ));
        let healed = healing.elapsed();
        self.on_all(std::iter::once(self.remove(&old)));
        volume.bricks[0] = new;
        (healed, begun.elapsed())
    }

    /// Where clients find it.
    pub(crate) fn name<'v>(&self, volume: &'v Volume) -> &'v str {
        volume.spec.name.as_str()
    }

    /// Makes a volume: bricks on all nodes at once, then GlusterFS's part on the first.
    pub(crate) fn make(&self) -> Volume {
        let volume = self.volume();
        let script = |brick: &BrickSpec| {
            plain(&mortar_command::make(
                &Thing::Brick(brick.clone()),
                &self.settings,
            ))
        };
        self.on_all(volume.bricks.iter().map(script));
        self.on_first(&plain(&mortar_command::make(
            &Thing::Volume(volume.spec.clone()),
            &self.settings,
        )));
        volume
    }

    pub(crate) fn delete(&self, volume: &Volume) {
        let name = &volume.spec.name;
        let gluster = "gluster --mode=script volume";
        self.on_first(&format!(
            "{gluster} stop {name} force >/dev/null && {gluster} delete {name} >/dev/null"
        ));
        self.on_all(volume.bricks.iter().map(|brick| self.remove(brick)));
    }

    fn remove(&self, brick: &BrickSpec) -> String {
        let fstab = &self.settings.fstab;
        let mount = layout::mount_point(brick.device, brick.brick);
        let id = brick.brick;
        let space = if self.thin {
            let pool = format!("{}/{}", layout::volume_group(brick.device), layout::thin_pool(id));
            format!("lvremove -qq --yes {pool}")
        } else {
            format!("rm -f {}", layout::image(&brick.device_path, id))
        };
        format!("umount {mount} && flock {fstab}.lock sed -i -e /{id}/d {fstab} && {space} && rmdir {mount}")
    }

    /// Makes `count` volumes, `width` at a time.
    pub(crate) fn burst(&self, count: usize, width: usize) -> (Vec<Volume>, Duration) {
        let (done, began) = (Mutex::new(Vec::new()), Instant::now());
        let left = Mutex::new(count);
        in_parallel(width, || {
            take(&left)
                .then(|| {
                    let volume = self.make();
                    done.lock().unwrap().push(volume);
                })
                .is_some()
        });
        (done.into_inner().unwrap(), began.elapsed())
    }

    /// Deletes these, `width` at a time.
    pub(crate) fn delete_all(&self, volumes: Vec<Volume>, width: usize) -> Duration {
        let (left, began) = (Mutex::new(volumes), Instant::now());
        in_parallel(width, || {
            let next = left.lock().unwrap().pop();
            next.map(|volume| self.delete(&volume)).is_some()
        });
        began.elapsed()
    }

    fn on_all(&self, scripts: impl Iterator<Item = String>) {
        let nodes = self.lab.nodes();
        let children: Vec<Child> = scripts
            .zip(&nodes)
            .map(|(script, node)| self.lab.spawn(&node.name, &["sh", "-c", &script]).unwrap())
            .collect();
        for mut child in children {
            assert!(child.wait().unwrap().success(), "a script of the floor failed");
        }
    }

    fn on_first(&self, script: &str) {
        let first = &self.lab.nodes()[0].name;
        // glusterd's lock: the plain script tries again, as Mortar does.
        let script =
            format!("n=0; until ( {script} ); do n=$((n+1)); [ $n -lt 60 ] || exit 1; sleep 0.1; done");
        let output = self.lab.exec(first, &["sh", "-c", &script], LIMIT).unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn take(left: &Mutex<usize>) -> bool {
    let mut left = left.lock().unwrap();
    let some = *left > 0;
    *left = left.saturating_sub(1);
    some
}

fn in_parallel(width: usize, work: impl Fn() -> bool + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..width {
            scope.spawn(|| while work() {});
        }
    });
}

/// The commands of a batch, one after the other, without guards.
fn plain(batch: &Batch) -> String {
    let commands = batch
        .items()
        .iter()
        .map(|item| match item.command.standard_input() {
            Some(input) => format!(
                "printf %s {} | {} >/dev/null",
                mortar_argv::script::quote(input),
                item.command
            ),
            // Such as a spare of LVM's that is removed where there is one.
            None if item.on_failure == OnFailure::Continue || matches!(item.guard, Guard::OnlyIf(_)) => {
                format!("{{ {} >/dev/null || :; }}", item.command)
            }
            None => format!("{} >/dev/null", item.command),
        });
    commands.collect::<Vec<_>>().join(" && ")
}
