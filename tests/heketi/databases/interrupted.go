package databases

import "mortar/tests/heketi/databases/glusterfs"

// Interrupted has the kinds of operations that underWay has not, each as its Heketi leaves it when it dies in the middle: bricks that
// were exchanged, a device that was emptied, block volumes, and a clone, which no later start of Heketi gets rid of.
func interrupted() *builder {
	b := settled()

	// GlusterFS may have either brick: Heketi asks it when it cleans up.
	data := b.volumes[ID("vol_data")]
	old, new := b.bricks[data.Bricks[0]], b.replacement(data, data.Bricks[0], seat{6, "sdb"})
	id := b.operation("evict", 8, "stale", action(3, old.Info.Id, nil), action(1, new.Info.Id, nil))
	old.Pending.Id, new.Pending.Id = id, id
	// Nothing has happened yet: there is no place for a new brick.
	wide := b.volumes[ID("vol_wide")]
	first := b.bricks[wide.Bricks[0]]
	first.Pending.Id = b.operation("evict again", 8, "stale", action(3, first.Info.Id, nil))
	// A device that is emptied, and the brick that it was at.
	disperse := b.volumes[ID("vol_disperse")]
	leaves := b.bricks[ID("vol_disperse/0")]
	comes := b.replacement(disperse, leaves.Info.Id, seat{4, "sdc"})
	b.operation("remove device", 6, "stale", action(8, leaves.Info.DeviceId, nil), action(12, ID("child"), nil))
	child := b.operation("child", 8, "stale", action(3, leaves.Info.Id, nil), action(13, ID("remove device"), nil),
		action(1, comes.Info.Id, nil))
	leaves.Pending.Id, comes.Pending.Id = child, child

	host := b.volumes[ID("vol_blockhost")]
	half := b.block("blockvol_half", 2, host)
	half.Pending.Id = b.operation("create block", 4, "stale", action(6, half.Info.Id, nil))
	half.Info.BlockVolume.Iqn = ""
	gone := b.block("blockvol_gone", 3, host)
	gone.Pending.Id = b.operation("delete block", 5, "failed", action(7, gone.Info.Id, nil))
	larger := b.blocks[ID("blockvol_one")]
	larger.Pending.Id = b.operation("expand block", 9, "stale", action(14, larger.Info.Id, 7))

	b.unfinishedClone("vol_twin", b.volumes[ID("plain")])
	return b
}

// Replacement is a brick that is to take another's place: until it has, neither its volume nor its device lists it, and its space is
// taken.
func (b *builder) replacement(volume *glusterfs.VolumeEntry, old string, seat seat) *glusterfs.BrickEntry {
	size := b.bricks[old].Info.Size
	entry := b.brick(volume, len(volume.Bricks)+100, size, seat)
	volume.Bricks = without(volume.Bricks, entry.Info.Id)
	device := b.at(seat)
	device.Bricks = without(device.Bricks, entry.Info.Id)
	return entry
}

// UnfinishedClone leaves the bricks of a clone that was begun, with the paths of its origin's. The cluster lists the clone, and there is no
// entry of it.
func (b *builder) unfinishedClone(name string, origin *glusterfs.VolumeEntry) {
	changes := []glusterfs.PendingOperationAction{action(9, origin.Info.Id, nil), action(11, ID(name), nil)}
	for _, id := range origin.Bricks {
		brick := *b.bricks[id]
		brick.Info.Id, brick.Info.VolumeId = ID(name+"/"+id), ID(name)
		if brick.LvmThinPool == "" {
			brick.LvmThinPool = "tp_" + id
		}
		brick.Pending.Id = ID("clone")
		b.bricks[brick.Info.Id] = &brick
		device := b.devices[brick.Info.DeviceId]
		device.Bricks = with(device.Bricks, brick.Info.Id)
		changes = append(changes, action(1, brick.Info.Id, nil))
	}
	origin.Pending.Id = b.operation("clone", 7, "", changes...)
	cluster := b.clusters[origin.Info.Cluster]
	cluster.Info.Volumes = with(cluster.Info.Volumes, ID(name))
}
