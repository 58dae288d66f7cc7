// Package clients drives Mortar with the libraries that Heketi's users have: its Go client, which the provisioner inside
// Kubernetes was built with, and its Python client; on simulated nodes, and on real ones in a lab. Go's is tried in two versions: the
// last one, and 9.0.0 (go.v9.mod, with the tag heketi9), which older provisioners have.
package clients

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const adminKey, userKey = "admin secret", "user secret"

// Serve starts a server on simulated nodes, with its store in memory; its URL. It ends with the test.
func serve(t *testing.T) string {
	t.Helper()
	return serveWith(t, "--store", "memory")
}

func serveWith(t *testing.T, flags ...string) string {
	t.Helper()
	return start(t, append([]string{"--executor", "sim"}, flags...)...)
}

func program(t *testing.T) string {
	t.Helper()
	program := os.Getenv("MORTAR")
	if program == "" {
		t.Fatal("MORTAR names no program: run make test-heketi")
	}
	return program
}

// Says is what a command of the program says; it must succeed.
func says(t *testing.T, words ...string) []byte {
	t.Helper()
	output, err := exec.Command(program(t), words...).Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", words, err, output)
	}
	return output
}

// A node as it is added, with the paths of its devices.
type member struct {
	Manage, Storage string
	Zone            int
	Devices         []string
}

// Four simulated nodes with two disks each, or with these devices.
func simulated(devices ...string) []member {
	if len(devices) == 0 {
		devices = []string{"/dev/sdb", "/dev/sdc"}
	}
	var members []member
	for number := 1; number <= 4; number++ {
		members = append(members, member{
			Manage:  fmt.Sprintf("n%d", number),
			Storage: fmt.Sprintf("10.0.0.%d", number),
			Zone:    number,
			Devices: devices,
		})
	}
	return members
}

// Lab makes four real nodes on this machine, each with a directory for a device; its name, and the nodes. They end with the test.
func lab(t *testing.T) (string, []member) {
	t.Helper()
	name := fmt.Sprintf("hk%d", os.Getpid())
	t.Cleanup(func() { says(t, "lab", "down", "--lab", name) })
	says(t, "lab", "up", "--lab", name, "--nodes", "4", "--devices", "directory")
	var topology struct {
		Clusters []struct {
			Nodes []struct {
				Node struct {
					Hostnames struct{ Manage, Storage []string }
					Zone      int
				}
				Devices []json.RawMessage
			}
		}
	}
	if err := json.Unmarshal(says(t, "lab", "topology", "--lab", name), &topology); err != nil {
		t.Fatal(err)
	}
	var members []member
	for _, entry := range topology.Clusters[0].Nodes {
		found := member{Manage: entry.Node.Hostnames.Manage[0], Storage: entry.Node.Hostnames.Storage[0], Zone: entry.Node.Zone}
		for _, device := range entry.Devices {
			found.Devices = append(found.Devices, path(t, device))
		}
		members = append(members, found)
	}
	return name, members
}

// Path is a device's in a topology file, where it stands alone or among others of its fields.
func path(t *testing.T, device json.RawMessage) string {
	t.Helper()
	var alone string
	if json.Unmarshal(device, &alone) == nil {
		return alone
	}
	var fields struct{ Name string }
	if err := json.Unmarshal(device, &fields); err != nil {
		t.Fatal(err)
	}
	return fields.Name
}

// ServeLab starts a server that reaches the nodes of a lab, on a fresh store.
func serveLab(t *testing.T, lab string) string {
	t.Helper()
	config := filepath.Join(t.TempDir(), "lab.toml")
	if err := os.WriteFile(config, says(t, "lab", "config", "--lab", lab), 0o600); err != nil {
		t.Fatal(err)
	}
	return start(t, "--config", config, "--store", filepath.Join(t.TempDir(), "store.redb"))
}

func start(t *testing.T, flags ...string) string {
	t.Helper()
	address := filepath.Join(t.TempDir(), "address")
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	flags = append([]string{"serve", "--listen", "127.0.0.1:0", "--address-file", address}, flags...)
	server := exec.Command(program(t), flags...)
	server.Env = append(os.Environ(), "MORTAR_ADMIN_KEY="+adminKey, "MORTAR_USER_KEY="+userKey)
	server.Stderr = log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Kill()
		_ = server.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("the server's log:\n%s", text)
		}
	})
	for began := time.Now(); time.Since(began) < 30*time.Second; time.Sleep(20 * time.Millisecond) {
		if text, err := os.ReadFile(address); err == nil {
			return "http://" + strings.TrimSpace(string(text))
		}
	}
	t.Fatal("the server does not listen within 30 seconds")
	return ""
}
