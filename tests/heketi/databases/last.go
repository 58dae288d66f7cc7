package databases

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"mortar/tests/heketi/databases/glusterfs"
)

const (
	gib    = 1 << 20 // in KiB
	extent = 4096
	disk   = 25567 * extent // of 100 GiB, after 128 MiB of LVM's own
)

// Builder makes databases of the last version's shape, and keeps all references both ways.
type builder struct {
	clusters   map[string]*glusterfs.ClusterEntry
	nodes      map[string]*glusterfs.NodeEntry
	devices    map[string]*glusterfs.DeviceEntry
	bricks     map[string]*glusterfs.BrickEntry
	volumes    map[string]*glusterfs.VolumeEntry
	blocks     map[string]*glusterfs.BlockVolumeEntry
	operations map[string]*glusterfs.PendingOperationEntry
	attributes map[string]*glusterfs.DbAttributeEntry
	registry   map[string]map[string]string
}

func newBuilder() *builder {
	return &builder{
		clusters:   map[string]*glusterfs.ClusterEntry{},
		nodes:      map[string]*glusterfs.NodeEntry{},
		devices:    map[string]*glusterfs.DeviceEntry{},
		bricks:     map[string]*glusterfs.BrickEntry{},
		volumes:    map[string]*glusterfs.VolumeEntry{},
		blocks:     map[string]*glusterfs.BlockVolumeEntry{},
		operations: map[string]*glusterfs.PendingOperationEntry{},
		attributes: map[string]*glusterfs.DbAttributeEntry{},
		registry:   map[string]map[string]string{"NODE": {}, "DEVICE": {}},
	}
}

// Cluster with nodes n1, n2, … and two disks each.
func (b *builder) cluster(name string, nodes int) {
	id := ID(name)
	entry := &glusterfs.ClusterEntry{Info: glusterfs.ClusterInfoResponse{
		Id: id, Nodes: []string{}, Volumes: []string{}, BlockVolumes: []string{},
		ClusterFlags: glusterfs.ClusterFlags{Block: true, File: true},
	}}
	b.clusters[id] = entry
	for number := 1; number <= nodes; number++ {
		b.node(entry, fmt.Sprintf("n%d", number), (number-1)%3+1)
	}
}

func (b *builder) node(cluster *glusterfs.ClusterEntry, host string, zone int) {
	id := ID(host)
	entry := &glusterfs.NodeEntry{
		Entry:   glusterfs.Entry{State: "online"},
		Devices: []string{},
		Info: glusterfs.NodeInfo{Id: id, NodeAddRequest: glusterfs.NodeAddRequest{
			Zone:      zone,
			Hostnames: glusterfs.HostAddresses{Manage: []string{host}, Storage: []string{host}},
			ClusterId: cluster.Info.Id,
		}},
	}
	b.nodes[id] = entry
	b.registry["NODE"]["MANAGE"+host] = id
	b.registry["NODE"]["STORAGE"+host] = id
	cluster.Info.Nodes = with(cluster.Info.Nodes, id)
	for _, path := range []string{"/dev/sdb", "/dev/sdc"} {
		b.device(entry, path)
	}
}

func (b *builder) device(node *glusterfs.NodeEntry, path string) {
	id := ID(node.Info.Hostnames.Manage[0] + path)
	uuid := strings.ToUpper(id)
	b.devices[id] = &glusterfs.DeviceEntry{
		Entry:      glusterfs.Entry{State: "online"},
		NodeId:     node.Info.Id,
		Bricks:     []string{},
		ExtentSize: extent,
		Info: glusterfs.DeviceInfo{
			Device:  glusterfs.Device{Name: path},
			Storage: glusterfs.StorageSize{Total: disk, Free: disk},
			Id:      id,
			Paths:   []string{path},
			PvUUID: strings.Join([]string{uuid[:6], uuid[6:10], uuid[10:14], uuid[14:18], uuid[18:22], uuid[22:26],
				uuid[26:]}, "-"),
		},
	}
	node.Devices = with(node.Devices, id)
}

// Seat is where a brick goes: a node's number and a disk.
type seat struct {
	node int
	disk string
}

