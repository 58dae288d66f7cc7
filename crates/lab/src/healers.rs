//! A pool whose self-heal daemons do nothing: what is to be healed stays so.

/// Script for a node's shell (`sh -c`): what glusterd starts as the self-heal daemon from now on ends well and does nothing; all else
/// is as it was. The one that runs is ended: the nodes of a lab share their processes' numbers, and just this one's is meant.
/// `umount --lazy /usr/sbin` takes it back.
pub const NO_SELF_HEAL: &str = "
cp -a /usr/sbin /run/sbin && ln -sf /bin/true /run/sbin/glusterfs && mount --bind /run/sbin /usr/sbin || exit 1
for process in /proc/[0-9]*; do
  grep -qsa 'glusters[h]d' $process/cmdline || continue
  [ \"$(readlink $process/ns/mnt)\" = \"$(readlink /proc/self/ns/mnt)\" ] && kill ${process#/proc/}
done
true";
