package databases

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "write the databases into the repository")

const kept = "../../../crates/heketi/tests/databases"

// What the repository keeps is what is built here.
func TestKeptDatabasesAreFresh(t *testing.T) {
	folder := t.TempDir()
	if *update {
		folder = kept
	}
	for _, database := range All() {
		if err := database.WriteBoth(folder); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{database.Name + ".db", database.Name + ".json"} {
			made, err := os.ReadFile(filepath.Join(folder, name))
			if err != nil {
				t.Fatal(err)
			}
			old, err := os.ReadFile(filepath.Join(kept, name))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(made, old) {
				t.Errorf("%s is not what is built: go test ./databases -update", name)
			}
		}
	}
}
