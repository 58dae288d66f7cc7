package databases

import (
	"mortar/tests/heketi/databases/glusterfs"
)

// What version 4 knew, where it knew less: no kinds of clusters, no block volumes, no marks of operations, and bricks that do not
// say whose they are.

type clusterInfo4 struct {
	Id      string   `json:"id"`
	Nodes   []string `json:"nodes"`
	Volumes []string `json:"volumes"`
}

// ClusterEntry4 is a cluster.
type ClusterEntry4 struct{ Info clusterInfo4 }

type brickInfo4 struct {
	Id       string `json:"id"`
	Path     string `json:"path"`
	DeviceId string `json:"device"`
	NodeId   string `json:"node"`
	Size     uint64 `json:"size"`
}

// BrickEntry4 is a brick.
type BrickEntry4 struct {
	Info             brickInfo4
	TpSize           uint64
	PoolMetadataSize uint64
}

type deviceInfo4 struct {
	glusterfs.Device
	Storage glusterfs.StorageSize `json:"storage"`
	Id      string                `json:"id"`
}

// DeviceEntry4 is a device.
type DeviceEntry4 struct {
	glusterfs.Entry
	Info       deviceInfo4
	Bricks     []string
	NodeId     string
	ExtentSize uint64
}

// VolumeEntry4 is a volume: no options, no group.
type VolumeEntry4 struct {
	Info       glusterfs.VolumeInfo
	Bricks     []string
	Durability glusterfs.VolumeDurability `json:"-"`
}

// Version4 is the settled pool without what version 4 did not have.
func version4() Database {
	b := settled()
	for _, name := range []string{"vol_clone", "vol_blockhost", "vol_arbiter"} {
		b.forget(ID(name))
	}
	database := Database{
		Name: "version-4", PageSize: 4096,
		Clusters: map[string]any{}, Volumes: map[string]any{}, Bricks: map[string]any{}, Nodes: map[string]any{},
		Devices: map[string]any{}, Registry: b.registry,
	}
	for id, entry := range b.clusters {
		database.Clusters[id] = ClusterEntry4{clusterInfo4{id, entry.Info.Nodes, entry.Info.Volumes}}
	}
	for id, entry := range b.nodes {
		entry.Info.Tags = nil
		database.Nodes[id] = entry
	}
	for id, entry := range b.devices {
		info := deviceInfo4{glusterfs.Device{Name: entry.Info.Name}, entry.Info.Storage, id}
		database.Devices[id] = DeviceEntry4{entry.Entry, info, entry.Bricks, entry.NodeId, entry.ExtentSize}
		b.registry["DEVICE"]["DEVICE"+entry.NodeId+entry.Info.Name] = id
	}
	for id, entry := range b.bricks {
		info := brickInfo4{id, entry.Info.Path, entry.Info.DeviceId, entry.Info.NodeId, entry.Info.Size}
		database.Bricks[id] = BrickEntry4{info, entry.TpSize, entry.PoolMetadataSize}
	}
	for id, entry := range b.volumes {
		entry.Info.Gid, entry.Info.GlusterVolumeOptions = 0, nil
		// Counts that do not go with the type stood there, too.
		if entry.Info.Durability.Type == "replicate" {
			entry.Info.Durability.Disperse = glusterfs.DisperseDurability{Data: 4, Redundancy: 2}
		}
		database.Volumes[id] = VolumeEntry4{entry.Info, entry.Bricks, entry.Durability}
	}
	return database
}

func (b *builder) forget(volume string) {
	entry := b.volumes[volume]
	for _, id := range entry.Bricks {
		brick := b.bricks[id]
		device := b.devices[brick.Info.DeviceId]
		device.Bricks = without(device.Bricks, id)
		if brick.LvmLv == "" {
			device.Info.Storage.Used -= brick.TpSize + brick.PoolMetadataSize
			device.Info.Storage.Free += brick.TpSize + brick.PoolMetadataSize
		}
		delete(b.bricks, id)
	}
	cluster := b.clusters[entry.Info.Cluster]
	for _, block := range entry.Info.BlockInfo.BlockVolumes {
		cluster.Info.BlockVolumes = without(cluster.Info.BlockVolumes, block)
		delete(b.blocks, block)
	}
	cluster.Info.Volumes = without(cluster.Info.Volumes, volume)
	delete(b.volumes, volume)
}

func without(list []string, id string) []string {
	rest := []string{}
	for _, other := range list {
		if other != id {
			rest = append(rest, other)
		}
	}
	return rest
}

// Version6 has kinds of clusters and block volumes, and no marks of operations nor of arbiters. Its buckets for attributes and
// operations are missing, as after a restore of an older file.
func version6() Database {
	b := settled()
	b.forget(ID("vol_arbiter"))
	for _, brick := range b.bricks {
		brick.SubType = 0
	}
	for _, device := range b.devices {
		device.Info.Paths, device.Info.PvUUID = nil, ""
	}
	for _, block := range b.blocks {
		block.Info.UsableSize = 0
	}
	database := b.database("version-6", 1024)
	database.Attributes, database.Operations = nil, nil
	return database
}
