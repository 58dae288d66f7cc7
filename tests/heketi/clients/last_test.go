//go:build !heketi9

package clients

import (
	"testing"

	client "github.com/heketi/heketi/client/api/go-client"
	"github.com/heketi/heketi/pkg/glusterfs/api"
)

// What the client learned after its version 9.

func expandBlock(t *testing.T, heketi *client.Client, made *api.BlockVolumeInfoResponse) {
	t.Helper()
	larger, err := heketi.BlockVolumeExpand(made.Id, &api.BlockVolumeExpandRequest{Size: made.Size + 1})
	must(t, err)
	if larger.Size != made.Size+1 || larger.UsableSize != made.Size+1 || larger.Id != made.Id {
		t.Fatalf("%+v", larger)
	}
	_, err = heketi.BlockVolumeExpand(made.Id, &api.BlockVolumeExpandRequest{Size: made.Size})
	refused(t, err, "shrinking is not allowed")
}

func TestABrickIsEvicted(t *testing.T) {
	heketi := client.NewClient(serve(t), "admin", adminKey)
	cluster, _ := pool(t, heketi, simulated())
	volume := create(t, heketi, 1)
	brick := volume.Bricks[0]
	must(t, heketi.BrickEvict(brick.Id, &api.BrickEvictOptions{}))
	after, err := heketi.VolumeInfo(volume.Id)
	must(t, err)
	if len(after.Bricks) != len(volume.Bricks) {
		t.Fatalf("%+v", after)
	}
	for _, left := range after.Bricks {
		if left.Id == brick.Id || left.DeviceId == brick.DeviceId {
			t.Fatalf("%+v is where the evicted brick was", left)
		}
	}
	refused(t, heketi.BrickEvict(brick.Id, nil), "Id not found")
	must(t, heketi.VolumeDelete(volume.Id))
	dissolve(t, heketi, cluster)
}
