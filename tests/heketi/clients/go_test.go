package clients

import (
	"strings"
	"testing"

	client "github.com/heketi/heketi/client/api/go-client"
	"github.com/heketi/heketi/pkg/glusterfs/api"
)

// Pool makes a cluster of these nodes with their devices; the cluster and the nodes.
func pool(t *testing.T, heketi *client.Client, members []member) (string, []*api.NodeInfoResponse) {
	t.Helper()
	request := &api.ClusterCreateRequest{ClusterFlags: api.ClusterFlags{Block: true, File: true}}
	cluster, err := heketi.ClusterCreate(request)
	must(t, err)
	var nodes []*api.NodeInfoResponse
	for _, member := range members {
		add := &api.NodeAddRequest{Zone: member.Zone, ClusterId: cluster.Id}
		add.Hostnames.Manage = []string{member.Manage}
		add.Hostnames.Storage = []string{member.Storage}
		node, err := heketi.NodeAdd(add)
		must(t, err)
		for _, path := range member.Devices {
			device := &api.DeviceAddRequest{NodeId: node.Id}
			device.Name = path
			must(t, heketi.DeviceAdd(device))
		}
		info, err := heketi.NodeInfo(node.Id)
		must(t, err)
		if len(info.DevicesInfo) != len(member.Devices) {
			t.Fatalf("node %s has devices %v", node.Id, info.DevicesInfo)
		}
		nodes = append(nodes, info)
	}
	info, err := heketi.ClusterInfo(cluster.Id)
	must(t, err)
	if len(info.Nodes) != len(members) {
		t.Fatalf("%+v", info)
	}
	return cluster.Id, nodes
}

// Dissolve removes what a pool consists of: its devices, its nodes and itself.
func dissolve(t *testing.T, heketi *client.Client, cluster string) {
	t.Helper()
	info, err := heketi.ClusterInfo(cluster)
	must(t, err)
	for _, id := range info.Nodes {
		node, err := heketi.NodeInfo(id)
		must(t, err)
		for _, device := range node.DevicesInfo {
			must(t, heketi.DeviceState(device.Id, &api.StateRequest{State: api.EntryStateOffline}))
			must(t, heketi.DeviceState(device.Id, &api.StateRequest{State: api.EntryStateFailed}))
			must(t, heketi.DeviceDelete(device.Id))
		}
		must(t, heketi.NodeDelete(id))
	}
	must(t, heketi.ClusterDelete(cluster))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func refused(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Fatalf("%v, and %q is wanted", err, text)
	}
}

// As the provisioner inside Kubernetes asks.
func create(t *testing.T, heketi *client.Client, size int) *api.VolumeInfoResponse {
	t.Helper()
	request := &api.VolumeCreateRequest{Size: size, Gid: 2000}
	request.Durability.Type = api.DurabilityReplicate
	request.Durability.Replicate.Replica = 3
	request.Snapshot.Enable = true
	request.Snapshot.Factor = 1.0
	volume, err := heketi.VolumeCreate(request)
	must(t, err)
	return volume
}

func TestVolumesFromCreateToDelete(t *testing.T) {
	heketi := client.NewClient(serve(t), "admin", adminKey)
	must(t, heketi.Hello())
	cluster, _ := pool(t, heketi, simulated())
	volume := create(t, heketi, 5)
	if volume.Size != 5 || volume.Cluster != cluster || len(volume.Bricks) != 3 || volume.Gid != 2000 ||
		volume.Name != "vol_"+volume.Id || len(volume.Mount.GlusterFS.Hosts) != 4 {
		t.Fatalf("%+v", volume)
	}
	expanded, err := heketi.VolumeExpand(volume.Id, &api.VolumeExpandRequest{Size: 2})
	must(t, err)
	if expanded.Size != 7 {
		t.Fatalf("%+v", expanded)
	}
	list, err := heketi.VolumeList()
	must(t, err)
	if len(list.Volumes) != 1 || list.Volumes[0] != volume.Id {
		t.Fatalf("%v", list)
	}
	topology, err := heketi.TopologyInfo()
	must(t, err)
	if len(topology.ClusterList) != 1 || len(topology.ClusterList[0].Volumes) != 1 || len(topology.ClusterList[0].Nodes) != 4 {
		t.Fatalf("%+v", topology)
	}
	refused(t, heketi.ClusterDelete(cluster), "because it contains volumes and/or nodes")
	must(t, heketi.VolumeDelete(volume.Id))
	_, err = heketi.VolumeInfo(volume.Id)
	refused(t, err, "Id not found")
}

