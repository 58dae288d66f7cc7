package databases

import "mortar/tests/heketi/databases/glusterfs"

// Faulty has every fault that Heketi's own check knows, each once.
func faulty() Database {
	b := settled()
	cluster := b.clusters[ID("cluster")]
	cluster.Info.Volumes = with(cluster.Info.Volumes, ID("no such volume"))
	cluster.Info.Nodes = with(cluster.Info.Nodes, ID("no such node"))
	cluster.Info.BlockVolumes = with(cluster.Info.BlockVolumes, ID("no such block volume"))

	// A volume that says it is elsewhere.
	b.volumes[ID("plain")].Info.Cluster = ID("no such cluster")
	// A volume with a brick that is not there, and one that another volume has.
	wide := b.volumes[ID("vol_wide")]
	wide.Bricks = with(wide.Bricks, ID("no such brick"))
	wide.Bricks = with(wide.Bricks, ID("vol_data/0"))
	wide.Pending.Id = ID("no such operation")
	// A brick that nobody has, of a volume that is not there, without a path.
	stray := glusterfs.BrickEntry{Info: glusterfs.BrickInfo{
		Id: ID("stray"), DeviceId: ID("no such device"), NodeId: ID("no such node"), VolumeId: ID("no such volume"), Size: gib,
	}}
	stray.Pending.Id = ID("no such operation")
	b.bricks[stray.Info.Id] = &stray
	// A brick that its volume and its device do not know.
	disperse := b.volumes[ID("vol_disperse")]
	lost := disperse.Bricks[0]
	disperse.Bricks = without(disperse.Bricks, lost)
	device := b.devices[b.bricks[lost].Info.DeviceId]
	device.Bricks = without(device.Bricks, lost)
	// A device with a brick that is not there, one that its node does not know, and sizes that do not add up.
	other := b.devices[ID("n4/dev/sdc")]
	other.Bricks = []string{ID("no such brick"), ID("vol_data/1")}
	other.Info.Storage.Free -= extent
	node := b.nodes[ID("n5")]
	node.Devices = []string{ID("n5/dev/sdb"), ID("no such device"), ID("n6/dev/sdb")}
	// A node that is elsewhere.
	b.nodes[ID("n6")].Info.ClusterId = ID("no such cluster")
	// Block volumes.
	host := b.volumes[ID("vol_blockhost")]
	host.Info.BlockInfo.BlockVolumes = with(host.Info.BlockInfo.BlockVolumes, ID("no such block volume"))
	host.Info.BlockInfo.FreeSize--
	astray := *b.blocks[ID("blockvol_one")]
	astray.Info.Id, astray.Info.Name = ID("astray"), "astray"
	astray.Info.Cluster, astray.Info.BlockHostingVolume = ID("no such cluster"), ID("no such volume")
	b.blocks[astray.Info.Id] = &astray
	// An operation whose things do not know it, with a change of no known kind.
	b.operation("loose", 1, "stale", action(1, ID("vol_data/0"), nil), action(2, ID("vol_data"), nil),
		action(6, ID("blockvol_one"), nil), action(99, ID("vol_data"), nil))
	return b.database("faulty", 1024)
}

// All are the databases that are kept in the repository.
func All() []Database {
	return []Database{
		version4(),
		version6(),
		settled().database("version-10", 4096),
		underWay().database("under-way", 1024),
		interrupted().database("interrupted", 1024),
		large().database("large", 1024),
		faulty(),
	}
}
