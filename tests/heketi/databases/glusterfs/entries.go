// Package glusterfs has the entries of Heketi's database in the shape of its last version. Gob writes the names of fields and
// of the types behind interfaces, so these are as Heketi's are; JSON tags are those of its export.
package glusterfs

import "encoding/gob"

func init() {
	gob.RegisterName("*glusterfs.NoneDurability", &NoneDurability{})
	gob.RegisterName("*glusterfs.VolumeReplicaDurability", &VolumeReplicaDurability{})
	gob.RegisterName("*glusterfs.VolumeDisperseDurability", &VolumeDisperseDurability{})
}

// PendingItem is embedded, or stands in a field.
type PendingItem struct{ Id string }

// Entry is embedded in what has a state.
type Entry struct{ State string }

// ClusterFlags are embedded.
type ClusterFlags struct {
	Block bool `json:"block"`
	File  bool `json:"file"`
}

// ClusterInfoResponse is all of a cluster.
type ClusterInfoResponse struct {
	Id      string   `json:"id"`
	Nodes   []string `json:"nodes"`
	Volumes []string `json:"volumes"`
	ClusterFlags
	BlockVolumes []string `json:"blockvolumes"`
}

// ClusterEntry is what the bucket CLUSTER holds.
type ClusterEntry struct{ Info ClusterInfoResponse }

// HostAddresses of a node.
type HostAddresses struct {
	Manage  []string `json:"manage"`
	Storage []string `json:"storage"`
}

// NodeAddRequest is embedded.
type NodeAddRequest struct {
	Zone      int               `json:"zone"`
	Hostnames HostAddresses     `json:"hostnames"`
	ClusterId string            `json:"cluster"`
	Tags      map[string]string `json:"tags,omitempty"`
}

// NodeInfo is most of a node.
type NodeInfo struct {
	NodeAddRequest
	Id string `json:"id"`
}

// NodeEntry is what the bucket NODE holds.
type NodeEntry struct {
	Entry
	Info    NodeInfo
	Devices []string
}

// StorageSize in KiB.
type StorageSize struct {
	Total uint64 `json:"total"`
	Free  uint64 `json:"free"`
	Used  uint64 `json:"used"`
}

// Device is embedded.
type Device struct {
	Name string            `json:"name"`
	Tags map[string]string `json:"tags,omitempty"`
}

// DeviceInfo is most of a device.
type DeviceInfo struct {
	Device
	Storage StorageSize `json:"storage"`
	Id      string      `json:"id"`
	Paths   []string    `json:"paths,omitempty"`
	PvUUID  string      `json:"pv_uuid,omitempty"`
}

// DeviceEntry is what the bucket DEVICE holds.
type DeviceEntry struct {
	Entry
	Info       DeviceInfo
	Bricks     []string
	NodeId     string
	ExtentSize uint64
}

// BrickInfo tells where a brick is.
type BrickInfo struct {
	Id       string `json:"id"`
	Path     string `json:"path"`
	DeviceId string `json:"device"`
	NodeId   string `json:"node"`
	VolumeId string `json:"volume"`
	Size     uint64 `json:"size"`
}

// BrickEntry is what the bucket BRICK holds.
type BrickEntry struct {
	Info             BrickInfo
	TpSize           uint64
	PoolMetadataSize uint64
	Pending          PendingItem
	LvmThinPool      string
	LvmLv            string
	SubType          int
}

// ReplicaDurability is embedded, too.
type ReplicaDurability struct {
	Replica int `json:"replica,omitempty"`
}

// DisperseDurability is embedded, too.
type DisperseDurability struct {
	Data       int `json:"data,omitempty"`
	Redundancy int `json:"redundancy,omitempty"`
}

// VolumeDurability is behind an interface.
type VolumeDurability interface{ Kind() string }

// NoneDurability is one copy.
type NoneDurability struct{ VolumeReplicaDurability }

// VolumeReplicaDurability is several copies.
type VolumeReplicaDurability struct{ ReplicaDurability }

