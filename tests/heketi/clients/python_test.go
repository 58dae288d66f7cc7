package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestPythonClient(t *testing.T) {
	python(t, serve(t), simulated("/disks/disk1"), "files", "blocks")
}

// Python drives a server with the Python client from its package, in an environment of its own: these parts of drive.py.
func python(t *testing.T, url string, members []member, parts ...string) {
	t.Helper()
	environment := filepath.Join(t.TempDir(), "environment")
	for _, words := range [][]string{
		{"python3", "-m", "venv", environment},
		{filepath.Join(environment, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"},
	} {
		if output, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", words, err, output)
		}
	}
	nodes, err := json.Marshal(members)
	must(t, err)
	words := append([]string{"drive.py", url, adminKey, string(nodes)}, parts...)
	script := exec.Command(filepath.Join(environment, "bin", "python"), words...)
	script.Env = os.Environ()
	if output, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}