func (b *builder) at(seat seat) *glusterfs.DeviceEntry {
	return b.devices[ID(fmt.Sprintf("n%d/dev/%s", seat.node, seat.disk))]
}

func up(size, unit uint64) uint64 { return (size + unit - 1) / unit * unit }

// Brick of a volume, with a thin pool of its own.
func (b *builder) brick(volume *glusterfs.VolumeEntry, number int, size uint64, seat seat) *glusterfs.BrickEntry {
	id, device := ID(fmt.Sprintf("%s/%d", volume.Info.Name, number)), b.at(seat)
	factor := float64(volume.Info.Snapshot.Factor)
	pool := up(uint64(float64(size)*factor), extent)
	entry := &glusterfs.BrickEntry{
		Info: glusterfs.BrickInfo{
			Id:       id,
			Path:     "/var/lib/heketi/mounts/vg_" + device.Info.Id + "/brick_" + id + "/brick",
			DeviceId: device.Info.Id, NodeId: device.NodeId, VolumeId: volume.Info.Id, Size: size,
		},
		TpSize:           pool,
		PoolMetadataSize: up(uint64(math.Ceil(float64(pool)*0.005)), extent),
		SubType:          1,
	}
	b.put(volume, device, entry)
	taken := entry.TpSize + entry.PoolMetadataSize
	device.Info.Storage.Used += taken
	device.Info.Storage.Free -= taken
	return entry
}

func (b *builder) put(volume *glusterfs.VolumeEntry, device *glusterfs.DeviceEntry, brick *glusterfs.BrickEntry) {
	b.bricks[brick.Info.Id] = brick
	volume.Bricks = with(volume.Bricks, brick.Info.Id)
	device.Bricks = with(device.Bricks, brick.Info.Id)
}

func (b *builder) volume(name string, size int, durability glusterfs.VolumeDurability, factor float32) *glusterfs.VolumeEntry {
	cluster, id := b.clusters[ID("cluster")], ID(name)
	entry := &glusterfs.VolumeEntry{Bricks: []string{}, Durability: durability, GlusterVolumeOptions: []string{"", ""}}
	info := &entry.Info
	info.Size, info.Name, info.Id, info.Cluster = size, name, id, cluster.Info.Id
	info.Durability.Type = durability.Kind()
	switch kind := durability.(type) {
	case *glusterfs.VolumeReplicaDurability:
		info.Durability.Replicate = kind.ReplicaDurability
	case *glusterfs.VolumeDisperseDurability:
		info.Durability.Disperse = kind.DisperseDurability
	}
	info.GlusterVolumeOptions = []string{"", ""}
	info.Snapshot.Enable, info.Snapshot.Factor = factor > 1, factor
	hosts := []string{}
	for _, node := range cluster.Info.Nodes {
		hosts = append(hosts, b.nodes[node].Info.Hostnames.Storage[0])
	}
	mount := &info.Mount.GlusterFS
	mount.Hosts, mount.MountPoint = hosts, hosts[0]+":"+name
	mount.Options = map[string]string{"backup-volfile-servers": strings.Join(hosts[1:], ",")}
	b.volumes[id] = entry
	cluster.Info.Volumes = with(cluster.Info.Volumes, id)
	return entry
}

func replica(count int) *glusterfs.VolumeReplicaDurability {
	return &glusterfs.VolumeReplicaDurability{ReplicaDurability: glusterfs.ReplicaDurability{Replica: count}}
}

func options(volume *glusterfs.VolumeEntry, asked ...string) {
	all := append(append([]string{""}, asked...), "")
	volume.GlusterVolumeOptions, volume.Info.GlusterVolumeOptions = all, all
}

