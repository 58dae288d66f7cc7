package clients

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// The Python client from its package, in an environment of its own.
func TestPythonClient(t *testing.T) {
	url := serve(t)
	environment := filepath.Join(t.TempDir(), "environment")
	for _, words := range [][]string{
		{"python3", "-m", "venv", environment},
		{filepath.Join(environment, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"},
	} {
		if output, err := exec.Command(words[0], words[1:]...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", words, err, output)
		}
	}
	script := exec.Command(filepath.Join(environment, "bin", "python"), "drive.py", url, adminKey)
	script.Env = os.Environ()
	if output, err := script.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
}
