// Package clients drives Mortar with the libraries that Heketi's users have: its Go client, which the provisioner inside
// Kubernetes was built with, and its Python client.
package clients

import (
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
	program := os.Getenv("MORTAR")
	if program == "" {
		t.Fatal("MORTAR names no program: run make test-heketi")
	}
	address := filepath.Join(t.TempDir(), "address")
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	flags = append([]string{"serve", "--executor", "sim", "--listen", "127.0.0.1:0", "--address-file", address}, flags...)
	server := exec.Command(program, flags...)
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