// Clone has its bricks beside those of its origin, in their thin pools, below the folder of glusterd's snapshots. They take no space of
// their own, and Heketi counts none.
func (b *builder) clone(name string, origin *glusterfs.VolumeEntry) *glusterfs.VolumeEntry {
	clone := b.volume(name, origin.Info.Size, origin.Durability, origin.Info.Snapshot.Factor)
	for number, id := range origin.Bricks {
		old := b.bricks[id]
		brick := *old
		brick.Info.Id, brick.Info.VolumeId = ID(fmt.Sprintf("%s/%d", name, number)), clone.Info.Id
		snapshot := ID(name + " snapshot")
		brick.Info.Path = fmt.Sprintf("/run/gluster/snaps/%s/brick%d/brick", snapshot, number+1)
		brick.LvmLv = fmt.Sprintf("%s_%d", snapshot, number)
		brick.LvmThinPool = old.LvmThinPool
		if brick.LvmThinPool == "" {
			brick.LvmThinPool = "tp_" + old.Info.Id
		}
		b.put(clone, b.devices[brick.Info.DeviceId], &brick)
	}
	return clone
}

func (b *builder) block(name string, size int, host *glusterfs.VolumeEntry) *glusterfs.BlockVolumeEntry {
	id := ID(name)
	entry := &glusterfs.BlockVolumeEntry{}
	info := &entry.Info
	info.Size, info.UsableSize, info.Name, info.Id, info.Hacount, info.Auth = size, size, name, id, 3, true
	info.Cluster, info.BlockHostingVolume = host.Info.Cluster, host.Info.Id
	info.BlockVolume.Hosts = []string{"n1", "n2", "n3"}
	info.BlockVolume.Iqn = "iqn.2016-12.org.gluster-block:" + id
	info.BlockVolume.Username, info.BlockVolume.Password = id, "secret<&>"
	b.blocks[id] = entry
	host.Info.BlockInfo.BlockVolumes = with(host.Info.BlockInfo.BlockVolumes, id)
	host.Info.BlockInfo.FreeSize -= size
	cluster := b.clusters[host.Info.Cluster]
	cluster.Info.BlockVolumes = with(cluster.Info.BlockVolumes, id)
	return entry
}

func (b *builder) operation(name string, kind int, status string, actions ...glusterfs.PendingOperationAction) string {
	id := ID(name)
	b.operations[id] = &glusterfs.PendingOperationEntry{
		Status: status,
		PendingOperation: glusterfs.PendingOperation{
			PendingItem: glusterfs.PendingItem{Id: id}, Timestamp: 1600000000, Type: kind, Actions: actions,
		},
	}
	return id
}

func action(change int, id string, delta any) glusterfs.PendingOperationAction {
	return glusterfs.PendingOperationAction{Change: change, Id: id, Delta: delta}
}

func (b *builder) attribute(key, value string) {
	b.attributes[key] = &glusterfs.DbAttributeEntry{Key: key, Value: value}
}

func with(list []string, id string) []string {
	list = append(list, id)
	sort.Strings(list)
	return list
}

func anything[T any](entries map[string]T) map[string]any {
	all := map[string]any{}
	for key, entry := range entries {
		all[key] = entry
	}
	return all
}

func (b *builder) database(name string, pageSize int) Database {
	return Database{
		Name: name, PageSize: pageSize,
		Clusters: anything(b.clusters), Volumes: anything(b.volumes), Bricks: anything(b.bricks),
		Nodes: anything(b.nodes), Devices: anything(b.devices), BlockVolumes: anything(b.blocks),
		Attributes: anything(b.attributes), Operations: anything(b.operations), Registry: b.registry,
	}
}

