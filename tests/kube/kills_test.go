package kube

import (
	"fmt"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// How many claims are made while Mortar is killed, one after the other.
const kills = 12

// `kill -9` of the CSI controller alone, and of the server with it, at moments around the making of a claim's volume: the claim is bound all
// the same, and there is exactly one volume for it. Simulated nodes live in the server's process and are kept when it is stopped: after a
// kill they know nothing of what was done since, which is worse than what real nodes do to it.
func TestKilledWhileAVolumeIsMade(t *testing.T) {
	installed(t)
	controlled(t)
	node(t)
	m := newMortar(t)
	startSidecars(t, m.socket)
	unbound := 0
	for number := range kills {
		name := fmt.Sprintf("killed%d", number)
		m.keepNodes(t)
		claim(t, name, "mortar-disperse", "1Gi", "")
		// Another moment each time: before the call, within it, after its answer.
		time.Sleep(time.Duration(number) * 3 * time.Millisecond)
		m.controller.kill()
		if number%2 == 0 {
			m.server.kill()
		}
		if claimNow(t, name).Status.Phase != corev1.ClaimBound {
			unbound++
		}
		if number%2 == 0 {
			m.startServer(t)
		}
		m.startController(t)
		handle := bound(t, name).Spec.CSI.VolumeHandle
		if volumes := m.volumes(t); len(volumes) != number+1 {
			t.Fatalf("%d claims have %d volumes: %+v", number+1, len(volumes), volumes)
		}
		m.volume(t, handle)
	}
	t.Logf("%d of %d claims were not bound yet when Mortar was killed", unbound, kills)
	if unbound == 0 {
		t.Error("each kill came too late")
	}
	for number := range kills {
		remove(t, fmt.Sprintf("killed%d", number))
	}
	nothingIsLeft(t, m)
}

// keepNodes stops the server and starts it again.
func (m *mortar) keepNodes(t *testing.T) {
	t.Helper()
	if err := m.server.stop(); err != nil {
		t.Fatal(err)
	}
	m.startServer(t)
}
