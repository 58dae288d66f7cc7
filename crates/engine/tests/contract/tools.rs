//! The tools themselves: the same words typed at them end with the same status and the same text.

use mortar_argv::{Batch, Command};

use crate::ground::ground;
use crate::twin::Twin;
use crate::words;

/// Commands as Mortar types them, over states that it meets. `=` sets the standard input.
const SCRIPT: &str = "
# Folders and files.
mkdir -p /disks/disk2/t/a/b
mkdir /disks/disk2/t/a
mkdir /disks/disk2/none/a
test -d /disks/disk2/t/a
test -d /disks/disk2/t/none
test -e /disks/disk2/t/none
test -s /disks/disk2/t/none
tee /disks/disk2/t/file =some words
tee -a /disks/disk2/t/file =more
tee /disks/disk2/none/file =x
tee /disks/disk2/t/a =x
cat /disks/disk2/t/file
cat /disks/disk2/t/none
cat /disks/disk2/t/a
cat /disks/disk2/t/file/below
test -s /disks/disk2/t/file
test -d /disks/disk2/t/file
stat --dereference --format=%F /disks/disk2/t
stat --dereference --format=%F /disks/disk2/t/file
stat --dereference --format=%F /disks/disk2/t/none
stat --format=%n|%F|%g /disks/disk2/t /disks/disk2/t/none /disks/disk2/t/file
find /disks/disk2/t -mindepth 1 -maxdepth 1 -not -name a -print -quit
find /disks/disk2/t/none -mindepth 1 -maxdepth 1 -print -quit
find /disks/disk2/t/a/b -mindepth 1 -maxdepth 1 -print -quit
find /disks/disk2/t -mindepth 1 -maxdepth 1 -name f* -printf %f|%s\\n
truncate --size=536870912 /disks/disk2/t/image
truncate --size=1 /disks/disk2/none/image
find /disks/disk2/t -mindepth 1 -maxdepth 1 -name image -printf %f|%s|%b\\n
mkdir -p /disks/disk2/t/a/b/c /disks/disk2/t/a/d
tee /disks/disk2/t/a/b/c/one =first
tee -a /disks/disk2/t/a/b/c/one =second
tee /disks/disk2/t/a/d/one =other
truncate --size=100000 /disks/disk2/t/a/long
find /disks/disk2/t/a -mindepth 1 -maxdepth 2 -name b -type d -printf d|%G|%P\\n -o -name d -type f -printf f|%s|%P\\n
find /disks/disk2/t/a /disks/disk2/t/none -mindepth 1 -maxdepth 1 -name l*n* -printf %s|%p\\n
find /disks/disk2/t/a -mindepth 1 -name long -type f -size -99k -printf %f\\n
find /disks/disk2/t/a -mindepth 3 -maxdepth 3 -name one -type f -size -65k -exec grep -aFH \"\" {} +
find /disks/disk2/t/a -mindepth 1 -maxdepth 1 -name none -exec grep -aFH \"\" {} +
find /disks/disk2/t/none -mindepth 1 -exec grep -aFH \"\" {} +
find /disks/disk2/t/a -mindepth 1 -maxdepth 1 -name long -exec grep -FH x {} +
grep -F o /disks/disk2/t/a/d/one /disks/disk2/t/none
grep -aFH -e o /disks/disk2/t/a/d/one
rm -f /disks/disk2/t/a/long
rm -rf --one-file-system /disks/disk2/t/a/b/c /disks/disk2/t/a/d
chown :2001 /disks/disk2/t/a
chmod 2775 /disks/disk2/t/a
chown :2001 /disks/disk2/t/none
chmod 2775 /disks/disk2/t/none
stat --format=%n|%F|%g /disks/disk2/t/a
mv /disks/disk2/t/file /disks/disk2/t/moved
mv /disks/disk2/t/file /disks/disk2/t/moved
rmdir /disks/disk2/t/none
rmdir /disks/disk2/t/a
rmdir /disks/disk2/t/moved
rm -f /disks/disk2/t/moved /disks/disk2/t/none
rm -f /disks/disk2/t/a
rm /disks/disk2/t/none
# The file of mount entries.
flock /disks/disk2/t/tab.lock tee -a /disks/disk2/t/tab =/images/x /mounts/x xfs loop,noatime 0 0
flock /disks/disk2/t/tab.lock tee -a /disks/disk2/t/tab =/images/y /mounts/y xfs loop,noatime 0 0
grep -qsF -e \" /mounts/x xfs \" /disks/disk2/t/tab
grep -qsF -e \" /mounts/z xfs \" /disks/disk2/t/tab
grep -F -e \" /mounts/x xfs \" /disks/disk2/t/none
grep -qsF -e x /disks/disk2/t/none
flock /disks/disk2/t/tab.lock sed -i -e \"\\| /mounts/x xfs |d\" /disks/disk2/t/tab
cat /disks/disk2/t/tab
flock /disks/disk2/t/tab.lock sed -i -e $a\\ /disks/disk2/t/tab
flock /disks/disk2/t/tab.lock sed -i -e $a\\ /disks/disk2/t/none
# File systems and mounts.
mkfs.xfs -q -K -i size=512 -n size=8192 -f -m uuid=0f0f0f0f-0f0f-0f0f-0f0f-0f0f0f0f0f0f /disks/disk2/t/image
mkfs.xfs -q /disks/disk2/t/image
mkfs.xfs -q /disks/disk2/t/none
mountpoint -q /disks/disk2/t/m
mkdir /disks/disk2/t/m
mountpoint -q /disks/disk2/t/m
findmnt --json --bytes --output TARGET,SOURCE,FSTYPE --mountpoint /disks/disk2/t/m
findmnt --json --bytes --output TARGET,SOURCE,FSTYPE --mountpoint /disks/disk2/t/none
mount -o loop,rw,inode64,noatime,nouuid /disks/disk2/t/image /disks/disk2/t/none
mount -o loop,rw,inode64,noatime,nouuid /disks/disk2/t/none /disks/disk2/t/m
mount -o loop,rw,inode64,noatime,nouuid /disks/disk2/t/image /disks/disk2/t/m
mountpoint -q /disks/disk2/t/m
findmnt --json --bytes --output TARGET,SOURCE,FSTYPE --mountpoint /disks/disk2/t/m
losetup --json --list --output NAME,BACK-FILE --associated /disks/disk2/t/image
losetup --json --list --output NAME,BACK-FILE --associated /disks/disk2/t/none
mkdir -p /disks/disk2/t/m/brick
find /disks/disk2/t -mindepth 2 -maxdepth 2 -name brick -type d -printf %P\\n
rmdir /disks/disk2/t/m
umount /disks/disk2/t/m
umount /disks/disk2/t/m
umount /disks/disk2/t/none
test -d /disks/disk2/t/m/brick
losetup --json --list --output NAME,BACK-FILE --associated /disks/disk2/t/image
df --block-size=1 --output=fstype /disks/disk2/t/none
du --summarize --block-size=1 /disks/disk2/t/none
rm -rf --one-file-system /disks/disk2/t
rm -rf --one-file-system /disks/disk2/t
test -e /disks/disk2/t
# Block devices.
lsblk --json --bytes --paths --output NAME,TYPE,SIZE,RO,MOUNTPOINT /dev/mortar-none
wipefs --json --output TYPE /dev/mortar-none
wipefs --all /dev/mortar-none
pvcreate -qq /dev/mortar-none
vgs -qq vg_mortar_none
vgremove -qq vg_mortar_none
pvremove -qq /dev/mortar-none
lvs -qq vg_mortar_none/brick
blkid -c /dev/null -t UUID=0f0f0f /dev/mortar-none
";

#[test]
fn the_tools_say_the_same() {
    let _beside = ground().beside_others();
    let mut twin = Twin::new();
    for line in SCRIPT.lines().filter(|line| !line.is_empty()) {
        if let Some(heading) = line.strip_prefix("# ") {
            twin.say(heading);
            continue;
        }
        let (typed, input) = match line.split_once(" =") {
            Some((typed, input)) => (typed, format!("{input}\n")),
            None => (line, String::new()),
        };
        let words = split(typed);
        let command = Command::new(words[0].as_str())
            .args(words[1..].iter().map(|word| word.replace("\\n", "\n")))
            .input(input);
        twin.ask(line, 4, &Batch::new().ask(command), words::report);
    }
    twin.ends("tools");
}

/// Words parted by blanks; double quotes keep them together.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for c in line.chars() {
        match c {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            c => words.last_mut().unwrap().push(c),
        }
    }
    words
}
