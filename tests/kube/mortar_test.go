package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// mortar is a server on simulated nodes, with the CSI controller beside it as the chart starts it.
type mortar struct {
	folder, program, url string
	socket               string
	server, controller   *process
}

const adminKey = "the admin's key"

// How many nodes it has: as many as the chart's widest class needs.
const storageNodes = 6

// newMortar starts one with a pool of nodes, each with a directory for bricks, on which snapshots and copies are made.
func newMortar(t *testing.T) *mortar {
	t.Helper()
	path, err := program("mortar")
	if err != nil {
		t.Fatal(err)
	}
	m := &mortar{folder: t.TempDir(), program: path}
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	m.url = "http://127.0.0.1:" + ports[0]
	// A socket's path has to be short.
	m.socket = kube.file("csi.sock")
	t.Cleanup(func() {
		for _, each := range []*process{m.controller, m.server} {
			if each == nil {
				continue
			}
			each.kill()
			if t.Failed() {
				t.Log(each.tail())
			}
		}
	})
	m.startServer(t)
	m.startController(t)
	var cluster struct{ ID string }
	m.ask(t, &cluster, "cluster", "create")
	for number := range storageNodes {
		node := fmt.Sprintf("s%d", number+1)
		m.ask(t, nil, "node", "add", "--cluster", cluster.ID, "--zone", fmt.Sprint(number+1), "--manage", node, "--storage", node)
		m.ask(t, nil, "device", "add", "--node", node, "--name", "/disks/disk1")
	}
	return m
}

func (m *mortar) startServer(t *testing.T) {
	t.Helper()
	server, err := start(m.folder, "mortar", m.program, m.environment(), "serve", "--executor", "sim", "--listen",
		strings.TrimPrefix(m.url, "http://"), "--store", filepath.Join(m.folder, "store"), "--sim-state", filepath.Join(m.folder, "nodes"))
	if err != nil {
		t.Fatal(err)
	}
	m.server = server
	if err := server.ready(func() error { _, err := m.try("cluster", "list"); return err }); err != nil {
		t.Fatal(err)
	}
}

func (m *mortar) startController(t *testing.T) {
	t.Helper()
	controller, err := start(m.folder, "mortar-csi-controller", m.program, m.environment(), "csi", "controller", "--endpoint", "unix://"+m.socket)
	if err != nil {
		t.Fatal(err)
	}
	m.controller = controller
	if err := controller.ready(func() error { return listens("unix", m.socket) }); err != nil {
		t.Fatal(err)
	}
}

func (m *mortar) environment() []string {
	return []string{"MORTAR_SERVER=" + m.url, "MORTAR_USER=admin", "MORTAR_SECRET=" + adminKey, "MORTAR_ADMIN_KEY=" + adminKey, "MORTAR_USER_KEY=a user's"}
}

// try asks by the command line; the JSON that is answered.
func (m *mortar) try(arguments ...string) ([]byte, error) {
	command := exec.Command(m.program, append([]string{"--json"}, arguments...)...)
	command.Env = append(os.Environ(), m.environment()...)
	output, err := command.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("mortar %s: %w: %s", strings.Join(arguments, " "), err, exit.Stderr)
	}
	return output, err
}

// ask asks what has to be answered.
func (m *mortar) ask(t *testing.T, answer any, arguments ...string) {
	t.Helper()
	output, err := m.try(arguments...)
	if err == nil && answer != nil {
		err = json.Unmarshal(output, answer)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// volume is what `mortar volume list` tells of one.
type volume struct {
	ID, Name, Durability string
	Size                 int64
	Bricks               int
}

func (m *mortar) volumes(t *testing.T) []volume {
	t.Helper()
	var answer struct{ Volumes []volume }
	m.ask(t, &answer, "volume", "list")
	return answer.Volumes
}

// volume finds a volume by its id, which is the handle that Kubernetes has.
func (m *mortar) volume(t *testing.T, id string) volume {
	t.Helper()
	for _, each := range m.volumes(t) {
		if each.ID == id {
			return each
		}
	}
	t.Fatalf("Mortar has no volume %s", id)
	return volume{}
}

// snapshots is how many snapshots there are.
func (m *mortar) snapshots(t *testing.T) int {
	t.Helper()
	var answer struct{ Snapshots []any }
	m.ask(t, &answer, "snapshot", "list")
	return len(answer.Snapshots)
}