func TestFileVolumes(t *testing.T) {
	fileVolumes(t, client.NewClient(serve(t), "admin", adminKey), simulated("/disks/disk1"))
}

// The same on real nodes: GlusterFS, image files on directories, commands over ssh. Then what Python's client does of it, on the same
// nodes, which must be as bare as before.
func TestFileVolumesInALab(t *testing.T) {
	name, members := lab(t)
	t.Run("go", func(t *testing.T) {
		fileVolumes(t, client.NewClient(serveLab(t, name), "admin", adminKey), members)
	})
	t.Run("python", func(t *testing.T) {
		python(t, serveLab(t, name), members, "files")
	})
}

// The life of a volume and of the device below it: create, expand, clone, tag, remove, delete.
func fileVolumes(t *testing.T, heketi *client.Client, members []member) {
	t.Helper()
	cluster, nodes := pool(t, heketi, members)
	volume := create(t, heketi, 1)
	expanded, err := heketi.VolumeExpand(volume.Id, &api.VolumeExpandRequest{Size: 1})
	must(t, err)
	if expanded.Size != 2 || len(expanded.Bricks) != 3 {
		t.Fatalf("%+v", expanded)
	}
	clone(t, heketi, expanded)
	volume, err = heketi.VolumeInfo(volume.Id)
	must(t, err)
	device := volume.Bricks[0].DeviceId
	tags := &api.TagsChangeRequest{Change: api.SetTags, Tags: map[string]string{"class": "slow"}}
	must(t, heketi.DeviceSetTags(device, tags))
	must(t, heketi.NodeSetTags(nodes[0].Id, tags))
	info, err := heketi.DeviceInfo(device)
	must(t, err)
	if info.Tags["class"] != "slow" || len(info.Bricks) != 1 {
		t.Fatalf("%+v", info)
	}
	refused(t, heketi.DeviceState(device, &api.StateRequest{State: api.EntryStateFailed}), "must be offline before remove")
	must(t, heketi.DeviceState(device, &api.StateRequest{State: api.EntryStateOffline}))
	must(t, heketi.DeviceState(device, &api.StateRequest{State: api.EntryStateFailed}))
	after, err := heketi.VolumeInfo(volume.Id)
	must(t, err)
	for _, brick := range after.Bricks {
		if brick.DeviceId == device {
			t.Fatalf("%+v is still on the device that is to be removed", brick)
		}
	}
	must(t, heketi.DeviceDelete(device))
	_, err = heketi.DeviceInfo(device)
	refused(t, err, "Id not found")
	must(t, heketi.VolumeDelete(volume.Id))
	dissolve(t, heketi, cluster)
}

// A clone is of its origin's size, and needs it no more than it is needed. Only on directories here: a disk's bricks have pools of their
// own, in which a clone has no room.
func clone(t *testing.T, heketi *client.Client, origin *api.VolumeInfoResponse) {
	t.Helper()
	made, err := heketi.VolumeClone(origin.Id, &api.VolumeCloneRequest{Name: "copy"})
	must(t, err)
	if made.Name != "copy" || made.Size != origin.Size || len(made.Bricks) != len(origin.Bricks) || made.Id == origin.Id {
		t.Fatalf("%+v", made)
	}
	list, err := heketi.VolumeList()
	must(t, err)
	if len(list.Volumes) != 2 {
		t.Fatalf("%v", list)
	}
	must(t, heketi.VolumeDelete(made.Id))
}

func TestRolesAndKeys(t *testing.T) {
	url := serve(t)
	admin := client.NewClient(url, "admin", adminKey)
	pool(t, admin, simulated())
	_, err := client.NewClient(url, "admin", "another secret").ClusterList()
	refused(t, err, "signature is invalid")
	user := client.NewClient(url, "user", userKey)
	_, err = user.ClusterList()
	refused(t, err, "Administrator access required")
	list, err := user.VolumeList()
	must(t, err)
	if len(list.Volumes) != 0 {
		t.Fatalf("%v", list)
	}
}
