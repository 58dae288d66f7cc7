package clients

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	client "github.com/heketi/heketi/client/api/go-client"
	"github.com/heketi/heketi/pkg/glusterfs/api"
)

func TestModesOfTheAdministrator(t *testing.T) {
	heketi := client.NewClient(serve(t), "admin", adminKey)
	pool(t, heketi, simulated())
	for _, mode := range []api.AdminState{api.AdminStateReadOnly, api.AdminStateLocal, api.AdminStateNormal} {
		must(t, heketi.AdminStatusSet(&api.AdminStatus{State: mode}))
		status, err := heketi.AdminStatusGet()
		must(t, err)
		if status.State != mode {
			t.Fatalf("%v, and %v was set", status.State, mode)
		}
		_, err = heketi.VolumeList()
		must(t, err)
		request := &api.VolumeCreateRequest{Size: 1}
		request.Durability.Type = api.DurabilityReplicate
		request.Durability.Replicate.Replica = 3
		_, err = heketi.VolumeCreate(request)
		if mode == api.AdminStateReadOnly {
			refused(t, err, "Service disabled for maintenance")
		} else {
			must(t, err)
		}
	}
}

func TestLogLevelsAndOperations(t *testing.T) {
	heketi := client.NewClient(serve(t), "admin", adminKey)
	for _, level := range []string{"none", "critical", "error", "warning", "debug", "info"} {
		must(t, heketi.LogLevelSet(&api.LogLevelInfo{LogLevel: map[string]string{"glusterfs": level}}))
		info, err := heketi.LogLevelGet()
		must(t, err)
		if info.LogLevel["glusterfs"] != level {
			t.Fatalf("%v, and %s was set", info, level)
		}
	}
	counts, err := heketi.OperationsInfo()
	must(t, err)
	if counts.Total != 0 || counts.InFlight != 0 {
		t.Fatalf("%+v", counts)
	}
	pending, err := heketi.PendingOperationList()
	must(t, err)
	if len(pending.PendingOperations) != 0 {
		t.Fatalf("%+v", pending)
	}
	must(t, heketi.PendingOperationCleanUp(&api.PendingOperationsCleanRequest{}))
}

func TestWhatThereIsComesOutInEveryForm(t *testing.T) {
	heketi := client.NewClient(serveWith(t, "--store", filepath.Join(t.TempDir(), "store.redb")), "admin", adminKey)
	pool(t, heketi, simulated())
	volume := create(t, heketi, 2)
	var backup bytes.Buffer
	must(t, heketi.BackupDb(&backup))
	if !strings.Contains(backup.String(), volume.Id) {
		t.Fatalf("the backup of %d bytes lacks the volume", backup.Len())
	}
	text, err := heketi.DbDump()
	must(t, err)
	dump := read(t, text)
	entry, there := dump["volumeentries"].(map[string]any)[volume.Id]
	if !there || entry.(map[string]any)["Info"].(map[string]any)["name"] != volume.Name {
		t.Fatalf("the dump lacks the volume: %s", text)
	}
	text, err = heketi.DbCheck()
	must(t, err)
	checked := read(t, text)
	if checked["totalinconsistencies"] != 0.0 || checked["volumes"].(map[string]any)["total"] != 1.0 {
		t.Fatalf("%s", text)
	}
	text, err = heketi.StateExamineGluster()
	must(t, err)
	examined := read(t, text)
	if !reflect.DeepEqual(examined["heketidb"], any(dump)) || examined["report"] == nil {
		t.Fatalf("%s", text)
	}
	clusters := examined["clusters"].([]any)
	if len(clusters) != 1 || clusters[0].(map[string]any)["ClusterHeketiID"] != volume.Cluster {
		t.Fatalf("%s", text)
	}
}

// What is answered as JSON.
func read(t *testing.T, text string) map[string]any {
	t.Helper()
	object := map[string]any{}
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return object
}

func TestBlockVolumes(t *testing.T) {
	heketi := client.NewClient(serve(t), "admin", adminKey)
	pool(t, heketi, simulated())
	_, err := heketi.BlockVolumeCreate(&api.BlockVolumeCreateRequest{Size: 1})
	refused(t, err, "Block Hosting Volume Creation is disabled. Create a Block hosting volume and try again.")
	file := create(t, heketi, 1)
	_, err = heketi.VolumeSetBlockRestriction(file.Id, &api.VolumeBlockRestrictionRequest{Restriction: api.Locked})
	refused(t, err, "Block restrictions can only be set on block hosting volumes")

	request := &api.VolumeCreateRequest{Size: 10, Block: true}
	request.Durability.Type = api.DurabilityReplicate
	request.Durability.Replicate.Replica = 3
	hosting, err := heketi.VolumeCreate(request)
	must(t, err)
	made, err := heketi.BlockVolumeCreate(&api.BlockVolumeCreateRequest{Size: 2, Name: "disk", Hacount: 3, Auth: true})
	must(t, err)
	if made.Name != "disk" || made.Size != 2 || made.BlockHostingVolume != hosting.Id || len(made.BlockVolume.Hosts) != 3 ||
		made.BlockVolume.Iqn == "" || made.BlockVolume.Password == "" {
		t.Fatalf("%+v", made)
	}
	seen, err := heketi.BlockVolumeInfo(made.Id)
	must(t, err)
	if !reflect.DeepEqual(seen, made) {
		t.Fatalf("%+v and %+v", made, seen)
	}
	list, err := heketi.BlockVolumeList()
	must(t, err)
	if !reflect.DeepEqual(list.BlockVolumes, []string{made.Id}) {
		t.Fatalf("%+v", list)
	}
	refused(t, heketi.VolumeDelete(hosting.Id), "Cannot delete a block hosting volume containing block volumes")
	_, err = heketi.VolumeSetBlockRestriction(hosting.Id, &api.VolumeBlockRestrictionRequest{Restriction: api.Locked})
	must(t, err)
	_, err = heketi.BlockVolumeCreate(&api.BlockVolumeCreateRequest{Size: 1})
	refused(t, err, "Block Hosting Volume Creation is disabled")
	expandBlock(t, heketi, made)
	must(t, heketi.BlockVolumeDelete(made.Id))
	must(t, heketi.VolumeDelete(hosting.Id))
}

func TestOverTLS(t *testing.T) {
	certificates := "../../../crates/server/tests/wire/certificates/"
	url := serveWith(t, "--store", "memory", "--tls-certificate", certificates+"first.pem", "--tls-key", certificates+"first.key")
	url = strings.Replace(url, "http://", "https://", 1)
	if _, err := os.Stat(certificates + "ca.pem"); err != nil {
		t.Fatal(err)
	}
	heketi, err := client.NewClientTLS(url, "admin", adminKey, &client.ClientTLSOptions{VerifyCerts: []string{certificates + "ca.pem"}})
	must(t, err)
	pool(t, heketi, simulated())
	create(t, heketi, 1)
	stranger := client.NewClient(url, "admin", adminKey)
	_, err = stranger.ClusterList()
	refused(t, err, "certificate")
}