// Settled is a pool of six nodes with a volume of each kind, nothing under way: what most will bring.
func settled() *builder {
	b := newBuilder()
	b.cluster("cluster", 6)
	for _, name := range []string{"DB_CLUSTER_HAS_FILE_BLOCK_FLAG", "DB_BRICK_HAS_SUBTYPE_FIELD", "DB_HAS_PENDING_OPS_BUCKET",
		"DB_DEVICE_HAS_ID_META"} {
		b.attribute(name, "yes")
	}
	b.attribute("DB_GENERATION_ID", ID("generation"))
	b.nodes[ID("n4")].Info.Tags = map[string]string{"arbiter": "required"}
	b.devices[ID("n5/dev/sdc")].Info.Tags = map[string]string{"class": "slow"}
	b.devices[ID("n6/dev/sdc")].State = "offline"

	data := b.volume("vol_data", 10, replica(3), 1.5)
	data.Info.Gid = 2000
	options(data, "performance.readdir-ahead off")
	for number, node := range []int{1, 2, 3} {
		brick := b.brick(data, number, 10*gib, seat{node, "sdb"})
		if number == 0 {
			brick.LvmThinPool = "tp_" + ID("a pool of another name")
		}
	}
	arbiter := b.volume("vol_arbiter", 8, replica(3), 1)
	options(arbiter, "user.heketi.arbiter true")
	b.brick(arbiter, 0, 8*gib, seat{2, "sdc"})
	b.brick(arbiter, 1, 8*gib, seat{3, "sdc"})
	b.brick(arbiter, 2, 512*1024, seat{4, "sdb"}).SubType = 2

	wide := b.volume("vol_wide", 6, replica(2), 1)
	for number, node := range []int{1, 5, 2, 6} {
		b.brick(wide, number, 3*gib, seat{node, "sdc"})
	}
	disperse := b.volume("vol_disperse", 4, &glusterfs.VolumeDisperseDurability{
		DisperseDurability: glusterfs.DisperseDurability{Data: 2, Redundancy: 1},
	}, 1)
	for number, node := range []int{1, 5, 6} {
		b.brick(disperse, number, 2*gib, seat{node, "sdb"})
	}
	none := b.volume("plain", 1, &glusterfs.NoneDurability{}, 1)
	b.brick(none, 0, gib, seat{5, "sdb"})

	b.clone("vol_clone", data)

	host := b.volume("vol_blockhost", 20, replica(3), 1)
	host.Info.Block = true
	host.Info.BlockInfo.FreeSize, host.Info.BlockInfo.ReservedSize = 19, 1
	options(host, "group gluster-block")
	for number, node := range []int{2, 3, 6} {
		b.brick(host, number, 20*gib, seat{node, "sdb"})
	}
	b.block("blockvol_one", 5, host)
	return b
}

// UnderWay adds operations that ended in the middle.
func underWay() *builder {
	b := settled()
	half := b.volume("vol_half", 2, replica(2), 1)
	var changes []glusterfs.PendingOperationAction
	for number, node := range []int{1, 2} {
		brick := b.brick(half, number, 2*gib, seat{node, "sdc"})
		changes = append(changes, action(1, brick.Info.Id, nil))
	}
	id := b.operation("create", 1, "stale", append(changes, action(2, half.Info.Id, nil))...)
	half.Pending.Id = id
	for _, brick := range half.Bricks {
		b.bricks[brick].Pending.Id = id
	}

	plain := b.volumes[ID("plain")]
	gone := []glusterfs.PendingOperationAction{action(3, plain.Bricks[0], nil), action(4, plain.Info.Id, nil)}
	plain.Pending.Id = b.operation("delete", 2, "failed", gone...)
	b.bricks[plain.Bricks[0]].Pending.Id = plain.Pending.Id

	wide := b.volumes[ID("vol_wide")]
	more := b.brick(wide, 4, gib, seat{3, "sdc"})
	also := b.brick(wide, 5, gib, seat{1, "sdc"})
	wide.Pending.Id = b.operation("expand", 3, "", action(1, more.Info.Id, nil), action(1, also.Info.Id, nil),
		action(5, wide.Info.Id, 1))
	more.Pending.Id, also.Pending.Id = wide.Pending.Id, wide.Pending.Id

	disperse := b.volumes[ID("vol_disperse")]
	disperse.Pending.Id = b.operation("expand again", 3, "stale", action(5, disperse.Info.Id, 2.0))
	b.operation("remove", 6, "stale", action(8, ID("n6/dev/sdc"), nil))
	return b
}

// Large has branch pages, and values that run over pages.
func large() *builder {
	b := settled()
	for number := range 12 {
		volume := b.volume(fmt.Sprintf("vol_%02d", number), 1, replica(2), 1)
		options(volume, strings.Split(strings.Repeat("performance.quick-read off,", 1+number*8), ",")...)
		b.brick(volume, 0, gib, seat{1 + number%6, "sdb"})
		b.brick(volume, 1, gib, seat{1 + (number+1)%6, "sdc"})
	}
	return b
}
