// Package databases builds databases as Heketi's versions wrote them: Bolt files whose values are gob, and the JSON that Heketi
// would export of each. The files in crates/heketi/tests/databases are these; `go test ./databases -update` writes them anew.
package databases

import (
	"bytes"
	"crypto/md5"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"

	bolt "go.etcd.io/bbolt"
)

// Database is one file to be.
type Database struct {
	Name     string
	PageSize int
	// Buckets, each with its entries by key. One that is nil is not made: the version did not have it.
	Clusters, Volumes, Bricks, Nodes, Devices, BlockVolumes, Attributes, Operations map[string]any
	// Keys beside the entries, by bucket: not gob.
	Registry map[string]map[string]string
}

// Buckets in the order in which Heketi makes them.
func (d Database) buckets() []struct {
	name    string
	entries map[string]any
} {
	return []struct {
		name    string
		entries map[string]any
	}{
		{"CLUSTER", d.Clusters},
		{"NODE", d.Nodes},
		{"VOLUME", d.Volumes},
		{"DEVICE", d.Devices},
		{"BRICK", d.Bricks},
		{"BLOCKVOLUME", d.BlockVolumes},
		{"DBATTRIBUTE", d.Attributes},
		{"PENDING_OPERATIONS", d.Operations},
	}
}

// Write makes the Bolt file: each entry is a stream of its own, as Heketi's encoder makes it.
func (d Database) Write(path string) error {
	db, err := bolt.Open(path, 0o600, &bolt.Options{PageSize: d.PageSize, InitialMmapSize: 1 << 20})
	if err != nil {
		return err
	}
	db.AllocSize = d.PageSize
	for _, bucket := range d.buckets() {
		if bucket.entries == nil {
			continue
		}
		if err := db.Update(func(tx *bolt.Tx) error { return d.fill(tx, bucket.name, bucket.entries) }); err != nil {
			return err
		}
	}
	return db.Close()
}

func (d Database) fill(tx *bolt.Tx, name string, entries map[string]any) error {
	bucket, err := tx.CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return err
	}
	for _, key := range sorted(entries) {
		var buffer bytes.Buffer
		if err := gob.NewEncoder(&buffer).Encode(entries[key]); err != nil {
			return fmt.Errorf("%s %s: %w", name, key, err)
		}
		if err := bucket.Put([]byte(key), buffer.Bytes()); err != nil {
			return err
		}
	}
	registry := d.Registry[name]
	for _, key := range sorted(registry) {
		if err := bucket.Put([]byte(key), []byte(registry[key])); err != nil {
			return err
		}
	}
	return nil
}

// Export is what `heketi db export` writes.
func (d Database) Export() ([]byte, error) {
	text, err := json.MarshalIndent(struct {
		Clusters     map[string]any `json:"clusterentries"`
		Volumes      map[string]any `json:"volumeentries"`
		Bricks       map[string]any `json:"brickentries"`
		Nodes        map[string]any `json:"nodeentries"`
		Devices      map[string]any `json:"deviceentries"`
		BlockVolumes map[string]any `json:"blockvolumeentries"`
		Attributes   map[string]any `json:"dbattributeentries"`
		Operations   map[string]any `json:"pendingoperations"`
	}{
		some(d.Clusters), some(d.Volumes), some(d.Bricks), some(d.Nodes), some(d.Devices), some(d.BlockVolumes),
		some(d.Attributes), some(d.Operations),
	}, "", "    ")
	return append(text, '\n'), err
}

func some(entries map[string]any) map[string]any {
	if entries == nil {
		return map[string]any{}
	}
	return entries
}

// WriteBoth writes the Bolt file and the export into a folder.
func (d Database) WriteBoth(folder string) error {
	file := filepath.Join(folder, d.Name+".db")
	if err := os.RemoveAll(file); err != nil {
		return err
	}
	if err := d.Write(file); err != nil {
		return err
	}
	export, err := d.Export()
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, d.Name+".json"), export, 0o644)
}

func sorted[T any](entries map[string]T) []string {
	keys := make([]string, 0, len(entries))
	for key := range entries {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// ID is an id as Heketi makes them, always the same for one name.
func ID(name string) string {
	return fmt.Sprintf("%x", md5.Sum([]byte(name)))
}
