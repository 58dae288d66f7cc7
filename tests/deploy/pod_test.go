package deploy

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// How long the script of a pod may take for anything.
const podLimit = 30 * time.Second

// Programs in place of GlusterFS's and LVM's. The brick takes a moment to answer its clients before it ends.
var standIns = map[string]string{
	"vgchange": "exit 0",
	"mount":    "exit 0",
	"glusterd": `(trap 'echo "glusterd has ended" >>"$STORY"; exit 0' TERM
	while :; do sleep 1 & wait $!; done) </dev/null >/dev/null 2>&1 &
glusterfsd </dev/null >/dev/null 2>&1 &`,
	"glusterfsd": `trap 'sleep 1; echo "the brick has answered" >>"$STORY"; exit 0' TERM
echo "the brick runs" >>"$STORY"
while :; do sleep 1 & wait $!; done`,
}

// The first process of the container: it runs the script, asks it to end when it is told to, and goes when the script has ended.
// The kernel then kills what is left.
const first = `gluster-pod & script=$!
read -r word
kill -TERM $script
wait $script
echo "the script has ended: $?" >>"$STORY"`

// A pod that ends lets its bricks answer their clients first. In a process namespace of its own, as in a container, so that the
// script's pkill meets nobody else.
func TestPodEndsAfterItsBricks(t *testing.T) {
	folder := t.TempDir()
	for name, script := range standIns {
		if err := os.WriteFile(filepath.Join(folder, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script, err := os.ReadFile(root + "/deploy/images/glusterfs/gluster-pod")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "gluster-pod"), script, 0o755); err != nil {
		t.Fatal(err)
	}
	story := filepath.Join(folder, "story")
	tell := func() string {
		text, _ := os.ReadFile(story)
		return string(text)
	}

	command := exec.Command("unshare", "--user", "--map-root-user", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", first)
	command.Env = []string{"PATH=" + folder + ":/usr/sbin:/usr/bin:/sbin:/bin", "STORY=" + story, "MORTAR_FSTAB=" + filepath.Join(folder, "fstab")}
	command.Stderr = os.Stderr
	word, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- command.Wait() }()
	limit := time.After(podLimit)
	for !strings.Contains(tell(), "the brick runs") {
		select {
		case <-limit:
			_ = command.Process.Kill()
			t.Fatalf("the brick was not started:\n%s", tell())
		case err := <-ended:
			t.Fatalf("it ended by itself (%v):\n%s", err, tell())
		case <-time.After(20 * time.Millisecond):
		}
	}
	if _, err := io.WriteString(word, "end\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case <-limit:
		_ = command.Process.Kill()
		t.Fatalf("it did not end:\n%s", tell())
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	}
	told := tell()
	last := "the script has ended: 0\n"
	for _, wanted := range []string{"glusterd has ended\n", "the brick has answered\n"} {
		if !strings.Contains(told, wanted) || !strings.HasSuffix(told, last) {
			t.Errorf("it did not end after %q:\n%s", wanted, told)
		}
	}
}