// VolumeDisperseDurability is pieces.
type VolumeDisperseDurability struct{ DisperseDurability }

// Kind of durability.
func (*NoneDurability) Kind() string { return "none" }

// Kind of durability.
func (*VolumeReplicaDurability) Kind() string { return "replicate" }

// Kind of durability.
func (*VolumeDisperseDurability) Kind() string { return "disperse" }

// VolumeDurabilityInfo is what was asked for.
type VolumeDurabilityInfo struct {
	Type      string             `json:"type,omitempty"`
	Replicate ReplicaDurability  `json:"replicate,omitempty"`
	Disperse  DisperseDurability `json:"disperse,omitempty"`
}

// VolumeCreateRequest is embedded.
type VolumeCreateRequest struct {
	Size                 int                  `json:"size"`
	Clusters             []string             `json:"clusters,omitempty"`
	Name                 string               `json:"name"`
	Durability           VolumeDurabilityInfo `json:"durability,omitempty"`
	Gid                  int64                `json:"gid,omitempty"`
	GlusterVolumeOptions []string             `json:"glustervolumeoptions,omitempty"`
	Block                bool                 `json:"block,omitempty"`
	Snapshot             struct {
		Enable bool    `json:"enable"`
		Factor float32 `json:"factor"`
	} `json:"snapshot"`
}

// VolumeInfo is most of a volume.
type VolumeInfo struct {
	VolumeCreateRequest
	Id      string `json:"id"`
	Cluster string `json:"cluster"`
	Mount   struct {
		GlusterFS struct {
			Hosts      []string          `json:"hosts"`
			MountPoint string            `json:"device"`
			Options    map[string]string `json:"options"`
		} `json:"glusterfs"`
	} `json:"mount"`
	BlockInfo struct {
		FreeSize     int      `json:"freesize,omitempty"`
		ReservedSize int      `json:"reservedsize,omitempty"`
		BlockVolumes []string `json:"blockvolume,omitempty"`
		Restriction  string   `json:"restriction,omitempty"`
	} `json:"blockinfo,omitempty"`
}

// VolumeEntry is what the bucket VOLUME holds.
type VolumeEntry struct {
	Info                 VolumeInfo
	Bricks               []string
	Durability           VolumeDurability `json:"-"`
	GlusterVolumeOptions []string
	Pending              PendingItem
}

// BlockVolumeCreateRequest is embedded.
type BlockVolumeCreateRequest struct {
	Size     int      `json:"size"`
	Clusters []string `json:"clusters,omitempty"`
	Name     string   `json:"name"`
	Hacount  int      `json:"hacount,omitempty"`
	Auth     bool     `json:"auth,omitempty"`
}

// BlockVolumeInfo is most of a block volume.
type BlockVolumeInfo struct {
	BlockVolumeCreateRequest
	Id          string `json:"id"`
	BlockVolume struct {
		Hosts    []string `json:"hosts"`
		Iqn      string   `json:"iqn"`
		Lun      int      `json:"lun"`
		Username string   `json:"username"`
		Password string   `json:"password"`
	} `json:"blockvolume"`
	Cluster            string `json:"cluster,omitempty"`
	BlockHostingVolume string `json:"blockhostingvolume,omitempty"`
	UsableSize         int    `json:"usablesize,omitempty"`
}

// BlockVolumeEntry is what the bucket BLOCKVOLUME holds.
type BlockVolumeEntry struct {
	Info    BlockVolumeInfo
	Pending PendingItem
}

// DbAttributeEntry is what the bucket DBATTRIBUTE holds.
type DbAttributeEntry struct {
	Key   string
	Value string
}

// PendingOperationAction is one change. Delta is behind an interface.
type PendingOperationAction struct {
	Change int
	Id     string
	Delta  interface{}
}

// PendingOperation is embedded.
type PendingOperation struct {
	PendingItem
	Timestamp int64
	Type      int
	Actions   []PendingOperationAction
}

// PendingOperationEntry is what the bucket PENDING_OPERATIONS holds.
type PendingOperationEntry struct {
	PendingOperation
	Status string
}
